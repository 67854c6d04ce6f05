"""What another process may steer in a Marketo sandbox."""

from __future__ import annotations

from typing import Any

from instep_marketo.sandbox.subscription import Record, Subscription
from instep_marketo.sandbox.values import plain
from instep_marketo.sandbox.world import MarketoWorld


class SubscriptionControls:
    """Reset, seed and look at one subscription."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription
        self._world = MarketoWorld(subscription)

    def reset(self) -> None:
        """Return to the state at the start."""
        with self._state.lock:
            self._state.reset()
            self._world.furnish()

    def load(self, object: str, records: list[dict[str, Any]]) -> list[str]:
        """Load records of one object; gives their ids."""
        return self._world.load(object, records)

    def snapshot(self) -> dict[str, object]:
        """Everything the subscription holds."""
        with self._state.held():
            state = self._state
            return {
                "munchkinId": state.munchkin_id,
                "leads": {str(id): _plain(lead) for id, lead in state.leads.items()},
                "programs": {
                    str(id): {lead: member.status for lead, member in program.members.items()}
                    for id, program in state.programs.items()
                },
                "lists": {str(id): sorted(one.leads) for id, one in state.lists.items()},
                "objects": {kind: [_plain(one) for one in found] for kind, found in state.objects.items()},
                "activities": len(self._state.log),
            }

    def quota(self) -> dict[str, object]:
        """How many calls are used and allowed."""
        with self._state.held():
            character, usage = self._state.personality, self._state.usage
            return {
                "window": usage.window.used(self._state.now()),
                "windowLimit": character.rate_limit,
                "daily": usage.on(self._state.now()),
                "dailyLimit": character.daily_limit,
            }

    def flush(self) -> None:
        """Nothing waits here: the log shows what is older than `index_lag`."""


def _plain(record: Record) -> dict[str, object]:
    return {name: plain(value) for name, value in record.items()}
