"""A surge: a company whose visitors do a great deal while nobody there is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from instep.model.acts import Act
from instep.model.process import Actor, Process, Stage
from instep.model.values import Scalar, is_blank

MOST_TEXTS = 5
_TELLING = frozenset(
    ["asset", "campaign", "document", "file", "form", "page", "path", "subject", "title", "topic", "url"]
)
_OF_PERSONS = frozenset(["first", "id", "job", "last"])


@dataclass(frozen=True, slots=True)
class Consumed:
    """One behaviour: how often it was done, when last, and what it was about (titles, documents, pages)."""

    behaviour: str
    count: int
    last: datetime
    texts: tuple[str, ...] = ()


def acts_within(acts: Iterable[Act], since: datetime, until: datetime) -> list[Act]:
    """What buyers did after `since` and until `until`."""
    return [act for act in acts if act.actor == Actor.BUYER and since < act.at <= until]


def consumed(acts: Sequence[Act], texts: Mapping[str, Sequence[str]]) -> tuple[Consumed, ...]:
    """What was done, the most frequent first; `texts` are what each act's source says that it was about."""
    by_behaviour: dict[str, list[Act]] = {}
    for act in sorted(acts, key=lambda act: (act.at, act.source), reverse=True):
        by_behaviour.setdefault(act.key, []).append(act)
    found = [
        Consumed(key, len(done), done[0].at, _first_few(text for act in done for text in texts.get(act.source, ())))
        for key, done in by_behaviour.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, one.behaviour)))


def _first_few(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))[:MOST_TEXTS]


def telling(details: Mapping[str, Scalar]) -> tuple[str, ...]:
    """The texts among an activity's own fields that say what it was about; never who somebody is."""
    found = []
    for name, value in details.items():
        words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
        is_telling = words & _TELLING and not words & _OF_PERSONS
        if is_telling and isinstance(value, str) and not is_blank(value) and "@" not in value:
            found.append(value)
    return tuple(found)


def next_stage(process: Process, segment: str | None, stage: str | None) -> Stage | None:
    """The next stage on the path that something which buyers do enters; None behind the last one."""
    order = process.order()
    here = -1 if stage is None else order[stage]
    ahead = (s for s in process.stages_of(segment) if order[s.key] > here and s.enter.behaviours)
    return next(ahead, None)
