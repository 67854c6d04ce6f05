"""Columns say what the rows say, whatever was written since they were built, and however they came to be lost."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.errors import BusyError, ConfigError
from instep.model.entities import Kind
from instep.model.values import Money, Scalar, comparable, encode
from instep.store import Store, segments
from instep.store.schema import metadata
from instep.store.segments import DamagedError, Projection, Segments, columns_path, delete_columns
from instep.store.triggers import trigger_statements
from instep.sync.projections import entities

from ...thorough import examples
from .rows import (
    DAYS,
    EMAILS,
    ONE,
    SCENE,
    Write,
    all_projections,
    anything,
    change,
    differing,
    drop,
    new_state,
    put,
    ref_of,
)
from .rows import write as write_rows

REFRESH: Write = lambda store: None  # noqa: E731
QUICK = settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few entities are many partitions, and any number of them may have changed."""
    monkeypatch.setattr(segments, "IN_A_PARTITION", 2)
    monkeypatch.setattr(segments, "IN_MEMORY", 3)
    monkeypatch.setattr(segments, "OVERLAID", 10.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    with new_state(tmp_path) as opened:
        with opened.transaction("persons"):
            for number in range(10):
                person(opened, f"p{number}", "CTO")
        yield opened


def person(store: Store, id: str, title: str) -> None:
    row = (id, encode({"title": title}))
    store.run("INSERT OR REPLACE INTO entity (id, kind, fields) VALUES (?, 'person', ?)", row)


def titles(store: Store, *projections: Projection) -> dict[str, str]:
    """What the columns say, by entity."""
    persons = projections[0] if projections else entities(Kind.PERSON, ("title",))
    with Segments(store) as columns:
        columns.refresh([persons])
        parts = [columns.read(persons, part, ["f:title"]) for part in range(columns.partitions)]
    return dict(pl.concat(parts).rows())


def titles_at_last(store: Store) -> dict[str, str]:
    """The same, where the columns may have been damaged: then they are read again."""
    try:
        return titles(store)
    except DamagedError:
        return titles(store)


def played(store: Store, writes: Sequence[Write]) -> list[str]:
    """What differs at any refresh, or in the end."""
    projections, wrong = all_projections(), list[str]()
    for one in (*writes, REFRESH):
        if one is REFRESH:
            with Segments(store) as columns:
                columns.refresh(projections)
                wrong += differing(columns, store, projections)
        else:
            write_rows(store, one)
    return wrong


# --- columns and rows ------------------------------------------------------------------------------------------


@QUICK
@given(writes=st.lists(anything | st.just(REFRESH), min_size=10, max_size=60))
def test_segments_and_what_changed_since_equal_the_rows(writes: list[Write]) -> None:
    with TemporaryDirectory() as folder, new_state(Path(folder)) as store:
        assert played(store, [*SCENE, REFRESH, *writes]) == []


WAITS = {"conflict", "question", "tombstone", "undone", "quarantine", "journal"}
E1 = {"entity": "e1"}
HEARD = encode({"Email": "x", "Title": "y"})
CONFLICT = put("conflict", **E1, kind="field", field="title", state="open")
QUESTION = put("question", kind="merge-too", subject="e1", connection="a", text="Merge?")
REFUSED = put("quarantine", **ref_of(ONE, "record"), entity="e4", action="update")
WRITE = {"run": 1, "fence": 1, "action": "update", "intended_at": DAYS[0]}
INTENDED = put("journal", **ref_of(ONE, "record"), **WRITE, state="intended")
NAMED = put("behaviour_subject", connection="a", object="deals", record="1", behaviour="v1")
TOLD = {
    "entity_insert": put("entity", id="e9", kind="person", fields=b"{}"),
    "entity_update": change("entity", {"dirty": 1}, {"id": "e1"}),
    "entity_delete": drop("entity", {"id": "e1"}),
    "mirror_insert": put("mirror", **ref_of(("a", "people", "9")), fields=b"{}", modified_at="", entity="e9"),
    "mirror_update": change("mirror", {"entity": "e2"}, ref_of(ONE)),
    "mirror_delete": drop("mirror", ref_of(ONE)),
    "base_insert": (drop("base", ref_of(ONE)), put("base", **ref_of(ONE), heard=HEARD)),
    "base_update": change("base", {"heard": b"{}"}, ref_of(ONE)),
    "base_delete": drop("base", ref_of(ONE)),
    "key_insert": put("key", **ref_of(("a", "people", "2")), name="email", kind="person", value=EMAILS[0]),
    "key_update": change("key", {"value": "else"}, ref_of(ONE)),
    "key_delete": drop("key", ref_of(ONE)),
    "relation_insert": put("relation", entity="e2", name="company", to_entity="e1"),
    "relation_update": change("relation", {"to_entity": "e3"}, E1),
    "relation_delete": drop("relation", E1),
    "journey_insert": put("journey", id="j9", entity="e9", kind="new"),
    "journey_update": change("journey", {"entity": "e3"}, {"id": "j1"}),
    "journey_delete": drop("journey", {"id": "j1"}),
    "claim_insert": put("claim", journey="j2", at=DAYS[0], type="stage", value="v", source="s", doer=""),
    "claim_update": change("claim", {"journey": "j2"}, {"journey": "j1"}),
    "claim_delete": drop("claim", {"journey": "j1"}),
    "behaviour_insert": put(
        "behaviour", connection="a", id="v3", kind="act", key="k", at=DAYS[0], actor="buyer", email=EMAILS[0]
    ),
    "behaviour_update": change("behaviour", {"key": None}, {"id": "v1"}),
    "behaviour_delete": drop("behaviour", {"id": "v1"}),
    "behaviour_subject_insert": NAMED,
    "behaviour_subject_update": change("behaviour_subject", {"object": "deals"}, {"behaviour": "v1"}),
    "behaviour_subject_delete": drop("behaviour_subject", {"behaviour": "v1"}),
    "conflict_insert": CONFLICT,
    "conflict_update": (CONFLICT, change("conflict", {"state": "decided"}, E1)),
    "conflict_delete": (CONFLICT, drop("conflict", E1)),
    "question_insert": QUESTION,
    "question_update": (QUESTION, change("question", {"subject": "e2"}, {"subject": "e1"})),
    "question_delete": (QUESTION, drop("question", {"subject": "e1"})),
    "tombstone_insert": put("tombstone", connection="a", entity="e1"),
    "tombstone_update": (put("tombstone", connection="a", entity="e1"), change("tombstone", {"entity": "e2"}, E1)),
    "tombstone_delete": (put("tombstone", connection="a", entity="e1"), drop("tombstone", E1)),
    "undone_insert": put("undone", **ref_of(ONE), field="Title"),
    "undone_update": (put("undone", **ref_of(ONE), field="Title"), change("undone", {"id": "2"}, ref_of(ONE))),
    "undone_delete": (put("undone", **ref_of(ONE), field="Title"), drop("undone", ref_of(ONE))),
    "quarantine_insert": REFUSED,
    "quarantine_update": (REFUSED, change("quarantine", {"record": "2"}, {"entity": "e4"})),
    "quarantine_delete": (REFUSED, drop("quarantine", {"entity": "e4"})),
    "journal_insert": INTENDED,
    "journal_update": (INTENDED, change("journal", {"state": "confirmed"}, {"run": 1})),
    "journal_delete": (INTENDED, drop("journal", {"run": 1})),
}
"""Trigger to a write that only it notes; with two, the columns are built between them."""


def test_every_trigger_has_a_write_that_it_notes() -> None:
    assert {statement.split()[2] for statement in trigger_statements()} == TOLD.keys()


@pytest.mark.parametrize("trigger", TOLD)
def test_a_write_is_noted_and_without_its_trigger_it_would_not_be(trigger: str, tmp_path: Path) -> None:
    told = TOLD[trigger]
    before, after = told if isinstance(told, tuple) else (REFRESH, told)
    for name, is_noted in (("with", True), ("without", False)):
        (tmp_path / name).mkdir()
        with new_state(tmp_path / name) as store:
            if not is_noted:
                store.run(f"DROP TRIGGER {trigger}")
            write_rows(store, *SCENE, before)
            assert bool(played(store, [REFRESH, after])) is not is_noted


def test_a_row_that_is_replaced_counts_as_deleted_too(tmp_path: Path) -> None:
    moved = put("journey", id="j1", entity="e3", kind="new")
    with new_state(tmp_path) as store:
        assert played(store, [*SCENE, REFRESH, moved]) == []


def test_a_writer_who_lets_replaced_rows_go_unnoted_is_seen(tmp_path: Path) -> None:
    moved = put("journey", id="j1", entity="e3", kind="new")
    with new_state(tmp_path) as store:
        store.run("PRAGMA recursive_triggers = OFF")
        assert played(store, [*SCENE, REFRESH, moved]) == ["journeys", "claims"]


VALUES = st.none() | st.booleans() | st.text() | st.integers(-(10**18), 10**18) | st.decimals(allow_nan=False)
AMOUNTS = st.builds(Money, st.decimals(allow_nan=False, allow_infinity=False, places=4), st.just("EUR"))
MORE = st.lists(st.text(), max_size=2).map(tuple) | st.datetimes(timezones=st.just(UTC)) | st.dates() | AMOUNTS


@QUICK
@given(held=st.lists(st.none() | st.tuples(VALUES | MORE), min_size=1, max_size=30))
def test_fields_are_kept_as_comparable_text(held: list[tuple[Scalar] | None]) -> None:
    wanted = {f"e{n}": comparable(value[0]) if value is not None else None for n, value in enumerate(held)}
    with TemporaryDirectory() as folder, new_state(Path(folder)) as store:
        for n, value in enumerate(held):
            fields = encode({"title": value[0]} if value is not None else {"other": None})
            write_rows(store, put("entity", id=f"e{n}", kind="person", fields=fields))
        assert titles(store) == wanted


def test_what_replays_need_does_not_load_polars_before_it_is_used() -> None:
    program = "import sys, instep.cli.main, instep.sync.run, instep.sync.projections; print('polars' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- when columns are built anew -------------------------------------------------------------------------------


def test_columns_are_built_once(store: Store) -> None:
    titles(store)
    made = columns_path(store.path).stat().st_ino
    with store.transaction("promoted"):
        person(store, "p3", "CEO")
    assert titles(store)["p3"] == '"CEO"'
    assert columns_path(store.path).stat().st_ino == made


def test_columns_are_built_anew_when_too_many_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "OVERLAID", 0.1)
    titles(store)
    with store.transaction("promoted"):
        person(store, "p3", "CEO")
    titles(store)
    assert store.count("SELECT count(*) FROM touched") == 1
    with store.transaction("promoted"):
        person(store, "p4", "CEO")
    assert titles(store)["p4"] == '"CEO"'
    assert store.count("SELECT count(*) FROM touched") == 0


