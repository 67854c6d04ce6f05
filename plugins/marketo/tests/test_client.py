"""Codes, tokens and limits: what the client makes of Marketo's ways to say no."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from instep.contract import Reply
from instep.errors import AccessError, RemoteError, RetryLaterError, UsedUpError
from instep.sandbox import FaultKind
from instep_marketo.answers import instant


def said(code, message="said"):
    body = {"requestId": "a#b", "success": False, "errors": [{"code": code, "message": message}]}
    return {"status": 200, "body": json.dumps(body).encode()}


@pytest.mark.parametrize("lose", ["expire_tokens", "revoke_tokens"])
def test_a_token_that_is_not_accepted_any_more_is_renewed_once_and_the_call_repeated(bench, world, hands, lose):
    connection = bench.connection
    connection.check()
    getattr(world, lose)()
    assert connection.check().org == "123-ABC-456"
    assert hands.labels() == ["identity.token", "stats.usage", "stats.usage", "identity.token", "stats.usage"]
    assert not bench.slept


def test_a_token_that_is_still_good_is_asked_for_once(bench, hands):
    for _ in range(2):
        bench.connection.check()
    assert hands.labels() == ["identity.token", "stats.usage", "stats.usage"]


def test_a_token_that_is_never_accepted_ends_in_an_error_and_not_in_nothing(bench):
    bench.faults.add("stats.usage", FaultKind.STATUS, None, **said("601"))
    with pytest.raises(RetryLaterError):
        bench.connection.check()
    assert len(bench.sandbox.log.calls()) < 30


def test_the_token_goes_in_the_header_and_never_in_the_address(bench):
    bench.connection.check()
    assert not [call for call in bench.sandbox.log.calls() if "access_token" in call.query]


def test_the_secret_is_in_no_line_of_the_log(bench, caplog):
    caplog.set_level(logging.DEBUG, "urllib3")  # other libraries in this process may have made it silent
    bench.connection.check()
    assert "/identity/oauth/token" in caplog.text
    assert "client_secret=***" in caplog.text
    assert bench.sandbox.settings["client_secret"] not in caplog.text


@pytest.mark.parametrize("code", ["502", "606", "608", "611", "604", "614", "615", "713", "719"])
def test_a_code_that_may_pass_is_waited_for(bench, code):
    bench.faults.add("stats.usage", FaultKind.STATUS, 1, **said(code))
    assert bench.connection.check().org
    assert sum(bench.slept) >= (20 if code == "606" else 1)


@pytest.mark.parametrize("code", ["609", "610", "701", "1003"])
def test_any_other_code_is_an_error_at_once(bench, code):
    bench.faults.add("stats.usage", FaultKind.STATUS, 1, **said(code))
    with pytest.raises(RemoteError, match=code):
        bench.connection.check()
    assert not bench.slept


def test_success_false_with_status_200_is_never_taken_for_an_empty_answer(bench):
    bench.faults.add("leads.sync", FaultKind.STATUS, None, **said("610"))
    with pytest.raises(RemoteError):
        bench.records.read("leads", ["1"], ["email"])


def test_a_code_that_is_a_number_is_understood_as_well(bench):
    bench.faults.add("stats.usage", FaultKind.STATUS, 1, **said(606))
    assert bench.connection.check().org


def test_a_missing_permission_is_an_access_error(bench, world):
    world.deny("Read-Only Lead")
    with pytest.raises(AccessError, match="permission"):
        bench.records.read("leads", ["1"], ["email"])


def test_calls_beyond_the_window_wait_for_the_next(bench, hands):
    hands.behave(rate_limit=2)
    for _ in range(3):
        bench.connection.check()
    assert sum(bench.slept) >= 20


def test_calls_within_the_window_do_not_wait(bench, hands):
    hands.behave(rate_limit=3)
    for _ in range(3):
        bench.connection.check()
    assert not bench.slept


def test_slots_that_others_hold_are_waited_for(bench, world, hands):
    hands.behave(concurrent_limit=10)
    world.occupy(10)
    with pytest.raises(RetryLaterError):
        bench.connection.check()
    world.occupy(9)
    assert bench.connection.check().org


def test_the_daily_quota_is_no_matter_of_waiting_and_begins_anew_at_midnight_in_chicago(bench, world, hands):
    hands.behave(daily_limit=3)
    world.use_up(3)
    with pytest.raises(UsedUpError) as used_up:
        bench.connection.check()
    assert not bench.slept
    assert used_up.value.renews_at == datetime(2026, 1, 6, 6, tzinfo=UTC)
    bench.clock.advance(timedelta(hours=22))
    assert bench.connection.check().org


def test_what_is_left_of_the_day_is_the_quota_less_everybodys_calls(bench, world):
    world.use_up(100)
    info = bench.connect(bench.settings(calls_per_day=1000)).check()
    assert info.calls_left_today == 1000 - 100 - 1
    assert info.user == "instep@api.sandbox.example"


@pytest.mark.parametrize("status", [413, 414])
def test_what_is_too_long_is_refused_and_its_body_not_read(bench, status):
    bench.faults.add("stats.usage", FaultKind.STATUS, 1, status=status, body=b"<html>")
    with pytest.raises(RemoteError, match=str(status)):
        bench.connection.check()


@pytest.mark.parametrize(
    "text",
    ["2015-05-21T22:45:13Z", "2015-05-21T22:45:13+0000", "2015-05-21T22:45:13Z+0000", "2015-05-21T15:45:13-07:00"],
)
def test_every_spelling_of_a_moment_is_the_same_moment(text):
    assert instant(text) == datetime(2015, 5, 21, 22, 45, 13, tzinfo=UTC)


def test_a_token_that_ends_just_before_an_extract_is_fetched_is_renewed(bench, world):
    id = world.create(email="a@x.example")
    real = bench.transport.send

    def send(action, *, label, writes, lane="default"):
        if label == "leads/export/file":
            bench.transport.send = real
            world.expire_tokens()
        return real(action, label=label, writes=writes, lane=lane)

    bench.transport.send = send
    found = [item.id for page in bench.pages("leads", ("email",)) for item in page.items]
    assert found == [id]


def test_a_listing_that_gives_a_token_for_ever_ends_with_its_last_record(bench, world):
    id = world.create(email="a@x.example")
    real, asked = bench.transport.send, []

    def send(action, *, label, writes, lane="default"):
        if label != "leads/read":
            return real(action, label=label, writes=writes, lane=lane)
        asked.append(label)
        assert len(asked) < 50, "this would never end"
        reply = real(action, label=label, writes=writes, lane=lane) if len(asked) == 1 else Reply(200, {}, b"")
        body = json.loads(reply.data or b'{"requestId": "a#b", "success": true, "result": []}')
        return Reply(200, reply.headers, json.dumps({**body, "nextPageToken": f"t{len(asked)}"}).encode())

    bench.transport.send = send
    (found,) = bench.records.read("leads", [id], ["email"])
    assert found.fields == {"email": "a@x.example"}
    assert len(asked) == 2


def test_channels_that_come_again_on_every_page_are_listed_once(bench, world):
    for number in range(200):
        world.add_channel(f"Channel {number}", ["Invited"])
    real, asked = bench.transport.send, []

    def send(action, *, label, writes, lane="default"):
        reply = real(action, label=label, writes=writes, lane=lane)
        if label != "channels/list":
            return reply
        asked.append(reply)
        assert len(asked) < 50, "this would never end"
        return asked[0]

    bench.transport.send = send
    with pytest.raises(RemoteError):
        bench.part("stages").read()


def test_those_who_were_refused_for_the_rate_together_come_back_at_different_moments(bench):
    bench.faults.add("stats.usage", FaultKind.STATUS, 2, **said("606"))
    bench.connection.check()
    first, second = bench.slept
    assert first != second
    assert all(20 < wait < 21 for wait in bench.slept)
