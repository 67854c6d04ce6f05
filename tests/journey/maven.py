"""A workspace for a public practice export (8,800 opportunities of a hardware seller) and an empty HubSpot."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

SYNC = """
[connections.exports]
plugin = "files"
path = "{exports}"
direction = "in"
objects.accounts = {{ file = "accounts.csv", key = "account", types = {{ year_established = "number", employees = "number" }} }}
[connections.exports.objects.sales_pipeline]
file = "sales_pipeline.csv"
key = "opportunity_id"
types = {{ engage_date = "date:%m/%d/%Y", close_date = "date:%m/%d/%Y", close_value = "number" }}
references = {{ account = "accounts" }}

[connections.people]
plugin = "files"
path = "{people}"
direction = "in"
objects.accounts = {{ file = "accounts.csv", key = "account" }}
objects.people = {{ file = "people.csv", key = "id", references = {{ account = "accounts" }} }}

[connections.hubspot]
plugin = "hubspot"
access_token = "{token}"
base_url = "{url}"
calls_per_10_seconds = 1000000
search_calls_per_second = 100000
"""

EXPORTS = """
[company]
objects = ["accounts"]
match = ["name"]
instep_id = false
[company.fields]
name = "account"
employees = "employees"
founded = "year_established"
country = "office_location"
industry = { field = "sector", values = { Technology = ["technology", "technolgy"], Medical = "medical", Retail = "retail", Software = "software", Entertainment = "entertainment", Marketing = "marketing", Telecommunications = "telecommunications", Finance = "finance", Employment = "employment" } }

[opportunity]
objects = ["sales_pipeline"]
match = ["name"]
instep_id = false
speaks_for = ["marketing", "sales"]
[opportunity.stages]
field = "deal_stage"
values = { interest = "Prospecting", consideration = "Engaging" }
outcomes = { won = "Won", lost = "Lost" }
[opportunity.fields]
name = "opportunity_id"
amount = { field = "close_value", currency = "USD" }
close_date = "close_date"
opened_on = "engage_date"
owner = "sales_agent"
product = { field = "product", values = { "GTX Basic" = "GTX Basic", "GTX Pro" = ["GTX Pro", "GTXPro"], "GTX Plus Basic" = "GTX Plus Basic", "GTX Plus Pro" = "GTX Plus Pro", "MG Special" = "MG Special", "MG Advanced" = "MG Advanced" } }
[opportunity.relations]
company = "accounts"
"""

PEOPLE = """
[company]
objects = ["accounts"]
match = ["name"]
instep_id = false
[company.fields]
name = "account"

[person]
objects = ["people"]
match = ["email"]
instep_id = false
[person.fields]
email = "email"
first_name = "first_name"
last_name = "last_name"
title = "title"
[person.relations]
company = "accounts"
"""

HUBSPOT = """
[company]
objects = ["companies"]
create_as = "companies"
match = ["instep_id"]
create = "always"
[company.fields]
name = "name"
employees = "numberofemployees"
founded = "founded_year"
country = "country"
industry = { field = "industry", values = { Technology = "COMPUTER_HARDWARE", Medical = "MEDICAL_DEVICES", Retail = "RETAIL", Software = "COMPUTER_SOFTWARE", Entertainment = "ENTERTAINMENT", Marketing = "MARKETING_AND_ADVERTISING", Telecommunications = "TELECOMMUNICATIONS", Finance = "FINANCIAL_SERVICES", Employment = "STAFFING_AND_RECRUITING" } }

[opportunity]
objects = ["deals"]
create_as = "deals"
match = ["instep_id"]
create = "always"
speaks_for = ["marketing", "sales"]
[opportunity.stages_in]
field = "dealstage"
pipeline_field = "pipeline"
[opportunity.pipelines.default]
pipeline = "default"
values = { interest = "appointmentscheduled", consideration = "presentationscheduled", decision = "decisionmakerboughtin" }
outcomes = { won = "closedwon", lost = "closedlost" }
[opportunity.fields]
name = "dealname"
amount = { field = "amount", currency_field = "deal_currency_code", currency = "USD" }
close_date = "closedate"
opened_on = "opened_on"
owner = "hubspot_owner_id"
product = "product"
instep_stage = { field = "instep_stage", direction = "out" }
[opportunity.relations]
company = "companies"

[person]
objects = ["contacts"]
create_as = "contacts"
match = ["instep_id", "email"]
create = "always"
[person.fields]
email = "email"
first_name = "firstname"
last_name = "lastname"
title = "jobtitle"
[person.relations]
company = "companies"
"""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def domain(account: str) -> str:
    return "".join(letter for letter in account.lower() if letter.isalnum())


def email(agent: str) -> str:
    return agent.lower().replace(" ", ".") + "@maven.example"


def write_people(exports: Path, folder: Path, count: int = 250) -> list[dict[str, str]]:
    """A person export beside the real one: some contacts at each account."""
    folder.mkdir()
    accounts = [row["account"] for row in rows(exports / "accounts.csv")]
    people = [
        {
            "id": f"P{number}",
            "email": f"contact{number}@{domain(accounts[number % len(accounts)])}.example",
            "first_name": f"First{number}",
            "last_name": f"Last{number}",
            "title": ("Buyer", "Engineer", "Director")[number % 3],
            "account": accounts[number % len(accounts)],
        }
        for number in range(count)
    ]
    _write(folder / "people.csv", people)
    _write(folder / "accounts.csv", [{"account": account} for account in accounts])
    return people


def _write(path: Path, records: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]))
        writer.writeheader()
        writer.writerows(records)


def write_workspace(root: Path, exports: Path, people: Path, settings: dict[str, Any], agents: list[str]) -> None:
    """Everything an admin would have reviewed: connections, tables of values, who is who."""
    mappings = root / "mappings"
    mappings.mkdir()
    places = {"exports": exports, "people": people, "token": settings["access_token"], "url": settings["base_url"]}
    (root / "sync.toml").write_text(SYNC.format(**places))
    (mappings / "process.toml").write_text('preset = "b2b-11"\n')
    (mappings / "exports.toml").write_text(EXPORTS)
    (mappings / "people.toml").write_text(PEOPLE)
    (mappings / "hubspot.toml").write_text(HUBSPOT)
    (mappings / "team.toml").write_text(
        "".join(
            f'[[people]]\nkey = "{email(agent).split("@")[0]}"\nname = "{agent}"\nemail = "{email(agent)}"\n'
            f'roles = ["sales"]\nusers = {{ exports = "{agent}" }}\n'
            for agent in agents
        )
    )


def prepare_hubspot(world: Any, agents: list[str]) -> dict[str, str]:
    """The portal as its admin left it: the agents as owners, and the properties that the mapping names."""
    for object in ("contacts", "companies", "deals"):
        world.add_property(
            object, {"name": "instep_id", "type": "string", "fieldType": "text", "hasUniqueValue": True}
        )
        world.add_property(object, {"name": "instep_stage", "type": "string", "fieldType": "text"})
    world.add_property("deals", {"name": "product", "type": "string", "fieldType": "text"})
    world.add_property("deals", {"name": "opened_on", "type": "date", "fieldType": "date"})
    return {agent: world.add_owner(email(agent), *agent.split(" ", 1)) for agent in agents}
