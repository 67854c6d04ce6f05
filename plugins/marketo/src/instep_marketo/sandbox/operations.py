"""One operation of the imitated API, and how answers are put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instep.sandbox import MalformedJsonError, Request, Response
from instep_marketo.sandbox.errors import RefusedError

Body = dict[str, Any]
Answer = Body | Response
MAX_INPUT = 300


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation. `permission` is what the API user's role must hold."""

    method: str
    template: str
    handler: Callable[[Request], Answer]
    label: str
    permission: str = ""
    writes: bool | Callable[[Request], bool] | None = None


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


def inputs_of(body: Body, most: int = MAX_INPUT) -> list[Body]:
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


def skipped(attempt: Callable[[], Body]) -> Body:
    """What came of one record; a refusal is no error of the call."""
    try:
        return attempt()
    except RefusedError as refused:
        return refused.to_skip()
