"""What another process may steer in a Marketo sandbox."""

from __future__ import annotations

from typing import Any

from instep_marketo.sandbox.subscription import Subscription
from instep_marketo.sandbox.values import plain
from instep_marketo.sandbox.world import MarketoWorld


class SubscriptionControls:
    """Reset, seed and look at one subscription."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription
        self._world = MarketoWorld(subscription)

    def reset(self) -> None:
        """Return to the state of a new subscription."""
        with self._state.lock:
            self._state.reset()

    def load(self, object: str, records: list[dict[str, Any]]) -> list[str]:
        """Load records of one object; gives their ids."""
        return self._world.load(object, records)

    def snapshot(self) -> dict[str, object]:
        """Everything the subscription holds."""
        with self._state.lock:
            leads = self._state.leads.items()
            return {
                "munchkinId": self._state.munchkin_id,
                "leads": {str(id): {name: plain(value) for name, value in lead.items()} for id, lead in leads},
                "programs": {str(id): dict(program.members) for id, program in self._state.programs.items()},
                "lists": {str(id): sorted(on) for id, (_, on) in self._state.lists.items()},
                "activities": len(self._state.log),
            }

    def quota(self) -> dict[str, object]:
        """How many calls are used and allowed."""
        with self._state.lock:
            character, usage = self._state.personality, self._state.usage
            return {
                "window": usage.window.used(self._state.now()),
                "windowLimit": character.rate_limit,
                "daily": self._state.used_today(),
                "dailyLimit": character.daily_limit,
            }

    def flush(self) -> None:
        """Nothing waits here: the log shows what is older than `index_lag`."""
