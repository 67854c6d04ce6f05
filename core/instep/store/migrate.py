"""Bringing a state to the newest schema. Imported only when a state is new or old: Alembic is slow to load."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from instep.errors import ConfigError

_HERE = Path(__file__).parent / "migrations"


def migrate(engine: sa.Engine, path: Path) -> None:
    """Run every migration that the state at `path` lacks, in one transaction.

    Raises `ConfigError` for a state that a newer version of Instep has written.
    """
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = None
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigError(
                f"{path} was written by a newer version of Instep. Upgrade Instep to use it."
            ) from error


def newest() -> str:
    """The revision of the newest migration."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return str(ScriptDirectory.from_config(config).get_current_head())
