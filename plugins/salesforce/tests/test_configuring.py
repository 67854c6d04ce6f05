"""What configuring stages and fields in Salesforce leaves as it was, costs, and says when it cannot."""

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from instep.contract import (
    AddPipeline,
    AddStage,
    ChangeStage,
    FieldSpec,
    Missing,
    OfferStages,
    Option,
    OrderStages,
    Pipeline,
    Rejected,
    RelabelPipeline,
    RetireStage,
    StageChange,
    SystemStage,
    Unknown,
    Use,
    Written,
)
from instep.errors import AccessError
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep.testing.workbench import Stopped, is_sentence
from instep_salesforce.processes import developer_name, encoded

DEALS = ("Opportunity", "StageName")
SEVERAL_TYPES = ("New_Business", "Renewal", "Partner")
LEAD = {"LastName": "Ada", "Company": "X"}
DEAL = {"Name": "Deal", "CloseDate": "2026-03-01"}


def stages(bench: Workbench) -> Any:
    return bench.connection.stages


def apply(bench: Workbench, *changes: StageChange) -> list[Any]:
    outcomes: list[Any] = stages(bench).apply(changes)
    assert all(is_sentence(outcome.reason) for outcome in outcomes if isinstance(outcome, Rejected | Unknown))
    return outcomes


def labels(bench: Workbench) -> list[str]:
    return [sent.label for sent in bench.transport.sent if sent.label != "oauth/token"]


def lists(bench: Workbench, *field: str) -> dict[str, Pipeline]:
    return {pipeline.id: pipeline for pipeline in stages(bench).configured([field or DEALS])}


def active(bench: Workbench, *field: str, id: str = "") -> list[str]:
    found = lists(bench, *field)
    return [stage.id for stage in (found[id] if id else next(iter(found.values()))).stages if stage.active]


def stage(bench: Workbench, id: str, *field: str) -> SystemStage:
    return next(one for found in lists(bench, *field).values() for one in found.stages if one.id == id)


def open_stage(label: str, share: float = 0.3, **details: Any) -> SystemStage:
    return SystemStage("", label, 0, probability=share, details=details)


def add(label: str) -> AddStage:
    return AddStage("Opportunity", "StageName", open_stage(label))


def pipeline(name: str, *ids: str) -> AddPipeline:
    return AddPipeline("Opportunity", name, name.title(), tuple(SystemStage(id, id, 0) for id in ids))


@pytest.fixture(params=["hidden", "marked", "unmarked"])
def told(request: pytest.FixtureRequest, bench: Workbench) -> str:
    """How the org's definitions tell which values are inactive: not at all, with a word, or without one."""
    bench.behave(metadata_inactive_values=request.param)
    return str(request.param)


# --- what is read ----------------------------------------------------------------------------------------------


def test_what_is_configured_costs_two_calls_and_one_for_each_record_type(bench: Workbench) -> None:
    for name in SEVERAL_TYPES:
        bench.sandbox.world.add_record_type("Opportunity", name, name)
    found = lists(bench)
    assert [*found] == ["StageName", *SEVERAL_TYPES]
    assert {one.offers_from for id, one in found.items() if id != "StageName"} == {"StageName"}
    assert labels(bench) == ["Opportunity/describe", "OpportunityStage/query", *["Opportunity/offers"] * 3]


def test_a_record_type_shows_what_it_offers_and_nothing_else(bench: Workbench) -> None:
    world = bench.sandbox.world
    id = world.add_record_type("Opportunity", "Renewal", "Renewals")
    before = active(bench, id="Renewal")
    world.stop_offering("Opportunity", id, "StageName", "Qualification")
    assert "Qualification" in before
    assert active(bench, id="Renewal") == [one for one in before if one != "Qualification"]
    assert "Qualification" in active(bench)


def test_inactive_stages_are_told_last_with_all_that_the_system_keeps(bench: Workbench) -> None:
    bench.sandbox.world.retire_stage("Qualification")
    found = lists(bench)["StageName"].stages
    assert [(one.id, one.active) for one in found][-1] == ("Qualification", False)
    assert found[0].details == {"forecastCategory": "Pipeline"}
    assert stage(bench, "Closed Won").probability == 1


