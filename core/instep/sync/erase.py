"""Erase a person: in the systems by declared policy, then here, and bar them from coming back.

The systems come first and the state last: whoever is stopped on the way still knows whom to erase, and the same
command goes on. As long as a system has refused, what is known here is kept, because it says what is left to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Literal

from instep.contract import (
    Delete,
    Erase,
    Garbled,
    Item,
    Missing,
    Moved,
    Outcome,
    Rejected,
    Seen,
    Unknown,
    Write,
    Written,
)
from instep.errors import ConfigError, RemoteError, UnknownOutcomeError
from instep.mapping.compiled import Workspace
from instep.model.entities import FieldType, Kind
from instep.store import Store, require_state
from instep.sync.erased import Erased, by_address, by_id, by_record, names_by
from instep.sync.forget import Traces, forget, held, traces_of
from instep.sync.journal import intend, settle
from instep.sync.ledger import Ref
from instep.sync.pull import keep_items, pull, pull_successors, read_again, wanted_fields
from instep.sync.recover import recover
from instep.sync.refusals import bury
from instep.sync.run import close, running
from instep.sync.session import Live, Session, identify, present
from instep.sync.subject import Known, Subject, find_subject, policy_of
from instep.sync.sweep import UNSWEPT, saved_plans, sweep
from instep.sync.transport import World
from instep.sync.untie import BECAUSE, untie

Fate = Literal[
    "undeclared", "to erase", "to delete", "erased", "deleted", "not there", "kept", "merged", "refused", "unanswered"
]
GONE: tuple[Fate, ...] = ("erased", "deleted", "not there")
LEFT: tuple[Fate, ...] = ("refused", "unanswered")
"""What has to be done again, or by hand."""
UNDECLARED = 'No policy is declared: say erase = "erase", "delete" or "keep" under [person] in mappings/{}.toml.'


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes, or became, of one record in its system."""

    ref: Ref
    fate: Fate
    reason: str = ""

    def as_json(self) -> dict[str, str]:
        connection, object, id = self.ref
        return {"connection": connection, "object": object, "record": id, "fate": self.fate, "reason": self.reason}


@dataclass(slots=True)
class Erasure:
    """What erasing somebody does, or did, and what remains."""

    entity: str | None
    parts: list[Part] = field(default_factory=list)
    here: dict[str, int] = field(default_factory=dict)
    """How many rows of the state are theirs, by table."""
    shared: int = 0
    """Addresses that others have too, and that therefore bar nobody."""
    plans: list[str] = field(default_factory=list)
    is_done: bool = False
    """Whether it was done, or only looked at."""
    is_forgotten: bool = False
    """Whether the state holds nothing of them any more."""
    erased_before: bool = False
    problems: list[str] = field(default_factory=list)
    """What is not done yet."""
    unsearched: list[str] = field(default_factory=list)
    """Systems that could not be searched for other records of theirs."""
    run: int | None = None

    @property
    def left(self) -> list[Part]:
        return [part for part in self.parts if part.fate in LEFT]

    @property
    def exit_code(self) -> int:
        return 3 if self.is_done and (self.left or self.problems or not self.is_forgotten) else 0

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "entity": self.entity,
            "done": self.is_done,
            "forgotten_here": self.is_forgotten,
            "erased_before": self.erased_before,
            "systems": [part.as_json() for part in self.parts],
            "here": self.here,
            "shared_addresses": self.shared,
            "plans": self.plans,
            "problems": self.problems,
            "unsearched": self.unsearched,
        }

    def report(self, erased: Erased) -> dict[str, Any]:
        """The same for the list of runs: counts, and nothing by which to find out who it was."""
        parts = [
            {"connection": p.ref.connection, "object": p.ref.object, "record": _hidden(erased, p.ref), "fate": p.fate}
            for p in self.parts
        ]
        return {"erased": parts, "here": self.here, "forgotten_here": self.is_forgotten, "plans": len(self.plans)}


def _hidden(erased: Erased, ref: Ref) -> str:
    return f"erased-{erased.name(ref.id)[:16]}"


# --- looking, and doing ----------------------------------------------------------------------------------------


def preview(workspace: Workspace, key: str) -> Erasure:
    """Say what erasing somebody would do, as far as the state knows. Asks no system and writes nothing.

    Raises `ConfigError` where nobody is known by `key`.
    """
    with Store(require_state(workspace.store)) as store:
        subject = find_subject(store, workspace, key)
        if subject is None:
            return _erased_before(store, key)
        found = held(store, traces_of(store, workspace, subject))
        return Erasure(subject.entity, _planned(workspace, subject), found, len(subject.shared), saved_plans(store))


