from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from instep.contract import BehaviourGone, ConsentChange, FieldSpec, Rejected, Relation, Subject, Written
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep_hubspot.behaviours import FORM
from instep_hubspot.sandbox import STATIC_TOKEN

ADA = Subject("contacts", "1", "ada@x.example")


def change(scope: str, subject: Subject = ADA) -> ConsentChange:
    return ConsentChange(subject, scope, datetime(2026, 1, 5, tzinfo=UTC), "Web form")


def archive_property(bench: Workbench, object: str, name: str) -> None:
    headers = {"Authorization": f"Bearer {STATIC_TOKEN}"}
    with urllib3.PoolManager() as pool:
        answer = pool.request("DELETE", f"{bench.sandbox.url}/crm/v3/properties/{object}/{name}", headers=headers)
    assert answer.status == 204


# --- stages, fields, owners ------------------------------------------------------------------------------------


def test_a_lifecycle_is_a_pipeline_with_the_name_of_its_field(bench: Workbench) -> None:
    found = {(p.object, p.id) for p in bench.connection.stages.read()}
    assert found == {("deals", "default"), ("contacts", "lifecyclestage"), ("companies", "lifecyclestage")}


def test_won_is_told_by_probability_not_by_name(bench: Workbench) -> None:
    stages = [
        {"label": "Lost", "stageId": "closedwon2", "metadata": {"probability": "0.0", "isClosed": "true"}},
        {"label": "Signed", "stageId": "contract", "metadata": {"probability": "1.0", "isClosed": "true"}},
    ]
    bench.sandbox.world.add_pipeline("deals", "Renewals", stages, id="renewals")
    pipeline = next(p for p in bench.connection.stages.read() if p.id == "renewals")
    assert [(stage.closed, stage.won) for stage in pipeline.stages] == [(True, False), (True, True)]


def test_choices_that_live_elsewhere_leave_the_options_open(bench: Workbench) -> None:
    fields = {field.name: field for field in bench.connection.fields.read("deals")}
    assert fields["dealstage"].options is None
    assert fields["hubspot_owner_id"].type == "owner"
    assert fields["hs_is_closed"].read_only
    assert fields["closedate"].type == "instant"


def test_a_field_in_the_bin_is_not_made_again(bench: Workbench) -> None:
    spec = FieldSpec("contacts", "instep_score", "Score", "number")
    bench.connection.fields.create(spec)
    archive_property(bench, "contacts", "instep_score")
    outcome = bench.connection.fields.create(spec)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "archived"


@pytest.mark.parametrize("type", ["text", "number", "boolean", "date", "instant"])
def test_every_type_of_field_can_be_made(bench: Workbench, type: str) -> None:
    spec = FieldSpec("companies", f"instep_{type}", type.title(), type)
    assert bench.connection.fields.create(spec) == Written(spec.name, {}, created=True)
    made = next(field for field in bench.connection.fields.read("companies") if field.name == spec.name)
    assert made.type == type


def test_those_who_left_and_queues_are_owners_too(bench: Workbench) -> None:
    world = bench.sandbox.world
    ada = world.add_owner("ada@x.example", "Ada", "Lovelace")
    bob = world.add_owner("bob@x.example", archived=True)
    queue = world.add_owner("", "Inbound", kind="QUEUE")
    owners = {owner.id: owner for owner in bench.connection.owners.read()}
    assert (owners[ada].name, owners[ada].active, owners[ada].queue) == ("Ada Lovelace", True, False)
    assert (owners[bob].name, owners[bob].active) == ("bob@x.example", False)
    assert (owners[queue].email, owners[queue].queue) == (None, True)


def test_all_pages_of_owners_are_read(bench: Workbench) -> None:
    for number in range(501):
        bench.sandbox.world.add_owner(f"o{number}@x.example")
    assert len(bench.connection.owners.read()) == 501


# --- associations ----------------------------------------------------------------------------------------------


def test_long_lists_of_associations_are_read_to_the_end(bench: Workbench) -> None:
    (company,) = bench.make("companies")
    people = bench.sandbox.world.load("contacts", [{"email": f"p{n}@x.example"} for n in range(1200)])
    bench.records.relate([Relation("contacts", id, "companies", company) for id in people])
    (ends,) = bench.records.related("companies", [company], "contacts")
    assert {end.id for end in ends} == set(people)