def test_a_login_that_may_only_read_plans_and_is_told_what_it_lacks_when_it_applies(bench: Workbench) -> None:
    world = bench.sandbox.world
    world.add_record_type("Opportunity", "Renewal", "Renewals")
    reader = world.add_user("Rhea Reader", "rhea@x.example", profile="Read Only")
    settings = bench.settings(access_token=world.log_in(reader), client_id=None, client_secret=None)
    own: Any = bench.connect(settings).stages
    assert own.limits(*DEALS).makes_pipelines
    assert own.configured([DEALS, ("Lead", "Status")]) == stages(bench).configured([DEALS, ("Lead", "Status")])
    assert own.holders("Opportunity", None, "Prospecting") == []
    before = lists(bench)
    changes: tuple[StageChange, ...] = (
        add("Pilot"),
        pipeline("pilots", "Prospecting"),
        RetireStage(*DEALS, "Prospecting"),
    )
    for change in changes:
        with pytest.raises(AccessError, match="Modify Metadata Through Metadata API Functions"):
            own.apply([change])
    assert lists(bench) == before
    world.give_profile(reader, "System Administrator")
    assert isinstance(own.apply([add("Pilot")])[0], Written)


@pytest.mark.parametrize(
    ("profile", "missing"),
    [
        ("System Administrator", set()),
        (
            "Standard User",
            {
                "Modify Metadata Through Metadata API Functions",
                "Customize Application",
                "Manage Profiles and Permission Sets",
            },
        ),
    ],
)
def test_what_a_login_lacks_to_configure_is_told_by_one_query(
    bench: Workbench, profile: str, missing: set[str]
) -> None:
    world = bench.sandbox.world
    token = world.log_in(world.add_user("Sam", "sam@x.example", profile=profile))
    settings = bench.settings(access_token=token, client_id=None, client_secret=None)
    scopes = bench.connect(settings).scopes
    assert scopes is not None
    told = scopes(Use(frozenset(), frozenset(), configures=frozenset(("Opportunity",))))
    assert told.missing == missing
    assert not told.broader
    assert labels(bench) == ["UserPermissionAccess/query"]
    assert scopes(Use(frozenset(), frozenset())).needed == {"api"}


def test_a_field_without_values_has_no_limits(bench: Workbench) -> None:
    limits = stages(bench).limits
    assert limits("Opportunity", "Name") is None
    assert limits("Opportunity", "Nothing__c") is None
    assert limits("Lead", "Industry").by_hand == ""
    assert is_sentence(limits("Contact", "MailingGeocodeAccuracy").by_hand)
    outcome = apply(bench, AddStage("Contact", "MailingGeocodeAccuracy", open_stage("x")))[0]
    assert (outcome.code, outcome.reason.endswith(".")) == ("by_hand", True)


# --- value sets ------------------------------------------------------------------------------------------------


def test_many_changes_of_one_list_are_one_reading_and_one_writing(bench: Workbench) -> None:
    before = active(bench)
    first = stage(bench, before[0])
    bench.transport.sent.clear()
    changes = (
        *(add(f"Stage {n}") for n in range(12)),
        ChangeStage(*DEALS, first, replace(first, label="First")),
        OrderStages(*DEALS, ("Stage 0", *before)),
    )
    assert all(isinstance(outcome, Written) for outcome in apply(bench, *changes))
    assert labels(bench) == [
        "metadata/StandardValueSet/read",
        "OpportunityStage/query",
        "metadata/StandardValueSet/update",
    ]
    assert len(active(bench)) == len(before) + 12
    assert stage(bench, before[0]).label == "First"


def test_nothing_that_a_change_does_not_name_becomes_inactive_or_active(bench: Workbench, told: str) -> None:
    world = bench.sandbox.world
    world.retire_stage("Qualification")
    before = lists(bench)["StageName"].stages
    world.add_stage("A colleague's", probability=40)
    assert apply(bench, add("Ours")) == [Written("Ours", {}, created=True)]
    after = {one.id: one for one in lists(bench)["StageName"].stages}
    assert after["A colleague's"].active
    assert not after["Qualification"].active
    assert {one.id: replace(one, order=0) for one in before}.items() <= {
        id: replace(one, order=0) for id, one in after.items()
    }.items()


