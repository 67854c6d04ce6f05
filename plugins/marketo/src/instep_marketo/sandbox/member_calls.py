"""The members of programs: reading, moving, writing their data, taking out; with the older calls of leads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from instep.sandbox import Request
from instep_marketo.sandbox.assets import Member, Program
from instep_marketo.sandbox.definitions import Field
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.lead_calls import known_lead, lead_fields, shown_lead
from instep_marketo.sandbox.operations import Body, Operation, body_of, inputs_of, moment, need, result, whole
from instep_marketo.sandbox.paging import page_of
from instep_marketo.sandbox.subscription import Subscription, numbers
from instep_marketo.sandbox.values import iso, plain, stored

DEFAULT = ("acquiredBy", "leadId", "membershipDate", "programId", "reachedSuccess")
LONGEST = timedelta(days=7)
NOT_A_MEMBER = RefusedError("1013", "Membership not found")


class MemberCalls:
    """The calls of `/rest/v1/programs/{id}/members`, and what they superseded."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        members, older = "/rest/v1/programs/{id}/members", "/rest/v1/leads/programs/{id}"
        read, write = "Read-Only Lead", "Read-Write Lead"
        return [
            Operation("GET", "/rest/v1/programs/members/describe.json", self.describe, "members.describe", read),
            Operation("GET", f"{members}.json", self.members, "members.read", read),
            Operation("POST", f"{members}.json", self.sync, "members.sync", write),
            Operation("POST", f"{members}/status.json", self.status, "members.status", write),
            Operation("POST", f"{members}/delete.json", self.delete, "members.delete", write),
            Operation("GET", older, self.leads, "members.leads", read),
            Operation("POST", f"{older}/status.json", self.older_status, "members.older_status", write),
            Operation(
                "GET", "/rest/v1/leads/{lead}/programMembership.json", self.programs, "members.of", "Read-Only Assets"
            ),
        ]

    # --- reading -----------------------------------------------------------------------------------------------

    def describe(self, request: Request) -> Body:
        """The fields of members, and by which of them they can be found."""
        fields = self._state.member_fields.values()
        described = [
            {
                "name": f.name,
                "displayName": f.label,
                "dataType": f.type,
                "updateable": f.updateable,
                "crmManaged": False,
            }
            for f in fields
        ]
        searchable = [[field.name] for field in fields if field.searchable or field.custom]
        return result(
            [
                {
                    "name": "API Program Membership",
                    "description": "API Program Membership",
                    "dedupeFields": ["leadId", "programId"],
                    "searchableFields": searchable,
                    "fields": described,
                }
            ]
        )

    def members(self, request: Request) -> Body:
        """The members of a program, by a filter."""
        program, character = self._program(request), self._state.personality
        kind = need(request, "filterType")
        concerns = self._filter(program, kind, request)
        found = [lead for lead in sorted(program.members) if concerns(lead, program.members[lead])]
        if kind != "leadId" and len(found) > character.members_limit:
            raise RefusedError("1003", "Too many results match the filter")
        page, more = page_of(list(enumerate(found)), "members", request, character)
        names = [self._field(name).name for name in request.many("fields") or DEFAULT]
        shown = [{"seq": seq, "leadId": lead, **self._values(program, lead, names)} for seq, lead in page]
        return result(shown, moreResult=bool(more), **more)

    def _filter(self, program: Program, kind: str, request: Request) -> Callable[[int, Member], bool]:
        """What finds members: their ids, status, success, the time of the last change, or a custom field."""
        if kind == "updatedAt":
            start, end = moment(need(request, "startAt")), moment(need(request, "endAt"))
            if end - start > LONGEST:
                raise RefusedError("1003", "The date range must not be longer than 7 days")
            return lambda lead, member: start <= member.updated.replace(microsecond=0) <= end
        need(request, "filterValues")
        values = request.many("filterValues")
        if kind == "leadId":
            wanted = set(numbers(values))
            return lambda lead, member: lead in wanted
        known = self._field(kind)
        if kind not in ("statusName", "reachedSuccess") and not known.custom:
            raise RefusedError("1011", f"Field '{kind}' not supported")
        return lambda lead, member: _text(self._values(program, lead, [kind])[kind]) in values

    def _values(self, program: Program, lead: int, names: list[str]) -> Body:
        member = program.members[lead]
        standard = {
            "leadId": lead,
            "programId": program.id,
            "statusName": member.status,
            "reachedSuccess": member.success,
            "acquiredBy": False,
            "membershipDate": iso(member.since),
            "updatedAt": iso(member.updated),
        }
        return {name: standard[name] if name in standard else plain(member.values.get(name)) for name in names}

    def leads(self, request: Request) -> Body:
        """The leads in a program, each with its membership."""
        program, names = self._program(request), lead_fields(self._state, request)
        page, more = page_of(sorted(program.members), "program", request, self._state.personality)
        shown = [
            {**shown_lead(self._state, id, names), "membership": _membership(program.members[id])} for id in page
        ]
        return result(shown, **more)

    def programs(self, request: Request) -> Body:
        """The programs that a lead is in."""
        lead = known_lead(self._state, request.params["lead"])
        found = [
            {"id": program.id, **_membership(program.members[lead])}
            for program in self._state.programs.values()
            if lead in program.members
        ]
        page, more = page_of(found, "programs", request, self._state.personality)
        return result(page, moreResult=bool(more), **more)

    # --- writing -----------------------------------------------------------------------------------------------

    def status(self, request: Request) -> Body:
        """Move leads to a status, members or not; never back."""
        program, body = self._program(request), body_of(request)
        status = body.get("statusName")
        if not status:
            raise RefusedError("1002", "Missing value for the required parameter 'statusName'")

        def moved(lead: int) -> str:
            return "created" if self._state.set_status(program, lead, str(status)) else "updated"

        return self._each(body, moved)

    def older_status(self, request: Request) -> Body:
        """Move members to a status: those who are none are skipped."""
        program, body = self._program(request), body_of(request)
        results = []
        for one in inputs_of(body, self._state.personality.input_limit):
            lead = whole(one.get("id"))
            try:
                if lead not in program.members:
                    raise RefusedError("1037", "Lead not in program")
                self._state.set_status(program, known_lead(self._state, lead), str(body.get("status")))
                results.append({"id": lead, "status": "updated"})
            except RefusedError as refused:
                results.append({"id": lead, **refused.to_skip()})
        return result(results)

    def sync(self, request: Request) -> Body:
        """Write data of members."""
        program, body = self._program(request), body_of(request)
        values = {whole(one.get("leadId")): one for one in inputs_of(body, self._state.personality.input_limit)}

        def written(lead: int) -> str:
            self._write(program, lead, {name: value for name, value in values[lead].items() if name != "leadId"})
            return "updated"

        return self._each(body, written)

    def _write(self, program: Program, lead: int, given: Body) -> None:
        member = program.members.get(lead)
        if member is None:
            raise NOT_A_MEMBER
        kept = {}
        for name, value in given.items():
            field = self._field(name)
            if not field.updateable:
                raise RefusedError("1011", f"Field '{name}' not supported")
            kept[name] = stored(field, value)
        for name, value in kept.items():
            before = member.values.get(name)
            if before != value:
                member.values[name], member.updated = value, self._state.now()
                told = {"Attribute": name, "Old Value": _text(plain(before)), "New Value": _text(plain(value))}
                self._state.write(lead, 123, program.id, program.name, told)

    def delete(self, request: Request) -> Body:
        """Take members out."""
        program = self._program(request)

        def removed(lead: int) -> str:
            if lead not in program.members:
                raise NOT_A_MEMBER
            self._state.take_out(program, lead)
            return "deleted"

        return self._each(body_of(request), removed)

    def _each(self, body: Body, act: Callable[[int], str]) -> Body:
        """What came of each lead of a call, with its place."""
        results: list[Body] = []
        for seq, one in enumerate(inputs_of(body, self._state.personality.input_limit)):
            lead = one.get("leadId")
            try:
                results.append({"seq": seq, "leadId": lead, "status": act(known_lead(self._state, lead))})
            except RefusedError as refused:
                results.append({"seq": seq, "leadId": lead, **refused.to_skip()})
        return result(results[::-1] if self._state.personality.shuffle_results else results)

    # --- what is meant -----------------------------------------------------------------------------------------

    def _field(self, name: str) -> Field:
        found = self._state.member_fields.get(name)
        if found is None:
            raise RefusedError("1006", f"Field '{name}' not found")
        return found

    def _program(self, request: Request) -> Program:
        program = self._state.programs.get(whole(request.params["id"].removesuffix(".json")) or 0)
        if program is None:
            raise RefusedError("1013", "Program not found")
        return program


def _membership(member: Member) -> Body:
    return {
        "progressionStatus": member.status,
        "reachedSuccess": member.success,
        "acquiredBy": False,
        "isExhausted": False,
        "membershipDate": iso(member.since),
    }


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