@pytest.mark.parametrize("object", ["contacts", "deals"])
def test_the_primary_company_is_marked_from_both_ends(bench: Workbench, object: str) -> None:
    (id,), (company,) = bench.make(object), bench.make("companies")
    bench.records.relate([Relation(object, id, "companies", company, primary=True)])
    for here, at, there in ((object, id, "companies"), ("companies", company, object)):
        ((end,),) = bench.records.related(here, [at], there)
        assert end.primary


def test_only_a_company_can_be_primary(bench: Workbench) -> None:
    (outcome,) = bench.records.relate([Relation("deals", "1", "contacts", "2", primary=True)])
    assert isinstance(outcome, Rejected)


# --- consent ---------------------------------------------------------------------------------------------------


def test_consent_to_one_subscription_goes_by_its_name(bench: Workbench) -> None:
    consents = bench.connection.consents
    assert isinstance(consents.opt_in([change("One to One")])[0], Written)
    (found,) = consents.read([ADA])
    states = {consent.scope: (consent.state, consent.explicit) for consent in found}
    assert states["One to One"] == ("in", True)
    assert states["Marketing Information"] == ("unset", False)
    assert states["all"] == ("unset", False)


def test_a_person_who_opted_out_is_not_opted_in_again(bench: Workbench) -> None:
    bench.sandbox.world.opt_out("ada@x.example", subscription=101)
    bob = Subject("contacts", "2", "bob@x.example")
    changes = [change("Marketing Information"), change("Marketing Information", bob), change("all")]
    first, second, third = bench.connection.consents.opt_in(changes)
    assert isinstance(second, Written)
    for refused in (first, third):
        assert isinstance(refused, Rejected)
        assert refused.code == "compliance"


def test_a_subscription_that_hubspot_does_not_have_is_refused(bench: Workbench) -> None:
    (outcome,) = bench.connection.consents.opt_out([change("Newsletter")])
    assert isinstance(outcome, Rejected)
    assert outcome.code == "unknown_scope"


def test_an_opt_out_that_is_throttled_is_not_lost(bench: Workbench) -> None:
    bench.sandbox.faults.add("*", FaultKind.THROTTLED, 2)
    assert isinstance(bench.connection.consents.opt_out([change("all")])[0], Written)


# --- behaviours ------------------------------------------------------------------------------------------------


def behaviours(bench: Workbench, kind: str, cursor: str | None = None) -> list:
    return [b for page in bench.connection.behaviours.changed_since([kind], cursor) for b in page.items]


def told(bench: Workbench, kind: str, cursor: str | None = None) -> tuple[list, str]:
    """What a read brings, and where the next one goes on."""
    pages = list(bench.connection.behaviours.changed_since([kind], cursor))
    return [b for page in pages for b in page.items], pages[-1].cursor


def test_a_form_is_the_buyers_act_under_its_address(bench: Workbench) -> None:
    bench.sandbox.world.submit_form("Ask us", "ada@x.example", {"firstname": "Ada"})
    (seen,) = behaviours(bench, FORM)
    assert (seen.actor, seen.email, seen.details["form"]) == ("buyer", "ada@x.example", "Ask us")
    assert seen.details["firstname"] == "Ada"


@pytest.mark.parametrize(
    ("kind", "object", "properties", "actor"),
    [
        ("meeting", "meetings", {"hs_meeting_outcome": "COMPLETED"}, "buyer"),
        ("meeting", "meetings", {"hs_meeting_outcome": "NO_SHOW"}, "seller"),
        ("call", "calls", {"hs_call_direction": "INBOUND"}, "buyer"),
        ("call", "calls", {"hs_call_direction": "OUTBOUND"}, "seller"),
        ("email", "emails", {"hs_email_direction": "INCOMING_EMAIL"}, "buyer"),
        ("email", "emails", {"hs_email_direction": "EMAIL"}, "seller"),
    ],
)
def test_an_engagement_tells_who_acted(
    bench: Workbench, kind: str, object: str, properties: dict[str, str], actor: str
) -> None:
    (person,), (deal,) = bench.make("contacts"), bench.make("deals")
    bench.sandbox.world.engage(object, [person], deals=[deal], **properties)
    (seen,) = behaviours(bench, kind)
    assert seen.actor == actor
    assert seen.subjects == (("contacts", person), ("deals", deal))
    assert properties.items() <= seen.details.items()


