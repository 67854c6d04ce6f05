"""A workspace for a public practice export (8,800 opportunities of a hardware seller) and two empty CRMs."""

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

[connections.salesforce]
plugin = "salesforce"
instance_url = "{instance}"
client_id = "{client_id}"
client_secret = "{client_secret}"
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

SALESFORCE = """
[company]
objects = ["Account"]
create_as = "Account"
match = ["instep_id"]
create = "always"
instep_id = "Instep_Id__c"
[company.fields]
name = "Name"
employees = "NumberOfEmployees"
founded = "YearStarted"
country = "BillingCountry"
industry = { field = "Industry", values = { Technology = "Technology", Medical = "Healthcare", Retail = "Retail", Software = "Software", Entertainment = "Entertainment", Marketing = "Media", Telecommunications = "Telecommunications", Finance = "Finance", Employment = "Consulting" } }

[opportunity]
objects = ["Opportunity"]
create_as = "Opportunity"
match = ["instep_id"]
create = "always"
speaks_for = ["marketing", "sales"]
instep_id = "Instep_Id__c"
[opportunity.required]
CloseDate = 2099-12-31
[opportunity.stages]
field = "StageName"
values = { interest = "Prospecting", consideration = "Needs Analysis", decision = "Value Proposition" }
outcomes = { won = "Closed Won", lost = "Closed Lost" }
[opportunity.fields]
name = "Name"
amount = { field = "Amount", currency = "USD" }
close_date = "CloseDate"
opened_on = "OpenedOn__c"
owner = "OwnerId"
product = "Product__c"
instep_stage = { field = "Instep_Stage__c", direction = "out" }
[opportunity.relations]
company = "Account"

[person]
objects = ["Contact", "Lead"]
create_as = "Contact"
match = ["instep_id", "email"]
create = "always"
instep_id = "Instep_Id__c"
[person.fields]
email = "Email"
first_name = "FirstName"
last_name = "LastName"
title = "Title"
[person.relations]
company = "Account"
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


def write_workspace(
    root: Path, exports: Path, people: Path, settings: dict[str, dict[str, Any]], agents: list[str]
) -> None:
    """Everything an admin would have reviewed: connections, tables of values, who is who."""
    mappings = root / "mappings"
    mappings.mkdir()
    hubspot, salesforce = settings["hubspot"], settings["salesforce"]
    places = {"exports": exports, "people": people, "token": hubspot["access_token"], "url": hubspot["base_url"]}
    places |= {"instance": salesforce["instance_url"]}
    places |= {name: salesforce[name] for name in ("client_id", "client_secret")}
    (root / "sync.toml").write_text(SYNC.format(**places))
    (mappings / "process.toml").write_text('preset = "b2b-11"\n')
    (mappings / "exports.toml").write_text(EXPORTS)
    (mappings / "people.toml").write_text(PEOPLE)
    (mappings / "hubspot.toml").write_text(HUBSPOT)
    (mappings / "salesforce.toml").write_text(SALESFORCE)
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


def prepare_salesforce(world: Any, agents: list[str]) -> dict[str, str]:
    """The org as its admin left it: the agents as users, and the fields that the mapping names."""
    for object in ("Contact", "Lead", "Account", "Opportunity"):
        world.add_field(object, "Instep_Id__c", "Text", length=64, unique=True, externalId=True)
        world.add_field(object, "Instep_Stage__c", "Text", length=64)
    world.add_field("Opportunity", "Product__c", "Text", length=64)
    world.add_field("Opportunity", "OpenedOn__c", "Date")
    return {agent: world.add_user(agent, email(agent)) for agent in agents}
