"""The journal is complete: every change that a system saw is in it, and everything in it was sent.

The systems' own account of what our calls changed is joined with the journal, run by run, in every story and after
stops in any weather. Every row says what was there before, what was to be there after, why, in which run, under which
key it could be sent twice, and what the system answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from instep.contract import Scalar, Seen
from instep.model.values import decode, normalised
from instep.sync.session import open_session

from .checks import unmatched
from .effects import Watch
from .rehearsal import Rehearsal
from .theatre import CELLS, Scene, Theatre

QUERY = """
SELECT run, fence, connection, object, record, entity, action, before, after, reason, state, intended_at, settled_at,
answer FROM journal WHERE run = {} ORDER BY seq
"""


class Row(NamedTuple):
    """One row of the journal."""

    run: int
    fence: int
    connection: str
    object: str
    record: str | None
    entity: str
    action: str
    before: bytes
    after: bytes
    reason: bytes
    state: str
    intended_at: str
    settled_at: str | None
    answer: bytes | None

    @property
    def why(self) -> Mapping[str, str]:
        """The reason for each field, or for the action."""
        found: Mapping[str, str] = json.loads(self.reason)["why"]
        return found

    @property
    def key(self) -> tuple[Any, ...]:
        """By what the system knows that it is the same again: our own id, the record, or both ends of a tie."""
        detail = json.loads(self.reason)
        place = self.connection, self.object, self.action
        return *place, (self.entity if self.action == "create" else self.record), detail["to"], detail["scope"]


def journal(story: Rehearsal, run: int) -> list[Row]:
    """The rows of one run."""
    return [Row(*row) for row in story.rows(QUERY.format(run))]


def held(story: Rehearsal, wanted: list[Row]) -> dict[tuple[str, str, str], Mapping[str, Scalar]]:
    """What the records of some rows hold now, asked of the systems themselves."""
    found: dict[tuple[str, str, str], Mapping[str, Scalar]] = {}
    with open_session(story.workspace, story.world(Watch(story.time))) as session:
        for row in wanted:
            if row.record is not None and row.action in ("create", "update"):
                names = [*decode(row.before), *decode(row.after)]
                (item,) = session.live(row.connection).records.read(row.object, [row.record], names)
                place = row.connection, row.object, row.record
                found[place] = {**found.get(place, {}), **(item.fields if isinstance(item, Seen) else {})}
    return found


def wrong_rows(scene: Scene) -> Iterator[str]:
    """What is wrong with the rows of a whole run, each compared with what the record held before it, and after."""
    story = scene.story
    story.put_back()
    run = story.run()
    written = journal(story, run.number)
    yield from unmatched(story)
    after = held(story, written)
    story.put_back()
    before = held(story, [row for row in written if row.action == "update"])
    keys = [row.key for row in written]
    yield from (f"{key} twice" for key in {key for key in keys if keys.count(key) > 1})
    for row in written:
        yield from (f"{row}: {problem}" for problem in _problems(row))
        place = row.connection, row.object, str(row.record)
        if row.action == "update":
            was = before[place]
            yield from (
                f"{row}: {name} was {was.get(name)!r}, not {value!r}"
                for name, value in decode(row.before).items()
                if was.get(name) != value
            )
            yield from (f"{row}: nothing of {name}" for name in decode(row.after) if name not in decode(row.before))
        if row.action in ("create", "update"):
            yield from (
                f"{row}: {name} is {after[place].get(name)!r}, not {value!r}"
                for name, value in decode(row.after).items()
                if _said(after[place].get(name)) != _said(value)
            )
    if not written:
        yield "nothing was written"


def _said(value: Scalar) -> str:
    """A value in words: some systems say a day as its first moment, and yes as a word."""
    return str(normalised(value)).casefold().removesuffix(" 00:00:00+00:00")


def _problems(row: Row) -> Iterator[str]:
    fields = {name for name in decode(row.after) if not name.casefold().replace("_", "").startswith("instepid")}
    if not row.why or not all(row.why.values()):
        yield f"no reason: {row.why}"
    if row.action in ("create", "update") and fields - row.why.keys() and len(row.why) < len(fields):
        yield f"no reason for {fields - row.why.keys()}"
    if row.state != "confirmed" or not row.record or not row.settled_at or row.settled_at < row.intended_at:
        yield "not settled"
    answer = json.loads(row.answer or b"{}")
    if answer.get("id") != row.record and row.action in ("create", "update"):
        yield f"answered about {answer.get('id')}"
    if not row.fence or not row.entity:
        yield "by nobody, about nobody"


A_FEW = [("memory", "everyday"), ("hubspot", "everyday"), ("salesforce", "first load"), ("mixed", "departures")]


@pytest.mark.parametrize(("systems", "journey"), A_FEW)
def test_every_write_is_in_the_journal_with_before_after_and_reason(
    stage: Theatre, systems: str, journey: str
) -> None:
    assert [*wrong_rows(stage.scene(systems, journey))] == []


@pytest.mark.ci
@pytest.mark.parametrize(("systems", "journey"), CELLS)
def test_every_write_of_every_story_is_in_the_journal(stage: Theatre, systems: str, journey: str) -> None:
    assert [*wrong_rows(stage.scene(systems, journey))] == []


@pytest.mark.ci
@pytest.mark.parametrize(("systems", "journey"), [("hubspot", "everyday"), ("salesforce", "departures")])
def test_after_a_stop_every_write_is_in_the_journal_of_the_run_that_sent_it(
    stage: Theatre, systems: str, journey: str
) -> None:
    scene = stage.scene(systems, journey)
    assert scene.wrong_at(scene.some(12)) == {}


def test_a_write_that_nobody_journalled_is_noticed(stage: Theatre) -> None:
    story = stage.scene("memory", "everyday").story
    story.put_back()
    story.run(meanwhile=_unseen_hand(story))
    assert any("did not journal it" in text for text in unmatched(story))


def _unseen_hand(story: Rehearsal) -> Any:
    """Something that writes on its own while the run goes on."""
    system: Any = story.places[0]

    def hear(label: str) -> None:
        if label == "journal: intended":
            system.system.writes.append(("update", "unseen"))

    return hear
