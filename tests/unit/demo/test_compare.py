"""The comparison sees every difference, and forgives only what a run has reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instep.demo.compare import compare
from instep.demo.hands import Held
from instep.demo.place import copy_example
from instep.mapping.load import load_workspace
from instep.model.values import encode
from instep.store import Store

IDS = ("exports", "companies", "C1"), ("hubspot", "companies", "7")
FIELDS = {"name": "Owlcart", "domain": "owlcart.example", "industry": "e-commerce", "owner": "ines"}
OURS = Held(
    "companies",
    "C1",
    {"name": "Owlcart", "domain": "owlcart.example", "industry": "ecommerce", "owner": "Ines Kupfer"},
)
THEIRS = Held(
    "companies",
    "7",
    {"name": "Owlcart", "domain": "owlcart.example", "industry": "INTERNET", "hubspot_owner_id": "9"},
)


@pytest.fixture
def workspace(tmp_path):
    copy_example(tmp_path, {})
    loaded = load_workspace(tmp_path)
    loaded.store.parent.mkdir()
    users = b'{"users": [["9", "Ines Kupfer", "ines.kupfer@tidewright.example", true]]}'
    with Store(loaded.store) as store, store.transaction("test"):
        store.run("INSERT INTO entity (id, kind, fields) VALUES ('in_1', 'company', ?)", (encode(FIELDS),))
        store.run("INSERT INTO connection (name, org, catalogue) VALUES ('hubspot', '1', ?)", (users,))
        for ref in IDS:
            store.run(
                "INSERT INTO mirror (connection, object, id, entity, state) VALUES (?, ?, ?, 'in_1', 'live')", ref
            )
    return loaded


def wrong(workspace, ours: Held | None, theirs: Held | None) -> list[str]:
    held = {"exports": [ours] if ours else [], "hubspot": [theirs] if theirs else []}
    return [str(mismatch) for mismatch in compare(workspace, held).mismatches]


def test_the_same_in_two_tongues_agrees(workspace):
    found = compare(workspace, {"exports": [OURS], "hubspot": [THEIRS]})
    assert found.mismatches == []
    assert found.agree.total() == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "Owl Cart", "name: instep says Owlcart, exports says Owlcart, hubspot says Owl Cart"),
        ("industry", "RETAIL", None),
        ("industry", "BIOTECHNOLOGY", "industry: instep says e-commerce, exports says e-commerce, hubspot says biot"),
        ("hubspot_owner_id", None, "owner: instep says ines, exports says ines, hubspot says (blank)"),
        ("instep_id", "in_2", "instep_id: instep says in_1, hubspot says in_2"),
    ],
)
def test_a_difference_is_named_unless_nobody_could_translate_it(workspace, field, value, said):
    found = wrong(workspace, OURS, replace(THEIRS, fields={**THEIRS.fields, field: value}))
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_a_record_that_is_missing_is_named(workspace):
    assert wrong(workspace, OURS, None) == ["company owlcart.example: record: hubspot says nothing"]


def test_a_company_is_not_missed_in_a_tool_that_knows_people_only(workspace):
    held = {"exports": [OURS], "hubspot": [THEIRS], "marketo": [], "mailchimp": []}
    assert compare(workspace, held).mismatches == []


def person(workspace, values):
    """What is missing of a person whom the files know, and the newsletter does not."""
    with Store(workspace.store) as store, store.transaction("test"):
        store.run("INSERT INTO entity (id, kind, fields) VALUES ('in_2', 'person', ?)", (encode(values),))
        store.run(
            "INSERT INTO mirror (connection, object, id, entity, state) "
            "VALUES ('exports', 'people', 'P1', 'in_2', 'live')"
        )
    held = Held("people", "P1", {"last_name": values["last_name"], "email": values.get("email")})
    return compare(workspace, {"exports": [OURS, held], "hubspot": [THEIRS], "mailchimp": []})


def test_whom_the_file_leaves_out_is_not_missed_and_is_counted(workspace):
    found = person(workspace, {"last_name": "Lind"})
    assert not [m for m in found.mismatches if "mailchimp" in m.said]
    assert found.by_file == {'mailchimp: person create = { not = { field = "email", is_blank = true } }': 1}


def test_whom_the_file_does_not_leave_out_is_missed(workspace):
    found = person(workspace, {"last_name": "Lind", "email": "lind@owlcart.example"})
    assert [m.said for m in found.mismatches if "mailchimp" in m.said] == [{"mailchimp": "nothing"}]
    assert found.by_file == {}


def test_a_record_that_belongs_to_nobody_is_named(workspace):
    stray = replace(THEIRS, id="8")
    found = compare(workspace, {"exports": [OURS], "hubspot": [THEIRS, stray]})
    assert [str(m) for m in found.mismatches] == [
        "hubspot/companies/8: record: hubspot says belongs to nobody",
    ]


@pytest.mark.parametrize("held", ["9", None])
def test_an_owner_who_has_no_user_there_is_left_alone(workspace, held):
    with Store(workspace.store) as store, store.transaction("test"):
        values = encode({**FIELDS, "owner": "bruno"})
        store.run("UPDATE entity SET fields = ? WHERE id = 'in_1'", (values,))
    ours = replace(OURS, fields={**OURS.fields, "owner": "Bruno Talweg"})
    theirs = replace(THEIRS, fields={**THEIRS.fields, "hubspot_owner_id": held})
    found = compare(workspace, {"exports": [ours], "hubspot": [theirs]})
    assert found.mismatches == []
    assert found.left_alone == {"hubspot: Bruno Talweg has no user there": 1}
