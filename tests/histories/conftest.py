"""The systems of all histories, opened once for a test file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..trust.theatre import in_memory
from .world import Systems
from .world import systems as opened


@pytest.fixture(scope="module")
def systems() -> Iterator[Systems]:
    """Every system that a history may have."""
    with in_memory() as folder, opened(folder) as found:
        yield found


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory."""
    with in_memory() as folder:
        yield folder
