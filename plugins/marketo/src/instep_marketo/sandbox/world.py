"""The hands of Marketo's users: what people, campaigns and other integrations do in the subscription."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from instep_marketo.behaviours import TYPES
from instep_marketo.sandbox.allowances import day
from instep_marketo.sandbox.assets import Campaign, Form, Program, StaticList
from instep_marketo.sandbox.definitions import ACTIVITY_TYPES, Field
from instep_marketo.sandbox.logins import PERMISSIONS, Login
from instep_marketo.sandbox.subscription import API, BY_HAND, NO_STATUS, Subscription
from instep_marketo.sandbox.values import plain, stored

Statuses = Iterable[str]
JOURNEY = ("Awareness", "Interest", "Consideration", "Purchase")


class MarketoWorld:
    """Acts in one subscription, past the API."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    # --- leads -------------------------------------------------------------------------------------------------

    def create(self, **values: Any) -> str:
        """A colleague makes a lead."""
        with self._state.held():
            kept = {name: stored(self._state.field(name), value) for name, value in values.items()}
            return str(self._state.create(kept, "New person"))

    def load(self, object: str, records: Iterable[Mapping[str, Any]]) -> list[str]:
        """Put many leads in at once, or let things happen to leads that are there, named by e-mail address."""
        if object == "activities":
            return [self._load_activity(dict(record)) for record in records]
        if object != "leads":
            raise ValueError(f'there is no object "{object}", only leads and activities')
        return [self.create(**record) for record in records]

    def _load_activity(self, values: dict[str, Any]) -> str:
        email, kind = str(values.pop("lead", "")), str(values.pop("activity", ""))
        with self._state.held():
            lead = next((id for id in self.ids() if (self.read(id) or {}).get("email") == email), None)
            if lead is None:
                raise ValueError(f'there is no lead "{email}"')
            if kind not in TYPES:
                raise ValueError(f'there is no activity "{kind}", only {", ".join(TYPES)}')
            if unknown := sorted(values.keys() - set(ACTIVITY_TYPES[TYPES[kind][0]].attributes)):
                raise ValueError(f"{kind} has no attribute {unknown[0]}")
            return self.happen(kind, lead, **values)

    def edit(self, id: str, *, source: str = BY_HAND, **values: Any) -> None:
        """A colleague changes a lead."""
        with self._state.held():
            kept = {name: stored(self._state.field(name), value) for name, value in values.items()}
            self._state.change(int(id), kept, source)

    def read(self, id: str) -> dict[str, Any] | None:
        """What a lead holds; None where it is not there."""
        with self._state.held():
            lead = self._state.leads.get(int(id))
            return None if lead is None else {name: plain(value) for name, value in lead.items()}

    def ids(self) -> list[str]:
        """Every lead."""
        with self._state.held():
            return [str(id) for id in sorted(self._state.leads)]

    def delete(self, id: str) -> None:
        """A colleague deletes a lead."""
        with self._state.held():
            self._state.delete(int(id))

    def merge(self, object: str, kept: str, merged: str) -> str:
        """A colleague merges two leads; gives the survivor."""
        with self._state.held():
            self._state.merge(int(kept), int(merged))
            return kept

    def score(self, id: str, field: str, by: int) -> None:
        """A flow step changes a score: that is no change of a data value in the log."""
        with self._state.held():
            lead = self._state.leads[int(id)]
            before = int(lead.get(field) or 0)
            lead[field] = before + by
            told = {"Change Value": str(by), "Old Value": str(before), "New Value": str(before + by)}
            self._state.write(int(id), 22, None, self._state.field(field).label, told)

    def unsubscribe(self, id: str, *, source: str = "Unsubscribe form") -> None:
        """The person unsubscribes."""
        with self._state.held():
            self._state.write(int(id), 9, 1, "Newsletter", {})
            self._state.change(int(id), {"unsubscribed": True, "unsubscribedReason": "Newsletter"}, source)

    # --- settings ----------------------------------------------------------------------------------------------

    def furnish(self) -> tuple[int, int]:
        """What is there from the start: a field for the stage, a program and a static list; gives their ids."""
        self.add_field("buyingStage", "Buying Stage")
        self.add_channel("Journey", JOURNEY, hidden=["Former"])
        return self.add_program("Buying journey", "Journey"), self.add_list("Watched")

    def add_field(self, name: str, label: str, type: str = "string") -> None:
        """An admin makes a custom field."""
        with self._state.held():
            length = 255 if type in ("string", "email") else None
            self._state.fields[name] = Field(name, label, type, length, custom=True)

    def add_channel(
        self, name: str, statuses: Statuses, hidden: Statuses = (), successes: Collection[str] = ()
    ) -> None:
        """An admin makes a channel, or edits its statuses; the steps follow the order."""
        with self._state.held():
            told = [(NO_STATUS, 0, False, False)]
            told += [(status, (n + 1) * 10, False, status in successes) for n, status in enumerate(statuses)]
            told += [(status, 900 + n, True, False) for n, status in enumerate(hidden)]
            self._state.channels[name] = told

    def add_program(self, name: str, channel: str) -> int:
        """A colleague makes a program; gives its id."""
        with self._state.held():
            now = self._state.now()
            program = Program(self._state.ids.number(), name, channel, now, now)
            self._state.programs[program.id] = program
            return program.id

    def status(self, program: int, lead: str) -> str | None:
        """A member's status."""
        with self._state.held():
            member = self._state.programs[program].members.get(int(lead))
            return member.status if member else None

    def put_status(self, program: int, lead: str, status: str) -> None:
        """A colleague gives a member any status, also an earlier one."""
        with self._state.held():
            self._state.put_status(self._state.programs[program], int(lead), status)

    def add_list(self, name: str) -> int:
        """A colleague makes a static list; gives its id."""
        with self._state.held():
            id = self._state.ids.number()
            self._state.lists[id] = StaticList(id, name, self._state.now())
            return id

    def on_list(self, list: int, lead: str) -> bool:
        """Whether a lead is on a list."""
        with self._state.held():
            return int(lead) in self._state.lists[list].leads

    def put_on_list(self, list: int, lead: str) -> None:
        """A colleague puts a lead on a list."""
        with self._state.held():
            self._state.put_on(self._state.lists[list], int(lead), BY_HAND)

    def add_campaign(
        self,
        name: str,
        flow: Callable[[str], None],
        *,
        active: bool = True,
        list: int | None = None,
        program: int | None = None,
    ) -> int:
        """A colleague makes a campaign that is requested by the API; `flow` is what it does with a lead.

        With a list, it is a batch campaign, which is scheduled and runs for the leads on that list.
        """
        with self._state.held():
            id, now = self._state.ids.number(), self._state.now()
            campaign = Campaign(id, name, flow, now, active, list=list, program=program)
            self._state.campaigns[id] = campaign
            return id

    def add_form(self, name: str, fields: Iterable[str], program: int | None = None) -> int:
        """A colleague makes a form that asks for some fields of leads; gives its id."""
        with self._state.held():
            id = self._state.ids.number()
            self._state.forms[id] = Form(id, name, tuple(fields), program)
            return id

    def add_member_field(self, name: str, label: str, type: str = "string") -> None:
        """An admin makes a custom field of program members."""
        with self._state.held():
            length = 255 if type in ("string", "email") else None
            self._state.member_fields[name] = Field(name, label, type, length, custom=True)

    def add_partition(self, name: str) -> int:
        """An admin makes a partition; gives its id."""
        with self._state.held():
            id = max(self._state.partitions) + 1
            self._state.partitions[id] = name
            return id

    def add_salesperson(self, id: str, email: str, first: str = "", last: str = "") -> None:
        """Somebody sells."""
        with self._state.held():
            number = self._state.ids.number()
            person = {"externalSalesPersonId": id, "email": email, "firstName": first, "lastName": last}
            self._state.objects.setdefault("salespersons", []).append({"id": number, **person})

    # --- flow steps --------------------------------------------------------------------------------------------

    def change_owner(self, id: str, salesperson: str) -> None:
        """A flow step gives a lead to somebody else."""
        with self._state.held():
            lead = self._state.leads[int(id)]
            before = str(lead.get("leadOwnerEmailAddress") or "")
            lead["externalSalesPersonId"] = salesperson
            self._state.relate(int(id))
            after = str(lead.get("leadOwnerEmailAddress") or "")
            self._state.write(int(id), 23, None, after, {"Old Owner": before, "New Owner": after})

    def change_revenue_stage(self, id: str, model: int, stage: int, name: str) -> None:
        """A flow step moves a lead in a revenue model: the log has the stages' names, and no answer has them."""
        with self._state.held():
            lead = self._state.leads[int(id)]
            before = str(lead.get("leadRevenueStageId") or "")
            lead["leadRevenueCycleModelId"], lead["leadRevenueStageId"] = model, stage
            told = {"Old Stage": before, "New Stage": name}
            self._state.write(int(id), 101, model, "Revenue model", told)

    # --- logins and limits -------------------------------------------------------------------------------------

    def add_login(self, email: str, permissions: Iterable[str] = PERMISSIONS) -> tuple[str, str]:
        """An admin makes an API-only user with a role, and a custom service; gives its client id and secret."""
        with self._state.held():
            login = Login(email, self._state.uuid(), self._state.uuid(), set(permissions))
            self._state.logins[login.client_id] = login
            return login.client_id, login.client_secret

    def deny(self, permission: str) -> None:
        """An admin takes a permission away from the first API user's role."""
        with self._state.held():
            self._first().lose(permission)

    def close_partition(self, name: str) -> None:
        """An admin takes a partition out of the first API user's workspace."""
        with self._state.held():
            self._first().closed_partitions.add(name)

    def _first(self) -> Login:
        return next(iter(self._state.logins.values()))

    def expire_tokens(self) -> None:
        """Every token runs out now: code 602."""
        with self._state.held():
            lifetime = self._state.personality.token_expiry
            assert lifetime is not None  # noqa: S101
            long_ago, tokens = self._state.now() - lifetime, self._state.tokens
            self._state.tokens = {text: replace(token, issued=long_ago) for text, token in tokens.items()}

    def revoke_tokens(self) -> None:
        """Marketo forgets every token: code 601."""
        with self._state.held():
            self._state.tokens.clear()

    def occupy(self, slots: int) -> None:
        """Other integrations hold so many calls in flight."""
        with self._state.held():
            self._state.usage.occupied = slots

    def use_up(self, calls: int) -> None:
        """Other integrations make so many calls today."""
        with self._state.held():
            self._state.usage.calls[day(self._state.now())]["others@api.sandbox.example"] += calls

    def refuse_next(self, code: str, calls: int = 1) -> None:
        """Marketo answers the next calls with a code: 502, 604, 608, 611, 713."""
        with self._state.held():
            self._state.trouble += [code] * calls

    # --- what buyers do ----------------------------------------------------------------------------------------

    activities = tuple(TYPES)

    def happen(self, kind: str, lead: str, at: datetime | None = None, primary: str = "", **attributes: str) -> str:
        """Something happens to a lead; gives the activity's key. `_` stands for a blank in a name."""
        with self._state.held():
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
        with self._state.held():
            return [str(a.attributes["Source"]) for a in self._state.log if a.type == 13]


__all__ = ["API", "BY_HAND", "MarketoWorld"]
