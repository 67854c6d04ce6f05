"""What is left of a day's calls is kept for people; a run that ends for it goes on the next day as if it had not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from instep.contract import Allowance
from instep.errors import UsedUpError
from instep.mapping.load import load_workspace
from instep.store import Store
from instep.sync.budget import Budget
from instep.sync.run import Outcome, sync
from instep.sync.transport import World

from ..journey.two_crms import TwoCrms, two_crms
from .test_limits import Clock

PEOPLE, STRANGERS = 330, 120
"""Those whom HubSpot knows, and more whom only Salesforce knows."""
DAYS = 12


@pytest.fixture
def crms(tmp_path: Path) -> Iterator[TwoCrms]:
    with two_crms(tmp_path) as crms:
        fill(crms)
        yield crms


def fill(crms: TwoCrms, people: int = PEOPLE) -> None:
    """People in both systems, some of them the same, each at a company."""
    world = crms.portal.world
    companies = world.load("companies", [{"name": f"Firm {n}", "domain": f"firm{n}.example"} for n in range(7)])
    contacts = world.load(
        "contacts",
        [{"email": f"p{n}@firm{n % 7}.example", "firstname": f"P{n}", "lastname": "Hub"} for n in range(people)],
    )
    for number, contact in enumerate(contacts):
        world.associate("contacts", contact, "companies", companies[number % 7])
    crms.org.world.load(
        "Lead",
        [
            {
                "Email": f"p{n}@firm{n % 7}.example",
                "FirstName": f"P{n}",
                "LastName": "Force",
                "Company": f"Firm {n % 7}",
            }
            for n in [*range(0, people, 3), *range(people, people + STRANGERS)]
        ],
    )
    for sandbox in (crms.portal, crms.org):
        sandbox.personality = replace(sandbox.personality, page_size=40)


def run(crms: TwoCrms) -> Outcome:
    for sandbox in (crms.portal, crms.org):
        sandbox.log.clear()
    world = World(clock=crms.clock.now, sleep=crms.clock.sleep)
    return sync(load_workspace(crms.root), world, first_run="apply")


def reserve(crms: TwoCrms, percent: float, **of: float) -> None:
    """What `[budget]` says."""
    text = (crms.root / "sync.toml").read_text().partition("[budget]")[0]
    tables = "".join(f"[budget.{name}]\nreserve_percent = {own}\n" for name, own in of.items())
    (crms.root / "sync.toml").write_text(f"{text}[budget]\nreserve_percent = {percent}\n{tables}")


def allow(sandbox: Any, calls: int | None) -> None:
    sandbox.personality = replace(sandbox.personality, daily_limit=calls)


def held(crms: TwoCrms) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that people see in both systems, without ids and stamps."""
    contacts = [(c["email"], c.get("firstname"), c.get("lastname"), c.get("lifecyclestage"), c.get("instep_stage"))
                for c in crms.portal.world.all("contacts")]  # fmt: skip
    leads = [(r["Email"], r["FirstName"], r["LastName"], r["Company"], r.get("Instep_Stage__c"))
             for r in crms.org.world.all("Lead")]  # fmt: skip
    accounts = [(r["Name"], r["Website"]) for r in crms.org.world.all("Account")]
    return {name: sorted(map(tuple, rows), key=repr) for name, rows in
            {"contacts": contacts, "leads": leads, "accounts": accounts}.items()}  # fmt: skip


def days(crms: TwoCrms, most: int = DAYS) -> list[Outcome]:
    """One run a day until one of them comes to its end."""
    outcomes = []
    for _ in range(most):
        outcomes.append(run(crms))
        crms.clock.advance(timedelta(days=1))
        if not outcomes[-1].stopped:
            return outcomes
    raise AssertionError([outcome.stopped for outcome in outcomes])


def codes(outcome: Outcome) -> set[str]:
    return {note["code"] for note in outcome.notes}


