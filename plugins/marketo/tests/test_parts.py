"""Consent, behaviours, fields, owners, statuses, and the starter mapping."""

import tomllib
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from instep.cli.main import instep
from instep.contract import (
    Absent,
    AddStage,
    BehaviourSeen,
    ConsentChange,
    FieldSpec,
    Missing,
    Rejected,
    Subject,
    SystemStage,
    Unknown,
    Written,
)
from instep.errors import RemoteError
from instep.sandbox import FaultKind
from instep_marketo import marketo
from instep_marketo.stages import BY_HAND

AT = datetime(2026, 1, 4, 12, tzinfo=UTC)


def subject(id, email="a@x.example"):
    return Subject("leads", id, email)


# --- consent ---------------------------------------------------------------------------------------------------


def test_an_opt_out_keeps_its_source_and_time_in_the_reason(bench, world):
    id = world.create(email="a@x.example")
    bench.part("consents").opt_out([ConsentChange(subject(id), "all", AT, "Preference page")])
    assert world.read(id)["unsubscribed"] is True
    assert world.read(id)["unsubscribedReason"] == "Preference page (told by Instep at 2026-01-04T12:00:00Z)"
    (consent,) = bench.part("consents").read([subject(id)])[0]
    assert (consent.state, consent.at, consent.source, consent.explicit) == ("out", AT, "Preference page", True)


def test_who_unsubscribed_in_marketo_has_the_time_of_the_log(bench, world):
    id, other = world.create(email="a@x.example"), world.create(email="b@x.example")
    world.unsubscribe(id)
    at = bench.clock.now()
    bench.clock.advance(timedelta(days=2))
    (consent,), (unset,) = bench.part("consents").read([subject(id), subject(other)])
    assert (consent.state, consent.at, consent.explicit) == ("out", at, True)
    assert (unset.state, unset.explicit) == ("unset", False)


def test_an_opt_out_that_the_log_has_forgotten_is_out_all_the_same(bench, world):
    id = world.create(email="a@x.example")
    world.unsubscribe(id)
    bench.clock.advance(timedelta(days=100))
    (consent,) = bench.part("consents").read([subject(id)])[0]
    assert (consent.state, consent.at, consent.explicit) == ("out", None, False)


def test_an_opt_in_lifts_the_flag_and_its_reason(bench, world):
    id = world.create(email="a@x.example")
    world.unsubscribe(id)
    (outcome,) = bench.part("consents").opt_in([ConsentChange(subject(id), "all", AT, "Form")])
    assert isinstance(outcome, Written)
    assert (world.read(id)["unsubscribed"], world.read(id)["unsubscribedReason"]) == (False, None)


def test_consents_that_cannot_be_written_fail_alone(bench, world):
    id = world.create(email="a@x.example")
    changes = [
        ConsentChange(subject(id), "newsletter", AT, "Form"),
        ConsentChange(subject("99999"), "all", AT, "Form"),
        ConsentChange(subject(id), "all", AT, "Form"),
    ]
    found = bench.part("consents").opt_out(changes)
    assert [type(one) for one in found] == [Rejected, Missing, Written]
    assert found[0].code == "unknown_scope"


def test_an_answer_that_cannot_be_read_is_no_consent(bench, world):
    id = world.create(email="a@x.example")
    body = b'{"requestId":"a#b","success":true,"result":[{"id":"x"}]}'
    bench.faults.add("leads.sync", FaultKind.STATUS, None, status=200, body=body)
    with pytest.raises(RemoteError):
        bench.part("consents").read([subject(id)])


def test_the_flags_of_consent_are_named_to_core(bench):
    assert bench.records.capabilities.consent_fields == {"unsubscribed", "marketingSuspended"}


# --- behaviours ------------------------------------------------------------------------------------------------


def told(bench, kinds, cursor=None):
    pages = list(bench.part("behaviours").changed_since(kinds, cursor))
    return [item for page in pages for item in page.items], pages[-1].cursor


def test_an_activity_comes_with_its_attributes_its_lead_and_its_time(bench, world):
    id = world.create(email="a@x.example")
    key = world.happen("visit-webpage", id, primary="pricing", webpage_url="/pricing")
    (found,) = told(bench, ["visit-webpage"])[0]
    assert (found.id, found.kind, found.actor, found.subjects) == (key, "visit-webpage", "buyer", (("leads", id),))
    assert found.at == bench.clock.now()
    assert found.details["Webpage URL"] == "/pricing"
    assert found.details["primaryAttributeValue"] == "pricing"


