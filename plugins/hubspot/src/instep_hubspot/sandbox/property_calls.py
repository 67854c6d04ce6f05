"""Property definitions and their groups: `/crm/v3/properties/{type}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from instep.sandbox import Request, Response
from instep_hubspot.sandbox.bodies import Body, body_of, inputs_of, text
from instep_hubspot.sandbox.definitions import FIELD_TYPES, Group, Option, Property
from instep_hubspot.sandbox.errors import RefusedError, conflict, invalid, not_found
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.operations import NOTHING, Operation, batch_reply
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.times import iso

_ALL = "/crm/v3/properties/{objectType}"
_ONE = f"{_ALL}/{{propertyName}}"
_GROUPS = f"{_ALL}/groups"
_GROUP = f"{_GROUPS}/{{groupName}}"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
LIMIT, UNIQUE_LIMIT = 100, 10


class PropertyCalls:
    """Read, create, change and archive properties."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        read, write = self._scope("read"), self._scope("write")
        batch = f"{_ALL}/batch"
        return [
            Operation("GET", _ALL, self.list, "properties.list", read),
            Operation("POST", _ALL, self.create, "properties.create", write),
            Operation("GET", _ONE, self.read, "properties.read", read),
            Operation("PATCH", _ONE, self.update, "properties.update", write),
            Operation("DELETE", _ONE, self.archive, "properties.archive", write),
            Operation("POST", f"{batch}/read", self.read_many, "properties.batch_read", read, writes=False),
            Operation("POST", f"{batch}/create", self.create_many, "properties.batch_create", write),
            Operation("POST", f"{batch}/archive", self.archive_many, "properties.batch_archive", write),
            Operation("GET", _GROUPS, self.list_groups, "groups.list", read),
            Operation("POST", _GROUPS, self.create_group, "groups.create", write),
            Operation("GET", _GROUP, self.read_group, "groups.read", read),
            Operation("PATCH", _GROUP, self.update_group, "groups.update", write),
            Operation("DELETE", _GROUP, self.archive_group, "groups.archive", write),
        ]

    def _scope(self, action: str) -> Callable[[Request], str]:
        def scope(request: Request) -> str:
            kind = self._portal.kind(request.params["objectType"])
            return kind.scope or f"crm.schemas.{kind.name}.{action}"

        return scope

    def _kind(self, request: Request) -> ObjectType:
        return self._portal.kind(request.params["objectType"])

    def _find(self, kind: ObjectType, name: str, archived: bool = False) -> Property:
        prop = self._portal.properties[kind.name].get(name)
        seen = prop is not None and name not in self._portal.hidden.get(kind.name, ())
        if prop is None or not seen or (prop.archived_at is not None) != archived:
            raise not_found(f"Property {name} does not exist")
        return prop

    def _shown(self, prop: Property) -> Body:
        return shown_property(self._portal, prop)

    def list(self, request: Request) -> Response:
        """All properties, or all archived ones."""
        kind, archived = self._kind(request), request.flag("archived")
        hidden = self._portal.hidden.get(kind.name, ())
        found = [
            prop
            for prop in self._portal.properties[kind.name].values()
            if prop.listed and prop.name not in hidden and (prop.archived_at is not None) == archived
        ]
        return Response.of({"results": [self._shown(prop) for prop in found]})

    def read(self, request: Request) -> Response:
        """One property."""
        name, archived = request.params["propertyName"], request.flag("archived")
        return Response.of(self._shown(self._find(self._kind(request), name, archived)))

    def create(self, request: Request) -> Response:
        """A new property."""
        prop = add_property(self._portal, self._kind(request), body_of(request))
        return Response.of(self._shown(prop), 201)

    def update(self, request: Request) -> Response:
        """Change a property; options that are given replace all options."""
        kind, body = self._kind(request), body_of(request)
        prop = self._find(kind, request.params["propertyName"])
        changed = _changed(self._portal, kind, prop, body)
        self._portal.put_property(kind, replace(changed, updated_at=self._portal.now()))
        return Response.of(self._shown(self._find(kind, prop.name)))

    def archive(self, request: Request) -> Response:
        """Archive a property that users made."""
        self._archive(self._kind(request), request.params["propertyName"])
        return NOTHING

    def _archive(self, kind: ObjectType, name: str) -> None:
        prop = self._find(kind, name)
        if prop.standard:
            raise invalid(f"Property {name} is defined by HubSpot and cannot be archived")
        self._portal.put_property(kind, replace(prop, archived_at=self._portal.now()))

    def read_many(self, request: Request) -> Response:
        """Properties by name."""
        kind, body = self._kind(request), body_of(request)
        archived = body.get("archived") is True
        return self._each(body, lambda item: self._shown(self._find(kind, text(item, "name"), archived)), 200)

    def create_many(self, request: Request) -> Response:
        """New properties."""
        kind = self._kind(request)
        return self._each(body_of(request), lambda item: self._shown(add_property(self._portal, kind, item)), 201)

    def archive_many(self, request: Request) -> Response:
        """Archive properties by name."""
        kind = self._kind(request)
        for item in inputs_of(body_of(request), LIMIT):
            self._archive(kind, text(item, "name"))
        return NOTHING

    def _each(self, body: Body, act: Callable[[Body], Body], status: int) -> Response:
        results: list[Body] = []
        errors: list[Mapping[str, object]] = []
        for item in inputs_of(body, LIMIT):
            try:
                results.append(act(item))
            except RefusedError as refusal:
                errors.append(refusal.to_item({"name": [str(item.get("name"))]}))
        return batch_reply(self._portal, results, errors, status)

    def list_groups(self, request: Request) -> Response:
        """All groups."""
        groups = self._portal.groups[self._kind(request).name].values()
        return Response.of({"results": [group.to_dict() for group in groups if not group.archived]})

    def _group(self, request: Request) -> Group:
        group = self._portal.groups[self._kind(request).name].get(request.params["groupName"])
        if group is None or group.archived:
            raise not_found()
        return group

    def create_group(self, request: Request) -> Response:
        """A new group."""
        kind, body = self._kind(request), body_of(request)
        name = text(body, "name")
        if name in self._portal.groups[kind.name]:
            raise conflict(f"Group {name} already exists")
        order = body.get("displayOrder", -1)
        group = Group(name, text(body, "label"), order if isinstance(order, int) else -1)
        self._portal.add_group(kind, group)
        return Response.of(group.to_dict(), 201)

    def read_group(self, request: Request) -> Response:
        """One group."""
        return Response.of(self._group(request).to_dict())

    def update_group(self, request: Request) -> Response:
        """Another label or place."""
        kind, body, group = self._kind(request), body_of(request), self._group(request)
        order = body.get("displayOrder", group.display_order)
        changed = replace(
            group,
            label=str(body.get("label", group.label)),
            display_order=order if isinstance(order, int) else group.display_order,
        )
        self._portal.add_group(kind, changed)
        return Response.of(changed.to_dict())

    def archive_group(self, request: Request) -> Response:
        """Forget a group that holds no property."""
        kind, group = self._kind(request), self._group(request)
        if any(prop.group == group.name for prop in self._portal.properties[kind.name].values()):
            raise invalid(f"Group {group.name} still has properties")
        del self._portal.groups[kind.name][group.name]
        return NOTHING


