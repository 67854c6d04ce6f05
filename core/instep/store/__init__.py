"""The durable state: what every system was last seen to hold, what was decided, and what was written."""

from instep.store.store import Store, make_private_folder, require_state

__all__ = ["Store", "make_private_folder", "require_state"]
