"""The command as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from instep.cli.main import main


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Instep = Callable[..., Ran]


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
