"""What a request is, and what its answer means. Pure: nothing here sends anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypeVar

from instep.contract import Allowance, RepeatError, Reply
from instep.errors import AccessError, RemoteError, RetryLaterError, UnknownOutcomeError, UsedUpError
from instep_salesforce import wire

T = TypeVar("T")

_LOCKED: Final = frozenset(("UNABLE_TO_LOCK_ROW", "ENTITY_IS_LOCKED"))
_API_OFF: Final = frozenset(("API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"))
_FEATURES: Final = frozenset(("FEATURENOTENABLED", "FUNCTIONALITY_NOT_ENABLED", "INVALIDENTITY", "INVALIDOPERATION"))
NO_RIGHT: Final = frozenset(
    ("INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")
)
"""Codes with which the Metadata API refuses who may not configure."""
_UNCLEAR: Final = frozenset(("UNKNOWN_EXCEPTION", "UNKNOWN_ERROR", "SERVER_UNAVAILABLE"))
_NOTHING_DONE: Final = frozenset((406, 420, 429))
_USAGE: Final = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: where, what, and whether it can change something.

    `body` is sent as JSON, `data` as it is. `repeatable` says that doing it twice leaves what doing it once leaves:
    reads, writes by id, upserts by a unique key. A call that is not is sent again only if surely nothing was done.
    """

    method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
    path: str
    label: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    writes: bool = False
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came back. `at` is Salesforce's own clock, to the second, when it answered."""

    value: T
    at: datetime | None
    calls_left_today: int | None = None


class RefusedError(RemoteError):
    """Salesforce refused the request as a whole; `errors` says why, as far as it could be read."""

    def __init__(self, message: str, *, status: int, errors: Sequence[wire.Problem]) -> None:
        super().__init__(message, status=status, code=errors[0].code if errors else "")
        self.errors = tuple(errors)


class ExpiredError(Exception):
    """The access token has run out."""


def problem(call: Call, reply: Reply, told: Sequence[wire.Problem] = ()) -> Exception:
    """What an answer outside 2xx means: its error code decides, and its status where it names none.

    `told` is what it says, where that is no JSON.
    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
    """
    errors = told or wire.read_problems(reply.data)
    code = errors[0].code if errors else ""
    if code == "INVALID_SESSION_ID":
        return ExpiredError()
    if reply.status == 401:
        return AccessError(
            f"Salesforce ({call.label}): the login was not accepted. "
            "Check the token, or the external client app and its policies."
        )
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _limit(call, reply, errors)
    if code in _LOCKED:
        return _busy(call, reply, "a record is locked by another change", code)
    if reply.status in _NOTHING_DONE and not (reply.status == 406 and reply.data):
        return _busy(call, reply, f"cannot take the request now (status {reply.status})", code)
    if reply.status >= 500:
        what, wait = f"is out of order (status {reply.status})", _asked_wait(reply.headers)
        return again(call, what, status=reply.status, wait_seconds=wait)
    if code in _API_OFF or (reply.status == 403 and code not in _FEATURES):
        return AccessError(
            f"Salesforce ({call.label}): the login lacks a permission. {words(errors)} "
            "Grant it to the integration user, then run again."
        )
    return RefusedError(
        f"Salesforce ({call.label}): refused with status {reply.status}. {words(errors)}",
        status=reply.status,
        errors=errors,
    )


def fault(call: Call, reply: Reply, error: wire.Problem) -> Exception:
    """What a refusal of the Metadata API means. It gives all of them the status 500: only the code tells.

    developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_calls_intro.htm
    """
    if error.code in NO_RIGHT:
        return no_right(call.label, error)
    if not error.code or error.code in _UNCLEAR:
        return problem(call, reply)
    return problem(call, replace(reply, status=400), [error])


def no_right(label: str, error: wire.Problem) -> AccessError:
    """The login may not configure. What is missing is the same whatever was to be configured."""
    return AccessError(
        f"Salesforce ({label}): the login may not do this. {words([error])} Grant "
        '"Modify Metadata Through Metadata API Functions" and "Customize Application" to the integration user '
        '(and "Manage Profiles and Permission Sets" for permission sets), then run again.'
    )


def login_problem(call: Call, reply: Reply) -> Exception:
    """What it means that no access token was given: logins are refused in a form of their own."""
    code = wire.read_token_refusal(reply.data)
    if code == "rate_limit_exceeded":
        return _busy(call, reply, "too many logins")
    if reply.status not in (400, 401, 403) or not (code or not wire.read_problems(reply.data)):
        return problem(call, reply)
    return AccessError(
        f"Salesforce ({call.label}): the login was refused{f' ({code})' if code else ''}. "
        "Check client_id, client_secret and the other settings of this login, and the app's policies in the org."
    )


def _limit(call: Call, reply: Reply, errors: Sequence[wire.Problem]) -> RepeatError:
    """Too many calls: the day's are used up, or too many long ones run at once.

    developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet
    """
    if "concurrent" in errors[0].message.casefold():
        return _busy(call, reply, "too many long requests run at the same time", errors[0].code)
    what = "the calls of the last 24 hours have reached the org's limit"
    error = UsedUpError(
        f"Salesforce ({call.label}): {what}. Run again when some are free.",
        status=reply.status,
        code="REQUEST_LIMIT_EXCEEDED",
    )
    return RepeatError(error, too_long=True)


def _busy(call: Call, reply: Reply, what: str, code: str = "") -> RepeatError:
    """A refusal that may pass: nothing was done, so even a write may be sent again."""
    message = f"Salesforce ({call.label}): {what}. Run again later."
    wait = _asked_wait(reply.headers)
    return RepeatError(RetryLaterError(message, status=reply.status, code=code, after_seconds=wait), wait)


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After") or ""
    return float(text) if text.isdecimal() else None


def again(
    call: Call, what: str, *, sent: bool = True, status: int | None = None, wait_seconds: float | None = None
) -> RepeatError:
    """A failure that may pass. In the end it is an unknown outcome where a write may have taken effect."""
    message = f"Salesforce ({call.label}): {what}. Run again later."
    kind = UnknownOutcomeError if call.writes and sent else RetryLaterError
    return RepeatError(kind(message, status=status), wait_seconds)


def expired(call: Call, *, renews: bool) -> AccessError:
    """The access token has run out: nothing can renew it, or a fresh one is refused as well."""
    if renews:
        return AccessError(
            f"Salesforce ({call.label}): a fresh access token was refused at once. "
            "Check the app's session policies (session time, IP addresses) and that instance_url is the org's own."
        )
    return AccessError(
        f"Salesforce ({call.label}): the access token has expired. "
        "Set client_id and client_secret (or another login that renews itself), or set a new access_token."
    )


def words(errors: Sequence[wire.Problem]) -> str:
    """What Salesforce says, as one sentence."""
    text = " ".join(errors[0].message.split())[:300] if errors else ""
    text = text or "It gave no reason"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def allowance(reply: Reply) -> Allowance | None:
    """How many calls the org may still make in 24 hours; they come back one by one. The header has several forms.

    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
    """
    found = _USAGE.search(reply.headers.get("Sforce-Limit-Info") or "")
    if found is None:
        return None
    used, most = int(found.group(1)), int(found.group(2))
    return Allowance(most, max(0, most - used))
