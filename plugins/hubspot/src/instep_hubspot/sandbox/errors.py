"""HubSpot's refusals, as exceptions inside the sandbox and as bodies outside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """Why one property value is refused."""

    name: str
    error: str
    message: str

    def to_dict(self) -> dict[str, object]:
        """The problem as the inner list of a refusal shows it."""
        return {"isValid": False, "message": self.message, "error": self.error, "name": self.name}


@dataclass(slots=True)
class RefusedError(Exception):
    """HubSpot says no: `status` and the parts of its error body.

    `is_of_one_input` says that the other inputs of a batch are not concerned.
    """

    status: int
    message: str
    category: str | None = "VALIDATION_ERROR"
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: Sequence[Mapping[str, object]] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)
    is_of_one_input: bool = False

    def __str__(self) -> str:
        return f"{self.status}: {self.message}"

    def to_body(self, correlation_id: str) -> dict[str, object]:
        """The body of a refusal of a whole call."""
        body: dict[str, object] = {
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
        }
        if self.category:
            body["category"] = self.category
        for name in ("context", "errors", "links"):
            if value := getattr(self, name):
                body[name] = value
        return {**body, **self.extra}

    def to_item(self, context: Mapping[str, Sequence[str]]) -> dict[str, object]:
        """The same refusal as one item among the errors of a batch."""
        return {
            "status": "error",
            "category": self.category or "VALIDATION_ERROR",
            "message": self.message,
            "context": {**self.context, **context},
            "errors": list(self.errors),
            "links": dict(self.links),
        }


def invalid(message: str, **context: Sequence[str]) -> RefusedError:
    """400: the call cannot be accepted as it is."""
    return RefusedError(400, message, context=context)


def invalid_values(problems: Sequence[ValueProblem]) -> RefusedError:
    """400: some property values are refused; the list travels as JSON inside the message."""
    found = [problem.to_dict() for problem in problems]
    details = [
        {
            "message": problem.message,
            "code": problem.error,
            "context": {"propertyName": [problem.name]},
        }
        for problem in problems
    ]
    return RefusedError(
        400, f"Property values were not valid: {json.dumps(found, separators=(',', ':'))}", errors=details
    )


def not_found(message: str = "resource not found") -> RefusedError:
    """404: there is no such thing."""
    return RefusedError(404, message, category="OBJECT_NOT_FOUND")


def conflict(message: str) -> RefusedError:
    """409: a value that must be unique is taken."""
    return RefusedError(409, message, category="CONFLICT")
