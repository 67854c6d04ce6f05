"""What a new org holds: its users, rights, stages and statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep_salesforce.sandbox.schema import Row
from instep_salesforce.sandbox.standard.permissions import PROFILES
from instep_salesforce.sandbox.standard.picklists import FORECASTS, LEAD_STATUSES, STAGES
from instep_salesforce.sandbox.tokens import USERNAME

if TYPE_CHECKING:
    from instep_salesforce.sandbox.org import Org

ADMIN_NAME = "admin@sandbox.example"


def put(org: Org, object: str, **values: str | int | float | bool | None) -> Row:
    """Put a record in as it is, with audit fields and defaults."""
    kind, now = org.kinds[object], org.stamp(object)
    row: Row = {**kind.template, "Id": org.ids.new(kind.prefix), **values}
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        if name in kind.fields:
            row.setdefault(name, now)
    for name in ("CreatedById", "LastModifiedById"):
        if name in kind.fields:
            row.setdefault(name, org.admin)
    row = {name: value for name, value in row.items() if value is not None}
    org.tables[object].insert(row)
    return row


def put_user(org: Org, profile: str, name: str, email: str, *, username: str = "", active: bool = True) -> str:
    """Put in a user; gives the id."""
    first, _, last = name.rpartition(" ")
    kind = org.kinds["User"]
    id = org.ids.new(kind.prefix)
    put(
        org,
        "User",
        Id=id,
        Username=(username or email).lower(),
        FirstName=first or None,
        LastName=last,
        Name=name,
        Email=email,
        Alias=(first[:1] + last[:4]).lower(),
        IsActive=active,
        ProfileId=profile,
        UserType="Standard",
        TimeZoneSidKey="America/Los_Angeles",
        LocaleSidKey="en_US",
        LanguageLocaleKey="en_US",
        EmailEncodingKey="UTF-8",
        CreatedById=org.admin or id,
        LastModifiedById=org.admin or id,
    )
    return id


def populate(org: Org) -> None:
    """Fill a new org."""
    org.admin = org.api_user = ""
    profiles = {name: _put_profile(org, name) for name in PROFILES}
    org.admin_profile, org.profile = profiles["System Administrator"], profiles["Standard User"]
    org.admin = put_user(org, org.admin_profile, "Ada Admin", ADMIN_NAME)
    org.api_user = put_user(org, org.admin_profile, "Integration User", USERNAME)
    _put_organization(org)
    _put_stages(org)
    _put_statuses(org)
    put(org, "Pricebook2", Name="Standard Price Book", IsActive=True)


def _put_profile(org: Org, name: str) -> str:
    granted = dict.fromkeys(PROFILES[name], True)
    return str(put(org, "Profile", Name=name, UserType="Standard", **granted)["Id"])


def _put_organization(org: Org) -> None:
    put(
        org,
        "Organization",
        Name="Sandbox Corp",
        Country="US",
        OrganizationType="Developer Edition",
        InstanceName="NA999",
        IsSandbox=org.personality.is_sandbox,
        DefaultLocaleSidKey="en_US",
        LanguageLocaleKey="en_US",
        TimeZoneSidKey="America/Los_Angeles",
        FiscalYearStartMonth=1,
    )


def _put_stages(org: Org) -> None:
    for place, (name, probability, forecast, closed, won) in enumerate(STAGES, 1):
        put(
            org,
            "OpportunityStage",
            MasterLabel=name,
            ApiName=name,
            IsActive=True,
            SortOrder=place,
            IsClosed=closed,
            IsWon=won,
            ForecastCategory=forecast,
            ForecastCategoryName=FORECASTS[forecast],
            DefaultProbability=float(probability),
        )


def _put_statuses(org: Org) -> None:
    for place, (name, default, converted) in enumerate(LEAD_STATUSES, 1):
        put(
            org,
            "LeadStatus",
            MasterLabel=name,
            ApiName=name,
            SortOrder=place,
            IsDefault=default,
            IsConverted=converted,
        )