def test_lead_statuses_that_others_added_or_retired_stay_so(bench: Workbench, told: str) -> None:
    world = bench.sandbox.world
    world.add_lead_status("Old")
    world.retire_lead_status("Old")
    world.add_lead_status("A colleague's")
    before = active(bench, "Lead", "Status")
    apply(bench, AddStage("Lead", "Status", SystemStage("", "Ours", 0, details={"converted": False})))
    assert active(bench, "Lead", "Status") == [*before, "Ours"]
    apply(bench, AddStage("Lead", "Status", SystemStage("", "Old", 0)))
    assert active(bench, "Lead", "Status") == [*before, "Ours", "Old"]


def test_values_of_a_field_of_ones_own_stay_as_others_left_them(bench: Workbench, told: str) -> None:
    world = bench.sandbox.world
    world.add_field("Lead", "Level__c", "Picklist", options=("a", "b", "c"), restricted=True)
    world.retire_picklist_value("Lead", "Level__c", "b")
    apply(bench, AddStage("Lead", "Level__c", SystemStage("", "d", 0)))
    assert active(bench, "Lead", "Level__c") == ["a", "c", "d"]
    apply(bench, RetireStage("Lead", "Level__c", "a"), AddStage("Lead", "Level__c", SystemStage("", "b", 0)))
    assert active(bench, "Lead", "Level__c") == ["c", "d", "b"]


def test_a_value_that_is_added_while_the_list_is_read_survives(bench: Workbench) -> None:
    """A colleague is quicker than the second half of the reading: the definition is read again."""
    world, transport, send = bench.sandbox.world, bench.transport, bench.transport.send
    added: list[str] = []

    def colleague(action: Any, *, label: str, writes: bool, lane: str = "default") -> Any:
        if label == "OpportunityStage/query" and not added:
            added.append("A colleague's")
            world.add_stage("A colleague's", probability=40)
        return send(action, label=label, writes=writes, lane=lane)

    transport.send = colleague  # type: ignore[method-assign]
    apply(bench, add("Ours"))
    assert added
    assert {"A colleague's", "Ours"} <= set(active(bench))


def test_a_colleagues_change_of_the_same_stage_survives(bench: Workbench) -> None:
    before = stage(bench, "Prospecting")
    bench.sandbox.world.change_stage("Prospecting", probability=33, description="Theirs")
    apply(bench, ChangeStage(*DEALS, before, replace(before, label="Ours")))
    now = stage(bench, "Prospecting")
    assert (now.label, now.probability, now.details["description"]) == ("Ours", 0.33, "Theirs")


def test_a_stage_says_what_it_means_for_the_forecast_unless_it_is_told(bench: Workbench) -> None:
    won = SystemStage("", "Signed", 0, closed=True, won=True, probability=1)
    lost = SystemStage("", "Gone", 0, closed=True, probability=0)
    told = open_stage("Sure", 0.9, forecastCategory="Forecast", description="As good as signed")
    apply(bench, *(AddStage(*DEALS, one) for one in (won, lost, told, open_stage("Open"))))
    assert [stage(bench, id).details["forecastCategory"] for id in ("Signed", "Gone", "Sure", "Open")] == [
        "Closed",
        "Omitted",
        "Forecast",
        "Pipeline",
    ]
    assert stage(bench, "Sure").details["description"] == "As good as signed"


def test_one_bad_change_of_a_list_leaves_the_others_alone(bench: Workbench) -> None:
    doubled = replace(open_stage("Prospecting"), id="Another")
    stranger = SystemStage("Nobody", "Nobody", 0)
    outcomes = apply(bench, AddStage(*DEALS, doubled), add("Good"), ChangeStage(*DEALS, stranger, doubled))
    assert (outcomes[0].code, outcomes[0].existing_id) == ("duplicate", "Prospecting")
    assert outcomes[1:] == [Written("Good", {}, created=True), Missing()]
    assert "Good" in active(bench)


def test_a_list_that_salesforce_refuses_is_refused_for_every_change_of_it_and_for_no_other(bench: Workbench) -> None:
    changes = (RetireStage(*DEALS, "Closed Won"), add("Pilot"), AddStage("Lead", "Status", SystemStage("", "New", 0)))
    first, second, third = apply(bench, *changes)
    assert isinstance(first, Rejected)
    assert isinstance(second, Rejected)
    assert third == Written("New", {}, created=True)
    assert "Pilot" not in active(bench)