# --- in the middle of a first load -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tight", "calls", "percent"),
    [
        ("portal", 18, 0),
        pytest.param("org", 28, 0, marks=pytest.mark.ci),
        pytest.param("portal", 25, 20, marks=pytest.mark.ci),
        pytest.param("org", 40, 20, marks=pytest.mark.ci),
    ],
)
def test_a_first_load_over_many_days_ends_as_one_on_a_single_day(
    tmp_path: Path, tight: str, calls: int, percent: float
) -> None:
    with two_crms(tmp_path / "once") as crms:
        fill(crms)
        run(crms)
        run(crms)
        once = held(crms)
    with two_crms(tmp_path / "days") as crms:
        fill(crms)
        reserve(crms, percent)
        allow(getattr(crms, tight), calls)
        crms.clock.advance(timedelta(days=1))
        outcomes = days(crms)
        allow(getattr(crms, tight), None)
        assert len(outcomes) > 1
        assert {outcome.exit_code for outcome in outcomes[:-1]} == {3}
        assert all("budget" in codes(outcome) for outcome in outcomes[:-1])
        run(crms)
        assert held(crms) == once
        assert run(crms).plan.is_empty
    emails = [row[0] for row in once["contacts"]]
    assert len(emails) == len(set(emails)) == PEOPLE + STRANGERS


def test_the_other_systems_go_on(crms: TwoCrms) -> None:
    allow(crms.portal, 14)
    crms.clock.advance(timedelta(days=1))
    outcome = run(crms)
    assert list(outcome.stopped) == ["hubspot"]
    assert outcome.account["salesforce"]["seen"] > 0
    assert outcome.account["salesforce"]["written"]
    assert outcome.account["hubspot"]["written"] == {}


def test_what_was_read_is_not_read_again(crms: TwoCrms) -> None:
    allow(crms.portal, 20)
    crms.clock.advance(timedelta(days=1))
    run(crms)
    first = listed(crms)
    crms.clock.advance(timedelta(days=1))
    run(crms)
    again = listed(crms)
    assert first
    assert not set(first) & set(again)


def listed(crms: TwoCrms) -> list[str]:
    """The pages of contacts that were asked for, beside what is in the bin."""
    calls = [call for call in crms.portal.log.calls() if call.path.endswith("/objects/contacts")]
    return [str(call.query) for call in calls if call.query.get("archived") != ["true"]]


# --- the edge --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [0, 1])
def test_with_one_more_call_left_one_more_page_is_read(crms: TwoCrms, more: int) -> None:
    reserve(crms, 0, hubspot=50)
    allow(crms.portal, 28 + 2 * more)
    crms.clock.advance(timedelta(days=1))
    outcome = run(crms)
    calls = crms.portal.log.calls()
    assert len(calls) == 14 + more
    assert {call.status for call in calls} == {200}
    assert outcome.account["hubspot"]["allowance"]["left"] == 14 + more
    [note] = [note for note in outcome.notes if note["code"] == "budget"]
    assert f"{14 + more} of {28 + 2 * more} calls a day are left, {14 + more} of them for people" in note["text"]
    assert f"{crms.clock.now() + timedelta(days=1):%Y-%m-%d} 00:00 UTC" in note["remedy"]


@pytest.mark.parametrize(("needed", "is_begun"), [(8, False), (9, True)])
def test_nothing_is_begun_that_cannot_be_brought_to_its_end(crms: TwoCrms, needed: int, is_begun: bool) -> None:
    reserve(crms, 0)
    run(crms)
    run(crms)
    calls = run(crms).account["hubspot"]
    used = calls["allowance"]["a_day"] - calls["allowance"]["left"]
    contact = next(c["hs_object_id"] for c in crms.portal.world.all("contacts") if c["email"].startswith("p0@"))
    crms.portal.world.edit("contacts", contact, jobtitle="Boss")
    lead = crms.one("Lead", "Id", "Email = 'p1@firm1.example'")["Id"]
    crms.org.world.edit("Lead", lead, Title="Chief")
    allow(crms.portal, used + calls["calls"] + needed)
    outcome = run(crms)
    assert crms.one("Lead", "Title", "Email = 'p0@firm0.example'")["Title"] == "Boss"
    assert not journal(crms, "unknown")
    assert (crms.contact("p1@firm1.example", "jobtitle")["jobtitle"] == "Chief") is is_begun
    if not is_begun:
        assert "nothing was begun" in outcome.stopped["hubspot"]
        assert not crms.portal.log.writes()
        allow(crms.portal, None)
        assert run(crms).status == "done"
        assert crms.contact("p1@firm1.example", "jobtitle")["jobtitle"] == "Chief"


