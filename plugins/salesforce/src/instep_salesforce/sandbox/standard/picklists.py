"""The choices that picklists have in a new org."""

from __future__ import annotations

from collections.abc import Mapping

from instep_salesforce.sandbox.schema import Option


def _plain(*values: str, default: str | None = None) -> tuple[Option, ...]:
    return tuple(Option(value, value, default=value == default) for value in values)


_GEOCODES = _plain(
    *("Address", "NearAddress", "Block", "Street", "ExtendedZip", "Zip", "Neighborhood", "City", "County", "State"),
    "Unknown",
)
_SALUTATIONS = _plain("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")
_SOURCES = _plain("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
_RATINGS = _plain("Hot", "Warm", "Cold")
_INDUSTRIES = _plain(
    *("Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction"),
    *("Consulting", "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental"),
    *("Finance", "Food & Beverage", "Government", "Healthcare", "Hospitality", "Insurance", "Machinery"),
    *("Manufacturing", "Media", "Not For Profit", "Recreation", "Retail", "Shipping", "Technology"),
    *("Telecommunications", "Transportation", "Utilities", "Other"),
)
FORECASTS = {
    "Omitted": "Omitted",
    "Pipeline": "Pipeline",
    "BestCase": "Best Case",
    "MostLikely": "Most Likely",
    "Forecast": "Commit",
    "Closed": "Closed",
}
"""The names that people see for the categories of a forecast."""

_ROLES = _plain(
    *("Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker", "Evaluator"),
    *("Executive Sponsor", "Influencer", "Technical Buyer", "Other"),
)
_ACTIVITY_TYPES = _plain("Call", "Email", "Meeting", "Other")

OPTIONS: Mapping[str, Mapping[str, tuple[Option, ...]]] = {
    "Lead": {
        "Salutation": _SALUTATIONS,
        "GeocodeAccuracy": _GEOCODES,
        "LeadSource": _SOURCES,
        "Industry": _INDUSTRIES,
        "Rating": _RATINGS,
    },
    "Contact": {
        "Salutation": _SALUTATIONS,
        "OtherGeocodeAccuracy": _GEOCODES,
        "MailingGeocodeAccuracy": _GEOCODES,
        "LeadSource": _SOURCES,
    },
    "Account": {
        "Type": _plain("Prospect", "Customer - Direct", "Customer - Channel", "Channel Partner / Reseller", "Other"),
        "BillingGeocodeAccuracy": _GEOCODES,
        "ShippingGeocodeAccuracy": _GEOCODES,
        "Industry": _INDUSTRIES,
        "Ownership": _plain("Public", "Private", "Subsidiary", "Other"),
        "Rating": _RATINGS,
        "AccountSource": _SOURCES,
    },
    "Opportunity": {
        "Type": _plain(
            "Existing Customer - Upgrade",
            "Existing Customer - Replacement",
            "Existing Customer - Downgrade",
            "New Customer",
        ),
        "LeadSource": _SOURCES,
        "ForecastCategory": tuple(Option(value, label) for value, label in FORECASTS.items()),
        "ForecastCategoryName": _plain(*FORECASTS.values()),
    },
    "OpportunityContactRole": {"Role": _ROLES},
    "Campaign": {
        "Type": _plain("Conference", "Webinar", "Email", "Advertisement", "Direct Mail", "Other"),
        "Status": _plain("Planned", "In Progress", "Completed", "Aborted", default="Planned"),
    },
    "Task": {
        "Status": _plain(
            *("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred"), default="Not Started"
        ),
        "Priority": _plain("High", "Normal", "Low", default="Normal"),
        "Subject": _plain("Call", "Email", "Send Letter", "Send Quote", "Other"),
        "Type": _ACTIVITY_TYPES,
        "TaskSubtype": _plain("Task", "Email", "Call", default="Task"),
        "CallType": _plain("Internal", "Inbound", "Outbound"),
    },
    "Event": {
        "Subject": _plain("Call", "Email", "Meeting", "Send Letter/Quote", "Other"),
        "Type": _ACTIVITY_TYPES,
        "ShowAs": _plain("Busy", "OutOfOffice", "Free", default="Busy"),
        "EventSubtype": _plain("Event", default="Event"),
    },
    "Group": {"Type": _plain("Regular", "Queue")},
}

STAGES = (
    ("Prospecting", 10, "Pipeline", False, False),
    ("Qualification", 10, "Pipeline", False, False),
    ("Needs Analysis", 20, "Pipeline", False, False),
    ("Value Proposition", 50, "Pipeline", False, False),
    ("Id. Decision Makers", 60, "Pipeline", False, False),
    ("Perception Analysis", 70, "Pipeline", False, False),
    ("Proposal/Price Quote", 75, "Pipeline", False, False),
    ("Negotiation/Review", 90, "Pipeline", False, False),
    ("Closed Won", 100, "Closed", True, True),
    ("Closed Lost", 0, "Omitted", True, False),
)
"""Name, probability, forecast, closed, won of the stages of a new org."""

LEAD_STATUSES = (
    ("Open - Not Contacted", True, False),
    ("Working - Contacted", False, False),
    ("Closed - Converted", False, True),
    ("Closed - Not Converted", False, False),
)
"""Name, whether it is the default, whether it means converted."""
