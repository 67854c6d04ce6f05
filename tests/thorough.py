"""How many examples a property is tried on: all of them where every change has to pass, fewer while one works."""

from __future__ import annotations

import os

IS_THOROUGH = bool(os.environ.get("INSTEP_THOROUGH"))
"""Set by `.ci/run` and `dev.py nightly`."""


def examples(many: int) -> int:
    """So many of `many` examples, of which a quarter is tried otherwise."""
    return many if IS_THOROUGH else -(-many // 4)
