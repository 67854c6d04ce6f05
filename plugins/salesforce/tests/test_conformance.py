from instep.testing import ConnectorConformance
from instep_salesforce import salesforce


class TestSalesforce(ConnectorConformance):
    plugin = salesforce
    key_field = "Instep_Id__c"
    own_field = "Conformance_{}__c"
    email_field = "Email"
    stage_fields = (("Opportunity", "StageName"), ("Lead", "Status"), ("Lead", "Industry"), ("Account", "Type"))
