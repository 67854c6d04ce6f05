"""Deciding the fields, relations and consent of one entity from what its records say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from instep.contract import Absent
from instep.mapping.compiled import EntityMapping, FieldLaw, FieldMapping, RelationMapping
from instep.mapping.translate import Unheard, hear
from instep.model.conflict import BY_A_PERSON, OVERTAKEN, Conflict
from instep.model.consent import Standing, Statement, settle
from instep.model.entities import RELATIONS
from instep.model.merging import Merged, Voice, authority_rule, merge, merge_elements
from instep.model.values import Scalar, is_blank, pack
from instep.sync.ledger import Ref, quoted
from instep.sync.session import Live, Session
from instep.sync.state import EntityState, RecordState, standing_rows


def decide_fields(session: Session, state: EntityState) -> None:
    """Merge every mapped field of an entity, three-way, and keep why each value is what it is."""
    for kind, name in session.workspace.types:
        if kind is state.kind:
            _decide_field(session, state, name)


def _decide_field(session: Session, state: EntityState, name: str) -> None:
    law = session.workspace.law(state.kind, name)
    speaking = [
        (record, mapped)
        for record in state.records
        if not record.frozen and (mapped := record.mapping.mapped(name)) is not None and mapped.hears
    ]
    is_open = law.authority is not None or name in state.resolutions or name in state.stopped
    if not is_open and all(_says_nothing_new(record, mapped) for record, mapped in speaking):
        return
    voices: list[Voice] = []
    for record, mapped in speaking:
        voice = _voice(session, record, mapped, law.authority)
        if voice is not None:
            voices.append(voice)
        elif record.connection == law.authority:
            state.stopped.add(name)  # what the authority says cannot be understood: nobody else decides
    if name in state.stopped:
        _wait(state, name)
        return
    merged = _by_a_person(state, name, state.values.get(name), voices) or _by_law(state, name, law, voices)
    if merged is not None:
        _take(session, state, name, merged)
    ask_again(session, state, name, state.values.get(name))


def _by_law(state: EntityState, name: str, law: FieldLaw, voices: Sequence[Voice]) -> Merged | None:
    """What the field's law makes of what is said; None where nobody says anything new."""
    if not any(voice.joined or voice.differs for voice in voices) and law.authority is None:
        return None
    spoke = law.authority is not None and state.reason(name) == authority_rule(law.authority)
    return merge(law.law, law.prefer, law.authority, state.values.get(name), voices, authority_spoke=spoke)


def _by_a_person(state: EntityState, name: str, current: Scalar, voices: Sequence[Voice]) -> Merged | None:
    """What a person decided of a field; None where nobody did, or somebody has said something else since."""
    resolution = state.resolutions.get(name)
    if resolution is None or not resolution.stands(current, voices):
        return None
    state.resolved[resolution.id] = None
    others = tuple(voice for voice in resolution.conflict.voices if voice.value != resolution.voice.value)
    return Merged(resolution.voice.value, BY_A_PERSON, replace(resolution.voice, at=resolution.at), others)


def ask_again(session: Session, state: EntityState, name: str, current: Scalar) -> None:
    """A decision that somebody has overtaken by saying something else does nothing: it is asked for again."""
    resolution = state.resolutions.get(name)
    if resolution is None or resolution.id in state.resolved:
        return
    state.resolved[resolution.id] = OVERTAKEN
    if current == resolution.voice.value:
        return
    asked = state.conflicts.get(name)
    if asked is None or not asked.waits:
        reason = state.reasons.get(name, {})
        source = str(reason.get("source") or "")
        at = datetime.fromisoformat(reason["at"]) if reason.get("at") else None
        holds = Voice(source, source.split("/", 1)[0], current, True, False, at)
        losers = (resolution.voice, *(asked.losers if asked else ()))
        state.conflicts[name] = Conflict(name, OVERTAKEN, holds, losers, True, resolution.conflict.journey)
    session.ledger.note(
        "decision-overtaken",
        "",
        f"{state.kind} {name}: what a person decided was not done, because {OVERTAKEN}.",
        "Look at it, and decide again: instep conflicts --open",
        state.id,
    )


