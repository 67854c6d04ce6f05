"""Writes records in batches, and gives every record an outcome of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from instep.contract import (
    Create,
    Delete,
    Erase,
    Item,
    MergedInto,
    Moved,
    Outcome,
    Rejected,
    Seen,
    Unknown,
    Update,
    Write,
    Written,
)
from instep.errors import PluginError, UnknownOutcomeError
from instep.model.values import Scalar
from instep_hubspot.answers import Call, RefusedError
from instep_hubspot.client import HubSpotClient
from instep_hubspot.refusals import bad_value, is_about_the_key, outcome_of
from instep_hubspot.stages import LifecycleOrder
from instep_hubspot.values import as_text, typed
from instep_hubspot.valuesets import LIFECYCLE
from instep_hubspot.wire import BatchAnswer, ErrorBody, WireRecord, batch_answer

Outcomes = dict[int, Outcome]
ReadItems = Callable[[str, Sequence[str], Sequence[str]], list[Item]]


@dataclass(frozen=True, slots=True)
class _Input:
    """One record of a batch. `place` is where it stands in what core asked for; `id` is its id or unique key."""

    place: int
    id: str
    properties: Mapping[str, str]
    key_field: str | None = None

    def to_body(self) -> dict[str, object]:
        body: dict[str, object] = {
            "id": self.id,
            "properties": dict(self.properties),
            "objectWriteTraceId": str(self.place),
        }
        return {**body, "idProperty": self.key_field} if self.key_field else body


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch in the making: which object, which verb, and the fields that are wanted back."""

    object: str
    verb: str
    wanted: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"{self.object}/batch/{self.verb}"


