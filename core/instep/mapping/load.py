"""Reads a whole workspace: `sync.toml` and everything under `mappings/`, all mistakes at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from instep.errors import ConfigError
from instep.mapping.compiled import ConnectionConfig, FieldLaw, Guards, Options, Quarantine, Reserve, Workspace
from instep.mapping.connections import (
    DEFAULT_STORE,
    RESERVED,
    SyncFile,
    is_connection_name,
    read_sync_file,
    store_path,
)
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
from instep.mapping.version_files import ReadVersion, file_names, names_elsewhere, read_versions
from instep.mapping.versions import FIRST, ProcessVersion, is_version, version_at
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
    """A process and its team, read without the rest of the workspace, with the mistakes in these two files.

    `versions` are all of the workspace's, in order, and `version` the one that was read; there are none of a preset
    or of a file alone.
    """

    read: ReadProcess
    team: Team
    mistakes: tuple[Mistake, ...]
    version: ProcessVersion | None = None
    versions: tuple[ProcessVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class _Files:
    """The workspace's files as far as they could be parsed."""

    sync: Section | None
    scoring: Source | None
    team: Source | None
    mappings: Mapping[str, Source]
    ids: Mapping[str, Section]


def load_workspace(root: Path, today: date | None = None) -> Workspace:
    """The workspace in a folder, as of a day (UTC). Raises `ConfigError` with every mistake of every file."""
    reading = read_workspace(root, today)
    if reading.workspace is None:
        raise mistakes_error(reading.mistakes)
    return reading.workspace


def read_workspace(root: Path, today: date | None = None) -> Reading:
    """Everything that can be said of the workspace in a folder, right or wrong, as of a day (UTC)."""
    report = Report()
    files = _parsed(root, report)
    sync = read_sync_file(files.sync) if files.sync else None
    _check_files(files, sync, root, report)
    read = read_versions(root, report)
    workspace = _in_force(root, files, sync, read, today or today_utc(), report)
    _forget_consequences(report)
    good = workspace if not report.mistakes and sync else None
    connections = sync.connections if sync else ()
    return Reading(good, ordered(report.mistakes), ordered(report.notes), connections, files.sync)


def today_utc() -> date:
    """The one place where a day comes from this machine's clock: callers with a clock of their own name the day."""
    return datetime.now(UTC).date()


def _forget_consequences(report: Report) -> None:
    """Without its preset a process has none of its stages: whoever names one of them is right all the same."""
    consequences = {code for mistake in report.mistakes for code in _consequences(mistake)}
    report.mistakes[:] = [mistake for mistake in report.mistakes if mistake.code not in consequences]


def _consequences(mistake: Mistake) -> tuple[str, ...]:
    if not is_version(PurePosixPath(mistake.file).stem):
        return ()
    if mistake.code in ("SYNTAX", "NOT_UTF8", "UNREADABLE", "BAD_VERSION"):
        return "UNKNOWN_STAGE", "UNKNOWN_BEHAVIOUR", "UNKNOWN_SEGMENT"
    if (mistake.path, mistake.code) == ("preset", "NOT_ALLOWED"):
        return "UNKNOWN_STAGE", "UNKNOWN_BEHAVIOUR"
    return ("UNKNOWN_BEHAVIOUR",) if mistake.code == "UNKNOWN_LIBRARY" else ()


def read_process_of(root: Path, today: date | None = None) -> ProcessReading:
    """The process and team of a workspace as of a day (UTC), whatever state its other files are in."""
    report = Report()
    versions = read_versions(root, report)
    if not versions and not report.mistakes:
        _report_missing_process(report)
    if not versions:
        return ProcessReading(ReadProcess(Process("process", ())), Team(), ordered(report.mistakes))
    found = tuple(one.version for one in versions)
    version = version_at(found, today or today_utc())
    one = versions[found.index(version)]
    own = Report(elsewhere=names_elsewhere(version.process, found))
    team = _section(root, "mappings/team.toml", own)
    people = read_team(team, version.process, tuple(_mapping_names(root)), one.uses) if team else Team()
    others = {other.file for other in found if other is not version}
    mistakes = [*own.mistakes, *(mistake for mistake in report.mistakes if mistake.file not in others)]
    return ProcessReading(one.read, people, ordered(mistakes), version, found)


def read_store_path(root: Path) -> Path:
    """Where a workspace keeps its state, whatever state its files are in."""
    section = _section(root, "sync.toml", Report(), parse_float=float)
    return store_path(root, read_sync_file(section).store if section else DEFAULT_STORE)


def read_versions_of(root: Path) -> tuple[tuple[ProcessVersion, ...], tuple[Mistake, ...]]:
    """Every version of a workspace's process, and the mistakes in all of their files."""
    report = Report()
    versions = read_versions(root, report)
    if not (root / f"mappings/{FIRST}.toml").is_file():
        _report_missing_process(report)
    return tuple(one.version for one in versions), ordered(report.mistakes)


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
        scoring=_source(root, "mappings/scoring.toml", report),
        team=_source(root, "mappings/team.toml", report),
        mappings={
            name: source
            for name in _mapping_names(root)
            if (source := _source(root, f"mappings/{name}.toml", report)) is not None
        },
        ids={
            name: section
            for name in _mapping_names(root)
            if (section := _section(root, f"mappings/{name}{SUFFIX}.toml", report)) is not None
        },
    )


