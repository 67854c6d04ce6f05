"""Which claims a real system can be asked about, and which need a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

C = TypeVar("C", bound=Callable[..., Any])


def reads_only(claim: C) -> C:
    """Mark a claim that writes nothing: `connector test` tests it in any system."""
    claim.tested_live = "reads"  # type: ignore[attr-defined]
    return claim


def cleans_up(claim: C) -> C:
    """Mark a claim that writes records of its own and nothing else: `connector test --write` deletes them again."""
    claim.tested_live = "writes"  # type: ignore[attr-defined]
    return claim


def tested_live(claim: object) -> str | None:
    """ "reads", "writes", or None for a claim that needs a sandbox."""
    found: str | None = getattr(claim, "tested_live", None)
    return found
