"""What a system should say, in its own words, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping

from instep.mapping.compiled import FieldMapping, RelationMapping
from instep.mapping.translate import Untold, tell
from instep.model.entities import DERIVED, Kind
from instep.model.process import Outcome
from instep.model.stagetable import StageTable
from instep.model.values import Scalar
from instep.sync.changes import Action, Change
from instep.sync.ledger import Ref, quoted
from instep.sync.session import Live, Session
from instep.sync.state import EntityState


def canonical(state: EntityState, name: str) -> Scalar:
    """The canonical value of a field, computed ones included."""
    match name:
        case "instep_stage":
            return state.stage
        case "proven_stage":
            return state.proven
        case "detour":
            return state.detour
        case "overdue":
            return state.overdue
        case "score":
            published = state.score.get("published")
            return None if published is None else int(published)
        case "band" | "grade":
            told: str | None = state.score.get(name)
            return told
        case "instep_id":
            return state.id
    return state.values.get(name)


def stage_word(session: Session, state: EntityState, table: StageTable) -> tuple[str | None, str]:
    """What a system's stage field should hold, and why; it names the earlier stage that stands in for a finer one."""
    process = session.workspace.process
    outcome = state.score.get("outcome")
    if state.kind is Kind.OPPORTUNITY and outcome is not None:
        spelled = table.outcomes.get(Outcome(outcome))
        if spelled is not None or Outcome(outcome).closes:
            return spelled, f"outcome {outcome}"
    if state.detour is not None and state.detour in table.detours:
        return table.detours[state.detour], f"detour {state.detour}"
    if state.stage is None or not process.has_stage(state.stage):
        return None, ""
    shown = process.at_or_before(state.stage, table.values)
    instead = f", shown as {shown}" if shown != state.stage else ""
    return table.put(state.stage, process), f"stage {state.stage}{instead}"


def say(
    live: Live, object: str, mapped: FieldMapping, value: Scalar, held: Mapping[str, Scalar]
) -> dict[str, Scalar] | Untold:
    """A canonical value in a system's words, or why it cannot be said there: no translation, or no such option."""
    told = tell(mapped, value, held, live.directory)
    if isinstance(told, Untold):
        return told
    refused = [after for field, after in told.items() if not live.takes(object, field, after)]
    return Untold(value, f"{refused[0]!r} is no option of {object}.{mapped.field}") if refused else told


def relate(
    state: EntityState, ref: Ref | tuple[str, str, None], relation: RelationMapping, action: Action, end: str
) -> Change:
    connection, object, id = ref
    return Change(
        action,
        connection,
        object,
        state.kind,
        state.id,
        id,
        relation=relation.name,
        to_object=relation.object,
        to_entity=end,
        primary=not relation.many,
        because=state.reason(relation.name),
    )


def report_missing(session: Session, live: Live, object: str, mapped: FieldMapping) -> None:
    """Say that a mapped field does not exist there, once; another object of the same kind may have it."""
    mapping = live.mapping.entity_of(object)
    objects = mapping.objects if mapping else (object,)
    if not any(live.has_field(one, mapped.field) for one in objects):
        remedy = (
            f"Run: instep doctor --create-fields {live.name}" if mapped.name in DERIVED else "Correct the mapping."
        )
        session.ledger.note("no-field", live.name, f"{object} has no field {mapped.field}.", remedy)


def report_untold(session: Session, connection: str, kind: Kind, name: str, told: Untold, example: str) -> None:
    """Say that a system cannot express a value; the rest of the record is written."""
    session.ledger.note(
        "untold",
        connection,
        f"{kind} {name} {quoted(told.value)}: {told.why}.",
        f"Add it to mappings/{connection}.toml or team.toml; the rest of the record is written.",
        example,
    )
