"""Finding connector plugins. Only those that `sync.toml` names are imported: a plugin is code with full power."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from instep.contract import CONTRACT, ConnectorPlugin, Hooks
from instep.errors import ConfigError, PluginError
from instep.mapping.mistakes import nearest
from instep.model.values import plain

GROUP = "instep"


@dataclass(frozen=True, slots=True)
class Installed:
    """A connector that is installed, known without importing it."""

    name: str
    distribution: str
    version: str


def installed() -> list[Installed]:
    """Every installed connector, by name."""
    return sorted((found for found, _ in _announced()), key=lambda found: (found.name, found.distribution))


def _announced() -> tuple[tuple[Installed, EntryPoint], ...]:
    return _announced_on(tuple(sys.path))


@cache
def _announced_on(path: tuple[str, ...]) -> tuple[tuple[Installed, EntryPoint], ...]:
    """What the distributions on an import path announce: read once, for it takes as long as a small run."""
    return tuple(
        (
            Installed(point.name, point.dist.name if point.dist else "?", point.dist.version if point.dist else "?"),
            point,
        )
        for point in entry_points(group=GROUP)
    )


def brought_by(name: str) -> str:
    """The distribution that brings a connector, and its version; the connector's name where none is installed."""
    return next((f"{one.distribution} {one.version}" for one in installed() if one.name == name), name)


@cache
def find_plugin(name: str) -> ConnectorPlugin[Any]:
    """Import the one connector of that name.

    Raises `ConfigError` if none, or more than one distribution, brings it; `PluginError` if it breaks the contract.
    """
    point = _point(name)
    manager = _manager()
    try:
        _register(manager, point)
        brought = [plugin for group in manager.hook.instep_connectors() for plugin in group]
    except PluginError:
        raise
    except Exception as error:
        raise _broken(point, f"does not say what it brings ({_said(error)})") from error
    found = next((p for p in brought if isinstance(p, ConnectorPlugin) and p.name == name), None)
    if found is None:
        raise _broken(point, f'announces a connector "{name}" and does not bring it')
    if found.contract not in (CONTRACT, CONTRACT - 1):
        raise PluginError(
            f"{_where(point)} was written for contract {found.contract}; this Instep takes {CONTRACT}. "
            "Upgrade one of them."
        )
    return found


def hooks(names: Iterable[str]) -> pluggy.PluginManager:
    """A manager with the named plugins registered, for the event hooks. Raises as `find_plugin` does."""
    manager = _manager()
    for name in sorted({*names} & {connector.name for connector in installed()}):
        _register(manager, _point(name))
    return manager


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    return manager


def _point(name: str) -> EntryPoint:
    """Where the one connector of that name is to be imported from; imports nothing."""
    points = [point for _, point in _announced() if point.name == name]
    if not points:
        raise ConfigError(f'No connector plugin "{name}" {_instead_of(name)}')
    if len(points) > 1:
        owners = ", ".join(sorted(_where(point) for point in points))
        raise ConfigError(f'Several distributions bring a connector "{name}": {owners}. Uninstall all but one.')
    return points[0]


def _instead_of(name: str) -> str:
    """What there is in place of a connector that is not installed, and what to do."""
    known = sorted({connector.name for connector in installed()})
    near = nearest(name, known)
    remedy = f'Did you mean "{near}"?' if near else "Install it with pip."
    return f"is installed (installed: {', '.join(known) or 'none'}). {remedy}"


def _register(manager: pluggy.PluginManager, point: EntryPoint) -> None:
    try:
        module = point.load()
        if not manager.is_registered(module):
            manager.register(module)
    except (Exception, SystemExit) as error:
        raise _broken(point, f"does not load ({_said(error)})") from error


def _broken(point: EntryPoint, problem: str) -> PluginError:
    return PluginError(f"{_where(point)} {problem}. Install another version of it, or tell its author.")


def _where(point: EntryPoint) -> str:
    """The distribution, and its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _said(error: BaseException) -> str:
    """An error of somebody else's code, on one short line."""
    text = " ".join(str(error).split())[:200].rstrip(".")
    return plain(f"{type(error).__name__}: {text}" if text else type(error).__name__)
