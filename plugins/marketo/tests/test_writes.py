"""What is written: outcomes by code, keys, memberships, campaigns."""

import json

import pytest

from instep.contract import Create, Delete, Missing, Moved, Rejected, Unknown, Update, Written
from instep.sandbox import FaultKind


@pytest.fixture(autouse=True)
def _key(hands):
    hands.key()


def test_outcomes_come_in_input_order_and_each_skip_is_its_own(bench, world, hands):
    ids = [world.create(email=f"{n}@x.example") for n in range(3)]
    updates = [
        Update(ids[0], {"phone": "1"}, {}),
        Update("999999", {"phone": "1"}, {}),
        Update(ids[1], {"leadScore": "many"}, {}),
        Update(ids[2], {"nobody_has_this": "1"}, {}),
        Update(ids[1], {"phone": "2"}, {}),
    ]
    found = bench.records.write("leads", updates, [])
    assert [type(one) for one in found] == [Written, Missing, Rejected, Rejected, Written]
    assert (found[2].code, found[3].code, found[3].field) == ("invalid_value", "unknown_field", "nobody_has_this")
    assert world.read(ids[1])["phone"] == "2"


def test_null_clears_and_what_is_left_out_stays(world, hands):
    id = world.create(email="a@x.example", phone="1", city="Ulm")
    assert isinstance(hands.update(id, phone=None), Written)
    held = world.read(id)
    assert (held["phone"], held["city"]) == (None, "Ulm")


def test_a_lead_that_is_found_again_is_not_cleared(world, hands):
    first = hands.create("k1", email="a@x.example", phone="1")
    again = hands.create("k1", email="a@x.example", phone=None)
    assert (again.id, again.created) == (first.id, False)
    assert world.read(first.id)["phone"] == "1"


def test_several_leads_with_our_key_are_refused_and_nothing_is_written(world, hands):
    ids = [world.create(instep_id="k1") for _ in range(2)]
    outcome = hands.create("k1", phone="1")
    assert (type(outcome), outcome.code) == (Rejected, "key_not_unique")
    assert [world.read(id).get("phone") for id in ids] == [None, None]


def test_a_create_whose_answer_was_lost_is_never_repeated(bench, hands):
    bench.faults.add("leads.sync", FaultKind.RESET_AFTER, 1, writes_only=True)
    assert isinstance(hands.create("k1", email="a@x.example"), Unknown)
    assert hands.labels().count("leads.sync") == 1
    again = hands.create("k1", email="a@x.example")
    assert again.created is False


def test_a_create_that_was_refused_for_the_rate_is_sent_again(bench, world, hands):
    bench.faults.add("leads.sync", FaultKind.THROTTLED, 1, writes_only=True)
    assert hands.create("k1", email="a@x.example").created
    assert len(world.ids()) == 1


@pytest.mark.parametrize("code", ["604", "611"])
def test_a_create_that_timed_out_there_is_unknown(bench, hands, code):
    body = json.dumps({"requestId": "a#b", "success": False, "errors": [{"code": code, "message": "x"}]}).encode()
    bench.faults.add("leads.sync", FaultKind.STATUS, 1, status=200, body=body, writes_only=True)
    assert isinstance(hands.create("k1", email="a@x.example"), Unknown)


def test_an_update_whose_answer_was_lost_is_repeated_since_that_does_no_harm(bench, world, hands):
    id = world.create(email="a@x.example")
    bench.faults.add("leads.sync", FaultKind.RESET_AFTER, 1, writes_only=True)
    assert isinstance(hands.update(id, phone="1"), Written)


def test_a_body_that_is_too_long_is_sent_in_halves(bench, world):
    world.add_field("words", "Words", "url")
    bench.sandbox.world._state.fields["words"].length = None
    ids = [world.create(email=f"{n}@x.example") for n in range(4)]
    found = bench.records.write("leads", [Update(id, {"words": "w" * 400_000}, {}) for id in ids], [])
    assert [type(one) for one in found] == [Written] * 4


