"""What clients over HTTP have in common: one request becomes an answer or a loss, and only what is safe repeats.

A client sends through `Effects.transport`, turns what happens into a `Reply` or a `Lost`, and says by `RepeatError`
that the same request may pass later. `patiently` then decides whether to send it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from instep.contract.effects import Effects
from instep.errors import RemoteError, UnknownOutcomeError

T = TypeVar("T")

ATTEMPTS: Final = 5
"""How often one request is sent at most."""
LONGEST_WAIT_SECONDS: Final = 60.0
"""A system that asks for a longer wait is left for a later run."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it arrived, whatever its status."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def at(self) -> datetime | None:
        """The system's own clock, to the second, where it tells."""
        try:
            return parsedate_to_datetime(self.headers["Date"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer. `sent` is false where the request surely never reached the system; `reason` ends a sentence."""

    reason: str
    sent: bool

    def told(self, setting: str) -> str:
        """The reason; where nothing was reached, with the setting that says where the system answers."""
        return self.reason if self.sent else f"{self.reason}; check {setting}"


class RepeatError(Exception):
    """The same request may pass after a wait of `wait_seconds`; `error` is what to raise when patience ends.

    An `error` that is an `UnknownOutcomeError` says that the request may have taken effect. Where `too_long` is set,
    or the wait is longer than `LONGEST_WAIT_SECONDS`, patience ends at once. A wait that `is_guess` was not asked for
    by the system but taken from its documentation.
    """

    def __init__(
        self,
        error: RemoteError,
        wait_seconds: float | None = None,
        *,
        too_long: bool = False,
        is_guess: bool = False,
    ) -> None:
        super().__init__()
        self.error = error
        self.wait_seconds = wait_seconds
        self.is_guess = is_guess
        self.too_long = too_long or (wait_seconds is not None and wait_seconds > LONGEST_WAIT_SECONDS)

    @property
    def is_unknown(self) -> bool:
        """Whether the request may have taken effect."""
        return isinstance(self.error, UnknownOutcomeError)


def patiently(effects: Effects, send: Callable[[], T], *, repeatable: bool) -> T:
    """Call `send` until it passes or patience ends, `ATTEMPTS` times at most.

    `send` raises `RepeatError` where the same request may pass later; everything else that it raises goes through
    untouched. What is not `repeatable` is sent again only where it surely did nothing. Waits are as long as the
    system asked, else as guessed or 1, 2, 4 and 8 seconds, and a part of a second by chance: others who were
    refused at the same instant come back at another. Raises `RepeatError.error` in the end; where the answer to a
    write was lost, the unknown outcome, even if a later attempt surely did nothing.
    """
    import tenacity  # here, so that importing a plugin stays quick

    lost: list[RemoteError] = []

    def attempt() -> T:
        try:
            return send()
        except RepeatError as failure:
            lost.extend([failure.error] if failure.is_unknown else [])
            raise

    def wait_seconds(state: Any) -> float:
        failure: RepeatError = state.outcome.exception()
        if failure.wait_seconds is not None and not failure.is_guess:
            return failure.wait_seconds
        usual = 2.0 ** (state.attempt_number - 1) if failure.wait_seconds is None else failure.wait_seconds
        return usual + effects.random.random()

    def may_repeat(error: BaseException) -> bool:
        return isinstance(error, RepeatError) and not error.too_long and (repeatable or not error.is_unknown)

    attempts = tenacity.Retrying(
        sleep=effects.sleep,
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=wait_seconds,
        retry=tenacity.retry_if_exception(may_repeat),
        reraise=True,
    )
    try:
        return attempts(attempt)
    except RepeatError as last:
        failure = lost[0] if lost else last.error
    raise failure


def answer_of(request: Callable[[], T]) -> T | Lost:
    """Run one request over the library `requests`, its body included; a failure becomes a value.

    The library's own errors name the whole address, secrets in it included, so they go no further. What failed on the
    way to a connection surely did nothing; of everything else it is not known whether the system heard it.
    """
    import requests
    from urllib3.exceptions import HTTPError

    try:
        return request()
    except requests.ConnectTimeout:
        return Lost("could not be reached", sent=False)
    except requests.exceptions.SSLError as error:
        return Lost("could not be reached securely", sent=not _is_distrust(error))
    except requests.Timeout:
        return Lost("did not answer in time", sent=True)
    except (requests.RequestException, HTTPError, OSError) as error:
        if _never_left(error):
            return Lost("could not be reached", sent=False)
        return Lost("broke off before its answer was complete", sent=True)


def _never_left(error: Exception) -> bool:
    """Whether no connection came about at all."""
    from urllib3.exceptions import NewConnectionError

    return isinstance(_reason(error), NewConnectionError)


def _is_distrust(error: Exception) -> bool:
    """Whether the system's certificate was refused, which ends a connection before anything is sent.

    Encryption may also break once a request is on its way; then nobody knows what became of it.
    """
    import ssl

    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in getattr(_reason(error), "args", ()))


def _reason(error: Exception) -> object:
    return getattr(error.args[0] if error.args else None, "reason", None)
