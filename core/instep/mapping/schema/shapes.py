"""The pieces of a JSON Schema: what a text, a list or a table with known keys is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from instep.mapping.durations import SECONDS

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest version that editors of TOML files understand in full."""
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"


def text(about: str = "") -> Schema:
    """A text that is not blank."""
    return _told({"type": "string", "pattern": r"\S"}, about)


def flag(about: str = "") -> Schema:
    return _told({"type": "boolean"}, about)


def whole(about: str, lowest: int, highest: int) -> Schema:
    return _told({"type": "integer", "minimum": lowest, "maximum": highest}, about)


def number(about: str = "", **bounds: float) -> Schema:
    return _told({"type": "number", **bounds}, about)


def scalar(about: str = "") -> Schema:
    """A single value; editors see dates as text."""
    return _told({"type": ["string", "number", "boolean"]}, about)


def day(about: str = "") -> Schema:
    """A date, which editors see as text."""
    return _told({"type": "string", "format": "date", "pattern": DAY}, about)


def duration(about: str = "") -> Schema:
    return _told({"type": "string", "pattern": rf"^\s*[1-9][0-9]{{0,8}}[{''.join(SECONDS)}]\s*$"}, about)


def one_of(choices: type[StrEnum] | Iterable[str], about: str = "") -> Schema:
    """One of a few words."""
    return _told({"enum": [str(choice) for choice in choices]}, about)


def words(about: str = "", items: Schema | None = None, **more: Any) -> Schema:
    """A list of texts, or of something else."""
    return _told({"type": "array", "items": items or text(), **more}, about)


def table(properties: Mapping[str, Schema], about: str = "", required: Iterable[str] = (), **more: Any) -> Schema:
    """A table with these keys and no others."""
    shape: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    needed = list(required)
    return _told({**shape, **({"required": needed} if needed else {}), **more}, about)


def tables(items: Schema, about: str = "") -> Schema:
    """An array of tables."""
    return _told({"type": "array", "items": items}, about)


def named(values: Schema, about: str = "", **more: Any) -> Schema:
    """A table whose keys are names of the writer's."""
    return _told({"type": "object", "additionalProperties": values, **more}, about)


def either(*shapes: Schema, about: str = "") -> Schema:
    return _told({"anyOf": list(shapes)}, about)


def shared(name: str) -> Schema:
    """A shape that stands under `definitions`."""
    return {"$ref": f"#/definitions/{name}"}


def document(title: str, root: Schema, **definitions: Schema) -> Schema:
    """A whole schema."""
    return {"$schema": DIALECT, "title": title, **root, **({"definitions": definitions} if definitions else {})}


def _told(shape: Schema, about: str) -> Schema:
    return {"description": about, **shape} if about else shape
