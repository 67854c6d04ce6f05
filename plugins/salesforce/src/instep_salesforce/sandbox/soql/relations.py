"""The names under which children are reached from their parents."""

from __future__ import annotations

from collections.abc import Iterator

from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import ChildRelation, ObjectType
from instep_salesforce.sandbox.soql.binding import Scope
from instep_salesforce.sandbox.soql.nodes import Query
from instep_salesforce.sandbox.soql.refusals import no_such_relation

_NAMES = {
    ("Contact", "AccountId"): "Contacts",
    ("Contact", "ReportsToId"): "DirectReports",
    ("Account", "ParentId"): "ChildAccounts",
    ("Opportunity", "AccountId"): "Opportunities",
    ("Opportunity", "CampaignId"): "Opportunities",
    ("OpportunityContactRole", "OpportunityId"): "OpportunityContactRoles",
    ("OpportunityContactRole", "ContactId"): "OpportunityContactRoles",
    ("OpportunityHistory", "OpportunityId"): "OpportunityHistories",
    ("OpportunityFieldHistory", "OpportunityId"): "Histories",
    ("LeadHistory", "LeadId"): "Histories",
    ("ContactHistory", "ContactId"): "Histories",
    ("CampaignMember", "CampaignId"): "CampaignMembers",
    ("CampaignMember", "LeadId"): "CampaignMembers",
    ("CampaignMember", "ContactId"): "CampaignMembers",
    ("CampaignMemberStatus", "CampaignId"): "CampaignMemberStatuses",
    ("Campaign", "ParentId"): "ChildCampaigns",
    ("Task", "WhoId"): "Tasks",
    ("Task", "WhatId"): "Tasks",
    ("Event", "WhoId"): "Events",
    ("Event", "WhatId"): "Events",
    ("QueueSobject", "QueueId"): "QueueSobjects",
    ("GroupMember", "GroupId"): "GroupMembers",
    ("PermissionSetAssignment", "PermissionSetId"): "Assignments",
    ("PermissionSetAssignment", "AssigneeId"): "PermissionSetAssignments",
    ("FieldPermissions", "ParentId"): "FieldPerms",
    ("ObjectPermissions", "ParentId"): "ObjectPerms",
}
_CASCADES = {
    ("Contact", "AccountId"),
    ("Opportunity", "AccountId"),
    ("OpportunityContactRole", "OpportunityId"),
    ("OpportunityContactRole", "ContactId"),
    ("CampaignMember", "CampaignId"),
    ("CampaignMember", "LeadId"),
    ("CampaignMember", "ContactId"),
    ("CampaignMemberStatus", "CampaignId"),
    ("Task", "WhoId"),
    ("Task", "WhatId"),
    ("Event", "WhoId"),
    ("Event", "WhatId"),
}


def child_relations(org: Org, kind: ObjectType) -> tuple[ChildRelation, ...]:
    """Every way from a kind of record to its children."""
    if kind.name not in org.relations:
        org.relations[kind.name] = tuple(_found(org, kind))
    return org.relations[kind.name]


def _found(org: Org, kind: ObjectType) -> Iterator[ChildRelation]:
    for child in org.kinds.values():
        for item in child.fields.values():
            if kind.name in item.refers_to:
                key = (child.name, item.name)
                name = _NAMES.get(key) or (f"{item.name.removesuffix('__c')}__r" if item.custom else None)
                yield ChildRelation(name, child.name, item.name, key in _CASCADES)


def child_of(scope: Scope, query: Query) -> tuple[str, ObjectType, str]:
    """What a statement inside another one selects from: the relation, the kind, the field that refers back."""
    for relation in child_relations(scope.org, scope.kind):
        if relation.name is not None and relation.name.lower() == query.object.lower():
            return relation.name, scope.org.kinds[relation.object], relation.field
    raise no_such_relation(query.text, query.object_position, query.object, scope.kind.name)
