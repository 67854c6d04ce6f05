"""Doctor: ask every system whether what the files expect is there. Creates missing fields only on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from instep.contract import Absent, ConnectionInfo, FieldSpec, Pipeline, Rejected, SystemField, Written
from instep.errors import AccessError, InstepError
from instep.mapping.compiled import EntityMapping
from instep.mapping.translate import Untold
from instep.sync.session import Live, Session, read_catalogue, use_catalogue


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is as it should be, and what to do where it is not."""

    connection: str
    what: str
    ok: bool
    remedy: str = ""
    is_access: bool = False
    """Whether a login is what is wrong."""

    def as_json(self) -> dict[str, object]:
        return {"connection": self.connection, "what": self.what, "ok": self.ok, "remedy": self.remedy}


def examine(session: Session) -> list[Finding]:
    """Look at every connection; one that cannot be reached is a finding, not the end."""
    findings: list[Finding] = []
    for live in session.connections.values():
        try:
            findings += _examine(session, live)
        except AccessError as error:
            findings.append(Finding(live.name, f"cannot be used: {error}", False, is_access=True))
        except InstepError as error:
            findings.append(Finding(live.name, f"cannot be used: {error}", False))
    return findings


def _examine(session: Session, live: Live) -> list[Finding]:
    info = live.parts.check()
    live.info = info
    findings = [_login(live, info), *_scopes(live, info), *_clock(session, live, info)]
    if info.calls_left_today is not None:
        findings.append(Finding(live.name, f"{info.calls_left_today:,} calls left today", info.calls_left_today > 0))
    pipelines = () if isinstance(live.parts.stages, Absent) else live.parts.stages.read()
    described = _described(live)
    for object, mapping in live.mapping.objects.items():
        findings += _fields(live, mapping, object, described)
        findings += _stages(live, mapping, object, pipelines)
    findings += _owners(session, live)
    return findings


def _login(live: Live, info: ConnectionInfo) -> Finding:
    name = f" ({info.org_name})" if info.org_name else ""
    return Finding(live.name, f"logged in to org {info.org}{name}", True)


def _scopes(live: Live, info: ConnectionInfo) -> list[Finding]:
    return [
        Finding(live.name, f"scope {scope} is missing", False, "Grant it to the login.")
        for scope in sorted(info.missing)
    ]


def _clock(session: Session, live: Live, info: ConnectionInfo) -> list[Finding]:
    if info.now is None:
        return []
    skew = abs((session.world.clock() - info.now).total_seconds())
    remedy = "" if skew < 60 else "Set this machine's clock; cursors use the system's own, so nothing is lost."
    return [Finding(live.name, f"clocks differ by {skew:.0f} s", skew < 60, remedy)]


def _described(live: Live) -> dict[str, dict[str, SystemField]]:
    """Every field of every mapped object; empty where the system cannot be asked."""
    store = live.parts.fields
    if isinstance(store, Absent):
        return {}
    return {object: {field.name: field for field in store.read(object)} for object in live.mapping.objects}


def _fields(
    live: Live, mapping: EntityMapping, object: str, described: dict[str, dict[str, SystemField]]
) -> list[Finding]:
    if not described:
        return []
    known = described[object]
    findings: list[Finding] = []
    wanted = {mapped.field: mapped for mapped in mapping.fields}
    for name, mapped in wanted.items():
        found = known.get(name)
        if found is None and not mapped.by_object and any(name in described[other] for other in mapping.objects):
            continue  # the other object of this kind has it
        if found is None:
            remedy = (
                f"Run: instep doctor --create-fields {live.name}" if mapped.name in OURS else "Correct the mapping."
            )
            findings.append(Finding(live.name, f"{object} has no field {name}", False, remedy))
        elif mapped.tells and found.read_only:
            findings.append(Finding(live.name, f"{object}.{name} cannot be written", False, 'Set direction = "in".'))
        elif found.options is not None and mapped.values and mapped.tells:
            findings += _options(live, object, name, found, mapped.values.values())
    if mapping.instep_id and mapping.instep_id not in known:
        remedy = f"Run: instep doctor --create-fields {live.name}"
        text = f"{object} has no field {mapping.instep_id}, so nothing can be created there"
        findings.append(Finding(live.name, text, False, remedy))
    if not findings:
        findings.append(Finding(live.name, f"every mapped field of {object} is there", True))
    return findings


