"""Writing files: our cells change, and every other byte stays."""

import os
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from instep.contract import (
    Connection,
    Create,
    Delete,
    FieldSpec,
    Missing,
    Outcome,
    RecordStore,
    Rejected,
    Relation,
    Update,
    Write,
    Written,
)
from instep.errors import RetryLaterError
from instep.testing import CountingTransport

PEOPLE: dict[str, Any] = {"file": "people.csv", "key": "id", "types": {"size": "number", "ok": "boolean"}}
AWKWARD = (
    '\ufeff"id";name;\'size\';ok\r\n1;"Ada; ""the first""";10;yes\r\n\r\nbroken;"row\r\n2;Bob;20,5;NO\r\n"3";"Zoë";;'
)


def put(folder: Path, text: str, name: str = "people.csv") -> None:
    (folder / name).write_bytes(text.encode())


def held(folder: Path, name: str = "people.csv") -> str:
    return (folder / name).read_bytes().decode()


def records(connection: Connection) -> RecordStore:
    assert isinstance(connection.records, RecordStore)
    return connection.records


def write(
    connection: Connection, *writes: Write, object: str = "people", fields: tuple[str, ...] = ()
) -> list[Outcome]:
    return records(connection).write(object, writes, fields)


def refusal(outcome: Outcome) -> str:
    assert isinstance(outcome, Rejected), outcome
    assert outcome.reason.endswith(".")
    return outcome.code


def test_what_is_not_touched_stays_to_the_byte(tmp_path: Path, connect: Any) -> None:
    settings = {**PEOPLE, "delimiter": ";", "types": {"'size'": "number:,", "ok": "boolean"}}
    put(tmp_path, AWKWARD)
    (outcome,) = write(connect(people=settings), Update("2", {"'size'": Decimal("7.5"), "ok": True}, {}))
    assert isinstance(outcome, Written)
    assert held(tmp_path) == AWKWARD.replace("20,5;NO", "7,5;YES")


def test_a_touched_row_keeps_its_quotes(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, 'id,name,size\n"1","Ada",10\n')
    write(connect(people={**PEOPLE, "types": {}}), Update("1", {"name": 'A "B", C'}, {}))
    assert held(tmp_path) == 'id,name,size\n"1","A ""B"", C",10\n'


def test_a_new_row_looks_like_the_last_one(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, 'id,instep_id,name,ok\r\n1,,"Ada",YES')
    settings = {**PEOPLE, "types": {"ok": "boolean"}}
    (outcome,) = write(connect(people=settings), Create("instep_id", "x-1", {"name": "Bob", "ok": False}))
    assert isinstance(outcome, Written)
    assert (outcome.id, outcome.created) == ("x-1", True)
    assert held(tmp_path) == 'id,instep_id,name,ok\r\n1,,"Ada",YES\r\nx-1,x-1,"Bob",NO'


