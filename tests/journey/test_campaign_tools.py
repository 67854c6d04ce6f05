"""Four systems: what happens in a campaign tool moves a buyer in the CRMs, and the other way round."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import mailchimp_marketing
import pytest
from hubspot import HubSpot
from simple_salesforce.api import Salesforce

from instep.contract import ConnectorPlugin
from instep.mapping.load import load_workspace
from instep.plugins import find_plugin
from instep.sandbox import VirtualClock
from instep.sync.doctor import create_fields, examine
from instep.sync.explain import explain
from instep.sync.run import Outcome, sync
from instep.sync.session import identify, open_session
from instep.sync.transport import World
from instep_hubspot import hubspot
from instep_hubspot.sandbox import hubspot_sandbox
from instep_mailchimp import mailchimp
from instep_mailchimp.sandbox import AUDIENCE, mailchimp_sandbox
from instep_marketo import marketo
from instep_marketo.sandbox import marketo_sandbox
from instep_salesforce import salesforce
from instep_salesforce.sandbox import salesforce_sandbox
from instep_salesforce.sandbox.library import library

from .two_crms import TEAM

PLUGINS: dict[str, ConnectorPlugin[Any]] = {
    "hubspot": hubspot, "salesforce": salesforce, "marketo": marketo, "mailchimp": mailchimp
}  # fmt: skip
JANE = "jane@x.example"
STEPS = ["Interested", "Considering", "Deciding"]
WEBINAR = """
[[behaviours]]
kind = "change-status-in-progression"
where = { field = "New Status", eq = "Attended" }
behaviour = "attends-webinar"
"""
TAGS = """
[person.stages]
field = "stage_tag"
values = { interest = "Interested", consideration = "Considering", decision = "Deciding" }
"""


@dataclass
class Systems:
    """Two CRMs and two campaign tools, in step whenever `sync` has run."""

    root: Path
    clock: VirtualClock
    boxes: dict[str, Any]
    hs: HubSpot
    sf: Salesforce
    mc: Any

    @property
    def world(self) -> World:
        return World(clock=self.clock.now, sleep=self.clock.sleep, find_plugin=lambda name: PLUGINS[name])

    def sync(self) -> Outcome:
        """Let some time pass, run, and let some more pass."""
        self.clock.advance(timedelta(minutes=15))
        for box in self.boxes.values():
            box.log.clear()
        outcome = sync(load_workspace(self.root), self.world, first_run="apply")
        assert (outcome.status, outcome.unaccounted) == ("done", 0), outcome.account
        self.clock.advance(timedelta(minutes=1))
        return outcome

    def written(self) -> dict[str, int]:
        """How many requests of the last run could change something, for each system that got any."""
        counts = {name: len(box.log.writes()) for name, box in self.boxes.items()}
        return {name: count for name, count in counts.items() if count}

    def lead(self) -> str:
        """Jane's lead in Marketo."""
        world = self.boxes["marketo"].world
        return next(id for id in world.ids() if (world.read(id) or {}).get("email") == JANE)

    def shown(self) -> dict[str, Any]:
        """The stage that each system shows of Jane."""
        found = self.hs.crm.contacts.basic_api.get_by_id(JANE, id_property="email", properties=["instep_stage"])
        lead = self.sf.query(f"SELECT Instep_Stage__c FROM Lead WHERE Email = '{JANE}'")["records"][0]
        return {
            "hubspot": found.properties["instep_stage"],
            "salesforce": lead["Instep_Stage__c"],
            "marketo": self.boxes["marketo"].world.read(self.lead())["buyingStage"],
            "mailchimp": self.boxes["mailchimp"].world.tags(JANE),
        }


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    """Jane is interested, and known to all four; nothing is left to do."""
    clock = VirtualClock()
    with ExitStack() as stack:
        boxes = {
            "hubspot": stack.enter_context(hubspot_sandbox(clock=clock)),
            "salesforce": stack.enter_context(salesforce_sandbox(clock=clock)),
            "marketo": stack.enter_context(marketo_sandbox(clock=clock)),
            "mailchimp": stack.enter_context(mailchimp_sandbox(clock=clock)),
        }
        sf = stack.enter_context(library(boxes["salesforce"].settings))
        hs = HubSpot(access_token=boxes["hubspot"].settings["access_token"], host=boxes["hubspot"].url)
        mc = mailchimp_marketing.Client({"api_key": boxes["mailchimp"].settings["api_key"]})
        mc.api_client.host = f"{boxes['mailchimp'].url}/3.0"
        boxes["hubspot"].world.add_owner("ada@ourselves.example", "Ada", "Lind")
        boxes["salesforce"].world.add_user("Ada Lind", "ada@ourselves.example")
        write_files(tmp_path, {name: box.settings for name, box in boxes.items()})
        found = Systems(tmp_path, clock, boxes, hs, sf, mc)
        with open_session(load_workspace(tmp_path), found.world) as session:
            identify(session)
            for live in session.connections.values():
                assert all(finding.ok for finding in create_fields(session, live))
        sf.Lead.create({"LastName": "Doe", "Email": JANE, "Company": "X"})
        boxes["hubspot"].world.create("contacts", email=JANE, lastname="Doe", lifecyclestage="lead")
        for _ in range(3):
            found.sync()
        yield found
        hs.crm.contacts.basic_api.api_client.rest_client.pool_manager.clear()
        hs.crm.contacts.basic_api.api_client.close()


