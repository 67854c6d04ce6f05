"""One number for the meaning of all files: comments, spacing and the order of keys do not change it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from instep.mapping.compiled import Workspace
from instep.model.process import Process

_NOT_MEANING = ("root", "store", "digest", "guards", "quarantine", "reserve", "configuration", "versions", "day")


def digest_of(workspace: Workspace) -> str:
    """The digest of everything in a workspace that a plan depends on."""
    meaning = {
        field.name: canonical(getattr(workspace, field.name))
        for field in dataclasses.fields(workspace)
        if field.name not in _NOT_MEANING
    }
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_process(process: Process) -> str:
    """The digest of one version of the process: validations are kept by it."""
    text = json.dumps(canonical(process), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_configuration(workspace: Workspace) -> str:
    """The digest of everything that a plan of stages and fields depends on."""
    text = json.dumps([workspace.digest, canonical(workspace.configuration)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> Any:
    """Values as JSON with one spelling: sets and mappings sorted, sequences in their order, types told apart."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    compared = _compared(value.__class__)
    if compared is not None:
        return {"is": type(value).__name__, **{name: canonical(getattr(value, name)) for name in compared}}
    if isinstance(value, (tuple, list)):
        return [canonical(member) for member in value]
    if isinstance(value, Mapping):
        return sorted([[canonical(key), canonical(inner)] for key, inner in value.items()], key=json.dumps)
    if isinstance(value, frozenset):
        return sorted(str(member) for member in value)
    return [type(value).__name__, str(value)]


@functools.cache
def _compared(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass that make two of them equal: the others follow from these. None for other types."""
    if not dataclasses.is_dataclass(kind):
        return None
    return tuple(field.name for field in dataclasses.fields(kind) if field.compare)
