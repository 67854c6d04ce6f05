"""The properties, groups and pipelines that every portal is born with."""

from __future__ import annotations

from instep_hubspot.sandbox import options
from instep_hubspot.sandbox.definitions import Group, Option, Property

_FIELD = {
    "string": "text",
    "number": "number",
    "bool": "booleancheckbox",
    "enumeration": "select",
    "date": "date",
    "datetime": "date",
}


def _label(name: str) -> str:
    return name.removeprefix("hs_").replace("_", " ").capitalize()


def texts(*names: str) -> list[Property]:
    """Plain text properties."""
    return [Property(name, _label(name)) for name in names]


def numbers(*names: str) -> list[Property]:
    """Number properties."""
    return [Property(name, _label(name), "number", "number") for name in names]


def moments(*names: str) -> list[Property]:
    """Properties that hold a moment."""
    return [Property(name, _label(name), "datetime", "date") for name in names]


def choice(name: str, choices: tuple[Option, ...], *, label: str = "", many: bool = False) -> Property:
    """A property that holds one of `choices`, or several."""
    return Property(name, label or _label(name), "enumeration", "checkbox" if many else "select", options=choices)


def computed(kind: str, *names: str) -> list[Property]:
    """Properties that only HubSpot itself sets."""
    choices = options.BOOLEAN if kind == "bool" else ()
    return [
        Property(name, _label(name), kind, _FIELD[kind], read_only=True, calculated=True, options=choices)
        for name in names
    ]


def external(name: str, kind: str) -> Property:
    """A choice whose values live elsewhere: owners, pipelines or stages."""
    return Property(name, _label(name), "enumeration", "select", external=kind)


def _owned() -> list[Property]:
    return [
        external("hubspot_owner_id", "owner"),
        *computed("datetime", "hubspot_owner_assigneddate"),
        *computed("string", "hubspot_team_id", "hs_merged_object_ids"),
        *computed("number", "hs_object_id"),
        *computed("string", "hs_object_source", "hs_object_source_id"),
    ]


def _lifecycle() -> list[Property]:
    stages = Property(
        "lifecyclestage",
        "Lifecycle Stage",
        "enumeration",
        "radio",
        options=options.LIFECYCLE,
        fixed_options=True,
    )
    dates = [f"hs_lifecyclestage_{option.value}_date" for option in options.LIFECYCLE]
    return [stages, *computed("datetime", *dates)]


def contact_properties() -> list[Property]:
    """The default properties of contacts."""
    return [
        Property("email", "Email", unique=True, form_field=True),
        *texts("firstname", "lastname", "salutation", "phone", "mobilephone", "fax", "jobtitle", "company"),
        *texts("website", "address", "city", "state", "zip", "country", "industry", "message"),
        *texts("twitterhandle", "hs_linkedin_url", "work_email", "seniority", "hs_language"),
        *numbers("numemployees", "annualrevenue"),
        *_lifecycle(),
        choice("hs_lead_status", options.LEAD_STATUS, label="Lead Status"),
        choice("hs_buying_role", options.BUYING_ROLE, label="Buying Role", many=True),
        choice("hs_analytics_source", options.SOURCE, label="Original Source"),
        *_owned(),
        *computed("datetime", "createdate", "lastmodifieddate", "first_conversion_date"),
        *computed("datetime", "recent_conversion_date", "notes_last_contacted", "notes_last_updated"),
        *computed("string", "hs_additional_emails", "hs_calculated_merged_vids", "hs_email_domain"),
        *computed("string", "first_conversion_event_name", "recent_conversion_event_name"),
        *computed("number", "hubspotscore", "associatedcompanyid", "num_conversion_events"),
        *computed("bool", "hs_email_optout", "hs_is_unworked"),
        *moments("hs_last_sales_activity_timestamp"),
    ]


def company_properties() -> list[Property]:
    """The default properties of companies."""
    return [
        *texts("name", "domain", "phone", "website", "address", "address2", "city", "state", "zip"),
        *texts("country", "description", "linkedin_company_page", "timezone", "founded_year"),
        choice("industry", options.INDUSTRY),
        choice("type", options.COMPANY_TYPE),
        *numbers("numberofemployees", "annualrevenue"),
        *_lifecycle(),
        choice("hs_lead_status", options.LEAD_STATUS, label="Lead Status"),
        external("hs_parent_company_id", "none"),
        *_owned(),
        *computed("datetime", "createdate", "hs_lastmodifieddate"),
        *computed("string", "hs_additional_domains"),
        *computed("number", "hubspotscore", "num_associated_contacts", "num_associated_deals"),
    ]


