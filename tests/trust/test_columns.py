"""Columns that were built once say what the rows say, after whatever runs and erases wrote since."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from instep.model.entities import Kind
from instep.store import Store
from instep.store.segments import Projection, Segments, columns_path
from instep.sync.projections import acts, claims, entities, journeys, records

from .journeys import Journey
from .rehearsal import LATER, Rehearsal
from .test_erase import ERASE, LAST, erased, in_step, much_happens, story_of


def projections_of(story: Rehearsal) -> list[Projection]:
    """Everything of which columns are kept, for these systems."""
    mapped = [(c, o, m) for c, mapping in story.workspace.mappings.items() for o, m in mapping.objects.items()]
    return [
        *(entities(kind, ("email", "title", "phone", "amount", "name")) for kind in Kind),
        *(records(c, o, sorted({f.field for f in m.fields})) for c, o, m in mapped),
        acts([(c, o) for c, o, m in mapped if m.kind is Kind.OPPORTUNITY]),
        journeys(),
        claims(),
    ]


def differing(story: Rehearsal) -> list[str]:
    wanted = projections_of(story)
    with Store(story.root / ".instep" / "state.db") as store, Segments(store) as columns:
        columns.refresh(wanted)
        return [
            p.name for p in wanted if said(columns, p).sort(pl.all()).rows() != p.rows(store).sort(pl.all()).rows()
        ]


def said(columns: Segments, projection: Projection) -> pl.DataFrame:
    return pl.concat([columns.read(projection, part) for part in range(columns.partitions)])


@pytest.mark.parametrize("systems", ["memory", "hubspot", "salesforce", "files", "mixed"])
def test_columns_say_what_the_rows_say_whatever_runs_wrote(
    memory: Path, systems: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instep.store.segments.OVERLAID", 100.0)
    with story_of(systems, memory, ERASE, Journey(in_step, much_happens)) as story:
        story.put_back()
        assert differing(story) == []
        path = columns_path(story.root / ".instep" / "state.db")
        first = path.read_bytes()
        for step in range(2):
            story.run()
            assert differing(story) == []
            story.wait(LATER)
            story.places[-1].edit("person", LAST, first_name=f"Zoëtrope {step}")
        assert path.read_bytes() == first
        erased(story)
        assert not path.exists()
        assert differing(story) == []
