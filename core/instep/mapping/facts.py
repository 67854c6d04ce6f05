"""Which fields a rule may look at. Own fields may be declared in any mapping file, so this is settled last."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from instep.mapping.mistakes import suggestion
from instep.mapping.rules import FieldCheck
from instep.mapping.section import Section
from instep.model.entities import DERIVED, FIELDS, Kind

EVERYWHERE = ("stage", "segment", "outcome", *DERIVED)
"""Facts that every entity has besides its fields."""


@dataclass(frozen=True, slots=True)
class _Use:
    section: Section
    name: str
    kind: Kind | None


@dataclass(slots=True)
class FactUses:
    """Every field that some rule named, with its place."""

    uses: list[_Use] = field(default_factory=list)

    def about(self, kind: Kind | None) -> FieldCheck:
        """Takes down the fields of rules about one kind; None for rules about buyers, whatever they are."""

        def take_down(section: Section, name: str) -> None:
            self.uses.append(_Use(section, name, kind))

        return take_down

    def report_unknown(self, own: Mapping[Kind, Collection[str]]) -> None:
        """Report the names that are no field of any kind, given each kind's own fields."""
        fields = {kind: {*EVERYWHERE, *FIELDS[kind], *own.get(kind, ())} for kind in Kind}
        dotted = {f"{kind}.{name}" for kind, names in fields.items() for name in names}
        for use in self.uses:
            plain = fields[use.kind] if use.kind else set().union(*fields.values())
            if use.name not in plain and use.name not in dotted:
                known = dotted if "." in use.name else plain
                otherwise = "Use a mapped field, plain or with its kind, such as company.industry."
                problem = f'names "{use.name}", which is no field'
                use.section.mistake("UNKNOWN_FIELD", problem, suggestion(use.name, known, otherwise), "field")
