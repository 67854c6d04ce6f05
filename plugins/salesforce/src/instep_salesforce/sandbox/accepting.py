"""Reading the fields of one record that was sent: names, rights, types and lengths, in this order."""

from __future__ import annotations

from collections.abc import Mapping

from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Row
from instep_salesforce.sandbox.values import read_value, require_length

_AUDIT = frozenset({"CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"})
Sent = Mapping[str, object]


def accept(org: Org, kind: ObjectType, values: Sent, caller: Caller, *, creating: bool) -> Row:
    """What was sent, under the true names of the fields and as they hold it."""
    found = _resolve(org, kind, values, caller)
    _require_writable(org, kind, found, caller, creating=creating)
    null = org.personality.null_checkbox
    given = {item.name: read_value(item, value, null_checkbox=null) for item, value in found}
    for item, _ in found:
        require_length(item, given[item.name])
    if org.personality.lowercase_emails:
        _lower_emails(found, given)
    return given


def _lower_emails(found: list[tuple[Field, object]], given: Row) -> None:
    for item, _ in found:
        value = given[item.name]
        if item.type == "email" and isinstance(value, str):
            given[item.name] = value.lower()


def _resolve(org: Org, kind: ObjectType, values: Sent, caller: Caller) -> list[tuple[Field, object]]:
    hidden = org.visibility.hidden(caller.user, kind) if caller.by_api else ()
    found = []
    for name, value in values.items():
        if name == "attributes":
            continue
        item = kind.fields.get(name) or kind.find(name)
        if item is None and isinstance(value, Mapping | None):
            item, value = _parent(org, kind, name, value)  # noqa: PLW2901 - a parent stands for its id
        if item is None or item.name in hidden:
            raise refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}", name)
        found.append((item, value))
    return found


def _parent(org: Org, kind: ObjectType, name: str, value: object) -> tuple[Field | None, object]:
    """The reference that a parent named by a key of its own stands for."""
    item = kind.relation(name)
    if item is None or value is None:
        return item, None
    keys = (
        {key: held for key, held in dict(value).items() if key != "attributes"} if isinstance(value, Mapping) else {}
    )
    if len(keys) != 1:
        raise refused("INVALID_FIELD", f"A parent is named by one external id: {name}", name)
    ((key, held),) = keys.items()
    targets = [org.kinds[target] for target in item.refers_to if org.kinds[target].find(key)]
    if not targets:
        raise refused("INVALID_FIELD", f"No such column '{key}' on sobject of type {item.refers_to[0]}", key)
    return item, find_parent(org, targets[0], key, held)


def find_parent(org: Org, kind: ObjectType, key: str, value: object) -> str:
    """The id of the one record with this external id."""
    item = kind.find(key)
    if item is None or not (item.is_key or item.name == "Id"):
        raise refused(
            "INVALID_FIELD", f"Field name provided, {key} is not an External ID or indexed field for {kind.name}"
        )
    text = str(value)
    ids = [text] if item.name == "Id" else org.tables[kind.name].holders(item.name, text)
    if not ids:
        raise refused(
            "INVALID_FIELD", f"Foreign key external ID: {text} not found for field {key} in entity {kind.name}"
        )
    if len(ids) > 1:
        raise refused("DUPLICATE_EXTERNAL_ID", f"More than one record found for external id field: {ids}", key)
    return ids[0]


def _require_writable(
    org: Org, kind: ObjectType, found: list[tuple[Field, object]], caller: Caller, *, creating: bool
) -> None:
    if not caller.by_api:
        return
    locked = org.visibility.locked(caller.user, kind)
    audit = _AUDIT if creating and org.personality.set_audit_fields else frozenset()
    refusals = [
        item.name
        for item, _ in found
        if item.name in locked or (not (item.createable if creating else item.updateable) and item.name not in audit)
    ]
    if not refusals:
        return
    if "Id" in refusals:
        message = "The Id field should not be specified in the sobject data."
    else:
        message = (
            f"Unable to create/update fields: {', '.join(refusals)}. Please check the security settings of this "
            "field and verify that it is read/write for your profile or permission set."
        )
    raise refused("INVALID_FIELD_FOR_INSERT_UPDATE", message, *refusals)
