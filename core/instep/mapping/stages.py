"""`[[stages]]` of the process, its segments' variants included."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from instep.mapping.mistakes import suggestion
from instep.mapping.section import Section, titled
from instep.model.process import Actor, Behaviour, Entry, Half, Role, Stage

LONGEST_DAYS = 36_500
"""Nobody stays at a stage for more than a hundred years."""
MOST_TIMES = 1_000


@dataclass(frozen=True, slots=True)
class StageList:
    """Stages in order; where each, and its `enter`, is written; and after which each wants to stand."""

    stages: tuple[Stage, ...] = ()
    sections: Mapping[str, Section] = field(default_factory=dict)
    entries: Mapping[str, tuple[Section, ...]] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)

    def by_key(self) -> dict[str, Stage]:
        return {stage.key: stage for stage in self.stages}

    def check_entries(self, behaviours: Mapping[str, Behaviour]) -> None:
        """Report entries that name a behaviour which nobody defined, or which the seller does."""
        for way in (way for ways in self.entries.values() for way in ways):
            for word in ("any", "all"):
                for place, name in enumerate(way.words(word) or ()):
                    _check_entry(way, word, place, name, behaviours)


def read_stages(tables: list[Section], base: StageList, *, needs_label: bool = False) -> StageList:
    """Stages in file order. One whose key `base` has changes only what it says."""
    known = base.by_key()
    stages: dict[str, Stage] = {}
    sections: dict[str, Section] = {}
    entries: dict[str, tuple[Section, ...]] = {}
    after: dict[str, str] = {}
    for table in tables:
        key = table.required_text("key")
        before = known.get(key or "")
        if needs_label and key and before is None and not table.has("label"):
            problem = f'is a stage of its own ("{key}"), and has no label'
            table.mistake("MISSING_KEY", problem, suggestion(key, known, 'Add label = "…".'))
        stage = _stage(table, key or "", before)
        previous = table.text("after")
        table.finish()
        if key in stages:
            table.mistake("TWICE", f'defines "{key}" a second time', "Give each stage a key of its own.", "key")
        elif key:
            stages[key], sections[key] = stage, table
            if ways := _ways(table) or base.entries.get(key, ()):
                entries[key] = ways
            if previous:
                after[key] = previous
    return StageList(tuple(stages.values()), sections, entries, after)


def merged_stages(base: StageList, own: StageList) -> StageList:
    """The base's stages in order, changed as `own` says. `after` places a stage; new ones without it come last."""
    changed = own.by_key()
    staying = [stage.key for stage in base.stages if stage.key not in own.after]
    stages = [changed.pop(stage.key, stage) for stage in base.stages if stage.key in staying]
    for key, stage in changed.items():
        keys = [placed.key for placed in stages]
        previous = own.after.get(key)
        if previous is not None and previous not in keys:
            own.sections[key].unknown("stage", previous, keys, "after")
        stages.insert(keys.index(previous) + 1 if previous in keys else len(keys), stage)
    return StageList(tuple(stages), {**base.sections, **own.sections}, {**base.entries, **own.entries})


def _stage(table: Section, key: str, before: Stage | None) -> Stage:
    before = before or Stage(key, titled(key))
    return Stage(
        key=key,
        label=table.text("label", before.label) or before.label,
        half=table.one_of("half", Half) or before.half,
        role=table.one_of("role", Role) or before.role,
        enter=_entry(table) or before.enter,
        expected_days=_expected_days(table, before.expected_days),
        win_probability=_probability(table, before.win_probability),
        latent=table.flag("latent", before.latent),
        aliases=_aliases(table, before.aliases),
    )


def _aliases(table: Section, before: tuple[str, ...]) -> tuple[str, ...]:
    words = table.words("aliases")
    return before if words is None else tuple(dict.fromkeys(words))


def _ways(table: Section) -> tuple[Section, ...]:
    """The ways into a stage: `enter = { … }` is one, `enter = [{ … }, { … }]` are several."""
    if isinstance(table.data.get("enter"), list):
        return tuple(table.tables("enter"))
    way = table.table("enter")
    return () if way is None else (way,)


def _entry(table: Section) -> Entry | None:
    ways = [_way(section) for section in _ways(table)]
    return dataclasses.replace(ways[0], otherwise=tuple(ways[1:])) if ways else None


def _way(section: Section) -> Entry:
    way = Entry(
        frozenset(section.words("any") or ()),
        frozenset(section.words("all") or ()),
        section.whole("times", 1) or 0,
        section.span_or_none("within"),
    )
    if not 1 <= way.times <= MOST_TIMES:
        section.mistake("OUT_OF_RANGE", f"is {way.times}", f"Write a whole number from 1 to {MOST_TIMES}.", "times")
    if way.times > 1 and not way.any:
        problem = "counts nothing: it says how often one of the acts under any is needed"
        section.mistake("MISSING_KEY", problem, "Add any = [ … ], or remove it.", "times")
    section.finish()
    return way


def _expected_days(table: Section, before: int | None) -> int | None:
    days = table.whole("expected_days", before)
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        table.mistake(
            "OUT_OF_RANGE", f"is {days}", f"Write a whole number of days from 1 to {LONGEST_DAYS}.", "expected_days"
        )
    return days


def _probability(table: Section, before: float | None) -> float | None:
    found = table.number("win_probability", before)
    if found is not None and not 0 <= found <= 1:
        table.mistake("OUT_OF_RANGE", f"is {found:g}", "Write a number from 0 to 1.", "win_probability")
    return found


def _check_entry(table: Section, word: str, place: int, name: str, behaviours: Mapping[str, Behaviour]) -> None:
    behaviour = behaviours.get(name)
    if behaviour is None:
        problem = f'names "{name}", which no behaviour has'
        otherwise = f'Add [[behaviours]] with key = "{name}".'
        table.mistake("UNKNOWN_BEHAVIOUR", problem, suggestion(name, behaviours, otherwise), word, place)
    elif behaviour.actor is not Actor.BUYER:
        instead = behaviour.buyer_counterpart
        remedy = f'Use "{instead}", which the buyer does.' if instead else "Name what the buyer does instead."
        problem = f'names "{name}", which the {behaviour.actor} does: only a buyer\'s act may enter a stage'
        table.mistake("SELLER_ENTRY", problem, remedy, word, place)
