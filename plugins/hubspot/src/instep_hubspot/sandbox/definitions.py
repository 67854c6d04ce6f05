"""Property definitions: what a property is called, holds and allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

FIELD_TYPES = {
    "string": {"text", "textarea", "html", "phonenumber", "file", "calculation_equation"},
    "number": {"number", "calculation_equation"},
    "bool": {"booleancheckbox", "calculation_equation"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "phone_number": {"phonenumber"},
}


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of an enumeration."""

    label: str
    value: str
    display_order: int = -1
    hidden: bool = False
    description: str = ""

    def to_dict(self) -> dict[str, object]:
        """The option as the API shows it."""
        return {
            "label": self.label,
            "value": self.value,
            "displayOrder": self.display_order,
            "hidden": self.hidden,
            "description": self.description,
        }


@dataclass(frozen=True)
class Property:
    """One property of one kind of record."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    options: tuple[Option, ...] = ()
    description: str = ""
    display_order: int = -1
    hidden: bool = False
    form_field: bool = False
    unique: bool = False
    standard: bool = True
    read_only: bool = False
    fixed_options: bool = False
    external: str | None = None
    calculated: bool = False
    archived_at: int | None = None
    created_at: int = 0
    updated_at: int = 0
    listed: bool = True
    created_by: str | None = field(default=None)

    @cached_property
    def values(self) -> frozenset[str]:
        """The values an enumeration allows."""
        return frozenset(option.value for option in self.options)

    @property
    def is_multiple(self) -> bool:
        """Whether several options may be chosen at once."""
        return self.type == "enumeration" and self.field_type == "checkbox"


@dataclass(frozen=True, slots=True)
class Group:
    """A heading under which properties are shown."""

    name: str
    label: str
    display_order: int = -1
    archived: bool = False

    def to_dict(self) -> dict[str, object]:
        """The group as the API shows it."""
        return {
            "name": self.name,
            "label": self.label,
            "displayOrder": self.display_order,
            "archived": self.archived,
        }
