"""Repeats what may be repeated, until it passes or patience ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from instep.contract import Effects
from instep.errors import UnknownOutcomeError
from instep_salesforce.answers import Call, RepeatError

T = TypeVar("T")

_ATTEMPTS: Final = 5


def patiently(effects: Effects, call: Call, send: Callable[[], T]) -> T:
    """Send until it passes or patience ends. What the transport raises goes through untouched."""
    import tenacity  # here, so that importing the plugin stays quick

    lost: list[UnknownOutcomeError] = []

    def attempt() -> T:
        try:
            return send()
        except RepeatError as failure:
            lost.extend([failure.error] if isinstance(failure.error, UnknownOutcomeError) else [])
            raise

    def wait_seconds(state: Any) -> float:
        failure = state.outcome.exception()
        if isinstance(failure, RepeatError) and failure.wait_seconds is not None:
            return failure.wait_seconds
        return float(2 ** (state.attempt_number - 1)) + effects.random.random()

    attempts = tenacity.Retrying(
        sleep=effects.sleep,
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=wait_seconds,
        retry=tenacity.retry_if_exception(lambda error: _may_repeat(call, error)),
        reraise=True,
    )
    try:
        return attempts(attempt)
    except RepeatError as last:
        # A write that was lost once stays unknown, even if the last attempt surely did nothing.
        failure = lost[0] if lost else last.error
    raise failure


def _may_repeat(call: Call, error: BaseException) -> bool:
    if not isinstance(error, RepeatError) or error.too_long:
        return False
    return call.repeatable or not error.is_unknown
