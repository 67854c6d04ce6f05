"""Where a connection keeps stages: in one field, or in pipelines that each have stages of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from instep.mapping.fields import FieldEntry
from instep.mapping.ownership import columns_of
from instep.mapping.section import Section
from instep.mapping.stagetables import read_stage_table
from instep.model.entities import Kind
from instep.model.process import Process
from instep.model.stagetable import StageTable


@dataclass(frozen=True, slots=True)
class JourneyTables:
    stages: StageTable | None = None
    pipelines: tuple[StageTable, ...] = ()
    segment_pipelines: Mapping[str, str] = field(default_factory=dict)
    entry: FieldEntry | None = None
    """The stage as a merged field: whose word is preferred."""


def read_journey_tables(
    section: Section, kind: Kind, connection: str, process: Process, connections: tuple[str, ...]
) -> JourneyTables:
    """The stage tables of one kind: `[person.stages]`, or `[opportunity.pipelines.NAME]` with `stages_in`."""
    if kind is Kind.OPPORTUNITY and section.has("pipelines"):
        return _pipelines(section, connection, process, connections)
    stages = section.table("stages")
    if stages is None:
        return JourneyTables()
    name = stages.required_text("field")
    entry = _entry(stages, kind, connection, connections)
    table = read_stage_table(stages, process, name or "", has_outcomes=kind is Kind.OPPORTUNITY)
    stages.finish()
    return JourneyTables(stages=table, entry=entry)


def _pipelines(section: Section, connection: str, process: Process, connections: tuple[str, ...]) -> JourneyTables:
    if section.has("stages"):
        section.known["stages"] = None
        section.mistake(
            "STAGES_TWICE", 'has both "stages" and "pipelines"', "Keep the one that the system has.", "stages"
        )
    places = section.table("stages_in")
    if places is None and not section.has("stages_in"):
        remedy = 'Add [opportunity.stages_in] with field = "…" and pipeline_field = "…".'
        section.mistake("MISSING_KEY", 'has pipelines, but no "stages_in"', remedy, "pipelines")
    stage_field = places.required_text("field") if places else None
    pipeline_field = places.required_text("pipeline_field") if places else None
    entry = _entry(places, Kind.OPPORTUNITY, connection, connections) if places else None
    if places:
        places.finish()
    tables: dict[str, StageTable] = {}
    segments: dict[str, str] = {}
    pipelines = section.table_or_empty("pipelines")
    for name in sorted(pipelines.data):
        found = pipelines.table(name)
        pipeline = found.required_text("pipeline") if found else None
        if found is None or pipeline is None:
            continue
        if pipeline in tables:
            found.mistake("TWICE", f'is "{pipeline}", like another pipeline here', "Keep one of the two.", "pipeline")
        tables[pipeline] = read_stage_table(
            found, process, stage_field or "", has_outcomes=True, pipeline=pipeline, pipeline_field=pipeline_field
        )
        _take_segments(found, pipeline, process, segments)
        found.finish()
    return JourneyTables(None, tuple(tables.values()), segments, entry)


def check_pipelines(section: Section, journeys: JourneyTables, process: Process, *, creates: bool) -> None:
    """Report buyers whose new records would have no pipeline to go into."""
    if not creates or not journeys.pipelines or "" in journeys.segment_pipelines:
        return
    missing = [segment for segment in columns_of(process) if segment not in journeys.segment_pipelines]
    if missing:
        who = f'segment "{missing[0]}"' if missing[0] else "buyers outside every segment"
        problem = f"do not say where new records of {who} go"
        section.mistake(
            "NO_PIPELINE", problem, 'Leave "segments" out of one pipeline: it takes the rest.', "pipelines"
        )


def _take_segments(table: Section, pipeline: str, process: Process, taken: dict[str, str]) -> None:
    """Which segments' new records go into this pipeline; without the key, everyone else's."""
    known = [segment.key for segment in process.segments]
    wanted = table.names("segments", "segment", known) if table.has("segments") else ("",)
    for segment in wanted:
        other = taken.setdefault(segment, pipeline)
        if other != pipeline and segment:
            problem = f'names "{segment}", whose new records already go to "{other}"'
            table.mistake("SEGMENT_TWICE", problem, "Remove it from one of the two.", "segments")
        elif other != pipeline:
            problem = f'has no "segments", like "{other}": new records could go to either'
            table.mistake("SEGMENT_TWICE", problem, "Add segments = [ … ], or segments = [] for none.")


def _entry(table: Section, kind: Kind, connection: str, connections: tuple[str, ...]) -> FieldEntry:
    prefer = table.names("prefer", "connection", connections) if table.has("prefer") else None
    return FieldEntry(kind, connection, "stage", "", table, prefer=prefer)
