"""Claims about the plugin itself, its settings, its login and its errors."""

from __future__ import annotations

import logging
import tomllib
import traceback
from collections.abc import Callable
from dataclasses import fields as parts_of
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr, ValidationError

from instep.contract import CONTRACT, Absent, Connection, ConnectorPlugin
from instep.errors import AccessError, InstepError, RemoteError, RetryLaterError
from instep.sandbox import FaultKind
from instep.settings import ConnectorSettings
from instep.testing.marks import reads_only
from instep.testing.workbench import Stopped, Workbench, is_sentence

CANARY = "canary-4f1d0c"
TOKENS_LAST = timedelta(minutes=10)


class LoginClaims:
    """What must hold before any record is touched."""

    plugin: ClassVar[ConnectorPlugin[Any]]

    @reads_only
    def test_the_contract_number_is_one_that_core_accepts(self) -> None:
        assert self.plugin.contract in (CONTRACT, CONTRACT - 1)

    @reads_only
    def test_the_name_is_one_word_and_the_starter_mapping_is_toml(self) -> None:
        assert self.plugin.name.isidentifier()
        assert tomllib.loads(self.plugin.starter_mapping)

    def test_settings_are_frozen(self, bench: Workbench) -> None:
        settings = bench.settings()
        name = next(iter(type(settings).model_fields))
        with pytest.raises(ValidationError):
            setattr(settings, name, getattr(settings, name))

    def test_a_setting_that_nobody_knows_is_refused(self, bench: Workbench) -> None:
        with pytest.raises(ValidationError):
            bench.settings(nobody_knows_this="x")

    def test_secrets_are_masked(self, bench: Workbench) -> None:
        settings = _with_secrets(bench, CANARY)
        assert CANARY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"

    def test_connecting_sends_nothing(self, bench: Workbench) -> None:
        bench.connect()
        assert not bench.transport.sent
        assert not bench.sandbox.log.calls()

    @reads_only
    def test_an_absent_part_says_why_in_a_sentence(self, bench: Workbench) -> None:
        connection = bench.connection
        found = [getattr(connection, part.name) for part in parts_of(connection)]
        assert all(is_sentence(part.reason) for part in found if isinstance(part, Absent))

    @reads_only
    def test_check_names_the_org(self, bench: Workbench) -> None:
        assert bench.connection.check().org

    def test_check_changes_nothing(self, bench: Workbench) -> None:
        bench.connection.check()
        assert not bench.sandbox.log.writes()

    @reads_only
    def test_limits_are_positive_and_named_once(self, bench: Workbench) -> None:
        limits = bench.connection.limits
        assert all(limit.calls > 0 and limit.seconds > 0 for limit in limits)
        assert len({limit.lane for limit in limits}) == len(limits)

    @reads_only
    def test_what_is_left_of_the_day_is_passed_on(self, bench: Workbench) -> None:
        left = bench.connection.check().calls_left_today
        assert [allowance.left for allowance in bench.allowances] == ([] if left is None else [left])

    def test_a_wrong_login_is_an_access_error(self, bench: Workbench) -> None:
        if not bench.secrets():
            pytest.skip(f"{self.plugin.name} has no secret settings.")
        with pytest.raises(AccessError):
            bench.connect(_with_secrets(bench, "wrong")).check()

    def test_no_secret_is_in_an_error_or_a_log(self, bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.DEBUG, logger="urllib3")  # vendors' libraries lower it
        connection = bench.connect(_with_secrets(bench, CANARY))
        told = [*_told_by(connection), repr(connection)]
        bench.faults.add("*", FaultKind.RESET_BEFORE, None)
        told += _told_by(connection)
        assert CANARY not in "\n".join((*told, caplog.text))

    def test_a_call_that_is_throttled_waits_and_passes(self, bench: Workbench) -> None:
        bench.faults.add("*", FaultKind.THROTTLED, 1)
        assert bench.connection.check().org
        assert sum(bench.slept) > 0

    def test_throttling_without_end_is_given_up_as_retry_later(self, bench: Workbench) -> None:
        bench.faults.add("*", FaultKind.THROTTLED, None)
        with pytest.raises(RetryLaterError):
            bench.connection.check()
        assert len(bench.sandbox.log.calls()) < 20

    @pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.HTML_502, FaultKind.RESET_BEFORE])
    def test_a_failure_that_passes_is_not_noticed(self, bench: Workbench, kind: FaultKind) -> None:
        bench.faults.add("*", kind, 1)
        assert bench.connection.check().org

    @pytest.mark.parametrize(
        "kind",
        [
            FaultKind.SERVER_ERROR,
            FaultKind.HTML_502,
            FaultKind.RESET_BEFORE,
            FaultKind.TRUNCATED_JSON,
            FaultKind.NON_UTF8,
        ],
    )
    def test_a_failure_that_stays_is_a_remote_error(self, bench: Workbench, kind: FaultKind) -> None:
        bench.faults.add("*", kind, None)
        with pytest.raises(RemoteError):
            bench.connection.check()
        assert len(bench.sandbox.log.calls()) < 20

    def test_what_the_transport_raises_reaches_the_caller_untouched(self, bench: Workbench) -> None:
        for stop in (Stopped(), InstepError("Stop here.")):
            bench.transport.stop_with = stop
            with pytest.raises(type(stop)) as caught:
                bench.connection.check()
            assert caught.value is stop
        assert not bench.sandbox.log.calls()

    def test_a_login_that_ends_meanwhile_is_renewed_or_said_to_be_over(self, bench: Workbench) -> None:
        bench.behave(token_expiry=TOKENS_LAST)
        for _ in range(3):
            try:
                assert bench.connection.check().org
            except AccessError as error:
                assert is_sentence(str(error)), str(error)
            bench.pass_time(2 * TOKENS_LAST)

    @reads_only
    def test_closing_twice_is_harmless(self, bench: Workbench) -> None:
        bench.connection.check()
        bench.connection.close()
        bench.connection.close()


def _with_secrets(bench: Workbench, value: str) -> ConnectorSettings:
    return bench.settings(**{name: SecretStr(value) for name in bench.secrets()})


def _told_by(connection: Connection) -> list[str]:
    """Everything that a failing connection says: messages, causes and attributes."""
    told: list[str] = []
    attempts: tuple[Callable[[], object], ...] = (connection.check, lambda: _read_something(connection))
    for attempt in attempts:
        try:
            attempt()
        except InstepError as error:
            told += [repr(error), repr(vars(error)), *traceback.format_exception(error)]
    return told


def _read_something(connection: Connection) -> object:
    if isinstance(connection.records, Absent):
        return None
    return list(connection.records.changed_since(connection.records.objects[0], [], None))
