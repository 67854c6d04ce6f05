"""Whatever is in a file, a write changes what it is asked to change, and nothing else."""

import csv
import io
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from instep.contract import Create, Effects, RecordStore, Seen, Update, Written
from instep.sandbox import VirtualClock
from instep.settings import load_settings
from instep.testing import CountingTransport
from instep_files import files

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
OLD = TEXT.map(lambda text: text.replace("\r", ""))  # older csv writers leave it without quotes
ROWS = st.lists(st.tuples(OLD, OLD, OLD), min_size=1, max_size=8)
QUOTING: list[Literal[0, 1, 2]] = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]


def store(folder: str, **people: Any) -> RecordStore:
    clock = VirtualClock()
    table = {
        "path": folder,
        "direction": "both",
        "objects": {"people": {"file": "people.csv", "key": "id", **people}},
    }
    effects = Effects(CountingTransport(), clock.now, clock.sleep, random.Random(1))
    found = files.connect(load_settings(files.settings, "exports", table), effects).records
    assert isinstance(found, RecordStore)
    return found


@settings(max_examples=100, deadline=None)
@given(
    rows=ROWS,
    new=TEXT,
    place=st.integers(0, 7),
    quoting=st.sampled_from(QUOTING),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    ending=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_an_update_changes_one_cell(
    rows: list[tuple[str, str, str]],
    new: str,
    place: int,
    quoting: Literal[0, 1, 2],
    delimiter: str,
    ending: str,
    last: bool,
) -> None:
    wanted = [["id", "a", "b", "c"], *([f"k{number}", *row] for number, row in enumerate(rows))]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ending).writerows(wanted)
    before = out.getvalue() if last else out.getvalue().removesuffix(ending)
    place %= len(rows)
    with TemporaryDirectory() as folder:
        file = Path(folder, "people.csv")
        file.write_bytes(before.encode())
        (outcome,) = store(folder, delimiter=delimiter).write("people", [Update(f"k{place}", {"b": new}, {})], ["b"])
        after = file.read_bytes().decode()
        items = [
            item
            for page in store(folder, delimiter=delimiter).changed_since("people", ["a", "b", "c"], None)
            for item in page.items
        ]
    assert isinstance(outcome, Written)
    wanted[place + 1][2] = new
    assert list(csv.reader(io.StringIO(after, newline=""), delimiter=delimiter)) == wanted
    assert after.endswith(ending) == before.endswith(ending)
    seen = {item.id: [value or "" for value in item.fields.values()] for item in items if isinstance(item, Seen)}
    assert seen == {id: cells for id, *cells in wanted[1:]}


@settings(max_examples=60, deadline=None)
@given(key=TEXT.filter(bool), name=TEXT)
def test_what_was_created_is_found(key: str, name: str) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "people.csv").write_bytes(b"id,instep_id,name\n1,,x\n")
        for created in (True, False):
            (outcome,) = store(folder).write("people", [Create("instep_id", key, {"name": name})], ["name"])
            if key == "1":
                break
            assert isinstance(outcome, Written)
            assert outcome.created is created
            ((found,),) = store(folder).find("people", "instep_id", [key], ["name"])
            assert (found.fields["name"] or "") == name
