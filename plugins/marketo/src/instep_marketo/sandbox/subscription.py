"""One Marketo subscription: everything the sandbox remembers, and what follows from a change."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from instep.sandbox import Clock, Personality, SeededIds
from instep_marketo.sandbox.allowances import Usage
from instep_marketo.sandbox.assets import Campaign, CustomType, Form, Member, Program, StaticList
from instep_marketo.sandbox.character import MarketoPersonality
from instep_marketo.sandbox.definitions import (
    ACTIVITY_TYPES,
    ActivityType,
    Field,
    standard_fields,
    standard_member_fields,
)
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.jobs import Import, Queue
from instep_marketo.sandbox.logins import API_USER, CLIENT_ID, CLIENT_SECRET, Login, Token
from instep_marketo.schema import COMPANY_FIELDS

API = "Web service API"
BY_HAND = "User"
NO_STATUS = "Not in Program"
OWNER_FIELDS = {
    "leadOwnerFirstName": "firstName",
    "leadOwnerLastName": "lastName",
    "leadOwnerEmailAddress": "email",
}
Record = dict[str, Any]


@dataclass(slots=True)
class Activity:
    """One line of the activity log. `seq` is its place in it."""

    seq: int
    lead: int
    at: datetime
    type: int
    primary_id: int | None
    primary: str
    attributes: dict[str, Any]
    field: str = ""
    campaign: int | None = None


class Subscription:
    """The state. Whoever looks at it or changes it holds `lock`."""

    def __init__(self, clock: Clock, personality: Personality, munchkin_id: str, seed: int) -> None:
        self.clock = clock
        self.personality = MarketoPersonality.of(personality)
        self.munchkin_id = munchkin_id
        self.lock = threading.RLock()
        self._seed = seed
        self.reset()

    def behave(self, wanted: Personality) -> None:
        """Behave otherwise from now on."""
        with self.lock:
            self.personality = MarketoPersonality.of(wanted)

    def reset(self) -> None:
        """Return to the state of a new subscription."""
        self.ids = SeededIds(self._seed)
        self.born = self.clock.now() - timedelta(days=40)
        self.fields: dict[str, Field] = {item.name: item for item in standard_fields()}
        self.leads: dict[int, Record] = {}
        self.log: list[Activity] = []
        self.answered_pages = 0
        self.written = 0
        self.channels: dict[str, list[tuple[str, int, bool, bool]]] = {}
        self.programs: dict[int, Program] = {}
        self.member_fields: dict[str, Field] = {item.name: item for item in standard_member_fields()}
        self.lists: dict[int, StaticList] = {}
        self.campaigns: dict[int, Campaign] = {}
        self.forms: dict[int, Form] = {}
        self.custom_types: dict[str, CustomType] = {}
        self.custom_types_made = 0
        self.partitions = {1: "Default"}
        self.cookies: dict[str, int] = {}
        self.objects: dict[str, list[Record]] = {}
        """Sales persons, companies, opportunities and roles."""
        self.exports, self.imports = Queue(), Queue()
        self.imported: dict[int, Import] = {}
        self.due: list[tuple[datetime, Callable[[], None]]] = []
        """What campaigns will do, and when."""
        self.usage = Usage()
        self.caller = Login(API_USER, CLIENT_ID, CLIENT_SECRET)
        """Who makes the call that is being answered; between calls, who made the last one."""
        self.logins = {CLIENT_ID: self.caller}
        self.tokens: dict[str, Token] = {}
        self.trouble: list[str] = []
        """Codes with which the next calls are refused."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock, once everything is done that was due by now."""
        with self.lock:
            self.settle()
            yield

    def settle(self) -> None:
        """Let bulk jobs and campaigns do what was due by now, in order of time."""
        now, running = self.now(), self.personality.jobs_running
        self.exports.settle(now, running)
        self.imports.settle(now, running)
        while self.due and min(self.due, key=_when)[0] <= now:
            first = min(self.due, key=_when)
            self.due.remove(first)
            first[1]()

    def reject_now_and_then(self) -> None:
        """Refuse every so many-th record that is written, where the personality says so."""
        self.written += 1
        every = self.personality.partial_failure
        if every and self.written % every == 0:
            raise RefusedError(self.personality.partial_failure_code, "Invalid data")

    # --- time and names ----------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The present moment."""
        return self.clock.now()

    def uuid(self) -> str:
        """The next unique name."""
        return str(uuid.UUID(self.ids.uuid()))

    # --- leads -------------------------------------------------------------------------------------------------

    def field(self, name: str) -> Field:
        """A field by its REST name; refuses an unknown one."""
        known = self.fields.get(name)
        if known is None:
            raise RefusedError("1006", f"Field '{name}' not found")
        return known

    def holders(self, name: str, value: object) -> list[int]:
        """The leads whose field holds a value, without regard to case."""
        wanted = str(value).casefold()
        if name == "id":
            return [int(wanted)] if wanted.isdecimal() and int(wanted) in self.leads else []
        return [id for id, lead in self.leads.items() if str(lead.get(name) or "").casefold() == wanted]

    def create(self, values: Mapping[str, Any], source: str, partition: int = 1) -> int:
        """A new lead, with its activity."""
        id, now = self.ids.number(), self.now()
        self.leads[id] = {"id": id, "createdAt": now, "updatedAt": now, "leadPartitionId": partition}
        self.leads[id] |= {name: value for name, value in values.items() if value not in (None, "")}
        self.relate(id)
        email = str(values.get("email") or id)
        self.write(id, 12, id, email, {"Source Type": source, "Created Date": now.date().isoformat()})
        return id

    def change(self, id: int, values: Mapping[str, Any], source: str, reason: str = "") -> None:
        """New values, each with its activity. A custom field does not move `updatedAt`."""
        lead = self.leads[id]
        for name, value in values.items():
            before, after = lead.get(name), None if value == "" else value
            if before == after or name == "id":
                continue
            lead[name] = after
            known = self.fields[name]
            if not known.custom:
                lead["updatedAt"] = self.now()
            told = {"Old Value": _text(before), "New Value": _text(after), "Source": source, "Reason": reason}
            self.write(id, 13, None, known.label, told, field=name)
        self.relate(id)

    def relate(self, id: int) -> None:
        """Fill the fields of the owner from the sales person, and those of the company from the company."""
        lead = self.leads[id]
        person = self.object("salespersons", "externalSalesPersonId", lead.get("externalSalesPersonId")) or {}
        for ours, theirs in OWNER_FIELDS.items():
            lead[ours] = person.get(theirs)
        company = self.object("companies", "externalCompanyId", lead.get("externalCompanyId"))
        if company is not None:
            lead |= {name: company.get(name) for name in COMPANY_FIELDS}

    def object(self, kind: str, name: str, value: object) -> Record | None:
        """The sales person, company or opportunity whose field holds a value."""
        if value in (None, ""):
            return None
        wanted = str(value).casefold()
        return next((one for one in self.objects.get(kind, ()) if str(one.get(name)).casefold() == wanted), None)

    def delete(self, id: int) -> None:
        """Delete for good."""
        lead = self.leads.pop(id)
        self.forget(id)
        self.write(id, 37, id, str(lead.get("email") or id), {"Remove from CRM": "false"})

    def forget(self, id: int) -> None:
        """Take a lead off every list and out of every program."""
        for static_list in self.lists.values():
            static_list.leads.pop(id, None)
        for program in self.programs.values():
            program.members.pop(id, None)
        for campaign in self.campaigns.values():
            campaign.leads.pop(id, None)

    def merge(self, winner: int, loser: int) -> None:
        """The winner's values win; blank ones are filled from the loser."""
        lost = self.leads.pop(loser)
        self.forget(loser)
        kept = self.leads[winner]
        for name, value in lost.items():
            if kept.get(name) in (None, ""):
                kept[name] = value
        kept["updatedAt"] = self.now()
        self.cookies = {cookie: winner if id == loser else id for cookie, id in self.cookies.items()}
        self.write(winner, 32, winner, str(winner), {"Merge IDs": f"[{loser}]", "Master Updated": "true"})
        if self.personality.merges_log_deletions:
            self.write(loser, 37, loser, str(loser), {"Remove from CRM": "false"})

    # --- the log -----------------------------------------------------------------------------------------------

    def write(
        self,
        lead: int,
        type: int,
        primary_id: int | None,
        primary: str,
        attributes: Mapping[str, Any],
        *,
        field: str = "",
        at: datetime | None = None,
        campaign: int | None = None,
    ) -> Activity:
        """One more line of the activity log."""
        told = Activity(
            len(self.log), lead, at or self.now(), type, primary_id, primary, dict(attributes), field, campaign
        )
        self.log.append(told)
        return told

    def activity_types(self) -> dict[int, ActivityType]:
        """The kinds of activity that the log can hold, custom ones included."""
        custom = {
            kind.id: ActivityType(
                kind.id,
                kind.approved.name,
                kind.approved.primary.name,
                tuple(item.name for item in kind.approved.attributes),
            )
            for kind in self.custom_types.values()
            if kind.approved is not None
        }
        return ACTIVITY_TYPES | custom

    def visible(self) -> int:
        """How many lines of the log may be seen already."""
        lag = self.personality.index_lag
        if not isinstance(lag, timedelta) or not lag:
            return len(self.log)
        horizon = self.now() - lag
        return next((a.seq for a in self.log if a.at > horizon), len(self.log))

    # --- programs ----------------------------------------------------------------------------------------------

    def steps(self, program: Program) -> dict[str, int]:
        """The statuses of a program that are in use, with their steps."""
        return {name: step for name, step, hidden, _ in self.channels[program.channel] if not hidden}

    def set_status(self, program: Program, lead: int, status: str) -> bool:
        """Give a member a status, if it is later than the present one; says whether it was new."""
        steps = self.steps(program)
        if status not in steps or steps[status] == 0:
            raise RefusedError("1025", f"Program status not found: {status}")
        before = program.members.get(lead)
        if before is not None and steps.get(before.status, 0) >= steps[status]:
            raise RefusedError("1037", "Lead skipped because it is already in or past this status")
        self.put_status(program, lead, status)
        return before is None

    def put_status(self, program: Program, lead: int, status: str) -> None:
        """What a person can do in the program: any status."""
        now, member = self.now(), program.members.get(lead)
        before = member.status if member else NO_STATUS
        member = program.members.setdefault(lead, Member(status, now, now))
        succeeds = any(name == status and success for name, _, _, success in self.channels[program.channel])
        member.status, member.updated, member.success = status, now, member.success or succeeds
        told = {"Old Status": before, "New Status": status, "Success": "true" if succeeds else "false"}
        self.write(lead, 104, program.id, program.name, told)

    def clone(self, program: Program, name: str, folder: int, description: str | None = None) -> Program:
        """A program of the same type and channel, without members."""
        now, id = self.now(), self.ids.number()
        told = program.description if description is None else description
        made = Program(id, name, program.channel, now, now, program.type, told, folder)
        made.tags = list(program.tags)
        self.programs[id] = made
        return made

    def take_out(self, program: Program, lead: int) -> None:
        """Let a lead be no member any more."""
        before = program.members.pop(lead)
        told = {"Old Status": before.status, "New Status": NO_STATUS, "Success": "false"}
        self.write(lead, 104, program.id, program.name, told)

    # --- lists and campaigns -----------------------------------------------------------------------------------

    def put_on(self, static_list: StaticList, lead: int, source: str) -> None:
        """Put a lead on a list; one that is there already stays."""
        if lead not in static_list.leads:
            static_list.leads[lead] = self.now()
            self.write(lead, 24, static_list.id, static_list.name, {"Source": source})

    def run(self, campaign: Campaign, lead: int) -> None:
        """Let a campaign do its work with a lead, if it is still there."""
        if lead in self.leads:
            campaign.leads[lead] = self.now()
            campaign.flow(str(lead))


def _when(due: tuple[datetime, Callable[[], None]]) -> datetime:
    return due[0]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def numbers(values: Iterable[str]) -> list[int]:
    """Whole numbers among some texts."""
    return [int(value) for value in values if value.isdecimal()]
