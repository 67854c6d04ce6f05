"""Companies that do a great deal while nobody there is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from instep.contract import BehaviourSeen
from instep.errors import ConfigError
from instep.model.surge import telling
from instep.sync.surge import Surge, find_surges

from ..semantics.cases import Stage, play
from .conftest import Instep

SCORING = "cuts = [10]\npoints = { webinar = 40, trial = 60 }"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A company that nobody is known of, and that did five things in ten days."""
    stage = Stage(tmp_path)
    stage.config |= {"scoring": SCORING, "roles": "decision=sales"}
    play(stage, "a.acme; a.bolt; sync; sync")
    for number in range(5):
        visit(stage, f"w{number}", "webinar", 2 * number + 1, title=f"Tea {number}\x1b[31m", email_body="secret")
    play(stage, "sync; sync")
    return stage


def visit(stage: Stage, id: str, what: str, days: float, system: str = "a", **details: str) -> None:
    subject = ("companies", stage.find(system, "acme") or "acme")
    at = stage.clock.now - timedelta(days=days)
    seen = BehaviourSeen(id, "act", at, "buyer", (subject,), None, {"what": what, **details})
    stage.systems[system].behaviours.append(seen)


def surges(stage: Stage, *, fewest: int = 5, days: int = 30, at: datetime | None = None) -> list[Surge]:
    return list(find_surges(stage.workspace(), fewest=fewest, days=days, at=at).companies)


def test_a_company_that_nobody_is_known_of_is_listed_with_what_it_did(stage: Stage) -> None:
    [acme] = surges(stage)
    assert (acme.known_as, acme.events) == ("acme.example", 5)
    [webinars] = acme.consumed
    assert (webinars.behaviour, webinars.count, len(webinars.texts)) == ("webinar", 5, 5)


def test_fewer_things_or_fewer_days_are_no_surge(stage: Stage) -> None:
    assert surges(stage, fewest=6) == []
    assert surges(stage, days=5) == []
    assert len(surges(stage, fewest=2, days=5)) == 1


def test_it_says_where_the_company_stands_and_what_would_be_next(stage: Stage) -> None:
    [acme] = surges(stage)
    assert acme.next is not None
    assert (acme.stage, acme.next.key, acme.next.enter.behaviours) == ("consideration", "decision", {"trial"})
    assert acme.score == pytest.approx(sum(40 * 0.5 ** ((2 * n + 1) / 30) for n in range(5)), rel=0.01)


def test_without_an_owner_whoever_would_be_named_for_the_next_stage_is(stage: Stage) -> None:
    [acme] = surges(stage)
    assert (acme.owner, acme.candidate) == (None, "Ann")


def test_a_company_of_which_somebody_is_known_is_not_listed(stage: Stage) -> None:
    play(stage, "a.jane; a.jane in a.acme; sync; sync")
    assert surges(stage) == []


def test_as_of_a_day_before_somebody_was_known_it_is(stage: Stage) -> None:
    before, [then] = stage.clock.now, surges(stage)
    play(stage, "1d pass; a.jane; a.jane in a.acme; sync; sync")
    [acme] = surges(stage, at=before)
    assert (acme.known_as, acme.stage, acme.score) == (then.known_as, then.stage, pytest.approx(then.score, rel=1e-3))
    assert surges(stage, at=stage.clock.now) == []


def test_what_two_systems_tell_of_counts_once(stage: Stage) -> None:
    visit(stage, "again", "webinar", 1.001, system="b")
    play(stage, "sync")
    assert [one.events for one in surges(stage)] == [5]


def test_what_somebody_is_called_is_never_told() -> None:
    details: dict[str, Any] = {"first_name": "Jane", "jobTitle": "CTO", "page": "jane@x.example", "form_id": "7"}
    assert telling({**details, "documentTitle": "Tea for all", "pageUrl": "/tea"}) == ("Tea for all", "/tea")


def test_before_the_first_run_nothing_was_known(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="no run had begun"):
        surges(stage, at=stage.clock.now - timedelta(days=400))


def test_the_command_says_the_same_in_text_json_and_markdown(stage: Stage, instep: Instep, tmp_path: Path) -> None:
    arguments = ("report", "surge", "--workspace", str(stage.root))
    [found] = instep(*arguments, "--json").json["companies"]
    text = instep(*arguments, "--markdown", str(tmp_path / "surge.md")).out
    markdown = (tmp_path / "surge.md").read_text()
    assert (found["known_as"], found["events"], found["next"]["stage"]) == ("acme.example", 5, "decision")
    assert "acme.example" in text
    assert "no owner, Ann could take it for sales" in text
    assert "`acme.example`" in markdown
    assert "\x1b" not in text + markdown
    assert "secret" not in text + markdown
