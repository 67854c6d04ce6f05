"""Programs as assets. Writes are forms, with JSON inside their fields."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from instep.sandbox import Request
from instep_marketo.sandbox.assets import Program
from instep_marketo.sandbox.channel_calls import assets, is_named
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import Body, Operation, moment, need, whole
from instep_marketo.sandbox.paging import asset_page_of
from instep_marketo.sandbox.subscription import Subscription
from instep_marketo.sandbox.values import iso_twice

TYPES = ("Default", "Event", "Event with Webinar", "Engagement", "Email")


class ProgramCalls:
    """The calls of `/rest/asset/v1/program`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        many, one = "/rest/asset/v1/programs.json", "/rest/asset/v1/program"
        read, write = "Read-Only Assets", "Read-Write Assets"
        return [
            Operation("GET", many, self.browse, "programs.browse", read),
            Operation("POST", many, self.create, "programs.create", write),
            Operation("GET", f"{one}/byName.json", self.by_name, "programs.by_name", read),
            Operation("GET", f"{one}/byTag.json", self.by_tag, "programs.by_tag", read),
            Operation("GET", f"{one}/{{id}}", self.read, "programs.read", read),
            Operation("POST", f"{one}/{{id}}", self.update, "programs.update", write),
            Operation("POST", f"{one}/{{id}}/clone.json", self.clone, "programs.clone", write),
            Operation("POST", f"{one}/{{id}}/delete.json", self.delete, "programs.delete", write),
        ]

    # --- reading -----------------------------------------------------------------------------------------------

    def browse(self, request: Request) -> Body:
        """Programs, also by when they were last changed. Their tags are not told here."""
        after, before = (_bound(request, name) for name in ("earliestUpdatedAt", "latestUpdatedAt"))
        found = [
            shown
            for program in self._programs()
            if (after is None or program.updated >= after) and (before is None or program.updated <= before)
            if (shown := self._shown(program))["status"] == request.one("status", shown["status"])
        ]
        return assets(asset_page_of(found, request))

    def read(self, request: Request) -> Body:
        """One program."""
        return self._told([p for p in self._programs() if p.id == _id(request)])

    def by_name(self, request: Request) -> Body:
        """The program of a name; with its tags and costs where they are asked for."""
        name = need(request, "name")
        found = [program for program in self._programs() if is_named({"name": program.name}, name)]
        more = [name for name, flag in (("tags", "includeTags"), ("costs", "includeCosts")) if request.flag(flag)]
        return self._told(found, more)

    def by_tag(self, request: Request) -> Body:
        """The programs that have a tag."""
        tag = {"tagType": need(request, "tagType"), "tagValue": need(request, "tagValue")}
        found = [self._shown(program, ["tags"]) for program in self._programs() if tag in program.tags]
        return assets(asset_page_of(found, request))

    # --- writing -----------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Body:
        """A new program; its channel and its type are for good."""
        name, folder = self._new_name(request), folder_of(request, "Folder")
        type, channel = _field(request, "type"), _field(request, "channel")
        if type not in TYPES or channel not in self._state.channels:
            raise RefusedError("709", f"Channel '{channel}' does not apply to programs of type '{type}'")
        now, id = self._state.now(), self._state.ids.number()
        program = Program(id, name, channel, now, now, type, request.one("description") or "", folder)
        program.tags, program.costs = _inner(request, "tags", list) or [], _inner(request, "costs", list) or []
        self._state.programs[id] = program
        return self._told([program], ["tags", "costs"])

    def update(self, request: Request) -> Body:
        """Another name, description, tags or costs; nothing else can change. New costs come to the old ones."""
        program = self._program(request)
        if request.one("name") and request.one("name") != program.name:
            program.name = self._new_name(request)
        program.description = request.one("description", program.description) or ""
        program.tags = _inner(request, "tags", list) or program.tags
        kept = [] if request.flag("costsDestructiveUpdate") else program.costs
        program.costs = [*kept, *(_inner(request, "costs", list) or [])]
        program.updated = self._state.now()
        return self._told([program], ["tags", "costs"])

    def clone(self, request: Request) -> Body:
        """A program of the same type and channel, without members."""
        program, name, folder = self._program(request), self._new_name(request), folder_of(request, "Folder")
        return self._told([self._state.clone(program, name, folder, request.one("description"))])

    def delete(self, request: Request) -> Body:
        """Delete a program with its members."""
        program = self._program(request)
        del self._state.programs[program.id]
        return assets([{"id": program.id}])

    # --- what is told ------------------------------------------------------------------------------------------

    def _programs(self) -> Iterable[Program]:
        return self._state.programs.values()

    def _told(self, programs: Iterable[Program], more: Iterable[str] = ()) -> Body:
        return assets([self._shown(program, more) for program in programs])

    def _shown(self, program: Program, more: Iterable[str] = ()) -> Body:
        return {
            "id": program.id,
            "name": program.name,
            "description": program.description,
            "createdAt": iso_twice(program.made),
            "updatedAt": iso_twice(program.updated),
            "url": f"https://app.example/#ME{program.id}A1",
            "type": program.type,
            "channel": program.channel,
            "folder": {"type": "Folder", "value": program.folder, "folderName": "Programs"},
            "status": "unlocked",
            "workspace": "Default",
            **{name: getattr(program, name) for name in more},
        }

    def _program(self, request: Request) -> Program:
        _require_form(request)
        found = self._state.programs.get(_id(request))
        if found is None:
            raise RefusedError("702", f"Program '{request.params['id']}' not found")
        return found

    def _new_name(self, request: Request) -> str:
        _require_form(request)
        name = _field(request, "name")
        if any(program.name.casefold() == name.casefold() for program in self._programs()):
            raise RefusedError("709", f"Program '{name}' already exists")
        return name


def folder_of(request: Request, *types: str) -> int:
    """The folder that a form names: JSON inside a field. Any number will do, since the sandbox has no folders."""
    folder = _inner(request, "folder", dict)
    if folder is None:
        raise RefusedError("701", "folder cannot be blank")
    id = whole(folder.get("id"))
    if id is None:
        raise RefusedError("710", "Parent folder not found")
    if folder.get("type") not in types:
        raise RefusedError("711", "Wrong folder type")
    return id


def named_in_form(request: Request) -> str:
    """The name that a form gives."""
    _require_form(request)
    return _field(request, "name")


def _require_form(request: Request) -> None:
    """A body of anything else is refused; one without a body may have its fields in the address."""
    if request.body and "form-urlencoded" not in request.headers.get("content-type", ""):
        raise RefusedError("612", "Invalid Content Type")


def _field(request: Request, name: str) -> str:
    value = request.one(name)
    if not value:
        raise RefusedError("701", f"{name} cannot be blank")
    return value


def _inner(request: Request, name: str, kind: type[Any]) -> Any:
    text = request.one(name)
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise RefusedError("609", f"Invalid JSON in '{name}'")
    return found


def _bound(request: Request, name: str) -> datetime | None:
    text = request.one(name)
    return None if text is None else moment(text)


def _id(request: Request) -> int:
    return whole(request.params["id"].removesuffix(".json")) or 0
