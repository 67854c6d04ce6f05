"""Claims about associations between records."""

from __future__ import annotations

from itertools import permutations

import pytest

from instep.contract import Related, Relation, Written
from instep.testing.workbench import Workbench

Pair = tuple[str, str]


class LinkingClaims:
    """What `relate`, `unrelate` and `related` promise."""

    def test_relating_twice_leaves_one_association(self, bench: Workbench) -> None:
        for relation in _one_of_each_pair(bench):
            for _ in range(2):
                (outcome,) = bench.records.relate([relation])
                assert isinstance(outcome, Written), outcome
            assert [end.id for end in _ends(bench, relation)] == [relation.to_id]

    def test_an_association_that_is_removed_is_gone_and_may_be_removed_again(self, bench: Workbench) -> None:
        for relation in _one_of_each_pair(bench):
            bench.records.relate([relation])
            for _ in range(2):
                (outcome,) = bench.records.unrelate([relation])
                assert isinstance(outcome, Written), outcome
                assert not _ends(bench, relation)

    def test_related_answers_in_the_order_it_was_asked(self, bench: Workbench) -> None:
        relation = _one_of_each_pair(bench)[0]
        (lonely,) = bench.make(relation.object)
        bench.records.relate([relation])
        found = bench.records.related(relation.object, [lonely, relation.id], relation.to_object)
        assert [[end.id for end in ends] for ends in found] == [[], [relation.to_id]]

    def test_a_new_primary_takes_the_place_of_the_old_one(self, bench: Workbench) -> None:
        pair = _primary_pair(bench)
        (id,), (first, second) = bench.make(pair[0]), bench.make(pair[1], 2)
        for to_id in (first, second):
            bench.records.relate([Relation(pair[0], id, pair[1], to_id, primary=True)])
        (ends,) = bench.records.related(pair[0], [id], pair[1])
        assert [end.id for end in ends if end.primary] == [second]

    def test_exactly_the_declared_pairs_can_be_associated(self, bench: Workbench) -> None:
        declared = bench.records.capabilities.relates
        if declared is None:
            pytest.skip(f"{bench.plugin.name} does not say which objects it associates.")
        assert declared.keys() == set(bench.records.objects)
        found = {(relation.object, relation.to_object) for relation in _one_of_each_pair(bench)}
        assert found == {(object, end) for object, ends in declared.items() for end in ends}

    def test_an_association_with_a_record_that_is_not_there_fails_alone(self, bench: Workbench) -> None:
        good = _one_of_each_pair(bench)[0]
        bad = Relation(good.object, good.id, good.to_object, "999999999")
        first, second = bench.records.relate([good, bad])
        assert isinstance(first, Written)
        assert not isinstance(second, Written)


def _ends(bench: Workbench, relation: Relation) -> tuple[Related, ...]:
    return bench.records.related(relation.object, [relation.id], relation.to_object)[0]


def _one_of_each_pair(bench: Workbench) -> list[Relation]:
    """One association for every ordered pair of objects that the system associates."""
    made = {object: bench.make(object)[0] for object in bench.records.objects}
    found: list[Relation] = []
    for object, to_object in permutations(made, 2):
        relation = Relation(object, made[object], to_object, made[to_object])
        if isinstance(bench.records.relate([relation])[0], Written):
            bench.records.unrelate([relation])
            found.append(relation)
    if not found:
        pytest.skip(f"{bench.plugin.name} associates none of its objects.")
    return found


def _primary_pair(bench: Workbench) -> Pair:
    for relation in _one_of_each_pair(bench):
        bench.records.relate([relation])
        primary = Relation(relation.object, relation.id, relation.to_object, relation.to_id, primary=True)
        if isinstance(bench.records.relate([primary])[0], Written) and _ends(bench, relation)[0].primary:
            return relation.object, relation.to_object
    pytest.skip(f"{bench.plugin.name} marks no association as primary.")
