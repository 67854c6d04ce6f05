"""The story's sentences: from what was counted to lines that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instep.demo.cast import Cast
from instep.demo.compare import Comparison
from instep.demo.runs import by_entity, named, samples, sums, words
from instep.demo.scene import Scene
from instep.demo.show import Teller
from instep.mapping.compiled import Workspace
from instep.mapping.coverage import coverage_of
from instep.mapping.lint import lint_process
from instep.model.entities import Kind
from instep.model.values import display

if TYPE_CHECKING:
    from instep.sync.changes import Change
    from instep.sync.explain import Explanation
    from instep.sync.run import Outcome

PLURAL = {Kind.PERSON: "people", Kind.COMPANY: "companies", Kind.OPPORTUNITY: "opportunities"}
HISTORY = 4


# --- before the first run ----------------------------------------------------------------------------------------


def opening(teller: Teller, scene: Scene, folder: Path, rows: int, urls: Mapping[str, str]) -> None:
    """Who and where."""
    teller.title(
        "Instep", "One buying process, every system in step. All of this is invented, and stays on this machine."
    )
    teller.step("A software vendor with three verticals")
    segments = Counter(firm.segment for firm in scene.firms)
    teller.say(", ".join(f"{name} ({count} companies)" for name, count in sorted(segments.items())))
    teller.say("Each has a representative who wins customers, and an account manager who keeps them")
    teller.say(
        f"{len(scene.firms):,} companies, {len(scene.buyers):,} people, {len(scene.deals):,} opportunities, "
        f"{len(scene.acts):,} things that buyers did"
    )
    twins = [buyer for buyer in scene.buyers if buyer.known.files and buyer.known.system]
    spelled = sum(buyer.title != buyer.other_title for buyer in twins)
    teller.say(f"{len(twins):,} people are known twice, {spelled:,} of them under different spellings")
    teller.say(f"exports    {rows:,} rows in {folder / 'exports'}", "dim")
    for name, url in urls.items():
        teller.say(f"{name:<10} a sandbox at {url}", "dim")


def checked(teller: Teller, workspace: Workspace) -> None:
    """What check and lint say."""
    process = workspace.process
    teller.good(
        f"{len(process.stages)} stages, {len(process.behaviours)} behaviours, {len(process.segments)} segments, "
        f"{len(workspace.laws)} fields"
    )
    coverage = coverage_of(workspace)
    own = len(coverage.stages) - len(process.stages)
    if own > 0:
        teller.good(f"{len(coverage.stages)} stages with those that only a segment has")
    for connection in coverage.connections():
        spelled, total = coverage.share(connection)
        earlier = sum(where == connection for _, where, _ in coverage.degraded())
        more = f", and shows {earlier} as an earlier one" if earlier else ""
        teller.good(f"{connection} spells {spelled} of {total} stages{more}")
    for finding in lint_process(process, workspace.team):
        teller.note(f"{finding.place} {finding.problem}")


def examined(teller: Teller, missing: Mapping[str, int], made: Mapping[str, int]) -> None:
    """What was missing, and was made."""
    for connection, count in made.items():
        found = missing.get(connection, 0)
        teller.say(
            f"{connection:<10} {found} of the fields that Instep keeps for itself are missing: {count} created"
        )


def doctored(teller: Teller, left: list[str]) -> None:
    """What the second look says."""
    for line in left:
        teller.note(line)
    teller.good(f"Logins, fields, stages and owners are as the files expect{', but for that' if left else ''}")


# --- plans and runs ----------------------------------------------------------------------------------------------


def planned(teller: Teller, workspace: Workspace, outcome: Outcome) -> None:
    """A plan's sum, and one line of each sort."""
    for line in sums(outcome.plan.changes):
        teller.say(line)
    for change, value in samples(outcome.plan.changes):
        who = f"{change.connection} {named(workspace, change)}"
        teller.change(who, f"{value.name}: {' → '.join(value.shown)}", value.because)


def applied(teller: Teller, outcome: Outcome) -> None:
    """What was written, system by system."""
    for name, account in outcome.account.items():
        written = sum(sum(acts.values()) for acts in account["written"].values())
        teller.say(f"{name:<10} {account['seen']:,} records seen, {written:,} writes, {account['calls']:,} calls")


def noted(teller: Teller, outcome: Outcome, told: set[str]) -> None:
    """What people should look at, and were not told before."""
    for note in outcome.notes:
        times = f" ({note['count']:,} times)" if note["count"] > 1 else ""
        where = f"{note['connection']}: " if note["connection"] else ""
        if note["text"] not in told:
            teller.note(f"{where}{note['text']}{times}")
        told.add(note["text"])


# --- the day -----------------------------------------------------------------------------------------------------


