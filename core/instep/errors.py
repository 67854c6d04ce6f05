"""One tree of errors. Its branches answer one question: who acts?"""

from __future__ import annotations

from datetime import datetime


class InstepError(Exception):
    """Something that a person can understand and act on. The message says where, what is wrong, what to do."""

    exit_code = 1


class ConfigError(InstepError):
    """Edit a file. `mistakes` lists everything that is wrong, not just the first."""

    def __init__(self, message: str, mistakes: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes


class AccessError(InstepError):
    """Fix a login: credentials are wrong, expired for good, or lack a scope."""

    exit_code = 8


class PlanError(InstepError):
    """Look and decide: a guard stopped the plan before its first write."""

    exit_code = 5


class GuardError(PlanError):
    """Look and decide: the plan would change surprisingly much."""


class StalePlanError(PlanError):
    """Plan again: what the plan was made from has changed."""

    exit_code = 6


class BusyError(InstepError):
    """Wait: another run holds the lock."""

    exit_code = 7


class RemoteError(InstepError):
    """The system refused, or could not be reached. `status` is its HTTP status where there was one."""

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class RetryLaterError(RemoteError):
    """The system asked to wait, or is briefly out of order; the same request may pass later."""

    def __init__(
        self, message: str, *, status: int | None = None, code: str = "", after_seconds: float | None = None
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.after_seconds = after_seconds


class UsedUpError(RetryLaterError):
    """The calls of a day are used up, or what is left of them is kept for people. Nothing was done.

    `left` is how many there are, and `renews_at` when there will be more, where the system tells.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        left: int = 0,
        renews_at: datetime | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.left = left
        self.renews_at = renews_at


class UnknownOutcomeError(RemoteError):
    """A write was sent and its answer was lost: it may or may not have taken effect."""


class PluginError(InstepError):
    """Tell the plugin's author: the plugin broke the contract."""
