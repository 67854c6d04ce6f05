"""A history: what people did to some systems, and what Instep did in between, told in lines of text.

    systems hubspot salesforce memory       which systems there are, in their order of preference
    hubspot make person Jane                somebody makes, edits, blanks, moves, deletes, restores, merges … a record
    salesforce make lead Jane
    hubspot edit person Jane title          the value is a new one each time
    hubspot blank person Jane title
    memory move person Jane decision
    hubspot own person Jane ada
    hubspot delete person Jane              · restore person Jane · merge person Jane Joan
    salesforce convert person Jane Acme
    hubspot tie person Jane company Acme    · untie …
    hubspot opt-out person Jane             · opt-in person Jane · unflag person Jane
    salesforce hide person title            an admin hides, retypes, shows a field
    salesforce refuse person Jane           a rule refuses every change of that record; `salesforce accept` ends it
    salesforce expire                       every token ends
    hubspot wrong throttled 3 2             after three more calls, two go wrong
    hubspot lag                             searches are late from now on
    hubspot page 1                          no page holds more than one record
    salesforce late person Jane title       an edit that is committed late, and dated five minutes before
    clock +3650d                            our clock is wrong from now on
    wait 180s
    sync                                    · sync killed 40 · sync at 12 hubspot edit person Jane title; at 30 …
    plan

A step that makes no sense where it stands (nobody is there to be edited) does nothing, so that any line can be taken
out of a history.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from instep.mapping.compiled import Workspace
from instep.sandbox import FaultKind
from instep.sync.run import Outcome, plan_only
from instep.sync.transport import World
from instep_hubspot.sandbox.errors import RefusedError as HubSpotRefusedError
from instep_mailchimp.sandbox.errors import ProblemError
from instep_marketo.sandbox.errors import RefusedError as MarketoRefusedError
from instep_salesforce.sandbox import RefusedError as SalesforceRefusedError

from ..trust.checks import differences, view
from ..trust.place import Desk, Held, Kind
from ..trust.rehearsal import Rehearsal, Run
from . import oracle
from .ghost import Ghost, Shot, changes, shot
from .world import TEAM, Systems

PEOPLE, COMPANIES, DEALS = ("Jane", "Joan"), ("Acme", "Bolt"), ("Ledger",)
FIELDS: dict[Kind, tuple[str, ...]] = {
    "person": ("title", "first_name", "phone", "email"),
    "company": ("city", "phone"),
    "opportunity": ("amount",),
}
STAGES = ("interest", "research", "consideration", "decision", "purchase")
A_HAND = timedelta(milliseconds=300)
"""How long everything takes that people do: several things bear the same second."""
RECHECK = timedelta(minutes=5)
"""A record that was read so recently is written without another look."""
LATE = timedelta(minutes=5)
"""How long a transaction may take."""
EVERYTHING_IS_READ = timedelta(days=8)
"""After so long, associations whose record did not change are read again, too."""
MOST_CALLS = 700
"""No run of such a small world has more effects than that."""


_REFUSALS = (
    HubSpotRefusedError,
    SalesforceRefusedError,
    MarketoRefusedError,
    ProblemError,
    NotImplementedError,
    LookupError,
    StopIteration,
    ValueError,
)
"""How a system says that something cannot be done there now."""


class Wrong(AssertionError):  # noqa: N818 - it says what is wrong
    """What a history came to, with every step that led there."""


class History:
    """Plays steps one by one, and looks after each write and at the end whether everything holds."""

    def __init__(self, systems: Systems, folder: Path, names: str) -> None:
        self.steps = [f"systems {names}"]
        self.desks: dict[str, Desk] = {place.name: place for place in systems.begin(names.split())}
        self.time = systems.time
        self.story = Rehearsal("history", folder, list(self.desks.values()), systems.time, team=TEAM)
        self.ghost = Ghost()
        self.shot: Shot = {}
        self.wrong: list[str] = []
        self.hidden: set[tuple[str, Kind, str]] = set()
        self.refused: set[tuple[str, Kind, str]] = set()
        self.disturbed = False
        """Whether anything was to go wrong since the last quiet moment."""
        self.expiries = 0
        self._calls = dict.fromkeys(self.desks, 0)
        self._serial = 0
        self._began, self._heard = systems.time.at, 0
        self._stages: dict[str, tuple[str, str]] = {}
        self._again = lambda folder: History(systems, folder, names)

    # --- steps -------------------------------------------------------------------------------------------------

    def do(self, step: str) -> None:
        """Play one step; raises `Wrong` at once where something does not hold."""
        self.steps.append(step)
        word, _, rest = step.partition(" ")
        match word:
            case "sync":
                self._sync(rest)
            case "plan":
                self._plan()
            case "wait":
                self.time.at += _span(rest)
            case "clock":
                self._set_clock(_span(rest))
            case _:
                self._act(step)
        self.check()

    def _set_clock(self, ahead: timedelta) -> None:
        """Our clock is wrong from now on."""
        self.story.clock = lambda: self.time.now() + ahead

    def check(self) -> None:
        """Raise what was found to be wrong."""
        if self.wrong:
            raise Wrong("\n".join([*dict.fromkeys(self.wrong), "", "after these steps:", *self.steps]))

    def _act(self, step: str) -> None:
        """Somebody does something, right now."""
        system, verb, *words = step.split()
        desk = self.desks.get(system)
        if desk is None:
            return
        self.look()
        before, linked = self.shot, oracle.links(self)
        with suppress(*_REFUSALS):
            _VERBS[verb](self, desk, *words)
        self.shot = shot(self.story.held())
        self.ghost.hear(before, self.shot, linked)
        self.time.at += A_HAND

    def serial(self, field: str) -> str:
        """A value that nobody ever used."""
        self._serial += 1
        match field:
            case "phone":
                return f"+41 31 555 {self._serial:04}"
            case "email":
                return f"p{self._serial}@acme.example"
            case "amount":
                return str(1000 + self._serial)
        return f"v{self._serial}"

    def live(self, desk: Desk, kind: str, name: str) -> list[Held]:
        """The records of a name in a system."""
        return [r for r in desk.held() if (r.kind, r.name) == (kind, name)]

    # --- runs --------------------------------------------------------------------------------------------------

    def _sync(self, rest: str) -> None:
        killed = re.fullmatch(r"killed (\d+)", rest)
        hands = {int(at): step for at, step in re.findall(r"at (\d+) ([^;]+)", rest)}
        self.run(stop_at=int(killed[1]) if killed else None, hands=hands)

    def _plan(self) -> None:
        before = {name: desk.calls for name, desk in self.desks.items()}
        self.run(plan_only)
        written = [name for name, desk in self.desks.items() if desk.calls != before[name]]
        self.wrong += [f"R30: a plan wrote to {name}" for name in written]

    def run(
        self,
        runner: Callable[[Workspace, World], Outcome] | None = None,
        *,
        stop_at: int | None = None,
        hands: dict[int, str] | None = None,
    ) -> Run | None:
        """One run, in which people go on working at the effects of these numbers."""
        self.look()
        self._began, self._heard = self.time.at, len(self.ghost.words)
        seen = 0
        logins = {name: desk.logins for name, desk in self.desks.items()}
        self.expiries = 0

        def hears(label: str) -> None:
            nonlocal seen
            seen += 1
            self.notice()
            if hands and seen in hands:
                self._act(hands[seen])
            if seen > MOST_CALLS or self.time.at - self._began > timedelta(hours=6):
                raise Wrong(f"R26: the run does not end: {seen} effects in {self.time.at - self._began}")

        more: dict[str, Any] = {} if runner is None else {"runner": runner}
        run: Run | None = None
        try:
            run = self.story.run(stop_at, seed=len(self.steps), hears=hears, **more)
        except Wrong as wrong:
            self.wrong.append(str(wrong))
        if run is not None and run.error is not None and not self.disturbed:
            self.wrong.append(f"a run failed although nothing went wrong: {run.error!r}")
        self.notice()
        if run is not None and run.outcome is not None:
            if run.outcome.unaccounted:
                self.wrong.append(f"unaccounted: {run.outcome.account}")
            self.ghost.epoch += 1
        stages = oracle.stages(self)
        self.wrong += oracle.moved_back(self, self._stages, stages)
        self._stages = stages
        for name, desk in self.desks.items():
            if not self.disturbed and desk.logins - logins[name] > 1 + self.expiries:
                self.wrong.append(f"R28: {name} was asked for {desk.logins - logins[name]} tokens in one run")
        self.time.at += A_HAND
        return run

    def look(self) -> None:
        """See what there is; what is new was nobody's call."""
        self.shot = shot(self.story.held())
        self._calls = {name: desk.calls for name, desk in self.desks.items()}

    def notice(self) -> None:
        """Hold every change that our calls just made against what people said."""
        calls = {name: desk.calls for name, desk in self.desks.items()}
        if calls == self._calls:
            return
        before, self.shot, self._calls = self.shot, shot(self.story.held()), calls
        changed = list(changes(before, self.shot))
        if self.time.at - self._began <= RECHECK:
            self.ghost.race(changed, since=self._heard)
        self.wrong += oracle.wrong_writes(self.ghost, before, self.shot, changed)

    # --- the end -----------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """People stop, faults cease; first with hidden fields, then with all of them: everything comes to agree."""
        for desk in self.desks.values():
            desk.calm()
        self.disturbed = False
        self._set_clock(timedelta(0))
        if self.hidden or self.refused:
            self._come_to_rest("while something is hidden or refused")
            self.wrong += oracle.disagreements(self, hidden=self.hidden, refused=self.refused)
            self.check()
        for system, kind, field in sorted(self.hidden):
            self.desks[system].show(kind, field)
        for desk in self.desks.values():
            desk.accept()
        self.hidden, self.refused = set(), set()
        self._come_to_rest("at last")
        self.wrong += [
            *oracle.disagreements(self, hidden=set(), refused=set()),
            *oracle.twins(self),
            *oracle.unlinked(self),
            *oracle.missing(self),
            *oracle.lost(self),
            *oracle.overheard(self),
            *oracle.refusals(self),
            *oracle.unsettled(self),
        ]
        self.check()
        if self._has_jumps():
            self._compare_with_a_right_clock()

    def _has_jumps(self) -> bool:
        """Whether our clock was ever wrong, and nothing happened at the number of an effect."""
        jumps = any(step.startswith("clock ") and step != "clock +0s" for step in self.steps)
        return jumps and not any(" killed " in step or " at " in step or " wrong " in step for step in self.steps)

    def _compare_with_a_right_clock(self) -> None:
        """R27: the same history with a clock that is right comes to the same."""
        ended = view(self.story.held())
        other = self._again(self.story.root.parent / "with a right clock")
        for step in self.steps[1:]:
            if not step.startswith("clock "):
                other.do(step)
        other.finish()
        found = list(differences(view(other.story.held()), ended))
        self.wrong += [f"R27: with a wrong clock, {difference}" for difference in found]
        self.check()

    def _come_to_rest(self, when: str) -> None:
        counts = []
        for number in range(4):
            self.time.at += timedelta(minutes=15) if number else EVERYTHING_IS_READ
            run = self.run()
            self.check()
            assert run is not None
            assert run.error is None
            counts.append(run.writes)
            if run.writes == 0:
                break
        else:
            self.wrong.append(f"R02, R12: it does not come to rest {when}: {counts}, {run.outcome}")
        self.check()


