"""Stage tables of a mapping file. Only lawful ones are let through, so that no edit is ever read two ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from instep.mapping.mistakes import listed
from instep.mapping.process import every_stage
from instep.mapping.section import Section
from instep.model.process import Outcome, Process
from instep.model.stagetable import Replaced, StageTable


def read_stage_table(
    section: Section,
    process: Process,
    field: str,
    *,
    has_outcomes: bool,
    pipeline: str | None = None,
    pipeline_field: str | None = None,
) -> StageTable:
    """The translation of stages under `section`: `values`, `lands_on`, `detours` and, of a purchase, `outcomes`."""
    also: dict[str, str] = {}
    values = _values(section, process, also)
    outcomes = _outcomes(section, also) if has_outcomes else {}
    detours = _detours(section, process, also, {*values.values(), *outcomes.values()})
    _check_further(section, also, {*values.values(), *outcomes.values(), *detours.values()})
    listed = {*values.values(), *outcomes.values(), *detours.values(), *also}
    replaced = {value: old for value, old in _replaced(section, process).items() if value not in listed}
    table = StageTable(field, values, {}, outcomes, pipeline, pipeline_field, also, replaced, detours=detours)
    return dataclasses.replace(table, lands_on=_lands_on(section, table, process))


def _check_further(section: Section, also: Mapping[str, str], listed_values: set[str]) -> None:
    for value in sorted(also.keys() & listed_values):
        problem = f'gives "{value}" a place of its own, and lists it beside "{also[value]}" too'
        section.mistake("VALUE_TWICE", problem, "List it once.")


def _spelled(table: Section, name: str, also: dict[str, str]) -> str | None:
    """One value, or a list: the first is written, all are read. The rest goes into `also`."""
    if not isinstance(table.data[name], list):
        return table.text(name)
    words = table.words(name) or []
    for further in words[1:]:
        if also.setdefault(further, words[0]) != words[0]:
            problem = f'lists "{further}", which counts as "{also[further]}" already'
            table.mistake("VALUE_TWICE", problem, "A value can be read as one thing only.", name)
    return words[0] if words else None


def _values(section: Section, process: Process, also: dict[str, str]) -> dict[str, str]:
    table = section.table_or_empty("values")
    if not section.has("values"):
        remedy = 'Add values = { STAGE = "how it is spelled there" }.'
        section.mistake("MISSING_KEY", 'has no "values"', remedy)
    known = [stage.key for stage in every_stage(process)]
    values = {}
    for stage in table.data:
        if stage not in known:
            table.unknown("stage", stage, known, stage)
        elif spelled := _spelled(table, stage, also):
            values[stage] = spelled
    order = process.order()
    return {stage: values[stage] for stage in sorted(values, key=order.__getitem__)}


def _replaced(section: Section, process: Process) -> dict[str, Replaced]:
    """What spells the stages that only another version has, where they have become a stage of this one."""
    table = section.table_or_empty("values")
    order = process.order()
    became = {stage: process.current_key(stage) for stage in table.data if table.is_elsewhere("stage", stage)}
    gone = {stage: Replaced(stage, new) for stage, new in became.items() if new in order}
    return {word: old for stage, old in gone.items() for word in _words(table.data[stage])}


def _words(spelled: object) -> list[str]:
    """One value, or a list of them, as far as they are text."""
    return [word for word in (spelled if isinstance(spelled, list) else [spelled]) if isinstance(word, str)]


def _outcomes(section: Section, also: dict[str, str]) -> dict[Outcome, str]:
    table = section.table_or_empty("outcomes")
    known = {outcome.value: outcome for outcome in Outcome}
    outcomes: dict[Outcome, str] = {}
    for name in table.data:
        spelled = _spelled(table, name, also)
        if name not in known:
            table.unknown("outcome", name, known, name)
        elif spelled in outcomes.values():
            table.mistake("VALUE_TWICE", f'is "{spelled}", like another outcome', "Give each its own value.", name)
        elif spelled:
            outcomes[known[name]] = spelled
    return outcomes


def _detours(section: Section, process: Process, also: dict[str, str], taken: set[str]) -> dict[str, str]:
    """How detours are spelled; a value says one thing only."""
    table = section.table_or_empty("detours")
    known = [detour.key for detour in process.detours]
    detours: dict[str, str] = {}
    for name in table.data:
        spelled = _spelled(table, name, also)
        if name not in known:
            table.unknown("detour", name, known, name)
        elif spelled in taken or spelled in detours.values():
            problem = f'is "{spelled}", which means something else already'
            table.mistake("VALUE_TWICE", problem, "Give each its own value.", name)
        elif spelled:
            detours[name] = spelled
    return detours


def _lands_on(section: Section, table: StageTable, process: Process) -> dict[str, str]:
    """Checks that every value is read as exactly one stage, which is written as that value again."""
    found = section.table_or_empty("lands_on")
    known = [stage.key for stage in every_stage(process)]
    lands_on = {}
    for value in found.data:
        stage = found.text(value)
        if value not in table.values.values():
            if not _is_spelled_elsewhere(section, value):
                found.unknown("value", value, table.values.values(), value)
        elif stage is not None and stage not in known:
            found.unknown("stage", stage, known, value)
        elif stage is not None and not table.includes(value, stage, process):
            _wrong_landing(found, value, stage, table)
        elif stage is not None:
            lands_on[value] = stage
    _check_ambiguous(section, table.values, found.data)
    return lands_on


def _is_spelled_elsewhere(section: Section, value: str) -> bool:
    """Whether a value is one of a stage that only another version of the process has."""
    values = section.table_or_empty("values")
    elsewhere = [stage for stage in values.data if values.is_elsewhere("stage", stage)]
    return any(value in _words(values.data[stage]) for stage in elsewhere)


def _wrong_landing(section: Section, value: str, stage: str, table: StageTable) -> None:
    sharing = [key for key, spelled in table.values.items() if spelled == value]
    problem = f'is "{stage}", a stage that is not shown as "{value}"'
    section.mistake("UNLAWFUL", problem, f"Use {listed(sharing)}.", value)


def _check_ambiguous(section: Section, values: Mapping[str, str], settled: Iterable[str]) -> None:
    unsettled = StageTable("", values, dict.fromkeys(settled, "")).ambiguous()
    for value in unsettled:
        sharing = [stage for stage, spelled in values.items() if spelled == value]
        shown = listed(sharing).replace(" or ", " and ")
        problem = f'gives "{value}" to {shown}, and nothing says which of them an edit to it means'
        remedy = f'Add lands_on = {{ "{value}" = "{sharing[0]}" }}, or spell them apart.'
        section.mistake("UNLAWFUL", problem, remedy, "values", sharing[1])
