"""Sales persons, companies, opportunities and roles: what each is found by, and what it must not be without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from instep_marketo.sandbox.definitions import Field, standard_fields
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import whole
from instep_marketo.sandbox.subscription import Record, Subscription
from instep_marketo.schema import COMPANY_FIELDS

Rule = Callable[[Subscription, Record], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object. `keys` are its dedupe fields; `found_by` names more fields by which it is found."""

    name: str
    path: str
    label: str
    permission: str
    id_field: str
    keys: tuple[str, ...]
    found_by: tuple[str, ...]
    fields: tuple[Field, ...]
    required: tuple[str, ...] = ()
    check: Rule = lambda state, values: None
    """Refuses values that cannot be stored."""
    written: Rule = lambda state, record: None
    """What follows from a change."""
    spare: Rule = lambda state, record: None
    """Refuses to delete what is in use."""
    hidden_by_crm: bool = False
    """Whether a native CRM sync also keeps it from being read."""
    names: dict[str, Field] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.names.update({item.name: item for item in self.fields})


def _texts(*names: str, length: int = 255) -> list[Field]:
    return [Field(name, name[0].upper() + name[1:], length=length) for name in names]


def _times(external: str = "externalCreatedDate") -> list[Field]:
    own = [Field(name, name, "datetime", updateable=False) for name in ("createdAt", "updatedAt")]
    return [*own, Field(external, external, "datetime")]


def _require_sales_person(state: Subscription, values: Record) -> None:
    id = values.get("externalSalesPersonId")
    if id and state.object("salespersons", "externalSalesPersonId", id) is None:
        raise RefusedError("718", f"ExternalSalesPersonID '{id}' not found")


def _require_both(state: Subscription, values: Record) -> None:
    lead, opportunity = whole(values.get("leadId")), values.get("externalOpportunityId")
    if lead is not None and lead not in state.leads:
        raise RefusedError("1004", f"Lead '{lead}' not found")
    if opportunity and state.object("opportunities", "externalOpportunityId", opportunity) is None:
        raise RefusedError("1013", f"Object not found: Opportunity '{opportunity}'")


def _relate(name: str) -> Rule:
    """The leads that are linked to an object show its values."""

    def written(state: Subscription, record: Record) -> None:
        for id, lead in state.leads.items():
            if lead.get(name) is not None and lead.get(name) == record.get(name):
                state.relate(id)

    return written


def _require_unused(name: str, *kinds: str) -> Rule:
    """What a lead or another object is linked to cannot be deleted."""

    def spare(state: Subscription, record: Record) -> None:
        others = [one for kind in kinds for one in state.objects.get(kind, ())]
        if any(one.get(name) == record.get(name) for one in (*state.leads.values(), *others)):
            raise RefusedError("1022", "Object in use")

    return spare


KINDS = (
    Kind(
        "salespersons",
        "/rest/v1/salespersons",
        "Sales Person",
        "Sales Person",
        "id",
        ("externalSalesPersonId",),
        ("email",),
        (
            Field("id", "Id", "integer", updateable=False),
            *_texts("externalSalesPersonId", "email", "firstName", "lastName", "title", "phone"),
            *_times(),
        ),
        written=_relate("externalSalesPersonId"),
        spare=_require_unused("externalSalesPersonId", "opportunities", "companies"),
    ),
    Kind(
        "companies",
        "/rest/v1/companies",
        "Company",
        "Company",
        "id",
        ("externalCompanyId",),
        ("company",),
        (
            Field("id", "Id", "integer", updateable=False),
            *_texts("externalCompanyId", "externalSalesPersonId"),
            *(item for item in standard_fields() if item.name in COMPANY_FIELDS),
            *_times(),
        ),
        check=_require_sales_person,
        written=_relate("externalCompanyId"),
        spare=_require_unused("externalCompanyId"),
    ),
    Kind(
        "opportunities",
        "/rest/v1/opportunities",
        "Opportunity",
        "Opportunity",
        "marketoGUID",
        ("externalOpportunityId",),
        (),
        (
            Field("marketoGUID", "Marketo GUID", length=36, updateable=False),
            *_texts("externalOpportunityId", length=50),
            *_texts("name", "description", "type", "stage", "source", "externalSalesPersonId"),
            Field("amount", "Amount", "currency"),
            Field("closeDate", "Close Date", "datetime"),
            Field("isClosed", "Is Closed", "boolean"),
            Field("isWon", "Is Won", "boolean"),
            *_times(),
        ),
        required=("name",),
        check=_require_sales_person,
        spare=_require_unused("externalOpportunityId", "roles"),
    ),
    Kind(
        "roles",
        "/rest/v1/opportunities/roles",
        "Opportunity Role",
        "Opportunity",
        "marketoGUID",
        ("externalOpportunityId", "leadId", "role"),
        ("leadId", "externalOpportunityId"),
        (
            Field("marketoGUID", "Marketo GUID", length=36, updateable=False),
            *_texts("externalOpportunityId", "role", length=50),
            Field("leadId", "Lead Id", "integer"),
            Field("isPrimary", "Is Primary", "boolean"),
            *_times(),
        ),
        check=_require_both,
        hidden_by_crm=True,
    ),
)
