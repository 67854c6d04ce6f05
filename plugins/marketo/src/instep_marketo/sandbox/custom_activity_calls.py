"""Custom kinds of activity, which are drafted and approved, and activities of them, which are written once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from instep.sandbox import Request
from instep_marketo.sandbox.assets import Attribute, CustomType, Definition
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.lead_calls import known_lead
from instep_marketo.sandbox.operations import Body, Operation, body_of, inputs_of, moment, result, whole
from instep_marketo.sandbox.subscription import Subscription
from instep_marketo.sandbox.values import iso

FIRST_ID = 100_001
MOST_TYPES, MOST_ATTRIBUTES, LONGEST = 10, 20, 65_536
API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TYPES = {"string", "boolean", "integer", "float", "link", "email", "currency", "date", "datetime", "phone", "text"}


class CustomActivityCalls:
    """The calls of `/rest/v1/activities/external`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        root, name = "/rest/v1/activities/external", "custom_activities"
        one, write = f"{root}/type/{{api_name}}", "Read-Write Activity Metadata"
        read = "Read-Only Activity Metadata"
        return [
            Operation("POST", f"{root}.json", self.add, f"{name}.add", "Read-Write Activity"),
            Operation("GET", f"{root}/types.json", self.types, f"{name}.types", read),
            Operation("POST", f"{root}/type.json", self.create, f"{name}.create", write),
            Operation("POST", one, self.update, f"{name}.update", write),
            Operation("GET", f"{one}/describe.json", self.describe, f"{name}.describe", read),
            Operation("POST", f"{one}/approve.json", self.approve, f"{name}.approve", write),
            Operation("POST", f"{one}/discardDraft.json", self.discard, f"{name}.discard", write),
            Operation("POST", f"{one}/delete.json", self.delete, f"{name}.delete", write),
            Operation("POST", f"{one}/attributes/create.json", self.add_attributes, f"{name}.attributes", write),
            Operation("POST", f"{one}/attributes/update.json", self.edit_attributes, f"{name}.attributes", write),
            Operation("POST", f"{one}/attributes/delete.json", self.drop_attributes, f"{name}.attributes", write),
        ]

    # --- kinds -------------------------------------------------------------------------------------------------

    def types(self, request: Request) -> Body:
        """Every kind, drafts included."""
        return result([_shown(kind) for kind in self._state.custom_types.values()])

    def describe(self, request: Request) -> Body:
        """One kind with its attributes, as it is approved or as it is drafted."""
        kind = self._kind(request)
        wanted = kind.draft if request.flag("draft") or kind.approved is None else kind.approved
        if wanted is None:
            raise RefusedError("1013", "There is no draft")
        return result([_shown(kind, wanted)])

    def create(self, request: Request) -> Body:
        """A new kind, as a draft."""
        body, state = body_of(request), self._state
        api_name = _required(body, "apiName")
        if not API_NAME.fullmatch(api_name):
            raise RefusedError("1003", "Invalid data: apiName")
        if api_name in state.custom_types:
            raise RefusedError("1017", "Object already exists")
        if len(state.custom_types) >= MOST_TYPES:
            raise RefusedError("1027", "Too many custom activity types")
        primary = body.get("primaryAttribute")
        if not isinstance(primary, dict):
            raise RefusedError("1002", "Missing value for the required parameter 'primaryAttribute'")
        name, trigger, filter = (_required(body, key) for key in ("name", "triggerName", "filterName"))
        draft = Definition(name, trigger, filter, _attribute(primary), body.get("description") or "")
        kind = CustomType(FIRST_ID + state.custom_types_made, api_name, state.now(), draft)
        state.custom_types_made += 1
        state.custom_types[api_name] = kind
        return result([_shown(kind)])

    def update(self, request: Request) -> Body:
        """Another name or description, as a draft."""
        kind, body = self._kind(request), body_of(request)
        changes = {ours: body[theirs] for ours, theirs in _BASE.items() if theirs in body}
        if isinstance(body.get("primaryAttribute"), dict):
            if kind.approved is not None and self._is_used(kind):
                raise RefusedError("1003", "Invalid data: the primary attribute of a kind that is in use stays")
            changes["primary"] = _attribute(body["primaryAttribute"])
        return self._drafted(kind, replace(_latest(kind), **changes))

    def approve(self, request: Request) -> Body:
        """Make the draft what holds."""
        kind = self._kind(request)
        if kind.draft is None:
            raise RefusedError("1003", "There is no draft to approve")
        kind.approved, kind.draft = kind.draft, None
        return result([_shown(kind)])

    def discard(self, request: Request) -> Body:
        """Forget the draft of a kind that is approved."""
        kind = self._kind(request)
        if kind.approved is None or kind.draft is None:
            raise RefusedError("1003", "There is no draft to discard")
        kind.draft = None
        return result([_shown(kind)])

    def delete(self, request: Request) -> Body:
        """Delete a kind that nothing uses."""
        kind = self._kind(request)
        if self._is_used(kind):
            raise RefusedError("1022", "Object in use")
        del self._state.custom_types[kind.api_name]
        return result([{**_shown(kind), "status": "deleted"}])

    # --- attributes --------------------------------------------------------------------------------------------

    def add_attributes(self, request: Request) -> Body:
        """More attributes, as a draft."""
        kind, given = self._kind(request), _attributes(request)
        known = _latest(kind).attributes
        if {item.api_name for item in known} & {item.api_name for item in given}:
            raise RefusedError("1017", "Object already exists")
        if len(known) + len(given) > MOST_ATTRIBUTES:
            raise RefusedError("1028", "Too many attributes")
        return self._with_attributes(kind, (*known, *given))

    def edit_attributes(self, request: Request) -> Body:
        """Attributes as they are given, in place of those that have their names."""
        kind, given = self._kind(request), {item.api_name: item for item in _attributes(request)}
        return self._with_attributes(
            kind, tuple(given.get(item.api_name, item) for item in self._knowing(kind, given.keys()))
        )

    def drop_attributes(self, request: Request) -> Body:
        """Fewer attributes, as a draft."""
        kind, given = self._kind(request), {item.api_name for item in _attributes(request)}
        kept = [item for item in self._knowing(kind, given) if item.api_name not in given]
        return self._with_attributes(kind, tuple(kept))

    def _knowing(self, kind: CustomType, names: Iterable[str]) -> tuple[Attribute, ...]:
        known = _latest(kind).attributes
        if unknown := set(names) - {item.api_name for item in known}:
            raise RefusedError("1006", f"Field '{min(unknown)}' not found")
        return known

    def _with_attributes(self, kind: CustomType, attributes: tuple[Attribute, ...]) -> Body:
        return self._drafted(kind, replace(_latest(kind), attributes=attributes))

    def _drafted(self, kind: CustomType, draft: Definition) -> Body:
        kind.draft = draft
        return result([_shown(kind, draft)])

    # --- activities --------------------------------------------------------------------------------------------

    def add(self, request: Request) -> Body:
        """Write activities, once and for all: nothing tells that one was sent before."""
        inputs = inputs_of(body_of(request), self._state.personality.input_limit)
        return result([self._added(one) for one in inputs])

    def _added(self, given: Body) -> Body:
        """What came of one: a refusal comes as `errors` here, and not as `reasons`."""
        try:
            lead, kind = known_lead(self._state, given.get("leadId")), self._approved(given)
            told = _told(kind, given)
            primary = str(given.get("primaryAttributeValue") or "")
            if not primary or not given.get("activityDate"):
                raise RefusedError("1002", "Missing value for the required parameter 'primaryAttributeValue'")
            at = moment(given["activityDate"])
        except RefusedError as refused:
            return {"status": "skipped", "errors": [refused.to_dict()]}
        written = self._state.write(lead, whole(given["activityTypeId"]) or 0, None, primary, told, at=at)
        id = written.seq + 100_000
        return {"id": id, "marketoGUID": str(id), "status": "added"}

    def _approved(self, given: Body) -> Definition:
        wanted = whole(given.get("activityTypeId"))
        for kind in self._state.custom_types.values():
            if kind.id == wanted and kind.approved is not None:
                return kind.approved
        raise RefusedError("1013", "Activity type not found")

    def _is_used(self, kind: CustomType) -> bool:
        return any(activity.type == kind.id for activity in self._state.log)

    def _kind(self, request: Request) -> CustomType:
        kind = self._state.custom_types.get(request.params["api_name"].removesuffix(".json"))
        if kind is None:
            raise RefusedError("1013", "Activity type not found")
        return kind


