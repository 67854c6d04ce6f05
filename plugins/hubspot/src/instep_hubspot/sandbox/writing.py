"""How records come to be, change, merge and go, with everything HubSpot does on the way."""

from __future__ import annotations

from collections.abc import Mapping

from instep_hubspot.sandbox.errors import RefusedError, conflict, invalid, not_found
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.portal import AUTOMATION, PERSON, Portal
from instep_hubspot.sandbox.records import Record, Source
from instep_hubspot.sandbox.stages import after_stages, follow_deal, lifecycle_values, stage_values
from instep_hubspot.sandbox.times import iso
from instep_hubspot.sandbox.validation import checked_values

COMMON_DOMAINS = frozenset({"gmail.com", "outlook.com", "yahoo.com", "hotmail.com", "icloud.com", "gmx.net"})


def create(
    portal: Portal, kind: ObjectType, given: Mapping[str, object], source: Source, *, by_hubspot: bool = False
) -> Record:
    """Make a record; raises `RefusedError` and keeps nothing if anything about it is wrong."""
    return create_checked(portal, kind, checked_values(portal, kind, given, {}, by_hubspot=by_hubspot), source)


def create_checked(portal: Portal, kind: ObjectType, values: dict[str, str], source: Source) -> Record:
    """The same for values that were checked one by one before."""
    require_free(portal, kind, values, None)
    _require_enough(kind, values)
    values = {**values, **stage_values(portal, kind, values, {}), **_derived(portal, kind, values, {})}
    values |= lifecycle_values(portal, kind, values, {}, source)
    record = portal.store_new(kind, values, source)
    if portal.personality.auto_association and kind.name == "contacts":
        _join_company(portal, record)
    after_stages(portal, kind, record, set(values))
    return record


def update(
    portal: Portal,
    kind: ObjectType,
    record: Record,
    given: Mapping[str, object],
    source: Source,
    *,
    by_hubspot: bool = False,
) -> set[str]:
    """Change a record and say which properties really changed."""
    values = checked_values(portal, kind, given, record.values, by_hubspot=by_hubspot)
    return update_checked(portal, kind, record, values, source)


def update_checked(
    portal: Portal, kind: ObjectType, record: Record, values: dict[str, str], source: Source
) -> set[str]:
    """The same for values that were checked one by one before."""
    require_free(portal, kind, values, record)
    values |= stage_values(portal, kind, values, record.values)
    values |= _derived(portal, kind, values, record.values)
    values |= lifecycle_values(portal, kind, values, record.values, source)
    changed = portal.store(kind, record, values, source)
    after_stages(portal, kind, record, changed)
    return changed


def require_free(portal: Portal, kind: ObjectType, values: Mapping[str, str], record: Record | None) -> None:
    """Refuse a unique value that another live record holds."""
    for name in portal.unique_names(kind):
        if not (value := values.get(name)):
            continue
        holder = portal.holder(kind, name, value)
        if holder is not None and holder is not record:
            what = kind.singular.capitalize()
            raise conflict(f"{what} already exists. Existing ID: {holder.id}")


def require_possible(portal: Portal, kind: ObjectType, values: Mapping[str, str], record: Record | None) -> None:
    """Refuse a new record that lacks what it needs, and a stage outside its pipeline."""
    if record is None:
        _require_enough(kind, values)
    stage_values(portal, kind, values, record.values if record else {})


def _require_enough(kind: ObjectType, values: Mapping[str, str]) -> None:
    if kind.name == "contacts" and not any(values.get(n) for n in ("email", "firstname", "lastname")):
        raise invalid("Contacts need at least one of email, firstname or lastname")
    if kind.name == "companies" and not any(values.get(n) for n in ("name", "domain")):
        raise invalid("Companies need at least one of name or domain")
    if missing := [name for name in kind.required if not values.get(name)]:
        raise RefusedError(
            400,
            f"Error creating {kind.singular.upper()}. Some required properties were not set.",
            context={"properties": missing},
        )


def _derived(
    portal: Portal, kind: ObjectType, values: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, str]:
    derived = {}
    if kind.name == "contacts" and "email" in values:
        derived["hs_email_domain"] = values["email"].partition("@")[2]
        if portal.consents.opted_out(values["email"]) is not None:
            derived["hs_email_optout"] = "true"
    owner = values.get("hubspot_owner_id")
    if owner is not None and owner != current.get("hubspot_owner_id", ""):
        known = portal.owners.get(owner)
        derived["hubspot_owner_assigneddate"] = iso(portal.now()) if owner else ""
        derived["hubspot_team_id"] = known.teams[0][0] if known and known.teams else ""
    return derived


def _join_company(portal: Portal, contact: Record) -> None:
    domain = contact.values.get("hs_email_domain", "")
    if not domain or domain in COMMON_DOMAINS:
        return
    companies = portal.tables["companies"].records.values()
    for company in companies:
        if company.archived_at is None and company.values.get("domain", "").lower() == domain:
            tie(portal, "contacts", contact.id, "companies", company.id, types=(1,))
            return


