"""The fields that Instep keeps for itself, and making them where they are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from instep.contract import Absent, FieldBatches, FieldSpec, FieldStore, Outcome, Rejected, Written
from instep.mapping.compiled import EntityMapping
from instep.sync.health.finding import Finding
from instep.sync.session import Live, Session

FieldKind = Literal["text", "number"]
OURS: dict[str, tuple[str, FieldKind, bool, str]] = {
    "instep_id": ("Instep id", "text", True, "Identifies the same person, company or opportunity in every system."),
    "instep_stage": ("Buying stage", "text", False, "The exact step of the buying process. Written by Instep."),
    "score": ("Buying score", "number", False, "How much this buyer does. Written by Instep."),
}


def create_fields(session: Session, live: Live) -> list[Finding]:
    """Create the fields that Instep keeps for itself, where they are missing. Running it twice changes nothing."""
    store = live.parts.fields
    if isinstance(store, Absent):
        return [Finding(live.name, "not-created", store.reason, "wrong", "Create the fields there by hand.")]
    missing: list[FieldSpec] = []
    for object, mapping in live.mapping.objects.items():
        known = {field.name for field in store.read(object)}
        missing += [spec for spec in _specs(mapping, object) if spec.name not in known]
    findings = [_finding(live, spec, outcome) for spec, outcome in zip(missing, created(store, missing), strict=True)]
    return findings or [Finding(live.name, "own-fields", "every field of Instep's own is there")]


def created(store: FieldStore, specs: Sequence[FieldSpec]) -> list[Outcome]:
    """Create fields, together where the system can; one outcome for each."""
    if isinstance(store, FieldBatches):
        return store.create_all(specs) if specs else []
    return [store.create(spec) for spec in specs]


def _specs(mapping: EntityMapping, object: str) -> list[FieldSpec]:
    named = [("instep_id", mapping.instep_id)] if mapping.instep_id else []
    wanted = [*named, *((m.name, m.field) for m in mapping.fields if m.name in OURS)]
    specs = []
    for ours, name in wanted:
        label, kind, unique, description = OURS[ours]
        specs.append(FieldSpec(object, str(name), label, kind, unique, description))
    return specs


def _finding(live: Live, spec: FieldSpec, outcome: Outcome) -> Finding:
    place = f"{spec.object}.{spec.name}"
    match outcome:
        case Written():
            return Finding(live.name, "created", f"created {place}")
        case Rejected(reason=reason):
            return Finding(live.name, "not-created", f"{place} was refused: {reason}", "wrong", "Create it by hand.")
        case other:
            what = f"{place}: {type(other).__name__.lower()}"
            return Finding(live.name, "not-created", what, "wrong", "Look there.")