def _section(root: Path, name: str, report: Report, parse_float: Callable[[str], Any] = Decimal) -> Section | None:
    source = _source(root, name, report, parse_float)
    return Section(source, report) if source else None


def _source(root: Path, name: str, report: Report, parse_float: Callable[[str], Any] = Decimal) -> Source | None:
    return read_source(root / name, name, report, parse_float) if (root / name).is_file() else None


def _mapping_names(root: Path) -> list[str]:
    """Every connection with a mapping file; beside it, ids may stand, or a proposal wait to be taken over."""
    return [name for name in file_names(root) if name not in RESERVED and not is_version(name)]


def _check_files(files: _Files, sync: SyncFile | None, root: Path, report: Report) -> None:
    """Report files that are not there, and mapping files that belong to no connection."""
    if not (root / "sync.toml").is_file():
        problem, remedy = "There is no such file", 'Run "instep init", or name the folder with --workspace.'
        report.mistakes.append(Mistake("sync.toml", "", 0, problem, remedy, "NO_FILE"))
    if not (root / f"mappings/{FIRST}.toml").is_file():
        _report_missing_process(report)
    names = [connection.name for connection in sync.connections] if sync else []
    for name in names:
        if files.sync and not (root / f"mappings/{name}.toml").is_file() and is_connection_name(name):
            problem = "has no mapping file"
            remedy = f'Run "instep init --from {name}", write mappings/{name}.toml, or remove the connection.'
            files.sync.mistake("NO_MAPPING", problem, remedy, "connections", name)
    for name in files.mappings if sync else ():
        if name not in names:
            problem, remedy = "No connection has this name, so nobody reads this file", suggestion(name, names, "")
            report.notes.append(Mistake(f"mappings/{name}.toml", "", 0, problem, remedy, "UNUSED_FILE"))


def _report_missing_process(report: Report) -> None:
    problem, remedy = "There is no such file", 'Write one; preset = "b2b-11" is enough to start with.'
    report.mistakes.append(Mistake(f"mappings/{FIRST}.toml", "", 0, problem, remedy, "NO_FILE"))


# --- meaning -----------------------------------------------------------------------------------------------------


def _in_force(
    root: Path, files: _Files, sync: SyncFile | None, read: Sequence[ReadVersion], today: date, report: Report
) -> Workspace | None:
    """The workspace with the version that is in force; None without any.

    The other files are read against every later version too, so that what would be wrong on its first day is said
    now. What they say of stages that only an earlier version has is nobody's mistake.
    """
    if not read:
        return None
    versions = tuple(one.version for one in read)
    ids = {name: read_ids(section) for name, section in files.ids.items()}
    current = versions.index(version_at(versions, today))
    workspace = None
    for one in read[current:]:
        own = Report(elsewhere=names_elsewhere(one.version.process, versions))
        compiled = _compiled(root, files, sync, one, ids, own)
        if workspace is None:
            workspace = dataclasses.replace(compiled, versions=versions, day=today)
            report.notes += own.notes
        _take_over(report, own, None if one is read[current] else one.version)
    return workspace


def _take_over(report: Report, own: Report, later: ProcessVersion | None) -> None:
    """The mistakes that were not said yet; those of a version to come say that it is to come."""
    said = {(mistake.file, mistake.path, mistake.line, mistake.code) for mistake in report.mistakes}
    for mistake in own.mistakes:
        if later is None:
            report.mistakes.append(mistake)
        elif (mistake.file, mistake.path, mistake.line, mistake.code) not in said:
            problem = f"{mistake.problem}, as soon as {later.file} is in force"
            report.mistakes.append(dataclasses.replace(mistake, problem=problem))


def _compiled(
    root: Path, files: _Files, sync: SyncFile | None, one: ReadVersion, ids: Mapping[str, Ids], report: Report
) -> Workspace:
    """The workspace with one version of the process; what it lacks because of mistakes is left out."""
    process, uses = one.version.process, one.uses
    connections = sync.connections if sync else ()
    names = tuple(connection.name for connection in connections) if sync else tuple(files.mappings)
    around = Surroundings(process, names, uses, {name: found.lists for name, found in ids.items()})
    mapped = [(name, Section(files.mappings[name], report)) for name in names if name in files.mappings]
    drafts = [read_mapping(section, name, around) for name, section in mapped]
    types, laws = _settled(drafts, names)
    team = read_team(Section(files.team, report), process, names, uses) if files.team else Team()
    workspace = Workspace(
        root=root,
        connections=connections,
        process=process,
        team=team,
        scoring=read_scoring(Section(files.scoring, report), process, uses) if files.scoring else Scoring(),
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
        versions=(one.version,),
        day=date.min,
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
