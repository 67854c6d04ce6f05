"""References such as `@{lead.id}` from one part of a composite call to the answer of another."""

from __future__ import annotations

import re
from collections.abc import Mapping

REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


class UnknownReferenceError(Exception):
    """A reference leads nowhere."""


def used(value: object) -> set[str]:
    """The names of all parts that a value refers to."""
    match value:
        case str():
            return {match[1] for match in REFERENCE.finditer(value)}
        case dict():
            return set().union(*(used(inner) for inner in value.values()))
        case list():
            return set().union(*(used(inner) for inner in value))
        case _:
            return set()


def resolve(value: object, answers: Mapping[str, object]) -> object:
    """A value with its references replaced."""
    match value:
        case str():
            return REFERENCE.sub(lambda match: str(_follow(match, answers)), value)
        case dict():
            return {name: resolve(inner, answers) for name, inner in value.items()}
        case list():
            return [resolve(inner, answers) for inner in value]
        case _:
            return value


def _follow(match: re.Match[str], answers: Mapping[str, object]) -> object:
    found = answers.get(match[1])
    for name, place in _STEP.findall(match[2]):
        if name and isinstance(found, dict) and name in found:
            found = found[name]
        elif place and isinstance(found, list) and int(place) < len(found):
            found = found[int(place)]
        else:
            raise UnknownReferenceError(match[0])
    return found
