"""Reads and records who agreed to be written to, through HubSpot's subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

import msgspec

from instep.contract import Consent, ConsentChange, Outcome, Rejected, Subject, Unknown, Written
from instep.errors import UnknownOutcomeError
from instep_hubspot.answers import Call, RefusedError
from instep_hubspot.client import HubSpotClient
from instep_hubspot.refusals import outcome_of
from instep_hubspot.wire import ErrorBody

ALL: Final = "all"
_IN: Final = "SUBSCRIBED"
_OUT: Final = "UNSUBSCRIBED"
_STATES: Final[Mapping[str, Literal["in", "out", "unset"]]] = {_IN: "in", _OUT: "out"}
_CHANNEL: Final = {"channel": "EMAIL"}
_NO_ADDRESS: Final = Rejected(
    "no_email", "HubSpot keeps consent by e-mail address, and this person has none.", permanent=False
)
_NO_OPT_IN: Final = Rejected(
    "compliance",
    "HubSpot lets nobody but the person lift an opt-out from all e-mail.",
)


class _Status(msgspec.Struct):
    subscriptionId: int | str  # noqa: N815
    status: str
    source: str = ""
    timestamp: datetime | None = None
    subscriptionName: str | None = None  # noqa: N815


class _Statuses(msgspec.Struct):
    subscriberIdString: str  # noqa: N815
    statuses: list[_Status] = []


class _WideStatus(msgspec.Struct):
    status: str
    wideStatusType: str = "PORTAL_WIDE"  # noqa: N815
    timestamp: datetime | None = None


class _WideStatuses(msgspec.Struct):
    subscriberIdString: str  # noqa: N815
    wideStatuses: list[_WideStatus] = []  # noqa: N815


class _Subscriber(msgspec.Struct):
    subscriberIdString: str  # noqa: N815
    subscriptionId: int | str | None = None  # noqa: N815

    @property
    def subscription(self) -> str:
        return "" if self.subscriptionId is None else str(self.subscriptionId)


class _Definition(msgspec.Struct):
    id: str | int
    name: str
    isActive: bool = True  # noqa: N815


class _StatusAnswer(msgspec.Struct):
    results: list[_Statuses]


class _WideAnswer(msgspec.Struct):
    results: list[_WideStatuses]


class _WriteAnswer(msgspec.Struct):
    results: list[_Subscriber]
    errors: list[ErrorBody] = []


class _Definitions(msgspec.Struct):
    results: list[_Definition]


_status_answer = msgspec.json.Decoder(_StatusAnswer)
_wide_answer = msgspec.json.Decoder(_WideAnswer)
_write_answer = msgspec.json.Decoder(_WriteAnswer)
_definitions = msgspec.json.Decoder(_Definitions)


class HubSpotConsents:
    """Consent by e-mail address: `all` for every mail, or the name of one subscription.

    developers.hubspot.com/docs/guides/api/marketing/subscriptions-preferences
    """

    flag_field = "hs_email_optout"

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._known: dict[str, str] | None = None

    def read(self, subjects: Sequence[Subject]) -> list[tuple[Consent, ...]]:
        """What each person said: always one consent of scope `all`, then one per subscription.

        `explicit` is true only where HubSpot holds a status with its time; "not specified" is `unset`.
        """
        emails = list(dict.fromkeys(subject.email.lower() for subject in subjects if subject.email))
        if not emails:
            return [() for _ in subjects]
        wide = self._client.fetch(self._call("unsubscribe-all/read", emails), _wide_answer).value.results
        narrow = self._client.fetch(self._call("read", emails), _status_answer).value.results
        by_all = {found.subscriberIdString.lower(): _consent_to_all(found) for found in wide}
        by_name = {found.subscriberIdString.lower(): self._consents(found) for found in narrow}
        unset = Consent(ALL, "unset")
        return [
            (by_all.get(email, unset), *by_name.get(email, ())) if email else ()
            for email in ((subject.email or "").lower() for subject in subjects)
        ]

    def opt_out(self, changes: Sequence[ConsentChange]) -> list[Outcome]:
        """Record opt-outs. Scope `all` ends every subscription; one that is out already stays so."""
        return self._changed(changes, _OUT)

    def opt_in(self, changes: Sequence[ConsentChange]) -> list[Outcome]:
        """Record opt-ins to subscriptions, with consent as the legal ground.

        HubSpot refuses for a person who opted out in person, and knows no opt-in to `all`: code `compliance`.
        """
        return self._changed(changes, _IN)

    # --- reading -----------------------------------------------------------------------------------------------

    def _consents(self, found: _Statuses) -> tuple[Consent, ...]:
        return tuple(_consent(status, self._name(status)) for status in found.statuses)

    def _name(self, status: _Status) -> str:
        if status.subscriptionName:
            return status.subscriptionName
        names = {id: name for name, id in self._subscriptions().items()}
        return names.get(str(status.subscriptionId), str(status.subscriptionId))

    def _subscriptions(self) -> dict[str, str]:
        """The account's subscriptions: id by name, read once."""
        if self._known is None:
            call = Call("GET", self._client.path("consent", "definitions"), "consent/definitions")
            found = self._client.fetch(call, _definitions).value.results
            self._known = {definition.name: str(definition.id) for definition in found if definition.isActive}
        return self._known

    # --- writing -----------------------------------------------------------------------------------------------

    def _changed(self, changes: Sequence[ConsentChange], state: str) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        wide: list[_Asked] = []
        narrow: list[_Asked] = []
        for place, change in enumerate(changes):
            email = (change.subject.email or "").lower()
            if not email:
                outcomes[place] = _NO_ADDRESS
            elif change.scope == ALL and state == _IN:
                outcomes[place] = _NO_OPT_IN
            elif change.scope == ALL:
                wide.append(_Asked(place, change, email, "", state))
            elif (id := self._subscriptions().get(change.scope)) is None:
                outcomes[place] = _unknown_scope(change.scope)
            else:
                narrow.append(_Asked(place, change, email, id, state))
        outcomes |= self._sent("unsubscribe-all", wide) | self._sent("write", narrow)
        return [outcomes[place] for place in range(len(changes))]

    def _sent(self, verb: str, asked: list[_Asked]) -> dict[int, Outcome]:
        """Send; where HubSpot refuses some without saying which, halve until it is plain."""
        if not asked:
            return {}
        call = self._call(verb, [one.to_body() for one in asked], writes=True)
        try:
            answer = self._client.fetch(call, _write_answer).value
        except UnknownOutcomeError as lost:
            return {one.place: Unknown(str(lost)) for one in asked}
        except RefusedError as refused:
            return self._halved(verb, asked, refused.body)
        done = {(found.subscriberIdString.lower(), found.subscription) for found in answer.results}
        outcomes: dict[int, Outcome] = {
            one.place: Written(one.change.subject.id, {}) for one in asked if (one.email, one.subscription) in done
        }
        left = [one for one in asked if one.place not in outcomes]
        if left and answer.errors:
            return outcomes | self._halved(verb, left, answer.errors[0])
        unmentioned = Unknown(f"HubSpot ({call.label}): its answer does not mention this person.")
        return outcomes | {one.place: unmentioned for one in left}

    def _halved(self, verb: str, asked: list[_Asked], error: ErrorBody) -> dict[int, Outcome]:
        if len(asked) == 1:
            return {asked[0].place: _refusal(error, asked[0].state)}
        middle = len(asked) // 2
        return self._sent(verb, asked[:middle]) | self._sent(verb, asked[middle:])

    def _call(self, verb: str, inputs: Sequence[object], *, writes: bool = False) -> Call:
        parts = verb.split("/")
        path = self._client.path("consent", "statuses", "batch", *parts)
        return Call("POST", path, f"consent/{verb}", _CHANNEL, {"inputs": list(inputs)}, writes)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One change to send: for whom, to which subscription (blank for all), and where it stands in the request."""

    place: int
    change: ConsentChange
    email: str
    subscription: str
    state: str

    def to_body(self) -> object:
        if not self.subscription:
            return self.email
        body: dict[str, object] = {
            "subscriberIdString": self.email,
            "subscriptionId": int(self.subscription),
            "statusState": self.state,
            "channel": "EMAIL",
        }
        if self.state == _IN:
            when = self.change.at.date().isoformat()
            body["legalBasis"] = "CONSENT_WITH_NOTICE"
            body["legalBasisExplanation"] = f"Recorded {when}: {self.change.source}"
        return body


def _refusal(error: ErrorBody, state: str) -> Outcome:
    outcome = outcome_of(error)
    if state == _IN and isinstance(outcome, Rejected):
        return replace(outcome, code="compliance", field=None)
    return outcome


def _unknown_scope(scope: str) -> Rejected:
    return Rejected("unknown_scope", f'HubSpot has no subscription named "{scope}".')


def _consent_to_all(found: _WideStatuses) -> Consent:
    """The opt-out from everything; HubSpot lists nothing for a person who did not."""
    for status in found.wideStatuses:
        if status.wideStatusType == "PORTAL_WIDE" and status.status == _OUT:
            return Consent(ALL, "out", status.timestamp, "HubSpot: unsubscribed from all", explicit=True)
    return Consent(ALL, "unset")


def _consent(status: _Status, scope: str) -> Consent:
    state = _STATES.get(status.status, "unset")
    if state == "unset":
        return Consent(scope, "unset")
    return Consent(scope, state, status.timestamp, status.source, explicit=status.timestamp is not None)
