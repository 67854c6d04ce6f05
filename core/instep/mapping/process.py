"""`mappings/process.toml`, and later versions of it: on top of a preset and libraries of behaviours, or alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from instep.mapping.behaviours import Found, read_behaviours
from instep.mapping.detours import read_detours
from instep.mapping.facts import FactUses
from instep.mapping.library import library_behaviours, library_names
from instep.mapping.mistakes import Report
from instep.mapping.preset import preset_names, preset_source
from instep.mapping.rules import take_rule
from instep.mapping.section import Section, titled
from instep.mapping.stages import StageList, merged_stages, read_stages
from instep.model.entities import Kind
from instep.model.process import Behaviour, Process, Segment, Stage


@dataclass(frozen=True, slots=True)
class ReadProcess:
    """A process, and where each of its stages and behaviours is written, as (file, line)."""

    process: Process
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Base:
    key: str = "process"
    stages: StageList = StageList()
    behaviours: Mapping[str, tuple[Behaviour, Section]] = field(default_factory=dict)


def read_process(section: Section, uses: FactUses) -> ReadProcess:
    """The process that a file describes. Mistakes go to the section's report; a process always comes back."""
    section.text("about")
    base = _base(section)
    behaviours = {**base.behaviours, **read_behaviours(section.tables("behaviours"), base.behaviours)}
    replaces = section.flag("replace_stages", False)
    own = read_stages(section.tables("stages"), base.stages)
    common = merged_stages(StageList() if replaces else base.stages, own)
    segments = _segments(section, common, uses)
    key = section.text("key", base.key) or base.key
    for stages in (common, *(variant for _, variant in segments)):
        stages.check_entries({name: behaviour for name, (behaviour, _) in behaviours.items()})
    process = Process(
        key=key,
        stages=common.stages,
        behaviours=tuple(behaviour for behaviour, _ in behaviours.values()),
        segments=tuple(segment for segment, _ in segments),
    )
    moved = _moved(section, process)
    detours = read_detours(section.tables("detours"), {stage.key for stage in process.every_stage()})
    section.finish()
    if not process.stages:
        section.mistake(
            "NO_STAGES", "This file defines no stage", 'Write [[stages]], or start with preset = "b2b-11".'
        )
    places = {f"behaviours.{name}": _place(where) for name, (_, where) in behaviours.items()}
    places |= {f"stages.{name}": _place(where) for name, where in common.sections.items()}
    for segment, variant in segments:
        places |= {f"segments.{segment.key}.stages.{name}": _place(where) for name, where in variant.sections.items()}
    return ReadProcess(replace(process, moved=moved, detours=detours), places)


def _base(section: Section) -> _Base:
    name = section.choice("preset", preset_names())
    libraries = section.names("libraries", "library", library_names())
    source = preset_source(name, section.report) if name else None
    if name is None or source is None:
        return _Base(behaviours=_with_libraries({}, libraries, section.report))
    preset = Section(source, section.report)
    preset.text("about")
    behaviours = _with_libraries(read_behaviours(preset.tables("behaviours"), {}), libraries, section.report)
    return _Base(preset.text("key", name) or name, read_stages(preset.tables("stages"), StageList()), behaviours)


def _with_libraries(behaviours: Found, libraries: Sequence[str], report: Report) -> Found:
    """The preset's behaviours, then the libraries'; where two have the same one, the earlier says what it is."""
    found = dict(behaviours)
    for name in libraries:
        found.update({key: new for key, new in library_behaviours(name, report).items() if key not in found})
    return found


def _segments(section: Section, common: StageList, uses: FactUses) -> list[tuple[Segment, StageList]]:
    segments: dict[str, tuple[Segment, StageList]] = {}
    tables = section.tables("segments")
    for place, table in enumerate(tables):
        key = table.required_text("key")
        label = table.text("label")
        if not table.has("when") and place < len(tables) - 1:
            problem = 'has no "when", so the segments after it are never reached'
            table.mistake("UNREACHABLE", problem, "Add a rule, or move it to the end.")
        when = take_rule(table, "when", uses.about(*Kind, company=True))
        own = read_stages(table.tables("stages"), common, needs_label=True)
        stages = merged_stages(StageList(), own)
        table.finish()
        if key in segments:
            table.mistake("TWICE", f'defines "{key}" a second time', "Give each segment a key of its own.", "key")
        elif key:
            segments[key] = Segment(key, label or titled(key), when, stages.stages), stages
    return list(segments.values())


def _moved(section: Section, process: Process) -> dict[str, str]:
    moved: dict[str, str] = {}
    tables = section.tables("moved")
    sources = {str(table.data.get("from")) for table in tables}
    stages = {stage.key for stage in every_stage(process)}
    for table in tables:
        old, new = table.required_text("from"), table.required_text("to")
        table.finish()
        if old is None or new is None:
            continue
        if old in stages:
            problem = f'says that "{old}" was renamed, but a stage still has that key'
            table.mistake("MOVED_STILL_THERE", problem, "Remove this entry, or the stage.", "from")
        elif old in moved:
            table.mistake("TWICE", f'says a second time where "{old}" went', "Keep one of the two entries.", "from")
        elif new not in stages and (new not in sources or new == old):
            table.unknown("stage", new, stages, "to")
        else:
            moved[old] = new
    return _final_successors(section, moved, stages)


def _final_successors(section: Section, moved: dict[str, str], stages: set[str]) -> dict[str, str]:
    """Where each old key leads in the end: a key may have been renamed more than once."""
    final = {}
    for old, successor in moved.items():
        new, passed = successor, {old}
        while new in moved and new not in passed:
            passed.add(new)
            new = moved[new]
        if new in stages:
            final[old] = new
        elif new in moved:
            problem = f'sends "{old}" round in a circle'
            section.mistake("MOVED_IN_CIRCLE", problem, "Let one of the entries lead to a stage.", "moved")
    return final


def every_stage(process: Process) -> list[Stage]:
    """The common stages and every segment's, in file order; a key may come more than once."""
    return [*process.stages, *(stage for segment in process.segments for stage in segment.stages)]


def _place(section: Section) -> tuple[str, int]:
    return section.source.name, section.source.line(section.path)
