"""`instep help CODE`: what a code means, and what to do about it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from instep.cli.output import print_json
from instep.cli.process import json_option

if TYPE_CHECKING:
    from instep.codes import Page

_CERTAIN, _NEAR = 85, 60


@click.command()
@click.argument("words", nargs=-1, metavar="[CODE]")
@json_option
@click.pass_context
def help(ctx: click.Context, words: tuple[str, ...], as_json: bool) -> None:
    """Say what a CODE means that Instep printed, why it happens and what to do. Without one: list all codes.

    A code that a system gave itself is explained by the class that it falls into; a number is an exit code.
    """
    if not words:
        _print_all(as_json)
        return
    typed = " ".join(words)
    page = _page_of(typed)
    if page is not None:
        _print_page(page, typed, as_json)
    elif not _print_help_of(ctx, words[0]):
        raise _unknown(typed)


def _page_of(typed: str) -> Page | None:
    from instep.cli.output import class_of_refusal
    from instep.codes import every_code, find_code, read_page

    code = find_code(typed)
    if code is None and _nearest(typed, every_code(), _CERTAIN) is None:
        found = class_of_refusal(typed.lower())
        code = found if found != "other" else None
    return read_page(code) if code is not None else None


def _print_page(page: Page, typed: str, as_json: bool) -> None:
    from instep.cli.output import talk
    from instep.codes import find_code
    from instep.model.values import plain

    if as_json:
        print_json("help", {"code": page.code, "group": page.group, "text": page.plain()})
        return
    if find_code(typed) is None:
        talk(plain(f'"{typed}" is a code of the system itself. Such refusals are of this class:') + "\n")
    click.echo(page.plain())


def _print_all(as_json: bool) -> None:
    from instep.codes import GROUPS, pages_by_group

    found = pages_by_group()
    if as_json:
        said = {group: [{"code": p.code, "meaning": p.meaning} for p in pages] for group, pages in found.items()}
        print_json("codes", {"groups": [{"group": group, "codes": codes} for group, codes in said.items()]})
        return
    for group, pages in found.items():
        codes = textwrap.fill(", ".join(page.code for page in pages), 100, break_on_hyphens=False)
        click.echo(f"{group} ({GROUPS[group]}):\n{textwrap.indent(codes, '  ')}\n")
    click.echo("What one of them means: instep help CODE. What a command does: instep COMMAND --help")


def _print_help_of(ctx: click.Context, name: str) -> bool:
    """The help of a command, for those who ask for it so; false where there is none of that name."""
    root = ctx.find_root()
    found = root.command.get_command(root, name) if isinstance(root.command, click.Group) else None
    if found is not None:
        click.echo(found.get_help(click.Context(found, info_name=name, parent=root)))
    return found is not None


def _unknown(typed: str) -> Exception:
    from instep.codes import every_code
    from instep.errors import ConfigError
    from instep.model.values import plain

    near = _nearest(typed, every_code(), _NEAR)
    hint = f'Did you mean "{near}"?' if near else "All codes: instep help"
    return ConfigError(plain(f'There is no code "{typed}". {hint}'))


def _nearest(typed: str, codes: tuple[str, ...], least: int) -> str | None:
    from rapidfuzz import fuzz, process

    found = process.extractOne(typed, codes, scorer=fuzz.ratio, processor=str.casefold, score_cutoff=least)
    return None if found is None else str(found[0])
