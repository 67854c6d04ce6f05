"""Why not: what keeps a record from being in a system, or in step, by what the state knows. Asks no system."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from instep.mapping.compiled import Workspace
from instep.model.entities import Kind
from instep.model.rules import Moment
from instep.model.rulewords import spelled
from instep.model.values import decode, display, is_same
from instep.store import require_state
from instep.sync.conflicts import Wanted, read_conflicts, read_questions
from instep.sync.creates import Obstacle, obstacle
from instep.sync.decide import recall
from instep.sync.erased import names_by
from instep.sync.labels import label_of
from instep.sync.ledger import Ref
from instep.sync.lookup import find_entity, records_by_id, records_by_key
from instep.sync.match import facts_of, keys_of
from instep.sync.plan import UNDONE, WRITTEN_AGAIN
from instep.sync.refusals import Waiting, read_waiting
from instep.sync.session import Live, Session, open_session, require_connection, use_catalogue
from instep.sync.state import EntityState, RecordState
from instep.sync.transport import World


@dataclass(frozen=True, slots=True)
class Answer:
    """What is in the way of one entity, or of one record that no entity has, in one connection."""

    subject: str
    known_as: str
    connection: str
    records: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "subject": self.subject,
            "known_as": self.known_as,
            "connection": self.connection,
            "records": list(self.records),
            "obstacles": [{"code": o.code, "text": o.text, "remedy": o.remedy} for o in self.obstacles],
        }


def why_not(workspace: Workspace, world: World, key: str, connection: str | None = None) -> list[Answer]:
    """What is in the way of everything that `key` names, in every connection or in one.

    Raises `ConfigError` where there is no such connection.
    """
    if connection is not None:
        require_connection(workspace, connection)
    require_state(workspace.store)
    with open_session(workspace, world) as session:
        _remember(session)
        lives = [live for name, live in session.connections.items() if connection in (None, name)]
        entities = [entity for entity, _ in find_entity(session.store, key)]
        found = [_of_entity(session, state, live) for state in recall(session, entities) for live in lives]
        found += [_of_record(session, ref) for ref in _unlinked(session, key) if connection in (None, ref.connection)]
        return found or [_unknown(session, key, live) for live in lives]


def _remember(session: Session) -> None:
    """What the systems last said of themselves, and why one of them was left early in the last run."""
    for name, live in session.connections.items():
        row = session.store.row("SELECT catalogue FROM connection WHERE name = ?", (name,))
        if row is not None and row[0]:
            use_catalogue(session, live, json.loads(row[0]))
    row = session.store.row(
        "SELECT report FROM run WHERE command IN ('sync', 'plan', 'apply') AND report IS NOT NULL "
        "ORDER BY id DESC LIMIT 1"
    )
    session.stopped = json.loads(row[0]).get("stopped", {}) if row else {}


# --- an entity -------------------------------------------------------------------------------------------------


def _of_entity(session: Session, state: EntityState, live: Live) -> Answer:
    here = [record for record in state.records if record.connection == live.name]
    found = [*_stopped(session, live), *_mapped(state, live)]
    if live.mapping.entities.get(state.kind) is not None:
        parts = [_of_mirrored(session, record) for record in here] if here else [_of_missing(session, state, live)]
        found += [one for part in parts for one in part]
        found += [*_unsettled(session, state, live), *_refused(session, state, live)]
        found += _undecided(session, state, live)
    return Answer(
        state.id,
        label_of(session.store, state.id),
        live.name,
        tuple(str(record.ref) for record in here),
        tuple(dict.fromkeys(found)),
    )


def _stopped(session: Session, live: Live) -> Iterator[Obstacle]:
    if live.name in session.stopped:
        text = f"{live.name} had to be left early in the last run: {session.stopped[live.name]}"
        yield Obstacle("stopped", text, "See: instep doctor, then sync again.")


def _mapped(state: EntityState, live: Live) -> Iterator[Obstacle]:
    if live.mapping.entities.get(state.kind) is None:
        text = f"mappings/{live.name}.toml has no table [{state.kind}], so none is kept there."
        yield Obstacle("not-mapped", text, "Add the table, if it is to be.")


def _of_missing(session: Session, state: EntityState, live: Live) -> Iterator[Obstacle]:
    """What keeps an entity from getting a record."""
    mapping = live.mapping.entities[state.kind]
    found = obstacle(session, state, live, mapping) if state.records else _gone_everywhere()
    if found is not None:
        yield found
    yield from _asked(session, state, live)
    codes = {found.code} if found is not None else set()
    yield from (note for note in _standing(session, live.name, [state.id]) if note.code not in codes)


def _gone_everywhere() -> Obstacle:
    return Obstacle("gone", "It has no record left in any system.", "Make one; it is linked by its keys.")


def _asked(session: Session, state: EntityState, live: Live) -> Iterator[Obstacle]:
    """Questions about records there that share a key with this entity, or that became another's."""
    keys = {(name, value) for record in state.records for name, value in _keys(record).items()}
    for one in read_questions(session.store):
        if one.connection != live.name:
            continue
        row = session.store.row(
            "SELECT detail FROM question WHERE kind = ? AND subject = ? AND connection = ?",
            (one.kind, one.subject, one.connection),
        )
        detail = json.loads(row[0]) if row and row[0] else {}
        if one.subject == state.id or keys & set(detail.get("keys", {}).items()):
            yield Obstacle("question", one.text, one.remedy.replace("ID", one.id))


