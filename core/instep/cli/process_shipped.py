"""What `instep process preset` prints: the processes and the libraries of behaviours that ship with Instep."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from instep.cli.process_view import behaviour_json, process_json, table_lines
from instep.mapping.library import Library, library_names, library_text, read_library
from instep.mapping.load import read_preset
from instep.mapping.preset import preset_text
from instep.model.values import amount


def shipped_text(name: str) -> str:
    """A preset or library as the file it is."""
    return library_text(name) if name in library_names() else preset_text(name)


def shipped_lines(presets: Sequence[str], libraries: Sequence[str]) -> list[str]:
    """Presets, then libraries, with what they are about."""
    rows = [(name, amount(_stages(name), "stage"), _about(name)) for name in presets]
    found = [read_library(name) for name in libraries]
    more = [(library.name, amount(len(library.behaviours), "behaviour"), library.about) for library in found]
    lines = table_lines(("Preset", "", ""), rows) if rows else []
    return [*lines, "", *table_lines(("Library", "", ""), more)] if more else lines


def shipped_json(presets: Sequence[str], libraries: Sequence[str]) -> dict[str, Any]:
    """The same for machines, with everything that is in them."""
    return {
        "presets": [_preset_json(name) for name in presets],
        "libraries": [_library_json(read_library(name)) for name in libraries],
    }


def _preset_json(name: str) -> dict[str, Any]:
    return {"text": preset_text(name), **process_json(read_preset(name).read.process)}


def _library_json(library: Library) -> dict[str, Any]:
    behaviours = [behaviour_json(behaviour) for behaviour in library.behaviours]
    text = library_text(library.name)
    return {"library": library.name, "about": library.about, "behaviours": behaviours, "text": text}


def _stages(preset: str) -> int:
    return len(read_preset(preset).read.process.stages)


def _about(preset: str) -> str:
    return str(tomllib.loads(preset_text(preset))["about"])
