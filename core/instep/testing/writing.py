"""Claims about writing records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from instep.contract import (
    Create,
    Delete,
    Gone,
    Missing,
    Moved,
    Rejected,
    Unknown,
    Update,
    Written,
)
from instep.errors import InstepError
from instep.testing.marks import cleans_up
from instep.testing.workbench import Stopped, Workbench, is_sentence

PERSISTENT = 100


class WritingClaims:
    """What `write` promises: one outcome per record, and never a twin."""

    @cleans_up
    def test_a_create_says_that_it_created(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            (outcome,) = bench.write(object, [bench.new(object)])
            assert isinstance(outcome, Written)
            assert outcome.created

    @cleans_up
    def test_creating_twice_finds_the_first(self, bench: Workbench) -> None:
        bench.need("upsert_by_key")
        for object in bench.records.objects:
            create = bench.new(object)
            (first,), (second,) = bench.write(object, [create]), bench.write(object, [create])
            assert isinstance(first, Written)
            assert isinstance(second, Written)
            assert (second.id, second.created) == (first.id, False)

    @cleans_up
    def test_creating_twice_in_one_call_makes_one_record(self, bench: Workbench) -> None:
        bench.need("upsert_by_key")
        create = bench.new(bench.object)
        outcomes = bench.write(bench.object, [create, create])
        assert len({o.id for o in outcomes if isinstance(o, Written)}) == 1
        assert len(bench.records.find(bench.object, bench.key_field, [create.key], [])[0]) == 1

    @cleans_up
    def test_what_was_written_is_what_is_read(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            name = bench.text_field(object)
            (id,) = bench.make(object)
            (outcome,) = bench.write(object, [Update(id, {name: "New words"}, {})], [name])
            assert isinstance(outcome, Written)
            assert outcome.fields.get(name, "New words") == "New words"
            assert bench.fields_of(object, id, [name]) == {name: "New words"}

    @cleans_up
    def test_writing_what_was_read_back_changes_nothing_more(self, bench: Workbench) -> None:
        bench.behave(normalise=True)
        for object in bench.records.objects:
            name = bench.text_field(object)
            (id,) = bench.make(object)
            bench.write(object, [Update(id, {name: "  Spaces  around "}, {})])
            once = bench.fields_of(object, id, [name])
            bench.write(object, [Update(id, dict(once), dict(once))])
            assert bench.fields_of(object, id, [name]) == once

    @cleans_up
    def test_none_clears_a_field(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            name = bench.other_text_field(object)
            (id,) = bench.make(object)
            bench.write(object, [Update(id, {name: "Words"}, {})])
            bench.write(object, [Update(id, {name: None}, {name: "Words"})])
            assert bench.fields_of(object, id, [name]) == {name: None}

    @pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
    def test_one_bad_record_fails_alone_and_in_its_place(self, bench: Workbench, shuffled: bool) -> None:
        bench.need("batch_partial")
        bench.behave(shuffle_results=shuffled)
        name = bench.text_field(bench.object)
        made = bench.make(bench.object, 5)
        bench.write(bench.object, [Delete(made[2])])
        outcomes = bench.write(bench.object, [Update(id, {name: "Batch"}, {}) for id in made])
        assert [o.id if isinstance(o, Written) else None for o in outcomes] == [*made[:2], None, *made[3:]]
        assert isinstance(outcomes[2], Missing | Rejected | Moved)

    def test_a_value_that_is_refused_names_its_field(self, bench: Workbench) -> None:
        choice = next(
            (f for f in bench.fields(bench.object) if f.type == "choice" and f.options and not f.read_only), None
        )
        if choice is None:
            pytest.skip(f"{bench.plugin.name} has no choice field.")
        good, bad = bench.make(bench.object, 2)
        name = bench.text_field(bench.object)
        updates = [Update(good, {name: "Good"}, {}), Update(bad, {choice.name: "nobody knows this value"}, {})]
        first, second = bench.write(bench.object, updates)
        assert isinstance(first, Written)
        assert isinstance(second, Rejected)
        assert second.field == choice.name
        assert is_sentence(second.reason), second.reason

    @cleans_up
    def test_an_update_of_a_deleted_record_creates_nothing(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            (id,) = bench.make(object)
            bench.write(object, [Delete(id)])
            (outcome,) = bench.write(object, [Update(id, {bench.text_field(object): "Back?"}, {})])
            assert isinstance(outcome, Missing)
            assert isinstance(bench.records.read(object, [id], [])[0], Gone)

    @cleans_up
    def test_deleting_twice_is_harmless(self, bench: Workbench) -> None:
        (id,) = bench.make(bench.object)
        for _ in range(2):
            (outcome,) = bench.write(bench.object, [Delete(id)])
            assert isinstance(outcome, Written | Missing)

    def test_a_create_whose_answer_was_lost_is_found_and_never_made_twice(self, bench: Workbench) -> None:
        bench.need("upsert_by_key")
        create = bench.new(bench.object)
        bench.faults.arm(PERSISTENT)
        (outcome,) = bench.write(bench.object, [create])
        assert isinstance(outcome, Unknown)
        bench.faults.clear()
        ((found,),) = bench.records.find(bench.object, bench.key_field, [create.key], [])
        (again,) = bench.write(bench.object, [create])
        assert isinstance(again, Written)
        assert again.id == found.id

    def test_twenty_creates_that_are_stopped_anywhere_are_completed_without_a_twin(self, bench: Workbench) -> None:
        bench.need("upsert_by_key")
        for passed in count():
            creates = [bench.new(bench.object) for _ in range(20)]
            stopped = _is_stopped(bench, passed, creates)
            lacking = [one for one, found in zip(creates, _holders(bench, creates), strict=True) if not found]
            _write_all(bench, lacking)
            assert [len(found) for found in _holders(bench, creates)] == [1] * 20
            if not stopped:
                assert not lacking
                break

    def test_an_update_whose_answer_was_lost_is_unknown(self, bench: Workbench) -> None:
        (id,) = bench.make(bench.object)
        bench.faults.arm(PERSISTENT)
        name = bench.text_field(bench.object)
        (outcome,) = bench.write(bench.object, [Update(id, {name: "Lost"}, {})])
        assert isinstance(outcome, Unknown)
        assert is_sentence(outcome.reason)

    def test_a_write_that_the_transport_stops_is_not_sent(self, bench: Workbench) -> None:
        (id,) = bench.make(bench.object)
        bench.sandbox.log.clear()
        bench.transport.stop_with = InstepError("Stop here.")
        with pytest.raises(InstepError, match=r"Stop here\."):
            bench.write(bench.object, [Update(id, {bench.text_field(bench.object): "No"}, {})])
        assert not bench.sandbox.log.calls()

    def test_writing_nothing_sends_nothing(self, bench: Workbench) -> None:
        bench.records.write(bench.object, [], [])
        assert not bench.transport.sent

    def test_a_unique_value_that_is_taken_names_its_holder(self, bench: Workbench) -> None:
        unique = [f for f in bench.fields(bench.object) if f.unique and not f.read_only and f.name != bench.key_field]
        if not unique:
            pytest.skip(f"{bench.plugin.name} has no unique field of its own.")
        taken = {unique[0].name: "taken@conformance.example"}
        first, second = (replace(c, fields={**c.fields, **taken}) for c in _two(bench))
        (held,), (refusal,) = bench.write(bench.object, [first]), bench.write(bench.object, [second])
        assert isinstance(held, Written)
        assert isinstance(refusal, Rejected)
        assert refusal.existing_id in (held.id, None)

    def test_a_field_that_resists_can_be_moved_back_as_declared(self, bench: Workbench) -> None:
        resisting = bench.records.capabilities.can_regress
        moves = [(p, resisting[p.id]) for p in bench.part("stages").read() if p.id in resisting]
        if not moves:
            pytest.skip(f"{bench.plugin.name} declares no field that resists.")
        for pipeline, how in moves:
            name, early, late = pipeline.id, pipeline.stages[0].id, pipeline.stages[-1].id
            (id,) = bench.make(pipeline.object)
            bench.write(pipeline.object, [Update(id, {name: late}, {})])
            (outcome,) = bench.write(pipeline.object, [Update(id, {name: early}, {name: late})], [name])
            held = bench.fields_of(pipeline.object, id, [name])[name]
            assert held == (late if how == "no" else early)
            assert isinstance(outcome, Written) is (held == early)


def _write_all(bench: Workbench, creates: Sequence[Create]) -> None:
    size = bench.records.batch.write
    for start in range(0, len(creates), size):
        bench.write(bench.object, creates[start : start + size])


def _is_stopped(bench: Workbench, passed: int, creates: Sequence[Create]) -> bool:
    """Write until so many requests have passed; whether that was before the end."""
    bench.transport.stop_after = passed
    try:
        _write_all(bench, creates)
    except Stopped:
        return True
    finally:
        bench.transport.stop_after = None
    return False


def _holders(bench: Workbench, creates: Sequence[Create]) -> Sequence[Sequence[object]]:
    return bench.records.find(bench.object, bench.key_field, [one.key for one in creates], [])


def _two(bench: Workbench) -> list[Create]:
    return [bench.new(bench.object), bench.new(bench.object)]
