"""The sandbox's answers held against machine-readable descriptions of HubSpot's API, where they are at hand."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import urllib3
from jsonschema import Draft202012Validator

from instep.contract import (
    AddPipeline,
    AddStage,
    ChangeStage,
    FieldSpec,
    Option,
    OrderStages,
    RelabelPipeline,
    RetireStage,
    SystemStage,
    Written,
)
from instep.sandbox import VirtualClock
from instep_hubspot.client import HubSpotClient
from instep_hubspot.sandbox import hubspot_sandbox

SPECS = Path(os.environ.get("INSTEP_SPECS", "")) / "hubspot"
pytestmark = pytest.mark.skipif(
    "INSTEP_SPECS" not in os.environ or not SPECS.is_dir(),
    reason="INSTEP_SPECS names no folder with descriptions of HubSpot's API",
)

OBJECTS = "/crm/v3/objects"
CONTACT = {"properties": {"email": "new@x.example"}}
PROPERTY = {
    "name": "fit",
    "label": "Fit",
    "type": "number",
    "fieldType": "number",
    "groupName": "contactinformation",
}
STAGES = [{"label": "A", "displayOrder": 0, "metadata": {"probability": "0.1"}}]
STAGE = "/crm/v3/pipelines/deals/default/stages"
OPTIONS = [{"value": "a", "label": "A", "displayOrder": 0, "hidden": False, "description": ""}]
PLAIN = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
LABEL = {"label": "Adviser", "name": "adviser"}
WISH = {"emailAddress": "a@x.example", "subscriptionId": "101", "legalBasis": "NON_GDPR"}
CHOICE = {"subscriptionId": 101, "statusState": "SUBSCRIBED", "channel": "EMAIL"}
EMAILS = {"inputs": ["a@x.example", "b@x.example"]}
DATED = "/communication-preferences/2026-03"
TRACED = [{"objectWriteTraceId": str(n), **CONTACT} for n in range(2)]
KNOWN = {"inputs": [{"id": "{contact}"}, {"id": "9999999"}], "properties": [], "propertiesWithHistory": []}
UPSERT = [{"id": "up@x.example", "idProperty": "email", "properties": {"city": "Ulm"}}]
BETWEEN = "/crm/v4/associations/contacts/companies"
TIE = {"from": {"id": "{contact}"}, "to": {"id": "{company}"}}

CALLS = [
    ("crm-contacts", "GET", f"{OBJECTS}/contacts?limit=1&associations=companies", None),
    ("crm-contacts", "GET", f"{OBJECTS}/contacts/{{contact}}?propertiesWithHistory=email", None),
    ("crm-contacts", "POST", f"{OBJECTS}/contacts", CONTACT),
    ("crm-contacts", "PATCH", f"{OBJECTS}/contacts/{{contact}}", {"properties": {"city": "Ulm"}}),
    ("crm-contacts", "DELETE", f"{OBJECTS}/contacts/{{contact}}", None),
    ("crm-contacts", "POST", f"{OBJECTS}/contacts/search", {"limit": 1}),
    ("crm-contacts", "POST", f"{OBJECTS}/contacts/batch/read", KNOWN),
    ("crm-contacts", "POST", f"{OBJECTS}/contacts/batch/create", {"inputs": [CONTACT]}),
    ("crm-contacts", "POST", f"{OBJECTS}/contacts/batch/create", {"inputs": TRACED}),
    ("crm-contacts", "POST", f"{OBJECTS}/contacts/batch/upsert", {"inputs": UPSERT}),
    ("crm-contacts", "POST", f"{OBJECTS}/contacts/batch/archive", {"inputs": [{"id": "{contact}"}]}),
    (
        "crm-contacts",
        "POST",
        f"{OBJECTS}/contacts/merge",
        {"primaryObjectId": "{contact}", "objectIdToMerge": "{other}"},
    ),
    ("crm-companies", "GET", f"{OBJECTS}/companies/{{company}}", None),
    ("crm-deals", "GET", f"{OBJECTS}/deals", None),
    ("crm-tickets", "GET", f"{OBJECTS}/tickets", None),
    ("crm-objects-generic", "GET", f"{OBJECTS}/notes", None),
    (
        "crm-associations-v4",
        "PUT",
        "/crm/v4/objects/contacts/{contact}/associations/companies/{company}",
        PLAIN,
    ),
    (
        "crm-associations-v4",
        "PUT",
        "/crm/v4/objects/contacts/{contact}/associations/default/companies/{company}",
        None,
    ),
    ("crm-associations-v4", "GET", "/crm/v4/objects/contacts/{contact}/associations/companies", None),
    ("crm-associations-v4", "POST", f"{BETWEEN}/batch/read", {"inputs": [{"id": "{contact}"}, {"id": "1"}]}),
    ("crm-associations-v4", "POST", f"{BETWEEN}/batch/create", {"inputs": [{**TIE, "types": PLAIN}]}),
    ("crm-associations-v4", "POST", f"{BETWEEN}/batch/associate/default", {"inputs": [TIE]}),
    ("crm-associations-v4", "GET", f"{BETWEEN}/labels", None),
    ("crm-associations-v4", "POST", f"{BETWEEN}/labels", LABEL),
    ("crm-properties", "GET", "/crm/v3/properties/contacts", None),
    ("crm-properties", "POST", "/crm/v3/properties/contacts", PROPERTY),
    ("crm-properties", "GET", "/crm/v3/properties/deals/dealstage", None),
    ("crm-properties", "POST", "/crm/v3/properties/contacts/batch/create", {"inputs": [PROPERTY, PROPERTY]}),
    ("crm-properties", "GET", "/crm/v3/properties/contacts/groups", None),
    ("crm-pipelines", "GET", "/crm/v3/pipelines/deals", None),
    ("crm-pipelines", "POST", "/crm/v3/pipelines/deals", {"label": "N", "displayOrder": 1, "stages": STAGES}),
    ("crm-pipelines", "POST", "/crm/v3/pipelines/deals/default/stages", {**STAGES[0], "label": "B"}),
    ("crm-pipelines", "GET", "/crm/v3/pipelines/deals/default/audit", None),
    ("crm-pipelines", "PATCH", "/crm/v3/pipelines/deals/default", {"label": "M"}),
    ("crm-pipelines", "PATCH", f"{STAGE}/contractsent", {"label": "C", "metadata": STAGES[0]["metadata"]}),
    ("crm-pipelines", "PUT", f"{STAGE}/contractsent", {**STAGES[0], "label": "C"}),
    ("crm-pipelines", "PUT", "/crm/v3/pipelines/deals/default", {"label": "S", "displayOrder": 0, "stages": STAGES}),
    ("crm-pipelines", "DELETE", f"{STAGE}/closedlost?validateDealStageUsagesBeforeDelete=true", None),
    ("crm-pipelines", "GET", "/crm/v3/pipelines/tickets", None),
    ("crm-properties", "PATCH", "/crm/v3/properties/contacts/hs_lead_status", {"options": OPTIONS}),
    ("crm-properties", "GET", "/crm/v3/properties/contacts/lifecyclestage", None),
    ("crm-owners", "GET", "/crm/v3/owners/?limit=1", None),
    ("crm-owners", "GET", "/crm/v3/owners/?archived=true", None),
    ("communication-preferences-v3", "GET", "/communication-preferences/v3/definitions", None),
    (
        "communication-preferences-v3",
        "GET",
        "/communication-preferences/v3/status/email/a%40x.example",
        None,
    ),
    ("communication-preferences-v3", "POST", "/communication-preferences/v3/subscribe", WISH),
    ("communication-preferences-2026-03", "GET", f"{DATED}/definitions", None),
    ("communication-preferences-2026-03", "GET", f"{DATED}/statuses/b%40x.example?channel=EMAIL", None),
    ("communication-preferences-2026-03", "POST", f"{DATED}/statuses/b%40x.example", CHOICE),
    (
        "communication-preferences-2026-03",
        "GET",
        f"{DATED}/statuses/out%40x.example/unsubscribe-all?channel=EMAIL",
        None,
    ),
    ("communication-preferences-2026-03", "POST", f"{DATED}/statuses/batch/read?channel=EMAIL", EMAILS),
    (
        "communication-preferences-2026-03",
        "POST",
        f"{DATED}/statuses/batch/unsubscribe-all?channel=EMAIL",
        EMAILS,
    ),
    (
        "communication-preferences-2026-03",
        "POST",
        f"{DATED}/statuses/batch/unsubscribe-all/read?channel=EMAIL",
        EMAILS,
    ),
    (
        "crm-lists",
        "POST",
        "/crm/v3/lists/",
        {"name": "N", "objectTypeId": "0-1", "processingType": "MANUAL"},
    ),
    ("crm-lists", "GET", "/crm/v3/lists/{list}", None),
    ("crm-lists", "POST", "/crm/v3/lists/search", {}),
    ("crm-lists", "GET", "/crm/v3/lists/{list}/memberships", None),
    ("crm-lists", "PUT", "/crm/v3/lists/{list}/memberships/remove", ["{contact}"]),
    ("crm-lists", "GET", "/crm/v3/lists/records/0-1/{contact}/memberships", None),
    ("marketing-forms", "GET", "/marketing/v3/forms/", None),
    ("events", "GET", "/events/v3/events/", None),
    ("oauth-v1", "GET", "/oauth/v1/access-tokens/pat-na1-sandbox", None),
]

# Of these, which come in several shapes, the descriptions know only one.
UNIONS = {"fields", "legalConsentOptions"}


@cache
def spec(name):
    return json.loads((SPECS / f"{name}.json").read_text())


def operation(name, method, path):
    """The description of an operation; a fixed path is preferred to one with parameters."""
    for template in sorted(spec(name)["paths"], key=lambda template: template.count("{")):
        pattern = re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(template.rstrip("/")))
        if re.fullmatch(pattern, path.rstrip("/")) and method.lower() in spec(name)["paths"][template]:
            return spec(name)["paths"][template][method.lower()]
    return None


def without_nulls(value):
    """Clients read null and absent alike; the descriptions know only absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def answer():
    with hubspot_sandbox(clock=VirtualClock()) as sandbox:
        world = sandbox.world
        contact = world.create("contacts", email="a@x.example")
        other = world.create("contacts", email="b@x.example")
        company = world.create("companies", name="X")
        world.create("deals", dealname="D", dealstage="contractsent")
        world.create("tickets", subject="T", hs_pipeline_stage="1")
        world.engage("notes", [contact], hs_note_body="N")
        world.associate("contacts", contact, "companies", company)
        world.add_owner("o@x.example", "O", "O", teams=[("1", "Sales")])
        world.add_owner("p@x.example", "P", "P", archived=True)
        world.opt_out("out@x.example")
        world.submit_form("Webinar", "a@x.example")
        world.happen("e_visited_page", contact, url="https://x.example")
        made = world.add_list("contacts", "L", [contact, other])
        pool = urllib3.PoolManager()

        def send(method, path, body):
            named = {"contact": contact, "other": other, "company": company, "list": made}
            content = None if body is None else json.dumps(body)
            for word, id in named.items():
                path = path.replace(f"{{{word}}}", id)
                content = content and content.replace(f"{{{word}}}", id)
            headers = {"Authorization": "Bearer pat-na1-sandbox", "Content-Type": "application/json"}
            return path, pool.request(method, sandbox.url + path, body=content, headers=headers)

        yield send
        pool.clear()


