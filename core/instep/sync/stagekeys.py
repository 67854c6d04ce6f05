"""Stage keys that the state holds, and that the files must name or say what became of."""

from __future__ import annotations

from collections.abc import Collection

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.model.values import amount
from instep.store import Store

_STAGES = """
WITH RECURSIVE held (stage) AS (
    SELECT min(stage) FROM journey
    UNION ALL SELECT (SELECT min(stage) FROM journey WHERE stage > held.stage) FROM held WHERE stage IS NOT NULL
)
SELECT stage FROM held WHERE stage IS NOT NULL
"""
"""Each stage once, by a step through the index from one to the next; a `DISTINCT` reads every journey."""


def require_stages(store: Store, workspace: Workspace) -> None:
    """Raise `ConfigError` where journeys are at a stage that no file names."""
    for (stage,) in store.rows(_STAGES):
        if not workspace.process.has_stage(workspace.process.current_key(stage)):
            count = store.count("SELECT count(*) FROM journey WHERE stage = ?", (stage,))
            journeys = amount(count, "journey is", "journeys are")
            raise ConfigError(
                f'{workspace.version.file}: no stage "{stage}" is defined, and {journeys} at it.\n'
                f'Say what became of it: [[moved]] from = "{stage}", to = "…".'
            )


_EVER_AT = """
SELECT EXISTS (SELECT 1 FROM journey WHERE stage = ?)
    OR EXISTS (SELECT 1 FROM override WHERE stage = ?)
    OR EXISTS (SELECT 1 FROM claim WHERE type = 'assertion' AND value = ?)
"""


def never_held(store: Store, stages: Collection[str]) -> list[str]:
    """Those of some stage keys that no journey is at and nobody ever set: history keeps the old words."""
    return [stage for stage in stages if not store.count(_EVER_AT, (stage, stage, stage))]
