"""What about changed files matters to whom: which parts of a decision can come out otherwise at all."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from instep.mapping.compiled import ConnectionMapping, EntityMapping, FieldMapping, Workspace
from instep.model.entities import Kind
from instep.model.stagetable import StageTable


@dataclass(frozen=True, slots=True)
class Changed:
    """The parts of a workspace that its changed files make others."""

    process: bool
    scoring: bool
    team: bool
    tables: bool
    """How some system spells stages, choices or owners."""
    companies: bool
    """Whatever of all this decides anything about companies, but for their scores."""
    company_fields: bool
    """How some system spells the fields of companies: then what rules see of them may be something else."""
    other: bool
    """Anything else: who is synced, what is merged how, what is told to whom."""


def changed(before: Workspace, after: Workspace) -> Changed:
    """What is different in meaning between two workspaces."""
    return Changed(
        process=before.process != after.process,
        scoring=before.scoring != after.scoring,
        team=before.team != after.team,
        tables=_spellings(before) != _spellings(after),
        companies=_of_companies(before) != _of_companies(after),
        company_fields=_fields_of_companies(before) != _fields_of_companies(after),
        other=_rest(before) != _rest(after),
    )


def _spellings(workspace: Workspace) -> object:
    return {
        (name, kind): (entity.stages, entity.pipelines, [(f.name, f.values, f.nobody) for f in entity.fields])
        for name, mapping in workspace.mappings.items()
        for kind, entity in mapping.entities.items()
    }


def _fields_of_companies(workspace: Workspace) -> object:
    mapped = ((name, file.entities.get(Kind.COMPANY)) for name, file in workspace.mappings.items())
    return [(name, entity.fields) for name, entity in mapped if entity is not None]


def _of_companies(workspace: Workspace) -> object:
    """What decides a company: its segment always, stages and colleagues only where somebody asks for them."""
    process, team = workspace.process, workspace.team
    mapped = [m for file in workspace.mappings.values() if (m := file.entities.get(Kind.COMPANY)) is not None]
    assigned = [assignment for assignment in team.assignments if assignment.kind is Kind.COMPANY]
    has_stages = bool(assigned) or any(m.stages is not None or m.mapped("instep_stage") for m in mapped)
    has_owners = bool(assigned) or any(m.mapped("owner") for m in mapped)
    return (
        [(segment.key, segment.when) for segment in process.segments],
        process.moved,
        process if has_stages else None,
        team if has_owners else None,
        [(m.stages, m.pipelines, m.fields) for m in mapped],
    )


def _rest(workspace: Workspace) -> object:
    return (
        [(c.name, c.plugin) for c in workspace.connections],
        {name: _plain(mapping) for name, mapping in workspace.mappings.items()},
        workspace.laws,
        workspace.types,
    )


def _plain(mapping: ConnectionMapping) -> object:
    entities = {kind: _without_spellings(entity) for kind, entity in mapping.entities.items()}
    return entities, mapping.behaviours


def _without_spellings(entity: EntityMapping) -> EntityMapping:
    """A mapping without the words by which it translates."""
    return dataclasses.replace(
        entity,
        stages=_place(entity.stages) if entity.stages else None,
        pipelines=tuple(_place(table) for table in entity.pipelines),
        fields=tuple(_without_words(field) for field in entity.fields),
    )


def _place(table: StageTable) -> StageTable:
    """Where a table is read, whatever it says."""
    return StageTable(
        table.field,
        {},
        pipeline=table.pipeline,
        pipeline_field=table.pipeline_field,
        reason_field=table.reason_field,
        until_field=table.until_field,
    )


def _without_words(field: FieldMapping) -> FieldMapping:
    return dataclasses.replace(field, values={}, nobody=())


def touches(found: Changed, kind: Kind, *, scores_companies: bool) -> bool:
    """Whether anything that matters to companies, or to opportunities, changed."""
    if kind is Kind.COMPANY:
        return found.companies or found.other or (found.scoring and scores_companies)
    return found.process or found.team or found.tables or found.other