def write_files(root: Path, settings: dict[str, dict[str, Any]]) -> None:
    """The starter mappings, with a webinar in Marketo and the step in Mailchimp's tags."""
    settings["mailchimp"] = {**settings["mailchimp"], "stage_tags": STEPS}
    tables = [f'[connections.{name}]\nplugin = "{name}"\n{toml(table)}' for name, table in settings.items()]
    (root / "mappings").mkdir()
    (root / "sync.toml").write_text("\n".join(tables))
    (root / "mappings" / "process.toml").write_text('preset = "b2b-11"\n')
    (root / "mappings" / "team.toml").write_text(TEAM)
    more = {"marketo": WEBINAR, "mailchimp": TAGS}
    for name, plugin in PLUGINS.items():
        (root / "mappings" / f"{name}.toml").write_text(plugin.starter_mapping + more.get(name, ""))


def toml(table: dict[str, Any]) -> str:
    return "".join(f"{key} = {inline(value)}\n" for key, value in table.items())


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def test_the_plugins_are_those_that_are_installed() -> None:
    assert {name: find_plugin(name) for name in PLUGINS} == PLUGINS


def test_all_four_show_the_same_stage_and_then_there_is_nothing_to_do(systems: Systems) -> None:
    assert systems.shown() == {
        "hubspot": "interest", "salesforce": "interest", "marketo": "Interest", "mailchimp": {"Interested"}
    }  # fmt: skip
    systems.sync()
    assert systems.written() == {}


def marketo_findings(systems: Systems, old: str = "", new: str = "") -> list[str]:
    """What the doctor finds wrong with Marketo's stages, after an edit of its mapping."""
    file = systems.root / "mappings" / "marketo.toml"
    file.write_text(file.read_text().replace(old, new) if old else file.read_text())
    with open_session(load_workspace(systems.root), systems.world) as session:
        identify(session)
        found = [finding for finding in examine(session) if finding.connection == "marketo"]
    return [finding.what for finding in found if finding.code.startswith("stage-")]


def test_the_doctor_misses_no_stage_in_a_text_field_because_a_program_beside_it_has_statuses(
    systems: Systems,
) -> None:
    assert marketo_findings(systems) == []


def test_the_doctor_misses_a_stage_in_the_status_of_a_program_that_does_not_have_it(systems: Systems) -> None:
    (program,) = systems.boxes["marketo"].settings["programs"]
    found = marketo_findings(systems, 'field = "buyingStage"', f'field = "program:{program}"')
    assert f'pipeline program:{program} has no stage "Decision"' in found


def test_a_webinar_attended_in_marketo_moves_the_buyer_everywhere_within_one_sync(systems: Systems) -> None:
    world = systems.boxes["marketo"].world
    world.add_channel("Webinar", ["Invited", "Attended"], successes=["Attended"])
    webinar = world.add_program("Tea in every office", "Webinar")
    world.put_status(webinar, systems.lead(), "Invited")
    systems.sync()
    assert systems.shown()["salesforce"] == "interest"
    world.put_status(webinar, systems.lead(), "Attended")
    systems.sync()
    stage = systems.shown()["salesforce"]
    assert systems.shown() == {
        "hubspot": stage, "salesforce": stage, "marketo": "Consideration", "mailchimp": {"Considering"}
    }  # fmt: skip
    assert stage == "consideration"
    systems.sync()
    assert systems.written() == {}