@pytest.mark.parametrize(("object", "field"), [DEALS, ("Lead", "Status"), ("Lead", "Level__c"), ("Lead", "Tags__c")])
def test_what_records_hold_is_not_retired_and_they_are_counted(bench: Workbench, object: str, field: str) -> None:
    world = bench.sandbox.world
    world.add_field("Lead", "Level__c", "Picklist", options=("a", "b"), restricted=True)
    world.add_field("Lead", "Tags__c", "MultiselectPicklist", options=("a", "b"), restricted=True)
    value = active(bench, object, field)[0]
    rows = DEAL if object == "Opportunity" else LEAD
    made = [world.create(object, **rows, **{field: value}) for _ in range(3)]
    world.delete(object, made.pop())
    (outcome,) = apply(bench, RetireStage(object, field, value))
    assert (outcome.code, outcome.permanent, "2 records" in outcome.reason) == ("in_use", False, True)
    assert list(stages(bench).holders(object, field, value)) == made
    for id in made:
        world.edit(object, id, **{field: active(bench, object, field)[1]})
    assert isinstance(apply(bench, RetireStage(object, field, value))[0], Written)
    assert value not in active(bench, object, field)


def test_what_a_field_that_shares_the_list_holds_is_not_retired(bench: Workbench) -> None:
    world = bench.sandbox.world
    value = active(bench, "Lead", "LeadSource")[0]
    contact = world.create("Contact", LastName="Ada", LeadSource=value)
    assert apply(bench, RetireStage("Lead", "LeadSource", value))[0].code == "in_use"
    world.delete("Contact", contact)
    assert isinstance(apply(bench, RetireStage("Lead", "LeadSource", value))[0], Written)


def test_a_stage_that_is_inactive_already_is_retired_though_records_hold_it(bench: Workbench) -> None:
    world = bench.sandbox.world
    world.create("Opportunity", **DEAL, StageName="Qualification")
    world.retire_stage("Qualification")
    bench.sandbox.log.clear()
    assert apply(bench, RetireStage(*DEALS, "Qualification")) == [Written("Qualification", {})]
    assert not bench.sandbox.log.writes()


def test_holders_come_page_after_page_and_by_record_type(bench: Workbench) -> None:
    world = bench.sandbox.world
    types = [world.add_record_type("Opportunity", name, name) for name in ("One", "Two")]
    ids = [
        world.create("Opportunity", **DEAL, StageName="Prospecting", RecordTypeId=types[n % 2]) for n in range(4200)
    ]
    holders = stages(bench).holders
    assert list(holders("Opportunity", None, "Prospecting")) == ids
    assert list(holders("Opportunity", "StageName", "Prospecting")) == ids
    assert list(holders("Opportunity", "Two", "Prospecting")) == ids[1::2]


# --- pipelines -------------------------------------------------------------------------------------------------


def test_a_new_pipeline_is_a_record_type_with_a_process_of_its_own(bench: Workbench) -> None:
    ids = ("Prospecting", "Proposal/Price Quote", "Id. Decision Makers", "Closed Won")
    (outcome,) = apply(bench, pipeline("new business", *ids))
    assert outcome == Written("new_business", {id: id for id in ids}, created=True)
    assert set(active(bench, id="new_business")) == set(ids)
    (type,) = bench.sandbox.world.all("RecordType")
    (process,) = bench.sandbox.world.all("BusinessProcess")
    assert (type["Name"], type["IsActive"], type["BusinessProcessId"]) == ("New Business", True, process["Id"])
    assert process["Name"] == "new_business"


def test_a_new_pipeline_is_shown_to_the_login_and_nothing_is_taken_from_the_permission_set(bench: Workbench) -> None:
    assert isinstance(bench.connection.fields.create(FieldSpec("Lead", "Own__c", "Own", "text")), Written)
    apply(bench, pipeline("one", "Prospecting"))
    apply(bench, pipeline("two", "Prospecting"))
    client: Any = stages(bench)._client
    (shown,) = client.read_metadata("PermissionSet", ["Instep"])
    assert [one["recordType"] for one in shown["recordTypeVisibilities"]] == ["Opportunity.one", "Opportunity.two"]
    assert [one["field"] for one in shown["fieldPermissions"]] == ["Lead.Own__c"]


