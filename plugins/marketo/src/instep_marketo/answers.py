"""What a request is, and what its answer means. Pure: nothing here sends anything.

Marketo reports nearly every error with HTTP 200 and `success: false`; its codes are texts.
Marketo developer guide: Error codes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from instep.contract import RepeatError, Reply
from instep.errors import AccessError, RemoteError, RetryLaterError, UnknownOutcomeError, UsedUpError

CENTRAL: Final = ZoneInfo("America/Chicago")
"""The daily quota begins anew at midnight here."""
_RATE_WAIT_SECONDS: Final = 20.0
_QUEUE_WAIT_SECONDS: Final = 60.0
_NOTHING_DONE: Final = frozenset(("502", "606", "608", "614", "615", "713", "719"))
"""Codes that may pass later, and after which surely nothing was done."""
_PERHAPS_DONE: Final = frozenset(("604", "611"))
"""Codes that may pass later; Marketo may have done its work, and only been too slow to say so."""
_QUEUE_FULL: Final = "1029"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. What is not `repeatable` is sent again only where it surely did nothing."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    label: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    form: Mapping[str, str] | None = None
    writes: bool = False
    repeatable: bool = True


class Problem(msgspec.Struct, frozen=True):
    """Why a call or a record was refused."""

    code: str | int = ""
    message: str = ""

    @property
    def words(self) -> str:
        """What Marketo says, as the rest of a sentence."""
        return " ".join(self.message.split())[:300].rstrip(".") or f"code {self.code}"


class Envelope(msgspec.Struct, frozen=True):
    """What every JSON answer looks like. `result` may be missing, also on success."""

    success: bool
    result: list[Any] = []
    errors: list[Problem] = []
    warnings: list[Any] = []
    nextPageToken: str | None = None  # noqa: N815
    moreResult: bool = False  # noqa: N815


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `at` is Marketo's own clock, to the second, when it answered."""

    result: list[Any]
    at: datetime | None
    token: str | None = None
    has_more: bool = False


class RefusedError(RemoteError):
    """Marketo refused the request as a whole, and did nothing; `problem` says why."""

    def __init__(self, message: str, *, problem: Problem, status: int = 200) -> None:
        super().__init__(message, status=status, code=str(problem.code))
        self.problem = problem


class ExpiredError(Exception):
    """The access token has run out, or is not known any more."""


def envelope_error(call: Call, reply: Reply, envelope: Envelope) -> Exception:
    """What `success: false` means: the first error decides."""
    problem = envelope.errors[0] if envelope.errors else Problem()
    code = str(problem.code)
    if code in ("601", "602"):
        return ExpiredError()
    if code == "603":
        return AccessError(
            f"Marketo ({call.label}): the login may not do this. Give its API role the permission, and look whether "
            "an IP allow-list keeps this machine out (Admin, Web Services)."
        )
    if code == "607":
        return RepeatError(used_up(call, reply), too_long=True)
    if code == _QUEUE_FULL and "quota" in problem.message.lower():
        message = f"Marketo ({call.label}): the daily volume of bulk extracts is used up. Run again tomorrow."
        return RepeatError(RetryLaterError(message, code=code), too_long=True)
    if (code == _QUEUE_FULL and "already" not in problem.message.lower()) or code in _NOTHING_DONE:
        waits = {"606": _RATE_WAIT_SECONDS, _QUEUE_FULL: _QUEUE_WAIT_SECONDS}
        return again(call, problem.words, sent=False, code=code, wait_seconds=waits.get(code))
    if code in _PERHAPS_DONE:
        return again(call, problem.words, code=code)
    return RefusedError(f"Marketo ({call.label}): refused with code {code}: {problem.words}.", problem=problem)


def status_error(call: Call, reply: Reply) -> Exception:
    """What an answer outside 2xx means. Its body may be anything, and is never read."""
    if reply.status in (401, 403):
        return AccessError(
            f"Marketo ({call.label}): the login was not accepted. "
            "Check client_id and client_secret against the custom service under Admin, LaunchPoint."
        )
    if reply.status == 429 or reply.status >= 500:
        return again(call, f"is out of order (status {reply.status})", status=reply.status)
    problem = Problem(str(reply.status), f"status {reply.status}")
    message = f"Marketo ({call.label}): refused with status {reply.status}."
    return RefusedError(message, problem=problem, status=reply.status)


def used_up(call: Call, reply: Reply) -> UsedUpError:
    """The day's calls are spent: waiting for midnight is not for a run to do."""
    now = reply.at
    return UsedUpError(
        f"Marketo ({call.label}): the daily quota of calls is used up. Run again after midnight in US Central time.",
        code="607",
        renews_at=midnight(now) if now else None,
    )


def again(
    call: Call,
    what: str,
    *,
    sent: bool = True,
    status: int | None = None,
    code: str = "",
    wait_seconds: float | None = None,
) -> RepeatError:
    """A failure that may pass. In the end it is an unknown outcome where a write may have taken effect."""
    message = f"Marketo ({call.label}): {what}. Run again later."
    kind = UnknownOutcomeError if call.writes and sent else RetryLaterError
    return RepeatError(kind(message, status=status, code=code), wait_seconds, is_guess=True)


def midnight(now: datetime) -> datetime:
    """When the next day of calls begins."""
    tomorrow = now.astimezone(CENTRAL).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), CENTRAL).astimezone(UTC)


def instant(text: object) -> datetime | None:
    """A moment in any of Marketo's spellings: `…Z`, `…+0000`, and `…Z+0000` of assets."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z+0000", "+0000"))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def instant_text(at: datetime) -> str:
    """A moment as Marketo takes it, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
