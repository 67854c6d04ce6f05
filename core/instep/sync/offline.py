"""A session that asks no system: it decides and plans from what the state holds, and can neither send nor store."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from instep.contract import ConnectionInfo, Effects
from instep.errors import PluginError
from instep.mapping.compiled import ConnectionConfig, Workspace
from instep.mapping.translate import Directory
from instep.mapping.wrong_settings import usable_settings, variable_of
from instep.settings import is_secret
from instep.store import Store
from instep.sync.budget import Budget
from instep.sync.ledger import Ledger, Ref
from instep.sync.pace import SharedPace
from instep.sync.session import Live, Session, related_mapping, resolve_paths, use_catalogue
from instep.sync.transport import CountingTransport, World

_SILENT = "This command asks no system, and a connector tried to. Tell the plugin's author."


@dataclass(slots=True)
class NoTransport:
    """A way out that is closed."""

    def send(self, *_: Any, **__: Any) -> Any:
        raise PluginError(_SILENT)


@dataclass(slots=True)
class Counted(Ledger):
    """An account of nothing but what would be noted: how often each cause, by code and connection."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        Ledger.__init__(self)

    def look(self, ref: Ref) -> None:
        pass

    def unchanged(self, ref: Ref) -> None:
        pass

    def skip(self, ref: Ref, reason: str) -> None:
        pass

    def quarantine(self, ref: Ref, reason: str) -> None:
        pass

    def note(self, code: str, connection: str, text: str, remedy: str, example: str = "") -> None:
        self.counts[(code, connection)] += 1


@contextmanager
def offline(workspace: Workspace, store: Store, world: World, at: datetime) -> Iterator[Session]:
    """A session at `at` on a state that is open, with the files of `workspace`. Needs no credentials."""
    connections: dict[str, Live] = {}
    try:
        for config in workspace.connections:
            connections[config.name] = _unplugged(workspace, store, world, config)
        session = Session(workspace, store, world, connections, Counted())
        session.at = at
        session.run = store.count("SELECT coalesce(max(id), 0) FROM run")
        for live in connections.values():
            _recall_catalogue(session, live)
        yield session
    finally:
        for live in connections.values():
            live.parts.close()


def _unplugged(workspace: Workspace, store: Store, world: World, config: ConnectionConfig) -> Live:
    plugin = world.find_plugin(config.plugin)
    settings = _settings(plugin.settings, config.name, resolve_paths(dict(config.settings), workspace))
    budget = Budget(store, world.clock, config.name, 0)
    transport = CountingTransport(config.name, world, SharedPace(store, world.clock), budget)
    parts = plugin.connect(settings, Effects(NoTransport(), world.clock, world.sleep, world.random))
    mapping = related_mapping(workspace.mappings[config.name], parts)
    live = Live(config.name, plugin, parts, mapping, transport, budget)
    live.directory = Directory(config.name, workspace.team, None)
    return live


def _settings(kind: Any, name: str, table: dict[str, Any]) -> Any:
    """A connection's settings; a secret that is not set is not needed either."""
    unset = {key for key, field in kind.model_fields.items() if field.is_required() and is_secret(field.annotation)}
    given = {key for key in unset if key in table or variable_of(name, key) in os.environ}
    return usable_settings(kind, name, {**table, **dict.fromkeys(unset - given, "not needed")})


def _recall_catalogue(session: Session, live: Live) -> None:
    """What is known of a system since it was asked last."""
    row = session.store.row("SELECT org, catalogue FROM connection WHERE name = ?", (live.name,))
    live.info = ConnectionInfo(org=str(row[0]) if row else "")
    if row and row[1]:
        use_catalogue(session, live, json.loads(row[1]))
