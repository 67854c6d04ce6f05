"""What people know an entity by: an id means nothing to them."""

from __future__ import annotations

from collections.abc import Mapping

from instep.model.values import Scalar, decode
from instep.store import Store

LABELS = ("email", "domain", "name")
"""The canonical fields that people know an entity by: the first that it has."""


def label(values: Mapping[str, Scalar]) -> str:
    """The e-mail address, domain or name among canonical values; empty where there is none."""
    return next((str(values[name]) for name in LABELS if values.get(name)), "")


def label_of(store: Store, entity: str) -> str:
    """What people know an entity by, as last decided; else its id."""
    row = store.row("SELECT fields FROM entity WHERE id = ?", (entity,))
    return label(decode(row[0]) if row else {}) or entity
