"""The command as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from instep.cli.main import main
from instep.sync import transport


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Instep = Callable[..., Ran]


class Hurried:
    """The time of day, ahead by all that was waited for: what a command waits for has passed at once."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture(scope="module", autouse=True)
def _hurried() -> Iterator[None]:
    """Commands live by a clock that waits for nothing."""
    clock = Hurried()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "World", partial(transport.World, clock=clock.now, sleep=clock.sleep))
        yield


@pytest.fixture
def instep(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Instep:
    def run(*arguments: str) -> Ran:
        monkeypatch.setattr("sys.argv", ["instep", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return Ran(int(stopped.value.code or 0), captured.out, captured.err)

    return run
