"""The ways into a stage, for sentences that name them."""

from __future__ import annotations

from datetime import timedelta

from instep.model.process import Entry


def entry_words(entry: Entry) -> str:
    """Every way into a stage: "any of a, b; or 3 of c within 14 days"; blank where there is none."""
    return "; or ".join(words for way in entry.ways for words in _way_words(way))


def _way_words(way: Entry) -> list[str]:
    within = f" within {span_words(way.within)}" if way.within is not None else ""
    often = str(way.times) if way.times > 1 else "any"
    groups = ((often, way.any), ("all", way.all))
    return [f"{word} of {', '.join(sorted(names))}{within}" for word, names in groups if names]


def span_words(span: timedelta) -> str:
    """A span in its largest whole unit: "14 days", "36 hours"."""
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}{'' if seconds == size else 's'}"
    return f"{seconds} seconds"
