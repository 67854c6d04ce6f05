"""The second part: two empty systems are configured from the files, and stay as the files say."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from instep.demo import expected, runs, tell, tell_stages
from instep.demo.edits import RETIRED, RETIRED_WORD, SEGMENT, WORDS, edit_mappings
from instep.demo.exports import FOLDER, write_exports
from instep.demo.hands import Board
from instep.demo.part import Meddle, Part, systems, written
from instep.demo.place import campaign_tools, copy_example, fresh_folder
from instep.demo.sample import sample
from instep.demo.scene import START, Deal
from instep.demo.show import Teller
from instep.mapping.load import load_workspace
from instep.provision.drift import Drift, drift_of
from instep.provision.plan import ProvisionPlan
from instep.provision.run import Report, apply_configuration, plan_configuration, save_plan
from instep.provision.steps import MoveRecords
from instep.sandbox import VirtualClock

PLAN = "plan.json"
BY_HAND = "e-commerce"
"""In whose pipeline somebody works by hand."""


@dataclass(slots=True, kw_only=True)
class Stages(Part):
    """The second part, and what people saw before somebody worked by hand."""

    as_applied: dict[str, tuple[Board, ...]] = field(default_factory=dict)

    def plan(self) -> ProvisionPlan:
        """What `instep provision plan` finds, with the files as they are now."""
        self.workspace = load_workspace(self.folder)
        return plan_configuration(self.workspace, self.world)

    def apply(self, plan: Path | None = None) -> Report:
        """What `instep provision apply` does: a plan that was saved, or the present one."""
        saved = json.loads(plan.read_text(encoding="utf-8")) if plan is not None else None
        report = apply_configuration(load_workspace(self.folder), self.world, saved=saved)
        self.workspace = load_workspace(self.folder)
        return report

    def boards(self) -> dict[str, tuple[Board, ...]]:
        """The pipelines that the files name, as people see them in each system."""
        found = {}
        for name, sandbox in self.sandboxes.items():
            ours = set(map(expected.label, expected.pipelines(self.workspace, name)))
            found[name] = tuple(board for board in sandbox.demo.boards() if board.label in ours)
        return found

    def writes(self) -> int:
        """How many requests since the last look could change something."""
        count = sum(len(sandbox.log.writes()) for sandbox in self.sandboxes.values())
        for sandbox in self.sandboxes.values():
            sandbox.log.clear()
        return count


def play(folder: Path | None = None, *, meddle: Meddle = lambda _: None, file: TextIO | None = None) -> int:
    """Tell the second part in a fresh folder. 0 if everything comes out as promised, else 1.

    `meddle` is called before the last step with the running sandboxes. Nothing leaves this machine.
    """
    teller, place, clock, scene = Teller(file), fresh_folder(folder), VirtualClock(START), sample()
    with systems(clock) as sandboxes:
        write_exports(scene, place / FOLDER)
        for sandbox in sandboxes.values():
            sandbox.demo.hire(scene)
        copy_example(
            place,
            {name: sandbox.settings for name, sandbox in sandboxes.items()},
            without=campaign_tools(),
            ids=False,
        )
        part = Stages(
            folder=place,
            scene=scene,
            clock=clock,
            sandboxes=sandboxes,
            teller=teller,
            workspace=load_workspace(place),
        )
        for step in (begin, look, configure, bring_buyers, change_files, change_systems, again, work_by_hand, repair):
            step(part)
        meddle(sandboxes)
        last(part)
    tell.ending(teller, place, part.wrong)
    return part.exit_code


# --- the steps ---------------------------------------------------------------------------------------------------


def begin(part: Stages) -> None:
    """Nothing is there but the colleagues."""
    from instep.sync.doctor import create_fields
    from instep.sync.session import identify, open_session

    tell_stages.opening(part.teller, part.workspace, part.folder, part.scene)
    ours = sum(map(len, part.boards().values()))
    part.expect(ours == 0, f"{' and '.join(part.sandboxes)} are new: they have {ours} of the pipelines in the files")
    with open_session(part.workspace, part.world, only=[FOLDER]) as session:
        identify(session)
        made = create_fields(session, session.live(FOLDER))
    part.teller.say(
        f"{FOLDER:<10} {len(made)} columns of Instep's own, by instep doctor --create-fields {FOLDER}", "dim"
    )


def look(part: Stages) -> None:
    """What would make them as the files say."""
    part.teller.step("What would make every system as the files say? Look first", "instep provision plan")
    part.writes()
    plan = part.plan()
    tell_stages.planned(part.teller, plan, part.told)
    count = part.writes()
    part.expect(not plan.wrong and count == 0, f"{count} requests could have changed anything")


def configure(part: Stages) -> None:
    """Do it; then there is nothing left to do."""
    part.teller.step("Do it", "instep provision apply --yes")
    report = part.apply()
    tell_stages.applied(part.teller, report)
    count = report.count("applied")
    part.expect(report.exit_code == 0 and count > 0, f"{count} done in {len(part.sandboxes)} systems")
    _expect_nothing_to_do(part)
    _expect_boards(part)


def bring_buyers(part: Stages) -> None:
    """A sync creates the records, each where it belongs."""
    part.teller.step("Buyers come from the exported files", "instep sync --first-run=apply")
    outcome = part.sync("apply")
    tell.applied(part.teller, outcome)
    tell.noted(part.teller, outcome, part.told)
    part.expect(outcome.exit_code == 0, f"{written(outcome):,} written, every record accounted for")
    _expect_deals(part)
    tell_stages.shown(part.teller, part.workspace, part.boards(), SEGMENT)


def change_files(part: Stages) -> None:
    """Two edits in the mapping files make one plan over both systems."""
    part.teller.step("Another word for a stage, and a stage less", f"instep provision plan --out {PLAN}")
    edit_mappings(part.folder, part.sandboxes)
    tell_stages.edited(part.teller)
    plan = part.plan()
    save_plan(plan, part.folder / PLAN)
    tell_stages.planned(part.teller, plan, part.told)
    moving = Counter[str]()
    for system in plan.systems:
        moves = [step.doing for step in system.steps if isinstance(step.doing, MoveRecords)]
        moving.update({system.connection: sum(len(move.records) for move in moves)} if moves else {})
    count = len(_retired_deals(part))
    is_right = not plan.wrong and _is_only_about_edits(plan) and moving == dict.fromkeys(part.sandboxes, count)
    part.expect(is_right, f"Only about these two; {moving.total()} records would be moved")


def change_systems(part: Stages) -> None:
    """Exactly that plan; every moved record has its row in the journal."""
    part.teller.step("Do exactly that", f"instep provision apply {PLAN}; instep show RUN")
    report = part.apply(part.folder / PLAN)
    tell_stages.applied(part.teller, report)
    part.expect(report.exit_code == 0 and report.count("applied") > 0, f"{report.count('applied')} done")
    rows = runs.moved(part.workspace)
    tell_stages.journalled(part.teller, rows)
    count = len(_retired_deals(part)) * len(part.sandboxes)
    part.expect(len(rows) == count > 0, f"{len(rows)} records were moved, and the journal has a row for each")
    _expect_nothing_to_do(part)
    _expect_boards(part)
    _expect_deals(part)


def again(part: Stages) -> None:
    """What was moved by us is no news to a sync."""
    part.teller.step("Nothing of that is news to a sync", "instep sync")
    outcome = part.sync()
    part.expect(written(outcome) == 0, f"{written(outcome)} written: every system is in step")


def work_by_hand(part: Stages) -> None:
    """Drift is exactly what somebody changed."""
    part.teller.step("Somebody works by hand", "instep provision drift")
    part.as_applied = part.boards()
    (first, here), (second, there) = part.sandboxes.items()
    relabelled, rated = (expected.of_segment(part.workspace, name, BY_HAND) for name in part.sandboxes)
    here.demo.admin_edits(expected.label(relabelled), expected.word(relabelled, "research"), label="Inbound")
    there.demo.admin_edits(expected.label(rated), expected.word(rated, "purchase"), probability=0.5)
    found = drift_of(part.plan())
    tell_stages.drifted(part.teller, found)
    by_hand = [(first, ["label"]), (second, ["probability"])]
    part.expect([_shape(one) for one in found] == by_hand, f"{len(found)} drifted: exactly what was done by hand")


def repair(part: Stages) -> None:
    """As applied before."""
    part.teller.step("Put it right", "instep provision apply --yes")
    report = part.apply()
    tell_stages.applied(part.teller, report)
    part.expect(report.exit_code == 0 and report.count("applied") == 2, f"{report.count('applied')} done")


def last(part: Stages) -> None:
    """Look past Instep, and with it."""
    part.teller.step("Read every board with its vendor's own client library", "instep provision drift")
    same = part.boards() == part.as_applied
    part.expect(same, "Every board is as it was before" if same else "A board is not as it was before")
    found = drift_of(part.plan())
    if found:
        tell_stages.drifted(part.teller, found)
    part.expect(not found, f"{len(found)} drifted")
    _expect_deals(part)


# --- what is expected --------------------------------------------------------------------------------------------


def _retired_deals(part: Stages) -> list[Deal]:
    return [deal for deal in part.scene.deals if (deal.segment, deal.outcome or deal.stage) == (SEGMENT, RETIRED)]


def _is_only_about_edits(plan: ProvisionPlan) -> bool:
    """Whether every step is about the word that changed, or the stage that is retired."""
    texts = [f"{step.target} {step.differences}" for system in plan.systems for step in system.steps]
    return all(any(name in text for name in (WORDS[1], RETIRED_WORD)) for text in texts)


def _shape(drift: Drift) -> tuple[str, list[str]]:
    return drift.connection, [difference.what for difference in drift.differences]


def _expect_nothing_to_do(part: Stages) -> None:
    plan = part.plan()
    part.expect(plan.is_empty, tell_stages.end_of(plan))


def _expect_boards(part: Stages) -> None:
    """Every pipeline has the stages that the files name, in their order and with their probabilities."""
    for name, boards in part.boards().items():
        wrong = expected.unlike(expected.pipelines(part.workspace, name), boards)
        stages = sum(len(board.columns) for board in boards)
        text = f"{name}: {len(boards)} pipelines with {stages} stages, as its vendor's own client library shows them"
        part.expect(not wrong, f"{text}; not as the files say: {', '.join(wrong)}" if wrong else text)


def _expect_deals(part: Stages) -> None:
    """Every deal stands where its buyer is: in the pipeline of the segment, at the stage's word."""
    for name, boards in part.boards().items():
        wrong = expected.misplaced(part.workspace, name, part.scene.deals, boards)
        text = f"{name}: {len(part.scene.deals)} deals, each in the pipeline of its segment, at its stage's word"
        part.expect(not wrong, f"{text}, but {', '.join(wrong)}" if wrong else text)
