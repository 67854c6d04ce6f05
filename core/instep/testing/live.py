"""The kit against a real system: the claims that write nothing, and on request those that clean up afterwards."""

from __future__ import annotations

import inspect
import random
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, TypeVar

import pytest

from instep.contract import Connection, ConnectorPlugin, Create, Delete, Effects, Outcome, Seen, Transport
from instep.errors import AccessError, InstepError
from instep.sandbox import Faults
from instep.settings import ConnectorSettings
from instep.testing.conformance import ConnectorConformance
from instep.testing.marks import tested_live
from instep.testing.workbench import Sent, Workbench

T = TypeVar("T")
LOGS_IN = "test_check_names_the_org"


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one claim. `why` is empty where it holds."""

    claim: str
    state: Literal["holds", "broken", "skipped"]
    why: str = ""


class WouldWriteError(InstepError):
    """A claim that only reads wanted to write; nothing was sent."""


class _Watching:
    """The real transport, which lets nothing out that writes unless it may, and keeps a list of what passes."""

    def __init__(self, transport: Transport, may_write: bool) -> None:
        self.sent: list[Sent] = []
        self._transport, self._may_write = transport, may_write

    def send(self, action: Callable[[], T], *, label: str, writes: bool, lane: str = "default") -> T:
        """Send, unless it would write and may not."""
        if writes and not self._may_write:
            raise WouldWriteError(f"{label} would write. Nothing was sent.")
        self.sent.append(Sent(label, writes, lane))
        return self._transport.send(action, label=label, writes=writes, lane=lane)


class _Clock:
    """The real time, which nobody moves."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now


@dataclass(slots=True)
class LiveBench(Workbench):
    """One connection to a real system. Whatever it was to create is deleted by `clean_up`."""

    makes_records: ClassVar[bool] = False
    given: ConnectorSettings = field(kw_only=True)
    effects: Effects = field(kw_only=True)
    paced: Callable[[Connection], None] = field(kw_only=True)
    may_write: bool = field(kw_only=True)
    keys: list[tuple[str, str]] = field(default_factory=list)
    mark: str = field(default_factory=lambda: secrets.token_hex(4))

    def settings(self, **changes: object) -> ConnectorSettings:
        """The connection's own settings."""
        return self.given

    def connect(self, settings: ConnectorSettings | None = None) -> Connection:
        """A connection; it is closed with the bench."""
        watching = _Watching(self.effects.transport, self.may_write)
        self.transport = watching  # type: ignore[assignment]
        mine = Effects(watching, self.effects.clock, self.effects.sleep, random.Random(), self.allowances.append)  # noqa: S311
        connection = self.plugin.connect(self.given, mine)
        self.paced(connection)
        self.opened.append(connection)
        return connection

    @property
    def faults(self) -> Faults:
        """Nothing goes wrong here on demand."""
        pytest.skip("Nothing goes wrong on demand in a real system.")

    def behave(self, **changes: object) -> None:
        """A real system behaves as it does."""

    def pass_time(self, by: timedelta | None = None) -> None:
        """Nobody waits for a real system."""

    def unique_field(self, object: str) -> str:
        """A field by which records of an object are found: our own where it is there, else one of the system's."""
        unique = [field.name for field in self.fields(object) if field.unique]
        if self.key_field in (field.name for field in self.fields(object)):
            return self.key_field
        if not unique:
            pytest.skip(f"{object} has no unique field.")
        return unique[0]

    def _ensure_key(self, object: str) -> None:
        if self.key_field not in (field.name for field in self.fields(object)):
            pytest.skip(f"{object} has no field {self.key_field}. instep doctor --create-fields makes it.")

    def new(self, object: str) -> Create:
        """A valid record that is not there yet, of a key that no other run takes."""
        self._ensure_key(object)
        number = next(self._numbers)
        return Create(self.key_field, f"conformance-{self.mark}-{number}", self.sample(object, number))

    def write(self, object: str, writes: Sequence[Any], fields: Sequence[str] = ()) -> list[Outcome]:
        """Write through the plugin. What is to be created is noted first: no answer is needed to find it again."""
        self.keys += [(object, write.key) for write in writes if isinstance(write, Create)]
        return self.records.write(object, writes, fields)

    def clean_up(self) -> list[tuple[str, str]]:
        """Delete whatever was created, as far as it is there; gives the (object, key) of what may still be."""
        return [place for place in dict.fromkeys(self.keys) if not self._is_gone(*place)]

    def _is_gone(self, object: str, key: str) -> bool:
        """Delete the records of one key, and look again."""
        try:
            for seen in self._holders(object, key):
                self.records.write(object, [Delete(seen.id)], ())
            return not self._holders(object, key)
        except Exception:  # a connector may fail in any way, and the other records are to be deleted all the same
            return False

    def _holders(self, object: str, key: str) -> list[Seen]:
        ((*found,),) = self.records.find(object, self.key_field, [key], [])
        return [one for one in found if isinstance(one, Seen)]


def claims(*, writing: bool = False) -> list[str]:
    """The names of the claims that a real system can be asked about."""
    wanted = {"reads", "writes"} if writing else {"reads"}
    named = inspect.getmembers(ConnectorConformance, inspect.isfunction)
    return [name for name, claim in named if name.startswith("test_") and tested_live(claim) in wanted]


@dataclass(slots=True)
class LiveTest:
    """The claims about one connection, one after the other."""

    plugin: ConnectorPlugin[Any]
    settings: ConnectorSettings
    effects: Effects
    paced: Callable[[Connection], None]
    """Told of every connection, before anything is sent: its limits have to be kept."""
    key_field: str = "instep_id"
    writing: bool = False
    left_behind: list[tuple[str, str]] = field(default_factory=list)
    """Records that may still be there: (object, key)."""

    def run(self) -> Iterator[Judged]:
        """Judge every claim, that of the login first: where it does not hold, no other is asked.

        An access error later on means that the login may not look there, and skips the claim.
        Raises `AccessError` where the login itself fails.
        """
        tests = type("Live", (ConnectorConformance,), {"plugin": self.plugin, "key_field": self.key_field})()
        for name in sorted(claims(writing=self.writing), key=lambda name: name != LOGS_IN):
            claim = getattr(tests, name)
            bench = LiveBench(
                self.plugin,
                None,  # type: ignore[arg-type]
                _Clock(self.effects.clock),  # type: ignore[arg-type]
                {},
                self.key_field,
                given=self.settings,
                effects=self.effects,
                paced=self.paced,
                may_write=tested_live(claim) == "writes",
            )
            try:
                judged = self._judged(name, claim, bench)
                yield judged
            finally:
                self.left_behind += bench.clean_up()
                for connection in bench.opened:
                    connection.close()
            if name == LOGS_IN and judged.state != "holds":
                return

    def _judged(self, name: str, claim: Callable[..., None], bench: LiveBench) -> Judged:
        try:
            claim(*([bench] if "bench" in inspect.signature(claim).parameters else []))
        except pytest.skip.Exception as skipped:
            return Judged(name, "skipped", str(skipped))
        except AccessError as error:
            if name == LOGS_IN:
                raise
            return Judged(name, "skipped", str(error))
        except AssertionError as error:
            return Judged(name, "broken", _first_line(error) or "It is not so.")
        except InstepError as error:
            return Judged(name, "broken", str(error))
        except Exception as error:  # a connector may fail in any way; what it says then may hold anything
            return Judged(name, "broken", f"It raised {type(error).__name__}, which no caller expects.")
        return Judged(name, "holds")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]
