"""Writes leads: creates by a key, updates by id, deletes; then their memberships and campaigns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from instep.contract import Create, Delete, Erase, Missing, Moved, Outcome, Rejected, Unknown, Update, Write, Written
from instep.errors import UnknownOutcomeError
from instep.model.values import Scalar
from instep_marketo.answers import Call, RefusedError
from instep_marketo.associations import Members
from instep_marketo.client import MarketoClient
from instep_marketo.refusals import Result, outcome_of, refusal
from instep_marketo.schema import plain
from instep_marketo.settings import MarketoSettings
from instep_marketo.walk import Merges

Outcomes = dict[int, Outcome]
_LEADS_OF_A_REQUEST: Final = 100
_NOT_THERE: Final = "1004"


@dataclass(frozen=True, slots=True)
class _Input:
    """A lead to send: its place among the writes, what it is found by, and its values."""

    place: int
    key: str
    values: Mapping[str, Any]


class Writer:
    """Sends writes of one kind, and puts their outcomes in order.

    Marketo developer guide: Leads
    """

    def __init__(self, client: MarketoClient, settings: MarketoSettings, members: Members, merges: Merges) -> None:
        self._client = client
        self._settings = settings
        self._members = members
        self._merges = merges

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome for each write, in order. All are of one kind."""
        if not writes:
            return []
        if isinstance(writes[0], Delete | Erase):
            return self._deleted([write.id for write in writes if isinstance(write, Delete | Erase)])
        outcomes = self._leads(writes)
        outcomes |= self._memberships(writes, outcomes)
        outcomes |= self._requested(writes, outcomes)
        outcomes |= self._moved(writes, outcomes)
        return [outcomes[place] for place in range(len(writes))]

    # --- leads -------------------------------------------------------------------------------------------------

    def _leads(self, writes: Sequence[Write]) -> Outcomes:
        """Creates by one key each, updates by id. Blanks of a create are left out: a lead that is found again keeps
        what it has. Two of one key go in two requests, since Marketo makes twins of them or refuses both."""
        outcomes: Outcomes = {}
        by_key: dict[str, list[_Input]] = {}
        for place, write in enumerate(writes):
            if isinstance(write, Create):
                values = {name: plain(v) for name, v in self._own(write.fields).items() if v is not None}
                input = _Input(place, write.key.casefold(), {**values, write.key_field: write.key})
                by_key.setdefault(write.key_field, []).append(input)
            elif isinstance(write, Update):
                values = {name: plain(value) for name, value in self._own(write.fields).items()}
                if not write.id.isdecimal():
                    outcomes[place] = Missing()
                elif values:
                    by_key.setdefault("", []).append(_Input(place, write.id, {**values, "id": int(write.id)}))
                else:
                    outcomes[place] = Written(write.id, {})
        for key_field, inputs in by_key.items():
            for round in _rounds(inputs):
                outcomes |= self._synced(key_field, round)
        return outcomes

    def _own(self, fields: Mapping[str, Scalar]) -> dict[str, Scalar]:
        memberships = set(self._members.names(fields))
        return {name: value for name, value in fields.items() if name not in memberships}

    def _synced(self, key_field: str, inputs: Sequence[_Input]) -> Outcomes:
        """Create or update. A create is never repeated blindly: two upserts of one key that meet make twins."""
        if not inputs:
            return {}
        body: dict[str, Any] = {"input": [input.values for input in inputs]}
        if key_field:
            body |= {"action": "createOrUpdate", "lookupField": key_field}
            body |= {"partitionName": self._settings.partition} if self._settings.partition else {}
        else:
            body |= {"action": "updateOnly", "lookupField": "id"}
        call = Call("POST", "/rest/v1/leads.json", "leads/sync", body=body, writes=True, repeatable=not key_field)
        try:
            results = self._results(call)
        except UnknownOutcomeError as lost:
            return {input.place: Unknown(str(lost)) for input in inputs}
        except RefusedError as refused:
            if len(inputs) == 1:
                return {inputs[0].place: refusal(refused.problem)}
            middle = len(inputs) // 2  # nothing was done: find out for which lead's sake
            return {**self._synced(key_field, inputs[:middle]), **self._synced(key_field, inputs[middle:])}
        if len(results) != len(inputs):
            lost_all = Unknown("Marketo (leads/sync): answered for another number of leads than were sent.")
            return {input.place: lost_all for input in inputs}
        return {input.place: outcome_of(result) for input, result in zip(inputs, results, strict=True)}

    def _results(self, call: Call) -> list[Result]:
        answer = self._client.fetch(call)
        try:
            return msgspec.convert(answer.result, list[Result])
        except msgspec.ValidationError:
            raise UnknownOutcomeError(f"Marketo ({call.label}): answered with results that cannot be read.") from None

    def _moved(self, writes: Sequence[Write], outcomes: Outcomes) -> Outcomes:
        """Leads that are not there may have been merged: all are looked for at once."""
        missing = {
            place: write.id
            for place, write in enumerate(writes)
            if isinstance(write, Update) and isinstance(outcomes[place], Missing)
        }
        found = self._merges.survivors(list(missing.values()))
        return {place: Moved("leads", found[id][0]) for place, id in missing.items() if id in found}

    # --- what hangs on a lead ----------------------------------------------------------------------------------

    def _memberships(self, writes: Sequence[Write], outcomes: Outcomes) -> Outcomes:
        """Program statuses and lists, of leads that were written. What is refused there refuses the write."""
        wanted: dict[str, dict[str, tuple[int, Scalar]]] = {}
        for place, write in enumerate(writes):
            written = outcomes[place]
            if isinstance(written, Written) and isinstance(write, Create | Update):
                for name in self._members.names(write.fields):
                    value = write.fields[name]
                    if value is not None or isinstance(write, Update):
                        wanted.setdefault(name, {})[written.id] = (place, value)
        changed: Outcomes = {}
        for name, leads in wanted.items():
            found = self._members.write(name, {id: value for id, (_, value) in leads.items()})
            for id, outcome in found.items():
                if not isinstance(outcome, Written):
                    changed.setdefault(leads[id][0], outcome)
        return changed

    def _requested(self, writes: Sequence[Write], outcomes: Outcomes) -> Outcomes:
        """Ask for the campaigns that the settings tie to fields, for every lead on which such a field was written.

        Marketo developer guide
        """
        changed: Outcomes = {}
        for field, campaign in self._settings.requests.items():
            leads: dict[str, int] = {}
            for place, write in enumerate(writes):
                written = outcomes[place]
                if isinstance(written, Written) and isinstance(write, Create | Update) and field in write.fields:
                    leads[written.id] = place
            ids = list(leads)
            for start in range(0, len(ids), _LEADS_OF_A_REQUEST):
                part = ids[start : start + _LEADS_OF_A_REQUEST]
                changed |= {leads[id]: failed for id, failed in self._request(campaign, part, field).items()}
        return changed

    def _request(self, campaign: int, ids: Sequence[str], field: str) -> dict[str, Outcome]:
        """What was refused, by lead. A lead that went meanwhile refuses all; half of them may do without it."""
        body = {"input": {"leads": [{"id": int(id)} for id in ids]}}
        path = f"/rest/v1/campaigns/{campaign}/trigger.json"
        try:
            self._client.fetch(Call("POST", path, "campaigns/trigger", body=body, writes=True, repeatable=False))
        except UnknownOutcomeError as lost:
            return dict.fromkeys(ids, Unknown(str(lost)))
        except RefusedError as refused:
            if refused.code == _NOT_THERE and len(ids) > 1:
                middle = len(ids) // 2
                halves = (ids[:middle], ids[middle:])
                return {id: failed for half in halves for id, failed in self._request(campaign, half, field).items()}
            if refused.code == _NOT_THERE:
                return dict.fromkeys(ids, Missing())
            reason = f"Marketo took the lead, but campaign {campaign} cannot be requested: {refused.problem.words}."
            return dict.fromkeys(ids, Rejected("request_refused", reason, field))
        return {}

    # --- delete ------------------------------------------------------------------------------------------------

    def _deleted(self, ids: Sequence[str]) -> list[Outcome]:
        """Delete for good: Marketo has no bin. One that a native CRM sync brought comes back with it."""
        wanted = [id for id in dict.fromkeys(ids) if id.isdecimal()]
        body = {"input": [{"id": int(id)} for id in wanted]}
        call = Call("POST", "/rest/v1/leads/delete.json", "leads/delete", body=body, writes=True)
        found: dict[str, Outcome] = {}
        if wanted:
            try:
                results = self._results(call)
                found = {id: outcome_of(result, id) for id, result in zip(wanted, results, strict=True)}
            except (UnknownOutcomeError, ValueError) as lost:
                found = dict.fromkeys(wanted, Unknown(str(lost)))
            except RefusedError as refused:
                found = dict.fromkeys(wanted, refusal(refused.problem))
        return [found.get(id, Missing()) for id in ids]


def _rounds(inputs: Sequence[_Input]) -> list[list[_Input]]:
    """Inputs in requests in which no key comes twice."""
    rounds: list[list[_Input]] = []
    for input in inputs:
        fitting = next((round for round in rounds if all(other.key != input.key for other in round)), None)
        if fitting is None:
            rounds.append([input])
        else:
            fitting.append(input)
    return rounds
