"""One field whose stages are configured: what the claims about configuring look at, and what they change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, ClassVar

import pytest

from instep.contract import (
    AddPipeline,
    AddStage,
    ChangeStage,
    ConfigurableStages,
    OfferStages,
    OrderStages,
    Outcome,
    Pipeline,
    RelabelPipeline,
    RetireStage,
    StageChange,
    StageLimits,
    SystemStage,
    Update,
    Written,
)
from instep.testing.workbench import Workbench

Found = Mapping[tuple[str, str], Pipeline]
Field = tuple[str, str]
MakeChange = Callable[[], StageChange]


@dataclass(slots=True)
class StageField:
    """A field of an object, as its connector configures it. `every` are all fields that a test compares."""

    bench: Workbench
    store: ConfigurableStages
    limits: StageLimits
    every: tuple[Field, ...]
    _numbers: Iterator[int]

    # --- looking -----------------------------------------------------------------------------------------------

    @property
    def object(self) -> str:
        """The object that has the field."""
        return self.limits.object

    def found(self) -> Found:
        """Everything that is configured, places counted from nought."""
        return {(p.object, p.id): _counted(p) for p in self.store.configured(self.every)}

    def own(self) -> list[Pipeline]:
        """The lists and pipelines behind this field."""
        return [_counted(p) for p in self.store.configured([(self.object, self.limits.field)])]

    def home(self) -> Pipeline:
        """The list that stages are added to: the shared one, or else the first."""
        shared = self.limits.shared_list
        return next(p for p in self.own() if (p.id == shared if shared else p.offers_from is None))

    def active(self) -> list[SystemStage]:
        """The active stages of the list."""
        return [stage for stage in self.home().stages if stage.active]

    def stage(self, id: str) -> SystemStage:
        """A stage of the list, active or not."""
        return next(stage for stage in self.home().stages if stage.id == id)

    def offering(self) -> Pipeline | None:
        """The first pipeline that offers stages of the shared list."""
        return next((p for p in self.own() if p.offers_from is not None), None)

    # --- changing ----------------------------------------------------------------------------------------------

    def apply(self, *changes: StageChange) -> list[Outcome]:
        """Make changes through the plugin."""
        outcomes = self.store.apply(changes)
        assert len(outcomes) == len(changes)
        return outcomes

    def make(self, change: StageChange) -> Written:
        """Make a change that must be taken."""
        (outcome,) = self.apply(change)
        return written(outcome)

    def add(self) -> str:
        """A new stage, which nothing holds; gives its id."""
        return self.make(AddStage(self.object, self.home().id, self.new())).id

    def new(self, label: str = "") -> SystemStage:
        """An open stage that is not there yet."""
        label = label or f"Conformance stage {next(self._numbers)}"
        return SystemStage("", label, 0, probability=self.probabilities()[0])

    def probabilities(self) -> tuple[float | None, float | None]:
        """Two probabilities that an open stage can have."""
        if not self.limits.has_outcomes:
            return None, None
        step = self.limits.probability_step
        low = round(self.limits.lowest_open + step, 6)
        return low, round(low + step, 6)

    def require_change(self) -> None:
        """Skip where only a person can change these stages."""
        if self.limits.by_hand:
            pytest.skip(self.limits.by_hand)

    def require_records(self) -> None:
        """Skip where the connector does not write records of this object."""
        if self.object not in self.bench.records.objects:
            pytest.skip(f"{self.bench.plugin.name} writes no records of {self.object}.")

    def hold(self, stage: str, how_many: int = 1) -> list[str]:
        """Records that hold a stage of the list."""
        ids = self.bench.make(self.object, how_many)
        self.move(ids, stage)
        return ids

    def move(self, ids: Iterable[str], stage: str) -> None:
        """Let records hold another stage."""
        updates = [Update(id, {self.limits.field: stage}, {}) for id in ids]
        for outcome in self.bench.write(self.object, updates):
            written(outcome)

    def offer(self, stage: str) -> None:
        """Let the first pipeline offer a stage, where stages are offered."""
        if (pipeline := self.offering()) is not None:
            self.make(OfferStages(self.object, pipeline.id, (stage,)))

    # --- one change of each kind -------------------------------------------------------------------------------

    def kinds(self) -> dict[str, MakeChange]:
        """For every kind of change that is possible here, how to come to a new one. What it needs is made first."""
        kinds: dict[str, MakeChange] = {
            "add a stage": lambda: AddStage(self.object, self.home().id, self.new()),
            "change a stage": self._another_label,
            "order stages": self._another_order,
            "retire a stage": lambda: RetireStage(self.object, self.home().id, self.add()),
        }
        if self.limits.makes_pipelines:
            kinds["add a pipeline"] = self.another_pipeline
            kinds["relabel a pipeline"] = self._another_pipeline_label
        if self.offering() is not None:
            kinds["offer a stage"] = self._another_offer
        return kinds

    def another_pipeline(self) -> AddPipeline:
        """A pipeline that is not there yet, of stages of its own, or of the shared list's."""
        number = next(self._numbers)
        stages = tuple(self.active()[:2]) if self.limits.shared_list else (self.new(), self.new())
        return AddPipeline(self.object, f"conformance_{number}", f"Conformance {number}", stages)

    def _another_label(self) -> ChangeStage:
        before = self.active()[0]
        after = replace(before, label=f"Conformance label {next(self._numbers)}")
        return ChangeStage(self.object, self.home().id, before, after)

    def _another_order(self) -> OrderStages:
        first, second, *others = [stage.id for stage in self.active()]
        return OrderStages(self.object, self.home().id, (second, first, *others))

    def _another_pipeline_label(self) -> RelabelPipeline:
        pipeline = self.offering() or self.home()
        return RelabelPipeline(self.object, pipeline.id, f"Conformance {next(self._numbers)}")

    def _another_offer(self) -> OfferStages:
        pipeline = self.offering()
        assert pipeline is not None
        return OfferStages(self.object, pipeline.id, (self.add(),))