def test_a_whole_process_is_provisioned_in_few_calls(bench: Workbench) -> None:
    made = [f"Step {n}" for n in range(12)]
    changes = (*map(add, made), *(pipeline(name, *made[n:]) for n, name in enumerate(SEVERAL_TYPES)))
    bench.connection.check()
    bench.transport.sent.clear()
    assert all(isinstance(outcome, Written) for outcome in apply(bench, *changes))
    for n, name in enumerate(SEVERAL_TYPES):
        assert active(bench, id=name) == made[n:]
    sent = [sent for sent in bench.transport.sent if sent.writes]
    assert [one.label for one in sent] == [
        "metadata/StandardValueSet/update",
        "metadata/BusinessProcess/create",
        "metadata/RecordType/create",
        "PermissionSet/create",
        "PermissionSetAssignment/create",
        "metadata/PermissionSet/update",
    ]


def test_what_is_there_already_is_not_written_again(bench: Workbench) -> None:
    changes = (add("Pilot"), pipeline("pilots", "Prospecting", "Pilot"))
    apply(bench, *changes)
    bench.sandbox.log.clear()
    assert all(isinstance(outcome, Written) for outcome in bench.connect().stages.apply(changes))  # type: ignore[union-attr]
    assert not bench.sandbox.log.writes()


def test_stages_are_offered_and_withdrawn_and_all_else_stays(bench: Workbench) -> None:
    world = bench.sandbox.world
    world.add_record_type("Opportunity", "Renewal", "Renewals")
    world.add_record_type("Opportunity", "Partner", "Partners")
    before = lists(bench)
    client: Any = stages(bench)._client
    (kept,) = client.read_metadata("RecordType", ["Opportunity.Renewal"])
    apply(bench, add("Pilot"), OfferStages("Opportunity", "Renewal", ("Pilot",), ("Proposal/Price Quote",)))
    after = lists(bench)
    assert [s.id for s in after["Renewal"].stages] == [
        *(s.id for s in before["Renewal"].stages if s.id != "Proposal/Price Quote"),
        "Pilot",
    ]
    assert after["Partner"] == before["Partner"]
    assert client.read_metadata("RecordType", ["Opportunity.Renewal"]) == [kept]


def test_a_process_that_others_use_is_left_to_them(bench: Workbench) -> None:
    world = bench.sandbox.world
    world.add_process("Opportunity", "Everything")
    for name in ("Renewal", "Partner"):
        world.add_record_type("Opportunity", name, name, process="Everything")
    before = lists(bench)
    outcomes = apply(bench, OfferStages("Opportunity", "Renewal", (), ("Qualification",)))
    assert outcomes == [Written("Renewal", {})]
    after = lists(bench)
    assert after["Partner"] == before["Partner"]
    assert [s.id for s in after["Renewal"].stages] == [
        s.id for s in before["Renewal"].stages if s.id != "Qualification"
    ]


def test_a_process_named_like_its_record_type_that_others_use_is_left_to_people(bench: Workbench) -> None:
    world = bench.sandbox.world
    world.add_process("Opportunity", "Renewal")
    for name in ("Renewal", "Partner"):
        world.add_record_type("Opportunity", name, name, process="Renewal")
    before = lists(bench)
    changes = [OfferStages("Opportunity", name, (), ("Qualification",)) for name in ("Renewal", "Partner")]
    first, second = apply(bench, *changes)
    assert first.code == "shared"
    assert second == Written("Partner", {})
    after = lists(bench)
    assert after["Renewal"] == before["Renewal"]
    assert "Qualification" not in {s.id for s in after["Partner"].stages}


def test_another_label_of_a_record_type_changes_nothing_else(bench: Workbench) -> None:
    bench.sandbox.world.add_record_type("Opportunity", "Renewal", "Renewals")
    before = lists(bench)
    apply(bench, RelabelPipeline("Opportunity", "Renewal", "Again"))
    assert lists(bench) == {**before, "Renewal": replace(before["Renewal"], label="Again")}


