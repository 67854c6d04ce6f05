"""Whether a system has the stages that a mapping names: a table that names one which is gone is not used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from instep.contract import Absent, ConfigurableStages
from instep.mapping.compiled import ConnectionMapping, EntityMapping
from instep.model.entities import Kind
from instep.model.stagetable import StageTable

if TYPE_CHECKING:
    from instep.sync.session import Live, Session

Missing = Mapping[tuple[Kind, str], tuple[str, ...]]
"""By kind and pipeline (or field), the words of the files for stages that the system does not have."""
Lists = Sequence[Sequence[Any]]
"""Object, id, and the ids of its stages: as the catalogue keeps them."""


def read_lists(live: Live) -> list[list[Any]]:
    """The stages of every list of a mapped object; nothing where none is mapped, or the system has no lists."""
    stages = live.parts.stages
    if isinstance(stages, Absent) or not any(mapping.tables() for mapping in live.mapping.objects.values()):
        return []
    lists = [one for one in stages.read() if one.object in live.mapping.objects]
    listed = {one.id for one in lists}
    bound = {object: not is_free(live, object, listed) for object in {one.object for one in lists}}
    return [[one.object, one.id, [stage.id for stage in one.stages]] for one in lists if bound[one.object]]


def is_free(live: Live, object: str, listed: Collection[str]) -> bool:
    """Whether the stages of an object stand in fields that take any value, whatever lists it has beside them."""
    stages = live.parts.stages
    tables = live.mapping.objects[object].tables()
    if not isinstance(stages, ConfigurableStages) or any(t.pipeline or t.field in listed for t in tables):
        return False
    return all(stages.limits(object, table.field) is None for table in tables)


def missing_stages(mapping: ConnectionMapping, lists: Lists) -> Missing:
    """What is missing in each table. A table of an object without any list is not looked at."""
    found: dict[tuple[Kind, str], tuple[str, ...]] = {}
    for object, entity in mapping.objects.items():
        of_object = {str(id): list(stages) for listed, id, stages in lists if listed == object}
        for table in entity.tables() if of_object else ():
            name = table.pipeline or table.field
            known = of_object.get(name) if table.pipeline else of_object.get(name, _all(of_object.values()))
            missing = tuple(_missing(table, () if known is None else known))
            if missing:
                found[entity.kind, name] = missing
    return found


def _all(lists: Iterable[Collection[str]]) -> list[str]:
    return [id for stages in lists for id in stages]


def _missing(table: StageTable, known: Collection[str]) -> Iterable[str]:
    for value in dict.fromkeys((*table.values.values(), *table.outcomes.values())):
        if value not in known or value in table.unmade:
            yield table.word(value)


def is_usable(live: Live, mapping: EntityMapping, table: StageTable) -> bool:
    """Whether a system has every stage that a table names."""
    return (mapping.kind, table.pipeline or table.field) not in live.missing


def note_missing(session: Session) -> None:
    """Say which tables are not used, and what to do about it."""
    for live in session.connections.values():
        for (kind, name), words in live.missing.items():
            session.ledger.note(
                "stages-stopped",
                live.name,
                f"{kind}: {name} has no stage {', '.join(words)}: no stage is read or written there.",
                f"See what is missing: instep provision plan --connection {live.name}",
            )
