"""What is sent, and what the sandbox answers, held against the vendor's own descriptions, where they are at hand.

Their `required` lists are left out of account: they demand `errors` of every success and all filters of an extract.
So is their list of a member's outcomes, which lacks the `created` of the vendor's page about program members, and the
type of values, which they call objects where the vendor's examples have texts and numbers; and types of programs are
in lower case there, and not in the vendor's examples.
"""

import json
import os
import re
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from instep.contract import ConsentChange, Create, Delete, FieldSpec, Subject, Update
from instep_marketo.client import MarketoClient

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
