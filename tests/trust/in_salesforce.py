"""A Salesforce org: the sandbox behind the real connector, and its users' hands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from instep.sandbox import Request, Response
from instep_salesforce import salesforce
from instep_salesforce.sandbox import CLIENT_ID, CLIENT_SECRET, SalesforcePersonality, SalesforceWorld
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.service import SalesforceService

from . import place, served
from .effects import Time
from .place import Applied, Held, Kind, plain

LAG = timedelta(seconds=60)
"""How far queries lag behind writes. The connector looks back ten minutes."""
KINDS: dict[str, Kind] = {"Lead": "person", "Contact": "person", "Account": "company", "Opportunity": "opportunity"}
NAMES = {"Lead": "LastName", "Contact": "LastName", "Account": "Name", "Opportunity": "Name"}
_PERSON = {
    "email": "Email",
    "first_name": "FirstName",
    "title": "Title",
    "phone": "Phone",
    "exact_stage": "Instep_Stage__c",
    "opted_out": "HasOptedOutOfEmail",
}
FIELDS = {
    "Lead": _PERSON,
    "Contact": _PERSON,
    "Account": {"domain": "Website", "phone": "Phone", "city": "BillingCity"},
    "Opportunity": {"amount": "Amount", "close_date": "CloseDate", "stage": "StageName"},
}
STAGES = {
    "interest": "Prospecting",
    "research": "Qualification",
    "consideration": "Needs Analysis",
    "decision": "Proposal/Price Quote",
    "purchase": "Negotiation/Review",
    "won": "Closed Won",
    "lost": "Closed Lost",
}
ROLE = "OpportunityContactRole"
KEY = "Instep_Id__c"


class SalesforcePlace(served.ServedPlace):
    """One org. New people are contacts, unless they are made as leads."""

    mapping = salesforce.starter_mapping
    merges = True
    converts = True

    def __init__(self, name: str, time: Time) -> None:
        self.name = name
        self.org = Org(time, SalesforcePersonality(), 0)
        self._fixed = [self.org.lock, time, self.org.kinds, *self.org.kinds.values()]
        self.world = SalesforceWorld(self.org)
        for object in KINDS:
            self.world.add_field(object, "Instep_Id__c", "Text", length=64, unique=True, externalId=True)
            self.world.add_field(object, "Instep_Stage__c", "Text", length=64)
            self.world.add_field(object, "Instep_Score__c", "Number", precision=6, scale=0)
        self._noted = served.Noted(lambda: SalesforceService(self.org), self._read)
        self._server = served.serve(self._noted, time, lambda: self.org.personality)
        self.org.base_url = self._server.url
        self._born: dict[str, int] = {}
        self._worked: dict[str, int] = {}
        self._owners: dict[str, str] = {}

    def table(self) -> str:
        lines = {"instance_url": self._server.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return f'[connections.{self.name}]\nplugin = "salesforce"\n' + "".join(
            f"{name} = {json.dumps(value)}\n" for name, value in lines.items()
        )

    def keep(self) -> bytes:
        return place.keep(self.org, self._fixed)

    def put_back(self, kept: bytes) -> None:
        self._server.faults.clear()
        self._server.log.clear()
        place.put_back(self.org, self._fixed, kept)
        self._noted.renew()
        self._born, self._worked = {}, {job.id: len(job.outcomes) for job in self.org.jobs.all("ingest")}

    def lag(self) -> None:
        self.org.behave(replace(self.org.personality, stale_reads=LAG))

    def calm(self) -> None:
        self._server.faults.clear()

    def hear(self, label: str) -> None:
        """The service itself notes what was written."""

    # --- hands -------------------------------------------------------------------------------------------------

    def find(self, kind: Kind, name: str) -> tuple[str, str]:
        """The object and id of the record of that name; a contact before a lead."""
        found = [(r.object, r.id) for r in self.held() if (r.kind, r.name) == (kind, name)]
        return min(found)

    def make(self, kind: Kind, name: str, *, lead: bool = False, **values: str) -> None:
        object = "Lead" if lead else {"person": "Contact", "company": "Account", "opportunity": "Opportunity"}[kind]
        more = {"Company": "[unknown]"} if lead else {}
        if kind == "opportunity":
            more = {"StageName": "Prospecting", "CloseDate": "2030-12-31"}
        if self._owners:
            more["OwnerId"] = next(iter(self._owners.values()))
        self.world.create(object, **{NAMES[object]: name}, **{**more, **_spoken(object, values)})

    def edit(self, kind: Kind, name: str, **values: str) -> None:
        object, id = self.find(kind, name)
        self.world.edit(object, id, **_spoken(object, values))

    def move(self, kind: Kind, name: str, stage: str) -> None:
        """A colleague moves a record to a stage, forth or back."""
        self.edit(kind, name, stage=stage)

    def own(self, kind: Kind, name: str, owner: str) -> None:
        """A record passes to a colleague."""
        object, id = self.find(kind, name)
        self.world.edit(object, id, OwnerId=self._owners[owner])

    def tie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        object, id = self.find(kind, name)
        _, end = self.find(to, other)
        if to == "company":
            self.world.edit(object, id, AccountId=end)
        else:
            self.world.create(ROLE, OpportunityId=id, ContactId=end)

    def untie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        object, id = self.find(kind, name)
        if to == "company":
            self.world.edit(object, id, AccountId=None)
            return
        _, end = self.find(to, other)
        roles = [r for r in self.world.all(ROLE) if (r["OpportunityId"], r["ContactId"]) == (id, end)]
        self.world.delete(ROLE, str(roles[0]["Id"]))

    def delete(self, kind: Kind, name: str) -> None:
        self.world.delete(*self.find(kind, name))

    def merge(self, kind: Kind, name: str, other: str) -> None:
        object, id = self.find(kind, name)
        self.world.merge(object, id, self.find(kind, other)[1])

    def convert(self, name: str, company: str) -> None:
        """A colleague converts a lead into a contact of a known account."""
        self.world.convert(self.find("person", name)[1], account=self.find("company", company)[1])

    def opt_out(self, name: str) -> None:
        self.edit("person", name, opted_out="yes")

    def opt_in(self, name: str) -> None:
        raise NotImplementedError("A flag that is taken off is no opt-in")

    def unflag(self, name: str) -> None:
        self.edit("person", name, opted_out="")

    def restore(self, kind: Kind, name: str) -> None:
        objects = [object for object, its in KINDS.items() if its == kind]
        gone = [(o, row) for o in objects for row in self.world.all(o, deleted=True) if row[NAMES[o]] == name]
        object, row = gone[-1]
        self.world.undelete(object, str(row["Id"]))

    # --- admins ------------------------------------------------------------------------------------------------

    @property
    def logins(self) -> int:
        return self._server.log.count("oauth.token")

    def hire(self, name: str) -> None:
        self._owners[name] = self.world.add_user(f"{name.title()} Lind", f"{name}@ourselves.example")

    def hide(self, kind: Kind, field: str) -> None:
        for object in (object for object, its in KINDS.items() if its == kind):
            self.world.hide_field(object, FIELDS[object][field])

    def show(self, kind: Kind, field: str) -> None:
        for object in (object for object, its in KINDS.items() if its == kind):
            self.world.show_field(object, FIELDS[object][field])

    def retype(self, kind: Kind, field: str) -> None:
        raise NotImplementedError("Its standard fields keep their types")

    def refuse(self, kind: Kind, name: str) -> None:
        for object in (object for object, its in KINDS.items() if its == kind):
            self.world.add_validation_rule(
                object, lambda row, field=NAMES[object]: row[field] == name, "Nobody changes this"
            )

    def accept(self) -> None:
        self.org.rules.validations.clear()

    def expire(self) -> None:
        self.world.expire_tokens()

    def page(self, size: int) -> None:
        self.org.behave(replace(self.org.personality, page_size=size))

    # --- what it holds -----------------------------------------------------------------------------------------

    def held(self) -> list[Held]:
        rows = [(object, row) for object in KINDS for row in self.world.all(object) if not row.get("IsConverted")]
        names = {str(row["Id"]): str(row[NAMES[object]]) for object, row in rows}
        people: dict[str, list[str]] = {}
        for role in self.world.all(ROLE):
            people.setdefault(str(role["OpportunityId"]), []).append(str(role["ContactId"]))
        return [self._held(object, row, names, people.get(str(row["Id"]), [])) for object, row in rows]

    def _held(self, object: str, row: dict[str, Any], names: dict[str, str], people: list[str]) -> Held:
        id = str(row["Id"])
        values = {name: _heard(field, row.get(field)) for name, field in FIELDS[object].items()}
        if self._owners:
            names_of = {id: name for name, id in self._owners.items()}
            values["owner"] = names_of.get(str(row["OwnerId"]), "")  # the user we log in as stands for nobody
        if twice := {names[end] for end in people if people.count(end) > 1}:
            values["tied twice"] = ", ".join(sorted(twice))
        ties: set[tuple[str, str]] = {("person", names[end]) for end in people if end in names}
        if row.get("AccountId"):
            ties.add(("company", names[str(row["AccountId"])]))
        can_tie = object in ("Contact", "Opportunity")
        return Held(KINDS[object], object, id, names[id], values, frozenset(ties) if can_tie else None)

    # --- what it noted -----------------------------------------------------------------------------------------

    def _read(self, call: int, label: str, request: Request, response: Response) -> Iterator[Applied]:
        """What Salesforce did, as its answer says; jobs are counted as of the call that made them."""
        if label == "bulk.ingest.create" and response.status < 300:
            self._born[msgspec.json.decode(response.body)["id"]] = call
        yield from self._worked_off()
        if call < 0 or not label.startswith("collections."):
            if call >= 0 and not label.startswith("bulk."):
                raise AssertionError(f"Nobody reads {label} yet")
            return
        done: Any = msgspec.json.decode(response.body)
        if response.status >= 300:
            return
        sent = [] if label.endswith("delete") else msgspec.json.decode(request.body)["records"]
        for number, result in enumerate(done):
            record = sent[number] if sent else {}
            if result["success"]:
                yield self._one(call, result["id"], record)
            elif "ContactId" in record:  # refused because it is there already
                yield Applied(call, "Opportunity", record["OpportunityId"])

    def _one(self, call: int, id: str, sent: dict[str, Any]) -> Applied:
        kind = self.org.kind_of_id(id)
        assert kind is not None
        if kind.name == ROLE:
            roles = [*self.world.all(ROLE), *self.world.all(ROLE, deleted=True)]
            opportunity = next(role["OpportunityId"] for role in roles if role["Id"] == id)
            return Applied(call, "Opportunity", str(opportunity))
        fields = frozenset(sent) - {"attributes", "id"}
        return Applied(call, kind.name, id, None if fields == {"AccountId"} else fields, sent.get(KEY, ""))

    def _worked_off(self) -> Iterator[Applied]:
        for job in self.org.jobs.all("ingest"):
            known = self._worked.get(job.id, 0)
            self._worked[job.id] = len(job.outcomes)
            for outcome in job.outcomes[known:]:
                if outcome.error is None:
                    named = frozenset(n for n, cell in zip(job.header, outcome.row, strict=True) if cell) - {"Id"}
                    key = dict(zip(job.header, outcome.row, strict=True)).get(KEY, "")
                    yield Applied(self._born[job.id], job.object, outcome.id, named, key)


def _spoken(object: str, values: dict[str, str]) -> dict[str, Any]:
    fields, said = FIELDS[object], {}
    for name, value in values.items():
        said[fields[name]] = (
            STAGES.get(value, value)
            if name == "stage"
            else (value == "yes" if name == "opted_out" else value or None)
        )
    return said


def _heard(field: str, value: Any) -> str:
    if field == "StageName":
        return next((name for name, word in STAGES.items() if word == value), str(value))
    return plain(value)


@contextmanager
def salesforce_place(name: str, time: Time) -> Iterator[SalesforcePlace]:
    """An org that is served as long as the context lasts."""
    opened = SalesforcePlace(name, time)
    try:
        yield opened
    finally:
        opened.close()
