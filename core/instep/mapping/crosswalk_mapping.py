"""`mappings/<connection>.toml` in the words of another preset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.items import InlineTable

from instep.mapping.crosswalk import Crosswalk
from instep.mapping.crosswalk_tables import Decision, NewTable, converted_table
from instep.mapping.toml import toml_item
from instep.model.entities import Kind


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """A file's new text, and what it does not say."""

    text: str
    decisions: tuple[Decision, ...]


def converted_mapping(text: str, file: str, order: Sequence[str], walk: Crosswalk) -> ConvertedFile:
    """One mapping file: its stage tables, and the stages that its `create` rules look at."""
    document: Any = tomlkit.parse(text)
    decisions: list[Decision] = []
    for place, table in _stage_tables(document):
        new = converted_table(_plain(table["values"]), _plain(table.get("lands_on", {})), order, walk)
        _put(table, new)
        for value, (problem, choices) in new.doubts.items():
            decisions.append(Decision(file, place, f'"{value}" {problem}', choices))
    for kind in Kind:
        decisions += _rule(document.get(kind, {}).get("create"), file, f"{kind}.create", walk)
    return ConvertedFile(tomlkit.dumps(document), tuple(decisions))


def _stage_tables(document: Any) -> Iterator[tuple[str, Any]]:
    for kind in Kind:
        entity = document.get(kind, {})
        if "stages" in entity:
            yield f"{kind}.stages", entity["stages"]
        for name, table in entity.get("pipelines", {}).items():
            yield f"{kind}.pipelines.{name}", table


def _plain(table: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in table.items()}


def _put(table: Any, new: NewTable) -> None:
    """Write the new keys; a table that stays as it is keeps its comments."""
    if _plain(table["values"]) != new.values:
        table["values"] = _like(table["values"], new.values)
    landing = table.get("lands_on")
    if new.lands_on and landing is None:
        _insert_before(table, "values", "lands_on", toml_item(new.lands_on))
    elif new.lands_on and _plain(landing) != new.lands_on:
        table["lands_on"] = _like(landing, new.lands_on)
    elif not new.lands_on and landing is not None:
        del table["lands_on"]


def _like(before: Any, content: Any) -> Any:
    """A table of the same form as another."""
    if isinstance(before, InlineTable):
        return toml_item(content, before.trivia.comment.lstrip("# "))
    made = tomlkit.table()
    made.update(content)
    return made


def _insert_before(table: Any, key: str, name: str, item: Any) -> None:
    """Put a new key before a present one, so that it never ends up inside a table that was opened in between."""
    rest = [(known, table[known]) for known in list(table)[list(table).index(key) :]]
    for known, _ in rest:
        del table[known]
    table[name] = item
    for known, value in rest:
        table[known] = value


def _rule(rule: Any, file: str, place: str, walk: Crosswalk) -> list[Decision]:
    """Rename the stages that a rule looks at, where they have one counterpart that stands for nothing else."""
    if not isinstance(rule, dict):
        return []
    if rule.get("field") == "stage":
        return _comparison(rule, file, place, walk)
    inner = [*rule.get("all", []), *rule.get("any", []), rule.get("not")]
    return [decision for part in inner for decision in _rule(part, file, place, walk)]


def _comparison(rule: Any, file: str, place: str, walk: Crosswalk) -> list[Decision]:
    decisions = []
    for word, named in (("eq", [rule.get("eq")]), ("in", list(rule.get("in", [])))):
        new = []
        for stage in named if word in rule else ():
            there = walk.only(str(stage)) if walk.returns(str(stage)) else str(stage)
            new.append(there)
            if str(stage) in walk.stages and not walk.returns(str(stage)):
                problem = f'looks at the stage "{stage}", which has no single counterpart'
                decisions.append(Decision(file, place, problem, walk.stages[str(stage)]))
        if word in rule and [str(stage) for stage in named] != new:
            rule[word] = new if word == "in" else new[0]
    return decisions