_BASE = {"name": "name", "trigger": "triggerName", "filter": "filterName", "description": "description"}


def _told(kind: Definition, given: Body) -> dict[str, str]:
    names, told = {item.api_name: item.name for item in kind.attributes}, {}
    for item in given.get("attributes") or []:
        if not isinstance(item, dict) or item.get("apiName") not in names:
            raise RefusedError("1006", f"Field '{item}' not found")
        told[names[item["apiName"]]] = str(item.get("value"))
    if len(json.dumps(told).encode()) > LONGEST:
        raise RefusedError("1049", "Failed to create activity")
    return told


def _latest(kind: CustomType) -> Definition:
    found = kind.draft or kind.approved
    assert found is not None  # noqa: S101
    return found


def _required(body: Body, name: str) -> str:
    if not body.get(name):
        raise RefusedError("1002", f"Missing value for the required parameter '{name}'")
    return str(body[name])


def _attribute(given: Body) -> Attribute:
    api_name, type = _required(given, "apiName"), given.get("dataType") or "string"
    if not API_NAME.fullmatch(api_name) or type not in TYPES:
        raise RefusedError("1003", f"Invalid data: attribute '{api_name}'")
    return Attribute(api_name, str(given.get("name") or api_name), type, given.get("description") or "")


def _attributes(request: Request) -> list[Attribute]:
    given = body_of(request).get("attributes")
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
        raise RefusedError("1002", "Missing value for the required parameter 'attributes'")
    return [_attribute(item) for item in given]


def _shown(kind: CustomType, definition: Definition | None = None) -> Body:
    told = definition or kind.approved or _latest(kind)
    return {
        "id": kind.id,
        "apiName": kind.api_name,
        "name": told.name,
        "description": told.description,
        "triggerName": told.trigger,
        "filterName": told.filter,
        "status": kind.status,
        "createdAt": iso(kind.made),
        "updatedAt": iso(kind.made),
        "primaryAttribute": _described(told.primary),
        "attributes": [_described(item) for item in told.attributes],
    }


def _described(item: Attribute) -> Body:
    return {"apiName": item.api_name, "name": item.name, "dataType": item.type, "description": item.description}
