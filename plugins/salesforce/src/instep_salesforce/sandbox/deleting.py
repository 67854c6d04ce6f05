"""The recycle bin: deleting with what belongs to a record, bringing back, erasing, merging."""

from __future__ import annotations

from instep_salesforce.sandbox import rights
from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import not_found, refused
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import ChildRelation, ObjectType, Row
from instep_salesforce.sandbox.soql.relations import child_relations
from instep_salesforce.sandbox.tables import Table
from instep_salesforce.sandbox.writing import require_unlocked

_RIGHTS = {"FieldPermissions", "PermissionSetAssignment", "PermissionSet"}
_GONE_AT_ONCE = {*_RIGHTS, "ObjectPermissions", "QueueSobject", "GroupMember", "Group", "UserRole"}


def delete(org: Org, kind: ObjectType, row: Row, caller: Caller) -> None:
    """Put a live record into the recycle bin, and its children with it."""
    if not kind.deletable:
        raise refused("INSUFFICIENT_ACCESS_OR_READONLY", f"entity type cannot be deleted: {kind.label}")
    if caller.by_api:
        rights.require_write(org, caller.user, kind)
    if kind.name == "CampaignMemberStatus":
        _require_others(org, row)
    require_unlocked(org, row)
    if kind.name in _GONE_AT_ONCE:
        _remove(org, kind, str(row["Id"]))
        org.visibility.changed()
        return
    _shelve(org, org.tables[kind.name], row, caller)


def _remove(org: Org, kind: ObjectType, id: str) -> None:
    for relation in child_relations(org, kind):
        if relation.object in _GONE_AT_ONCE:
            for child in org.tables[relation.object].holders(relation.field, id):
                _remove(org, org.kinds[relation.object], child)
    org.tables[kind.name].remove(id)


def _require_others(org: Org, status: Row) -> None:
    table = org.tables["CampaignMemberStatus"]
    others = [table.rows[id] for id in table.holders("CampaignId", status["CampaignId"]) if id != status["Id"]]
    if status.get("IsDefault"):
        raise refused("FIELD_INTEGRITY_EXCEPTION", "The default member status cannot be deleted.")
    if not any(other.get("HasResponded") for other in others):
        raise refused("FIELD_INTEGRITY_EXCEPTION", "A campaign needs a member status that counts as a response.")
    members = org.tables["CampaignMember"]
    held = (members.rows[id].get("Status") for id in members.holders("CampaignId", status["CampaignId"]))
    if status["Label"] in held:
        raise refused("DELETE_FAILED", "This member status is in use by members of the campaign.")


def _shelve(org: Org, table: Table, row: Row, caller: Caller, **more: str) -> None:
    id = str(row["Id"])
    for relation in _cascades(org, table.kind):
        children = org.tables[relation.object]
        for child in children.holders(relation.field, id):
            _shelve(org, children, children.rows[child], caller)
    now = org.stamp(table.kind.name)
    table.change(row, {**_touched(table, now, caller), "IsDeleted": True, **more})
    table.shelve(id, org.stamp())
    org.binned(table.kind, id)


def _cascades(org: Org, kind: ObjectType) -> list[ChildRelation]:
    return [relation for relation in child_relations(org, kind) if relation.cascades]


def _touched(table: Table, now: str, caller: Caller) -> Row:
    values: Row = {"LastModifiedDate": now, "LastModifiedById": caller.user, "SystemModstamp": now}
    return {name: value for name, value in values.items() if name in table.kind.fields}


def undelete(org: Org, kind: ObjectType, id: str, caller: Caller) -> None:
    """Bring a record back from the recycle bin, and the children that went with it."""
    table = org.tables[kind.name]
    if id not in table.bin:
        raise not_found()
    _unshelve(org, table, id, table.bin[id], caller)


def _unshelve(org: Org, table: Table, id: str, went: str, caller: Caller) -> None:
    row = table.rows[id]
    for item in table.kind.fields.values():
        value = row.get(item.name)
        if item.unique and value is not None and table.holders(item.name, value):
            message = f"duplicate value found: {item.name} duplicates value on another record"
            raise refused("DUPLICATE_VALUE", message)
    table.unshelve(id)
    back: Row = {"IsDeleted": False, "MasterRecordId": None}
    table.change(row, {**_touched(table, org.stamp(table.kind.name), caller), **back})
    for relation in _cascades(org, table.kind):
        children = org.tables[relation.object]
        for child in children.index(relation.field).ids(id):
            if children.bin.get(child) == went:
                _unshelve(org, children, child, went, caller)


def erase(org: Org, kind: ObjectType, id: str) -> None:
    """Let a record vanish; only the log of deletions remembers it."""
    table = org.tables[kind.name]
    if id not in table.rows:
        raise not_found()
    if id not in table.bin:
        table.log_deletion(id, org.stamp())
    table.remove(id)


def merge(org: Org, kind: ObjectType, master: str, other: str, caller: Caller) -> None:
    """Let `other` become part of `master`: its children move, it lies in the bin and says where it went."""
    table = org.tables[kind.name]
    first, second = table.live(master), table.live(other)
    if first is None or second is None:
        raise not_found()
    if not kind.mergeable or master == other:
        raise refused("INVALID_OPERATION", f"These records cannot be merged: {master} {other}")
    for relation in child_relations(org, kind):
        if relation.field == "MasterRecordId":
            continue
        children = org.tables[relation.object]
        for child in children.holders(relation.field, other):
            _move(org, children, children.rows[child], relation.field, master, caller)
    now = org.stamp(kind.name)
    table.change(first, _touched(table, now, caller))
    _shelve(org, table, second, caller, MasterRecordId=master)


def _move(org: Org, children: Table, row: Row, field: str, master: str, caller: Caller) -> None:
    """Give a child another parent; a campaign member that is there already is not doubled."""
    if children.kind.name == "CampaignMember":
        theirs = children.holders(field, master)
        if any(children.rows[id].get("CampaignId") == row.get("CampaignId") for id in theirs):
            _shelve(org, children, row, caller)
            return
        children.change(row, {"LeadOrContactId": master})
    children.change(row, {field: master, **_touched(children, org.stamp(children.kind.name), caller)})
