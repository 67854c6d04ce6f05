"""Reads the sales persons to whom leads may belong."""

from __future__ import annotations

import msgspec

from instep.contract import SystemOwner
from instep.errors import RemoteError
from instep_marketo.answers import Call
from instep_marketo.client import MarketoClient
from instep_marketo.settings import MarketoSettings


class _Person(msgspec.Struct):
    externalSalesPersonId: str | None = None  # noqa: N815
    email: str | None = None
    firstName: str | None = None  # noqa: N815
    lastName: str | None = None  # noqa: N815


class MarketoOwners:
    """The sales persons of a subscription that no CRM is synchronised with; ids are `externalSalesPersonId`.

    Marketo lists nobody: they are asked for by the addresses in the settings, so nobody else is known.
    Marketo developer guide: Sales persons
    """

    def __init__(self, client: MarketoClient, settings: MarketoSettings) -> None:
        self._client = client
        self._emails = settings.owner_emails

    def read(self) -> tuple[SystemOwner, ...]:
        """Everyone whom the settings name and Marketo knows."""
        query = {
            "filterType": "email",
            "filterValues": ",".join(self._emails),
            "fields": "externalSalesPersonId,email,firstName,lastName",
        }
        found: dict[str, SystemOwner] = {}
        for page in self._client.pages(Call("GET", "/rest/v1/salespersons.json", "salespersons/read", query)):
            try:
                people = msgspec.convert(page.result, list[_Person])
            except msgspec.ValidationError:
                raise RemoteError("Marketo (salespersons/read): answered with people that cannot be read.") from None
            for person in people:
                if id := person.externalSalesPersonId:
                    name = " ".join(part for part in (person.firstName, person.lastName) if part)
                    found[id] = SystemOwner(id, name or person.email or id, person.email, active=True)
        return tuple(found[id] for id in sorted(found))
