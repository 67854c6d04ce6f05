"""The part about campaign tools: five systems, and one buyer at one step in all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from instep.demo import tell, tell_campaigns
from instep.demo.compare import compare
from instep.demo.exports import FOLDER, write_exports
from instep.demo.hands import AnySandbox, CampaignHands, Hands
from instep.demo.heroes import CALLED, MEMBER, WALKER, market
from instep.demo.part import Meddle, Part, campaign_systems, systems, written
from instep.demo.place import copy_example, fresh_folder
from instep.demo.scene import START, Colleague
from instep.demo.show import Teller
from instep.demo.shown import in_words, is_everywhere_at, opted_out, owners, shown
from instep.mapping.load import load_workspace
from instep.sandbox import VirtualClock
from instep.sync.run import Outcome

REP, MANAGER = "laila", "bruno"
"""Who wins customers, and who keeps them: the latter is no sales person in the tool that nurtures leads."""
CORRECTED = "Lichtenau-Brandt"


@dataclass(slots=True, kw_only=True)
class Campaigning(Part):
    """Two systems that know deals, in `sandboxes`; two campaign tools, in `tools`."""

    @property
    def sales(self) -> tuple[str, Hands]:
        """The name of the second system that knows deals, and who works there."""
        _, (name, sandbox) = self.sandboxes.items()
        return name, sandbox.demo

    @property
    def nurturing(self) -> tuple[str, CampaignHands]:
        """The name of the tool that nurtures leads, and who works there."""
        (name, sandbox), _ = self.tools.items()
        return name, sandbox.demo

    @property
    def mailing(self) -> tuple[str, CampaignHands]:
        """The name of the tool that sends the newsletter, and who works there."""
        _, (name, sandbox) = self.tools.items()
        return name, sandbox.demo

    def colleague(self, key: str) -> Colleague:
        """Somebody who works at the vendor."""
        return next(colleague for colleague in self.scene.colleagues if colleague.key == key)

    def expect_only(self, outcome: Outcome, who: str) -> None:
        """Whether a run wrote something, and about nobody but this person."""
        labels = {change.label for change in outcome.plan.changes}
        others = f" but {', '.join(sorted(labels - {who}))}" if labels - {who} else ""
        self.expect(labels == {who}, f"{written(outcome)} written, about nobody else{others}")


@contextmanager
def opened(folder: Path | None = None, file: TextIO | None = None) -> Iterator[Campaigning]:
    """Four systems and a folder with a small market in them, and a workspace that knows them."""
    place, clock, scene = fresh_folder(folder), VirtualClock(START), market()
    with systems(clock) as sandboxes, campaign_systems(clock) as tools:
        running: dict[str, AnySandbox] = {**sandboxes, **tools}
        write_exports(scene, place / FOLDER)
        for sandbox in running.values():
            sandbox.demo.seed(scene)
        copy_example(place, {name: sandbox.settings for name, sandbox in running.items()})
        yield Campaigning(
            folder=place,
            scene=scene,
            clock=clock,
            sandboxes=sandboxes,
            tools=tools,
            teller=Teller(file),
            workspace=load_workspace(place),
        )


def play(folder: Path | None = None, *, meddle: Meddle = lambda _: None, file: TextIO | None = None) -> int:
    """Tell this part in a fresh folder. 0 if everything comes out as promised, else 1.

    `meddle` is called before the last step with the running sandboxes. Nothing leaves this machine.
    """
    with opened(folder, file) as part:
        for step in (begin, attend, leave, give, give_where_it_cannot_be, correct):
            step(part)
        meddle(part.running)
        last(part)
    tell.ending(part.teller, part.folder, part.wrong)
    return part.exit_code


# --- the steps ---------------------------------------------------------------------------------------------------


def begin(part: Campaigning) -> None:
    """Five systems are in step."""
    tell_campaigns.opening(part.teller, part.scene, part.folder)
    part.create_fields()
    outcome = part.sync("apply")
    tell.applied(part.teller, outcome)
    tell.noted(part.teller, outcome, part.told)
    part.expect_nothing()


def attend(part: Campaigning) -> None:
    """A webinar moves a buyer everywhere."""
    who, (tool, hands) = CALLED, part.nurturing
    part.teller.step(f"{who.first} {who.last} attends a webinar", "instep sync")
    part.teller.say(f"before     {in_words(shown(part, who.email))}", "dim")
    hands.buyer_attends_webinar(who.email)
    part.teller.say(f"{tool:<10} invited, and attended")
    outcome = part.sync()
    tell_campaigns.happened(part.teller, part.workspace, outcome)
    part.expect_only(outcome, who.email)
    found = shown(part, who.email)
    part.expect(is_everywhere_at(part, who.email, "consideration"), f"One sync later: {in_words(found)}")
    part.expect_nothing()


def leave(part: Campaigning) -> None:
    """An opt-out counts everywhere within its scope."""
    who, (tool, hands) = MEMBER, part.mailing
    part.teller.step(f"{who.first} {who.last} leaves the newsletter", "instep sync")
    before = opted_out(part, who.email)
    hands.buyer_leaves(who.email)
    part.teller.say(f"{tool:<10} unsubscribed, by the link at the end of a mail")
    outcome = part.sync()
    tell_campaigns.happened(part.teller, part.workspace, outcome)
    part.expect_only(outcome, who.email)
    after = opted_out(part, who.email)
    text = f"Out of all mail in {' and '.join(after)}; before in {' and '.join(before) or 'none'}"
    part.expect(not before and set(after) == {FOLDER, *part.running}, text)
    part.expect_nothing()


def give(part: Campaigning) -> None:
    """An owner changed in one system is the owner in all of them."""
    who, (system, hands) = CALLED, part.sales
    to = part.colleague(REP)
    part.teller.step(f"{who.first} {who.last} gets another owner", "instep sync")
    part.teller.say(f"before     {tell_campaigns.owned(owners(part, who.email))}", "dim")
    hands.rep_gives(who.email, to.key)
    part.teller.say(f"{system:<10} given to {to.name}")
    outcome = part.sync()
    tell_campaigns.happened(part.teller, part.workspace, outcome)
    part.expect_only(outcome, who.email)
    found = owners(part, who.email)
    said = set(found.values()) == {to.name} and set(found) == {FOLDER, *part.running}
    part.expect(said, f"One sync later: {tell_campaigns.owned(found)}")
    part.expect_nothing()


def give_where_it_cannot_be(part: Campaigning) -> None:
    """Where a tool cannot hold an owner, it says why, and keeps what it had."""
    from instep.sync.explain import explain

    who, (system, hands) = CALLED, part.sales
    tool, _ = part.nurturing
    to = part.colleague(MANAGER)
    part.teller.step("And one whom a tool does not know", f"instep explain {who.email} owner")
    before = owners(part, who.email)
    hands.rep_gives(who.email, to.key)
    part.teller.say(f"{system:<10} given to {to.name}, an account manager")
    outcome = part.sync()
    tell_campaigns.happened(part.teller, part.workspace, outcome)
    part.expect_only(outcome, who.email)
    tell.noted(part.teller, outcome, part.told)
    told = [note["text"] for note in outcome.notes if note["connection"] == tool and to.name in note["text"]]
    found = owners(part, who.email)
    rest = {name for name, owner in found.items() if owner == to.name}
    text = f"{tool} keeps {found.get(tool)}, and says why; {' and '.join(sorted(rest))} show {to.name}"
    kept = found.get(tool) == before.get(tool) and bool(told)
    part.expect(kept and rest == {FOLDER, *part.running} - {tool}, text)
    tell_campaigns.explained(part.teller, explain(part.workspace, who.email, "owner")[0])
    part.expect_nothing()


def correct(part: Campaigning) -> None:
    """One change through a vendor's API shows exactly once everywhere."""
    who, (tool, hands) = WALKER, part.mailing
    part.teller.step(f"A name is corrected through {tool}'s own API", "instep sync")
    hands.colleague_renames(who.email, CORRECTED)
    part.teller.say(f"{tool:<10} {who.first} {who.last} is called {CORRECTED}")
    outcome = part.sync()
    tell_campaigns.happened(part.teller, part.workspace, outcome)
    said = sorted((c.connection, c.label, v.name, v.after) for c in outcome.plan.changes for v in c.values)
    wanted = sorted((name, who.email, "last_name", CORRECTED) for name in {FOLDER, *part.running} - {tool})
    part.expect(said == wanted, f"{len(said)} values written: that one, once in each of the others")
    part.expect_nothing()


def last(part: Campaigning) -> None:
    """Look past Instep."""
    part.teller.step("Read every system past Instep, the files from disk, and compare record by record")
    held = part.held()
    found = compare(part.workspace, held)
    tell.compared(part.teller, found, tuple(held))
    part.wrong += [str(mismatch) for mismatch in found.mismatches]
