from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from instep.contract import Create, FieldSpec, Update, Written
from instep.testing import Workbench, workbench
from instep_marketo import marketo
from instep_marketo.sandbox import MarketoWorld


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """The connector at work in a fresh sandbox, on a clock that only the test moves."""
    with workbench(marketo, {"leads": {"firstName": "Person {n}"}}, "instep_id") as bench:
        yield bench


@pytest.fixture
def world(bench: Workbench) -> MarketoWorld:
    """The subscription's own people."""
    world: MarketoWorld = bench.sandbox.world
    return world


class Hands:
    """Short ways to what nearly every test does."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.program = bench.sandbox.settings["programs"][0]
        self.list = bench.sandbox.settings["lists"][0]

    def behave(self, **changes: Any) -> None:
        """Switch on unpleasant sides of the subscription."""
        self.bench.sandbox.personality = replace(self.bench.sandbox.personality, **changes)

    def connect(self, **settings: Any) -> Any:
        """A connection with other settings."""
        return self.bench.connect(self.bench.settings(**settings))

    def key(self) -> None:
        """Our own field."""
        outcome = self.bench.part("fields").create(FieldSpec("leads", "instep_id", "Instep id", "text", unique=True))
        assert isinstance(outcome, Written)

    def create(self, key: str, **fields: Any) -> Any:
        """Create one lead through the connector."""
        return self.bench.records.write("leads", [Create("instep_id", key, fields)], [])[0]

    def update(self, id: str, **fields: Any) -> Any:
        """Change one lead through the connector."""
        return self.bench.records.write("leads", [Update(id, fields, {})], [])[0]

    def labels(self) -> list[str]:
        """What was asked of the sandbox, in order."""
        return [call.label for call in self.bench.sandbox.log.calls()]


@pytest.fixture
def hands(bench: Workbench) -> Hands:
    """Short ways to what nearly every test does."""
    return Hands(bench)
