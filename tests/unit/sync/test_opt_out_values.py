"""What a record's own field says of an opt-out."""

from __future__ import annotations

import pytest

from instep.model.values import Scalar
from instep.sync.fields import flag_for, is_flagged_out


@pytest.mark.parametrize(
    ("value", "out_values", "is_out"),
    [
        (True, (), True),
        (False, (), False),
        (None, (), False),
        ("yes", (), False),
        (True, ("yes",), True),
        (False, ("yes",), False),
        (False, ("false",), True),
        (True, ("false",), False),
        (True, ("true", "false"), True),
        (" Yes ", ("no", "YES"), True),
        ("no", ("yes",), False),
        ("", ("",), False),
        (None, ("None",), False),
        (1, ("1",), True),
    ],
)
def test_an_opt_out_is_what_the_file_says_that_it_is(
    value: Scalar, out_values: tuple[str, ...], is_out: bool
) -> None:
    assert is_flagged_out(value, out_values) is is_out


@pytest.mark.parametrize(
    ("out_values", "held", "is_out", "told"),
    [
        ((), False, True, True),
        ((), True, False, False),
        (("yes",), "", True, "yes"),
        (("yes",), "yes", False, None),
        (("yes",), False, True, True),
        (("false",), True, True, False),
        (("false",), False, False, True),
        (("False",), None, True, False),
        (("true",), None, True, True),
        (("no",), None, True, "no"),
        (("true",), "x", True, "true"),
    ],
)
def test_what_is_told_says_what_was_meant(
    out_values: tuple[str, ...], held: Scalar, is_out: bool, told: Scalar
) -> None:
    assert flag_for(out_values, held, is_out=is_out) == told
    assert is_flagged_out(told, out_values) is is_out
