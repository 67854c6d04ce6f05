"""A plan or a run as Markdown, for a pull request or the summary of a CI job.

Values are hidden unless they are asked for, and whatever a vendor sent stands in code spans: neither markup nor
mentions nor links in it do anything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from instep.cli.output import brief
from instep.model.values import plain

if TYPE_CHECKING:
    from instep.sync.changes import Change, Plan
    from instep.sync.run import Outcome

MOST_BYTES = 60_000
"""GitHub takes 65,536 characters in a comment and a mebibyte in the summary of a step."""
SAMPLES = 5
_WITHOUT_VALUES = ("guard", "first-run", "waits", "budget")
"""Notes that speak of counts alone."""


def report(outcome: Outcome, *, values: bool = False) -> str:
    """What a run would write, or did, and what a person should look at. `values` shows samples, before and after."""
    parts = [_headline(outcome), _changes(outcome.plan)]
    parts += [_samples(outcome.plan)] if values else []
    parts += [_accounts(outcome), _left(outcome), _notes(outcome.notes, values=values)]
    return capped("\n\n".join(part for part in parts if part) + "\n")


def code(text: object) -> str:
    """A text of any origin as a code span that nothing in it can leave, in a table too."""
    shown = plain(brief(str(text))).replace("|", "\\|") or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if fence != "`" or shown.startswith(" ") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def capped(text: str, most: int = MOST_BYTES) -> str:
    """Whole lines of a text, as many as there is room for; says how many are left out."""
    if len(text.encode()) <= most:
        return text
    lines, kept, size = text.splitlines(keepends=True), list[str](), 200
    for line in lines:
        size += len(line.encode())
        if size > most:
            break
        kept.append(line)
    opened = sum(line.startswith("<details>") for line in kept) - sum(line.startswith("</details>") for line in kept)
    end = f"\n{len(lines) - len(kept):,} more lines are left out: `instep show RUN` and the plan's file have them.\n"
    return "".join(kept) + "\n</details>\n" * opened + end


def _headline(outcome: Outcome) -> str:
    count = len(outcome.plan.changes)
    if outcome.applied:
        written = sum(sum(acts.values()) for a in outcome.account.values() for acts in a["written"].values())
        return f"### Instep: run {outcome.run} is {outcome.status}, {written:,} written"
    return f"### Instep: {f'{count:,} to write' if count else 'nothing to write'} (run {outcome.run})"


def _changes(plan: Plan) -> str:
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for change in plan.changes:
        groups.setdefault((change.connection, change.object, change.verb), []).append(change)
    rows = [
        [code(connection), code(object), action, f"{len(found):,}", _fields(found)]
        for (connection, object, action), found in groups.items()
    ]
    return markdown_table(["connection", "object", "action", "records", "of which"], rows)


def _fields(changes: Sequence[Change]) -> str:
    counted = Counter(value.name for change in changes for value in change.values if value.name != "instep_id")
    counted += Counter(change.relation for change in changes if change.relation)
    return ", ".join(f"{code(name)} {count:,}" for name, count in counted.most_common(10))


def _samples(plan: Plan) -> str:
    rows: list[list[str]] = []
    shown: Counter[tuple[str, str, str]] = Counter()
    for change in plan.changes:
        group = (change.connection, change.object, change.action)
        shown[group] += 1
        if shown[group] <= SAMPLES:
            rows += _sample(change)
    table = markdown_table(["record", "field", "before", "after", "because"], rows)
    return f"<details><summary>Samples</summary>\n\n{table}\n\n</details>" if rows else ""


def _sample(change: Change) -> list[list[str]]:
    record = code(change.target)
    if change.relation:
        return [[record, code(change.relation), "", code(change.to_entity), code(change.because)]]
    return [
        [record, code(v.name), *map(code, v.shown), code(v.because)] for v in change.values if v.name != "instep_id"
    ]


def _accounts(outcome: Outcome) -> str:
    rows = [
        [code(name), *(f"{count:,}" for count in _figures(account)), str(account["calls"])]
        for name, account in outcome.account.items()
    ]
    headers = ["connection", "seen", "changed", "skipped", "quarantined", "conflicts", "unaccounted", "calls"]
    stopped = [f"- {code(name)} was left early." for name in outcome.stopped]
    return "\n\n".join(part for part in (markdown_table(headers, rows), "\n".join(stopped)) if part)


def _figures(account: Mapping[str, Any]) -> list[int]:
    sums = [sum(account["skipped"].values()), sum(account["quarantined"].values())]
    return [account["seen"], account["changed"], *sums, account["conflicts"], account["unaccounted"]]


def _left(outcome: Outcome) -> str:
    counted = Counter((one["record"].split("/")[0], one["why"].split(",")[0]) for one in outcome.plan.left)
    rows = [[code(connection), f"{count:,}", code(why)] for (connection, why), count in counted.items()]
    return "**Left as it is**\n\n" + markdown_table(["connection", "times", "why"], rows) if rows else ""


def _notes(notes: Iterable[Mapping[str, Any]], *, values: bool) -> str:
    rows: list[list[str]] = []
    for note in notes:
        where = code(note["connection"]) if note["connection"] else ""
        text = [code(note["text"]) if values or note["code"] in _WITHOUT_VALUES else ""]
        rows.append([code(note["code"]), where, f"{note['count']:,}", *text, code(note["remedy"])])
    headers = ["code", "connection", "times", "what", "what to do"]
    return (
        f"**To look at**\n\n{markdown_table(headers, rows)}\n\nWhat a code means: `instep help CODE`" if rows else ""
    )


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
