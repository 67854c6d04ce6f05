"""Why somebody scores what they do, and how they came to their stage: now, and as of any past day."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from instep.cli.explain import explanation_text
from instep.contract import BehaviourSeen
from instep.errors import ConfigError
from instep.store import Store
from instep.sync.explain import Explanation, explain
from instep.sync.override import Setting, set_stage, withdraw

from ..semantics.cases import Stage, play
from .conftest import Instep

SCORING = """
half_life = "30d"
points = { webinar = 40, trial = 60, training = -5 }
caps = { webinar = 70 }
bands = { cold = 0, warm = 30, hot = 60 }
[[fit]]
points = 7
when = { field = "title", eq = "CTO" }
[[fit]]
points = 3
when = { field = "company.industry", eq = "Tea" }
[company]
[[company.fit]]
points = 11
when = { field = "industry", eq = "Tea" }
"""


class Scored(Stage):
    """Persons and companies are scored, and systems are told both."""

    def _mapping(self, name: str) -> str:
        score = '[company.fields]\nscore = { field = "score", direction = "out" }'
        return super()._mapping(name).replace("[company.fields]", score)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Scored(tmp_path)
    stage.config["scoring"] = SCORING
    return stage


def act(stage: Stage, system: str, id: str, what: str, days: float, who: str = "jane", actor: Any = "buyer") -> None:
    subject = (stage.object_of(who), stage.find(system, who) or who)
    at = stage.clock.now - timedelta(days=days)
    stage.systems[system].behaviours.append(BehaviourSeen(id, "act", at, actor, (subject,), None, {"what": what}))


def told(stage: Stage, key: str, name: str, at: datetime | None = None) -> Explanation:
    found = explain(stage.workspace(), key, name, at=at)
    assert len(found) == 1
    return found[0]


def score(stage: Stage, key: str = "jane@x.example", at: datetime | None = None) -> dict[str, Any]:
    found: dict[str, Any] = told(stage, key, "score", at).extra["score"]
    return found


def decided(stage: Stage, key: str) -> dict[str, Any]:
    """What the last run that decided somebody stored of their score."""
    with Store(stage.root / ".instep" / "state.db") as store:
        [(kept,)] = store.rows(
            "SELECT e.score FROM entity e JOIN mirror m ON m.entity = e.id WHERE m.connection = 'a' AND m.id = ?",
            (key,),
        )
    found: dict[str, Any] = json.loads(kept)
    return found


def lines(found: dict[str, Any]) -> float:
    """The sum of everything that is printed."""
    parts = [one["left"] for one in found["acts"]] + [one["adds"] for one in found["people"]]
    return math.fsum([*parts, *(rule["points"] for rule in found["fit_rules"])])


@pytest.fixture
def busy(stage: Stage) -> Stage:
    """Jane did several things, was promoted, and works at a company that trades in tea."""
    play(stage, "a.jane; a.acme industry=Tea; a.jane in a.acme; sync; sync")
    act(stage, "a", "w1", "webinar", 20)
    act(stage, "a", "w2", "webinar", 10)
    act(stage, "a", "t1", "training", 9)
    play(stage, "sync; 5d pass; a.jane title=CTO; sync; 5d pass; jane did trial 1d ago; sync; sync")
    return stage


# --- scores ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["jane@x.example", "acme.example"])
@pytest.mark.parametrize("days", [0, 0.5, 3, 6, 9])
def test_the_lines_add_up_to_the_score_on_any_day(busy: Stage, who: str, days: float) -> None:
    found = score(busy, who, busy.clock.now - timedelta(days=days))
    assert found["acts"] or found["people"]
    assert lines(found) == pytest.approx(found["computed"], abs=1e-9)


@pytest.mark.parametrize(("who", "record"), [("jane@x.example", "jane"), ("acme.example", "acme")])
def test_the_lines_add_up_to_what_was_decided(busy: Stage, who: str, record: str) -> None:
    kept = decided(busy, record)
    found = score(busy, who, datetime.fromisoformat(kept["engaged_at"]))
    assert lines(found) == pytest.approx(kept["engagement"] + kept["fit"], abs=1e-9)
    assert (found["published"], found["band"]) == (kept["published"], kept["band"])


def test_a_past_score_is_what_was_decided_then(busy: Stage) -> None:
    before = decided(busy, "jane")
    moment = datetime.fromisoformat(before["engaged_at"])
    play(busy, "3d pass; jane did trial 0m ago; a.jane title=CEO; sync; 3d pass; sync")
    assert decided(busy, "jane")["fit"] != before["fit"]
    found = score(busy, at=moment)
    assert (found["computed"], found["published"]) == (
        pytest.approx(before["engagement"] + before["fit"], abs=1e-9),
        before["published"],
    )


def test_points_are_within_the_cap_of_their_behaviour(busy: Stage) -> None:
    assert [(one["behaviour"], one["points"]) for one in score(busy)["acts"]] == [
        ("webinar", 40),
        ("webinar", 30),
        ("training", -5),
        ("trial", 60),
    ]


def test_the_rules_of_fit_are_those_that_held_then(busy: Stage) -> None:
    now = [rule["points"] for rule in score(busy)["fit_rules"]]
    then = [rule["points"] for rule in score(busy, at=busy.clock.now - timedelta(days=9))["fit_rules"]]
    assert (then, now) == ([3], [7, 3])


def test_what_two_systems_tell_of_is_one_line_that_names_both(stage: Stage) -> None:
    play(stage, "a.jane; sync; sync")
    act(stage, "a", "here", "webinar", 1)
    act(stage, "b", "there", "webinar", 1.01)
    play(stage, "sync")
    [one] = score(stage)["acts"]
    assert (one["source"], one["also"]) == ("a/behaviour/here", ["b/behaviour/there"])


def test_a_sellers_act_is_listed_and_not_counted(stage: Stage) -> None:
    play(stage, "a.jane; sync; sync")
    act(stage, "a", "call", "webinar", 1, actor="seller")
    play(stage, "sync")
    found = score(stage)
    assert (found["acts"], [one["why"] for one in found["not_counted"]]) == ([], ["done by the seller"])


def test_a_companys_score_lists_its_people_and_what_its_visitors_did(stage: Stage) -> None:
    play(stage, "a.acme industry=Tea; sync; sync")
    act(stage, "a", "visit", "webinar", 1, who="acme")
    play(stage, "sync")
    found = score(stage, "acme.example")
    assert [one["source"] for one in found["acts"]] == ["a/behaviour/visit"]
    play(stage, "1d pass; a.jane; a.jane in a.acme; sync; jane did trial 0m ago; sync; sync")
    found = score(stage, "acme.example")
    assert (found["acts"], [person["known_as"] for person in found["people"]]) == ([], ["jane@x.example"])
    assert [one["company"] for one in score(stage)["acts"]] == ["acme.example", None]


def found_id(stage: Stage, record: str) -> str:
    with Store(stage.root / ".instep" / "state.db") as store:
        row = store.row("SELECT entity FROM mirror WHERE connection = 'a' AND id = ?", (record,))
    assert row is not None
    return str(row[0])


def test_it_says_when_it_crosses_the_next_line(busy: Stage) -> None:
    found = score(busy)
    crossing = datetime.fromisoformat(found["next_crossing"])
    before, after = (score(busy, at=crossing + timedelta(seconds=by)) for by in (-60, 1))
    assert math.floor(before["computed"]) > math.floor(after["computed"])


def test_the_text_says_the_same(busy: Stage) -> None:
    text = explanation_text(told(busy, "jane@x.example", "score"))
    assert "left of +40" in text
    assert "fit       +7.00" in text
    assert "total " in text
    assert "  published 104 (rounded down), band hot since " in text


def test_where_nothing_is_scored_the_score_says_so(stage: Stage) -> None:
    stage.config["scoring"] = ""
    play(stage, "a.jane title=CTO; jane did webinar 1d ago; sync; sync")
    assert (
        told(stage, "jane@x.example", "score").reason["rule"]
        == "nobody is scored: mappings/scoring.toml gives no points"
    )
    stage.config["scoring"] = SCORING
    stage.write_files()
    play(stage, "1d pass; sync")
    assert told(stage, "jane@x.example", "score").reason["rule"] == "1 behaviour and fit"


# --- any field -------------------------------------------------------------------------------------------------


def test_a_field_is_explained_as_of_a_day(busy: Stage) -> None:
    early, late = (told(busy, "jane@x.example", "title", busy.clock.now - timedelta(days=d)).value for d in (9, 1))
    assert (early, late) == (None, "CTO")


def test_before_the_first_run_nothing_was_known(busy: Stage) -> None:
    with pytest.raises(ConfigError, match="no run had begun"):
        told(busy, "jane@x.example", "title", busy.clock.now - timedelta(days=400))


# --- stages ----------------------------------------------------------------------------------------------------


def stages(stage: Stage, key: str = "jane@x.example", at: datetime | None = None) -> dict[str, Any]:
    return told(stage, key, "stage", at).as_json()


def override(stage: Stage, to: str, *, days: float | None = None) -> None:
    until = stage.clock.now + timedelta(days=days) if days is not None else None
    setting = Setting(to, "agreed with\x1b[31m Jane", "ada", until)
    set_stage(stage.workspace(), stage.world(), "jane@x.example", setting)


def test_the_stage_is_explained_as_of_a_day(stage: Stage) -> None:
    play(stage, "a.jane stage=interest; sync; 2d pass; a.jane stage=decision; sync; 2d pass; sync")
    found = [stages(stage, at=stage.clock.now - timedelta(days=days))["value"] for days in (3, 1)]
    assert found == ["interest", "decision"]


def test_an_act_before_the_first_contact_does_not_move_its_stage_and_says_why(stage: Stage) -> None:
    play(stage, "a.jane stage=interest; a.joan; 5d pass; jane did trial 3d ago; joan did trial 3d ago; sync; sync")
    found = stages(stage)
    acts = [one["note"] for one in found["history"] if one["what"] == "evidence"]
    assert (found["value"], acts) == ("interest", ["before the first contact, which outweighs it"])
    held_nothing = stages(stage, "joan@x.example")
    acts = [one["note"] for one in held_nothing["history"] if one["what"] == "evidence"]
    assert (held_nothing["value"], acts) == ("decision", [""])


def test_an_act_after_the_first_contact_moves_its_stage_and_nothing_stands_beside_it(stage: Stage) -> None:
    play(stage, "a.jane stage=interest; sync; 5d pass; jane did trial 3d ago; sync")
    found = stages(stage)
    acts = [one["note"] for one in found["history"] if one["what"] == "evidence"]
    assert (found["value"], acts) == ("decision", [""])


def test_a_step_back_is_marked_with_its_reason(stage: Stage) -> None:
    play(stage, "a.jane stage=decision; sync; 1d pass; sync")
    override(stage, "interest")
    play(stage, "sync")
    assert [(step["stage"], step["back"], step["reason"]) for step in stages(stage)["steps"]] == [
        ("decision", False, "first contact"),
        ("interest", True, "agreed with\\x1b[31m Jane"),
    ]


def test_an_override_stands_beside_the_stage_that_the_evidence_proves(stage: Stage) -> None:
    play(stage, "a.jane; sync; jane did webinar 1d ago; sync")
    override(stage, "purchase", days=3)
    play(stage, "sync")
    found = stages(stage)
    assert (found["value"], found["journey"]["proven"]) == ("purchase", "consideration")
    assert [(one["by"], one["state"], one["decides"]) for one in found["overrides"]] == [("ada", "counts", True)]
    text = explanation_text(told(stage, "jane@x.example", "stage"))
    assert "proven    consideration" in text
    assert "override  purchase until" in text
    assert "\x1b" not in text


def test_both_are_said_where_they_are_the_same(stage: Stage) -> None:
    play(stage, "a.jane; sync; jane did webinar 1d ago; sync")
    override(stage, "consideration")
    play(stage, "sync")
    text = explanation_text(told(stage, "jane@x.example", "stage"))
    assert "override  consideration" in text
    assert "proven    consideration" in text


def test_an_override_that_waits_is_shown_and_decides_nothing(stage: Stage) -> None:
    play(stage, "a.jane stage=interest; sync; sync")
    override(stage, "decision")
    found = stages(stage)
    assert (found["value"], [(o["state"], o["decides"]) for o in found["overrides"]]) == (
        "interest",
        [("waits", False)],
    )


def test_a_withdrawn_override_is_shown_as_of_a_day_on_which_it_held(stage: Stage) -> None:
    play(stage, "a.jane stage=interest; sync; sync")
    override(stage, "decision")
    play(stage, "sync; 2d pass")
    withdraw(stage.workspace(), stage.world(), "jane@x.example")
    play(stage, "sync")
    now, then = stages(stage), stages(stage, at=stage.clock.now - timedelta(days=1))
    assert (now["value"], now["overrides"]) == ("interest", [])
    assert (then["value"], len(then["overrides"])) == ("decision", 1)


def test_the_other_journeys_of_the_buyer_have_a_line_each(stage: Stage) -> None:
    play(stage, "a.jane; a.deal1 stage=decision; a.deal2 stage=interest; a.deal1 of a.jane; a.deal2 of a.jane; sync")
    found = stages(stage)
    assert [one["known_as"] for one in found["other_journeys"]] == ["deal2"]
    assert "journey   deal2: interest" in explanation_text(told(stage, "jane@x.example", "stage"))


# --- the command -----------------------------------------------------------------------------------------------


def test_the_command_prints_the_same_in_text_and_json(busy: Stage, instep: Instep) -> None:
    arguments: Sequence[str] = ("explain", "jane@x.example", "--workspace", str(busy.root))
    day = (busy.clock.now - timedelta(days=2)).date().isoformat()
    document = instep(*arguments, "score", "--as-of", day, "--json").json["explanations"][0]
    assert document["as_of"] == f"{day}T23:59:59+00:00"
    assert (
        f"total     {math.floor(document['score']['computed'] * 100) / 100:.2f}"
        in instep(*arguments, "score", "--as-of", day).out
    )
    assert instep(*arguments, "--as-of", day, "--json").code == 0
    assert instep(*arguments, "--as-of", "yesterday").code == 2
    assert instep(*arguments, "--as-of", day, "--run", "1").code == 2
