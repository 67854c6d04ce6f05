"""Channels, programs and their members."""

from __future__ import annotations

from datetime import datetime

from instep.sandbox import Request
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import MAX_INPUT, Body, Operation, body_of, inputs_of, need, result
from instep_marketo.sandbox.paging import place_of, token_of
from instep_marketo.sandbox.subscription import Program, Subscription, numbers
from instep_marketo.sandbox.values import iso

NOTHING = {"errors": [], "warnings": ["No assets found for the given search criteria."]}


class ProgramCalls:
    """`/rest/asset/v1/channels` and `/program`, and `/rest/v1/programs/{id}/members`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls. None of them changes a channel: no call of Marketo's does."""
        asset, members = "/rest/asset/v1", "/rest/v1/programs/{id}/members"
        return [
            Operation("GET", f"{asset}/channels.json", self.channels, "channels.list", "Read-Only Assets"),
            Operation("GET", f"{asset}/program/{{file}}", self.program, "programs.read", "Read-Only Assets"),
            Operation("GET", f"{members}.json", self.members, "members.read", "Read-Only Lead"),
            Operation("POST", f"{members}/status.json", self.status, "members.status", "Read-Write Lead"),
        ]

    def channels(self, request: Request) -> Body:
        """Every channel, with its statuses."""
        start, size = int(request.one("offset") or 0), min(int(request.one("maxReturn") or 20), 200)
        page = list(self._state.channels.items())[start : start + size]
        if not page:
            return dict(NOTHING)
        shown = [
            {
                "id": start + place,
                "name": name,
                "applicableProgramType": "program",
                "progressionStatuses": [
                    {"name": status, "step": step, "description": None, "hidden": hidden, "success": success}
                    for status, step, hidden, success in statuses
                ],
                "createdAt": _zoned_twice(self._state.born),
                "updatedAt": _zoned_twice(self._state.born),
            }
            for place, (name, statuses) in enumerate(page, start=1)
        ]
        return result(shown, errors=[], warnings=[])

    def program(self, request: Request) -> Body:
        """One program."""
        ids = numbers([request.params["file"].removesuffix(".json")])
        found = [self._state.programs[id] for id in ids if id in self._state.programs]
        if not found:
            return dict(NOTHING)
        return result([self._shown(program) for program in found], errors=[], warnings=[])

    def _shown(self, program: Program) -> Body:
        return {
            "id": program.id,
            "name": program.name,
            "description": "",
            "createdAt": _zoned_twice(self._state.born),
            "updatedAt": _zoned_twice(self._state.born),
            "url": f"https://app.example/#ME{program.id}A1",
            "type": "Default",
            "channel": program.channel,
            "folder": {"type": "Folder", "value": 1, "folderName": "Programs"},
            "status": "unlocked",
            "workspace": "Default",
        }

    def members(self, request: Request) -> Body:
        """The members of a program, by a filter."""
        program = self._program(request)
        kind, values = need(request, "filterType"), request.many("filterValues")
        if kind == "leadId":
            wanted = set(numbers(values))
            found = [lead for lead in sorted(program.members) if lead in wanted]
        elif kind == "statusName":
            found = [lead for lead, status in sorted(program.members.items()) if status in values]
        else:
            raise RefusedError("1011", f"Field '{kind}' not supported")
        start = place_of("members", request.one("nextPageToken"))
        size = min(
            int(request.one("batchSize") or MAX_INPUT), MAX_INPUT, self._state.personality.page_size or MAX_INPUT
        )
        page = [self._member(program, lead, start + n) for n, lead in enumerate(found[start : start + size])]
        more = {"nextPageToken": token_of("members", start + size)} if start + size < len(found) else {}
        return result(page, moreResult=start + size < len(found), **more)

    def _member(self, program: Program, lead: int, seq: int) -> Body:
        return {
            "seq": seq,
            "leadId": lead,
            "reachedSuccess": False,
            "programId": program.id,
            "acquiredBy": False,
            "membershipDate": iso(self._state.now()),
            "statusName": program.members[lead],
        }

    def status(self, request: Request) -> Body:
        """Move leads to a status, members or not; never back."""
        program, body = self._program(request), body_of(request)
        status = body.get("statusName")
        if not status:
            raise RefusedError("1002", "Missing value for the required parameter 'statusName'")
        found = [self._moved(program, one, seq, str(status)) for seq, one in enumerate(inputs_of(body))]
        return result(found[::-1] if self._state.personality.shuffle_results else found)

    def _moved(self, program: Program, given: Body, seq: int, status: str) -> Body:
        lead = given.get("leadId")
        try:
            if not isinstance(lead, int) or lead not in self._state.leads:
                raise RefusedError("1004", "Lead not found")
            is_new = self._state.set_status(program, lead, status)
        except RefusedError as refused:
            return {"seq": seq, "leadId": lead, **refused.to_skip()}
        return {"seq": seq, "leadId": lead, "status": "created" if is_new else "updated"}

    def _program(self, request: Request) -> Program:
        (id,) = numbers([request.params["id"].removesuffix(".json")]) or [0]
        program = self._state.programs.get(id)
        if program is None:
            raise RefusedError("1013", "Program not found")
        return program


def _zoned_twice(at: datetime) -> str:
    return f"{iso(at)}+0000"
