# ruff: noqa: E501 - small files stand on one line each
"""Whatever stands in a file, it is read or reported: nothing else ever escapes."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time
from typing import Any

import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.mapping.load import read_workspace

from ...thorough import examples

FILES = {
    "sync": '[sync]\nrecheck_after = "5m"\n[connections.exports]\nplugin = "files"\n[connections.crm]\nplugin = "c"\n',
    "process": """\
preset = "b2b-11"
[[stages]]
key = "decision"
label = "D"
role = "sales"
enter = { any = ["goes-live"] }
win_probability = 0.5
[[behaviours]]
key = "goes-live"
actor = "buyer"
buyer_counterpart = "x"
[[segments]]
key = "tea"
when = { all = [{ field = "city", in = ["a"] }, { not = { field = "employees", between = [1, 2] } }] }
[[segments.stages]]
key = "decision"
[[moved]]
from = "old"
to = "decision"
""",
    "scoring": '[points]\ngoes-live = 1\n[caps]\ngoes-live = 2\n[bands]\na = 1\n[[fit]]\npoints = 1\nwhen = { field = "city", eq = 1 }\n',
    "team": '[[people]]\nkey = "a"\nroles = ["sales"]\nusers = { crm = "x" }\naway = [{ from = 2026-01-01, to = 2026-01-02 }]\n'
    '[[assign]]\nkind = "person"\nwhen = "blank"\nif = { field = "owner", changed = true }\n',
    "crm": """\
[person]
objects = ["contacts"]
match = ["instep_id", "email"]
create = "always"
create_as = "contacts"
speaks_for = ["sales"]
required = { A = { default = "x" }, B = 1 }
include = { field = "email", matches = "x" }
stages = { field = "s", values = { decision = "d", purchase = "d" }, lands_on = { d = "decision" }, prefer = ["crm"] }
consent = { scope = "all", field = "o", out_values = ["x"] }
relations = { company = { object = "firms", direction = "in" } }
[person.fields]
email = "mail"
source = { field = "s", values = { a = "A", b = ["B", "C"] }, prefer = ["crm"], law = "manual", authority = "crm" }
[company]
objects = ["firms"]
match = ["instep_id"]
[opportunity]
objects = ["deals"]
match = ["instep_id"]
stages_in = { field = "s", pipeline_field = "p" }
[opportunity.fields]
amount = { field = "a", currency = "EUR" }
close_date = { field = "c", zone = "Europe/Berlin" }
[opportunity.pipelines.x]
pipeline = "X"
segments = ["tea"]
values = { decision = "d" }
outcomes = { won = "w" }
[[behaviours]]
kind = "k"
behaviour = "goes-live"
where = { field = "x", older_than = "3d" }
""",
}

ODD = st.sampled_from(
    [
        0,
        -1,
        1.5,
        "",
        "x",
        " ",
        "all",
        True,
        False,
        [],
        [1],
        [[]],
        ["x"],
        {},
        {"x": 1},
        {"field": "x"},
        [{}],
        "decision",
        float("nan"),
        float("-inf"),
        10**400,
        date(2026, 1, 1),
        datetime(2026, 1, 1, tzinfo=UTC),
        time(7),
    ]
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in parsed data."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in pairs for path in ((*here, key), *places(inner, (*here, key)))]


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The data with something else at one place; None takes it out."""
    (key, *rest) = path
    copy = dict(data) if isinstance(data, dict) else list(data)
    if rest:
        copy[key] = changed(copy[key], tuple(rest), value)
    elif value is None:
        del copy[key]
    else:
        copy[key] = value
    return copy


@given(st.data())
@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_at_any_place_is_read_or_reported(folder, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    parsed = tomllib.loads(FILES[name])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(parsed) or [()]))
        if path:
            parsed = changed(parsed, path, data.draw(st.none() | ODD))
    reading = read_workspace(folder.write(**{**FILES, name: tomlkit.dumps(parsed)}).root)

    assert (reading.workspace is None) == bool(reading.mistakes)
    assert all(mistake.line for mistake in reading.mistakes if (folder.root / mistake.file).read_bytes())


def test_the_files_that_are_changed_are_right_to_begin_with(folder) -> None:
    assert folder.said(**FILES) == []
