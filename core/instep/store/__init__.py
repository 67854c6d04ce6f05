"""The durable state: what every system was last seen to hold, what was decided, and what was written."""

from instep.store.store import Store, require_state

__all__ = ["Store", "require_state"]
