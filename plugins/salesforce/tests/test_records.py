import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from instep.contract import ConvertedTo, Effects, FieldChange, Garbled, Gone, Item, MergedInto, Page, Related, Seen
from instep.errors import AccessError, RemoteError
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep.testing.workbench import items
from instep_salesforce import salesforce, walk
from instep_salesforce.sandbox import STATIC_TOKEN

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def people(count: int, **more: object) -> list[dict[str, object]]:
    return [{"LastName": f"P{n}", "Email": f"p{n}@x.example", **more} for n in range(count)]


def read(
    bench: Workbench, object: str = "Contact", fields: Sequence[str] = (), cursor: str | None = None
) -> list[Item]:
    return [item for page in bench.pages(object, fields, cursor) for item in page.items]


def ended(pages: Sequence[Page]) -> str:
    return pages[-1].cursor


def labels(bench: Workbench) -> list[str]:
    return [sent.label for sent in bench.transport.sent]


# --- what a read costs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("object", ["Contact", "Lead", "Account", "Opportunity"])
def test_a_read_without_news_costs_one_call(bench: Workbench, object: str) -> None:
    cursor = ended(bench.pages(object, ["Name"]))
    bench.clock.advance(HOUR)
    quiet = bench.connect(bench.settings(access_token=STATIC_TOKEN))
    bench.transport.sent.clear()
    pages = list(quiet.records.changed_since(object, ["Name"], cursor))
    assert labels(bench) == [f"{object}/query"]
    assert [page.items for page in pages] == [()]
    bench.transport.sent.clear()
    list(quiet.records.changed_since(object, ["Name"], ended(pages)))
    assert labels(bench) == [f"{object}/query"]


def test_a_first_read_costs_one_call_for_each_2000_records(bench: Workbench) -> None:
    bench.sandbox.world.load("Contact", people(4001))
    pages = bench.pages("Contact", ["LastName"])
    assert [len(page.items) for page in pages] == [2000, 2000, 1]
    assert labels(bench) == ["oauth/token", "Contact/describe", "Contact/query", *["Contact/query/next"] * 2]


# --- pages, and what goes wrong between them -------------------------------------------------------------------


