"""Campaigns, their members and what members can be."""

from __future__ import annotations

from instep_salesforce.sandbox.standard.making import AUDIT, make

CAMPAIGN = f"""
Id id [dL]; IsDeleted boolean [d]; Name string(80) [CU!L]; ParentId reference→Campaign [CU];
Type picklist(40) [CU]; Status picklist(40) [CUd]; StartDate date [CU]; EndDate date [CU];
ExpectedRevenue currency(18,0) [CU]; BudgetedCost currency(18,0) [CU]; ActualCost currency(18,0) [CU];
IsActive boolean [CUd]; Description textarea(32000) [CUx]; OwnerId reference→User [CUd];
NumberOfLeads int; NumberOfConvertedLeads int; NumberOfContacts int; NumberOfResponses int; {AUDIT}
LastActivityDate date; LastViewedDate datetime; LastReferencedDate datetime;
"""
MEMBER = f"""
Id id [dL]; IsDeleted boolean [d]; CampaignId reference→Campaign [C!]; LeadId reference→Lead [C];
ContactId reference→Contact [C]; Status picklist(40) [CUd]; HasResponded boolean [d]; {AUDIT}
FirstRespondedDate date; Salutation picklist(40); Name string(255); FirstName string(40); LastName string(80);
Title string(128); City string(40); State string(80); PostalCode string(20); Country string(80);
Email email(80); Phone phone(40); MobilePhone phone(40); Description textarea(32000) [x];
HasOptedOutOfEmail boolean [d]; LeadSource picklist(255); CompanyOrAccount string(255); Type picklist(40);
LeadOrContactId reference→Contact/Lead; LeadOrContactOwnerId reference→Group/User;
"""
STATUS = f"""
Id id [dL]; IsDeleted boolean [d]; CampaignId reference→Campaign [C!]; Label string(765) [CU!];
SortOrder int [CU]; IsDefault boolean [CUd]; HasResponded boolean [CUd]; {AUDIT}
"""
COPIED = ("Salutation", "Name", "FirstName", "LastName", "Title", "Email", "Phone", "MobilePhone", "LeadSource")
"""What a member shows of the person."""

OBJECTS = (
    make("Campaign", "701", CAMPAIGN),
    make("CampaignMember", "00v", MEMBER, undeletable=False),
    make("CampaignMemberStatus", "01Y", STATUS, plural="Campaign Member Statuses", undeletable=False),
)
