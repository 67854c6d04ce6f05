"""A Marketo subscription: the sandbox behind the real connector, and its users' hands. It knows people only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from instep.sandbox import Request, Response
from instep_marketo import marketo
from instep_marketo.sandbox import CLIENT_ID, CLIENT_SECRET, MarketoPersonality, MarketoWorld
from instep_marketo.sandbox.service import MarketoService
from instep_marketo.sandbox.subscription import Subscription

from . import place, served
from .effects import Time
from .place import Applied, Held, Kind, plain

MUNCHKIN_ID = "123-ABC-456"
LAG = timedelta(seconds=50)
"""How late the activity log is. The connector allows for a minute."""
FIELDS = {
    "email": "email",
    "first_name": "firstName",
    "title": "title",
    "phone": "phone",
    "stage": "buyingStage",
    "exact_stage": "instep_stage",
    "opted_out": "unsubscribed",
}
OWNER = "externalSalesPersonId"
STAGES = {
    name: name.capitalize() for name in ("awareness", "interest", "research", "consideration", "decision", "purchase")
}
CONSENT = {"unsubscribed", "unsubscribedReason"}


class MarketoPlace(served.ServedPlace):
    """One subscription. `table` names its address, so a workspace stays right as long as the place is open."""

    merges = True
    converts = False

    def __init__(self, name: str, time: Time) -> None:
        self.name = name
        self.subscription = Subscription(time, MarketoPersonality(), MUNCHKIN_ID, 0)
        self._fixed = [self.subscription.lock, time]
        self._owners: list[str] = []
        self.world = MarketoWorld(self.subscription)
        self.world.add_field("buyingStage", "Buying Stage")
        self.world.add_field("instep_id", "Instep Id")
        self.world.add_field("instep_stage", "Instep Stage")
        self.world.add_field("instep_score", "Instep Score", "float")
        self._noted = served.Noted(lambda: MarketoService(self.subscription), self._read)
        self._server = served.serve(self._noted, time, lambda: self.subscription.personality)

    @property
    def mapping(self) -> str:
        """The starter mapping with the stages that all systems here have; with owners where somebody was hired."""
        words = ", ".join(f'{stage} = "{word}"' for stage, word in STAGES.items())
        told, changes = re.subn(r"(buyingStage\"\nvalues = )\{[^}]*\}", rf"\1{{ {words} }}", marketo.starter_mapping)
        assert changes == 1
        return told.replace("# owner = {", "owner = {") if self._owners else told

    def table(self) -> str:
        lines = {
            "munchkin_id": MUNCHKIN_ID,
            "base_url": self._server.url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "owner_emails": [f"{name}@ourselves.example" for name in self._owners],
        }
        born = self.subscription.born.date().isoformat()
        return f'[connections.{self.name}]\nplugin = "marketo"\nfirst_lead_created = {born}\n' + "".join(
            f"{name} = {json.dumps(value)}\n" for name, value in lines.items()
        )

    def keep(self) -> bytes:
        return place.keep(self.subscription, self._fixed)

    def put_back(self, kept: bytes) -> None:
        self._server.faults.clear()
        self._server.log.clear()
        place.put_back(self.subscription, self._fixed, kept)
        self._noted.renew()

    def lag(self) -> None:
        self.subscription.personality = replace(self.subscription.personality, index_lag=LAG)

    def calm(self) -> None:
        self._server.faults.clear()

    def hear(self, label: str) -> None:
        """The service itself notes what was written."""

    # --- hands -------------------------------------------------------------------------------------------------

    def find(self, kind: Kind, name: str) -> str:
        """The id of the lead of that name."""
        _only_people(kind)
        return next(id for id, lead in self._leads() if lead.get("lastName") == name)

    def _leads(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for id in self.world.ids():
            lead = self.world.read(id)
            assert lead is not None
            yield id, lead

    def make(self, kind: Kind, name: str, **values: str) -> None:
        _only_people(kind)
        self.world.create(lastName=name, **_spoken(values))

    def edit(self, kind: Kind, name: str, **values: str) -> None:
        self.world.edit(self.find(kind, name), **_spoken(values))

    def move(self, kind: Kind, name: str, stage: str) -> None:
        self.edit(kind, name, stage=stage)

    def own(self, kind: Kind, name: str, owner: str) -> None:
        self.world.edit(self.find(kind, name), **{OWNER: owner})

    def tie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        raise NotImplementedError("It ties nobody to anything")

    def untie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        raise NotImplementedError("It ties nobody to anything")

    def delete(self, kind: Kind, name: str) -> None:
        self.world.delete(self.find(kind, name))

    def merge(self, kind: Kind, name: str, other: str) -> None:
        self.world.merge("leads", self.find(kind, name), self.find(kind, other))

    def convert(self, name: str, company: str) -> None:
        raise NotImplementedError("It has no other people than leads")

    def opt_out(self, name: str) -> None:
        self.world.unsubscribe(self.find("person", name))

    def opt_in(self, name: str) -> None:
        raise NotImplementedError("A flag that is taken off is no opt-in")

    def unflag(self, name: str) -> None:
        self.edit("person", name, opted_out="")

    def restore(self, kind: Kind, name: str) -> None:
        raise NotImplementedError("It has no bin")

    # --- admins ------------------------------------------------------------------------------------------------

    @property
    def logins(self) -> int:
        return self._server.log.count("identity.token")

    def hire(self, name: str) -> None:
        self._owners.append(name)
        self.world.add_salesperson(name, f"{name}@ourselves.example", name.title(), "Lind")

    def hide(self, kind: Kind, field: str) -> None:
        raise NotImplementedError("Whoever may see leads sees all of them")

    def show(self, kind: Kind, field: str) -> None:
        """Nothing is ever hidden."""

    def retype(self, kind: Kind, field: str) -> None:
        raise NotImplementedError("Its standard fields keep their types")

    def refuse(self, kind: Kind, name: str) -> None:
        raise NotImplementedError("It has no rules")

    def accept(self) -> None:
        """It has no rules."""

    def expire(self) -> None:
        self.world.expire_tokens()

    def page(self, size: int) -> None:
        self.subscription.personality = replace(self.subscription.personality, page_size=size)

    # --- what it holds -----------------------------------------------------------------------------------------

    def held(self) -> list[Held]:
        return [self._held(id, lead) for id, lead in self._leads()]

    def _held(self, id: str, lead: dict[str, Any]) -> Held:
        values = {name: _heard(name, lead.get(field)) for name, field in FIELDS.items()}
        if self._owners:
            values["owner"] = str(lead.get(OWNER) or "")
        return Held("person", "leads", id, str(lead.get("lastName") or ""), values, None)

    def _read(self, call: int, label: str, request: Request, response: Response) -> Iterator[Applied]:
        """What Marketo did, as its answer says."""
        if call < 0 or response.status >= 300:
            return
        done: Any = msgspec.json.decode(response.body)
        if not done.get("success") or "result" not in done:
            return
        assert label in ("leads.sync", "leads.delete"), f"Nobody reads {label} yet"
        body: Any = msgspec.json.decode(request.body)
        for sent, result in zip(body["input"], done["result"], strict=True):
            if result["status"] in ("created", "updated", "deleted"):
                named = frozenset(sent) - {"id"}
                fields = None if named <= CONSENT else named
                key = str(sent.get("instep_id", "")) if body.get("lookupField") == "instep_id" else ""
                yield Applied(call, "leads", str(result["id"]), fields, key)


def _only_people(kind: Kind) -> None:
    if kind != "person":
        raise NotImplementedError(f"It has no {kind}")


def _spoken(values: dict[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, value in values.items():
        word = value == "yes" if name == "opted_out" else STAGES.get(value, value) if name == "stage" else value
        said[FIELDS[name]] = None if word == "" else word
    return said


def _heard(name: str, value: Any) -> str:
    back = {word: stage for stage, word in STAGES.items()}
    return back.get(str(value), plain(value)) if name == "stage" else plain(value)


@contextmanager
def marketo_place(name: str, time: Time) -> Iterator[MarketoPlace]:
    """A subscription that is served as long as the context lasts."""
    opened = MarketoPlace(name, time)
    try:
        yield opened
    finally:
        opened.close()
