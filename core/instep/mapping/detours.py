"""`[[detours]]` of the process: where a journey may wait beside the path, without having ended."""

from __future__ import annotations

from collections.abc import Collection

from instep.mapping.section import Section, titled
from instep.model.process import Detour, Role


def read_detours(tables: list[Section], stages: Collection[str]) -> tuple[Detour, ...]:
    """Detours in the order of the file. None may be called like a stage: people name both in one place."""
    found: dict[str, Detour] = {}
    for table in tables:
        key = table.required_text("key")
        detour = _detour(table, key or "")
        table.finish()
        if key in found:
            table.mistake("TWICE", f'defines "{key}" a second time', "Give each detour a key of its own.", "key")
        elif key in stages:
            table.mistake("TWICE", f'is "{key}", like a stage', "Give the detour a key of its own.", "key")
        elif key:
            found[key] = detour
    return tuple(found.values())


def _detour(table: Section, key: str) -> Detour:
    ends = table.choice("ends", ("act", "by-hand"), "act")
    return Detour(
        key=key,
        label=table.text("label", titled(key)) or titled(key),
        role=table.one_of("role", Role),
        after=table.span_or_none("after"),
        ends_by_hand=ends == "by-hand",
    )
