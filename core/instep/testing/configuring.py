"""Claims about configuring pipelines and stages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from instep.contract import (
    AddStage,
    ChangeStage,
    Missing,
    OfferStages,
    OrderStages,
    Outcome,
    Rejected,
    RelabelPipeline,
    RetireStage,
    SystemStage,
    Written,
)
from instep.model.values import Scalar
from instep.testing.stagefields import Field, StageField, StageFieldClaims, says, seen, unordered, without, written
from instep.testing.workbench import Workbench, is_sentence, refused

NOBODY_KNOWS = "nobody_knows_this"
LATE = timedelta(seconds=30)


class ConfiguringClaims(StageFieldClaims):
    """What `limits`, `configured`, `apply` and `holders` promise."""

    # --- reading -----------------------------------------------------------------------------------------------

    def test_what_is_configured_is_told_apart_and_read_without_effect(
        self, bench: Workbench, at: Field | None
    ) -> None:
        field = self._field(bench, at)
        bench.sandbox.log.clear()
        found = field.store.configured(field.every)
        assert found == field.store.configured(field.every)
        assert len({(p.object, p.id) for p in found}) == len(found) > 0
        for pipeline in found:
            orders = [(not stage.active, stage.order) for stage in pipeline.stages]
            assert orders == sorted(orders)
            assert len({stage.id for stage in pipeline.stages}) == len(pipeline.stages)
            assert all(stage.label for stage in pipeline.stages)
        assert not bench.sandbox.log.writes()

    def test_what_is_configured_is_what_is_in_use(self, bench: Workbench, at: Field | None) -> None:
        field = self._field(bench, at)
        own = {(p.object, p.id): p for p in field.own()}
        for pipeline in field.store.read():
            if (pipeline.object, pipeline.id) in own:
                active = [stage for stage in own[pipeline.object, pipeline.id].stages if stage.active]
                assert [seen(stage) for stage in pipeline.stages] == [seen(stage) for stage in active]

    def test_the_limits_can_be_kept(self, bench: Workbench, at: Field | None) -> None:
        limits = self._field(bench, at).limits
        assert 0 < limits.probability_step <= 1
        assert 0 <= limits.lowest_open <= limits.highest_open <= 1
        assert min(limits.label_length, limits.pipeline_label_length) > 0
        assert not limits.by_hand or is_sentence(limits.by_hand)

    def test_a_field_that_is_no_list_has_no_stages(self, bench: Workbench, at: Field | None) -> None:
        field = self._field(bench, at)
        assert field.store.limits(field.object, NOBODY_KNOWS) is None
        assert not field.store.configured([(field.object, NOBODY_KNOWS)])

    def test_changing_nothing_sends_nothing(self, bench: Workbench, at: Field | None) -> None:
        field = self._field(bench, at)
        bench.transport.sent.clear()
        assert field.apply() == []
        assert not bench.transport.sent

    def test_what_only_a_person_can_change_is_refused_with_the_way_to_do_it(
        self, bench: Workbench, at: Field | None
    ) -> None:
        field = self._field(bench, at)
        if not field.limits.by_hand:
            pytest.skip(f"{bench.plugin.name} changes these stages.")
        before, stage = field.found(), field.active()[0]
        for change in (
            AddStage(field.object, field.home().id, field.new()),
            ChangeStage(field.object, field.home().id, stage, replace(stage, label="By hand")),
        ):
            assert refused(field.apply(change)[0])
        assert field.found() == before

    # --- adding ------------------------------------------------------------------------------------------------

    def test_a_stage_that_is_added_twice_is_there_once_and_last(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        before, wanted = field.found(), field.new()
        change = AddStage(field.object, field.home().id, wanted)
        first, second = field.make(change), field.make(change)
        assert first.id == second.id
        assert field.active()[-1].id == first.id
        assert says(field.stage(first.id), wanted)
        assert not field.limits.ids_are_labels or first.id == wanted.label
        assert without(field.found(), field.object, {first.id}) == before

    def test_a_stage_that_is_added_closed_is_closed(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        if not field.limits.has_outcomes:
            pytest.skip("These stages have no outcomes.")
        for won in (True, False):
            wanted = replace(field.new(), closed=True, won=won, probability=float(won))
            added = field.make(AddStage(field.object, field.home().id, wanted))
            assert says(field.stage(added.id), wanted)

    def test_a_pipeline_that_is_added_twice_is_there_once(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        if not field.limits.makes_pipelines:
            pytest.skip("No pipelines can be created here.")
        before, change = field.found(), field.another_pipeline()
        first, second = field.make(change), field.make(change)
        assert (first.id, first.fields) == (second.id, second.fields)
        made = field.found()[field.object, first.id]
        assert made.label == change.label
        assert {stage.label: stage.id for stage in made.stages} == first.fields
        assert made.offers_from == field.limits.shared_list
        assert all(says(stage, wanted) for stage, wanted in zip(made.stages, change.stages, strict=True))
        assert without(field.found(), field.object, (), {first.id}) == before

    def test_a_label_as_long_as_the_limit_is_taken(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        wanted = field.new("L" * field.limits.label_length)
        added = field.make(AddStage(field.object, field.home().id, wanted))
        assert field.stage(added.id).label == wanted.label

    # --- changing ----------------------------------------------------------------------------------------------

    def test_another_label_keeps_the_id_and_everything_else(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        stage = field.active()[1]
        self._changed(field, stage, replace(stage, label="Another label"))

    def test_another_probability_keeps_everything_else(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        first, second = field.probabilities()
        if first is None:
            pytest.skip("These stages have no outcomes.")
        stage = field.stage(field.add())
        self._changed(field, stage, replace(stage, probability=second))

    def test_a_stage_can_become_won_and_lost(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        if not field.limits.has_outcomes:
            pytest.skip("These stages have no outcomes.")
        stage = field.stage(field.add())
        for won in (True, False):
            before = field.found()
            after = replace(stage, closed=True, won=won, probability=float(won))
            field.make(ChangeStage(field.object, field.home().id, stage, after))
            stage = field.stage(stage.id)
            assert seen(stage) == seen(after)
            mine = {stage.id}
            assert without(field.found(), field.object, mine) == without(before, field.object, mine)

    def test_another_detail_keeps_everything_else(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        if not field.limits.details:
            pytest.skip("These stages have no details.")
        id = field.add()
        for word, kind in field.limits.details.items():
            outcomes = [self._with_detail(field, id, word, value) for value in _values(kind, field.stage(id), word)]
            assert any(isinstance(outcome, Written) for outcome in outcomes), outcomes

    def test_what_a_change_does_not_name_stays_as_others_left_it(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        stage = field.stage(field.add())
        relabelled = replace(stage, label="As a colleague says")
        field.make(ChangeStage(field.object, field.home().id, stage, relabelled))
        first, second = field.probabilities()
        if first is None:
            pytest.skip("These stages have nothing but their labels.")
        field.make(ChangeStage(field.object, field.home().id, stage, replace(stage, probability=second)))
        assert seen(field.stage(stage.id))[1:] == seen(replace(relabelled, probability=second))[1:]

    def test_another_label_of_a_pipeline_keeps_everything_else(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        if not field.limits.makes_pipelines:
            pytest.skip("No pipelines can be created here.")
        id = field.make(field.another_pipeline()).id
        before = field.found()
        for _ in range(2):
            field.make(RelabelPipeline(field.object, id, "Another label"))
        key = (field.object, id)
        assert field.found() == {**before, key: replace(before[key], label="Another label")}

    def test_stages_are_in_the_order_that_was_asked_for(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        before, ids = field.found(), [stage.id for stage in field.active()]
        for order in (ids[::-1], [*ids[2:], *ids[:2]], ids):
            for _ in range(2):
                field.make(OrderStages(field.object, field.home().id, tuple(order)))
            assert [stage.id for stage in field.active()] == order
            assert unordered(field.found()) == unordered(before)
        assert field.found() == before

    def test_a_stage_that_is_in_order_already_is_not_written(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        stage = field.active()[0]
        field.make(OrderStages(field.object, field.home().id, tuple(stage.id for stage in field.active())))
        bench.sandbox.log.clear()
        field.make(OrderStages(field.object, field.home().id, tuple(stage.id for stage in field.active())))
        field.make(ChangeStage(field.object, field.home().id, replace(stage, label="Before"), stage))
        assert not bench.sandbox.log.writes()

    def test_a_pipeline_offers_what_it_is_told_to_offer(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        pipeline = field.offering()
        if pipeline is None:
            pytest.skip("No pipeline here offers stages of a shared list.")
        id, before = field.add(), field.found()
        for _ in range(2):
            field.make(OfferStages(field.object, pipeline.id, offered=(id,)))
        offered = {stage.id for stage in field.found()[field.object, pipeline.id].stages}
        assert offered == {*(stage.id for stage in pipeline.stages), id}
        for _ in range(2):
            field.make(OfferStages(field.object, pipeline.id, withdrawn=(id,)))
        assert field.found() == before

    # --- retiring ----------------------------------------------------------------------------------------------

    def test_a_stage_that_nothing_holds_is_retired_alone_and_may_be_retired_again(
        self, bench: Workbench, at: Field | None
    ) -> None:
        field = self._changeable(bench, at)
        id = field.add()
        before = field.found()
        for _ in range(2):
            field.make(RetireStage(field.object, field.home().id, id))
        assert id not in {stage.id for stage in field.active()}
        assert (id in {stage.id for stage in field.home().stages}) is field.limits.keeps_retired
        assert without(field.found(), field.object, {id}) == without(before, field.object, {id})

    def test_a_retired_stage_that_is_kept_comes_back_with_its_id_as_it_is_wanted_now(
        self, bench: Workbench, at: Field | None
    ) -> None:
        field = self._changeable(bench, at)
        if not field.limits.keeps_retired:
            pytest.skip("A retired stage is not kept here.")
        stage = field.stage(field.add())
        field.make(RetireStage(field.object, field.home().id, stage.id))
        wanted = replace(stage, label="Back again", probability=field.probabilities()[1])
        for _ in range(2):
            assert field.make(AddStage(field.object, field.home().id, wanted)).id == stage.id
        assert says(field.stage(stage.id), wanted)
        assert stage.id in {stage.id for stage in field.active()}

    def test_a_stage_that_a_record_holds_is_not_lost(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        field.require_records()
        id = field.add()
        field.offer(id)
        (record,) = field.hold(id)
        bench.pass_time()
        before = field.found()
        (outcome,) = field.apply(RetireStage(field.object, field.home().id, id))
        assert bench.fields_of(field.object, record, [field.limits.field]) == {field.limits.field: id}
        assert id in {stage.id for stage in field.home().stages}
        if not (field.limits.keeps_retired and isinstance(outcome, Written)):
            assert refused(outcome).code == "in_use"
            assert field.found() == before

    # --- who holds a stage -------------------------------------------------------------------------------------

    def test_exactly_the_records_that_hold_a_stage_are_found(self, bench: Workbench, at: Field | None) -> None:
        field = self._field(bench, at)
        field.require_records()
        stage, other = (stage.id for stage in field.active()[:2])
        holding, passing = field.hold(stage, 2), field.hold(stage, 1)
        field.hold(other)
        bench.pass_time()
        assert self._holders(field, stage) == {*holding, *passing}
        bench.behave(index_lag=LATE)
        field.move(passing, other)
        assert self._holders(field, stage) == set(holding)

    def test_a_stage_that_nothing_holds_has_no_holders(self, bench: Workbench, at: Field | None) -> None:
        field = self._changeable(bench, at)
        assert not self._holders(field, field.add())

    # --- what goes wrong ---------------------------------------------------------------------------------------

    def test_a_change_that_cannot_be_made_fails_alone_and_in_its_place(
        self, bench: Workbench, at: Field | None
    ) -> None:
        field = self._changeable(bench, at)
        stranger = replace(field.active()[0], id=NOBODY_KNOWS)
        before, good = field.found(), AddStage(field.object, field.home().id, field.new())
        bad = (
            ChangeStage(field.object, field.home().id, stranger, replace(stranger, label="Whose?")),
            AddStage(field.object, NOBODY_KNOWS, field.new()),
        )
        first, second, third = field.apply(bad[0], good, bad[1])
        assert isinstance(first, Rejected | Missing), first
        assert isinstance(third, Rejected | Missing), third
        assert without(field.found(), field.object, {written(second).id}) == before

    # --- parts of claims ---------------------------------------------------------------------------------------

    def _changed(self, field: StageField, before: SystemStage, after: SystemStage) -> None:
        """A change that is made twice changes what it names, and nothing else anywhere."""
        found = field.found()
        for _ in range(2):
            assert field.make(ChangeStage(field.object, field.home().id, before, after)).id == before.id
        assert field.stage(before.id) == after
        mine = {before.id}
        assert without(field.found(), field.object, mine) == without(found, field.object, mine)

    def _with_detail(self, field: StageField, id: str, word: str, value: Scalar) -> Outcome:
        """A detail that is taken is there, and one that is refused changes nothing; the rest stays as it is."""
        stage, found = field.stage(id), field.found()
        after = replace(stage, details={**stage.details, word: value})
        (outcome,) = field.apply(ChangeStage(field.object, field.home().id, stage, after))
        if not isinstance(outcome, Written):
            assert refused(outcome)
            assert field.found() == found
            return outcome
        now = field.stage(id)
        assert (now.label, now.details) == (stage.label, after.details)
        assert without(field.found(), field.object, {id}) == without(found, field.object, {id})
        return outcome

    def _holders(self, field: StageField, stage: str) -> set[str]:
        pipeline = None if field.limits.shared_list else field.home().id
        found = field.store.holders(field.object, pipeline, stage)
        assert len(set(found)) == len(found)
        return set(found)


def _values(kind: Any, stage: SystemStage, word: str) -> list[Scalar]:
    """Values of a detail other than the one that the stage has."""
    simple: dict[Any, Scalar] = {bool: not stage.details.get(word), str: "Conformance words", int: 7}
    if isinstance(kind, type):
        return [simple[kind]]
    return [value for value in kind if value != stage.details.get(word)]
