"""What is sent, and what the sandbox answers, held against the vendor's own descriptions, where they are at hand.

Their `required` lists are left out of account: they demand `errors` of every success and all filters of an extract.
So is their list of a member's outcomes, which lacks the `created` of the vendor's page about program members, and the
type of values, which they call objects where the vendor's examples have texts and numbers; and types of programs are
in lower case there, and not in the vendor's examples.
"""

import json
import os
import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonschema import Draft202012Validator

from instep.contract import ConsentChange, Create, Delete, FieldSpec, Subject, Update
from instep.sandbox import VirtualClock
from instep_marketo.client import MarketoClient
from instep_marketo.sandbox import MarketoPersonality
from instep_marketo.sandbox.service import FAMILIES
from instep_marketo.sandbox.subscription import Subscription

SPECS = Path(os.environ.get("INSTEP_SPECS", "")) / "marketo"
pytestmark = pytest.mark.skipif(
    "INSTEP_SPECS" not in os.environ or not SPECS.is_dir(),
    reason="INSTEP_SPECS names no folder with descriptions of Marketo's API",
)
NAMES = ("swagger-mapi", "swagger-asset", "swagger-identity")


@cache
def spec(name):
    return json.loads((SPECS / f"{name}.json").read_text())


def operation(method, path):
    """The description of an operation, and the file that it is in; a fixed path is preferred."""
    for name in NAMES:
        for template in sorted(spec(name)["paths"], key=lambda template: template.count("{")):
            pattern = re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in spec(name)["paths"][template]:
                return spec(name)["paths"][template][method.lower()], name
    raise AssertionError(f"{method} {path} is not described")


def wrong(schema, name, value):
    whole = {**schema, "definitions": spec(name)["definitions"]}
    found = Draft202012Validator(whole).iter_errors(without_nulls(value))
    return [f"{error.json_path}: {error.message}" for error in found if not is_lax(error)]


def is_lax(error):
    """Whether this is one of the things that the descriptions say otherwise than the vendor's pages."""
    if error.validator == "type" and error.validator_value == "object":
        return error.path[-1] in {"value", "newValue", "oldValue"}
    return error.validator == "required" or (error.validator == "enum" and error.instance in {"created", "Default"})


def without_nulls(value):
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def exchanged(monkeypatch):
    """Every request of the connector, and its answer."""
    seen = []
    real = MarketoClient._exchange

    def spied(self, call):
        reply = real(self, call)
        seen.append((call, reply))
        return reply

    monkeypatch.setattr(MarketoClient, "_exchange", spied)
    return seen


@pytest.fixture
def whole_life(bench, world, hands, exchanged):
    """Everything that the connector can ask, once."""
    world.add_salesperson("s1", "ann@x.example")
    campaign = world.add_campaign("Flow", lambda lead: None)
    connection = hands.connect(requests={"buyingStage": campaign}, owner_emails=["ann@x.example"])
    fields = ["email", "buyingStage", f"program:{hands.program}", f"list:{hands.list}"]
    connection.check()
    connection.fields.create(FieldSpec("leads", "instep_id", "Instep id", "text", unique=True))
    connection.fields.read("leads")
    new = {"email": "a@x.example", "buyingStage": "Interest", fields[2]: "Interest", fields[3]: True}
    (made,) = connection.records.write("leads", [Create("instep_id", "k1", new)], [])
    cursor = [page.cursor for page in connection.records.changed_since("leads", fields, None)][-1]
    connection.records.write("leads", [Update(made.id, {"phone": None, fields[3]: False}, {})], [])
    list(connection.records.changed_since("leads", fields, cursor))
    connection.records.find("leads", "email", ["a@x.example"], fields)
    other = world.create(email="b@x.example")
    world.unsubscribe(other)
    subjects = [Subject("leads", id, "a@x.example") for id in (made.id, other)]
    connection.consents.opt_out([ConsentChange(subjects[0], "all", bench.clock.now(), "Form")])
    connection.consents.read(subjects)
    world.happen("click-link", other)
    list(connection.behaviours.changed_since(connection.behaviours.kinds, None))
    connection.stages.read()
    connection.stages.holders("leads", fields[2], "Interest")
    connection.owners.read()
    connection.records.write("leads", [Delete(made.id), Delete("999999")], [])
    list(connection.records.changed_since("leads", fields, cursor))
    return exchanged


