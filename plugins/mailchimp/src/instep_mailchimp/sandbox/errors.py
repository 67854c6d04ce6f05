"""Mailchimp's refusals, as exceptions inside the sandbox and as problem documents outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from instep.sandbox import Response

PROBLEM_TYPE = "application/problem+json; charset=utf-8"
_GLOSSARY = "https://mailchimp.com/developer/marketing/docs/errors/"


@dataclass(slots=True)
class ProblemError(Exception):
    """Mailchimp says no. mailchimp.com/developer/marketing/docs/errors"""

    status: int
    title: str
    detail: str
    errors: Sequence[Mapping[str, str]] = field(default_factory=tuple)

    def __str__(self) -> str:
        return f"{self.status} {self.title}: {self.detail}"

    def to_response(self, instance: str, *, typed: bool = True) -> Response:
        """The answer; newer ones may leave out `type`."""
        body: dict[str, object] = {"type": _GLOSSARY} if typed else {}
        body |= {"title": self.title, "status": self.status, "detail": self.detail, "instance": instance}
        if self.errors:
            body["errors"] = [dict(error) for error in self.errors]
        return Response(self.status, msgspec.json.encode(body), content_type=PROBLEM_TYPE)


def invalid(field: str, message: str) -> ProblemError:
    """400: one field of a body does not fit its schema."""
    detail = "The resource submitted could not be validated. For field-specific details, see the 'errors' array."
    return ProblemError(400, "Invalid Resource", detail, ({"field": field, "message": message},))


def bad_merge_fields(errors: Sequence[Mapping[str, str]]) -> ProblemError:
    """400: values of merge fields are refused."""
    return ProblemError(400, "Invalid Resource", "Your merge fields were invalid.", tuple(errors))


def not_found() -> ProblemError:
    """404: there is no such thing."""
    return ProblemError(404, "Resource Not Found", "The requested resource could not be found.")


def member_exists(email: str) -> ProblemError:
    """400: the address belongs to another member."""
    detail = f"{email} is already a list member. Use PUT to insert or update list members."
    return ProblemError(400, "Member Exists", detail)


def in_compliance_state(email: str) -> ProblemError:
    """400: only the person can subscribe again."""
    detail = (
        f"{email} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed."
    )
    return ProblemError(400, "Member In Compliance State", detail)


def forgotten(email: str) -> ProblemError:
    """400: the address was deleted for good."""
    detail = (
        f"{email} was permanently deleted and cannot be re-imported. "
        "The contact must re-subscribe to get back on the list."
    )
    return ProblemError(400, "Forgotten Email Not Subscribed", detail)
