"""The JSON documents that commands print and save: their kinds, the version of their format, and their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

FORMAT_VERSION = 1


def document(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A document of a kind. Every test holds what passes here against the schema of that name."""
    return {"format_version": FORMAT_VERSION, **content}


def kinds() -> tuple[str, ...]:
    """Every kind of document, by name."""
    found = (place.name for place in files("instep.outputs").iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in found if name.endswith(".json")))


def schema_text(kind: str) -> str:
    """The JSON Schema of a kind of document. Raises `KeyError` where there is none of that name."""
    if kind not in kinds():
        raise KeyError(kind)
    return files("instep.outputs").joinpath(f"{kind}.json").read_text(encoding="utf-8")


def title(kind: str) -> str:
    """What a kind of document is, in a line."""
    import json

    return str(json.loads(schema_text(kind))["title"])
