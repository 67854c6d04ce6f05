"""Writing tables for spreadsheets: RFC 4180, and no cell that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from instep.model.values import plain

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?\d+([.,]\d+)*|\+\d[\d ()./-]*")
"""A number, or a telephone number: begins like a formula, and is none."""


def csv_text(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV that a spreadsheet may open: whatever a system sent is text there, and nothing else."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(headers)
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def cell(value: object) -> str:
    """One cell, with control characters made visible; an apostrophe keeps a formula from being one."""
    text = "" if value is None else str(value)
    is_formula = text.startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{plain(text)}" if is_formula else plain(text)
