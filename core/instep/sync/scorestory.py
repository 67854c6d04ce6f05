"""Why somebody scores what they do: every act that counts, with what is left of it, and every rule of fit that holds.

All of it is computed from the stored acts, by the same functions that decide: so for any past instant as well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from instep.mapping.compiled import Workspace
from instep.model.acts import Act
from instep.model.entities import Kind
from instep.model.process import Actor
from instep.model.rules import Facts, with_company
from instep.model.rulewords import spelled
from instep.model.scoring import Scoring
from instep.store import Store
from instep.sync.evidence import Known, acts_of, first_buyers
from instep.sync.labels import label_of
from instep.sync.past import decided_by, facts_by, is_known_by, people_by, related_by
from instep.sync.scores import buyers_acts, engagement_of
from instep.sync.stagestory import AsOf


@dataclass(frozen=True, slots=True)
class ScoredAct:
    """One act that counts: the points of its day, after the cap of its behaviour, and what is left of them."""

    act: Act
    points: float
    left: float
    company: str = ""
    """What people know the company by whose visitor nobody knew then."""

    def as_json(self) -> dict[str, Any]:
        act = self.act
        return {
            "at": act.at.isoformat(),
            "behaviour": act.key,
            "source": act.source,
            "also": list(act.also),
            "company": self.company or None,
            "points": self.points,
            "left": self.left,
        }


@dataclass(frozen=True, slots=True)
class Uncounted:
    """An act that gives no points, and why."""

    act: Act
    why: str

    def as_json(self) -> dict[str, Any]:
        act = self.act
        return {"at": act.at.isoformat(), "behaviour": act.key, "source": act.source, "why": self.why}


@dataclass(frozen=True, slots=True)
class PersonAdds:
    """What a company's score has of one of its people."""

    entity: str
    known_as: str
    adds: float


@dataclass(frozen=True, slots=True)
class ScoreStory:
    """A score at an instant, line by line, and what systems were shown then."""

    at: datetime
    scoring: Scoring
    acts: tuple[ScoredAct, ...]
    uncounted: tuple[Uncounted, ...]
    fits: tuple[tuple[float, str], ...]
    """Points and rule of every rule of fit that holds."""
    people: tuple[PersonAdds, ...]
    published: int | None
    published_at: str | None

    @property
    def engagement(self) -> float:
        return math.fsum([*(one.left for one in self.acts), *(person.adds for person in self.people)])

    @property
    def fit(self) -> float:
        return sum(points for points, _ in self.fits)

    @property
    def is_due(self) -> bool:
        """Whether the score has crossed a line, or grown old, since it was published."""
        since = datetime.fromisoformat(self.published_at) if self.published_at else None
        if self.published is None or since is None:
            return False
        return self.scoring.published(self.engagement + self.fit, self.published, since, self.at) != self.published

    def as_json(self) -> dict[str, Any]:
        crossing = self.scoring.next_crossing(self.engagement, self.fit, self.at)
        return {
            "at": self.at.isoformat(),
            "computed": self.engagement + self.fit,
            "engagement": self.engagement,
            "fit": self.fit,
            "published": self.published,
            "published_at": self.published_at,
            "band": self.scoring.band(self.published) if self.published is not None else None,
            "grade": self.scoring.grade(self.fit, self.engagement),
            "is_due": self.is_due,
            "next_crossing": crossing.isoformat() if crossing else None,
            "half_life_days": self.scoring.half_life_days,
            "acts": [one.as_json() for one in self.acts],
            "not_counted": [one.as_json() for one in self.uncounted],
            "fit_rules": [{"points": points, "when": when} for points, when in self.fits],
            "people": [{"entity": p.entity, "known_as": p.known_as, "adds": p.adds} for p in self.people],
        }


@dataclass(frozen=True, slots=True)
class Scored:
    """Whose score is asked for, and when; `run` is the last run whose findings count."""

    store: Store
    workspace: Workspace
    entity: str
    kind: Kind
    as_of: AsOf
    run: int | None


