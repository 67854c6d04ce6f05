"""Where a connection keeps stages: in one field, or in pipelines that each have stages of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from instep.mapping.fields import FieldEntry
from instep.mapping.ownership import columns_of
from instep.mapping.section import Section
from instep.mapping.stagetables import read_stage_table
from instep.mapping.wantedlists import read_wanted_list
from instep.model.configuration import ListIds, Path, WantedList, with_ids
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
    lists: tuple[WantedList, ...] = ()
    """The same as the system shall have them."""


@dataclass(frozen=True, slots=True)
class OfKind:
    """What the tables of one kind are read for."""

    kind: Kind
    connection: str
    objects: tuple[str, ...]
    process: Process
    connections: tuple[str, ...]
    ids: Mapping[Path, ListIds]

    def known(self, path: Path) -> ListIds:
        return self.ids.get(path, ListIds()).moved(self.process)


def read_journey_tables(section: Section, around: OfKind) -> JourneyTables:
    """The stage tables of one kind: `[person.stages]`, or `[opportunity.pipelines.NAME]` with `stages_in`."""
    if around.kind is Kind.OPPORTUNITY and section.has("pipelines"):
        return _pipelines(section, around)
    stages = section.table("stages")
    if stages is None:
        return JourneyTables()
    path: Path = (around.kind.value, "stages")
    name = stages.required_text("field")
    entry = _entry(stages, around)
    table = read_stage_table(stages, around.process, name or "", has_outcomes=around.kind is Kind.OPPORTUNITY)
    table = replace(table, reason_field=stages.text("reason"), until_field=stages.text("until"))
    wanted = read_wanted_list(stages, table, around.process, path, around.objects, around.kind)
    stages.finish()
    return JourneyTables(stages=with_ids(table, around.known(path)), entry=entry, lists=(wanted,))


def _pipelines(section: Section, around: OfKind) -> JourneyTables:
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
    entry = _entry(places, around) if places else None
    reason, until = (places.text("reason"), places.text("until")) if places else (None, None)
    if places:
        places.finish()
    tables: dict[str, StageTable] = {}
    lists: list[WantedList] = []
    segments: dict[str, str] = {}
    pipelines = section.table_or_empty("pipelines")
    for name in sorted(pipelines.data):
        found = pipelines.table(name)
        pipeline = found.required_text("pipeline") if found else None
        if found is None or pipeline is None:
            continue
        if pipeline in tables:
            found.mistake("TWICE", f'is "{pipeline}", like another pipeline here', "Keep one of the two.", "pipeline")
        table = read_stage_table(
            found,
            around.process,
            stage_field or "",
            has_outcomes=True,
            pipeline=pipeline,
            pipeline_field=pipeline_field,
        )
        table = replace(table, reason_field=reason, until_field=until)
        path: Path = (around.kind.value, "pipelines", name)
        tables[pipeline] = with_ids(table, around.known(path))
        served = _take_segments(found, str(tables[pipeline].pipeline), around.process, segments)
        lists.append(read_wanted_list(found, table, around.process, path, around.objects, around.kind, served))
        found.finish()
    return JourneyTables(None, tuple(tables.values()), segments, entry, tuple(lists))


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


def _take_segments(table: Section, pipeline: str, process: Process, taken: dict[str, str]) -> tuple[str, ...]:
    """Which segments' new records go into this pipeline; without the key, everyone else's, for whom "" stands."""
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
    return wanted


def _entry(table: Section, around: OfKind) -> FieldEntry:
    prefer = table.names("prefer", "connection", around.connections) if table.has("prefer") else None
    return FieldEntry(around.kind, around.connection, "stage", "", table, prefer=prefer)
