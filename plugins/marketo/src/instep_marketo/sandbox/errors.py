"""Marketo's refusals, as exceptions inside the sandbox and as bodies outside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RefusedError(Exception):
    """Marketo says no: to a whole call, or to one record of a call."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def to_dict(self) -> dict[str, str]:
        """The refusal as answers show it; the code is a text."""
        return {"code": self.code, "message": self.message}

    def to_skip(self) -> dict[str, object]:
        """The refusal of one record."""
        return {"status": "skipped", "reasons": [self.to_dict()]}
