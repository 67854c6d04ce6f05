"""Conditional requests.

developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_conditional_request.htm: dates on every row,
to the second; entity tags on accounts only; nothing on DELETE.
"""

from __future__ import annotations

from zlib import crc32

from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.operations import Call
from instep_salesforce.sandbox.schema import ObjectType, Row
from instep_salesforce.sandbox.times import to_header

_TAGGED = "Account"
Headers = tuple[tuple[str, str], ...]


class PreconditionError(Exception):
    """412: the record is not what the caller thinks."""


def _tag(row: Row) -> str:
    return f'"{crc32(str(sorted(row.items())).encode()):08x}--gzip"'


def validators(kind: ObjectType, row: Row) -> Headers:
    """The headers by which the next request can be conditional."""
    changed = row.get("LastModifiedDate")
    headers: Headers = (("Last-Modified", to_header(str(changed))),) if changed else ()
    return (*headers, ("ETag", _tag(row))) if kind.name == _TAGGED else headers


def is_unmodified(call: Call, kind: ObjectType, row: Row) -> bool:
    """Whether a read can be answered with 304."""
    if kind.name == _TAGGED and (tags := call.header("If-None-Match")) is not None:
        return tags.strip() == "*" or _tag(row) in _listed(tags)
    since = call.moment("If-Modified-Since")
    _require_unmodified(call, row)
    return since is not None and str(row.get("LastModifiedDate", "")) <= since


def _require_unmodified(call: Call, row: Row) -> None:
    text = call.header("If-Unmodified-Since")
    if text is None:
        return
    since = call.moment("If-Unmodified-Since")
    if since is None:
        raise RefusedError(400, "INVALID_HEADER", f"Invalid value for header If-Unmodified-Since: {text}")
    if str(row.get("LastModifiedDate", "")) > since:
        raise PreconditionError


def require_conditions(call: Call, kind: ObjectType, row: Row) -> None:
    """Refuse a write whose conditions do not hold."""
    if kind.name == _TAGGED:
        _require_tag(call, row)
    _require_unmodified(call, row)
    since = call.moment("If-Modified-Since")
    if since is not None and str(row.get("LastModifiedDate", "")) <= since:
        raise PreconditionError


def _require_tag(call: Call, row: Row) -> None:
    wanted, unwanted = call.header("If-Match"), call.header("If-None-Match")
    for tags in (wanted, unwanted):
        if tags is not None and tags.strip() != "*" and not all(tag.startswith(('"', "W/")) for tag in _listed(tags)):
            raise RefusedError(400, "INVALID_HEADER", f"Invalid entity tag: {tags}")
    if wanted is not None and wanted.strip() != "*" and _tag(row) not in _listed(wanted):
        raise PreconditionError
    if unwanted is not None and (unwanted.strip() == "*" or _tag(row) in _listed(unwanted)):
        raise PreconditionError


def _listed(tags: str) -> list[str]:
    return [tag.strip() for tag in tags.split(",")]
