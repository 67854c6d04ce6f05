"""Which of a pipeline's stages say how a purchase ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instep.contract import SystemStage
from instep.model.process import Outcome
from instep.proposal.words import THRESHOLD, Match, best_match

_PLAIN = 90
"""Without a word from the system, only a name that says nothing else ends a purchase."""

WORDS: Mapping[Outcome, tuple[str, ...]] = {
    Outcome.WON: ("won", "closed won", "win", "success", "deal won"),
    Outcome.LOST: ("lost", "closed lost", "loss", "rejected", "disqualified", "deal lost"),
    Outcome.NO_DECISION: (
        "no decision",
        "closed no decision",
        "abandoned",
        "cancelled",
        "canceled",
        "postponed",
        "no response",
        "no budget",
        "gone quiet",
    ),
}


@dataclass(frozen=True, slots=True)
class OutcomeGuess:
    """What a closed stage is taken for; `outcome` is None where a person is asked."""

    value: str
    label: str
    outcome: Outcome | None
    confidence: int
    reason: str


def closed_stages(stages: Sequence[SystemStage]) -> list[SystemStage]:
    """Those that end a purchase: as the system says, or, where it says nothing of any, by their names."""
    if any(stage.closed for stage in stages):
        return [stage for stage in stages if stage.closed]
    return [stage for stage in stages if max(_named(stage).values(), key=_score).score >= _PLAIN]


def guess_outcomes(closed: Sequence[SystemStage], prior: Mapping[Outcome, str]) -> list[OutcomeGuess]:
    """An outcome for each closed stage. Each outcome has one spelling, so what is left over is a question."""
    rated = [(stage, outcome, _rated(stage, outcome, prior)) for stage in closed for outcome in Outcome]
    chosen: dict[str, tuple[Outcome, Match]] = {}
    for stage, outcome, match in sorted(rated, key=lambda entry: -entry[2].score):
        is_free = stage.id not in chosen and outcome not in {taken for taken, _ in chosen.values()}
        if is_free and match.score >= THRESHOLD:
            chosen[stage.id] = outcome, match
    return [_guess(stage, chosen.get(stage.id)) for stage in closed]


def _guess(stage: SystemStage, found: tuple[Outcome, Match] | None) -> OutcomeGuess:
    if found is None:
        reason = "it is closed, and another stage already stands for how it ended"
        return OutcomeGuess(stage.id, stage.label, None, 0, reason)
    outcome, match = found
    return OutcomeGuess(stage.id, stage.label, outcome, match.score, match.reason)


def _rated(stage: SystemStage, outcome: Outcome, prior: Mapping[Outcome, str]) -> Match:
    """A name that says it, then what the system says itself: closed and won, closed and not won."""
    named = _named(stage)[outcome]
    if stage.closed and stage.won is not (outcome is Outcome.WON):
        return Match()
    if prior.get(outcome) == stage.id and named.score >= THRESHOLD:
        return Match(100, "the connector knows it as this")
    if stage.closed and outcome is Outcome.WON:
        return Match(99, "the system counts it as won")
    if stage.closed and outcome is Outcome.LOST:
        return Match(max(named.score, 80), "the system counts it as closed and not won")
    return named


def _named(stage: SystemStage) -> dict[Outcome, Match]:
    label = stage.label or stage.id
    return {outcome: best_match(label, words, 95, "its name says so") for outcome, words in WORDS.items()}


def _score(match: Match) -> int:
    return match.score
