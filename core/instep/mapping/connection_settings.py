"""Whether the settings in `sync.toml` are what each plugin expects. No value is ever quoted: it may be a secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from instep.errors import ConfigError, PluginError
from instep.mapping.compiled import ConnectionConfig
from instep.mapping.mistakes import Mistake, Report, ordered, suggestion
from instep.mapping.section import Section

if TYPE_CHECKING:
    from instep.contract import ConnectorPlugin

FindPlugin = Callable[[str], "ConnectorPlugin[Any]"]


def check_settings(
    connections: Sequence[ConnectionConfig], sync_file: Section, find_plugin: FindPlugin
) -> tuple[tuple[Mistake, ...], tuple[Mistake, ...]]:
    """Mistakes and notes. A secret that is not set is a note, since files are checked where no secret is."""
    report = Report()
    section = Section(sync_file.source, report)
    for connection in connections:
        if connection.plugin:
            _check_connection(
                connection, section.below(dict(connection.settings), "connections", connection.name), find_plugin
            )
    return ordered(report.mistakes), ordered(report.notes)


def _check_connection(connection: ConnectionConfig, table: Section, find_plugin: FindPlugin) -> None:
    from instep.settings import ValidationError, load_settings

    try:
        kind = find_plugin(connection.plugin).settings
    except (ConfigError, PluginError) as error:
        problem, _, remedy = str(error).partition(". ")
        table.mistake("NO_PLUGIN", f'is "{connection.plugin}": {problem.rstrip(".")}', remedy, "plugin")
        return
    _note_secrets(connection, table, kind)
    try:
        load_settings(kind, connection.name, dict(connection.settings))
    except ValidationError as error:
        for found in error.errors(include_url=False, include_context=False):
            _report(found, connection, table, kind)


def _report(found: Any, connection: ConnectionConfig, table: Section, kind: Any) -> None:
    """One of pydantic's errors, in our words."""
    path = [part for part in found["loc"] if isinstance(part, (str, int))]
    name = str(path[0]) if path else ""
    variable = _variable(connection, name)
    match found["type"]:
        case _ if not path and not _has_secret(connection, kind):
            # How one logs in is often checked as a whole: without any secret, that it fails says nothing.
            table.note("SECRET_NOT_SET", f"has no secret here: {_message(found)}", "Set it where it is to run.")
        case "missing" if _is_secret(kind, name):
            table.note("SECRET_NOT_SET", f'has no "{name}" here', f"Set {variable} where it is to run.")
        case "missing":
            table.mistake("MISSING_KEY", f'has no "{name}"', f"Add it, or set {variable}.")
        case "extra_forbidden":
            known = [*kind.model_fields, "plugin"]
            table.mistake("UNKNOWN_KEY", "is not a known key", suggestion(name, known), *path)
        case _:
            place = "in the environment" if variable in os.environ else "here"
            remedy = f"Correct {variable}." if variable in os.environ else f"Correct it, or set {variable}."
            problem = f"is not accepted {place}: {_message(found)}" if path else f"is not accepted: {_message(found)}"
            table.mistake("BAD_SETTING", problem, remedy if path else "Correct the settings.", *path)


def _message(found: Any) -> str:
    """Pydantic's message in lower case, unless it repeats the value."""
    said, given = str(found["msg"]), found.get("input")
    quoted = {str(value) for value in _leaves(given)}
    if any(len(value) > 1 and value in said for value in quoted):
        return "its value does not fit"
    said = said.removeprefix("Value error, ").rstrip(".")
    return said[:1].lower() + said[1:]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, (list, tuple)):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value.get_secret_value() if hasattr(value, "get_secret_value") else value]


def _note_secrets(connection: ConnectionConfig, table: Section, kind: Any) -> None:
    for name in connection.settings:
        if _is_secret(kind, name):
            remedy = f"Move it to {_variable(connection, name)}, so that it is never committed."
            table.note("SECRET_IN_FILE", "is a secret, and this file is not a place for it", remedy, name)


def _is_secret(kind: Any, name: str) -> bool:
    field = kind.model_fields.get(name)
    return field is not None and "Secret" in str(field.annotation)


def _has_secret(connection: ConnectionConfig, kind: Any) -> bool:
    """Whether any secret is set; true for settings that know none."""
    secrets = [name for name in kind.model_fields if _is_secret(kind, name)]
    given = [name for name in secrets if name in connection.settings or _variable(connection, name) in os.environ]
    return not secrets or bool(given)


def _variable(connection: ConnectionConfig, name: str) -> str:
    from instep.settings import environment_prefix

    return environment_prefix(connection.name) + name.upper()
