"""The third part: buyers move by what they do, and by nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from instep.demo import tell, tell_buyers
from instep.demo.compare import compare
from instep.demo.edits import add_stage_notes, draft_scoring, use_draft
from instep.demo.exports import FOLDER, activity, append_activity, write_exports
from instep.demo.hands import Hands
from instep.demo.heroes import CALLED, DEAL, PAGES, QUIET, STRANGER, WALKER, market
from instep.demo.part import Meddle, Part, systems
from instep.demo.place import campaign_tools, copy_example, fresh_folder
from instep.demo.scene import START, Act, Buyer, Recorder
from instep.demo.show import Teller
from instep.demo.shown import in_words, is_everywhere_at, shown
from instep.mapping.load import load_workspace
from instep.sandbox import VirtualClock
from instep.sync.run import Outcome, sync

WAY: tuple[tuple[str, Recorder], ...] = (
    ("visits-website", "files"),
    ("downloads-document", "system"),
    ("requests-call", "other"),
    ("describes-project", "system"),
    ("attends-webinar", "other"),
    ("schedules-meeting", "system"),
    ("provides-specification-and-budget", "files"),
    ("participates-in-demo", "system"),
    ("requests-proposal", "files"),
)
"""What a buyer does, one after the other, and who tells of it."""
REASON = "verbal yes, waits for the board"


@dataclass(slots=True, kw_only=True)
class Buying(Part):
    """The third part."""

    acts: int = 0
    forecast: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """What a replay says would be written: connection, object, action and field."""

    def where(self, recorder: Recorder) -> str:
        """What the files, one system or the other is called."""
        return dict(zip(("files", "system", "other"), (FOLDER, *self.sandboxes), strict=True))[recorder]

    def hands(self, recorder: Recorder) -> Hands:
        """Who works in one system or the other."""
        return self.sandboxes[self.where(recorder)].demo

    def act(self, buyer: Buyer, behaviour: str, recorder: Recorder) -> None:
        """A buyer does something, and one of them records it."""
        at = self.clock.now()
        if recorder == "files":
            self.acts += 1
            act = Act(f"A-{buyer.key}-{self.acts}", behaviour, buyer.key, at)
            append_activity(self.folder / FOLDER, activity(self.scene, act))
        else:
            self.hands(recorder).buyer_acts(behaviour, buyer.email, at)

    def visit(self, pages: tuple[str, ...]) -> None:
        """Somebody at the company whose visitors nobody knows looks at these pages."""
        for page in pages:
            self.clock.advance(timedelta(hours=3))
            self.acts += 1
            act = Act(f"A-{self.acts}", "visits-website", "", self.clock.now(), firm=QUIET.key, page=page)
            append_activity(self.folder / FOLDER, activity(self.scene, act))

    def explained(self, key: str, name: str) -> dict[str, Any]:
        """What `instep explain KEY FIELD --json` says."""
        from instep.sync.explain import explain

        return explain(self.workspace, key, name)[0].as_json()

    def surges(self) -> dict[str, Any]:
        """What `instep report surge --json` says."""
        from instep.cli.insight import surges_json
        from instep.sync.surge import find_surges

        return surges_json(find_surges(self.workspace, fewest=5, days=30))

    def sync_at_once(self) -> Outcome:
        """Sync, with no time since the last run, so that no score fades meanwhile."""
        return sync(self.workspace, self.world)

    def calls(self) -> int:
        """How many requests the systems have answered."""
        return sum(sandbox.log.count() for sandbox in self.sandboxes.values())

    def expect_at(self, key: str, stage: str, text: str) -> None:
        """Whether every system shows this stage, as its vendor's own client reads it."""
        self.expect(is_everywhere_at(self, key, stage), f"{text}: {in_words(shown(self, key))}")


@contextmanager
def opened(folder: Path | None = None, file: TextIO | None = None) -> Iterator[Buying]:
    """Three systems with a small market in them, and a workspace that knows them."""
    place, clock, scene = fresh_folder(folder), VirtualClock(START), market()
    with systems(clock) as sandboxes:
        write_exports(scene, place / FOLDER)
        for sandbox in sandboxes.values():
            sandbox.demo.seed(scene)
        copy_example(place, {name: sandbox.settings for name, sandbox in sandboxes.items()}, without=campaign_tools())
        yield Buying(
            folder=place,
            scene=scene,
            clock=clock,
            sandboxes=sandboxes,
            teller=Teller(file),
            workspace=load_workspace(place),
        )


def play(folder: Path | None = None, *, meddle: Meddle = lambda _: None, file: TextIO | None = None) -> int:
    """Tell the third part in a fresh folder. 0 if everything comes out as promised, else 1.

    `meddle` is called before the last step with the running sandboxes. Nothing leaves this machine.
    """
    with opened(folder, file) as part:
        steps = (begin, walk, sell, tell_twice, withdraw, visit_unknown, become_known, set_by_hand, let_it_pass)
        for step in (*steps, replay_draft, switch_on):
            step(part)
        meddle(part.sandboxes)
        last(part)
    tell.ending(part.teller, part.folder, part.wrong)
    return part.exit_code


