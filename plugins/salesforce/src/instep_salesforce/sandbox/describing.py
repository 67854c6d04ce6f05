"""How objects describe themselves, as one user sees them."""

from __future__ import annotations

from instep_salesforce.sandbox import rights
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import TEXTUAL, ChildRelation, Field, ObjectType, Option
from instep_salesforce.sandbox.soql.binding import is_groupable
from instep_salesforce.sandbox.soql.relations import child_relations

Shown = dict[str, object]
MASTER_TYPE = "012000000000000AAA"
_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "address": "urn:address",
}
_NOT_REPLICATED = {"OpportunityStage", "LeadStatus", "AssignmentRule", "FieldPermissions"}
_EVERY_FIELD: Shown = {
    "aiPredictionField": False,
    "autoNumber": False,
    "calculated": False,
    "calculatedFormula": None,
    "cascadeDelete": False,
    "controllerName": None,
    "defaultValueFormula": None,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "filteredLookupInfo": None,
    "formulaTreatNullNumberAsZero": False,
    "highScaleNumber": False,
    "htmlFormatted": False,
    "mask": None,
    "maskType": None,
    "queryByDistance": False,
    "referenceTargetField": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "searchPrefilterable": False,
    "writeRequiresMasterRead": False,
}
"""What is the same for all fields here."""

_EVERY_OBJECT: Shown = {
    "activateable": False,
    "associateEntityType": None,
    "associateParentEntity": None,
    "customSetting": False,
    "deepCloneable": False,
    "deprecatedAndHidden": False,
    "hasSubtypes": False,
    "isInterface": False,
    "isSubtype": False,
    "queryable": True,
    "retrieveable": True,
}
"""What is the same for all objects here."""


def describe_field(org: Org, kind: ObjectType, item: Field, *, can_edit: bool) -> Shown:
    """A field with all its 57 keys."""
    is_text = item.type in TEXTUAL
    length = item.length or {"id": 18, "reference": 18}.get(item.type, 0)
    targets = [target for target in item.refers_to if target in org.kinds]
    return {
        **_EVERY_FIELD,
        "aggregatable": item.filterable and item.type not in {"boolean", "address"},
        "byteLength": 3 * length if is_text else length,
        "caseSensitive": item.case_sensitive,
        "compoundFieldName": item.compound,
        "createable": item.createable and can_edit,
        "custom": item.custom,
        "defaultValue": item.default if item.type == "boolean" or item.custom else None,
        "defaultedOnCreate": item.defaulted,
        "digits": 9 if item.type == "int" else 0,
        "externalId": item.external_id,
        "extraTypeInfo": "plaintextarea" if item.type == "textarea" else None,
        "filterable": item.filterable,
        "groupable": is_groupable(item),
        "idLookup": item.id_lookup,
        "inlineHelpText": item.help,
        "label": item.label,
        "length": length,
        "name": item.name,
        "nameField": item.name == kind.name_field,
        "namePointing": len(targets) > 1,
        "nillable": item.nillable,
        "permissionable": not item.required and not item.defaulted and item.type != "id",
        "picklistValues": [option.to_dict() for option in _choices(org, kind, item)] if item.is_picklist else [],
        "polymorphicForeignKey": len(targets) > 1,
        "precision": item.precision,
        "referenceTo": targets,
        "relationshipName": item.relation if targets else None,
        "restrictedPicklist": item.restricted,
        "scale": item.scale,
        "soapType": _SOAP.get(item.type, "xsd:string"),
        "sortable": item.filterable and item.type != "multipicklist",
        "type": item.type,
        "unique": item.unique,
        "updateable": item.updateable and can_edit,
    }


def _choices(org: Org, kind: ObjectType, item: Field) -> tuple[Option, ...]:
    """The choices that a description lists; only some orgs list inactive ones."""
    active = org.options(kind, item)
    return (*active, *org.retired_options(kind, item)) if org.personality.describe_inactive_values else active


def describe_briefly(kind: ObjectType, base: str) -> Shown:
    """An object as the list of all objects shows it."""
    url = f"{base}/sobjects/{kind.name}"
    return {
        **_EVERY_OBJECT,
        "createable": kind.createable,
        "custom": kind.name.endswith("__c"),
        "deletable": kind.deletable,
        "feedEnabled": kind.mergeable,
        "keyPrefix": kind.prefix,
        "label": kind.label,
        "labelPlural": kind.plural,
        "layoutable": kind.createable and not kind.is_setup,
        "mergeable": kind.mergeable,
        "mruEnabled": kind.createable and not kind.is_setup,
        "name": kind.name,
        "replicateable": "SystemModstamp" in kind.fields and kind.name not in _NOT_REPLICATED,
        "searchable": kind.createable and not kind.is_setup,
        "triggerable": kind.createable and not kind.is_setup,
        "undeletable": kind.undeletable,
        "updateable": kind.updateable,
        "urls": {
            "rowTemplate": f"{url}/{{ID}}",
            "describe": f"{url}/describe",
            "layouts": f"{url}/describe/layouts",
            "compactLayouts": f"{url}/describe/compactLayouts",
            "approvalLayouts": f"{url}/describe/approvalLayouts",
            "sobject": url,
        },
    }


def describe_object(org: Org, kind: ObjectType, user: str, base: str) -> Shown:
    """An object with its fields, children and record types."""
    hidden, locked = org.visibility.hidden(user, kind), org.visibility.locked(user, kind)
    fields = [item for item in kind.fields.values() if item.name not in hidden]
    if rights.is_reader(org, user):
        locked, denied = frozenset(kind.fields), dict.fromkeys(("createable", "updateable", "deletable"), False)
    else:
        denied = {}
    return {
        **describe_briefly(kind, base),
        **denied,
        "actionOverrides": [],
        "childRelationships": [_child(relation) for relation in child_relations(org, kind)],
        "compactLayoutable": kind.createable,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [describe_field(org, kind, item, can_edit=item.name not in locked) for item in fields],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(org, kind, base),
        "searchLayoutable": kind.createable and not kind.is_setup,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {kind.plural.lower()}", "name": "everything"}],
    }


def _child(relation: ChildRelation) -> Shown:
    return {
        "cascadeDelete": relation.cascades,
        "childSObject": relation.object,
        "deprecatedAndHidden": False,
        "field": relation.field,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": relation.name,
        "restrictedDelete": False,
    }


def _record_types(org: Org, kind: ObjectType, base: str) -> list[Shown]:
    if not kind.createable or kind.is_setup:
        return []
    own = [row for row in org.tables["RecordType"].all() if row["SobjectType"] == kind.name]
    found = [
        _record_type(
            kind, base, str(row["Id"]), str(row["Name"]), str(row["DeveloperName"]), active=bool(row["IsActive"])
        )
        for row in own
    ]
    master = _record_type(kind, base, MASTER_TYPE, "Master", "Master", active=True)
    return [*found, {**master, "master": True, "defaultRecordTypeMapping": not own, "available": True}]


def _record_type(kind: ObjectType, base: str, id: str, name: str, developer_name: str, *, active: bool) -> Shown:
    return {
        "active": active,
        "available": active,
        "defaultRecordTypeMapping": False,
        "developerName": developer_name,
        "master": False,
        "name": name,
        "recordTypeId": id,
        "urls": {"layout": f"{base}/sobjects/{kind.name}/describe/layouts/{id}"},
    }
