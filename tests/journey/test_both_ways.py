"""Exports that are read and written, and HubSpot: each edited by its own users, through their own tools."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hubspot import HubSpot

from instep.mapping.load import load_workspace
from instep.sync import transport
from instep.sync.doctor import create_fields
from instep.sync.run import Outcome, sync
from instep.sync.session import identify, open_session
from instep_hubspot import hubspot
from instep_hubspot.sandbox import hubspot_sandbox

PEOPLE = "id,email,first_name,title,stage,unsubscribed,instep_id\n1,jane@acme.example,Jane,CTO,interest,,\n"
DEALS = "id,name,amount,closes,stage,instep_id\nD1,Ledger,1500.50,2026-12-24,evaluating,\n"

SYNC = """
[connections.exports]
plugin = "files"
path = "exports"
direction = "both"
objects.people = {{ file = "people.csv", key = "id" }}
objects.deals = {{ file = "deals.csv", key = "id", types = {{ amount = "number", closes = "date:%Y-%m-%d" }} }}
[connections.hubspot]
plugin = "hubspot"
base_url = "{url}"
access_token = "{token}"
"""

EXPORTS = """
[person]
objects = ["people"]
create_as = "people"
match = ["instep_id", "email"]
create = "always"
speaks_for = ["marketing", "sales"]
[person.stages]
field = "stage"
values = { awareness = "awareness", interest = "interest", research = "research", consideration = "consideration", decision = "decision" }
[person.fields]
email = "email"
first_name = "first_name"
title = "title"
[person.consent]
scope = "all"
field = "unsubscribed"
out_values = ["yes"]
[opportunity]
objects = ["deals"]
create_as = "deals"
match = ["instep_id"]
create = "always"
speaks_for = ["sales"]
[opportunity.stages]
field = "stage"
values = { interest = "open", decision = "evaluating" }
outcomes = { won = "won", lost = "lost" }
[opportunity.fields]
name = "name"
amount = { field = "amount", currency = "USD" }
close_date = "closes"
"""


@dataclass
class Both:
    """A workspace in step."""

    root: Path
    sandbox: Any
    client: HubSpot

    def sync(self) -> Outcome:
        return sync(load_workspace(self.root), transport.World(), first_run="apply")

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.root / "exports" / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def edit_file(self, name: str, before: str, after: str) -> None:
        path = self.root / "exports" / f"{name}.csv"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    def contact(self, email: str) -> dict[str, Any]:
        wanted = ["firstname", "jobtitle", "lifecyclestage", "instep_stage", "hs_email_optout"]
        found = self.call(
            "crm.contacts.basic_api", lambda api: api.get_by_id(email, id_property="email", properties=wanted)
        )
        return {"id": found.id, **found.properties}

    def call(self, path: str, action: Callable[[Any], Any]) -> Any:
        """One call through the vendor's own client."""
        api: Any = self.client
        for part in path.split("."):
            api = getattr(api, part)
        try:
            return action(api)
        finally:
            api.api_client.rest_client.pool_manager.clear()
            api.api_client.close()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    (tmp_path / "exports").mkdir()
    (tmp_path / "mappings").mkdir()
    (tmp_path / "exports" / "people.csv").write_text(PEOPLE)
    (tmp_path / "exports" / "deals.csv").write_text(DEALS)
    with hubspot_sandbox() as sandbox:
        settings = sandbox.settings
        (tmp_path / "sync.toml").write_text(SYNC.format(url=settings["base_url"], token=settings["access_token"]))
        (tmp_path / "mappings" / "process.toml").write_text('preset = "b2b-11"\n')
        (tmp_path / "mappings" / "exports.toml").write_text(EXPORTS)
        (tmp_path / "mappings" / "hubspot.toml").write_text(hubspot.starter_mapping)
        with open_session(load_workspace(tmp_path), transport.World()) as session:
            identify(session)
            create_fields(session, session.live("hubspot"))
        world = Both(tmp_path, sandbox, HubSpot(access_token=settings["access_token"], host=settings["base_url"]))
        assert world.sync().exit_code == 0
        yield world


def test_nothing_is_written_when_nothing_changed(both: Both) -> None:
    both.sandbox.log.clear()
    before = [path.read_bytes() for path in sorted((both.root / "exports").iterdir())]
    assert both.sync().plan.changes == ()
    assert both.sandbox.log.writes() == ()
    assert [path.read_bytes() for path in sorted((both.root / "exports").iterdir())] == before


def test_one_edit_through_the_vendors_client_changes_exactly_one_cell(both: Both) -> None:
    jane = both.contact("jane@acme.example")
    edit = {"properties": {"jobtitle": "Chief Engineer"}}
    both.call("crm.contacts.basic_api", lambda api: api.update(jane["id"], edit))
    before = (both.root / "exports" / "people.csv").read_text()
    both.sandbox.log.clear()
    outcome = both.sync()
    assert outcome.plan.counts() == {"exports": {"people": {"update": 1}}}
    after = (both.root / "exports" / "people.csv").read_text()
    assert after == before.replace(",CTO,", ",Chief Engineer,").replace(",,\n", f",,{instep_id(both)}\n")
    assert both.sandbox.log.writes() == ()


def instep_id(both: Both) -> str:
    return str(both.rows("people")[0]["instep_id"])


