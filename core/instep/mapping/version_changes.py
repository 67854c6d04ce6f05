"""What one version of the process changes of the one before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from instep.model.entrywords import entry_words
from instep.model.process import Entry, Process, Stage


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing about a stage that is said differently."""

    stage: str
    what: str
    before: str | None
    after: str | None

    def as_json(self) -> dict[str, Any]:
        return {"stage": self.stage, "what": self.what, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class StageChange:
    """What changes in one list of stages: the common one (`segment` None) or a segment's own."""

    segment: str | None
    added: tuple[str, ...]
    removed: tuple[tuple[str, str | None], ...]
    """Each stage that is gone, with the stage that it became, or None."""
    order: tuple[str, ...]
    """The stages that stayed, in their new order; empty where that is the old one."""
    changed: tuple[Detail, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.order or self.changed)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a version changes of the one before it."""

    stages: tuple[StageChange, ...]
    behaviours_added: tuple[str, ...]
    behaviours_removed: tuple[str, ...]
    segments_added: tuple[str, ...]
    segments_removed: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        names = (self.behaviours_added, self.behaviours_removed, self.segments_added, self.segments_removed)
        return not (self.stages or any(names))

    def as_json(self) -> dict[str, Any]:
        return {
            "stages": [_stage_change_json(change) for change in self.stages],
            "behaviours_added": list(self.behaviours_added),
            "behaviours_removed": list(self.behaviours_removed),
            "segments_added": list(self.segments_added),
            "segments_removed": list(self.segments_removed),
        }


def changes_between(before: Process, after: Process) -> Changes:
    """What `after` changes of `before`, the common stages first, then segment by segment."""
    old, new = _segments(before), _segments(after)
    lists: list[str | None] = [None, *(key for key in new if key in old and _differ(before, after, key))]
    changes = [_stage_change(before, after, segment) for segment in lists]
    return Changes(
        tuple(change for change in changes if not change.is_empty),
        *_gained_and_lost([b.key for b in before.behaviours], [b.key for b in after.behaviours]),
        *_gained_and_lost(old, new),
    )


def _segments(process: Process) -> list[str]:
    return [segment.key for segment in process.segments]


def _differ(before: Process, after: Process, segment: str) -> bool:
    """Whether a segment's stages are its own in either version."""
    return any(process.stages_of(segment) != process.stages for process in (before, after))


def _gained_and_lost(old: Iterable[str], new: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = list(old), list(new)
    return tuple(key for key in after if key not in before), tuple(key for key in before if key not in after)


def _stage_change(before: Process, after: Process, segment: str | None) -> StageChange:
    old = {stage.key: stage for stage in before.stages_of(segment)}
    new = {stage.key: stage for stage in after.stages_of(segment)}
    added, removed = _gained_and_lost(old, new)
    stayed = [key for key in new if key in old]
    return StageChange(
        segment=segment,
        added=added,
        removed=tuple((key, _successor(after, key)) for key in removed),
        order=tuple(stayed) if stayed != [key for key in old if key in new] else (),
        changed=tuple(detail for key in stayed for detail in _details(old[key], new[key])),
    )


def _successor(after: Process, key: str) -> str | None:
    found = after.current_key(key)
    return found if found != key else None


_SAID = ("label", "half", "role", "enter", "expected_days", "win_probability", "latent")


def _details(old: Stage, new: Stage) -> list[Detail]:
    said = [(what, getattr(old, what), getattr(new, what)) for what in _SAID]
    return [Detail(new.key, what, _shown(was), _shown(now)) for what, was, now in said if was != now]


def _shown(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case Entry():
            return entry_words(value) or None
    return str(value)


def _stage_change_json(change: StageChange) -> dict[str, Any]:
    return {
        "segment": change.segment,
        "added": list(change.added),
        "removed": [{"stage": stage, "became": successor} for stage, successor in change.removed],
        "order": list(change.order),
        "changed": [detail.as_json() for detail in change.changed],
    }
