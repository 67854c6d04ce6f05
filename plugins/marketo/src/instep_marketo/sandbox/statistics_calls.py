"""How many calls each API user made, and how many went wrong, by day."""

from __future__ import annotations

from datetime import date, timedelta

from instep.sandbox import Request
from instep_marketo.sandbox.allowances import day
from instep_marketo.sandbox.operations import Body, Operation, result
from instep_marketo.sandbox.subscription import Subscription

LAST = 7


class StatisticsCalls:
    """The calls of `/rest/v1/stats`, for which no permission is needed."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        root = "/rest/v1/stats"
        return [
            Operation("GET", f"{root}/usage.json", self.usage, "stats.usage"),
            Operation("GET", f"{root}/usage/last7days.json", self.usage_of_a_week, "stats.usage7"),
            Operation("GET", f"{root}/errors.json", self.errors, "stats.errors"),
            Operation("GET", f"{root}/errors/last7days.json", self.errors_of_a_week, "stats.errors7"),
        ]

    def usage(self, request: Request) -> Body:
        """The calls of today, this one included."""
        return result([self._used(self._today())])

    def usage_of_a_week(self, request: Request) -> Body:
        """The calls of each of the last seven days."""
        return result([self._used(at) for at in self._week()])

    def errors(self, request: Request) -> Body:
        """The refusals of today."""
        return result([self._failed(self._today())])

    def errors_of_a_week(self, request: Request) -> Body:
        """The refusals of each of the last seven days."""
        return result([self._failed(at) for at in self._week()])

    def _today(self) -> date:
        return day(self._state.now())

    def _week(self) -> list[date]:
        return [self._today() - timedelta(days=n) for n in range(LAST)]

    def _used(self, at: date) -> Body:
        calls = self._state.usage.calls[at]
        users = [{"userId": user, "count": count} for user, count in sorted(calls.items())]
        return {"date": at.isoformat(), "total": sum(calls.values()), "users": users}

    def _failed(self, at: date) -> Body:
        codes = self._state.usage.errors[at]
        errors = [{"errorCode": code, "count": count} for code, count in sorted(codes.items())]
        return {"date": at.isoformat(), "total": sum(codes.values()), "errors": errors}
