"""The kinds of records a portal knows, with the names and numbers HubSpot gives them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One kind of record. `modified` names its modification date; `shown` is read when nothing is asked."""

    name: str
    singular: str
    type_id: str
    shown: tuple[str, ...]
    modified: str = "hs_lastmodifieddate"
    scope: str = ""
    required: tuple[str, ...] = ()
    pipeline: str | None = None
    stage: str | None = None
    searched: tuple[str, ...] = ()

    @property
    def always(self) -> tuple[str, ...]:
        """Properties that come with every read."""
        return ("createdate", "hs_object_id", self.modified)

    def scope_for(self, action: str) -> str:
        """The scope that `read` or `write` of these records needs."""
        return self.scope or f"crm.objects.{self.name}.{action}"


def _engagement(name: str, singular: str, type_id: str, *shown: str) -> ObjectType:
    return ObjectType(
        name,
        singular,
        type_id,
        ("hs_createdate", "hs_lastmodifieddate", "hs_object_id", *shown),
        scope="crm.objects.contacts.read",
        required=("hs_timestamp",),
        searched=shown,
    )


ENGAGEMENTS = ("calls", "emails", "meetings", "notes", "tasks")

STANDARD = (
    ObjectType(
        "contacts",
        "contact",
        "0-1",
        ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
        modified="lastmodifieddate",
        searched=("firstname", "lastname", "email", "phone", "company"),
    ),
    ObjectType(
        "companies",
        "company",
        "0-2",
        ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
        searched=("name", "domain", "phone", "website"),
    ),
    ObjectType(
        "deals",
        "deal",
        "0-3",
        (
            "amount",
            "closedate",
            "createdate",
            "dealname",
            "dealstage",
            "hs_lastmodifieddate",
            "hs_object_id",
            "pipeline",
        ),
        pipeline="pipeline",
        stage="dealstage",
        required=("dealname", "dealstage"),
        searched=("dealname", "description"),
    ),
    ObjectType(
        "tickets",
        "ticket",
        "0-5",
        (
            "content",
            "createdate",
            "hs_lastmodifieddate",
            "hs_object_id",
            "hs_pipeline",
            "hs_pipeline_stage",
            "hs_ticket_category",
            "hs_ticket_priority",
            "subject",
        ),
        scope="tickets",
        pipeline="hs_pipeline",
        stage="hs_pipeline_stage",
        required=("subject", "hs_pipeline_stage"),
        searched=("subject", "content"),
    ),
    ObjectType(
        "leads",
        "lead",
        "0-136",
        ("createdate", "hs_lastmodifieddate", "hs_lead_name", "hs_object_id"),
        required=("hs_lead_name",),
        searched=("hs_lead_name",),
    ),
    _engagement("tasks", "task", "0-27", "hs_task_subject", "hs_timestamp"),
    _engagement("notes", "note", "0-46", "hs_note_body", "hs_timestamp"),
    _engagement("meetings", "meeting", "0-47", "hs_meeting_title", "hs_timestamp"),
    _engagement("calls", "call", "0-48", "hs_call_title", "hs_timestamp"),
    _engagement("emails", "email", "0-49", "hs_email_subject", "hs_timestamp"),
)


def index_names(types: tuple[ObjectType, ...]) -> dict[str, ObjectType]:
    """Every word by which a path may call a kind of record."""
    return {word: kind for kind in types for word in (kind.name, kind.singular, kind.type_id)}
