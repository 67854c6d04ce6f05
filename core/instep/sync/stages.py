"""Hearing stages: what systems say of a journey's stage, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from instep.mapping.compiled import EntityMapping
from instep.model.conflict import BY_A_PERSON, Conflict
from instep.model.journey import Claim, ClaimType, Position, first_contact, fold, is_accepted, next_due, proven
from instep.model.merging import Voice
from instep.model.rules import earliest
from instep.model.stagetable import StageTable
from instep.model.values import Scalar, is_blank, plain
from instep.sync.fields import ask_again
from instep.sync.ledger import quoted
from instep.sync.overrides import hear_overrides
from instep.sync.session import Session
from instep.sync.stagelists import is_usable
from instep.sync.state import EntityState, JourneyState, RecordState


def table_for(mapping: EntityMapping, fields: dict[str, Scalar]) -> StageTable | None:
    """The table that translates a record's stage: its pipeline's, or the plain one."""
    for table in mapping.pipelines:
        if table.pipeline_field is None or fields.get(table.pipeline_field) == table.pipeline:
            return table
    return mapping.stages


def position_of(session: Session, journey: JourneyState) -> Position:
    """Where a journey stands now, from every claim on it."""
    told = (tuple(journey.claims), journey.segment, journey.active_at)
    if journey.folded is None or journey.folded[0] != told:
        journey.folded = told, _folded(session, journey)
    return journey.folded[1]


def _folded(session: Session, journey: JourneyState) -> Position:
    process, now = session.workspace.process, session.at
    position = fold(journey.claims, process, now, journey.segment, journey.active_at)
    if not session.tells_any("proven_stage"):
        return position
    return replace(position, proven=proven(journey.claims, process, now, journey.segment))


def due_of(session: Session, journey: JourneyState) -> datetime | None:
    """When a journey has to be looked at again, if nothing happens to it meanwhile."""
    process, position = session.workspace.process, journey.position
    due = next_due(journey.claims, session.at, process, position, journey.active_at)
    if session.tells_any("overdue"):
        late = position.overdue_from(process, journey.segment)
        due = earliest((due, late if late is not None and late > session.at else None))
    return due


def is_overdue(session: Session, position: Position, segment: str | None) -> bool:
    """Whether the buyer has been at a stage for longer than expected."""
    late = position.overdue_from(session.workspace.process, segment)
    return late is not None and late <= session.at


LONGEST_REASON = 500
_SET = ("assertion", "detour")
FIRST_CONTACT = "first contact"
"""Noted with the stage that a system showed when its record was seen first; it counts from that run on."""

_NOT_ITS_OWN = "an opportunity moves only by its own records"


@dataclass(frozen=True, slots=True)
class Said:
    """What one record says of the stage: a value of its system, and whether it is said for the first time."""

    record: RecordState
    table: StageTable
    value: str
    joined: bool
    at: datetime


def hear_stages(session: Session, state: EntityState, journey: JourneyState, *, locked: bool = False) -> None:
    """Turn what an entity's records say, and what people set here, into claims on a journey.

    `locked` means that the journey is an opportunity's and `state` is not: what is said is recorded, never taken.
    """
    hear_overrides(session, state, journey, refused=_NOT_ITS_OWN if locked else None)
    said = [s for record in state.records if (s := _said(session, record)) is not None]
    joined = [s for s in said if s.joined]
    journey.position = position_of(session, journey)
    _hear_person(session, state, journey, said)
    if joined:
        _hear_first(session, state, journey, said, locked=locked)
    for edit in sorted((s for s in said if not s.joined), key=lambda s: (s.at, str(s.record.ref))):
        journey.position = position_of(session, journey)
        _hear_edit(session, state, journey, edit, locked=locked)
    for record in state.records:
        _hear_amended(record, journey)
    journey.position = position_of(session, journey)
    if journey.position.stage is None:
        _note_refused(session, state, journey)
    ask_again(session, state, "stage", journey.position.stage)


def _hear_person(session: Session, state: EntityState, journey: JourneyState, said: list[Said]) -> None:
    """What a person decided of this journey's stage: a system's value becomes an assertion, ours is written again."""
    resolution = state.resolutions.get("stage")
    current = journey.position.stage
    if resolution is None or resolution.conflict.journey != journey.id:
        return
    voices = [_voice_of(session, one, current) for one in said]
    if not resolution.stands(current, [voice for voice in voices if voice is not None]):
        return
    state.resolved[resolution.id] = None
    wanted = str(resolution.voice.value)
    if wanted != current:
        journey.add(Claim(session.at, "assertion", wanted, resolution.voice.source, True, BY_A_PERSON))
        journey.position = position_of(session, journey)


def _voice_of(session: Session, said: Said, current: str | None) -> Voice | None:
    """What a record says of the stage, as a voice; None where its value is an outcome."""
    stage = said.table.get(said.value, current, session.workspace.process)
    if stage is None or _ends(said) is not None:
        return None
    return Voice(_source(said), _where(said), stage, not said.joined, said.joined, said.at)


def _said(session: Session, record: RecordState) -> Said | None:
    """What a record newly says of its stage; None if nothing, or nothing new."""
    table = table_for(record.mapping, record.fields)
    if table is None or record.frozen or table.field in record.masked:
        if table is None and record.mapping.pipelines and not record.frozen:
            _report(session, record, "is in a pipeline that no table translates")
        return None
    raw = record.fields.get(table.field)
    if is_blank(raw):
        return None
    if not is_usable(record.live, record.mapping, table):
        record.waiting.add(table.field)
        return None
    joined = record.is_new_to(table.field)
    moved = table.pipeline_field is not None and record.differs(table.pipeline_field)
    if not joined and not moved and not record.differs(table.field):
        return None
    value = str(raw)
    if not table.has(value):
        report_unknown(session, record, value)
        record.waiting.add(table.field)
        return None
    return Said(record, table, value, joined, record.changed_at(table.field))


def report_unknown(session: Session, record: RecordState, value: str) -> None:
    """Say that a record is at a stage that no table translates."""
    _report(session, record, f"stage {quoted(value)} is not in the table of stages")


def _report(session: Session, record: RecordState, what: str) -> None:
    session.ledger.note(
        "unmapped",
        record.connection,
        f"{record.mapping.kind}: {what}.",
        f"Add it to mappings/{record.connection}.toml; until then it is left alone.",
        str(record.ref),
    )


# --- first contact ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class First:
    """What one system's value adds to the first contact. `said` is None for a stage that was known before."""

    connection: str
    stage: str
    included: frozenset[str]
    said: Said | None


