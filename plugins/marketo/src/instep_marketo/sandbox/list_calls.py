"""Static lists, and the leads on them: as assets, and in the lead database."""

from __future__ import annotations

from instep.sandbox import Request
from instep_marketo.sandbox.assets import StaticList
from instep_marketo.sandbox.channel_calls import assets, is_named
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.lead_calls import known_lead, lead_fields, shown_lead
from instep_marketo.sandbox.operations import Body, Operation, body_of, inputs_of, need, result, whole
from instep_marketo.sandbox.paging import asset_page_of, page_of
from instep_marketo.sandbox.program_calls import folder_of, named_in_form
from instep_marketo.sandbox.subscription import API, Subscription, numbers
from instep_marketo.sandbox.values import iso, iso_twice


class ListCalls:
    """`/rest/v1/lists`, whose leads can also be read under `/rest/v1/list`, and `/rest/asset/v1/staticList`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        lists, asset = "/rest/v1/lists", "/rest/asset/v1/staticList"
        read, write = "Read-Only Lead", "Read-Write Lead"
        return [
            Operation("GET", f"{lists}.json", self.lists, "lists.list", read),
            Operation("GET", f"{lists}/{{id}}", self.read, "lists.read", read),
            Operation("GET", f"{lists}/{{id}}/leads.json", self.leads, "lists.leads", read),
            Operation("POST", f"{lists}/{{id}}/leads.json", self.add, "lists.add", write),
            Operation("DELETE", f"{lists}/{{id}}/leads.json", self.remove, "lists.remove", write),
            Operation("GET", f"{lists}/{{id}}/leads/ismember.json", self.is_member, "lists.ismember", write),
            Operation("GET", "/rest/v1/leads/{lead}/listMembership.json", self.of, "lists.of", "Read-Only Assets"),
            Operation("GET", f"{asset}s.json", self.browse, "lists.browse", "Read-Only Assets"),
            Operation("POST", f"{asset}s.json", self.create, "lists.create", "Read-Write Assets"),
            Operation("GET", f"{asset}/byName.json", self.by_name, "lists.by_name", "Read-Only Assets"),
            Operation("GET", f"{asset}/{{id}}", self.asset, "lists.asset", "Read-Only Assets"),
        ]

    # --- in the lead database ----------------------------------------------------------------------------------

    def lists(self, request: Request) -> Body:
        """Lists, also by id or name."""
        ids, names, programs = (request.many(name) for name in ("id", "name", "programName"))
        found = [
            self._shown(one)
            for one in self._state.lists.values()
            if (not ids or str(one.id) in ids) and (not names or one.name in names)
            if not programs or self._program_of(one) in programs
        ]
        page, more = page_of(found, "lists", request, self._state.personality)
        return result(page, **more)

    def read(self, request: Request) -> Body:
        """One list."""
        return result([self._shown(self._list(request))])

    def leads(self, request: Request) -> Body:
        """The leads on a list."""
        names = lead_fields(self._state, request)
        page, more = page_of(sorted(self._list(request).leads), "list", request, self._state.personality)
        return result([shown_lead(self._state, id, names) for id in page], **more)

    def of(self, request: Request) -> Body:
        """The lists that a lead is on."""
        lead = known_lead(self._state, request.params["lead"])
        found = [
            {"listId": one.id, "createdAt": iso(one.leads[lead]), "updatedAt": iso(one.leads[lead])}
            for one in self._state.lists.values()
            if lead in one.leads
        ]
        page, more = page_of(found, "listsof", request, self._state.personality)
        return result(page, moreResult=bool(more), **more)

    def is_member(self, request: Request) -> Body:
        """Which of some leads are on a list."""
        on = self._list(request).leads
        return result([self._standing(id, id in on) for id in self._ids(request)])

    def _standing(self, id: int, is_on: bool) -> Body:
        if id not in self._state.leads:
            return {"id": id, **RefusedError("1004", "Lead not found").to_skip()}
        return {"id": id, "status": "memberof" if is_on else "notmemberof"}

    def add(self, request: Request) -> Body:
        """Put leads on a list."""
        static_list = self._list(request)
        return result([self._added(id, static_list) for id in self._ids(request)])

    def _added(self, id: int, static_list: StaticList) -> Body:
        if id not in self._state.leads:
            return {"id": id, **RefusedError("1004", "Lead not found").to_skip()}
        self._state.put_on(static_list, id, API)
        return {"id": id, "status": "added"}

    def remove(self, request: Request) -> Body:
        """Take leads off a list."""
        static_list = self._list(request)
        return result([self._removed(id, static_list) for id in self._ids(request)])

    def _removed(self, id: int, static_list: StaticList) -> Body:
        if static_list.leads.pop(id, None) is None:
            return {"id": id, **RefusedError("1015", "Lead not in list").to_skip()}
        self._state.write(id, 25, static_list.id, static_list.name, {"Source": API})
        return {"id": id, "status": "removed"}

    def _ids(self, request: Request) -> list[int]:
        most = self._state.personality.input_limit
        given = numbers(request.many("id"))
        if not given:
            given = [one["id"] for one in inputs_of(body_of(request), most) if isinstance(one.get("id"), int)]
        if len(given) > most:
            raise RefusedError("1003", f"At most {most} leads are allowed")
        return given

    def _list(self, request: Request) -> StaticList:
        found = self._state.lists.get(whole(request.params["id"].removesuffix(".json")) or 0)
        if found is None:
            raise RefusedError("1013", f"List '{request.params['id']}' not found")
        return found

    def _shown(self, one: StaticList) -> Body:
        at = iso(one.made)
        shown = {"id": one.id, "name": one.name, "workspaceName": "Default", "createdAt": at, "updatedAt": at}
        return {**shown, **({"programName": name} if (name := self._program_of(one)) else {})}

    def _program_of(self, one: StaticList) -> str | None:
        program = self._state.programs.get(one.program or 0)
        return program.name if program else None

    # --- as assets ---------------------------------------------------------------------------------------------

    def browse(self, request: Request) -> Body:
        """Every list."""
        return assets(asset_page_of([_asset(one) for one in self._state.lists.values()], request))

    def asset(self, request: Request) -> Body:
        """One list."""
        id = whole(request.params["id"].removesuffix(".json"))
        return assets([_asset(one) for one in self._state.lists.values() if one.id == id])

    def by_name(self, request: Request) -> Body:
        """The list of a name."""
        name = need(request, "name")
        return assets([_asset(one) for one in self._state.lists.values() if is_named({"name": one.name}, name)])

    def create(self, request: Request) -> Body:
        """A new list, by form."""
        name, folder = named_in_form(request), folder_of(request, "Folder", "Program")
        if any(one.name.casefold() == name.casefold() for one in self._state.lists.values()):
            raise RefusedError("709", f"Static List '{name}' already exists")
        description, program = request.one("description") or "", folder if folder in self._state.programs else None
        one = StaticList(self._state.ids.number(), name, self._state.now(), description, program)
        self._state.lists[one.id] = one
        return assets([_asset(one)])


def _asset(one: StaticList) -> Body:
    folder = {"type": "Program", "id": one.program} if one.program else {"type": "Folder", "id": 1}
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "createdAt": iso_twice(one.made),
        "updatedAt": iso_twice(one.made),
        "folder": folder,
        "computedUrl": f"https://app.example/#ST{one.id}A1",
        "workspace": "Default",
    }