def test_more_kinds_than_one_call_takes_are_all_read(bench, world):
    id = world.create(email="a@x.example")
    kinds = bench.part("behaviours").kinds
    assert len(kinds) > 10
    for kind in kinds:
        world.happen(kind, id)
    found, cursor = told(bench, kinds)
    assert {item.kind for item in found if isinstance(item, BehaviourSeen)} == set(kinds)
    assert told(bench, kinds, cursor)[0] == []


def test_a_kind_that_is_asked_for_later_is_read_from_the_beginning(bench, world):
    id = world.create(email="a@x.example")
    world.happen("click-link", id)
    _, cursor = told(bench, ["visit-webpage"])
    found, _ = told(bench, ["visit-webpage", "click-link"], cursor)
    assert [item.kind for item in found] == ["click-link"]


@pytest.mark.parametrize(("days", "seen"), [(89, 1), (91, 0)])
def test_a_first_read_of_behaviours_goes_back_as_far_as_the_settings_say(bench, world, days, seen):
    id = world.create(email="a@x.example")
    world.happen("click-link", id)
    bench.clock.advance(timedelta(days=days))
    assert len(told(bench, ["click-link"])[0]) == seen


def test_a_status_that_is_its_program_s_success_is_the_buyer_s_doing_and_no_other_is(bench, world):
    world.add_channel("Webinar", ["Invited", "Attended"], successes=["Attended"])
    webinar, id = world.add_program("Tea in every office", "Webinar"), world.create(email="a@x.example")
    for status in ("Invited", "Attended"):
        world.put_status(webinar, id, status)
    found, _ = told(bench, ["change-status-in-progression"])
    assert [(item.details["New Status"], item.actor) for item in found] == [
        ("Invited", "system"),
        ("Attended", "buyer"),
    ]


def test_a_status_of_a_program_that_holds_stages_is_never_the_buyer_s_doing(bench, world):
    world.add_channel("Journey", ["Interest", "Purchase"], successes=["Purchase"])
    id = world.create(email="a@x.example")
    world.put_status(bench.sandbox.settings["programs"][0], id, "Purchase")
    found, _ = told(bench, ["change-status-in-progression"])
    assert [(item.details["Success"], item.actor) for item in found] == [("true", "system")]


# --- fields ----------------------------------------------------------------------------------------------------


def spec(name="fit", type="number", label="Fit", **more):
    return FieldSpec("leads", name, label, type, **more)


def test_a_choice_cannot_be_made_and_the_reason_says_what_to_do(bench):
    outcome = bench.part("fields").create(spec(type="choice"))
    assert (outcome.code, "text" in outcome.reason) == ("unsupported", True)


@pytest.mark.parametrize("name", ["1fit", "fit-1", "fit score"])
def test_a_name_that_marketo_would_refuse_is_not_sent(bench, hands, name):
    assert bench.part("fields").create(spec(name)).code == "bad_name"
    assert "fields.create" not in hands.labels()


def test_a_label_that_another_field_has_gets_the_name_behind_it(bench, world):
    world.add_field("other", "Fit")
    world.add_field("third", "Free")
    fields = bench.part("fields")
    labels = {field.name: field.label for field in fields.read("leads")}
    assert fields.create(spec()).created
    assert fields.create(spec("open", label="Open")).created
    made = {field.name: field.label for field in fields.read("leads")}
    assert made == {**labels, "fit": "Fit fit", "open": "Open"}


def test_a_field_whose_creation_was_not_answered_is_found_by_creating_it_again(bench):
    bench.faults.add("fields.create", FaultKind.TIMEOUT_AFTER_COMMIT, 1)
    fields = bench.part("fields")
    assert isinstance(fields.create(spec()), Written | Unknown)
    assert isinstance(fields.create(spec()), Written)
    assert [field.name for field in fields.read("leads")].count("fit") == 1


def test_a_login_that_may_not_read_definitions_still_knows_its_own_key(bench, world, hands):
    hands.key()
    world.deny("Read-Write Schema Custom Field")
    assert [field.name for field in bench.part("fields").read("leads") if field.unique] == ["instep_id"]


def test_who_owns_a_lead_is_read_only_and_only_the_link_can_be_written(bench):
    found = {field.name: field for field in bench.part("fields").read("leads")}
    assert found["leadOwnerEmailAddress"].read_only
    assert found["leadRevenueStageId"].read_only
    assert (found["externalSalesPersonId"].type, found["externalSalesPersonId"].read_only) == ("owner", False)


# --- owners ----------------------------------------------------------------------------------------------------


def test_owners_are_those_whom_the_settings_name_and_marketo_knows(world, hands):
    world.add_salesperson("s1", "Ann@x.example", "Ann", "Lee")
    world.add_salesperson("s2", "bob@x.example")
    connection = hands.connect(owner_emails=["ann@x.example", "nobody@x.example"])
    (owner,) = connection.owners.read()
    assert (owner.id, owner.name, owner.email) == ("s1", "Ann Lee", "Ann@x.example")
    assert isinstance(hands.connect().owners, Absent)


