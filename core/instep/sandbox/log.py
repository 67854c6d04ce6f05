"""The request log: what a sandbox was asked, in order."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it was answered.

    `wrote` says that the call asked for a change, whatever became of it; `status` says what did.
    A call that was never answered has status 0.
    """

    index: int
    at: datetime
    method: str
    path: str
    query: Mapping[str, list[str]]
    body_size: int
    status: int
    label: str
    wrote: bool

    def matches(self, pattern: str) -> bool:
        """Whether `pattern` (which may hold `*`) is this call's label or path."""
        return fnmatchcase(self.label, pattern) or fnmatchcase(self.path, pattern)

    def to_dict(self) -> dict[str, object]:
        """The call as plain values."""
        return {**asdict(self), "at": self.at.isoformat()}


class CallLog:
    """Every call since the last `clear`; safe to read while the sandbox serves."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def record(
        self,
        *,
        at: datetime,
        method: str,
        path: str,
        query: Mapping[str, list[str]],
        body_size: int,
        status: int,
        label: str,
        wrote: bool,
    ) -> Call:
        """Append one call and number it."""
        with self._lock:
            call = Call(len(self._calls), at, method, path, query, body_size, status, label, wrote)
            self._calls.append(call)
            return call

    def calls(self, pattern: str = "*") -> tuple[Call, ...]:
        """The calls whose label or path matches `pattern`, oldest first."""
        with self._lock:
            found = tuple(self._calls)
        return found if pattern == "*" else tuple(call for call in found if call.matches(pattern))

    def writes(self) -> tuple[Call, ...]:
        """The calls that asked for a change; a search or a batch read is none."""
        return tuple(call for call in self.calls() if call.wrote)

    def count(self, label: str = "*") -> int:
        """How many calls match a label or path."""
        return len(self.calls(label))

    def clear(self) -> None:
        """Forget all calls; numbering starts again."""
        with self._lock:
            self._calls.clear()
