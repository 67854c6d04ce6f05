"""Acts: what somebody did, told by one system or several, and for which journeys it counts.

Everything here depends on what was done and when, never on when it was heard: an act that is told late, corrected or
withdrawn leaves the same behind as if it had always been told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from instep.model.journey import Claim, Turns
from instep.model.process import Actor, Half, Process

NAMED = "it names this journey"
"""Noted with evidence whose source says for which journey it counts."""


@dataclass(frozen=True, slots=True)
class Act:
    """One behaviour of one buyer. `about` names the opportunities among its subjects.

    `source` is "connection/behaviour/id"; `also` are the sources of other systems that tell of the same act.
    """

    key: str
    at: datetime
    actor: str
    source: str
    about: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    company: str = ""
    """The company that did it while nobody there was known."""

    @property
    def connection(self) -> str:
        return self.source.split("/", 1)[0]


def told_once(acts: Iterable[Act], process: Process, preferred: Sequence[str]) -> list[Act]:
    """One buyer's acts, each once, oldest first: what two systems tell of within `same_within` was one act.

    Two acts of one system are two. Of several systems' words for one act, the most preferred one's counts.
    """
    groups: dict[tuple[str, str], list[Act]] = {}
    for act in {act.source: act for act in acts}.values():
        groups.setdefault((act.key, act.actor), []).append(act)
    rank = {name: place for place, name in enumerate(preferred)}
    found: list[Act] = []
    for (key, _), told in groups.items():
        behaviour = process.behaviour(key)
        within = behaviour.same_within if behaviour is not None else timedelta(days=1)
        if within and len({act.connection for act in told}) > 1:
            found += _merged(told, within, rank)
        else:
            found += told
    return sorted(found, key=lambda act: (act.at, act.source))


def _merged(told: Sequence[Act], within: timedelta, rank: Mapping[str, int]) -> list[Act]:
    last = len(rank)
    clusters: list[list[Act]] = []
    oldest = 0  # the first cluster that is near enough to take more
    for act in sorted(told, key=lambda a: (a.at, rank.get(a.connection, last), a.source)):
        while oldest < len(clusters) and act.at - clusters[oldest][0].at > within:
            oldest += 1
        near = (c for c in islice(clusters, oldest, None) if all(a.connection != act.connection for a in c))
        cluster = next(near, None)
        if cluster is None:
            clusters.append([act])
        else:
            cluster.append(act)
    return [_one_of(cluster, rank) for cluster in clusters]


def _one_of(cluster: Sequence[Act], rank: Mapping[str, int]) -> Act:
    if len(cluster) == 1:
        return cluster[0]
    best, *others = sorted(cluster, key=lambda a: (rank.get(a.connection, len(rank)), a.at, a.source))
    about = tuple(dict.fromkeys(journey for act in (best, *others) for journey in act.about))
    return replace(best, about=about, also=tuple(act.source for act in others))


# --- for which journeys an act counts ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Course:
    """When a journey was open, and in which half, by everything but the evidence that is still to be counted."""

    journey: str
    opened_at: datetime
    turns: Turns = ()
    """From which instant on the journey was in which half; None: closed."""
    half: Half | None = Half.ACQUISITION
    """The half that it began in; None where an edit opened it: then what was done before may be of either."""

    def half_at(self, at: datetime) -> Half | None:
        found: Half | None = self.half
        for since, half in self.turns:
            if since > at:
                break
            found = half
        return found

    def is_open_in(self, halves: frozenset[Half], at: datetime) -> bool:
        return self.opened_at <= at and self.half_at(at) in halves

    def opens_in(self, halves: frozenset[Half], at: datetime) -> datetime | None:
        """When it is next open in one of these halves, after `at`; None if it never is."""
        if self.opened_at > at and self.half_at(self.opened_at) in halves:
            return self.opened_at
        later = [since for since, half in self.turns if since > max(at, self.opened_at) and half in halves]
        return min(later, default=None)

    def takes_own(self, halves: frozenset[Half], at: datetime) -> bool:
        """Whether, as a buyer's own journey, it takes an act: also one that lies before everything that is known."""
        if self.half is None and (not self.turns or at < self.turns[0][0]):
            return True
        return self.half_at(at) in halves


def counts_for(act: Act, courses: Sequence[Course], process: Process) -> list[str]:
    """The opportunities that an act counts for; empty where it is the buyer's own journey's.

    Those that its source names; else those that were open in a half that it can enter; else the next one that was,
    because the buyer's own journey went on as that one.
    """
    named = [journey for journey in act.about if any(course.journey == journey for course in courses)]
    if named:
        return named
    wanted = process.halves_of(act.key)
    then = sorted(course.journey for course in courses if course.is_open_in(wanted, act.at))
    if then:
        return then
    coming = [(at, c.journey) for c in courses if (at := c.opens_in(wanted, act.at)) is not None]
    return [min(coming)[1]] if coming else []


def evidence(acts: Iterable[Act], process: Process) -> list[Act]:
    """The acts that can move a stage: a buyer's, of a behaviour that some stage is entered by."""
    return [a for a in acts if a.actor == Actor.BUYER and process.halves_of(a.key) and is_buyers(process, a.key)]


def is_buyers(process: Process, key: str) -> bool:
    """Whether a behaviour is a buyer's; one that the process does not describe may be."""
    behaviour = process.behaviour(key)
    return behaviour is None or behaviour.actor is Actor.BUYER


def claim_of_act(act: Act, doer: str, journey: str) -> Claim:
    """An act as evidence for a journey."""
    note = NAMED if journey in act.about else ""
    return Claim(act.at, "evidence", act.key, act.source, True, note, None, journey, doer)
