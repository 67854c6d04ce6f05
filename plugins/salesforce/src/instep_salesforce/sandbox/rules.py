"""What admins have set up that interferes with writing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from instep_salesforce.sandbox.schema import Value

Predicate = Callable[[Mapping[str, Value]], bool]


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """Refuses records for which `is_wrong` holds."""

    is_wrong: Predicate
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """Reports records that share the value of one field, in any letter case."""

    name: str
    field: str
    allow_save: bool


TRACKED: Mapping[str, frozenset[str]] = {
    "Lead": frozenset({"Status", "OwnerId"}),
    "Contact": frozenset({"OwnerId"}),
    "Opportunity": frozenset({"StageName", "Amount", "CloseDate", "OwnerId"}),
}


@dataclass(slots=True)
class Rules:
    """Rules by object, locks by record."""

    validations: dict[str, list[ValidationRule]] = field(default_factory=dict)
    duplicates: dict[str, list[DuplicateRule]] = field(default_factory=dict)
    assignments: dict[str, str] = field(default_factory=dict)
    locks: dict[str, int] = field(default_factory=dict)
    triggers: dict[str, list[Callable[[Mapping[str, Value]], Mapping[str, Value]]]] = field(default_factory=dict)
    tracked: dict[str, frozenset[str]] = field(default_factory=lambda: dict(TRACKED))

    def is_locked(self, id: str) -> bool:
        """Whether this attempt at a record meets a lock; it is used up by this."""
        left = self.locks.get(id, 0)
        if left <= 0:
            return False
        self.locks[id] = left - 1
        return True
