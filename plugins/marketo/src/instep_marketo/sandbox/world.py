"""The hands of Marketo's users: what people, campaigns and other integrations do in the subscription."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from instep_marketo.behaviours import TYPES
from instep_marketo.sandbox.definitions import ACTIVITY_TYPES, Field
from instep_marketo.sandbox.subscription import API, BY_HAND, NO_STATUS, Campaign, Program, Subscription
from instep_marketo.sandbox.values import plain, stored

Statuses = Iterable[str]


class MarketoWorld:
    """Acts in one subscription, past the API."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    # --- leads -------------------------------------------------------------------------------------------------

    def create(self, **values: Any) -> str:
        """A colleague makes a lead."""
        with self._state.lock:
            kept = {name: stored(self._state.field(name), value) for name, value in values.items()}
            return str(self._state.create(kept, "New person"))

    def load(self, object: str, records: Iterable[Mapping[str, Any]]) -> list[str]:
        """Put many leads in at once."""
        if object != "leads":
            raise ValueError(f'there is no object "{object}", only leads')
        return [self.create(**record) for record in records]

    def edit(self, id: str, *, source: str = BY_HAND, **values: Any) -> None:
        """A colleague changes a lead."""
        with self._state.lock:
            kept = {name: stored(self._state.field(name), value) for name, value in values.items()}
            self._state.change(int(id), kept, source)

    def read(self, id: str) -> dict[str, Any] | None:
        """What a lead holds; None where it is not there."""
        with self._state.lock:
            lead = self._state.leads.get(int(id))
            return None if lead is None else {name: plain(value) for name, value in lead.items()}

    def ids(self) -> list[str]:
        """Every lead."""
        with self._state.lock:
            return [str(id) for id in sorted(self._state.leads)]

    def delete(self, id: str) -> None:
        """A colleague deletes a lead."""
        with self._state.lock:
            self._state.delete(int(id))

    def merge(self, object: str, kept: str, merged: str) -> str:
        """A colleague merges two leads; gives the survivor."""
        with self._state.lock:
            self._state.merge(int(kept), int(merged))
            return kept

    def score(self, id: str, field: str, by: int) -> None:
        """A flow step changes a score: that is no change of a data value in the log."""
        with self._state.lock:
            lead = self._state.leads[int(id)]
            before = int(lead.get(field) or 0)
            lead[field] = before + by
            told = {"Change Value": str(by), "Old Value": str(before), "New Value": str(before + by)}
            self._state.write(int(id), 22, None, self._state.field(field).label, told)

    def unsubscribe(self, id: str, *, source: str = "Unsubscribe form") -> None:
        """The person unsubscribes."""
        with self._state.lock:
            self._state.write(int(id), 9, 1, "Newsletter", {})
            self._state.change(int(id), {"unsubscribed": True, "unsubscribedReason": "Newsletter"}, source)

    # --- settings ----------------------------------------------------------------------------------------------

    def add_field(self, name: str, label: str, type: str = "string") -> None:
        """An admin makes a custom field."""
        with self._state.lock:
            length = 255 if type in ("string", "email") else None
            self._state.fields[name] = Field(name, label, type, length, custom=True)

    def add_channel(
        self, name: str, statuses: Statuses, hidden: Statuses = (), successes: Collection[str] = ()
    ) -> None:
        """An admin makes a channel, or edits its statuses; the steps follow the order."""
        with self._state.lock:
            told = [(NO_STATUS, 0, False, False)]
            told += [(status, (n + 1) * 10, False, status in successes) for n, status in enumerate(statuses)]
            told += [(status, 900 + n, True, False) for n, status in enumerate(hidden)]
            self._state.channels[name] = told

    def add_program(self, name: str, channel: str) -> int:
        """A colleague makes a program; gives its id."""
        with self._state.lock:
            program = Program(self._state.ids.number(), name, channel)
            self._state.programs[program.id] = program
            return program.id

    def status(self, program: int, lead: str) -> str | None:
        """A member's status."""
        with self._state.lock:
            return self._state.programs[program].members.get(int(lead))

    def put_status(self, program: int, lead: str, status: str) -> None:
        """A colleague gives a member any status, also an earlier one."""
        with self._state.lock:
            self._state.put_status(self._state.programs[program], int(lead), status)

    def add_list(self, name: str) -> int:
        """A colleague makes a static list; gives its id."""
        with self._state.lock:
            id = self._state.ids.number()
            self._state.lists[id] = (name, set())
            return id

    def on_list(self, list: int, lead: str) -> bool:
        """Whether a lead is on a list."""
        with self._state.lock:
            return int(lead) in self._state.lists[list][1]

    def put_on_list(self, list: int, lead: str) -> None:
        """A colleague puts a lead on a list."""
        with self._state.lock:
            name, on = self._state.lists[list]
            on.add(int(lead))
            self._state.write(int(lead), 24, list, name, {"Source": BY_HAND})

    def add_campaign(self, name: str, flow: Callable[[str], None], *, active: bool = True) -> int:
        """A colleague makes a campaign that is requested by the API; `flow` is what it does with a lead."""
        with self._state.lock:
            id = self._state.ids.number()
            self._state.campaigns[id] = Campaign(id, name, lambda lead: flow(str(lead)), active)
            return id

    def add_salesperson(self, id: str, email: str, first: str = "", last: str = "") -> None:
        """Somebody sells."""
        with self._state.lock:
            number = self._state.ids.number()
            person = {"externalSalesPersonId": id, "email": email, "firstName": first, "lastName": last}
            self._state.salespeople[id] = {"id": number, **person}

    # --- logins and limits -------------------------------------------------------------------------------------

    def deny(self, permission: str) -> None:
        """An admin takes a permission away from the API user's role."""
        with self._state.lock:
            self._state.denied.add(permission)

    def expire_tokens(self) -> None:
        """Every token runs out now: code 602."""
        with self._state.lock:
            lifetime = self._state.personality.token_expiry
            assert lifetime is not None  # noqa: S101
            self._state.tokens = {token: self._state.now() - lifetime for token in self._state.tokens}

    def revoke_tokens(self) -> None:
        """Marketo forgets every token: code 601."""
        with self._state.lock:
            self._state.tokens.clear()

    def occupy(self, slots: int) -> None:
        """Other integrations hold so many calls in flight."""
        with self._state.lock:
            self._state.usage.occupied = slots

    def use_up(self, calls: int) -> None:
        """Other integrations make so many calls today."""
        with self._state.lock:
            for _ in range(calls):
                self._state.usage.daily.admit(self._state.now(), None)

    # --- what buyers do ----------------------------------------------------------------------------------------

    activities = tuple(TYPES)

    def happen(self, kind: str, lead: str, at: datetime | None = None, primary: str = "", **attributes: str) -> str:
        """Something happens to a lead; gives the activity's key. `_` stands for a blank in a name."""
        with self._state.lock:
            type, _ = TYPES[kind]
            names = {name.casefold(): name for name in ACTIVITY_TYPES[type].attributes}
            told = {names[name.replace("_", " ").casefold()]: value for name, value in attributes.items()}
            activity = self._state.write(int(lead), type, 71, primary or ACTIVITY_TYPES[type].name, told, at=at)
            return str(activity.seq + 100_000)

    def act(self, kind: str, object: str, id: str) -> None:
        """Something of this kind happens to a lead."""
        self.happen(kind, id)

    def correct_act(self, kind: str, id: str) -> bool:
        """Activities are written once: nobody corrects one."""
        return False

    def withdraw_act(self, kind: str, id: str) -> bool:
        """Activities are written once: nobody deletes one."""
        return False

    def sources(self) -> list[str]:
        """Who changed data values, in order, as the log says."""
        with self._state.lock:
            return [str(a.attributes["Source"]) for a in self._state.log if a.type == 13]


__all__ = ["API", "BY_HAND", "MarketoWorld"]
