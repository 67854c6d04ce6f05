"""Salesforce and HubSpot with their starter mappings: what people do in one, and what is to be seen in the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simple_salesforce.exceptions import SalesforceError

from .conftest import Instep
from .two_crms import TwoCrms, two_crms


@pytest.fixture
def crms(tmp_path: Path) -> Iterator[TwoCrms]:
    with two_crms(tmp_path / "crm") as found:
        yield found


def jane(crms: TwoCrms) -> None:
    """Jane is a lead in Salesforce and a contact in HubSpot."""
    crms.sf.Lead.create({"LastName": "Doe", "FirstName": "Jane", "Email": "jane@x.example", "Company": "X"})
    crms.add_contact(email="Jane@X.example", lastname="Doe", jobtitle="CTO", lifecyclestage="lead")


def test_a_lead_here_and_a_contact_there_are_one_person(crms: TwoCrms) -> None:
    jane(crms)
    crms.sync()
    lead = crms.one("Lead", "Title, Instep_Stage__c", "Email = 'jane@x.example'")
    assert lead == {"Title": "CTO", "Instep_Stage__c": "interest"}
    assert crms.find("Contact", "Id", "Email = 'jane@x.example'") == []
    assert len(crms.contacts("email")) == 1
    crms.sync()
    assert crms.writes() == (0, 0)


def test_one_edit_in_either_is_exactly_one_write_in_the_other(crms: TwoCrms) -> None:
    jane(crms)
    crms.sync()
    crms.sync()
    crms.edit_contact("jane@x.example", jobtitle="CEO")
    crms.sync()
    assert crms.writes() == (0, 1)
    lead = crms.one("Lead", "Id, Title", "Email = 'jane@x.example'")
    assert lead["Title"] == "CEO"
    crms.sf.Lead.update(lead["Id"], {"Title": "Founder"})
    crms.sync()
    assert crms.writes() == (1, 0)
    assert crms.contact("jane@x.example", "jobtitle")["jobtitle"] == "Founder"


def test_a_converted_lead_goes_on_as_its_contact(crms: TwoCrms) -> None:
    jane(crms)
    crms.sync()
    lead = crms.one("Lead", "Id", "Email = 'jane@x.example'")
    contact = crms.org.world.convert(lead["Id"]).contact
    crms.sync()
    assert len(crms.contacts("email")) == 1
    assert crms.one("Contact", "Title, Instep_Stage__c", f"Id = '{contact}'") == {
        "Title": "CTO",
        "Instep_Stage__c": "interest",
    }
    crms.edit_contact("jane@x.example", jobtitle="CEO")
    crms.sync()
    assert crms.one("Contact", "Title", f"Id = '{contact}'") == {"Title": "CEO"}
    assert crms.one("Lead", "Title", f"Id = '{lead['Id']}'") == {"Title": "CTO"}, "history stays as it was"
    crms.sync()
    assert crms.writes() == (0, 0)


def test_an_edit_elsewhere_and_a_conversion_at_once_lose_neither(crms: TwoCrms) -> None:
    jane(crms)
    crms.sync()
    lead = crms.one("Lead", "Id", "Email = 'jane@x.example'")["Id"]
    crms.edit_contact("jane@x.example", jobtitle="CEO")
    crms.org.world.convert(lead)
    crms.sync()
    crms.sync()
    contact = crms.one("Contact", "Title", "Email = 'jane@x.example'")
    assert contact == {"Title": "CEO"}
    assert len(crms.contacts("email")) == 1


def test_a_person_without_an_address_is_still_the_same_after_conversion(crms: TwoCrms) -> None:
    crms.sf.Lead.create({"LastName": "Nemo", "Company": "X"})
    crms.sync()
    assert [c["lastname"] for c in crms.contacts("lastname")] == ["Nemo"]
    lead = crms.one("Lead", "Id", "LastName = 'Nemo'")
    crms.org.world.convert(lead["Id"])
    crms.sync()
    assert len(crms.contacts("lastname")) == 1
    for path in (crms.root / ".instep").glob("state*"):
        path.unlink()
    crms.sync()
    assert len(crms.contacts("lastname")) == 1
    assert len(crms.find("Contact", "Id", "LastName = 'Nemo'")) == 1


def test_an_opt_out_in_one_is_an_opt_out_in_the_other_and_stays(crms: TwoCrms) -> None:
    jane(crms)
    crms.sync()
    lead = crms.one("Lead", "Id", "Email = 'jane@x.example'")["Id"]
    crms.sf.Lead.update(lead, {"HasOptedOutOfEmail": True})
    crms.sync()
    assert crms.contact("jane@x.example", "hs_email_optout")["hs_email_optout"] == "true"
    crms.sf.Lead.update(lead, {"HasOptedOutOfEmail": False})
    crms.sync()
    assert crms.one("Lead", "HasOptedOutOfEmail", f"Id = '{lead}'") == {"HasOptedOutOfEmail": True}
    assert crms.contact("jane@x.example", "hs_email_optout")["hs_email_optout"] == "true"


def test_owners_are_the_same_people_and_unowned_stays_unowned(crms: TwoCrms) -> None:
    jane(crms)
    outcome = crms.sync()
    assert [note["text"] for note in outcome.notes if "nobody in team.toml" in note["text"]] == []
    ada = next(owner.id for owner in crms.portal_owners() if owner.email == "ada@ourselves.example")
    crms.edit_contact("jane@x.example", hubspot_owner_id=ada)
    crms.sync()
    lead = crms.one("Lead", "Id, OwnerId", "Email = 'jane@x.example'")
    users = {u["Email"]: u["Id"] for u in crms.find("User", "Id, Email", "IsActive = TRUE")}
    assert lead["OwnerId"] == users["ada@ourselves.example"]
    crms.sf.Lead.update(lead["Id"], {"OwnerId": users["ben@ourselves.example"]})
    crms.sync()
    ben = next(owner.id for owner in crms.portal_owners() if owner.email == "ben@ourselves.example")
    assert crms.contact("jane@x.example", "hubspot_owner_id")["hubspot_owner_id"] == ben
    crms.edit_contact("jane@x.example", hubspot_owner_id="")
    crms.sync()
    outcome = crms.sync()
    assert (outcome.exit_code, crms.writes()) == (0, (0, 0))
    assert crms.one("Lead", "OwnerId", f"Id = '{lead['Id']}'")["OwnerId"] == users["integration@sandbox.example"]


def test_one_refused_record_is_named_and_its_neighbours_are_written(crms: TwoCrms) -> None:
    crms.org.world.add_validation_rule("Lead", lambda lead: lead["LastName"] == "Bad", "No bad ones.")
    for number, name in enumerate(("Good", "Bad", "Fine")):
        crms.add_contact(email=f"p{number}@x.example", lastname=name)
    outcome = crms.sync()
    assert outcome.exit_code == 3
    assert sorted(lead["LastName"] for lead in crms.find("Lead", "LastName", "Id != NULL")) == ["Fine", "Good"]
    assert any("No bad ones" in note["text"] for note in crms.sync().notes)
    crms.edit_contact("p1@x.example", lastname="Better")
    assert crms.sync().exit_code == 0
    assert len(crms.find("Lead", "Id", "Id != NULL")) == 3


def test_a_field_that_is_hidden_blanks_nothing(crms: TwoCrms) -> None:
    jane(crms)
    crms.sync()
    crms.org.world.hide_field("Lead", "Title")
    lead = crms.org.world.all("Lead")[0]
    crms.org.world.edit("Lead", str(lead["Id"]), City="Bern")
    crms.sync()
    assert crms.contact("jane@x.example", "jobtitle")["jobtitle"] == "CTO"
    crms.org.world.show_field("Lead", "Title")
    crms.sync()
    assert crms.contact("jane@x.example", "jobtitle")["jobtitle"] == "CTO"
    assert crms.one("Lead", "Title", "Email = 'jane@x.example'") == {"Title": "CTO"}


def test_a_contact_that_is_deleted_in_salesforce_is_not_made_again(crms: TwoCrms) -> None:
    jane(crms)
    crms.sync()
    lead = crms.one("Lead", "Id", "Email = 'jane@x.example'")["Id"]
    crms.sf.Lead.delete(lead)
    crms.edit_contact("jane@x.example", jobtitle="CEO")
    crms.sync()
    crms.sync()
    assert crms.find("Lead", "Id", "Email = 'jane@x.example'") == []
    assert crms.find("Contact", "Id", "Email = 'jane@x.example'") == []
    with pytest.raises(SalesforceError):
        crms.sf.Lead.get(lead)
    crms.org.world.undelete("Lead", lead)
    crms.sync()
    assert crms.one("Lead", "Title", f"Id = '{lead}'") == {"Title": "CEO"}


def test_a_new_lead_of_somebody_who_was_converted_is_kept_in_step(crms: TwoCrms) -> None:
    crms.add_contact(email="jane@x.example", lastname="Doe")
    crms.sync()
    crms.org.world.convert(crms.one("Lead", "Id", "Email = 'jane@x.example'")["Id"])
    crms.sync()
    lead = crms.org.world.create("Lead", LastName="Doe", Email="jane@x.example", Company="Web")
    crms.sync()
    crms.portal.world.opt_out("jane@x.example")
    assert crms.sync().exit_code == 0
    assert crms.one("Lead", "HasOptedOutOfEmail", f"Id = '{lead}'") == {"HasOptedOutOfEmail": True}


def test_an_opt_out_reaches_an_address_that_comes_later(crms: TwoCrms) -> None:
    lead = crms.org.world.create("Lead", LastName="Doe", Company="X")
    crms.sync()
    crms.org.world.edit("Lead", lead, HasOptedOutOfEmail=True)
    crms.sync()
    crms.org.world.edit("Lead", lead, Email="jane@x.example")
    crms.sync()
    crms.sync()
    assert crms.contact("jane@x.example", "hs_email_optout")["hs_email_optout"] == "true"


def test_a_refused_contact_stays_named_when_the_lead_beside_it_is_written(crms: TwoCrms) -> None:
    jane(crms)
    crms.org.world.create("Contact", LastName="Doe", Email="jane@x.example")
    crms.sync()
    crms.org.world.add_validation_rule("Contact", lambda contact: contact["Title"] == "CEO", "No CEO.")
    crms.edit_contact("jane@x.example", jobtitle="CEO")
    assert [crms.sync().exit_code for _ in range(3)] == [3, 3, 3]


def test_a_hidden_field_holds_up_no_other_and_is_written_when_it_is_back(crms: TwoCrms) -> None:
    jane(crms)
    crms.sync()
    crms.sync()
    crms.org.world.hide_field("Lead", "Title")
    crms.edit_contact("jane@x.example", jobtitle="CEO", phone="+411")
    crms.sync()
    crms.sync()
    assert crms.one("Lead", "Phone", "Email = 'jane@x.example'") == {"Phone": "+411"}
    crms.org.world.show_field("Lead", "Title")
    crms.sync()
    assert crms.one("Lead", "Title", "Email = 'jane@x.example'") == {"Title": "CEO"}
    assert crms.sync().exit_code == 0


def test_what_lies_in_a_bin_is_not_made_again_after_the_state_was_lost(crms: TwoCrms) -> None:
    lead = crms.org.world.create("Lead", LastName="Doe", Email="jane@x.example", Company="X")
    crms.sync()
    crms.org.world.delete("Lead", lead)
    crms.sync()
    for path in (crms.root / ".instep").glob("state*"):
        path.unlink()
    crms.sync()
    crms.sync()
    assert crms.find("Lead", "Id", "Id != NULL") == []


def test_a_record_that_is_told_instep_s_own_stage_alone_is_among_what_explain_lists_as_written(
    crms: TwoCrms, instep: Instep
) -> None:
    crms.sf.Lead.create({"LastName": "Doe", "Email": "jane@x.example", "Company": "X"})
    crms.add_contact(email="jane@x.example", lastname="Doe", lifecyclestage="lead")
    crms.sync()
    [told] = instep("explain", "jane@x.example", "stage", "--workspace", str(crms.root), "--json").json[
        "explanations"
    ]
    assert {write["record"].rpartition("/")[0]: list(write["values"]) for write in told["writes"]} == {
        "hubspot/contacts": ["instep_stage"],
        "salesforce/Lead": ["Instep_Stage__c"],
    }


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_a_kind_of_activity_that_nobody_tells_of_is_named_and_hinders_no_other(crms: TwoCrms, name: str) -> None:
    mapping = crms.root / "mappings" / f"{name}.toml"
    rule = '\n[[behaviours]]\nkind = "{}"\nbehaviour = "schedules-meeting"\n'
    written = mapping.read_text(encoding="utf-8")
    mapping.write_text(written + rule.format("meetingg"), encoding="utf-8")
    jane(crms)
    [note] = [note for note in crms.sync().notes if note["code"] == "no-kind"]
    assert (note["connection"], note["text"]) == (name, 'nothing of the kind "meetingg" is told of there.')
    assert crms.one("Lead", "Title", "Email = 'jane@x.example'") == {"Title": "CTO"}
    known = {"hubspot": "meeting", "salesforce": "event"}[name]
    mapping.write_text(written + rule.format(known), encoding="utf-8")
    assert "no-kind" not in {note["code"] for note in crms.sync().notes}