def add_property(portal: Portal, kind: ObjectType, body: Body) -> Property:
    """A new property from its definition; raises `RefusedError` for anything HubSpot refuses."""
    name, type, field_type = text(body, "name"), text(body, "type"), text(body, "fieldType")
    if not _NAME.fullmatch(name):
        raise invalid(f"Property name {name} is invalid: use lower case letters, digits and underscores")
    known = portal.properties[kind.name]
    if name in known and known[name].archived_at is None:
        raise RefusedError(409, f"A property named '{name}' already exists.", category="OBJECT_ALREADY_EXISTS")
    if field_type not in FIELD_TYPES.get(type, ()):
        raise invalid(f"Field type {field_type} is not valid for type {type}")
    group = text(body, "groupName")
    if group not in portal.groups[kind.name]:
        raise invalid(f"Property group {group} does not exist")
    if body.get("hasUniqueValue") and len(portal.unique_names(kind)) >= UNIQUE_LIMIT:
        raise invalid(f"At most {UNIQUE_LIMIT} properties may have unique values")
    options = _options(body.get("options"))
    if type == "bool" and {option.value for option in options} != {"true", "false"}:
        raise invalid("A bool property needs the options true and false")
    prop = Property(
        name=name,
        label=text(body, "label"),
        type=type,
        field_type=field_type,
        group=group,
        options=options,
        description=str(body.get("description") or ""),
        display_order=_whole(body.get("displayOrder"), -1),
        hidden=body.get("hidden") is True,
        form_field=body.get("formField") is True,
        unique=body.get("hasUniqueValue") is True,
        external=("owner" if body.get("referencedObjectType") == "OWNER" else "none")
        if body.get("externalOptions") is True
        else None,
        standard=False,
        created_at=portal.now(),
        updated_at=portal.now(),
        created_by="sandbox",
    )
    portal.put_property(kind, prop)
    return prop


