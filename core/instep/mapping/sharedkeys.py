"""Whether two systems have a key by which records that both hold already are found to be the same."""

from __future__ import annotations

from itertools import combinations

from instep.mapping.compiled import EntityMapping, Workspace
from instep.mapping.mistakes import Mistake
from instep.model.entities import Kind
from instep.model.rules import Never

_SUCH_AS = {
    Kind.PERSON: "an e-mail, a phone",
    Kind.COMPANY: "a domain, a name",
    Kind.OPPORTUNITY: "a number of your own, such as the offer's",
}


def missing_shared_keys(workspace: Workspace) -> list[Mistake]:
    """A note for every pair of connections that would double what both hold already."""
    notes: list[Mistake] = []
    for kind in Kind:
        mapped = {name: m.entities[kind] for name, m in workspace.mappings.items() if kind in m.entities}
        for one, other in combinations(mapped, 2):
            if _may_create(mapped[one], mapped[other]) and not _shared(mapped[one], mapped[other]):
                notes.append(_note(kind, one, other))
    return notes


def _may_create(one: EntityMapping, other: EntityMapping) -> bool:
    return not (isinstance(one.create, Never) and isinstance(other.create, Never))


def _shared(one: EntityMapping, other: EntityMapping) -> set[str]:
    return (set(one.match) & set(other.match)) - {"instep_id"}


def _note(kind: Kind, one: str, other: str) -> Mistake:
    return Mistake(
        file=f"mappings/{other}.toml",
        path=f"{kind}.match",
        line=0,
        problem=f"shares no key with {one}: what both hold already would be created a second time",
        remedy=f"Add a key that both map ({_SUCH_AS[kind]}), unless one of them starts empty.",
        code="NO_SHARED_KEY",
    )
