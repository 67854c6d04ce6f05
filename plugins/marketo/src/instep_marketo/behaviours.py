"""Reads what buyers did: visits, forms, clicks, e-mails and the other activities of leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal

import msgspec

from instep.contract import BehaviourPage, BehaviourSeen
from instep.model.values import Scalar
from instep_marketo.answers import instant, instant_text
from instep_marketo.client import MarketoClient
from instep_marketo.settings import MarketoSettings
from instep_marketo.walk import MOST_TYPES, OLDEST_TOKEN, Activity, of_types, stream, token_since

Actor = Literal["buyer", "seller", "system"]

TYPES: Final[Mapping[str, tuple[int, Actor]]] = {
    "visit-webpage": (1, "buyer"),
    "fill-out-form": (2, "buyer"),
    "click-link": (3, "buyer"),
    "email-delivered": (7, "system"),
    "email-bounced": (8, "system"),
    "unsubscribe-email": (9, "buyer"),
    "open-email": (10, "buyer"),
    "click-email": (11, "buyer"),
    "send-sales-email": (39, "seller"),
    "open-sales-email": (40, "buyer"),
    "click-sales-email": (41, "buyer"),
    "receive-sales-email": (45, "buyer"),
    "interesting-moment": (46, "system"),
    "change-revenue-stage": (101, "system"),
    "change-status-in-progression": (104, "system"),
    "share-content": (400, "buyer"),
    "vote-in-poll": (401, "buyer"),
    "click-shared-link": (405, "buyer"),
}
"""Activity types that tell something of a buyer; their ids are the same in every subscription.

Marketo developer guide: Activities
"""
_PROGRESS: Final = "change-status-in-progression"
_KINDS: Final = {type: kind for kind, (type, _) in TYPES.items()}
_BEGUN: Final = "begun"
"""When the last read that came to its end began, by Marketo's clock; it stands beside the tokens of the types."""
_tokens = msgspec.json.Decoder(dict[str, str])


class MarketoBehaviours:
    """The activity log of one subscription. An activity is written once: none is ever corrected or withdrawn.

    `details` holds the attributes of an activity by Marketo's own names, and `primaryAttributeValue`,
    `primaryAttributeValueId` and `campaignId`.

    A status that counts as the success of its program (a webinar attended) is the buyer's doing, unless the program
    is one of the setting `programs`: its statuses are stages, which Instep sets itself.
    """

    kinds = tuple(TYPES)

    def __init__(self, client: MarketoClient, settings: MarketoSettings) -> None:
        self._client = client
        self._own = frozenset(settings.programs)
        self._back = timedelta(days=settings.activities_since_days)
        self._lag = timedelta(seconds=settings.activity_lag_seconds)

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        """Yield pages of what was recorded since `cursor`; with none, since `activities_since_days` ago.

        While nothing happens it takes one call for every ten kinds.
        """
        tokens = self._renewed(_tokens.decode(cursor)) if cursor else {}
        begun = instant_text(self._client.now())
        types = sorted(TYPES[kind][0] for kind in dict.fromkeys(kinds) if kind in TYPES)
        for start in range(0, len(types), MOST_TYPES):
            part = types[start : start + MOST_TYPES]
            key = ",".join(str(type) for type in part)
            token = tokens.get(key) or self._first()
            for found, after, _ in stream(self._client, of_types(part), token):
                tokens = {**tokens, key: after}
                items = tuple(self._behaviour(activity) for activity in found if activity.activityTypeId in part)
                yield BehaviourPage(items, msgspec.json.encode(tokens).decode())
        yield BehaviourPage((), msgspec.json.encode({**tokens, _BEGUN: begun}).decode())

    def _renewed(self, tokens: dict[str, str]) -> dict[str, str]:
        """A read of more than a month ago is gone on with from its time: its tokens may not be good any more."""
        begun = instant(tokens.get(_BEGUN))
        if begun is None or self._client.now() - begun < OLDEST_TOKEN:
            return tokens
        anew, _ = token_since(self._client, begun - self._lag)
        return {**dict.fromkeys(tokens, anew), _BEGUN: tokens[_BEGUN]}

    def _first(self) -> str:
        token, _ = token_since(self._client, self._client.now() - self._back)
        return token

    def _behaviour(self, activity: Activity) -> BehaviourSeen:
        kind = _KINDS[activity.activityTypeId]
        details: dict[str, Scalar] = {pair.name: _scalar(pair.value) for pair in activity.attributes}
        details |= {
            "primaryAttributeValue": _scalar(activity.primaryAttributeValue),
            "primaryAttributeValueId": activity.primaryAttributeValueId,
            "campaignId": activity.campaignId,
        }
        is_success = (
            str(details.get("Success")).lower() == "true" and activity.primaryAttributeValueId not in self._own
        )
        actor: Actor = "buyer" if is_success and kind == _PROGRESS else TYPES[kind][1]
        return BehaviourSeen(
            activity.marketoGUID, kind, activity.at, actor, (("leads", activity.lead),), details=details
        )


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, str | bool | int) or value is None else str(value)