def test_nothing_is_noted_before_there_are_columns(store: Store) -> None:
    assert store.count("SELECT count(*) FROM touched") == 0


def test_another_field_makes_other_columns(store: Store) -> None:
    titles(store)
    more = entities(Kind.PERSON, ("email", "title"))
    assert titles(store, more)["p1"] == '"CTO"'


def test_a_projection_that_is_added_leaves_the_others_and_what_is_noted(store: Store) -> None:
    titles(store)
    with store.transaction("promoted"):
        person(store, "p3", "CEO")
    assert played(store, [REFRESH]) == []
    assert store.rows("SELECT entity FROM touched") == [("p3",)]
    assert titles(store)["p3"] == '"CEO"'


def _done(statement: str) -> Callable[[Path], object]:
    def harm(path: Path) -> None:
        with closing(sqlite3.connect(path)) as raw:
            raw.execute(statement)
            raw.commit()

    return harm


def _cut(pages: int) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[: -4096 * pages])


_TWICE = """
UPDATE segment SET (checksum, data) = (SELECT o.checksum, o.data FROM segment o
    WHERE o.projection = segment.projection AND o.partition = 1)
WHERE partition = 0
"""
_damaged = _done("UPDATE segment SET data = zeroblob(length(data))")
HARMS: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "garbage": lambda path: path.write_bytes(b"something else entirely" * 999),
    "empty": lambda path: path.write_bytes(b""),
    "without its last page": _cut(1),
    "without half its pages": _cut(6),
    "damaged": _damaged,
    "without one partition": _done("DELETE FROM segment WHERE partition = 0"),
    "without any of the partitions": _done("UPDATE segment SET partition = partition + 100"),
    "a partition in another's place": _done(_TWICE),
    "fewer partitions than there are": _done("UPDATE fact SET value = '1' WHERE key = 'partitions'"),
    "of another state": _done("UPDATE fact SET value = 'l2' WHERE key = 'lineage'"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_columns_that_are_lost_or_anothers_are_built_anew(store: Store, harm: str) -> None:
    before = titles(store)
    HARMS[harm](columns_path(store.path))
    assert titles_at_last(store) == before
    HARMS[harm](columns_path(store.path))
    assert played(store, [REFRESH]) == []


def test_damaged_columns_are_never_read_and_do_not_stay(store: Store) -> None:
    before = titles(store)
    _damaged(columns_path(store.path))
    with pytest.raises(DamagedError, match=r"state\.columns\.db was damaged"):
        titles(store)
    assert not columns_path(store.path).exists()
    assert titles(store) == before
    assert titles(store) == before


def test_columns_that_cannot_be_written_are_said_to_and_are_built_once_they_can(store: Store) -> None:
    obstacle = columns_path(store.path).with_name("state.columns.db.part")
    obstacle.mkdir()
    with pytest.raises(ConfigError, match=r"state\.columns\.db cannot be written: .* Make room there"):
        titles(store)
    obstacle.rmdir()
    assert titles(store)["p3"] == '"CTO"'


def test_columns_of_a_state_that_was_put_back_are_built_anew(store: Store) -> None:
    titles(store)
    with closing(sqlite3.connect(store.path)) as raw, closing(sqlite3.connect(":memory:")) as kept:
        raw.backup(kept)
        with store.transaction("promoted"):
            person(store, "p3", "CEO")
        assert played(store, [REFRESH]) == []
        kept.backup(raw)
    assert titles(store)["p3"] == '"CTO"'
    assert played(store, [REFRESH]) == []


def test_only_the_owner_may_read_the_columns(store: Store) -> None:
    titles(store)
    assert stat.S_IMODE(columns_path(store.path).stat().st_mode) == 0o600


# --- others at the same time -----------------------------------------------------------------------------------


def test_what_is_read_is_of_one_moment(store: Store) -> None:
    persons = entities(Kind.PERSON, ("title",))
    with Segments(store) as columns:
        columns.refresh([persons])
        with store.transaction("promoted"):
            person(store, "p3", "CEO")
        read = pl.concat([columns.read(persons, part, ["f:title"]) for part in range(columns.partitions)])
    assert dict(read.rows())["p3"] == '"CTO"'


def test_whoever_is_kept_from_the_state_is_told(store: Store, tmp_path: Path) -> None:
    store.run("PRAGMA busy_timeout = 0")
    with Store(store.path) as other, other.transaction("long"), pytest.raises(BusyError):
        titles(store)
    assert len(titles(store)) == 10


def test_columns_that_are_deleted_while_they_are_built_do_not_come_to_be(store: Store) -> None:
    store.gate = lambda label: delete_columns(store.path) if label == "columns: built" else None
    with pytest.raises(BusyError):
        titles(store)
    assert not columns_path(store.path).exists()


@pytest.mark.parametrize("stop", range(1, 7))
def test_a_build_that_was_stopped_anywhere_leaves_no_wrong_columns(store: Store, stop: int) -> None:
    passed = 0

    def gate(label: str) -> None:
        nonlocal passed
        passed += 1
        if passed == stop:
            raise KeyboardInterrupt

    store.gate = gate
    writes: list[Write] = [*SCENE[:8], REFRESH, *SCENE[8:], REFRESH]
    try:
        titles(store)
        played(store, [lambda store: person(store, "p1", "CEO")])
        delete_columns(store.path)
        titles(store)
    except KeyboardInterrupt:
        pass
    store.gate = lambda label: None
    assert played(store, [REFRESH, *writes]) == []


def test_every_table_of_the_columns_is_among_the_rows_that_are_watched() -> None:
    watched = {statement.split()[2].rsplit("_", 1)[0] for statement in trigger_statements()}
    assert watched <= metadata.tables.keys()
    assert watched >= WAITS
