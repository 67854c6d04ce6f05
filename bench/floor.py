"""The least number of calls that an account or org can be kept in step with. README.md derives the formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LIST_PAGE = 100
"""Records in one page of a listing. developers.hubspot.com/docs/guides/api/crm/objects/contacts"""
SEARCH_PAGE = 200
"""Records in one page of a search. developers.hubspot.com/docs/guides/api/crm/search"""
WRITE_BATCH = 100
"""Records in one batch of writes. developers.hubspot.com/docs/guides/api/crm/objects/contacts"""
ASSOCIATION_READ_BATCH = 1000
"""Records whose associations one call reads. developers.hubspot.com/docs/guides/api/crm/associations"""
ASSOCIATION_WRITE_BATCH = 2000
"""Associations that one call makes. developers.hubspot.com/docs/guides/api/crm/associations"""
RELATIONS: Mapping[str, int] = {"contacts": 1, "companies": 0, "deals": 2}
"""How many associations the starter mapping follows from each object."""
IDENTITY = 1
CATALOGUE = 2 + len(RELATIONS)
"""Owners who are there and owners who have left, and the properties of each object: each one page."""
STAGE_LISTS = 3
"""The pipelines of deals, and the lifecycle stages of contacts and of companies."""


def pages(records: int, size: int) -> int:
    """How many calls `records` take, `size` at a time; reading nothing still takes the call that finds it out."""
    return max(1, -(-records // size))


def batches(records: int, size: int) -> int:
    """How many calls it takes to tell `records`, `size` at a time; telling nothing takes none."""
    return -(-records // size)


@dataclass(frozen=True, slots=True)
class Account:
    """What one account must be asked and told in one run.

    `changed` counts the records per object that are new to us (all of them in a first run), `unread` those of
    them whose associations are not known. `told` counts the records to write per (object, verb): one that is
    created and one that is updated never share a call. `tied` counts the associations to make per pair of objects.
    """

    is_first: bool = False
    changed: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[tuple[str, str], int] = field(default_factory=dict)
    tied: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, int]:
        """Calls by what they are for."""
        page = LIST_PAGE if self.is_first else SEARCH_PAGE
        return {
            "identity": IDENTITY,
            "owners and properties": CATALOGUE if self.is_first else 0,
            "lists of stages": STAGE_LISTS if self.is_first else 0,
            "bins": len(RELATIONS),
            "records": sum(pages(self.changed.get(name, 0), page) for name in RELATIONS),
            "associations": sum(
                relations * batches(self.unread.get(name, 0), ASSOCIATION_READ_BATCH)
                for name, relations in RELATIONS.items()
            ),
            "writes": sum(batches(count, WRITE_BATCH) for count in self.told.values())
            + sum(batches(count, ASSOCIATION_WRITE_BATCH) for count in self.tied.values()),
        }

    @property
    def calls(self) -> int:
        return sum(self.parts.values())


SOQL_PAGE = 2000
"""Records in one page of a query. developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_query.htm"""
COLLECTION = 200
"""Records in one call of sObject Collections."""
READ_BACK = 2000
"""Records that one call of sObject Collections reads."""
JOB = 10_000
"""Records in one bulk job: the size in which Salesforce works a job off and counts it against the day's batches."""
JOB_CALLS = 6
"""Create, upload, close, look once, read what worked and what did not."""
ORG_OBJECTS = ("Contact", "Lead", "Account", "Opportunity")
ORG_CATALOGUE = 2 + len(ORG_OBJECTS)
"""Users and queues, and the fields of each object: each one page."""
ORG_STAGE_LISTS = 2
"""The stages of opportunities, and the statuses of leads."""


@dataclass(frozen=True, slots=True)
class Org:
    """What one Salesforce org must be asked and told in one run.

    `changed` counts the records per object that are new to us, `told` the records to write per (object, verb). What
    was written is read back, because Salesforce's answer to a write holds no values.
    """

    is_first: bool = False
    changed: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, int]:
        """Calls by what they are for."""
        return {
            "login": 1,
            "identity": IDENTITY,
            "users and fields": ORG_CATALOGUE if self.is_first else 0,
            "lists of stages": ORG_STAGE_LISTS if self.is_first else 0,
            "records": sum(pages(self.changed.get(name, 0), SOQL_PAGE) for name in ORG_OBJECTS),
            "writes": sum(_writes(count) for count in self.told.values()),
            "read-backs": sum(batches(count, READ_BACK) for count in self.told.values()),
        }

    @property
    def calls(self) -> int:
        return sum(self.parts.values())


def _writes(records: int) -> int:
    """In collections or in jobs, whichever takes fewer calls."""
    full, rest = divmod(records, JOB)
    return full * min(JOB_CALLS, batches(JOB, COLLECTION)) + min(JOB_CALLS, batches(rest, COLLECTION))


PROPERTY_BATCH = 100
"""Properties in one call that creates them. developers.hubspot.com/docs/guides/api/crm/properties"""
COMPONENTS = 10
"""Components in one call of the Metadata API."""


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """What one account must be asked so that its configuration can be compared, and told so that it is as wanted.

    `fields` counts the properties to make per object, `pipelines` those to make. What was told is read once more.
    """

    lists: int
    fields: Mapping[str, int] = field(default_factory=dict)
    pipelines: int = 0

    @property
    def parts(self) -> dict[str, int]:
        """Calls by what they are for."""
        readings = 2 if self.fields or self.pipelines else 1
        return {
            "identity": IDENTITY,
            "lists of stages": self.lists * readings,
            "properties": len(RELATIONS) * readings,
            "groups": len(self.fields),
            "new properties": sum(batches(count, PROPERTY_BATCH) for count in self.fields.values()),
            "new pipelines": self.pipelines,
        }

    @property
    def calls(self) -> int:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class OrgSetup:
    """The same of one org. `types` counts the record types that are there, `pipelines` those to make."""

    lists: int
    types: int = 0
    fields: int = 0
    edited: int = 0
    """How many lists of stages are to be changed."""
    pipelines: int = 0

    @property
    def parts(self) -> dict[str, int]:
        """Calls by what they are for. Every list, and the permission set, is read whole and written whole."""
        told = self.fields or self.edited or self.pipelines
        readings = 2 if told else 1
        return {
            "login": 1,
            "identity": IDENTITY,
            "lists of stages": self.lists * readings,
            "fields": len(ORG_OBJECTS) * readings,
            "offers": self.types * readings + self.pipelines,
            "permissions": 1 if told else 0,
            "new fields": batches(self.fields, COMPONENTS),
            "fields shown": 3 + batches(self.fields, COLLECTION) if self.fields else 0,
            "changed lists": 2 * self.edited,
            "new pipelines": 1 + 2 * batches(self.pipelines, COMPONENTS) if self.pipelines else 0,
            "pipelines shown": 2 if self.pipelines else 0,
        }

    @property
    def calls(self) -> int:
        return sum(self.parts.values())


System = Account | Org | AccountSetup | OrgSetup


def formula(*accounts: System) -> str:
    """The floor of a run over some accounts, spelled out."""
    return " + ".join(_spelled(account) for account in accounts)


def _spelled(account: System) -> str:
    parts = [f"{count} {name}" for name, count in account.parts.items() if count]
    return f"({' + '.join(parts)})"
