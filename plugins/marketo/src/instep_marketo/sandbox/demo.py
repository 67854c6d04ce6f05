"""The demo company's people in Marketo: whom marketing nurtures there, what they do, what anybody can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from instep.demo.hands import Held
from instep.demo.plainly import ask
from instep.demo.scene import Buyer, Colleague, Scene
from instep_marketo.sandbox.world import MarketoWorld

_STAGES: Final = {
    "sidelines": "Sidelines",
    "awareness": "Awareness",
    "interest": "Interest",
    "research": "Research",
    "consideration": "Consideration",
    "decision": "Decision",
    "validation": "Validation",
    "purchase": "Purchase",
    "implementing": "Implementing",
}
_READ: Final = (
    "email firstName lastName title phone buyingStage externalSalesPersonId unsubscribed instep_id instep_stage "
    "instep_score"
)
_PAGE: Final = 300
_CAPITALS: Final = 4
"""Every so many address was typed with capitals, which Marketo keeps."""


class MarketoDemo:
    """The hands of the demo company's marketing; see `instep.demo.hands.CampaignHands`."""

    def __init__(self, world: MarketoWorld, url: str, login: tuple[str, str]) -> None:
        self._world = world
        self._url = url
        self._login = login
        self._ids: dict[str, str] = {}
        """Key in the scene, or address, to the id of the lead here."""
        self._webinar = 0

    # --- what is there at first ----------------------------------------------------------------------------------

    def seed(self, scene: Scene) -> None:
        """Sales persons, a webinar, and the leads that marketing knows, with what they downloaded."""
        for colleague in scene.colleagues:
            if colleague.job == "sales" and not colleague.has_left:
                first, _, last = colleague.name.partition(" ")
                self._world.add_salesperson(_sales_id(colleague), colleague.email, first, last)
        self._world.add_channel("Webinar", ["Invited", "Registered", "Attended"], successes=["Attended"])
        self._webinar = self._world.add_program("Tidewright in half an hour", "Webinar")
        for buyer in scene.buyers:
            if buyer.known.campaigns:
                self._ids[buyer.key] = self._ids[buyer.email] = self._world.create(**_lead(scene, buyer))
        for act in scene.acts_of("campaigns"):
            self._world.happen("fill-out-form", self._ids[act.buyer], act.at, primary="White paper")

    # --- what happens then ---------------------------------------------------------------------------------------

    def buyer_attends_webinar(self, email: str) -> None:
        """Somebody who was invited attends: that counts as a success of the program."""
        for status in ("Invited", "Attended"):
            self._world.put_status(self._webinar, self._lead_of(email), status)

    def buyer_leaves(self, email: str) -> None:
        """The person unsubscribes by the form."""
        self._world.unsubscribe(self._lead_of(email))

    def colleague_renames(self, email: str, last: str) -> None:
        """Marketo's REST API, as another integration uses it."""
        body = {
            "action": "updateOnly",
            "lookupField": "id",
            "input": [{"id": self._lead_of(email), "lastName": last}],
        }
        ask(self._url, "POST", "/rest/v1/leads.json", headers=self._headers(), body=body)

    # --- what anybody can read -----------------------------------------------------------------------------------

    def read_back(self) -> Iterator[Held]:
        """Every lead, by plain HTTP: Marketo has no client library of its own for Python."""
        headers, ids = self._headers(), self._world.ids()
        for start in range(0, len(ids), _PAGE):
            values = ",".join(ids[start : start + _PAGE])
            query = {"filterType": "id", "filterValues": values, "fields": f"id,{_READ.replace(' ', ',')}"}
            found = ask(self._url, "GET", "/rest/v1/leads.json", query={**query, "batchSize": "300"}, headers=headers)
            for lead in found["result"]:
                fields = {name: _text(lead.get(name)) for name in _READ.split()}
                yield Held("leads", str(lead["id"]), fields, opted_out=lead.get("unsubscribed") is True)

    def _headers(self) -> Mapping[str, str]:
        id, secret = self._login
        query = {"grant_type": "client_credentials", "client_id": id, "client_secret": secret}
        token = ask(self._url, "GET", "/identity/oauth/token", query=query)["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def _lead_of(self, email: str) -> str:
        """The lead with an address; whoever was not here at first has one by now."""
        if email not in self._ids:
            held = {id: self._world.read(id) or {} for id in self._world.ids()}
            self._ids |= {str(lead.get("email") or id).lower(): id for id, lead in held.items()}
        return self._ids[email]


def _lead(scene: Scene, buyer: Buyer) -> dict[str, Any]:
    name, _, host = buyer.email.partition("@")
    is_typed = int(buyer.key.lstrip("P")) % _CAPITALS == 0
    owner = scene.colleague(buyer.owner)
    can_own = owner is not None and owner.job == "sales" and not owner.has_left
    return {
        "email": f"{name.title()}@{host}" if is_typed else buyer.email,
        "firstName": buyer.first,
        "lastName": buyer.last,
        "title": buyer.title,
        "phone": buyer.phone,
        "buyingStage": _STAGES[buyer.system_stage],
        "externalSalesPersonId": _sales_id(owner) if owner is not None and can_own else None,
    }


def _sales_id(colleague: Colleague) -> str:
    return f"SP-{colleague.key}"


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
