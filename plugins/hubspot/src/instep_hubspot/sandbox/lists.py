"""Lists of records: filled by hand, or by HubSpot itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from instep_hubspot.sandbox.times import iso

MANUAL, SNAPSHOT, DYNAMIC = "MANUAL", "SNAPSHOT", "DYNAMIC"


@dataclass(slots=True)
class RecordList:
    """One list; `members` says since when each record is on it."""

    id: str
    name: str
    type_id: str
    processing: str
    created: int
    updated: int
    members: dict[str, int] = field(default_factory=dict)
    deleted: int | None = None
    version: int = 1

    @property
    def is_filled_by_hand(self) -> bool:
        """Whether calls may add and remove members."""
        return self.processing != DYNAMIC

    def add(self, ids: Iterable[str], now: int) -> list[str]:
        """Add records; gives those that were not on the list."""
        added = [id for id in dict.fromkeys(ids) if id not in self.members]
        self.members.update(dict.fromkeys(added, now))
        return added

    def remove(self, ids: Iterable[str]) -> list[str]:
        """Remove records; gives those that were on the list."""
        return [id for id in dict.fromkeys(ids) if self.members.pop(id, None) is not None]

    def to_dict(self) -> dict[str, object]:
        """The list as the API shows it."""
        shown: dict[str, object] = {
            "listId": self.id,
            "listVersion": self.version,
            "name": self.name,
            "objectTypeId": self.type_id,
            "processingType": self.processing,
            "processingStatus": "COMPLETE",
            "size": len(self.members),
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
        }
        if self.deleted is not None:
            shown["deletedAt"] = iso(self.deleted)
        return shown


class Lists:
    """All lists of an account, deleted ones included."""

    def __init__(self) -> None:
        self.known: dict[str, RecordList] = {}

    def live(self) -> list[RecordList]:
        """The lists that are not deleted, by id."""
        return sorted((one for one in self.known.values() if one.deleted is None), key=lambda one: int(one.id))

    def named(self, type_id: str, name: str) -> RecordList | None:
        """The list of that name; names are unique for each kind of record."""
        found = (one for one in self.live() if one.type_id == type_id and one.name.lower() == name.lower())
        return next(found, None)
