"""Entries of `[[moved]]` that may name a stage which never was."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from instep.mapping.mistakes import Mistake, Report, suggestion
from instep.mapping.source import Source, read_source
from instep.mapping.versions import ProcessVersion


def moves_from_nowhere(
    root: Path, versions: Sequence[ProcessVersion], unheld: Callable[[Collection[str]], Collection[str]]
) -> list[Mistake]:
    """A note for every old key that no version of the process has and that `unheld` says nothing was ever at."""
    known = {stage.key for version in versions for stage in version.process.every_stage()}
    named = [
        (source, place, old, known - {stage.key for stage in version.process.every_stage()})
        for version in versions
        if (source := read_source(root / version.file, version.file, Report()))
        for place, old in _first_names(source)
        if old not in known
    ]
    nowhere = unheld([old for _, _, old, _ in named]) if named else ()
    return [_note(*one) for one in named if one[2] in nowhere]


def _first_names(source: Source) -> Iterator[tuple[int, str]]:
    """Each entry's old key and its place; one between two renames was never held."""
    entries = source.data.get("moved", [])
    between = {entry["to"] for entry in entries}
    return ((place, entry["from"]) for place, entry in enumerate(entries) if entry["from"] not in between)


def _note(source: Source, place: int, old: str, gone: Collection[str]) -> Mistake:
    problem = f'names "{old}", which no version of the process has and no buyer was ever at'
    remedy = suggestion(old, gone, "Correct it, or remove the entry.")
    return source.mistake(("moved", place, "from"), "MOVED_FROM_NOWHERE", problem, remedy)
