"""Leads and contacts.

Fields and flags: developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference
"""

from __future__ import annotations

from instep_salesforce.sandbox.standard.making import AUDIT, make, read_only

LEAD = f"""
Id id [dL]; IsDeleted boolean [d]; MasterRecordId reference→Lead; LastName string(80) [CU!];
FirstName string(40) [CU]; Salutation picklist(40) [CU]; Name string(121); Title string(128) [CU];
Company string(255) [CU!]; Street textarea(255) [CU]; City string(40) [CU]; State string(80) [CU];
PostalCode string(20) [CU]; Country string(80) [CU]; Latitude double(18,15) [CU]; Longitude double(18,15) [CU];
GeocodeAccuracy picklist(40) [CUR]; Address address; Phone phone(40) [CU]; MobilePhone phone(40) [CU];
Fax phone(40) [CU]; Email email(80) [CUL]; Website url(255) [CU]; Description textarea(32000) [CUx];
LeadSource picklist(255) [CU]; Status picklist(255) [CUd]; Industry picklist(255) [CU];
Rating picklist(255) [CU]; AnnualRevenue currency(18,0) [CU]; NumberOfEmployees int [CU];
OwnerId reference→Group/User [CUd]; HasOptedOutOfEmail boolean [CUd]; IsConverted boolean [Cd]; ConvertedDate date;
ConvertedAccountId reference→Account; ConvertedContactId reference→Contact;
ConvertedOpportunityId reference→Opportunity; IsUnreadByOwner boolean [CUd]; {AUDIT} LastActivityDate date;
LastViewedDate datetime; LastReferencedDate datetime;
EmailBouncedReason string(255) [U]; EmailBouncedDate datetime [U]; IndividualId reference→Individual [CU];
"""
CONTACT = f"""
Id id [dL]; IsDeleted boolean [d]; MasterRecordId reference→Contact; AccountId reference→Account [CU];
LastName string(80) [CU!]; FirstName string(40) [CU]; Salutation picklist(40) [CU]; Name string(121);
OtherStreet textarea(255) [CU]; OtherCity string(40) [CU]; OtherState string(80) [CU];
OtherPostalCode string(20) [CU]; OtherCountry string(80) [CU]; OtherLatitude double(18,15) [CU];
OtherLongitude double(18,15) [CU]; OtherGeocodeAccuracy picklist(40) [CUR]; OtherAddress address;
MailingStreet textarea(255) [CU]; MailingCity string(40) [CU]; MailingState string(80) [CU];
MailingPostalCode string(20) [CU]; MailingCountry string(80) [CU]; MailingLatitude double(18,15) [CU];
MailingLongitude double(18,15) [CU]; MailingGeocodeAccuracy picklist(40) [CUR]; MailingAddress address;
Phone phone(40) [CU]; Fax phone(40) [CU]; MobilePhone phone(40) [CU]; HomePhone phone(40) [CU];
OtherPhone phone(40) [CU]; AssistantPhone phone(40) [CU]; ReportsToId reference→Contact [CU];
Email email(80) [CUL]; Title string(128) [CU]; Department string(80) [CU]; AssistantName string(40) [CU];
LeadSource picklist(255) [CU]; Birthdate date [CU]; Description textarea(32000) [CUx];
OwnerId reference→User [CUd]; HasOptedOutOfEmail boolean [CUd]; {AUDIT} LastActivityDate date;
LastCURequestDate datetime; LastCUUpdateDate datetime; LastViewedDate datetime; LastReferencedDate datetime;
EmailBouncedReason string(255) [CU]; EmailBouncedDate datetime [CU]; IsEmailBounced boolean [d];
IndividualId reference→Individual [CU];
"""
INDIVIDUAL = f"""
Id id [dL]; IsDeleted boolean [d]; LastName string(80) [CU!]; FirstName string(40) [CU]; Name string(121);
OwnerId reference→User [CUd]; {AUDIT}
"""


def history(parent: str) -> str:
    """The fields of a table that remembers the changes of `parent`."""
    return f"""
    Id id [dL]; IsDeleted boolean [d]; {parent}Id reference→{parent}; CreatedById reference→User [d];
    CreatedDate datetime [d]; Field picklist(255); DataType picklist(40); OldValue string(765) [x];
    NewValue string(765) [x];
    """


OBJECTS = (
    make("Lead", "00Q", LEAD, mergeable=True),
    make("Contact", "003", CONTACT, mergeable=True),
    make("Individual", "0PK", INDIVIDUAL),
    read_only("LeadHistory", "017", history("Lead"), plural="Lead History"),
    read_only("ContactHistory", "017", history("Contact"), plural="Contact History"),
)
