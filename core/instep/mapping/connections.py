"""`sync.toml`: which systems are kept in step, in order of preference, and how often."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from instep.mapping.compiled import ConnectionConfig, Guards, Options, Quarantine, Reserve
from instep.mapping.guards import read_guards
from instep.mapping.quarantine import read_quarantine
from instep.mapping.reserve import read_reserve
from instep.mapping.section import Section
from instep.mapping.versions import FIRST, is_version

RESERVED = ("process", "scoring", "team")
"""Mapping files that are not a connection's; nor are later versions of the process."""

NAMING = f"Use small letters, digits, - and _; none of {', '.join(RESERVED)}, and nothing that begins with {FIRST}-."
"""What a connection may be called."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_DEFAULT = Options()
DEFAULT_STORE = ".instep/state.db"
"""Where the state is kept unless `sync.toml` says otherwise."""


@dataclass(frozen=True, slots=True)
class SyncFile:
    connections: tuple[ConnectionConfig, ...]
    options: Options
    guards: Guards
    quarantine: Quarantine
    reserve: Reserve
    store: str


def read_sync_file(section: Section) -> SyncFile:
    """What `sync.toml` says."""
    sync = section.table("sync")
    options, store = _options(sync) if sync else (_DEFAULT, DEFAULT_STORE)
    table = section.table("guards")
    guards = read_guards(table) if table else Guards()
    table = section.table("quarantine")
    quarantine = read_quarantine(table) if table else Quarantine()
    tables = section.table_or_empty("connections")
    connections = tuple(found for name in tables.data if (found := _connection(tables, name)))
    kept = section.table("budget")
    reserve = read_reserve(kept, list(tables.data)) if kept else Reserve()
    section.finish()
    if not tables.data:
        section.mistake("NO_CONNECTION", "No connection is configured", 'Add [connections.NAME] with plugin = "…".')
    return SyncFile(connections, options, guards, quarantine, reserve, store)


def is_connection_name(name: str) -> bool:
    """Whether a connection may be called so: its mapping file is called the same."""
    return name not in RESERVED and not is_version(name) and _NAME.fullmatch(name) is not None


def store_path(root: Path, store: str) -> Path:
    """Where the state is kept: relative to the workspace unless it says otherwise."""
    return root / Path(store).expanduser()


def _options(sync: Section) -> tuple[Options, str]:
    options = Options(
        recheck_after_seconds=sync.span("recheck_after", "s", _DEFAULT.recheck_after_seconds),
        associations_every_days=sync.span("associations_every", "d", _DEFAULT.associations_every_days),
        catalogue_every_hours=sync.span("catalogue_every", "h", _DEFAULT.catalogue_every_hours),
    )
    store = sync.text("store", DEFAULT_STORE) or DEFAULT_STORE
    sync.finish()
    return options, store


def _connection(tables: Section, name: str) -> ConnectionConfig | None:
    table = tables.table(name)
    if table is None:
        return None
    if not is_connection_name(name):
        problem = "is a name that a connection cannot have"
        table.mistake("BAD_NAME", problem, NAMING)
    plugin = table.required_text("plugin")
    settings = {key: value for key, value in table.entries() if key != "plugin"}
    return ConnectionConfig(name, plugin or "", settings)
