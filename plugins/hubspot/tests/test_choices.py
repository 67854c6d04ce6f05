"""Fields of one's own, and the options of those that are there."""

import re
from typing import Any

import pytest

from instep.contract import FieldSpec, Option, Written
from instep.testing import Workbench
from instep_hubspot.sandbox import HubSpotWorld


@pytest.mark.parametrize("name", ["hs_score", "hubspot_stage", "Stage", "9lives", "a-b"])
def test_a_name_of_hubspots_own_is_none_that_can_be_created(bench: Workbench, name: str) -> None:
    fields: Any = bench.connection.fields
    assert not re.fullmatch(fields.limits().name, name)
    assert re.fullmatch(fields.limits().name, "buyer_stage")


def test_an_extended_choice_keeps_what_people_hid(bench: Workbench, world: HubSpotWorld) -> None:
    fields: Any = bench.connection.fields
    world.hide_option("contacts", "hs_lead_status", "OPEN")
    before = world.options("contacts", "hs_lead_status")
    fields.extend("contacts", "hs_lead_status", [Option("LATER", "Later")])
    after = world.options("contacts", "hs_lead_status")
    assert after[:-1] == before
    assert after[-1].value == "LATER"


def test_lifecycle_stages_are_not_extended_and_the_way_is_told(bench: Workbench) -> None:
    fields: Any = bench.connection.fields
    outcome = fields.extend("contacts", "lifecyclestage", [Option("trial", "Trial")])
    assert outcome.code == "by_hand"
    assert fields.extend("contacts", "lifecyclestage", [Option("lead", "Lead")]) == Written("lifecyclestage", {})


def test_a_label_that_another_option_of_a_choice_has_is_taken(bench: Workbench) -> None:
    fields: Any = bench.connection.fields
    assert fields.extend("contacts", "hs_lead_status", [Option("FRESH", "New")]).code == "taken"


def test_a_new_choice_is_in_the_group_of_instep(bench: Workbench, world: HubSpotWorld) -> None:
    spec = FieldSpec("companies", "buying_step", "Step", "choice", options=(Option("a", "A"),))
    assert bench.connection.fields.create(spec) == Written("buying_step", {}, created=True)  # type: ignore[union-attr]
    assert [option.label for option in world.options("companies", "buying_step")] == ["A"]
