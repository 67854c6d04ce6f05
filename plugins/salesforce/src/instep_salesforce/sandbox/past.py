"""What queries still believe: a replica hears of changes later than the records themselves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from instep_salesforce.sandbox.schema import Row


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    id: str
    before: Row | None


class Past:
    """The changes of one table that the replica has not heard of, oldest first."""

    def __init__(self) -> None:
        self.clock: Callable[[], datetime] | None = None
        """Set while the replica lags."""
        self._entries: deque[_Entry] = deque()
        self._believed: dict[str, Row | None] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def note(self, id: str, before: Row | None) -> None:
        """A record is about to change; `before` is None for a new one."""
        if self.clock is not None:
            self._entries.append(_Entry(self.clock(), id, None if before is None else dict(before)))
            self._believed.setdefault(id, self._entries[-1].before)

    def hear_until(self, moment: datetime | None) -> None:
        """The replica hears of what happened until `moment`, or of everything."""
        if not self._entries or (moment is not None and self._entries[0].at > moment):
            return
        while self._entries and (moment is None or self._entries[0].at <= moment):
            self._entries.popleft()
        self._believed = {}
        for entry in self._entries:
            self._believed.setdefault(entry.id, entry.before)

    def see(self, id: str, now: Row | None) -> Row | None:
        """A record as the replica has it."""
        return self._believed.get(id, now)

    def ids(self, now: dict[str, Row]) -> list[str]:
        """The records that the replica has."""
        seen = [id for id in now if self._believed.get(id, now[id]) is not None]
        return seen + [id for id, before in self._believed.items() if before is not None and id not in now]