# --- what people can do ----------------------------------------------------------------------------------------


def _make(history: History, desk: Desk, kind: str, name: str) -> None:
    what = "person" if kind == "lead" else kind
    if not any(history.live(one, what, name) for one in history.desks.values()):
        history.ghost.deleted -= {one for one in history.ghost.deleted if one[1:] == (what, name)}  # another one
    if kind == "lead":
        if desk.name == "salesforce" and not any(r.object == "Lead" for r in history.live(desk, "person", name)):
            desk.make("person", name, lead=True, email=f"{name.lower()}@acme.example")  # type: ignore[call-arg, arg-type]
        return
    if history.live(desk, kind, name):
        return
    natural = {
        "person": {"email": f"{name.lower()}@acme.example"},
        "company": {"domain": f"{name.lower()}.example"},
        "opportunity": {},
    }
    if kind == "opportunity" and any(history.live(d, kind, name) for d in history.desks.values()):
        return  # no key tells that two of them are the same
    if kind == "opportunity" and desk.name in ("memory", "other", "files"):
        natural[kind] = {"stage": "interest"}
    desk.make(kind, name, **natural[kind])  # type: ignore[arg-type]
    history.ghost.deleted.discard((desk.name, kind, name))  # type: ignore[arg-type]


def _edit(history: History, desk: Desk, kind: Kind, name: str, field: str) -> None:
    desk.edit(kind, name, **{field: history.serial(field)})


