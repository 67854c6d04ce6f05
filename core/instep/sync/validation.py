"""The journeys that were won, as the state remembers them, to hold the process against. Asks no system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from instep.model.process import Actor
from instep.model.validation import DatedAct, WonJourney
from instep.store import Store
from instep.sync.state import CLAIM, claim_of

HISTORY = "history"
"""The method of a validation that replays what is stored."""


@dataclass(frozen=True, slots=True)
class Validation:
    """That a version of the process was held against so many journeys, and when."""

    at: datetime
    journeys: int


@dataclass(slots=True)
class _Won:
    """A won journey being read."""

    id: str
    entity: str
    segment: str | None
    at: datetime
    acts: set[DatedAct] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Loose:
    """An act that counted for no journey, because no stage was entered by it; and whose it is."""

    entity: str
    act: DatedAct


def read_won_journeys(store: Store, now: datetime, since: date | None = None) -> list[WonJourney]:
    """Every journey that was won (since a day), the latest first, with everything its buyers did up to `now`.

    What counted for no journey, because no stage was entered by it, is given to the opportunity that it names, or
    else to the next journey that its doer won, or to the last one.
    """
    won = _won(store)
    _add_evidence(store, won)
    _add_loose(store, won)
    chosen = [journey for journey in won if since is None or journey.at.date() >= since]
    latest_first = sorted(chosen, key=lambda journey: (-journey.at.timestamp(), journey.id))
    return [
        WonJourney(one.id, tuple(sorted((a for a in one.acts if a.at <= now), key=_when)), one.segment)
        for one in latest_first
    ]


def record_validation(store: Store, digest: str, validation: Validation) -> None:
    """Keep that a version of the process was validated; a later validation takes the place of an earlier one."""
    row = (digest, HISTORY, validation.at.isoformat(), validation.journeys)
    with store.transaction("validated"):
        store.run("INSERT OR REPLACE INTO validation VALUES (?, ?, ?, ?)", row)


def read_validations(store: Store) -> Mapping[str, Validation]:
    """By a version's digest, when it was last validated, and with how many journeys."""
    rows = store.rows("SELECT digest, validated_at, validated_with FROM validation ORDER BY validated_at")
    return {digest: Validation(datetime.fromisoformat(at), journeys) for digest, at, journeys in rows}


# --- journeys ----------------------------------------------------------------------------------------------------


def _won(store: Store) -> list[_Won]:
    """Every journey whose outcome is that it was won, with the day of that claim."""
    rows = store.rows(
        "SELECT j.id, j.entity, j.segment, coalesce(max(c.at), j.since, j.opened_at) FROM journey j "
        "LEFT JOIN claim c ON c.journey = j.id AND c.type = 'outcome' AND c.value = 'won' AND c.accepted = 1 "
        "AND c.ended IS NULL "
        "WHERE j.outcome = 'won' AND j.continues_as IS NULL GROUP BY j.id ORDER BY j.id"
    )
    return [_Won(id, entity, segment, _instant(at)) for id, entity, segment, at in rows if at]


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _add_evidence(store: Store, won: Iterable[_Won]) -> None:
    """What counted for a journey, and for those that went on as it."""
    journeys = {journey.id: journey for journey in won}
    earlier = store.among("SELECT id, continues_as FROM journey WHERE continues_as IN (?)", sorted(journeys))
    owners = {id: journeys[successor] for id, successor in earlier} | journeys
    for row in store.among(
        f"SELECT {CLAIM} FROM claim "  # noqa: S608  # our own text
        "WHERE type = 'evidence' AND ended IS NULL AND journey IN (?)",
        sorted(owners),
    ):
        claim = claim_of(row)
        if claim.accepted:
            owners[claim.journey].acts.add(DatedAct(claim.at, claim.value))


# --- what counted for none ---------------------------------------------------------------------------------------


def _add_loose(store: Store, won: Sequence[_Won]) -> None:
    doers = _doers(store, won)
    journeys = {journey.entity: journey for journey in won}
    by_doer: dict[str, list[_Won]] = {}
    for journey in sorted(won, key=lambda journey: (journey.at, journey.id)):
        for doer in doers[journey.id]:
            by_doer.setdefault(doer, []).append(journey)
    for acts in _loose(store, sorted({*by_doer, *journeys})).values():
        named = [journeys[one.entity] for one in acts if one.entity in journeys and one.entity not in by_doer]
        theirs = [_next(by_doer[one.entity], one.act) for one in acts if one.entity in by_doer]
        for journey in named or theirs:
            journey.acts.add(acts[0].act)


def _next(won: Sequence[_Won], act: DatedAct) -> _Won:
    return next((journey for journey in won if journey.at >= act.at), won[-1])


def _doers(store: Store, won: Sequence[_Won]) -> dict[str, set[str]]:
    """By journey, the persons whose it is: the one that it is of, or those of its opportunity."""
    by_entity: dict[str, list[_Won]] = {}
    for journey in won:
        by_entity.setdefault(journey.entity, []).append(journey)
    rows = store.among(
        "SELECT r.entity, r.to_entity FROM relation r JOIN entity e ON e.id = r.to_entity AND e.kind = 'person' "
        "WHERE r.entity IN (?)",
        sorted(by_entity),
    )
    rows += [
        (id, id) for (id,) in store.among("SELECT id FROM entity WHERE kind = 'person' AND id IN (?)", [*by_entity])
    ]
    found: dict[str, set[str]] = {journey.id: set() for journey in won}
    for entity, doer in rows:
        for journey in by_entity[entity]:
            found[journey.id].add(doer)
    return found


def _loose(store: Store, entities: Sequence[str]) -> dict[str, list[_Loose]]:
    """By source, the mapped acts of these entities that are no journey's evidence."""
    counted = store.each("SELECT DISTINCT source FROM claim WHERE type = 'evidence' AND ended IS NULL")
    claimed = {source for (source,) in counted}
    found: dict[str, list[_Loose]] = {}
    for entity, source, key, at in [*_by_subject(store, entities), *_by_email(store, entities)]:
        one = _Loose(entity, DatedAct(datetime.fromisoformat(at), key))
        if source not in claimed and one not in found.setdefault(source, []):
            found[source].append(one)
    return {source: acts for source, acts in found.items() if acts}


def _by_subject(store: Store, entities: Sequence[str]) -> list[tuple[Any, ...]]:
    return store.among(
        "SELECT m.entity, b.connection || '/behaviour/' || b.id, b.key, b.at FROM mirror m "
        "JOIN behaviour_subject s ON s.connection = m.connection AND s.object = m.object AND s.record = m.id "
        "JOIN behaviour b ON b.connection = s.connection AND b.id = s.behaviour "
        "WHERE b.key IS NOT NULL AND b.actor = ? AND m.entity IN (?)",
        entities,
        Actor.BUYER.value,
    )


def _by_email(store: Store, entities: Sequence[str]) -> list[tuple[Any, ...]]:
    return store.among(
        "SELECT m.entity, b.connection || '/behaviour/' || b.id, b.key, b.at FROM mirror m "
        "JOIN key k ON k.connection = m.connection AND k.object = m.object AND k.id = m.id AND k.name = 'email' "
        "JOIN behaviour b ON b.email = k.value "
        "WHERE b.key IS NOT NULL AND b.actor = ? AND m.entity IN (?)",
        entities,
        Actor.BUYER.value,
    )


def _when(act: DatedAct) -> tuple[datetime, str]:
    return act.at, act.key
