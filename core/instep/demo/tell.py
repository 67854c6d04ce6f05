"""The story's sentences: from what was counted to lines that people read."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from instep.demo.cast import Cast
from instep.demo.compare import Comparison
from instep.demo.scene import Scene
from instep.demo.show import Teller
from instep.mapping.compiled import Workspace
from instep.mapping.coverage import coverage_of
from instep.mapping.lint import lint_process
from instep.model.entities import Kind
from instep.model.values import decode, display

if TYPE_CHECKING:
    from instep.sync.explain import Explanation
    from instep.sync.plan import Change
    from instep.sync.run import Outcome

PLURAL = {Kind.PERSON: "people", Kind.COMPANY: "companies", Kind.OPPORTUNITY: "opportunities"}
VERBS = {
    "create": "create",
    "update": "update",
    "relate": "associate",
    "unrelate": "part",
    "opt_out": "opt out",
    "opt_out_new": "opt out",
    "opt_in": "opt in",
}


def opening(teller: Teller, scene: Scene, folder: Path, rows: int, urls: Mapping[str, str]) -> None:
    """Who and where."""
    teller.title(
        "Instep", "one buying process, every system in step. All of this is invented and stays on this machine."
    )
    teller.step("An invented software vendor with three verticals")
    segments = Counter(firm.segment for firm in scene.firms)
    teller.say(", ".join(f"{name} ({count} companies)" for name, count in sorted(segments.items())))
    teller.say("3 representatives win customers, 3 account managers keep them")
    teller.say(
        f"{len(scene.firms):,} companies, {len(scene.buyers):,} people, {len(scene.deals):,} opportunities, "
        f"{len(scene.acts):,} things that buyers did"
    )
    both = sum(buyer.known.files and buyer.known.system for buyer in scene.buyers)
    twins = sum(
        buyer.known.files and buyer.known.system and buyer.title != buyer.other_title for buyer in scene.buyers
    )
    teller.say(f"{both:,} people are known twice, {twins:,} of them under different spellings")
    teller.say(f"exports  {rows:,} rows in {folder / 'exports'}", "dim")
    for name, url in urls.items():
        teller.say(f"{name}  a sandbox at {url}", "dim")


def checked(teller: Teller, workspace: Workspace) -> None:
    """What check says."""
    process, team = workspace.process, workspace.team
    teller.good(
        f"{len(process.stages)} stages, {len(process.behaviours)} behaviours, {len(process.segments)} segments, "
        f"{len(workspace.laws)} fields"
    )
    coverage = coverage_of(workspace)
    for connection in coverage.connections():
        holes = [stage for stage, where in coverage.holes() if where == connection]
        shown = len(coverage.stages) - len(holes)
        words = {str(cell.value) for c in coverage.columns if c.connection == connection for cell in c.cells.values()}
        teller.good(f"{connection} shows {shown} of {len(coverage.stages)} stages, in {len(words)} words of its own")
    weak = lint_process(process, team)
    teller.good("Every stage is entered by what a buyer does, and owned by somebody" if not weak else str(weak[0]))


def examined(teller: Teller, missing: Mapping[str, int], made: Mapping[str, int]) -> None:
    """What was missing, and was made."""
    for connection, count in made.items():
        found = missing.get(connection, 0)
        teller.say(f"{connection}: {found} of Instep's own fields missing, {count} created")


def doctored(teller: Teller, left: list[str]) -> None:
    """What the second look says."""
    if not left:
        teller.good("Logins, fields, stages and owners are as the files expect")
    for line in left:
        teller.note(line)


# --- plans and runs ----------------------------------------------------------------------------------------------


def planned(teller: Teller, workspace: Workspace, outcome: Outcome) -> None:
    """A plan's sum, and a few of its lines."""
    for line in _sums(outcome.plan.changes):
        teller.say(line)
    samples = _samples(outcome.plan.changes)
    shown = names(workspace, {change.entity for change in samples})
    for change in samples:
        value = next(v for v in change.values if v.name in ("stage", "title", "name", "owner", "consent"))
        teller.change(
            _who(change, shown),
            f"{value.name}: {display(value.before)} → {display(value.after)}",
            value.because,
        )


def _sums(changes: tuple[Change, ...]) -> list[str]:
    counts: dict[str, Counter[str]] = {}
    for change in changes:
        counts.setdefault(change.connection, Counter())[f"{VERBS[change.action]} {change.object}"] += 1
    return [f"{name}: " + ", ".join(f"{n:,} × {what}" for what, n in found.items()) for name, found in counts.items()]


def _samples(changes: tuple[Change, ...]) -> list[Change]:
    """One of each sort that reads well."""
    found: dict[tuple[str, str, str], Change] = {}
    for change in changes:
        wanted = [v.name for v in change.values if v.name in ("stage", "title", "name", "owner", "consent")]
        if change.action in ("update", "opt_out") and wanted:
            found.setdefault((change.connection, change.object, wanted[0]), change)
    return list(found.values())[:6]


def _who(change: Change, shown: Mapping[str, str]) -> str:
    return f"{change.connection} {change.object} {change.record or 'new'} ({shown.get(change.entity, change.entity)})"