# --- one buyer ---------------------------------------------------------------------------------------------------


def begin(part: Buying) -> None:
    """Three systems are in step."""
    tell_buyers.opening(part.teller, part.scene, part.folder)
    part.create_fields()
    outcome = part.sync("apply")
    tell.applied(part.teller, outcome)
    part.told.update(note["text"] for note in outcome.notes)
    part.expect_nothing()


def walk(part: Buying) -> None:
    """Everything that a buyer can do before a purchase, in order, told by whoever hears of it."""
    who = WALKER.email
    part.teller.step(f"{WALKER.first} {WALKER.last} buys, step by step", f"instep explain {who} stage")
    wrong, done = [], list[str]()
    for behaviour, recorder in WAY:
        part.clock.advance(timedelta(days=2))
        part.act(WALKER, behaviour, recorder)
        at = part.clock.now()
        part.sync()
        done.append(behaviour)
        stage = _proven(part, done)
        wrong += [] if is_everywhere_at(part, who, stage) else [behaviour]
        tell_buyers.walked(part.teller, part.workspace, at, behaviour, part.where(recorder), shown(part, who))
    text = f"{len(WAY)} acts, told by {len({told for _, told in WAY})} systems: the stage is what they prove"
    part.expect(not wrong, f"{text}, everywhere" if not wrong else f"{text}, but not after {', '.join(wrong)}")
    document = part.explained(who, "stage")
    tell_buyers.steps(part.teller, document)
    said = [step["stage"] for step in document["steps"]]
    wanted = list(dict.fromkeys(_proven(part, done[: place + 1]) for place in range(len(done))))
    part.expect(said[-len(wanted) :] == wanted, f"Its steps: {', '.join(wanted)}")
    _expect_score(part, who)


def _expect_score(part: Buying, who: str) -> None:
    part.teller.say(f"instep explain {who} score", "dim")
    score = part.explained(who, "score")["score"]
    tell_buyers.score(part.teller, score)
    lines = sum(act["left"] for act in score["acts"]) + sum(rule["points"] for rule in score["fit_rules"])
    part.expect(abs(lines - score["computed"]) < 0.02, f"The lines add up to {score['computed']:.2f}")
    found = {one.connection: one.score for one in shown(part, who)}
    same = {float(text or 0) for text in found.values()} == {float(score["published"])}
    part.expect(same, f"The score is {score['published']} in {' and '.join(found)}")


def sell(part: Buying) -> None:
    """What a seller does moves nobody."""
    who = CALLED.email
    part.teller.step("A representative calls, twice. Does that advance the buyer?", "instep sync")
    before = shown(part, who)
    for sandbox in part.sandboxes.values():
        sandbox.demo.rep_calls(who, part.clock.now())
    tell_buyers.called(part.teller, CALLED, tuple(part.sandboxes))
    outcome = part.sync()
    about = [change for change in outcome.plan.changes if change.label == who]
    after = shown(part, who)
    same = before == after and not about and len(after) == 1 + len(part.sandboxes)
    part.expect(same, f"Before and after the same, {len(about)} written about them: {in_words(after)}")
    tell_buyers.uncounted(part.teller, part.explained(who, "score")["score"])


def tell_twice(part: Buying) -> None:
    """What two systems tell of was one act."""
    who = CALLED.email
    part.teller.step("A webinar, of which two systems tell", f"instep explain {who} score")
    part.clock.advance(timedelta(hours=2))
    tellers: tuple[Recorder, ...] = ("other", "files")
    for recorder in tellers:
        part.act(CALLED, "attends-webinar", recorder)
    part.sync()
    acts = part.explained(who, "score")["score"]["acts"]
    heard = [act for act in acts if act["behaviour"] == "attends-webinar"]
    tell_buyers.acts(part.teller, heard)
    part.expect([len(act["also"]) for act in heard] == [1], f"It counts {len(heard)} time")
    part.expect_at(who, "consideration", "At consideration")


def withdraw(part: Buying) -> None:
    """What did not happen after all takes its stage and its points back."""
    who = CALLED.email
    part.teller.step("A demo that did not take place after all", "instep sync")
    part.clock.advance(timedelta(hours=2))
    before = part.explained(who, "score")["score"]["computed"]
    part.act(CALLED, "participates-in-demo", "system")
    part.sync()
    more = part.explained(who, "score")["score"]["computed"]
    part.expect_at(who, "decision", f"A demo in {part.where('system')}, score {more:.1f}")
    part.hands("system").rep_withdraws(who)
    part.sync()
    score = part.explained(who, "score")["score"]
    part.expect_at(who, "consideration", f"Deleted there, score {score['computed']:.1f}")
    held = sorted(act["behaviour"] for act in score["acts"])
    is_back = score["computed"] <= before < more and "participates-in-demo" not in held
    part.expect(is_back, "Its stage and its points are gone everywhere")
    part.expect_nothing()


