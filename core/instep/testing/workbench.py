"""A plugin, its sandbox, and the effects by which a test watches and stops it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from itertools import count, islice
from typing import Any, ClassVar, TypeVar

import pytest
from pydantic import SecretStr

from instep.contract import (
    Absent,
    Allowance,
    Connection,
    ConnectorPlugin,
    Create,
    Effects,
    FieldSpec,
    Item,
    Outcome,
    Page,
    RecordStore,
    Rejected,
    Seen,
    SystemField,
    Written,
)
from instep.model.values import Scalar
from instep.sandbox import Faults, Sandbox, VirtualClock
from instep.settings import ConnectorSettings, load_settings

T = TypeVar("T")
CONNECTION_NAME = "conformance"
MANY_ENOUGH = 20
"""So many records or fields of what is there already are looked at."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as the plugin announced it."""

    label: str
    writes: bool
    lane: str


class Stopped(BaseException):
    """A transport that stops a run."""


class CountingTransport:
    """A transport that keeps a list of what passes, and raises `stop_with` instead of sending once it is set.

    `stop_after` is how many requests still pass before it raises `Stopped`; None lets all of them pass.
    """

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.stop_with: BaseException | None = None
        self.stop_after: int | None = None

    def send(self, action: Callable[[], T], *, label: str, writes: bool, lane: str = "default") -> T:
        """Send, unless told to stop."""
        if self.stop_with is not None:
            raise self.stop_with
        if self.stop_after is not None:
            if self.stop_after == 0:
                raise Stopped
            self.stop_after -= 1
        self.sent.append(Sent(label, writes, lane))
        return action()


