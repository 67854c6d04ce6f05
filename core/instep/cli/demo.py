"""`instep init --demo`: see the whole thing run, without any account."""

from __future__ import annotations

from pathlib import Path


def run(folder: Path | None = None) -> int:
    """Play the demo in a folder that is empty or new, or in a temporary one. 0 if every system agrees at the end."""
    from instep.demo.story import play

    return play(folder)
