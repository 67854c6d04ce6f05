"""Working the rows of an ingest job."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator

from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.deleting import delete, erase
from instep_salesforce.sandbox.errors import RefusedError, refused
from instep_salesforce.sandbox.ids import normalise
from instep_salesforce.sandbox.jobs import DELIMITERS, LINE_ENDINGS, Job, Outcome
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Row
from instep_salesforce.sandbox.soql.binding import find_field
from instep_salesforce.sandbox.writing import create, find, update, upsert

CLEARED = "#N/A"
MAX_CELL = 131_072
MAX_FIELDS, MAX_ROW = 5_000, 400_000
_YES, _NO = {"true", "1"}, {"false", "0"}


class BadFileError(Exception):
    """The file as a whole cannot be worked."""


class Ingesting:
    """Reads the file of a job and writes its rows."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._rows = 0

    def work(self, job: Job) -> None:
        """Work the share of rows that is due now."""
        now = self._org.now()
        try:
            if not job.header:
                self._open(job)
        except BadFileError as error:
            job.fail(str(error), now)
            return
        keys = self._repeated(job)
        share = -(-len(job.waiting) // (job.looks_left + 1))
        rows, job.waiting = job.waiting[:share], job.waiting[share:]
        kind = self._org.kinds[job.object]
        columns = [self._column(job, kind, name) for name in job.header]
        caller = Caller(user=job.user, version=job.version, auto_assign=job.rule or False)
        for row in rows:
            job.outcomes.append(self._one(job, kind, columns, row, caller, keys))

    # --- the file ----------------------------------------------------------------------------------------------

    def _open(self, job: Job) -> None:
        rows = list(_read(job))
        if not rows:
            raise BadFileError("InvalidBatch : Records not found")
        job.header, job.waiting = rows[0], rows[1:]
        kind = self._org.kinds[job.object]
        for name in job.header:
            if self._column(job, kind, name) is None:
                raise BadFileError(f"InvalidBatch : Field name not found : {name}")
        if not job.waiting:
            raise BadFileError("InvalidBatch : Records not found")
        self._require_key(job)

    def _require_key(self, job: Job) -> None:
        names = [name.lower() for name in job.header]
        key = "Id" if job.operation in {"update", "delete", "hardDelete"} else job.key_field
        if key is not None and key.lower() not in names:
            raise BadFileError(f"InvalidBatch : Field name not found : {key}")

    def _column(self, job: Job, kind: ObjectType, name: str) -> tuple[str, Field] | None:
        """What a column of the header stands for: a field, or a parent by a key of its own."""
        path = name.partition(":")[2] or name
        first, _, key = path.partition(".")
        if key:
            item = kind.relation(first)
            is_known = item is not None and any(self._org.kinds[target].find(key) for target in item.refers_to)
            return (path, item) if item is not None and is_known else None
        found = find_field(self._org, job.user, kind, first)
        return None if found is None or found.type == "address" else (found.name, found)

    def _repeated(self, job: Job) -> set[str]:
        """External ids and ids that stand in more than one row."""
        key = job.key_field if job.operation == "upsert" else None if job.operation == "insert" else "Id"
        if key is None:
            return set()
        place = [name.lower() for name in job.header].index(key.lower())
        rows = [*(outcome.row for outcome in job.outcomes), *job.waiting]
        counted = Counter(row[place].strip().lower() for row in rows if place < len(row))
        return {value for value, count in counted.items() if count > 1 and value}

    # --- rows --------------------------------------------------------------------------------------------------

    def _one(
        self,
        job: Job,
        kind: ObjectType,
        columns: list[tuple[str, Field] | None],
        row: list[str],
        caller: Caller,
        repeated: set[str],
    ) -> Outcome:
        every = self._org.personality.partial_failure
        self._rows += 1
        try:
            if every is not None and self._rows % every == 0:
                raise refused("UNKNOWN_EXCEPTION", "An unexpected error occurred.")
            if len(row) != len(columns) or sum(map(len, row)) > MAX_ROW or len(row) > MAX_FIELDS:
                raise refused("INVALID_CSV", "The row does not fit the header")
            values = _values(columns, row)
            with self._org.transaction():
                id, created = self._write(job, kind, values, caller, repeated)
            return Outcome(row, id, created)
        except RefusedError as refusal:
            fields = ",".join(refusal.fields or ())
            place = next((p for p, column in enumerate(columns) if column and column[0] == "Id"), None)
            id = row[place] if place is not None and place < len(row) else ""
            return Outcome(row, id, error=f"{refusal.code}:{refusal.message}:{fields} --")

    def _write(
        self, job: Job, kind: ObjectType, values: dict[str, object], caller: Caller, repeated: set[str]
    ) -> tuple[str, bool]:
        if job.operation == "insert":
            return create(self._org, kind, values, caller), True
        if job.operation == "upsert":
            return self._upsert(job, kind, values, caller, repeated)
        id = str(values.pop("Id", "") or "")
        if id.lower() in repeated:
            raise refused("DUPLICATE_VALUE", f"Duplicate id specified: {id}", "Id")
        row = self._found(kind, id, with_deleted=job.operation == "hardDelete")
        if job.operation == "update":
            update(self._org, kind, row, values, caller)
        elif job.operation == "delete":
            delete(self._org, kind, row, caller)
        else:
            erase(self._org, kind, str(row["Id"]))
        return str(row["Id"]), False

    def _found(self, kind: ObjectType, id: str, *, with_deleted: bool) -> Row:
        row = self._org.tables[kind.name].rows.get(normalise(id) or "") if with_deleted else None
        if row is not None:
            return row
        try:
            return find(self._org, kind, id)
        except RefusedError as refusal:
            if refusal.code == "NOT_FOUND":
                raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id") from None
            raise

    def _upsert(
        self, job: Job, kind: ObjectType, values: dict[str, object], caller: Caller, repeated: set[str]
    ) -> tuple[str, bool]:
        item = kind.find(job.key_field or "")
        if item is None:
            raise refused("INVALID_FIELD", f"No such column '{job.key_field}' on sobject of type {kind.name}")
        key = str(values.pop(item.name, "") or "")
        if key.lower() in repeated:
            raise refused("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", item.name)
        if item.name == "Id":
            if not key:
                return create(self._org, kind, values, caller), True
            row = self._found(kind, key, with_deleted=False)
            update(self._org, kind, row, values, caller)
            return str(row["Id"]), False
        if not key:
            raise refused("MISSING_ARGUMENT", f"{item.name} not specified", item.name)
        return upsert(self._org, kind, item, key, values, caller)


def _read(job: Job) -> Iterator[list[str]]:
    try:
        text = (job.data or b"").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFileError("ClientInputError : The file is not encoded in UTF-8") from None
    _require_line_ending(text, job)
    csv.field_size_limit(max(csv.field_size_limit(), 100_000_000))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[job.delimiter], strict=True)
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise BadFileError(f"ClientInputError : {error}") from None