def erase(workspace: Workspace, world: World, key: str, *, here_anyway: bool = False) -> Erasure:
    """Erase somebody, in the systems by their policies and then here.

    Where a system refuses or does not answer, the state is kept and the same command goes on; `here_anyway` forgets
    them here all the same. Raises `ConfigError` where nobody is known by `key`: that is found out before there is a
    run, so that no list of runs ever holds the key; and where a connection says nothing of what becomes of a person's
    records, unless `here_anyway`.
    """
    found = preview(workspace, key)
    if not here_anyway and not found.erased_before:
        _require_policies(workspace)
    with running(workspace, world, "erase") as session:
        subject = find_subject(session.store, workspace, key)
        done = _erase(session, subject, key, here_anyway) if subject else _erased_before(session.store, key)
        done.run, done.is_done = session.run, True
        if done.is_forgotten:
            done.problems += sweep(session)
        status = "partial" if done.exit_code else "done"
        close(session, status, done.report(session.erased))
    return done


def _require_policies(workspace: Workspace) -> None:
    """Erase nowhere before it is said what becomes of their records everywhere: what is forgotten cannot be found."""
    with_people = [name for name, mapping in workspace.mappings.items() if Kind.PERSON in mapping.entities]
    silent = [name for name in with_people if policy_of(workspace, name) is None]
    if silent:
        raise ConfigError(
            "Nothing was erased: not every system's file says what becomes of a person's records there.\n"
            + "\n".join(
                f'mappings/{name}.toml: add to [person]: erase = "erase", "delete" or "keep"' for name in silent
            )
        )


def _erased_before(store: Store, key: str) -> Erasure:
    if not Erased(store).has(*names_by(key)):
        raise ConfigError(
            "Nobody is known by that, and nothing was done. "
            "Give an e-mail address, a record (connection/object/id) or an instep_id."
        )
    return Erasure(None, is_forgotten=True, erased_before=True)


def _erase(session: Session, subject: Subject, key: str, here_anyway: bool) -> Erasure:
    identify(session)
    session.at = present(session)
    recover(session)
    pull(session)
    unsearched = _look_again(session, subject)
    subject = find_subject(session.store, session.workspace, key) or subject
    traces = traces_of(session.store, session.workspace, subject)
    found = held(session.store, traces)
    parts = sorted(_in_systems(session, subject), key=lambda part: part.ref)
    tied = list(untie(session, subject, [part.ref for part in parts if part.fate in GONE]))
    done = Erasure(subject.entity, parts, found, len(subject.shared), saved_plans(session.store))
    done.unsearched, done.problems = unsearched, [*tied, *_unsettled(session, subject)]
    if here_anyway or not (done.left or done.problems):
        _here(session, subject, traces)
        done.is_forgotten = True
    return done


# --- what is there ---------------------------------------------------------------------------------------------


def _planned(workspace: Workspace, subject: Subject) -> list[Part]:
    return [_part(workspace, subject, record) for record in subject.records]


def _part(workspace: Workspace, subject: Subject, record: Known) -> Part:
    ref, policy = record.ref, policy_of(workspace, record.ref.connection)
    if ref.connection not in workspace.connection_names:
        return Part(ref, "kept", "Left there: this connection is not configured any more. Erase it there by hand.")
    if policy is None:
        return Part(ref, "undeclared", UNDECLARED.format(ref.connection))
    if policy == "keep":
        return Part(ref, "kept", "Left there, as declared.")
    if record.state == "merged" and (policy == "delete" or record.successor not in subject.refs):
        return Part(ref, "merged", f"It became {record.successor} there.")
    if policy == "delete" and record.state == "gone":
        return Part(ref, "not there", "It was deleted there.")
    return Part(ref, "to erase" if policy == "erase" else "to delete")


def _look_again(session: Session, subject: Subject) -> list[str]:
    """Read their records again and look for others by address, in every system where they are to be erased.

    Returns the systems that cannot be searched by address.
    """
    unsearched = []
    for live in session.connections.values():
        if live.name in session.stopped or policy_of(session.workspace, live.name) in (None, "keep"):
            continue
        try:
            for object, mapping in live.mapping.objects.items():
                if mapping.kind is Kind.PERSON:
                    _read_again(session, live, object, subject)
            pull_successors(session, live)
        except RemoteError as error:
            session.stopped.setdefault(live.name, str(error))
            continue
        unsearched += [] if _search(session, live, subject) else [live.name]
    return unsearched


def _read_again(session: Session, live: Live, object: str, subject: Subject) -> None:
    mapping = live.mapping.objects[object]
    ids = sorted({ref.id for ref in subject.refs if (ref.connection, ref.object) == (live.name, object)})
    items = read_again(live, object, ids, wanted_fields(live, mapping))
    _keep(session, live, object, [item for item in items if not isinstance(item, Garbled)])


