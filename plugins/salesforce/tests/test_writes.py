import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from instep.contract import (
    Create,
    Delete,
    Gone,
    Missing,
    Moved,
    Outcome,
    Rejected,
    Related,
    Relation,
    Seen,
    Unknown,
    Update,
    Written,
)
from instep.errors import PluginError, RemoteError
from instep.model.values import Money, Scalar
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep.testing.workbench import is_sentence

KEY = "Instep_Id__c"


@pytest.fixture(autouse=True)
def keyed(bench: Workbench) -> None:
    for object in bench.records.objects:
        bench.sandbox.world.add_field(object, KEY, unique=True, external_id=True)


def lead(number: int, **more: Scalar) -> Create:
    return Create(KEY, f"k{number}", {"LastName": f"P{number}", "Company": "X", **more})


def deal(number: int, **more: Scalar) -> Create:
    fields = {"Name": f"D{number}", "StageName": "Prospecting", "CloseDate": date(2026, 3, 1)}
    return Create(KEY, f"k{number}", {**fields, **more})


def write(bench: Workbench, object: str, *writes: Any, fields: Sequence[str] = ()) -> list[Outcome]:
    return bench.records.write(object, writes, fields)


def written(outcome: Outcome) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def refused(outcome: Outcome) -> Rejected:
    assert isinstance(outcome, Rejected), outcome
    assert is_sentence(outcome.reason), outcome.reason
    return outcome


def labels(bench: Workbench) -> list[str]:
    return [sent.label for sent in bench.transport.sent]


# --- what it costs, and what comes back ------------------------------------------------------------------------


def test_200_creates_cost_one_call_and_one_to_read_them_back(bench: Workbench) -> None:
    write(bench, "Lead", lead(0))
    bench.transport.sent.clear()
    outcomes = write(bench, "Lead", *(lead(n) for n in range(1, 201)), fields=["Status"])
    assert labels(bench) == ["Lead/upsert", "Lead/read"]
    assert {written(outcome).fields["Status"] for outcome in outcomes} == {"Open - Not Contacted"}


