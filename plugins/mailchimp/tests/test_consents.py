from datetime import UTC, datetime, timedelta

import pytest

from instep.contract import Consent, ConsentChange, Missing, Rejected, Subject, Unknown, Written
from instep.testing import Workbench
from instep_mailchimp.sandbox import MailchimpWorld

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
EMAIL = "a@x.example"


def change(id, scope="all", email=EMAIL):
    return ConsentChange(Subject("members", id, email), scope, NINE - timedelta(days=1), "Preference page")


def read(bench, id, connection=None):
    (found,) = (connection or bench.connection).consents.read([Subject("members", id, EMAIL)])
    return {consent.scope: consent for consent in found}


@pytest.mark.parametrize("status", ["pending", "cleaned", "transactional"])
def test_a_status_that_says_nothing_is_unset(bench: Workbench, world: MailchimpWorld, status: str) -> None:
    id = world.add_member(EMAIL, status)
    assert read(bench, id) == {"all": Consent("all", "unset"), "members": Consent("members", "unset")}


def test_who_came_by_a_form_agreed_explicitly(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL, by_form=True)
    assert read(bench, id)["all"] == Consent("all", "in", NINE, "Mailchimp: Hosted Signup Form", explicit=True)


def test_who_was_imported_as_subscribed_did_not_agree_explicitly(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL)
    found = read(bench, id)["all"]
    assert (found.state, found.explicit) == ("in", False)


@pytest.mark.parametrize("by", ["contact", "admin"])
def test_an_unsubscribe_is_an_explicit_opt_out(bench: Workbench, world: MailchimpWorld, by: str) -> None:
    id = world.add_member(EMAIL)
    world.unsubscribe(id, by=by)
    found = read(bench, id)["all"]
    assert (found.state, found.at, found.explicit) == ("out", NINE, True)


def test_who_unsubscribed_in_person_is_not_subscribed_again_and_it_says_what_to_do(
    bench: Workbench, world: MailchimpWorld
) -> None:
    id = world.add_member(EMAIL)
    world.unsubscribe(id)
    (outcome,) = bench.connection.consents.opt_in([change(id)])
    assert isinstance(outcome, Rejected)
    assert outcome.code == "compliance"
    assert "signup form" in outcome.reason
    assert world.look(id)["status"] == "unsubscribed"


def test_who_was_unsubscribed_by_a_colleague_can_be_subscribed_again(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL)
    world.unsubscribe(id, by="admin")
    (outcome,) = bench.connection.consents.opt_in([change(id)])
    assert isinstance(outcome, Written)
    assert world.look(id)["status"] == "subscribed"


def test_a_cleaned_address_is_not_subscribed_again(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL)
    world.clean(id)
    (outcome,) = bench.connection.consents.opt_in([change(id)])
    assert outcome.code == "compliance"


def test_an_opt_in_is_recorded_with_its_own_time(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL, "transactional")
    bench.connection.consents.opt_in([change(id)])
    found = read(bench, id)["all"]
    assert (found.state, found.at, found.explicit) == ("in", NINE - timedelta(days=1), True)


def test_consent_is_never_recorded_for_somebody_who_is_archived(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL)
    world.archive(id)
    consents = bench.connection.consents
    assert isinstance(consents.opt_in([change(id)])[0], Missing)
    assert isinstance(consents.opt_out([change(id)])[0], Missing)
    assert world.look(id)["status"] == "archived"


def test_what_is_so_already_is_not_sent(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL)
    bench.connection.consents.opt_in([change(id)])
    assert not bench.sandbox.log.writes()
    bench.connection.consents.opt_out([change(id)])
    assert len(bench.sandbox.log.writes()) == 1


def test_a_scope_that_is_no_audience_is_refused(bench: Workbench, world: MailchimpWorld) -> None:
    (outcome,) = bench.connection.consents.opt_out([change(world.add_member(EMAIL), "weather")])
    assert outcome.code == "unknown_scope"


def test_an_opt_out_whose_answer_was_lost_is_unknown(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL)
    bench.faults.arm(100)
    (outcome,) = bench.connection.consents.opt_out([change(id)])
    assert isinstance(outcome, Unknown)


# --- several audiences --------------------------------------------------------------------------------------------