@pytest.mark.parametrize(("name", "method", "path", "body"), CALLS)
def test_an_answer_has_the_described_code_and_shape(answer, name, method, path, body):
    sent, got = answer(method, path, body)
    described = operation(name, method, sent.partition("?")[0])
    if described is None:
        pytest.skip(f"{name} does not describe {method} {path}")
    codes = described["responses"]
    assert str(got.status) in codes or "2XX" in codes, got.data
    expected = codes.get(str(got.status)) or codes["2XX"]
    if "content" not in expected:
        assert got.data == b""
        return
    schema = next(iter(expected["content"].values()))["schema"]
    whole = {**schema, "components": spec(name)["components"]}
    found = Draft202012Validator(whole).iter_errors(without_nulls(json.loads(got.data)))
    errors = [error for error in found if UNIONS.isdisjoint(error.absolute_path)]
    assert not errors, "\n".join(f"{error.json_path}: {error.message}" for error in errors)


@pytest.fixture
def asked(bench, monkeypatch):
    """Every request of the connector that has a body."""
    calls = []
    for name in ("fetch", "send"):
        real = getattr(HubSpotClient, name)

        def spied(self, call, *more, real=real):
            calls.append(call)
            return real(self, call, *more)

        monkeypatch.setattr(HubSpotClient, name, spied)
    return calls


