"""`[[behaviours]]` of the process: what someone can do, and who does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from instep.mapping.section import Section, titled
from instep.model.process import Actor, Behaviour

Found = Mapping[str, tuple[Behaviour, Section]]


HEAVIEST = 1_000


def read_behaviours(tables: list[Section], base: Found) -> dict[str, tuple[Behaviour, Section]]:
    """Behaviours by key, each with its place. One whose key `base` has changes only what it says."""
    found: dict[str, tuple[Behaviour, Section]] = {}
    for table in tables:
        key = table.required_text("key")
        before = base[key][0] if key and key in base else None
        behaviour = _behaviour(table, key or "", before)
        table.finish()
        if key in found:
            table.mistake("TWICE", f'defines "{key}" a second time', "Give each behaviour a key of its own.", "key")
        elif key:
            found[key] = behaviour, table
    _check_counterparts({**base, **found})
    return found


def _behaviour(table: Section, key: str, before: Behaviour | None) -> Behaviour:
    before = before or Behaviour(key, titled(key))
    return Behaviour(
        key=key,
        label=table.text("label", before.label) or before.label,
        actor=table.one_of("actor", Actor) or before.actor,
        weight=_weight(table, before.weight),
        buyer_counterpart=table.text("buyer_counterpart", before.buyer_counterpart),
        same_within=_same_within(table, before.same_within),
        library=before.library,
    )


def _same_within(table: Section, before: timedelta) -> timedelta:
    """Within what time two systems tell of one act; `false` where they never do."""
    if table.data.get("same_within") is False:
        table.flag("same_within", False)
        return timedelta(0)
    return timedelta(seconds=table.span("same_within", "s", int(before.total_seconds())))


def _weight(table: Section, before: int) -> int:
    found = table.whole("weight", before)
    if found is not None and 0 <= found <= HEAVIEST:
        return found
    table.mistake("OUT_OF_RANGE", f"is {found}", f"Write a whole number from 0 to {HEAVIEST}.", "weight")
    return before


def _check_counterparts(found: Found) -> None:
    """A counterpart may be described here or not at all, but what is described must be a buyer's act."""
    for behaviour, table in found.values():
        other = found.get(behaviour.buyer_counterpart or "")
        if other and other[0].actor is not Actor.BUYER:
            problem = f'names "{behaviour.buyer_counterpart}", which a {other[0].actor} does'
            table.mistake("NOT_A_BUYER_ACT", problem, "Name what the buyer does instead.", "buyer_counterpart")
