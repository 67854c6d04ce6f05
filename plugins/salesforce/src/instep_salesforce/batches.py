"""Sends many records in one call, up to 200, and gives every record an answer of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from instep.contract import Outcome, Rejected, Unknown, Written
from instep.errors import AccessError, RemoteError, UnknownOutcomeError
from instep.model.values import Scalar
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.refusals import field_of, is_about_the_record, is_locked, rejected
from instep_salesforce.values import to_json
from instep_salesforce.wire import Problem, Saved, saved

MOST: Final = 200
_LOCKED_SIZES: Final = (50, 10, 1)
"""How many records go together after a lock stood in the way, try by try."""

Outcomes = dict[int, Outcome | Problem]
"""What became of each row, by its place; a problem says that the record itself may not be there any more."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record to write. `place` is where it stands in what core asked for; `id` is its id or its unique key."""

    place: int
    id: str
    values: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Batch:
    """How rows are written: which object, which verb, by which unique field (else by id), and with which types."""

    object: str
    verb: str
    types: Mapping[str, str] = field(default_factory=dict)
    key_field: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.object}/{self.verb}"

    def body(self, row: Row) -> dict[str, Any]:
        values = {name: to_json(self.types.get(name, "string"), value) for name, value in row.values.items()}
        return {"attributes": {"type": self.object}, self.key_field or "id": row.id, **values}


def rounds(rows: Sequence[Row], *, by_key: bool) -> Iterator[list[Row]]:
    """Rows in turns, so that none has a record or a key twice: Salesforce would refuse both.

    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
    """
    turns: dict[str, int] = {}
    found: dict[int, list[Row]] = {}
    for row in rows:
        name = row.id.casefold() if by_key else row.id
        turn = turns[name] = turns.get(name, -1) + 1
        found.setdefault(turn, []).append(row)
    yield from found.values()


def in_parts(
    parts: Sequence[Sequence[Row]], send: Callable[[Sequence[Row]], Outcomes], already: Mapping[int, object] = {}
) -> Outcomes:
    """Send part by part. Once something was written, what happened is told, whatever happens to the rest."""
    outcomes: Outcomes = {}
    for number, part in enumerate(parts):
        try:
            outcomes |= send(part)
        except (RemoteError, AccessError) as error:
            if not (outcomes or already):
                raise
            left = Rejected("not_sent", f"Not sent, because a call before it failed: {error}", permanent=False)
            return outcomes | {row.place: left for rest in parts[number:] for row in rest}
    return outcomes


class Batches:
    """Writes rows through the resource for collections of records.

    A record that is refused does not take its neighbours along; where Salesforce refuses a call as a whole all the
    same, it is halved until the culprit stands alone. Rows that were locked are sent again, fewer at a time and
    sorted by what they belong to.
    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
    """

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    def send(self, batch: Batch, rows: Sequence[Row]) -> Outcomes:
        """Write rows, none of which has a record or key twice."""
        parts = [rows[start : start + MOST] for start in range(0, len(rows), MOST)]
        return in_parts(parts, lambda part: self._unlocked(batch, part))

    def _unlocked(self, batch: Batch, rows: Sequence[Row]) -> Outcomes:
        """Send; what was locked is sent again after a wait, a few times."""
        outcomes = self._sent(batch, rows)
        for attempt, size in enumerate(_LOCKED_SIZES):
            locked = sorted((row for row in rows if _is_locked(outcomes[row.place])), key=_belongs_to)
            if not locked:
                break
            self._client.effects.sleep(2**attempt + self._client.effects.random.random())
            parts = [locked[start : start + size] for start in range(0, len(locked), size)]
            outcomes |= in_parts(parts, lambda part: self._sent(batch, part), outcomes)
        return {p: rejected(o) if isinstance(o, Problem) and is_locked(o) else o for p, o in outcomes.items()}

    def _sent(self, batch: Batch, rows: Sequence[Row]) -> Outcomes:
        """One call. Problems that another try may solve are left as they are."""
        if not rows:
            return {}
        try:
            results = self._client.fetch(self._call(batch, rows), saved).value
        except UnknownOutcomeError as lost:
            return {row.place: Unknown(str(lost)) for row in rows}
        except RefusedError as refused:
            return self._refused(batch, rows, refused)
        if len(results) != len(rows):
            lost_one = Unknown(f"Salesforce ({batch.label}): its answer does not mention every record.")
            return {row.place: lost_one for row in rows}
        return {row.place: _outcome(row, result) for row, result in zip(rows, results, strict=True)}

    def _call(self, batch: Batch, rows: Sequence[Row]) -> Call:
        at = ("composite", "sobjects")
        if batch.verb == "delete":
            query = {"ids": ",".join(row.id for row in rows), "allOrNone": "false"}
            return Call("DELETE", self._client.path(*at), batch.label, query, writes=True)
        key = (batch.object, batch.key_field or "") if batch.verb == "upsert" else ()
        return Call(
            "POST" if batch.verb == "create" else "PATCH",
            self._client.path(*at, *key),
            batch.label,
            body={"allOrNone": False, "records": [batch.body(row) for row in rows]},
            headers=batch.headers,
            writes=True,
            repeatable=batch.verb != "create",
        )

    def _refused(self, batch: Batch, rows: Sequence[Row], refused: RefusedError) -> Outcomes:
        """The whole call was refused, nothing written: find out for which record's sake."""
        problem = refused.errors[0] if refused.errors else Problem(message=str(refused))
        if len(rows) == 1:
            return {rows[0].place: problem if is_about_the_record(problem) else rejected(problem)}
        name = field_of(problem)
        guilty = [row for row in rows if name in row.values] if problem.code == "INVALID_FIELD" else []
        if guilty:
            innocent = [row for row in rows if name not in row.values]
            return {**{row.place: rejected(problem) for row in guilty}, **self._sent(batch, innocent)}
        middle = len(rows) // 2
        return self._sent(batch, rows[:middle]) | self._sent(batch, rows[middle:])


def _outcome(row: Row, result: Saved) -> Outcome | Problem:
    if result.success:
        return Written(result.id or row.id, {}, created=result.created)
    problem = result.errors[0] if result.errors else Problem()
    return problem if is_locked(problem) or is_about_the_record(problem) else rejected(problem)


def _is_locked(outcome: Outcome | Problem) -> bool:
    return isinstance(outcome, Problem) and is_locked(outcome)


def _belongs_to(row: Row) -> tuple[str, str]:
    """Rows of one parent side by side: a lock on the parent then stands in the way of one call only."""
    return str(row.values.get("AccountId") or ""), row.id
