"""Naming an owner where a `team.toml` rule says so, and nowhere else."""

from __future__ import annotations

from instep.mapping.translate import Unheard
from instep.model.process import Role
from instep.model.rules import Moment
from instep.model.values import is_blank
from instep.sync.session import Session
from instep.sync.state import EntityState


def assign_owner(session: Session, state: EntityState) -> None:
    """Assign the first colleague, in file order, who may take this buyer; report it where nobody can.

    An owner whom a system names and `team.toml` does not know is left alone.
    """
    for assignment in session.workspace.team.assignments:
        if assignment.kind is not state.kind or not _applies(session, state, assignment.when):
            continue
        if not assignment.rule.value(state.values, Moment(session.at, frozenset(state.changed))):
            continue
        role = assignment.role or _role(session, state.stage)
        if role is None or "owner" in state.stopped or _names_a_stranger(state):
            return
        current = session.workspace.team.owner(str(state.values.get("owner")))
        if current is not None and role in current.roles and assignment.when == "handover":
            return
        owner = session.workspace.team.candidate(role, state.segment, session.at.date())
        if owner is None:
            where = f" in segment {state.segment}" if state.segment else ""
            session.ledger.note(
                "no-owner",
                "",
                f"Nobody of role {role}{where} can be assigned.",
                "Add someone to team.toml.",
                state.id,
            )
            return
        if state.values.get("owner") != owner.key:
            before, state.values["owner"] = state.values.get("owner"), owner.key
            state.changed.add("owner")
            rule = f"assigned: {assignment.when}, role {role}" + (f", {state.segment}" if state.segment else "")
            reason = {"rule": rule, "run": session.run, "at": session.at.isoformat(), "lost": []}
            state.because("owner", reason, before=before)
            if _judges_owners(session):
                state.due_at = session.at  # segment and score were decided before: the next run looks again
        return


def _judges_owners(session: Session) -> bool:
    """Whether anything that is decided before an owner is assigned goes by the owner."""
    process, scoring = session.workspace.process, session.workspace.scoring
    rules = [segment.when for segment in process.segments if segment.when is not None]
    rules += [fit.when for fit in (*scoring.fit, *scoring.of_companies().fit)]
    return any("owner" in rule.fields() for rule in rules)


def _applies(session: Session, state: EntityState, when: str) -> bool:
    if when == "blank":
        return is_blank(state.values.get("owner"))
    before, now = _role(session, state.stage_before), _role(session, state.stage)
    return state.stage_before is not None and now is not None and before is not now


def _role(session: Session, stage: str | None) -> Role | None:
    process = session.workspace.process
    return process.stage(stage).role if stage is not None and process.has_stage(stage) else None


def _names_a_stranger(state: EntityState) -> bool:
    for record in state.records:
        mapped = record.mapping.mapped("owner")
        if mapped is None or mapped.field not in record.fields:
            continue
        if isinstance(record.means(mapped), Unheard):
            return True
    return False
