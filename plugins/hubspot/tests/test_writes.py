import json
from dataclasses import replace
from decimal import Decimal

import pytest

from instep.contract import Create, Erase, Gone, Missing, Moved, Rejected, Unknown, Update, Written
from instep.errors import PluginError, RetryLaterError
from instep.model.values import Money
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep.testing.workbench import is_sentence

STAGE = "lifecyclestage"


def refusal(**body: object) -> bytes:
    return json.dumps({"status": "error", "message": "No.", "category": "VALIDATION_ERROR", **body}).encode()


# --- lifecycle -------------------------------------------------------------------------------------------------


def moved_back(bench: Workbench, object: str = "contacts") -> tuple[str, list[str]]:
    (id,) = bench.make(object)
    bench.write(object, [Update(id, {STAGE: "customer"}, {})])
    bench.sandbox.log.clear()
    (outcome,) = bench.write(object, [Update(id, {STAGE: "lead"}, {STAGE: "customer"})], [STAGE])
    assert isinstance(outcome, Written), outcome
    assert outcome.fields[STAGE] == "lead"
    return id, [call.label for call in bench.sandbox.log.calls()]


@pytest.mark.parametrize("object", ["contacts", "companies"])
def test_a_stage_that_moves_back_is_cleared_then_set(bench: Workbench, object: str) -> None:
    id, calls = moved_back(bench, object)
    assert calls == ["properties.read", "objects.batch_update", "objects.batch_update"]
    history = [change.value for change in bench.sandbox.world.history(object, id, STAGE)]
    assert history[:3] == ["lead", "", "customer"]


def test_the_order_of_stages_is_read_once(bench: Workbench) -> None:
    moved_back(bench)
    _, calls = moved_back(bench)
    assert "properties.read" not in calls


def test_a_stage_that_moves_forward_is_set_in_one_request(bench: Workbench) -> None:
    moved_back(bench)
    (id,) = bench.make("contacts")
    bench.sandbox.log.clear()
    bench.write("contacts", [Update(id, {STAGE: "customer"}, {STAGE: "lead"})], [STAGE])
    assert [call.label for call in bench.sandbox.log.calls()] == ["objects.batch_update"]


def test_a_move_back_that_hubspot_ignored_is_reported_as_not_taken(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    bench.write("contacts", [Update(id, {STAGE: "customer"}, {})])
    (outcome,) = bench.write("contacts", [Update(id, {STAGE: "lead"}, {})])
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field) == ("not_taken", STAGE)


def test_only_the_records_that_move_back_are_cleared(bench: Workbench) -> None:
    back, forth = bench.make("contacts", 2)
    bench.write("contacts", [Update(back, {STAGE: "customer"}, {}), Update(forth, {STAGE: "lead"}, {})])
    updates = [
        Update(back, {STAGE: "lead"}, {STAGE: "customer"}),
        Update(forth, {STAGE: "customer"}, {STAGE: "lead"}),
    ]
    assert all(isinstance(outcome, Written) for outcome in bench.write("contacts", updates))
    assert [change.value for change in bench.sandbox.world.history("contacts", forth, STAGE)] == ["customer", "lead"]


# --- refusals --------------------------------------------------------------------------------------------------


def test_a_duplicate_address_names_the_record_that_has_it(bench: Workbench) -> None:
    holder = bench.sandbox.world.create("contacts", email="a@x.example")
    create = bench.new("contacts")
    good = bench.new("contacts")
    bad = replace(create, fields={**create.fields, "email": "A@x.example"})
    first, second = bench.write("contacts", [good, bad])
    assert isinstance(first, Written)
    assert isinstance(second, Rejected)
    assert (second.code, second.existing_id) == ("duplicate", holder)


def test_a_batch_refused_as_a_whole_is_halved_until_the_culprit_stands_alone(bench: Workbench) -> None:
    made = bench.make("contacts", 8)
    bench.faults.add("objects.batch_update", FaultKind.STATUS, 4, status=400, body=refusal())
    outcomes = bench.write("contacts", [Update(id, {"lastname": "New"}, {}) for id in made])
    assert [isinstance(outcome, Written) for outcome in outcomes] == [False, *[True] * 7]
    assert outcomes[0] == Rejected("validation_error", "No.")


def test_an_unknown_property_costs_one_more_request_not_one_for_each_record(bench: Workbench) -> None:
    made = bench.make("contacts", 8)
    problem = {"isValid": False, "message": 'Property "foo" does not exist', "error": "PROPERTY_DOESNT_EXIST"}
    inner = json.dumps([{**problem, "name": "foo"}])
    body = refusal(message=f"Property values were not valid: {inner}")
    bench.faults.add("objects.batch_update", FaultKind.STATUS, 1, status=400, body=body)
    bench.sandbox.log.clear()
    updates = [Update(id, {"foo": "x"} if n % 2 else {"lastname": "New"}, {}) for n, id in enumerate(made)]
    outcomes = bench.write("contacts", updates)
    assert [isinstance(outcome, Written) for outcome in outcomes] == [True, False] * 4
    assert {o.code for o in outcomes if isinstance(o, Rejected)} == {"unknown_field"}
    assert len(bench.sandbox.log.calls()) == 2