def _hear_first(
    session: Session, state: EntityState, journey: JourneyState, said: list[Said], *, locked: bool
) -> None:
    """All systems' first values are one assertion; the preferred system decides, a finer included stage is taken."""
    prefer = session.workspace.law(state.kind, "stage").prefer
    voices, outcomes = _first_voices(session, state, journey, said)
    if locked:
        for voice in voices:
            if voice.said is not None and voice.stage != journey.position.stage:
                _refuse(state, journey, voice.said, voice.stage, _NOT_ITS_OWN, session.at)
        return
    if outcomes and (not voices or prefer.index(_where(outcomes[0])) <= prefer.index(voices[0].connection)):
        journey.add(_outcome(outcomes[0], _closed_at(session, state)))
        journey.position = position_of(session, journey)
        _lose_first(session, state, journey, voices, _where(outcomes[0]))
        return
    why = f"first contact: {voices[0].connection} is preferred" if voices else ""
    for lost in outcomes:
        journey.add(_outcome(lost, session.at, accepted=False, note=why))
    winner = first_contact([(voice.connection, voice.stage, voice.included) for voice in voices])
    for voice in voices:
        if winner is None or voice.said is None:
            continue
        if (voice.connection, voice.stage) == winner and voice.stage != journey.position.stage:
            journey.add(_assertion(voice.said, voice.stage, session.at, note=FIRST_CONTACT))
    journey.position = position_of(session, journey)
    if winner is not None:
        _lose_first(session, state, journey, [v for v in voices if v.stage != winner[1]], winner[0])
    for lost in outcomes:
        _disagree(state, journey, lost, str(_ends(lost)), why)


def _lose_first(
    session: Session, state: EntityState, journey: JourneyState, voices: list[First], preferred: str
) -> None:
    """Record first values that were not taken; one that includes what was taken says nothing else."""
    why = f"first contact: {preferred} is preferred"
    for voice in voices:
        if voice.said is None:
            continue
        journey.add(_assertion(voice.said, voice.stage, session.at, accepted=False, note=why))
        if journey.position.stage not in voice.included or journey.position.outcome is not None:
            _disagree(state, journey, voice.said, voice.stage, why)


