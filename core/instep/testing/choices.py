"""Claims about creating fields: choices, their options, and several fields at once."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

import pytest

from instep.contract import (
    ConfigurableFields,
    FieldBatches,
    FieldLimits,
    FieldSpec,
    Missing,
    Option,
    Rejected,
    Unknown,
    Update,
    Written,
)
from instep.sandbox import FaultKind
from instep.testing.stagefields import written
from instep.testing.workbench import Stopped, Workbench

LOST_FOR_GOOD = 100


class ChoiceClaims:
    """What `create` and `extend` promise where a field has options, and `create_all` of all fields."""

    own_field: ClassVar[str]

    def test_the_names_of_new_fields_keep_the_limits_which_cost_nothing_to_ask(self, bench: Workbench) -> None:
        limits = _fields(bench).limits()
        assert re.fullmatch(limits.name, self.own_field.format("stage"))
        assert limits.name_length > 0
        assert limits.label_length > 0
        assert not bench.transport.sent

    def test_a_type_that_cannot_be_created_is_refused(self, bench: Workbench) -> None:
        fields = _fields(bench)
        lacking = sorted(FieldLimits().types - fields.limits().types)
        if not lacking:
            pytest.skip(f"{bench.plugin.name} has fields of every type.")
        for type in lacking:
            name = self.own_field.format(type)
            refused: Any = FieldSpec(bench.object, name, "Conformance", type, options=_options("a"))  # type: ignore[arg-type]
            assert isinstance(fields.create(refused), Rejected)
            assert name not in {field.name for field in fields.read(bench.object)}

    @pytest.mark.parametrize("type", ["choice", "choices"])
    def test_a_choice_is_created_once_with_its_options_in_order(self, bench: Workbench, type: Any) -> None:
        fields = _fields(bench, type)
        for object in bench.records.objects:
            spec = FieldSpec(
                object, self.own_field.format(type), "Conformance", type, options=_options("b", "a", "c")
            )
            outcomes = [written(fields.create(spec)) for _ in range(2)]
            assert [outcome.created for outcome in outcomes] == [True, False]
            made = next(field for field in fields.read(object) if field.name == spec.name)
            assert (made.type, made.options) == (type, _shown(fields, spec.options))

    def test_a_choice_that_was_created_can_be_written(self, bench: Workbench) -> None:
        fields, name = _fields(bench, "choice"), self.own_field.format("chosen")
        written(fields.create(FieldSpec(bench.object, name, "Chosen", "choice", options=_options("a", "b"))))
        (id,) = bench.make(bench.object)
        written(bench.write(bench.object, [Update(id, {name: "b"}, {})])[0])
        assert bench.fields_of(bench.object, id, [name]) == {name: "b"}

    def test_a_choice_that_is_extended_keeps_the_options_of_others(self, bench: Workbench) -> None:
        fields, name = _fields(bench, "choice"), self.own_field.format("extended")
        spec = FieldSpec(bench.object, name, "Extended", "choice", options=_options("a"))
        written(fields.create(spec))
        colleague: Any = bench.connect().fields
        written(colleague.extend(bench.object, name, _options("colleague")))
        for _ in range(2):
            written(fields.extend(bench.object, name, (Option("a", "Another label"), Option("b", "Option b"))))
        written(fields.create(replace(spec, options=_options("a", "c"))))
        made = next(field for field in fields.read(bench.object) if field.name == name)
        assert made.options == _shown(fields, _options("a", "colleague", "b", "c"))

    def test_only_a_choice_that_is_there_can_be_extended(self, bench: Workbench) -> None:
        fields, name = _fields(bench), self.own_field.format("text")
        written(fields.create(FieldSpec(bench.object, name, "Text", "text")))
        for missing in (name, self.own_field.format("nowhere")):
            outcome = fields.extend(bench.object, missing, _options("a"))
            assert isinstance(outcome, Rejected | Missing), outcome

    def test_an_extension_whose_answer_was_lost_is_completed(self, bench: Workbench) -> None:
        fields, name = _fields(bench, "choice"), self.own_field.format("lost")
        written(fields.create(FieldSpec(bench.object, name, "Lost", "choice", options=_options("a"))))
        bench.faults.arm(LOST_FOR_GOOD)
        assert isinstance(fields.extend(bench.object, name, _options("b")), Unknown)
        bench.faults.clear()
        written(fields.extend(bench.object, name, _options("b")))
        made = next(field for field in fields.read(bench.object) if field.name == name)
        assert made.options == _shown(fields, _options("a", "b"))

    # --- several at once -----------------------------------------------------------------------------------------

    def test_fields_that_are_created_together_are_each_created_once(self, bench: Workbench) -> None:
        fields, specs = self._together(bench)
        for is_first in (True, False):
            outcomes = [written(outcome) for outcome in fields.create_all(specs)]
            assert [outcome.created for outcome in outcomes] == [is_first] * len(specs)
        self._assert_there(bench, specs)
        assert fields.create_all([]) == []

    def test_a_field_that_is_refused_takes_none_along(self, bench: Workbench) -> None:
        fields, (first, *others) = self._together(bench)
        written(fields.create(first))
        refused, *created = fields.create_all([replace(first, type="number"), *others])
        assert isinstance(refused, Rejected), refused
        assert all(written(outcome).created for outcome in created)
        self._assert_there(bench, [first, *others])

    def test_fields_that_somebody_makes_meanwhile_count_as_created(self, bench: Workbench) -> None:
        fields, specs = self._together(bench)
        for object in {spec.object for spec in specs}:
            fields.read(object)
        colleague: Any = bench.connect().fields
        written(colleague.create(specs[0]))
        found, *others = [written(outcome).created for outcome in fields.create_all(specs)]
        assert not found
        assert all(others)
        self._assert_there(bench, specs)

    def test_fields_whose_creation_is_stopped_anywhere_are_completed_by_creating_them_again(
        self, bench: Workbench
    ) -> None:
        for sent in count():
            fields, specs = self._together(bench, f"after_{sent}")
            bench.transport.stop_after = sent
            try:
                fields.create_all(specs)
                stopped = False
            except Stopped:
                stopped = True
            bench.transport.stop_after = None
            another: Any = bench.connect().fields
            for outcome in another.create_all(specs):
                written(outcome)
            self._assert_there(bench, specs)
            if not stopped:
                assert sent > 0
                break

    def test_fields_whose_answer_was_lost_are_completed_without_a_twin(self, bench: Workbench) -> None:
        for nth in count():
            fields, specs = self._together(bench, f"lost_{nth}")
            bench.transport.sent.clear()
            bench.faults.add("*", FaultKind.TIMEOUT_AFTER_COMMIT, 1, writes_only=True, after=nth)
            outcomes = fields.create_all(specs)
            bench.faults.clear()
            assert all(isinstance(outcome, Written | Unknown) for outcome in outcomes), outcomes
            for outcome in fields.create_all(specs):
                written(outcome)
            self._assert_there(bench, specs)
            if sum(sent.writes for sent in bench.transport.sent) <= nth:
                break

    def _together(self, bench: Workbench, name: str = "together") -> tuple[Any, list[FieldSpec]]:
        fields = bench.part("fields")
        if not isinstance(fields, FieldBatches):
            pytest.skip(f"{bench.plugin.name} creates its fields one by one.")
        specs: list[FieldSpec] = []
        for object in bench.records.objects[:2]:
            text, choice = (self.own_field.format(f"{name}_{type}") for type in ("text", "choice"))
            specs.append(FieldSpec(object, text, f"{name} text", "text"))
            specs.append(FieldSpec(object, choice, f"{name} choice", "choice", options=_options("b", "a")))
        return fields, specs

    def _assert_there(self, bench: Workbench, specs: list[FieldSpec]) -> None:
        """Every field is there as it was to be created, once, and this login can write it."""
        another: Any = bench.connect().fields
        for spec in specs:
            (made,) = [field for field in another.read(spec.object) if field.name == spec.name]
            assert (made.type, made.options or (), made.read_only) == (spec.type, spec.options, False)


def _fields(bench: Workbench, type: str = "") -> ConfigurableFields:
    fields = bench.part("fields")
    if not isinstance(fields, ConfigurableFields):
        pytest.skip(f"{bench.plugin.name} does not add options to its fields.")
    if type and type not in fields.limits().types:
        pytest.skip(f'{bench.plugin.name} has no fields of the type "{type}".')
    return fields


def _shown(fields: ConfigurableFields, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Options as the system has them: some show a choice by its values alone."""
    return options if fields.limits().option_labels else tuple(Option(o.value, o.value) for o in options)


def _options(*values: str) -> tuple[Option, ...]:
    return tuple(Option(value, f"Option {value}" if len(value) == 1 else value.title()) for value in values)
