"""The fields and activity types that every subscription is born with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Field:
    """A field of leads."""

    name: str
    label: str
    type: str = "string"
    length: int | None = None
    updateable: bool = True
    searchable: bool = False
    custom: bool = False
    description: str = ""
    hidden: bool = False


def _texts(*names: str, updateable: bool = True) -> list[Field]:
    return [Field(name, _label(name), length=255, updateable=updateable) for name in names]


def _label(name: str) -> str:
    words = "".join(f" {c}" if c.isupper() else c for c in name)
    return words.strip().title()


def standard_fields() -> list[Field]:
    """The standard fields, as far as somebody who works with leads sees them."""
    return [
        Field("id", "Id", "integer", updateable=False, searchable=True),
        Field("email", "Email Address", "email", 255, searchable=True),
        *_texts("firstName", "lastName", "middleName", "salutation", "title", "department"),
        *_texts("address", "city", "state", "country", "postalCode", "leadStatus", "rating", "leadSource"),
        Field("phone", "Phone Number", "phone", 255),
        Field("mobilePhone", "Mobile Phone Number", "phone", 255),
        Field("leadScore", "Person Score", "score"),
        *_texts("company", "industry", "site", "billingStreet", "billingCity", "billingState", "billingCountry"),
        *_texts("billingPostalCode", "mainPhone", "sicCode"),
        Field("website", "Website", "url", 255),
        Field("annualRevenue", "Annual Revenue", "currency"),
        Field("numberOfEmployees", "Num Employees", "integer"),
        Field("dateOfBirth", "Date of Birth", "date"),
        Field("unsubscribed", "Unsubscribed", "boolean"),
        *_texts("unsubscribedReason", "marketingSuspendedReason"),
        Field("marketingSuspended", "Marketing Suspended", "boolean"),
        Field("emailInvalid", "Email Invalid", "boolean"),
        *_texts("externalSalesPersonId", "externalCompanyId"),
        *_texts("leadOwnerFirstName", "leadOwnerLastName", "leadOwnerEmailAddress", updateable=False),
        Field("leadRevenueCycleModelId", "Revenue Cycle Model Id", "reference", updateable=False),
        Field("leadRevenueStageId", "Revenue Stage Id", "reference", updateable=False),
        Field("leadPartitionId", "Person Partition Id", "reference", updateable=False, searchable=True),
        Field("acquisitionProgramId", "Acquisition Program Id", "reference"),
        Field("createdAt", "Created At", "datetime", updateable=False),
        Field("updatedAt", "Updated At", "datetime", updateable=False),
    ]


def standard_member_fields() -> list[Field]:
    """The fields of program members. Marketo developer guide: Program members"""
    return [
        Field("leadId", "Person Id", "integer", updateable=False, searchable=True),
        Field("programId", "Program Id", "integer", updateable=False),
        Field("statusName", "Program Member Status", length=255, updateable=False, searchable=True),
        Field("reachedSuccess", "Success", "boolean", updateable=False, searchable=True),
        Field("acquiredBy", "Acquired By", "boolean", updateable=False),
        Field("membershipDate", "Membership Date", "datetime", updateable=False),
        Field("updatedAt", "Updated At", "datetime", updateable=False, searchable=True),
        *_texts("registrationCode", "webinarUrl"),
    ]


@dataclass(frozen=True, slots=True)
class ActivityType:
    """A kind of activity: what its primary attribute and its further ones are called."""

    id: int
    name: str
    primary: str = ""
    attributes: tuple[str, ...] = field(default=())


ACTIVITY_TYPES = {
    kind.id: kind
    for kind in (
        ActivityType(1, "Visit Webpage", "Webpage ID", ("Client IP Address", "Referrer URL", "Webpage URL")),
        ActivityType(2, "Fill Out Form", "Webform ID", ("Form Fields", "Referrer URL", "Webpage ID")),
        ActivityType(3, "Click Link", "Link ID", ("Webpage ID", "Referrer URL")),
        ActivityType(7, "Email Delivered", "Mailing ID", ("Campaign Run ID",)),
        ActivityType(8, "Email Bounced", "Mailing ID", ("Category", "Details")),
        ActivityType(9, "Unsubscribe Email", "Mailing ID", ("Webform ID", "Campaign Run ID")),
        ActivityType(10, "Open Email", "Mailing ID", ("Device", "Platform")),
        ActivityType(11, "Click Email", "Mailing ID", ("Link", "Device")),
        ActivityType(12, "New Lead", "Lead ID", ("Source Type", "Lead Source", "Created Date")),
        ActivityType(13, "Change Data Value", "Attribute", ("Old Value", "New Value", "Reason", "Source")),
        ActivityType(22, "Change Score", "Score Attribute", ("Change Value", "Old Value", "New Value", "Reason")),
        ActivityType(23, "Change Owner", "Owner", ("Old Owner", "New Owner")),
        ActivityType(24, "Add to List", "List ID", ("Source",)),
        ActivityType(25, "Remove from List", "List ID", ("Source",)),
        ActivityType(32, "Merge Leads", "Lead ID", ("Merge IDs", "Merge Source", "Master Updated")),
        ActivityType(37, "Delete Lead", "Lead ID", ("Campaign", "Remove from CRM")),
        ActivityType(39, "Send Sales Email", "Mailing ID"),
        ActivityType(40, "Open Sales Email", "Mailing ID"),
        ActivityType(41, "Click Sales Email", "Mailing ID", ("Link",)),
        ActivityType(45, "Receive Sales Email", "Mailing ID"),
        ActivityType(46, "Interesting Moment", "Type", ("Description", "Date", "Source")),
        ActivityType(47, "Request Campaign", "Campaign ID", ("Source",)),
        ActivityType(100, "Change Lead Partition", "Partition ID", ("Old Partition", "New Partition")),
        ActivityType(101, "Change Revenue Stage", "Model ID", ("Old Stage", "New Stage", "Reason")),
        ActivityType(104, "Change Status in Progression", "Program ID", ("Old Status", "New Status", "Success")),
        ActivityType(123, "Change Program Member Data", "Program ID", ("Attribute", "Old Value", "New Value")),
        ActivityType(145, "Push Lead to Marketo", "Program ID", ("Reason", "Source", "Program Status")),
        ActivityType(400, "Share Content", "Social Promo ID"),
        ActivityType(401, "Vote in Poll", "Social Promo ID"),
        ActivityType(405, "Click Shared Link", "Social Promo ID"),
    )
}
