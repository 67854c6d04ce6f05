"""`mappings/process.toml` on top of another preset."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit

from instep.mapping.compiled import Workspace
from instep.mapping.crosswalk import Crosswalk
from instep.mapping.crosswalk_tables import Decision
from instep.mapping.load import read_preset
from instep.mapping.positions import positions
from instep.mapping.toml import toml_item
from instep.model.process import Actor, Behaviour, Process

UNDECIDED = (
    "Decide what became of these, and remove the marks. Journeys that stand at one keep its word until then, and",
    "a run stops rather than guess.",
)


@dataclass(frozen=True, slots=True)
class ConvertedProcess:
    """The new text, the stages that it leads to, which journeys follow, and what it does not say."""

    text: str
    order: tuple[str, ...]
    moved: Mapping[str, str]
    decisions: tuple[Decision, ...]


@dataclass(slots=True)
class _Work:
    """A process file being changed."""

    document: Any
    file: str
    old: Process
    walk: Crosswalk
    decisions: list[Decision] = field(default_factory=list)

    def decide(self, place: str, problem: str, choices: Iterable[str] = ()) -> None:
        self.decisions.append(Decision(self.file, place, problem, tuple(choices)))


def converted_process(text: str, file: str, workspace: Workspace, walk: Crosswalk) -> ConvertedProcess:
    """Put a process on `walk.target`: overrides, segments' own stages and earlier moves follow where they can."""
    text = _without_questions(text)
    replaces = bool(tomlkit.parse(text).get("replace_stages", False))
    kept, left_out = (text, {}) if replaces else _without_overrides(text, walk)
    work = _Work(tomlkit.parse(kept), file, workspace.process, walk)
    work.document["preset"] = walk.target
    for stage, said in left_out.items():
        problem = f"has no counterpart of its own, so what the file says of it is left out: {said or 'nothing'}"
        work.decide(f"stages.{stage}", problem, walk.stages[stage])
    if replaces:
        _own_list(work, work.document, "stages", "stages")
    else:
        _overrides(work)
    for place, segment in enumerate(work.document.get("segments", [])):
        if "stages" in segment:
            _own_list(work, segment, "stages", f"segments[{place}].stages")
    order = _new_order(work)
    moved = _moves(work, order)
    _keep_behaviours(work, workspace)
    return ConvertedProcess(_spaced(tomlkit.dumps(work.document)), order, moved, tuple(work.decisions))


def _spaced(text: str) -> str:
    """A blank line before every table that was added right after another."""
    return re.sub(r"(?m)^(?!#)(.+)\n(?=\[\[(?:moved|behaviours|segments)]])", r"\1\n\n", text)


def _without_questions(text: str) -> str:
    """The text without what an earlier conversion left to be decided, if it is still there as it was written."""
    before, mark, after = text.partition(f"\n# {UNDECIDED[0]}\n")
    return before if mark and all(line.startswith("#") or not line for line in after.splitlines()) else text


# --- stages ------------------------------------------------------------------------------------------------------


def _without_overrides(text: str, walk: Crosswalk) -> tuple[str, dict[str, str]]:
    """The text, entries that change a stage without a counterpart of its own made comments; and what they say."""
    document: Any = tomlkit.parse(text)
    lines, where = text.splitlines(keepends=True), positions(text)
    left_out = {}
    for place, entry in enumerate(document.get("stages", [])):
        key = str(entry["key"])
        if key not in walk.stages or key in walk.back or walk.returns(key):
            continue
        left_out[key] = ", ".join(f"{name} = {value.as_string()}" for name, value in entry.items() if name != "key")
        first = where["stages", place] - 1
        last = max(line for path, line in where.items() if path[:2] == ("stages", place))
        while last < len(lines) and lines[last].lstrip().startswith(("]", "}")):
            last += 1
        lines[first:last] = [f"# {line}" if line.strip() else line for line in lines[first:last]]
    return "".join(lines), left_out


def _overrides(work: _Work) -> None:
    """Entries that change a stage of the old preset change its counterpart, if it has one of its own."""
    for entry in work.document.get("stages", []):
        key = str(entry["key"])
        if key not in work.walk.stages:
            _follow(work, entry)
        elif work.walk.returns(key):
            entry["key"] = work.walk.only(key)


def _follow(work: _Work, entry: Any) -> None:
    """A stage of one's own stays, after what its predecessor has become."""
    key, before = str(entry["key"]), str(entry.get("after", ""))
    if key in work.walk.back:
        work.decide(f"stages.{key}", "was your own, and is now a stage of the preset: look at what differs", (key,))
    if before not in work.walk.stages:
        return
    after = work.walk.stages[before]
    if after:
        entry["after"] = after[-1]
    else:
        del entry["after"]
    if len(after) != 1:
        work.decide(f"stages.{key}", f'followed "{before}": say which stage it follows now', after)


def _own_list(work: _Work, parent: Any, key: str, place: str) -> None:
    """A list of stages goes through everything that its stages stand for."""
    new: dict[str, Any] = {}
    for entry in parent[key]:
        stage = str(entry["key"])
        for target in work.walk.stages.get(stage, (stage,)):
            new.setdefault(target, {"key": target})
            if stage not in work.walk.stages or work.walk.returns(stage):
                new[target] = {**entry.unwrap(), "key": target}
        if stage in work.walk.stages and not work.walk.returns(stage) and len(entry) > 1:
            work.decide(f"{place}.{stage}", "said more than its key, which is left out", work.walk.stages[stage])
    if not new:
        work.decide(place, "holds no stage that the new preset has, and is left out")
        del parent[key]
        return
    after = _comments_after(parent[key][-1])
    entries = tomlkit.aot()
    for stage in _in_order(new, work.walk):
        entries.append(_table(new[stage]))
    for comment in after:
        entries[-1].add(comment)
    parent[key] = entries


