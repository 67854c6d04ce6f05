"""A person's score: computed all the time, published when it matters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from instep.model.values import Scalar
from instep.sync.evidence import Act
from instep.sync.session import Session
from instep.sync.state import EntityState


def decide_score(session: Session, state: EntityState, acts: Sequence[Act], company: dict[str, Scalar]) -> None:
    """Score a person from everything that they did, and say when the published score is due next."""
    scoring = session.workspace.scoring
    if not scoring.points and not scoring.fit:
        return
    facts = dict(state.values)
    facts.update({f"company.{name}": value for name, value in company.items()})
    did = [(act.key, act.at) for act in acts if act.actor == "buyer"]
    fixed = scoring.computed((), facts, session.at)
    computed = scoring.computed(did, facts, session.at)
    before = state.score.get("published")
    published_at = state.score.get("published_at")
    at = datetime.fromisoformat(published_at) if published_at else None
    published = scoring.published(computed, before, at, session.at)
    if published != before or at is None or session.at - at > timedelta(days=scoring.republish_after_days):
        at = session.at
    state.score = {
        "computed": round(computed, 6),
        "published": published,
        "published_at": at.isoformat(),
        "band": scoring.band(published),
        "stage": state.score.get("stage"),
    }
    if published != before:
        state.changed.add("score")
        because = f"{len(did)} behaviours" + (" and fit" if fixed else "")
        state.reasons["score"] = {"rule": because, "run": session.run, "at": session.at.isoformat(), "lost": []}
    if published:
        crossing = scoring.next_crossing(computed - fixed, fixed, session.at)
        republish = at + timedelta(days=scoring.republish_after_days, seconds=1)
        state.due_at = min(crossing, republish) if crossing else republish
    else:
        state.due_at = None
