"""Versions of the process: which file says which, and from which day on it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from instep.model.process import Process

FIRST = "process"
"""The first version's file, without its folder and ending; later ones add the day from which they hold."""

_DATED = re.compile(r"process-(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, slots=True)
class ProcessVersion:
    """The process from a day on (UTC), until the next version takes its place; None for the first one."""

    effective: date | None
    file: str
    process: Process


def day_of(name: str) -> date | None:
    """The day that a file's name says: "process-2027-01-01". None where it says none."""
    found = _DATED.fullmatch(name)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def is_version(name: str) -> bool:
    """Whether a file's name (without ending) is kept for versions of the process, even where its day is wrong."""
    return name == FIRST or name.startswith(f"{FIRST}-")


def version_at(versions: Sequence[ProcessVersion], day: date) -> ProcessVersion:
    """The version in force on a day: the latest whose day has come, or the first of them all."""
    come = [version for version in versions if version.effective is None or version.effective <= day]
    return come[-1] if come else versions[0]
