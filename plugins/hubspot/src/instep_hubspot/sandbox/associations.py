"""Who belongs to whom: typed links between records, always kept from both ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HUBSPOT, USER = "HUBSPOT_DEFINED", "USER_DEFINED"

# (from, to, type, type seen from the other end, label)
_PAIRS = (
    ("contacts", "companies", 1, 2, "Primary"),
    ("contacts", "companies", 279, 280, None),
    ("deals", "contacts", 3, 4, None),
    ("deals", "companies", 5, 6, "Primary"),
    ("deals", "companies", 341, 342, None),
    ("companies", "companies", 13, 14, None),
    ("contacts", "tickets", 15, 16, None),
    ("tickets", "companies", 26, 25, "Primary"),
    ("tickets", "companies", 339, 340, None),
    ("deals", "tickets", 27, 28, None),
    ("contacts", "contacts", 449, 449, None),
    ("companies", "companies", 450, 450, None),
    ("deals", "deals", 451, 451, None),
    ("leads", "contacts", 578, 579, None),
    ("leads", "companies", 580, 581, None),
    ("companies", "calls", 181, 182, None),
    ("companies", "emails", 185, 186, None),
    ("companies", "meetings", 187, 188, None),
    ("companies", "notes", 189, 190, None),
    ("companies", "tasks", 191, 192, None),
    ("contacts", "calls", 193, 194, None),
    ("contacts", "emails", 197, 198, None),
    ("contacts", "meetings", 199, 200, None),
    ("contacts", "notes", 201, 202, None),
    ("contacts", "tasks", 203, 204, None),
    ("deals", "calls", 205, 206, None),
    ("deals", "emails", 209, 210, None),
    ("deals", "meetings", 211, 212, None),
    ("deals", "notes", 213, 214, None),
    ("deals", "tasks", 215, 216, None),
    ("tickets", "calls", 219, 220, None),
    ("tickets", "emails", 223, 224, None),
    ("tickets", "meetings", 225, 226, None),
    ("tickets", "notes", 227, 228, None),
    ("tickets", "tasks", 229, 230, None),
)
PRIMARY = {1: 279, 5: 341, 26: 339}
"""Primary types, as seen from the end that has only one, with the unlabelled type they imply."""


@dataclass(frozen=True, slots=True)
class LinkType:
    """One way in which a record of one kind can belong to one of another."""

    id: int
    inverse: int
    label: str | None
    category: str = HUBSPOT
    name: str = ""

    def to_dict(self) -> dict[str, object]:
        """The type as associations show it."""
        return {"category": self.category, "typeId": self.id, "label": self.label}


class Associations:
    """All links of an account and the types they may have."""

    def __init__(self) -> None:
        self.types: dict[tuple[str, str], dict[int, LinkType]] = {}
        self._links: dict[tuple[str, str, str], dict[str, set[int]]] = {}
        self._next_type = 1
        for here, there, type_id, inverse, label in _PAIRS:
            self._define(here, there, LinkType(type_id, inverse, label))
            self._define(there, here, LinkType(inverse, type_id, label))

    def _define(self, here: str, there: str, link: LinkType) -> None:
        self.types.setdefault((here, there), {})[link.id] = link

    def type(self, here: str, there: str, type_id: int) -> LinkType | None:
        """The type of that number between two kinds of record."""
        return self.types.get((here, there), {}).get(type_id)

    def unlabelled(self, here: str, there: str) -> LinkType | None:
        """The plain type between two kinds of record."""
        plain = [link for link in self.types.get((here, there), {}).values() if link.label is None]
        return plain[-1] if plain else None

    def add_label(self, here: str, there: str, label: str, name: str, inverse_label: str | None) -> LinkType:
        """Let users tell a new relation by its label; a paired label has another word at the other end."""
        first, self._next_type = self._next_type, self._next_type + 2
        second = first if inverse_label is None and here == there else first + 1
        link = LinkType(first, second, label, USER, name)
        self._define(here, there, link)
        self._define(there, here, LinkType(second, first, inverse_label or label, USER, name))
        return link

    def rename_label(self, here: str, there: str, type_id: int, label: str) -> None:
        """Give a label of users another word."""
        known = self.types[(here, there)][type_id]
        self._define(here, there, LinkType(known.id, known.inverse, label, known.category, known.name))

    def drop_label(self, here: str, there: str, type_id: int) -> None:
        """Forget a label and every use of it."""
        link = self.types[(here, there)].pop(type_id)
        self.types[(there, here)].pop(link.inverse, None)
        for (kind, _, other), links in self._links.items():
            for types in links.values():
                if (kind, other) == (here, there):
                    types.discard(type_id)
                elif (kind, other) == (there, here):
                    types.discard(link.inverse)

    def links(self, here: str, id: str, there: str) -> Mapping[str, set[int]]:
        """The records of kind `there` tied to one record, each with its types."""
        return self._links.get((here, id, there), {})

    def ordered(self, here: str, id: str, there: str) -> list[tuple[str, list[LinkType]]]:
        """The same, ordered by id and type."""
        known = self.types.get((here, there), {})
        links = self.links(here, id, there)
        return [(other, [known[t] for t in sorted(links[other])]) for other in sorted(links, key=int)]

    def tie(self, here: str, id: str, there: str, other: str, type_ids: Iterable[int]) -> list[LinkType]:
        """Add types to a link; a new primary demotes the old one. Tying twice changes nothing."""
        added = []
        for type_id in type_ids:
            link = self.types[(here, there)][type_id]
            added.append(link)
            self._demote_rivals(here, id, there, other, link)
            for wanted in {type_id, *self._implied(here, there, link)}:
                self._set(here, id, there, other, self.types[(here, there)][wanted])
        return added

    def _implied(self, here: str, there: str, link: LinkType) -> set[int]:
        plain = self.unlabelled(here, there)
        return {plain.id} if plain is not None else set()

    def _demote_rivals(self, here: str, id: str, there: str, other: str, link: LinkType) -> None:
        if link.id in PRIMARY:
            owner, mine, rival_of, kinds = id, link.id, other, (here, there)
        elif link.inverse in PRIMARY:
            owner, mine, rival_of, kinds = other, link.inverse, id, (there, here)
        else:
            return
        for rival, types in list(self.links(kinds[0], owner, kinds[1]).items()):
            if rival != rival_of and mine in types:
                self._unset(kinds[0], owner, kinds[1], rival, mine)

    def _set(self, here: str, id: str, there: str, other: str, link: LinkType) -> None:
        self._links.setdefault((here, id, there), {}).setdefault(other, set()).add(link.id)
        self._links.setdefault((there, other, here), {}).setdefault(id, set()).add(link.inverse)

    def _unset(self, here: str, id: str, there: str, other: str, type_id: int) -> None:
        link = self.types[(here, there)][type_id]
        self._links.get((here, id, there), {}).get(other, set()).discard(type_id)
        self._links.get((there, other, here), {}).get(id, set()).discard(link.inverse)

    def untie(self, here: str, id: str, there: str, other: str) -> None:
        """Remove a link with all its types."""
        self._links.get((here, id, there), {}).pop(other, None)
        self._links.get((there, other, here), {}).pop(id, None)

    def unlabel(self, here: str, id: str, there: str, other: str, type_ids: Iterable[int]) -> None:
        """Remove some types of a link; without the plain one nothing is left of it."""
        plain = self.unlabelled(here, there)
        for type_id in type_ids:
            if plain is not None and type_id == plain.id:
                self.untie(here, id, there, other)
                return
            if self.type(here, there, type_id) is not None:
                self._unset(here, id, there, other, type_id)
        if not self.links(here, id, there).get(other, {1}):
            self.untie(here, id, there, other)

    def primary(self, here: str, id: str, there: str) -> str | None:
        """The primary record of kind `there`, if one is set."""
        links = self.links(here, id, there)
        return next((other for other, types in links.items() if types & PRIMARY.keys()), None)

    def drop_all(self, here: str, id: str) -> None:
        """Remove every link of a record."""
        for kind, mine, there in [key for key in self._links if key[:2] == (here, id)]:
            for other in list(self._links[(kind, mine, there)]):
                self.untie(here, id, there, other)

    def move(self, here: str, old: str, new: str) -> None:
        """Give the links of one record to another, whose own primaries stay."""
        for kind, mine, there in [key for key in self._links if key[:2] == (here, old)]:
            for other, types in list(self._links[(kind, mine, there)].items()):
                kept = set(types)
                if self.primary(here, new, there) is not None:
                    kept -= PRIMARY.keys()
                self.untie(here, old, there, other)
                self.tie(here, new, there, other, kept)

    def everything(self) -> list[dict[str, object]]:
        """All links, for a snapshot."""
        return [
            {"from": f"{here}/{id}", "to": f"{there}/{other}", "types": sorted(types)}
            for (here, id, there), links in sorted(self._links.items())
            for other, types in sorted(links.items())
        ]