class Writer:
    """Writes the records of one account.

    Every record carries a trace id, so that one that is refused does not take its neighbours along; where HubSpot
    refuses a batch as a whole all the same, it is halved until the culprit stands alone.
    developers.hubspot.com/docs/api-reference/latest/error-handling
    """

    def __init__(self, client: HubSpotClient, read: ReadItems, order: LifecycleOrder) -> None:
        self._client = client
        self._read = read
        self._order = order

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Write records of one kind, and say for each what became of it."""
        kinds = {type(write) for write in writes}
        if len(kinds) > 1:
            raise PluginError(f"HubSpot ({object}): writes of one call must be of one kind.")
        outcomes = self._written(object, kinds.pop(), writes, fields) if writes else {}
        return [outcomes[place] for place in range(len(writes))]

    def _written(self, object: str, kind: type[Write], writes: Sequence[Write], fields: Sequence[str]) -> Outcomes:
        if kind is Create:
            batch = _Batch(object, "upsert", tuple(fields))
            return self._in_rounds(batch, [_created(i, w) for i, w in enumerate(writes) if isinstance(w, Create)])
        if kind is Update:
            return self._updated(object, [w for w in writes if isinstance(w, Update)], fields)
        if kind is Delete:
            return self._deleted(object, [w.id for w in writes if isinstance(w, Delete)])
        return self._erased(object, [w.id for w in writes if isinstance(w, Erase)])

    # --- update ------------------------------------------------------------------------------------------------

    def _updated(self, object: str, updates: Sequence[Update], fields: Sequence[str]) -> Outcomes:
        """Update by id. A lifecycle stage that moves back is cleared first, in a request of its own, then set.

        A record whose id was merged away is written through its old id by HubSpot: the survivor then holds the
        values, and the outcome is `Moved`.
        """
        inputs = [
            _Input(place, update.id, {name: as_text(name, value) for name, value in update.fields.items()})
            for place, update in enumerate(updates)
        ]
        backward = [i for i in inputs if self._is_backward(object, updates[i.place])]
        outcomes = self._cleared(object, backward)
        rest = [input for input in inputs if input.place not in outcomes]
        outcomes |= self._in_rounds(_Batch(object, "update", tuple(fields)), rest)
        for input in rest:
            if LIFECYCLE in input.properties:
                outcomes[input.place] = self._verified(object, input, outcomes[input.place])
        return outcomes

    def _is_backward(self, object: str, update: Update) -> bool:
        before, after = update.expected.get(LIFECYCLE), update.fields.get(LIFECYCLE)
        return self._order.is_backward(object, str(before or ""), str(after or ""))

    def _cleared(self, object: str, inputs: Sequence[_Input]) -> Outcomes:
        """Clear lifecycle stages; gives the outcomes of those that could not be cleared, which end there.

        A batch is not worked off in order, so clearing and setting cannot share one.
        """
        blank = [_Input(input.place, input.id, {LIFECYCLE: ""}) for input in inputs]
        cleared = self._in_rounds(_Batch(object, "update", ()), blank)
        return {place: outcome for place, outcome in cleared.items() if not isinstance(outcome, Written)}

    def _verified(self, object: str, input: _Input, outcome: Outcome) -> Outcome:
        """HubSpot answers success to a lifecycle move that it ignores: only the value itself tells."""
        if not isinstance(outcome, Written):
            return outcome
        held: Mapping[str, Scalar] = outcome.fields
        if LIFECYCLE not in held:
            items = self._read(object, [outcome.id], [LIFECYCLE])
            held = items[0].fields if isinstance(items[0], Seen) else {}
        wanted = input.properties[LIFECYCLE]
        if LIFECYCLE not in held or (held[LIFECYCLE] or "") == wanted:
            return outcome
        reason = f'HubSpot accepted the lifecycle stage "{wanted}" but kept "{held[LIFECYCLE] or ""}".'
        return Rejected("not_taken", reason, LIFECYCLE)

    # --- batches -----------------------------------------------------------------------------------------------

    def _in_rounds(self, batch: _Batch, inputs: Sequence[_Input]) -> Outcomes:
        """Send; a record that is written twice goes in two requests, since HubSpot refuses it twice in one."""
        outcomes: Outcomes = {}
        for round in _rounds(inputs):
            outcomes |= self._sent(batch, round)
        return outcomes

    def _sent(self, batch: _Batch, inputs: Sequence[_Input]) -> Outcomes:
        if not inputs:
            return {}
        path = self._client.path("objects", batch.object, "batch", batch.verb)
        body = {"inputs": [input.to_body() for input in inputs]}
        try:
            answer = self._client.fetch(Call("POST", path, batch.label, body=body, writes=True), batch_answer)
        except UnknownOutcomeError as lost:
            return {input.place: Unknown(str(lost)) for input in inputs}
        except RefusedError as refused:
            return self._refused(batch, inputs, refused)
        return self._settled(batch, inputs, answer.value)

    def _refused(self, batch: _Batch, inputs: Sequence[_Input], refused: RefusedError) -> Outcomes:
        """The whole batch was refused, nothing written: find out for which record's sake."""
        if len(inputs) == 1 or is_about_the_key(refused.body):
            return {input.place: outcome_of(refused.body, refused.status) for input in inputs}
        bad = bad_value(refused.body)
        if bad and bad.code in ("unknown_field", "read_only"):
            guilty = {input.place: bad for input in inputs if bad.field in input.properties}
            if guilty:
                innocent = [input for input in inputs if input.place not in guilty]
                return {**guilty, **self._sent(batch, innocent)}
        return self._halved(batch, inputs)

    def _halved(self, batch: _Batch, inputs: Sequence[_Input]) -> Outcomes:
        middle = len(inputs) // 2
        return {**self._sent(batch, inputs[:middle]), **self._sent(batch, inputs[middle:])}

    def _settled(self, batch: _Batch, inputs: Sequence[_Input], answer: BatchAnswer) -> Outcomes:
        """Match results and errors to inputs by trace id, id or key; their order says nothing."""
        outcomes = _matched(batch, inputs, answer.results)
        strays = [error for error in answer.errors if not _blame(error, inputs, outcomes)]
        left = [input for input in inputs if input.place not in outcomes]
        if not left:
            return outcomes
        if strays and len(left) == 1:
            return {**outcomes, left[0].place: outcome_of(strays[0])}
        if strays:
            return {**outcomes, **self._halved(batch, left)}
        return {**outcomes, **self._looked_up(batch, left)}

    def _looked_up(self, batch: _Batch, left: Sequence[_Input]) -> Outcomes:
        """Records that the answer does not mention: merged away, where it was an update; else unknown."""
        lost = Unknown(f"HubSpot ({batch.label}): its answer does not mention this record.")
        outcomes: Outcomes = {input.place: lost for input in left}
        if batch.verb != "update":
            return outcomes
        for input, item in zip(left, self._read(batch.object, [input.id for input in left], ()), strict=True):
            if isinstance(item, MergedInto):
                outcomes[input.place] = Moved(batch.object, item.survivor)
        return outcomes

    # --- delete ------------------------------------------------------------------------------------------------

    def _deleted(self, object: str, ids: Sequence[str]) -> Outcomes:
        """Archive. HubSpot says the same of a record that it never had.

        developers.hubspot.com/docs/guides/api/crm/objects/contacts
        """
        path = self._client.path("objects", object, "batch", "archive")
        body = {"inputs": [{"id": id} for id in dict.fromkeys(ids)]}
        call = Call("POST", path, f"{object}/batch/archive", body=body, writes=True)
        outcome = self._without_answer(call)
        return {place: outcome or Written(id, {}) for place, id in enumerate(ids)}

    def _erased(self, object: str, ids: Sequence[str]) -> Outcomes:
        """Delete for good, one request each. By id only: an unknown address would be barred for ever.

        developers.hubspot.com/docs/guides/api/crm/objects/contacts
        """
        if object != "contacts":
            refusal = Rejected("unsupported", "HubSpot erases contacts only; delete this record instead.")
            return dict.fromkeys(range(len(ids)), refusal)
        path = self._client.path("objects", object, "gdpr-delete")
        outcomes: Outcomes = {}
        for place, id in enumerate(ids):
            call = Call("POST", path, f"{object}/gdpr-delete", body={"objectId": id}, writes=True)
            outcomes[place] = self._without_answer(call) or Written(id, {})
        return outcomes

    def _without_answer(self, call: Call) -> Outcome | None:
        """Send a write that is answered with nothing; gives what went wrong, if anything."""
        try:
            self._client.send(call)
        except UnknownOutcomeError as lost:
            return Unknown(str(lost))
        except RefusedError as refused:
            return outcome_of(refused.body, refused.status)
        return None


