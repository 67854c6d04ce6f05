import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instep.contract import Connection, Effects
from instep.sandbox import VirtualClock
from instep.settings import load_settings
from instep.testing import CountingTransport
from instep_files import files

Folder = Callable[..., Connection]


@pytest.fixture
def transport() -> CountingTransport:
    return CountingTransport()


@pytest.fixture
def connect(tmp_path: Path, transport: CountingTransport) -> Folder:
    """Connects the folder `tmp_path`: `connect(people={"file": "people.csv", "key": "id"})`."""

    def connect(
        *, direction: str = "both", behaviours: Any = None, through: CountingTransport | None = None, **objects: Any
    ) -> Connection:
        table = {"path": str(tmp_path), "direction": direction, "objects": objects, "behaviours": behaviours or {}}
        clock = VirtualClock()
        effects = Effects(through or transport, clock.now, clock.sleep, random.Random(1))
        return files.connect(load_settings(files.settings, "exports", table), effects)

    return connect