def _options(live: Live, object: str, name: str, found: SystemField, spellings: object) -> list[Finding]:
    known = {option.value for option in found.options or ()}
    missing = sorted(s[0] for s in spellings if s and s[0] not in known)  # type: ignore[attr-defined]  # a mapping's values
    remedy = "Add the option there, or change the mapping."
    return [Finding(live.name, f'{object}.{name} has no option "{value}"', False, remedy) for value in missing]


def _stages(live: Live, mapping: EntityMapping, object: str, pipelines: tuple[Pipeline, ...]) -> list[Finding]:
    findings: list[Finding] = []
    here = [pipeline for pipeline in pipelines if pipeline.object == object]
    if not here:
        return findings
    for table in mapping.tables():
        name = table.pipeline or table.field
        pipeline = next((p for p in here if p.id == name), None)
        if pipeline is None:
            findings.append(Finding(live.name, f"{object} has no pipeline {name}", False, "Correct the mapping."))
            continue
        known = {stage.id for stage in pipeline.stages}
        for value in sorted({*table.every_value()} - known):
            findings.append(
                Finding(
                    live.name,
                    f'pipeline {name} has no stage "{value}"',
                    False,
                    "Add it there, or correct the mapping.",
                )
            )
        unmapped = [stage.id for stage in pipeline.stages if not table.has(stage.id)]
        for value in unmapped:
            text = f'stage "{value}" of {name} is not mapped: records there are left alone'
            findings.append(Finding(live.name, text, False, "Map it to a stage or an outcome."))
    return findings


def _owners(session: Session, live: Live) -> list[Finding]:
    catalogue = read_catalogue_unbound(session, live)
    if catalogue is None:
        return []
    findings = []
    for owner in session.workspace.team.owners:
        told = live.directory.user_for(owner.key)
        if isinstance(told, Untold):
            findings.append(Finding(live.name, told.why, False, "Correct team.toml, or add the user there."))
    people = len(session.workspace.team.owners)
    if people and not findings:
        findings.append(Finding(live.name, f"all {people} people of team.toml are known", True))
    return findings


def read_catalogue_unbound(session: Session, live: Live) -> bool | None:
    """Fill in who is who; None where the system keeps no owners."""
    if isinstance(live.parts.owners, Absent):
        return None
    use_catalogue(session, live, read_catalogue(session, live))
    return True


# --- creating what Instep needs ----------------------------------------------------------------------------------

FieldKind = Literal["text", "number"]
OURS: dict[str, tuple[str, FieldKind, bool, str]] = {
    "instep_id": ("Instep id", "text", True, "Identifies the same person, company or opportunity in every system."),
    "instep_stage": ("Buying stage", "text", False, "The exact step of the buying process. Written by Instep."),
    "score": ("Buying score", "number", False, "How much this buyer does. Written by Instep."),
}


def create_fields(session: Session, live: Live) -> list[Finding]:
    """Create the fields that Instep keeps for itself, where they are missing. Running it twice changes nothing."""
    if isinstance(live.parts.fields, Absent):
        return [Finding(live.name, live.parts.fields.reason, False, "Create the fields there by hand.")]
    findings: list[Finding] = []
    for object, mapping in live.mapping.objects.items():
        known = {field.name for field in live.parts.fields.read(object)}
        for spec in _specs(mapping, object):
            if spec.name not in known:
                findings.append(_create(live, spec))
    return findings or [Finding(live.name, "every field of Instep's own is there", True)]


def _specs(mapping: EntityMapping, object: str) -> list[FieldSpec]:
    named = [("instep_id", mapping.instep_id)] if mapping.instep_id else []
    wanted = [*named, *((m.name, m.field) for m in mapping.fields if m.name in OURS)]
    specs = []
    for ours, name in wanted:
        label, kind, unique, description = OURS[ours]
        specs.append(FieldSpec(object, str(name), label, kind, unique, description))
    return specs


def _create(live: Live, spec: FieldSpec) -> Finding:
    if isinstance(live.parts.fields, Absent):
        raise TypeError("checked by the caller")
    match live.parts.fields.create(spec):
        case Written():
            return Finding(live.name, f"created {spec.object}.{spec.name}", True)
        case Rejected(reason=reason):
            return Finding(live.name, f"{spec.object}.{spec.name} was refused: {reason}", False, "Create it by hand.")
        case other:
            return Finding(
                live.name, f"{spec.object}.{spec.name}: {type(other).__name__.lower()}", False, "Look there."
            )