def test_a_company_field_is_refused_by_marketo_and_is_read_only_here(bench, world, hands):
    id = world.create(email="a@x.example")
    outcome = hands.update(id, company="X")
    assert (outcome.code, outcome.field) == ("company_field", "company")
    assert {f.name: f.read_only for f in bench.part("fields").read("leads")}["company"]
    hands.behave(refuses_company_fields=False)
    assert isinstance(hands.update(id, company="X"), Written)


def test_an_update_of_a_merged_lead_says_where_it_went(world, hands):
    kept, lost = world.create(email="a@x.example"), world.create(email="b@x.example")
    world.merge("leads", kept, lost)
    assert hands.update(lost, phone="1") == Moved("leads", kept)
    assert world.read(kept).get("phone") is None


def test_leads_that_are_not_there_are_looked_for_among_the_merges_all_at_once(bench, world, hands):
    kept, lost = world.create(email="a@x.example"), world.create(email="b@x.example")
    world.merge("leads", kept, lost)
    bench.sandbox.log.clear()
    updates = [Update(id, {"phone": "1"}, {}) for id in ("777777", lost, "888888")]
    assert bench.records.write("leads", updates, []) == [Missing(), Moved("leads", kept), Missing()]
    assert hands.labels().count("activities.read") == 1


def test_a_deleted_lead_is_gone_for_good_and_deleting_again_says_missing(bench, world):
    id, other = world.create(email="a@x.example"), world.create(email="b@x.example")
    assert isinstance(bench.records.write("leads", [Delete(id), Delete("x")], [])[0], Written)
    assert world.ids() == [other]
    assert isinstance(bench.records.write("leads", [Delete(id)], [])[0], Missing)


def test_a_partition_is_named_where_one_is_set(bench, hands):
    sent = []
    connection = hands.connect(partition="EU")
    real = connection.records._writer._client.fetch
    connection.records._writer._client.fetch = lambda call: (sent.append(call.body), real(call))[1]
    connection.records.write("leads", [Create("instep_id", "k1", {})], [])
    assert sent[0]["partitionName"] == "EU"


# --- program statuses ------------------------------------------------------------------------------------------


def test_a_status_is_given_and_read_and_makes_the_lead_come_again(bench, world, hands):
    id, name = world.create(email="a@x.example"), f"program:{hands.program}"
    cursor = bench.end("leads", fields=[name])
    assert isinstance(hands.update(id, **{name: "Interest"}), Written)
    assert world.status(hands.program, id) == "Interest"
    pages = bench.pages("leads", [name], cursor)
    assert [item.fields for page in pages for item in page.items] == [{name: "Interest"}]


def test_a_status_never_moves_back_and_says_so(world, hands):
    id, name = world.create(email="a@x.example"), f"program:{hands.program}"
    hands.update(id, **{name: "Purchase"})
    for earlier in ("Interest", None):
        outcome = hands.update(id, **{name: earlier})
        assert (type(outcome), outcome.code, outcome.field) == (Rejected, "forward_only", name)
    assert world.status(hands.program, id) == "Purchase"


def test_the_status_that_a_lead_has_already_counts_as_written(world, hands):
    id, name = world.create(email="a@x.example"), f"program:{hands.program}"
    for _ in range(2):
        assert isinstance(hands.update(id, **{name: "Interest"}), Written)


def test_a_text_field_moves_back_where_a_status_does_not(world, hands):
    id = world.create(email="a@x.example", buyingStage="Purchase")
    assert isinstance(hands.update(id, buyingStage="Interest"), Written)
    assert world.read(id)["buyingStage"] == "Interest"


@pytest.mark.parametrize("status", ["Nobody knows this", "Not in Program", "Former"])
def test_a_status_that_the_channel_does_not_offer_is_refused(world, hands, status):
    id = world.create(email="a@x.example")
    assert hands.update(id, **{f"program:{hands.program}": status}).code == "unknown_status"


