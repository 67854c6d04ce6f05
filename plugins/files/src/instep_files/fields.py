"""Fields: the columns of files. A created one stands at the right, blank in every row."""

from __future__ import annotations

from typing import Final, Literal

from instep.contract import FieldSpec, Outcome, Rejected, SystemField, Written
from instep.errors import RetryLaterError
from instep_files.records import read_only
from instep_files.shelf import Records, Shelf

FieldType = Literal["text", "number", "boolean", "date", "instant", "choices"]
_TYPES: Final[dict[str, FieldType]] = {
    "text": "text",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "instant": "instant",
    "list": "choices",
}
_ATTEMPTS: Final = 3


class FilesFields:
    """The columns of every declared object."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def read(self, object: str) -> tuple[SystemField, ...]:
        """Every named column. The key column is the one that is unique; what was made here as unique is, too."""
        records = self._shelf.read(object)
        return tuple(self._field(records, name) for name in records.table.columns if name)

    def create(self, spec: FieldSpec) -> Outcome:
        """Add a column; a file keeps no types, so one of that name without a type in sync.toml fits any.

        Codes of a refusal: `read_only`, `different` (the name is taken by a column of another type), `no_fit`.
        """
        if self._shelf.settings.direction == "in":
            return read_only(self._shelf)
        for _ in range(_ATTEMPTS):
            records = self._shelf.read(spec.object)
            if spec.name in records.table.places:
                return self._there(spec)
            outcome = self._added(spec, records)
            if outcome is not None:
                return outcome
        name = self._shelf.settings.objects[spec.object].file
        raise RetryLaterError(f"{name} was saved by somebody else each time it was to be replaced. Try again later.")

    def _added(self, spec: FieldSpec, records: Records) -> Outcome | None:
        table = records.table
        try:
            data = table.encoded(table.form.widened(spec.name))
        except ValueError:
            return Rejected("no_fit", f"{table.name} cannot hold a column of the name {spec.name}.", spec.name)
        if data != table.content.data and self._shelf.client.replace(table.content, data) is None:
            return None
        self._shelf.made[spec.object, spec.name] = spec
        return Written(spec.name, {}, created=True)

    def _there(self, spec: FieldSpec) -> Outcome:
        declared = self._shelf.settings.objects[spec.object].types
        made = self._shelf.made.get((spec.object, spec.name))
        if made is None and spec.name not in declared:
            self._shelf.made[spec.object, spec.name] = spec
            return Written(spec.name, {})
        known = _TYPES[self._shelf.type_of(spec.object, spec.name).name]
        if known != spec.type:
            reason = f'The column "{spec.name}" of {spec.object} is there already, and holds {known}.'
            return Rejected("different", reason, spec.name)
        return Written(spec.name, {})

    def _field(self, records: Records, name: str) -> SystemField:
        made = self._shelf.made.get((records.object, name))
        return SystemField(
            object=records.object,
            name=name,
            label=made.label if made else name,
            type=_TYPES[records.type_of(name).name],
            read_only=self._shelf.settings.direction == "in",
            unique=name == records.settings.key or bool(made and made.unique),
        )