def test_a_lead_is_given_to_a_sales_person_and_to_nobody_unknown(world, hands):
    world.add_salesperson("s1", "ann@x.example", "Ann", "Lee")
    id = world.create(email="a@x.example")
    assert hands.update(id, externalSalesPersonId="s9").code == "not_found"
    assert isinstance(hands.update(id, externalSalesPersonId="s1"), Written)
    assert world.read(id)["leadOwnerEmailAddress"] == "ann@x.example"


# --- statuses --------------------------------------------------------------------------------------------------


def test_statuses_are_the_channels_in_order_without_those_that_nobody_can_be_given(bench):
    (pipeline,) = bench.part("stages").read()
    assert pipeline.label == "Buying journey"
    assert [stage.id for stage in pipeline.stages] == ["Awareness", "Interest", "Consideration", "Purchase"]


def test_a_hidden_status_is_told_as_inactive(bench, hands):
    (pipeline,) = bench.part("stages").configured([("leads", f"program:{hands.program}")])
    assert [(stage.id, stage.active) for stage in pipeline.stages][-1] == ("Former", False)


def test_a_channel_is_changed_by_hand_only_and_the_way_is_told(bench, hands):
    name = f"program:{hands.program}"
    bench.sandbox.log.clear()
    (outcome,) = bench.part("stages").apply([AddStage("leads", name, SystemStage("", "Research", 9))])
    assert (outcome.code, outcome.reason) == ("by_hand", BY_HAND)
    assert not bench.sandbox.log.calls()


def test_the_members_that_hold_a_status_are_found(bench, world, hands):
    ids = [world.create(email=f"{n}@x.example") for n in range(4)]
    hands.behave(page_size=2)
    for id in ids[:3]:
        world.put_status(hands.program, id, "Interest")
    name = f"program:{hands.program}"
    assert bench.part("stages").holders("leads", name, "Interest") == tuple(ids[:3])
    assert bench.part("stages").holders("leads", name, "Purchase") == ()


def test_a_program_that_is_not_there_is_an_error_and_not_an_empty_list(hands):
    with pytest.raises(RemoteError, match="no program 77"):
        hands.connect(programs=[77]).stages.read()


def test_without_programs_the_part_says_why_it_is_missing(hands):
    assert "programs" in hands.connect(programs=[]).stages.reason


# --- the starter mapping ---------------------------------------------------------------------------------------


@pytest.fixture
def root(bench, tmp_path, monkeypatch):
    """A workspace with one connection to the sandbox, and the mapping that `init` writes."""
    settings = bench.sandbox.settings
    monkeypatch.setenv("INSTEP_MARKETO__CLIENT_SECRET", settings["client_secret"])
    lines = [f'{name} = "{settings[name]}"' for name in ("munchkin_id", "base_url", "client_id")]
    table = "\n".join(['[connections.marketo]\nplugin = "marketo"', *lines])
    (tmp_path / "mappings").mkdir()
    (tmp_path / "sync.toml").write_text(f"{table}\n")
    (tmp_path / "mappings/process.toml").write_text('preset = "b2b-11"\n')
    (tmp_path / "mappings/marketo.toml").write_text(marketo.starter_mapping)
    return tmp_path


def checked(root):
    return CliRunner().invoke(instep, ["check", "-w", str(root)])


def test_the_starter_mapping_passes_the_check(root):
    result = checked(root)
    assert result.exit_code == 0, result.output


def test_a_starter_mapping_with_a_step_that_nobody_knows_fails_the_check(root):
    path = root / "mappings/marketo.toml"
    path.write_text(path.read_text().replace("awareness =", "nobody-knows-this ="))
    assert checked(root).exit_code != 0


def test_every_field_of_the_starter_mapping_is_one_of_marketos_or_made_by_doctor(bench):
    person = tomllib.loads(marketo.starter_mapping)["person"]
    names = {value if isinstance(value, str) else value["field"] for value in person["fields"].values()}
    known = {field.name for field in bench.part("fields").read("leads")}
    assert names - known == {"instep_score", "instep_stage"}
    assert person["stages"]["field"] in known


def test_a_kind_of_activity_that_is_not_known_is_passed_over(bench, world):
    id = world.create(email="a@x.example")
    bench.pass_time()
    feed = bench.part("behaviours")
    wanted = ["visit-web-page", "click-link"]
    cursor = [page.cursor for page in feed.changed_since(wanted, None)][-1]
    clicked = world.happen("click-link", id)
    bench.clock.advance(timedelta(hours=2))
    assert [item.id for page in feed.changed_since(wanted, cursor) for item in page.items] == [clicked]
