"""`instep connector list|show`."""

from __future__ import annotations

from typing import Any

import click

from instep.cli.output import table
from instep.cli.process import json_option, print_json


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
        print_json({"format_version": 1, "connectors": [dict(zip(keys, row, strict=True)) for row in found]})
    else:
        click.echo(table(["connector", "distribution", "version"], found))


@connector.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """What a connector needs in sync.toml, and which parts it has."""
    from instep.plugins import find_plugin

    plugin = find_plugin(name)
    document = describe(plugin)
    if as_json:
        print_json({"format_version": 1, **document})
        return
    click.echo(f"{plugin.name}: {plugin.summary or 'a connector'} (contract {plugin.contract})\n")
    rows = [
        [s["name"], s["type"], "required" if s["required"] else s["default"], s["description"]]
        for s in document["settings"]
    ]
    click.echo(table(["setting", "type", "default", "meaning"], rows))
    click.echo(f"\nSecrets belong in the environment: INSTEP_<CONNECTION>__<SETTING>.\n\n{plugin.starter_mapping}")


def describe(plugin: Any) -> dict[str, Any]:
    """A connector's settings, without any value."""
    settings = []
    for name, field in plugin.settings.model_fields.items():
        kind = getattr(field.annotation, "__name__", str(field.annotation))
        settings.append(
            {
                "name": name,
                "type": kind,
                "required": field.is_required(),
                "default": None if field.is_required() or "Secret" in kind else str(field.default),
                "description": field.description or "",
            }
        )
    return {"name": plugin.name, "contract": plugin.contract, "summary": plugin.summary, "settings": settings}
