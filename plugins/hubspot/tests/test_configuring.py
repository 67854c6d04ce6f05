"""Configuring HubSpot's stages and fields: what is sent, what is kept, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from instep.contract import (
    AccessError,
    AddPipeline,
    AddStage,
    ChangeStage,
    Missing,
    OfferStages,
    OrderStages,
    Pipeline,
    Rejected,
    RelabelPipeline,
    RetireStage,
    SystemStage,
    Use,
    Written,
)
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep_hubspot.sandbox import HubSpotWorld

READER = "pat-na1-reader"
READ_SCOPES = (
    "crm.objects.deals.read",
    "crm.objects.contacts.read",
    "crm.schemas.deals.read",
    "crm.schemas.contacts.read",
    "tickets",
)
DEALS, TICKETS = ("deals", "dealstage"), ("tickets", "hs_pipeline_stage")
STATUS, LIFECYCLE = ("contacts", "hs_lead_status"), ("contacts", "lifecyclestage")


@pytest.fixture
def reader(bench: Workbench, world: HubSpotWorld) -> Iterator[Any]:
    """A login that may read, and nothing else."""
    world.grant(READER, READ_SCOPES)
    return bench.connect(bench.settings(access_token=READER)).stages


def one(stages: Any, field: tuple[str, str]) -> Pipeline:
    return stages.configured([field])[0]


def named(pipeline: Pipeline, id: str) -> SystemStage:
    return next(stage for stage in pipeline.stages if stage.id == id)


def only(outcomes: list[Any]) -> Any:
    (outcome,) = outcomes
    return outcome


def change(pipeline: Pipeline, id: str, **more: Any) -> ChangeStage:
    stage = named(pipeline, id)
    return ChangeStage(pipeline.object, pipeline.id, stage, replace(stage, **more))


# --- limits and reading ----------------------------------------------------------------------------------------


def test_deal_stages_have_outcomes_in_tenths(stages: Any) -> None:
    limits = stages.limits(*DEALS)
    assert (limits.probability_step, limits.lowest_open, limits.highest_open) == (0.1, 0.1, 0.9)
    assert (limits.has_outcomes, limits.makes_pipelines, limits.most_stages) == (True, True, 100)


def test_ticket_stages_are_open_or_closed(stages: Any) -> None:
    assert set(stages.limits(*TICKETS).details["ticketState"]) == {"OPEN", "CLOSED"}
    states = [(stage.details["ticketState"], stage.closed) for stage in one(stages, TICKETS).stages]
    assert states == [*[("OPEN", False)] * 3, ("CLOSED", True)]


@pytest.mark.parametrize("field", ["email", "hubspot_owner_id", "nothing_of_that_name", "hs_email_optout"])
def test_what_is_no_list_of_options_has_no_limits(stages: Any, field: str) -> None:
    assert stages.limits("contacts", field) is None


def test_a_field_that_takes_several_options_holds_no_stage(stages: Any, world: HubSpotWorld) -> None:
    several = {"name": "topics", "type": "enumeration", "fieldType": "checkbox"}
    world.add_property("contacts", {**several, "options": [{"label": "A", "value": "a"}]})
    assert stages.limits("contacts", "topics") is None
    assert not stages.configured([("contacts", "topics")])


def test_all_pipelines_are_one_call_and_each_list_one_more(bench: Workbench, stages: Any) -> None:
    world: HubSpotWorld = bench.sandbox.world
    world.add_pipeline("deals", "Renewals", [{"label": "Asked", "metadata": {"probability": "0.1"}}])
    found = stages.configured([DEALS, DEALS, TICKETS, STATUS])
    assert [p.label for p in found] == ["Sales Pipeline", "Renewals", "Support Pipeline", "Lead Status"]
    assert len(bench.transport.sent) == 3


def test_a_read_only_login_may_look_at_everything(reader: Any, world: HubSpotWorld) -> None:
    deal = world.create("deals", dealname="D", dealstage="contractsent")
    assert all(reader.limits(*field) for field in (DEALS, TICKETS, STATUS, LIFECYCLE))
    assert len(reader.configured([DEALS, TICKETS, STATUS, LIFECYCLE])) == 4
    assert list(reader.holders("deals", "default", "contractsent")) == [deal]


def test_a_read_only_login_that_configures_is_told_which_scope_it_lacks(reader: Any, bench: Workbench) -> None:
    with pytest.raises(AccessError, match=r"crm\.schemas\.deals\.write"):
        reader.apply([RelabelPipeline("deals", "default", "Mine")])
    with pytest.raises(AccessError, match=r"crm\.schemas\.contacts\.write"):
        reader.apply([AddStage("contacts", "hs_lead_status", SystemStage("", "Mine", 0))])
    assert all(call.status == 403 for call in bench.sandbox.log.writes())


@pytest.mark.parametrize(
    ("object", "scopes"),
    [
        ("deals", {"crm.schemas.deals.read", "crm.schemas.deals.write", "crm.objects.deals.read"}),
        ("tickets", {"tickets"}),
        ("2-77", {"crm.schemas.custom.read", "crm.schemas.custom.write", "crm.objects.custom.read"}),
    ],
)
def test_configuring_an_object_needs_the_scopes_of_its_schema(
    bench: Workbench, object: str, scopes: set[str]
) -> None:
    assert bench.connection.scopes is not None
    use = Use(frozenset(), frozenset(), configures=frozenset({object}))
    assert bench.connection.scopes(use).needed == scopes


def test_metadata_that_make_no_sense_say_nothing(bench: Workbench, stages: Any) -> None:
    body = b'{"results":[{"id":"1","label":"P","stages":[{"id":"2","label":"S","metadata":{"probability":"n/a"}}]}]}'
    bench.faults.add("pipelines.list", FaultKind.STATUS, 1, status=200, body=body)
    (stage,) = one(stages, DEALS).stages
    assert (stage.probability, stage.closed, stage.won) == (None, False, False)


# --- drift: what a person did is seen, and nothing else --------------------------------------------------------


def test_what_nobody_touched_is_configured_as_before(stages: Any) -> None:
    assert stages.configured([DEALS, TICKETS, STATUS]) == stages.configured([DEALS, TICKETS, STATUS])


@pytest.mark.parametrize(
    ("field", "verb", "told", "more"),
    [
        (DEALS, "rename_stage", ("deals", "default", "contractsent", "Signed"), {"label": "Signed"}),
        (DEALS, "describe_stage", ("deals", "default", "contractsent"), {"probability": 0.7}),
        (TICKETS, "rename_stage", ("tickets", "0", "2", "They answer"), {"label": "They answer"}),
        (STATUS, "rename_option", ("contacts", "hs_lead_status", "NEW", "Fresh"), {"label": "Fresh"}),
        (STATUS, "describe_option", ("contacts", "hs_lead_status", "NEW", "D"), {"details": {"description": "D"}}),
    ],
)
def test_one_edit_of_a_person_is_one_difference(
    stages: Any, world: HubSpotWorld, field: Any, verb: str, told: Any, more: dict[str, Any]
) -> None:
    before = one(stages, field)
    words = {"probability": "0.7"} if verb == "describe_stage" else {}
    getattr(world, verb)(*told, **words)
    after = one(stages, field)
    differ = [(old, new) for old, new in zip(before.stages, after.stages, strict=True) if old != new]
    assert differ == [(named(before, told[2]), replace(named(before, told[2]), **more))]


def test_a_stage_that_a_person_moved_or_removed_is_seen(stages: Any, world: HubSpotWorld) -> None:
    ids = [stage.id for stage in one(stages, DEALS).stages]
    world.move_stage("deals", "default", ids[0], 2)
    world.remove_stage("deals", "default", ids[4])
    left = [ids[1], ids[2], ids[0], ids[3], *ids[5:]]
    assert [stage.id for stage in one(stages, DEALS).stages] == left


# --- pipelines -------------------------------------------------------------------------------------------------


def deal_stages(*labels: str) -> tuple[SystemStage, ...]:
    return tuple(SystemStage("", label, 0, probability=0.3) for label in labels)


def test_a_pipeline_is_made_with_all_its_stages_in_one_request(bench: Workbench, stages: Any) -> None:
    wanted = AddPipeline("deals", "renewals", "Renewals", deal_stages("Asked", "Told"))
    made = only(stages.apply([wanted]))
    assert [call.label for call in bench.sandbox.log.writes()] == ["pipelines.create"]
    assert list(made.fields) == ["Asked", "Told"]
    assert only(stages.apply([wanted])) == replace(made, created=False)


def test_a_pipeline_of_that_name_that_is_another_is_left_alone(stages: Any, world: HubSpotWorld) -> None:
    world.add_pipeline("deals", "Renewals", [{"label": "Theirs", "metadata": {"probability": "0.1"}}])
    before = stages.configured([DEALS])
    outcome = only(stages.apply([AddPipeline("deals", "renewals", "Renewals", deal_stages("Ours"))]))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "taken"
    assert stages.configured([DEALS]) == before


def test_more_pipelines_than_the_account_may_have_are_refused(stages: Any, world: HubSpotWorld) -> None:
    for number in range(14):
        world.add_pipeline("deals", f"P{number}", [{"label": "A", "metadata": {"probability": "0.1"}}])
    outcome = only(stages.apply([AddPipeline("deals", "more", "More", deal_stages("A"))]))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "pipeline_limit"


def test_an_open_stage_without_a_probability_is_refused_before_it_is_sent(bench: Workbench, stages: Any) -> None:
    stage = SystemStage("", "Open", 0)
    changes = [AddStage("deals", "default", stage), AddPipeline("deals", "p", "P", (stage,))]
    assert [outcome.field for outcome in stages.apply(changes)] == ["probability", "probability"]
    assert not bench.sandbox.log.writes()


def test_a_stage_of_that_label_that_means_something_else_is_taken(stages: Any) -> None:
    label = one(stages, DEALS).stages[0].label
    for wanted, probability in ((label, 0.9), (label.upper(), 0.2)):
        stage = SystemStage("", wanted, 0, probability=probability)
        assert only(stages.apply([AddStage("deals", "default", stage)])).code == "taken"


def test_what_others_keep_with_a_stage_is_kept(stages: Any, world: HubSpotWorld) -> None:
    world.describe_stage("deals", "default", "contractsent", theirs="kept")
    pipeline = one(stages, DEALS)
    only(stages.apply([change(pipeline, "contractsent", label="Signed", probability=0.8)]))
    ids = tuple(stage.id for stage in pipeline.stages)
    only(stages.apply([OrderStages("deals", "default", ids[::-1])]))
    stage = named(one(stages, DEALS), "contractsent")
    assert (stage.label, stage.probability, stage.details) == ("Signed", 0.8, {"theirs": "kept"})


def test_a_change_leaves_alone_what_a_person_changed_since(stages: Any, world: HubSpotWorld) -> None:
    seen = one(stages, DEALS)
    world.describe_stage("deals", "default", "contractsent", probability="0.7")
    only(stages.apply([change(seen, "contractsent", label="Signed")]))
    assert named(one(stages, DEALS), "contractsent").probability == 0.7


def test_only_stages_whose_place_differs_are_written(bench: Workbench, stages: Any) -> None:
    first, second, *others = [stage.id for stage in one(stages, DEALS).stages]
    only(stages.apply([OrderStages("deals", "default", (second, first, *others))]))
    assert len(bench.sandbox.log.writes()) == 2
    only(stages.apply([OrderStages("deals", "default", (second, first))]))
    assert len(bench.sandbox.log.writes()) == 2


def test_stages_in_one_place_are_ordered_all_the_same(stages: Any, world: HubSpotWorld) -> None:
    same = [{"label": label, "displayOrder": 3, "metadata": {"probability": "0.1"}} for label in "CAB"]
    id = world.add_pipeline("deals", "Ties", same)
    pipeline = next(p for p in stages.configured([DEALS]) if p.id == id)
    assert [stage.label for stage in pipeline.stages] == ["A", "B", "C"]
    wanted = tuple(stage.id for stage in pipeline.stages[::-1])
    only(stages.apply([OrderStages("deals", id, wanted)]))
    ordered = next(p for p in stages.configured([DEALS]) if p.id == id)
    assert tuple(stage.id for stage in ordered.stages) == wanted


def test_a_ticket_stage_is_closed_by_its_state(stages: Any) -> None:
    pipeline = one(stages, TICKETS)
    only(stages.apply([change(pipeline, "3", details={"ticketState": "CLOSED"})]))
    assert named(one(stages, TICKETS), "3").closed
    assert [stage.closed for stage in one(stages, TICKETS).stages] == [False, False, True, True]


def test_hubspot_has_nothing_to_offer(stages: Any) -> None:
    assert only(stages.apply([OfferStages("deals", "default", offered=("closedwon",))])).code == "no_way"


# --- retiring --------------------------------------------------------------------------------------------------


def test_hubspot_is_asked_not_to_delete_what_is_in_use(bench: Workbench, stages: Any) -> None:
    only(stages.apply([RetireStage("deals", "default", "contractsent")]))
    (call,) = bench.sandbox.log.writes()
    asked = {"validateReferencesBeforeDelete": ["true"], "validateDealStageUsagesBeforeDelete": ["true"]}
    assert (call.method, call.query) == ("DELETE", asked)


def test_a_stage_that_the_index_does_not_know_to_be_held_is_not_deleted(
    bench: Workbench, stages: Any, world: HubSpotWorld
) -> None:
    bench.behave(index_lag="until_flush")
    deal = world.create("deals", dealname="D", dealstage="contractsent")
    assert not stages.holders("deals", "default", "contractsent")
    outcome = only(stages.apply([RetireStage("deals", "default", "contractsent")]))
    assert outcome.code == "in_use"
    assert "used by 1 records" in outcome.reason
    world.edit("deals", deal, dealstage="closedwon")
    assert isinstance(only(stages.apply([RetireStage("deals", "default", "contractsent")])), Written)


def test_a_stage_that_somebody_deleted_meanwhile_counts_as_retired(
    bench: Workbench, stages: Any, world: HubSpotWorld
) -> None:
    world.remove_stage("deals", "default", "contractsent")
    assert isinstance(only(stages.apply([RetireStage("deals", "default", "contractsent")])), Written)
    assert not bench.sandbox.log.writes()


def test_the_last_stage_of_a_pipeline_is_kept(stages: Any, world: HubSpotWorld) -> None:
    id = world.add_pipeline("deals", "One", [{"label": "Only", "metadata": {"probability": "0.1"}}])
    stage = world.stages("deals", id)[0].id
    assert only(stages.apply([RetireStage("deals", id, stage)])).code == "last_stage"


# --- options ---------------------------------------------------------------------------------------------------


def test_all_changes_of_one_list_are_one_write(bench: Workbench, stages: Any) -> None:
    found = one(stages, STATUS)
    changes = [
        AddStage("contacts", "hs_lead_status", SystemStage("", "Waiting", 0)),
        change(found, "NEW", label="Fresh"),
        RelabelPipeline("deals", "default", "Sales"),
        RetireStage("contacts", "hs_lead_status", "BAD_TIMING"),
        OrderStages("contacts", "hs_lead_status", ("OPEN", "NEW")),
    ]
    assert all(isinstance(outcome, Written) for outcome in stages.apply(changes))
    assert [call.label for call in bench.sandbox.log.writes()] == ["properties.update", "pipelines.update"]
    labels = [stage.label for stage in one(stages, STATUS).stages]
    assert labels[:2] == ["Open", "Fresh"]
    assert labels[-1] == "Waiting"
    assert "Bad Timing" not in labels


def test_what_people_say_of_an_option_and_what_they_hide_is_kept(stages: Any, world: HubSpotWorld) -> None:
    world.describe_option("contacts", "hs_lead_status", "OPEN", "Being called")
    world.hide_option("contacts", "hs_lead_status", "CONNECTED")
    theirs = world.add_option("contacts", "hs_lead_status", "Theirs")
    before = {option.value: option for option in world.options("contacts", "hs_lead_status")}
    only(stages.apply([AddStage("contacts", "hs_lead_status", SystemStage("", "Ours", 0))]))
    after = {option.value: option for option in world.options("contacts", "hs_lead_status")}
    assert theirs in before
    assert {value: after[value] for value in before} == before
    assert set(after) - set(before) == {"Ours"}


def test_an_option_that_is_hidden_is_inactive_until_it_is_added_again(stages: Any, world: HubSpotWorld) -> None:
    world.hide_option("contacts", "hs_lead_status", "NEW")
    hidden = one(stages, STATUS).stages[-1]
    assert (hidden.id, hidden.active) == ("NEW", False)
    assert only(stages.apply([AddStage("contacts", "hs_lead_status", hidden)])).id == "NEW"
    assert all(stage.active for stage in one(stages, STATUS).stages)


def test_an_option_that_comes_back_is_called_what_it_is_wanted_to_be(stages: Any, world: HubSpotWorld) -> None:
    world.describe_option("contacts", "hs_lead_status", "NEW", "Nobody called")
    world.hide_option("contacts", "hs_lead_status", "NEW")
    wanted = replace(one(stages, STATUS).stages[-1], label="Fresh")
    only(stages.apply([AddStage("contacts", "hs_lead_status", wanted)]))
    stage = named(one(stages, STATUS), "NEW")
    assert (stage.label, stage.active, stage.details) == ("Fresh", True, {"description": "Nobody called"})


def test_an_option_may_have_an_id_that_files_choose(stages: Any) -> None:
    wanted = AddStage("contacts", "hs_lead_status", SystemStage("asks-for-price", "Asks for a price", 0))
    assert [only(stages.apply([wanted])) for _ in range(2)] == [
        Written("asks-for-price", {}, created=True),
        Written("asks-for-price", {}),
    ]
    other = AddStage("contacts", "hs_lead_status", SystemStage("asks-for-price", "Another", 0))
    assert only(stages.apply([other])).code == "taken"


def test_options_without_a_place_come_last(stages: Any, world: HubSpotWorld) -> None:
    options = [{"label": label, "value": label, "displayOrder": place} for label, place in (("X", -1), ("A", 0))]
    world.add_property("deals", {"name": "step", "type": "enumeration", "options": options})
    only(stages.apply([AddStage("deals", "step", SystemStage("", "N", 0))]))
    assert [stage.id for stage in one(stages, ("deals", "step")).stages][:2] == ["A", "N"]
    world.add_property("deals", {"name": "loose", "type": "enumeration", "options": [{**options[0]}]})
    only(stages.apply([AddStage("deals", "loose", SystemStage("", "N", 0))]))
    assert [stage.id for stage in one(stages, ("deals", "loose")).stages] == ["X", "N"]


def test_labels_can_be_exchanged_between_options(stages: Any) -> None:
    found = one(stages, STATUS)
    new, open = named(found, "NEW"), named(found, "OPEN")
    changes = [change(found, "NEW", label=open.label), change(found, "OPEN", label=new.label)]
    assert all(isinstance(outcome, Written) for outcome in stages.apply(changes))
    assert named(one(stages, STATUS), "NEW").label == open.label


def test_a_label_that_another_option_has_is_taken_and_the_others_go_on(stages: Any) -> None:
    found = one(stages, STATUS)
    label = named(found, "OPEN").label
    first, second = stages.apply([change(found, "NEW", label=label), change(found, "CONNECTED", label="Reached")])
    assert first.code == "taken"
    assert isinstance(second, Written)
    assert named(one(stages, STATUS), "CONNECTED").label == "Reached"


def test_an_option_that_hubspot_refuses_does_not_spoil_the_others(stages: Any) -> None:
    blank = AddStage("contacts", "hs_lead_status", SystemStage("", "", 0))
    good = AddStage("contacts", "hs_lead_status", SystemStage("", "Good", 0))
    first, second = stages.apply([blank, good])
    assert isinstance(first, Rejected)
    assert isinstance(second, Written)


def test_an_option_that_a_record_holds_is_kept(stages: Any, world: HubSpotWorld) -> None:
    person = world.create("contacts", email="a@x.example", hs_lead_status="NEW")
    before = one(stages, STATUS)
    assert only(stages.apply([RetireStage("contacts", "hs_lead_status", "NEW")])).code == "in_use"
    assert one(stages, STATUS) == before
    world.edit("contacts", person, hs_lead_status="OPEN")
    assert isinstance(only(stages.apply([RetireStage("contacts", "hs_lead_status", "NEW")])), Written)


def test_a_list_that_is_not_there_is_named(stages: Any) -> None:
    stage = SystemStage("", "New", 0)
    for object, name in (("contacts", "email"), ("deals", "nowhere"), ("widgets", "nothing")):
        assert isinstance(only(stages.apply([AddStage(object, name, stage)])), Rejected)
    assert isinstance(only(stages.apply([RelabelPipeline("deals", "nowhere", "X")])), Missing)


# --- lifecycle stages ------------------------------------------------------------------------------------------


def test_lifecycle_stages_are_changed_by_hand(bench: Workbench, stages: Any) -> None:
    limits = stages.limits(*LIFECYCLE)
    assert "Settings" in limits.by_hand
    outcome = only(stages.apply([AddStage("contacts", "lifecyclestage", SystemStage("", "Trial", 0))]))
    assert (outcome.code, outcome.reason) == ("by_hand", limits.by_hand)
    assert not bench.sandbox.log.writes()


def test_where_an_account_lets_the_api_do_it_lifecycle_stages_are_changed(bench: Workbench, stages: Any) -> None:
    bench.behave(lifecycle_options_by_api=True)
    assert not stages.limits(*LIFECYCLE).by_hand
    only(stages.apply([AddStage("contacts", "lifecyclestage", SystemStage("", "Trial", 0))]))
    assert [p.stages[-1].label for p in stages.read() if p.object == "contacts"] == ["Trial"]


def test_a_lifecycle_stage_of_a_persons_own_has_an_id_that_hubspot_made_up(stages: Any, world: HubSpotWorld) -> None:
    id = world.add_option("contacts", "lifecyclestage", "In trial")
    assert id.isdecimal()
    assert named(one(stages, LIFECYCLE), id).label == "In trial"
