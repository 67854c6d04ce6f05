"""Writing tables as Bulk API 2.0 does: every value in quotes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from instep_salesforce.sandbox.jobs import DELIMITERS, LINE_ENDINGS, Job
from instep_salesforce.sandbox.schema import Field


def table(job: Job, header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A header and rows, in the job's dialect."""
    text = io.StringIO()
    writer = csv.writer(
        text, delimiter=DELIMITERS[job.delimiter], lineterminator=LINE_ENDINGS[job.line_ending], quoting=csv.QUOTE_ALL
    )
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def cell_of(item: Field) -> Callable[[object], object]:
    """How the values of a field are written; null is an empty cell."""
    if item.type == "boolean":
        return lambda value: "true" if value else "false"
    if item.type == "datetime":
        return lambda value: "" if value is None else f"{str(value)[:-5]}Z"
    return lambda value: "" if value is None else value
