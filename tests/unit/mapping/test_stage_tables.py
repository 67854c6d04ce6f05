# ruff: noqa: E501 - messages stand here as they are printed
"""Every stage table that is let through is a lawful lens, and every one that is not breaks a law."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.mapping.mistakes import Report
from instep.mapping.section import Section
from instep.mapping.source import Source
from instep.mapping.stagetables import read_stage_table
from instep.model.entities import Kind
from instep.model.process import Outcome, Process, Segment, Stage
from instep.model.stagetable import StageTable

from ...thorough import examples

Said = Callable[..., list[str]]
F = "mappings/crm.toml"
HEAD = '[opportunity]\nobjects = ["deals"]\nmatch = ["instep_id"]\n'

MISTAKES = {
    "a value of two stages": (
        'stages = { field = "S", values = { interest = "Lead", research = "Lead" } }\n',
        (
            f'{F}:4: opportunity.stages.values.research gives "Lead" to "interest" and "research", '
            "and nothing says which of them an edit to it means. "
            'Add lands_on = { "Lead" = "interest" }, or spell them apart.'
        ),
    ),
    "a detour that the process does not have": (
        'stages = { field = "S", values = { interest = "Lead" }, detours = { recycled = "R" } }\n',
        f'{F}:4: opportunity.stages.detours.recycled names "recycled", which is no detour. Remove it.',
    ),
    "landing on a stage with another value": (
        'stages = { field = "S", values = { interest = "Lead", decision = "Hot" }, lands_on = { Lead = "decision" } }\n',
        f'{F}:4: opportunity.stages.lands_on.Lead is "decision", a stage that is not shown as "Lead". Use "interest".',
    ),
    "landing from a value that is not used": (
        'stages = { field = "S", values = { interest = "Lead" }, lands_on = { Laed = "interest" } }\n',
        f'{F}:4: opportunity.stages.lands_on.Laed names "Laed", which is no value. Did you mean "Lead"?',
    ),
    "landing on an unknown stage": (
        'stages = { field = "S", values = { interest = "Lead" }, lands_on = { Lead = "intrest" } }\n',
        f'{F}:4: opportunity.stages.lands_on.Lead names "intrest", which is no stage. Did you mean "interest"?',
    ),
    "a value of an unknown stage": (
        'stages = { field = "S", values = { intrest = "Lead" } }\n',
        f'{F}:4: opportunity.stages.values.intrest names "intrest", which is no stage. Did you mean "interest"?',
    ),
    "no values": (
        'stages = { field = "S" }\n',
        f'{F}:4: opportunity.stages has no "values". Add values = {{ STAGE = "how it is spelled there" }}.',
    ),
    "an unknown outcome": (
        'stages = { field = "S", values = {}, outcomes = { loss = "Lost" } }\n',
        f'{F}:4: opportunity.stages.outcomes.loss names "loss", which is no outcome. Did you mean "lost"?',
    ),
    "one spelling of two outcomes": (
        'stages = { field = "S", values = {}, outcomes = { lost = "Lost", no_decision = "Lost" } }\n',
        f'{F}:4: opportunity.stages.outcomes.no_decision is "Lost", like another outcome. Give each its own value.',
    ),
    "pipelines without their fields": (
        '[opportunity.pipelines.all]\npipeline = "All"\nvalues = {}\n',
        (
            f'{F}:4: opportunity.pipelines has pipelines, but no "stages_in". '
            'Add [opportunity.stages_in] with field = "…" and pipeline_field = "…".'
        ),
    ),
    "a pipeline without its name there": (
        'stages_in = { field = "S", pipeline_field = "P" }\n[opportunity.pipelines.all]\nvalues = {}\n',
        f'{F}:5: opportunity.pipelines.all has no "pipeline". Add pipeline = "…".',
    ),
    "two tables of one pipeline": (
        (
            'stages_in = { field = "S", pipeline_field = "P" }\n[opportunity.pipelines.a]\npipeline = "All"\nvalues = {}\n'
            '[opportunity.pipelines.b]\npipeline = "All"\nvalues = {}\nsegments = []\n'
        ),
        f'{F}:9: opportunity.pipelines.b.pipeline is "All", like another pipeline here. Keep one of the two.',
    ),
    "two pipelines for everyone": (
        (
            'stages_in = { field = "S", pipeline_field = "P" }\n[opportunity.pipelines.a]\npipeline = "A"\nvalues = {}\n'
            '[opportunity.pipelines.b]\npipeline = "B"\nvalues = {}\n'
        ),
        (
            f'{F}:8: opportunity.pipelines.b has no "segments", like "A": new records could go to either. '
            "Add segments = [ … ], or segments = [] for none."
        ),
    ),
    "an unknown segment": (
        (
            'stages_in = { field = "S", pipeline_field = "P" }\n'
            '[opportunity.pipelines.a]\npipeline = "A"\nvalues = {}\nsegments = ["teaa"]\n'
        ),
        f'{F}:8: opportunity.pipelines.a.segments names "teaa", which is no segment. Did you mean "tea"?',
    ),
    "two pipelines for one segment": (
        (
            'stages_in = { field = "S", pipeline_field = "P" }\n'
            '[opportunity.pipelines.a]\npipeline = "A"\nvalues = {}\nsegments = ["tea"]\n'
            '[opportunity.pipelines.b]\npipeline = "B"\nvalues = {}\nsegments = ["tea"]\n'
        ),
        (
            f'{F}:12: opportunity.pipelines.b.segments names "tea", whose new records already go to "A". '
            "Remove it from one of the two."
        ),
    ),
    "stages both in a field and in pipelines": (
        (
            'stages = { field = "S", values = {} }\nstages_in = { field = "S", pipeline_field = "P" }\n'
            '[opportunity.pipelines.a]\npipeline = "A"\nvalues = {}\n'
        ),
        f'{F}:4: opportunity.stages has both "stages" and "pipelines". Keep the one that the system has.',
    ),
}
MISTAKES["new records without a pipeline"] = (
    (
        'create = "always"\ncreate_as = "deals"\nstages_in = { field = "S", pipeline_field = "P" }\n'
        '[opportunity.pipelines.a]\npipeline = "A"\nvalues = {}\nsegments = ["tea"]\n'
    ),
    (
        f"{F}:7: opportunity.pipelines do not say where new records of buyers outside every segment go. "
        'Leave "segments" out of one pipeline: it takes the rest.'
    ),
)
PROCESS_TEXT = 'preset = "b2b-11"\n[[segments]]\nkey = "tea"\nwhen = { field = "company.industry", eq = "Tea" }\n'


@pytest.mark.parametrize("case", MISTAKES)
def test_each_mistake_is_told_with_its_line_and_remedy(said: Said, case: str) -> None:
    text, expected = MISTAKES[case]

    assert said(process=PROCESS_TEXT, crm=HEAD + text) == [expected]


def opportunity(folder, text: str):
    return folder.loaded(process=PROCESS_TEXT, crm=HEAD + text).mappings["crm"].entities[Kind.OPPORTUNITY]


def test_a_plain_field_is_compiled_with_outcomes(folder) -> None:
    text = 'stages = { field = "Step", values = { decision = "D" }, outcomes = { won = "W", no_decision = "N" } }\n'

    assert opportunity(folder, text).stages == StageTable(
        "Step", {"decision": "D"}, outcomes={Outcome.WON: "W", Outcome.NO_DECISION: "N"}
    )


def test_pipelines_are_compiled_with_their_fields_and_segments(folder) -> None:
    text = (
        'stages_in = { field = "step", pipeline_field = "line" }\n'
        '[opportunity.pipelines.tea]\npipeline = "Tea line"\nsegments = ["tea"]\nvalues = { decision = "D" }\n'
        '[opportunity.pipelines.other]\npipeline = "Default"\nvalues = { decision = "E" }\n'
    )
    found = opportunity(folder, text)

    assert found.segment_pipelines == {"tea": "Tea line", "": "Default"}
    assert [(t.field, t.pipeline_field, t.pipeline, dict(t.values)) for t in found.pipelines] == [
        ("step", "line", "Default", {"decision": "E"}),
        ("step", "line", "Tea line", {"decision": "D"}),
    ]


def test_a_law_of_stages_prefers_as_it_says(folder) -> None:
    text = 'stages = { field = "Step", values = {}, prefer = ["crm"] }\n'
    workspace = folder.loaded(crm=HEAD + text)

    assert workspace.law(Kind.OPPORTUNITY, "stage").prefer == ("crm", "exports")


COMMON = tuple(Stage(key, key) for key in "abcde")
PROCESS = Process(
    "p", COMMON, segments=(Segment("s", "s", None, (COMMON[0], Stage("x", "x"), COMMON[2], Stage("y", "y"))),)
)
STAGES = [*"abcde", "x", "y"]
SPELLINGS = st.sampled_from(["one", "two", "three"])
TABLES = st.fixed_dictionaries(
    {"values": st.dictionaries(st.sampled_from(STAGES), SPELLINGS)},
    optional={"lands_on": st.dictionaries(SPELLINGS, st.sampled_from(STAGES))},
)


def read(data: dict[str, dict[str, str]]) -> tuple[StageTable, Report]:
    report = Report()
    section = Section(Source("f", "", data), report)
    return read_stage_table(section, PROCESS, "field", has_outcomes=False), report


def laws_hold(table: StageTable) -> bool:
    """Whether `get(put(x), x) = x`, and `put(get(v, x)) = v` for every value and every stage before the edit."""
    kept = all(
        table.get(value, stage, PROCESS) == stage
        for stage in STAGES
        if (value := table.put(stage, PROCESS)) is not None
    )
    stable = all(
        table.put(table.get(value, stage, PROCESS), PROCESS) == value
        for value in {*table.values.values(), *table.lands_on}
        for stage in (None, *STAGES)
    )
    return kept and stable


@given(TABLES)
@settings(max_examples=examples(400), deadline=None)
def test_a_table_is_let_through_exactly_if_the_lens_laws_hold(data: dict[str, dict[str, str]]) -> None:
    _, report = read(data)
    as_written = StageTable("field", data["values"], data.get("lands_on", {}))

    assert (not report.mistakes) == laws_hold(as_written)


@given(TABLES)
@settings(max_examples=examples(200), deadline=None)
def test_what_is_let_through_is_compiled_unchanged(data: dict[str, dict[str, str]]) -> None:
    table, report = read(data)

    if not report.mistakes:
        assert (dict(table.values), dict(table.lands_on)) == (data["values"], data.get("lands_on", {}))
