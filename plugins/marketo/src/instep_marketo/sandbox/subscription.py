"""One Marketo subscription: everything the sandbox remembers, and what follows from a change."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from instep.sandbox import Clock, DailyCount, Personality, RollingWindow, SeededIds
from instep_marketo.sandbox.character import MarketoPersonality
from instep_marketo.sandbox.definitions import Field, standard_fields
from instep_marketo.sandbox.errors import RefusedError

CENTRAL = ZoneInfo("America/Chicago")
WINDOW = timedelta(seconds=20)
API = "Web service API"
BY_HAND = "User"
NO_STATUS = "Not in Program"
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


@dataclass(slots=True)
class Program:
    """A program, the channel that it has for good, and its members' statuses."""

    id: int
    name: str
    channel: str
    members: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Campaign:
    """A smart campaign; `flow` is what it does with a lead."""

    id: int
    name: str
    flow: Callable[[int], None]
    active: bool = True
    requestable: bool = True


@dataclass(slots=True)
class Export:
    """A bulk extract of leads."""

    id: str
    start: datetime
    end: datetime
    fields: tuple[str, ...]
    status: str = "Created"
    queued_at: datetime | None = None
    file: bytes = b""


@dataclass(slots=True)
class Usage:
    """How much of each allowance is used."""

    window: RollingWindow = field(default_factory=lambda: RollingWindow(WINDOW))
    daily: DailyCount = field(default_factory=DailyCount)
    in_flight: int = 0
    occupied: int = 0


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
        self.channels: dict[str, list[tuple[str, int, bool, bool]]] = {}
        self.programs: dict[int, Program] = {}
        self.lists: dict[int, tuple[str, set[int]]] = {}
        self.campaigns: dict[int, Campaign] = {}
        self.salespeople: dict[str, Record] = {}
        self.exports: dict[str, Export] = {}
        self.usage = Usage()
        self.tokens: dict[str, datetime] = {}
        self.denied: set[str] = set()

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

    def create(self, values: Mapping[str, Any], source: str) -> int:
        """A new lead, with its activity."""
        id, now = self.ids.number(), self.now()
        self.leads[id] = {"id": id, "createdAt": now, "updatedAt": now, "leadPartitionId": 1}
        self.leads[id] |= {name: value for name, value in values.items() if value not in (None, "")}
        self.own(id)
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
        self.own(id)

    def own(self, id: int) -> None:
        """Fill the fields of the owner from the sales person."""
        lead = self.leads[id]
        person = self.salespeople.get(str(lead.get("externalSalesPersonId") or ""), {})
        for ours, theirs in (("FirstName", "firstName"), ("LastName", "lastName"), ("EmailAddress", "email")):
            lead[f"leadOwner{ours}"] = person.get(theirs)

    def delete(self, id: int) -> None:
        """Delete for good."""
        lead = self.leads.pop(id)
        self.forget(id)
        self.write(id, 37, id, str(lead.get("email") or id), {"Remove from CRM": "false"})

    def forget(self, id: int) -> None:
        """Take a lead off every list and out of every program."""
        for _, on in self.lists.values():
            on.discard(id)
        for program in self.programs.values():
            program.members.pop(id, None)

    def merge(self, winner: int, loser: int) -> None:
        """The winner's values win; blank ones are filled from the loser."""
        lost = self.leads.pop(loser)
        self.forget(loser)
        kept = self.leads[winner]
        for name, value in lost.items():
            if kept.get(name) in (None, ""):
                kept[name] = value
        kept["updatedAt"] = self.now()
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
        if before is not None and steps.get(before, 0) >= steps[status]:
            raise RefusedError("1037", "Lead skipped because it is already in or past this status")
        self.put_status(program, lead, status)
        return before is None

    def put_status(self, program: Program, lead: int, status: str) -> None:
        """What a person can do in the program: any status."""
        before = program.members.get(lead, NO_STATUS)
        program.members[lead] = status
        succeeds = any(name == status and success for name, _, _, success in self.channels[program.channel])
        told = {"Old Status": before, "New Status": status, "Success": "true" if succeeds else "false"}
        self.write(lead, 104, program.id, program.name, told)

    # --- allowances --------------------------------------------------------------------------------------------

    def used_today(self) -> int:
        """Calls of this day, which begins at midnight in US Central time."""
        return self.usage.daily.used(self.now().astimezone(CENTRAL))

    def spend(self) -> None:
        """Count a call; refuses one too many."""
        now, character = self.now(), self.personality
        in_flight = self.usage.in_flight + self.usage.occupied
        if character.concurrent_limit is not None and in_flight > character.concurrent_limit:
            raise RefusedError("615", "Concurrent access limit reached")
        if not self.usage.window.admit(now, character.rate_limit):
            raise RefusedError("606", f"Max rate limit '{character.rate_limit}' exceeded with in '20' secs")
        if not self.usage.daily.admit(now.astimezone(CENTRAL), character.daily_limit):
            raise RefusedError("607", f"Daily quota '{character.daily_limit}' reached")


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def numbers(values: Iterable[str]) -> list[int]:
    """Whole numbers among some texts."""
    return [int(value) for value in values if value.isdecimal()]