def _says_nothing_new(record: RecordState, mapped: FieldMapping) -> bool:
    """Whether a record holds in a field, and lets us see, what was heard and understood."""
    if record.masked or mapped.field not in record.fields or record.is_new_to(mapped.field):
        return False
    if record.differs(mapped.field) or (mapped.currency_field and record.differs(mapped.currency_field)):
        return False
    return not isinstance(record.means(mapped), Unheard)


def _voice(session: Session, record: RecordState, mapped: FieldMapping, authority: str | None) -> Voice | None:
    """What a record says in one field; None where it cannot be seen, or means nothing to us."""
    if record.masked and _columns(mapped) & record.masked:
        record.waiting |= _columns(mapped)
        return None
    if mapped.field not in record.fields:
        if not record.is_new_to(mapped.field) or authority == record.connection:
            _report_hidden(session, record, mapped, authority)
        return None
    heard = record.means(mapped)
    if isinstance(heard, Unheard):
        report_unheard(session, record, mapped.name, heard)
        record.waiting |= _columns(mapped)
        return None
    # A blank that is to be filled again says nothing; nor does one way to be blank that took the place of another.
    is_silent = heard is None and (mapped.blanks == "silent" or _was_blank(record, mapped))
    differs = not is_silent and any(record.differs(column) for column in _columns(mapped))
    joined = record.is_new_to(mapped.field)
    at = record.changed_at(mapped.field)
    return Voice(str(record.ref), record.connection, heard, differs, joined, at, record.place)


def _was_blank(record: RecordState, mapped: FieldMapping) -> bool:
    """Whether what was last heard of a field meant nothing, too."""
    before = {**record.fields, **(record.heard or {})}
    return hear(mapped, before, record.live.directory) is None


def _take(session: Session, state: EntityState, name: str, merged: Merged) -> None:
    if merged.waits:
        text = f"{name} of {state.id} waits: " + "; ".join(
            f"{v.source} says {quoted(v.value)}" for v in merged.losers
        )
        state.questions.append(("manual", name, text))
        state.disagree(Conflict(name, merged.rule, None, merged.losers, waits=True))
        state.stopped.add(name)
        _wait(state, name)
        for voice in merged.losers:
            session.ledger.conflicts[voice.connection] += 1
        return
    before = state.values.get(name)
    if merged.value != before:
        state.changed.add(name)
        state.values[name] = merged.value
    if merged.winner is not None and (name in state.changed or merged.losers or name not in state.reasons):
        state.because(name, reason(session, merged), before=pack(before))
    _keep_losers(state, name, merged)


def _keep_losers(state: EntityState, name: str, merged: Merged) -> None:
    """Whatever a rule does not take is kept, with what it took instead."""
    if merged.losers and merged.rule != BY_A_PERSON:
        state.disagree(Conflict(name, merged.rule, merged.winner, merged.losers))


def reason(session: Session, merged: Merged) -> dict[str, Any]:
    """Why a value is what it is, as `explain` shows it."""
    winner = merged.winner
    return {
        "source": winner.source if winner else None,
        "rule": merged.rule,
        "at": winner.at.isoformat() if winner and winner.at else None,
        "run": session.run,
        "lost": [{"source": voice.source, "value": pack(voice.value)} for voice in merged.losers],
    }


def _wait(state: EntityState, name: str) -> None:
    """Keep the bases of a field: what was said will be heard again when it can be decided."""
    for record in state.records:
        mapped = record.mapping.mapped(name)
        if mapped is not None:
            record.waiting |= _columns(mapped)


def _columns(mapped: FieldMapping) -> set[str]:
    """The system's fields that hold one canonical value: an amount has two."""
    return {column for column in (mapped.field, mapped.currency_field) if column}


def _report_hidden(session: Session, record: RecordState, mapped: FieldMapping, authority: str | None) -> None:
    record.waiting |= _columns(mapped)
    consequence = "so it is not synced at all" if authority == record.connection else "so it is not synced there"
    session.ledger.note(
        "hidden",
        record.connection,
        f"{record.ref.object}.{mapped.field} cannot be seen, {consequence}.",
        "Give the login permission to read the field, or take it out of the mapping.",
        str(record.ref),
    )


