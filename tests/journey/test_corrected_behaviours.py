"""Activities that a system corrects or withdraws: what stays of them, and who is decided anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instep.contract import BehaviourGone, BehaviourSeen
from instep.store import Store
from instep.sync.erase import erase
from instep.sync.run import plan_only

from ..semantics.cases import Stage, play

JANE, JOAN, ACME = ("people", "jane"), ("people", "joan"), ("companies", "acme")
SCORING = "cuts = [10]\npoints = { webinar = 40, trial = 60 }"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two persons and a company whom both systems know, and nothing that is still to be decided."""
    stage = Stage(tmp_path)
    stage.config["scoring"] = SCORING
    play(stage, "a.jane; a.joan; a.acme; sync; sync")
    return stage


def act(stage: Stage, *subjects: tuple[str, str], email: str | None = None, what: str = "webinar") -> BehaviourSeen:
    return BehaviourSeen("one", "act", stage.clock.now, "buyer", subjects, email, {"what": what})


def tell(stage: Stage, *items: BehaviourSeen | BehaviourGone) -> None:
    """The system tells of some activities, and a run hears of it."""
    stage.systems["a"].behaviours += items
    play(stage, "sync")


def concerned(stage: Stage, *items: BehaviourSeen | BehaviourGone) -> set[str]:
    """The records of the system that a run which hears this has to decide anew."""
    stage.systems["a"].behaviours += items
    plan_only(stage.workspace(), stage.world())
    return {id for (id,) in rows(stage, "SELECT id FROM mirror WHERE dirty = 1 AND connection = 'a'")}


def rows(stage: Stage, query: str) -> Sequence[tuple[Any, ...]]:
    with Store(stage.root / ".instep" / "state.db") as store:
        return store.rows(query)


def subjects(stage: Stage) -> Sequence[tuple[str, str]]:
    return rows(stage, "SELECT object, record FROM behaviour_subject ORDER BY 1, 2")


def score(stage: Stage, name: str) -> Any:
    return stage.systems["b"].live("people")[stage.find("b", name) or ""].fields.get("score")


# --- corrected -------------------------------------------------------------------------------------------------


def test_a_corrected_activity_is_about_those_whom_it_names_now(stage: Stage) -> None:
    tell(stage, act(stage, JANE, ACME))
    tell(stage, act(stage, JOAN))
    assert subjects(stage) == [JOAN]


def test_whom_an_activity_no_longer_names_is_decided_anew_as_is_whom_it_names_now(stage: Stage) -> None:
    first = act(stage, JANE, ACME)
    tell(stage, first)
    assert concerned(stage, replace(first, subjects=(JOAN,))) == {"jane", "acme", "joan"}


def test_an_activity_that_was_given_to_the_wrong_person_moves_their_score(stage: Stage) -> None:
    first = act(stage, JANE)
    tell(stage, first)
    assert (score(stage, "jane"), score(stage, "joan")) == (40, None)
    tell(stage, replace(first, subjects=(JOAN,)))
    assert (score(stage, "jane"), score(stage, "joan")) == (0, 39)


def test_the_person_behind_a_former_address_is_decided_anew(stage: Stage) -> None:
    first = act(stage, email="Jane@x.example")
    tell(stage, first)
    assert concerned(stage, replace(first, email="joan@x.example")) == {"jane", "joan"}


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "seller"},
        {"details": {"what": "trial"}},
        {"details": {"what": "webinar", "room": "7"}},
        {"email": "?"},
    ],
    ids=["who acted", "what it was", "a detail", "an address"],
)
def test_any_correction_has_its_subjects_decided_anew(stage: Stage, change: dict[str, Any]) -> None:
    first = act(stage, JANE)
    tell(stage, first)
    assert concerned(stage, replace(first, **change)) == {"jane"}


def test_an_activity_that_took_place_at_another_time_has_its_subjects_decided_anew(stage: Stage) -> None:
    tell(stage, act(stage, JANE))
    assert concerned(stage, act(stage, JANE)) == {"jane"}


def test_an_activity_that_is_read_again_concerns_nobody(stage: Stage) -> None:
    same = replace(act(stage, JANE, ACME, email="joan@x.example"), details={"what": "webinar", "of": ("a", "b")})
    tell(stage, same)
    assert concerned(stage, same, same) == set()


def test_of_an_activity_that_comes_twice_the_later_holds(stage: Stage) -> None:
    first = act(stage, JANE)
    tell(stage, first, BehaviourGone("one"), replace(first, subjects=(JOAN,)))
    assert subjects(stage) == [JOAN]


# --- withdrawn -------------------------------------------------------------------------------------------------


def test_a_withdrawn_activity_is_forgotten(stage: Stage) -> None:
    tell(stage, act(stage, JANE, ACME))
    tell(stage, BehaviourGone("one", stage.clock.now))
    assert (subjects(stage), rows(stage, "SELECT id FROM behaviour")) == ([], [])


def test_a_withdrawn_activity_counts_for_nobodys_score(stage: Stage) -> None:
    tell(stage, act(stage, JANE))
    assert score(stage, "jane") == 40
    tell(stage, BehaviourGone("one"))
    assert score(stage, "jane") == 0


def test_everyone_whom_a_withdrawn_activity_named_is_decided_anew(stage: Stage) -> None:
    tell(stage, act(stage, JANE, email="joan@x.example"))
    assert concerned(stage, BehaviourGone("one")) == {"jane", "joan"}


def test_what_was_never_told_is_withdrawn_from_nobody(stage: Stage) -> None:
    tell(stage, act(stage, JANE))
    assert concerned(stage, BehaviourGone("another")) == set()


def test_an_activity_that_comes_back_counts_again(stage: Stage) -> None:
    first = act(stage, JANE)
    tell(stage, first)
    tell(stage, BehaviourGone("one"))
    assert concerned(stage, first) == {"jane"}


# --- erased ----------------------------------------------------------------------------------------------------


def test_an_activity_that_turns_out_to_be_an_erased_persons_alone_is_forgotten(stage: Stage) -> None:
    erase(stage.workspace(), stage.world(), "jane@x.example", here_anyway=True)
    first = act(stage, JOAN)
    tell(stage, first)
    tell(stage, replace(first, subjects=(JANE,)))
    assert rows(stage, "SELECT id FROM behaviour") == []


def test_what_others_did_with_an_erased_person_concerns_nobody_when_it_is_read_again(stage: Stage) -> None:
    both = act(stage, JANE, JOAN)
    tell(stage, both)
    erase(stage.workspace(), stage.world(), "jane@x.example", here_anyway=True)
    play(stage, "sync")
    assert concerned(stage, both) == set()