# --- a company that nobody is known of ---------------------------------------------------------------------------


def visit_unknown(part: Buying) -> None:
    """A company does a great deal, and nobody knows who."""
    part.teller.step("Somebody looks around, and nobody knows who", "instep report surge")
    part.visit(PAGES)
    part.sync()
    found = part.surges()
    tell_buyers.surges(part.teller, found)
    listed = [(one["known_as"], one["events"]) for one in found["companies"]]
    part.expect(listed == [(QUIET.domain, len(PAGES))], f"{QUIET.name}, and nobody else")


def become_known(part: Buying) -> None:
    """The first who becomes known has done it."""
    who = STRANGER.email
    part.teller.step(f"{STRANGER.first} {STRANGER.last} of {QUIET.name} signs up", f"instep explain {who} score")
    part.clock.advance(timedelta(days=1))
    part.hands("system").buyer_appears(who, STRANGER.first, STRANGER.last, part.clock.now())
    part.sync()
    score = part.explained(who, "score")["score"]
    tell_buyers.acts(part.teller, score["acts"])
    theirs = [act for act in score["acts"] if act["company"]]
    part.expect(len(theirs) == len(PAGES), f"{len(theirs)} things that {QUIET.name} did are theirs")
    part.expect_at(who, "awareness", "Known everywhere, at awareness")
    count = len(part.surges()["companies"])
    part.expect(count == 0, f"{count} companies without a known person are left")


# --- a stage that somebody sets ----------------------------------------------------------------------------------


def set_by_hand(part: Buying) -> None:
    """A representative knows better, for a reason and for a time."""
    part.teller.step("A representative is sure of a purchase, until a day", f"instep explain {DEAL.reference} stage")
    connection, hands = part.where("other"), part.hands("other")
    lines = add_stage_notes(part.folder, connection, *hands.stage_notes)
    part.teller.change(f"in mappings/{connection}.toml", lines, "beside the stage of a deal")
    part.workspace = load_workspace(part.folder)
    until = (part.clock.now() + timedelta(days=7)).date()
    hands.rep_sets(DEAL.reference, "purchase", REASON, until)
    part.teller.say(
        f"{connection:<10} a representative moves {DEAL.reference} to the contract until {until}: {REASON}"
    )
    part.sync()
    part.expect_at(DEAL.reference, "purchase", "Everybody sees it")
    document = part.explained(DEAL.reference, "stage")
    tell_buyers.steps(part.teller, document)
    journey, reasons = document["journey"], [step["reason"] for step in document["steps"]]
    beside = (journey["stage"], journey["proven"]) == ("purchase", "consideration") and REASON in reasons
    part.expect(beside, f"It stands beside what the buyer proves: {journey['proven']}")


def let_it_pass(part: Buying) -> None:
    """The day passes."""
    part.teller.step("The day passes", "instep sync")
    part.clock.advance(timedelta(days=8))
    part.sync()
    part.expect_at(DEAL.reference, "consideration", "Everybody sees again what the buyer proves")
    part.expect_nothing()


# --- a changed rule ----------------------------------------------------------------------------------------------


def replay_draft(part: Buying) -> None:
    """What another rule would have made of everybody."""
    from instep.sync.replay import replay
    from instep.sync.replay.files import replacements

    draft = draft_scoring(part.folder)
    part.teller.step("What if points faded more slowly?", f"instep replay --with {draft}")
    calls = part.calls()
    found = replay(part.workspace, part.world, replacements(part.folder, [str(part.folder / draft)]))
    tell_buyers.replayed(part.teller, found)
    part.forecast = found.tally.more
    count = found.tally.more.total()
    is_right = count > 0 and not found.tally.fewer and part.calls() == calls
    part.expect(is_right, f"{count} values would be written, and no system was asked")


def switch_on(part: Buying) -> None:
    """Exactly what the replay said."""
    part.teller.step("Switch it on", "mv drafts/scoring.toml mappings/; instep sync")
    use_draft(part.folder)
    part.workspace = load_workspace(part.folder)
    outcome = part.sync_at_once()
    done = Counter((c.connection, c.object, c.action, v.name) for c in outcome.plan.changes for v in c.values)
    tell.applied(part.teller, outcome)
    part.expect(done == part.forecast and outcome.exit_code == 0, f"{done.total()} values written: exactly these")
    part.expect_nothing()


def last(part: Buying) -> None:
    """Look past Instep."""
    part.teller.step("Read every system past Instep, the files from disk, and compare record by record")
    held = part.held()
    found = compare(part.workspace, held)
    tell.compared(part.teller, found, tuple(held))
    part.wrong += [str(mismatch) for mismatch in found.mismatches]


# --- what is expected --------------------------------------------------------------------------------------------


def _proven(part: Buying, done: list[str]) -> str:
    """The furthest stage that any of these acts leads into."""
    stages = part.workspace.process.stages
    return [stage.key for stage in stages if stage.enter.behaviours & set(done)][-1]