def test_what_is_withdrawn_and_retired_in_one_batch_is_withdrawn_first(bench: Workbench) -> None:
    bench.sandbox.world.add_record_type("Opportunity", "Renewal", "Renewals")
    changes = (
        RetireStage(*DEALS, "Qualification"),
        OfferStages("Opportunity", "Renewal", ("Pilot",), ("Qualification",)),
        add("Pilot"),
    )
    assert all(isinstance(outcome, Written) for outcome in apply(bench, *changes))
    writes = [sent.label for sent in bench.transport.sent if sent.writes]
    assert writes == [
        "metadata/StandardValueSet/update",
        "metadata/BusinessProcess/update",
        "metadata/StandardValueSet/update",
    ]
    assert "Qualification" not in active(bench)


@pytest.mark.parametrize("name", ["Renewal", "renewal"])
def test_the_name_of_somebody_elses_record_type_is_not_taken(bench: Workbench, name: str) -> None:
    bench.sandbox.world.add_record_type("Opportunity", "Renewal", "Their renewals")
    before = lists(bench)
    (outcome,) = apply(bench, AddPipeline("Opportunity", name, "Ours", (stage(bench, "Prospecting"),)))
    assert outcome.code == "taken"
    assert lists(bench) == before


def test_only_opportunities_have_pipelines_and_only_those_that_are_there_change(bench: Workbench) -> None:
    outcomes = apply(
        bench,
        AddPipeline("Lead", "x", "X", ()),
        RelabelPipeline("Opportunity", "Nowhere", "X"),
        OfferStages("Opportunity", "Nowhere", ("Prospecting",)),
        AddPipeline("Opportunity", "商", "商", ()),
    )
    assert [getattr(one, "code", "missing") for one in outcomes] == ["unsupported", "missing", "missing", "bad_name"]


def test_more_than_ten_pipelines_are_made_ten_at_a_time(bench: Workbench) -> None:
    made = [f"p{n}" for n in range(11)]
    assert all(isinstance(one, Written) for one in apply(bench, *(pipeline(name, "Prospecting") for name in made)))
    assert Counter(labels(bench))["metadata/RecordType/create"] == 2
    assert {*made} < {*lists(bench)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("new business", "new_business"),
        ("New -- Business!", "New_Business"),
        ("Größe", "Groe"),
        ("2026 deals", "X2026_deals"),
        ("__x__", "x"),
        ("商談", ""),
        ("a" * 79 + "_b", "a" * 79),
    ],
)
def test_names_are_made_as_salesforce_takes_them(text: str, name: str) -> None:
    assert developer_name(text) == name


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("Proposal/Price Quote", "Proposal%2FPrice Quote"),
        ("Id. Decision", "Id%2E Decision"),
        ("100%", "100%25"),
        ("Größe - A_b", "Größe - A_b"),
        ("A (b), c", "A %28b%29%2C c"),
    ],
)
def test_signs_in_a_processs_values_are_escaped(id: str, text: str) -> None:
    assert encoded(id) == text


# --- what goes wrong -------------------------------------------------------------------------------------------


def test_a_provision_that_is_stopped_after_any_request_is_completed_by_the_next(bench: Workbench) -> None:
    """Stages, two pipelines, an offer and a retirement, stopped after 0, 1, 2… requests, each in another name."""
    bench.sandbox.world.add_record_type("Opportunity", "Renewal", "Renewals")
    for sent in count():
        old, new = f"Old {sent}", f"New {sent}"
        apply(bench, add(old), OfferStages("Opportunity", "Renewal", (old,)))
        before = {id: {s.id for s in one.stages if s.active} for id, one in lists(bench).items()}
        changes = (
            add(new),
            pipeline(f"own {sent}", "Prospecting", new),
            OfferStages("Opportunity", "Renewal", (new,), (old,)),
            RetireStage(*DEALS, old),
        )
        bench.transport.stop_after = sent
        stopped = False
        try:
            bench.connect().stages.apply(changes)  # type: ignore[union-attr]
        except Stopped:
            stopped = True
        bench.transport.stop_after = None
        assert all(isinstance(outcome, Written) for outcome in apply(bench, *changes))
        after = {id: {s.id for s in one.stages if s.active} for id, one in lists(bench).items()}
        moved = {id: before[id] - {old} | {new} for id in ("StageName", "Renewal")}
        assert after == {**before, **moved, f"own_{sent}": {"Prospecting", new}}
        if not stopped:
            assert sent > 12
            break