def lived(teller: Teller, scene: Scene, cast: Cast, system: str) -> None:
    """What happened in a system."""
    buyer, contested = cast.buyer, cast.contested
    firm = scene.firm[buyer.firm].name
    teller.say(f"{system:<10} {buyer.first} {buyer.last} of {firm} takes part in a product demo")
    teller.say(f"{system:<10} a representative moves {cast.deal.reference} ({cast.deal.name}) on to the evaluation")
    teller.say(f"{system:<10} another wins {cast.won.reference} ({cast.won.name})")
    teller.say(
        f"{system:<10} someone calls {contested.first} {contested.last} a customer, whom marketing still looks after"
    )


def lived_there(teller: Teller, cast: Cast, system: str) -> None:
    """What happened in the other system."""
    teller.say(f"{system:<10} a representative moves {cast.back.reference} ({cast.back.name}) back to the shortlist")
    teller.say(f"{system:<10} {cast.lead.first} {cast.lead.last}, so far a lead, is made a contact")


def lived_with_mail(teller: Teller, cast: Cast, campaigns: str, newsletter: str) -> None:
    """What happened in the campaign tools."""
    attendee, leaver = cast.attendee, cast.leaver
    teller.say(f"{campaigns:<10} {attendee.first} {attendee.last} attends a webinar")
    teller.say(f"{newsletter:<10} {leaver.first} {leaver.last} leaves the newsletter")


def reported(teller: Teller, cast: Cast) -> None:
    """What the exports bring."""
    teller.say(f"exports    a new line: {cast.customer.first} {cast.customer.last} reports a benefit")


def travelled(
    teller: Teller, workspace: Workspace, changes: Sequence[Change], shown: Mapping[str, str], faded: int
) -> None:
    """Every change in full, buyer by buyer and deal by deal."""
    for entity, (group, values) in by_entity(changes).items():
        what = ", ".join(words(workspace, group[0], value) for value in values if value.name != "instep_id")
        where = _where(workspace, group)
        teller.change(shown.get(entity, entity), what, f"in {where}")
    if faded:
        teller.say(f"and {faded} {'score has' if faded == 1 else 'scores have'} faded below a line meanwhile", "dim")


def _where(workspace: Workspace, group: Sequence[Change]) -> str:
    names = tuple(dict.fromkeys(change.connection for change in group))
    return f"all {len(names)} systems" if len(names) == len(workspace.connection_names) else " and ".join(names)


def explained(teller: Teller, explanation: Explanation) -> None:
    """A stage, its cause, who lost, what each system holds."""
    reason = explanation.reason
    teller.say(f"{explanation.name} is {display(explanation.value)}, owned by {reason.get('owner_role') or 'nobody'}")
    teller.say(f"because   {reason['rule']}, at {_minute(reason['at'])}")
    teller.say(f"source    {reason['source']}, heard in run {reason['run']}")
    for loser in reason.get("lost", []):
        teller.say(f"lost      {loser['value']} from {loser['source']} ({loser['why']})")
    for held in explanation.held:
        teller.say(f"held      {held.ref} {held.field} = {display(held.value)}")
    earlier = len(explanation.history) - HISTORY
    if earlier > 0:
        teller.say(f"{earlier} earlier claims, then", "dim")
    for step in explanation.history[-HISTORY:]:
        why = "" if step["counts"] else "  (does not count)"
        teller.say(f"{step['what']:<9} {_minute(step['at'])} {step['value']} from {step['source']}{why}", "dim")


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def rebuilt(teller: Teller, outcome: Outcome, kept: int) -> None:
    """What a fresh state knows again."""
    seen = sum(account["seen"] for account in outcome.account.values())
    teller.say(f"{seen:,} records read again, linked to the same {kept:,} people, companies and opportunities")
    changes = outcome.plan.changes
    if changes and all(value.name == "score" for change in changes for value in change.values):
        teller.say(f"{len({change.entity for change in changes}):,} scores have faded by a point, and are told anew")
    else:
        for line in sums(changes):
            teller.say(line)


# --- the end -----------------------------------------------------------------------------------------------------


def compared(teller: Teller, found: Comparison, connections: tuple[str, ...]) -> None:
    """The last word."""
    for cause, count in found.left_alone.most_common():
        teller.note(f"left alone, as every run says: {cause}" + (f" ({count:,} times)" if count > 1 else ""))
    for cause, count in found.by_file.most_common():
        teller.note(f"not shown, as the files say: {cause}" + (f" ({count:,} times)" if count > 1 else ""))
    for mismatch in found.mismatches:
        teller.bad(str(mismatch))
    kinds = (Kind.PERSON, Kind.COMPANY, Kind.OPPORTUNITY)
    counts = ", ".join(f"{found.agree[kind]:,} {PLURAL[kind]}" for kind in kinds)
    if not found.mismatches:
        teller.good(f"{counts} agree in {' and '.join(connections)}: {found.values:,} values compared")


def ending(teller: Teller, folder: Path, wrong: list[str]) -> None:
    """Where everything is."""
    end = f"{len(wrong)} not as promised" if wrong else "Done"
    teller.close(f"{end}, after {teller.seconds:.1f} s. Everything is kept in {folder}", f"instep status -w {folder}")
