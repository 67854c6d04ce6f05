"""A person who is erased is nowhere any more: not in a byte of the state, not where the policy says erase, for good.

Canary persons have words that stand nowhere else. They are looked for in every file of the state's folder, free
pages, log and saved plans included, in every encoding that is used there, and in what the systems hold.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from instep.cli.erase import erasure_text
from instep.contract import BehaviourSeen
from instep.mapping.load import load_workspace
from instep.model.entities import Kind
from instep.store import Store
from instep.store.schema import metadata
from instep.store.segments import Segments, columns_path
from instep.sync.allow import allow_back
from instep.sync.erase import Erasure, erase
from instep.sync.forget import DISOWNED, EMPTIED, GOES, HOLDS_NOBODY, QUOTES
from instep.sync.projections import entities
from instep.sync.run import plan_only, save_plan

from .effects import Watch
from .in_files import FilesPlace
from .in_hubspot import HubSpotPlace
from .in_memory import MemoryPlace
from .in_salesforce import SalesforcePlace
from .journeys import Journey, Story
from .place import Place
from .rehearsal import LATER, Rehearsal, rehearsal

LAST = "Quillfeather"
EMAIL = "zoe.quillfeather@canary.example"
CANARIES = ("Quillfeather", "canary.example", "Zoëtrope", "Xylophonist", "Theremin", "777 9911", "777 9922", "Ondes")
ERASE = {"a": "erase", "b": "erase", "c": "erase"}
BEHAVIOURS = '\n[[behaviours]]\nkind = "act"\nbehaviour = "attends-webinar"\n'
MEETINGS = '\n[[behaviours]]\nkind = "meeting"\nbehaviour = "schedules-meeting"\n'


def in_step(story: Story) -> None:
    """The canary is in every system, with a company, an opportunity and an opt-out; and somebody else is."""
    a, b = story.first, story.second
    a.make("company", "Acme", domain="acme.example", city="Bern")
    a.make("person", LAST, email=EMAIL, first_name="Zoëtrope", title="Chief Xylophonist", phone="+41 31 777 9911")
    a.make("person", "Doe", email="doe@acme.example", first_name="Dora", title="CTO")
    a.tie("person", LAST, "company", "Acme")
    a.make("opportunity", "Ledger", amount="1500", close_date="2030-12-24", stage="decision")
    a.tie("opportunity", "Ledger", "company", "Acme")
    a.tie("opportunity", "Ledger", "person", LAST)
    a.tie("opportunity", "Ledger", "person", "Doe")
    story.sync()
    b.edit("person", LAST, phone="+41 31 777 9922")
    story.sync()


def much_happens(story: Story) -> None:
    """Systems disagree about the canary, one refuses a value, one does not answer, and somebody meets them."""
    a, b = story.first, story.second
    a.edit("person", LAST, title="Theremin Envoy")
    b.edit("person", LAST, title="Ondes Martenot Envoy")
    a.opt_out(LAST)
    for place in story.places:
        if isinstance(place, HubSpotPlace):
            id = place.find("person", LAST)
            deal = place.find("opportunity", "Ledger")
            place.world.engage("meetings", [id], deals=[deal], hs_meeting_title=f"Lunch with {LAST}")
        if isinstance(place, MemoryPlace):
            person = ("people", place.find("person", LAST))
            place.system.refuse["title"] = "Theremin Envoy"
            place.system.behaviours += [
                BehaviourSeen(f"{LAST}-1", "act", place._clock.now, "buyer", (person,), None, {"of": LAST}),
                BehaviourSeen("form-2", "act", place._clock.now, "buyer", (), EMAIL, {"of": LAST}),
            ]
    a.make("person", "Kim", email="kim@acme.example")


@contextmanager
def story_of(
    systems: str, folder: Path, policies: Mapping[str, str], journey: Journey | None = None
) -> Iterator[Rehearsal]:
    """The canary's story, right before the run that hears of all that happened."""
    with rehearsal(systems, journey or Journey(in_step, much_happens), folder) as story:
        for place in story.places:
            path = story.root / "mappings" / f"{place.name}.toml"
            policy = policies.get(place.name, "keep")
            text = place.mapping.replace("[person]\n", f'[person]\nerase = "{policy}"\n')
            more = MEETINGS if isinstance(place, HubSpotPlace) else BEHAVIOURS
            path.write_text(text + more if isinstance(place, HubSpotPlace | MemoryPlace) else text)
        story.workspace = load_workspace(story.root)
        yield story