def test_600_updates_cost_three_calls_and_one_to_read_them_back(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Contact", [{"LastName": f"P{n}"} for n in range(600)])
    bench.records.read("Contact", made[:1], [])
    bench.transport.sent.clear()
    outcomes = write(bench, "Contact", *(Update(id, {"Title": "CTO"}, {}) for id in made))
    assert labels(bench) == ["Contact/update"] * 3 + ["Contact/read"]
    assert [written(outcome).id for outcome in outcomes] == made


def test_what_comes_back_is_what_salesforce_holds(bench: Workbench) -> None:
    bench.sandbox.world.add_trigger("Opportunity", lambda row: {"NextStep": "Call them"})
    (outcome,) = write(bench, "Opportunity", deal(1, Amount=Decimal("99.5")), fields=["NextStep", "IsClosed"])
    assert written(outcome).fields == {
        "NextStep": "Call them",
        "IsClosed": False,
        "Name": "D1",
        "StageName": "Prospecting",
        "CloseDate": date(2026, 3, 1),
        "Amount": Decimal("99.5"),
    }
    assert written(outcome).modified_at == bench.clock.now()


def test_a_read_back_that_fails_takes_nothing_away_from_what_was_written(bench: Workbench) -> None:
    bench.records.read("Lead", [], [])
    bench.faults.add("*composite/sobjects/Lead", FaultKind.HTML_502, None)
    (outcome,) = write(bench, "Lead", lead(1))
    bench.faults.clear()
    assert written(outcome).fields == {}
    assert bench.sandbox.world.read("Lead", written(outcome).id) is not None


@pytest.mark.parametrize(
    ("object", "field", "value", "held"),
    [
        ("Opportunity", "Amount", Money(Decimal("12.50"), "USD"), Decimal("12.50")),
        ("Opportunity", "CloseDate", datetime(2026, 5, 1, 10, tzinfo=UTC), date(2026, 5, 1)),
        ("Opportunity", "Probability", Decimal(35), Decimal(35)),
        ("Opportunity", "IsPrivate", None, False),
        ("Contact", "Birthdate", date(1990, 2, 3), date(1990, 2, 3)),
        ("Contact", "HasOptedOutOfEmail", "true", True),
        ("Contact", "HasOptedOutOfEmail", None, False),
        ("Contact", "Title", None, None),
        ("Contact", "Description", "line one\nline two", "line one\nline two"),
        ("Account", "NumberOfEmployees", 12, Decimal(12)),
    ],
)
def test_a_value_comes_back_as_it_was_written(
    bench: Workbench, object: str, field: str, value: Scalar, held: Scalar
) -> None:
    given: dict[str, dict[str, object]] = {
        "Opportunity": {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-03-01"},
        "Contact": {"LastName": "P"},
        "Account": {"Name": "A"},
    }
    id = bench.sandbox.world.create(object, **given[object])
    (outcome,) = write(bench, object, Update(id, {field: value}, {}), fields=[field])
    assert written(outcome).fields == {field: held}
    assert bench.fields_of(object, id, [field]) == {field: held}


def test_several_choices_are_written_and_read_as_several(bench: Workbench) -> None:
    bench.sandbox.world.add_field("Contact", "Topics__c", "multipicklist", options=["a", "b", "c"])
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    (outcome,) = write(bench, "Contact", Update(id, {"Topics__c": ("b", "a")}, {}))
    held = written(outcome).fields["Topics__c"]
    assert isinstance(held, tuple)
    assert set(held) == {"a", "b"}


# --- creating --------------------------------------------------------------------------------------------------


def test_a_create_that_finds_its_record_leaves_alone_what_it_does_not_say(bench: Workbench) -> None:
    first = written(write(bench, "Lead", lead(1, Title="CTO"))[0])
    again = written(write(bench, "Lead", lead(1, Title=None, Phone="1"))[0])
    assert (again.id, again.created) == (first.id, False)
    assert bench.fields_of("Lead", first.id, ["Title", "Phone"]) == {"Title": "CTO", "Phone": "1"}


def test_the_same_key_twice_in_one_call_goes_in_two_rounds(bench: Workbench) -> None:
    first, second, other = write(bench, "Lead", lead(1), Create(KEY, "K1", {"LastName": "Later"}), lead(2))
    assert written(first).id == written(second).id != written(other).id
    assert [written(o).created for o in (first, second, other)] == [True, False, True]
    assert labels(bench).count("Lead/upsert") == 2
    assert bench.fields_of("Lead", written(first).id, ["LastName"]) == {"LastName": "Later"}


def test_the_same_record_twice_in_one_call_goes_in_two_rounds(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    outcomes = write(bench, "Contact", Update(id, {"Title": "CTO"}, {}), Update(id, {"Title": "CEO"}, {}))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert labels(bench).count("Contact/update") == 2
    assert bench.fields_of("Contact", id, ["Title"]) == {"Title": "CEO"}


def test_a_key_that_was_deleted_makes_a_new_record_and_find_tells_of_the_old_one(bench: Workbench) -> None:
    first = written(write(bench, "Lead", lead(1))[0])
    write(bench, "Lead", Delete(first.id))
    ((found,),) = bench.records.find("Lead", KEY, ["k1"], [])
    assert isinstance(found, Gone)
    assert found.id == first.id


def test_a_key_that_someone_else_takes_at_the_same_moment_is_found_after_all(bench: Workbench) -> None:
    write(bench, "Lead", lead(0))
    taken = {"statusCode": "DUPLICATE_VALUE", "message": f"duplicate value found: {KEY} duplicates value on record"}
    body = json.dumps([{"success": False, "errors": [taken]}]).encode()
    bench.faults.add(f"*/{KEY}", FaultKind.STATUS, 1, status=200, body=body)
    assert written(write(bench, "Lead", lead(1))[0]).created
    assert labels(bench).count("Lead/upsert") == 3


# --- refusals --------------------------------------------------------------------------------------------------


def test_a_unique_value_that_is_taken_names_its_holder(bench: Workbench) -> None:
    bench.sandbox.world.add_field("Lead", "Badge__c", unique=True)
    holder = written(write(bench, "Lead", lead(1, Badge__c="7"))[0])
    outcome = refused(write(bench, "Lead", lead(2, Badge__c="7"))[0])
    assert (outcome.code, outcome.existing_id) == ("duplicate", holder.id)


@pytest.mark.parametrize("object", ["Opportunity", "Lead"])
def test_a_stage_that_the_org_does_not_have_is_refused_before_it_is_sent(bench: Workbench, object: str) -> None:
    field = "StageName" if object == "Opportunity" else "Status"
    good, bad = (deal(1), deal(2)) if object == "Opportunity" else (lead(1), lead(2))
    bad = Create(KEY, "k2", {**bad.fields, field: "Prospektion"})
    first, second = write(bench, object, good, bad)
    assert isinstance(first, Written)
    assert (refused(second).code, refused(second).field) == ("unknown_value", field)
    assert len(bench.sandbox.world.all(object)) == 1


def test_many_unknown_values_are_asked_about_once(bench: Workbench) -> None:
    write(bench, "Lead", lead(0))
    bench.transport.sent.clear()
    outcomes = write(bench, "Lead", *(lead(n, Status="Odd", Nobody__c="x") for n in range(1, 50)))
    assert {type(outcome) for outcome in outcomes} == {Rejected}
    assert labels(bench) == ["Lead/describe"]


def test_a_stage_that_was_added_meanwhile_is_known(bench: Workbench) -> None:
    id = written(write(bench, "Opportunity", deal(1))[0]).id
    bench.sandbox.world.add_stage("Piloting", probability=40)
    assert written(write(bench, "Opportunity", Update(id, {"StageName": "Piloting"}, {}))[0])
    bench.sandbox.world.retire_stage("Piloting")
    fresh = bench.connect().records
    (outcome,) = fresh.write("Opportunity", [Update(id, {"StageName": "Piloting"}, {})], [])
    assert refused(outcome).code == "unknown_value"


def test_a_field_that_is_not_there_is_refused_by_name_and_its_neighbours_are_written(bench: Workbench) -> None:
    first, second = write(bench, "Lead", lead(1), lead(2, Nobody__c="x"))
    assert isinstance(first, Written)
    assert (refused(second).code, refused(second).field) == ("unknown_field", "Nobody__c")


def test_a_field_that_was_removed_since_it_was_described_is_refused_by_name(bench: Workbench) -> None:
    bench.sandbox.world.add_field("Lead", "Mood__c")
    made = [written(o).id for o in write(bench, "Lead", *(lead(n) for n in range(8)))]
    bench.sandbox.world.remove_field("Lead", "Mood__c")
    changes = [Update(id, {"Mood__c" if n == 3 else "Title": "x"}, {}) for n, id in enumerate(made)]
    outcomes = write(bench, "Lead", *changes)
    assert [isinstance(outcome, Written) for outcome in outcomes] == [n != 3 for n in range(8)]
    assert refused(outcomes[3]).field == "Mood__c"


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"Email": "nonsense"}, "invalid_value", "Email"),
        ({"Title": "x" * 500}, "too_long", "Title"),
        ({"LastName": None}, "required_field_missing", "LastName"),
        ({"CreatedDate": datetime(2020, 1, 1, tzinfo=UTC)}, "read_only", "CreatedDate"),
        ({"OwnerId": "0055g0000000zzzAAA"}, None, None),
    ],
)
def test_a_refusal_names_code_and_field_and_spares_the_neighbours(
    bench: Workbench, fields: dict[str, Scalar], code: str | None, field: str | None
) -> None:
    made = [written(o).id for o in write(bench, "Lead", *(lead(n) for n in range(3)))]
    outcomes = write(
        bench, "Lead", *(Update(id, fields if n == 1 else {"Title": "x"}, {}) for n, id in enumerate(made))
    )
    assert [type(outcome) for outcome in outcomes] == [Written, Rejected, Written]
    outcome = refused(outcomes[1])
    assert outcome.permanent
    if code:
        assert (outcome.code, outcome.field) == (code, field)


