"""Records as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instep_hubspot.sandbox.associations import PRIMARY, LinkType
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.records import Record
from instep_hubspot.sandbox.times import iso

Shown = dict[str, object]


@dataclass(frozen=True, slots=True)
class View:
    """Which properties, histories and associations of a record are shown."""

    properties: tuple[str, ...]
    history: tuple[str, ...] = ()
    associations: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        portal: Portal,
        kind: ObjectType,
        properties: Sequence[str] = (),
        history: Sequence[str] = (),
        associations: Sequence[str] = (),
    ) -> View:
        """The view that a call asks for; unknown properties are left out."""
        wanted = [*kind.always, *(properties or kind.shown), *history]
        return cls(
            tuple(portal.readable(kind, wanted)),
            tuple(portal.readable(kind, history)),
            tuple(dict.fromkeys(portal.kind(word).name for word in associations)),
        )


def shown(portal: Portal, kind: ObjectType, record: Record, view: View) -> Shown:
    """One record as JSON values."""
    found = shown_values(record, view.properties, record.values)
    if view.history:
        found["propertiesWithHistory"] = {
            name: [change.to_dict() for change in record.history(name)] for name in view.history
        }
    if view.associations:
        groups = {word: _related(portal, kind, record, word) for word in view.associations}
        groups = {word: group for word, group in groups.items() if group}
        if groups:
            found["associations"] = groups
    return found


def shown_values(record: Record, properties: Sequence[str], values: Mapping[str, str]) -> Shown:
    """One record with some of `values`, which need not be the present ones."""
    get = values.get
    found: Shown = {
        "id": record.id,
        "properties": {name: get(name) for name in properties},
        "createdAt": iso(record.created),
        "updatedAt": iso(record.modified),
        "archived": record.archived_at is not None,
    }
    if record.archived_at is not None:
        found["archivedAt"] = iso(record.archived_at)
    return found


def _related(portal: Portal, kind: ObjectType, record: Record, there: str) -> Shown | None:
    results = [
        {"id": other, "type": _type_name(portal, kind, there, link)}
        for other, links in portal.associations.ordered(kind.name, record.id, there)
        for link in links
    ]
    return {"results": results} if results else None


def _type_name(portal: Portal, kind: ObjectType, there: str, link: LinkType) -> str:
    plain = f"{kind.singular}_to_{portal.types[there].singular}"
    if link.label is None:
        rivals = portal.associations.types[(kind.name, there)].values()
        has_primary = any(rival.id in PRIMARY or rival.inverse in PRIMARY for rival in rivals)
        return f"{plain}_unlabeled" if has_primary else plain
    return plain if link.label == "Primary" else (link.name or link.label)