def report_unheard(session: Session, record: RecordState, name: str, heard: Unheard) -> None:
    """Say that a value means nothing to us; it does not speak and is left alone."""
    session.ledger.note(
        "unmapped",
        record.connection,
        f"{record.mapping.kind} {name}: {quoted(heard.raw)}: {heard.why}.",
        f"Add it to mappings/{record.connection}.toml or team.toml; until then it is left alone.",
        str(record.ref),
    )


# --- relations -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ends:
    """What is known of the other ends: the entity of every associated record, and who is where."""

    entity_of: Mapping[Ref, str]
    present: Set[tuple[str, str]]
    """(connection, entity) of those that have a live record there."""

    def heard(self, record: RecordState, name: str) -> list[str] | None:
        """The ends that a record was last heard to have; None for a record that joins."""
        return None if record.related_heard is None else record.related_heard.get(name)

    def vanished(self, record: RecordState, name: str) -> list[str]:
        """Ends that have no record there any more: their association went with them, and nobody removed it."""
        return [end for end in self.heard(record, name) or () if (record.connection, end) not in self.present]


def decide_relations(session: Session, state: EntityState, known: Ends) -> None:
    """Merge what an entity is related to."""
    for name, (_, many) in RELATIONS[state.kind].items():
        if many:
            _decide_many(session, state, name, known)
        else:
            _decide_one(session, state, name, known)


def ends(record: RecordState, relation: RelationMapping, entity_of: Mapping[Ref, str]) -> tuple[list[str], int]:
    """The entities that a record is associated with, the primary first, and how many ends have no entity."""
    found = record.related.get(relation.object, ())
    refs = [Ref(record.connection, relation.object, id) for id, _ in found]
    linked = [entity_of[ref] for ref in refs if ref in entity_of]
    return list(dict.fromkeys(linked)), len(refs) - len(linked)


def _decide_one(session: Session, state: EntityState, name: str, known: Ends) -> None:
    voices: list[Voice] = []
    for record in state.records:
        relation = _relation(record, name)
        if relation is None or record.frozen:
            continue
        entities, unlinked = ends(record, relation, known.entity_of)
        primary = [p for _, p in record.related.get(relation.object, ())]
        if unlinked and not entities:
            _report_unlinked(session, record, name)
            record.waiting.add(f"@{name}")
            continue
        if len(entities) > 1 and not primary[0]:
            record.waiting.add(f"@{name}")
            continue  # several, and the system singles none out: it says nothing that we could take
        before = known.heard(record, name)
        value = entities[0] if entities else next(iter(known.vanished(record, name)), None)
        differs = before is not None and value != next(iter(before), None)
        joined, at = before is None, record.modified_at
        voices.append(Voice(str(record.ref), record.connection, value, differs, joined, at, record.place))
    current = next(iter(state.relations.get(name, ())), None)
    merged = _by_a_person(state, name, current, voices)
    if merged is None and any(voice.joined or voice.differs for voice in voices):
        merged = merge("prefer", session.workspace.connection_names, None, current, voices)
    if merged is not None:
        _take_end(session, state, name, merged, current)
    ask_again(session, state, name, next(iter(state.relations.get(name, ())), None))


def _take_end(session: Session, state: EntityState, name: str, merged: Merged, current: Scalar) -> None:
    if merged.value != current:
        state.changed.add(name)
        state.relations[name] = frozenset([str(merged.value)]) if merged.value is not None else frozenset()
    if merged.value != current or merged.rule == BY_A_PERSON:
        state.because(name, reason(session, merged), before=[current] if current else [])
    _keep_losers(state, name, merged)


