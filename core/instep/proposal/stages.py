"""Which stage each of a system's own is: by name, by probability, and by its place in the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instep.contract import SystemStage
from instep.model.process import Stage
from instep.proposal.words import NO_MATCH, THRESHOLD, Match, squeezed, stage_match

_SURE_ENOUGH_TO_SHARE = 70
KNOWN = "the connector knows it as this"
_WORTH = 40
"""What a pair of stages must be worth at least for the order to be bent around it."""


@dataclass(frozen=True, slots=True)
class StageGuess:
    """What one of a system's stages is taken for; `stage` is None where a person is asked.

    `shares` are further stages that the same value shows; `choices` are the likeliest stages, the best first.
    """

    value: str
    label: str
    stage: str | None
    confidence: int
    reason: str
    shares: tuple[str, ...] = ()
    choices: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Prior:
    """What the connector's own starter says: stage to value, and where shared values land."""

    values: Mapping[str, str] = field(default_factory=dict)
    lands_on: Mapping[str, str] = field(default_factory=dict)


def guess_stages(found: Sequence[SystemStage], stages: Sequence[Stage], prior: Prior) -> list[StageGuess]:
    """A guess for each of a system's open stages, in its order, which the guesses never contradict.

    Buyers who are not looking stand outside the order, so a value for them may stand anywhere.
    """
    scores = [[_score(theirs, ours, prior) for ours in stages] for theirs in found]
    chosen = _latent(scores, stages)
    ordered = [place for place in range(len(found)) if place not in chosen]
    looking = [place for place, stage in enumerate(stages) if not stage.latent]
    matched = _aligned([[scores[row][column].score for column in looking] for row in ordered])
    chosen |= {ordered[row]: (looking[column], scores[ordered[row]][looking[column]]) for row, column in matched}
    chosen |= _between(chosen, ordered, looking, scores, stages)
    return [_guess(row, found, stages, scores, chosen, prior) for row in range(len(found))]


# --- how likely a pair is ----------------------------------------------------------------------------------------


def _score(theirs: SystemStage, ours: Stage, prior: Prior) -> Match:
    named = stage_match(theirs.label or theirs.id, ours)
    if prior.values.get(ours.key) == theirs.id:
        known = Match(50, "it was this before it was renamed") if is_renamed(theirs) else Match(90, KNOWN)
        named = max(named, known, key=lambda match: match.score)
    return _weighed(named, theirs.probability, ours.win_probability)


def is_renamed(stage: SystemStage) -> bool:
    """Whether people gave it another name than the one it was made with."""
    from rapidfuzz import fuzz

    return bool(stage.label) and fuzz.ratio(squeezed(stage.id), squeezed(stage.label)) < 85


def _weighed(named: Match, theirs: float | None, ours: float | None) -> Match:
    """Probabilities that agree make a name surer, or stand for one if they are all but the same."""
    if theirs is None or ours is None:
        return named
    apart = abs(theirs - ours)
    if named.score:
        change = 4 if apart <= 0.1 else -10 if apart > 0.45 and named.score < 95 else 0
        return Match(max(0, min(named.score + change, 100)), named.reason)
    score = 62 if apart <= 0.01 else 55 if apart <= 0.05 else 40 if apart <= 0.15 else 0
    return Match(score, f"its probability {theirs:g} is about {ours:g}") if score else NO_MATCH


# --- all of them together ----------------------------------------------------------------------------------------

Scores = Sequence[Sequence[Match]]
Chosen = dict[int, tuple[int, Match]]
"""The system's stage to ours, by their places, and why."""


def _latent(scores: Scores, stages: Sequence[Stage]) -> Chosen:
    """Values for buyers who are not looking: named better so than anything else."""
    chosen: Chosen = {}
    for column, stage in enumerate(stages):
        rows = [row for row in range(len(scores)) if row not in chosen] if stage.latent else []
        best = max(rows, key=lambda row: scores[row][column].score, default=None)
        if best is None:
            continue
        match = scores[best][column]
        if match.score >= THRESHOLD and match.score >= max(other.score for other in scores[best]):
            chosen[best] = column, match
    return chosen


