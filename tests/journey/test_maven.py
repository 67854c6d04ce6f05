"""Real input: a public practice export of 8,800 opportunities, brought into an empty HubSpot and Salesforce."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hubspot import HubSpot

from instep.mapping.load import load_workspace
from instep.sync.run import Outcome, sync
from instep.sync.transport import World
from instep_hubspot.sandbox import hubspot_sandbox
from instep_salesforce.sandbox import salesforce_sandbox
from instep_salesforce.sandbox.library import library

from . import maven

REAL = os.environ.get("INSTEP_REAL_DATA")
pytestmark = pytest.mark.skipif(not REAL, reason="INSTEP_REAL_DATA names no folder of real exports")

PRODUCTS = {"GTXPro": "GTX Pro"}
IN_SALESFORCE = {
    "Won": "Closed Won",
    "Lost": "Closed Lost",
    "Prospecting": "Prospecting",
    "Engaging": "Needs Analysis",
}
NOBODY_KNOWS = "2099-12-31"
STAGES = {
    "Won": "closedwon",
    "Lost": "closedlost",
    "Prospecting": "appointmentscheduled",
    "Engaging": "presentationscheduled",
}


@dataclass
class Maven:
    """The synced world: the exports, the portal, and what the runs said."""

    exports: Path
    root: Path
    sandbox: Any
    org: Any
    owners: dict[str, str]
    users: dict[str, str]
    people: list[dict[str, str]]
    first: Outcome
    digest_before: str

    @property
    def opportunities(self) -> list[dict[str, str]]:
        return maven.rows(self.exports / "sales_pipeline.csv")

    def sync(self) -> Outcome:
        return sync(load_workspace(self.root), World())


def digest(folder: Path) -> str:
    parts = sorted(folder.glob("*"))
    return hashlib.sha256(b"".join(part.name.encode() + part.read_bytes() for part in parts)).hexdigest()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maven]:
    exports = Path(str(REAL)) / "maven-crm"
    root = tmp_path_factory.mktemp("maven")
    agents = [row["sales_agent"] for row in maven.rows(exports / "sales_teams.csv")]
    before = digest(exports)
    with hubspot_sandbox() as sandbox, salesforce_sandbox() as org:
        owners = maven.prepare_hubspot(sandbox.world, agents)
        users = maven.prepare_salesforce(org.world, agents)
        people = maven.write_people(exports, root / "people")
        settings = {"hubspot": sandbox.settings, "salesforce": org.settings}
        maven.write_workspace(root, exports, root / "people", settings, agents)
        first = sync(load_workspace(root), World(), first_run="apply")
        yield Maven(exports, root, sandbox, org, owners, users, people, first, before)


def read_all(world: Maven, object: str, properties: list[str]) -> list[dict[str, Any]]:
    """Every record, through the vendor's own client."""
    client = HubSpot(access_token=world.sandbox.settings["access_token"], host=world.sandbox.url)
    api = getattr(client.crm, object).basic_api
    found, after = [], None
    try:
        while True:
            page = api.get_page(limit=100, after=after, properties=properties)
            found += [{"id": record.id, **record.properties} for record in page.results]
            if page.paging is None:
                return found
            after = page.paging.next.after
    finally:
        api.api_client.rest_client.pool_manager.clear()
        api.api_client.close()


def test_every_record_is_accounted_for(world: Maven) -> None:
    account = world.first.account
    assert world.first.unaccounted == 0
    assert account["exports"]["seen"] == 85 + 8800
    assert account["exports"]["skipped"] == {}
    assert account["exports"]["quarantined"] == {}
    assert account["hubspot"]["written"] == {
        "companies": {"create": 85},
        "contacts": {"create": 250, "relate": 250},
        "deals": {"create": 8800, "relate": 7375},
    }
    assert account["salesforce"]["written"] == {
        "Account": {"create": 85},
        "Contact": {"create": 250, "relate": 250},
        "Opportunity": {"create": 8800, "relate": 7375},
    }


def test_what_nobody_mapped_is_named_and_counted(world: Maven) -> None:
    unmapped = {note["text"]: note["count"] for note in world.first.notes if note["code"] == "unmapped"}
    assert unmapped == {
        "company industry: \"services\": 'services' is not in the table of values.": 5,
        "opportunity product: \"GTK 500\": 'GTK 500' is not in the table of values.": 40,
    }


def test_every_opportunity_is_in_the_portal_as_it_is_in_the_export(world: Maven) -> None:
    properties = ["dealname", "dealstage", "amount", "closedate", "opened_on", "hubspot_owner_id", "product"]
    deals = {deal["dealname"]: deal for deal in read_all(world, "deals", properties)}
    assert len(deals) == 8800
    wrong = []
    for row in world.opportunities:
        deal = deals[row["opportunity_id"]]
        closed = datetime.fromisoformat(deal["closedate"]).date() if deal["closedate"] else None
        held = (
            deal["dealstage"],
            Decimal(deal["amount"]) if deal["amount"] else None,
            closed,
            deal["opened_on"] or None,
            deal["hubspot_owner_id"],
            deal["product"] or None,
        )
        if held != expected(world, row):
            wrong.append((row, held))
    assert wrong == []


def expected(world: Maven, row: dict[str, str]) -> tuple[Any, ...]:
    def day(text: str) -> Any:
        return datetime.strptime(text, "%m/%d/%Y").date() if text else None  # noqa: DTZ007  # a plain date

    product = PRODUCTS.get(row["product"], row["product"])
    engaged = day(row["engage_date"])
    return (
        STAGES[row["deal_stage"]],
        Decimal(row["close_value"]) if row["close_value"] else None,
        day(row["close_date"]),
        engaged.isoformat() if engaged else None,
        world.owners[row["sales_agent"]],
        None if product == "GTK 500" else product,
    )