def _keys(record: RecordState) -> dict[str, str]:
    return keys_of(record.live, record.mapping, record.fields)


def _of_mirrored(session: Session, record: RecordState) -> Iterator[Obstacle]:
    """What keeps a record that is there from being kept in step."""
    if record.frozen:
        yield _left_out(record.live, record.mapping.kind, spelled(record.mapping.include))
    yield from _standing(session, record.connection, [str(record.ref)])
    yield from _taken_back(record)
    if record.dirty:
        yield Obstacle("not-yet", "It changed, and no run has decided it since.", "Run: instep sync")


def _taken_back(record: RecordState) -> Iterator[Obstacle]:
    """What a person took back there, and is not said again: until something else is to be said."""
    held = ((record.fields[name], undone) for name, undone in record.undone.items() if name in record.fields)
    if any(is_same(value, undone.back) and value != undone.said for value, undone in held):
        yield Obstacle("undone", UNDONE, WRITTEN_AGAIN)


def _unsettled(session: Session, state: EntityState, live: Live) -> Iterator[Obstacle]:
    if session.store.row(
        "SELECT 1 FROM journal WHERE state IN ('intended', 'unknown') AND connection = ? AND entity = ?",
        (live.name, state.id),
    ):
        yield Obstacle("unsettled", "Nobody knows yet whether the last write took effect.", "Sync: it is looked up.")


def _left_out(live: Live, kind: Kind, rule: str) -> Obstacle:
    text = f"mappings/{live.name}.toml, [{kind}] leaves it out: include = {rule}. Only consent is written."
    return Obstacle("left-out", text, "Change the rule, or what it looks at.")


def _standing(session: Session, connection: str, subjects: Sequence[str]) -> Iterator[Obstacle]:
    """What runs have said of these, and what stays so until somebody changes something."""
    rows = session.store.among(
        "SELECT code, text, remedy FROM standing WHERE connection = ? AND subject IN (?)", subjects, connection
    )
    refused = {one.code for one in read_waiting(session.store, "connection = ?", (connection,))}
    yield from (Obstacle(*row) for row in sorted(rows) if row[0] not in refused)


def _refused(session: Session, state: EntityState, live: Live) -> Iterator[Obstacle]:
    for one in read_waiting(session.store, "connection = ? AND entity = ?", (live.name, state.id)):
        yield _refusal(one)


