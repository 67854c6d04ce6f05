"""The page that builds a connector step by step, read as the files that it arrives at.

The page is the only place where that code stands: `docs/how-to/write-a-connector.md`. Every wheel has a copy of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from instep.errors import ConfigError

_NAME = "write-a-connector.md"
_PLACES = (Path(__file__).with_name(_NAME), Path(__file__).resolve().parents[3] / "docs" / "how-to" / _NAME)
_BLOCK = re.compile(
    r"`(?P<path>[\w./-]+)`:\n\n(?P<fence>`{3,})(?P<language>\w+)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """What a reader does with one file: write it (again), or change it where `language` is "diff"."""

    path: str
    language: str
    text: str


def page_text() -> str:
    """The page: the wheel's copy, or that of the checkout."""
    for place in _PLACES:
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise ConfigError("The guide that a new connector is made from is not there. Install Instep again.")


def blocks(page: str) -> Iterator[Block]:
    """Every block of code that follows on the name of its file, in the order of the page."""
    for found in _BLOCK.finditer(page):
        yield Block(found["path"], found["language"], found["text"])


def files_of(page: str) -> dict[str, str]:
    """The files that somebody has who followed the page to its end, by their paths."""
    files: dict[str, str] = {}
    for block in blocks(page):
        is_change = block.language == "diff"
        files[block.path] = changed(files[block.path], block.text) if is_change else block.text
    return files


def changed(text: str, diff: str) -> str:
    """A text after a change whose parts lines of `@@` separate. Raises `ValueError` where one does not fit."""
    for part in diff.split("@@\n"):
        lines = part.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        if text.count(before) != 1:
            raise ValueError(f"{before!r} stands there {text.count(before)} times, not once.")
        text = text.replace(before, after)
    return text