def _blank(history: History, desk: Desk, kind: Kind, name: str, field: str) -> None:
    desk.edit(kind, name, **{field: ""})


def _move(history: History, desk: Desk, kind: Kind, name: str, stage: str) -> None:
    if kind == "person" and desk.name == "salesforce":
        return  # it keeps no stage of persons
    desk.move(kind, name, stage)


def _own(history: History, desk: Desk, kind: Kind, name: str, owner: str) -> None:
    desk.own(kind, name, owner)


def _delete(history: History, desk: Desk, kind: Kind, name: str) -> None:
    records = history.live(desk, kind, name)
    known = oracle.links(history)
    desk.delete(kind, name)
    left = history.live(desk, kind, name)
    if any((desk.name, r.object, r.id) in known for r in records) and not left:
        history.ghost.deleted.add((desk.name, kind, name))


def _restore(history: History, desk: Desk, kind: Kind, name: str) -> None:
    if history.live(desk, kind, name):
        return
    desk.restore(kind, name)
    history.ghost.deleted.discard((desk.name, kind, name))


def _merge(history: History, desk: Desk, kind: Kind, name: str, other: str) -> None:
    if name == other or not history.live(desk, kind, name) or not history.live(desk, kind, other):
        return
    desk.merge(kind, name, other)
    history.ghost.join(kind, name, other)


