"""Every measurement runs at a tiny size. What it measures there means nothing, so only calls are looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench import bare, calls, crms, incremental, ingest, memory, provisioning, startup
from bench.__main__ import NAMES, main, measurement, parse
from bench.workspaces import hubspot_mapping


def test_calls_are_at_the_floor_whatever_the_size() -> None:
    rows = list(calls.measure(contacts=205, changed=101, companies=3))
    assert [(row.what, row.measured) for row in rows] == [(row.what, row.baseline) for row in rows]


def test_a_full_last_page_takes_no_further_call() -> None:
    *_, changed, echo = calls.measure(contacts=200, changed=200)
    assert (changed.measured, echo.measured) == (changed.baseline, echo.baseline)


@pytest.mark.ci
def test_two_crms_are_near_the_floor_whatever_the_size() -> None:
    rows = [row for row in crms.measure(loaded=230, known=210, changed=205, missing=(0, 50)) if row.unit == "calls"]
    over = {
        row.what: (row.measured, row.baseline) for row in rows if row.baseline and row.measured > row.baseline + 1
    }
    assert len(rows) == 6
    assert over == {}


def test_ingest_reads_every_contact_in_every_way() -> None:
    rows = list(ingest.measure(contacts=130, rounds=1))
    assert [row.unit for row in rows] == ["s", "s", "s"]


def test_known_persons_serve_both_measurements_that_need_them(tmp_path: Path) -> None:
    rows = [*incremental.measure(tmp_path, persons=40, changed=3, rounds=1)]
    rows += memory.measure(tmp_path, persons=40, changed=3, runs=2)
    assert [row.unit for row in rows] == ["ms", "ms", "ms", "MB", "MB", "MB"]


@pytest.mark.ci
def test_known_persons_of_another_number_are_refused(tmp_path: Path) -> None:
    list(memory.measure(tmp_path, persons=5, changed=1, runs=1))
    with pytest.raises(RuntimeError, match="holds 5 persons, not 6"):
        list(memory.measure(tmp_path, persons=6, changed=1, runs=1))


def test_provisioning_is_near_the_floor_and_plans_stand_beside_reading() -> None:
    rows = list(provisioning.measure(pipelines=3, stages=5, rounds=1))
    calls = {row.what: (row.measured, row.baseline) for row in rows if row.unit == "calls"}
    assert calls == {
        "calls: provision an empty account": (24, 20),
        "calls: provision an empty org": (37, 30),
        "calls: plan without change, HubSpot": (6, 6),
        "calls: plan without change, Salesforce": (12, 11),
    }
    assert [row.against for row in rows if row.unit == "ms"] == ["decoding all"] * 4 + ["reading all"]


def test_startup_stands_beside_python_itself() -> None:
    assert {row.against for row in startup.measure(rounds=1)} == {"python3 -c pass"}


def test_every_name_is_a_measurement(tmp_path: Path) -> None:
    assert all(measurement(name, parse([]), tmp_path) for name in NAMES)


def test_figures_can_be_had_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["startup", "--rounds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in told["rows"]] == ["start: instep --help", "start: instep check"]


def test_a_table_that_is_left_out_of_the_starter_mapping_leaves_the_others() -> None:
    mapping = hubspot_mapping("person.relations")
    assert "[person.relations]" not in mapping
    assert "[person.consent]" in mapping
    assert "[opportunity.relations]" in mapping


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (b'{"results":[],"paging":{"next":{"after":"200","link":"http://127.0.0.1/x?after=200"}}}', "200"),
        (b'{"results":[]}', None),
    ],
)
def test_the_bare_loop_finds_the_next_page(body: bytes, after: str | None) -> None:
    assert bare.next_page(body) == after
