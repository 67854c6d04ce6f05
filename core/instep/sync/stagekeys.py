"""Stage keys that the state holds, and that the files must name or say what became of."""

from __future__ import annotations

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.store import Store


def require_stages(store: Store, workspace: Workspace) -> None:
    """Raise `ConfigError` where journeys are at a stage that no file names."""
    held = store.rows("SELECT stage, count(*) FROM journey WHERE stage IS NOT NULL GROUP BY stage ORDER BY stage")
    for stage, count in held:
        if not workspace.process.has_stage(workspace.process.current_key(stage)):
            raise ConfigError(
                f'{workspace.version.file}: no stage "{stage}" is defined, and {count} journeys are at it.\n'
                f'Say what became of it: [[moved]] from = "{stage}", to = "…".'
            )
