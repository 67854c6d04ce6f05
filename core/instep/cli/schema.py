"""`instep schema`: JSON Schemas of a workspace's files, for editors, and of the documents that commands print."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from instep.cli.process import workspace_option


@click.command()
@click.argument("file", required=False)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write every schema into this folder.")
@click.option("--output", metavar="KIND", help="Print the schema of a document that --json prints: see --outputs.")
@click.option("--outputs", is_flag=True, help="List the kinds of documents that --json prints.")
@workspace_option
def schema(file: str | None, out: Path | None, output: str | None, outputs: bool, workspace: Path) -> None:
    """Print the schema of FILE (a file of the workspace, or sync, process, scoring, team, mapping), or write all.

    The settings of connectors are those of the connections that sync.toml names.
    """
    from instep.mapping.schema import NAMES, schema_files, schema_for, schema_of, schema_text

    if sum((file is not None, out is not None, output is not None, outputs)) != 1:
        names = ", ".join(NAMES)
        raise click.UsageError(f"Name a schema ({names}), a folder for all of them with --out, or --output KIND.")
    if outputs:
        click.echo("\n".join(output_lines()))
        return
    if output is not None:
        click.echo(output_schema(output), nl=False)
        return
    known, installed = connectors_of(workspace)
    if out is not None:
        write_schemas(out, schema_files(known, installed))
        click.echo(f"wrote {len(NAMES)} schemas to {out}")
    else:
        found = schema_of(schema_for(file or ""), known, installed)
        click.echo(schema_text(found), nl=False)


def output_lines() -> list[str]:
    """Every kind of document that commands print, and what it is."""
    from instep.outputs import kinds, title

    found = kinds()
    width = max(map(len, found))
    return [f"{kind.ljust(width)}  {title(kind)}" for kind in found]


def output_schema(kind: str) -> str:
    """The schema of a kind of document, as it is published. Raises `ConfigError` where there is none of that name."""
    from instep.errors import ConfigError
    from instep.mapping.mistakes import suggestion
    from instep.outputs import kinds, schema_text

    if kind not in kinds():
        remedy = suggestion(kind, kinds(), "See: instep schema --outputs")
        raise ConfigError(f'There is no kind of document "{kind}". {remedy}')
    return schema_text(kind)


def write_schemas(folder: Path, files: dict[str, str]) -> None:
    """Write schemas, over older ones: they are never edited."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def connectors_of(workspace: Path) -> tuple[dict[str, type[Any]], list[str]]:
    """The settings of the connectors that `sync.toml` names, and the names of all that are installed."""
    from instep.mapping.load import read_workspace
    from instep.plugins import installed

    named = [connection.plugin for connection in read_workspace(workspace).connections]
    present = sorted({connector.name for connector in installed()})
    return settings_of(name for name in named if name in present), present


def settings_of(plugins: Iterable[str]) -> dict[str, type[Any]]:
    """The settings of connectors, by name. Imports each."""
    from instep.plugins import find_plugin

    return {name: find_plugin(name).settings for name in sorted(set(plugins))}
