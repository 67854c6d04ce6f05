"""`instep report`: what the acts of buyers say, beyond one record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.instants import as_past_instant
from instep.cli.output import brief, moment, print_json
from instep.cli.process import json_option, workspace_option
from instep.cli.reports import NewFile

if TYPE_CHECKING:
    from instep.sync.surge import Surge, Surges


@click.group()
def report() -> None:
    """What the acts of buyers say, beyond one record: surge."""


@report.command()
@click.option(
    "--min-events", "fewest", type=click.IntRange(1), default=5, show_default=True, help="At least so many."
)
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="In the last so many days.")
@click.option("--as-of", "at", callback=as_past_instant, metavar="DATE", help="As of the end of a past day, in UTC.")
@click.option("--markdown", type=NewFile(), help="Write it to a file, as Markdown.")
@workspace_option
@json_option
def surge(
    *, fewest: int, days: int, at: datetime | None, markdown: Path | None, workspace: Path, as_json: bool
) -> None:
    """Companies that do a great deal while nobody there is known, what they look at, and what might come next.

    As of the latest run, or of a day. Asks no system.
    """
    from instep.mapping.load import load_workspace
    from instep.sync.surge import find_surges

    document = surges_json(find_surges(load_workspace(workspace), fewest=fewest, days=days, at=at))
    if markdown is not None:
        markdown.write_text(surges_markdown(document), encoding="utf-8")
    if as_json:
        print_json("report-surge", document)
    else:
        click.echo(surges_text(document))


def surges_json(found: Surges) -> dict[str, Any]:
    """What was found, for machines."""
    return {
        "at": found.at.isoformat(),
        "days": found.days,
        "min_events": found.fewest,
        "companies": [_surge_json(one) for one in found.companies],
    }


def _surge_json(one: Surge) -> dict[str, Any]:
    coming = one.next
    return {
        "entity": one.entity,
        "known_as": one.known_as,
        "events": one.events,
        "consumed": [
            {"behaviour": c.behaviour, "count": c.count, "last": c.last.isoformat(), "texts": list(c.texts)}
            for c in one.consumed
        ],
        "score": one.score,
        "stage": one.stage,
        "next": {"stage": coming.key, "behaviours": sorted(coming.enter.behaviours)} if coming is not None else None,
        "role": coming.role.value if coming is not None and coming.role is not None else None,
        "owner": one.owner,
        "candidate": one.candidate,
    }


def _title(document: dict[str, Any]) -> str:
    count = len(document["companies"])
    what = f"{count:,} {'company' if count == 1 else 'companies'} without a known person"
    fewest = document["min_events"]
    return f"{what} did at least {fewest} {'thing' if fewest == 1 else 'things'} in the {document['days']} days to"


def _position(one: dict[str, Any]) -> str:
    """Where a company stands, what would be next, and who looks after it."""
    score = f"score {one['score']:.1f}, " if one["score"] is not None else ""
    coming = one["next"]
    ahead = f", next {coming['stage']} by {', '.join(coming['behaviours'])}" if coming is not None else ""
    return f"{score}stage {one['stage'] or 'not known'}{ahead}; {_owner(one)}"


def _owner(one: dict[str, Any]) -> str:
    if one["owner"] is not None:
        return f"owner {one['owner']}"
    role = f" for {one['role']}" if one["role"] else ""
    return f"no owner, {one['candidate']} could take it{role}" if one["candidate"] else f"no owner{role}"


def surges_text(document: dict[str, Any]) -> str:
    """What was found, for people."""
    from instep.model.values import amount, plain

    lines: list[str] = []
    for one in document["companies"]:
        lines += [
            f"{brief(one['known_as'])} ({one['entity']}): {amount(one['events'], 'thing')}",
            f"    {_position(one)}",
        ]
        lines += [f"    {line}" for line in map(_consumed_line, one["consumed"])]
    lines.append(f"{_title(document)} {moment(document['at'])}.")
    return "\n".join(map(plain, lines))


def _consumed_line(one: dict[str, Any]) -> str:
    texts = f": {'; '.join(brief(text, 80) for text in one['texts'])}" if one["texts"] else ""
    return f"{one['count']:,} x {one['behaviour']}, last {moment(one['last'])}{texts}"


def surges_markdown(document: dict[str, Any]) -> str:
    """What was found, as Markdown; whatever a vendor sent stands in code spans."""
    from instep.cli.markdown import capped, code, markdown_table

    def looked_at(consumed: Sequence[dict[str, Any]]) -> str:
        parts = [
            " ".join([f"{c['count']:,} x {code(c['behaviour'])}", *(code(brief(text, 80)) for text in c["texts"])])
            for c in consumed
        ]
        return "; ".join(parts)

    rows = [
        [code(one["known_as"]), str(one["events"]), looked_at(one["consumed"]), code(_position(one))]
        for one in document["companies"]
    ]
    table = markdown_table(["company", "things", "what", "where it stands"], rows) if rows else ""
    headline = f"**{_title(document)} {moment(document['at'])}**"
    return capped("\n\n".join(part for part in (headline, table) if part) + "\n")
