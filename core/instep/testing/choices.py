"""Claims about fields with choices: creating them, and adding options."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from instep.contract import (
    ConfigurableFields,
    FieldSpec,
    Missing,
    Option,
    Rejected,
    Unknown,
    Update,
)
from instep.testing.stagefields import written
from instep.testing.workbench import Workbench

LOST_FOR_GOOD = 100


class ChoiceClaims:
    """What `create` and `extend` promise where a field has options."""

    own_field: ClassVar[str]

    def test_the_names_of_new_fields_keep_the_limits_which_cost_nothing_to_ask(self, bench: Workbench) -> None:
        limits = _fields(bench).limits()
        assert re.fullmatch(limits.name, self.own_field.format("stage"))
        assert limits.name_length > 0
        assert limits.label_length > 0
        assert not bench.transport.sent

    @pytest.mark.parametrize("type", ["choice", "choices"])
    def test_a_choice_is_created_once_with_its_options_in_order(self, bench: Workbench, type: Any) -> None:
        fields = _fields(bench)
        for object in bench.records.objects:
            spec = FieldSpec(
                object, self.own_field.format(type), "Conformance", type, options=_options("b", "a", "c")
            )
            outcomes = [written(fields.create(spec)) for _ in range(2)]
            assert [outcome.created for outcome in outcomes] == [True, False]
            made = next(field for field in fields.read(object) if field.name == spec.name)
            assert (made.type, made.options) == (type, spec.options)

    def test_a_choice_that_was_created_can_be_written(self, bench: Workbench) -> None:
        fields, name = _fields(bench), self.own_field.format("chosen")
        written(fields.create(FieldSpec(bench.object, name, "Chosen", "choice", options=_options("a", "b"))))
        (id,) = bench.make(bench.object)
        written(bench.write(bench.object, [Update(id, {name: "b"}, {})])[0])
        assert bench.fields_of(bench.object, id, [name]) == {name: "b"}

    def test_a_choice_that_is_extended_keeps_the_options_of_others(self, bench: Workbench) -> None:
        fields, name = _fields(bench), self.own_field.format("extended")
        spec = FieldSpec(bench.object, name, "Extended", "choice", options=_options("a"))
        written(fields.create(spec))
        colleague: Any = bench.connect().fields
        written(colleague.extend(bench.object, name, _options("colleague")))
        for _ in range(2):
            written(fields.extend(bench.object, name, (Option("a", "Another label"), Option("b", "Option b"))))
        written(fields.create(replace(spec, options=_options("a", "c"))))
        made = next(field for field in fields.read(bench.object) if field.name == name)
        assert made.options == _options("a", "colleague", "b", "c")

    def test_only_a_choice_that_is_there_can_be_extended(self, bench: Workbench) -> None:
        fields, name = _fields(bench), self.own_field.format("text")
        written(fields.create(FieldSpec(bench.object, name, "Text", "text")))
        for missing in (name, self.own_field.format("nowhere")):
            outcome = fields.extend(bench.object, missing, _options("a"))
            assert isinstance(outcome, Rejected | Missing), outcome

    def test_an_extension_whose_answer_was_lost_is_completed(self, bench: Workbench) -> None:
        fields, name = _fields(bench), self.own_field.format("lost")
        written(fields.create(FieldSpec(bench.object, name, "Lost", "choice", options=_options("a"))))
        bench.faults.arm(LOST_FOR_GOOD)
        assert isinstance(fields.extend(bench.object, name, _options("b")), Unknown)
        bench.faults.clear()
        written(fields.extend(bench.object, name, _options("b")))
        made = next(field for field in fields.read(bench.object) if field.name == name)
        assert made.options == _options("a", "b")


def _fields(bench: Workbench) -> ConfigurableFields:
    fields = bench.part("fields")
    if not isinstance(fields, ConfigurableFields):
        pytest.skip(f"{bench.plugin.name} does not add options to its fields.")
    return fields


def _options(*values: str) -> tuple[Option, ...]:
    return tuple(Option(value, f"Option {value}" if len(value) == 1 else value.title()) for value in values)
