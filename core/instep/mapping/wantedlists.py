"""What a mapping file wants a system's stages to be: their labels, order, probabilities and further details."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from instep.mapping.section import Section, is_number
from instep.model.configuration import Key, Path, WantedList, WantedStage, spellings_of
from instep.model.entities import Kind
from instep.model.process import Outcome, Process, Stage
from instep.model.stagetable import StageTable
from instep.model.values import Scalar


def read_wanted_list(
    section: Section,
    table: StageTable,
    process: Process,
    path: Path,
    objects: tuple[str, ...],
    kind: Kind,
    segments: Sequence[str] = (),
) -> WantedList:
    """The list that a stage table translates, as the system shall have it.

    Takes `label`, `labels`, `probabilities`, `details` and `retire` of the table.
    """
    keys = [*table.values, *(outcome.value for outcome in table.outcomes), *table.detours]
    labels = _texts(section, "labels", keys)
    probabilities = _probabilities(section, table)
    details = _details(section, keys)
    stages = _stages(table, process, segments)
    return WantedList(
        path=path,
        objects=objects,
        field=table.field,
        stages=tuple(_with(stage, labels, probabilities, details) for stage in stages),
        pipeline=table.pipeline,
        label=section.text("label") if table.pipeline is not None else None,
        kind=kind,
        segments=tuple(segments),
        retire=_retire(section, table, process),
    )


def _stages(table: StageTable, process: Process, segments: Sequence[str]) -> Iterator[WantedStage]:
    variants = {stage.key: stage for segment in reversed(segments) for stage in process.stages_of(segment or None)}
    ends = set(table.outcomes.values())
    for word in (word for word in dict.fromkeys(table.values.values()) if word not in ends):
        sharing = [stage for stage, spelled in table.values.items() if spelled == word]
        stage = variants.get(sharing[0]) or process.stage(sharing[0])
        keys = tuple(Key("values", name) for name in sharing)
        yield from _spelled(table, word, keys, None, stage)
    for outcome, word in table.outcomes.items():
        same = [Key("values", name) for name, spelled in table.values.items() if spelled == word]
        yield from _spelled(table, word, (*same, Key("outcomes", outcome.value)), outcome, None)
    for detour, word in table.detours.items():
        for wanted in _spelled(table, word, (Key("detours", detour),), None, None):
            yield dataclasses.replace(wanted, is_latent=True)  # beside the path: it may stand anywhere


def _spelled(
    table: StageTable, word: str, keys: tuple[Key, ...], outcome: Outcome | None, stage: Stage | None
) -> Iterator[WantedStage]:
    """A wanted stage for each spelling."""
    probability, is_latent = (stage.win_probability, stage.latent) if stage else (None, False)
    for place, spelling in enumerate(spellings_of(table, word)):
        share = None if place else probability  # finer than the process: what comes after the first is left as it is
        yield WantedStage(keys, spelling, None, outcome, share, {}, is_latent, place)


def _with(
    stage: WantedStage,
    labels: Mapping[str, str],
    probabilities: Mapping[str, float],
    details: Mapping[str, Mapping[str, Scalar]],
) -> WantedStage:
    """A stage with what is said of one of its keys."""
    names = [key.name for key in stage.keys]
    label = next((labels[name] for name in names if name in labels and stage.place == 0), None)
    given = [probabilities[name] for name in names if name in probabilities and stage.place == 0]
    probability = next(iter(given), stage.probability)
    further = next((details[name] for name in names if name in details), {})
    return dataclasses.replace(stage, label=label, probability=probability, details=further)


def _texts(section: Section, name: str, keys: Iterable[str]) -> dict[str, str]:
    table = section.table_or_empty(name)
    found: dict[str, str] = {}
    for key in table.data:
        text = table.text(key)
        if key not in keys:
            table.unknown("stage", key, keys, key)
        elif text is not None:
            found[key] = text
    return found


def _probabilities(section: Section, table: StageTable) -> dict[str, float]:
    given = section.table_or_empty("probabilities")
    found: dict[str, float] = {}
    for key in given.data:
        share = given.number(key)
        if key not in table.values:
            given.unknown("stage", key, table.values, key)
        elif share is not None and not 0 <= share <= 1:
            given.mistake("OUT_OF_RANGE", f"is {share:g}", "Write a number from 0 to 1.", key)
        elif share is not None:
            found[key] = share
    return found


def _details(section: Section, keys: Iterable[str]) -> dict[str, dict[str, Scalar]]:
    given = section.table_or_empty("details")
    found: dict[str, dict[str, Scalar]] = {}
    for key in given.data:
        inner = given.table(key)
        if key not in keys:
            given.unknown("stage", key, keys, key)
        elif inner is not None:
            found[key] = {name: inner.scalar(name, value) for name, value in inner.entries()}
    return found


def _retire(section: Section, table: StageTable, process: Process) -> dict[str, str]:
    """Stages that are wanted no more, and where their records go."""
    given = section.table_or_empty("retire")
    wanted = [*table.values, *(outcome.value for outcome in table.outcomes), *table.detours]
    found: dict[str, str] = {}
    for key in given.data:
        to = given.text(key)
        if given.is_elsewhere("stage", to):
            continue
        if key in wanted:
            problem = f'retires "{key}", which is still among the values'
            given.mistake("RETIRED_STILL_THERE", problem, "Remove it here, or there.", key)
        elif to is not None and to not in wanted:
            given.unknown("stage", to, wanted, key)
        elif to is not None:
            _check_lawful(given, table, process, key, to)
            found[key] = to
    return found


def _check_lawful(given: Section, table: StageTable, process: Process, key: str, to: str) -> None:
    """A stage that is not listed shows as the nearest earlier one: elsewhere the next sync would move it back."""
    if not process.has_stage(key):
        return
    shown = process.at_or_before(key, table.values)
    if shown is not None and table.values.get(to) != table.values[shown]:
        problem = f'sends "{key}" to "{to}", and a stage that is not listed shows as "{shown}" here'
        given.mistake("UNLAWFUL", problem, f'Use "{shown}".', key)


# --- lists that nothing is synced from -----------------------------------------------------------------------------


def read_more_lists(section: Section) -> list[WantedList]:
    """`[provision.pipelines.NAME]`: lists that are configured, and whose records are not synced."""
    provision = section.table("provision")
    if provision is None:
        return []
    pipelines = provision.table_or_empty("pipelines")
    found = [_more(table, name) for name in sorted(pipelines.data) if (table := pipelines.table(name)) is not None]
    provision.finish()
    return [wanted for wanted in found if wanted is not None]


def _more(table: Section, name: str) -> WantedList | None:
    object, field, pipeline = (table.required_text(key) for key in ("object", "field", "pipeline"))
    stages = list(_listed(table))
    keys = [stage.keys[0].name for stage in stages]
    given = table.table_or_empty("retire")
    retire = {key: to for key in given.data if (to := given.text(key)) is not None}
    for key, to in retire.items():
        if to not in keys:
            given.unknown("stage", to, keys, key)
    label = table.text("label")
    table.finish()
    if object is None or field is None or pipeline is None:
        return None
    return WantedList(
        ("provision", "pipelines", name), (object,), field, tuple(stages), pipeline, label, retire=retire
    )


def _listed(table: Section) -> Iterator[WantedStage]:
    """`stages = [{ key = "…", label = "…", probability = 0.2, … }]`: what is not ours is the system's own detail."""
    if not table.has("stages"):
        table.mistake("MISSING_KEY", 'has no "stages"', 'Add stages = [{ key = "…", label = "…" }].')
    taken: set[str] = set()
    for stage in table.tables("stages"):
        key, label = stage.required_text("key"), stage.required_text("label")
        share = _share(stage)
        details = {name: stage.scalar(name, value) for name, value in stage.entries()}
        if key in taken:
            stage.mistake("TWICE", f'defines "{key}" a second time', "Give each stage a key of its own.", "key")
        elif key is not None and label is not None:
            taken.add(key)
            yield WantedStage((Key("values", key),), label, None, None, share, details)


def _share(stage: Section) -> float | None:
    share: Any = stage.number("probability")
    if share is not None and not (is_number(share) and 0 <= share <= 1):
        stage.mistake("OUT_OF_RANGE", f"is {share:g}", "Write a number from 0 to 1.", "probability")
        return None
    return share  # type: ignore[no-any-return]