class StageFieldClaims:
    """Claims about a field's stages, each made of every field that the connector's tests declare."""

    stage_fields: ClassVar[tuple[Field, ...]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Let every claim about a field's stages be one about each declared field."""
        if "at" in metafunc.fixturenames:
            fields = self.stage_fields or (None,)
            metafunc.parametrize("at", fields, ids=[".".join(field) if field else "stages" for field in fields])

    def _field(self, bench: Workbench, at: Field | None) -> StageField:
        return stage_field(bench, at, self.stage_fields)

    def _changeable(self, bench: Workbench, at: Field | None) -> StageField:
        field = self._field(bench, at)
        field.require_change()
        return field


def stage_field(bench: Workbench, field: Field | None, every: Collection[Field]) -> StageField:
    """The field that a claim is about; skips where the connector configures no stages."""
    store: Any = bench.part("stages")
    if not isinstance(store, ConfigurableStages):
        pytest.skip(f"{bench.plugin.name} does not configure stages.")
    fields = [field] if field else [(p.object, p.id) for p in store.read()]
    limits = next((found for one in fields if (found := store.limits(*one)) is not None), None)
    if limits is None:
        pytest.skip(f"{bench.plugin.name} names no field whose stages are configured.")
    return StageField(bench, store, limits, tuple(every) or ((limits.object, limits.field),), count(1))


def written(outcome: Outcome) -> Written:
    """The outcome of a change that was taken."""
    assert isinstance(outcome, Written), outcome
    return outcome


def without(found: Found, object: str, stages: Collection[str], pipelines: Collection[str] = ()) -> Found:
    """Everything but some stages and pipelines of an object; what is left is counted from nought again."""
    return {
        key: _counted(replace(p, stages=tuple(s for s in p.stages if p.object != object or s.id not in stages)))
        for key, p in found.items()
        if p.object != object or p.id not in pipelines
    }


def unordered(found: Found) -> Mapping[tuple[str, str], tuple[Pipeline, frozenset[object]]]:
    """Everything that is configured but the order of stages."""
    return {key: (replace(p, stages=()), frozenset(_plain(s) for s in p.stages)) for key, p in found.items()}


def _plain(stage: SystemStage) -> object:
    outcome = (stage.closed, stage.won, stage.probability)
    return stage.id, stage.label, stage.active, outcome, frozenset(stage.details.items())


def _counted(pipeline: Pipeline) -> Pipeline:
    """A pipeline whose stages are numbered by their place."""
    return replace(pipeline, stages=tuple(replace(s, order=n) for n, s in enumerate(pipeline.stages)))


def seen(stage: SystemStage) -> tuple[object, ...]:
    """What people see of a stage."""
    return stage.id, stage.label, stage.closed, stage.won, stage.probability


def says(stage: SystemStage, wanted: SystemStage) -> bool:
    """Whether a stage is what was asked for; its id and its other details are the system's."""
    return seen(stage)[1:] == seen(wanted)[1:] and wanted.details.items() <= stage.details.items()