def _search(session: Session, live: Live, subject: Subject) -> bool:
    """Find records that nobody has read yet: straight from the system, never by an index that lags."""
    for object, mapping in live.mapping.objects.items():
        fields = [f.field for f in mapping.fields if f.type is FieldType.EMAIL and mapping.kind is Kind.PERSON]
        for name in fields if subject.emails else ():
            try:
                found = live.records.find(object, name, sorted(subject.emails), wanted_fields(live, mapping))
            except RemoteError:
                return False
            _keep(session, live, object, [item for items in found for item in items if isinstance(item, Seen)])
    return True


def _keep(session: Session, live: Live, object: str, items: Sequence[Item]) -> None:
    with session.store.transaction(f"erase: {live.name}/{object} read"):
        keep_items(session, live.name, object, items)


# --- in the systems --------------------------------------------------------------------------------------------


def _in_systems(session: Session, subject: Subject) -> Iterator[Part]:
    """Do in every system what its policy says, record by record."""
    planned = _planned(session.workspace, subject)
    to_do = [part for part in planned if part.fate in ("to erase", "to delete")]
    yield from (part for part in planned if part not in to_do)
    for (connection, object), group in groupby(to_do, key=lambda part: part.ref[:2]):
        parts = list(group)
        if connection in session.stopped:
            yield from (replace(part, fate="unanswered", reason=session.stopped[connection]) for part in parts)
            continue
        live = session.live(connection)
        size = live.records.batch.write
        for start in range(0, len(parts), size):
            yield from _write(session, live, object, parts[start : start + size], subject)


def _write(session: Session, live: Live, object: str, parts: Sequence[Part], subject: Subject) -> list[Part]:
    """One call, with a journal row for each record before it and the outcome after it."""
    entity = subject.entity or ""
    with session.store.transaction("journal: intended"):
        action = "erase" if parts[0].fate == "to erase" else "delete"
        rows = [intend(session, part.ref, entity, action, {"why": {action: BECAUSE}}) for part in parts]
    kind = Erase if action == "erase" else Delete
    writes: list[Write] = [kind(part.ref.id) for part in parts]
    try:
        outcomes = live.records.write(object, writes, ())
    except RemoteError as error:
        if not isinstance(error, UnknownOutcomeError):
            session.stopped.setdefault(live.name, str(error))
        outcomes = [Unknown(str(error)) for _ in parts]
    live.require_one_each(outcomes, parts)
    settled = [_settled(part, outcome) for part, outcome in zip(parts, outcomes, strict=True)]
    with session.store.transaction("journal: outcome"):
        for seq, part in zip(rows, settled, strict=True):
            _keep_outcome(session, seq, part, entity)
    return settled


def _settled(part: Part, outcome: Outcome) -> Part:
    match outcome:
        case Written():
            return replace(part, fate="erased" if part.fate == "to erase" else "deleted")
        case Missing():
            return replace(part, fate="not there", reason="It is not there any more.")
        case Rejected(reason=reason):
            return replace(part, fate="refused", reason=reason)
        case Moved(object=object, id=id):
            return replace(part, fate="refused", reason=f"It became {object}/{id} at that moment.")
        case Unknown(reason=reason):
            return replace(part, fate="unanswered", reason=reason)


_STATES: dict[Fate, str] = {"refused": "rejected", "not there": "rejected", "unanswered": "unknown"}


def _keep_outcome(session: Session, seq: int, part: Part, entity: str) -> None:
    state = _STATES.get(part.fate, "confirmed")
    settle(session, seq, state, {"fate": part.fate})
    if part.fate in GONE:
        session.store.run("UPDATE mirror SET state = 'gone' WHERE connection = ? AND object = ? AND id = ?", part.ref)
        if entity:
            bury(session, part.ref.connection, entity, "erased there")


def _unsettled(session: Session, subject: Subject) -> Iterator[str]:
    """Earlier writes about them of which nobody knows the outcome: one may still make a record of theirs."""
    for connection, action in session.store.rows(
        "SELECT DISTINCT connection, action FROM journal WHERE state IN ('intended', 'unknown') AND entity = ? "
        "AND action NOT IN ('erase', 'delete')",
        (subject.entity,),
    ):
        yield f"An earlier write to {connection} ({action}) is not settled yet. Repeat the command once it answers."


# --- here ------------------------------------------------------------------------------------------------------


def _here(session: Session, subject: Subject, traces: Traces) -> None:
    """Forget them, and bar what they are known by; all at once, or not at all."""
    names = {*map(by_record, subject.refs), *map(by_address, subject.emails)}
    if subject.entity is not None:
        names.add(by_id(subject.entity))
    with session.store.transaction("erase: here"):
        subject_hash = session.erased.name(min(names))
        session.erased.add(subject_hash, names, session.at)
        forget(session.store, traces, session.erased.name)
        session.store.set_meta(UNSWEPT, "1")
        session.store.bump("serial")