def test_a_pipeline_that_leaves_a_shared_process_does_so_whenever_it_is_stopped(bench: Workbench) -> None:
    world = bench.sandbox.world
    for sent in count():
        world.add_process("Opportunity", f"Everything {sent}")
        for name in (f"A{sent}", f"B{sent}"):
            world.add_record_type("Opportunity", name, name, process=f"Everything {sent}")
        before = lists(bench)
        change = OfferStages("Opportunity", f"A{sent}", (), ("Qualification",))
        bench.transport.stop_after = sent
        stopped = False
        try:
            bench.connect().stages.apply([change])  # type: ignore[union-attr]
        except Stopped:
            stopped = True
        bench.transport.stop_after = None
        assert apply(bench, change) == [Written(f"A{sent}", {})]
        after = lists(bench)
        own = before.pop(f"A{sent}")
        assert [s.id for s in after.pop(own.id).stages] == [s.id for s in own.stages if s.id != "Qualification"]
        assert after == before
        if not stopped:
            assert sent > 4
            break


def test_a_lost_answer_is_unknown_and_is_not_sent_again(bench: Workbench) -> None:
    active(bench)
    bench.faults.add("*", FaultKind.TIMEOUT_AFTER_COMMIT, 1, writes_only=True)
    first, second = apply(bench, add("Pilot"), add("Other"))
    assert isinstance(first, Unknown)
    assert isinstance(second, Unknown)
    assert labels(bench).count("metadata/StandardValueSet/update") == 1
    assert {"Pilot", "Other"} <= set(active(bench))


def test_once_something_is_written_what_happened_is_told(bench: Workbench) -> None:
    bench.connection.check()
    body = b'[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]'
    changes = (add("Pilot"), pipeline("pilots", "Pilot"), AddStage("Lead", "Status", SystemStage("", "New", 0)))
    bench.faults.add("*queryAll*", FaultKind.STATUS, None, status=403, body=body, after=1)
    outcomes = apply(bench, *changes)
    assert outcomes[0] == Written("Pilot", {}, created=True)
    assert [(one.code, one.permanent) for one in outcomes[1:]] == [("not_sent", False)] * 2


# --- campaign members ------------------------------------------------------------------------------------------


MEMBERS = ("CampaignMember", "Status")


def member_status(label: str, **details: bool) -> SystemStage:
    return SystemStage("", label, 0, details=details)


def test_each_campaign_has_a_list_of_its_own_read_in_one_call(bench: Workbench) -> None:
    world = bench.sandbox.world
    spring, autumn = world.add_campaign("Spring"), world.add_campaign("Autumn")
    found = lists(bench, *MEMBERS)
    assert {id: one.label for id, one in found.items()} == {spring: "Spring", autumn: "Autumn"}
    assert [(s.id, dict(s.details)) for s in found[spring].stages] == [
        ("Sent", {"responded": False, "default": True}),
        ("Responded", {"responded": True, "default": False}),
    ]
    assert labels(bench) == ["CampaignMemberStatus/query"]


def test_a_campaigns_statuses_are_added_changed_ordered_and_retired_alone(bench: Workbench) -> None:
    world = bench.sandbox.world
    spring, autumn = world.add_campaign("Spring"), world.add_campaign("Autumn")
    other = lists(bench, *MEMBERS)[autumn]
    came = member_status("Came", responded=True)
    changes = (
        AddStage("CampaignMember", spring, came),
        AddStage("CampaignMember", spring, member_status("Called")),
        OrderStages("CampaignMember", spring, ("Came", "Sent")),
        ChangeStage(
            "CampaignMember",
            spring,
            replace(member_status("Called"), id="Called"),
            member_status("Called", responded=True),
        ),
    )
    for _ in range(2):
        assert all(isinstance(one, Written) for one in apply(bench, *changes))
    assert active(bench, *MEMBERS, id=spring) == ["Came", "Responded", "Sent", "Called"]
    assert stage(bench, "Called", *MEMBERS).details["responded"] is True
    for _ in range(2):
        assert apply(bench, RetireStage("CampaignMember", spring, "Called")) == [Written("Called", {})]
    assert active(bench, *MEMBERS, id=spring) == ["Came", "Responded", "Sent"]
    assert lists(bench, *MEMBERS)[autumn] == other