def test_one_edited_cell_changes_exactly_one_property(both: Both) -> None:
    both.edit_file("people", ",CTO,", ",CEO,")
    both.sandbox.log.clear()
    assert both.sync().plan.counts() == {"hubspot": {"contacts": {"update": 1}}}
    assert len(both.sandbox.log.writes()) == 1
    assert both.contact("jane@acme.example")["jobtitle"] == "CEO"


def test_a_backward_move_is_made_where_the_vendor_resists_it(both: Both) -> None:
    both.edit_file("people", ",interest,", ",decision,")
    both.sync()
    assert both.contact("jane@acme.example")["lifecyclestage"] == "opportunity"
    both.edit_file("people", ",decision,", ",interest,")
    both.sandbox.log.clear()
    outcome = both.sync()
    assert outcome.account["hubspot"]["written"] == {"contacts": {"update": 1}}
    moved = both.contact("jane@acme.example")
    assert (moved["lifecyclestage"], moved["instep_stage"]) == ("lead", "interest")
    assert both.sync().plan.changes == ()


def test_an_opt_out_in_hubspot_reaches_the_file_and_a_flag_that_merely_vanishes_is_set_back(both: Both) -> None:
    both.sandbox.world.opt_out("jane@acme.example")
    assert both.sync().plan.counts() == {"exports": {"people": {"update": 1}}}
    assert both.rows("people")[0]["unsubscribed"] == "yes"
    both.edit_file("people", ",yes,", ",,")
    assert both.sync().plan.counts() == {"exports": {"people": {"update": 1}}}
    assert both.rows("people")[0]["unsubscribed"] == "yes"


def test_an_opt_out_in_the_file_goes_through_the_vendors_subscriptions(both: Both) -> None:
    both.edit_file("people", ",interest,,", ",interest,yes,")
    assert both.sync().account["hubspot"]["written"] == {"contacts": {"opt_out": 1}}
    assert both.contact("jane@acme.example")["hs_email_optout"] == "true"
    assert both.sync().plan.changes == ()


def test_an_opportunity_won_in_hubspot_is_won_in_the_file(both: Both) -> None:
    deal = both.sandbox.world.all("deals")[0]["hs_object_id"]
    both.call("crm.deals.basic_api", lambda api: api.update(deal, {"properties": {"dealstage": "closedwon"}}))
    both.sync()
    assert both.rows("deals")[0]["stage"] == "won"
    assert both.sync().plan.changes == ()


def test_amounts_and_dates_arrive_as_they_were_meant(both: Both) -> None:
    deal = both.sandbox.world.all("deals")[0]
    assert (deal["amount"], deal["closedate"][:10]) == ("1500.50", "2026-12-24")


def test_a_record_made_in_hubspot_becomes_a_row(both: Both) -> None:
    both.sandbox.world.create("contacts", email="joan@bolt.example", firstname="Joan", lifecyclestage="lead")
    assert both.sync().account["exports"]["written"] == {"people": {"create": 1}}
    joan = both.rows("people")[1]
    assert (joan["email"], joan["first_name"], joan["stage"]) == ("joan@bolt.example", "Joan", "interest")
    assert both.sync().plan.changes == ()


def test_a_contact_deleted_in_hubspot_stays_deleted(both: Both) -> None:
    jane = both.contact("jane@acme.example")["id"]
    both.call("crm.contacts.basic_api", lambda api: api.archive(jane))
    both.edit_file("people", ",CTO,", ",CEO,")
    both.sync()
    assert both.sandbox.world.all("contacts") == []
    assert both.sync().plan.changes == ()


def test_contacts_merged_in_hubspot_are_followed(both: Both) -> None:
    other = both.sandbox.world.create("contacts", email="j.doe@acme.example")
    both.sync()
    jane = both.contact("jane@acme.example")["id"]
    both.sandbox.world.merge("contacts", jane, other)
    both.sync()
    both.edit_file("people", ",CTO,", ",CEO,")
    both.sync()
    assert [c["jobtitle"] for c in both.sandbox.world.all("contacts")] == ["CEO"]
    assert both.sync().plan.changes == ()


def test_an_answer_that_was_lost_doubles_nothing(both: Both) -> None:
    both.edit_file("people", "1,jane", "2,new@acme.example,New,CFO,interest,,\n1,jane")
    both.sandbox.faults.arm()
    both.sync()
    both.sync()
    emails = sorted(contact["email"] for contact in both.sandbox.world.all("contacts"))
    assert emails == ["jane@acme.example", "new@acme.example"]
    assert both.sync().plan.changes == ()


def test_a_folder_that_is_only_read_is_left_as_it_is_and_the_difference_is_shown(both: Both) -> None:
    sync_toml = both.root / "sync.toml"
    sync_toml.write_text(sync_toml.read_text().replace('direction = "both"', 'direction = "in"'))
    both.sync()
    jane = both.contact("jane@acme.example")
    both.call(
        "crm.contacts.basic_api",
        lambda api: api.update(jane["id"], {"properties": {"lifecyclestage": "opportunity"}}),
    )
    outcome = both.sync()
    assert (outcome.exit_code, outcome.plan.counts()) == (0, {"hubspot": {"contacts": {"update": 1}}})
    assert any("people.stage cannot be written" in note["text"] for note in outcome.notes)
    assert both.rows("people")[0]["stage"] == "interest"
