"""Who holds a stage: the live records, whatever the search index still believes."""

from datetime import timedelta
from typing import Any

import pytest

from instep.contract import PluginError
from instep.testing import Workbench
from instep_hubspot.sandbox import HubSpotWorld


def test_holders_are_found_beyond_one_page_without_an_offset(
    bench: Workbench, stages: Any, world: HubSpotWorld
) -> None:
    deal = {"dealname": "D", "dealstage": "contractsent"}
    ids = world.load("deals", [deal] * 450)
    world.load("deals", [{**deal, "dealstage": "closedwon"}] * 3)
    world.archive("deals", ids[7])
    assert set(stages.holders("deals", "default", "contractsent")) == {*ids} - {ids[7]}
    assert len(bench.sandbox.log.calls("objects.search")) == 3


def test_holders_are_those_of_one_pipeline_or_of_all(stages: Any, world: HubSpotWorld) -> None:
    id = world.add_pipeline("deals", "Renewals", [{"label": "A", "metadata": {"probability": "0.1"}}])
    stage = world.stages("deals", id)[0].id
    deal = world.create("deals", dealname="D", pipeline=id, dealstage=stage)
    assert list(stages.holders("deals", id, stage)) == [deal]
    assert list(stages.holders("deals", None, stage)) == [deal]
    assert not stages.holders("deals", "default", stage)


def test_holders_of_tickets_and_lifecycles_are_found(stages: Any, world: HubSpotWorld) -> None:
    ticket = world.create("tickets", subject="T", hs_pipeline_stage="2")
    person = world.create("contacts", email="a@x.example", lifecyclestage="lead")
    assert list(stages.holders("tickets", "0", "2")) == [ticket]
    assert list(stages.holders("contacts", "lifecyclestage", "lead")) == [person]
    with pytest.raises(PluginError, match="Say which property"):
        stages.holders("contacts", None, "lead")


def test_a_record_that_moved_on_is_no_holder_though_the_index_says_so(
    bench: Workbench, stages: Any, world: HubSpotWorld
) -> None:
    stays, leaves = (world.create("deals", dealname=name, dealstage="contractsent") for name in "AB")
    bench.behave(index_lag=timedelta(minutes=1))
    world.edit("deals", leaves, dealstage="closedwon")
    assert list(stages.holders("deals", "default", "contractsent")) == [stays]