def applied(teller: Teller, outcome: Outcome) -> None:
    """What was written, system by system."""
    for name, account in outcome.account.items():
        written = [f"{n:,} × {VERBS[a]} {o}" for o, acts in account["written"].items() for a, n in acts.items()]
        teller.say(f"{name}: {account['seen']:,} records seen in {account['calls']:,} calls; {', '.join(written)}")


def noted(teller: Teller, outcome: Outcome) -> None:
    """What people should look at."""
    for note in outcome.notes:
        times = f" ({note['count']:,} times)" if note["count"] > 1 else ""
        where = f"{note['connection']}: " if note["connection"] else ""
        teller.note(f"{where}{note['text']}{times}")


# --- the day -----------------------------------------------------------------------------------------------------


def lived(teller: Teller, scene: Scene, cast: Cast, system: str) -> None:
    """What happened in a system."""
    buyer, deal, contested = cast.buyer, cast.deal, cast.contested
    firm = scene.firm[buyer.firm]
    teller.say(f"{buyer.first} {buyer.last} of {firm.name} takes part in a product demo; {system} has the meeting")
    teller.say(f"A representative moves {deal.reference} ({deal.name}) to the evaluation in {system}")
    teller.say(
        f"Someone in {system} calls {contested.first} {contested.last} a customer, whom marketing still looks after"
    )


def reported(teller: Teller, cast: Cast) -> None:
    """What the exports bring."""
    customer = cast.customer
    teller.say(f"The exports have a new line: {customer.first} {customer.last} reports a benefit")


def travelled(teller: Teller, outcome: Outcome, shown: Mapping[str, str]) -> None:
    """Every change, in full."""
    for change in outcome.plan.changes:
        what = ", ".join(f"{v.name}: {display(v.before)} → {display(v.after)}" for v in change.values)
        why = next((v.because for v in change.values if v.name == "stage"), "")
        teller.change(f"{change.connection} {shown.get(change.entity, change.entity)}", what or change.relation, why)


def explained(teller: Teller, explanation: Explanation) -> None:
    """A stage, its cause, who lost, what each system holds."""
    reason = explanation.reason
    teller.say(f"{explanation.name} is {display(explanation.value)}, owned by {reason.get('owner_role') or 'nobody'}")
    teller.say(f"because   {reason['rule']}, at {reason['at']}")
    teller.say(f"source    {reason['source']}, heard in run {reason['run']}")
    for loser in reason.get("lost", []):
        teller.say(f"lost      {loser['value']} from {loser['source']} ({loser['why']})")
    for held in explanation.held:
        teller.say(f"held      {held.ref} {held.field} = {display(held.value)}")
    for step in explanation.history[-4:]:
        teller.say(f"{step['what']:<9} {step['at'][:16]} {step['value']} from {step['source']}", "dim")


def rebuilt(teller: Teller, outcome: Outcome, kept: int) -> None:
    """What a fresh state knows again."""
    seen = sum(account["seen"] for account in outcome.account.values())
    teller.say(f"{seen:,} records read again, linked to the same {kept:,} people, companies and opportunities")
    if not outcome.plan.is_empty:
        for line in _sums(outcome.plan.changes):
            teller.say(line)


# --- the end -----------------------------------------------------------------------------------------------------


def compared(teller: Teller, found: Comparison, connections: tuple[str, ...]) -> None:
    """The last word."""
    for cause, count in found.left_alone.most_common():
        teller.note(f"left alone, as every run says: {cause} ({count:,} times)")
    for mismatch in found.mismatches:
        teller.bad(str(mismatch))
    counts = ", ".join(
        f"{found.agree[kind]:,} {PLURAL[kind]}" for kind in (Kind.PERSON, Kind.COMPANY, Kind.OPPORTUNITY)
    )
    if not found.mismatches:
        teller.good(f"{counts} agree in {' and '.join(connections)}: {found.values:,} values compared")


def ending(teller: Teller, folder: Path, wrong: list[str]) -> None:
    """Where everything is."""
    teller.say("")
    end = f"{len(wrong)} things are not as promised" if wrong else "Done"
    teller.say(f"{end} after {teller.seconds:.1f} s. Everything is kept in {folder}", "bold")
    teller.say(f"Look around: instep status -w {folder}", "dim")


# --- names -------------------------------------------------------------------------------------------------------


def names(workspace: Workspace, ids: set[str]) -> dict[str, str]:
    """What people call these entities."""
    with closing(sqlite3.connect(f"file:{workspace.store}?mode=ro", uri=True)) as store:
        rows = [(id, decode(fields or b"{}")) for id, fields in store.execute("SELECT id, fields FROM entity")]
    wanted = ("email", "reference", "domain", "name", "last_name")
    return {id: display(next((v for k in wanted if (v := f.get(k))), id)) for id, f in rows if id in ids}


def entities(workspace: Workspace) -> set[str]:
    """Every entity that is known."""
    with closing(sqlite3.connect(f"file:{workspace.store}?mode=ro", uri=True)) as store:
        return {row[0] for row in store.execute("SELECT id FROM entity")}
