"""What HubSpot's answers look like, and where its resources live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

_AREAS: Final[Mapping[str, str]] = {
    "objects": "/crm/v3/objects",
    "associations": "/crm/v4/associations",
    "properties": "/crm/v3/properties",
    "pipelines": "/crm/v3/pipelines",
    "owners": "/crm/v3/owners",
    "consent": "/communication-preferences/v4",
    "oauth": "/oauth/v3",
}
_DATED_AREAS: Final[Mapping[str, str]] = {
    "objects": "/crm/objects/",
    "associations": "/crm/associations/",
    "properties": "/crm/properties/",
    "pipelines": "/crm/pipelines/",
    "owners": "/crm/owners/",
    "consent": "/communication-preferences/",
    "oauth": "/oauth/",
}
_UNDATED: Final[Mapping[str, str]] = {
    "account": "/account-info/v3",
    "forms": "/marketing/v3/forms",
    "submissions": "/form-integrations/v1/submissions/forms",
}


def path(version: str, area: str, *parts: str) -> str:
    """The path of a resource in the family of `version`; every path is built here.

    developers.hubspot.com/docs/api-reference/legacy/migration-guide lists both families.
    """
    if area in _UNDATED:
        root = _UNDATED[area]
    elif version == "v3":
        root = _AREAS[area]
    else:
        root = _DATED_AREAS[area] + version
    return "/".join((root, *(quote(part, safe="") for part in parts)))


class Next(msgspec.Struct):
    after: str


class Paging(msgspec.Struct):
    next: Next | None = None


class WireRecord(msgspec.Struct):
    """One record. Every property is text or null, whatever its type in HubSpot."""

    id: str
    properties: dict[str, str | None]
    updatedAt: datetime  # noqa: N815
    archivedAt: datetime | None = None  # noqa: N815
    archived: bool = False
    new: bool | None = None
    objectWriteTraceId: str | None = None  # noqa: N815


class RecordPage(msgspec.Struct):
    results: list[WireRecord]
    paging: Paging | None = None

    @property
    def after(self) -> str | None:
        return self.paging.next.after if self.paging and self.paging.next else None


class RawPage(msgspec.Struct):
    """A page whose records are parsed one by one, because one of them is not readable."""

    results: list[msgspec.Raw]
    paging: Paging | None = None


class RawIdentity(msgspec.Struct):
    id: str


class ErrorDetail(msgspec.Struct):
    message: str = ""
    code: str = ""
    context: dict[str, Any] = {}


class ErrorBody(msgspec.Struct):
    """What HubSpot says when it refuses; no part of it is guaranteed.

    developers.hubspot.com/docs/api-reference/latest/error-handling
    """

    message: str = ""
    category: str = ""
    policyName: str = ""  # noqa: N815
    status: str = ""
    context: dict[str, Any] = {}
    errors: list[ErrorDetail] = []

    def named(self, key: str) -> tuple[str, ...]:
        """Everything that the contexts of this error give under `key`."""
        found: list[str] = []
        for context in (self.context, *(detail.context for detail in self.errors)):
            values = context.get(key, ())
            found += [values] if isinstance(values, str) else [str(value) for value in values]
        return tuple(found)


class BatchAnswer(msgspec.Struct):
    """The answer of a batch: what worked, in any order, and what did not."""

    results: list[WireRecord]
    errors: list[ErrorBody] = []


class Account(msgspec.Struct):
    portalId: int  # noqa: N815
    timeZone: str = "UTC"  # noqa: N815
    companyCurrency: str | None = None  # noqa: N815
    accountType: str = ""  # noqa: N815


class Token(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    scopes: list[str] = []


record_page = msgspec.json.Decoder(RecordPage)
one_record = msgspec.json.Decoder(WireRecord)
raw_identity = msgspec.json.Decoder(RawIdentity)
batch_answer = msgspec.json.Decoder(BatchAnswer)
account = msgspec.json.Decoder(Account)
token = msgspec.json.Decoder(Token)
_error_body = msgspec.json.Decoder(ErrorBody, strict=False)


class _AnyPage:
    """Decodes a page; one that holds a record of an unexpected shape comes back raw, to be read record by record."""

    _raw = msgspec.json.Decoder(RawPage)

    def decode(self, data: bytes) -> RecordPage | RawPage:
        try:
            return record_page.decode(data)
        except msgspec.ValidationError:
            return self._raw.decode(data)


any_page = _AnyPage()


def read_error(data: bytes) -> ErrorBody:
    """The parts of an error body; all blank where it is HTML, cut off or not text at all."""
    try:
        return _error_body.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ErrorBody()
