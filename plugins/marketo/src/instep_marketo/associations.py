"""Program statuses and static lists as fields of leads: `program:ID` and `list:ID`.

A program's field holds the name of the lead's status, and is blank where the lead is no member. A list's field says
whether the lead is on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from instep.contract import Missing, Outcome, Rejected, Unknown, Written
from instep.errors import RemoteError, UnknownOutcomeError
from instep.model.values import Scalar
from instep_marketo.answers import Call, RefusedError
from instep_marketo.client import MarketoClient
from instep_marketo.refusals import Result, outcome_of, refusal
from instep_marketo.settings import MarketoSettings

PROGRAM: Final = "program:"
LIST: Final = "list:"
_BATCH: Final = 300
_AT_OR_PAST: Final = "1037"


class Member(msgspec.Struct):
    """A lead in a program."""

    leadId: int  # noqa: N815
    statusName: str | None = None  # noqa: N815


class _OnList(msgspec.Struct):
    id: int
    status: str


class Members:
    """The memberships that the settings name.

    Marketo developer guide: Program members
    """

    def __init__(self, client: MarketoClient, settings: MarketoSettings) -> None:
        self._client = client
        self.programs = tuple(f"{PROGRAM}{id}" for id in settings.programs)
        self.lists = tuple(f"{LIST}{id}" for id in settings.lists)

    def names(self, fields: Iterable[str]) -> list[str]:
        """Those of some fields that are memberships."""
        return [name for name in dict.fromkeys(fields) if name in self.programs or name in self.lists]

    # --- reading -----------------------------------------------------------------------------------------------

    def read(self, ids: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Scalar]]:
        """What each lead holds: one call for each membership and 300 leads."""
        held: dict[str, dict[str, Scalar]] = {id: {} for id in ids}
        for name in names:
            blank: Scalar = None if name in self.programs else False
            for id in ids:
                held[id][name] = blank
            for start in range(0, len(ids), _BATCH):
                for id, value in self._held(name, ids[start : start + _BATCH]):
                    if id in held:
                        held[id][name] = value
        return held

    def _held(self, name: str, ids: Sequence[str]) -> Iterator[tuple[str, Scalar]]:
        if name in self.programs:
            for member in members(self._client, name, "leadId", ",".join(ids)):
                yield str(member.leadId), member.statusName or None
            return
        path = f"/rest/v1/lists/{name.removeprefix(LIST)}/leads/ismember.json"
        call = Call("GET", path, "lists/ismember", {"id": ",".join(ids)})
        for found in _converted(self._client.fetch(call).result, _OnList, call.label):
            yield str(found.id), found.status == "memberof"

    # --- writing -----------------------------------------------------------------------------------------------

    def write(self, name: str, values: Mapping[str, Scalar]) -> dict[str, Outcome]:
        """Give leads a status, or put them on a list, or take them off; by their ids."""
        if name in self.lists:
            on = [id for id, value in values.items() if value is True]
            off = [id for id, value in values.items() if value is not True]
            return {**self._listed(name, on, "POST"), **self._listed(name, off, "DELETE")}
        outcomes: dict[str, Outcome] = {}
        by_status: dict[str, list[str]] = {}
        for id, value in values.items():
            if isinstance(value, str) and value:
                by_status.setdefault(value, []).append(id)
            else:
                outcomes[id] = _never_back(name)
        for status, ids in by_status.items():
            outcomes |= self._moved(name, status, ids)
        return outcomes

    def _moved(self, name: str, status: str, ids: Sequence[str]) -> dict[str, Outcome]:
        """Marketo skips a lead that is at the status already, or past it, with the same code: reading tells which."""
        path = f"/rest/v1/programs/{name.removeprefix(PROGRAM)}/members/status.json"
        body = {"statusName": status, "input": [{"leadId": int(id)} for id in ids]}
        call = Call("POST", path, "programs/members/status", body=body, writes=True)
        outcomes, results = self._sent(call, ids, name)
        stuck = [id for id, result in results.items() if result.code == _AT_OR_PAST]
        held = self.read(stuck, [name]) if stuck else {}
        for id in stuck:
            outcomes[id] = Written(id, {name: status}) if held[id][name] == status else _never_back(name)
        return outcomes

    def _listed(self, name: str, ids: Sequence[str], verb: Literal["POST", "DELETE"]) -> dict[str, Outcome]:
        """Add or remove. One that is there already, or not there, counts as done."""
        if not ids:
            return {}
        path = f"/rest/v1/lists/{name.removeprefix(LIST)}/leads.json"
        body = {"input": [{"id": int(id)} for id in ids]}
        label = "lists/add" if verb == "POST" else "lists/remove"
        call = Call(verb, path, label, body=body, writes=True)
        outcomes, results = self._sent(call, ids, name)
        for id, result in results.items():
            if result.code in ("1015", "1017"):
                outcomes[id] = Written(id, {})
        return outcomes

    def _sent(self, call: Call, ids: Sequence[str], name: str) -> tuple[dict[str, Outcome], dict[str, Result]]:
        try:
            answer = self._client.fetch(call)
        except UnknownOutcomeError as lost:
            return dict.fromkeys(ids, Unknown(str(lost))), {}
        except RefusedError as refused:
            return dict.fromkeys(ids, refusal(refused.problem, name)), {}
        results: dict[str, Result] = {}
        for place, result in enumerate(_converted(answer.result, Result, call.label)):
            at = place if result.seq is None else result.seq
            if 0 <= at < len(ids):
                results[ids[at]] = result
        lost_one = Unknown(f"Marketo ({call.label}): its answer does not mention this lead.")
        outcomes = {id: outcome_of(results[id], id, name) if id in results else lost_one for id in ids}
        return {id: Missing() if _is_gone(results.get(id)) else one for id, one in outcomes.items()}, results


def members(client: MarketoClient, name: str, filter: str, values: str) -> Iterator[Member]:
    """The members of a program that a filter finds."""
    query = {"filterType": filter, "filterValues": values, "fields": "leadId,statusName", "batchSize": str(_BATCH)}
    path = f"/rest/v1/programs/{name.removeprefix(PROGRAM)}/members.json"
    for page in client.pages(Call("GET", path, "programs/members", query)):
        yield from _converted(page.result, Member, "programs/members")


def _converted(result: list[Any], kind: Any, label: str) -> list[Any]:
    try:
        converted: list[Any] = msgspec.convert(result, list[kind])
    except msgspec.ValidationError:
        raise RemoteError(f"Marketo ({label}): answered with records that cannot be read. Run again later.") from None
    return converted


def _is_gone(result: Result | None) -> bool:
    return result is not None and result.code == "1004"


def _never_back(name: str) -> Rejected:
    reason = "Marketo never moves the status of a program's member back. Only a person can, in the program."
    return Rejected("forward_only", reason, name)
