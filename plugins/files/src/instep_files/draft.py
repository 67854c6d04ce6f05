"""A file about to be replaced: writes are merged into what it holds now, cell by cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from instep.contract import Create, Delete, Erase, Missing, Outcome, Rejected, Relation, Update, Write, Written
from instep.model.values import Scalar, is_blank
from instep_files.shelf import Records
from instep_files.table import Row, ending_of
from instep_files.values import Cell, decode, encode


class _RefusedError(Exception):
    """One write that cannot be done; the others go on."""

    def __init__(self, outcome: Rejected | Missing) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass
class Draft:
    """The rows of a file, and what becomes of them. Nothing is written before `data` is."""

    records: Records
    deleted: set[str] = field(default_factory=set)
    created: set[str] = field(default_factory=set)
    is_changed: bool = False

    def __post_init__(self) -> None:
        self._table = self.records.table
        self._rows: list[Row | None] = list(self._table.form.rows())
        self._places: dict[str, int] = {}
        for place, row in enumerate(self._rows):
            if row is not None and not row.blank and (key := self._table.key_of(row)):
                self._places.setdefault(key, place)
        self._holders: dict[str, dict[str, str]] = {}
        self._old_rows = len(self._rows)

    def write(self, write: Write, fields: Sequence[str]) -> Outcome:
        """One write's outcome, if the file is replaced."""
        try:
            match write:
                case Create():
                    return self._create(write, fields)
                case Update():
                    return self._update(write, fields)
                case Delete() | Erase():
                    return self._delete(write.id)
        except _RefusedError as refused:
            return refused.outcome

    def relate(self, relation: Relation, keys: Collection[str]) -> Outcome:
        """Name the other row in this one."""
        if relation.to_id not in keys:
            return Missing()
        try:
            return self._point(relation)
        except _RefusedError as refused:
            return refused.outcome

    def unrelate(self, relation: Relation) -> Outcome:
        """Name the other row in this one no more."""
        try:
            return self._point_away(relation)
        except _RefusedError as refused:
            return refused.outcome

    def data(self) -> bytes:
        """The whole new file."""
        start, ending = self._table.form.start(), self._table.ending
        old = start + "".join(row.raw for row in self._rows[: self._old_rows] if row is not None)
        new = "".join(row.raw for row in self._rows[self._old_rows :] if row is not None)
        if new and old and not ending_of(old):
            new = ending + new.removesuffix(ending)  # a file without a last line break stays one
        return self._table.encoded(old + new)

    def settled(self, outcomes: Sequence[Outcome], now: Records) -> list[Outcome]:
        """The outcomes, dated as the rows are now."""
        rows = {now.table.key_of(row): row for row in now.table.rows()} if now.settings.modified else {}
        return [
            replace(outcome, modified_at=_dated(now, rows.get(outcome.id)))
            if isinstance(outcome, Written)
            else outcome
            for outcome in outcomes
        ]

    # --- rows --------------------------------------------------------------------------------------------------

    def _create(self, create: Create, fields: Sequence[str]) -> Outcome:
        known = self._holder(create.key_field, create.key)
        if known is not None:
            return Written(known, self._held(known, fields))
        id = self._free_key(create)
        values = {**create.fields, create.key_field: create.key, self.records.settings.key: id}
        model = self._model()
        cells = {name: self._cell(name, value, self._like(model, name)) for name, value in values.items()}
        raw = self._made(cells, model) + self._table.ending
        row = Row(0, raw, tuple(cells.get(name, "") for name in self._table.columns))
        self._places[id] = len(self._rows)
        self._rows.append(row)
        for column, holders in self._holders.items():
            holders.setdefault(str(row.cells[self._table.places[column]]), id)
        self.created.add(id)
        self.is_changed = True
        return Written(id, self._held(id, fields), created=True)

    def _free_key(self, create: Create) -> str:
        """The new row's key: the one that is given for it, else our own. Nobody else has it."""
        column = self.records.settings.key
        given = create.fields.get(column)
        id = create.key if create.key_field == column or is_blank(given) else str(given)
        if id in self._places:
            reason = f'{self._table.name} already has a row whose {column} is "{id}".'
            raise _RefusedError(Rejected("taken", reason, column, existing_id=id))
        return id

    def _update(self, update: Update, fields: Sequence[str]) -> Outcome:
        row = self._row(update.id)
        self._check_expected(row, update)
        cells: dict[str, Cell] = {}
        for name, value in update.fields.items():
            if not self._holds(row, name, value):
                self._check_writable(row, name)
                before = row.cells[self._table.places[name]]
                cells[name] = self._cell(name, value, before if isinstance(before, str) else "")
        if cells:
            self._change(update.id, row, cells)
        return Written(update.id, self._held(update.id, fields))

    def _delete(self, id: str) -> Outcome:
        if id not in self._places:
            return Missing()
        self._row(id)
        self._rows[self._places.pop(id)] = None
        self._holders.clear()
        self.deleted.add(id)
        self.is_changed = True
        return Written(id, {})

    def _change(self, id: str, row: Row, cells: Mapping[str, Cell]) -> None:
        try:
            raw = self._table.form.changed(row, cells)
        except ValueError as error:
            raise _RefusedError(_no_fit(next(iter(cells)), error)) from error
        after = tuple(cells.get(name, cell) for name, cell in zip(self._table.columns, row.cells, strict=True))
        self._rows[self._places[id]] = replace(row, raw=raw, cells=after)
        for name in cells:
            self._holders.pop(name, None)
        self.is_changed = True

    def _model(self) -> Row | None:
        """The row that a new one shall look like: the last."""
        return next((row for row in reversed(self._rows) if row is not None and row.cells), None)

    def _like(self, model: Row | None, column: str) -> str:
        cell = model.cells[self._place(column)] if model else ""
        return cell if isinstance(cell, str) else ""

    def _made(self, cells: Mapping[str, Cell], model: Row | None) -> str:
        try:
            return self._table.form.made(cells, model)
        except ValueError as error:
            raise _RefusedError(_no_fit(next(iter(cells)), error)) from error

    def _row(self, id: str) -> Row:
        place = self._places.get(id)
        row = self._rows[place] if place is not None else None
        if row is None:
            raise _RefusedError(Missing())
        if problem := self._table.problem_of(row, id):
            raise _RefusedError(Rejected("garbled", problem, permanent=False))
        return row

    def _holder(self, column: str, text: str) -> str | None:
        """The key of the row whose column holds a text."""
        place = self._place(column)
        if column not in self._holders:
            self._holders[column] = {}
            for key, at in self._places.items():
                row = self._rows[at]
                if row is not None and row.cells:
                    self._holders[column].setdefault(str(row.cells[place]), key)
        return self._holders[column].get(text)

    # --- cells -------------------------------------------------------------------------------------------------

    def _place(self, column: str) -> int:
        if column not in self._table.places:
            reason = f'{self._table.name} has no column "{column}". Add it, or correct the mapping.'
            raise _RefusedError(Rejected("no_column", reason, column))
        return self._table.places[column]

    def _cell(self, name: str, value: Scalar, like: str) -> Cell:
        self._place(name)
        try:
            cell = encode(value, self.records.type_of(name), like)
            self._table.encoded(cell if isinstance(cell, str) else "".join(cell))
        except UnicodeEncodeError as error:
            reason = f"holds a character that {self.records.settings.encoding} does not have"
            raise _RefusedError(_no_fit(name, ValueError(reason))) from error
        except ValueError as error:
            raise _RefusedError(_no_fit(name, error)) from error
        return cell

    def _holds(self, row: Row, name: str, value: Scalar) -> bool:
        """Whether a cell means a value already: then it stays as it is written."""
        self._place(name)
        try:
            held = self.records.value(row, name)
            value = decode(value, self.records.type_of(name)) if isinstance(value, str) else value
        except ValueError:
            return False
        return held == value or (is_blank(held) and is_blank(value))

    def _check_expected(self, row: Row, update: Update) -> None:
        """A row that is neither as the decision saw it nor as it shall be was changed by a colleague."""
        for name, expected in update.expected.items():
            if name not in self._table.places or self._holds(row, name, expected):
                continue
            if name in update.fields and self._holds(row, name, update.fields[name]):
                continue
            reason = f"Line {row.line} of {self._table.name} was changed since it was read: {name} is another now."
            raise _RefusedError(Rejected("changed", reason, name, permanent=False))

    def _check_writable(self, row: Row, name: str) -> None:
        if name == self.records.settings.key:
            reason = f"{name} names the row in {self._table.name}, so it is never changed."
            raise _RefusedError(Rejected("key", reason, name))
        if self.records.is_read_only(row, name):
            raise _RefusedError(_no_fit(name, ValueError("is nested, and nested values are only read")))

    def _held(self, id: str, fields: Sequence[str]) -> dict[str, Scalar]:
        row = self._rows[self._places[id]]
        try:
            return self.records.values(row, fields) if row is not None else {}
        except ValueError:
            return {}

    # --- references --------------------------------------------------------------------------------------------

    def _point(self, relation: Relation) -> Outcome:
        row = self._row(relation.id)
        columns = self._columns(relation)
        if any(relation.to_id in self.records.references(row, column) for column in columns):
            return Written(relation.id, {})
        column = columns[0]
        held = self.records.references(row, column) if self.records.type_of(column).name == "list" else ()
        self._refer(relation.id, row, column, (*held, relation.to_id))
        return Written(relation.id, {})

    def _point_away(self, relation: Relation) -> Outcome:
        for column in self._columns(relation):
            row = self._row(relation.id)
            held = self.records.references(row, column)
            if relation.to_id in held:
                self._refer(relation.id, row, column, tuple(key for key in held if key != relation.to_id))
        return Written(relation.id, {})

    def _columns(self, relation: Relation) -> list[str]:
        references = self.records.settings.references
        columns = [column for column, target in references.items() if target == relation.to_object]
        if not columns:
            reason = (
                f"{relation.object} has no column for the key of {relation.to_object}. Name one under references."
            )
            raise _RefusedError(Rejected("no_reference", reason))
        return columns

    def _refer(self, id: str, row: Row, column: str, keys: tuple[str, ...]) -> None:
        value: Scalar = keys if self.records.type_of(column).name == "list" else "".join(keys)
        self._change(id, row, {column: self._cell(column, value or None, "")})


def _dated(now: Records, row: Row | None) -> datetime:
    try:
        return now.modified_at(row) if row is not None else now.at
    except ValueError:
        return now.at


def _no_fit(name: str, error: ValueError) -> Rejected:
    return Rejected("no_fit", f"The value for {name} {error}.", name)
