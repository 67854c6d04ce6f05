"""A host that cannot be reached: the error names the setting that says where it is."""

from __future__ import annotations

import pytest

from instep.errors import RetryLaterError
from instep.plugins import find_plugin
from instep.testing import workbench

NOBODY = "http://127.0.0.1:9"
CASES = [
    ("hubspot", "base_url", "base_url"),
    ("salesforce", "instance_url", "login_url, or instance_url where that is not set"),
    ("marketo", "base_url", "munchkin_id, or base_url where that is set"),
    ("mailchimp", "base_url", "data_centre, or base_url where that is set"),
]


@pytest.mark.parametrize(("connector", "setting", "named"), CASES, ids=[row[0] for row in CASES])
def test_a_host_that_is_not_there_is_told_with_the_setting_to_check(connector: str, setting: str, named: str) -> None:
    with workbench(find_plugin(connector), samples={}, key_field="instep_id") as bench:
        assert bench.connect(bench.settings()).check().org
        with pytest.raises(RetryLaterError) as caught:
            bench.connect(bench.settings(**{setting: NOBODY})).check()
    assert str(caught.value).endswith(f": could not be reached; check {named}. Run again later.")
