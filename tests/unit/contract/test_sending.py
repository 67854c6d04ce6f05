"""What is sent again, how long is waited, and what a failure of the HTTP library means."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import requests
from urllib3.exceptions import MaxRetryError
from urllib3.exceptions import SSLError as InnerSSLError

from instep.contract import (
    AccessError,
    Effects,
    Lost,
    RemoteError,
    RepeatError,
    Reply,
    RetryLaterError,
    UnknownOutcomeError,
    answer_of,
    patiently,
)

BUSY = RetryLaterError("busy")
UNKNOWN = UnknownOutcomeError("nobody knows")


class Straight:
    def send(self, action: Callable[[], object], *, label: str, writes: bool, lane: str = "default") -> object:
        raise AssertionError("patience sends nothing by itself")


class Tried:
    """Goes through the given outcomes, one a call; the last one again and again."""

    def __init__(self, *outcomes: Exception | str) -> None:
        self.outcomes = list(outcomes)
        self.waits: list[float] = []
        self.calls = 0

    def __call__(self) -> str:
        outcome = self.outcomes[min(self.calls, len(self.outcomes) - 1)]
        self.calls += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def run(self, *, repeatable: bool = True) -> str:
        effects = Effects(Straight(), lambda: datetime(2030, 1, 1, tzinfo=UTC), self.waits.append, random.Random(1))  # type: ignore[arg-type]
        return patiently(effects, self, repeatable=repeatable)


def test_what_passes_is_sent_once() -> None:
    tried = Tried("fine")
    assert (tried.run(), tried.calls, tried.waits) == ("fine", 1, [])


def test_what_may_pass_later_is_sent_until_it_passes() -> None:
    tried = Tried(RepeatError(BUSY), RepeatError(BUSY), "fine")
    assert (tried.run(), tried.calls) == ("fine", 3)


def test_patience_ends_after_five_times_with_what_the_last_one_said() -> None:
    tried = Tried(RepeatError(RetryLaterError("first")), RepeatError(BUSY))
    with pytest.raises(RetryLaterError) as raised:
        tried.run()
    assert raised.value is BUSY
    assert tried.calls == 5


def test_waits_double_and_are_longer_by_less_than_a_second() -> None:
    tried = Tried(RepeatError(BUSY))
    with pytest.raises(RetryLaterError):
        tried.run()
    assert [int(wait) for wait in tried.waits] == [1, 2, 4, 8]
    assert any(wait != int(wait) for wait in tried.waits)


@pytest.mark.parametrize("asked", [0.0, 7.0, 60.0])
def test_a_wait_is_as_long_as_asked(asked: float) -> None:
    tried = Tried(RepeatError(BUSY, asked), "fine")
    tried.run()
    assert tried.waits == [asked]


def test_a_wait_that_the_client_only_guessed_is_a_little_longer() -> None:
    tried = Tried(RepeatError(BUSY, 20.0, is_guess=True), RepeatError(BUSY, 20.0, is_guess=True), "fine")
    tried.run()
    assert all(20 < wait < 21 for wait in tried.waits)
    assert tried.waits[0] != tried.waits[1]


def test_a_wait_of_more_than_a_minute_is_left_for_another_run() -> None:
    tried = Tried(RepeatError(BUSY, 60.5), "fine")
    with pytest.raises(RetryLaterError):
        tried.run()
    assert (tried.calls, tried.waits) == (1, [])


def test_what_no_wait_can_help_is_sent_once() -> None:
    tried = Tried(RepeatError(BUSY, too_long=True), "fine")
    with pytest.raises(RetryLaterError):
        tried.run()
    assert tried.calls == 1


def test_what_may_have_taken_effect_is_not_sent_again() -> None:
    tried = Tried(RepeatError(UNKNOWN), "fine")
    with pytest.raises(UnknownOutcomeError):
        tried.run(repeatable=False)
    assert tried.calls == 1


def test_what_may_have_taken_effect_is_sent_again_where_twice_is_as_good_as_once() -> None:
    tried = Tried(RepeatError(UNKNOWN), "fine")
    assert (tried.run(repeatable=True), tried.calls) == ("fine", 2)


def test_what_surely_did_nothing_is_sent_again_even_where_twice_would_be_too_much() -> None:
    tried = Tried(RepeatError(BUSY), "fine")
    assert (tried.run(repeatable=False), tried.calls) == ("fine", 2)


def test_a_write_that_was_lost_once_stays_unknown_whatever_the_last_attempt_says() -> None:
    tried = Tried(RepeatError(UNKNOWN), RepeatError(BUSY))
    with pytest.raises(UnknownOutcomeError) as raised:
        tried.run()
    assert raised.value is UNKNOWN
    assert tried.calls == 5


@pytest.mark.parametrize(
    "error", [AccessError("no"), RemoteError("refused"), RetryLaterError("not asked"), OSError()]
)
def test_every_other_error_goes_through_untouched(error: Exception) -> None:
    tried = Tried(error, "fine")
    with pytest.raises(type(error)) as raised:
        tried.run()
    assert raised.value is error
    assert tried.calls == 1


def test_an_error_that_is_raised_in_the_end_carries_no_other_one_along() -> None:
    with pytest.raises(RetryLaterError) as raised:
        Tried(RepeatError(BUSY, too_long=True)).run()
    assert raised.value.__context__ is None


def test_the_systems_clock_is_read_to_the_second_and_in_utc() -> None:
    reply = Reply(200, {"Date": "Sat, 02 Mar 2030 10:00:05 GMT"}, b"")
    assert reply.at == datetime(2030, 3, 2, 10, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("headers", [{}, {"Date": ""}, {"Date": "yesterday"}])
def test_a_system_that_does_not_tell_the_time_has_none(headers: dict[str, str]) -> None:
    assert Reply(200, headers, b"").at is None


# --- what a failure of the library means -----------------------------------------------------------------------


@contextmanager
def answering(data: bytes) -> Iterator[str]:
    """A server that takes one request, says `data` and hangs up."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/?secret=canary"
        thread.join(5)