def test_a_status_that_members_hold_is_not_retired_nor_renamed(bench: Workbench) -> None:
    world = bench.sandbox.world
    spring, autumn = world.add_campaign("Spring"), world.add_campaign("Autumn")
    contact = world.create("Contact", LastName="Ada")
    member = world.create("CampaignMember", CampaignId=spring, ContactId=contact, Status="Responded")
    responded = stage(bench, "Responded", *MEMBERS)
    outcomes = apply(
        bench,
        RetireStage("CampaignMember", spring, "Responded"),
        ChangeStage("CampaignMember", spring, responded, replace(responded, label="Answered")),
    )
    assert [one.code for one in outcomes] == ["in_use", "fixed"]
    holders = stages(bench).holders
    assert list(holders("CampaignMember", spring, "Responded")) == [member]
    assert list(holders("CampaignMember", autumn, "Responded")) == []


# --- fields ----------------------------------------------------------------------------------------------------


def test_a_choice_is_restricted_and_visible_and_its_options_are_in_order(bench: Workbench) -> None:
    options = (Option("b", "B!"), Option("a", "A!"))
    spec = FieldSpec("Lead", "Level__c", "Level", "choice", options=options)
    assert bench.connection.fields.create(spec) == Written("Level__c", {}, created=True)
    (found,) = [field for field in bench.connection.fields.read("Lead") if field.name == "Level__c"]
    assert (found.type, found.options, found.read_only) == ("choice", options, False)


def test_options_of_a_shared_value_set_are_added_and_not_retired(bench: Workbench) -> None:
    client: Any = stages(bench)._client
    values = [{"fullName": name, "default": False, "label": name} for name in ("a", "b")]
    bench.connection.check()
    client.write_metadata(
        "create",
        "GlobalValueSet",
        [{"fullName": "Levels", "masterLabel": "Levels", "sorted": False, "customValue": values}],
    )
    field = {
        "fullName": "Lead.Level__c",
        "label": "Level",
        "type": "Picklist",
        "valueSet": {"restricted": True, "valueSetName": "Levels"},
    }
    client.write_metadata("create", "CustomField", [field])
    bench.sandbox.world.show_field("Lead", "Level__c")
    fields: Any = bench.connection.fields
    assert fields.extend("Lead", "Level__c", (Option("c", "C"),)) == Written("Level__c", {})
    assert active(bench, "Lead", "Level__c") == ["a", "b", "c"]
    assert apply(bench, RetireStage("Lead", "Level__c", "c"))[0].code == "shared"


def test_a_list_that_is_sorted_by_label_is_sorted_no_more_once_an_order_is_wanted(bench: Workbench) -> None:
    client: Any = stages(bench)._client
    bench.connection.check()
    client.write_metadata("create", "CustomField", [{
        "fullName": "Lead.Level__c", "label": "Level", "type": "Picklist",
        "valueSet": {"restricted": True, "valueSetDefinition": {"sorted": True, "value": [
            {"fullName": name, "default": False, "label": name} for name in ("b", "a")
        ]}},
    }])  # fmt: skip
    bench.sandbox.world.show_field("Lead", "Level__c")
    shown = active(bench, "Lead", "Level__c")
    apply(bench, OrderStages("Lead", "Level__c", tuple(shown[::-1])))
    assert active(bench, "Lead", "Level__c") == shown[::-1]


def test_a_field_that_the_login_cannot_see_is_not_touched(bench: Workbench) -> None:
    world = bench.sandbox.world
    world.add_field("Lead", "Level__c", "Picklist", options=("a", "b"), restricted=True)
    world.hide_field("Lead", "Level__c")
    fields: Any = bench.connection.fields
    assert isinstance(fields.extend("Lead", "Level__c", (Option("c", "C"),)), Rejected)
    world.show_field("Lead", "Level__c")
    assert active(bench, "Lead", "Level__c") == ["a", "b"]
