"""What is wrong in a file: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from instep.model.values import plain

Path = tuple[str | int, ...]
"""Where something stands in a TOML file: keys, and places in arrays counted from 0."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to put right. `path` is dotted (`stages[3].enter.any`); `line` counts from 1, 0 means the file."""

    file: str
    path: str
    line: int
    problem: str
    remedy: str
    code: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        said = f"{self.path} {self.problem}" if self.path else self.problem
        return plain(f"{place}: {said}. {self.remedy}".rstrip())

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "file": self.file,
            "line": self.line,
            "path": self.path,
            "problem": self.problem,
            "remedy": self.remedy,
        }


@dataclass(slots=True)
class Report:
    """Everything found while reading: mistakes stop a workspace from loading, notes do not."""

    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[Mistake] = field(default_factory=list)
    elsewhere: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Names that only other versions of the process have ("stage" to their keys): who names one is not mistaken."""

    def in_order(self) -> tuple[Mistake, ...]:
        """The mistakes by file, then line; files in the order in which they were first read."""
        return ordered(self.mistakes)


def ordered(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """The same mistakes, each once, by file and line, `sync.toml` first."""
    unique = dict.fromkeys(mistakes)
    return tuple(sorted(unique, key=lambda m: (m.file != "sync.toml", m.file, m.line, m.path, m.problem)))


def dotted(path: Path) -> str:
    """A path as people read it: `stages[3].enter.any`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.replace("-", "").replace("_", "").isalnum() else f'"{part}"'
            text += f".{name}" if text else name
    return text


def listed(names: Iterable[str]) -> str:
    """Names as people list them: `"a", "b" or "c"`."""
    quoted = [f'"{name}"' for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def suggestion(wrong: str, known: Iterable[str], otherwise: str = "") -> str:
    """A "did you mean", or, where nothing is near, what is known (if that is short), or `otherwise`."""
    names = sorted(known) if isinstance(known, (set, frozenset)) else list(dict.fromkeys(known))
    near = nearest(wrong, names)
    if near:
        return f'Did you mean "{near}"?'
    if otherwise:
        return otherwise
    if not names:
        return "Remove it."
    return f"Use {listed(names)}." if len(names) <= 20 else "Remove it: no known name is near it."


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """The known name that the typed one was probably meant to be."""
    from rapidfuzz import fuzz, process

    def folded(text: str) -> str:
        return text.casefold().replace("_", "-")

    found = process.extractOne(wrong, list(known), scorer=fuzz.ratio, processor=folded, score_cutoff=66)
    return None if found is None else str(found[0])
