"""Which fields a rule may look at. Own fields may be declared in any mapping file, so this is settled last."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from instep.mapping.mistakes import suggestion
from instep.mapping.rules import FieldCheck
from instep.mapping.section import Section
from instep.model.entities import FIELDS, Kind


@dataclass(frozen=True, slots=True)
class _Use:
    """A field that a rule names, with its place, and what that rule can see."""

    section: Section
    name: str
    kinds: tuple[Kind, ...]
    company: bool
    extra: tuple[str, ...]
    noted: bool


@dataclass(slots=True)
class FactUses:
    """Every field that some rule named."""

    uses: list[_Use] = field(default_factory=list)

    def about(
        self, *kinds: Kind, company: bool = False, extra: tuple[str, ...] = (), noted: bool = True
    ) -> FieldCheck:
        """Takes down the fields of rules about entities of these kinds.

        `company` says that the rule sees the fields of the linked company too, as `company.industry`; `extra` are
        facts that are no fields; without `noted`, the caller itself looks for fields that are not mapped.
        """

        def take_down(section: Section, name: str) -> None:
            self.uses.append(_Use(section, name, kinds, company, extra, noted))

        return take_down

    def report_unknown(self, mapped: Mapping[Kind, Collection[str]]) -> None:
        """Report the names that no rule can see, and note those that no connection maps: they are always blank."""
        for use in self.uses:
            known = _names(use, {kind: {*FIELDS[kind], *mapped.get(kind, ())} for kind in Kind})
            if use.name not in known:
                problem = f'names "{use.name}", which is no field that this rule can see'
                use.section.mistake("UNKNOWN_FIELD", problem, suggestion(use.name, known, _seen(use)), "field")
            elif use.noted and use.name not in _names(use, mapped):
                problem = f'names "{use.name}", which no connection maps: it is always blank'
                use.section.note("BLIND_RULE", problem, "Map it in one of the mapping files.", "field")


def _seen(use: _Use) -> str:
    kind = " or ".join(use.kinds)
    return f"Use a field of a {kind}" + (", or one of its company, as company.industry." if use.company else ".")


def _names(use: _Use, fields: Mapping[Kind, Collection[str]]) -> set[str]:
    plain = {name for kind in use.kinds for name in fields.get(kind, ())}
    dotted = {f"company.{name}" for name in fields.get(Kind.COMPANY, ())} if use.company else set()
    return plain | dotted | set(use.extra)
