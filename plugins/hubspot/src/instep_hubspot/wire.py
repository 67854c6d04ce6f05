"""What HubSpot's answers look like, and where its resources live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from instep.errors import RemoteError

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
    """The path of a resource in the family of `version`; every path is built here. No part can lead elsewhere.

    developers.hubspot.com/docs/api-reference/legacy/migration-guide lists both families.
    """
    if any(part in ("", ".", "..") for part in parts):
        raise RemoteError(f"HubSpot: {parts} is no path. Nothing was sent.")
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


def after(paging: Paging | None) -> str | None:
    """Where the next page begins; None after the last one."""
    return paging.next.after if paging and paging.next else None


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
    """A page of records; `garbled` says of those that cannot be read why not, by id."""

    results: list[WireRecord]
    paging: Paging | None = None
    garbled: dict[str, str] = {}
    last_id: str | None = None

    @property
    def after(self) -> str | None:
        return after(self.paging)


class _Identity(msgspec.Struct):
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
    """The answer of a batch: what worked, in any order, what did not, and what cannot be read."""

    results: list[WireRecord]
    errors: list[ErrorBody] = []
    garbled: dict[str, str] = {}


class _RawAnswer(msgspec.Struct):
    """A page or batch whose records are parsed one by one, because one of them cannot be read."""

    results: list[msgspec.Raw]
    paging: Paging | None = None
    errors: list[ErrorBody] = []


class Account(msgspec.Struct):
    portalId: int  # noqa: N815
    timeZone: str = "UTC"  # noqa: N815
    companyCurrency: str | None = None  # noqa: N815


class Token(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    scopes: list[str] = []


class TokenInfo(msgspec.Struct):
    scopes: list[str] = []


one_record = msgspec.json.Decoder(WireRecord)
account = msgspec.json.Decoder(Account)
token = msgspec.json.Decoder(Token)
token_info = msgspec.json.Decoder(TokenInfo)
_error_body = msgspec.json.Decoder(ErrorBody, strict=False)
_page = msgspec.json.Decoder(RecordPage)
_batch = msgspec.json.Decoder(BatchAnswer)
_raw_answer = msgspec.json.Decoder(_RawAnswer)
_identity = msgspec.json.Decoder(_Identity)


class _Pages:
    """Decodes pages of records. One record that cannot be read does not take its neighbours along."""

    def decode(self, data: bytes, /) -> RecordPage:
        try:
            page = _page.decode(data)
        except msgspec.ValidationError:
            raw = _raw_answer.decode(data)
            results, garbled = _one_by_one(raw.results)
            return RecordPage(results, raw.paging, garbled, _identity.decode(raw.results[-1]).id)
        page.last_id = page.results[-1].id if page.results else None
        return page


class _Batches:
    """Decodes answers of batches, in the same forgiving way."""

    def decode(self, data: bytes, /) -> BatchAnswer:
        try:
            return _batch.decode(data)
        except msgspec.ValidationError:
            raw = _raw_answer.decode(data)
            results, garbled = _one_by_one(raw.results)
            return BatchAnswer(results, raw.errors, garbled)


record_page = _Pages()
batch_answer = _Batches()


def _one_by_one(raw: list[msgspec.Raw]) -> tuple[list[WireRecord], dict[str, str]]:
    records: list[WireRecord] = []
    garbled: dict[str, str] = {}
    for data in raw:
        try:
            records.append(one_record.decode(data))
        except msgspec.ValidationError as error:
            id = _identity.decode(data).id
            garbled[id] = f"HubSpot's answer for this record cannot be read: {error}."
    return records, garbled


def read_error(data: bytes) -> ErrorBody:
    """The parts of an error body; all blank where it is HTML, cut off or not text at all."""
    try:
        return _error_body.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ErrorBody()