def select(world: Maven, query: str) -> list[dict[str, Any]]:
    """Everything that simple-salesforce finds."""
    with library(world.org.settings) as client:
        return [dict(record) for record in client.query_all_iter(query)]


def test_every_opportunity_is_in_the_org_as_it_is_in_the_export(world: Maven) -> None:
    names = "Name, StageName, Amount, CloseDate, OpenedOn__c, OwnerId, Product__c, Account.Name"
    held = {found["Name"]: found for found in select(world, f"SELECT {names} FROM Opportunity")}
    assert len(held) == 8800
    wrong = []
    for row in world.opportunities:
        found = held[row["opportunity_id"]]
        there = (
            found["StageName"],
            None if found["Amount"] is None else Decimal(str(found["Amount"])),
            found["CloseDate"],
            found["OpenedOn__c"],
            found["OwnerId"],
            found["Product__c"],
            (found["Account"] or {}).get("Name", ""),
        )
        _, amount, closed, engaged, _, product = expected(world, row)
        wanted = (
            IN_SALESFORCE[row["deal_stage"]],
            amount,
            closed.isoformat() if closed else NOBODY_KNOWS,
            engaged,
            world.users[row["sales_agent"]],
            product,
            row["account"],
        )
        if there != wanted:
            wrong.append((wanted, there))
    assert wrong == []


def test_open_opportunities_have_the_declared_close_date_there_and_none_elsewhere(world: Maven) -> None:
    query = f"SELECT Name FROM Opportunity WHERE CloseDate = {NOBODY_KNOWS}"
    there = {found["Name"] for found in select(world, query)}
    open_deals = {r["opportunity_id"] for r in world.opportunities if r["deal_stage"] not in ("Won", "Lost")}
    assert there == open_deals
    assert len(there) == 2089
    deals = {d["dealname"]: d["closedate"] for d in read_all(world, "deals", ["dealname", "closedate"])}
    assert {deals[name] for name in there} <= {None, ""}


def test_closed_and_open_opportunities_are_as_many_as_in_the_export(world: Maven) -> None:
    stages = Counter(deal["dealstage"] for deal in read_all(world, "deals", ["dealstage"]))
    assert stages["closedwon"] + stages["closedlost"] == 6711
    assert stages["appointmentscheduled"] + stages["presentationscheduled"] == 2089


def test_opportunities_without_a_company_are_written_without_one(world: Maven) -> None:
    names = {c["id"]: c["name"] for c in read_all(world, "companies", ["name"])}
    deals = read_all(world, "deals", ["dealname"])
    companies = {row["opportunity_id"]: row["account"] for row in world.opportunities}
    client = HubSpot(access_token=world.sandbox.settings["access_token"], host=world.sandbox.url)
    api = client.crm.associations.v4.batch_api
    held: dict[str, str] = {}
    for start in range(0, len(deals), 1000):
        inputs = {"inputs": [{"id": deal["id"]} for deal in deals[start : start + 1000]]}
        for found in api.get_page("deals", "companies", inputs).results:
            held[found._from.id] = names[str(found.to[0].to_object_id)]
    api.api_client.rest_client.pool_manager.clear()
    api.api_client.close()
    assert {deal["dealname"]: held.get(deal["id"], "") for deal in deals} == companies
    assert sum(not company for company in companies.values()) == 1425


def test_misspelt_sectors_arrive_as_what_was_meant(world: Maven) -> None:
    companies = {c["name"]: c["industry"] for c in read_all(world, "companies", ["name", "industry"])}
    sectors = {row["account"]: row["sector"] for row in maven.rows(world.exports / "accounts.csv")}
    meant = [companies[name] for name, sector in sectors.items() if sector == "technolgy"]
    assert meant == ["COMPUTER_HARDWARE"] * 12


def test_a_second_sync_writes_nothing_and_then_one_change_is_exactly_one(world: Maven) -> None:
    world.sandbox.log.clear()
    world.org.log.clear()
    second = world.sync()
    assert (second.plan.changes, world.sandbox.log.writes(), world.org.log.writes()) == ((), (), ())
    people = world.root / "people" / "people.csv"
    people.write_text(people.read_text().replace("First7,Last7,Engineer", "First7,Last7,Chief Engineer"))
    world.sandbox.log.clear()
    third = world.sync()
    assert third.plan.counts() == {
        "hubspot": {"contacts": {"update": 1}},
        "salesforce": {"Contact": {"update": 1}},
    }
    changed = [c for c in read_all(world, "contacts", ["firstname", "jobtitle"]) if c["jobtitle"] == "Chief Engineer"]
    assert [contact["firstname"] for contact in changed] == ["First7"]
    found = select(world, "SELECT FirstName FROM Contact WHERE Title = 'Chief Engineer'")
    assert [contact["FirstName"] for contact in found] == ["First7"]


def test_the_exports_are_untouched(world: Maven) -> None:
    assert digest(world.exports) == world.digest_before


def test_losing_the_local_state_links_everything_again_and_creates_nothing(world: Maven) -> None:
    for path in (world.root / ".instep").glob("*"):
        path.unlink()
    world.sandbox.log.clear()
    world.org.log.clear()
    again = sync(load_workspace(world.root), World(), first_run="apply")
    assert again.unaccounted == 0
    assert again.plan.counts() == {}
    assert (world.sandbox.log.writes(), world.org.log.writes()) == ((), ())
