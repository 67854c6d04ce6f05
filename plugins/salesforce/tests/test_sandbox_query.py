"""The query resources of the Salesforce sandbox: pages, locators, deleted records, incremental reading."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest

from .sandboxes import Opened, lead, opened, refusal

ORDERED = "ORDER BY SystemModstamp, Id"


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        yield running


def fill(org: Opened, count: int) -> list[str]:
    return org.world.load("Lead", [lead(LastName=f"L{n:05}") for n in range(count)])


def test_a_large_result_comes_in_pages_of_two_thousand(org: Opened) -> None:
    ids = fill(org, 4_100)
    first = org.sf.query("SELECT Id FROM Lead ORDER BY Id")
    assert (first["totalSize"], first["done"], len(first["records"])) == (4_100, False, 2_000)
    assert first["nextRecordsUrl"].startswith("/services/data/v63.0/query/01g")
    assert first["nextRecordsUrl"].endswith("-2000")
    second = org.sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    last = org.sf.query_more(second["nextRecordsUrl"].rsplit("/", 1)[1])
    assert last["done"] is True
    assert "nextRecordsUrl" not in last
    assert [row["Id"] for page in (first, second, last) for row in page["records"]] == ids


@pytest.mark.parametrize(("wanted", "given"), [("500", 500), ("1", 200), ("9999", 2_000), ("x", 2_000)])
def test_the_size_of_pages_can_be_asked_for(org: Opened, wanted: str, given: int) -> None:
    fill(org, 2_100)
    page = org.sf.query("SELECT Id FROM Lead", headers={"Sforce-Query-Options": f"batchSize={wanted}"})
    assert len(page["records"]) == given


def test_pages_can_be_smaller_than_asked_for_and_uneven(org: Opened) -> None:
    ids = fill(org, 6_000)
    org.behave(uneven_pages=True)
    sizes, page = [], org.sf.query("SELECT Id FROM Lead ORDER BY Id")
    found = [row["Id"] for row in page["records"]]
    while not page["done"]:
        sizes.append(len(page["records"]))
        page = org.sf.query_more(page["nextRecordsUrl"], identifier_is_url=True)
        found += [row["Id"] for row in page["records"]]
    assert len(set(sizes)) > 1
    assert found == ids


def test_a_locator_belongs_to_its_user_and_dies_after_two_days(org: Opened) -> None:
    fill(org, 2_001)
    url = org.sf.query("SELECT Id FROM Lead")["nextRecordsUrl"]
    user = org.world.add_user("Other", "other@sandbox.example")
    other = org.other(org.sandbox.world.log_in(user))
    assert refusal(other.query_more, url, identifier_is_url=True)[1] == "INVALID_QUERY_LOCATOR"
    org.pass_time(days=1, hours=23)
    assert org.sf.query_more(url, identifier_is_url=True)["done"] is True
    org.pass_time(hours=2)
    expected = (400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    assert refusal(org.sf.query_more, url, identifier_is_url=True) == expected


def test_a_locator_can_be_lost_on_the_way(org: Opened) -> None:
    fill(org, 6_001)
    org.behave(lose_locators_after=1)
    page = org.sf.query("SELECT Id FROM Lead")
    page = org.sf.query_more(page["nextRecordsUrl"], identifier_is_url=True)
    assert refusal(org.sf.query_more, page["nextRecordsUrl"], identifier_is_url=True)[1] == "INVALID_QUERY_LOCATOR"
    org.behave(lose_locators_after=None)
    url = org.sf.query("SELECT Id FROM Lead")["nextRecordsUrl"]
    org.world.lose_locators()
    assert refusal(org.sf.query_more, url, identifier_is_url=True)[1] == "INVALID_QUERY_LOCATOR"
    assert refusal(org.sf.query_more, "01g000000000001-2000")[1] == "INVALID_QUERY_LOCATOR"


def test_rows_that_change_while_paging_show_their_new_values(org: Opened) -> None:
    ids = fill(org, 2_002)
    page = org.sf.query("SELECT Id, Title FROM Lead ORDER BY Id")
    org.world.edit("Lead", ids[-1], Title="New")
    org.world.erase("Lead", ids[-2])
    rest = org.sf.query_more(page["nextRecordsUrl"], identifier_is_url=True)
    assert [(row["Id"], row["Title"]) for row in rest["records"]] == [(ids[-1], "New")]


def test_only_query_all_shows_deleted_rows(org: Opened) -> None:
    first, second = fill(org, 2)
    org.sf.Lead.delete(first)
    assert org.values("SELECT Id FROM Lead") == [second]
    found = org.rows("SELECT Id, IsDeleted FROM Lead ORDER BY Id", include_deleted=True)
    assert found == [{"Id": first, "IsDeleted": True}, {"Id": second, "IsDeleted": False}]
    assert org.values("SELECT Id FROM Lead WHERE IsDeleted = true ALL ROWS") == [first]


def test_a_query_without_text_is_refused(org: Opened) -> None:
    assert org.call("GET", "query").json()[0]["errorCode"] == "MALFORMED_QUERY"


def test_the_recommended_way_of_incremental_reading_meets_every_row_once(org: Opened) -> None:
    ids = []
    for _ in range(3):
        ids += fill(org, 700)
        org.pass_time(seconds=1)
    seen: list[str] = []
    stamp, last = "1970-01-01T00:00:00.000+0000", "000000000000000AAA"
    while True:
        after = f"(SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '{last}'))"
        rows = org.rows(f"SELECT Id, SystemModstamp FROM Lead WHERE {after} {ORDERED} LIMIT 400")
        if not rows:
            break
        seen += [row["Id"] for row in rows]
        stamp, last = rows[-1]["SystemModstamp"], rows[-1]["Id"]
    assert seen == ids


def test_a_span_of_stamps_is_read_in_order_after_many_changes(org: Opened) -> None:
    ids = fill(org, 50)
    for place in (30, 10, 20, 10):
        org.pass_time(seconds=10)
        org.world.edit("Lead", ids[place], Title="T")
    org.pass_time(seconds=10)
    org.world.delete("Lead", ids[5])
    since = "SystemModstamp >= 2026-01-05T09:00:10Z"
    assert org.values(f"SELECT Id FROM Lead WHERE {since} {ORDERED}") == [ids[30], ids[20], ids[10]]
    all_rows = org.values(f"SELECT Id FROM Lead WHERE {since} {ORDERED}", include_deleted=True)
    assert all_rows == [ids[30], ids[20], ids[10], ids[5]]
    backwards = org.values(f"SELECT Id FROM Lead WHERE {since} ORDER BY SystemModstamp DESC, Id DESC")
    assert backwards == [ids[10], ids[20], ids[30]]
    titled = org.values(
        f"SELECT Id FROM Lead WHERE {since} AND SystemModstamp < 2026-01-05T09:00:40Z AND Title = 'T'"
    )
    assert titled == [ids[30], ids[20]]


def test_a_late_commit_appears_behind_the_place_where_reading_stopped(org: Opened) -> None:
    fill(org, 1)
    org.pass_time(minutes=10)
    (first,) = fill(org, 1)
    with org.world.commit_late("Lead", timedelta(minutes=5)):
        late = org.sf.Lead.create(lead())["id"]
    assert org.values(f"SELECT Id FROM Lead WHERE SystemModstamp > 2026-01-05T09:00:00Z {ORDERED}") == [late, first]
    assert org.world.read("Lead", late)["SystemModstamp"] == "2026-01-05T09:05:00.000+0000"
    on_time = org.sf.Lead.create(lead())["id"]
    assert org.world.read("Lead", on_time)["SystemModstamp"] == "2026-01-05T09:10:00.000+0000"


def test_an_automation_can_move_the_stamp_alone(org: Opened) -> None:
    (id,) = fill(org, 1)
    before = org.world.read("Lead", id)
    org.pass_time(hours=1)
    org.world.touch("Lead", id)
    after = org.world.read("Lead", id)
    assert {name for name in after if after[name] != before[name]} == {"SystemModstamp"}


def test_a_query_that_looks_at_too_much_times_out(org: Opened) -> None:
    fill(org, 300)
    org.pass_time(hours=1)
    fill(org, 100)
    org.behave(query_timeout_rows=200)
    everything = f"SELECT Id FROM Lead WHERE SystemModstamp >= 2026-01-05T00:00:00Z {ORDERED} LIMIT 10"
    expected = (400, "QUERY_TIMEOUT", "Your query request was running for too long.")
    assert refusal(org.sf.query, everything) == expected
    assert len(org.values(f"SELECT Id FROM Lead WHERE SystemModstamp >= 2026-01-05T10:00:00Z {ORDERED}")) == 100


@pytest.mark.parametrize("switch", ["stale_reads", "index_lag"])
def test_queries_can_lag_behind_while_reading_by_id_does_not(org: Opened, switch: str) -> None:
    kept, edited, deleted = fill(org, 3)
    org.behave(**{switch: timedelta(seconds=30)})
    made = org.sf.Lead.create(lead(Title="made"))["id"]
    org.sf.Lead.update(edited, {"Title": "new"})
    org.sf.Lead.delete(deleted)
    before = [{"Id": id, "Title": None} for id in (kept, edited, deleted)]
    assert org.rows("SELECT Id, Title FROM Lead ORDER BY Id") == before
    assert org.values("SELECT Id FROM Lead WHERE Title = 'new'") == []
    assert org.sf.Lead.get(edited)["Title"] == "new"
    org.pass_time(seconds=31)
    found = org.rows("SELECT Id, Title FROM Lead ORDER BY Id")
    assert [(row["Id"], row["Title"]) for row in found] == [(kept, None), (edited, "new"), (made, "made")]


def test_a_lag_can_last_until_it_is_ended(org: Opened) -> None:
    org.behave(index_lag="until_flush")
    id = org.sf.Lead.create(lead())["id"]
    org.pass_time(days=1)
    assert org.values("SELECT Id FROM Lead") == []
    org.world.flush_index()
    assert org.values("SELECT Id FROM Lead") == [id]


def test_addresses_that_are_too_long_are_turned_away(org: Opened) -> None:
    longest = "x" * 17_000
    with pytest.raises(Exception, match=r"414|431"):
        org.sf.query(f"SELECT Id FROM Lead WHERE Title = '{longest}'")
    answer = org.call("GET", f"query?q={longest[:10_000]}", X_Long="y" * 8_000)
    assert answer.status_code == 431
    titles = ", ".join(f"'{letter * 3_900}'" for letter in "abcde")
    url = f"/services/data/v63.0/query?q=SELECT Id FROM Lead WHERE Title IN ({titles})"
    body = {"compositeRequest": [{"method": "GET", "url": url, "referenceId": "q"}]}
    assert org.sf.restful("composite", method="POST", json=body)["compositeResponse"][0]["httpStatusCode"] == 200


def test_a_deep_way_to_a_parent_is_refused(org: Opened) -> None:
    path = "Parent." * 6 + "Name"
    with pytest.raises(SalesforceMalformedRequest, match="maximum 5 levels"):
        org.sf.query(f"SELECT {path} FROM Account")
    assert org.rows("SELECT Parent.Parent.Parent.Parent.Parent.Name FROM Account") == []
