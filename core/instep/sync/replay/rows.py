"""Replaying row by row: the engine itself decides everybody twice, with the files as they are and as they would be.

This is what columns are tested against, and what they leave to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from instep.model.entities import Kind
from instep.model.values import Scalar, display
from instep.sync.changes import Change
from instep.sync.decide import decide
from instep.sync.decisions import Decisions
from instep.sync.labels import label
from instep.sync.match import Matches
from instep.sync.plan import plan
from instep.sync.replay.tally import Funnel, Shown, Tally, Write
from instep.sync.session import Session
from instep.sync.state import EntityState
from instep.sync.words import canonical


def replay_rows(before: Session, after: Session, whom: Mapping[Kind, set[str]], tally: Tally) -> None:
    """Decide the same entities with both sessions, side by side, and add up how they differ."""
    counts = before.workspace.process != after.workspace.process  # else journeys come as far as they do now
    sides = tuple(
        _decided(session, whom, funnel if counts else Funnel())
        for session, funnel in ((before, tally.before), (after, tally.after))
    )
    done = 0
    with before.store.remembering() as forget:  # both sides read the same
        for was, now in zip(*sides, strict=True):
            forget()
            known = {shown.entity: shown for shown in was}
            for shown in now:
                tally.compare(known[shown.entity], shown)
            done += len(now)
            after.progress("replay", done, sum(len(ids) for ids in whom.values()))


def _decided(session: Session, whom: Mapping[Kind, set[str]], funnel: Funnel) -> Iterator[list[Shown]]:
    """What is decided of everybody, in the same portions whatever the files say."""
    wanted = {id for ids in whom.values() for id in ids}
    for states, decisions in decide(session, Matches(), whom):
        changes: dict[str, list[Change]] = {}
        mine = [state for state in states if state.id in wanted]
        for change in plan(session, decisions, mine):
            changes.setdefault(change.entity, []).append(change)
        yield [_shown(session, state, changes.get(state.id, ())) for state in mine]
        _let_go(session, decisions, states, wanted, funnel)


def _let_go(
    session: Session, decisions: Decisions, states: Sequence[EntityState], wanted: Set[str], funnel: Funnel
) -> None:
    """Count the journeys of whoever was decided, and keep nothing of them that no later pass reads."""
    process = session.workspace.process
    for state in states:
        if state.kind is Kind.OPPORTUNITY:
            if state.id in wanted:
                funnel.add_journey(decisions.journeys[state.id].position, process)
            continue
        ids = decisions.own.pop(state.id, [])
        for id in ids:
            journey = decisions.journeys.pop(id, None)
            is_own = journey is not None and journey.continues_as is None and state.kind is Kind.PERSON
            if journey is not None and is_own and state.id in wanted:
                funnel.add_journey(journey.position, process)


def _shown(session: Session, state: EntityState, changes: Sequence[Change]) -> Shown:
    return Shown(
        state.id,
        state.kind,
        label(state.values) or state.id,
        aspects_of(state),
        frozenset(write for change in changes for write in writes_of(change)),
    )


def aspects_of(state: EntityState) -> dict[str, str | None]:
    """What may differ of an entity."""
    score = state.score.get("published")
    found: dict[str, str | None] = {
        "stage": state.stage,
        "detour": state.detour,
        "segment": state.segment,
        "owner": _text(canonical(state, "owner")),
        "band": state.score.get("band"),
        "grade": state.score.get("grade"),
        "score": None if score is None else str(int(score)),
    }
    return found | {name: _text(value) for name, value in state.values.items() if name != "owner"}


def _text(value: Scalar) -> str | None:
    return None if value is None else display(value)


def writes_of(change: Change) -> Iterator[Write]:
    """A change as the single things that it writes."""
    where = (change.connection, change.object, change.verb)
    if change.relation:
        yield Write(*where, change.relation, change.record or change.entity, change.to_entity)
    for value in change.values:
        told = display(value.after)
        clears = value.after is None and value.before is not None
        name = value.name or value.field
        yield Write(*where, name, change.record or change.entity, f"{value.field}={told}", clears)
    if not change.values and not change.relation:
        yield Write(*where, "", change.record or change.entity, "")
