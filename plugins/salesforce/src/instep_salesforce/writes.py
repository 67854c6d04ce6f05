"""Writes records: prepares them, chooses the cheapest way, and gives every record an outcome of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from instep.contract import (
    ConvertedTo,
    Create,
    Delete,
    Gone,
    Item,
    MergedInto,
    Missing,
    Moved,
    Outcome,
    Rejected,
    Update,
    Write,
    Written,
)
from instep.errors import AccessError, PluginError, RemoteError
from instep.model.values import Scalar
from instep_salesforce.batches import Batch, Batches, Outcomes, Row, in_parts, rounds
from instep_salesforce.bulk import BulkJobs, costs_less, fits
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import STAMP, by_id
from instep_salesforce.refusals import rejected
from instep_salesforce.schema import RECORD_TYPE, RECORD_TYPE_ID, Described, Schema
from instep_salesforce.settings import SalesforceSettings
from instep_salesforce.values import is_id
from instep_salesforce.wire import Problem, wanted

ReadItems = Callable[[str, Sequence[str], Sequence[str]], list[Item]]
_OWN_CHOICE: Final = {"Sforce-Auto-Assign": "FALSE"}
_ORGS_CHOICE: Final = {"Sforce-Auto-Assign": "TRUE"}
_IN_SPITE_OF_WARNINGS: Final = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}


class Writer:
    """Writes the records of one org.

    Creates are upserts by our unique field. What was written is read back, since triggers and flows may have changed
    it, in one call for up to 2,000 records. Stages and statuses are checked first: Salesforce accepts any text.
    """

    def __init__(
        self, client: SalesforceClient, settings: SalesforceSettings, schema: Schema, read: ReadItems
    ) -> None:
        self._client = client
        self._settings = settings
        self._schema = schema
        self._read = read
        self._batches = Batches(client)
        self._jobs = BulkJobs(client)

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Write records of one kind, and say for each what became of it."""
        kinds = {type(write) for write in writes}
        if len(kinds) > 1:
            raise PluginError(f"Salesforce ({object}): writes of one call must be of one kind.")
        outcomes = self._written(object, kinds.pop(), writes, fields) if writes else {}
        return [outcomes[place] for place in range(len(writes))]

    def _written(
        self, object: str, kind: type[Write], writes: Sequence[Write], fields: Sequence[str]
    ) -> Mapping[int, Outcome]:
        if kind is Create:
            outcomes = self._created(object, [w for w in writes if isinstance(w, Create)])
        elif kind is Update:
            outcomes = self._updated(object, [w for w in writes if isinstance(w, Update)])
        elif kind is Delete:
            return self._deleted(object, [w.id for w in writes if isinstance(w, Delete)])
        else:
            return self._erased(object, [write.id for write in writes if not isinstance(write, Create)])
        sent = {place: w.fields for place, w in enumerate(writes) if isinstance(w, Create | Update)}
        return self._read_back(object, outcomes, sent, fields)

    # --- create ------------------------------------------------------------------------------------------------

    def _created(self, object: str, creates: Sequence[Create]) -> dict[int, Outcome]:
        """Upsert by the unique key. Blanks are left out: a record that is found again must not be cleared."""
        described = self._described(object, creates)
        key_field = creates[0].key_field
        rows: list[Row] = []
        outcomes: Outcomes = {}
        for place, create in enumerate(creates):
            given = {n: v for n, v in create.fields.items() if v is not None and n != create.key_field}
            outcomes |= _prepared(described, Row(place, create.key, given), rows)
        for ours in (True, False):
            part = [row for row in rows if self._assigns_itself(row) is ours]
            batch = self._batch(described, "upsert", part, key_field, _OWN_CHOICE if ours else _ORGS_CHOICE)
            outcomes |= self._sent(batch, part, outcomes)
        outcomes |= self._raced(described, key_field, rows, outcomes)
        return {place: rejected(o) if isinstance(o, Problem) else o for place, o in outcomes.items()}

    def _assigns_itself(self, row: Row) -> bool:
        """Whether the org's assignment rules must stay out of it: always, but for ownerless creates if so set.

        developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_autoassign.htm
        """
        return not self._settings.assignment_rules or "OwnerId" in row.values

    def _raced(self, described: Described, key_field: str, rows: Sequence[Row], outcomes: Outcomes) -> Outcomes:
        """Where somebody created the same key at the same moment, the same upsert finds that record now."""
        lost = [row for row in rows if _is_taken(outcomes[row.place], key_field)]
        batch = self._batch(described, "upsert", lost, key_field, _OWN_CHOICE)
        return in_parts([lost], lambda part: self._batches.send(batch, part), outcomes)

    # --- update ------------------------------------------------------------------------------------------------

    def _updated(self, object: str, updates: Sequence[Update]) -> dict[int, Outcome]:
        """Update by id. A record that is not there any more is looked up: deleted, merged or converted."""
        described = self._described(object, updates)
        rows: list[Row] = []
        outcomes: Outcomes = {}
        for place, update in enumerate(updates):
            if is_id(update.id):
                outcomes |= _prepared(described, Row(place, update.id, update.fields), rows)
            else:
                outcomes[place] = Missing()
        outcomes |= self._sent(self._batch(described, "update", rows, None, _OWN_CHOICE), rows, outcomes)
        ids = {place: updates[place].id for place in outcomes}
        return self._looked_up(object, ids, outcomes)

    def _looked_up(self, object: str, ids: Mapping[int, str], outcomes: Outcomes) -> dict[int, Outcome]:
        settled: dict[int, Outcome] = {p: o for p, o in outcomes.items() if not isinstance(o, Problem)}
        odd = {place: o for place, o in outcomes.items() if isinstance(o, Problem)}
        try:
            items = self._read(object, [ids[place] for place in odd], ()) if odd else []
        except (RemoteError, AccessError):  # what became of the others must be told all the same
            return settled | {place: replace(rejected(problem), permanent=False) for place, problem in odd.items()}
        for (place, problem), item in zip(odd.items(), items, strict=True):
            settled[place] = _where(object, item, problem)
        return settled

    # --- how ---------------------------------------------------------------------------------------------------

    def _described(self, object: str, writes: Sequence[Create] | Sequence[Update]) -> Described:
        """The object, described anew where something is to be written that it did not have when it was described."""
        known = self._schema.known(object)
        if known is None or any(_objection(known, n, v) for write in writes for n, v in write.fields.items()):
            return self._schema.read(object)
        return known

    def _batch(
        self, described: Described, verb: str, rows: Sequence[Row], key_field: str | None, headers: Mapping[str, str]
    ) -> Batch:
        types = described.types(dict.fromkeys(name for row in rows for name in row.values))
        more = _IN_SPITE_OF_WARNINGS if self._settings.allow_duplicates and verb == "upsert" else {}
        return Batch(described.name, verb, types, key_field, {**headers, **more})

    def _sent(self, batch: Batch, rows: Sequence[Row], already: Outcomes) -> Outcomes:
        turns = list(rounds(rows, by_key=batch.key_field is not None))
        return in_parts(turns, lambda turn: self._by_the_cheapest_way(batch, turn), already)

    def _by_the_cheapest_way(self, batch: Batch, rows: Sequence[Row]) -> Outcomes:
        """As one job where that costs fewer calls, else 200 at a time. Jobs know no assignment or duplicate rules."""
        outcomes: Outcomes = {}
        left = list(rows)
        by_job = [row for row in rows if fits(row)]
        if self._settings.bulk and batch.headers == _OWN_CHOICE and costs_less(len(by_job)):
            outcomes, _ = self._jobs.run(batch, by_job)
            left = [row for row in rows if row.place not in outcomes]
        return outcomes | in_parts([left], lambda part: self._batches.send(batch, part), outcomes)

    def _read_back(
        self,
        object: str,
        outcomes: Mapping[int, Outcome],
        sent: Mapping[int, Mapping[str, Scalar]],
        fields: Sequence[str],
    ) -> dict[int, Outcome]:
        """What the system now holds of what was written: the answer of a write does not say."""
        done = {place: o for place, o in outcomes.items() if isinstance(o, Written)}
        names = list(dict.fromkeys((*fields, *(name for place in done for name in sent[place]))))
        try:
            found = by_id(self._client, self._schema, object, [o.id for o in done.values()], (*names, STAMP))
        except (RemoteError, AccessError):
            return dict(outcomes)  # what was written is written; the next read tells how it looks
        filled: dict[int, Outcome] = dict(outcomes)
        for place, outcome in done.items():
            record = found.records.get(outcome.id)
            if isinstance(record, dict):
                held = wanted(record, (name for name in names if name in found.types))
                filled[place] = Written(outcome.id, held, record[STAMP], created=outcome.created)
        return filled

    # --- delete ------------------------------------------------------------------------------------------------

    def _deleted(self, object: str, ids: Sequence[str]) -> dict[int, Outcome]:
        """Put records into the recycle bin, from where people can restore them for fifteen days."""
        rows = [Row(place, id, {}) for place, id in enumerate(dict.fromkeys(ids)) if is_id(id)]
        outcomes = self._batches.send(Batch(object, "delete"), rows)
        told = {row.id: _deletion(outcomes[row.place]) for row in rows}
        return {place: told.get(id, Missing()) for place, id in enumerate(ids)}

    def _erased(self, object: str, ids: Sequence[str]) -> dict[int, Outcome]:
        """Delete for good, past the bin, by a bulk job: no other call of REST can.

        developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/create_job.htm
        """
        rows = [Row(place, id, {}) for place, id in enumerate(dict.fromkeys(ids)) if is_id(id)]
        outcomes, untouched = self._jobs.run(Batch(object, "hardDelete"), rows)
        refusal = Rejected(
            "unsupported",
            "Salesforce erases records only for users with the permission Bulk API Hard Delete. Nothing was deleted.",
        )
        told = {row.id: _deletion(outcomes[row.place]) for row in rows if row.place in outcomes}
        told |= {row.id: refusal for row in untouched}
        return {place: told.get(id, Missing()) for place, id in enumerate(ids)}