def _convert(history: History, desk: Desk, kind: Kind, name: str, company: str) -> None:
    there = {r.object: r for r in history.live(desk, "person", name)}
    if desk.name != "salesforce" or "Lead" not in there:
        return
    contact = there["Contact"].id if "Contact" in there else None
    accounts = [r.id for r in history.live(desk, "company", company)]
    if not accounts:
        return
    account = accounts[0]
    if contact is not None:
        held = desk.world.read("Contact", contact) or {}  # type: ignore[attr-defined]
        account = held["AccountId"]
        if not account:
            return
    desk.world.convert(there["Lead"].id, contact=contact, account=account)  # type: ignore[attr-defined]


def _tie(history: History, desk: Desk, kind: Kind, name: str, to: Kind, other: str) -> None:
    ends = history.live(desk, to, other)
    here = history.live(desk, kind, name)
    if not ends or not here or all(r.ties is None for r in here):
        return
    if desk.name == "salesforce" and to == "person" and all(r.object == "Lead" for r in ends):
        return
    if any((to, other) in (r.ties or ()) for r in here):
        return
    desk.tie(kind, name, to, other)
    if to == "person":
        history.ghost.buyers.add(other)


def _untie(history: History, desk: Desk, kind: Kind, name: str, to: Kind, other: str) -> None:
    if any((to, other) in (r.ties or ()) for r in history.live(desk, kind, name)):
        desk.untie(kind, name, to, other)