def _first_voices(
    session: Session, state: EntityState, journey: JourneyState, said: list[Said]
) -> tuple[list[First], list[Said]]:
    """Every system's stage, and every outcome, in falling order of preference."""
    process, current = session.workspace.process, journey.position.stage
    prefer = session.workspace.law(state.kind, "stage").prefer
    joined = {one.record.ref: one for one in said if one.joined}
    voices: list[First] = []
    outcomes: list[Said] = []
    for record in sorted(state.records, key=lambda r: prefer.index(r.connection)):
        one = joined.get(record.ref)
        if one is None:
            if current is not None and record.heard is not None and table_for(record.mapping, record.fields):
                voices.append(First(record.connection, current, frozenset({current}), None))
        elif _ends(one) is not None:
            outcomes.append(one)
        elif (meant := one.table.get(one.value, current, process)) is not None:
            included = frozenset(s for s in process.order() if one.table.includes(one.value, s, process))
            voices.append(First(record.connection, meant, included, one))
    return voices, outcomes


# --- edits -----------------------------------------------------------------------------------------------------


def _hear_edit(session: Session, state: EntityState, journey: JourneyState, said: Said, *, locked: bool) -> None:
    process = session.workspace.process
    position = journey.position
    outcome = said.table.outcome(said.value)
    if outcome is not None:
        if not locked and outcome is not position.outcome:
            journey.add(_outcome(said, said.at))
        return
    detour = said.table.detour(said.value)
    if detour is not None:
        _hear_detour(session, state, journey, said, detour, locked=locked)
        return
    stage = said.table.get(said.value, position.stage, process)
    if stage is None:
        return
    if position.outcome is not None and not locked and _had_outcome(said):
        journey.add(Claim(said.at, "reopened", position.outcome.value, _source(said)))
        journey.add(_assertion(said, stage, said.at))
        return
    if stage == position.stage and position.detour is None:
        return
    if locked:
        _write_back(session, state, journey, said, stage, _NOT_ITS_OWN)
    elif is_accepted(said.record.mapping.speaks_for, position.stage, stage, process):
        journey.add(_assertion(said, stage, said.at))
    else:
        role = process.stage(position.stage or stage).role
        _write_back(session, state, journey, said, stage, f"{said.record.connection} does not speak for {role}")


def _hear_amended(record: RecordState, journey: JourneyState) -> None:
    """Another last day, or another reason, of what this record set before: when it was set stays as it is."""
    table = table_for(record.mapping, record.fields)
    if table is None or record.frozen or record.differs(table.field) or table.field in record.masked:
        return
    if not any(record.differs(name) for name in table.beside):
        return
    said = Said(record, table, str(record.fields.get(table.field)), joined=False, at=record.modified_at)
    set_here = [c for c in journey.claims if c.accepted and c.source == _source(said) and c.type in _SET]
    last = max(set_here, key=lambda c: c.at, default=None)
    if last is None or not _is_of(said, last, journey):
        return
    ends = _last_day(said)
    if ends is not None and table.until_field is not None and ends <= last.at:
        ends = record.changed_at(table.until_field)
    journey.amend(last, replace(last, note=_reason(said) or last.note, expires=ends))


def _is_of(said: Said, claim: Claim, journey: JourneyState) -> bool:
    """Whether what a record holds now is what it set with this claim, and that is what holds."""
    if claim.type == "detour":
        return journey.position.detour == claim.value == said.table.detour(said.value)
    return journey.position.stage == claim.value and _ends(said) is None


def _hear_detour(
    session: Session, state: EntityState, journey: JourneyState, said: Said, detour: str, *, locked: bool
) -> None:
    """Whoever speaks for the role of the stage may lead a buyer beside the path."""
    process, stage = session.workspace.process, journey.position.stage
    role = process.stage(stage).role if stage is not None else None
    if detour == journey.position.detour:
        return
    if locked:
        _write_back(session, state, journey, said, detour, _NOT_ITS_OWN)
    elif role is None or role in said.record.mapping.speaks_for:
        journey.add(_assertion(said, detour, said.at))
    else:
        _write_back(session, state, journey, said, detour, f"{said.record.connection} does not speak for {role}")


def _write_back(
    session: Session, state: EntityState, journey: JourneyState, said: Said, stage: str, why: str
) -> None:
    """Record a stage that is not accepted. The effective one is written back once; if it returns, it stays."""
    moved = max((c.at for c in journey.claims if c.accepted and c.type != "evidence"), default=None)
    before = [
        c
        for c in journey.claims
        if not c.accepted and c.source == _source(said) and c.value == stage
        if not c.note.startswith("first contact") and (moved is None or c.at >= moved)
    ]
    _refuse(state, journey, said, stage, why, said.at)
    if before and not state.is_decided_by_a_person("stage"):
        state.conflicts["stage"] = replace(state.conflicts["stage"], waits=True)
        state.stage_left_alone[said.record.ref] = said.value
        text = f"{said.record.ref} holds stage {stage} again after it was written back ({why})."
        state.questions.append(("stage-returned", said.record.connection, text))
        session.ledger.conflicts[said.record.connection] += 1


