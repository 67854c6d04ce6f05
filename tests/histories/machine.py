"""People, weather and runs in any order: a state machine that tells a history while it goes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ..trust.theatre import in_memory
from .history import COMPANIES, DEALS, FIELDS, PEOPLE, STAGES, History
from .world import OWNERS, Systems
from .world import systems as opened

KNOWN = (
    "hubspot salesforce",
    "salesforce hubspot",
    "hubspot salesforce memory",
    "memory hubspot salesforce",
    "hubspot salesforce files",
    "memory other",
)
WITH_TOOLS = (
    "hubspot salesforce marketo mailchimp",
    "hubspot salesforce files marketo mailchimp",
    "marketo mailchimp hubspot",
    "mailchimp salesforce marketo",
)
"""Two campaign tools among them, which know people only."""


def _one(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words)


def _line(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    strategies = [st.just(part) if isinstance(part, str) else part for part in parts]
    return st.tuples(*strategies).map(" ".join)


WHERE = _one("1st", "2nd", "3rd")
"""A system of the history, by its place."""
PLACES = {"1st": 0, "2nd": 1, "3rd": 2}
TOOL = _one("marketo", "mailchimp")
PERSON, COMPANY, DEAL = _one(*PEOPLE), _one(*COMPANIES), _one(*DEALS)
SOMETHING = st.one_of(_line("person", PERSON), _line("company", COMPANY), _line("opportunity", DEAL))
SOME_FIELD = st.one_of(
    _line("person", PERSON, _one(*FIELDS["person"])),
    _line("company", COMPANY, _one(*FIELDS["company"])),
    _line("opportunity", DEAL, _one(*FIELDS["opportunity"])),
)
A_FIELD = _one(*(f"{kind} {field}" for kind, fields in FIELDS.items() for field in fields))
TIE = st.one_of(
    _line("person", PERSON, "company", COMPANY),
    _line("opportunity", DEAL, "company", COMPANY),
    _line("opportunity", DEAL, "person", PERSON),
)

PEOPLE_DO = st.one_of(
    _line(WHERE, "edit", SOME_FIELD),
    _line(WHERE, "edit person", PERSON, _one(*FIELDS["person"])),
    _line(WHERE, "blank", SOME_FIELD),
    _line("salesforce late", SOME_FIELD),
    _line(WHERE, "make", SOMETHING),
    _line("salesforce make lead", PERSON),
    _line(WHERE, "move person", PERSON, _one(*STAGES)),
    _line(WHERE, "move opportunity", DEAL, _one(*STAGES, "won", "lost")),
    _line(WHERE, "own", SOMETHING, _one(*OWNERS)),
    _line(WHERE, "delete", SOMETHING),
    _line(WHERE, "restore", SOMETHING),
    _line(WHERE, "merge person", _one("Jane Joan", "Joan Jane")),
    _line("salesforce convert person", PERSON, COMPANY),
    _line(WHERE, "tie", TIE),
    _line(WHERE, "untie", TIE),
    _line(WHERE, _one("opt-out", "opt-out", "unflag", "opt-in"), "person", PERSON),
)
ADMINS_DO = st.one_of(
    _line(_one("hubspot", "salesforce", "memory"), "hide", A_FIELD),
    _line(_one("hubspot", "salesforce", "memory"), "show", A_FIELD),
    _line("hubspot retype", _one("person title", "person first_name", "company city")),
    _line("salesforce refuse person", PERSON),
    _line("salesforce accept"),
    _line(_one("hubspot", "salesforce"), "expire"),
)
GOES_WRONG = st.one_of(
    _line(
        _one("hubspot", "salesforce"),
        "wrong",
        _one("reset_before", "reset_after", "timeout_after_commit", "server_error", "throttled", "html_502", "slow"),
        st.integers(0, 25).map(str),
        _one("1", "1", "2", "6"),
    ),
    _line(_one("hubspot", "salesforce"), "lag"),
    _line(_one("hubspot", "salesforce"), "page", _one("1", "2")),
)
IN_TOOLS = st.one_of(
    _line(TOOL, "edit person", PERSON, _one("first_name", "phone", "email")),
    _line("marketo edit person", PERSON, "title"),
    _line("marketo blank person", PERSON, _one(*FIELDS["person"])),
    _line(TOOL, "make person", PERSON),
    _line(TOOL, "move person", PERSON, _one(*STAGES)),
    _line("marketo own person", PERSON, _one(*OWNERS)),
    _line(TOOL, "delete person", PERSON),
    _line("marketo merge person", _one("Jane Joan", "Joan Jane")),
    _line(TOOL, _one("opt-out", "opt-out", "unflag", "opt-in"), "person", PERSON),
    _line("marketo expire"),
    _line("marketo lag"),
    _line(
        TOOL,
        "wrong",
        _one("reset_before", "reset_after", "timeout_after_commit", "server_error", "throttled", "slow"),
        st.integers(0, 25).map(str),
        _one("1", "1", "2", "6"),
    ),
)
"""What happens in a campaign tool, and on the way to it."""
MEANWHILE = st.lists(
    st.tuples(st.integers(1, 90), st.one_of(PEOPLE_DO, PEOPLE_DO, ADMINS_DO)), min_size=1, max_size=3
)


class Histories(RuleBasedStateMachine):
    """Plays what it draws, and looks at the end whether all is well."""

    systems: ClassVar[Systems]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.history: History | None = None

    def do(self, step: str) -> None:
        assert self.history is not None
        names = list(self.history.desks)
        for word, place in PLACES.items():
            step = step.replace(word, names[place % len(names)])
        try:
            self.history.do(step)
        except AssertionError:
            self.history = None  # it has come to its end
            raise

    @initialize(names=_one(*KNOWN), first=st.lists(_line(WHERE, "make", SOMETHING), min_size=1, max_size=5))
    def begin(self, names: str, first: Sequence[str]) -> None:
        self.history = History(self.systems, Path(self.folder.name) / "workspace", names)
        for step in first:
            self.do(step)

    @rule(step=PEOPLE_DO)
    def somebody_acts(self, step: str) -> None:
        self.do(step)

    @rule(steps=st.lists(PEOPLE_DO, min_size=2, max_size=4))
    def several_act(self, steps: list[str]) -> None:
        for step in steps:
            self.do(step)

    @rule(step=ADMINS_DO)
    def an_admin_acts(self, step: str) -> None:
        self.do(step)

    @rule(step=GOES_WRONG)
    def something_goes_wrong(self, step: str) -> None:
        self.do(step)

    @rule(span=_one("1s", "10s", "70s", "10m", "3h", "40d"))
    def time_passes(self, span: str) -> None:
        self.do(f"wait {span}")

    @rule(span=_one("+3650d", "-3650d", "+1h", "-1h", "+0s"))
    def our_clock_jumps(self, span: str) -> None:
        self.do(f"clock {span}")

    @rule()
    def sync(self) -> None:
        self.do("sync")

    @rule(point=st.integers(1, 150))
    def sync_killed(self, point: int) -> None:
        self.do(f"sync killed {point}")

    @rule(hands=MEANWHILE)
    def sync_while_people_work(self, hands: list[tuple[int, str]]) -> None:
        self.do("sync " + "; ".join(f"at {at} {step}" for at, step in dict(hands).items()))

    @rule()
    def plan(self) -> None:
        self.do("plan")

    def teardown(self) -> None:
        try:
            if self.history is not None:
                self.history.finish()
        finally:
            self.folder.cleanup()


class HistoriesWithTools(Histories):
    """The same with two campaign tools among the systems, and people at work in them."""

    @initialize(names=_one(*WITH_TOOLS), first=st.lists(_line(WHERE, "make", SOMETHING), min_size=1, max_size=5))
    def begin(self, names: str, first: Sequence[str]) -> None:
        super().begin(names, first)  # type: ignore[misc]

    @rule(step=IN_TOOLS)
    def something_happens_in_a_campaign_tool(self, step: str) -> None:
        self.do(step)


def play(histories: int, steps: int, *, number: int | None = None, machine: type[Histories] = Histories) -> None:
    """Play so many histories of at most so many turns; without a number, the same ones each time."""
    wanted = settings(
        derandomize=number is None,
        max_examples=histories,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    with in_memory() as folder, opened(folder) as systems:

        class Playing(machine):  # type: ignore[misc, valid-type]
            pass

        Playing.systems = systems
        told = Playing if number is None else seed(number)(Playing)
        run_state_machine_as_test(told, settings=wanted)