@pytest.fixture
def two(bench: Workbench, world: MailchimpWorld):
    """A connection to two audiences, the second one's id, and a person who is in both."""
    other = world.add_audience("Partners")
    connection = bench.connect(bench.settings(audiences={**bench.settings().audiences, "partners": other}))
    world.add_member(EMAIL, audience=other)
    return connection, other, world.add_member(EMAIL)


def test_each_audience_is_a_scope_and_all_is_said_only_where_all_agree(
    bench: Workbench, world: MailchimpWorld, two
) -> None:
    connection, other, id = two
    world.unsubscribe(id)
    states = {scope: consent.state for scope, consent in read(bench, id, connection).items()}
    assert states == {"all": "unset", "members": "out", "partners": "in"}
    world.unsubscribe(EMAIL, audience=other)
    assert read(bench, id, connection)["all"].state == "out"


def test_an_opt_out_of_one_audience_leaves_the_others(bench: Workbench, world: MailchimpWorld, two) -> None:
    connection, other, id = two
    connection.consents.opt_out([change(id, "partners")])
    assert world.look(EMAIL, audience=other)["status"] == "unsubscribed"
    assert world.look(EMAIL)["status"] == "subscribed"


def test_an_opt_out_of_all_ends_every_audience(bench: Workbench, world: MailchimpWorld, two) -> None:
    connection, other, id = two
    (outcome,) = connection.consents.opt_out([change(id)])
    assert isinstance(outcome, Written)
    assert world.look(EMAIL, audience=other)["status"] == world.look(EMAIL)["status"] == "unsubscribed"


def test_nobody_is_subscribed_to_all_of_several_audiences(bench: Workbench, world: MailchimpWorld, two) -> None:
    connection, _, id = two
    world.unsubscribe(id, by="admin")
    (outcome,) = connection.consents.opt_in([change(id)])
    assert outcome.code == "compliance"
    assert isinstance(connection.consents.opt_in([change(id, "members")])[0], Written)


def test_with_several_audiences_no_flag_says_that_somebody_left_all(bench: Workbench, two) -> None:
    assert two[0].consents.flag_field is None
    assert bench.connect().consents.flag_field == "unsubscribed"


# --- an address that changed meanwhile ----------------------------------------------------------------------------


def test_an_opt_out_reaches_somebody_whose_address_changed_meanwhile(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member(EMAIL)
    world.change_email(id, "new@x.example")
    (outcome,) = bench.connection.consents.opt_out([change(id)])
    assert isinstance(outcome, Written)
    assert world.look(id)["status"] == "unsubscribed"


def test_an_opt_in_is_never_recorded_for_another_who_has_the_address_now(
    bench: Workbench, world: MailchimpWorld
) -> None:
    id = world.add_member(EMAIL, "pending")
    world.change_email(id, "new@x.example")
    other = world.add_member(EMAIL, "pending")
    (outcome,) = bench.connection.consents.opt_in([change(id)])
    assert isinstance(outcome, Written)
    assert (world.look(id)["status"], world.look(other)["status"]) == ("subscribed", "pending")


def test_what_somebody_said_is_read_though_the_address_changed_meanwhile(
    bench: Workbench, world: MailchimpWorld
) -> None:
    id = world.add_member(EMAIL)
    world.change_email(id, "new@x.example")
    world.unsubscribe(id)
    assert read(bench, id)["all"].state == "out"


def test_an_opt_out_of_all_follows_a_changed_address_into_every_audience(
    bench: Workbench, world: MailchimpWorld, two
) -> None:
    connection, other, id = two
    world.change_email(id, "new@x.example")
    world.change_email(EMAIL, "new@x.example", audience=other)
    connection.consents.opt_out([change(id)])
    assert world.look("new@x.example", audience=other)["status"] == "unsubscribed"


def test_an_opt_out_of_somebody_who_was_added_anew_is_recorded(bench: Workbench, world: MailchimpWorld) -> None:
    again = world.add_member(EMAIL)
    (outcome,) = bench.connection.consents.opt_out([change("0" * 32)])
    assert isinstance(outcome, Written)
    assert world.look(again)["status"] == "unsubscribed"
    (refused,) = bench.connection.consents.opt_in([change("0" * 32)])
    assert isinstance(refused, Missing)
