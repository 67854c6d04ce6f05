"""What a record's own field says of an opt-out."""

from __future__ import annotations

import pytest

from instep.model.values import Scalar
from instep.sync.fields import is_flagged_out


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
