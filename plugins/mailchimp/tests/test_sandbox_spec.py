"""What the sandbox answers and the connector sends, held against descriptions of the API where they are at hand."""

import json
import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from jsonschema import Draft4Validator

from instep.contract import ConsentChange, Create, Delete, Erase, FieldSpec, Option, Subject, Update, Written
from instep_mailchimp.sandbox import API_KEY, AUDIENCE

SPECS = Path(os.environ.get("INSTEP_SPECS", "")) / "mailchimp"
pytestmark = pytest.mark.skipif(
    "INSTEP_SPECS" not in os.environ or not SPECS.is_dir(),
    reason="INSTEP_SPECS names no folder with descriptions of Mailchimp's API",
)

LIST = f"/lists/{AUDIENCE}"
MEMBER = f"{LIST}/members/{{member}}"
NEW = {"email_address": "new@x.example", "status": "subscribed"}
TAGS = {"tags": [{"name": "mql", "status": "active"}]}
FIELD = {"name": "Size", "type": "dropdown", "tag": "SIZE", "options": {"choices": ["S"]}}
CATEGORY = f"{LIST}/interest-categories/{{category}}"
CONDITION = {"condition_type": "TextMerge", "field": "FNAME", "op": "is", "value": "Ada"}
EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign")
HOOK = {"events": dict.fromkeys(EVENTS, True), "sources": {"user": True, "admin": True, "api": False}}

CALLS = [
    ("GET", "/", None),
    ("GET", "/ping", None),
    ("GET", "/lists", None),
    ("GET", LIST, None),
    ("POST", LIST, {"members": [NEW, NEW]}),
    ("GET", f"{LIST}/members", None),
    ("GET", f"{LIST}/members?status=archived", None),
    ("POST", f"{LIST}/members", NEW),
    ("GET", MEMBER, None),
    ("PUT", MEMBER, {"email_address": "a@x.example", "status_if_new": "subscribed"}),
    ("PATCH", MEMBER, {"vip": True}),
    ("DELETE", MEMBER, None),
    ("POST", f"{MEMBER}/actions/delete-permanent", None),
    ("GET", f"{MEMBER}/tags", None),
    ("POST", f"{MEMBER}/tags", TAGS),
    ("GET", f"{MEMBER}/events", None),
    ("POST", f"{MEMBER}/events", {"name": "demo_attended"}),
    ("GET", f"{MEMBER}/activity-feed", None),
    ("GET", f"{LIST}/merge-fields", None),
    ("POST", f"{LIST}/merge-fields", FIELD),
    ("PATCH", f"{LIST}/merge-fields/1", {"name": "Home"}),
    ("DELETE", f"{LIST}/merge-fields/1", None),
    ("GET", f"{LIST}/tag-search", None),
    ("GET", f"{LIST}/segments", None),
    ("POST", f"{LIST}/segments", {"name": "sql", "static_segment": []}),
    ("GET", f"{LIST}/segments/{{segment}}", None),
    ("PATCH", f"{LIST}/segments/{{segment}}", {"name": "sql", "static_segment": []}),
    ("DELETE", f"{LIST}/segments/{{segment}}", None),
    ("POST", f"{LIST}/segments/{{segment}}", {"members_to_add": ["a@x.example", "x@x.example"]}),
    ("GET", f"{LIST}/segments/{{segment}}/members", None),
    ("POST", f"{LIST}/segments/{{segment}}/members", {"email_address": "a@x.example"}),
    ("DELETE", f"{LIST}/segments/{{segment}}/members/{{member}}", None),
    ("POST", f"{LIST}/segments", {"name": "Saved", "options": {"match": "all", "conditions": [CONDITION]}}),
    ("GET", f"{LIST}/interest-categories", None),
    ("POST", f"{LIST}/interest-categories", {"title": "Topics", "type": "checkboxes"}),
    ("GET", CATEGORY, None),
    ("PATCH", CATEGORY, {"title": "Themes", "type": "checkboxes"}),
    ("DELETE", CATEGORY, None),
    ("GET", f"{CATEGORY}/interests", None),
    ("POST", f"{CATEGORY}/interests", {"name": "News"}),
    ("GET", f"{CATEGORY}/interests/{{interest}}", None),
    ("PATCH", f"{CATEGORY}/interests/{{interest}}", {"name": "Offers"}),
    ("DELETE", f"{CATEGORY}/interests/{{interest}}", None),
    ("GET", "/search-members?query=a@x.example", None),
    ("GET", "/campaigns", None),
    ("GET", "/reports/{campaign}", None),
    ("GET", "/reports/{campaign}/email-activity", None),
    ("GET", "/reports/{campaign}/open-details", None),
    ("GET", "/reports/{campaign}/click-details", None),
    ("GET", "/reports/{campaign}/click-details/{link}/members", None),
    ("GET", "/reports/{campaign}/unsubscribed", None),
    ("GET", "/reports/{campaign}/sent-to", None),
    ("POST", "/customer-journeys/journeys/{journey}/steps/{step}/actions/trigger", {"email_address": "a@x.example"}),
    ("POST", "/customer-journeys/journeys/1/steps/1/actions/trigger", {"email_address": "a@x.example"}),
    ("GET", f"{LIST}/webhooks", None),
    ("POST", f"{LIST}/webhooks", HOOK),
    ("GET", f"{LIST}/webhooks/{{webhook}}", None),
    ("PATCH", f"{LIST}/webhooks/{{webhook}}", {"events": {"profile": False}}),
    ("DELETE", f"{LIST}/webhooks/{{webhook}}", None),
    ("GET", "/batch-webhooks/{batch_webhook}", None),
    ("PATCH", "/batch-webhooks/{batch_webhook}", {"enabled": False}),
    ("DELETE", "/batch-webhooks/{batch_webhook}", None),
    ("GET", "/batches", None),
    ("GET", f"{LIST}?include_total_contacts=true", None),
    ("POST", "/batches", {"operations": [{"method": "GET", "path": "/ping"}]}),
    ("GET", "/lists/none", None),
    ("POST", f"{LIST}/members", {"email_address": "bad", "status": "subscribed"}),
]


