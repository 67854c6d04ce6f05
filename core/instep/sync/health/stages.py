"""Whether the pipelines, stages and choices of a mapping are those that the system has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from instep.contract import Pipeline
from instep.mapping.compiled import EntityMapping
from instep.model.stagetable import StageTable
from instep.sync.health.finding import Finding
from instep.sync.session import Live
from instep.sync.stagelists import is_free


def stages(live: Live, mapping: EntityMapping, object: str, pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """What a stage table names and the system has not, and the other way round.

    Nothing where it has no pipelines, or where the stage stands in a field that takes any value.
    """
    here = {pipeline.id: pipeline for pipeline in pipelines if pipeline.object == object}
    if here and is_free(live, object, here):
        return
    for table in mapping.tables() if here else ():
        name = table.pipeline or table.field
        if name in here:
            yield from _of_pipeline(live, table, here[name])
        elif table.pipeline is None:
            yield from _of_pipeline(live, table, _all(object, name, list(here.values())))
        else:
            what = f"{object} has no pipeline {name}"
            yield Finding(live.name, "pipeline-missing", what, "wrong", "Correct the mapping.")


def _all(object: str, field: str, pipelines: Sequence[Pipeline]) -> Pipeline:
    """The stages of all pipelines of an object, for a table that translates records of any."""
    every = {stage.id: stage for pipeline in pipelines for stage in pipeline.stages}
    return Pipeline(object, field, field, tuple(every.values()))


def _of_pipeline(live: Live, table: StageTable, pipeline: Pipeline) -> Iterator[Finding]:
    known = [stage.id for stage in pipeline.stages]
    for value in sorted({*table.every_value()} - {*known}):
        what = f'pipeline {pipeline.id} has no stage "{value}"'
        yield Finding(live.name, "stage-missing", what, "wrong", "Add it there, or correct the mapping.")
    for value in known:
        if not table.has(value):
            what = f'stage "{value}" of {pipeline.id} is not mapped: records there are left alone'
            yield Finding(live.name, "stage-unmapped", what, "wrong", "Map it to a stage or an outcome.")


def offers(live: Live, mapping: EntityMapping, object: str, *, besides: Collection[str] = ()) -> Iterator[Finding]:
    """Values that will be written, and that people cannot choose for one variant of a record; if the system tells.

    It is asked only where such values are mapped, in other fields than those `besides`.
    """
    wanted = {field: values for field, values in _wanted(mapping).items() if field not in besides}
    if live.parts.offers is None or not wanted:
        return
    for offer in live.parts.offers(object):
        for variant, value in sorted(wanted.get(offer.field, ()), key=lambda pair: pair[1]):
            if value not in offer.values and variant in (None, offer.variant):
                what = f'{object}.{offer.field} does not offer "{value}" to {offer.variant}'
                remedy = f"Let {offer.variant} offer it, or change the mapping: people cannot choose it there."
                yield Finding(live.name, "option-not-offered", what, "warning", remedy)


def _wanted(mapping: EntityMapping) -> dict[str, set[tuple[str | None, str]]]:
    """Per field, each value that will be written, and the pipeline that it is for (None: for any)."""
    wanted: dict[str, set[tuple[str | None, str]]] = {}
    for table in mapping.tables():
        values = {*table.values.values(), *table.outcomes.values()}
        wanted.setdefault(table.field, set()).update((table.pipeline, value) for value in values)
    for mapped in mapping.fields:
        if mapped.tells and mapped.values:
            wanted.setdefault(mapped.field, set()).update((None, words[0]) for words in mapped.values.values())
    return wanted
