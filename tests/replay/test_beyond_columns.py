"""What is beyond the columns comes out as rows say: each of these did not, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from instep.sync.replay import replay
from instep.sync.replay.files import Replacement

from ..semantics import cases
from ..semantics.cases import Stage, play
from .test_columns import both_ways, small_ones_too  # noqa: F401  # a fixture

CALM = {"quarantine": "tries = 5\n[guards]\nenabled = false"}
HANDOVER = '[[assign]]\nkind = "person"\nwhen = "handover"\n'
SCORED = """points = {{ webinar = 10 }}
bands = {{ cold = 0, warm = 20 }}
[[fit]]
points = {points}
when = {{ field = "{field}", eq = "{value}" }}
"""
TEA = """
[[segments]]
key = "tea"
label = "Tea"
when = { field = "company.industry", eq = "Tea" }
[[segments]]
key = "rest"
label = "Rest"
"""
KNOWN, HEARD = '{ Coffee = "coffee" }', '{ Coffee = "coffee", Tea = "thee" }'


def enters(**ways: str) -> str:
    """Stages, each with how it is entered."""
    return "".join(f'\n[[stages]]\nkey = "{key}"\nenter = {{ {way} }}\n' for key, way in ways.items())


def agree(stage: Stage, changed: dict[str, str]) -> dict[str, object]:
    """What both ways say of some changed files."""
    assert stage.error is None, stage.error
    by_rows, by_columns = both_ways(stage, changed)
    assert by_columns == by_rows
    return by_rows


@pytest.mark.parametrize("more", [{}, {"scoring": SCORED.format(points=25, field="company.industry", value="Tea")}])
def test_a_company_that_is_heard_anew_is_another_one_for_its_people(tmp_path: Path, more: dict[str, str]) -> None:
    stage = Stage(tmp_path)
    scoring = SCORED.format(points=30, field="company.industry", value="Tea")
    stage.config |= CALM | {"systems": "a", "a values of industry": KNOWN, "process": TEA, "scoring": scoring}
    play(stage, "a.acme industry=thee; a.jane; a.jane in a.acme; a.joan; sync; sync; sync")
    moves = agree(stage, {"a values of industry": HEARD} | more)["moves"]
    assert {(move["kind"], move["to"]) for move in moves} >= {("company", "tea"), ("person", "tea")}  # type: ignore[attr-defined]


BLANK = '[[assign]]\nkind = "person"\nwhen = "blank"\nrole = "sales"\n'
OWNED = """
[[segments]]
key = "owned"
label = "Owned"
when = { field = "owner", is_blank = false }
"""


def test_who_is_given_an_owner_is_in_the_segment_of_the_owned_a_run_later(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.config |= CALM | {"systems": "a", "process": OWNED, "assign": BLANK}
    play(stage, "a.jane; a.joan; sync; sync; sync")
    assert agree(stage, {})["is_empty"]
    moves = agree(stage, {"process": enters(interest='any = ["training"]')})["moves"]
    found = [(move["aspect"], move["from"], move["to"], move["count"]) for move in moves]  # type: ignore[attr-defined]
    assert found == [("segment", "owned", None, 2)]


def test_who_is_given_an_owner_scores_for_it_a_run_later(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    scoring = SCORED.format(points=30, field="owner", value="ann")
    stage.config |= CALM | {"systems": "a", "scoring": scoring, "assign": BLANK}
    play(stage, "a.jane; sync; sync; sync")
    moves = agree(stage, {"scoring": scoring.replace("30", "0")})["moves"]
    assert {(move["aspect"], move["from"], move["to"]) for move in moves} >= {("score", "30", "0")}  # type: ignore[attr-defined]


@pytest.mark.parametrize("also", ['any = ["training"]', 'any = ["trial", "training"]'])
def test_an_act_that_enters_stages_of_both_halves_counts_where_a_journey_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, also: str
) -> None:
    monkeypatch.setattr(cases, "ENTER", {"consideration": "webinar"})
    stage = Stage(tmp_path)
    stage.config |= CALM
    play(stage, "a.jane; a.joan; sync; sync; jane did training 5d ago; jane did trial 3d ago; sync; sync")
    ways = {"research": 'any = ["trial"]', "implemented": also, "achievement": 'all = ["trial", "training"]'}
    assert agree(stage, {"process": enters(**ways)})["moves"]


def test_whoever_belongs_to_a_stranger_is_left_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.config |= CALM | {"assign": HANDOVER, "roles": "consideration=marketing"}
    known = "; ".join(f"{system} knows owner {who}" for who in ("ann", "bob") for system in "ab")
    play(stage, f"{known}; a.joan owner=u-ann; a.jack; sync; sync; joan did webinar 1d ago; sync; sync; sync")
    changed = {"process": enters(**{"loyal-customer": 'any = ["webinar"]'}), "team": "bob"}
    assert "owner" not in {move["aspect"] for move in agree(stage, changed)["moves"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["number", "row", "entity", "published", "due_at", "waits", "company_busy"])
def test_a_field_may_be_called_as_a_column_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    own = f'city = "city"\n{name} = {{{{ field = "city2", type = "text" }}}}'
    monkeypatch.setattr(cases, "ENTITIES", cases.ENTITIES.replace('city = "city"', own))
    stage = Stage(tmp_path)
    stage.config |= CALM | {"scoring": SCORED.format(points=30, field=name, value="Bern")}
    play(stage, "a.jane city2=Bern; a.joan city2=Basel; jane did webinar 1d ago; sync; sync; sync")
    assert agree(stage, {"scoring": SCORED.format(points=5, field=name, value="Bern")})["moves"]


@pytest.mark.parametrize("name", ["band", "grade"])
def test_a_rule_may_look_at_what_systems_are_told(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path)
    stage.config |= CALM | {"scoring": SCORED.format(points=30, field=name, value="cold"), "told": name}
    play(stage, "a.jane; a.joan; jane did webinar 1d ago; sync; sync; sync")
    agree(stage, {"scoring": SCORED.format(points=15, field=name, value="cold")})


def test_what_is_noted_of_a_first_buyer_is_noted_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.config |= CALM | {"assign": HANDOVER, "roles": "consideration=sales", "systems": "a"}
    joined = "a.acme; a.bolt; a.jane; a.jane in a.acme; a.joan; sync; sync; jane did webinar 1d ago; sync; sync; sync"
    play(stage, joined)
    notes = agree(stage, {"process": TEA + enters(achievement='any = ["webinar"]')})["notes"]
    assert [note["after"] for note in notes if note["code"] == "no-owner"] == [1]  # type: ignore[attr-defined]


def test_a_stage_that_the_change_itself_takes_away_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "ENTER", {"decision": "trial"})
    stage = Stage(tmp_path)
    stage.config |= CALM | {"process": enters(interest='any = ["webinar"]')}
    play(stage, "a.jane; a.joan; sync; sync; jane did webinar 3d ago; sync; sync")
    notes = agree(stage, {"process": enters(interest='any = ["training"]')})["notes"]
    assert {note["code"] for note in notes} == {"stage-left"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('key = "bob"', 'key = "rob"'),
        lambda text: text.replace("ann@us", "@@").replace("bob@us", "ann@us").replace("@@", "bob@us"),
    ],
    ids=["somebody left", "two have changed places"],
)
def test_a_field_that_names_a_colleague_is_told_by_whom_the_team_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]
) -> None:
    colleague = 'title = "title"\ncolleague = {{ field = "gone", type = "owner" }}'
    monkeypatch.setattr(cases, "ENTITIES", cases.ENTITIES.replace('title = "title"', colleague))
    stage = Stage(tmp_path)
    stage.config |= CALM
    known = "; ".join(f"{name} knows owner {who}" for name in "ab" for who in ("ann", "bob"))
    play(stage, f"{known}; a.jane gone=u-bob; a.joan; a.jack; sync; sync; sync")
    assert stage.error is None, stage.error
    file = tmp_path / "drafts" / "team.toml"
    file.parent.mkdir()
    stage.write_files()
    file.write_text(change((tmp_path / "mappings" / "team.toml").read_text()))
    sides = [
        replay(stage.workspace(), stage.world(), [Replacement("mappings/team.toml", file)], rows_only=rows).as_json()
        for rows in (True, False)
    ]
    assert sides[0] == sides[1]
    assert sides[0]["notes"] or sides[0]["writes"]


def test_whose_record_names_a_stranger_is_given_to_nobody_where_owners_are_only_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_told = cases.ENTITIES.replace('owner = "owner"', 'owner = {{ field = "owner", direction = "out" }}', 1)
    monkeypatch.setattr(cases, "ENTITIES", only_told)
    stage = Stage(tmp_path)
    stage.config |= CALM
    play(stage, "a.jane owner=u-stranger; a.joan; sync; sync; sync")
    given = '[[assign]]\nkind = "person"\nwhen = "blank"\nrole = "sales"\n'
    moves = agree(stage, {"assign": given})["moves"]
    assert [(move["to"], move["count"]) for move in moves] == [("ann", 1)]  # type: ignore[attr-defined]