def _refusal(one: Waiting) -> Obstacle:
    told = one.as_json()
    times = "once" if one.tries == 1 else f"{one.tries} times"
    since = display(datetime.fromisoformat(one.since))
    text = f"{told['class']}: {one.reason} (tried {times} since {since}; {one.next_try})"
    remedy = f"{told['remedy']} To try it in the next run: instep retry {one.entity} {one.connection}"
    return Obstacle("refused", text, remedy)


def _undecided(session: Session, state: EntityState, live: Live) -> Iterator[Obstacle]:
    mapping = live.mapping.entities[state.kind]
    for kept in read_conflicts(session.store, Wanted([state.id], ("open",))):
        field = kept.conflict.field
        is_here = mapping.mapped(field) is not None or any(v.connection == live.name for v in kept.conflict.voices)
        if is_here:
            said = "; ".join(f"{v.source} says {display(v.value)}" for v in kept.conflict.voices)
            remedy = f"Decide: instep conflicts resolve {kept.id} --take CONNECTION"
            yield Obstacle("conflict", f"{field} waits for a person: {said}.", remedy)


# --- a record that no entity has -------------------------------------------------------------------------------


def _unlinked(session: Session, key: str) -> list[Ref]:
    """Records that a key names and that are linked to nothing."""
    wanted, query = (
        key.strip(),
        "SELECT 1 FROM mirror WHERE connection = ? AND object = ? AND id = ? AND entity IS NULL",
    )
    named = {*records_by_key(session.store, wanted), *records_by_id(session.store, wanted)}
    return [ref for ref in sorted(named) if ref.connection in session.connections and session.store.row(query, ref)]


def _of_record(session: Session, ref: Ref) -> Answer:
    live = session.live(ref.connection)
    found = [*_stopped(session, live), *_why_unlinked(session, live, ref)]
    return Answer(str(ref), str(ref), ref.connection, (str(ref),), tuple(found))


def _why_unlinked(session: Session, live: Live, ref: Ref) -> Iterator[Obstacle]:
    row = session.store.row(
        "SELECT fields, state FROM mirror WHERE connection = ? AND object = ? AND id = ?", ref
    ) or (b"{}", "gone")
    mapping = session.mapping(ref.connection, ref.object)
    if mapping is None:
        yield Obstacle(
            "not-mapped", f"mappings/{live.name}.toml does not map {ref.object}.", "Add it, if it is to be."
        )
        return
    if row[1] != "live":
        yield Obstacle("gone", f"The record is {row[1]} there.", "Make a new one, if it is to be.")
        return
    asked = [one for one in read_questions(session.store) if one.subject == str(ref)]
    yield from (Obstacle("question", one.text, one.remedy.replace("ID", one.id)) for one in asked)
    is_included = mapping.include.value(facts_of(live, mapping, decode(row[0])), Moment(session.at))
    if not is_included:
        yield _left_out(live, mapping.kind, spelled(mapping.include))
    elif not asked:
        remedy = "Run: instep sync" if session.store.meta("applied") else "Run: instep sync --first-run=10"
        yield Obstacle("not-yet", "It was read, and no run has decided it yet.", remedy)


def _unknown(session: Session, key: str, live: Live) -> Answer:
    if session.erased.has(*names_by(key)):
        remedy = f"If they come back and say so: instep allow {shlex.quote(key)}"
        erased = Obstacle("erased", "They were erased, and nothing brings them back.", remedy)
        return Answer(key, key, live.name, (), (*_stopped(session, live), erased))
    read = session.store.row("SELECT max(read_at) FROM cursor WHERE connection = ?", (live.name,))
    if read is None or read[0] is None:
        found = Obstacle("not-read", f"{live.name} has not been read yet.", "Run: instep sync")
    else:
        text = f"No record that was read from {live.name} by {display(datetime.fromisoformat(read[0]))} has this key."
        remedy = "Give an e-mail address, a domain, a record's id or an instep_id; see whether the login may see it."
        found = Obstacle("unknown", text, remedy)
    return Answer(key, key, live.name, (), (*_stopped(session, live), found))
