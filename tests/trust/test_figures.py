"""What is published of stops is measured here at a tiny size, where only counts mean anything."""

from __future__ import annotations

import pytest
from bench import crashes


@pytest.mark.ci
def test_stops_the_journal_and_faults_are_measured() -> None:
    rows = {row.what: row for row in crashes.measure(points=1, written=3, records=60)}
    assert [what.split(":")[0] for what in rows] == ["stops"] * 6 + ["journal"] * 4 + ["faults"] * 2
    assert (rows["faults: calls"].ratio or 0) > 1
