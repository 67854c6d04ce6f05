"""Libraries of behaviours that ship with Instep: what any process can name beside its preset."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from instep.errors import ConfigError
from instep.mapping.behaviours import Found, read_behaviours
from instep.mapping.mistakes import Report, suggestion
from instep.mapping.section import Section
from instep.mapping.source import parse_source
from instep.model.process import Behaviour

_FOLDER = Path(__file__).parent / "presets" / "libraries"


@dataclass(frozen=True, slots=True)
class Library:
    """Behaviours that belong together, and what they are about."""

    name: str
    about: str
    behaviours: tuple[Behaviour, ...]


def library_names() -> tuple[str, ...]:
    """Every library's name, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


def library_text(name: str) -> str:
    """A library as the file it is. Raises `ConfigError` for an unknown name."""
    if name not in library_names():
        raise ConfigError(f'There is no library "{name}". {suggestion(name, library_names())}')
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def read_library(name: str) -> Library:
    """A library. Raises `ConfigError` for an unknown name."""
    about = str(tomllib.loads(library_text(name))["about"])
    found = library_behaviours(name, Report()).values()
    return Library(name, about, tuple(behaviour for behaviour, _ in found))


def library_behaviours(name: str, report: Report) -> Found:
    """A library's behaviours by key, each with its place, and saying which library it is of."""
    source = parse_source(library_text(name), f"library {name}", report)
    if source is None:
        return {}
    section = Section(source, report)
    section.text("about")
    found = read_behaviours(section.tables("behaviours"), {})
    section.finish()
    return {key: (replace(behaviour, library=name), where) for key, (behaviour, where) in found.items()}
