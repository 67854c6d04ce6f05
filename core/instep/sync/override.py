"""Override: a person sets the stage of somebody here, for a reason, and perhaps only until a day.

Asks no system; the next run carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.mapping.mistakes import nearest
from instep.model.entities import Kind
from instep.model.override import Override
from instep.model.process import Outcome, Process
from instep.model.values import plain
from instep.store import Store, require_state
from instep.sync.labels import label_of
from instep.sync.lookup import require_entity
from instep.sync.overrides import overrides_of
from instep.sync.run import close, running
from instep.sync.session import Session
from instep.sync.stages import LONGEST_REASON
from instep.sync.transport import World


@dataclass(frozen=True, slots=True)
class Setting:
    """What a person sets, why, until when, and who they are."""

    stage: str
    reason: str
    by: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Overridden:
    """What came of it: every override of whom it is about, the latest first, and which ones this was about."""

    overrides: tuple[Override, ...]
    at: datetime
    set: int | None = None
    withdrawn: tuple[int, ...] = ()


def set_stage(workspace: Workspace, world: World, key: str, setting: Setting) -> Overridden:
    """Set the stage, or the detour, of the one person, company or opportunity that `key` names.

    Raises `ConfigError` where there is no such stage or nobody of that name, several of them, no reason, a last day
    that lies behind, or a stage that is not theirs to have.
    """
    stage = stage_named(workspace.process, setting.stage)
    reason = plain(setting.reason.strip())
    if not reason:
        raise ConfigError("An override needs a reason, which everybody who asks will read. Add: --reason TEXT")
    if len(reason) > LONGEST_REASON:
        raise ConfigError(f"The reason is longer than {LONGEST_REASON} characters. Say it shorter.")
    if setting.until is not None and setting.until <= world.clock():
        raise ConfigError(f"--until {setting.until:%Y-%m-%d %H:%M}Z has passed. Give a day that lies ahead.")
    with Store(require_state(workspace.store)) as store:
        _may_be_set(workspace, store, key, stage)  # a mistake leaves no run behind
    with _overriding(workspace, world) as session:
        entity = _may_be_set(workspace, session.store, key, stage)
        until = setting.until.isoformat() if setting.until is not None else None
        row = (entity, stage, reason, plain(setting.by), session.at.isoformat(), until)
        with session.store.transaction("override"):
            id = session.store.run(
                "INSERT INTO override (entity, stage, reason, by, at, expires, pending) VALUES (?, ?, ?, ?, ?, ?, 1)",
                row,
            )
            _look_again(session, entity)
        close(session, "done", {"overridden": [entity]})
        return Overridden(tuple(overrides_of(session.store, [entity])), session.at, set=id)


def _may_be_set(workspace: Workspace, store: Store, key: str, stage: str) -> str:
    """The entity that a key names. Raises `ConfigError` for none, for several, or a stage that is not theirs."""
    entity, kind = one_entity(store, key)
    if (wrong := objection(workspace, store, entity, kind, stage)) is not None:
        raise ConfigError(f"Not overridden: {wrong}")
    return entity


def withdraw(workspace: Workspace, world: World, key: str) -> Overridden:
    """Let every override of the one entity that `key` names be over now.

    Raises `ConfigError` where there is none that counts, or would.
    """
    with _overriding(workspace, world) as session:
        entity, _ = one_entity(session.store, key)
        held = [one for one in overrides_of(session.store, [entity]) if one.state_at(session.at) != "over"]
        if not held:
            raise ConfigError(f"No override of {label_of(session.store, entity)} holds. See: instep override {key}")
        now = session.at.isoformat()
        with session.store.transaction("override"):
            session.store.bulk(
                "UPDATE override SET expires = ?, pending = 0 WHERE id = ?", [(now, one.id) for one in held]
            )
            session.store.bulk("UPDATE claim SET expires = ? WHERE source = ?", [(now, one.source) for one in held])
            _look_again(session, entity)
        close(session, "done", {"withdrawn": [one.id for one in held]})
        found = tuple(overrides_of(session.store, [entity]))
        return Overridden(found, session.at, withdrawn=tuple(one.id for one in held))


def listed(workspace: Workspace, world: World, key: str) -> Overridden:
    """Every override of everybody whom `key` names. Raises `ConfigError` where it names nobody."""
    with Store(require_state(workspace.store)) as store:
        found = overrides_of(store, [entity for entity, _ in require_entity(store, key)])
    return Overridden(tuple(found), world.clock())


# --- what may be set -------------------------------------------------------------------------------------------


def stage_named(process: Process, name: str) -> str:
    """The stage or detour of that name, as it is called today. Raises `ConfigError` where there is none."""
    wanted = process.current_key(name.strip())
    if process.has_stage(wanted) or process.detour(wanted) is not None:
        return wanted
    if wanted in list(Outcome):
        raise ConfigError(f"{wanted} is an outcome, no stage: a journey ends in the records of its opportunity.")
    known = [*dict.fromkeys(stage.key for stage in process.every_stage()), *(d.key for d in process.detours)]
    near = nearest(wanted, known)
    hint = f'Did you mean "{near}"?' if near else f"There are: {', '.join(known)}."
    raise ConfigError(f'The process has no stage "{plain(name)}". {hint}')


def one_entity(store: Store, key: str) -> tuple[str, Kind]:
    """The one entity that a key names. Raises `ConfigError` where it names nothing, or several."""
    found = require_entity(store, key)
    if len(found) > 1:
        every = "; ".join(f"{kind} {plain(label_of(store, id))} ({id})" for id, kind in found)
        raise ConfigError(f"{key!r} names {len(found)}: {every}. Name one of them by its id.")
    return found[0]


def objection(workspace: Workspace, store: Store, entity: str, kind: Kind, stage: str) -> str | None:
    """Why a stage cannot be set here; None where it can."""
    if kind is Kind.COMPANY and not _shows_companies(workspace):
        return "no system is told the stage of a company, so that it would show nowhere."
    shown = store.row("SELECT shown FROM entity WHERE id = ?", (entity,))
    journey = store.row(
        "SELECT id, entity, stage, outcome, closed_at FROM journey WHERE id = ?", (shown[0] if shown else None,)
    )
    if kind is not Kind.OPPORTUNITY and (other := _opportunity_shown(store, entity, journey)) is not None:
        return (
            f"the stage shown is that of the opportunity {plain(label_of(store, other))}, which moves only by its "
            f"own records and overrides. Set it there: instep override {other} {stage} --reason TEXT"
        )
    if kind is Kind.OPPORTUNITY and journey is not None and journey[4] is not None:
        return f"it is closed ({journey[3]}), which is set and cleared by its own records only."
    has_stage = journey is not None and journey[2] is not None and journey[4] is None
    if workspace.process.detour(stage) is not None and not has_stage:
        return f"{stage} lies beside the path, and no stage is known to come back to. Set a stage first."
    return None


def _opportunity_shown(store: Store, entity: str, journey: tuple[object, ...] | None) -> str | None:
    """The open opportunity that decides the stage of a person or company; None where a journey of its own does."""
    if journey is not None and journey[4] is None:
        return str(journey[0]) if journey[1] != entity else None
    row = store.row(
        "SELECT j.id FROM journey j JOIN relation r ON r.entity = j.entity JOIN entity e ON e.id = j.entity "
        "WHERE e.kind = 'opportunity' AND j.closed_at IS NULL AND r.to_entity = ? AND NOT EXISTS (SELECT 1 FROM "
        "journey own WHERE own.entity = ? AND own.closed_at IS NULL AND own.continues_as IS NULL AND own.stage "
        "IS NOT NULL) ORDER BY j.id",
        (entity, entity),
    )
    return str(row[0]) if row else None


def _shows_companies(workspace: Workspace) -> bool:
    mappings = [mapping.entities.get(Kind.COMPANY) for mapping in workspace.mappings.values()]
    return any(m is not None and (m.stages is not None or m.mapped("instep_stage")) for m in mappings)


# --- keeping it ------------------------------------------------------------------------------------------------


@contextmanager
def _overriding(workspace: Workspace, world: World) -> Iterator[Session]:
    require_state(workspace.store)
    with running(workspace, world, "override") as session:
        yield session


def _look_again(session: Session, entity: str) -> None:
    """Let the next run decide an entity anew, and the opportunities that its own journeys went on as."""
    went_on = session.store.rows(
        "SELECT continues_as FROM journey WHERE entity = ? AND continues_as IS NOT NULL", (entity,)
    )
    again: Sequence[str] = [entity, *(id for (id,) in went_on)]
    session.store.bulk("UPDATE entity SET dirty = 1 WHERE id = ?", [(id,) for id in again])
    session.store.bump("serial")
