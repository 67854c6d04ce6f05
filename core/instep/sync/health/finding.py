"""What was found: as it should be, worth a look, or wrong; and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `code` is stable for machines; what a system does not tell is never found."""

    connection: str
    code: str
    what: str
    level: Level = "ok"
    remedy: str = ""
    is_access: bool = False
    """Whether a login is what is wrong."""

    @property
    def ok(self) -> bool:
        """Whether nothing has to be done."""
        return self.level != "wrong"

    @property
    def sign(self) -> str:
        return {"ok": "✓", "warning": "!", "wrong": "✗"}[self.level]

    def as_json(self) -> dict[str, object]:
        return {
            "connection": self.connection,
            "code": self.code,
            "level": self.level,
            "ok": self.ok,
            "what": self.what,
            "remedy": self.remedy,
        }
