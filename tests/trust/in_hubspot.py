"""A HubSpot account: the sandbox behind the real connector, and its users' hands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from instep.sandbox import Request, Response
from instep_hubspot import hubspot
from instep_hubspot.sandbox import STATIC_TOKEN, HubSpotPersonality, HubSpotWorld
from instep_hubspot.sandbox.accounts import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.service import HubSpotService

from . import place, served
from .effects import Time
from .place import Applied, Held, Kind, plain

LOGIN = {
    "access_token": STATIC_TOKEN,
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "refresh_token": REFRESH_TOKEN,
}
LAG = timedelta(seconds=60)
"""How late the search index is. The connector looks back two minutes."""
PRIMARY_COMPANY = {"person": 1, "opportunity": 5}
OBJECTS: dict[Kind, str] = {"person": "contacts", "company": "companies", "opportunity": "deals"}
NAMES: dict[Kind, str] = {"person": "lastname", "company": "name", "opportunity": "dealname"}
FIELDS: dict[Kind, dict[str, str]] = {
    "person": {
        "email": "email",
        "first_name": "firstname",
        "title": "jobtitle",
        "phone": "phone",
        "stage": "lifecyclestage",
        "exact_stage": "instep_stage",
        "opted_out": "hs_email_optout",
    },
    "company": {"domain": "domain", "phone": "phone", "city": "city"},
    "opportunity": {"amount": "amount", "close_date": "closedate", "stage": "dealstage"},
}
OWNER = "hubspot_owner_id"
WORDS = {
    "lifecyclestage": {
        "awareness": "subscriber",
        "interest": "lead",
        "research": "marketingqualifiedlead",
        "consideration": "salesqualifiedlead",
        "decision": "opportunity",
        "purchase": "customer",
    },
    "dealstage": {
        "interest": "appointmentscheduled",
        "research": "qualifiedtobuy",
        "consideration": "presentationscheduled",
        "decision": "decisionmakerboughtin",
        "purchase": "contractsent",
        "won": "closedwon",
        "lost": "closedlost",
    },
    "hs_email_optout": {"yes": "true", "": "false"},
}
OWN = (
    {"name": "instep_id", "hasUniqueValue": True},
    {"name": "instep_stage"},
    {"name": "instep_score", "type": "number"},
)


class HubSpotPlace(served.ServedPlace):
    """One account. `table` names its address, so a workspace stays right as long as the place is open."""

    mapping = hubspot.starter_mapping
    merges = True
    converts = False

    def __init__(self, name: str, time: Time, **settings: object) -> None:
        self.name = name
        self._settings = settings
        self._owners: dict[str, str] = {}
        self.portal = Portal(time, HubSpotPersonality(), 8_675_309, 0)
        self._fixed = [self.portal.lock, time]
        self.world = HubSpotWorld(self.portal)
        for object in OBJECTS.values():
            for definition in OWN:
                self.world.add_property(object, definition)
        self._noted = served.Noted(lambda: HubSpotService(self.portal), self._read)
        self._server = served.serve(self._noted, time, lambda: self.portal.personality)
        self.portal.base_url = self._server.url

    def table(self) -> str:
        lines = {**LOGIN, "base_url": self._server.url, **self._settings}
        return f'[connections.{self.name}]\nplugin = "hubspot"\n' + "".join(
            f"{name} = {json.dumps(value)}\n" for name, value in lines.items()
        )

    def keep(self) -> bytes:
        return place.keep(self.portal, self._fixed)

    def put_back(self, kept: bytes) -> None:
        self._server.faults.clear()
        self._server.log.clear()
        place.put_back(self.portal, self._fixed, kept)
        self._noted.renew()

    def lag(self) -> None:
        self.portal.personality = replace(self.portal.personality, index_lag=LAG)

    def calm(self) -> None:
        self._server.faults.clear()

    def hear(self, label: str) -> None:
        """The service itself notes what was written."""

    # --- hands -------------------------------------------------------------------------------------------------

    def find(self, kind: Kind, name: str) -> str:
        """The id of the record of that name."""
        rows = self.world.all(OBJECTS[kind])
        return next(row["hs_object_id"] for row in rows if row.get(NAMES[kind]) == name)

    def make(self, kind: Kind, name: str, **values: str) -> None:
        given = {"pipeline": "default", "dealstage": "appointmentscheduled"} if kind == "opportunity" else {}
        self.world.create(OBJECTS[kind], **{NAMES[kind]: name}, **{**given, **_spoken(kind, values)})

    def edit(self, kind: Kind, name: str, **values: str) -> None:
        self.world.edit(OBJECTS[kind], self.find(kind, name), **_spoken(kind, values))

    def move(self, kind: Kind, name: str, stage: str) -> None:
        """A colleague moves a record to a stage, forth or back."""
        self.edit(kind, name, stage=stage)

    def own(self, kind: Kind, name: str, owner: str) -> None:
        """A record passes to a colleague."""
        self.world.edit(OBJECTS[kind], self.find(kind, name), **{OWNER: self._owners[owner]})

    def tie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        ends = OBJECTS[kind], self.find(kind, name), OBJECTS[to], self.find(to, other)
        self.world.associate(*ends, PRIMARY_COMPANY[kind] if to == "company" else None)

    def untie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        self.world.dissociate(OBJECTS[kind], self.find(kind, name), OBJECTS[to], self.find(to, other))

    def delete(self, kind: Kind, name: str) -> None:
        self.world.archive(OBJECTS[kind], self.find(kind, name))

    def merge(self, kind: Kind, name: str, other: str) -> None:
        self.world.merge(OBJECTS[kind], self.find(kind, name), self.find(kind, other))

    def convert(self, name: str, company: str) -> None:
        raise NotImplementedError("It has no leads")

    def opt_out(self, name: str) -> None:
        row = self.world.read("contacts", self.find("person", name)) or {}
        self.world.opt_out(row["email"])

    def opt_in(self, name: str) -> None:
        row = self.world.read("contacts", self.find("person", name)) or {}
        self.world.opt_in(row["email"])

    def unflag(self, name: str) -> None:
        raise NotImplementedError("HubSpot keeps the flag itself")

    def restore(self, kind: Kind, name: str) -> None:
        rows = [row for row in self.world.all(OBJECTS[kind], archived=True) if row.get(NAMES[kind]) == name]
        self.world.restore(OBJECTS[kind], rows[-1]["hs_object_id"])

    # --- admins ------------------------------------------------------------------------------------------------

    @property
    def logins(self) -> int:
        return self._server.log.count("oauth.token")

    def hire(self, name: str) -> None:
        self._owners[name] = self.world.add_owner(f"{name}@ourselves.example", name.title(), "Lind")

    def hide(self, kind: Kind, field: str) -> None:
        self.world.hide_property(OBJECTS[kind], FIELDS[kind][field])

    def show(self, kind: Kind, field: str) -> None:
        self.world.show_property(OBJECTS[kind], FIELDS[kind][field])
        if field in ("first_name", "title", "city"):
            self.world.retype_property(OBJECTS[kind], FIELDS[kind][field], "string", "text")

    def retype(self, kind: Kind, field: str) -> None:
        self.world.retype_property(OBJECTS[kind], FIELDS[kind][field], "number", "number")

    def refuse(self, kind: Kind, name: str) -> None:
        raise NotImplementedError("It has no rules")

    def accept(self) -> None:
        """It has no rules."""

    def expire(self) -> None:
        self.world.expire_tokens()

    def page(self, size: int) -> None:
        self.portal.personality = replace(self.portal.personality, page_size=size)

    # --- what it holds -----------------------------------------------------------------------------------------

    def held(self) -> list[Held]:
        rows = [(kind, row) for kind, object in OBJECTS.items() for row in self.world.all(object)]
        names = {(k, row["hs_object_id"]): row.get(NAMES[k], "") for k, row in rows}
        return [self._held(kind, row, names) for kind, row in rows]

    def _held(self, kind: Kind, row: dict[str, str], names: dict[tuple[Kind, str], str]) -> Held:
        id, object = row["hs_object_id"], OBJECTS[kind]
        values = {name: _heard(field, row.get(field, "")) for name, field in FIELDS[kind].items()}
        if self._owners:
            names_of = {id: name for name, id in self._owners.items()}
            values["owner"] = names_of.get(row.get(OWNER, ""), row.get(OWNER, ""))
        if kind == "company":
            return Held(kind, object, id, names[kind, id], values, None)
        ends: list[Kind] = ["company", "person"] if kind == "opportunity" else ["company"]
        tied = {(end, other) for end in ends for other in self.world.associated(object, id, OBJECTS[end])}
        return Held(
            kind,
            object,
            id,
            names[kind, id],
            values,
            frozenset((end, names[end, o]) for end, o in tied if (end, o) in names),
        )

    def _read(self, call: int, label: str, request: Request, response: Response) -> Iterator[Applied]:
        """What HubSpot did, as its answer says; it answers to itself even where nobody hears it."""
        if call < 0 or response.status >= 300:
            return
        body: Any = msgspec.json.decode(request.body)
        done: Any = msgspec.json.decode(response.body) if response.body else {}
        match label.split("."):
            case "objects", "batch_update" | "batch_upsert":
                object = request.params["objectType"]
                sent = {input.get("objectWriteTraceId"): input for input in body["inputs"]}
                for result in done["results"]:
                    input = sent[result["objectWriteTraceId"]]
                    named = frozenset(input["properties"])
                    yield Applied(call, object, result["id"], named, input["id"] if "idProperty" in input else "")
            case "associations", "batch_create":
                for result in done["results"]:
                    yield Applied(call, request.params["from"], str(result["fromObjectId"]))
            case "associations", "batch_archive":
                for input in body["inputs"]:
                    yield Applied(call, request.params["from"], str(input["from"]["id"]))
            case "objects", "gdpr_delete":
                yield Applied(call, request.params["objectType"], body["objectId"])
            case "objects", "batch_archive":
                for input in body["inputs"]:
                    yield Applied(call, request.params["objectType"], input["id"])
            case "consents", "batch_opt_out":
                emails = {result["subscriberIdString"] for result in done["results"]}
                for row in self.world.all("contacts"):
                    if row.get("email") in emails:
                        yield Applied(call, "contacts", row["hs_object_id"])
            case _:
                raise AssertionError(f"Nobody reads {label} yet")


def _spoken(kind: Kind, values: dict[str, str]) -> dict[str, str]:
    fields = FIELDS[kind]
    return {fields[name]: WORDS.get(fields[name], {}).get(value, value) for name, value in values.items()}


def _heard(field: str, text: str) -> str:
    if field == "closedate":
        return text[:10]
    back = {word: name for name, word in WORDS.get(field, {}).items()}
    return back.get(text, plain(text))


@contextmanager
def hubspot_place(name: str, time: Time, **settings: object) -> Iterator[HubSpotPlace]:
    """An account that is served as long as the context lasts."""
    opened = HubSpotPlace(name, time, **settings)
    try:
        yield opened
    finally:
        opened.close()
