"""Reads a whole workspace: `sync.toml` and everything under `mappings/`, all mistakes at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from instep.errors import ConfigError
from instep.mapping.compiled import ConnectionConfig, FieldLaw, Guards, Options, Quarantine, Reserve, Workspace
from instep.mapping.connections import RESERVED, SyncFile, read_sync_file, store_path
from instep.mapping.digest import digest_of
from instep.mapping.entity import Surroundings
from instep.mapping.facts import FactUses
from instep.mapping.ids import SUFFIX, Ids, read_ids
from instep.mapping.laws import by_field, settled_laws, settled_types
from instep.mapping.mapping import MappingDraft, compiled_mapping, read_mapping
from instep.mapping.mistakes import Mistake, Report, ordered, suggestion
from instep.mapping.preset import preset_source
from instep.mapping.process import ReadProcess, read_process
from instep.mapping.scoring import read_scoring
from instep.mapping.section import Section
from instep.mapping.source import Source, read_source
from instep.mapping.team import read_team
from instep.model.entities import FieldType, Kind
from instep.model.process import Process
from instep.model.scoring import Scoring
from instep.model.team import Team


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found: a workspace if nothing is wrong, every mistake, and notes that stop nothing."""

    workspace: Workspace | None
    mistakes: tuple[Mistake, ...] = ()
    notes: tuple[Mistake, ...] = ()
    connections: tuple[ConnectionConfig, ...] = ()
    sync_file: Section | None = None


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """A process and its team, read without the rest of the workspace, with the mistakes in these two files."""

    read: ReadProcess
    team: Team
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class _Files:
    """The workspace's files as far as they could be parsed."""

    sync: Section | None
    process: Section | None
    scoring: Section | None
    team: Section | None
    mappings: Mapping[str, Section]
    ids: Mapping[str, Section]


def load_workspace(root: Path) -> Workspace:
    """The workspace in a folder. Raises `ConfigError` with every mistake of every file."""
    reading = read_workspace(root)
    if reading.workspace is None:
        raise mistakes_error(reading.mistakes)
    return reading.workspace


def read_workspace(root: Path) -> Reading:
    """Everything that can be said of the workspace in a folder, right or wrong."""
    report = Report()
    files = _parsed(root, report)
    sync = read_sync_file(files.sync) if files.sync else None
    _check_files(files, sync, root, report)
    workspace = _compiled(root, files, sync, report)
    _forget_consequences(report)
    good = workspace if not report.mistakes and sync else None
    connections = sync.connections if sync else ()
    return Reading(good, ordered(report.mistakes), ordered(report.notes), connections, files.sync)


def _forget_consequences(report: Report) -> None:
    """Without its preset a process has none of its stages: whoever names one of them is right all the same."""
    if any((m.file, m.path, m.code) == ("mappings/process.toml", "preset", "NOT_ALLOWED") for m in report.mistakes):
        consequences = ("UNKNOWN_STAGE", "UNKNOWN_BEHAVIOUR")
        report.mistakes[:] = [mistake for mistake in report.mistakes if mistake.code not in consequences]


def read_process_of(root: Path) -> ProcessReading:
    """The process and team of a workspace, whatever state its other files are in."""
    report, uses = Report(), FactUses()
    section = _section(root, "mappings/process.toml", report)
    if section is None and not report.mistakes:
        _report_missing_process(report)
    read = read_process(section, uses) if section else ReadProcess(Process("process", ()))
    team = _section(root, "mappings/team.toml", report) if section else None
    found = read_team(team, read.process, tuple(_mapping_names(root)), uses) if team else Team()
    return ProcessReading(read, found, ordered(report.mistakes))


def read_process_file(file: Path, name: str) -> ProcessReading:
    """A process file alone, wherever it is; messages call it `name`."""
    report = Report()
    return _read_alone(read_source(file, name, report), report)


def read_preset(name: str) -> ProcessReading:
    """A preset as a process. Raises `ConfigError` for an unknown name."""
    report = Report()
    return _read_alone(preset_source(name, report), report)


def _read_alone(source: Source | None, report: Report) -> ProcessReading:
    read = read_process(Section(source, report), FactUses()) if source else ReadProcess(Process("process", ()))
    return ProcessReading(read, Team(), ordered(report.mistakes))


def mistakes_error(mistakes: tuple[Mistake, ...]) -> ConfigError:
    """One error that says them all."""
    return ConfigError("\n".join(str(mistake) for mistake in mistakes), mistakes)


# --- files -------------------------------------------------------------------------------------------------------