def test_an_opt_out_in_mailchimp_stops_every_other_tool(systems: Systems) -> None:
    systems.mc.lists.set_list_member(AUDIENCE, JANE, {"email_address": JANE, "status": "unsubscribed"})
    systems.sync()
    assert systems.boxes["marketo"].world.read(systems.lead())["unsubscribed"] is True
    lead = systems.sf.query(f"SELECT HasOptedOutOfEmail FROM Lead WHERE Email = '{JANE}'")["records"][0]
    assert lead["HasOptedOutOfEmail"] is True
    assert set(systems.written()) == {"hubspot", "salesforce", "marketo"}
    systems.sync()
    [found] = explain(load_workspace(systems.root), JANE, "consent")
    assert {held.ref.connection for held in found.held} == {"hubspot", "salesforce", "marketo", "mailchimp"}
    systems.sync()
    assert systems.written() == {}


def test_one_name_corrected_through_mailchimp_s_own_client_is_corrected_once_everywhere(systems: Systems) -> None:
    systems.mc.lists.update_list_member(AUDIENCE, JANE, {"merge_fields": {"LNAME": "Deer"}})
    systems.sync()
    assert systems.boxes["marketo"].world.read(systems.lead())["lastName"] == "Deer"
    assert systems.written() == {"hubspot": 1, "salesforce": 1, "marketo": 1}
    systems.sync()
    assert systems.written() == {}


def refused_stages(outcome: Outcome) -> list[str]:
    return [note["text"] for note in outcome.notes if note["code"] == "stage-refused"]


def test_a_stage_that_is_not_taken_is_listed_whenever_its_record_is_looked_at_until_it_is_gone(
    systems: Systems,
) -> None:
    world = systems.boxes["marketo"].world
    lead = world.create(email="joan@y.example", lastName="Roe")
    systems.sync()
    world.edit(lead, buyingStage="Decision")
    (said,) = refused_stages(systems.sync())
    assert (
        said == "person: stage decision is not taken (marketo does not speak for sales), and no other stage is known."
    )
    world.edit(lead, title="Buyer")
    assert refused_stages(systems.sync()) == [said]
    world.edit(lead, buyingStage="", title="Head Buyer")
    assert refused_stages(systems.sync()) == []


A_DAY = timedelta(days=1, minutes=1)
"""After so long, a run asks again who works there."""


def lead_passes_to(systems: Systems, name: str) -> None:
    """A colleague gives Jane's lead to another one in Salesforce, through its own client."""
    lead = systems.sf.query(f"SELECT Id FROM Lead WHERE Email = '{JANE}'")["records"][0]["Id"]
    user = systems.sf.query(f"SELECT Id FROM User WHERE Name = '{name}'")["records"][0]["Id"]
    systems.sf.Lead.update(lead, {"OwnerId": user})


def owner_in_hubspot(systems: Systems) -> str:
    """The address of Jane's owner, as HubSpot's own client says it."""
    properties = ["hubspot_owner_id"]
    contact = systems.hs.crm.contacts.basic_api.get_by_id(JANE, id_property="email", properties=properties)
    owner = systems.hs.crm.owners.owners_api.get_by_id(int(contact.properties["hubspot_owner_id"]))
    return str(owner.email)


@pytest.fixture
def with_owners(systems: Systems) -> Systems:
    """Ada owns Jane everywhere; in Marketo, where no CRM is synchronised natively, only Ada is a sales person."""
    systems.boxes["hubspot"].world.add_owner("ben@ourselves.example", "Ben", "Roth")
    systems.boxes["salesforce"].world.add_user("Ben Roth", "ben@ourselves.example")
    systems.boxes["marketo"].world.add_salesperson("SP-1", "ada@ourselves.example", "Ada", "Lind")
    sync_file, mapping = systems.root / "sync.toml", systems.root / "mappings" / "marketo.toml"
    emails = 'owner_emails = ["ada@ourselves.example", "ben@ourselves.example"]'
    sync_file.write_text(sync_file.read_text().replace('plugin = "marketo"', f'plugin = "marketo"\n{emails}'))
    mapping.write_text(mapping.read_text().replace("# owner = {", "owner = {"))
    lead_passes_to(systems, "Ada Lind")
    systems.sync()
    systems.sync()
    return systems


