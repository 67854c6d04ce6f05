"""`instep connector list|show|new|test`."""

from __future__ import annotations

import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from instep.badge import badge_of
from instep.cli.output import print_json, table, talk
from instep.cli.process import json_option, workspace_option
from instep.model.values import plain
from instep.settings import is_secret


@click.group()
def connector() -> None:
    """Installed connectors, and what each can do."""


@connector.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every installed connector. Imports none of them."""
    from instep.plugins import installed

    found = [[c.name, c.distribution, c.version] for c in installed()]
    if as_json:
        keys = ("name", "distribution", "version")
        print_json("connector-list", {"connectors": [dict(zip(keys, row, strict=True)) for row in found]})
    else:
        click.echo(table(["connector", "distribution", "version"], found))


@connector.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """A connector's settings in sync.toml, and the mapping that it starts with."""
    from instep.plugins import find_plugin

    plugin = find_plugin(name)
    document = describe(plugin)
    if as_json:
        print_json("connector-show", document)
        return
    click.echo(f"{plugin.name}: {plugin.summary or 'a connector'} (contract {plugin.contract})\n")
    rows = [
        [s["name"], s["type"], "required" if s["required"] else s["default"] or "—", s["description"]]
        for s in document["settings"]
    ]
    click.echo(table(["setting", "type", "default", "meaning"], rows))
    click.echo(f"\nSecrets belong in the environment: INSTEP_<CONNECTION>__<SETTING>.\n\n{plugin.starter_mapping}")
    click.echo("\n".join(_badge_lines(document["conformance"])))


def _badge_lines(badge: dict[str, Any] | None) -> list[str]:
    """What the connector's conformance tests came to, and every reason for which a claim is not tested."""
    if badge is None:
        return ["Conformance: its distribution recorded nothing."]
    several = sum(one["claims"] for one in badge["skipped"])
    lines = [f"Conformance (contract {badge['contract']}): {badge['holds']} claims hold, {several} do not apply."]
    return lines + [f"  {one['claims']:>3}  {plain(one['reason'])}" for one in badge["skipped"]]


@connector.command("test")
@click.argument("connection")
@workspace_option
@click.option("--write", "writing", is_flag=True, help="Create records too, and delete them again. For test systems.")
@json_option
def test_(connection: str, workspace: Path | None, writing: bool, as_json: bool) -> None:
    """Test a connector in a real system: a connection of sync.toml. Reads a little, and writes nothing.

    Ends with 1 where a claim does not hold, and with 8 where the login fails.
    """
    from instep.cli.init_live import asked_connection, effects_for, keep_limits
    from instep.errors import AccessError, ConfigError

    asked = asked_connection(workspace or Path(), connection)
    try:
        kit = import_module("instep.testing.live")  # it needs pytest, and nothing else here does
    except ModuleNotFoundError as error:
        raise ConfigError("The kit needs pytest, which is not installed. Run: pip install pytest") from error
    effects = effects_for(asked)
    paced = partial(keep_limits, effects)
    test = kit.LiveTest(asked.plugin, asked.settings, effects, paced, _key_field(asked.plugin), writing=writing)
    found = []
    try:
        for judged in test.run():
            found.append(judged)
            if not as_json:
                click.echo("\n".join(_judged_lines(judged)))
    except AccessError as error:
        raise AccessError(f"The login of {connection} failed, so no claim was tested.\n{error}") from error
    finally:
        for object, key in test.left_behind:  # also where somebody stopped it
            talk(f"May still be there: {object} {plain(key)}. Delete it there.")
    count = {state: sum(one.state == state for one in found) for state in ("holds", "broken", "skipped")}
    could_log_in = all(one.state == "holds" for one in found if one.claim == kit.LOGS_IN)
    left = [{"object": object, "key": key} for object, key in test.left_behind]
    if as_json:
        claims = [{"claim": one.claim, "state": one.state, "why": one.why or None} for one in found]
        content = {"connection": connection, "connector": asked.plugin.name, "claims": claims, "left_behind": left}
        print_json("connector-test", content)
    else:
        talk(_summary(count) if could_log_in else "The system could not be asked, so no other claim was tested.")
    if count["broken"] or left or not could_log_in:
        raise SystemExit(1)


