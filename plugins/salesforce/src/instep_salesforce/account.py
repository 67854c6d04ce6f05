"""Says which org a login belongs to, and who it is there."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from instep.contract import ConnectionInfo, Scopes, Use
from instep.errors import AccessError, RemoteError
from instep_salesforce import wire
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import query_all
from instep_salesforce.values import id18, is_id, quoted

_ORG: Final = "SELECT Id,Name,IsSandbox,TimeZoneSidKey FROM Organization"
_CURRENCY: Final = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = TRUE"
_USER: Final = "SELECT Name,Username FROM User WHERE Id = "
_ENOUGH: Final = frozenset(("api", "full"))
_HARMLESS: Final = frozenset(
    ("id", "openid", "profile", "email", "address", "phone", "refresh_token", "offline_access")
)
"""They tell who the login is, or let it last."""


_MODIFY_METADATA: Final = "Modify Metadata Through Metadata API Functions"
_MODIFY_ALL: Final = "Modify All Data"
_PERMISSIONS: Final = {
    "PermissionsModifyMetadata": _MODIFY_METADATA,
    "PermissionsCustomizeApplication": "Customize Application",
    "PermissionsManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "PermissionsModifyAllData": _MODIFY_ALL,
}
_CONFIGURING: Final = frozenset(_PERMISSIONS.values()) - {_MODIFY_ALL}


class _Part(msgspec.Struct):
    referenceId: str  # noqa: N815
    httpStatusCode: int  # noqa: N815
    body: msgspec.Raw


class _Whole(msgspec.Struct):
    compositeResponse: list[_Part]  # noqa: N815


class _Rows(msgspec.Struct):
    records: list[dict[str, Any]]


class _Answers:
    """The first row of each query, by its name; one that was refused is left out."""

    def decode(self, data: bytes, /) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for part in _whole.decode(data).compositeResponse:
            rows = _rows.decode(part.body).records if part.httpStatusCode == 200 else []
            if rows:
                found[part.referenceId] = rows[0]
        return found


_whole = msgspec.json.Decoder(_Whole)
_rows = msgspec.json.Decoder(_Rows)
_answers = _Answers()


def check(client: SalesforceClient) -> ConnectionInfo:
    """The org and the user behind a login, in one call, once there is a token.

    An org with one currency does not say which; a ready token does not say whose it is.
    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
    """
    client.log_in()
    answer = client.fetch(Call("POST", client.path("composite"), "check", body=_body(client)), _answers)
    org, user = answer.value.get("org"), answer.value.get("user", {})
    if org is None:
        raise RemoteError("Salesforce (check): did not name the org. Give the login read access to Organization.")
    kind = " (sandbox)" if org.get("IsSandbox") else ""
    return ConnectionInfo(
        org=id18(str(org["Id"])),
        org_name=f"{org.get('Name') or ''}{kind}".strip(),
        user_id=user_id(client),
        user=str(user.get("Username") or user.get("Name") or ""),
        time_zone=str(org.get("TimeZoneSidKey") or "UTC"),
        currency=answer.value.get("currency", {}).get("IsoCode"),
        now=answer.at,
        granted=client.granted,
        missing=frozenset() if not client.granted or client.granted & _ENOUGH else frozenset(("api",)),
        calls_left_today=answer.calls_left_today,
    )


def scopes(client: SalesforceClient, use: Use) -> Scopes:
    """Everything is done with one scope; configuring takes permissions of the user besides, which one query tells.

    What a ready token was granted, Salesforce does not tell.
    help.salesforce.com: OAuth Tokens and Scopes
    """
    needed, within = frozenset(("api",)), {"api": frozenset(("full",))}
    if not use.configures:
        return Scopes(needed, client.granted or None, within, _HARMLESS)
    held = _permissions(client)
    granted = None if held is None else (client.granted or needed) | held
    within |= {_MODIFY_METADATA: frozenset((_MODIFY_ALL,))}
    return Scopes(needed | _CONFIGURING, granted, within, _HARMLESS)


def _permissions(client: SalesforceClient) -> frozenset[str] | None:
    """Which of the permissions that configuring takes this user has; None where the org does not tell.

    developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_userpermissionaccess.htm
    """
    columns = wire.Columns(dict.fromkeys(_PERMISSIONS, "boolean"))
    query = f"SELECT {','.join(columns)} FROM UserPermissionAccess"  # noqa: S608 - constants
    try:
        rows = list(query_all(client, "UserPermissionAccess", columns, query))
    except (RefusedError, AccessError):
        return None
    held = frozenset(name for column, name in _PERMISSIONS.items() for row in rows if row.get(column))
    return held - {_MODIFY_ALL} if _MODIFY_METADATA in held else held


def user_id(client: SalesforceClient) -> str:
    """The user behind the token, where its login told; else empty."""
    id = client.identity.rpartition("/")[2]
    return id if is_id(id) else ""


def _body(client: SalesforceClient) -> dict[str, Any]:
    queries = {"org": _ORG, "currency": _CURRENCY}
    if id := user_id(client):
        queries["user"] = _USER + quoted(id)
    parts = [
        {"method": "GET", "url": f"{client.path('query')}?{urlencode({'q': query})}", "referenceId": name}
        for name, query in queries.items()
    ]
    return {"allOrNone": False, "compositeRequest": parts}