def _note_refused(session: Session, state: EntityState, journey: JourneyState) -> None:
    """What stands in a record and was not taken, as long as no stage is known that could be written back.

    Every look at the record says so anew: what nobody says again is not listed any more.
    """
    for record in state.records:
        table = table_for(record.mapping, record.fields)
        raw = record.fields.get(table.field) if table is not None else None
        if table is None or record.frozen or is_blank(raw):
            continue
        said = Said(record, table, str(raw), joined=False, at=session.at)
        stage = table.get(said.value, None, session.workspace.process)
        last = next((c for c in reversed(journey.claims) if c.source == _source(said) and c.value == stage), None)
        if last is not None and last.type == "assertion" and not last.accepted:
            session.ledger.note(
                "stage-refused",
                record.connection,
                f"{state.kind}: stage {stage} is not taken ({last.note}), and no other stage is known.",
                "Let a system that speaks for that role say so.",
                str(record.ref),
            )


def _refuse(state: EntityState, journey: JourneyState, said: Said, stage: str, why: str, at: datetime) -> None:
    journey.add(_assertion(said, stage, at, accepted=False, note=why))
    _disagree(state, journey, said, stage, why)


def _disagree(state: EntityState, journey: JourneyState, said: Said, value: str, why: str) -> None:
    loser = Voice(_source(said), _where(said), value, True, False, said.at)
    state.disagree(Conflict("stage", why, _effective(journey), (loser,), journey=journey.id))


def _assertion(said: Said, value: str, at: datetime, *, accepted: bool = True, note: str = "") -> Claim:
    """What a record says of the stage, with the reason and the last day that stand beside it."""
    type: ClaimType = "detour" if value == said.table.detour(said.value) else "assertion"
    return Claim(at, type, value, _source(said), accepted, note or _reason(said), _until(said, at))


def _reason(said: Said) -> str:
    """Why somebody set the stage, in their own words; blank where the system does not tell."""
    told = said.record.fields.get(said.table.reason_field or "")
    return plain(str(told))[:LONGEST_REASON] if not is_blank(told) else ""


def _until(said: Said, at: datetime) -> datetime | None:
    """Until when what somebody set is to hold. A day that lies before the edit was meant for an earlier one."""
    last = _last_day(said)
    return last if last is not None and last > at else None


def _last_day(said: Said) -> datetime | None:
    """The end of the day, or the instant, that stands beside a stage; None where none does."""
    told = said.record.fields.get(said.table.until_field or "")
    if isinstance(told, str):
        try:
            told = date.fromisoformat(told) if len(told) == len("2026-12-24") else datetime.fromisoformat(told)
        except ValueError:
            return None
    if isinstance(told, date) and not isinstance(told, datetime):
        told = datetime.combine(told, time(23, 59, 59), UTC)
    return told if isinstance(told, datetime) and told.tzinfo is not None else None


def _ends(said: Said) -> str | None:
    """What a value says beside a stage: an outcome, or a detour."""
    outcome = said.table.outcome(said.value)
    return outcome.value if outcome is not None else said.table.detour(said.value)


def _effective(journey: JourneyState) -> Voice:
    """What holds, as a voice: whatever moved the journey there said it."""
    position = journey.position
    if position.outcome is not None and position.outcome.closes:
        said = next((c for c in reversed(journey.claims) if c.accepted and c.type == "outcome"), None)
        if said is not None:
            return Voice(said.source, said.connection, str(position.outcome), False, False, said.at)
    cause = position.history[-1].cause if position.history else None
    if cause is None:
        return Voice("", "", position.stage, False, False)
    return Voice(cause.source, cause.connection, position.stage, False, False, cause.at)


def _outcome(said: Said, at: datetime, *, accepted: bool = True, note: str = "") -> Claim:
    outcome = said.table.outcome(said.value)
    if outcome is None:
        return Claim(at, "detour", str(said.table.detour(said.value)), _source(said), accepted, note or _reason(said))
    return Claim(at, "outcome", outcome.value, _source(said), accepted, note)


def _closed_at(session: Session, state: EntityState) -> datetime:
    """When an outcome happened that is heard first: on the close date, where one lies in the past."""
    closed_on = state.values.get("close_date")
    if not isinstance(closed_on, date):
        return session.at
    return min(datetime.combine(closed_on, time(12), UTC), session.at)


def _had_outcome(said: Said) -> bool:
    heard = said.record.heard or {}
    before = heard.get(said.table.field)
    return before is not None and said.table.outcome(str(before)) is not None


def _where(said: Said) -> str:
    return said.record.connection


def _source(said: Said) -> str:
    return str(said.record.ref)
