"""Owners: the colleagues that records can belong to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from instep.sandbox import SeededIds
from instep_hubspot.sandbox.times import iso


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner. `id` is what records hold; `user_id` is what histories name."""

    id: str
    user_id: int
    email: str
    first_name: str
    last_name: str
    created: int
    updated: int
    kind: str = "PERSON"
    archived: bool = False
    teams: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The owner as the API shows it; a former colleague has no user id any more."""
        shown: dict[str, object] = {
            "id": self.id,
            "type": self.kind,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "userId": None if self.archived else self.user_id,
            "userIdIncludingInactive": self.user_id,
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
            "archived": self.archived,
        }
        if self.email:
            shown["email"] = self.email
        if self.teams:
            shown["teams"] = [
                {"id": id, "name": name, "primary": place == 0} for place, (id, name) in enumerate(self.teams)
            ]
        return shown


class Owners:
    """All owners of an account, former ones included."""

    def __init__(self, ids: SeededIds) -> None:
        self._ids = ids
        self._known: dict[str, Owner] = {}

    def add(self, email: str, first: str, last: str, now: int, **more: object) -> Owner:
        """Take in a colleague."""
        teams = more.get("teams", ())
        owner = Owner(
            id=str(self._ids.number()),
            user_id=self._ids.number() + 5_000_000,
            email=email,
            first_name=first,
            last_name=last,
            created=now,
            updated=now,
            kind=str(more.get("kind", "PERSON")),
            archived=bool(more.get("archived", False)),
            teams=tuple(teams) if isinstance(teams, Iterable) else (),
        )
        self._known[owner.id] = owner
        return owner

    def archive(self, id: str, now: int) -> None:
        """Let a colleague leave; records keep the id."""
        self._known[id] = replace(self._known[id], archived=True, updated=now)

    def get(self, id: str) -> Owner | None:
        """An owner by id."""
        return self._known.get(id)

    def by_user(self, user_id: str) -> Owner | None:
        """An owner by the id of the user behind it."""
        return next((o for o in self._known.values() if str(o.user_id) == user_id), None)

    def all(self, *, archived: bool = False) -> list[Owner]:
        """The owners, either present or former ones, by id."""
        found = [owner for owner in self._known.values() if owner.archived == archived]
        return sorted(found, key=lambda owner: int(owner.id))
