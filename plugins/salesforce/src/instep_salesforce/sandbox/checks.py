"""What stops a record from being saved, in the order in which it is looked at."""

from __future__ import annotations

from collections.abc import Iterable

from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import RefusedError, refused
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.rules import DuplicateRule
from instep_salesforce.sandbox.schema import ObjectType, Row, Value
from instep_salesforce.sandbox.values import require_option

PAIRS = {
    "CampaignMember": (("CampaignId", "LeadId"), ("CampaignId", "ContactId")),
    "FieldPermissions": (("ParentId", "Field"),),
    "ObjectPermissions": (("ParentId", "SobjectType"),),
    "PermissionSetAssignment": (("PermissionSetId", "AssigneeId"),),
    "QueueSobject": (("QueueId", "SobjectType"),),
    "GroupMember": (("GroupId", "UserOrGroupId"),),
    "CampaignMemberStatus": (("CampaignId", "Label"),),
    "OpportunityContactRole": (("OpportunityId", "ContactId", "Role"),),
}
"""Fields of which no two records may share all values."""

UNIQUE = {"User": ("Username",), "PermissionSet": ("Name",)}
"""Standard fields of which no two records may share the value."""


def require_filled(kind: ObjectType, given: Row, *, creating: bool) -> None:
    """Refuse a record without its required fields."""
    if creating:
        missing = [item.name for item in kind.fields.values() if item.required and given.get(item.name) is None]
    else:
        missing = [name for name, value in given.items() if value is None and not kind.fields[name].nillable]
    if missing:
        names = ", ".join(missing)
        raise refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{names}]", *missing)


def require_options(kind: ObjectType, given: Row) -> None:
    """Refuse what restricted picklists do not offer."""
    for name, value in given.items():
        require_option(kind.fields[name], value)


def require_unique(org: Org, kind: ObjectType, given: Row, after: Row, id: str | None) -> None:
    """Refuse values that another live record holds already."""
    table = org.tables[kind.name]
    for name, value in given.items():
        if value is None or not (kind.fields[name].unique or name in UNIQUE.get(kind.name, ())):
            continue
        if others := [other for other in table.holders(name, value) if other != id]:
            message = f"duplicate value found: {name} duplicates value on record with id: {others[0][:15]}"
            raise refused("DUPLICATE_VALUE", message)
    for names in PAIRS.get(kind.name, ()):
        if not given.keys().isdisjoint(names):
            _require_unique_pair(org, kind, names, after, id)


def _require_unique_pair(org: Org, kind: ObjectType, names: tuple[str, ...], after: Row, id: str | None) -> None:
    first, *rest = names
    if any(after.get(name) is None for name in names[:2]):
        return
    table = org.tables[kind.name]
    indexed = names[1] if kind.name == "CampaignMember" else first
    for other in table.holders(indexed, after[indexed]):
        row = table.rows[other]
        if other != id and all(row.get(name) == after.get(name) for name in (first, *rest)):
            if kind.name == "CampaignMember":
                raise refused("DUPLICATE_VALUE", "Already a campaign member.")
            raise refused(
                "DUPLICATE_VALUE", f"duplicate value found: duplicates value on record with id: {other[:15]}"
            )


def require_references(org: Org, kind: ObjectType, given: Row) -> None:
    """Refuse ids of records that are not there or are of another kind."""
    for name, value in given.items():
        item = kind.fields[name]
        if item.type != "reference" or not isinstance(value, str):
            continue
        target = next((t for t in item.refers_to if t in org.kinds and value.startswith(org.kinds[t].prefix)), None)
        if target is None:
            code = "INVALID_CROSS_REFERENCE_KEY" if name == "OwnerId" else "MALFORMED_ID"
            raise refused(code, f"{item.label}: id value of incorrect type: {value}", name)
        row = org.tables[target].live(value)
        if row is None:
            raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", name)
        if target == "RecordType" and row["SobjectType"] != kind.name:
            message = f"{item.label}: this ID value isn't valid for the user: {value}"
            raise refused("INVALID_CROSS_REFERENCE_KEY", message, name)


def require_owner(org: Org, kind: ObjectType, owner: Value) -> None:
    """Refuse an owner who has left, and a queue that is not for this kind of record."""
    if not isinstance(owner, str):
        return
    if owner.startswith(org.kinds["Group"].prefix):
        group = org.tables["Group"].live(owner) or {}
        allowed = {row["SobjectType"] for row in org.tables["QueueSobject"].all() if row["QueueId"] == owner}
        if group.get("Type") != "Queue" or kind.name not in allowed:
            raise refused("INVALID_CROSS_REFERENCE_KEY", f"Owner ID: id value of incorrect type: {owner}", "OwnerId")
        return
    user = org.tables["User"].live(owner)
    if user is not None and not user["IsActive"]:
        message = f"operation performed with inactive user [{owner[:15]}] as owner of {kind.label.lower()}"
        raise refused("INACTIVE_OWNER_OR_USER", message)


def require_valid(org: Org, kind: ObjectType, after: Row) -> None:
    """Ask the validation rules."""
    for rule in org.rules.validations.get(kind.name, ()):
        full = {**dict.fromkeys(kind.fields), **after}
        if rule.is_wrong(full):
            raise refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, *([rule.field] if rule.field else ()))


def require_no_duplicates(
    org: Org, kind: ObjectType, given: Row, before: Row, caller: Caller, id: str | None
) -> None:
    """Ask the duplicate rules about values that are new to the record."""
    for rule in org.rules.duplicates.get(kind.name, ()):
        value = given.get(rule.field)
        if value is None or value == before.get(rule.field):
            continue
        others = [other for other in org.tables[kind.name].holders(rule.field, value) if other != id]
        if others and not (rule.allow_save and caller.allow_duplicates):
            raise _duplicates(kind, rule, others, caller, org)


def _duplicates(
    kind: ObjectType, rule: DuplicateRule, others: Iterable[str], caller: Caller, org: Org
) -> RefusedError:
    records = []
    for other in others:
        url = f"/services/data/v{caller.version}/sobjects/{kind.name}/{other}"
        record: dict[str, object] = {"attributes": {"type": kind.name, "url": url}, "Id": other}
        if caller.record_details:
            row = org.tables[kind.name].rows[other]
            record |= {name: row.get(name) for name in ("Name", rule.field)}
        records.append({"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record})
    message = "Use one of these records?"
    result = {
        "allowSave": rule.allow_save,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": kind.name,
        "errorMessage": message,
        "matchResults": [
            {
                "entityType": kind.name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": records,
                "rule": f"{rule.name}_Match",
                "size": len(records),
                "success": True,
            }
        ],
    }
    return RefusedError(400, "DUPLICATES_DETECTED", message, extra={"duplicateResult": result})
