"""Two empty systems, files that configure them, and the hands of admins who work in each."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instep.mapping.load import load_workspace
from instep.provision.drift import Drift, drift_of
from instep.provision.plan import ProvisionPlan
from instep.provision.run import Report, apply_configuration, import_configuration, plan_configuration
from instep.sandbox import VirtualClock
from instep.sync.transport import World, nothing
from instep_hubspot.sandbox import hubspot_sandbox
from instep_salesforce.sandbox import salesforce_sandbox

FIELDS = {"hubspot": ("dealstage", "pipeline"), "salesforce": ("StageName", "RecordType.DeveloperName")}
OBJECTS = {"hubspot": "deals", "salesforce": "Opportunity"}
NAME = {"hubspot": "dealname", "salesforce": "Name"}


@dataclass
class Listed:
    """A stage as a table of the mapping has it."""

    key: str
    word: str
    probability: float | None = None


@dataclass
class Table:
    """One pipeline of one system's mapping file."""

    key: str
    label: str
    stages: list[Listed]
    outcomes: dict[str, str] = field(default_factory=lambda: {"won": "Order won", "lost": "Order lost"})
    retire: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        values = ", ".join(f"{json.dumps(one.key)} = {toml(one.word)}" for one in self.stages)
        ends = ", ".join(f"{name} = {toml(word)}" for name, word in self.outcomes.items())
        shares = [f"{json.dumps(one.key)} = {one.probability}" for one in self.stages if one.probability is not None]
        gone = ", ".join(f"{json.dumps(key)} = {json.dumps(to)}" for key, to in self.retire.items())
        return (
            f"[opportunity.pipelines.{json.dumps(self.key)}]\npipeline = {toml(self.label)}\nsegments = []\n"
            f"values = {{ {values} }}\noutcomes = {{ {ends} }}\nprobabilities = {{ {', '.join(shares)} }}\n"
            f"retire = {{ {gone} }}\n"
        )


@dataclass
class Files:
    """What the files say: the process, and each system's tables."""

    process: list[str]
    tables: dict[str, list[Table]]
    moved: dict[str, str] = field(default_factory=dict)


def toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass
class Systems:
    """A workspace over sandboxes."""

    root: Path
    clock: VirtualClock
    boxes: dict[str, Any]

    def world(self, boundary: Callable[[str], None] = nothing) -> World:
        return World(clock=self.clock.now, sleep=self.clock.sleep, boundary=boundary, random=random.Random(1))

    def write(self, files: Files, *, chance: random.Random | None = None) -> None:
        """Write the files; with a chance, tables in any order."""
        keys = "".join(f'[[stages]]\nkey = {json.dumps(key)}\nlabel = "{key.title()}"\n' for key in files.process)
        moved = "".join(f'[[moved]]\nfrom = "{old}"\nto = "{new}"\n' for old, new in files.moved.items())
        (self.root / "mappings" / "process.toml").write_text(f"replace_stages = true\n{keys}{moved}")
        for name, tables in files.tables.items():
            shown = list(tables)
            if chance is not None:
                chance.shuffle(shown)
            stage_field, pipeline_field = FIELDS[name]
            text = (
                f'[opportunity]\nobjects = ["{OBJECTS[name]}"]\nmatch = ["name"]\ninstep_id = false\n'
                f'[opportunity.fields]\nname = {{ field = "{NAME[name]}", direction = "in" }}\n'
                f'[opportunity.stages_in]\nfield = "{stage_field}"\npipeline_field = "{pipeline_field}"\n'
            )
            file = self.root / "mappings" / f"{name}.toml"
            file.write_text(text + "\n".join(table.text() for table in shown))

    def plan(self) -> ProvisionPlan:
        return plan_configuration(load_workspace(self.root), self.world())

    def apply(self, boundary: Callable[[str], None] = nothing, **more: Any) -> Report:
        return apply_configuration(load_workspace(self.root), self.world(boundary), **more)

    def adopt(self) -> Report:
        return import_configuration(load_workspace(self.root), self.world())

    def drift(self) -> list[Drift]:
        return drift_of(self.plan())

    def writes(self) -> int:
        """How many requests since the last look could change something."""
        count = sum(len(box.log.writes()) for box in self.boxes.values())
        for box in self.boxes.values():
            box.log.clear()
        return count

    def ids(self, name: str) -> Any:
        """By which ids a system knows what its mapping names."""
        return load_workspace(self.root).configuration[name].ids


@contextmanager
def systems(root: Path, names: Sequence[str] = ("hubspot", "salesforce")) -> Iterator[Systems]:
    """Empty systems, and a workspace without a mapping."""
    clock = VirtualClock()
    makers = {"hubspot": hubspot_sandbox, "salesforce": salesforce_sandbox}
    with _all([makers[name](clock=clock) for name in names]) as opened:
        boxes = dict(zip(names, opened, strict=True))
        (root / "mappings").mkdir(parents=True)
        (root / "mappings" / "team.toml").write_text("")
        tables = [
            f'[connections.{name}]\nplugin = "{name}"\n'
            + "".join(f"{key} = {json.dumps(value)}\n" for key, value in box.settings.items())
            for name, box in boxes.items()
        ]
        (root / "sync.toml").write_text("\n".join(tables))
        yield Systems(root, clock, boxes)


@contextmanager
def _all(managers: Sequence[Any]) -> Iterator[list[Any]]:
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield [stack.enter_context(manager) for manager in managers]
