"""What a request is, and what its answer means. Pure: nothing here sends anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Final, Generic, Literal, TypeVar

from instep.contract import Allowance, RepeatError, Reply
from instep.errors import AccessError, RemoteError, RetryLaterError, UnknownOutcomeError, UsedUpError
from instep_hubspot import wire

T = TypeVar("T")

_BURST_WAIT_SECONDS: Final = 10.0
_SEARCH_WAIT_SECONDS: Final = 1.0
_LOCKED_WAIT_SECONDS: Final = 2.0
_BUSY: Final = frozenset((423, 429, 477))


@dataclass(frozen=True, slots=True)
class Call:
    """One request: where, what, and whether it can change something.

    Nearly everything that this connector sends may be repeated: reads, writes by id, upserts by a unique key and
    associations by their two ends. What is not `repeatable` is sent again only where it surely did nothing.
    """

    method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
    path: str
    label: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    writes: bool = False
    lane: str = "default"
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came back. `at` is HubSpot's own clock, to the second, when it answered."""

    value: T
    at: datetime | None
    calls_left_today: int | None = None


class RefusedError(RemoteError):
    """HubSpot refused the request as a whole; `body` says why, as far as it could be read."""

    def __init__(self, message: str, *, status: int, code: str, body: wire.ErrorBody) -> None:
        super().__init__(message, status=status, code=code)
        self.body = body


class ExpiredError(Exception):
    """The access token has run out."""


def problem(call: Call, reply: Reply) -> Exception:
    """What an answer outside 2xx means. The status decides; the body, which may be HTML, only adds."""
    body = wire.read_error(reply.data)
    if reply.status == 401 and body.category == "EXPIRED_AUTHENTICATION":
        return ExpiredError()
    if reply.status == 401:
        return AccessError(
            f"HubSpot ({call.label}): the login was not accepted. "
            "Check the token in HubSpot's settings, then set access_token to a valid one."
        )
    if reply.status == 403 and not body.category.endswith("LIMIT"):  # what the account's plan does not allow
        return _forbidden(call, body)
    if reply.status in _BUSY:
        return _busy(call, reply, body)
    if reply.status >= 500:
        what, wait = f"is out of order (status {reply.status})", _asked_wait(reply.headers)
        return again(call, what, status=reply.status, wait_seconds=wait)
    return RefusedError(
        f"HubSpot ({call.label}): refused with status {reply.status}. {_words(body)}",
        status=reply.status,
        code=body.category,
        body=body,
    )


def _forbidden(call: Call, body: wire.ErrorBody) -> Exception:
    scopes = sorted({*body.named("requiredGranularScopes"), *body.named("requiredScopes")})
    names = ", ".join(scopes) or "one that HubSpot does not name"
    return AccessError(
        f"HubSpot ({call.label}): the login lacks a scope: {names}. "
        "Grant it to the app in HubSpot's settings, then use the new token."
    )


def _busy(call: Call, reply: Reply, body: wire.ErrorBody) -> Exception:
    """A 429 and its kin: nothing was done, so even a write may be sent again.

    developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
    """
    if body.policyName == "DAILY":
        return RepeatError(_used_up(call, reply), too_long=True)
    wait = _asked_wait(reply.headers)
    if wait is None:
        wait = _usual_wait(call, reply.status)
    error = RetryLaterError(
        f"HubSpot ({call.label}): too many calls. Run again later.",
        status=reply.status,
        code=body.policyName,
        after_seconds=wait,
    )
    return RepeatError(error, wait)


def _used_up(call: Call, reply: Reply) -> UsedUpError:
    """The day's calls are spent: waiting for midnight is not for a run to do."""
    wait, now = _asked_wait(reply.headers), reply.at
    return UsedUpError(
        f"HubSpot ({call.label}): the daily limit of calls is used up. "
        "Run again after midnight in the account's time zone.",
        status=reply.status,
        code="DAILY",
        renews_at=now + timedelta(seconds=wait) if now and wait is not None else None,
    )


def _usual_wait(call: Call, status: int) -> float:
    if status == 423:
        return _LOCKED_WAIT_SECONDS
    return _SEARCH_WAIT_SECONDS if call.lane == "search" else _BURST_WAIT_SECONDS


def again(
    call: Call, what: str, *, sent: bool = True, status: int | None = None, wait_seconds: float | None = None
) -> RepeatError:
    """A failure that may pass. In the end it is an unknown outcome where a write may have taken effect."""
    message = f"HubSpot ({call.label}): {what}. Run again later."
    kind = UnknownOutcomeError if call.writes and sent else RetryLaterError
    return RepeatError(kind(message, status=status), wait_seconds)


def expired(call: Call) -> AccessError:
    """The access token has run out, and nothing can renew it."""
    return AccessError(
        f"HubSpot ({call.label}): the access token has expired. "
        "Set client_id, client_secret and refresh_token, so that it can be renewed, or set a new access_token."
    )


def _words(body: wire.ErrorBody) -> str:
    return " ".join(body.message.split())[:300] or "It gave no reason."


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After") or ""
    return float(text) if text.isdecimal() else None


def allowance(reply: Reply, zone: tzinfo | None) -> Allowance | None:
    """How many calls the account may still make today. OAuth logins are not told, and searches tell nobody.

    The count begins anew at midnight in the account's time zone, where that is known.
    developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
    """
    most = reply.headers.get("X-HubSpot-RateLimit-Daily") or ""
    left = reply.headers.get("X-HubSpot-RateLimit-Daily-Remaining") or ""
    if not (most.isdecimal() and left.isdecimal()):
        return None
    now = reply.at
    return Allowance(int(most), int(left), _midnight(now, zone) if now and zone else None)


def _midnight(now: datetime, zone: tzinfo) -> datetime:
    """The next midnight there."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)
