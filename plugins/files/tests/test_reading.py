"""Reading files: what is taken, what is set aside by its line, and what stops the connection."""

import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from instep.contract import BehaviourGone, Connection, ConnectionInfo, Garbled, Item, RecordStore, Related, Seen
from instep.errors import ConfigError, RemoteError
from instep.testing import CountingTransport

PEOPLE: dict[str, Any] = {"file": "people.csv", "key": "id"}


def put(folder: Path, text: str | bytes, name: str = "people.csv") -> None:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def records(connection: Connection) -> RecordStore:
    assert isinstance(connection.records, RecordStore)
    return connection.records


def read(connection: Connection, *fields: str, object: str = "people") -> list[Item]:
    return [item for page in records(connection).changed_since(object, fields, None) for item in page.items]


def refused(connection: Connection, *fields: str) -> str:
    with pytest.raises(RemoteError) as caught:
        read(connection, *fields)
    return str(caught.value)


def test_cells_become_typed_values(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,won,size,due,tags\n007,Yes,12.50,3/1/2017,a;b\n8,,,,\n")
    types = {"won": "boolean", "size": "number", "due": "date:%m/%d/%Y", "tags": "list:;"}
    first, second = read(connect(people={**PEOPLE, "types": types}), "won", "size", "due", "tags", "nothing")
    assert isinstance(first, Seen)
    assert isinstance(second, Seen)
    assert first.id == "007"
    assert first.fields == {"won": True, "size": Decimal("12.50"), "due": date(2017, 3, 1), "tags": ("a", "b")}
    assert second.fields == {"won": None, "size": None, "due": None, "tags": None}


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "\ufeffid,name\n1,Zoë\n")
    assert [item.id for item in read(connect(people=PEOPLE))] == ["1"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_cell_may_hold_a_line_break(tmp_path: Path, connect: Any, ending: str) -> None:
    put(tmp_path, ending.join(["id,note", f'1,"two{ending}lines, ""quoted"""', "2,plain", ""]))
    first, second = read(connect(people=PEOPLE), "note")
    assert isinstance(first, Seen)
    assert first.fields["note"] == f'two{ending}lines, "quoted"'
    assert second.id == "2"


def test_a_bad_row_is_set_aside_by_its_line_and_its_neighbours_go_on(tmp_path: Path, connect: Any) -> None:
    rows = ["id,size", "1,10", "2,ten", "3", ",30", "", "4,40", "5,50", "4,41", '6,"open', "7,70"]
    put(tmp_path, "\n".join(rows) + "\n")
    items = read(connect(people={**PEOPLE, "types": {"size": "number"}}), "size")
    assert [item.id for item in items if isinstance(item, Seen)] == ["1", "5", "7"]
    reasons = {item.id: item.reason for item in items if isinstance(item, Garbled)}
    assert reasons["2"] == 'Line 3 of people.csv: size is "ten", which is no number.'
    assert reasons["line 4"] == "Line 4 of people.csv has 1 cells, and the first line has 2."
    assert reasons["line 5"] == "Line 5 of people.csv has no id."
    assert reasons["4"] == "people.csv has the same id more than once, on lines 7, 9."
    assert reasons["line 10"].startswith("Line 10 of people.csv cannot be read")


def test_a_line_without_end_is_set_aside(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,note\n1," + "," * 1_100_000 + "\n2,fine\n")
    first, second = read(connect(people=PEOPLE))
    assert isinstance(first, Garbled)
    assert len(first.reason) < 200
    assert second.id == "2"


def test_files_are_read_in_pages(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id\n" + "".join(f"{n}\n" for n in range(2500)))
    pages = list(records(connect(people=PEOPLE)).changed_since("people", (), None))
    assert [len(page.items) for page in pages] == [1000, 1000, 500]


def test_reading_goes_on_in_another_process_unless_the_file_changed(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id\n" + "".join(f"{n}\n" for n in range(1500)))
    cursor = next(iter(records(connect(people=PEOPLE)).changed_since("people", (), None))).cursor
    rest = list(records(connect(people=PEOPLE)).changed_since("people", (), cursor))
    assert [len(page.items) for page in rest] == [500]
    put(tmp_path, "id\n1\n")
    again = list(records(connect(people=PEOPLE)).changed_since("people", (), rest[-1].cursor))
    assert [len(page.items) for page in again] == [1]


def test_an_unchanged_file_costs_one_read_and_gives_nothing(
    tmp_path: Path, connect: Any, transport: CountingTransport
) -> None:
    put(tmp_path, "id\n1\n")
    store = records(connect(people=PEOPLE))
    cursor = list(store.changed_since("people", (), None))[-1].cursor
    os.utime(tmp_path / "people.csv")
    transport.sent.clear()
    assert [page.items for page in store.changed_since("people", (), cursor)] == [()]
    assert [sent.label for sent in transport.sent] == ["people.csv/read"]


def test_an_unchanged_file_is_read_anew_once_its_settings_are_corrected(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,due\n1,31/12/2026\n")
    wrong, right = ({**PEOPLE, "types": {"due": f"date:{form}"}} for form in ("%m/%d/%Y", "%d/%m/%Y"))
    (page,) = records(connect(people=wrong)).changed_since("people", ["due"], None)
    assert isinstance(page.items[0], Garbled)
    (page,) = records(connect(people=right)).changed_since("people", ["due"], page.cursor)
    assert isinstance(page.items[0], Seen)


def test_a_row_whose_twin_is_gone_is_read(tmp_path: Path, connect: Any) -> None:
    store = records(connect(people=PEOPLE))
    put(tmp_path, "id,name\n1,Ada\n1,Bob\n")
    (page,) = store.changed_since("people", ["name"], None)
    assert not [item for item in page.items if isinstance(item, Seen)]
    put(tmp_path, "id,name\n1,Bob\n")
    (page,) = store.changed_since("people", ["name"], page.cursor)
    assert [item.id for item in page.items if isinstance(item, Seen)] == ["1"]


def test_a_missing_row_is_no_deletion(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id\n1\n2\n")
    cursor = list(records(connect(people=PEOPLE)).changed_since("people", (), None))[-1].cursor
    put(tmp_path, "id\n2\n")
    store = records(connect(people=PEOPLE))
    (page,) = store.changed_since("people", (), cursor)
    assert [item.id for item in page.items] == ["2"]
    assert isinstance(store.read("people", ["1"], [])[0], Garbled)


def test_a_row_is_dated_by_its_own_column_else_by_the_file(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,updated\n1,2026-01-05T09:00:00Z\n2,\n")
    os.utime(tmp_path / "people.csv", (1_700_000_000, 1_700_000_000))
    first, second = read(connect(people={**PEOPLE, "modified": "updated"}))
    assert isinstance(first, Seen)
    assert isinstance(second, Seen)
    assert first.modified_at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert second.modified_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_an_older_copy_put_in_the_place_of_a_newer_is_no_older_news(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,name\n1,Ada\n")
    (page,) = records(connect(people=PEOPLE)).changed_since("people", ["name"], None)
    put(tmp_path, "id,name\n1,Bob\n")
    os.utime(tmp_path / "people.csv", (1_000_000_000, 1_000_000_000))
    (after,) = records(connect(people=PEOPLE)).changed_since("people", ["name"], page.cursor)
    before_item, after_item = page.items[0], after.items[0]
    assert isinstance(before_item, Seen)
    assert isinstance(after_item, Seen)
    assert after_item.modified_at >= before_item.modified_at


def test_references_come_with_the_record(tmp_path: Path, connect: Any, transport: CountingTransport) -> None:
    put(tmp_path, "id,account,also\n1,Acme,Beta\n2,,\n")
    put(tmp_path, "name\nAcme\nBeta\n", "accounts.csv")
    folder = connect(
        people={**PEOPLE, "references": {"account": "accounts", "also": "accounts"}},
        accounts={"file": "accounts.csv", "key": "name"},
    )
    first, second = read(folder)
    assert isinstance(first, Seen)
    assert isinstance(second, Seen)
    assert first.related == (Related("accounts", "Acme", primary=True), Related("accounts", "Beta"))
    assert second.related == ()
    assert len(transport.sent) == 1
    assert records(folder).related("people", ["2", "1"], "accounts") == [(), first.related]


def test_json_lines_are_records(tmp_path: Path, connect: Any) -> None:
    lines = [
        '{"id": 1, "size": 12.50, "ok": true, "tags": ["a", "b"], "deep": {"x": 1.10}}',
        '{"id": "2", "size": null}',
        "[1]",
        '{"id": "3", ',
    ]
    put(tmp_path, "\n".join(lines), "people.jsonl")
    types = {"size": "number", "ok": "boolean", "tags": "list"}
    items = read(connect(people={"file": "people.jsonl", "key": "id", "types": types}), *types, "deep", "nothing")
    first, second, third, fourth = items
    assert isinstance(first, Seen)
    assert isinstance(second, Seen)
    assert first.fields == {"size": Decimal("12.50"), "ok": True, "tags": ("a", "b"), "deep": '{"x": 1.10}'}
    assert second.fields == {"size": None, "ok": None, "tags": None, "deep": None}
    assert [third.id, fourth.id] == ["line 3", "line 4"]
    assert isinstance(third, Garbled)


# --- what stops the connection ---------------------------------------------------------------------------------


def test_a_missing_file_is_named_with_what_to_do(connect: Any) -> None:
    said = refused(connect(people=PEOPLE))
    assert said.startswith("people.csv is not there")
    assert "sync.toml" in said


def test_a_missing_folder_is_named(tmp_path: Path, connect: Any) -> None:
    folder = connect(people=PEOPLE)
    tmp_path.rmdir()
    assert "is not there" in refused(folder)


def test_a_key_column_that_is_missing_is_named_with_those_that_are_there(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "number,name\n1,Ada\n")
    assert 'people.csv has no column "id" (line 1; its columns are: number, name)' in refused(connect(people=PEOPLE))


def test_a_mapped_column_that_vanished_stops_the_connection(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,name\n1,Ada\n")
    cursor = list(records(connect(people=PEOPLE)).changed_since("people", ["name"], None))[-1].cursor
    put(tmp_path, "id,full name\n1,Ada\n")
    with pytest.raises(RemoteError, match='no column "name"'):
        list(records(connect(people=PEOPLE)).changed_since("people", ["name"], cursor))


def test_a_wrong_encoding_is_named_with_its_line(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,name\n1,Ada\n2,Zo\xeb\n".encode("cp1252"))
    assert "people.csv is not utf-8 text: line 3" in refused(connect(people=PEOPLE))
    assert len(read(connect(people={**PEOPLE, "encoding": "cp1252"}))) == 2


def test_a_column_named_twice_is_refused(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,name,name\n1,Ada,Bob\n")
    assert 'names the column "name" twice' in refused(connect(people=PEOPLE))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, connect: Any) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.csv"
    outside.write_text("id\n1\n")
    (tmp_path / "people.csv").symlink_to(outside)
    assert "leads out of the folder" in refused(connect(people=PEOPLE))


def test_what_is_no_plain_file_is_refused(tmp_path: Path, connect: Any) -> None:
    os.mkfifo(tmp_path / "people.csv")
    assert "no plain file" in refused(connect(people=PEOPLE))


# --- check -----------------------------------------------------------------------------------------------------


def org(connection: Connection) -> str:
    info = connection.check()
    assert isinstance(info, ConnectionInfo)
    return info.org


def test_the_state_is_bound_to_the_layout_not_to_the_place(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,email\n1,a@x.example\n")
    put(tmp_path, "id,email\n1,a@x.example\n", "others.csv")
    first = org(connect(people=PEOPLE))
    assert org(connect(people={**PEOPLE, "file": "others.csv"})) == first
    assert org(connect(people={**PEOPLE, "key": "email"})) != first


def test_check_refuses_a_file_that_does_not_fit(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "name\nAda\n")
    with pytest.raises(RemoteError, match='no column "id"'):
        connect(people=PEOPLE).check()


def test_a_folder_without_objects_says_what_to_do(connect: Any) -> None:
    with pytest.raises(ConfigError, match="instep init"):
        connect().check()


# --- behaviours ------------------------------------------------------------------------------------------------


def test_rows_say_what_somebody_did(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id\n7\n")
    rows = [
        "id,type,at,who,email,person",
        "1,webinar,2026-01-05T09:00:00Z,,Ada@x.example,7",
        "2,call,2026-01-06,seller,,",
    ]
    put(tmp_path, "\n".join([*rows, "3,webinar,soon,,,", ""]), "acts.csv")
    feed: dict[str, Any] = {"file": "acts.csv", "key": "id", "at": "at", "kind": "type", "email": "email"}
    feed |= {"actor_column": "who", "references": {"person": "people"}}
    behaviours: Any = connect(people=PEOPLE, behaviours={"acts": feed}).behaviours
    assert behaviours.kinds == ("webinar", "call")
    pages = list(behaviours.changed_since(["webinar", "call"], None))
    first, second = [item for page in pages for item in page.items]
    assert (first.id, first.kind, first.actor, first.email) == ("acts:1", "webinar", "buyer", "Ada@x.example")
    assert first.subjects == (("people", "7"),)
    assert (second.actor, second.at) == ("seller", datetime(2026, 1, 6, tzinfo=UTC))
    assert json.loads(pages[-1].cursor)
    assert not [page for page in behaviours.changed_since(["webinar"], pages[-1].cursor) if page.items]


FEED: dict[str, Any] = {"file": "acts.csv", "key": "id", "at": "at", "kind": "type", "withdrawn": "cancelled"}
HELD = "1,webinar,2026-01-05,"


def acts(tmp_path: Path, connect: Any, *rows: str, cursor: str | None = None, **more: Any) -> tuple[list[Any], str]:
    """What a feed with these rows tells of webinars since a cursor, and where it goes on."""
    put(tmp_path, "id\n7\n")
    put(tmp_path, "\n".join(["id,type,at,cancelled", *rows, ""]), "acts.csv")
    feed = connect(people=PEOPLE, behaviours={"acts": FEED | more}).behaviours
    pages = list(feed.changed_since(["webinar"], cursor))
    return [item for page in pages for item in page.items], pages[-1].cursor


@pytest.mark.parametrize(
    ("said", "is_withdrawn"),
    [("yes", True), ("2026-01-06", True), ("x", True), ("", False), (" ", False), ("No", False), ("0", False)],
)
def test_a_row_says_whether_it_was_withdrawn(tmp_path: Path, connect: Any, said: str, is_withdrawn: bool) -> None:
    (item,) = acts(tmp_path, connect, HELD + said)[0]
    assert (item.id, isinstance(item, BehaviourGone)) == ("acts:1", is_withdrawn)


def test_a_withdrawn_row_needs_to_say_nothing_else(tmp_path: Path, connect: Any) -> None:
    assert acts(tmp_path, connect, "1,,,yes")[0] == [BehaviourGone("acts:1")]


def test_a_row_that_is_not_there_any_more_is_not_withdrawn(tmp_path: Path, connect: Any) -> None:
    cursor = acts(tmp_path, connect, HELD, "2,webinar,2026-01-05,")[1]
    assert [item.id for item in acts(tmp_path, connect, HELD, cursor=cursor)[0]] == ["acts:1"]


def test_a_row_that_is_of_another_kind_now_is_withdrawn_from_those_asked_for(tmp_path: Path, connect: Any) -> None:
    other = HELD.replace("webinar", "lunch")
    found, cursor = acts(tmp_path, connect, other)
    assert found == []
    cursor = acts(tmp_path, connect, HELD, cursor=cursor)[1]
    assert acts(tmp_path, connect, other, cursor=cursor)[0] == [BehaviourGone("acts:1")]


def test_a_company_can_be_whom_a_row_is_about(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id\n7\n")
    put(tmp_path, "id\nacme\n", "firms.csv")
    put(tmp_path, "id,type,at,firm\n1,visit,2026-01-05,acme\n", "visits.csv")
    feed = {"file": "visits.csv", "key": "id", "at": "at", "kind": "type", "references": {"firm": "firms"}}
    settings = {"people": PEOPLE, "firms": {"file": "firms.csv", "key": "id"}, "behaviours": {"visits": feed}}
    (seen,) = [item for page in connect(**settings).behaviours.changed_since(["visit"], None) for item in page.items]
    assert seen.subjects == (("firms", "acme"),)
