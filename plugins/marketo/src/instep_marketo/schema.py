"""The fields of leads as Marketo describes them, and values as Marketo gives and takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from instep.errors import RemoteError
from instep.model.values import Money, Scalar
from instep_marketo.answers import Call, instant, instant_text
from instep_marketo.client import MarketoClient

COMPANY_FIELDS: Final = frozenset(
    (
        "company",
        "industry",
        "annualRevenue",
        "billingStreet",
        "billingCity",
        "billingState",
        "billingCountry",
        "billingPostalCode",
        "mainPhone",
        "numberOfEmployees",
        "sicCode",
        "site",
        "website",
    )
)
"""Fields that leads show and companies have: writing them with a lead is not supported.

Marketo developer guide: Leads
"""
STANDARD_FIELDS: Final = frozenset(
    (
        "id",
        "email",
        "firstName",
        "lastName",
        "title",
        "phone",
        "createdAt",
        "updatedAt",
        "unsubscribed",
        "unsubscribedReason",
        "emailInvalid",
        "marketingSuspended",
        "leadScore",
        "leadStatus",
        "leadSource",
        "rating",
        "relativeScore",
        "urgency",
        "priority",
        "leadPartitionId",
        "leadRevenueCycleModelId",
        "leadRevenueStageId",
        "acquisitionProgramId",
        "externalSalesPersonId",
        "externalCompanyId",
        "leadOwnerFirstName",
        "leadOwnerLastName",
        "leadOwnerEmailAddress",
        "leadOwnerJobTitle",
        "leadOwnerPhoneNumber",
        "sfdcLeadId",
        "sfdcContactId",
        "sfdcAccountId",
        "sfdcLeadOwnerId",
        "sfdcOpptyId",
    )
)
"""Fields that every subscription has. One that is missing is hidden from this login, and never to be created."""
_WHOLE: Final = frozenset(("integer", "score", "reference"))
_BROKEN: Final = frozenset(("float", "currency", "percent"))


class Field(msgspec.Struct, frozen=True):
    """A field of leads."""

    name: str
    dataType: str = "string"  # noqa: N815
    displayName: str = ""  # noqa: N815
    length: int | None = None
    updateable: bool = True
    crmManaged: bool | None = None  # noqa: N815


class _Description(msgspec.Struct):
    fields: list[Field]


class Schema:
    """The fields of leads as they were last described.

    `describe2` and not `describe`: only it says what can be updated.
    Marketo developer guide: Leads
    """

    def __init__(self, client: MarketoClient) -> None:
        self._client = client
        self._found: dict[str, Field] | None = None

    def fields(self) -> Mapping[str, Field]:
        """Every field that this login can see, by its REST name; described once."""
        if self._found is None:
            answer = self._client.fetch(Call("GET", "/rest/v1/leads/describe2.json", "leads/describe2"))
            try:
                (description,) = msgspec.convert(answer.result, list[_Description])
            except ValueError:
                raise RemoteError("Marketo (leads/describe2): answered with fields that cannot be read.") from None
            self._found = {field.name: field for field in description.fields}
        return self._found

    def known(self, names: Iterable[str], *, again: bool = False) -> list[str]:
        """Those of some names that are fields. With `again`, what is not known is looked up anew."""
        wanted = list(dict.fromkeys(names))
        if again and not self.fields().keys() >= set(wanted):
            self.forget()
        found = self.fields()
        return [name for name in wanted if name in found]

    def forget(self) -> None:
        """Describe the fields anew when they are needed next: some were created."""
        self._found = None


def typed(field: Field, value: Any) -> Scalar:
    """A value as a typed scalar. What is not of its field's type stays text."""
    if value is None or value == "":
        return None
    if field.dataType == "boolean":
        return (
            value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower(), str(value))
        )
    if field.dataType in _WHOLE | _BROKEN:
        return _number(field, value)
    if field.dataType == "datetime":
        return instant(value) or str(value)
    if field.dataType == "date":
        return _date(str(value))
    return value if isinstance(value, str) else str(value)


def _number(field: Field, value: Any) -> Scalar:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    return int(number) if field.dataType in _WHOLE and number == number.to_integral_value() else number


def _date(text: str) -> Scalar:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def plain(value: Scalar) -> Any:
    """A value as Marketo takes it in JSON; null clears a field."""
    match value:
        case Money(amount=amount):
            return plain(amount)
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return instant_text(value)
        case date():
            return value.isoformat()
        case tuple():
            return ";".join(value)
        case _:
            return value
