from instep.testing import ConnectorConformance
from instep_marketo import marketo


class TestMarketo(ConnectorConformance):
    plugin = marketo
    samples = {"leads": {"firstName": "Person {n}"}}  # noqa: RUF012