def test_pages_of_any_size_are_read_to_the_end(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Contact", people(5000))
    bench.behave(uneven_pages=True)
    pages = bench.pages("Contact")
    assert len({len(page.items) for page in pages}) > 1
    assert [item.id for page in pages for item in page.items] == made


@pytest.mark.parametrize("uneven", [False, True])
def test_reading_goes_on_from_any_page_of_many_records_of_one_instant(bench: Workbench, uneven: bool) -> None:
    cursor = ended(bench.pages("Contact"))
    made = bench.sandbox.world.load("Contact", people(7000))
    bench.behave(uneven_pages=uneven)
    bench.clock.advance(HOUR)
    pages = bench.pages("Contact", (), cursor)
    assert len(pages) >= 4
    for place, page in enumerate(pages):
        before = [item.id for page in pages[: place + 1] for item in page.items]
        after = [item.id for item in read(bench, cursor=page.cursor)]
        assert before + after == made


def test_a_lost_locator_neither_loses_nor_repeats_a_record(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Contact", people(7000))
    bench.behave(lose_locators_after=1)
    assert [item.id for item in read(bench)] == made
    assert labels(bench).count("Contact/query") > 1


def test_a_locator_that_is_lost_again_and_again_without_a_record_ends_the_read(bench: Workbench) -> None:
    bench.sandbox.world.load("Contact", people(10))
    body = json.dumps([{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]).encode()
    bench.connection.check()
    bench.pages("Lead")
    bench.faults.add("*query*", FaultKind.STATUS, None, status=400, body=body)
    with pytest.raises(RemoteError, match="invalid query locator"):
        read(bench)
    assert labels(bench).count("Contact/query") < 10


def test_a_query_that_takes_too_long_is_narrowed_and_widened_again(bench: Workbench) -> None:
    made: list[str] = []
    for _ in range(30):
        made += bench.sandbox.world.load("Contact", people(100))
        bench.clock.advance(timedelta(days=100))
    bench.behave(query_timeout_rows=1000)
    assert [item.id for item in read(bench)] == made
    assert len(labels(bench)) < 60


def test_a_query_that_takes_too_long_for_one_second_is_given_up(bench: Workbench) -> None:
    bench.sandbox.world.load("Contact", people(50))
    bench.behave(query_timeout_rows=10)
    with pytest.raises(RemoteError, match="running for too long"):
        read(bench)
    assert len(labels(bench)) < 100


# --- fields ----------------------------------------------------------------------------------------------------


def test_a_field_that_is_hidden_between_two_pages_is_left_out_from_there(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Contact", people(3000, Title="CTO"))
    pages = bench.records.changed_since("Contact", ["LastName", "Title"], None)
    first = next(pages)
    bench.sandbox.world.hide_field("Contact", "Title")
    bench.sandbox.world.lose_locators()
    rest = [item for page in pages for item in page.items]
    assert all(item.fields["Title"] == "CTO" for item in first.items if isinstance(item, Seen))
    assert all("Title" not in item.fields for item in rest if isinstance(item, Seen))
    assert [item.id for item in (*first.items, *rest)] == made


def test_a_field_that_was_removed_since_the_last_run_is_absent_and_not_blank(bench: Workbench) -> None:
    bench.sandbox.world.add_field("Contact", "Nickname__c")
    cursor = ended(bench.pages("Contact", ["Nickname__c", "Title"]))
    bench.clock.advance(HOUR)
    bench.sandbox.world.create("Contact", LastName="Ada")
    bench.sandbox.world.remove_field("Contact", "Nickname__c")
    later = bench.connect()
    (seen,) = items(list(later.records.changed_since("Contact", ["Nickname__c", "Title"], cursor)), Seen)
    assert seen.fields == {"Title": None}


def test_a_hidden_field_is_absent_and_one_that_is_shown_again_is_there(bench: Workbench) -> None:
    bench.sandbox.world.create("Contact", LastName="Ada", Title="CTO")
    bench.sandbox.world.hide_field("Contact", "Title")
    (seen,) = items(bench.pages("Contact", ["Title"]), Seen)
    assert seen.fields == {}
    bench.sandbox.world.show_field("Contact", "Title")
    bench.connection.fields.read("Contact")
    (seen,) = items(bench.pages("Contact", ["Title"]), Seen)
    assert seen.fields == {"Title": "CTO"}


def test_values_are_typed(bench: Workbench) -> None:
    world = bench.sandbox.world
    world.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-03-01", Amount=100.5)
    fields = ["Name", "Amount", "CloseDate", "Probability", "IsClosed", "CreatedDate", "AccountId"]
    (seen,) = items(bench.pages("Opportunity", fields), Seen)
    assert seen.fields["Amount"] == Decimal("100.5")
    assert str(seen.fields["Probability"]) == "10"
    assert seen.fields["CloseDate"] == datetime(2026, 3, 1, tzinfo=UTC).date()
    assert seen.fields["CreatedDate"] == bench.clock.now() == seen.modified_at
    assert (seen.fields["IsClosed"], seen.fields["AccountId"]) == (False, None)


def test_the_record_type_is_read_by_its_developer_name(bench: Workbench) -> None:
    world = bench.sandbox.world
    type = world.add_record_type("Opportunity", "New_Business", "New business")
    given = {"StageName": "Prospecting", "CloseDate": "2026-03-01"}
    typed = world.create("Opportunity", Name="A", RecordTypeId=type, **given)
    plain = world.create("Opportunity", Name="B", **given)
    name = "RecordType.DeveloperName"
    by_query = {seen.id: seen.fields[name] for seen in items(bench.pages("Opportunity", [name]), Seen)}
    by_id = [bench.fields_of("Opportunity", id, [name])[name] for id in (typed, plain)]
    assert by_id == [by_query[typed], by_query[plain]]
    assert by_query[typed] == "New_Business"


def test_a_record_that_cannot_be_read_is_set_aside_by_name(bench: Workbench) -> None:
    stamp = "2026-01-05T09:00:00.000+0000"
    good = {"Id": "1", "IsDeleted": False, "SystemModstamp": stamp, "LastName": "Ada"}
    body = json.dumps({"done": True, "records": [good, {**good, "Id": "2", "LastName": 7}]}).encode()
    bench.pages("Contact", ["LastName"])
    bench.faults.add("*query*", FaultKind.STATUS, 1, status=200, body=body)
    found = read(bench, fields=["LastName"])
    assert [(type(item), item.id) for item in found] == [(Seen, "1"), (Garbled, "2")]


# --- time ------------------------------------------------------------------------------------------------------


def test_what_a_long_transaction_shows_late_is_read_all_the_same(bench: Workbench) -> None:
    bench.sandbox.world.create("Contact", LastName="Early")
    cursor = ended(bench.pages("Contact"))
    bench.clock.advance(MINUTE)
    with bench.sandbox.world.commit_late("Contact", 5 * MINUTE):
        late = bench.sandbox.world.create("Contact", LastName="Late")
    assert [item.id for item in read(bench, cursor=cursor)] == [late]


def test_what_was_given_is_not_given_again_though_the_overlap_shows_it(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    pages = bench.pages("Contact")
    assert [item.id for item in pages[0].items] == [id]
    for _ in range(3):
        bench.clock.advance(MINUTE)
        pages = bench.pages("Contact", (), ended(pages))
        assert not pages[0].items
    bench.sandbox.world.touch("Contact", id)
    assert [item.id for item in read(bench, cursor=ended(pages))] == [id]


def test_a_record_that_changes_again_in_the_second_in_which_it_was_read_is_read_again(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    pages = bench.pages("Contact", ["LastName"])
    for name in ("Byron", "Lovelace"):
        bench.sandbox.world.edit("Contact", id, LastName=name)
        pages = bench.pages("Contact", ["LastName"], ended(pages))
        assert [item.fields for item in items(pages, Seen)] == [{"LastName": name}]
    bench.sandbox.world.delete("Contact", id)
    assert [type(item) for item in read(bench, "Contact", ["LastName"], ended(pages))] == [Gone]


def test_more_than_can_be_remembered_comes_again_and_is_never_lost(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "_MOST_REMEMBERED", 10)
    made = bench.sandbox.world.load("Contact", people(25))
    cursor = ended(bench.pages("Contact"))
    assert [item.id for item in read(bench, cursor=cursor)] == made[10:]


def test_the_cursor_lives_by_salesforces_clock(bench: Workbench) -> None:
    ahead = Effects(
        bench.transport, lambda: bench.clock.now() + timedelta(days=30), bench.clock.sleep, random.Random(1)
    )
    connection = salesforce.connect(bench.settings(), ahead)
    bench.opened.append(connection)
    cursor = ended(list(connection.records.changed_since("Contact", (), None)))
    bench.clock.advance(HOUR)
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    found = list(connection.records.changed_since("Contact", (), cursor))
    assert [item.id for page in found for item in page.items] == [id]


# --- deleted, merged, converted --------------------------------------------------------------------------------


def test_a_record_that_is_restored_is_read_again_and_may_be_deleted_again(bench: Workbench) -> None:
    world = bench.sandbox.world
    id = world.create("Contact", LastName="Ada")
    cursor = ended(bench.pages("Contact"))
    kinds = []
    for act in (world.delete, world.undelete, world.delete):
        bench.clock.advance(MINUTE)
        act("Contact", id)
        pages = bench.pages("Contact", (), cursor)
        kinds += [type(item) for item in pages[0].items]
        cursor = ended(pages)
    assert kinds == [Gone, Seen, Gone]


def test_a_deletion_is_dated(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    bench.clock.advance(HOUR)
    bench.sandbox.world.delete("Contact", id)
    assert read(bench) == [Gone(id, bench.clock.now())]
    assert bench.records.read("Contact", [id], []) == [Gone(id, bench.clock.now())]


@pytest.mark.parametrize("object", ["Contact", "Lead", "Account"])
@pytest.mark.parametrize("apart", [False, True])
def test_a_chain_of_merges_is_followed_to_its_end(bench: Workbench, object: str, apart: bool) -> None:
    world = bench.sandbox.world
    name = "Name" if object == "Account" else "LastName"
    more = {"Company": "X"} if object == "Lead" else {}
    a, b, c = (world.create(object, **{name: letter}, **more) for letter in "abc")
    cursor = ended(bench.pages(object))
    world.merge(object, b, a)
    if apart:
        cursor = ended(bench.pages(object, (), cursor))
    bench.clock.advance(MINUTE)
    world.merge(object, c, b)
    if apart:
        world.touch(object, c)
    found = {i.id: i.survivor for i in read(bench, object, (), None) if isinstance(i, MergedInto)}
    assert found == {a: c, b: c}
    news = {i.id: i.survivor for i in read(bench, object, (), cursor) if isinstance(i, MergedInto)}
    assert news[b] == c
    assert [i.survivor for i in bench.records.read(object, [a, b], []) if isinstance(i, MergedInto)] == [c, c]


def test_a_converted_lead_says_which_contact_it_became_and_what_it_held(bench: Workbench) -> None:
    world = bench.sandbox.world
    lead = world.create("Lead", LastName="Ada", Company="X", Email="ada@x.example")
    cursor = ended(bench.pages("Lead", ["Email"]))
    bench.clock.advance(MINUTE)
    contact = world.convert(lead).contact
    expected = ConvertedTo(lead, "Contact", contact, bench.clock.now(), {"Email": "ada@x.example"})
    assert read(bench, "Lead", ["Email"], cursor) == [expected]
    assert read(bench, "Lead", ["Email"]) == [expected]
    assert bench.records.read("Lead", [lead], ["Email"]) == [expected]
    assert contact in {item.id for item in read(bench)}


def test_a_lead_whose_contact_is_hidden_is_named_and_not_called_gone(bench: Workbench) -> None:
    world = bench.sandbox.world
    lead = world.create("Lead", LastName="Ada", Company="X")
    world.convert(lead)
    world.hide_field("Lead", "ConvertedContactId")
    (item,) = read(bench, "Lead")
    assert isinstance(item, Garbled)
    assert "ConvertedContactId" in item.reason


def test_a_lead_without_a_contact_any_more_is_gone(bench: Workbench) -> None:
    world = bench.sandbox.world
    lead = world.create("Lead", LastName="Ada", Company="X")
    world.convert(lead)
    world._change("Lead", lead, {"ConvertedContactId": None})
    assert [type(item) for item in read(bench, "Lead")] == [Gone]


# --- what comes with a record ----------------------------------------------------------------------------------


def test_a_stage_is_dated_where_it_is_asked_for(bench: Workbench) -> None:
    world = bench.sandbox.world
    id = world.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-03-01")
    bench.clock.advance(HOUR)
    world.edit("Opportunity", id, StageName="Qualification")
    at = bench.clock.now()
    bench.clock.advance(HOUR)
    world.edit("Opportunity", id, Name="P")
    (asked,) = items(bench.pages("Opportunity", ["StageName"]), Seen)
    (other,) = items(bench.pages("Opportunity", ["Name"]), Seen)
    assert asked.changes == {"StageName": FieldChange(at)}
    assert other.changes == {}
    assert asked.modified_at == bench.clock.now()


def test_a_contacts_account_comes_with_it_and_an_opportunitys_does_not(bench: Workbench) -> None:
    world = bench.sandbox.world
    account = world.create("Account", Name="Acme")
    tied = world.create("Contact", LastName="Ada", AccountId=account)
    loose = world.create("Contact", LastName="Bo")
    world.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-03-01", AccountId=account)
    found = {seen.id: seen.related for seen in items(bench.pages("Contact"), Seen)}
    assert found == {tied: (Related("Account", account, primary=True),), loose: ()}
    assert [seen.related for seen in items(bench.pages("Opportunity"), Seen)] == [None]


def test_where_the_account_is_hidden_nothing_is_said_of_it(bench: Workbench) -> None:
    bench.sandbox.world.create("Contact", LastName="Ada")
    bench.sandbox.world.hide_field("Contact", "AccountId")
    (seen,) = items(bench.pages("Contact"), Seen)
    assert seen.related is None
    with pytest.raises(RemoteError, match="AccountId"):
        bench.records.related("Contact", [seen.id], "Account")


# --- read ------------------------------------------------------------------------------------------------------


def test_ids_that_belong_to_nothing_are_gone(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    never = "0030000000000zzAAA"
    found = bench.records.read("Contact", ["1", never, id, "no/id"], [])
    assert [type(item) for item in found] == [Gone, Gone, Seen, Gone]
    bench.sandbox.world.erase("Contact", id)
    assert bench.records.read("Contact", [id], []) == [Gone(id)]


def test_a_short_id_is_understood(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada")
    (seen,) = bench.records.read("Contact", [id[:15]], ["LastName"])
    assert isinstance(seen, Seen)
    assert (seen.id, seen.fields) == (id, {"LastName": "Ada"})


def test_2000_records_are_read_in_one_call_and_fewer_at_a_time_where_that_is_too_many(bench: Workbench) -> None:
    made = bench.sandbox.world.load("Contact", people(2000))
    assert [item.id for item in bench.records.read("Contact", made, [])] == made
    assert labels(bench).count("Contact/read") == 1
    bench.behave(max_collection_reads=600)
    assert [item.id for item in bench.records.read("Contact", made, [])] == made


def test_a_field_that_was_hidden_since_it_was_described_is_left_out(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada", Title="CTO")
    assert bench.fields_of("Contact", id, ["Title"]) == {"Title": "CTO"}
    bench.sandbox.world.hide_field("Contact", "Title")
    assert bench.fields_of("Contact", id, ["Title"]) == {}


# --- find ------------------------------------------------------------------------------------------------------


def test_find_knows_no_case_and_no_spaces_around(bench: Workbench) -> None:
    id = bench.sandbox.world.create("Contact", LastName="Ada", Email="Ada@X.example")
    found = bench.records.find("Contact", "Email", [" ada@x.EXAMPLE ", "", "nobody@x.example"], ["LastName"])
    assert [[item.id for item in one] for one in found] == [[id], [], []]


def test_find_takes_any_text_for_a_value(bench: Workbench) -> None:
    odd = ["O'Brien", "back\\slash", 'say "x"', "a' OR Name != '", "Zoë", "50%_"]
    made = [bench.sandbox.world.create("Account", Name=name) for name in odd]
    found = bench.records.find("Account", "Name", odd, [])
    assert [[item.id for item in one] for one in found] == [[id] for id in made]


def test_find_gives_all_that_share_a_value_and_the_deleted_as_gone(bench: Workbench) -> None:
    world = bench.sandbox.world
    first, second, third = (world.create("Contact", LastName=n, Email="x@x.example") for n in "abc")
    world.delete("Contact", second)
    ((*found,),) = bench.records.find("Contact", "Email", ["x@x.example"], [])
    assert {(type(item), item.id) for item in found} == {(Seen, first), (Gone, second), (Seen, third)}


def test_find_asks_for_200_long_values_in_as_many_calls_as_it_takes(bench: Workbench) -> None:
    names = [f"{'long & winding ' * 8}{n}" for n in range(200)]
    made = bench.sandbox.world.load("Account", [{"Name": name} for name in names])
    found = bench.records.find("Account", "Name", names, [])
    assert [[item.id for item in one] for one in found] == [[id] for id in made]
    assert 1 < labels(bench).count("Account/query") < 10


@pytest.mark.parametrize("field", ["Description", "Nobody__c", "CreatedDate", "NumberOfEmployees"])
def test_find_refuses_a_field_that_is_not_searched_by(bench: Workbench, field: str) -> None:
    with pytest.raises(RemoteError, match=field):
        bench.records.find("Account", field, ["x"], [])


def test_an_object_that_the_login_may_not_see_is_named(bench: Workbench) -> None:
    body = json.dumps([{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]).encode()
    bench.faults.add("*describe*", FaultKind.STATUS, 1, status=404, body=body)
    with pytest.raises(AccessError, match="Contact"):
        bench.pages("Contact")
