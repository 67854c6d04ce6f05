"""Which stages of one preset stand for which of another: a relation that was reviewed by hand, file by file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instep.errors import ConfigError
from instep.mapping.mistakes import suggestion
from instep.mapping.preset import preset_names, preset_text

_FOLDER = Path(__file__).parent / "presets" / "crosswalks"

Relation = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """A many-to-many relation of two presets' stages. Every stage of either is a key, in its preset's order."""

    source: str
    target: str
    stages: Relation
    back: Relation

    def backwards(self) -> Crosswalk:
        """The same relation, read from the other end."""
        return Crosswalk(self.target, self.source, self.back, self.stages)

    def only(self, stage: str) -> str | None:
        """The one stage that a stage of `source` becomes; None where there are several, or none."""
        found = self.stages.get(stage, ())
        return found[0] if len(found) == 1 else None

    def returns(self, stage: str) -> bool:
        """Whether a stage, taken to the other preset and back, is itself again without anybody deciding."""
        there = self.only(stage)
        return there is not None and self.back[there] == (stage,)

    def lost(self) -> tuple[str, ...]:
        """The stages that cannot come back: there is nothing for them, there are several, or others share theirs."""
        return tuple(stage for stage in self.stages if not self.returns(stage))

    def undecided(self) -> tuple[str, ...]:
        """The stages for which a person must say what they become."""
        return tuple(stage for stage in self.stages if self.only(stage) is None)


def crosswalk(source: str, target: str) -> Crosswalk:
    """The relation of two presets. Raises `ConfigError` for an unknown preset."""
    for name in (source, target):
        if name not in preset_names():
            raise ConfigError(f'There is no preset "{name}". {suggestion(name, preset_names())}')
    if source == target:
        same = {stage: (stage,) for stage in _stage_keys(source)}
        return Crosswalk(source, target, same, same)
    first, second = sorted((source, target))
    text = (_FOLDER / f"{first}.{second}.toml").read_text(encoding="utf-8")
    sides: dict[str, dict[str, list[str]]] = tomllib.loads(text)["stages"]
    stages, back = (_relation(sides[name], name) for name in (source, target))
    return Crosswalk(source, target, stages, back)


def _relation(side: Mapping[str, list[str]], preset: str) -> Relation:
    return {stage: tuple(side[stage]) for stage in _stage_keys(preset)}


def _stage_keys(preset: str) -> list[str]:
    content: dict[str, Any] = tomllib.loads(preset_text(preset))
    return [stage["key"] for stage in content["stages"]]
