"""Reads the people that records can belong to."""

from __future__ import annotations

import msgspec

from instep.contract import SystemOwner
from instep_hubspot.answers import Call
from instep_hubspot.client import HubSpotClient
from instep_hubspot.wire import Paging


class _Owner(msgspec.Struct):
    id: str
    email: str | None = None
    firstName: str | None = None  # noqa: N815
    lastName: str | None = None  # noqa: N815
    type: str = "PERSON"
    archived: bool = False


class _Owners(msgspec.Struct):
    results: list[_Owner]
    paging: Paging | None = None


_owners = msgspec.json.Decoder(_Owners)


class HubSpotOwners:
    """The owners of an account; ids are owner ids, which records carry, not user ids."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client

    def read(self) -> tuple[SystemOwner, ...]:
        """Everyone, in order of id: records keep the owners who have left, so those are read too.

        developers.hubspot.com/docs/guides/api/crm/owners
        """
        found = {owner.id: owner for archived in (True, False) for owner in self._listed(archived=archived)}
        return tuple(sorted(found.values(), key=lambda owner: (len(owner.id), owner.id)))

    def _listed(self, *, archived: bool) -> list[SystemOwner]:
        query = {"limit": "500", "archived": str(archived).lower()}
        call = Call("GET", self._client.path("owners"), "owners/list", query)
        pages = self._client.pages(call, _owners)
        return [_owner(owner, active=not archived) for page in pages for owner in page.value.results]


def _owner(owner: _Owner, *, active: bool) -> SystemOwner:
    name = " ".join(part for part in (owner.firstName, owner.lastName) if part)
    return SystemOwner(
        id=owner.id,
        name=name or owner.email or owner.id,
        email=owner.email or None,
        active=active and not owner.archived,
        queue=owner.type == "QUEUE",
    )
