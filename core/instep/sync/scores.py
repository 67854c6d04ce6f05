"""Scores of persons and companies: computed all the time, published when it matters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from instep.model.acts import Act
from instep.model.entities import Kind
from instep.model.process import Actor
from instep.model.rules import earliest, with_company
from instep.model.scoring import Engagement, Scoring
from instep.model.values import Scalar, amount
from instep.sync.session import Session
from instep.sync.state import EntityState

SCORES = ("score", "band", "grade")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a score is made of: what the buyer did, fading, and who they are."""

    engagement: float
    fit: float
    because: str
    due_at: datetime | None = None
    """When it changes otherwise than by fading: an act that lies ahead, a rule of fit that looks at the time."""


def decide_score(session: Session, state: EntityState, acts: Sequence[Act], company: Mapping[str, Scalar]) -> None:
    """Score a person from everything that they did, and say when the published score is due next."""
    scoring = session.workspace.scoring
    if scoring.is_empty:
        return
    facts = with_company(state.values, company)
    did = buyers_acts(acts)
    engagement = engagement_of(scoring, did, session.at)
    fit = scoring.fit_points(facts, session.at)
    because = amount(len(did), "behaviour") + (" and fit" if fit else "")
    due = earliest([*(act.at for act in did if act.at > session.at), scoring.fit_due(facts, session.at)])
    _publish(session, state, scoring, Parts(engagement.value, fit, because, due))


def decide_company_score(
    session: Session, state: EntityState, people: Iterable[Engagement], acts: Sequence[Act], *, is_joined: bool
) -> None:
    """Score a company from what all its people did, each act once.

    `acts` are what its visitors did without saying who they are; they count here unless they are part of its first
    buyer's history (`is_joined`).
    """
    scoring = session.workspace.scoring.of_companies()
    if session.workspace.scoring.is_empty:
        return
    worth = [engagement.worth(session.at, scoring.half_life_days) for engagement in people]
    if not is_joined:
        worth.append(engagement_of(scoring, buyers_acts(acts), session.at).value)
    fit = scoring.fit_points(state.values, session.at)
    because = f"what {amount(len(worth) - (not is_joined), 'person', 'people')} did" + (" and fit" if fit else "")
    ahead = [] if is_joined else [act.at for act in buyers_acts(acts) if act.at > session.at]
    due = earliest([*ahead, scoring.fit_due(state.values, session.at)])
    _publish(session, state, scoring, Parts(math.fsum(worth), fit, because, due))


def scores_companies(session: Session) -> bool:
    """Whether any system is to be told what a company scores."""
    return any((Kind.COMPANY, name) in session.tells for name in SCORES)


def buyers_acts(acts: Iterable[Act]) -> list[Act]:
    return [act for act in acts if act.actor == Actor.BUYER]


def engagement_of(scoring: Scoring, acts: Iterable[Act], now: datetime) -> Engagement:
    """What acts are worth at an instant; those that lie ahead nothing yet."""
    return scoring.engagement(scoring.counted((act.key, act.at, act.source) for act in acts), now)


def kept_engagement(score: Mapping[str, object]) -> Engagement | None:
    """The engagement that was decided last, in closed form; None for somebody who was never scored."""
    value, at = score.get("engagement"), score.get("engaged_at")
    if not isinstance(value, int | float) or not isinstance(at, str):
        return None
    return Engagement(float(value), datetime.fromisoformat(at))


def _publish(session: Session, state: EntityState, scoring: Scoring, parts: Parts) -> None:
    now, computed = session.at, parts.engagement + parts.fit
    before, at = _published_before(session, state)
    grade = scoring.grade(parts.fit, parts.engagement)
    is_regraded = "grade" in state.score and grade != state.score["grade"]
    published = scoring.published(computed, before, at, now, is_regraded=is_regraded)
    if published != before or is_regraded or at is None or _is_old(scoring, at, now):
        at = now
    state.score |= {
        "computed": round(computed, 6),
        "engagement": parts.engagement,
        "engaged_at": now.isoformat(),
        "fit": parts.fit,
        "published": published,
        "published_at": at.isoformat(),
        "band": scoring.band(published),
        "grade": grade,
    }
    if published != before or is_regraded:
        state.changed.add("score")
        reason = {"rule": parts.because, "run": session.run, "at": now.isoformat(), "lost": []}
        state.because("score", reason, before=before)
    shows = max(published, computed, parts.fit) >= 1  # what shows nothing, and will not, never grows too old
    republish = at + timedelta(days=scoring.republish_after_days, seconds=1) if shows else None
    state.due_at = earliest([scoring.next_crossing(parts.engagement, parts.fit, now), republish, parts.due_at])


def _is_old(scoring: Scoring, at: datetime, now: datetime) -> bool:
    return now - at > timedelta(days=scoring.republish_after_days)


def _published_before(session: Session, state: EntityState) -> tuple[int | None, datetime | None]:
    """What systems show now, and since when: as we remember it, else as a record still holds it."""
    if state.score.get("published_at"):
        return state.score["published"], datetime.fromisoformat(state.score["published_at"])
    for record in state.records:
        mapped = record.mapping.mapped("score")
        if mapped is None or mapped.field not in record.fields:
            continue
        held = record.means(mapped)
        if isinstance(held, Decimal | int) and not isinstance(held, bool):
            return int(held), session.at
    return None, None
