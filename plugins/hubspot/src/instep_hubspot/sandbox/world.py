"""The hands of the account's users: what they do in HubSpot itself, unseen by the request log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from instep_hubspot.sandbox import writing
from instep_hubspot.sandbox.accounts import ALL_SCOPES, REFRESH_TOKEN, Token
from instep_hubspot.sandbox.agreement import choose, opt_out_of_all
from instep_hubspot.sandbox.consents import SUBSCRIBED, UNSUBSCRIBED, Choice
from instep_hubspot.sandbox.definitions import Property
from instep_hubspot.sandbox.errors import invalid
from instep_hubspot.sandbox.happenings import Event, Form, Submission
from instep_hubspot.sandbox.lists import RecordList
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.portal import PERSON
from instep_hubspot.sandbox.records import Change, Record, Source
from instep_hubspot.sandbox.settings_world import SettingsWorld
from instep_hubspot.sandbox.stages import stage_values
from instep_hubspot.sandbox.times import iso, to_ms

Value: TypeAlias = object
_FORM = Source("FORM", "form")
_ENGAGED = {"meeting": "meetings", "call": "calls", "email": "emails"}
_AN_HOUR = 3_600_000
_LOADED = Source("IMPORT", "1")


class HubSpotWorld(SettingsWorld):
    """Acts on the account as its users would. What HubSpot refuses raises `RefusedError`."""

    def _record(self, kind: ObjectType, id: str) -> Record:
        record = self._portal.table(kind).get(id)
        if record is None:
            raise KeyError(f"There is no {kind.singular} {id} in this sandbox.")
        return record

    def create(self, object: str, **properties: Value) -> str:
        """A colleague makes a record; gives its id."""
        with self._portal.lock:
            kind = self._portal.kind(object)
            return writing.create(self._portal, kind, properties, PERSON, by_hubspot=True).id

    def edit(self, object: str, id: str, **properties: Value) -> None:
        """A colleague changes a record; histories will name the colleague."""
        with self._portal.lock:
            kind = self._portal.kind(object)
            record = self._record(kind, id)
            writing.update(self._portal, kind, record, properties, PERSON, by_hubspot=True)

    def read(self, object: str, id: str) -> dict[str, str] | None:
        """The values that a live record holds, hidden properties included; None if it is gone."""
        with self._portal.lock:
            record = self._portal.table(self._portal.kind(object)).live(id)
            return None if record is None else dict(record.values)

    def history(self, object: str, id: str, name: str) -> tuple[Change, ...]:
        """What a property held, newest first."""
        with self._portal.lock:
            return tuple(self._record(self._portal.kind(object), id).history(name))

    def all(self, object: str, *, archived: bool = False) -> list[dict[str, str]]:
        """The values of every live (or every archived) record, by id."""
        with self._portal.lock:
            records = self._portal.table(self._portal.kind(object)).after(0)
            return [dict(record.values) for record in records if (record.archived_at is not None) == archived]

    def archive(self, object: str, id: str) -> None:
        """A colleague deletes a record."""
        with self._portal.lock:
            writing.archive(self._portal, self._portal.kind(object), id)

    def restore(self, object: str, id: str) -> None:
        """A colleague brings a deleted record back."""
        with self._portal.lock:
            writing.restore(self._portal, self._portal.kind(object), id)

    def erase(self, object: str, id: str) -> None:
        """A colleague deletes a record for privacy."""
        with self._portal.lock:
            writing.erase(self._portal, self._portal.kind(object), id, None)

    def merge(self, object: str, primary: str, other: str) -> str:
        """A colleague merges two records; gives the new id."""
        with self._portal.lock:
            return writing.merge(self._portal, self._portal.kind(object), primary, other).id

    def associate(
        self, from_object: str, from_id: str, to_object: str, to_id: str, type_id: int | None = None
    ) -> None:
        """A colleague ties two records, plainly unless a type is given."""
        with self._portal.lock:
            here, there = self._portal.kind(from_object).name, self._portal.kind(to_object).name
            if type_id is None:
                plain = self._portal.associations.unlabelled(here, there)
                if plain is None:
                    raise ValueError(f"There is no plain association from {here} to {there}. Name a type.")
                type_id = plain.id
            writing.tie(self._portal, here, from_id, there, to_id, types=(type_id,))

    def dissociate(self, from_object: str, from_id: str, to_object: str, to_id: str) -> None:
        """A colleague ends an association."""
        with self._portal.lock:
            here, there = self._portal.kind(from_object).name, self._portal.kind(to_object).name
            writing.untie(self._portal, here, from_id, there, to_id)

    def associated(self, from_object: str, from_id: str, to_object: str) -> dict[str, frozenset[int]]:
        """The types by which a record is tied to others, by their ids."""
        with self._portal.lock:
            here, there = self._portal.kind(from_object).name, self._portal.kind(to_object).name
            links = self._portal.associations.links(here, from_id, there)
            return {other: frozenset(types) for other, types in links.items()}

    def add_owner(
        self,
        email: str,
        first: str = "",
        last: str = "",
        archived: bool = False,
        *,
        kind: str = "PERSON",
        teams: Sequence[tuple[str, str]] = (),
    ) -> str:
        """A colleague joins; gives the owner id."""
        with self._portal.lock:
            now = self._portal.now()
            return self._portal.owners.add(email, first, last, now, archived=archived, kind=kind, teams=teams).id

    def archive_owner(self, id: str) -> None:
        """A colleague leaves."""
        with self._portal.lock:
            self._portal.owners.archive(id, self._portal.now())

    def add_object(self, name: str, singular: str, *properties: Property) -> str:
        """An admin adds a kind of record; gives its type id."""
        with self._portal.lock:
            kind = ObjectType(name, singular, f"2-{self._portal.ids.number()}", (), scope="crm.objects.custom.read")
            dates = ("createdate", "hs_lastmodifieddate")
            own = [Property(date, date, "datetime", "date", read_only=True) for date in dates]
            own.append(Property("hs_object_id", "Record ID", "number", "number", read_only=True))
            group = f"{singular}information"
            self._portal.add_kind(kind, [replace(prop, group=group) for prop in (*own, *properties)])
            return kind.type_id

    def add_list(self, object: str, name: str, members: Iterable[str] = (), kind: str = "MANUAL") -> str:
        """A colleague makes a list (`MANUAL`, `SNAPSHOT` or `DYNAMIC`) with members; gives its id."""
        with self._portal.lock:
            now, type_id = self._portal.now(), self._portal.kind(object).type_id
            made = RecordList(str(self._portal.ids.number()), name, type_id, kind, now, now)
            made.add(members, now)
            self._portal.lists.known[made.id] = made
            return made.id

    def opt_out(self, email: str, at: datetime | None = None, *, subscription: int | None = None) -> None:
        """A person opts out, from everything or from one subscription."""
        with self._portal.lock:
            choice = Choice(UNSUBSCRIBED, self._moment(at), "UNSUBSCRIBE_PAGE", own=True)
            if subscription is None:
                opt_out_of_all(self._portal, email, choice)
            else:
                choose(self._portal, email, subscription, choice)

    def opt_in(self, email: str, at: datetime | None = None, *, subscription: int | None = None) -> None:
        """A person explicitly subscribes, to everything or to one subscription."""
        with self._portal.lock:
            choice = Choice(SUBSCRIBED, self._moment(at), "FORM", "CONSENT_WITH_NOTICE", own=True)
            wanted = self._portal.consents.subscriptions if subscription is None else (subscription,)
            for id in wanted:
                choose(self._portal, email, id, choice)

    def add_form(self, name: str, fields: Sequence[str] = ("email",)) -> str:
        """An admin makes a form; gives its id."""
        with self._portal.lock:
            form = Form(self._portal.ids.uuid(), name, tuple(fields), self._portal.now())
            self._portal.happenings.forms[form.id] = form
            return form.id

    def submit_form(
        self,
        form: str,
        email: str,
        fields: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> str:
        """A person fills in a form, by its id or name (made if missing); gives the contact's id."""
        with self._portal.lock:
            known = self._portal.happenings.form(form)
            if known is None:
                known = self._portal.happenings.forms[self.add_form(form, ("email", *(fields or {})))]
            values = {"email": email, **(fields or {})}
            moment = self._moment(at)
            submission = Submission(
                self._portal.ids.uuid(), moment, tuple(values.items()), f"https://www.example.com/{known.name}"
            )
            self._portal.happenings.submissions.setdefault(known.id, []).append(submission)
            return self._convert(known, values, moment)

    def _convert(self, form: Form, values: Mapping[str, str], at: int) -> str:
        kind = self._portal.types["contacts"]
        contact = self._portal.holder(kind, "email", values["email"])
        own = {name: value for name, value in values.items() if self._portal.property(kind, name)}
        if contact is None:
            contact = writing.create(self._portal, kind, own, _FORM, by_hubspot=True)
        else:
            writing.update(self._portal, kind, contact, own, _FORM, by_hubspot=True)
        done = int(contact.values.get("num_conversion_events", "0")) + 1
        traces = {
            "recent_conversion_date": iso(at),
            "recent_conversion_event_name": form.name,
            "num_conversion_events": str(done),
        }
        if done == 1:
            traces |= {"first_conversion_date": iso(at), "first_conversion_event_name": form.name}
        self._portal.store(kind, contact, traces, _FORM)
        return contact.id

    def engage(
        self,
        type: str,
        contacts: Iterable[str] = (),
        companies: Iterable[str] = (),
        deals: Iterable[str] = (),
        at: datetime | None = None,
        **properties: object,
    ) -> str:
        """Somebody calls, mails, meets, notes or plans a task; gives the id of the activity."""
        with self._portal.lock:
            kind = self._portal.kind(type)
            given = {"hs_timestamp": iso(self._moment(at)), **properties}
            record = writing.create(self._portal, kind, given, PERSON, by_hubspot=True)
            for there, ids in (("contacts", contacts), ("companies", companies), ("deals", deals)):
                for id in ids:
                    self.associate(kind.name, record.id, there, id)
            return record.id

    activities = ("form-submission", *_ENGAGED)

    def act(self, kind: str, object: str, id: str) -> None:
        """A form is sent by a contact, or somebody meets, calls or mails them."""
        if kind in _ENGAGED:
            self.engage(_ENGAGED[kind], [id])
            return
        email = (self.read(object, id) or {}).get("email") or f"contact-{id}@people.example"
        self.edit(object, id, email=email)
        self.submit_form("Ask us", email)

    def correct_act(self, kind: str, id: str) -> bool:
        """A colleague corrects when it took place. Nobody can change what was sent with a form."""
        if kind in _ENGAGED:
            self.edit(_ENGAGED[kind], id, hs_timestamp=iso(self._portal.now() - _AN_HOUR))
        return kind in _ENGAGED

    def withdraw_act(self, kind: str, id: str) -> bool:
        """A colleague deletes an engagement. Of a form submission HubSpot would not tell it."""
        if kind in _ENGAGED:
            self.archive(_ENGAGED[kind], id)
        return kind in _ENGAGED

    def happen(self, kind: str, contact: str, at: datetime | None = None, **properties: str) -> str:
        """Something happens to a contact that HubSpot keeps as an event; gives the event's id."""
        with self._portal.lock:
            event = Event(self._portal.ids.uuid(), kind, "CONTACT", contact, self._moment(at), properties)
            self._portal.happenings.events[event.id] = event
            return event.id

    def load(self, object: str, records: Iterable[Mapping[str, str]]) -> list[str]:
        """Put many records in at once. Values are taken as they are; stages must fit their pipeline."""
        with self._portal.lock:
            kind, records = self._portal.kind(object), list(records)
            known = self._portal.properties[kind.name].keys()
            if unknown := sorted({name for record in records for name in record} - known):
                raise invalid(f'Property "{unknown[0]}" does not exist')
            return [self._load_one(kind, record) for record in records]

    def _load_one(self, kind: ObjectType, values: Mapping[str, str]) -> str:
        if kind.stage is not None:
            values = {**values, **stage_values(self._portal, kind, values, {})}
        if kind.name == "contacts" and (email := values.get("email")):
            email = email.strip().lower()
            if self._portal.holder(kind, "email", email) is not None:
                raise invalid(f"Two loaded contacts share the email {email}")
            values = {**values, "email": email, "hs_email_domain": email.partition("@")[2]}
        return self._portal.store_new(kind, values, _LOADED).id

    def set_modified(self, object: str, ids: Iterable[str], at: datetime) -> None:
        """Let records look as if they had all been changed at `at`."""
        with self._portal.lock:
            kind, moment = self._portal.kind(object), to_ms(at)
            for id in ids:
                record = self._record(kind, id)
                record.modified = moment
                record.values[kind.modified] = iso(moment)
            self._portal.table(kind).reindex()

    def flush_index(self) -> None:
        """The search index hears of every change."""
        with self._portal.lock:
            self._portal.flush_index()

    def grant(self, token: str, scopes: Iterable[str] = ALL_SCOPES) -> Token:
        """An admin makes an app whose token has these scopes."""
        with self._portal.lock:
            return self._portal.tokens.grant(token, scopes)

    def withdraw(self, token: str, *scopes: str) -> None:
        """An admin takes scopes away from a token, or the token itself if none is named."""
        with self._portal.lock:
            if scopes:
                self._portal.tokens.narrow(token, scopes)
            else:
                self._portal.tokens.revoke(token)

    def connect(self, *scopes: str) -> None:
        """An admin connects the OAuth app anew, with these scopes."""
        with self._portal.lock:
            self._portal.tokens.refresh[REFRESH_TOKEN] = frozenset(scopes)

    def expire_tokens(self) -> None:
        """Every access token runs out; what they are renewed with does not."""
        with self._portal.lock:
            self._portal.tokens.expire_all()

    def _moment(self, at: datetime | None) -> int:
        return self._portal.now() if at is None else to_ms(at)
