import pytest

from instep.testing import ConnectorConformance
from instep_hubspot import hubspot


def test_replacing_a_standard_claim_is_refused() -> None:
    with pytest.raises(TypeError, match="test_check_names_the_org"):
        type("Cheat", (ConnectorConformance,), {"plugin": hubspot, "test_check_names_the_org": lambda self: None})


def test_a_claim_of_ones_own_may_be_added() -> None:
    own = type("Own", (ConnectorConformance,), {"plugin": hubspot, "test_of_our_own": lambda self: None})
    assert own.plugin is hubspot
