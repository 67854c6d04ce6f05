"""What another process may steer in a Salesforce sandbox."""

from __future__ import annotations

from typing import Any

from instep_salesforce.sandbox.org import ALLOWANCE, Org
from instep_salesforce.sandbox.world import SalesforceWorld


class OrgControls:
    """Reset, seed and look at one org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._world = SalesforceWorld(org)

    def reset(self) -> None:
        """Return to the state of a new org."""
        self._org.reset()

    def load(self, object: str, records: list[dict[str, Any]]) -> list[str]:
        """Load records of one object; gives their ids."""
        return self._world.load(object, records)

    def snapshot(self) -> dict[str, object]:
        """Everything the org holds."""
        with self._org.lock:
            tables = self._org.tables
            return {
                "orgId": self._org.id,
                "objects": {
                    name: [dict(row) for row in table.rows.values()] for name, table in tables.items() if table.rows
                },
                "deleted": {name: sorted(table.bin) for name, table in tables.items() if table.bin},
            }

    def quota(self) -> dict[str, object]:
        """How many calls are used and allowed."""
        with self._org.lock:
            most = self._org.personality.daily_limit or ALLOWANCE
            return {"daily": self._org.usage.used(self._org.now()), "dailyLimit": most}

    def flush(self) -> None:
        """Let queries see every write."""
        self._org.flush()
