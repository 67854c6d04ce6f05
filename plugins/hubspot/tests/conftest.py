from collections.abc import Iterator

import pytest

from instep.testing import Workbench, workbench
from instep_hubspot import hubspot


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """The connector at work in a fresh sandbox, on a clock that only the test moves."""
    with workbench(hubspot, {}, "instep_id") as bench:
        yield bench
