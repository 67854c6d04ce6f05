"""The processes that ship with Instep, to start from."""

from __future__ import annotations

from pathlib import Path

from instep.errors import ConfigError
from instep.mapping.mistakes import Report, suggestion
from instep.mapping.source import Source, parse_source

_FOLDER = Path(__file__).parent / "presets"


def preset_names() -> tuple[str, ...]:
    """Every preset's name, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


def preset_text(name: str) -> str:
    """A preset as the file it is. Raises `ConfigError` for an unknown name."""
    if name not in preset_names():
        raise ConfigError(f'There is no preset "{name}". {suggestion(name, preset_names())}')
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def preset_source(name: str, report: Report) -> Source | None:
    """A preset, parsed."""
    return parse_source(preset_text(name), f"preset {name}", report)
