"""TOML as people write it, for files that are changed or proposed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(value: Any) -> str:
    """A value on one line, inline tables with spaces inside their braces. None is not a value."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{toml_key(str(key))} = {toml_text(part)}" for key, part in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(toml_text, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    text: str = tomlkit.item(value).as_string()
    return text


def toml_key(key: str) -> str:
    """A key, in quotes only where it needs them."""
    return key if _BARE.fullmatch(key) else toml_text(key)


def toml_item(value: Any, comment: str = "") -> Any:
    """A value as an item to put into a tomlkit document, with a comment after it."""
    item = tomlkit.parse(f"x = {toml_text(value)}\n")["x"]
    return commented(item, comment) if comment else item


def commented(item: Any, comment: str) -> Any:
    """An item of a document with a comment after it, in place of the one that it had."""
    item.comment(one_line(comment))
    item.trivia.comment_ws = "  "
    return item


def one_line(text: str) -> str:
    """Text from elsewhere in a comment: on one line, and nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
