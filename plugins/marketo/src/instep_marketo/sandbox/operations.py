"""One operation of the imitated API, and how answers are put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from instep.sandbox import MalformedJsonError, Request, Response
from instep_marketo.sandbox.errors import RefusedError

Body = dict[str, Any]
Answer = Body | Response


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation. `permission` is what the API user's role must hold; of several, one will do."""

    method: str
    template: str
    handler: Callable[[Request], Answer]
    label: str
    permission: str | tuple[str, ...] = ""
    writes: bool | Callable[[Request], bool] | None = None

    @property
    def permissions(self) -> tuple[str, ...]:
        """Of which the role must hold one."""
        return (self.permission,) if isinstance(self.permission, str) else self.permission


def asks(request: Request) -> bool:
    """Whether a POST only stands for a GET whose address would be too long."""
    return request.method == "POST" and (request.one("_method") or "").upper() == "GET"


def result(items: list[Any], **more: Any) -> Body:
    """An answer with records."""
    return {"result": items, **more}


def body_of(request: Request) -> Body:
    """The JSON object that a call carries."""
    if "json" not in request.headers.get("content-type", ""):
        raise RefusedError("612", "Invalid Content Type")
    try:
        body = request.json()
    except MalformedJsonError:
        raise RefusedError("609", "Invalid JSON") from None
    if not isinstance(body, dict):
        raise RefusedError("609", "Invalid JSON")
    return body


def inputs_of(body: Body, most: int) -> list[Body]:
    """The records of a call."""
    given = body.get("input")
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
        raise RefusedError("1002", "Missing value for the required parameter 'input'")
    if len(given) > most:
        raise RefusedError("1003", f"Too many records in the input, at most {most} are allowed")
    return given


def need(request: Request, name: str) -> str:
    """A parameter that must be there."""
    value = request.one(name)
    if not value:
        raise RefusedError("1002", f"Missing value for the required parameter '{name}'")
    return value


def whole(text: object) -> int | None:
    """A whole number that an address or a body gives; None where it is none."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() else None


def moment(text: object) -> datetime:
    """A date, or a date and a time, that a call gives; in UTC where it does not say."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise RefusedError("704", "Invalid date format") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def each(inputs: list[Body], act: Callable[[Body], Body], *, numbered: bool = False) -> Body:
    """What came of every record, in order, with its place where that is told; a refusal is no error of the call."""
    done = [_done(one, act) for one in inputs]
    return result([{"seq": seq, **one} for seq, one in enumerate(done)] if numbered else done)


def _done(one: Body, act: Callable[[Body], Body]) -> Body:
    try:
        return act(one)
    except RefusedError as refused:
        return refused.to_skip()