def test_a_validation_rule_speaks_in_its_own_words(bench: Workbench) -> None:
    bench.sandbox.world.add_validation_rule(
        "Lead", lambda row: row["Title"] == "CTO", "CTOs are called, not written", "Title"
    )
    outcome = refused(write(bench, "Lead", lead(1, Title="CTO"))[0])
    assert outcome.code == "field_custom_validation_exception"
    assert "CTOs are called, not written" in outcome.reason


@pytest.mark.parametrize("allow_save", [True, False])
@pytest.mark.parametrize("allowed", [True, False])
def test_a_duplicate_rule_is_passed_only_where_it_warns_and_we_are_told_to(
    bench: Workbench, allow_save: bool, allowed: bool
) -> None:
    bench.sandbox.world.add_duplicate_rule("Lead", "Email", allow_save=allow_save)
    records = bench.connect(bench.settings(allow_duplicates=allowed)).records
    create = lead(1, Email="x@x.example"), lead(2, Email="x@x.example")
    first, second = (records.write("Lead", [one], [])[0] for one in create)
    assert isinstance(first, Written)
    assert isinstance(second, Written) is (allow_save and allowed)
    if isinstance(second, Rejected):
        assert second.code == "duplicates_detected"
        assert is_sentence(second.reason)


# --- owners and assignment -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [False, True])
@pytest.mark.parametrize("owned", [False, True])
def test_assignment_rules_choose_only_for_ownerless_creates_and_only_if_told_to(
    bench: Workbench, rules: bool, owned: bool
) -> None:
    world = bench.sandbox.world
    ann, bob = world.add_user("Ann", "ann@x.example"), world.add_user("Bob", "bob@x.example")
    world.assignment_rule("Lead", bob)
    records = bench.connect(bench.settings(assignment_rules=rules)).records
    given = {"OwnerId": ann} if owned else {}
    (made,) = records.write("Lead", [lead(1, **given)], ["OwnerId"])
    owner = written(made).fields["OwnerId"]
    assert (owner == bob) is (rules and not owned)
    assert (owner == ann) is owned
    (changed,) = records.write("Lead", [Update(written(made).id, {"Title": "x"}, {})], ["OwnerId"])
    assert written(changed).fields["OwnerId"] == owner


