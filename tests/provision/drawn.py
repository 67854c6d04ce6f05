"""Random configurations that both systems can hold, and random changes of them, by people and in files."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

from .systems import Files, Listed, Systems, Table

WORDS = (
    "Short list",
    "Demo",
    "Пилот",
    'A "quoted" step',
    "Evaluation & proof",
    "1. Contract",
    "Späte Phase",
    "Ask",
    "Trial",
    "x" * 30,
)
"""Labels of many kinds; each key has one of its own, so that a shared list has each once."""
SHARES = (None, 0.1, 0.2, 0.3, 0.5, 0.5, 0.7, 0.9)


def drawn(chance: random.Random) -> Files:
    """A process of a few stages, and one to three pipelines that list some of them."""
    keys = [f"step-{number}" for number in range(chance.randint(2, 6))]
    words = dict(zip(keys, chance.sample(WORDS, len(keys)), strict=True))
    shares = dict.fromkeys(keys)
    rising = sorted(chance.choice(SHARES[1:]) or 0.1 for _ in keys)
    for key, share in zip(keys, rising, strict=True):
        shares[key] = share if chance.random() < 0.8 else None  # type: ignore[assignment]
    tables = {name: _tables(chance, keys, words, shares) for name in ("hubspot", "salesforce")}
    return Files(keys, tables)


def _tables(
    chance: random.Random, keys: list[str], words: dict[str, str], shares: dict[str, float | None]
) -> list[Table]:
    tables = []
    for number in range(chance.randint(1, 3)):
        chosen = sorted(chance.sample(keys, chance.randint(1, len(keys))), key=keys.index)
        listed = [Listed(key, words[key], shares[key]) for key in chosen]
        ends = {"won": "Order won", "lost": "Order lost"}
        if chance.random() < 0.5:
            ends["no_decision"] = "No decision"
        tables.append(Table(f"line-{number}", f"Line {number} {chance.choice('abc')}", listed, ends))
    return tables


def changed(files: Files, chance: random.Random) -> Files:
    """The same files after somebody worked on them for a while."""
    files = copy.deepcopy(files)
    for _ in range(chance.randint(1, 4)):
        chance.choice((_rename, _reweigh, _insert, _drop, _relabel, _swap))(files, chance)
    for table in _every(files):
        table.retire = {key: to for key in table.retire if (to := _shown(files, table, key)) is not None}
    return files


def _shown(files: Files, table: Table, key: str) -> str | None:
    """As what a stage is shown that a table lists no more."""
    listed = [stage.key for stage in table.stages]
    earlier = [other for other in files.process[: files.process.index(key)] if other in listed]
    return earlier[-1] if earlier and key not in listed else None


def _every(files: Files) -> list[Table]:
    return [table for tables in files.tables.values() for table in tables]


def _rename(files: Files, chance: random.Random) -> None:
    key, word = chance.choice(files.process), f"Renamed {chance.randint(0, 99)}"
    for table in _every(files):
        for stage in table.stages:
            stage.word = word if stage.key == key else stage.word


def _swap(files: Files, chance: random.Random) -> None:
    """Two stages take each other's labels, wherever either is listed."""
    if len(files.process) < 2:
        return
    one, other = chance.sample(files.process, 2)
    words = {stage.key: stage.word for table in _every(files) for stage in table.stages}
    if one in words and other in words:
        for table in _every(files):
            for stage in table.stages:
                if stage.key in (one, other):
                    stage.word = words[other if stage.key == one else one]


def _reweigh(files: Files, chance: random.Random) -> None:
    key, share = chance.choice(files.process), chance.choice((0.1, 0.4, 0.6, 0.9))
    for table in _every(files):
        for stage in table.stages:
            stage.probability = share if stage.key == key else stage.probability


def _insert(files: Files, chance: random.Random) -> None:
    key, place = f"new-{chance.randint(0, 999)}", chance.randint(0, len(files.process))
    if key in files.process:
        return
    files.process.insert(place, key)
    for table in _every(files):
        if chance.random() < 0.7:
            before = sum(files.process.index(stage.key) < place for stage in table.stages)
            table.stages.insert(before, Listed(key, f"Word of {key}", 0.5))


def _drop(files: Files, chance: random.Random) -> None:
    """A table lists a stage no more; what its records go to is the stage that is shown instead."""
    table = chance.choice(_every(files))
    if len(table.stages) < 2:
        return
    place = chance.randrange(1, len(table.stages))
    gone = table.stages.pop(place)
    table.retire[gone.key] = ""


def _relabel(files: Files, chance: random.Random) -> None:
    table = chance.choice(_every(files))
    table.label = f"{table.label} {chance.randint(0, 9)}"


# --- what people do ----------------------------------------------------------------------------------------------


def planted(systems: Systems, files: Files, chance: random.Random) -> tuple[str, str]:
    """One change by an admin in one system; gives the system, and what they did."""
    name = chance.choice(sorted(systems.boxes))
    deeds: dict[str, Callable[..., str]] = {"hubspot": _in_hubspot, "salesforce": _in_salesforce}
    said = {stage.key for table in files.tables[name] for stage in table.stages if stage.probability is not None}
    return name, deeds[name](systems, chance, said)


def _ours(systems: Systems, name: str, chance: random.Random) -> tuple[str, dict[str, str]]:
    """One of our pipelines, and the ids of its open stages, each with its key."""
    files = systems.ids(name)
    known = chance.choice([ids for path, ids in sorted(files.items()) if ids.pipeline])
    return str(known.pipeline), {ids[0]: key.name for key, ids in known.stages.items() if key.group == "values"}


def _in_hubspot(systems: Systems, chance: random.Random, said: set[str]) -> str:
    world = systems.boxes["hubspot"].world
    pipeline, keys = _ours(systems, "hubspot", chance)
    stages = list(keys)
    stage = chance.choice(stages)
    there = [one.id for one in world.stages("deals", pipeline) if one.id in stages]
    deeds = ("rename", "rename-pipeline", "add", "remove", "move", *(["reweigh"] * (keys[stage] in said)))
    deed = chance.choice(deeds)
    if deed == "rename":
        world.rename_stage("deals", pipeline, stage, "Somebody's own word")
    elif deed == "reweigh":
        now = next(one for one in world.stages("deals", pipeline) if one.id == stage)
        world.describe_stage("deals", pipeline, stage, probability=0.8 if now.probability != 0.8 else 0.7)
    elif deed == "rename-pipeline":
        world.rename_pipeline("deals", pipeline, f"Somebody's own pipeline {chance.randint(0, 9999)}")
    elif deed == "add":
        world.add_stage("deals", pipeline, f"Somebody's own stage {chance.randint(0, 9999)}", probability=0.5)
    elif deed == "remove" or len(there) < 2:
        world.remove_stage("deals", pipeline, stage)
        deed = "remove"
    else:
        places = [one.id for one in world.stages("deals", pipeline)]
        world.move_stage("deals", pipeline, there[0], places.index(there[-1]))
    return deed


def _in_salesforce(systems: Systems, chance: random.Random, said: set[str]) -> str:
    world = systems.boxes["salesforce"].world
    _, keys = _ours(systems, "salesforce", chance)
    stage = chance.choice(list(keys))
    deed = chance.choice(("rename", "reweigh")) if keys[stage] in said else "rename"
    if deed == "rename":
        world.rename_stage(stage, "Somebody's own word")
    else:
        world.change_stage(stage, probability=88)
    return deed
