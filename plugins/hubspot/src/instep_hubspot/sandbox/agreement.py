"""Changing a person's choices, with the traces it leaves on the contact."""

from __future__ import annotations

from dataclasses import replace

from instep_hubspot.sandbox.consents import SUBSCRIBED, UNSUBSCRIBED, Choice
from instep_hubspot.sandbox.errors import RefusedError
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.records import Source

_SUBSCRIPTIONS = Source("EMAIL", "Subscriptions")


def choose(portal: Portal, email: str, subscription: int, choice: Choice) -> None:
    """Keep one choice. Nobody but the person can undo what the person chose."""
    before = portal.consents.choice(email, subscription)
    out = portal.consents.opted_out(email)
    undone = (before is not None and before.own and before.status == UNSUBSCRIBED) or (out is not None and out.own)
    if choice.status == SUBSCRIBED and undone and not choice.own:
        raise RefusedError(400, f"Subscriber {email} has unsubscribed and cannot be resubscribed through the API")
    if before is not None and before.status == choice.status and out is None:
        # Saying the same again is answered like a change, but the first date stays.
        choice = replace(choice, at=before.at, source=before.source, own=before.own or choice.own)
    portal.consents.choose(email, subscription, choice)
    if choice.status == SUBSCRIBED:
        portal.consents.lift(email)
    mirror(portal, email)


def opt_out_of_all(portal: Portal, email: str, choice: Choice) -> None:
    """Opt a person out from everything; doing it twice changes nothing."""
    if portal.consents.opted_out(email) is None:
        portal.consents.opt_out(email, choice)
    mirror(portal, email)


def mirror(portal: Portal, email: str) -> None:
    """Show a person's opt-out on the contact, which counts as a change of the contact."""
    kind = portal.types["contacts"]
    contact = portal.holder(kind, "email", email)
    if contact is None:
        return
    out = portal.consents.opted_out(email) is not None
    held = contact.values.get("hs_email_optout")
    if out or held is not None:
        portal.store(kind, contact, {"hs_email_optout": str(out).lower()}, _SUBSCRIPTIONS)
