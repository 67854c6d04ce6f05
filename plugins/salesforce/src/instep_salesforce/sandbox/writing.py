"""Creating, updating and upserting one record."""

from __future__ import annotations

from instep_salesforce.sandbox import rights
from instep_salesforce.sandbox.accepting import Sent, accept
from instep_salesforce.sandbox.automation import derive
from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.checks import (
    require_filled,
    require_no_duplicates,
    require_options,
    require_owner,
    require_references,
    require_unique,
    require_valid,
)
from instep_salesforce.sandbox.consequences import after_save, before_save
from instep_salesforce.sandbox.errors import RefusedError, deleted, not_found, refused
from instep_salesforce.sandbox.histories import remember
from instep_salesforce.sandbox.ids import normalise
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Row

_STAMPS = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp"})


def create(org: Org, kind: ObjectType, values: Sent, caller: Caller) -> str:
    """Make a record; gives its id."""
    if caller.by_api and not kind.createable:
        raise refused("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {kind.label}")
    if caller.by_api:
        rights.require_write(org, caller.user, kind)
    given = accept(org, kind, values, caller, creating=True)
    given = {name: value for name, value in given.items() if value is not None or not kind.fields[name].defaulted}
    require_filled(kind, given, creating=True)
    row: Row = {**kind.template, **_audit(org, kind, caller), **given}
    before_save(org, kind, given, None)
    row |= given
    _assign(org, kind, row, given, caller)
    row |= {**derive(org, kind.name, row, {}), **given}
    _check(org, kind, row, row, {}, caller, None)
    id = org.ids.new(kind.prefix)
    row = {"Id": id, **{name: value for name, value in row.items() if value is not None}}
    org.tables[kind.name].insert(row)
    remember(org, kind.name, row, None, caller)
    after_save(org, kind, row, None, caller)
    return id


def _audit(org: Org, kind: ObjectType, caller: Caller) -> Row:
    now = org.stamp(kind.name)
    row: Row = {name: now for name in _STAMPS if name in kind.fields}
    for name in ("CreatedById", "LastModifiedById"):
        if name in kind.fields:
            row[name] = caller.user
    if "OwnerId" in kind.fields:
        row["OwnerId"] = caller.user
    return row


def _assign(org: Org, kind: ObjectType, row: Row, given: Row, caller: Caller) -> None:
    owner = org.rules.assignments.get(kind.name)
    if owner is not None and caller.auto_assign:
        row["OwnerId"] = given["OwnerId"] = owner


def _check(org: Org, kind: ObjectType, given: Row, after: Row, before: Row, caller: Caller, id: str | None) -> None:
    require_options(kind, given)
    require_unique(org, kind, given, after, id)
    require_references(org, kind, given)
    if "OwnerId" in given or org.personality.inactive_owner_blocks_updates:
        require_owner(org, kind, after.get("OwnerId"))
    require_valid(org, kind, after)
    require_no_duplicates(org, kind, given, before, caller, id)
    _run_triggers(org, kind, given, after)


def _run_triggers(org: Org, kind: ObjectType, given: Row, after: Row) -> None:
    for trigger in org.rules.triggers.get(kind.name, ()):
        changes = trigger({**dict.fromkeys(kind.fields), **after})
        given |= changes
        after |= changes


def update(org: Org, kind: ObjectType, row: Row, values: Sent, caller: Caller) -> None:
    """Change a record."""
    if caller.by_api and not kind.updateable:
        raise refused("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be updated: {kind.label}")
    if caller.by_api:
        rights.require_write(org, caller.user, kind)
    given = accept(org, kind, values, caller, creating=False)
    require_filled(kind, given, creating=False)
    require_unlocked(org, row)
    if row.get("IsConverted") and kind.name == "Lead" and not org.personality.update_converted_leads:
        raise refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    before_save(org, kind, given, row)
    _assign(org, kind, {}, given, caller)
    changes = {**derive(org, kind.name, given, row), **given}
    _check(org, kind, changes, {**row, **changes}, row, caller, str(row["Id"]))
    save(org, kind, row, changes, caller)


def save(org: Org, kind: ObjectType, row: Row, changes: Row, caller: Caller) -> None:
    """Keep changes that were checked, with everything that follows from them."""
    if not org.personality.no_op_touches and all(row.get(name) == value for name, value in changes.items()):
        return
    now = org.stamp(kind.name)
    for name, value in (("LastModifiedDate", now), ("LastModifiedById", caller.user), ("SystemModstamp", now)):
        if name in kind.fields:
            changes.setdefault(name, value)
    before = org.tables[kind.name].change(row, changes)
    remember(org, kind.name, row, before, caller)
    after_save(org, kind, row, before, caller)


def require_unlocked(org: Org, row: Row) -> None:
    """Refuse a record that somebody else is writing."""
    if org.rules.is_locked(str(row["Id"])):
        message = "unable to obtain exclusive access to this record"
        raise refused("UNABLE_TO_LOCK_ROW", message)


def find(org: Org, kind: ObjectType, id: str) -> Row:
    """A live record by an id of either length."""
    found = normalise(id)
    if found is None:
        raise not_found("Provided external ID field does not exist or is not accessible: " + id)
    if not found.startswith(kind.prefix):
        raise RefusedError(400, "MALFORMED_ID", f"{kind.label} ID: id value of incorrect type: {id}", ("Id",))
    table = org.tables[kind.name]
    if found in table.bin:
        raise deleted()
    if (row := table.rows.get(found)) is None:
        raise not_found()
    return row


def key_field(org: Org, kind: ObjectType, name: str, user: str) -> Field:
    """The field by which records can be found and upserted."""
    item = kind.find(name)
    if item is None or not item.is_key or item.name in org.visibility.hidden(user, kind):
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    return item


def matches(org: Org, kind: ObjectType, item: Field, value: str) -> list[str]:
    """The live records with a key."""
    if item.name == "Id":
        return [str(find(org, kind, value)["Id"])]
    text = value.strip()
    if item.type in {"double", "int"}:
        try:
            return org.tables[kind.name].holders(item.name, float(text))
        except ValueError:
            return []
    return org.tables[kind.name].holders(item.name, text)


def several(ids: list[str]) -> RefusedError:
    """300 or a failed item: a key names more than one record."""
    message = f"More than one record found for external id field: [{', '.join(ids)}]"
    return RefusedError(300, "DUPLICATE_EXTERNAL_ID", message, ())


def upsert(
    org: Org, kind: ObjectType, item: Field, key: str, values: Sent, caller: Caller, *, update_only: bool = False
) -> tuple[str, bool]:
    """Update the record with a key, or make it; gives the id and whether it is new."""
    ids = matches(org, kind, item, key)
    if len(ids) > 1:
        raise several(ids)
    if ids:
        update(org, kind, org.tables[kind.name].rows[ids[0]], values, caller)
        return ids[0], False
    if update_only:
        raise RefusedError(org.personality.update_only_status, "NOT_FOUND", "The requested resource does not exist")
    return create(org, kind, {**values, item.name: key}, caller), True