@dataclass(slots=True)
class Workbench:
    """One open connection to one sandbox, with records made to order.

    `allowances` are what was heard of the calls of the day.
    Its clock stands still until `pass_time`; a plugin that waits through `Effects.sleep` is noted in `slept` and
    moves the clock.
    """

    plugin: ConnectorPlugin[Any]
    sandbox: Sandbox[Any]
    clock: VirtualClock
    samples: Mapping[str, Mapping[str, Scalar]]
    key_field: str
    transport: CountingTransport = field(default_factory=CountingTransport)
    slept: list[float] = field(default_factory=list)
    allowances: list[Allowance] = field(default_factory=list)
    opened: list[Connection] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _known: dict[str, tuple[SystemField, ...]] = field(default_factory=dict)
    _keyed: set[str] = field(default_factory=set)

    # --- connecting --------------------------------------------------------------------------------------------

    def settings(self, **changes: object) -> ConnectorSettings:
        """The sandbox's settings, as a table of sync.toml would give them."""
        return load_settings(self.plugin.settings, CONNECTION_NAME, {**self.sandbox.settings, **changes})

    def connect(self, settings: ConnectorSettings | None = None) -> Connection:
        """A further connection; it is closed with the workbench."""
        chance = random.Random(7)  # noqa: S311
        effects = Effects(self.transport, self.clock.now, self._sleep, chance, self.allowances.append)
        connection = self.plugin.connect(settings or self.settings(), effects)
        self.opened.append(connection)
        return connection

    @property
    def connection(self) -> Connection:
        """The first connection, opened when it is first asked for."""
        return self.opened[0] if self.opened else self.connect()

    def secrets(self) -> list[str]:
        """The names of the settings that are secret and set."""
        settings = self.settings()
        return [name for name in type(settings).model_fields if isinstance(getattr(settings, name), SecretStr)]

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))

    def pass_time(self, by: timedelta | None = None) -> None:
        """Let so much time pass that every index has caught up."""
        lag = self.records.index_lag if not isinstance(self.connection.records, Absent) else timedelta(0)
        self.clock.advance(by or 2 * lag + timedelta(minutes=5))

    # --- parts -------------------------------------------------------------------------------------------------

    def part(self, name: str) -> Any:
        """A part of the connection; a test of a part that is absent is skipped with the plugin's own reason."""
        part = getattr(self.connection, name)
        if isinstance(part, Absent):
            pytest.skip(part.reason)
        return part

    @property
    def records(self) -> RecordStore:
        """The record store."""
        store: RecordStore = self.part("records")
        return store

    @property
    def faults(self) -> Faults:
        """What shall go wrong on the way; skips where there is no way on which something can."""
        faults: Faults | None = getattr(self.sandbox, "faults", None)
        if faults is None:
            pytest.skip(f"The sandbox of {self.plugin.name} has no network that could fail.")
        return faults

    def behave(self, **changes: object) -> None:
        """Switch on unpleasant sides of the system, where its sandbox has them."""
        personality = getattr(self.sandbox, "personality", None)
        if personality is not None:
            self.sandbox.personality = replace(personality, **changes)

    def need(self, capability: str) -> None:
        """Skip the test unless the store declares a capability."""
        if not getattr(self.records.capabilities, capability):
            pytest.skip(f"{self.plugin.name} does not declare {capability}.")

    # --- making records ----------------------------------------------------------------------------------------

    @property
    def object(self) -> str:
        """The object that tests with one object use: the first."""
        return self.records.objects[0]

    def make(self, object: str, how_many: int = 1) -> list[str]:
        """Create records, each different, and give their ids."""
        size = self.records.batch.write
        creates = [self.new(object) for _ in range(how_many)]
        ids: list[str] = []
        for start in range(0, how_many, size):
            ids += [_written(outcome).id for outcome in self.write(object, creates[start : start + size])]
        return ids

    def new(self, object: str) -> Create:
        """A valid record that is not there yet."""
        self._ensure_key(object)
        number = next(self._numbers)
        return Create(self.key_field, f"conformance-{number}", self.sample(object, number))

    def write(self, object: str, writes: Sequence[Any], fields: Sequence[str] = ()) -> list[Outcome]:
        """Write through the plugin."""
        return self.records.write(object, writes, fields)

    def sample(self, object: str, number: int) -> dict[str, Scalar]:
        """Fields of a valid record: what the plugin's test declares, else what the system requires."""
        declared = self.samples.get(object)
        if declared is not None:
            return {n: v.replace("{n}", str(number)) if isinstance(v, str) else v for n, v in declared.items()}
        values = {f.name: self._value(f, number) for f in self.fields(object) if f.required and not f.read_only}
        return {self.text_field(object): f"Conformance {number}", **values}

    def fields(self, object: str) -> tuple[SystemField, ...]:
        """The fields of an object, read once."""
        if object not in self._known:
            self._known[object] = self.part("fields").read(object)
        return self._known[object]

    def text_field(self, object: str) -> str:
        """A plain text field that may be written: the first of the declared sample, else of the system's list."""
        declared = [name for name, value in self.samples.get(object, {}).items() if isinstance(value, str)]
        return declared[0] if declared else self._text_fields(object)[0]

    def other_text_field(self, object: str) -> str:
        """Another plain text field, which `make` leaves blank."""
        used = {*self.samples.get(object, {}), self.text_field(object)}
        return next(name for name in self._text_fields(object) if name not in used)

    def _text_fields(self, object: str) -> list[str]:
        plain = [f for f in self.fields(object) if f.type == "text" and not (f.read_only or f.unique or f.required)]
        return [f.name for f in plain if f.name != self.key_field]

    def _value(self, wanted: SystemField, number: int) -> Scalar:
        if wanted.options:
            return wanted.options[0].value
        simple: dict[str, Scalar] = {
            "number": Decimal(number),
            "boolean": False,
            "date": self.clock.now().date(),
            "instant": self.clock.now(),
        }
        if wanted.type in simple:
            return simple[wanted.type]
        if wanted.type == "choice":
            pipelines = [p for p in self.part("stages").read() if p.object == wanted.object]
            return str(pipelines[0].stages[0].id)
        return f"Conformance {number}"

    def _ensure_key(self, object: str) -> None:
        """The unique field of our own, made where the system has fields to make."""
        if object in self._keyed or isinstance(self.connection.fields, Absent):
            return
        spec = FieldSpec(object, self.key_field, "Instep id", "text", unique=True)
        outcome = self.connection.fields.create(spec)
        assert isinstance(outcome, Written), outcome
        self._keyed.add(object)

    # --- what is there already ---------------------------------------------------------------------------------

    makes_records: ClassVar[bool] = True
    """Whether there is something to look at only because the workbench makes it."""

    def some(self, object: str, fields: Sequence[str]) -> Sequence[Seen]:
        """A few live records that are there, with these fields."""
        return items(self.first_pages(object, fields), Seen)[:MANY_ENOUGH]

    def first_pages(self, object: str, fields: Sequence[str]) -> Sequence[Page]:
        """The first two pages of an object that are not empty."""
        if self.makes_records:
            self.make(object, 3)
            self.pass_time()
        pages = (page for page in self.records.changed_since(object, fields, None) if page.items)
        return list(islice(pages, 2)) or [Page((), "")]

    def some_fields(self, object: str) -> list[str]:
        """A few fields of an object."""
        return [field.name for field in self.fields(object)][:MANY_ENOUGH]

    def unique_field(self, object: str) -> str:
        """A field by which records of an object are found."""
        self._ensure_key(object)
        return self.key_field

    # --- looking -----------------------------------------------------------------------------------------------

    def pages(self, object: str, fields: Sequence[str] = (), cursor: str | None = None) -> list[Page]:
        """All pages since a cursor."""
        return list(self.records.changed_since(object, fields, cursor))

    def end(self, object: str, cursor: str | None = None, fields: Sequence[str] = ()) -> str:
        """The cursor at the end of everything so far, read twice so that no overlap is left in view.

        A cursor belongs to the fields that were read with it.
        """
        for _ in range(2):
            self.pass_time()
            cursor = self.pages(object, fields, cursor)[-1].cursor
        self.pass_time()
        assert cursor is not None
        return cursor

    def cursor_of_next_year(self) -> str:
        """The cursor at the end of another such system whose clock is a year ahead."""
        with workbench(self.plugin, self.samples, self.key_field) as other:
            other.clock.advance(timedelta(days=365))
            other.make(other.object)
            return other.end(other.object)

    def fields_of(self, object: str, id: str, names: Sequence[str]) -> Mapping[str, Scalar]:
        """What a record holds now, read through the plugin."""
        item = self.records.read(object, [id], names)[0]
        assert isinstance(item, Seen), item
        return item.fields


