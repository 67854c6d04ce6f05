"""What a request is, and what its answer means. Pure: nothing here sends anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from instep.contract import RepeatError, Reply
from instep.errors import AccessError, RemoteError, RetryLaterError, UnknownOutcomeError
from instep_mailchimp import wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: where, what, and whether it can change something.

    What is not `repeatable` is sent again only where it surely did nothing: Mailchimp has no keys by which a repeated
    request is known, so only what leaves the same state twice may be repeated.
    """

    method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
    path: str
    label: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    writes: bool = False
    repeatable: bool = True
    link: str = ""
    """A whole address elsewhere, signed by itself: the login is never sent there."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came back. `at` is Mailchimp's own clock, to the second, when it answered."""

    value: T
    at: datetime | None


class RefusedError(RemoteError):
    """Mailchimp refused the request; `problem` says why, as far as it could be read."""

    def __init__(self, message: str, *, status: int, problem: wire.Problem) -> None:
        super().__init__(message, status=status, code=problem.title)
        self.problem = problem


def failure(call: Call, reply: Reply) -> Exception:
    """What an answer outside 2xx means. The status decides; the body, which may be HTML or nothing, only adds."""
    problem = wire.read_problem(reply.data)
    if reply.status == 401:
        return AccessError(
            f"Mailchimp ({call.label}): the login was not accepted. "
            "Check the API key and its data centre, then set api_key to a valid one."
        )
    if reply.status == 429 or (reply.status == 403 and problem is None and not call.link):
        # A 403 without a body is no lack of rights: that is how Mailchimp refuses very many calls at once.
        # mailchimp.com/developer/marketing: fundamentals
        message = f"Mailchimp ({call.label}): too many requests at one time. Run again later."
        return RepeatError(RetryLaterError(message, status=reply.status))
    if reply.status == 403 and problem is not None:
        return AccessError(
            f"Mailchimp ({call.label}): the login may not do this ({problem.title or 'no reason given'}). "
            "Give its user the right to, or use another login."
        )
    if reply.status >= 500:
        return again(call, f"is out of order (status {reply.status})", status=reply.status)
    problem = problem or wire.Problem()
    said = " ".join(problem.detail.split())[:300] or "It gave no reason."
    return RefusedError(
        f"Mailchimp ({call.label}): refused with status {reply.status}. {said}",
        status=reply.status,
        problem=problem,
    )


def again(call: Call, what: str, *, sent: bool = True, status: int | None = None) -> RepeatError:
    """A failure that may pass. In the end it is an unknown outcome where a write may have taken effect."""
    kind = UnknownOutcomeError if call.writes and sent else RetryLaterError
    return RepeatError(kind(f"Mailchimp ({call.label}): {what}. Run again later.", status=status))