def _parsed(root: Path, report: Report) -> _Files:
    return _Files(
        sync=_section(root, "sync.toml", report, parse_float=float),
        process=_section(root, "mappings/process.toml", report),
        scoring=_section(root, "mappings/scoring.toml", report),
        team=_section(root, "mappings/team.toml", report),
        mappings={
            name: section
            for name in _mapping_names(root)
            if (section := _section(root, f"mappings/{name}.toml", report)) is not None
        },
        ids={
            name: section
            for name in _mapping_names(root)
            if (section := _section(root, f"mappings/{name}{SUFFIX}.toml", report)) is not None
        },
    )


def _section(root: Path, name: str, report: Report, parse_float: Callable[[str], Any] = Decimal) -> Section | None:
    if not (root / name).is_file():
        return None
    source = read_source(root / name, name, report, parse_float)
    return Section(source, report) if source else None


def _mapping_names(root: Path) -> list[str]:
    """Every connection with a mapping file; beside it, ids may stand, or a proposal wait to be taken over."""
    found = (file.stem for file in (root / "mappings").glob("*.toml"))
    return sorted(name for name in found if name not in RESERVED and not name.endswith((".proposed", SUFFIX)))


def _check_files(files: _Files, sync: SyncFile | None, root: Path, report: Report) -> None:
    """Report files that are not there, and mapping files that belong to no connection."""
    if not (root / "sync.toml").is_file():
        problem, remedy = "There is no such file", 'Run "instep init", or name the folder with --workspace.'
        report.mistakes.append(Mistake("sync.toml", "", 0, problem, remedy, "NO_FILE"))
    if not (root / "mappings/process.toml").is_file():
        _report_missing_process(report)
    names = [connection.name for connection in sync.connections] if sync else []
    for name in names:
        if files.sync and not (root / f"mappings/{name}.toml").is_file() and name not in RESERVED:
            problem, remedy = "has no mapping file", f"Write mappings/{name}.toml, or remove the connection."
            files.sync.mistake("NO_MAPPING", problem, remedy, "connections", name)
    for name in files.mappings if sync else ():
        if name not in names:
            problem, remedy = "No connection has this name, so nobody reads this file", suggestion(name, names, "")
            report.notes.append(Mistake(f"mappings/{name}.toml", "", 0, problem, remedy, "UNUSED_FILE"))


def _report_missing_process(report: Report) -> None:
    problem, remedy = "There is no such file", 'Write one; preset = "b2b-11" is enough to start with.'
    report.mistakes.append(Mistake("mappings/process.toml", "", 0, problem, remedy, "NO_FILE"))


# --- meaning -----------------------------------------------------------------------------------------------------


def _compiled(root: Path, files: _Files, sync: SyncFile | None, report: Report) -> Workspace | None:
    """The workspace; what it lacks because of mistakes is left out. None without a process to check against."""
    if files.process is None:
        return None
    uses = FactUses()
    process = read_process(files.process, uses).process
    connections = sync.connections if sync else ()
    names = tuple(connection.name for connection in connections) if sync else tuple(files.mappings)
    ids = {name: read_ids(section) for name, section in files.ids.items()}
    around = Surroundings(process, names, uses, {name: found.lists for name, found in ids.items()})
    drafts = [read_mapping(files.mappings[name], name, around) for name in names if name in files.mappings]
    types, laws = _settled(drafts, names)
    workspace = Workspace(
        root=root,
        connections=connections,
        process=process,
        team=read_team(files.team, process, names, uses) if files.team else Team(),
        scoring=read_scoring(files.scoring, process, uses) if files.scoring else Scoring(),
        mappings={draft.connection: compiled_mapping(draft, types) for draft in drafts},
        laws=laws,
        types=types,
        store=store_path(root, sync.store if sync else ""),
        options=sync.options if sync else Options(),
        guards=sync.guards if sync else Guards(),
        quarantine=sync.quarantine if sync else Quarantine(),
        reserve=sync.reserve if sync else Reserve(),
        configuration={draft.connection: draft.configuration(ids.get(draft.connection, Ids())) for draft in drafts},
        digest="",
    )
    uses.report_unknown(_mapped_fields(drafts))
    return dataclasses.replace(workspace, digest=digest_of(workspace))


def _settled(
    drafts: list[MappingDraft], names: tuple[str, ...]
) -> tuple[dict[tuple[Kind, str], FieldType], dict[tuple[Kind, str], FieldLaw]]:
    fields = by_field(entry for draft in drafts for entry in draft.entries())
    stages = by_field(entry for draft in drafts for entry in draft.stage_entries())
    types = settled_types(fields)
    laws = {**settled_laws(fields, types, names), **settled_laws(stages, {}, names)}
    return types, laws


def _mapped_fields(drafts: list[MappingDraft]) -> dict[Kind, set[str]]:
    mapped: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for draft in drafts:
        for entry in draft.entries():
            mapped[entry.kind].add(entry.name)
    return mapped