def test_creates_with_and_without_an_owner_keep_their_places(bench: Workbench) -> None:
    world = bench.sandbox.world
    ann, bob = world.add_user("Ann", "ann@x.example"), world.add_user("Bob", "bob@x.example")
    world.assignment_rule("Lead", bob)
    records = bench.connect(bench.settings(assignment_rules=True)).records
    creates = [lead(n, **({"OwnerId": ann} if n % 2 else {})) for n in range(4)]
    outcomes = records.write("Lead", creates, ["OwnerId"])
    assert [written(o).fields["OwnerId"] for o in outcomes] == [bob, ann, bob, ann]


def test_an_inactive_owner_is_refused(bench: Workbench) -> None:
    ann = bench.sandbox.world.add_user("Ann", "ann@x.example", active=False)
    assert refused(write(bench, "Lead", lead(1, OwnerId=ann))[0]).code == "inactive_owner_or_user"


# --- record types ----------------------------------------------------------------------------------------------


def test_a_record_type_is_written_by_its_developer_name(bench: Workbench) -> None:
    bench.sandbox.world.add_record_type("Opportunity", "New_Business", "New business")
    name = "RecordType.DeveloperName"
    good, bad = deal(1, **{name: "New_Business"}), deal(2, **{name: "Nobody"})
    first, second = write(bench, "Opportunity", good, bad, fields=[name])
    assert written(first).fields[name] == "New_Business"
    assert (refused(second).code, refused(second).field) == ("unknown_value", name)


# --- records that are not there any more -----------------------------------------------------------------------


def test_a_record_that_went_somewhere_says_where(bench: Workbench) -> None:
    world = bench.sandbox.world
    deleted, loser, winner = (world.create("Lead", LastName=n, Company="X") for n in "abc")
    converted = world.create("Lead", LastName="d", Company="X")
    world.delete("Lead", deleted)
    world.merge("Lead", winner, loser)
    contact = world.convert(converted).contact
    ids = [deleted, loser, converted, winner, "00Q5g0000000zzzAAA", "nonsense"]
    outcomes = write(bench, "Lead", *(Update(id, {"Title": "x"}, {}) for id in ids))
    assert outcomes[:3] == [Missing(), Moved("Lead", winner), Moved("Contact", contact)]
    assert isinstance(outcomes[3], Written)
    assert outcomes[4:] == [Missing(), Missing()]