def test_an_answer_comes_back_as_it_is() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as url:
        answer = answer_of(lambda: requests.get(url, timeout=5))
    assert not isinstance(answer, Lost)
    assert answer.content == b"hi"


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"], ids=["hangs up", "breaks off within its body"]
)
def test_a_request_whose_answer_broke_off_may_have_been_heard(data: bytes) -> None:
    with answering(data) as url:
        outcome = answer_of(lambda: requests.get(url, timeout=5))
    assert outcome == Lost("broke off before its answer was complete", sent=True)


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = answer_of(lambda: requests.get(f"http://127.0.0.1:{port}/?secret=canary", timeout=5))
    assert outcome == Lost("could not be reached", sent=False)


def test_only_what_reached_nobody_is_told_with_the_setting_to_check() -> None:
    assert Lost("could not be reached", sent=False).told("base_url") == "could not be reached; check base_url"
    assert Lost("broke off", sent=True).told("base_url") == "broke off"


def _raising(error: Exception) -> Callable[[], str]:
    def request() -> str:
        raise error

    return request


def _secure(reason: ssl.SSLError) -> requests.exceptions.SSLError:
    return requests.exceptions.SSLError(MaxRetryError(None, "/?secret=canary", InnerSSLError(reason)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (requests.ConnectTimeout(), False),
        (requests.ReadTimeout(), True),
        (_secure(ssl.SSLCertVerificationError("a wrong name")), False),
        (_secure(ssl.SSLEOFError("broken off")), True),
        (requests.exceptions.SSLError(), True),
        (requests.exceptions.ChunkedEncodingError(), True),
        (requests.ConnectionError(), True),
        (ConnectionResetError(), True),
    ],
)
def test_only_what_never_reached_the_system_counts_as_not_sent(error: Exception, sent: bool) -> None:
    outcome = answer_of(_raising(error))
    assert isinstance(outcome, Lost)
    assert outcome.sent is sent


def test_an_address_that_holds_a_secret_is_not_in_what_is_said() -> None:
    outcome = answer_of(_raising(requests.ConnectionError("https://x.test/?client_secret=canary")))
    assert "canary" not in repr(outcome)


def test_a_defect_of_the_caller_is_no_lost_answer() -> None:
    with pytest.raises(KeyError):
        answer_of(_raising(KeyError("mine")))
