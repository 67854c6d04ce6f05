from instep.testing import ConnectorConformance
from instep_hubspot import hubspot


class TestHubSpot(ConnectorConformance):
    plugin = hubspot
    stage_fields = (
        ("deals", "dealstage"),
        ("tickets", "hs_pipeline_stage"),
        ("contacts", "hs_lead_status"),
        ("contacts", "lifecyclestage"),
        ("deals", "dealtype"),
    )
