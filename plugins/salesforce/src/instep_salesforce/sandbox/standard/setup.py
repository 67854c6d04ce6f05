"""Users, rights, stages, record types and the org itself."""

from __future__ import annotations

from instep_salesforce.sandbox.standard.making import AUDIT, make, read_only
from instep_salesforce.sandbox.standard.permissions import NOTATION

USER = f"""
Id id [dL]; Username string(80) [CU!L]; LastName string(80) [CU!]; FirstName string(40) [CU]; Name string(121);
CompanyName string(80) [CU]; Division string(80) [CU]; Department string(80) [CU]; Title string(80) [CU];
Email email(128) [CU!L]; Phone phone(40) [CU]; MobilePhone phone(40) [CU]; Alias string(8) [CU!];
IsActive boolean [CUd]; UserRoleId reference→UserRole [CU]; ProfileId reference→Profile [CU!];
UserType picklist(40) [d]; TimeZoneSidKey picklist(40) [CU!R]; LocaleSidKey picklist(40) [CU!R];
LanguageLocaleKey picklist(40) [CU!R]; EmailEncodingKey picklist(40) [CU!R]; ManagerId reference→User [CU];
FederationIdentifier string(512) [CUL]; LastLoginDate datetime; {AUDIT}
"""
GROUP = f"""
Id id [dL]; Name string(40) [CU!]; DeveloperName string(80) [CU]; Type picklist(40) [C!]; Email email(255) [CU];
RelatedId reference→User/UserRole; OwnerId reference→User; DoesSendEmailToMembers boolean [CUd]; {AUDIT}
"""
MEMBER = """
Id id [dL]; GroupId reference→Group [C!]; UserOrGroupId reference→Group/User [C!]; SystemModstamp datetime [d];
"""
QUEUE = """
Id id [dL]; QueueId reference→Group [C!]; SobjectType picklist(40) [C!]; CreatedById reference→User [d];
SystemModstamp datetime [d];
"""
RECORD_TYPE = f"""
Id id [dL]; Name string(80) [CU!]; DeveloperName string(80) [CU!]; NamespacePrefix string(15);
Description string(255) [CU]; BusinessProcessId reference→BusinessProcess [CU]; SobjectType picklist(40) [C!];
IsActive boolean [CUd]; {AUDIT}
"""
PROCESS = f"""
Id id [dL]; Name string(80) [CU!]; NamespacePrefix string(15); Description string(255) [CU];
TableEnumOrId picklist(40) [C!]; IsActive boolean [CUd]; {AUDIT}
"""
STAGE = f"""
Id id [dL]; MasterLabel string(255); ApiName string(255); IsActive boolean [d]; SortOrder int;
IsClosed boolean [d]; IsWon boolean [d]; ForecastCategory picklist(40); ForecastCategoryName picklist(255);
DefaultProbability percent(3,0); Description string(255); {AUDIT}
"""
STATUS = f"""
Id id [dL]; MasterLabel string(255); ApiName string(255); SortOrder int; IsDefault boolean [d];
IsConverted boolean [d]; {AUDIT}
"""
ORGANIZATION = f"""
Id id [dL]; Name string(80) [U]; Division string(80) [U]; Street textarea(255) [U]; City string(40) [U];
State string(80) [U]; PostalCode string(20) [U]; Country string(80) [U]; Phone phone(40) [U];
PrimaryContact string(80) [U]; DefaultLocaleSidKey picklist(40) [U]; TimeZoneSidKey picklist(40) [U];
LanguageLocaleKey picklist(40) [U]; FiscalYearStartMonth int; OrganizationType picklist(40);
NamespacePrefix string(15); InstanceName string(5); IsSandbox boolean [d]; TrialExpirationDate datetime; {AUDIT}
"""
RULE = f"""
Id id [dL]; Name string(120); SobjectType picklist(40); Active boolean [d]; {AUDIT}
"""
PERMISSION_SET = f"""
Id id [dL]; Name string(80) [CU!]; Label string(80) [CU!]; Description string(255) [CU];
LicenseId string(18) [C]; ProfileId reference→Profile; IsOwnedByProfile boolean [d]; IsCustom boolean [d];
NamespacePrefix string(15); Type picklist(40) [d]; HasActivationRequired boolean [CUd];
{NOTATION} {AUDIT}
"""
ASSIGNMENT = """
Id id [dL]; PermissionSetId reference→PermissionSet [C!]; AssigneeId reference→User [C!]; IsActive boolean [d];
ExpirationDate datetime [CU]; SystemModstamp datetime [d];
"""
FIELD_PERMISSIONS = """
Id id [dL]; ParentId reference→PermissionSet [C!]; SobjectType picklist(40) [C!]; Field picklist(255) [C!];
PermissionsRead boolean [CUd]; PermissionsEdit boolean [CUd]; SystemModstamp datetime [d];
"""
OBJECT_PERMISSIONS = f"""
Id id [dL]; ParentId reference→PermissionSet [C!]; SobjectType picklist(40) [C!];
PermissionsCreate boolean [CUd]; PermissionsRead boolean [CUd]; PermissionsEdit boolean [CUd];
PermissionsDelete boolean [CUd]; PermissionsViewAllRecords boolean [CUd];
PermissionsModifyAllRecords boolean [CUd]; {AUDIT}
"""
PROFILE = f"""
Id id [dL]; Name string(255); Description string(255) [U]; UserType picklist(40) [d]; {NOTATION} {AUDIT}
"""
OWN_PERMISSIONS = f"Id id [dL]; LastCacheUpdate datetime; {NOTATION}"
ROLE = (
    f"Id id [dL]; Name string(80) [CU!]; DeveloperName string(80) [CU]; ParentRoleId reference→UserRole [CU]; {AUDIT}"
)

_PLAIN = {"deletable": True, "undeletable": False, "is_setup": True}
OBJECTS = (
    make("User", "005", USER, deletable=False, undeletable=False, is_setup=True),
    make("Group", "00G", GROUP, **_PLAIN),
    make("GroupMember", "011", MEMBER, updateable=False, **_PLAIN),
    make("QueueSobject", "03g", QUEUE, updateable=False, **_PLAIN),
    make("RecordType", "012", RECORD_TYPE, deletable=False, undeletable=False, is_setup=True),
    make("BusinessProcess", "019", PROCESS, deletable=False, undeletable=False, is_setup=True),
    read_only("OpportunityStage", "01J", STAGE, name_field="MasterLabel"),
    read_only("LeadStatus", "01J", STATUS, name_field="MasterLabel", in_bulk=False),
    make(
        "Organization",
        "00D",
        ORGANIZATION,
        createable=False,
        deletable=False,
        undeletable=False,
        is_setup=True,
    ),
    read_only("AssignmentRule", "01Q", RULE),
    make("PermissionSet", "0PS", PERMISSION_SET, **_PLAIN),
    make("PermissionSetAssignment", "0Pa", ASSIGNMENT, **_PLAIN),
    make(
        "FieldPermissions", "01k", FIELD_PERMISSIONS, label="Field Permissions", plural="Field Permissions", **_PLAIN
    ),
    make(
        "ObjectPermissions",
        "110",
        OBJECT_PERMISSIONS,
        label="Object Permissions",
        plural="Object Permissions",
        **_PLAIN,
    ),
    read_only("Profile", "00e", PROFILE, is_setup=True),
    read_only("UserPermissionAccess", "0Um", OWN_PERMISSIONS, name_field="", is_setup=True),
    make("UserRole", "00E", ROLE, label="Role", **_PLAIN),
)
