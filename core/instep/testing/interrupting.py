"""Claims about configuring that is stopped, or whose answer is lost."""

from __future__ import annotations

from itertools import count
from typing import Any

from instep.contract import (
    AddStage,
    ChangeStage,
    OfferStages,
    OrderStages,
    RelabelPipeline,
    RetireStage,
    StageChange,
    Unknown,
    Written,
)
from instep.sandbox import FaultKind
from instep.testing.stagefields import Field, StageField, StageFieldClaims, says, unordered, without, written
from instep.testing.workbench import Stopped, Workbench, is_sentence

LOST_FOR_GOOD = 100


class InterruptingClaims(StageFieldClaims):
    """That changes are completed by making them again, whatever became of the first attempt."""

    def test_changes_that_are_stopped_anywhere_are_completed_by_making_them_again(
        self, bench: Workbench, at: Field | None
    ) -> None:
        field = self._changeable(bench, at)
        for make in field.kinds().values():
            for sent in count():
                changes, before = [make()], unordered(field.found())
                stopped = self._stopped(field, changes, sent)
                self._completed(field, changes, before)
                if not stopped:
                    assert sent > 0
                    break

    def test_many_changes_that_are_stopped_anywhere_are_completed_by_making_them_again(
        self, bench: Workbench, at: Field | None
    ) -> None:
        field = self._changeable(bench, at)
        kinds = field.kinds()
        makes = [kinds[name] for name in ("retire a stage", "change a stage", "order stages", "add a stage")]
        for sent in count():
            changes, before = [make() for make in makes], unordered(field.found())
            stopped = self._stopped(field, changes, sent)
            self._completed(field, changes, before)
            if not stopped:
                break

    def test_a_change_whose_answer_was_lost_is_completed_without_a_twin(
        self, bench: Workbench, at: Field | None
    ) -> None:
        field = self._changeable(bench, at)
        for make in field.kinds().values():
            for nth in count():
                changes, before = [make()], unordered(field.found())
                bench.transport.sent.clear()
                bench.faults.add("*", FaultKind.TIMEOUT_AFTER_COMMIT, 1, writes_only=True, after=nth)
                (outcome,) = field.apply(*changes)
                bench.faults.clear()
                assert isinstance(outcome, Written | Unknown), outcome
                self._completed(field, changes, before)
                if sum(sent.writes for sent in bench.transport.sent) <= nth:
                    break

    def test_a_change_that_is_never_answered_is_unknown(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        for make in field.kinds().values():
            changes, before = [make()], unordered(field.found())
            bench.faults.arm(LOST_FOR_GOOD)
            (outcome,) = field.apply(*changes)
            bench.faults.clear()
            assert isinstance(outcome, Unknown), outcome
            assert is_sentence(outcome.reason), outcome.reason
            self._completed(field, changes, before)

    def _stopped(self, field: StageField, changes: list[StageChange], sent: int) -> bool:
        """Whether a run was stopped that may send only so many requests."""
        field.bench.transport.stop_after = sent
        try:
            field.store.apply(changes)
        except Stopped:
            return True
        finally:
            field.bench.transport.stop_after = None
        return False

    def _completed(self, field: StageField, changes: list[StageChange], before: Any) -> None:
        """Made again, by another run, the changes are all there, once; and again changes nothing more."""
        another: Any = field.bench.connect().stages
        outcomes = [written(outcome) for outcome in another.apply(changes)]
        after = field.found()
        assert [written(outcome).id for outcome in another.apply(changes)] == [outcome.id for outcome in outcomes]
        assert field.found() == after
        for pipeline in field.own():
            labels = [stage.label for stage in pipeline.stages if stage.active]
            assert len(set(labels)) == len(labels)
        labels = [pipeline.label for pipeline in field.own()]
        assert len(set(labels)) == len(labels)
        _assert_made(field, changes, outcomes)
        _assert_nothing_else(field, changes, outcomes, before)


def _assert_made(field: StageField, changes: list[StageChange], outcomes: list[Written]) -> None:
    found = field.found()
    active = {stage.id: stage for stage in field.active()}
    for change, outcome in zip(changes, outcomes, strict=True):
        match change:
            case AddStage(stage=stage):
                assert says(active[outcome.id], stage)
            case ChangeStage(after=after):
                assert active[after.id].label == after.label
            case RetireStage(id=id):
                assert id not in active
            case OrderStages(ids=ids):
                assert [id for id in active if id in ids] == [id for id in ids if id in active]
            case OfferStages(pipeline=pipeline, offered=offered):
                assert set(offered) <= {stage.id for stage in found[field.object, pipeline].stages}
            case RelabelPipeline(pipeline=pipeline, label=label):
                assert found[field.object, pipeline].label == label
            case _:
                assert found[field.object, outcome.id].label == change.label


def _assert_nothing_else(field: StageField, changes: list[StageChange], outcomes: list[Written], before: Any) -> None:
    """Whatever the changes do not name is as it was, in every list."""
    stages, pipelines = set[str](), set[str]()
    for change, outcome in zip(changes, outcomes, strict=True):
        match change:
            case AddStage() | ChangeStage():
                stages.add(outcome.id)
            case RetireStage(id=id):
                stages.add(id)
            case OfferStages(offered=offered):
                stages.update(offered)
            case OrderStages():
                pass
            case RelabelPipeline(pipeline=pipeline):
                pipelines.add(pipeline)
            case _:
                pipelines.add(outcome.id)
    kept = {
        key: (pipeline, frozenset(stage for stage in held if key[0] != field.object or stage[0] not in stages))
        for key, (pipeline, held) in before.items()
        if key[0] != field.object or key[1] not in pipelines
    }
    assert unordered(without(field.found(), field.object, stages, pipelines)) == kept