def _aligned(scores: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The pairs of rows and columns, both rising, that are worth most together. Each is used once at most."""
    rows, columns = len(scores), len(scores[0]) if scores else 0
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in range(rows - 1, -1, -1):
        for column in range(columns - 1, -1, -1):
            skipping = max(best[row + 1][column], best[row][column + 1])
            best[row][column] = max(skipping, _worth(scores[row][column]) + best[row + 1][column + 1])
    pairs, row, column = [], 0, 0
    while row < rows and column < columns:
        worth = _worth(scores[row][column])
        if worth and best[row][column] == worth + best[row + 1][column + 1]:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif best[row][column] == best[row][column + 1]:
            column += 1
        else:
            row += 1
    return pairs


def _worth(score: int) -> int:
    return score - _WORTH if score >= THRESHOLD else 0


def _between(
    chosen: Chosen, ordered: Sequence[int], looking: Sequence[int], scores: Scores, stages: Sequence[Stage]
) -> Chosen:
    """A stage that stands alone between two known ones is the one stage that lies between those here."""
    found: Chosen = {}
    for before, row, after in zip(ordered, ordered[1:], ordered[2:], strict=False):
        if row in chosen or before not in chosen or after not in chosen:
            continue
        low, high = chosen[before][0], chosen[after][0]
        gap = [column for column in looking if low < column < high]
        if len(gap) == 1 and max(match.score for match in scores[row]) < THRESHOLD:
            reason = f"it stands between {stages[low].key} and {stages[high].key}"
            found[row] = gap[0], Match(THRESHOLD, reason)
    return found


# --- what to say of each -----------------------------------------------------------------------------------------


def _guess(
    row: int, found: Sequence[SystemStage], stages: Sequence[Stage], scores: Scores, chosen: Chosen, prior: Prior
) -> StageGuess:
    theirs = found[row]
    if row not in chosen:
        return _question(row, theirs, stages, scores, chosen)
    column, match = chosen[row]
    also = _sharing(row, column, stages, scores, chosen)
    sharing = [stages[place].key for place in sorted({column, *also})]
    preferred = prior.lands_on.get(theirs.id, "")
    landing = preferred if preferred in sharing else stages[column].key
    shares = tuple(key for key in sharing if key != landing)
    return StageGuess(theirs.id, theirs.label, landing, match.score, match.reason, shares)


def _sharing(row: int, column: int, stages: Sequence[Stage], scores: Scores, chosen: Chosen) -> list[int]:
    """Neighbouring stages that the same value names too, and that no other value stands for."""
    taken = {place for place, _ in chosen.values()}
    found = []
    for step in (-1, 1):
        place = column + step
        while 0 <= place < len(stages) and place not in taken and not stages[place].latent:
            if scores[row][place].score < _SURE_ENOUGH_TO_SHARE:
                break
            found.append(place)
            place += step
    return found


def _question(row: int, theirs: SystemStage, stages: Sequence[Stage], scores: Scores, chosen: Chosen) -> StageGuess:
    ranked = sorted(range(len(stages)), key=lambda place: (-scores[row][place].score, place))
    choices = tuple((stages[place].key, scores[row][place].score) for place in ranked[:3] if scores[row][place].score)
    return StageGuess(
        theirs.id, theirs.label, None, choices[0][1] if choices else 0, _why_not(choices, stages, chosen), (), choices
    )


def _why_not(choices: Sequence[tuple[str, int]], stages: Sequence[Stage], chosen: Chosen) -> str:
    if not choices:
        return "nothing here is named like it"
    best, score = choices[0]
    if score < THRESHOLD:
        return f"it may be {best}, and nothing says so for sure"
    if best in {stages[place].key for place, _ in chosen.values()}:
        return f"it sounds like {best}, which another value already stands for"
    return f"it sounds like {best}, but stands elsewhere in the order"
