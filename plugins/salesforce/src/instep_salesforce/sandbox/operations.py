"""One operation of the imitated API: where it is, what answers, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec

from instep.sandbox import Request, Response
from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import malformed
from instep_salesforce.sandbox.times import from_header

JSON = "application/json;charset=UTF-8"
DUPLICATES_FROM = 52.0
NOTHING = Response(204)
_encode = msgspec.json.Encoder().encode


def reply(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """An answer in JSON."""
    return Response(status, _encode(value), headers, JSON)


@dataclass(frozen=True, slots=True)
class Call:
    """One call by a user who is logged in."""

    request: Request
    user: str
    version: float

    @property
    def params(self) -> Mapping[str, str]:
        """The parameters in the path."""
        return self.request.params

    @property
    def base(self) -> str:
        """Where the resources of the called version are."""
        return f"/services/data/v{self.version}"

    def header(self, name: str) -> str | None:
        """A header of the request."""
        return self.request.headers.get(name.lower())

    def moment(self, header: str) -> str | None:
        """A date among the headers, as a stamp."""
        text = self.header(header)
        return None if text is None else from_header(text)

    def body(self) -> dict[str, object]:
        """The body, which is an object; nothing at all counts as an empty one."""
        body = self.request.json() if self.request.body.strip() else {}
        if not isinstance(body, dict):
            raise malformed("Unexpected parameter encountered during deserialization: the body must be an object")
        return body

    def caller(self) -> Caller:
        """The user with the wishes that the headers express."""
        options = _options(self.header("Sforce-Duplicate-Rule-Header") or "")
        is_known = self.version >= DUPLICATES_FROM
        return Caller(
            user=self.user,
            version=self.version,
            auto_assign=_auto_assign(self.header("Sforce-Auto-Assign")),
            allow_duplicates=is_known and options.get("allowsave") == "true",
            record_details=is_known and options.get("includerecorddetails") == "true",
        )

    def option(self, header: str, name: str) -> str | None:
        """One setting of a header such as `batchSize=500`."""
        return _options(self.header(header) or "").get(name.lower())

    def within(self, request: Request) -> Call:
        """The same user's call inside this one."""
        return replace(self, request=request)


def _options(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.replace(",", ";").split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs if name.strip()}


def _auto_assign(text: str | None) -> bool | str:
    if text is None or text.strip().lower() == "true":
        return True
    return False if text.strip().lower() == "false" else text.strip()


Answer: TypeAlias = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation below `/services/data/vNN.0`. `writes` is as in the kit's routes.

    A call whose body says to be of another type than `body_type` is refused.
    """

    method: str
    template: str
    answer: Answer
    label: str
    writes: bool | Callable[[Request], bool] | None = None
    counts: bool = True
    body_type: str = "json"