def _require_line_ending(text: str, job: Job) -> None:
    """Line breaks between rows must be those that the job has promised."""
    is_quoted, previous = False, ""
    for letter in text:
        if letter == '"':
            is_quoted = not is_quoted
        elif letter == "\n" and not is_quoted:
            if (previous == "\r") == (LINE_ENDINGS[job.line_ending] == "\n"):
                raise BadFileError(
                    "ClientInputError : LineEnding is invalid on user data. "
                    f"Current LineEnding setting is {job.line_ending}"
                )
            return
        previous = letter


def _values(columns: list[tuple[str, Field] | None], row: list[str]) -> dict[str, object]:
    """A row as the REST API would hear it: an empty cell says nothing, `#N/A` says null."""
    found: dict[str, object] = {}
    for column, cell in zip(columns, row, strict=True):
        if column is None or cell == "":
            continue
        name, item = column
        if len(cell) > MAX_CELL:
            raise refused("STRING_TOO_LONG", f"{item.label}: data value too large", item.name)
        value: object = None if cell == CLEARED else cell
        relation, _, key = name.partition(".")
        if key:
            found[relation] = None if value is None else {key: value}
        elif item.type == "boolean" and isinstance(value, str):
            lower = value.lower()
            found[name] = lower in _YES if lower in _YES | _NO else value
        else:
            found[name] = value
    return found