def _opt_out(history: History, desk: Desk, kind: Kind, name: str) -> None:
    desk.opt_out(name)


def _opt_in(history: History, desk: Desk, kind: Kind, name: str) -> None:
    desk.opt_in(name)
    history.ghost.welcome[name] = len(history.ghost.words) + 1


def _unflag(history: History, desk: Desk, kind: Kind, name: str) -> None:
    desk.unflag(name)


def _hide(history: History, desk: Desk, kind: Kind, field: str) -> None:
    desk.hide(kind, field)
    history.hidden.add((desk.name, kind, field))
    if desk.name in ("memory", "other"):  # which knows fields by name alone
        history.hidden |= {(desk.name, other, field) for other, fields in FIELDS.items() if field in fields}


def _retype(history: History, desk: Desk, kind: Kind, field: str) -> None:
    desk.retype(kind, field)
    history.hidden.add((desk.name, kind, field))


def _show(history: History, desk: Desk, kind: Kind, field: str) -> None:
    desk.show(kind, field)
    history.hidden -= {one for one in history.hidden if (one[0], one[2]) == (desk.name, field)}


def _refuse(history: History, desk: Desk, kind: Kind, name: str) -> None:
    desk.refuse(kind, name)
    history.refused.add((desk.name, kind, name))


def _accept(history: History, desk: Desk) -> None:
    desk.accept()
    history.refused -= {one for one in history.refused if one[0] == desk.name}


def _expire(history: History, desk: Desk) -> None:
    desk.expire()
    history.expiries += 1


def _go_wrong(history: History, desk: Desk, kind: str, after: str, times: str) -> None:
    desk.go_wrong(FaultKind(kind), int(after), int(times))
    history.disturbed = True


def _lag(history: History, desk: Desk) -> None:
    desk.lag()


def _page(history: History, desk: Desk, size: str) -> None:
    desk.page(int(size))


def _late(history: History, desk: Desk, kind: Kind, name: str, field: str) -> None:
    """A long transaction holds its record: nothing else can have changed it since it began."""
    here = min(history.live(desk, kind, name), key=lambda record: record.object)
    row = desk.world.read(here.object, here.id)  # type: ignore[attr-defined]
    if datetime.fromisoformat(row["SystemModstamp"]) < history.time.at - LATE:
        with desk.world.commit_late(here.object, LATE):  # type: ignore[attr-defined]
            _edit(history, desk, kind, name, field)


_VERBS: dict[str, Callable[..., None]] = {
    "make": _make,
    "edit": _edit,
    "blank": _blank,
    "move": _move,
    "own": _own,
    "delete": _delete,
    "restore": _restore,
    "merge": _merge,
    "convert": _convert,
    "tie": _tie,
    "untie": _untie,
    "opt-out": _opt_out,
    "opt-in": _opt_in,
    "unflag": _unflag,
    "hide": _hide,
    "retype": _retype,
    "show": _show,
    "refuse": _refuse,
    "accept": _accept,
    "expire": _expire,
    "wrong": _go_wrong,
    "lag": _lag,
    "page": _page,
    "late": _late,
}


def _span(text: str) -> timedelta:
    """`180s`, `+10d`, `-3650d`."""
    found = re.fullmatch(r"([+-]?\d+)([smhd])", text)
    assert found is not None, text
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def replay(systems: Systems, folder: Path, text: str) -> History:
    """Play a history that was kept, to its end."""
    steps = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    history = History(systems, folder, steps[0].removeprefix("systems "))
    for step in steps[1:]:
        history.do(step)
    history.finish()
    return history