def _table(content: Mapping[str, Any]) -> Any:
    table = tomlkit.table()
    for name, value in content.items():
        table.add(name, toml_item(value))
    return table


def _comments_after(entry: Any) -> list[Any]:
    """Comments and blank lines that stand after the last key of an entry: they belong to what follows it."""
    found: list[Any] = []
    for name, item in entry.value.body:
        found = [*found, item] if name is None else []
    return found


def _in_order(stages: Iterable[str], walk: Crosswalk) -> list[str]:
    """The preset's stages in its order; others right after the one that they followed."""
    places = {stage: place for place, stage in enumerate(walk.back)}
    ranked, last = [], -1
    for turn, stage in enumerate(stages):
        last = places.get(stage, last)
        ranked.append((last, stage not in places, turn, stage))
    return [stage for *_, stage in sorted(ranked)]


def _new_order(work: _Work) -> tuple[str, ...]:
    """Every stage of the new process, in order."""
    from instep.mapping.facts import FactUses
    from instep.mapping.mistakes import Report
    from instep.mapping.process import read_process
    from instep.mapping.section import Section
    from instep.mapping.source import parse_source

    report = Report()
    source = parse_source(tomlkit.dumps(work.document), work.file, report)
    if source is None:
        return tuple(work.walk.back)
    return tuple(read_process(Section(source, report), FactUses()).process.order())


# --- moves -------------------------------------------------------------------------------------------------------


def _moves(work: _Work, order: tuple[str, ...]) -> dict[str, str]:
    """`[[moved]]` for every old stage that the new process lacks and that has one counterpart."""
    gone = [key for key in work.old.order() if key not in order]
    moved = {key: there for key in gone if (there := work.walk.only(key)) in order and there}
    undecided = {key: work.walk.stages.get(key, ()) for key in gone if key not in moved}
    entries = work.document.get("moved", tomlkit.aot())
    known = {*moved, *order}
    for entry in list(entries):
        if entry["from"] in order:
            entries.remove(entry)
        elif entry["to"] not in known and work.old.moved.get(str(entry["from"])) in undecided:
            entries.remove(entry)
            choices = undecided[work.old.moved[str(entry["from"])]]
            work.decide(f"moved.{entry['from']}", f'was renamed to "{entry["to"]}", which is gone', choices)
    for old, new in moved.items():
        entries.append(_table({"from": old, "to": new}))
    if len(entries):
        work.document["moved"] = entries
    elif "moved" in work.document:
        del work.document["moved"]
    _write_undecided(work, undecided)
    return moved


def _write_undecided(work: _Work, undecided: Mapping[str, tuple[str, ...]]) -> None:
    for old, choices in undecided.items():
        problem = "could be one of several stages" if choices else "has no counterpart"
        work.decide(f"stages.{old}", f"{problem}: say what becomes of journeys that stand there", choices)
    if not undecided:
        return
    lines = [*UNDECIDED]
    for old, choices in undecided.items():
        others = f"  # or {', '.join(choices[1:])}" if len(choices) > 1 else ""
        lines += ["", "[[moved]]", f'from = "{old}"', f'to = "{choices[0] if choices else "…"}"{others}']
    work.document.add(tomlkit.nl())
    for line in lines:
        work.document.add(tomlkit.comment(line) if line else tomlkit.nl())


# --- behaviours --------------------------------------------------------------------------------------------------


def _keep_behaviours(work: _Work, workspace: Workspace) -> None:
    """Behaviours that the files use and the new preset lacks stay, as the workspace's own."""
    brought = {behaviour.key for behaviour in read_preset(work.walk.target).read.process.behaviours}
    own = {str(entry["key"]): entry for entry in work.document.get("behaviours", [])}
    for behaviour in workspace.process.behaviours:
        if behaviour.key in brought or (behaviour.library and behaviour.key not in own):
            continue
        if behaviour.key in own:
            own[behaviour.key].update(_said(behaviour))
        elif behaviour.key in _used(work, workspace):
            if "behaviours" not in work.document:
                work.document["behaviours"] = tomlkit.aot()
            work.document["behaviours"].append(_table({"key": behaviour.key, **_said(behaviour)}))
            problem = "stays because your files name it, and proves no stage of the new process yet"
            work.decide(f"behaviours.{behaviour.key}", problem)


def _used(work: _Work, workspace: Workspace) -> set[str]:
    lists = [work.document.get("stages", [])]
    lists += [segment.get("stages", []) for segment in work.document.get("segments", [])]
    entered = {str(name) for entries in lists for entry in entries for name in _entered(entry)}
    told = {found.behaviour for mapping in workspace.mappings.values() for found in mapping.behaviours}
    return entered | told | set(workspace.scoring.points)


def _entered(entry: Any) -> list[str]:
    enter = entry.get("enter", {})
    return [*enter.get("any", []), *enter.get("all", [])]


def _said(behaviour: Behaviour) -> dict[str, Any]:
    """What a behaviour says beyond the defaults."""
    said: dict[str, Any] = {"label": behaviour.label, "weight": behaviour.weight}
    if behaviour.actor is not Actor.BUYER:
        said["actor"] = behaviour.actor.value
    if behaviour.buyer_counterpart:
        said["buyer_counterpart"] = behaviour.buyer_counterpart
    return said
