"""A stage that the files name and a system lacks stops that one table, and says which command shows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from .two_crms import TwoCrms, two_crms


@pytest.fixture
def crms(tmp_path: Path) -> Iterator[TwoCrms]:
    with two_crms(tmp_path / "crm") as crms:
        crms.sf.Lead.create({"LastName": "Doe", "Email": "jane@x.example", "Company": "X"})
        crms.sync()
        yield crms


def a_day_later(crms: TwoCrms) -> None:
    """The systems are described once a day."""
    crms.clock.advance(timedelta(days=2))


def test_a_table_that_names_a_missing_stage_is_not_used_and_everything_else_goes_on(crms: TwoCrms) -> None:
    lead = crms.one("Lead", "Id", "Email = 'jane@x.example'")["Id"]
    crms.portal.world.remove_option("contacts", "lifecyclestage", "salesqualifiedlead")
    a_day_later(crms)
    crms.sf.Lead.update(lead, {"Title": "CTO", "Status": "Working - Contacted"})
    before = crms.contact("jane@x.example", "lifecyclestage")["lifecyclestage"]
    outcome = crms.sync()
    after = crms.contact("jane@x.example", "lifecyclestage", "jobtitle")
    assert (after["jobtitle"], after["lifecyclestage"]) == ("CTO", before)
    assert (outcome.status, outcome.exit_code) == ("partial", 3)
    (note,) = [note for note in outcome.notes if note["code"] == "stages-stopped"]
    assert "salesqualifiedlead" in note["text"]
    assert "instep provision plan --connection hubspot" in note["remedy"]


def test_as_soon_as_it_is_there_again_what_waited_is_heard(crms: TwoCrms) -> None:
    options = [(o.value, o.label) for o in crms.portal.world.options("contacts", "lifecyclestage")]
    crms.portal.world.remove_option("contacts", "lifecyclestage", "salesqualifiedlead")
    a_day_later(crms)
    crms.edit_contact("jane@x.example", lifecyclestage="marketingqualifiedlead")
    crms.sync()
    assert crms.one("Lead", "Instep_Stage__c", "Email = 'jane@x.example'")["Instep_Stage__c"] is None
    crms.portal.world.set_options("contacts", "lifecyclestage", options)
    outcome = crms.sync()
    assert outcome.exit_code == 0
    assert crms.one("Lead", "Instep_Stage__c", "Email = 'jane@x.example'")["Instep_Stage__c"] == "research"
    assert crms.sync().exit_code == 0
    assert crms.writes() == (0, 0)


def test_a_stage_that_no_file_names_stops_nothing(crms: TwoCrms) -> None:
    crms.portal.world.remove_option("contacts", "lifecyclestage", "other")
    a_day_later(crms)
    outcome = crms.sync()
    named = "other" in (crms.root / "mappings" / "hubspot.toml").read_text().split("[person.fields]")[0]
    assert (outcome.exit_code == 0) != named
