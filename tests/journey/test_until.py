"""What is set until a day, in HubSpot and Salesforce: the day passes, and both go back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from instep.mapping.load import load_workspace
from instep.sync.explain import explain
from instep.sync.override import Setting, set_stage
from instep.sync.transport import World

from .two_crms import TwoCrms, two_crms

JANE = "jane@x.example"


@pytest.fixture
def crms(tmp_path: Path) -> Iterator[TwoCrms]:
    """Jane is interested, in both; beside her stage HubSpot has a reason and a last day."""
    with two_crms(tmp_path / "crm") as found:
        found.portal.world.add_property("contacts", {"name": "stage_until", "type": "date"})
        found.portal.world.add_property("contacts", {"name": "stage_reason", "type": "string"})
        mapping = found.root / "mappings" / "hubspot.toml"
        told = 'field = "lifecyclestage"\nreason = "stage_reason"\nuntil = "stage_until"'
        mapping.write_text(mapping.read_text().replace('field = "lifecyclestage"', told, 1))
        found.sf.Lead.create({"LastName": "Doe", "Email": JANE, "Company": "X"})
        found.add_contact(email=JANE, lastname="Doe", lifecyclestage="lead")
        found.sync()
        found.sync()
        yield found


def stages(crms: TwoCrms) -> tuple[str, str]:
    """The stage in HubSpot, and in Salesforce."""
    there = crms.one("Lead", "Instep_Stage__c", f"Email = '{JANE}'")["Instep_Stage__c"]
    return crms.contact(JANE, "lifecyclestage")["lifecyclestage"], there


def since_when(crms: TwoCrms) -> str:
    """Since when Jane is at her stage."""
    [told] = explain(load_workspace(crms.root), JANE, "stage")
    return str(told.history[-1]["at"])


def test_what_a_rep_set_until_a_day_goes_back_in_both_when_it_has_passed(crms: TwoCrms) -> None:
    last = crms.clock.now() + timedelta(days=2)
    crms.edit_contact(
        JANE, lifecyclestage="opportunity", stage_reason="budget week", stage_until=last.date().isoformat()
    )
    crms.sync()
    assert stages(crms) == ("opportunity", "decision")
    crms.clock.advance(timedelta(days=1))
    crms.sync()
    assert (stages(crms), crms.writes()) == (("opportunity", "decision"), (0, 0))
    crms.clock.advance(timedelta(days=2))
    crms.sync()
    assert stages(crms) == ("lead", "interest")
    crms.sync()
    assert crms.writes() == (0, 0)


def test_what_a_rep_set_without_a_last_day_stays(crms: TwoCrms) -> None:
    crms.edit_contact(JANE, lifecyclestage="opportunity", stage_reason="budget week")
    crms.sync()
    crms.clock.advance(timedelta(days=30))
    crms.sync()
    assert stages(crms) == ("opportunity", "decision")


def test_a_last_day_that_is_moved_counts_from_when_the_stage_was_set(crms: TwoCrms) -> None:
    last = crms.clock.now() + timedelta(days=2)
    crms.edit_contact(JANE, lifecyclestage="opportunity", stage_until=last.date().isoformat())
    crms.sync()
    since = since_when(crms)
    crms.clock.advance(timedelta(days=1))
    crms.edit_contact(JANE, stage_reason="two weeks more", stage_until=(last + timedelta(days=14)).date().isoformat())
    crms.sync()
    assert (stages(crms), crms.writes(), since_when(crms)) == (("opportunity", "decision"), (0, 0), since)
    [told] = explain(load_workspace(crms.root), JANE, "stage")
    assert str(told.history[-1]["note"]).startswith("two weeks more, until ")
    crms.clock.advance(timedelta(days=10))
    crms.sync()
    assert stages(crms) == ("opportunity", "decision")
    crms.clock.advance(timedelta(days=10))
    crms.sync()
    assert stages(crms) == ("lead", "interest")


def test_a_last_day_that_is_taken_away_lets_the_stage_stand(crms: TwoCrms) -> None:
    last = crms.clock.now() + timedelta(days=2)
    crms.edit_contact(JANE, lifecyclestage="opportunity", stage_until=last.date().isoformat())
    crms.sync()
    crms.edit_contact(JANE, stage_until="")
    crms.sync()
    crms.clock.advance(timedelta(days=10))
    crms.sync()
    assert stages(crms) == ("opportunity", "decision")


def test_a_last_day_that_is_moved_to_a_day_before_the_stage_was_set_ends_it_now(crms: TwoCrms) -> None:
    set_on = crms.clock.now()
    crms.edit_contact(JANE, lifecyclestage="opportunity", stage_until="")
    crms.sync()
    crms.edit_contact(JANE, stage_until=(set_on - timedelta(days=3)).date().isoformat())
    crms.sync()
    assert stages(crms) == ("lead", "interest")
    crms.sync()
    assert crms.writes() == (0, 0)


def test_a_last_day_beside_a_stage_that_the_record_did_not_set_says_nothing(crms: TwoCrms) -> None:
    world = World(clock=crms.clock.now, sleep=crms.clock.sleep)
    set_stage(load_workspace(crms.root), world, JANE, Setting("decision", "budget week", "ada", None))
    crms.sync()
    assert stages(crms) == ("opportunity", "decision")
    crms.edit_contact(JANE, stage_until=(crms.clock.now() + timedelta(days=2)).date().isoformat())
    crms.sync()
    crms.clock.advance(timedelta(days=9))
    crms.sync()
    assert stages(crms) == ("opportunity", "decision")


def test_what_is_set_here_until_a_day_goes_back_in_both_when_it_has_passed(crms: TwoCrms) -> None:
    workspace, world = load_workspace(crms.root), World(clock=crms.clock.now, sleep=crms.clock.sleep)
    setting = Setting("decision", "budget week", "ada", crms.clock.now() + timedelta(days=2))
    set_stage(workspace, world, JANE, setting)
    crms.sync()
    assert stages(crms) == ("opportunity", "decision")
    [told] = explain(workspace, JANE, "stage")
    assert [(one["reason"], one["decides"]) for one in told.extra["overrides"]] == [("budget week", True)]
    crms.clock.advance(timedelta(days=3))
    crms.sync()
    assert stages(crms) == ("lead", "interest")
    crms.sync()
    assert crms.writes() == (0, 0)