@cache
def templates():
    """Every path that is described, with its operations."""
    found = {}
    for file in sorted(SPECS.glob("mailchimp-*.yml")):
        for path, operations in (yaml.safe_load(file.read_text()).get("paths") or {}).items():
            found.setdefault(path, {}).update(operations)
    return found


def operation(method, path):
    """The description of an operation; a fixed path is preferred to one with parameters."""
    path = urlsplit(path).path.rstrip("/") or "/"
    for template in sorted(templates(), key=lambda template: template.count("{")):
        pattern = re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(template.rstrip("/") or "/"))
        if re.fullmatch(pattern, path) and method.lower() in templates()[template]:
            return templates()[template][method.lower()]
    return None


def cleaned(schema):
    """The schema without what is prose, and without formats that an empty date does not keep."""
    if isinstance(schema, dict):
        dropped = ("format", "example", "title", "readOnly") if not isinstance(schema.get("title"), dict) else ()
        return {name: cleaned(item) for name, item in schema.items() if name not in dropped}
    return [cleaned(item) for item in schema] if isinstance(schema, list) else schema


def there(sandbox, campaign, receiver):
    """The ids of what has to be there before it can be asked for."""

    def asked(method, path, body=None):
        url = f"{sandbox.url}/3.0{path}"
        with requests.request(method, url, json=body, auth=("x", API_KEY), timeout=5) as got:
            return got.json()

    category = asked("POST", f"{LIST}/interest-categories", {"title": "Topics", "type": "radio"})["id"]
    interests = f"{LIST}/interest-categories/{category}/interests"
    return {
        "segment": asked("GET", f"{LIST}/segments")["segments"][0]["id"],
        "category": category,
        "interest": asked("POST", interests, {"name": "News"})["id"],
        "webhook": asked("POST", f"{LIST}/webhooks", {"url": receiver.url})["id"],
        "batch_webhook": asked("POST", "/batch-webhooks", {"url": receiver.url})["id"],
        "link": asked("GET", f"/reports/{campaign}/click-details")["urls_clicked"][0]["id"],
    }


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_an_answer_has_the_described_code_and_shape(sandbox, receiver, method, path, body) -> None:
    member = sandbox.world.add_member("a@x.example", by_form=True)
    sandbox.world.tag(member, "customer")
    campaign = sandbox.world.send_campaign()
    for kind in ("click", "open", "bounce"):
        sandbox.world.react(kind, member, campaign)
    sandbox.world.unsubscribe(member, campaign=campaign, reason="Too much mail")
    journey, step = sandbox.world.add_journey()
    made = there(sandbox, campaign, receiver) | {
        "member": member,
        "campaign": campaign,
        "journey": journey,
        "step": step,
    }
    path = path.format(**made)
    body = body if body != HOOK else {**HOOK, "url": receiver.url}
    described = operation(method, path)
    if described is None:
        pytest.skip(f"the descriptions do not know {method} {path}")
    url = f"{sandbox.url}/3.0{path}"
    with requests.request(method, url, json=body, auth=("x", API_KEY), timeout=5) as got:
        codes = {str(code): answer for code, answer in described["responses"].items()}
        expected = codes.get(str(got.status_code), codes["default"])
        assert got.status_code < 300 or expected is codes["default"]
        if got.status_code == 204:
            assert got.content == b""
            return
        errors = list(Draft4Validator(cleaned(expected["schema"])).iter_errors(got.json()))
    assert not errors, "\n".join(f"{list(error.absolute_path)}: {error.message[:200]}" for error in errors)


