"""What the state tells of the journeys that were won, and how a validation is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from instep.model.validation import WonJourney
from instep.store import Store
from instep.sync.validation import Validation, read_validations, read_won_journeys, record_validation

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=365)


def at(day: int) -> str:
    return (START + timedelta(days=day)).isoformat()


class State:
    """A state with what a test puts there."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, table: str, **row: object) -> None:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        with self.store.transaction("put"):
            self.store.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))

    def person(self, id: str) -> None:
        self.put("entity", id=id, kind="person")
        self.put("mirror", connection="crm", object="contacts", id=f"r-{id}", entity=id)

    def deal(self, id: str, *people: str, won: int | None) -> None:
        """An opportunity of these people, with a journey, won on a day."""
        self.put("entity", id=id, kind="opportunity")
        self.put("mirror", connection="crm", object="deals", id=f"r-{id}", entity=id)
        for person in people:
            self.put("relation", entity=id, name="people", to_entity=person)
        self.journey(id, id, won)

    def journey(self, id: str, entity: str, won: int | None, *, continues_as: str | None = None) -> None:
        outcome = None if won is None else "won"
        self.put("journey", id=id, entity=entity, kind="new", outcome=outcome, continues_as=continues_as)
        if won is not None:
            self.claim(id, won, "won", f"crm/deals/{id}", type="outcome")

    def claim(self, journey: str, day: int, value: str, source: str, type: str = "evidence", **more: int) -> None:
        row = {"accepted": 1, "doer": "", **more}
        self.put("claim", journey=journey, at=at(day), type=type, value=value, source=source, **row)

    def act(self, id: str, day: int, key: str | None, *subjects: tuple[str, str], actor: str = "buyer") -> None:
        """An activity that no journey's claim is about, unless a test adds one."""
        self.put("behaviour", connection="crm", id=id, kind="call", key=key, at=at(day), actor=actor)
        for object, record in subjects:
            self.put("behaviour_subject", connection="crm", object=object, record=record, behaviour=id)

    def won(self, since: date | None = None) -> list[WonJourney]:
        return read_won_journeys(self.store, NOW, since)

    def did(self, journey: str) -> list[str]:
        return next([act.key for act in one.acts] for one in self.won() if one.id == journey)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with Store(tmp_path / "state.db") as store:
        yield State(store)


def of(person: str) -> tuple[str, str]:
    return "contacts", f"r-{person}"


def test_only_won_journeys_are_read_the_latest_first(state: State) -> None:
    state.deal("old", won=1)
    state.deal("new", won=5)
    state.deal("open", won=None)

    assert [journey.id for journey in state.won()] == ["new", "old"]


def test_those_that_were_won_before_a_day_are_left_out(state: State) -> None:
    state.deal("old", won=1)
    state.deal("new", won=5)

    assert [journey.id for journey in state.won((START + timedelta(days=5)).date())] == ["new"]


def test_what_counted_for_a_journey_is_in_it_in_the_order_in_which_it_happened(state: State) -> None:
    state.deal("deal", won=5)
    state.claim("deal", 2, "requests-call", "crm/behaviour/2")
    state.claim("deal", 1, "visits-website", "crm/behaviour/1")
    state.claim("deal", 0, "not-counted", "crm/behaviour/0", accepted=0)

    assert state.did("deal") == ["visits-website", "requests-call"]


def test_what_counted_for_a_journey_that_went_on_as_it_is_in_it_too(state: State) -> None:
    state.person("jane")
    state.deal("deal", "jane", won=5)
    state.journey("jane.1", "jane", None, continues_as="deal")
    state.claim("jane.1", 1, "visits-website", "crm/behaviour/1")

    assert state.did("deal") == ["visits-website"]


def test_what_counted_for_no_journey_is_given_to_the_next_one_that_its_doer_won(state: State) -> None:
    state.person("jane")
    state.deal("first", "jane", won=5)
    state.deal("second", "jane", won=9)
    state.act("1", 4, "reads-reviews", of("jane"))
    state.act("2", 6, "visits-reference", of("jane"))
    state.act("3", 20, "joins-community", of("jane"))

    assert (state.did("first"), state.did("second")) == (["reads-reviews"], ["visits-reference", "joins-community"])


def test_what_names_an_opportunity_is_given_to_it(state: State) -> None:
    state.person("jane")
    state.deal("first", "jane", won=5)
    state.deal("second", "jane", won=9)
    state.act("1", 1, "reads-reviews", of("jane"), ("deals", "r-second"))

    assert (state.did("first"), state.did("second")) == ([], ["reads-reviews"])


def test_what_a_person_did_by_their_address_is_theirs(state: State) -> None:
    state.person("jane")
    state.deal("deal", "jane", won=5)
    state.put(
        "key", connection="crm", object="contacts", id="r-jane", name="email", kind="person", value="jane@tea.example"
    )
    state.act("1", 1, "reads-reviews")
    with state.store.transaction("put"):
        state.store.run("UPDATE behaviour SET email = 'jane@tea.example'")

    assert state.did("deal") == ["reads-reviews"]


def test_a_persons_own_won_journey_is_read_like_any_other(state: State) -> None:
    state.person("jane")
    state.journey("jane.1", "jane", 5)
    state.act("1", 1, "reads-reviews", of("jane"))

    assert state.did("jane.1") == ["reads-reviews"]


@pytest.mark.parametrize(("key", "actor", "day"), [(None, "buyer", 1), ("calls", "seller", 1), ("x", "buyer", 400)])
def test_what_is_not_mapped_a_sellers_or_still_ahead_is_left_out(
    state: State, key: str | None, actor: str, day: int
) -> None:
    state.person("jane")
    state.deal("deal", "jane", won=5)
    state.act("1", day, key, of("jane"), actor=actor)

    assert state.did("deal") == []


def test_what_counted_for_another_journey_is_not_given_away(state: State) -> None:
    state.person("jane")
    state.deal("won", "jane", won=5)
    state.deal("open", "jane", won=None)
    state.act("1", 1, "requests-call", of("jane"))
    state.claim("open", 1, "requests-call", "crm/behaviour/1")

    assert state.did("won") == []


def test_what_counted_once_and_does_so_no_more_is_left_out(state: State) -> None:
    state.deal("deal", won=5)
    state.claim("deal", 1, "requests-call", "crm/behaviour/1", ended=2)

    assert state.did("deal") == []


def test_what_counted_for_another_journey_once_is_given_to_the_next_one_that_its_doer_won(state: State) -> None:
    state.person("jane")
    state.deal("won", "jane", won=5)
    state.deal("open", "jane", won=None)
    state.act("1", 1, "requests-call", of("jane"))
    state.claim("open", 1, "requests-call", "crm/behaviour/1", ended=2)

    assert state.did("won") == ["requests-call"]


def test_the_last_validation_of_a_version_is_kept(state: State) -> None:
    first, second = Validation(START, 7), Validation(NOW, 9)
    for validation in (first, second):
        record_validation(state.store, "abc", validation)
    record_validation(state.store, "def", first)

    assert read_validations(state.store) == {"abc": second, "def": first}