def test_what_is_sent_is_described(whole_life):
    assert len({call.label for call, _ in whole_life}) > 20
    for call, _ in whole_life:
        method = call.query.get("_method", call.method)
        described, name = operation(method, call.path)
        parameters = {parameter["name"]: parameter for parameter in described.get("parameters", [])}
        given = {**call.query, **(call.form or {})}
        given.pop("_method", None)
        assert given.keys() <= parameters.keys(), (call.label, given.keys() - parameters.keys())
        if call.body is not None:
            (body,) = [parameter for parameter in parameters.values() if parameter["in"] == "body"]
            assert not wrong(body["schema"], name, call.body), call.label


def test_what_is_answered_is_described(whole_life):
    for call, reply in whole_life:
        described, name = operation(call.query.get("_method", call.method), call.path)
        schema = described["responses"]["200"].get("schema")
        if schema is None or call.label == "leads/export/file":
            continue
        assert not wrong(schema, name, json.loads(reply.data)), call.label


def test_an_answer_of_another_shape_would_be_noticed(whole_life):
    call, reply = next(pair for pair in whole_life if pair[0].label == "leads/sync")
    described, name = operation("POST", call.path)
    bad = json.loads(reply.data) | {"result": {"status": "created"}}
    assert wrong(described["responses"]["200"]["schema"], name, bad)


# --- calls that only others make -------------------------------------------------------------------------------