def journal(crms: TwoCrms, state: str) -> int:
    with Store(load_workspace(crms.root).store) as store:
        return store.count("SELECT count(*) FROM journal WHERE state = ?", (state,))


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_a_vendors_own_end_of_the_day_is_neither_asked_again_nor_waited_for(crms: TwoCrms, name: str) -> None:
    reserve(crms, 0)
    run(crms)
    crms.clock.advance(timedelta(days=1))
    sandbox, body = {
        "hubspot": (crms.portal, {"policyName": "DAILY", "errorType": "RATE_LIMIT", "message": "x"}),
        "salesforce": (
            crms.org,
            [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
        ),
    }[name]
    status = 429 if name == "hubspot" else 403
    sandbox.faults.add(
        "/services/data/*" if name == "salesforce" else "*",
        "status",
        None,
        status=status,
        body=json.dumps(body).encode(),
    )
    before = crms.clock.now()
    outcome = run(crms)
    assert (outcome.exit_code, list(outcome.stopped)) == (3, [name])
    assert [call.status for call in sandbox.log.calls() if "oauth2" not in call.path] == [status]
    assert crms.clock.now() - before < timedelta(minutes=1)
    assert "budget" in codes(outcome)
    sandbox.faults.clear()
    assert run(crms).status == "done"


def test_no_run_of_a_steady_state_is_ever_refused_for_too_many_calls(crms: TwoCrms) -> None:
    crms.portal.personality = replace(crms.portal.personality, rate_limit=190, search_rate_limit=5)
    for day in range(3):
        crms.edit_contact(f"p{day}@firm{day}.example", jobtitle=f"Boss {day}")
        outcome = run(crms)
        assert outcome.status == "done"
        assert not [
            call for sandbox in (crms.portal, crms.org) for call in sandbox.log.calls() if call.status in (429, 403)
        ]
        crms.clock.advance(timedelta(hours=1))


# --- what is known ---------------------------------------------------------------------------------------------


def test_all_processes_of_a_state_share_what_is_left(memory: Path) -> None:
    clock = Clock()
    with Store(memory / "one.db") as one, Store(memory / "one.db") as other:
        budgets = [Budget(store, clock, "a", 20) for store in (one, other)]
        budgets[0].allowed(Allowance(100, 24))
        for budget in budgets:
            budget.spend()
            budget.spend()
        for budget in budgets:
            with pytest.raises(UsedUpError, match="20 of 100 calls a day are left, 20 of them for people"):
                budget.spend()
        budgets[1].allowed(Allowance(100, 21))  # the system knows better
        budgets[0].spend()
        with pytest.raises(UsedUpError):
            budgets[1].spend()


def test_what_another_run_was_told_long_ago_holds_up_nobody(memory: Path) -> None:
    clock = Clock()
    with Store(memory / "one.db") as store:
        Budget(store, clock, "a", 20).allowed(Allowance(100, 3))
        clock.seconds += 60
        budget = Budget(store, clock, "a", 20)
        for _ in range(5):
            budget.spend()
        assert budget.left is None


def test_what_is_begun_may_use_what_is_kept(memory: Path) -> None:
    with Store(memory / "one.db") as store:
        budget = Budget(store, Clock(), "a", 20)
        budget.spend()
        budget.allowed(Allowance(100, 22))
        budget.require(2)
        with pytest.raises(UsedUpError):
            budget.require(3)
        with budget.to_the_end():
            for _ in range(5):
                budget.spend()
        with pytest.raises(UsedUpError):
            budget.spend()
