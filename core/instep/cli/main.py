"""The `instep` command. Each subcommand is imported only when it is used."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from instep.errors import InstepError

COMMANDS = {
    "init": ("instep.cli.init:init", "Start a workspace, or see the whole thing run with --demo."),
    "check": ("instep.cli.check:check", "Check all files together, without asking any system."),
    "doctor": ("instep.cli.doctor:doctor", "Ask every system whether everything is in place."),
    "plan": ("instep.cli.sync:plan", "Say what a sync would write. Writes nothing."),
    "apply": ("instep.cli.sync:apply", "Do exactly what a saved plan says."),
    "sync": ("instep.cli.sync:sync", "Bring every system in step."),
    "status": ("instep.cli.report:status", "What is known of every connection, and what waits."),
    "runs": ("instep.cli.report:runs", "The latest runs."),
    "show": ("instep.cli.report:show", "What one run did, record by record."),
    "explain": ("instep.cli.explain:explain", "Why a value is what it is, and what each system holds."),
    "replay": ("instep.cli.replay:replay", "What changed files would have made of everybody. Writes nothing."),
    "undo": ("instep.cli.undo:undo", "Take back what a run wrote, where nobody changed it since."),
    "conflicts": ("instep.cli.conflicts:conflicts", "What systems disagree about, and deciding it: resolve."),
    "report": ("instep.cli.insight:report", "What the acts of buyers say: surge."),
    "override": ("instep.cli.override:override", "Set somebody's stage here, for a reason and until a day."),
    "why-not": ("instep.cli.why_not:why_not", "Why a record is not synced somewhere, and what to do."),
    "retry": ("instep.cli.retry:retry", "Let what a system refused be tried again by the next run."),
    "allow": ("instep.cli.allow:allow", "Let what was deleted in a system be created there again."),
    "erase": ("instep.cli.erase:erase", "Erase a person everywhere, and keep them from coming back."),
    "process": (
        "instep.cli.process:process",
        "The buying process: show, lint, preset, crosswalk, convert, coverage.",
    ),
    "provision": (
        "instep.cli.provision:provision",
        "Every system's stages, choices and fields: plan, apply, drift, import, export.",
    ),
    "help": ("instep.cli.help:help", "What a code means that Instep printed, and what to do."),
    "schema": ("instep.cli.schema:schema", "JSON Schemas of the files, for editors."),
    "connector": ("instep.cli.connector:connector", "Connectors: list, show; write a new one."),
    "sandbox": ("instep.cli.sandbox:sandbox", "Imitations of vendors on this machine: up, load."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from rapidfuzz import process

            close = process.extractOne(args[0], list(COMMANDS), score_cutoff=60)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            ctx.fail(f'There is no command "{args[0]}".{hint}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="instep", message="instep %(version)s")
def instep() -> None:
    """Keep every system in step with how customers buy."""


def kind_of(error: InstepError) -> str:
    """Which branch of the errors it is, also where a plugin has one of its own."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "instep.errors")


def main() -> None:
    """Run the command; errors that a person can act on end in one message and their exit code."""
    from instep.errors import InstepError

    try:
        code = instep.main(prog_name="instep", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except InstepError as error:
        _say(error)
        sys.exit(error.exit_code)


def _say(error: InstepError) -> None:
    """Say what went wrong, on stderr; with `--json` on stdout too."""
    from instep.cli.output import error_text, print_json

    kind = kind_of(error)
    if "--json" in sys.argv:
        problem = {"kind": kind, "message": str(error), "exit_code": error.exit_code}
        print_json("error", {"error": problem})
    click.echo(error_text(error, kind), err=True)


if __name__ == "__main__":
    main()
