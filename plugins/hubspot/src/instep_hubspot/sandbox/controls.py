"""What another process may steer in a HubSpot sandbox."""

from __future__ import annotations

from typing import Any

from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.world import HubSpotWorld


class PortalControls:
    """Reset, seed, look at and flush one account."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._world = HubSpotWorld(portal)

    def reset(self) -> None:
        """Return to the state of a new account."""
        self._portal.reset()

    def load(self, object: str, records: list[dict[str, Any]]) -> list[str]:
        """Load records of one object; gives their ids."""
        return self._world.load(object, records)

    def snapshot(self) -> dict[str, object]:
        """Everything the account holds."""
        with self._portal.lock:
            return {
                "portalId": self._portal.portal_id,
                "objects": {
                    name: {record.id: dict(record.values) for record in table.after(0)}
                    for name, table in self._portal.tables.items()
                    if table.records
                },
                "associations": self._portal.associations.everything(),
                "consents": self._portal.consents.everything(),
                "owners": [
                    owner.to_dict()
                    for archived in (False, True)
                    for owner in self._portal.owners.all(archived=archived)
                ],
            }

    def quota(self) -> dict[str, object]:
        """How many calls are used and allowed."""
        with self._portal.lock:
            now, character, quota = self._portal.clock.now(), self._portal.personality, self._portal.quota
            return {
                "burst": {token: window.used(now) for token, window in quota.bursts.items()},
                "burstLimit": character.rate_limit,
                "searches": quota.searches.used(now),
                "searchLimit": character.search_rate_limit,
                "daily": quota.daily.used(now),
                "dailyLimit": character.daily_limit,
            }

    def flush(self) -> None:
        """Let the search index hear of every change."""
        self._world.flush_index()