def items(pages: Sequence[Page], kind: type[T]) -> list[T]:
    """Every item of one kind in some pages."""
    return [item for page in pages for item in page.items if isinstance(item, kind)]


def ids(found: Sequence[Item]) -> set[str]:
    """The ids of some items."""
    return {item.id for item in found}


def is_sentence(text: str) -> bool:
    """Whether an admin can read this as written: it begins with a capital letter or digit and ends with a stop."""
    return text[:1].isupper() and text.endswith((".", "!", "?")) and " " in text


def refused(outcome: Outcome) -> Rejected:
    """The refusal that this outcome is."""
    assert isinstance(outcome, Rejected), outcome
    assert is_sentence(outcome.reason), outcome.reason
    return outcome


def _written(outcome: Outcome) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


@contextmanager
def workbench(
    plugin: ConnectorPlugin[Any], samples: Mapping[str, Mapping[str, Scalar]], key_field: str
) -> Iterator[Workbench]:
    """Open a plugin's sandbox on a clock that only the test moves, and close everything at the end."""
    module, _, name = plugin.sandbox.partition(":")
    clock = VirtualClock()
    with getattr(import_module(module), name)(clock=clock) as sandbox:
        bench = Workbench(plugin, sandbox, clock, samples, key_field)
        try:
            yield bench
        finally:
            for connection in bench.opened:
                connection.close()
