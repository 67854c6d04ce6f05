"""Printing: results on stdout, talk on stderr. What a vendor sent is shown, never obeyed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import click

from instep.model.values import plain


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as aligned plain text, with every control character made visible."""
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(headers), *cells]) for i in range(len(headers))]
    lines = [headers, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def talk(text: str) -> None:
    """Say something to whoever watches; not part of the result."""
    click.echo(text, err=True)


class Progress:
    """What a run is doing: one live line on a terminal, a line per step elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._began = time.monotonic()
        self._width = 0

    def __call__(self, step: str, done: int | None = None, of: int | None = None) -> None:
        if self._quiet:
            return
        text = step + self._counts(done, of)
        if self._live:
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)
        elif done is None or done == of:
            talk(text)

    def end(self) -> None:
        """Leave the line clean for the result."""
        if self._live and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")

    def _counts(self, done: int | None, of: int | None) -> str:
        if done is None:
            return " …"
        if not of:
            return f" {done:,} …"
        spent = time.monotonic() - self._began
        left = f", {spent / done * (of - done):.0f} s left" if done and done < of else ""
        return f" {done:,} of {of:,}{left}"


def notes(found: Sequence[dict[str, Any]]) -> str:
    """What people should know: cause, how often, what to do."""
    lines = []
    for note in found:
        where = f"{note['connection']}: " if note["connection"] else ""
        times = f" ({note['count']:,} times)" if note["count"] > 1 else ""
        lines.append(plain(f"! {where}{note['text']}{times}"))
        such_as = f" Such as: {', '.join(note['examples'])}." if note["examples"] else ""
        lines.append(plain(f"    {note['remedy']}{such_as}"))
    return "\n".join(lines)
