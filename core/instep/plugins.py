"""Finding connector plugins. Only those that `sync.toml` names are imported: a plugin is code with full power."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from instep.contract import CONTRACT, ConnectorPlugin, Hooks
from instep.errors import ConfigError, PluginError

GROUP = "instep"


@dataclass(frozen=True, slots=True)
class Installed:
    """A connector that is installed, known without importing it."""

    name: str
    distribution: str
    version: str


def installed() -> list[Installed]:
    """Every installed connector, by name."""
    found = [
        Installed(point.name, point.dist.name if point.dist else "?", point.dist.version if point.dist else "?")
        for point in entry_points(group=GROUP)
    ]
    return sorted(found, key=lambda connector: (connector.name, connector.distribution))


@cache
def find_plugin(name: str) -> ConnectorPlugin[Any]:
    """Import the one connector of that name.

    Raises `ConfigError` if none, or more than one distribution, brings it; `PluginError` if it breaks the contract.
    """
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        known = ", ".join(sorted({connector.name for connector in installed()})) or "none"
        raise ConfigError(f"No connector plugin {name!r} is installed (installed: {known}). Install it with pip.")
    if len(points) > 1:
        owners = ", ".join(sorted(point.dist.name if point.dist else "?" for point in points))
        raise ConfigError(f"Several distributions bring a connector {name!r}: {owners}. Uninstall all but one.")
    return _load(points[0], name)


def hooks(names: Iterable[str]) -> pluggy.PluginManager:
    """A manager with the named plugins registered, for the event hooks."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    for point in entry_points(group=GROUP):
        if point.name in set(names):
            module = point.load()
            if not manager.is_registered(module):
                manager.register(module)
    return manager


def _load(point: EntryPoint, name: str) -> ConnectorPlugin[Any]:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    where = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    try:
        manager.register(point.load())
        brought = [plugin for group in manager.hook.instep_connectors() for plugin in group]
    except Exception as error:
        raise PluginError(f"{where} does not load: {error}. Tell its author.") from error
    plugin = next((plugin for plugin in brought if plugin.name == name), None)
    if plugin is None:
        raise PluginError(f"{where} announces a connector {name!r} and does not bring it. Tell its author.")
    if plugin.contract not in (CONTRACT, CONTRACT - 1):
        raise PluginError(
            f"{where} was written for contract {plugin.contract}; this Instep takes {CONTRACT}. Upgrade one of them."
        )
    found: ConnectorPlugin[Any] = plugin
    return found