def deal_properties() -> list[Property]:
    """The default properties of deals."""
    return [
        *texts("dealname", "description", "closed_lost_reason", "closed_won_reason", "hs_next_step"),
        *numbers("amount"),
        *moments("closedate"),
        external("pipeline", "pipeline"),
        external("dealstage", "stage"),
        choice("dealtype", options.DEAL_TYPE),
        choice("hs_priority", options.DEAL_PRIORITY),
        choice("deal_currency_code", options.CURRENCY, label="Currency"),
        choice("hs_analytics_source", options.SOURCE, label="Original Source"),
        *_owned(),
        *computed("datetime", "createdate", "hs_lastmodifieddate"),
        *computed("bool", "hs_is_closed", "hs_is_closed_won"),
        *computed("number", "hs_deal_stage_probability", "hs_projected_amount", "days_to_close"),
    ]


def ticket_properties() -> list[Property]:
    """The default properties of tickets."""
    return [
        *texts("subject", "content", "source_type"),
        external("hs_pipeline", "pipeline"),
        external("hs_pipeline_stage", "stage"),
        choice("hs_ticket_category", options.TICKET_CATEGORY, many=True),
        choice("hs_ticket_priority", options.TICKET_PRIORITY),
        *_owned(),
        *computed("datetime", "createdate", "hs_lastmodifieddate", "closed_date"),
    ]


def lead_properties() -> list[Property]:
    """The default properties of leads."""
    return [
        *texts("hs_lead_name"),
        external("hs_pipeline", "none"),
        external("hs_pipeline_stage", "none"),
        choice("hs_lead_type", options.LEAD_TYPE),
        choice("hs_lead_label", options.LEAD_LABEL),
        *_owned(),
        *computed("datetime", "createdate", "hs_lastmodifieddate"),
    ]


def _engagement(*own: Property) -> list[Property]:
    return [
        *moments("hs_timestamp"),
        *own,
        *_owned(),
        *computed("datetime", "hs_createdate", "createdate", "hs_lastmodifieddate"),
        *texts("hs_attachment_ids", "hs_body_preview"),
    ]


def default_properties() -> dict[str, list[Property]]:
    """The default properties by kind of record."""
    return {
        "contacts": contact_properties(),
        "companies": company_properties(),
        "deals": deal_properties(),
        "tickets": ticket_properties(),
        "leads": lead_properties(),
        "calls": _engagement(
            *texts("hs_call_title", "hs_call_body", "hs_call_disposition", "hs_call_from_number"),
            *texts("hs_call_to_number"),
            *numbers("hs_call_duration"),
            choice("hs_call_status", options.CALL_STATUS),
            choice("hs_call_direction", options.CALL_DIRECTION),
        ),
        "emails": _engagement(
            *texts("hs_email_subject", "hs_email_text", "hs_email_html", "hs_email_headers"),
            *texts("hs_email_from_email", "hs_email_to_email"),
            choice("hs_email_direction", options.EMAIL_DIRECTION),
            choice("hs_email_status", options.EMAIL_STATUS),
        ),
        "meetings": _engagement(
            *texts("hs_meeting_title", "hs_meeting_body", "hs_meeting_location"),
            *texts("hs_internal_meeting_notes", "hs_meeting_external_url"),
            *moments("hs_meeting_start_time", "hs_meeting_end_time"),
            choice("hs_meeting_outcome", options.MEETING_OUTCOME),
        ),
        "notes": _engagement(*texts("hs_note_body")),
        "tasks": _engagement(
            *texts("hs_task_subject", "hs_task_body"),
            choice("hs_task_status", options.TASK_STATUS),
            choice("hs_task_priority", options.PRIORITY),
            choice("hs_task_type", options.TASK_TYPE),
        ),
    }


def default_groups(singular: str) -> list[Group]:
    """The headings a kind of record starts with."""
    return [Group(f"{singular}information", f"{singular.capitalize()} information", 0)]


DEAL_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
TICKET_STAGES = (
    ("1", "New", "OPEN"),
    ("2", "Waiting on contact", "OPEN"),
    ("3", "Waiting on us", "OPEN"),
    ("4", "Closed", "CLOSED"),
)