def tie(portal: Portal, here: str, id: str, there: str, other: str, *, types: tuple[int, ...]) -> None:
    """Associate two records, with what HubSpot does on its own when they belong together."""
    portal.associations.tie(here, id, there, other, types)
    tell_company(portal, here, id, there, other)
    if "deals" in (here, there) and portal.personality.lifecycle_automation:
        follow_deal(portal, id if here == "deals" else other)


def untie(portal: Portal, here: str, id: str, there: str, other: str) -> None:
    """End an association."""
    portal.associations.untie(here, id, there, other)
    tell_company(portal, here, id, there, other)


def tell_company(portal: Portal, here: str, id: str, there: str, other: str) -> None:
    """Mirror the primary company to the contact's property after an association changed."""
    if {here, there} != {"contacts", "companies"}:
        return
    kind = portal.types["contacts"]
    contact = portal.table(kind).live(id if here == "contacts" else other)
    if contact is not None:
        company = portal.associations.primary("contacts", contact.id, "companies")
        portal.store(kind, contact, {"associatedcompanyid": company or ""}, AUTOMATION)


def archive(portal: Portal, kind: ObjectType, id: str) -> None:
    """Put a record away; an unknown id is no mistake."""
    record = portal.table(kind).live(id)
    if record is None:
        return
    table, before = portal.table(kind), dict(record.values)
    portal.release_all(table, record)
    table.shelve(record, portal.now())
    portal.lag_index(record, table, before)


def restore(portal: Portal, kind: ObjectType, id: str) -> None:
    """Bring an archived record back, as the recycle bin does."""
    record = portal.table(kind).get(id)
    if record is None:
        raise not_found()
    table = portal.table(kind)
    table.unshelve(record)
    portal.claim_all(table, record)
    table.touch(record, portal.now())
    portal.lag_index(record, table, None)


def erase(portal: Portal, kind: ObjectType, word: str, by: str | None) -> None:
    """Delete for privacy: nothing remains, and the e-mail address stays blocked."""
    table = portal.table(kind)
    record = portal.holder(kind, by, word) if by else table.get(word)
    email = record.values.get("email") if record is not None else (word if by == "email" else None)
    if email:
        portal.blocked_emails.add(email.lower())
        portal.consents.forget(email)
    if record is not None:
        portal.release_all(table, record)
        portal.associations.drop_all(kind.name, record.id)
        table.remove(record)


def merge(portal: Portal, kind: ObjectType, primary: str, other: str) -> Record:
    """Make one record of two: a new id, the primary's values first; old ids lead to it."""
    table = portal.table(kind)
    first, second = table.live(primary), table.live(other)
    if first is None or second is None:
        raise not_found()
    if first is second:
        raise invalid("Cannot merge a record with itself")
    values = {**second.values, **first.values}
    for name in ("hs_object_id", "createdate", kind.modified):
        values.pop(name, None)
    values |= _merge_traces(portal, kind, first, second)
    for gone in (first, second):
        portal.release_all(table, gone)
    survivor = portal.store_new(kind, values, PERSON)
    _inherit(survivor, first, second, set(values))
    table.touch(survivor, portal.now())
    for gone in (first, second):
        portal.associations.move(kind.name, gone.id, survivor.id)
        table.remove(gone)
        table.aliases[gone.id] = survivor.id
    if second.values.get("email") and survivor.values.get("email"):
        portal.consents.rename(second.values["email"], survivor.values["email"])
    return survivor


def _merge_traces(portal: Portal, kind: ObjectType, first: Record, second: Record) -> dict[str, str]:
    olds = [first, second]
    earlier = [old.values["hs_merged_object_ids"] for old in olds if "hs_merged_object_ids" in old.values]
    traces = {"hs_merged_object_ids": ";".join([*earlier, first.id, second.id])}
    if kind.name == "contacts":
        stamp = portal.now()
        vids = [old.values.get("hs_calculated_merged_vids", "") for old in olds]
        vids += [f"{old.id}:{stamp}" for old in olds]
        traces["hs_calculated_merged_vids"] = ";".join(filter(None, vids))
        emails = [first.values.get("hs_additional_emails", ""), second.values.get("hs_additional_emails", "")]
        if first.values.get("email"):
            emails.append(second.values.get("email", ""))
        traces["hs_additional_emails"] = ";".join(filter(None, emails))
        if any(old.values.get("hs_email_optout") == "true" for old in olds):
            traces["hs_email_optout"] = "true"
    return traces


def _inherit(survivor: Record, first: Record, second: Record, names: set[str]) -> None:
    survivor.created = min(first.created, second.created)
    survivor.values["createdate"] = iso(survivor.created)
    for name in names:
        history = [*second.history(name)[::-1], *first.history(name)[::-1]]
        if history:
            survivor.changes[name] = sorted(history, key=lambda change: change.at)
            if survivor.changes[name][-1].value != survivor.values.get(name, ""):
                survivor.remember(name, survivor.values.get(name, ""), survivor.modified, PERSON)