def test_a_record_that_cannot_be_looked_up_is_refused_for_now_and_the_others_keep_their_outcomes(
    bench: Workbench,
) -> None:
    gone, here = (bench.sandbox.world.create("Lead", LastName=n, Company="X") for n in "ab")
    bench.sandbox.world.delete("Lead", gone)
    bench.records.read("Lead", [here], [])
    bench.faults.add("*composite/sobjects/Lead", FaultKind.HTML_502, None)
    first, second = write(bench, "Lead", *(Update(id, {"Title": "x"}, {}) for id in (gone, here)))
    assert not refused(first).permanent
    assert isinstance(second, Written)


def test_deleting_what_is_not_there_is_no_refusal(bench: Workbench) -> None:
    world = bench.sandbox.world
    here, gone = (world.create("Lead", LastName=n, Company="X") for n in "ab")
    world.delete("Lead", gone)
    ids = [here, gone, here, "00Q5g0000000zzzAAA", "nonsense"]
    outcomes = write(bench, "Lead", *(Delete(id) for id in ids))
    assert [type(outcome) for outcome in outcomes] == [Written, Missing, Written, Missing, Missing]


def test_300_deletions_take_two_calls(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Lead", [{"LastName": "x", "Company": "X"} for _ in range(300)])
    bench.connection.check()
    bench.transport.sent.clear()
    assert all(isinstance(outcome, Written) for outcome in write(bench, "Lead", *(Delete(id) for id in made)))
    assert labels(bench) == ["Lead/delete"] * 2


# --- locks -----------------------------------------------------------------------------------------------------


def test_locked_rows_are_sent_again_alone_and_fewer_at_a_time(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Contact", [{"LastName": f"P{n}"} for n in range(100)])
    bench.sandbox.world.lock_rows("Contact", made[:30], attempts=2)
    outcomes = write(bench, "Contact", *(Update(id, {"Title": "CTO"}, {}) for id in made))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert len(bench.slept) == 2
    assert labels(bench).count("Contact/update") == 1 + 1 + 3


def test_a_row_that_stays_locked_is_refused_for_now(bench: Workbench) -> None:
    first, second = bench.sandbox.world.load("Contact", [{"LastName": "a"}, {"LastName": "b"}])
    bench.sandbox.world.lock_rows("Contact", [first], attempts=50)
    outcomes = write(bench, "Contact", *(Update(id, {"Title": "CTO"}, {}) for id in (first, second)))
    assert not refused(outcomes[0]).permanent
    assert isinstance(outcomes[1], Written)
    assert len(bench.slept) == 3


# --- lost answers ----------------------------------------------------------------------------------------------


def test_a_call_whose_answer_is_lost_leaves_the_others_their_outcomes(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Contact", [{"LastName": f"P{n}"} for n in range(450)])
    bench.records.read("Contact", made[:1], [])
    bench.faults.add("*composite/sobjects", FaultKind.TIMEOUT_AFTER_COMMIT, 5, writes_only=True)
    outcomes = write(bench, "Contact", *(Update(id, {"Title": "CTO"}, {}) for id in made))
    assert [type(outcome) for outcome in outcomes] == [Unknown] * 200 + [Written] * 250


DAILY = json.dumps([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]).encode()


def test_a_failure_after_the_first_call_says_which_rows_were_not_sent(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Contact", [{"LastName": f"P{n}"} for n in range(600)])
    bench.records.read("Contact", made[:1], [])
    bench.faults.add("*composite/sobjects", FaultKind.STATUS, None, status=403, body=DAILY, after=1)
    outcomes = write(bench, "Contact", *(Update(id, {"Title": "CTO"}, {}) for id in made))
    assert [type(outcome) for outcome in outcomes] == [Written] * 200 + [Rejected] * 400
    assert {refused(outcome).permanent for outcome in outcomes[200:]} == {False}
    assert labels(bench).count("Contact/update") == 2


def test_a_failure_of_the_first_call_is_raised(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    bench.records.read("Contact", [id], [])
    bench.faults.add("*composite/sobjects", FaultKind.STATUS, None, status=403, body=DAILY)
    with pytest.raises(RemoteError, match="24 hours"):
        write(bench, "Contact", Update(id, {"Title": "CTO"}, {}))


# --- associations ----------------------------------------------------------------------------------------------


def sold(bench: Workbench) -> tuple[str, str, str, str]:
    world = bench.sandbox.world
    account = world.create("Account", Name="Acme")
    opportunity = world.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-03-01")
    return account, opportunity, world.create("Contact", LastName="Ada"), world.create("Contact", LastName="Bo")


def test_a_lead_has_no_company_record(bench: Workbench) -> None:
    account, *_ = sold(bench)
    id = bench.sandbox.world.create("Lead", LastName="x", Company="X")
    (outcome,) = bench.records.relate([Relation("Lead", id, "Account", account)])
    assert refused(outcome).code == "unsupported"
    assert bench.records.related("Lead", [id], "Account") == [()]
    with pytest.raises(PluginError):
        bench.records.related("Account", [account], "Contact")


def test_an_accounts_end_is_removed_only_if_it_is_that_account(bench: Workbench) -> None:
    account, opportunity, *_ = sold(bench)
    other = bench.sandbox.world.create("Account", Name="Other")
    bench.records.relate([Relation("Opportunity", opportunity, "Account", account, primary=True)])
    bench.records.unrelate([Relation("Opportunity", opportunity, "Account", other)])
    assert bench.records.related("Opportunity", [opportunity], "Account") == [
        (Related("Account", account, primary=True),)
    ]
    bench.records.unrelate([Relation("Opportunity", opportunity, "Account", account)])
    assert bench.records.related("Opportunity", [opportunity], "Account") == [()]


def test_contact_roles_are_made_once_and_one_is_primary(bench: Workbench) -> None:
    _, opportunity, ada, bo = sold(bench)

    def relate(contact: str, primary: bool) -> None:
        (outcome,) = bench.records.relate([Relation("Opportunity", opportunity, "Contact", contact, primary)])
        assert isinstance(outcome, Written), outcome

    relate(ada, True)
    relate(bo, False)
    relate(bo, False)
    assert set(bench.records.related("Opportunity", [opportunity], "Contact")[0]) == {
        Related("Contact", ada, primary=True),
        Related("Contact", bo),
    }
    relate(bo, True)
    assert set(bench.records.related("Opportunity", [opportunity], "Contact")[0]) == {
        Related("Contact", ada),
        Related("Contact", bo, primary=True),
    }
    assert len(bench.sandbox.world.all("OpportunityContactRole")) == 2


def test_every_role_of_a_contact_is_removed_and_the_others_stay(bench: Workbench) -> None:
    _, opportunity, ada, bo = sold(bench)
    for contact, role in ((ada, "Decision Maker"), (ada, "Evaluator"), (bo, "Influencer")):
        given = {"OpportunityId": opportunity, "ContactId": contact, "Role": role}
        bench.sandbox.world.create("OpportunityContactRole", **given)
    for _ in range(2):
        (outcome,) = bench.records.unrelate([Relation("Opportunity", opportunity, "Contact", ada)])
        assert isinstance(outcome, Written)
    assert bench.records.related("Opportunity", [opportunity], "Contact") == [(Related("Contact", bo),)]


def test_a_role_whose_answer_was_lost_is_unknown_and_not_made_twice(bench: Workbench) -> None:
    _, opportunity, ada, _ = sold(bench)
    bench.connection.check()
    bench.faults.arm(1)
    relation = Relation("Opportunity", opportunity, "Contact", ada)
    (outcome,) = bench.records.relate([relation])
    assert isinstance(outcome, Unknown)
    (outcome,) = bench.records.relate([relation])
    assert isinstance(outcome, Written)
    assert len(bench.sandbox.world.all("OpportunityContactRole")) == 1


def test_writes_of_two_kinds_in_one_call_are_our_mistake(bench: Workbench) -> None:
    with pytest.raises(PluginError):
        write(bench, "Lead", lead(1), Delete("00Q5g0000000zzzAAA"))


def test_a_record_that_was_written_is_seen_with_its_new_time(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    bench.clock.advance(timedelta(hours=1))
    (outcome,) = write(bench, "Contact", Update(id, {"Title": "CTO"}, {}))
    (item,) = bench.records.read("Contact", [id], ["Title"])
    assert isinstance(item, Seen)
    assert written(outcome).modified_at == item.modified_at == bench.clock.now()