def test_a_meeting_that_did_not_take_place_after_all_is_corrected(bench: Workbench) -> None:
    (person,) = bench.make("contacts")
    meeting = bench.sandbox.world.engage("meetings", [person], hs_meeting_outcome="COMPLETED")
    before, cursor = told(bench, "meeting")
    bench.pass_time()
    bench.sandbox.world.edit("meetings", meeting, hs_meeting_outcome="NO_SHOW")
    bench.pass_time()
    after, _ = told(bench, "meeting", cursor)
    assert [(b.id, b.actor) for b in (*before, *after)] == [(meeting, "buyer"), (meeting, "seller")]
    assert after[0].subjects == (("contacts", person),)


def test_a_deleted_engagement_is_withdrawn_once(bench: Workbench) -> None:
    (person,) = bench.make("contacts")
    call = bench.sandbox.world.engage("calls", [person])
    _, cursor = told(bench, "call")
    bench.pass_time()
    bench.sandbox.world.archive("calls", call)
    at = bench.clock.now()
    found, cursor = told(bench, "call", cursor)
    assert found == [BehaviourGone(call, at)]
    assert told(bench, "call", cursor)[0] == []


def test_a_deleted_engagement_stays_withdrawn_though_the_index_lags(bench: Workbench) -> None:
    bench.behave(index_lag=timedelta(seconds=60))
    (person,) = bench.make("contacts")
    call = bench.sandbox.world.engage("calls", [person])
    _, cursor = told(bench, "call")
    bench.clock.advance(timedelta(seconds=61))
    bench.sandbox.world.edit("calls", call, hs_call_title="Hello")
    bench.clock.advance(timedelta(seconds=61))
    bench.sandbox.world.archive("calls", call)
    found, _ = told(bench, "call", cursor)
    assert [type(item) for item in found] == [BehaviourGone]


def test_an_engagement_that_is_brought_back_is_told_again(bench: Workbench) -> None:
    (person,) = bench.make("contacts")
    call = bench.sandbox.world.engage("calls", [person])
    bench.sandbox.world.archive("calls", call)
    bench.pass_time()
    _, cursor = told(bench, "call")
    bench.pass_time()
    bench.sandbox.world.restore("calls", call)
    bench.pass_time()
    (seen,) = told(bench, "call", cursor)[0]
    assert (seen.id, seen.subjects) == (call, (("contacts", person),))


def test_an_engagement_without_a_person_is_its_companys(bench: Workbench) -> None:
    (person,), (firm,), (deal,) = bench.make("contacts"), bench.make("companies"), bench.make("deals")
    bench.sandbox.world.engage("meetings", companies=[firm], deals=[deal])
    bench.sandbox.world.engage("meetings", [person], companies=[firm])
    anonymous, named = behaviours(bench, "meeting")
    assert anonymous.subjects == (("companies", firm), ("deals", deal))
    assert named.subjects == (("contacts", person),)


def test_pages_of_engagements_share_the_calls_for_their_subjects(bench: Workbench) -> None:
    (person,) = bench.make("contacts")
    for _ in range(230):
        bench.sandbox.world.engage("calls", [person])
    bench.transport.sent.clear()
    assert len(behaviours(bench, "call")) == 230
    assert [sent.label for sent in bench.transport.sent if sent.label.startswith("associations")] == [
        "associations/calls/contacts/read",
        "associations/calls/deals/read",
    ]


def test_a_quiet_feed_costs_a_search_and_a_look_into_the_bin_for_each_kind(bench: Workbench) -> None:
    feed = bench.connection.behaviours
    cursor = None
    for _ in range(2):
        for page in feed.changed_since(feed.kinds, cursor):
            cursor = page.cursor
        bench.clock.advance(timedelta(hours=1))
    bench.sandbox.log.clear()
    list(feed.changed_since(feed.kinds, cursor))
    engagements = len(feed.kinds) - 1
    assert len(bench.sandbox.log.calls()) == 2 * engagements + 1


def test_a_submission_is_not_read_again_for_ever(bench: Workbench) -> None:
    bench.sandbox.world.submit_form("Ask us", "ada@x.example")
    cursor = None
    for _ in range(2):
        for page in bench.connection.behaviours.changed_since([FORM], cursor):
            cursor = page.cursor
        bench.clock.advance(timedelta(hours=1))
    assert behaviours(bench, FORM, cursor) == []
