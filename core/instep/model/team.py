"""The colleagues who may own things, and who each of them is in every system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from instep.model.entities import Kind
from instep.model.process import Role
from instep.model.rules import Always, Rule


@dataclass(frozen=True, slots=True)
class Owner:
    """A colleague. `users` says who they are in each connection: an id, an e-mail address or a name there."""

    key: str
    name: str
    email: str | None = None
    roles: frozenset[Role] = frozenset()
    segments: frozenset[str] = frozenset()
    active: bool = True
    away: tuple[tuple[date, date], ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)

    def can_take(self, role: Role, segment: str | None, on: date) -> bool:
        """Whether this colleague may be given a buyer of that segment on that day."""
        return (
            self.active
            and role in self.roles
            and (not self.segments or segment in self.segments)
            and not any(start <= on <= end for start, end in self.away)
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """When Instep itself names an owner: where there is none, or where the stage passes to another role."""

    kind: Kind
    when: str  # "blank" | "handover"
    role: Role | None = None
    """Whom to look for; None means the role that owns the stage shown."""
    rule: Rule = Always()


@dataclass(frozen=True, slots=True)
class Team:
    owners: tuple[Owner, ...] = ()
    assignments: tuple[Assignment, ...] = ()

    def owner(self, key: str) -> Owner | None:
        return next((owner for owner in self.owners if owner.key == key), None)

    def candidate(self, role: Role, segment: str | None, on: date) -> Owner | None:
        """The first colleague, in file order, who may take such a buyer."""
        return next((owner for owner in self.owners if owner.can_take(role, segment, on)), None)
