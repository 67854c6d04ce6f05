from instep.testing import ConnectorConformance
from instep_hubspot import hubspot


class TestHubSpot(ConnectorConformance):
    plugin = hubspot