ASSET, BULK, EXTERNAL = "/rest/asset/v1", "/bulk/v1", "/rest/v1/activities/external"
JANUARY = {"createdAt": {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-31T00:00:00Z"}}
FOLDER = json.dumps({"id": 1, "type": "Folder"})
COOKIE = "id:123-ABC-456&token:_mch-x.example-1412345678901-12345"


def operations():
    """Everything that the sandbox answers."""
    subscription = Subscription(VirtualClock(), MarketoPersonality(), "123-ABC-456", 0)
    return [operation for family in FAMILIES for operation in family(subscription).operations()]


def described(method, path):
    return operation(method, path if path.endswith(".json") else f"{path}.json")[0]


@pytest.fixture
def tour(sandbox, call):
    """Every call of the sandbox, once, by plain HTTP."""
    seen = []
    call.session.hooks["response"].append(lambda reply, **_: seen.append(reply))
    visit_leads(sandbox, call)
    visit_assets(sandbox, call)
    visit_objects(sandbox, call)
    visit_activities(sandbox, call)
    visit_bulk(sandbox, call)
    return seen


def visit_leads(sandbox, call):
    form, world = sandbox.world.add_form("Contact", ["email"]), sandbox.world
    (one,) = call.sync({"email": "a@x.example", "firstName": "Ann"})
    other, lost = int(world.create(email="b@x.example")), int(world.create(email="c@x.example"))
    world.put_on_list(sandbox.settings["lists"][0], str(one["id"]))
    call.result("GET", f"/rest/v1/lead/{one['id']}.json")
    call.result("GET", "/rest/v1/leads.json", params={"filterType": "email", "filterValues": "a@x.example"})
    call.result("POST", "/rest/v1/leads/delete.json", json={"input": [{"id": lost}, {"id": 1}]})
    call.body("POST", f"/rest/v1/leads/{one['id']}/merge.json", params={"leadIds": str(other)})
    call.body("POST", f"/rest/v1/leads/{one['id']}/associate.json", params={"cookie": COOKIE})
    call.result("GET", "/rest/v1/leads/partitions.json")
    move = {"input": [{"id": one["id"], "partitionName": "Default"}]}
    call.result("POST", "/rest/v1/leads/partitions.json", json=move)
    visitor = {"leadFormFields": {"email": "d@x.example"}, "visitorData": {"pageURL": "x"}, "cookie": COOKIE}
    call.result("POST", "/rest/v1/leads/submitForm.json", json={"formId": form, "input": [visitor]})
    push = {"programName": "Buying journey", "programStatus": "Interest", "input": [{"email": "a@x.example"}]}
    call.result("POST", "/rest/v1/leads/push.json", json={**push, "source": "Fair", "reason": "Badge"})
    for name in ("describe", "describe2"):
        call.result("GET", f"/rest/v1/leads/{name}.json")
    fields, made = "/rest/v1/leads/schema/fields", {"displayName": "Step", "name": "step", "dataType": "string"}
    call.result("POST", f"{fields}.json", json={"input": [made]})
    call.result("POST", f"{fields}/step.json", json={"input": [{"isHidden": True}]})
    call.result("GET", f"{fields}/step.json")
    call.result("GET", f"{fields}.json")
    for name in ("usage", "usage/last7days", "errors", "errors/last7days"):
        call.result("GET", f"/rest/v1/stats/{name}.json")


def visit_assets(sandbox, call):
    program, watched = sandbox.settings["programs"][0], sandbox.settings["lists"][0]
    lead, world = int(sandbox.world.create(email="m@x.example")), sandbox.world
    for path in ("channels", "channel/byName", "programs", "program/byName", f"program/{program}", "program/byTag"):
        query = {"channel/byName": {"Name": "Journey"}, "program/byName": {"name": "Buying journey"}}
        query["program/byTag"] = {"tagType": "Region", "tagValue": "EU"}
        call.body("GET", f"{ASSET}/{path}.json", params=query.get(path))
    form = {"name": "Fair", "folder": FOLDER, "type": "Default", "channel": "Journey", "description": "x"}
    (made,) = call.result("POST", f"{ASSET}/programs.json", data=form)
    call.result("POST", f"{ASSET}/program/{made['id']}.json", data={"description": "y"})
    call.result("POST", f"{ASSET}/program/{made['id']}/clone.json", data={"name": "Copy", "folder": FOLDER})
    call.result("POST", f"{ASSET}/program/{made['id']}/delete.json")
    members, one = f"/rest/v1/programs/{program}/members", [{"leadId": lead}]
    call.result("GET", "/rest/v1/programs/members/describe.json")
    call.result("POST", f"{members}/status.json", json={"statusName": "Interest", "input": one})
    call.result("GET", f"{members}.json", params={"filterType": "leadId", "filterValues": str(lead)})
    call.result("POST", f"{members}.json", json={"input": [{"leadId": lead, "registrationCode": "R"}]})
    call.result("GET", f"/rest/v1/leads/programs/{program}.json")
    older = {"status": "Purchase", "input": [{"id": lead}]}
    call.result("POST", f"/rest/v1/leads/programs/{program}/status.json", json=older)
    for name in ("programMembership", "listMembership", "smartCampaignMembership"):
        call.result("GET", f"/rest/v1/leads/{lead}/{name}.json")
    call.result("POST", f"{members}/delete.json", json={"input": one})
    leads = f"/rest/v1/lists/{watched}/leads"
    call.result("POST", f"{leads}.json", json={"input": [{"id": lead}]})
    call.result("GET", f"{leads}.json", params={"fields": "email"})
    call.result("GET", f"{leads}/ismember.json", params={"id": str(lead)})
    call.result("DELETE", f"{leads}.json", params={"id": str(lead)})
    call.result("GET", "/rest/v1/lists.json", params={"name": "Watched"})
    call.result("GET", f"/rest/v1/lists/{watched}.json")
    call.result("POST", f"{ASSET}/staticLists.json", data={"name": "Guests", "folder": FOLDER})
    call.result("GET", f"{ASSET}/staticLists.json")
    call.result("GET", f"{ASSET}/staticList/{watched}.json")
    call.result("GET", f"{ASSET}/staticList/byName.json", params={"name": "Watched"})
    flow, batch = world.add_campaign("Flow", str), world.add_campaign("Batch", str, list=watched)
    call.result("POST", f"/rest/v1/campaigns/{flow}/trigger.json", json={"input": {"leads": [{"id": lead}]}})
    call.result(
        "POST", f"/rest/v1/campaigns/{batch}/schedule.json", json={"input": {"runAt": "2026-02-01T00:00:00Z"}}
    )
    call.result("GET", "/rest/v1/campaigns.json", params={"isTriggerable": "true"})
    call.result("GET", f"/rest/v1/campaigns/{flow}.json")
    call.result("GET", f"{ASSET}/smartCampaigns.json", params={"isActive": "true"})
    call.result("GET", f"{ASSET}/smartCampaign/{flow}.json")
    call.result("GET", f"{ASSET}/smartCampaign/byName.json", params={"name": "Flow"})
    for name in ("deactivate", "activate"):
        call.result("POST", f"{ASSET}/smartCampaign/{flow}/{name}.json")


def visit_objects(sandbox, call):
    lead = int(sandbox.world.create(email="o@x.example"))
    rows = {
        "salespersons": {"externalSalesPersonId": "s1", "email": "ann@x.example"},
        "companies": {"externalCompanyId": "c1", "company": "Acme"},
        "opportunities": {"externalOpportunityId": "o1", "name": "Big", "amount": 5},
        "opportunities/roles": {"externalOpportunityId": "o1", "leadId": lead, "role": "User"},
    }
    for path, row in rows.items():
        call.result("POST", f"/rest/v1/{path}.json", json={"action": "createOrUpdate", "input": [row]})
        call.result("GET", f"/rest/v1/{path}/describe.json")
        key = next(iter(row))
        call.result("GET", f"/rest/v1/{path}.json", params={"filterType": key, "filterValues": row[key]})
    body = {"filterType": "dedupeFields", "fields": ["role"], "input": [rows["opportunities/roles"]]}
    call.result("POST", "/rest/v1/opportunities/roles.json", params={"_method": "GET"}, json=body)
    for path, row in reversed(rows.items()):
        keys = {
            name: value for name, value in row.items() if name.startswith("external") or name in ("leadId", "role")
        }
        call.result("POST", f"/rest/v1/{path}/delete.json", json={"deleteBy": "dedupeFields", "input": [keys]})


def visit_activities(sandbox, call):
    lead, log = int(sandbox.world.create(email="l@x.example")), "/rest/v1/activities"
    sandbox.world.edit(str(lead), phone="1")
    token = call.body("GET", f"{log}/pagingtoken.json", params={"sinceDatetime": "2026-01-01"})["nextPageToken"]
    call.body("GET", f"{log}.json", params={"nextPageToken": token, "activityTypeIds": "12,13"})
    call.body("GET", f"{log}/leadchanges.json", params={"nextPageToken": token, "fields": "phone"})
    call.body("GET", f"{log}/deletedleads.json", params={"nextPageToken": token})
    call.result("GET", f"{log}/types.json")
    primary = {"apiName": "title", "name": "Title"}
    kind = {"apiName": "game", "name": "Game", "triggerName": "Plays", "filterName": "Played"}
    (made,) = call.result("POST", f"{EXTERNAL}/type.json", json={**kind, "primaryAttribute": primary})
    one, attributes = f"{EXTERNAL}/type/game", {"attributes": [{"apiName": "level", "dataType": "integer"}]}
    call.result("POST", f"{one}/attributes/create.json", json=attributes)
    call.result("POST", f"{one}/approve.json")
    call.result("POST", f"{one}/attributes/update.json", json=attributes)
    call.result("POST", f"{one}/discardDraft.json")
    call.result("POST", f"{one}.json", json={"name": "Match"})
    call.result("POST", f"{one}/attributes/delete.json", json=attributes)
    call.result("GET", f"{one}/describe.json", params={"draft": "true"})
    call.result("GET", f"{EXTERNAL}/types.json")
    activity = {"leadId": lead, "activityDate": "2026-01-04T12:00:00Z", "activityTypeId": made["id"]}
    rows = [{**activity, "primaryAttributeValue": "Chess"}, activity]
    call.result("POST", f"{EXTERNAL}.json", json={"input": rows})
    kind = {**kind, "apiName": "other", "primaryAttribute": primary}
    call.result("POST", f"{EXTERNAL}/type.json", json=kind)
    call.result("POST", f"{EXTERNAL}/type/other/delete.json")


def visit_bulk(sandbox, call):
    for root, more in ((f"{BULK}/leads/export", {"fields": ["id"]}), (f"{BULK}/activities/export", {})):
        jobs = []
        for _ in range(2):
            (job,) = call.result("POST", f"{root}/create.json", json={"format": "CSV", "filter": JANUARY, **more})
            jobs.append(f"{root}/{job['exportId']}")
        call.result("POST", f"{jobs[0]}/enqueue.json")
        call.result("POST", f"{jobs[1]}/cancel.json")
        sandbox.clock.advance(timedelta(seconds=61))
        call.result("GET", f"{jobs[0]}/status.json")
        call("GET", f"{jobs[0]}/file.json")
        call.result("GET", f"{root}.json")
    query, file = {"format": "csv", "lookupField": "email"}, {"file": "email\nz@x.example\n"}
    (batch,) = call.result("POST", f"{BULK}/leads.json", params=query, files=file)
    sandbox.clock.advance(timedelta(seconds=61))
    one = f"{BULK}/leads/batch/{batch['batchId']}"
    call.result("GET", f"{one}.json")
    for name in ("failures", "warnings"):
        call("GET", f"{one}/{name}.json")


def exchange(reply):
    """What a plain call was: its method and path as they are described, its query, and its body."""
    address, sent = urlsplit(reply.request.url), reply.request.body or b""
    query = {name: values[-1] for name, values in parse_qs(address.query).items()}
    method, kind = query.pop("_method", reply.request.method), reply.request.headers.get("Content-Type", "")
    text = sent.decode(errors="replace") if isinstance(sent, bytes) else sent
    if "json" in kind:
        return method, address.path, query, json.loads(text)
    form = {name: values[-1] for name, values in parse_qs(text).items()} if "urlencoded" in kind else None
    return method, address.path, query, form and {k: json.loads(v) if v[0] in "[{" else v for k, v in form.items()}


def test_the_tour_visits_every_call_of_the_sandbox(sandbox, tour):
    assert {operation.label for operation in operations()} <= {call.label for call in sandbox.log.calls()}


def test_what_others_send_is_described(tour):
    for reply in tour:
        method, path, query, body = exchange(reply)
        found, name = operation(method, path)
        parameters = {parameter["name"]: parameter for parameter in found.get("parameters", [])}
        assert query.keys() <= parameters.keys(), (path, query.keys() - parameters.keys())
        schemas = [parameter["schema"] for parameter in parameters.values() if parameter["in"] == "body"]
        if body is not None:
            assert schemas, path
            assert not wrong(schemas[0], name, body), path


def test_what_others_are_answered_is_described(tour):
    checked = 0
    for reply in tour:
        method, path, _, _ = exchange(reply)
        found, name = operation(method, path)
        schema = found["responses"]["200"].get("schema")
        if schema is not None and "json" in reply.headers["Content-Type"]:
            assert not wrong(schema, name, reply.json()), path
            checked += 1
    assert checked > 90


SPELT_OTHERWISE = {"Read-Write Named Opportunity": "Read-Write Opportunity", "Read-Only Asset": "Read-Only Assets"}
SPELT_OTHERWISE |= {"Read-Only Campaigns": "Read-Only Campaign", "Read-Asset or Read-Write Asset": "Read-Only Assets"}


def test_a_call_needs_a_permission_that_its_description_names():
    seen = 0
    for one in operations():
        text = described(one.method, re.sub(r"\{\w+\}", "1", one.template)).get("description", "")
        said = re.search(r"Required Permissions:([^<.]*)", text)
        if said is not None:  # the oldest calls do not say
            named = {SPELT_OTHERWISE.get(name.strip(), name.strip()) for name in said.group(1).split(",")}
            assert set(one.permissions) <= (named - {"None"} or {""}), one.template
            seen += 1
    assert seen > 80
