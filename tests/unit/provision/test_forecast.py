"""What a plan says is what an apply does: forecast it, compare again, and nothing is left."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from instep.contract import Pipeline, StageLimits, SystemStage
from instep.model.configuration import WantedList, WantedStage
from instep.model.process import Outcome
from instep.provision.diff import Wanted, compare
from instep.provision.found import Found
from instep.provision.plan import system_plan
from instep.provision.validators import disagreements, labels
from instep.provision.validators.view import View

from .pure import OPTIONS, OWN, SHARED, after_apply, ending, pipeline, process, stage, wanted, wanted_list, with_ids

TENTHS = replace(OWN, probability_step=0.1, lowest_open=0.1, highest_open=0.9)
KINDS = {
    "own": TENTHS,
    "shared": SHARED,
    "options": OPTIONS,
    "own without outcomes": replace(OWN, has_outcomes=False),
}
WORDS = [f"Word {letter}" for letter in "ABCDEFGHIJKL"]
SHARES = (None, 0.1, 0.25, 0.6, 0.94)
FEW, MANY = range(30), range(1000, 1300)
SEEDS = [FEW, pytest.param(MANY, marks=pytest.mark.ci)]


@dataclass
class Files:
    """What somebody wrote: the words of stages, and which of them each pipeline lists."""

    words: dict[str, str]
    shares: dict[str, float | None]
    tables: list[list[str]]
    retire: list[dict[str, str]]
    moved: dict[str, str] = field(default_factory=dict)
    together: set[str] = field(default_factory=set)
    """Keys that are written like the one before them."""
    twice: set[str] = field(default_factory=set)
    """Keys with a second spelling."""


def drawn(chance: random.Random) -> Files:
    keys = [f"k{number}" for number in range(chance.randint(2, 6))]
    tables = [sorted(chance.sample(keys, chance.randint(1, len(keys)))) for _ in range(chance.randint(1, 3))]
    words = dict(zip(keys, chance.sample(WORDS, len(keys)), strict=True))
    return Files(words, {key: chance.choice(SHARES) for key in keys}, tables, [{} for _ in tables])


def lists(files: Files, limits: StageLimits) -> Iterator[WantedList]:
    for number, keys in enumerate(files.tables if limits is not OPTIONS else files.tables[:1]):
        ends = [ending(Outcome.WON, "Won"), ending(Outcome.LOST, "Lost")] if limits.has_outcomes else []
        name = None if limits is OPTIONS else f"Line {number}"
        retire = files.retire[number]
        yield wanted_list([*stages(files, keys), *ends], name, retire=retire, name=f"line-{number}")


def stages(files: Files, keys: list[str]) -> Iterator[WantedStage]:
    """As files spell them: keys that share a value are one stage, and one with two spellings is two."""
    groups: list[list[str]] = []
    for key in keys:
        if key in files.together and groups:
            groups[-1].append(key)
        else:
            groups.append([key])
    for group in groups:
        one = stage(" ".join(group), files.words[group[0]], files.shares[group[0]])
        yield one
        if group[0] in files.twice:
            yield replace(one, spelled=f"{one.spelled} too", place=1)


def strangers(chance: random.Random, limits: StageLimits, files: Files) -> Found:
    """A system in which people worked before: some of it is called as the files say."""
    there = [
        SystemStage(f"s{place}" if not limits.ids_are_labels else word, word, place, probability=0.3)
        for place, word in enumerate(chance.sample([*files.words.values(), "Theirs", "Won"], chance.randint(1, 3)))
    ]
    if limits is OPTIONS:
        return Found({("deals", "stage"): limits}, (pipeline(there, "stage", "Stage"),))
    if limits.shared_list is None:
        own = (pipeline(there, "p-old", "Line 0"),) if chance.random() < 0.5 else ()
        return Found({("deals", "stage"): limits}, own)
    shared = pipeline(there, "stage", "Stage")
    offers = (pipeline(there[:1], "p-old", "Line 0", "stage"),) if chance.random() < 0.5 else ()
    return Found({("deals", "stage"): limits}, (shared, *offers))


# --- what people do then -------------------------------------------------------------------------------------------


def rewritten(files: Files, chance: random.Random) -> None:
    """Somebody edits the files."""
    deed = chance.choice(("rename", "swap", "reweigh", "drop", "insert", "merge", "split", "move", "spell"))
    keys = list(files.words)
    key = chance.choice(keys)
    if deed == "rename":
        files.words[key] = f"Renamed {chance.randint(0, 99)}"
    elif deed == "swap" and len(keys) > 1:
        other = chance.choice([one for one in keys if one != key])
        files.words[key], files.words[other] = files.words[other], files.words[key]
    elif deed == "reweigh":
        files.shares[key] = chance.choice(SHARES)
    elif deed == "drop":
        number = chance.randrange(len(files.tables))
        if key in files.tables[number][1:]:
            files.tables[number].remove(key)
            files.retire[number] = {key: files.tables[number][0]}
    elif deed == "insert":
        new = f"k{chance.randint(0, 6)}-{chance.randint(0, 99)}"
        files.words.setdefault(new, f"Word of {new}")
        files.shares.setdefault(new, 0.5)
        for table, retire in zip(files.tables, files.retire, strict=True):
            table[:] = sorted({*table, new})
            retire.pop(new, None)
    elif deed == "merge":
        files.together.add(key)
    elif deed == "split":
        files.together.discard(key)
    elif deed == "spell":
        files.twice ^= {key}
    elif deed == "move":
        moved_key(files, key, f"{key}x")


def moved_key(files: Files, key: str, new: str) -> None:
    """A key gets another name, in the process and everywhere."""
    for names in (files.words, files.shares):
        if key in names:
            names[new] = names.pop(key)  # type: ignore[assignment]
    files.tables = [sorted(new if one == key else one for one in table) for table in files.tables]
    files.retire = [{} for _ in files.tables]
    files.together = {new if one == key else one for one in files.together}
    files.twice = {new if one == key else one for one in files.twice}
    files.moved[key] = new


def meddled(now: Found, chance: random.Random) -> Found:
    """Somebody works in the system."""
    theirs = [one for one in now.pipelines if one.stages and one.offers_from is None]
    if not theirs:
        return now
    one = chance.choice(theirs)
    place = chance.randrange(len(one.stages))
    stages = list(one.stages)
    deed = chance.choice(("rename", "shuffle", "add", "remove", "relabel", "vanish"))
    if deed == "rename":
        stages[place] = replace(stages[place], label=f"Their word {chance.randint(0, 999)}")
    elif deed == "shuffle":
        active = [s for s in stages if s.active]
        chance.shuffle(active)
        stages = [*active, *(s for s in stages if not s.active)]
    elif deed == "add":
        new = f"Theirs {chance.randint(0, 999)}"
        stages.insert(place, SystemStage(new, new, 0, probability=0.5))
    elif deed == "remove" and len(stages) > 1:
        del stages[place]
    elif deed == "vanish" and one.id != "stage":
        return replace(now, pipelines=tuple(p for p in now.pipelines if p.id != one.id))
    label = f"Their line {chance.randint(0, 999)}" if deed == "relabel" and one.id != "stage" else one.label
    now = now.replace(replace(one, stages=tuple(stages), label=label))
    return replace(now, pipelines=tuple(as_offered(now, p) for p in now.pipelines))


def as_offered(now: Found, one: Pipeline) -> Pipeline:
    """A pipeline shows the stages of its list as they are there now."""
    source = now.pipeline("deals", one.offers_from) if one.offers_from else None
    if source is None:
        return one
    ids = {stage.id for stage in one.stages}
    return replace(one, stages=tuple(stage for stage in source.stages if stage.id in ids))


def with_records(of: Wanted, now: Found, chance: random.Random) -> Found:
    """Records in stages that are to be retired."""
    places = compare(of, now).holding()
    held = {place: ("r1", "r2")[: chance.randint(0, 2)] for place in places if place[1] is not None}
    shared = {
        place: tuple({id for other, ids in held.items() if other[2] == place[2] for id in ids})
        for place in places
        if place[1] is None
    }
    return replace(now, holders={**held, **shared})


# --- what holds then -----------------------------------------------------------------------------------------------


def is_wrong(of: Wanted, now: Found) -> bool:
    """Whether the plan is called wrong as it is: it would not be done."""
    view = View(cast("Any", None), cast("Any", None), system_plan(of, now))
    return any(True for check in (labels.check, disagreements.check) for _ in check(view))


def settles(of: Wanted, now: Found) -> tuple[Wanted, Found]:
    """A plan, done step by step, does what it said, and leaves nothing to do."""
    planned = system_plan(of, now)
    of, now, done = after_apply(of, now)
    assert [step.identity for step in done] == [step.identity for step in planned.steps]
    left = system_plan(of, now)
    assert left.steps == (), [step.target for step in left.steps]
    assert (left.adopted, left.unlisted) == ([], [])
    for one in compare(of, now).lists:
        ours = [bound.stage.id for bound in one.stages if bound.stage is not None]
        assert len(ours) == len(set(ours)) == len(one.stages)
    return of, now


def history(seed: int, kind: str) -> int:
    """Years of one system; gives how many plans had something to do."""
    chance, limits = random.Random(seed), KINDS[kind]
    files = drawn(chance)
    now, known, busy = strangers(chance, limits, files), {}, 0  # type: ignore[var-annotated]
    for _ in range(6):
        of = wanted(list(lists(files, limits)), process(*sorted(files.words), moved=files.moved), known)
        if is_wrong(of, now):
            return busy
        now = with_records(of, now, chance)
        busy += bool(system_plan(of, now).steps)
        of, now = settles(of, now)
        known = dict(of.configuration.ids)
        for _ in range(chance.randint(0, 2)):
            rewritten(files, chance)
        now = meddled(now, chance) if chance.random() < 0.6 else now
    return busy


@pytest.mark.parametrize("seeds", SEEDS, ids=["few", "many"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_that_is_done_leaves_nothing_to_do(kind: str, seeds: range) -> None:
    busy = 0
    for seed in seeds:
        try:
            busy += history(seed, kind)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    assert busy > len(seeds)


@pytest.mark.parametrize("seeds", SEEDS, ids=["few", "many"])
def test_where_the_file_of_ids_is_lost_everything_is_found_again_by_name(seeds: range) -> None:
    for seed in seeds:
        chance = random.Random(seed)
        files = drawn(chance)
        for limits in (TENTHS, SHARED):
            of = wanted(list(lists(files, limits)), process(*sorted(files.words)))
            of, now = settles(of, strangers(chance, limits, files))
            again = system_plan(with_ids(of, {}), now)
            assert again.steps == (), f"seed {seed}: {[step.target for step in again.steps]}"
            assert again.ids.keys() == of.configuration.ids.keys()