def test_what_is_posted_to_a_webhook_has_the_described_shape(sandbox, receiver) -> None:
    world = sandbox.world
    with requests.post(
        f"{sandbox.url}/3.0{LIST}/webhooks", json={**HOOK, "url": receiver.url}, auth=("x", API_KEY), timeout=5
    ) as made:
        assert made.status_code == 200
    world.add_member("a@x.example", by_form=True, FNAME="Ada")
    world.edit("a@x.example", FNAME="A.")
    world.send_campaign()
    world.unsubscribe("a@x.example")
    world.change_email("a@x.example", "b@x.example")
    world.clean("b@x.example")
    world.deliver()
    described = yaml.safe_load((SPECS / "mailchimp-webhooks-asyncapi.yml").read_text())
    schemas = {"subscribe": "SubscribePayload", "unsubscribe": "UnsubscribePayload"}
    for form in receiver.told():
        schema = described["components"]["schemas"][schemas.get(form["type"], "Envelope")]
        errors = list(Draft4Validator(cleaned(schema)).iter_errors(unfolded(form)))
        assert not errors, (form["type"], [error.message for error in errors])
    assert set(receiver.kinds()) == set(EVENTS)


def unfolded(form):
    """A form as the object that its names in brackets describe."""
    found = {}
    for name, value in form.items():
        *outer, last = re.findall(r"[^\[\]]+", name)
        place = found
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return found


def test_what_the_connector_sends_has_the_described_shape(bench, world, monkeypatch) -> None:
    sent = []
    send = requests.Session.send

    def watched(self, request, **options):
        sent.append((request.method, urlsplit(request.url), request.body))
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    connection = bench.connect(bench.settings(stage_tags=("Interested",), segments=("Interested",), batch_from=3))
    records, fields = connection.records, connection.fields
    fields.create(FieldSpec("members", "INSTEP_ID", "Instep id", "text", unique=True))
    fields.create(FieldSpec("members", "SIZE", "Size", "choice", options=(Option("S", "S"),)))
    fields.create(FieldSpec("members", "SIZE", "Size", "choice", options=(Option("M", "M"),)))
    creates = [
        Create("INSTEP_ID", f"k{n}", {"email_address": f"m{n}@x.example", "SIZE": "S", "stage_tag": "Interested"})
        for n in range(4)
    ]
    outcomes = records.write("members", creates[:1], []) + records.write("members", creates[1:], [])
    ids = [outcome.id for outcome in outcomes]
    outcomes += records.write("members", [Update(ids[0], {"SIZE": None, "vip": True}, {})], [])
    change = ConsentChange(Subject("members", ids[0], "m0@x.example"), "all", bench.clock.now(), "Form")
    outcomes += [*connection.consents.opt_in([change]), *connection.consents.opt_out([change])]
    world.react("click", ids[0], world.send_campaign())
    list(connection.behaviours.changed_since(("click",), None))
    segment = ["segment:Interested"]
    *_, page = records.changed_since("members", segment, None)
    world.tag(world.add_member("late@x.example"), "Interested")
    list(records.changed_since("members", segment, page.cursor))
    outcomes += records.write("members", [Delete(ids[1]), Erase(ids[2])], [])
    connection.settle()
    assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
    problems = [problem for method, url, body in sent for problem in _problems(method, url, body)]
    assert not problems, "\n".join(problems)
    assert {method for method, _, _ in sent} >= {"GET", "POST", "PUT", "PATCH", "DELETE"}


def _problems(method, url, body):
    """Everything in a request that is not described."""
    if "/batch-results/" in url.path:
        return
    path = url.path.removeprefix("/3.0")
    described = operation(method, path)
    if described is None:
        yield f"{method} {path} is not described"
        return
    known = {parameter["name"] for parameter in described.get("parameters", ()) if parameter["in"] == "query"}
    for name in {pair.partition("=")[0] for pair in url.query.split("&") if pair} - known:
        yield f"{method} {path} has no parameter {name}"
    schemas = [parameter["schema"] for parameter in described.get("parameters", ()) if parameter["in"] == "body"]
    for schema in schemas if body else ():
        for error in Draft4Validator(cleaned(schema)).iter_errors(json.loads(body)):
            yield f"{method} {path} {list(error.absolute_path)}: {error.message[:200]}"
