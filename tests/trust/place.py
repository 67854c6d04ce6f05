"""What a story can do in any system, and what it finds there at the end; every system in the same words.

Everything has a name that no system takes for a key: the last name of a person, the name of a company or of an
opportunity. By it a test knows twins, whatever the engine thinks of them.
"""

from __future__ import annotations

import io
import itertools
import pickle
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from instep.sandbox import FaultKind

Kind = Literal["person", "company", "opportunity"]


@dataclass(frozen=True)
class Held:
    """A live record. `values` are in the story's words, blank ones included; `ties` are (kind, name)."""

    kind: Kind
    object: str
    id: str
    name: str
    values: Mapping[str, str]
    ties: frozenset[tuple[str, str]] | None
    """None where records of this object cannot be tied."""


class Applied(NamedTuple):
    """One record that a call of ours changed, as the system itself noted it. Calls are numbered from 0.

    `fields` is None where the call was about a tie or a consent, or does not say. `key` is our own id, where the
    call named the record by it.
    """

    call: int
    object: str
    id: str
    fields: frozenset[str] | None = None
    key: str = ""


class Place(Protocol):
    """One system at work: its users' hands, and what it saw of us."""

    name: str
    mapping: str
    merges: bool
    """Whether records can be merged and deleted there."""
    converts: bool
    """Whether people can be leads there."""

    @property
    def calls(self) -> int:
        """How many calls of ours asked for a change so far."""
        ...

    @property
    def applied(self) -> list[Applied]:
        """What these calls changed."""
        ...

    def table(self) -> str:
        """Its table in sync.toml."""
        ...

    def keep(self) -> bytes:
        """Everything that the system holds."""
        ...

    def put_back(self, kept: bytes) -> None:
        """Let the system hold what it held when it was kept, and forget every fault."""
        ...

    def lag(self) -> None:
        """From now on, what is written is not found by searches at once."""
        ...

    def lose(self, after: int, times: int) -> None:
        """Of the writes after so many more, so many take effect and are not answered."""
        ...

    def calm(self) -> None:
        """No more answers are lost."""
        ...

    def hear(self, label: str) -> None:
        """An effect of a run."""
        ...

    def make(self, kind: Kind, name: str, **values: str) -> None:
        """A colleague makes a record."""
        ...

    def edit(self, kind: Kind, name: str, **values: str) -> None:
        """A colleague changes a record."""
        ...

    def tie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        """A colleague ties a person or opportunity to a company, or a person to an opportunity."""
        ...

    def untie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        """A colleague ends that."""
        ...

    def delete(self, kind: Kind, name: str) -> None:
        """A colleague deletes a record."""
        ...

    def merge(self, kind: Kind, name: str, other: str) -> None:
        """A colleague merges `other` into the record of that name."""
        ...

    def convert(self, name: str, company: str) -> None:
        """A colleague converts a lead into a contact of a known company."""
        ...

    def opt_out(self, name: str) -> None:
        """A person wants no more mail."""
        ...

    def held(self) -> list[Held]:
        """Every live record."""
        ...


class Desk(Place, Protocol):
    """A place whose people and admins can do whatever a history may tell."""

    @property
    def logins(self) -> int:
        """How many calls of ours asked for a token so far."""
        ...

    def hire(self, name: str) -> None:
        """A colleague who can own records joins; from then on records show their owner."""
        ...

    def move(self, kind: Kind, name: str, stage: str) -> None:
        """A colleague moves a record to a stage, forth or back."""
        ...

    def own(self, kind: Kind, name: str, owner: str) -> None:
        """A record passes to a colleague who was hired."""
        ...

    def restore(self, kind: Kind, name: str) -> None:
        """A colleague brings the record of that name back that was deleted last."""
        ...

    def opt_in(self, name: str) -> None:
        """A person says that mail is welcome."""
        ...

    def unflag(self, name: str) -> None:
        """Somebody turns an opt-out flag off, without any word of the person."""
        ...

    def hide(self, kind: Kind, field: str) -> None:
        """An admin takes a field out of our sight."""
        ...

    def show(self, kind: Kind, field: str) -> None:
        """An admin lets us see it again."""
        ...

    def retype(self, kind: Kind, field: str) -> None:
        """An admin gives a field a type that its values do not fit, until it is shown again."""
        ...

    def refuse(self, kind: Kind, name: str) -> None:
        """From now on, a rule refuses every change of that record."""
        ...

    def accept(self) -> None:
        """No rule refuses anything any more."""
        ...

    def expire(self) -> None:
        """Every token ends before its time."""
        ...

    def page(self, size: int) -> None:
        """From now on, no page holds more records than that."""
        ...

    def go_wrong(self, kind: FaultKind, after: int, times: int) -> None:
        """Of the calls after so many more, so many go wrong."""
        ...


class BarePlace:
    """What every place lacks that has no vendor's API in front of it."""

    def retype(self, kind: Kind, field: str) -> None:
        raise NotImplementedError("It has no types")

    def refuse(self, kind: Kind, name: str) -> None:
        raise NotImplementedError("It has no rules")

    def accept(self) -> None:
        """It has no rules."""

    def expire(self) -> None:
        """It has no tokens."""

    def page(self, size: int) -> None:
        """It has no pages."""

    def go_wrong(self, kind: FaultKind, after: int, times: int) -> None:
        """Nothing lies between it and us."""


# --- keeping whole systems -------------------------------------------------------------------------------------


def keep(root: Any, fixed: Collection[Any]) -> bytes:
    """The attributes of an object with everything below; what is `fixed` is not kept, and stays what it is."""
    stays = {id(item): number for number, item in enumerate((root, *fixed))}

    class Keeper(pickle.Pickler):
        def persistent_id(self, item: Any) -> Any:
            return stays.get(id(item))

    text = io.BytesIO()
    Keeper(text, protocol=5).dump({n: v for n, v in vars(root).items() if not isinstance(v, itertools.count)})
    return text.getvalue()


def put_back(root: Any, fixed: Collection[Any], kept: bytes) -> None:
    """Give an object the attributes that were kept of it."""
    stays = (root, *fixed)

    class Keeper(pickle.Unpickler):
        def persistent_load(self, number: Any) -> Any:
            return stays[number]

    vars(root).update(Keeper(io.BytesIO(kept)).load())


# --- comparing -------------------------------------------------------------------------------------------------


def by_name(records: Iterable[Held]) -> dict[tuple[Kind, str], list[Held]]:
    """Records by what they are the records of."""
    found: dict[tuple[Kind, str], list[Held]] = {}
    for record in records:
        found.setdefault((record.kind, record.name), []).append(record)
    return found


def plain(value: object) -> str:
    """A value as every system would say it: no zeros behind the point, dates without time."""
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text and text.replace(".", "").isdecimal() else text