@pytest.mark.parametrize("shuffled", [False, True])
def test_results_of_members_are_matched_by_their_place(bench, world, hands, shuffled):
    hands.behave(shuffle_results=shuffled)
    name = f"program:{hands.program}"
    ids = [world.create(email=f"{n}@x.example") for n in range(3)]
    world.put_status(hands.program, ids[0], "Purchase")
    found = bench.records.write("leads", [Update(id, {name: "Interest"}, {}) for id in ids], [])
    assert [type(one) for one in found] == [Rejected, Written, Written]


def test_a_new_lead_gets_its_status(world, hands):
    made = hands.create("k1", **{f"program:{hands.program}": "Interest"})
    assert world.status(hands.program, made.id) == "Interest"


# --- lists and campaigns ---------------------------------------------------------------------------------------


def test_a_lead_is_put_on_a_list_and_taken_off(bench, world, hands):
    id, name = world.create(email="a@x.example"), f"list:{hands.list}"
    for wanted in (True, True, False, False):
        assert isinstance(hands.update(id, **{name: wanted}), Written)
        assert world.on_list(hands.list, id) is wanted
        assert bench.fields_of("leads", id, [name]) == {name: wanted}


def test_a_colleague_who_puts_a_lead_on_a_list_makes_it_come_again(bench, world, hands):
    id, name = world.create(email="a@x.example"), f"list:{hands.list}"
    cursor = bench.end("leads", fields=[name])
    world.put_on_list(hands.list, id)
    pages = bench.pages("leads", [name], cursor)
    assert [item.fields for page in pages for item in page.items] == [{name: True}]


def test_a_campaign_is_requested_for_leads_whose_field_was_written_and_for_no_others(world, hands):
    ran = []
    campaign = world.add_campaign("Change owner", ran.append)
    id, other = world.create(email="a@x.example"), world.create(email="b@x.example")
    records = hands.connect(requests={"buyingStage": campaign}).records
    updates = [Update(id, {"buyingStage": "Interest"}, {}), Update("99999", {"buyingStage": "Interest"}, {})]
    records.write("leads", [*updates, Update(other, {"phone": "1"}, {})], [])
    assert ran == [id]


def test_a_campaign_that_is_not_active_refuses_the_write_in_words(world, hands):
    campaign = world.add_campaign("Change owner", lambda lead: None, active=False)
    id = world.create(email="a@x.example")
    records = hands.connect(requests={"buyingStage": campaign}).records
    (outcome,) = records.write("leads", [Update(id, {"buyingStage": "Interest"}, {})], [])
    assert (outcome.code, outcome.field) == ("request_refused", "buyingStage")
    assert world.read(id)["buyingStage"] == "Interest"


def test_a_lead_that_goes_before_its_campaign_is_requested_takes_no_other_along(world, hands):
    ids = [world.create(email=f"{n}@x.example") for n in range(5)]
    ran = []
    first = world.add_campaign("Delete one", lambda lead: world.delete(ids[2]) if str(lead) == ids[4] else None)
    second = world.add_campaign("Change owner", ran.append)
    records = hands.connect(requests={"phone": first, "buyingStage": second}).records
    updates = [Update(id, {"phone": "1", "buyingStage": "Interest"}, {}) for id in ids]
    outcomes = records.write("leads", updates, [])
    assert [isinstance(outcome, Written) for outcome in outcomes] == [True, True, False, True, True]
    assert ran == [id for id in ids if id != ids[2]]


def test_a_campaign_that_refuses_everybody_is_asked_once(world, hands, bench):
    ids = [world.create(email=f"{n}@x.example") for n in range(5)]
    campaign = world.add_campaign("Change owner", lambda lead: None, active=False)
    records = hands.connect(requests={"buyingStage": campaign}).records
    records.write("leads", [Update(id, {"buyingStage": "Interest"}, {}) for id in ids], [])
    assert hands.labels().count("campaigns.trigger") == 1
