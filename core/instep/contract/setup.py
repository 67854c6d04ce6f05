"""The fields of a system, and the people that records can belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from instep.contract.writing import Outcome


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class SystemField:
    """A field as the system describes it. `options` is None where any value may be written."""

    object: str
    name: str
    label: str
    type: Literal["text", "number", "boolean", "date", "instant", "choice", "choices", "owner"]
    read_only: bool = False
    required: bool = False
    unique: bool = False
    max_length: int | None = None
    options: tuple[Option, ...] | None = None


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field to create. `options`, in the order in which they are shown, are for "choice" and "choices" only."""

    object: str
    name: str
    label: str
    type: Literal["text", "number", "boolean", "date", "instant", "choice", "choices"]
    unique: bool = False
    description: str = ""
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldLimits:
    """What the custom fields of a system can be called.

    `name` is a pattern that the whole of a custom field's name fits; a field that is missing and has another name is
    one of the system's own, which nobody can create. `reserved` names, in small letters, are refused though they fit.
    `types` can be created; where a choice cannot, core asks for a text. Without `option_labels` a choice is shown by
    its values, so that every option is labelled as it is.
    """

    name: str = ".+"
    name_length: int = 255
    label_length: int = 255
    reserved: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset(("text", "number", "boolean", "date", "instant", "choice", "choices"))
    option_labels: bool = True


@runtime_checkable
class FieldStore(Protocol):
    def read(self, object: str) -> tuple[SystemField, ...]: ...

    def create(self, spec: FieldSpec) -> Outcome:
        """Create a field; one of the same name and type that is already there counts as created.

        Afterwards this login can read and write it. A choice that was there is given the options that it lacks.
        """
        ...


@runtime_checkable
class ConfigurableFields(FieldStore, Protocol):
    """A field store whose choices can be extended, and which says what can be created."""

    def limits(self) -> FieldLimits:
        """What can be created here. Sends no request."""
        ...

    def extend(self, object: str, name: str, options: Sequence[Option]) -> Outcome:
        """Add options to a choice; all others are kept as they are, and one that is there already counts as added."""
        ...


@runtime_checkable
class FieldBatches(FieldStore, Protocol):
    """A field store that creates several fields in fewer requests than one after the other takes."""

    def create_all(self, specs: Sequence[FieldSpec]) -> list[Outcome]:
        """Create fields as `create` does; one outcome for each, in their order. One that is refused takes none along.

        No two are of one object and name.
        """
        ...


@dataclass(frozen=True, slots=True)
class SystemOwner:
    """Someone (or a queue) that records can belong to."""

    id: str
    name: str
    email: str | None
    active: bool
    queue: bool = False


@runtime_checkable
class OwnerStore(Protocol):
    def read(self) -> tuple[SystemOwner, ...]:
        """Everyone, people who have left included."""
        ...