def told(story: Rehearsal) -> None:
    """Play it from its beginning: a run with a lost answer, and a saved plan."""
    story.put_back()
    for place in story.places:
        if isinstance(place, SalesforcePlace):
            place.refuse("person", LAST)
    story.places[1].lose(after=0, times=1)
    story.run()
    for place in story.places:
        place.calm()
    story.wait(LATER)
    story.places[-1].edit("person", LAST, first_name="Zoëtrope Ada")
    outcome = plan_only(story.workspace, story.world(Watch(story.time)))
    save_plan(story.workspace, outcome, story.root / ".instep" / "plan.json")
    leave_free_pages(story.root / ".instep" / "state.db")
    keep_columns(story.root / ".instep" / "state.db")


def keep_columns(path: Path) -> None:
    """The columns that a replay left, and those of one that died while it built them."""
    persons = entities(Kind.PERSON, ("email", "first_name", "title", "phone"))
    with Store(path) as store, Segments(store) as columns:
        columns.refresh([persons])
    shutil.copyfile(columns_path(path), f"{columns_path(path)}.part")


def leave_free_pages(path: Path) -> None:
    """Deleted pages as a SQLite leaves them that does not overwrite what it deletes: not every one does."""
    with closing(sqlite3.connect(path)) as state:
        state.execute("PRAGMA secure_delete = OFF")
        state.execute("CREATE TABLE once (said TEXT)")
        state.executemany("INSERT INTO once VALUES (?)", [(" ".join(CANARIES) * 9,) for _ in range(50)])
        state.commit()
        state.execute("DROP TABLE once")
        state.commit()
    assert hits(path.read_bytes(), CANARIES) == {*CANARIES}


def erased(story: Rehearsal, key: str = EMAIL, **how: Any) -> Erasure:
    story.wait(LATER)
    run = story.run(runner=lambda workspace, world: erase(workspace, world, key, **how))  # type: ignore[arg-type,return-value]
    assert run.error is None, run.error
    return run.outcome  # type: ignore[return-value]


# --- the scan --------------------------------------------------------------------------------------------------


def forms(word: str) -> set[bytes]:
    """A word as any encoding that is used may write it, small and capital letters alike."""
    escaped = json.dumps(word)[1:-1]
    texts = {form for text in (word, escaped) for form in (text, text.lower())}
    return {text.encode(encoding) for text in texts for encoding in ("utf-8", "utf-16-le", "utf-16-be")}


def hits(data: bytes, words: Iterable[str]) -> set[str]:
    both = data, data.lower()
    return {word for word in words if any(form in one for form in forms(word) for one in both)}


def found_in(folder: Path, words: Iterable[str] = CANARIES) -> dict[str, set[str]]:
    """Which words stand in which file of a folder; columns are unpacked."""
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files |= {path.name: unpacked(path) for path in folder.glob("*.columns.db*") if path.suffix != ".lock"}
    return {name: found for name, data in files.items() if (found := hits(data, words))}


def unpacked(columns: Path) -> bytes:
    with closing(sqlite3.connect(columns)) as raw:
        packed = raw.execute("SELECT data FROM segment").fetchall()
    return b"".join(pl.read_parquet(BytesIO(data)).write_csv().encode() for (data,) in packed)


def held_by(place: Place) -> set[str]:
    """Which canaries a system's records hold, the deleted ones included."""
    if isinstance(place, HubSpotPlace):
        rows: Sequence[Any] = [
            row for o in ("contacts", "deals") for gone in (False, True) for row in place.world.all(o, archived=gone)
        ]
    elif isinstance(place, SalesforcePlace):
        rows = [
            row
            for o in ("Contact", "Lead", "Opportunity")
            for gone in (False, True)
            for row in place.world.all(o, deleted=gone)
        ]
    elif isinstance(place, FilesPlace):
        return {word for words in found_in(place.folder).values() for word in words}
    else:
        assert isinstance(place, MemoryPlace)
        rows = [row.fields for records in place.system.objects.values() for row in records.values()]
    return hits(repr(rows).encode(), CANARIES)


