"""What a connector's conformance tests came to, as its distribution says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from instep.contract import ConnectorPlugin

FILE = "conformance.json"


@dataclass(frozen=True, slots=True)
class Badge:
    """How many claims hold, and why each of the others is not tested."""

    contract: int
    holds: int
    skipped: Mapping[str, tuple[str, ...]]
    """Reason to claims."""


def package_of(plugin: ConnectorPlugin[Any]) -> str:
    """The package that a connector is in."""
    return plugin.sandbox.partition(":")[0].partition(".")[0]


def badge_of(plugin: ConnectorPlugin[Any]) -> Badge | None:
    """What a connector's distribution recorded; None where it recorded nothing that can be read."""
    try:
        found = json.loads((files(package_of(plugin)) / FILE).read_text(encoding="utf-8"))
        skipped = {str(reason): tuple(map(str, claims)) for reason, claims in found["skipped"].items()}
        return Badge(int(found["contract"]), int(found["holds"]), skipped)
    except (OSError, ImportError, ValueError, KeyError, TypeError, AttributeError):
        return None
