"""Stage tables for every list of stages that a system has: which value is which stage, which ends how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instep.contract import Pipeline, SystemStage
from instep.mapping.ownership import columns_of
from instep.model.entities import Kind
from instep.model.process import Outcome, Process, Segment, Stage
from instep.proposal.outcomes import OutcomeGuess, closed_stages, guess_outcomes
from instep.proposal.stages import Prior, StageGuess, guess_stages
from instep.proposal.words import best_match

_NAMED_FOR = 75
"""How much a pipeline must sound like a segment to be taken for its own."""


@dataclass(frozen=True, slots=True)
class TableGuess:
    """One stage table. `segments` is None where the table has no such key: it takes everyone who is left."""

    kind: Kind
    name: str
    stages: tuple[StageGuess, ...]
    outcomes: tuple[OutcomeGuess, ...] = ()
    pipeline: Pipeline | None = None
    segments: tuple[str, ...] | None = None

    @property
    def place(self) -> str:
        return f"{self.kind}.pipelines.{self.name}" if self.pipeline else f"{self.kind}.stages"

    def values(self, process: Process) -> dict[str, StageGuess]:
        """Every stage that is shown, in order, with the guess that shows it."""
        shown = {key: guess for guess in self.stages if guess.stage for key in (guess.stage, *guess.shares)}
        order = process.order()
        return {key: shown[key] for key in sorted(shown, key=order.__getitem__)}

    def lands_on(self) -> dict[str, str]:
        return {guess.value: guess.stage for guess in self.stages if guess.stage and guess.shares}

    def asked(self) -> list[StageGuess | OutcomeGuess]:
        """The values that a person must place."""
        open_stages = [guess for guess in self.stages if guess.stage is None]
        return [*open_stages, *(guess for guess in self.outcomes if guess.outcome is None)]


@dataclass(frozen=True, slots=True)
class PipelineGuesses:
    """The tables of all pipelines, and those whose segments a person must name."""

    tables: tuple[TableGuess, ...] = ()
    nobodys: tuple[TableGuess, ...] = field(default=())


def guess_table(kind: Kind, found: Sequence[SystemStage], process: Process, starter: Mapping[str, Any]) -> TableGuess:
    """The table of a plain stage field. Only an opportunity ends, so only its values may be outcomes."""
    closed = closed_stages(found) if kind is Kind.OPPORTUNITY else []
    opened = [stage for stage in found if stage not in closed]
    guesses = guess_stages(opened, _all_stages(process), _prior(starter))
    return TableGuess(kind, "stages", tuple(guesses), tuple(guess_outcomes(closed, _ends(starter))))


def guess_pipelines(
    found: Sequence[Pipeline],
    process: Process,
    starter: Mapping[str, Mapping[str, Any]],
    common: Mapping[str, Any] | None = None,
) -> PipelineGuesses:
    """A table for each pipeline. One takes everyone who has no pipeline of their own.

    `starter` has the connector's tables by name; `common` is what it says of pipelines that it does not know.
    """
    known = {str(table.get("pipeline")): (name, table) for name, table in starter.items()}
    owned = _owned(found, process.segments)
    default = _default(found, owned, known, process)
    names: list[str] = []
    tables, nobodys = [], []
    for pipeline in found:
        name, table = known.get(pipeline.id, (_named(pipeline, names), common or {}))
        names.append(name)
        segments = None if pipeline is default else owned.get(pipeline.id, ())
        guess = _pipeline_table(pipeline, name, process, table, segments)
        tables.append(guess)
        nobodys += [guess] if segments == () else []
    return PipelineGuesses(tuple(tables), tuple(nobodys))


def _pipeline_table(
    pipeline: Pipeline, name: str, process: Process, starter: Mapping[str, Any], segments: tuple[str, ...] | None
) -> TableGuess:
    closed = closed_stages(pipeline.stages)
    opened = [stage for stage in pipeline.stages if stage not in closed]
    stages = process.stages_of(segments[0]) if segments else _all_stages(process)
    guesses = guess_stages(opened, stages, _prior(starter))
    outcomes = guess_outcomes(closed, _ends(starter))
    return TableGuess(Kind.OPPORTUNITY, name, tuple(guesses), tuple(outcomes), pipeline, segments)


def _owned(found: Sequence[Pipeline], segments: Iterable[Segment]) -> dict[str, tuple[str, ...]]:
    """Pipelines that are called like a segment; each segment has one."""
    owned: dict[str, tuple[str, ...]] = {}
    for segment in segments:
        rated = [(best_match(p.label, (segment.label, segment.key), 100, "").score, p) for p in found]
        score, best = max(rated, key=lambda pair: pair[0], default=(0, None))
        if best is not None and score >= _NAMED_FOR and best.id not in owned:
            owned[best.id] = (segment.key,)
    return owned


def _default(
    found: Sequence[Pipeline], owned: Mapping[str, tuple[str, ...]], known: Mapping[str, Any], process: Process
) -> Pipeline | None:
    """The pipeline of everyone else: the one that the connector knows, else the first that is nobody's own."""
    covered = {segment for segments in owned.values() for segment in segments}
    free = [pipeline for pipeline in found if pipeline.id not in owned]
    preferred = [pipeline for pipeline in free if pipeline.id in known]
    if preferred or free:
        return (preferred or free)[0]
    if covered >= set(columns_of(process)):
        return None
    return found[0] if found else None


def _named(pipeline: Pipeline, taken: Sequence[str]) -> str:
    """A name for its table: its label as a key."""
    name = re.sub(r"[^a-z0-9]+", "-", pipeline.label.lower()).strip("-") or "pipeline"
    while name in taken:
        name += "-too"
    return name


def _prior(starter: Mapping[str, Any]) -> Prior:
    return Prior(dict(starter.get("values", {})), dict(starter.get("lands_on", {})))


def _ends(starter: Mapping[str, Any]) -> dict[Outcome, str]:
    return {Outcome(name): str(value) for name, value in starter.get("outcomes", {}).items()}


def _all_stages(process: Process) -> list[Stage]:
    """Every stage in order, those that only a segment has included."""
    return [process.stage(key) for key in process.order()]