def instep_id(story: Rehearsal) -> str:
    return str(
        story.rows(f"SELECT entity FROM mirror WHERE CAST(fields AS TEXT) LIKE '%{LAST}%' AND entity NOT NULL")[0][0]
    )


@pytest.mark.parametrize("systems", ["memory", "hubspot", "salesforce", "files", "mixed"])
def test_nothing_is_left_of_a_person_who_was_erased(memory: Path, systems: str) -> None:
    with story_of(systems, memory, ERASE) as story:
        told(story)
        words = {*CANARIES, instep_id(story)}
        state = story.root / ".instep"
        before = found_in(state, words)
        assert before["plan.json"]
        assert before["state.columns.db"] == before["state.columns.db.part"] > {"canary.example"}
        assert before["state.db"] == words  # the twin of the scan: it does find them
        assert all(held_by(place) for place in story.places)
        with closing(sqlite3.connect(state / "state.db")) as reader:
            reader.execute("SELECT count(*) FROM mirror").fetchone()
            done = erased(story)
            assert (done.exit_code, done.problems, {part.fate for part in done.parts}) == (0, [], {"erased"})
            assert (state / "state.db-wal").exists()
            assert found_in(state, words) == {}
        assert {place.name: held_by(place) for place in story.places} == {place.name: set() for place in story.places}
        story.wait(LATER)
        story.bring_in_step()
        assert found_in(state, words) == {}
        assert {held.name for held in story.held()["a"]} >= {"Doe", "Ledger", "Acme"}


@pytest.mark.parametrize("systems", ["memory", "mixed"])
def test_whom_a_system_keeps_is_nowhere_in_the_state_until_they_are_allowed_back(memory: Path, systems: str) -> None:
    with story_of(systems, memory, {"a": "keep", "b": "erase", "c": "erase"}) as story:
        told(story)
        state = story.root / ".instep"
        done = erased(story)
        assert {part.ref.connection: part.fate for part in done.parts} == {
            place.name: "kept" if place.name == "a" else "erased" for place in story.places
        }
        story.places[0].edit("person", LAST, title="Ondes Virtuoso")
        story.places[0].make("person", "Nightjar", email="nightjar@acme.example", title="Twin")
        story.wait(LATER)
        story.bring_in_step()
        outcome = story.runs[-1].outcome
        assert outcome is not None
        assert outcome.unaccounted == 0
        assert found_in(state) == {}
        names = {name: {held.name for held in records} for name, records in story.held().items()}
        assert all("Nightjar" in held for held in names.values())
        assert [name for name, held in names.items() if LAST in held] == ["a"]
        for place in story.places:
            if isinstance(place, SalesforcePlace):
                place.accept()
        allow_back(story.workspace, story.world(Watch(story.time)), EMAIL)
        story.wait(LATER)
        story.bring_in_step()
        assert all(LAST in {held.name for held in records} for records in story.held().values())


def becomes_others(story: Story) -> None:
    """The canary's record is merged with a twin's and, where there are leads, converted."""
    for place in story.places:
        if place.converts and place is not story.first:  # what we created there is a lead
            place.convert(LAST, "Acme")
        elif place.merges:
            place.make("person", f"{LAST}-Twin", email="twin@canary.example", title="Theremin Twin")
            place.merge("person", LAST, f"{LAST}-Twin")


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("systems", ["memory", "hubspot", "salesforce", "mixed"])
def test_what_their_records_were_and_became_goes_too(memory: Path, systems: str, is_read: bool) -> None:
    with story_of(systems, memory, ERASE, Journey(in_step, becomes_others)) as story:
        story.put_back()
        if is_read:
            story.run()
        done = erased(story)
        assert done.exit_code == 0, erasure_text(done)
        assert found_in(story.root / ".instep") == {}
        assert {place.name: held_by(place) for place in story.places} == {p.name: set() for p in story.places}
        story.wait(LATER)
        story.bring_in_step()
        assert found_in(story.root / ".instep") == {}
        assert {held.name for held in story.held()["a"]} >= {"Doe", "Ledger", "Acme"}


