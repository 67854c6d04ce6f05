"""A stage table in the words of another preset: what stays clear is taken over, what does not is a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instep.mapping.crosswalk import Crosswalk


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that only a person can say. `choices` are stages of the new process; empty where none fits."""

    file: str
    place: str
    problem: str
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        choices = f" Choose: {', '.join(self.choices)}." if self.choices else ""
        return f"{self.file}: {self.place} {self.problem}.{choices}"

    def as_json(self) -> dict[str, object]:
        return {"file": self.file, "place": self.place, "problem": self.problem, "choices": list(self.choices)}


@dataclass(frozen=True, slots=True)
class NewTable:
    """`values` and `lands_on` with the new keys, and what a person must say of which value."""

    values: Mapping[str, str]
    lands_on: Mapping[str, str]
    doubts: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """Value to what is not clear about it, and the stages that it may mean."""


def converted_table(
    values: Mapping[str, str], lands_on: Mapping[str, str], order: Sequence[str], walk: Crosswalk
) -> NewTable:
    """Translate a stage table. `order` are the new process's stages; those of no preset keep their value."""
    new = _values(values, order, walk)
    meant = _meant(values, lands_on)
    landing: dict[str, str] = {}
    doubts: dict[str, tuple[str, tuple[str, ...]]] = {}
    for value, stage in meant.items():
        sharing = tuple(key for key, spelled in new.items() if spelled == value)
        may_mean = walk.stages.get(stage, (stage,))
        if not sharing:
            doubts[value] = f'stood for "{stage}", and means no stage any more', may_mean
            continue
        found = may_mean[0] if len(may_mean) == 1 and may_mean[0] in sharing else sharing[0]
        if len(sharing) > 1:
            landing[value] = found
        if may_mean != (found,):
            doubts[value] = f'stood for "{stage}"; until you decide, it means "{found}"', may_mean
    return NewTable(new, landing, doubts)


def _values(values: Mapping[str, str], order: Sequence[str], walk: Crosswalk) -> dict[str, str]:
    """Each new stage is spelled like the first old one that it stands for."""
    new = {}
    for stage in order:
        old = walk.back.get(stage, (stage,))
        spelled = [values[key] for key in old if key in values]
        if spelled:
            new[stage] = spelled[0]
    return new


def _meant(values: Mapping[str, str], lands_on: Mapping[str, str]) -> dict[str, str]:
    """The stage that each value of a lawful table means when somebody sets it."""
    meant: dict[str, str] = {}
    for stage, value in values.items():
        meant.setdefault(value, lands_on.get(value, stage))
    return meant