def _objection(described: Described, name: str, value: Scalar) -> str | None:
    """Why a value cannot be written: there is no such field, or the org has no such stage, status or record type."""
    if described.type_of(name) is None:
        return "unknown_field"
    return "unknown_value" if value and not described.has_value(name, str(value)) else None


def _prepared(described: Described, row: Row, rows: list[Row]) -> Outcomes:
    """Put a row among those to send; or say at once why it cannot be written."""
    for name, value in row.values.items():
        match _objection(described, name, value):
            case "unknown_field":
                reason = f'Salesforce shows this login no field "{name}" of {described.name}.'
                return {row.place: Rejected("unknown_field", reason, name)}
            case "unknown_value":
                reason = f'Salesforce has no active value "{value}" for {described.name}.{name}.'
                return {row.place: Rejected("unknown_value", f"{reason} Add it, or correct the mapping.", name)}
    values = dict(row.values)
    if RECORD_TYPE in values:
        named = values.pop(RECORD_TYPE)
        values[RECORD_TYPE_ID] = described.record_type_id(str(named)) if named else None
    rows.append(Row(row.place, row.id, values))
    return {}


def _is_taken(outcome: Outcome | Problem, key_field: str) -> bool:
    return isinstance(outcome, Rejected) and outcome.code == "duplicate" and key_field in outcome.reason


def _deletion(outcome: Outcome | Problem) -> Outcome:
    """A record that is not there needs no deleting."""
    return Missing() if isinstance(outcome, Problem) else outcome


def _where(object: str, item: Item, problem: Problem) -> Outcome:
    """What became of a record that Salesforce would not update."""
    match item:
        case Gone():
            return Missing()
        case MergedInto(survivor=survivor):
            return Moved(object, survivor)
        case ConvertedTo(object=successor, successor=id):
            return Moved(successor, id)
    return rejected(problem)
