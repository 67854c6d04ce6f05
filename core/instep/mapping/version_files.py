"""Reads every version of a workspace's process: `mappings/process.toml`, and `process-2027-01-01.toml` beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from instep.mapping.facts import FactUses
from instep.mapping.ids import SUFFIX
from instep.mapping.mistakes import Mistake, Report
from instep.mapping.process import ReadProcess, every_stage, read_process
from instep.mapping.section import Section
from instep.mapping.source import read_source
from instep.mapping.versions import FIRST, ProcessVersion, day_of, is_version
from instep.model.process import Process


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """A version, where its parts are written, and the fields that its rules name."""

    version: ProcessVersion
    read: ReadProcess
    uses: FactUses


def file_names(root: Path) -> list[str]:
    """Every file under `mappings/` that says something by itself, without its ending: no ids, and no proposal."""
    names = (file.stem for file in (root / "mappings").glob("*.toml"))
    return sorted(name for name in names if not name.endswith((".proposed", SUFFIX)))


def read_versions(root: Path, report: Report) -> list[ReadVersion]:
    """Every version whose file could be parsed, in the order in which they take each other's place."""
    names = [name for name in file_names(root) if is_version(name)]
    dated = [(day_of(name), name) for name in names]
    for _, name in (pair for pair in dated if pair[0] is None and pair[1] != FIRST):
        report.mistakes.append(_no_day(name))
    wanted = sorted((day or date.min, name) for day, name in dated if day or name == FIRST)
    return [one for _, name in wanted if (one := _read(root, name, report)) is not None]


def names_elsewhere(process: Process, versions: Iterable[ProcessVersion]) -> Mapping[str, frozenset[str]]:
    """The stages, behaviours and segments that only other versions have, by what they are."""
    here, anywhere = _names(process), [_names(version.process) for version in versions]
    return {what: frozenset().union(*(names[what] for names in anywhere)) - here[what] for what in here}


def _read(root: Path, name: str, report: Report) -> ReadVersion | None:
    file = f"mappings/{name}.toml"
    source = read_source(root / file, file, report)
    if source is None:
        return None
    uses = FactUses()
    read = read_process(Section(source, report), uses)
    return ReadVersion(ProcessVersion(day_of(name), file, read.process), read, uses)


def _names(process: Process) -> dict[str, frozenset[str]]:
    return {
        "stage": frozenset(stage.key for stage in every_stage(process)),
        "behaviour": frozenset(behaviour.key for behaviour in process.behaviours),
        "segment": frozenset(segment.key for segment in process.segments),
    }


def _no_day(name: str) -> Mistake:
    problem = "This would be a version of the process, and its name says no day on which it comes into force"
    remedy = f"Call it {FIRST}-2027-01-01.toml, with its first day; or move it out of this folder."
    return Mistake(f"mappings/{name}.toml", "", 0, problem, remedy, "BAD_VERSION")