def explain_score(asked: Scored) -> ScoreStory | None:
    """The score of a person or company; None where nothing is scored, or of an opportunity."""
    store, workspace = asked.store, asked.workspace
    if workspace.scoring.is_empty or asked.kind is Kind.OPPORTUNITY:
        return None
    at, buyers = asked.as_of.instant(store), _first_buyers(asked)
    is_company = asked.kind is Kind.COMPANY
    scoring = workspace.scoring.of_companies() if is_company else workspace.scoring
    acts = acts_of(Known(store, workspace), [asked.entity], {} if is_company else buyers).get(asked.entity, [])
    if is_company and asked.entity in buyers:
        acts = []  # they are part of its first buyer's history
    fits = scoring.fits(_facts(asked), at)
    published, published_at = _published(asked, at)
    return ScoreStory(
        at,
        scoring,
        _scored(store, scoring, acts, at),
        _uncounted(acts, at),
        tuple((rule.points, spelled(rule.when)) for rule in fits),
        _people(asked, at, buyers) if is_company else (),
        published,
        published_at,
    )


def _first_buyers(asked: Scored) -> Mapping[str, str]:
    """Company to its first buyer; as far as it concerns whoever is asked for, only one who was known by then."""
    return {
        company: person
        for company, person in first_buyers(asked.store).items()
        if asked.run is None or asked.entity not in (company, person) or is_known_by(asked.store, person, asked.run)
    }


def _scored(store: Store, scoring: Scoring, acts: Sequence[Act], at: datetime) -> tuple[ScoredAct, ...]:
    did = buyers_acts(acts)
    by_source = {act.source: act for act in did}
    companies = {act.company: label_of(store, act.company) for act in did if act.company}
    counted = scoring.counted((act.key, act.at, act.source) for act in did)
    return tuple(
        ScoredAct(act, one.points, one.worth(at, scoring.half_life_days), companies.get(act.company, ""))
        for one in counted
        if one.key in scoring.points and one.at <= at and (act := by_source[one.source])
    )


def _uncounted(acts: Sequence[Act], at: datetime) -> tuple[Uncounted, ...]:
    found = []
    for act in acts:
        if act.actor != Actor.BUYER:
            found.append(Uncounted(act, f"done by the {act.actor}"))
        elif act.at > at:
            found.append(Uncounted(act, "lies ahead"))
    return tuple(found)


def _people(asked: Scored, at: datetime, buyers: Mapping[str, str]) -> tuple[PersonAdds, ...]:
    """What each of a company's people adds, the most first."""
    people = people_by(asked.store, asked.entity, asked.run)
    acts = acts_of(Known(asked.store, asked.workspace), people, buyers)
    found = []
    for person in people:
        adds = engagement_of(asked.workspace.scoring, buyers_acts(acts.get(person, ())), at).value
        found.append(PersonAdds(person, label_of(asked.store, person), adds))
    return tuple(sorted(found, key=lambda one: (-abs(one.adds), one.known_as)))


def _facts(asked: Scored) -> Facts:
    """What rules of fit may look at."""
    facts = facts_by(asked.store, asked.entity, asked.run)
    company = next(iter(related_by(asked.store, asked.entity, "company", asked.run)), None)
    if company is not None and asked.kind is Kind.PERSON:
        return with_company(facts, facts_by(asked.store, company, asked.run))
    return facts


def _published(asked: Scored, at: datetime) -> tuple[int | None, str | None]:
    """What systems were shown, and since when."""
    row = asked.store.row("SELECT score, reasons FROM entity WHERE id = ?", (asked.entity,))
    kept = json.loads(row[0]) if row and row[0] else {}
    reason = (json.loads(row[1]) if row and row[1] else {}).get("score", {})
    value, why = decided_by(asked.store, (asked.entity, "score"), asked.run, kept.get("published"), reason)
    since = kept.get("published_at") if why.get("run") == reason.get("run") else None
    is_known_then = since is not None and datetime.fromisoformat(since) <= at
    return value, since if is_known_then else why.get("at")
