"""The demo company's people in Mailchimp: who gets the newsletter, what they do, what anybody can read."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from instep.demo.hands import Held
from instep.demo.plainly import ask
from instep.demo.scene import Scene
from instep_mailchimp.sandbox.account import API_KEY, AUDIENCE
from instep_mailchimp.sandbox.audience import subscriber_hash
from instep_mailchimp.sandbox.world import MailchimpWorld

_TAGS: Final = {
    "awareness": "Aware",
    "interest": "Interested",
    "research": "Interested",
    "consideration": "In talks",
    "decision": "In talks",
    "validation": "In talks",
    "purchase": "In talks",
    "implementing": "Customer",
}
_PAGE: Final = 1000
_MEMBERS: Final = f"/3.0/lists/{AUDIENCE}/members"
_UNTAGGED: Final = 3
"""Every so many member has no tag yet."""


class MailchimpDemo:
    """The hands of those who write the newsletter; see `instep.demo.hands.CampaignHands`."""

    def __init__(self, world: MailchimpWorld, url: str) -> None:
        self._world = world
        self._url = url

    # --- what is there at first ----------------------------------------------------------------------------------

    def seed(self, scene: Scene) -> None:
        """The members, some with a tag, some who have left; and a mail that some have clicked in."""
        self._world.add_field("OWNER")
        for buyer in scene.buyers:
            if buyer.known.newsletter:
                status = "unsubscribed" if buyer.opted_out.newsletter else "subscribed"
                self._world.add_member(buyer.email, status, FNAME=buyer.first, LNAME=buyer.last, PHONE=buyer.phone)
                tag = _TAGS.get(buyer.system_stage)
                if tag and int(buyer.key.lstrip("P")) % _UNTAGGED:
                    self._world.tag(buyer.email, tag)
        mail = self._world.send_campaign("What is new this spring")
        for act in scene.acts_of("newsletter"):
            self._world.react("click", scene.buyer[act.buyer].email, mail, at=act.at)

    # --- what happens then ---------------------------------------------------------------------------------------

    def buyer_attends_webinar(self, email: str) -> None:
        """Mailchimp has no webinars."""

    def buyer_leaves(self, email: str) -> None:
        """The link at the end of a mail."""
        self._world.unsubscribe(email)

    def colleague_renames(self, email: str, last: str) -> None:
        """Mailchimp's Marketing API, as another integration uses it."""
        path = f"{_MEMBERS}/{subscriber_hash(email)}"
        ask(self._url, "PATCH", path, headers=_headers(), body={"merge_fields": {"LNAME": last}})

    # --- what anybody can read -----------------------------------------------------------------------------------

    def read_back(self) -> Iterator[Held]:
        """Every member who is not archived, by plain HTTP."""
        offset = 0
        while True:
            query = {"count": str(_PAGE), "offset": str(offset)}
            found = ask(self._url, "GET", _MEMBERS, query=query, headers=_headers())
            for member in found["members"]:
                if member["status"] != "archived":
                    is_out = member["status"] == "unsubscribed"
                    yield Held("members", member["contact_id"], _fields(member), opted_out=is_out)
            offset += _PAGE
            if offset >= found["total_items"]:
                return


def _headers() -> Mapping[str, str]:
    return {"Authorization": f"Basic {b64encode(f'demo:{API_KEY}'.encode()).decode()}"}


def _fields(member: Mapping[str, Any]) -> dict[str, str | None]:
    """The merge fields by their tags, the address, and the one tag that says how far a buyer has come."""
    held = {name: _text(value) for name, value in member["merge_fields"].items()}
    has = {tag["name"] for tag in member["tags"]}
    step = [tag for tag in dict.fromkeys(_TAGS.values()) if tag in has]
    return {**held, "email_address": member["email_address"], "stage_tag": step[-1] if step else None}


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