def _decide_many(session: Session, state: EntityState, name: str, known: Ends) -> None:
    heard: list[tuple[frozenset[str], frozenset[str] | None]] = []
    for record in state.records:
        relation = _relation(record, name)
        if relation is None or record.frozen:
            continue
        entities, unlinked = ends(record, relation, known.entity_of)
        if unlinked:
            _report_unlinked(session, record, name)
        before = known.heard(record, name)
        there = frozenset(entities) | frozenset(known.vanished(record, name))
        heard.append((there, None if before is None else frozenset(before)))
    current = state.relations.get(name, frozenset())
    merged = merge_elements(current, heard)
    if merged != current:
        state.changed.add(name)
        state.relations[name] = merged
        state.because(name, {"rule": "merged per element", "run": session.run}, before=sorted(current))


def _relation(record: RecordState, name: str) -> RelationMapping | None:
    return next((r for r in record.mapping.relations if r.name == name and r.direction != "out"), None)


def _report_unlinked(session: Session, record: RecordState, name: str) -> None:
    session.ledger.note(
        "unlinked",
        record.connection,
        f"{record.mapping.kind}: its {name} is a record that is not synced.",
        "See why that record is skipped; the association follows when it is synced.",
        str(record.ref),
    )


# --- consent ---------------------------------------------------------------------------------------------------


def decide_consent(session: Session, state: EntityState, absorbed: Iterable[Standing] = ()) -> None:
    """Settle consent over all records, left-out ones included: an opt-out anywhere holds everywhere.

    `absorbed` is what stood for those of whom a record became one of this entity's: no merge opts anybody in.
    """
    statements = [s for record in state.records for s in _statements(record)]
    statements += [Statement(s.scope, "out", s.at, s.source) for s in absorbed if s.state == "out"]
    if not statements:
        return
    before = dict(state.consent)
    state.consent = settle(before.values(), statements)
    if state.consent != before:
        state.changed.add("consent")
        state.because("consent", {"run": session.run}, before=standing_rows(before.values()))


def consent_flag(record: RecordState) -> tuple[str, tuple[str, ...]] | None:
    """The field that holds a record's opt-out, and what it holds then; None where there is none."""
    return flag_of(record.live, record.mapping)


def flag_of(live: Live, mapping: EntityMapping) -> tuple[str, tuple[str, ...]] | None:
    """The field that holds an opt-out, and what it holds then; None where there is none."""
    if mapping.consent is None:
        return None
    if mapping.consent.field is not None:
        return mapping.consent.field, mapping.consent.out_values
    store = live.parts.consents
    if isinstance(store, Absent) or store.flag_field is None:
        return None
    return store.flag_field, ()


def is_flagged_out(value: Scalar, out_values: tuple[str, ...]) -> bool:
    """Whether a field says of somebody that they opted out; one that says who is subscribed does so by false."""
    if isinstance(value, bool):
        return value is not _is_of_subscribers(out_values)
    return not is_blank(value) and str(value).strip().casefold() in {v.casefold() for v in out_values}


def flag_for(out_values: tuple[str, ...], held: Scalar, *, is_out: bool) -> Scalar:
    """What such a field is told. `held` is what it holds; a new record holds nothing yet."""
    word = out_values[0] if out_values else "true"
    is_truth = isinstance(held, bool) if held is not None else word.casefold() in ("true", "false")
    if is_truth:
        return is_out is not _is_of_subscribers(out_values)
    return word if is_out else None


def _is_of_subscribers(out_values: tuple[str, ...]) -> bool:
    """Whether a yes/no field says who may be written to, and not who may not."""
    words = {word.casefold() for word in out_values}
    return "false" in words and "true" not in words


def _statements(record: RecordState) -> list[Statement]:
    mapping = record.mapping.consent
    found: list[Statement] = []
    if mapping is None:
        return found
    for scope, state, at, source, explicit in record.consents:
        if at is not None:
            found.append(Statement(scope, state, datetime.fromisoformat(at), f"{record.ref} {source}", explicit))
    flag = consent_flag(record)
    if flag is not None and flag[0] in record.fields and is_flagged_out(record.fields[flag[0]], flag[1]):
        name = flag[0]
        if record.is_new_to(name) or record.differs(name):
            found.append(Statement(mapping.scope, "out", record.changed_at(name), str(record.ref)))
    return found