def untold_owners(outcome: Outcome) -> list[tuple[str, str]]:
    return [(note["connection"], note["text"]) for note in outcome.notes if " owner " in note["text"]]


def test_an_owner_changed_in_salesforce_is_shown_by_hubspot_and_by_marketo(with_owners: Systems) -> None:
    world = with_owners.boxes["marketo"].world
    world.add_salesperson("SP-2", "ben@ourselves.example", "Ben", "Roth")
    with_owners.clock.advance(A_DAY)
    lead_passes_to(with_owners, "Ben Roth")
    outcome = with_owners.sync()
    assert owner_in_hubspot(with_owners) == "ben@ourselves.example"
    lead = world.read(with_owners.lead())
    assert (lead["externalSalesPersonId"], lead["leadOwnerEmailAddress"]) == ("SP-2", "ben@ourselves.example")
    assert with_owners.written() == {"hubspot": 1, "marketo": 1}
    assert untold_owners(outcome) == []
    with_owners.sync()
    assert with_owners.written() == {}


def test_an_owner_whom_marketo_does_not_know_is_left_out_there_and_the_run_says_why(with_owners: Systems) -> None:
    lead_passes_to(with_owners, "Ben Roth")
    outcome = with_owners.sync()
    assert owner_in_hubspot(with_owners) == "ben@ourselves.example"
    assert with_owners.boxes["marketo"].world.read(with_owners.lead())["externalSalesPersonId"] == "SP-1"
    assert with_owners.written() == {"hubspot": 1}
    assert untold_owners(outcome) == [("marketo", 'person owner "ben": Ben Roth has no user here.')]
    with_owners.sync()
    assert with_owners.written() == {}


def test_where_a_crm_is_synchronised_natively_the_owner_is_nobody_s_but_the_crm_s(systems: Systems) -> None:
    lead_passes_to(systems, "Ada Lind")
    systems.sync()
    assert owner_in_hubspot(systems) == "ada@ourselves.example"
    assert not systems.boxes["marketo"].world.read(systems.lead()).get("externalSalesPersonId")
    assert systems.written() == {"hubspot": 1}


def test_an_owner_who_becomes_a_sales_person_later_is_shown_by_marketo_from_then_on(with_owners: Systems) -> None:
    lead_passes_to(with_owners, "Ben Roth")
    with_owners.sync()
    with_owners.boxes["marketo"].world.add_salesperson("SP-2", "ben@ourselves.example", "Ben", "Roth")
    with_owners.clock.advance(A_DAY)
    with_owners.sync()
    assert with_owners.boxes["marketo"].world.read(with_owners.lead())["externalSalesPersonId"] == "SP-2"
    with_owners.sync()
    assert with_owners.written() == {}


def test_an_opt_out_from_a_newsletter_alone_stops_those_who_send_it_and_nobody_else(systems: Systems) -> None:
    for name, more in (("mailchimp", ""), ("hubspot", '\nfield = "newsletter"\nout_values = ["no"]')):
        file = systems.root / "mappings" / f"{name}.toml"
        head, consent, rest = file.read_text().partition("[person.consent]\n")
        assert rest.startswith('scope = "all"')
        file.write_text(f'{head}{consent}scope = "members"{more} #{rest}')
    systems.boxes["hubspot"].world.add_property("contacts", {"name": "newsletter", "label": "Newsletter"})
    for _ in range(2):
        systems.sync()
    systems.mc.lists.set_list_member(AUDIENCE, JANE, {"email_address": JANE, "status": "unsubscribed"})
    systems.sync()
    found = systems.hs.crm.contacts.basic_api.get_by_id(JANE, id_property="email", properties=["newsletter"])
    lead = systems.sf.query(f"SELECT HasOptedOutOfEmail FROM Lead WHERE Email = '{JANE}'")["records"][0]
    assert found.properties["newsletter"] == "no"
    assert lead["HasOptedOutOfEmail"] is False
    assert not systems.boxes["marketo"].world.read(systems.lead()).get("unsubscribed")
    assert set(systems.written()) == {"hubspot"}
    for _ in range(2):
        systems.sync()
    assert systems.written() == {}
