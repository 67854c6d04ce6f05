"""Words that sales teams use for steps, outcomes and acts, and what they usually mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "sidelines": ("sidelines", "dormant", "inactive"),
    "awareness": ("awareness", "aware", "subscriber", "suspect", "visitor"),
    "interest": ("interest", "interested", "lead", "prospect", "prospecting", "new", "open"),
    "research": (
        "research",
        "qualification",
        "qualifying",
        "qualified",
        "marketing qualified lead",
        "mql",
        "discovery",
    ),
    "consideration": (
        "consideration",
        "engaging",
        "engaged",
        "sales qualified lead",
        "sql",
        "needs analysis",
        "value proposition",
        "presentation",
        "demo",
        "working",
    ),
    "decision": ("decision", "proposal", "proposal price quote", "negotiation", "negotiation review", "opportunity"),
    "purchase": ("purchase", "customer", "contract sent", "ordered", "signed"),
    "implementing": ("implementing", "implementation", "onboarding"),
    "implemented": ("implemented", "live", "active customer"),
    "loyal-customer": ("loyal customer", "evangelist", "advocate"),
}
OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    "won": ("won", "closed won", "closedwon", "win"),
    "lost": ("lost", "closed lost", "closedlost", "loss"),
    "no_decision": ("no decision", "cancelled", "canceled", "abandoned", "no interest"),
}
BEHAVIOURS: Final[Mapping[str, tuple[str, ...]]] = {
    "visits-website": ("visit", "visits website", "website visit", "page view", "web visit"),
    "downloads-document": ("download", "downloads document", "whitepaper", "ebook", "content download"),
    "requests-call": ("call request", "requests call", "callback", "contact form"),
    "describes-project": ("project form", "describes project", "inquiry", "enquiry"),
    "attends-webinar": ("webinar", "attends webinar", "webinar attended"),
    "schedules-meeting": ("meeting", "schedules meeting", "meeting booked"),
    "participates-in-demo": ("demo", "participates in demo", "product demo"),
    "requests-proposal": ("proposal request", "requests proposal", "quote request", "rfp"),
    "places-order": ("order", "places order", "purchase"),
    "goes-live": ("go live", "goes live"),
    "repeat-purchase": ("repeat purchase", "reorder"),
    "refers-buyer": ("referral", "refers buyer"),
}


def suggested(values: Sequence[str], words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """For each of our keys the first value that usually means it; no value twice."""
    said = {value: re.sub(r"[^a-z0-9]+", " ", value.lower()).strip() for value in values}
    found: dict[str, str] = {}
    for key, known in words.items():
        value = next((value for word in known for value in values if said[value] == word), None)
        if value is not None and value not in found.values():
            found[key] = value
    return found
