"""How much one name sounds like another, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from instep.model.process import Stage

THRESHOLD = 60
"""What is less certain than this is a question."""

_SHORTEST = 3
"""A name of so many letters says too little to be likened to another."""

_NUMBERING = re.compile(r"(stage|step|phase|level)?\d+|[a-z]\d+|\d+%")
_NEGATIONS = frozenset(("not", "no", "non", "never", "without"))
_DENYING = ("un", "dis", "non")
_FILLING = frozenset(("the", "a", "of", "to", "and", "for", "in", "by", "with"))


@dataclass(frozen=True, slots=True)
class Match:
    """How certain it is, from 0 to 100, and why."""

    score: int = 0
    reason: str = ""


NO_MATCH = Match()


def said(name: str) -> str:
    """A name as words: small letters, no signs, no numbering. "1. Proposal/Quote (75%)" is "proposal quote"."""
    words = re.sub(r"[^\w%]+", " ", name.casefold().replace("_", " ")).split()
    kept = [word for word in words if not _NUMBERING.fullmatch(word)]
    return " ".join(kept or words)


def squeezed(name: str) -> str:
    """A name without spaces and signs, as identifiers often are."""
    return re.sub(r"[\W_]+", "", name.casefold())


def stage_match(label: str, stage: Stage) -> Match:
    """How much a label sounds like a stage: its own names, then other words for it."""
    own = best_match(label, (stage.label, stage.key), 100, "it is called so here")
    other = best_match(label, stage.aliases, 95, "it is a word for it")
    return max(own, other, key=lambda match: match.score)


def best_match(label: str, names: Iterable[str], exact: int, reason: str) -> Match:
    """The best of several names; `exact` is what a name that is the same is worth."""
    matches = (_match(label, name, exact, reason) for name in names)
    return max(matches, key=lambda match: match.score, default=NO_MATCH)


def _match(label: str, name: str, exact: int, reason: str) -> Match:
    ours, theirs = said(name), said(label)
    if not ours or not theirs:
        return NO_MATCH
    if ours == theirs or squeezed(ours) == squeezed(theirs):
        return Match(exact, reason)
    if _contradict(ours.split(), theirs.split()):
        return NO_MATCH
    return max(_contained(theirs, ours), _similar(theirs, ours), key=lambda match: match.score)


def _contradict(ours: list[str], theirs: list[str]) -> bool:
    """Whether one name says that the other is not so: "not qualified" and "unqualified" against "qualified"."""
    if bool(_NEGATIONS & set(ours)) is not bool(_NEGATIONS & set(theirs)):
        return True
    pairs = [*product(ours, theirs), *product(theirs, ours)]
    return any(one == prefix + other for one, other in pairs for prefix in _DENYING)


def _contained(theirs: str, ours: str) -> Match:
    """One name holds all words of the other; one or many counts the same."""
    wanted, held = _stems(ours), _stems(theirs)
    if wanted and wanted == held:
        return Match(88, f'it is "{ours}" in other words')
    if wanted and wanted < held:
        score = (86 if len(wanted) > 1 else 78) - 3 * (len(held) - len(wanted))
        return Match(max(score, 62), f'"{ours}" is in its name')
    if held < wanted and len(theirs) > _SHORTEST:
        return Match(max(72 - 4 * (len(wanted) - len(held)), 60), f'it is short for "{ours}"')
    return NO_MATCH


def _stems(words: str) -> set[str]:
    return {word.removesuffix("s") for word in words.split()} - _FILLING


def _similar(theirs: str, ours: str) -> Match:
    from rapidfuzz import fuzz

    ratio = fuzz.ratio(theirs, ours) if min(len(theirs), len(ours)) > _SHORTEST else 0
    return Match(int(ratio * 0.85), f'it is spelled much like "{ours}"') if ratio >= 78 else NO_MATCH
