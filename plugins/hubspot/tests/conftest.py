from collections.abc import Iterator
from typing import Any

import pytest

from instep.testing import Workbench, workbench
from instep_hubspot import hubspot
from instep_hubspot.sandbox import HubSpotWorld


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """The connector at work in a fresh sandbox, on a clock that only the test moves."""
    with workbench(hubspot, {}, "instep_id") as bench:
        yield bench


@pytest.fixture
def stages(bench: Workbench) -> Any:
    """Pipelines and lists of options, as the connector configures them."""
    return bench.connection.stages


@pytest.fixture
def world(bench: Workbench) -> HubSpotWorld:
    """The account's own people."""
    world: HubSpotWorld = bench.sandbox.world
    return world
