"""Accounts, opportunities and what belongs to them."""

from __future__ import annotations

from instep_salesforce.sandbox.standard.making import AUDIT, make, read_only
from instep_salesforce.sandbox.standard.people import history

ACCOUNT = f"""
Id id [dL]; IsDeleted boolean [d]; MasterRecordId reference→Account; Name string(255) [CU!];
Type picklist(40) [CU]; ParentId reference→Account [CU];
BillingStreet textarea(255) [CU]; BillingCity string(40) [CU]; BillingState string(80) [CU];
BillingPostalCode string(20) [CU]; BillingCountry string(80) [CU]; BillingLatitude double(18,15) [CU];
BillingLongitude double(18,15) [CU]; BillingGeocodeAccuracy picklist(40) [CUR]; BillingAddress address;
ShippingStreet textarea(255) [CU]; ShippingCity string(40) [CU]; ShippingState string(80) [CU];
ShippingPostalCode string(20) [CU]; ShippingCountry string(80) [CU]; ShippingLatitude double(18,15) [CU];
ShippingLongitude double(18,15) [CU]; ShippingGeocodeAccuracy picklist(40) [CUR]; ShippingAddress address;
Phone phone(40) [CU]; Fax phone(40) [CU]; AccountNumber string(40) [CU]; Website url(255) [CU];
Sic string(20) [CU]; Industry picklist(40) [CU]; AnnualRevenue currency(18,0) [CU]; NumberOfEmployees int [CU];
Ownership picklist(40) [CU]; TickerSymbol string(20) [CU]; Description textarea(32000) [CUx];
Rating picklist(40) [CU]; Site string(80) [CU]; OwnerId reference→User [CUd]; {AUDIT} LastActivityDate date;
LastViewedDate datetime; LastReferencedDate datetime; IsPartner boolean [Ud]; IsCustomerPortal boolean [Ud];
ChannelProgramName string(255) [x]; ChannelProgramLevelName string(255) [x]; AccountSource picklist(40) [CU];
DunsNumber string(9) [CU]; Tradestyle string(255) [CU]; NaicsCode string(8) [CU]; NaicsDesc string(120) [CU];
YearStarted string(4) [CU]; SicDesc string(80) [CU];
"""
OPPORTUNITY = f"""
Id id [dL]; IsDeleted boolean [d]; AccountId reference→Account [CU]; IsPrivate boolean [CUd];
Name string(120) [CU!L]; Description textarea(32000) [CUx]; StageName picklist(255) [CU!];
Amount currency(18,2) [CU]; Probability percent(3,0) [CUd]; ExpectedRevenue currency(18,2);
TotalOpportunityQuantity double(18,2) [CU]; CloseDate date [CU!]; Type picklist(255) [CU];
NextStep string(255) [CU]; LeadSource picklist(255) [CU]; IsClosed boolean [d]; IsWon boolean [d];
ForecastCategory picklist(40) [R]; ForecastCategoryName picklist(255) [CUdR]; CampaignId reference→Campaign [CU];
HasOpportunityLineItem boolean [d]; Pricebook2Id reference→Pricebook2 [CUd]; OwnerId reference→User [CUd];
{AUDIT} LastActivityDate date; LastStageChangeDate datetime; FiscalQuarter int; FiscalYear int; Fiscal string(6);
ContactId reference→Contact [C]; LastViewedDate datetime; LastReferencedDate datetime;
HasOpenActivity boolean [dx]; HasOverdueTask boolean [dx];
LastAmountChangedHistoryId reference→OpportunityHistory;
LastCloseDateChangedHistoryId reference→OpportunityHistory;
"""
CONTACT_ROLE = f"""
Id id [dL]; OpportunityId reference→Opportunity [C!]; ContactId reference→Contact [CU!]; Role picklist(40) [CU];
IsPrimary boolean [CUd]; {AUDIT} IsDeleted boolean [d];
"""
OPPORTUNITY_HISTORY = """
Id id [dL]; OpportunityId reference→Opportunity; CreatedById reference→User [d]; CreatedDate datetime [d];
StageName picklist(255); Amount currency(18,2); ExpectedRevenue currency(18,2); CloseDate date;
Probability percent(3,0); ForecastCategory picklist(40); PrevAmount currency(18,2); PrevCloseDate date;
SystemModstamp datetime [d]; IsDeleted boolean [d];
"""
PRICEBOOK = f"Id id [dL]; Name string(255) [CU!]; IsActive boolean [CUd]; IsDeleted boolean [d]; {AUDIT}"

OBJECTS = (
    make("Account", "001", ACCOUNT, mergeable=True),
    make("Opportunity", "006", OPPORTUNITY),
    make("OpportunityContactRole", "00K", CONTACT_ROLE, name_field="", undeletable=False),
    read_only("OpportunityHistory", "008", OPPORTUNITY_HISTORY, plural="Opportunity History"),
    read_only("OpportunityFieldHistory", "017", history("Opportunity"), plural="Opportunity Field History"),
    make("Pricebook2", "01s", PRICEBOOK, label="Price Book"),
)