def test_an_answer_that_leaves_a_record_out_makes_it_unknown(bench: Workbench) -> None:
    first, second = bench.make("contacts", 2)
    told = {"id": first, "properties": {}, "updatedAt": "2026-01-05T09:00:00Z"}
    body = json.dumps({"status": "COMPLETE", "results": [told]}).encode()
    bench.faults.add("objects.batch_update", FaultKind.STATUS, 1, status=200, body=body)
    outcomes = bench.write("contacts", [Update(id, {"lastname": "New"}, {}) for id in (first, second)])
    assert [type(outcome) for outcome in outcomes] == [Written, Unknown]


def test_without_our_unique_property_creates_are_refused_in_one_request(bench: Workbench) -> None:
    creates = [Create("instep_id", f"k{n}", {"firstname": "Ada"}) for n in range(8)]
    message = "Unable to perform update/upsert by non-unique 0-1 property"
    bench.faults.add("objects.batch_upsert", FaultKind.STATUS, 1, status=400, body=refusal(message=message))
    outcomes = bench.write("contacts", creates)
    assert {o.code for o in outcomes if isinstance(o, Rejected)} == {"key_not_unique"}
    assert len(bench.sandbox.log.calls()) == 1


def test_a_write_that_was_lost_once_stays_unknown_whatever_comes_after(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    bench.faults.arm(1)
    bench.faults.add("*", FaultKind.THROTTLED, None)
    (outcome,) = bench.write("contacts", [Update(id, {"lastname": "New"}, {})])
    assert isinstance(outcome, Unknown)


def test_a_write_that_is_only_ever_throttled_is_raised_and_not_unknown(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    bench.faults.add("*", FaultKind.THROTTLED, None)
    with pytest.raises(RetryLaterError):
        bench.write("contacts", [Update(id, {"lastname": "New"}, {})])


def test_an_answer_lost_once_is_asked_for_again(bench: Workbench) -> None:
    create = bench.new("contacts")
    bench.faults.arm(1)
    assert isinstance(bench.write("contacts", [create])[0], Written)
    assert len(bench.sandbox.world.all("contacts")) == 1


def test_every_refusal_is_a_sentence(bench: Workbench) -> None:
    (id,) = bench.make("deals")
    values: list[dict[str, object]] = [
        {"foo": "x"},
        {"amount": "much"},
        {"closedate": "soon"},
        {"dealstage": "nowhere"},
        {"hubspot_owner_id": "4711"},
        {"hs_is_closed": "true"},
    ]
    for fields in values:
        (outcome,) = bench.write("deals", [Update(id, fields, {})])
        assert isinstance(outcome, Rejected), fields
        assert is_sentence(outcome.reason), outcome.reason


def test_every_third_record_refused_leaves_the_others_written(bench: Workbench) -> None:
    made = bench.make("companies", 9)
    bench.sandbox.personality = replace(bench.sandbox.personality, partial_failure=3, shuffle_results=True)
    outcomes = bench.write("companies", [Update(id, {"city": "Kiel"}, {}) for id in made])
    assert sum(isinstance(outcome, Rejected) for outcome in outcomes) == 3
    for id, outcome in zip(made, outcomes, strict=True):
        held = bench.sandbox.world.read("companies", id)
        assert isinstance(outcome, Written) is (held is not None and held.get("city") == "Kiel")


# --- the rest --------------------------------------------------------------------------------------------------


def test_an_update_of_a_merged_record_says_where_it_went(bench: Workbench) -> None:
    kept, merged, other = bench.make("contacts", 3)
    survivor = bench.sandbox.world.merge("contacts", kept, merged)
    updates = [Update(merged, {"lastname": "New"}, {}), Update(other, {"lastname": "New"}, {})]
    first, second = bench.write("contacts", updates)
    assert first == Moved("contacts", survivor)
    assert isinstance(second, Written)


def test_a_record_written_twice_in_one_call_ends_with_the_later_value(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    outcomes = bench.write("contacts", [Update(id, {"lastname": name}, {}) for name in ("One", "Two")])
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert bench.fields_of("contacts", id, ["lastname"]) == {"lastname": "Two"}


def test_a_record_that_is_found_again_is_not_cleared_by_blanks(bench: Workbench) -> None:
    create = bench.new("contacts")
    bench.write("contacts", [create])
    (outcome,) = bench.write("contacts", [Create(create.key_field, create.key, {"firstname": None})], ["firstname"])
    assert isinstance(outcome, Written)
    assert outcome.fields["firstname"] == create.fields["firstname"]


def test_money_is_written_as_an_amount(bench: Workbench) -> None:
    (id,) = bench.make("deals")
    bench.write("deals", [Update(id, {"amount": Money(Decimal("12.50"), "EUR")}, {})])
    assert bench.fields_of("deals", id, ["amount"]) == {"amount": Decimal("12.50")}


def test_an_erased_contact_cannot_be_read_again(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    assert bench.write("contacts", [Erase(id)]) == [Written(id, {})]
    assert bench.records.read("contacts", [id], []) == [Gone(id)]


def test_erasing_a_contact_that_is_not_there_is_harmless(bench: Workbench) -> None:
    (outcome,) = bench.write("contacts", [Erase("424242")])
    assert isinstance(outcome, Missing | Written)
    assert not [call for call in bench.sandbox.log.calls() if call.status >= 500]


def test_only_contacts_can_be_erased(bench: Workbench) -> None:
    (id,) = bench.make("deals")
    (outcome,) = bench.write("deals", [Erase(id)])
    assert isinstance(outcome, Rejected)
    assert outcome.code == "unsupported"


def test_kinds_of_writes_are_not_mixed(bench: Workbench) -> None:
    with pytest.raises(PluginError):
        bench.write("contacts", [Erase("1"), Update("1", {}, {})])
