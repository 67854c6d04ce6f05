"""Properties as HubSpot describes them, and the one way in which their options are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from instep_hubspot.answers import Call, RefusedError
from instep_hubspot.client import HubSpotClient

_SINGLE: Final = frozenset(("select", "radio"))
_NOWHERE: Final = 1 << 31


class Option(msgspec.Struct, frozen=True):
    """One option. One that is hidden cannot be chosen by people; records may hold it."""

    value: str
    label: str
    displayOrder: int = -1  # noqa: N815
    hidden: bool = False
    description: str | None = None


class Rules(msgspec.Struct, frozen=True):
    """What cannot be changed about a property, by anybody who comes through the API."""

    readOnlyValue: bool = False  # noqa: N815
    readOnlyDefinition: bool = False  # noqa: N815
    readOnlyOptions: bool = False  # noqa: N815


class Property(msgspec.Struct, frozen=True):
    """A property of an object."""

    name: str
    label: str
    type: str
    fieldType: str = ""  # noqa: N815
    options: list[Option] = []
    calculated: bool = False
    externalOptions: bool = False  # noqa: N815
    hasUniqueValue: bool = False  # noqa: N815
    hubspotDefined: bool = False  # noqa: N815
    referencedObjectType: str | None = None  # noqa: N815
    modificationMetadata: Rules | None = None  # noqa: N815

    @property
    def rules(self) -> Rules:
        """What cannot be changed; where HubSpot does not say, nothing is fixed."""
        return self.modificationMetadata or Rules()

    @property
    def is_list(self) -> bool:
        """Whether a record holds exactly one of options that are kept here, and not with owners or pipelines."""
        return self.type == "enumeration" and self.fieldType in _SINGLE and not self.externalOptions

    @property
    def has_fixed_options(self) -> bool:
        """Whether HubSpot lets only people change the options, or nobody."""
        return self.rules.readOnlyOptions or self.rules.readOnlyDefinition

    def ordered(self) -> tuple[Option, ...]:
        """The options as they are shown: by place, those without a place (-1) last.

        developers.hubspot.com/docs/guides/api/crm/properties
        """
        return in_order(self.options)


class _Properties(msgspec.Struct):
    results: list[Property]


_properties = msgspec.json.Decoder(_Properties)
_property = msgspec.json.Decoder(Property)


def in_order(options: Iterable[Option]) -> tuple[Option, ...]:
    """Options by the place at which they are shown."""
    return tuple(sorted(options, key=lambda o: o.displayOrder if o.displayOrder >= 0 else _NOWHERE))


def read_properties(client: HubSpotClient, object: str, *, archived: bool = False) -> list[Property]:
    """Every property of an object that is in use, or in the bin."""
    query = {"archived": "true"} if archived else {}
    call = Call("GET", client.path("properties", object), "properties/list", query)
    return client.fetch(call, _properties).value.results


class Listed:
    """The properties of one account as they were last listed. What can be done to one does not change."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._found: dict[str, dict[str, Property]] = {}

    def read(self, object: str) -> list[Property]:
        """Every property of an object that is in use, now."""
        found = read_properties(self._client, object)
        self._found[object] = {property.name: property for property in found}
        return found

    def find(self, object: str, name: str) -> Property | None:
        """One that was listed; for any other HubSpot is asked."""
        return self._found.get(object, {}).get(name) or find_property(self._client, object, name)


def read_property(client: HubSpotClient, object: str, name: str) -> Property:
    """One property; raises `RefusedError` where there is none."""
    return client.fetch(_read_call(client, object, name), _property).value


def find_property(client: HubSpotClient, object: str, name: str, *, archived: bool = False) -> Property | None:
    """One property, or one in the bin; None where there is none."""
    try:
        return client.fetch(_read_call(client, object, name, archived=archived), _property).value
    except RefusedError as refused:
        if refused.status == 404:
            return None
        raise


def make_property(client: HubSpotClient, object: str, body: dict[str, object]) -> Property:
    """Create a property."""
    call = Call("POST", client.path("properties", object), "properties/create", body=body, writes=True)
    return client.fetch(call, _property).value


def make_properties(client: HubSpotClient, object: str, bodies: Sequence[dict[str, object]]) -> list[Property]:
    """Create up to a hundred properties. Gives those that were created; one that is refused takes none along.

    developers.hubspot.com/docs/guides/api/crm/properties
    """
    path = client.path("properties", object, "batch", "create")
    call = Call("POST", path, "properties/batch/create", body={"inputs": list(bodies)}, writes=True)
    return client.fetch(call, _properties).value.results


def write_options(client: HubSpotClient, object: str, name: str, options: Sequence[Option]) -> Property:
    """Give a property exactly these options: HubSpot drops those that the list does not name.

    Never repeated by itself: between two attempts a colleague may add an option, which the second would drop.
    """
    body = {"options": [option_body(option) for option in options]}
    call = Call(
        "PATCH",
        client.path("properties", object, name),
        "properties/update",
        body=body,
        writes=True,
        repeatable=False,
    )
    return client.fetch(call, _property).value


def option_body(option: Option) -> dict[str, object]:
    """An option as HubSpot takes it."""
    return {
        "value": option.value,
        "label": option.label,
        "displayOrder": option.displayOrder,
        "hidden": option.hidden,
        "description": option.description or "",
    }


def _read_call(client: HubSpotClient, object: str, name: str, *, archived: bool = False) -> Call:
    query = {"archived": "true"} if archived else {}
    return Call("GET", client.path("properties", object, name), "properties/read", query)
