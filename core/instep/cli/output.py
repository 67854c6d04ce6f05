"""Printing: results on stdout, talk on stderr. What a vendor sent is shown, never obeyed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from instep.model.values import Scalar, display, plain

if TYPE_CHECKING:
    from instep.errors import InstepError
    from instep.mapping.mistakes import Mistake


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as aligned plain text, with every control character made visible."""
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(headers), *cells]) for i in range(len(headers))]
    lines = [headers, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def brief(text: str, most: int = 200) -> str:
    """A text that may be as long as a book, cut; says how long it is."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def shown(value: Scalar) -> str:
    """A value as people read it, cut where it is as long as a book."""
    return brief(display(value))


def inert(document: str) -> str:
    """The same JSON document with whatever a terminal might obey, or cannot print, spelled as an escape."""
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in document)


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def print_json(kind: str, content: Mapping[str, Any]) -> None:
    """One JSON document of a kind on stdout: on one line, unless somebody looks at it."""
    import json

    from instep import outputs

    indent = 2 if sys.stdout.isatty() else None
    click.echo(inert(json.dumps(outputs.document(kind, content), indent=indent, ensure_ascii=False)))


def moment(at: str) -> str:
    """An instant for people: to the second, in UTC."""
    from datetime import UTC, datetime

    return datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def talk(text: str) -> None:
    """Say something to whoever watches; not part of the result."""
    click.echo(text, err=True)


CODES_HINT = "What a code means: instep help CODE"
"""What is said once at the end of an output that has codes."""


def code_shown(code: str) -> str:
    """The code that has a page: the given one, or for a system's own the class of refusals that it falls into."""
    from instep.codes import every_code

    return code if code in every_code() else class_of_refusal(code)


def class_of_refusal(code: str) -> str:
    """The code of the class that a system's own code falls into."""
    from instep.sync.remedies import remedy_of

    return remedy_of(code).name.replace(" ", "-")


def error_text(error: InstepError, kind: str) -> str:
    """An error for people, and where to read what it means. What was merely typed wrong says so itself."""
    from instep.errors import ConfigError
    from instep.mapping.mistakes import Mistake

    found = error.mistakes if isinstance(error, ConfigError) else ()
    mistakes = [mistake for mistake in found if isinstance(mistake, Mistake)]
    if mistakes:
        return "\n".join([*map(mistake_line, mistakes), CODES_HINT])
    said = [plain(line) for line in str(error).splitlines()]
    return "\n".join(said if isinstance(error, ConfigError) else [*said, f"What this means: instep help {kind}"])


def mistake_line(mistake: Mistake) -> str:
    """A mistake as people read it, with its code."""
    return f"{mistake} [{mistake.code}]"


class Progress:
    """What a run is doing: a live bar with counts and time left on a terminal, a line per step elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars: Any = None if quiet or not sys.stderr.isatty() else _live_bars()
        self._tasks: dict[str, Any] = {}
        self._told = ""

    def __call__(self, step: str, done: int | None = None, of: int | None = None) -> None:
        if self._bars is not None:
            self._show(step, done, of)
        elif not self._quiet and done is None and step != self._told:
            talk(f"{step} …")
            self._told = step

    def end(self) -> None:
        """Leave the screen clean for the result."""
        if self._bars is not None:
            self._bars.stop()

    def _show(self, step: str, done: int | None, of: int | None) -> None:
        for other, task in self._tasks.items():
            if other != step:
                self._bars.update(task, visible=False)
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(plain(step), total=of)
        self._bars.update(self._tasks[step], completed=done or 0, total=of, visible=True)


def _live_bars() -> Any:
    """Rich's bars on stderr, gone when they stop. Imported only where there is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bars = Bars(*columns, console=Console(stderr=True), transient=True)
    bars.start()
    return bars


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def notes(found: Sequence[dict[str, Any]]) -> str:
    """What people should know: cause, how often, what to do."""
    lines = []
    for note in found:
        where = f"{note['connection']}: " if note["connection"] else ""
        times = f" ({note['count']:,} times)" if note["count"] > 1 else ""
        lines.append(plain(f"! {where}{note['text']}{times} [{code_shown(note['code'])}]"))
        such_as = f"Such as: {', '.join(note['examples'])}." if note["examples"] else ""
        lines.append(plain(f"    {_ended(note['remedy']) if such_as else note['remedy']} {such_as}".rstrip()))
    return "\n".join(lines)