def _options(given: object) -> tuple[Option, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise invalid("options must be a list")
    options = tuple(
        Option(
            text(item, "label"),
            text(item, "value"),
            _whole(item.get("displayOrder"), place),
            item.get("hidden") is True,
            str(item.get("description") or ""),
        )
        for place, item in enumerate(given)
    )
    for words in ([option.value for option in options], [option.label for option in options]):
        if len(set(words)) != len(words):
            raise invalid("Options must have different values and labels")
    return options


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _changed(portal: Portal, kind: ObjectType, prop: Property, body: Body) -> Property:
    if prop.read_only and prop.standard:
        raise invalid(f"Property {prop.name} is read only")
    type, field_type = str(body.get("type", prop.type)), str(body.get("fieldType", prop.field_type))
    if field_type not in FIELD_TYPES.get(type, ()):
        raise invalid(f"Field type {field_type} is not valid for type {type}")
    if prop.standard and type != prop.type:
        raise invalid(f"The type of {prop.name} cannot be changed")
    group = str(body.get("groupName", prop.group))
    if group not in portal.groups[kind.name]:
        raise invalid(f"Property group {group} does not exist")
    options = prop.options
    if "options" in body:
        if portal.has_fixed_options(prop):
            raise invalid(f"The options of {prop.name} cannot be changed")
        options = _options(body["options"])
    return replace(
        prop,
        label=str(body.get("label", prop.label)),
        type=type,
        field_type=field_type,
        group=group,
        options=options,
        description=str(body.get("description", prop.description)),
        display_order=_whole(body.get("displayOrder"), prop.display_order),
        hidden=prop.hidden if body.get("hidden") is None else body["hidden"] is True,
        form_field=prop.form_field if body.get("formField") is None else body["formField"] is True,
    )


def shown_property(portal: Portal, prop: Property) -> Body:
    """A property as the API shows it; options that live elsewhere are an empty list."""
    shown: Body = {
        "name": prop.name,
        "label": prop.label,
        "type": prop.type,
        "fieldType": prop.field_type,
        "description": prop.description,
        "groupName": prop.group,
        "options": [] if prop.external else [option.to_dict() for option in prop.options],
        "displayOrder": prop.display_order,
        "calculated": prop.calculated,
        "externalOptions": prop.external is not None,
        "hasUniqueValue": prop.unique,
        "hidden": prop.hidden,
        "hubspotDefined": prop.standard,
        "formField": prop.form_field,
        "archived": prop.archived_at is not None,
        "createdAt": iso(prop.created_at),
        "updatedAt": iso(prop.updated_at),
        "dataSensitivity": "non_sensitive",
        "modificationMetadata": {
            "archivable": not prop.standard,
            "readOnlyDefinition": prop.read_only and prop.standard,
            "readOnlyOptions": portal.has_fixed_options(prop),
            "readOnlyValue": prop.read_only,
        },
    }
    if prop.external == "owner":
        shown["referencedObjectType"] = "OWNER"
    if prop.archived_at is not None:
        shown["archivedAt"] = iso(prop.archived_at)
    if prop.created_by:
        shown["createdUserId"] = prop.created_by
    return shown
