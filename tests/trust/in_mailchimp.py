"""A Mailchimp account: the sandbox behind the real connector, and its users' hands. It knows people with an address.

The step is kept in tags, which are written by calls of their own: a run can stop between a member and its tag.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec

from instep.sandbox import Request, Response
from instep_mailchimp import mailchimp
from instep_mailchimp.sandbox import API_KEY, AUDIENCE, MailchimpPersonality, MailchimpWorld
from instep_mailchimp.sandbox.account import Account
from instep_mailchimp.sandbox.audience import Member
from instep_mailchimp.sandbox.service import MailchimpService

from . import place, served
from .effects import Time
from .mappings import STAGES
from .place import Applied, Held, Kind, plain

FIELDS = {"first_name": "FNAME", "phone": "PHONE", "exact_stage": "STEP"}
OWN = {"INSTEP_ID": "text", "STEP": "text", "SCORE": "number"}
UNIQUE = "Instep keeps the values of this field unique."
"""How the connector marks its own key."""
STEPS = '\n[person.stages]\nfield = "stage_tag"\nvalues = { ' + ", ".join(f'{s} = "{s}"' for s in STAGES) + " }\n"
MAPPING = (
    mailchimp.starter_mapping.replace('create = "always"', 'create = { not = { field = "email", is_blank = true } }')
    + STEPS
)


class MailchimpPlace(served.ServedPlace):
    """One account with one audience. A change of tags moves the time of the last change, as it may in Mailchimp."""

    mapping = MAPPING
    merges = False
    converts = False

    def __init__(self, name: str, time: Time) -> None:
        self.name = name
        self.account = Account(time, MailchimpPersonality(tags_move_last_changed=True), 0)
        self._fixed = [self.account.lock, time]
        self.world = MailchimpWorld(self.account)
        for tag, kind in OWN.items():
            self.world.add_field(tag, kind)
        self.account.audience(AUDIENCE).fields["INSTEP_ID"].help_text = UNIQUE
        self._noted = served.Noted(lambda: MailchimpService(self.account), self._read)
        self._server = served.serve(self._noted, time, lambda: self.account.personality)
        self.account.base_url = self._server.url

    def table(self) -> str:
        lines = {"api_key": API_KEY, "base_url": self._server.url, "stage_tags": list(STAGES)}
        audience = f'audiences = {{ members = "{AUDIENCE}" }}\n'
        return f'[connections.{self.name}]\nplugin = "mailchimp"\n{audience}' + "".join(
            f"{name} = {json.dumps(value)}\n" for name, value in lines.items()
        )

    def keep(self) -> bytes:
        return place.keep(self.account, self._fixed)

    def put_back(self, kept: bytes) -> None:
        self._server.faults.clear()
        self._server.log.clear()
        place.put_back(self.account, self._fixed, kept)
        self._noted.renew()

    def lag(self) -> None:
        """It has no index that could be late."""

    def calm(self) -> None:
        self._server.faults.clear()

    def hear(self, label: str) -> None:
        """The service itself notes what was written."""

    # --- hands -------------------------------------------------------------------------------------------------

    def _members(self) -> list[Member]:
        """Everybody who is not archived."""
        return [one for one in self.account.audience(AUDIENCE).members.values() if one.status != "archived"]

    def find(self, kind: Kind, name: str) -> str:
        """The contact id of the member of that name."""
        if kind != "person":
            raise NotImplementedError(f"It has no {kind}")
        return next(one.contact_id for one in self._members() if one.merge.get("LNAME") == name)

    def make(self, kind: Kind, name: str, *, email: str = "", stage: str = "", **values: str) -> None:
        if kind != "person" or not email or self.account.audience(AUDIENCE).find(email) is not None:
            raise NotImplementedError("It knows people only, by their addresses, and brings nobody back")
        merged = {FIELDS[field]: value for field, value in values.items()}
        id = self.world.add_member(email, "subscribed", LNAME=name, **merged)  # type: ignore[arg-type]
        if stage:
            self.world.tag(id, stage)

    def edit(self, kind: Kind, name: str, **values: str) -> None:
        id = self.find(kind, name)
        if "email" in values:
            self._change_address(id, values.pop("email"))
        if "stage" in values:
            self.move(kind, name, values.pop("stage"))
        if not values.keys() <= FIELDS.keys():
            raise NotImplementedError("It has no such field")
        if values:
            self.world.edit(id, **{FIELDS[field]: value for field, value in values.items()})

    def _change_address(self, id: str, email: str) -> None:
        if not email:
            raise NotImplementedError("Nobody is there without an address")
        self.world.change_email(id, email)

    def move(self, kind: Kind, name: str, stage: str) -> None:
        """A colleague takes the tag of one step off, and puts that of another on."""
        member = self.account.audience(AUDIENCE).members[self.find(kind, name)]
        for tag in STAGES:
            member.tags.pop(tag, None)
        self.account.touch(member)
        if stage:
            self.world.tag(member.contact_id, stage)

    def own(self, kind: Kind, name: str, owner: str) -> None:
        raise NotImplementedError("Members belong to nobody")

    def tie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        raise NotImplementedError("It ties nobody to anything")

    def untie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        raise NotImplementedError("It ties nobody to anything")

    def delete(self, kind: Kind, name: str) -> None:
        self.world.archive(self.find(kind, name))

    def merge(self, kind: Kind, name: str, other: str) -> None:
        raise NotImplementedError("It merges nobody")

    def convert(self, name: str, company: str) -> None:
        raise NotImplementedError("It has no leads")

    def opt_out(self, name: str) -> None:
        """By the hand of a colleague: whoever leaves in person can be brought back by nobody else."""
        self.world.unsubscribe(self.find("person", name), by="admin")

    def opt_in(self, name: str) -> None:
        """The person comes by the form."""
        self.world.confirm(self.find("person", name))

    def unflag(self, name: str) -> None:
        raise NotImplementedError("It keeps no flag that somebody could take off")

    def restore(self, kind: Kind, name: str) -> None:
        raise NotImplementedError("Only the person can come back")

    # --- admins ------------------------------------------------------------------------------------------------

    @property
    def logins(self) -> int:
        """It has keys, and no tokens."""
        return 0

    def hire(self, name: str) -> None:
        """Members belong to nobody."""

    def hide(self, kind: Kind, field: str) -> None:
        raise NotImplementedError("A key may do what its user may do")

    def show(self, kind: Kind, field: str) -> None:
        """Nothing is ever hidden."""

    def retype(self, kind: Kind, field: str) -> None:
        raise NotImplementedError("Its fields keep their types")

    def refuse(self, kind: Kind, name: str) -> None:
        raise NotImplementedError("It has no rules")

    def accept(self) -> None:
        """It has no rules."""

    def expire(self) -> None:
        """It has keys, and no tokens."""

    def page(self, size: int) -> None:
        self.account.personality = replace(self.account.personality, page_size=size)

    # --- what it holds -----------------------------------------------------------------------------------------

    def held(self) -> list[Held]:
        return [self._held(one) for one in self._members()]

    def _held(self, member: Member) -> Held:
        values = {name: plain(member.merge.get(tag) or "") for name, tag in FIELDS.items()}
        values["email"] = member.email
        values["stage"] = next((stage for stage in reversed(STAGES) if stage in member.tags), "")
        values["opted_out"] = plain(member.status == "unsubscribed")
        if len(tags := sorted(member.tags)) > 1:
            values["tagged twice"] = ", ".join(tags)
        return Held("person", "members", member.contact_id, str(member.merge.get("LNAME") or ""), values, None)

    def _read(self, call: int, label: str, request: Request, response: Response) -> Iterator[Applied]:
        """What Mailchimp did, as its answer says."""
        if call < 0 or response.status >= 300:
            return
        body: Any = msgspec.json.decode(request.body) if request.body else {}
        match label:
            case "members.put" | "members.update":
                member = msgspec.json.decode(response.body)
                merged = body.get("merge_fields", {})
                named = frozenset(merged) | ({"email_address"} & body.keys())
                key = str(merged.get("INSTEP_ID", "")) if label == "members.put" else ""
                yield Applied(call, "members", member["contact_id"], named or None, key)
            case "members.tags.change":
                member = self.account.audience(AUDIENCE).find(request.params["member"])
                assert member is not None
                yield Applied(call, "members", member.contact_id, frozenset({"stage_tag"}))
            case "members.archive" | "members.forget":
                yield Applied(call, "members", request.params["member"])
            case _:
                raise AssertionError(f"Nobody reads {label} yet")


@contextmanager
def mailchimp_place(name: str, time: Time) -> Iterator[MailchimpPlace]:
    """An account that is served as long as the context lasts."""
    opened = MailchimpPlace(name, time)
    try:
        yield opened
    finally:
        opened.close()