# --- stopped anywhere ------------------------------------------------------------------------------------------


def wrong_after(story: Rehearsal, stop: int) -> list[str]:
    """Stop an erase at that effect and give the command again: what is left then."""
    told(story)
    story.wait(LATER)
    run = story.run(stop, runner=lambda workspace, world: erase(workspace, world, EMAIL))  # type: ignore[arg-type,return-value]
    assert run.stopped
    done = erased(story)
    wrong = [f"exit {done.exit_code}: {done.problems}"] if done.exit_code else []
    wrong += [f"{name}: {words}" for name, words in found_in(story.root / ".instep").items()]
    wrong += [f"{place.name} holds {held_by(place)}" for place in story.places if held_by(place)]
    wrong += [f"unsettled {row}" for row in story.rows("SELECT action, state FROM journal WHERE settled_at IS NULL")]
    story.wait(LATER)
    story.bring_in_step()
    return wrong + [f"came back: {words}" for words in found_in(story.root / ".instep").values()]


def effects_of(story: Rehearsal) -> int:
    told(story)
    erased(story)
    return len(story.runs[-1].labels)


@pytest.mark.parametrize(("systems", "wanted"), [("memory", 6), ("mixed", 3)])
def test_an_erase_stopped_somewhere_is_finished_by_the_same_command(memory: Path, systems: str, wanted: int) -> None:
    with story_of(systems, memory, ERASE) as story:
        effects = effects_of(story)
        points = range(1, effects + 1, max(1, effects // wanted))
        found = {point: wrong_after(story, point) for point in points}
        assert {point: wrong for point, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    "stride", [pytest.param(5, marks=pytest.mark.ci), pytest.param(1, marks=pytest.mark.nightly)]
)
@pytest.mark.parametrize("systems", ["memory", "hubspot", "salesforce", "files", "mixed"])
def test_an_erase_stopped_anywhere_is_finished_by_the_same_command(memory: Path, systems: str, stride: int) -> None:
    with story_of(systems, memory, ERASE) as story:
        found = {point: wrong_after(story, point) for point in range(1, effects_of(story) + 1, stride)}
        assert {point: wrong for point, wrong in found.items() if wrong} == {}


@pytest.mark.ci
def test_what_could_not_be_swept_is_swept_by_the_next_run(memory: Path) -> None:
    with story_of("memory", memory, ERASE) as story:
        told(story)
        state = story.root / ".instep"
        with closing(sqlite3.connect(state / "state.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM mirror").fetchone()  # holds the log open
            done = erased(story)
            assert done.exit_code == 3
            assert re.search("free pages", done.problems[0])
            assert found_in(state)
        story.wait(LATER)
        story.run(runner=plan_only)
        assert found_in(state) == {}


# --- every table -----------------------------------------------------------------------------------------------


def test_somebody_has_thought_of_every_table() -> None:
    ruled = {rule.table for rule in (*GOES, *EMPTIED)} | QUOTES.keys()
    assert ruled | HOLDS_NOBODY.keys() | DISOWNED.keys() == metadata.tables.keys()
    assert ruled & HOLDS_NOBODY.keys() == set()


NAMING = {"record", "id", "to_id", "entity", "to_entity", "email", "fields", "before", "after", "details", "subject"}
"""Columns that name a person or hold what is said of one."""


def test_a_table_that_names_persons_is_not_said_to_hold_nobody() -> None:
    naming = {name for name, table in metadata.tables.items() if NAMING & {column.name for column in table.columns}}
    assert naming & HOLDS_NOBODY.keys() == {"erased"}
    assert {column for name, columns in QUOTES.items() for column in columns} <= {
        column.name for table in metadata.tables.values() for column in table.columns
    }
