"""The story from top to bottom. Every figure in it is counted while it happens."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from instep.demo import runs, tell
from instep.demo.cast import Cast, cast_of
from instep.demo.compare import Comparison, compare
from instep.demo.exports import FOLDER, activity, append_activity, write_exports
from instep.demo.generate import Size, generate
from instep.demo.hands import AnySandbox
from instep.demo.part import Meddle, Part, campaign_systems, systems, written
from instep.demo.place import copy_example, fresh_folder
from instep.demo.scene import START
from instep.demo.show import Teller
from instep.mapping.load import load_workspace
from instep.sandbox import VirtualClock

SIZE = Size(firms=180, buyers=1_200, deals=360)
"""Large enough to be a company, small enough that five systems are in step within half a minute."""


@dataclass(slots=True, kw_only=True)
class Story(Part):
    """The first part, and who it is about."""

    cast: Cast


def play(
    folder: Path | None = None,
    *,
    size: Size | None = None,
    meddle: Meddle = lambda _: None,
    file: TextIO | None = None,
) -> int:
    """Tell the whole story in a fresh folder. 0 if everything agrees at the end, else 1.

    `meddle` is called before the last step with the running sandboxes. Nothing leaves this machine.
    """
    teller, place, clock = Teller(file), fresh_folder(folder), VirtualClock(START)
    with systems(clock) as sandboxes, campaign_systems(clock) as tools:
        running: dict[str, AnySandbox] = {**sandboxes, **tools}
        scene = generate(size or SIZE)
        rows = write_exports(scene, place / FOLDER)
        for sandbox in running.values():
            sandbox.demo.seed(scene)
        copy_example(place, {name: sandbox.settings for name, sandbox in running.items()})
        story = Story(
            folder=place,
            scene=scene,
            clock=clock,
            sandboxes=sandboxes,
            tools=tools,
            teller=teller,
            workspace=load_workspace(place),
            cast=cast_of(scene),
        )
        tell.opening(teller, scene, place, rows, {name: s.url for name, s in running.items()})
        for step in (check, create_fields, look_first, apply_first, again, live_a_day, travel, explain, rebuild):
            step(story)
        meddle(running)
        last(story)
    tell.ending(teller, place, story.wrong)
    return story.exit_code


# --- the steps ---------------------------------------------------------------------------------------------------


def check(story: Story) -> None:
    """All files are right, and every stage has a word in every system."""
    story.teller.step("Check the files: do they fit together?", "instep check")
    tell.checked(story.teller, story.workspace)


def create_fields(story: Story) -> None:
    """Three fields of Instep's own are missing everywhere."""
    from instep.sync.doctor import create_fields, examine
    from instep.sync.session import identify, open_session

    story.teller.step("Ask the systems: is everything there?", "instep doctor --create-fields CONNECTION")
    with open_session(story.workspace, story.world) as session:
        identify(session)
        missing = Counter(f.connection for f in examine(session) if not f.ok and "no field" in f.what)
        made = Counter(f.connection for live in session.connections.values() for f in create_fields(session, live))
        tell.examined(story.teller, missing, made)
        left = [f"{f.connection}: {f.what}" for f in examine(session) if not f.ok]
    tell.doctored(story.teller, left)


def look_first(story: Story) -> None:
    """The first sync of a workspace only says what it would do."""
    story.teller.step("The first sync writes nothing. It says what it would do", "instep sync")
    outcome = story.sync()
    tell.planned(story.teller, story.workspace, outcome)
    story.expect(not outcome.applied and not written(outcome), "Nothing was written")


def apply_first(story: Story) -> None:
    """Now it does it."""
    story.teller.step("Do it", "instep sync --first-run=apply")
    outcome = story.sync("apply")
    tell.applied(story.teller, outcome)
    tell.noted(story.teller, outcome, story.told)
    story.expect(outcome.exit_code == 0, f"{written(outcome):,} written, every record accounted for")


def again(story: Story) -> None:
    """Whoever is in step stays in step."""
    story.teller.step("And again", "instep sync")
    outcome = story.sync()
    story.expect(written(outcome) == 0, f"{written(outcome)} written: every system is in step")


def live_a_day(story: Story) -> None:
    """Buyers and colleagues do what they do."""
    cast, now = story.cast, story.clock
    story.teller.step("A day passes")
    now.advance(timedelta(hours=5))
    (first, here), (second, there) = story.sandboxes.items()
    here.demo.buyer_attends_demo(cast.buyer.email, now.now() - timedelta(hours=1))
    here.demo.rep_moves(cast.deal.reference, "decision")
    here.demo.rep_moves(cast.won.reference, "won")
    here.demo.rep_marks(cast.contested.email, "implementing")
    tell.lived(story.teller, story.scene, cast, first)
    there.demo.rep_moves(cast.back.reference, "consideration")
    there.demo.rep_converts(cast.lead.email)
    tell.lived_there(story.teller, cast, second)
    (campaigns, nurturing), (newsletter, mailing) = story.tools.items()
    nurturing.demo.buyer_attends_webinar(cast.attendee.email)
    mailing.demo.buyer_leaves(cast.leaver.email)
    tell.lived_with_mail(story.teller, cast, campaigns, newsletter)
    append_activity(story.folder / FOLDER, activity(story.scene, cast.benefit(now.now())))
    tell.reported(story.teller, cast)
    now.advance(timedelta(minutes=30))


def travel(story: Story) -> None:
    """Exactly what happened reaches everybody."""
    story.teller.step("Exactly that travels", "instep sync")
    outcome = story.sync()
    faded, changes = runs.without_fading(outcome.plan.changes)
    names = runs.names(story.workspace, {change.entity for change in changes})
    tell.travelled(story.teller, story.workspace, changes, names, faded)
    tell.noted(story.teller, outcome, story.told)
    strangers = sorted(set(names.values()) - story.cast.touched(story.scene))
    text = f"{written(outcome)} written, about nobody else" + (f" but {', '.join(strangers)}" if strangers else "")
    story.expect(outcome.exit_code == 0 and not strangers and written(outcome) > 0, text)
    won = story.cast.won
    owner = runs.owner_of(story.workspace, won.reference)
    text = f"{won.reference} is won, so {owner} looks after it from now on"
    story.expect(owner in runs.account_managers(story.scene), text)


def explain(story: Story) -> None:
    """Every value has a reason."""
    from instep.sync.explain import explain as explain_entity

    email = story.cast.buyer.email
    story.teller.step("Why?", f"instep explain {email} stage")
    explanation = explain_entity(story.workspace, email, "stage")[0]
    tell.explained(story.teller, explanation)
    story.expect(explanation.value == "decision", f"{email} is at decision everywhere")


def rebuild(story: Story) -> None:
    """Losing the local state loses nothing."""
    story.teller.step("Lose the local state, and build it again", "rm -r .instep; instep sync --first-run=apply")
    before = runs.entities(story.workspace)
    shutil.rmtree(story.workspace.store.parent)
    outcome = story.sync("apply")
    after = runs.entities(story.workspace)
    tell.rebuilt(story.teller, outcome, len(before & after))
    tell.noted(story.teller, outcome, story.told)
    created = sum(change.action == "create" for change in outcome.plan.changes)
    story.expect(before == after and created == 0, f"{created} created: everybody is who they were")


def last(story: Story) -> None:
    """Read everything past Instep, and compare."""
    story.teller.step("Read every system past Instep, the files from disk, and compare record by record")
    held = story.held()
    found: Comparison = compare(story.workspace, held)
    tell.compared(story.teller, found, tuple(held))
    story.wrong += [str(mismatch) for mismatch in found.mismatches]
