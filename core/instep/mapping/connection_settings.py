"""Whether the settings in `sync.toml` are what each plugin expects. No value is ever quoted: it may be a secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from instep.errors import ConfigError, PluginError
from instep.mapping.compiled import ConnectionConfig, ConnectionMapping, Workspace
from instep.mapping.mistakes import Mistake, Report, ordered, suggestion
from instep.mapping.section import Section
from instep.mapping.wrong_settings import WrongSetting, is_secret_setting, variable_of, wrong_in

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


def check_objects(
    workspace: Workspace, sync_file: Section, find_plugin: FindPlugin
) -> tuple[tuple[Mistake, ...], tuple[Mistake, ...]]:
    """Mistakes and notes, where settings give objects their names: what one file names and the other does not."""
    report = Report()
    section = Section(sync_file.source, report)
    for connection in workspace.connections:
        named = _named_objects(connection, find_plugin)
        if named is not None:
            table = section.below(dict(connection.settings), "connections", connection.name)
            _compare_objects(table, *named, workspace.mappings[connection.name])
    return ordered(report.mistakes), ordered(report.notes)


def _named_objects(connection: ConnectionConfig, find_plugin: FindPlugin) -> tuple[str, dict[str, Any]] | None:
    """The setting that names objects, and what the file has there; None where there is none, or others decide it."""
    try:
        setting = find_plugin(connection.plugin).settings.names_objects
    except (ConfigError, PluginError):
        return None
    named = connection.settings.get(setting)
    is_elsewhere = variable_of(connection.name, setting) in os.environ
    return (setting, named) if isinstance(named, dict) and not is_elsewhere else None


def _compare_objects(table: Section, setting: str, named: dict[str, Any], mapping: ConnectionMapping) -> None:
    file = f"mappings/{mapping.connection}.toml"
    for object in (object for object in named if object not in mapping.objects):
        problem = f"is kept in step with nothing: no objects of {file} name it"
        table.note("UNUSED_OBJECT", problem, "Name it there, or remove it here.", setting, object)
    for object in (object for object in mapping.objects if object not in named):
        problem = f'has no "{object}", which {file} names among its objects'
        table.mistake("UNKNOWN_OBJECT", problem, suggestion(object, named), setting)


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
        for wrong in wrong_in(error, kind, connection.name):
            _report(wrong, connection, table, kind)


def _report(wrong: WrongSetting, connection: ConnectionConfig, table: Section, kind: Any) -> None:
    # How one logs in is often checked as a whole: without any secret, that it fails says nothing.
    is_login = not wrong.path and wrong.code == "BAD_SETTING" and not _has_secret(connection, kind)
    if is_login or wrong.code == "SECRET_NOT_SET":
        table.note("SECRET_NOT_SET", wrong.problem, wrong.remedy)
    else:
        table.mistake(wrong.code, wrong.problem, wrong.remedy, *wrong.path)


def _note_secrets(connection: ConnectionConfig, table: Section, kind: Any) -> None:
    for name in connection.settings:
        if is_secret_setting(kind, name):
            remedy = f"Move it to {variable_of(connection.name, name)}, so that it is never committed."
            table.note("SECRET_IN_FILE", "is a secret, and this file is not a place for it", remedy, name)


def _has_secret(connection: ConnectionConfig, kind: Any) -> bool:
    """Whether any secret is set; true for settings that know none."""
    secrets = [name for name in kind.model_fields if is_secret_setting(kind, name)]
    given = [
        name for name in secrets if name in connection.settings or variable_of(connection.name, name) in os.environ
    ]
    return not secrets or bool(given)
