"""Salesforce's refusals, as exceptions inside the sandbox and as bodies outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class RefusedError(Exception):
    """Salesforce says no: a status, a code, and the fields that are to blame.

    `fields` is None where the answer has no such list.
    """

    status: int
    code: str
    message: str
    fields: Sequence[str] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def to_body(self) -> list[dict[str, object]]:
        """The body of a refusal of a whole call."""
        error: dict[str, object] = {**self.extra, "message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return [error]

    def to_item(self) -> dict[str, object]:
        """The same refusal as one error in the result of one record."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


@dataclass(slots=True)
class OAuthRefusedError(Exception):
    """The login says no, in the form of OAuth."""

    error: str
    description: str
    status: int = 400

    def __str__(self) -> str:
        return f"{self.error}: {self.description}"

    def to_body(self) -> dict[str, object]:
        """The body of the refusal."""
        return {"error": self.error, "error_description": self.description}


def refused(code: str, message: str, *fields: str) -> RefusedError:
    """400: a record cannot be written as it is."""
    return RefusedError(400, code, message, fields)


def malformed(message: str, code: str = "JSON_PARSER_ERROR") -> RefusedError:
    """400: the call itself cannot be understood."""
    return RefusedError(400, code, message)


def not_found(message: str = "The requested resource does not exist") -> RefusedError:
    """404: there is no such thing."""
    return RefusedError(404, "NOT_FOUND", message)


def deleted() -> RefusedError:
    """404: the record lies in the recycle bin."""
    return RefusedError(404, "ENTITY_IS_DELETED", "entity is deleted", ())
