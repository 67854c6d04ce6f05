"""What this folder is: whether its files fit, and what the local state is bound to."""

from __future__ import annotations

import hashlib
import json

from instep.contract import ConnectionInfo
from instep.errors import ConfigError
from instep_files.client import FilesClient
from instep_files.settings import FilesSettings
from instep_files.table import open_head


def check(client: FilesClient, settings: FilesSettings) -> ConnectionInfo:
    """Look at the first line of every file. Raises `RemoteError` if one is missing or does not fit.

    Folders move, and exports are copied from place to place, so neither is what the state is bound to. It is bound
    to the layout: the objects and the columns that name their rows. Pointing the connection at exports of another
    layout, where the same key would mean another row, is refused like a login to another account. A folder has no
    clock of its own.
    """
    if not settings.objects:
        raise ConfigError(
            "sync.toml declares no objects for this folder. Run `instep init`, which looks into it, or add "
            "[connections.NAME.objects.NAME] with file and key."
        )
    for file in (*settings.objects.values(), *settings.behaviours.values()):
        open_head(client.head(file.file), file)
    return ConnectionInfo(org=_layout(settings), org_name=client.name)


def _layout(settings: FilesSettings) -> str:
    layout = sorted((name, file.key) for name, file in settings.objects.items())
    return "files:" + hashlib.sha256(json.dumps(layout).encode()).hexdigest()[:16]
