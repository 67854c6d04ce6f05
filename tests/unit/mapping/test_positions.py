"""Every path of a TOML file has the line on which it is written."""

from __future__ import annotations

import tomllib
from typing import Any

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.mapping.positions import positions

from ...thorough import examples

TEXT = '''\
# a comment = "with [brackets]"
title = "a # sign, and \\"quotes\\""   # more
"quoted key" = 'it''

[table.inner]
list = [
  "one",  # [
  { deep = [1, 2],
    more = """
several "quoted" lines""""" },
  """two
lines""",
]
a.dotted.key = 1979-05-27 07:32:00

[[rows]]
x = {}
[[rows]]
y = []
[rows.below]
z = \'\'\'
= [
\'\'\'
[[rows.many]]
k = true
'''.replace("'it''", "'it'")

LINES = {
    ("title",): 2,
    ("quoted key",): 3,
    ("table",): 5,
    ("table", "inner", "list"): 6,
    ("table", "inner", "list", 0): 7,
    ("table", "inner", "list", 1, "deep", 1): 8,
    ("table", "inner", "list", 1, "more"): 9,
    ("table", "inner", "list", 2): 11,
    ("table", "inner", "a", "dotted", "key"): 14,
    ("rows", 0, "x"): 17,
    ("rows", 1): 18,
    ("rows", 1, "y"): 19,
    ("rows", 1, "below", "z"): 21,
    ("rows", 1, "many", 0, "k"): 25,
}


def test_each_path_has_the_line_that_an_editor_shows() -> None:
    found = positions(TEXT)

    assert {path: found[path] for path in LINES} == LINES


SCALARS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.dates(),
)
KEYS = st.text("abc-_.# ]=\"'", min_size=1, max_size=4)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


def paths(value: Any, here: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Every path of parsed data."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path for key, inner in pairs for path in ({(*here, key)} | paths(inner, (*here, key)))}


@given(st.dictionaries(KEYS, VALUES, max_size=4))
@settings(max_examples=examples(200), deadline=None)
def test_a_file_of_any_shape_has_exactly_its_own_paths(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)

    assert positions(text).keys() == paths(tomllib.loads(text))