def _created(place: int, create: Create) -> _Input:
    """An upsert by the unique key. Blanks are left out: a record that is found again must not be cleared."""
    fields = {name: as_text(name, value) for name, value in create.fields.items() if value is not None}
    return _Input(place, create.key, {**fields, create.key_field: create.key}, create.key_field)


def _rounds(inputs: Sequence[_Input]) -> Iterator[list[_Input]]:
    left = list(inputs)
    while left:
        firsts = {input.id.casefold(): input for input in reversed(left)}
        chosen = {input.place for input in firsts.values()}
        yield [input for input in left if input.place in chosen]
        left = [input for input in left if input.place not in chosen]


def _matched(batch: _Batch, inputs: Sequence[_Input], records: Sequence[WireRecord]) -> Outcomes:
    outcomes: Outcomes = {}
    by_place = {str(input.place): input for input in inputs}
    by_id = {_folded(input.id, input.key_field): input for input in inputs}
    key_field = inputs[0].key_field
    for record in records:
        id = record.properties.get(key_field) if key_field else record.id
        trace = record.objectWriteTraceId
        input = by_place.get(trace) if trace is not None else by_id.get(_folded(id or "", key_field))
        if input is None:
            continue
        if batch.verb == "update" and record.id != input.id:
            outcomes[input.place] = Moved(batch.object, record.id)
            continue
        names = (*batch.wanted, *(name for name in input.properties if name not in batch.wanted))
        fields = typed(record.properties, names)
        outcomes[input.place] = Written(record.id, fields, record.updatedAt, created=bool(record.new))
    return outcomes


def _folded(id: str, key_field: str | None) -> str:
    """An id as it is; a unique value without regard to case, as HubSpot compares it."""
    return id.casefold() if key_field else id


def _blame(error: ErrorBody, inputs: Sequence[_Input], outcomes: Outcomes) -> bool:
    """Give an error to the inputs that it names; says whether it named any."""
    traces = set(error.named("objectWriteTraceId"))
    ids = {id.casefold() for id in (*error.named("ids"), *error.named("id"))}
    named = [i for i in inputs if str(i.place) in traces] if traces else []
    named = named or [i for i in inputs if i.id.casefold() in ids]
    for input in named:
        outcomes.setdefault(input.place, outcome_of(error))
    return bool(named)