def _summary(count: Mapping[str, int]) -> str:
    return f"{count['holds']} hold, {count['broken']} broken, {count['skipped']} skipped."


def _judged_lines(judged: Any) -> list[str]:
    lines = [f"{judged.state:<8} {judged.claim.removeprefix('test_').replace('_', ' ')}"]
    return [*lines, f"{'':<8} {plain(judged.why)}"] if judged.why else lines


def _key_field(plugin: Any) -> str:
    """The field of our own that a connector's records are found by, as its mapping names it at the start."""
    objects = tomllib.loads(plugin.starter_mapping).values()
    named = (one["instep_id"] for one in objects if isinstance(one, dict) and "instep_id" in one)
    return str(next(named, "instep_id"))


@connector.command()
@click.argument("name")
@click.option(
    "--into",
    default=".",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the package's folder is put; it must be there. Here, unless given.",
)
@json_option
def new(name: str, into: Path, as_json: bool) -> None:
    """Write the package of a new connector: it works against its own imitation of a system, and its tests are green.

    NAME is what admins will write after `plugin =`, in small letters: mycrm. Never overwrites anything.
    """
    from instep.newconnector.package import write_package

    made, python = write_package(name, into), shlex.quote(sys.executable)  # the one that has Instep
    then = [
        f"cd {shlex.quote(str(made.folder))} && {python} -m pip install -e .",
        f"{python} -m pytest tests",
        f"{python} -m pytest -p instep.testing.record tests/test_conformance.py  # writes conformance.json",
        f"instep connector show {name}",
    ]
    if as_json:
        print_json("connector-new", {"name": name, "folder": str(made.folder), "files": made.files, "next": then})
        return
    click.echo("\n".join(f"wrote {plain(str(made.folder / file))}" for file in made.files))
    talk("\n".join(["", "Next:", *(f"  {plain(line)}" for line in then)]))


def describe(plugin: Any) -> dict[str, Any]:
    """A connector's settings, without any value, the mapping that it starts with, and what its tests came to."""
    badge = badge_of(plugin)
    skipped = [] if badge is None else [{"reason": r, "claims": len(of)} for r, of in badge.skipped.items()]
    return {
        "name": plugin.name,
        "contract": plugin.contract,
        "summary": plugin.summary,
        "settings": list(_settings(plugin.settings)),
        "starter_mapping": plugin.starter_mapping,
        "conformance": badge and {"contract": badge.contract, "holds": badge.holds, "skipped": skipped},
    }


def _settings(kind: Any, prefix: str = "") -> Iterator[dict[str, Any]]:
    """Each setting, and under a table of tables the settings of one of them: `objects.NAME.file`."""
    for name, field in kind.model_fields.items():
        secret, inner = is_secret(field.annotation), _inner(field.annotation)
        yield {
            "name": prefix + name,
            "type": _type(field.annotation),
            "required": field.is_required(),
            "default": None if field.is_required() or secret else _default(field),
            "description": " ".join((field.description or "").split("\n\n")[0].split()),
        }
        if inner is not None:
            yield from _settings(inner, f"{prefix}{name}.NAME.")


def _type(annotation: Any) -> str:
    """A type in words: text, number, "in | both"."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return " | ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(_type(one) for one in inner if one is not NoneType))
    if is_secret(annotation):
        return "secret"
    kind = origin or annotation
    if not isinstance(kind, type):
        return "text"
    words: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "yes or no"),
        ((int, float), "number"),
        ((Mapping, BaseModel), "table"),
        ((list, tuple, set, frozenset), "list"),
    )
    return next((word for types, word in words if issubclass(kind, types)), "text")


def _inner(annotation: Any) -> Any:
    """The settings in each entry of a table, where they are declared."""
    last = (get_args(annotation) or (None,))[-1]
    is_table = isinstance(get_origin(annotation), type) and issubclass(get_origin(annotation), Mapping)
    return last if is_table and isinstance(last, type) and issubclass(last, BaseModel) else None


def _default(field: FieldInfo) -> str | None:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None or value in ({}, [], (), "") else str(value)