def test_what_is_sent_to_configure_has_the_described_shape(bench, asked):
    stages, fields = bench.connection.stages, bench.connection.fields
    (deals,), (status,) = (
        stages.configured([("deals", "dealstage")]),
        stages.configured([("contacts", "hs_lead_status")]),
    )
    new = SystemStage("", "New one", 0, probability=0.3)
    outcomes = stages.apply(
        [
            AddPipeline("deals", "p", "P", (new,)),
            AddStage("deals", "default", new),
            ChangeStage("deals", "default", deals.stages[0], replace(deals.stages[0], label="X", probability=0.5)),
            OrderStages("deals", "default", tuple(stage.id for stage in deals.stages[::-1])),
            RelabelPipeline("deals", "default", "Y"),
            RetireStage("deals", "default", deals.stages[1].id),
            AddStage("contacts", "hs_lead_status", new),
            ChangeStage("contacts", status.id, status.stages[0], replace(status.stages[0], label="X")),
        ]
    )
    choice = FieldSpec("contacts", "step", "Step", "choices", options=(Option("a", "A"),))
    outcomes += [fields.create(choice), fields.extend("contacts", "step", [Option("b", "B")])]
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    described = [(call, _body_schema(call)) for call in asked if call.writes and call.body is not None]
    assert {call.label for call, _ in described} >= {"pipelines/create", "properties/update", "properties/create"}
    for call, schema in described:
        assert not list(Draft202012Validator(schema).iter_errors(dict(call.body))), call


def _body_schema(call):
    name = "crm-pipelines" if "pipelines" in call.path else "crm-properties"
    content = operation(name, call.method, call.path)["requestBody"]["content"]
    return {**next(iter(content.values()))["schema"], "components": spec(name)["components"]}
