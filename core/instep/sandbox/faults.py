"""Faults a test can order: what goes wrong on the way, once or several times."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from instep.sandbox.http import JSON_TYPE, Response


class FaultKind(StrEnum):
    """Each way in which a call can go wrong."""

    HTML_502 = "html_502"
    """A gateway answers with a page of HTML; nothing is applied."""
    SERVER_ERROR = "server_error"
    """The vendor's own 500; nothing is applied."""
    THROTTLED = "throttled"
    """The vendor's own "too many calls"; nothing is applied."""
    RESET_BEFORE = "reset_before"
    """The connection is reset before anything is applied."""
    RESET_AFTER = "reset_after"
    """The call is applied, then the connection is reset."""
    TIMEOUT_AFTER_COMMIT = "timeout_after_commit"
    """The call is applied, then the connection is closed without an answer."""
    WRONG_SUCCESS_CODE = "wrong_success_code"
    """The call is applied and answered with 202 instead of its usual code."""
    SLOW = "slow"
    """The answer takes `seconds` by the sandbox's clock."""
    NON_UTF8 = "non_utf8"
    """The call is applied; the answer's text is not UTF-8."""
    TRUNCATED_JSON = "truncated_json"
    """The call is applied; the answer breaks off in the middle."""
    WRONG_CONTENT_TYPE = "wrong_content_type"
    """The call is applied; its answer calls itself a page of HTML."""
    STATUS = "status"
    """A given status and body; nothing is applied."""

    @property
    def comes_before(self) -> bool:
        """Whether the call is stopped before anything is applied."""
        return self in _BEFORE


_BEFORE = {
    FaultKind.HTML_502,
    FaultKind.SERVER_ERROR,
    FaultKind.THROTTLED,
    FaultKind.RESET_BEFORE,
    FaultKind.STATUS,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One ordered fault. `times` counts the calls still to be hit; None means every one.

    `after` counts the calls it is meant for that are still let through.
    """

    pattern: str
    kind: FaultKind
    times: int | None = 1
    seconds: float = 60.0
    status: int = 500
    body: bytes = b""
    writes_only: bool = False
    after: int = 0

    def hits(self, label: str, path: str, is_write: bool) -> bool:
        """Whether this fault is meant for a call."""
        if self.writes_only and not is_write:
            return False
        return fnmatchcase(label, self.pattern) or fnmatchcase(path, self.pattern)


class Faults:
    """The faults that are waiting for their calls, first ordered first served."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(
        self,
        pattern: str,
        kind: FaultKind | str,
        times: int | None = 1,
        *,
        seconds: float = 60.0,
        status: int = 500,
        body: bytes = b"",
        writes_only: bool = False,
        after: int = 0,
    ) -> None:
        """Order a fault for the next `times` calls whose label or path matches `pattern`, `after` so many of them."""
        fault = Fault(pattern, FaultKind(kind), times, seconds, status, body, writes_only, after)
        with self._lock:
            self._waiting.append(fault)

    def arm(self, times: int = 1) -> None:
        """Lose the answers of the next `times` writes, which are applied all the same."""
        self.add("*", FaultKind.TIMEOUT_AFTER_COMMIT, times, writes_only=True)

    def take(self, label: str, path: str, is_write: bool) -> Fault | None:
        """The fault for a call, if one is waiting; it is used up by this."""
        if not self._waiting:
            return None
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if not fault.hits(label, path, is_write):
                    continue
                if fault.after == 0:
                    self._use(place, fault)
                    return fault
                self._waiting[place] = replace(fault, after=fault.after - 1)
        return None

    def _use(self, place: int, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times > 1:
            self._waiting[place] = replace(fault, times=fault.times - 1)
        else:
            del self._waiting[place]

    def clear(self) -> None:
        """Call off every fault that is still waiting."""
        with self._lock:
            self._waiting.clear()


def html_502() -> Response:
    """The page that a gateway shows when the service behind it is gone."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return Response(502, page, content_type="text/html; charset=UTF-8")


def spoiled(response: Response, kind: FaultKind) -> Response:
    """`response` as it arrives when `kind` went wrong with it."""
    match kind:
        case FaultKind.WRONG_SUCCESS_CODE:
            return replace(response, status=202)
        case FaultKind.NON_UTF8:
            return replace(response, body=b'{"message":"caf\xe9 \xff"}', content_type=JSON_TYPE)
        case FaultKind.WRONG_CONTENT_TYPE:
            return replace(response, content_type="text/html; charset=UTF-8")
        case FaultKind.TRUNCATED_JSON:
            return replace(response, body=response.body[: len(response.body) // 2])
        case _:
            return response
