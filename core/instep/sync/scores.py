"""A person's score: computed all the time, published when it matters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from instep.mapping.translate import hear
from instep.model.acts import Act
from instep.model.values import Scalar
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
    before, at = _published_before(session, state)
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
        reason = {"rule": because, "run": session.run, "at": session.at.isoformat(), "lost": []}
        state.because("score", reason, before=before)
    if published:
        crossing = scoring.next_crossing(computed - fixed, fixed, session.at)
        republish = at + timedelta(days=scoring.republish_after_days, seconds=1)
        state.due_at = min(crossing, republish) if crossing else republish
    else:
        state.due_at = None


def _published_before(session: Session, state: EntityState) -> tuple[int | None, datetime | None]:
    """What systems show now, and since when: as we remember it, else as a record still holds it."""
    if state.score.get("published_at"):
        return state.score["published"], datetime.fromisoformat(state.score["published_at"])
    for record in state.records:
        mapped = record.mapping.mapped("score")
        if mapped is None or mapped.field not in record.fields:
            continue
        held = hear(mapped, record.fields, record.live.directory)
        if isinstance(held, Decimal | int) and not isinstance(held, bool):
            return int(held), session.at
    return None, None