def test_a_file_without_rows_takes_some(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,name")
    write(connect(people={**PEOPLE, "types": {}}), Create("id", "1", {"name": "a"}), Create("id", "2", {"name": "b"}))
    assert held(tmp_path) == "id,name\n1,a\n2,b"


def test_the_key_may_be_given(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,instep_id\n1,\n")
    folder = connect(people={**PEOPLE, "types": {}})
    made, taken = write(folder, Create("instep_id", "x", {"id": "9"}), Create("instep_id", "y", {"id": "1"}))
    assert isinstance(made, Written)
    assert made.id == "9"
    assert isinstance(taken, Rejected)
    assert (taken.code, taken.existing_id) == ("taken", "1")


def test_a_cell_that_means_the_value_already_is_left_as_it_is_written(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,size,ok\n1,010.50,Y\n")
    (outcome,) = write(
        connect(people=PEOPLE), Update("1", {"size": Decimal("10.5"), "ok": True}, {}), fields=("size",)
    )
    assert isinstance(outcome, Written)
    assert outcome.fields == {"size": Decimal("10.5")}
    assert held(tmp_path) == "id,size,ok\n1,010.50,Y\n"


def test_a_row_that_a_colleague_changed_is_left_alone(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,name,size,ok\n1,Ada,10,yes\n2,Bob,20,yes\n")
    first, second = write(
        connect(people=PEOPLE),
        Update("1", {"name": "A"}, {"name": "Adam"}),
        Update("2", {"name": "B"}, {"name": "Bob", "size": Decimal(20)}),
    )
    assert refusal(first) == "changed"
    assert isinstance(first, Rejected)
    assert not first.permanent
    assert isinstance(second, Written)
    assert held(tmp_path) == "id,name,size,ok\n1,Ada,10,yes\n2,B,20,yes\n"


def test_a_write_that_was_done_before_is_done(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,name,size,ok\n1,Ada,,\n")
    for _ in range(2):
        (outcome,) = write(connect(people=PEOPLE), Update("1", {"name": "Eve"}, {"name": "Ada"}))
        assert isinstance(outcome, Written)


def test_a_row_that_is_not_there_any_more_is_missing(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,size,ok\n1,,\n")
    (outcome,) = write(connect(people=PEOPLE), Update("2", {"size": Decimal(1)}, {}))
    assert outcome == Missing()


@pytest.mark.parametrize(
    ("write_", "code"),
    [
        (Update("1", {"nothing": "x"}, {}), "no_column"),
        (Update("1", {"size": "many"}, {}), "no_fit"),
        (Update("1", {"name": "→"}, {}), "no_fit"),
        (Update("1", {"id": "2"}, {}), "key"),
        (Update("2", {"name": "x"}, {}), "garbled"),
        (Create("nothing", "x", {}), "no_column"),
        (Create("id", "x", {"name": "→"}), "no_fit"),
    ],
)
def test_what_cannot_be_written_is_refused_alone(tmp_path: Path, connect: Any, write_: Write, code: str) -> None:
    put(tmp_path, "id,name,size\n1,Ada,\n2,a,\n2,b,\n3,Eve,\n")
    settings = {**PEOPLE, "encoding": "cp1252", "types": {"size": "number"}}
    refused, good = write(connect(people=settings), write_, Update("3", {"name": "Eva"}, {}))
    assert refusal(refused) == code
    assert isinstance(good, Written)
    assert held(tmp_path) == "id,name,size\n1,Ada,\n2,a,\n2,b,\n3,Eva,\n"


def test_a_folder_that_is_only_read_takes_nothing(tmp_path: Path, connect: Any, transport: CountingTransport) -> None:
    put(tmp_path, "id,size,ok\n1,,\n")
    folder = connect(direction="in", people=PEOPLE)
    outcomes = write(folder, Update("1", {"size": Decimal(1)}, {}), Create("id", "2", {}), Delete("1"))
    assert [refusal(outcome) for outcome in outcomes] == ["read_only"] * 3
    assert refusal(folder.fields.create(FieldSpec("people", "x", "X", "text"))) == "read_only"
    assert not transport.sent


def test_many_writes_are_one_replace(tmp_path: Path, connect: Any, transport: CountingTransport) -> None:
    put(tmp_path, "id,name,size,ok\n" + "".join(f"{n},a,,\n" for n in range(300)))
    write(connect(people=PEOPLE), *(Update(str(n), {"name": "b"}, {"name": "a"}) for n in range(300)))
    assert [(sent.label, sent.writes) for sent in transport.sent] == [
        ("people.csv/read", False),
        ("people.csv/replace", True),
    ]


def test_permissions_are_kept_and_nothing_lies_around(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,size,ok\n1,,\n")
    os.chmod(tmp_path / "people.csv", 0o640)
    write(connect(people=PEOPLE), Update("1", {"size": Decimal(1)}, {}))
    assert stat.S_IMODE(os.stat(tmp_path / "people.csv").st_mode) == 0o640
    assert [place.name for place in tmp_path.iterdir()] == ["people.csv"]


class Colleague(CountingTransport):
    """Saves the file just before it is replaced, so many times."""

    def __init__(self, folder: Path, times: int) -> None:
        super().__init__()
        self.folder, self.times = folder, times

    def send(self, action: Any, *, label: str, writes: bool, lane: str = "default") -> Any:
        if writes and self.times:
            self.times -= 1
            put(self.folder, held(self.folder) + f"c{self.times},,\n")
        return super().send(action, label=label, writes=writes, lane=lane)


def test_a_file_that_is_saved_in_between_is_merged_again(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,size,ok\n1,,\n")
    folder = connect(through=Colleague(tmp_path, times=1), people=PEOPLE)
    (outcome,) = write(folder, Update("1", {"size": Decimal(1)}, {}))
    assert isinstance(outcome, Written)
    assert held(tmp_path) == "id,size,ok\n1,1,\nc0,,\n"


def test_a_file_that_is_saved_all_the_time_is_given_up_for_later(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,size,ok\n1,,\n")
    folder = connect(through=Colleague(tmp_path, times=99), people=PEOPLE)
    with pytest.raises(RetryLaterError):
        write(folder, Update("1", {"size": Decimal(1)}, {}))


# --- references, columns, deletions ----------------------------------------------------------------------------


def test_relating_sets_the_reference_and_unrelating_clears_it(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,account,friends\n1,,\n2,,\n3,,\n")
    put(tmp_path, "name\nAcme\n", "accounts.csv")
    references = {"account": "accounts", "friends": "people"}
    folder = connect(
        people={"file": "people.csv", "key": "id", "references": references, "types": {"friends": "list:;"}},
        accounts={"file": "accounts.csv", "key": "name"},
    )
    store = records(folder)
    store.relate([Relation("people", "1", "accounts", "Acme")])
    store.relate([Relation("people", "1", "people", "2"), Relation("people", "1", "people", "3")])
    assert held(tmp_path) == "id,account,friends\n1,Acme,2;3\n2,,\n3,,\n"
    store.unrelate([Relation("people", "1", "people", "2")])
    store.unrelate([Relation("people", "1", "accounts", "Acme"), Relation("people", "1", "accounts", "Beta")])
    assert held(tmp_path) == "id,account,friends\n1,,3\n2,,\n3,,\n"
    assert refusal(store.relate([Relation("accounts", "Acme", "people", "1")])[0]) == "no_reference"


def test_a_new_column_stands_at_the_right(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, '"id","size","ok"\r\n1,,\r\n\r\nragged\r\n2,,')
    outcome = connect(people=PEOPLE).fields.create(FieldSpec("people", "instep_id", "Instep id", "text", unique=True))
    assert isinstance(outcome, Written)
    assert held(tmp_path) == '"id","size","ok","instep_id"\r\n1,,,\r\n\r\nragged\r\n2,,,'


def test_a_column_that_is_there_fits_any_type_unless_one_is_declared(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,size,ok,score\n")
    fields = connect(people=PEOPLE).fields
    assert isinstance(fields.create(FieldSpec("people", "score", "Score", "number")), Written)
    assert refusal(fields.create(FieldSpec("people", "size", "Size", "text"))) == "different"


def test_a_row_that_was_deleted_here_is_gone(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, "id,size,ok\n1,,\n2,,\n")
    write(connect(people=PEOPLE), Delete("1"))
    assert held(tmp_path) == "id,size,ok\n2,,\n"


# --- JSON lines ------------------------------------------------------------------------------------------------


def test_json_lines_that_are_not_touched_stay_to_the_byte(tmp_path: Path, connect: Any) -> None:
    lines = ['{"id":"1","size":1.50,"deep":{"a": [1.10]}}', "not json", '{"id": "2", "name": "Zo\\u00eb"}', ""]
    put(tmp_path, "\r\n".join(lines), "people.jsonl")
    settings = {"file": "people.jsonl", "key": "id", "types": {"size": "number", "ok": "boolean"}}
    folder = connect(people=settings)
    first, second, third = write(
        folder,
        Update("1", {"size": Decimal("2.5"), "ok": True}, {"size": Decimal("1.5")}),
        Update("1", {"deep": "x"}, {}),
        Create("name", "Ida", {"size": Decimal(3)}),
    )
    assert isinstance(first, Written)
    assert refusal(second) == "no_fit"
    assert isinstance(third, Written)
    lines[0] = '{"id":"1","size":2.5,"deep":{"a":[1.10]},"ok":true}'
    lines[3] = '{"id": "Ida", "name": "Ida", "size": 3}\r\n'
    assert held(tmp_path, "people.jsonl") == "\r\n".join(lines)


def test_a_new_name_stands_in_the_first_json_line(tmp_path: Path, connect: Any) -> None:
    put(tmp_path, '{"id": "1"}\n{"id": "2"}\n', "people.jsonl")
    folder = connect(people={"file": "people.jsonl", "key": "id"})
    folder.fields.create(FieldSpec("people", "instep_id", "Instep id", "text", unique=True))
    assert held(tmp_path, "people.jsonl") == '{"id": "1", "instep_id": null}\n{"id": "2"}\n'
    assert [field.name for field in folder.fields.read("people")] == ["id", "instep_id"]
