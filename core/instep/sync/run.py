"""A run, from top to bottom: recover, pull, match, decide, plan, apply."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from instep import outputs
from instep.errors import BusyError, ConfigError, InstepError, PlanError, StalePlanError
from instep.mapping.compiled import Workspace
from instep.mapping.sharedkeys import missing_shared_keys
from instep.plugins import brought_by, hooks
from instep.store import Store, make_private_folder
from instep.sync.apply import apply
from instep.sync.changes import Change, Plan, about_few, ordered, quarantine_key
from instep.sync.collecting import rare_collections
from instep.sync.conflicts import count_open
from instep.sync.decide import decide
from instep.sync.decisions import Decisions
from instep.sync.guards import check_guards, note_guards
from instep.sync.journal import count_unsettled
from instep.sync.ledger import Ref
from instep.sync.match import Matches, match
from instep.sync.plan import plan, without_dangling
from instep.sync.pull import pull
from instep.sync.pull_behaviours import behaviour_key, referred
from instep.sync.record import Recording, recall_standing, store_decisions
from instep.sync.recover import recover
from instep.sync.refusals import read_waiting
from instep.sync.remedies import remedy_of
from instep.sync.session import Progress, Session, identify, open_session, present, refresh_owners, silent
from instep.sync.stagekeys import require_stages
from instep.sync.sweep import is_unswept, sweep
from instep.sync.transport import World
from instep.sync.undo import plan_undo, store_held


@dataclass(slots=True)
class Outcome:
    """What a run came to, for people and machines."""

    run: int
    status: str
    exit_code: int
    plan: Plan
    account: dict[str, dict[str, Any]]
    notes: list[dict[str, Any]]
    unaccounted: int
    applied: bool
    stopped: dict[str, str] = field(default_factory=dict)

    @property
    def calls(self) -> dict[str, dict[str, Any]]:
        """For every connection, how many calls the run made, and what is left of the day's."""
        return {
            name: {"calls": of["calls"], "allowance": of["allowance"]}
            for name, of in self.account.items()
            if "calls" in of
        }

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "run": self.run,
            "status": self.status,
            "applied": self.applied,
            "connections": self.account,
            "planned": self.plan.counts(),
            "unaccounted": self.unaccounted,
            "notes": self.notes,
            "stopped": self.stopped,
        }
        return (
            document | {"undoes": dict(self.plan.undoes), "left": list(self.plan.left)}
            if self.plan.undoes
            else document
        )


def sync(workspace: Workspace, world: World, *, first_run: str = "plan", progress: Progress = silent) -> Outcome:
    """Bring every system in step.

    The first run of a workspace writes nothing unless `first_run` says "apply", or how many people to begin with.
    """
    with running(workspace, world, "sync") as session:
        session.progress = progress
        is_first = session.store.meta("applied") is None
        drafted = _draft(session)
        if is_first and first_run == "plan":
            for missing in missing_shared_keys(workspace):
                session.ledger.note("no-shared-key", "", f"{missing.path} {missing.problem}.", missing.remedy)
            session.ledger.note(
                "first-run",
                "",
                "This is the first run of this workspace: nothing was written.",
                "Read the plan, then run: instep sync --first-run=10, then 100, then apply",
            )
            return _finish(session, drafted, applied=False)
        session.progress("apply")
        if is_first:
            return _begin_with(session, drafted, first_run)
        check_guards(session, drafted.plan)
        return _apply(session, drafted)


def plan_only(workspace: Workspace, world: World, *, progress: Progress = silent) -> Outcome:
    """Say what a sync would write. Stores what was read, and nothing else."""
    with running(workspace, world, "plan") as session:
        session.progress = progress
        drafted = _draft(session)
        note_guards(session, drafted.plan)
        return _finish(session, drafted, applied=False)


def apply_plan(workspace: Workspace, world: World, saved: dict[str, Any], *, past_guards: bool = False) -> Outcome:
    """Do exactly what a saved plan says.

    Raises `StalePlanError` if the state, the files, a plugin or an org is not what the plan was made from, and
    `GuardError` if it would change surprisingly much, unless it may go `past_guards`.
    """
    with running(workspace, world, "apply") as session:
        from datetime import datetime

        try:
            session.at = datetime.fromisoformat(str(saved.get("at")))
        except ValueError:
            raise ConfigError("This is no plan of Instep's. Make one with: instep plan --out FILE") from None
        identify(session)
        made_from = _made_from(session)
        for what, value in made_from.items():
            if saved.get("made_from", {}).get(what) != value:
                raise StalePlanError(f"The plan is stale: {_SAYS.get(what, what + ' changed since')}. Plan again.")
        drafted = _undo(session, saved["undoes"]) if saved.get("undoes") else _decide(session)
        if drafted.plan.digest != saved.get("digest"):
            raise StalePlanError("The plan is stale: it would not come out the same now. Plan again.")
        if not past_guards:
            check_guards(session, drafted.plan)
        return _apply(session, drafted)


def undo(
    workspace: Workspace,
    world: World,
    run: int,
    *,
    delete_created: bool = False,
    write: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Say what it takes to take back what a run wrote; and do it if `write`.

    Whatever somebody changed since stays, and is listed in the plan's `left`. Raises `ConfigError` for a run that
    wrote nothing, and `GuardError` if it would change surprisingly much.
    """
    with running(workspace, world, "undo") as session:
        session.progress = progress
        _read(session)
        drafted = _undo(session, {"run": run, "delete_created": delete_created})
        if not write:
            note_guards(session, drafted.plan)
            return _finish(session, drafted, applied=False)
        session.progress("apply")
        check_guards(session, drafted.plan)
        return _apply(session, drafted)


_SAYS = {
    "state": "the local state changed since",
    "files": "sync.toml or a mapping file changed since",
    "lineage": "it was made with another state",
}


# --- the steps -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Drafted:
    """A plan, and how to keep what goes with it."""

    plan: Plan
    record: Callable[[], None]
    """Keeps the decisions, inside the transaction of the first journal rows."""
    links: Mapping[Ref, str] = field(default_factory=dict)
    """Records to the entities that this run linked them to."""
    is_sync: bool = True
    """Whether the plan holds everything that its entities need."""


def _draft(session: Session) -> Drafted:
    _read(session)
    return _decide(session)


def _read(session: Session) -> None:
    identify(session)
    session.at = present(session)
    session.progress("recover")
    recover(session)
    pull(session)


def _decide(session: Session) -> Drafted:
    _refresh_for_files(session)
    refresh_owners(session)
    session.progress("match")
    matches = match(session)
    session.progress("decide")
    recording, changes = Recording(session), list[Change]()
    decisions = Decisions(matches, {})
    for states, decisions in decide(session, matches):
        found = plan(session, decisions, states)
        recording.take(session, decisions, states, {change.entity for change in found})
        changes += found
    recording.take_rest(session, decisions)
    session.progress("plan")
    wanted = {change.entity for change in changes}
    decisions.over |= {quarantine_key(change) for change in changes}
    changes = without_dangling(session, changes, matches.links)
    decisions.over -= {quarantine_key(change) for change in changes}
    recording.nothing_left = wanted - {change.entity for change in changes}
    notes = tuple(note.as_json() for note in session.ledger.notes)

    def record() -> None:
        store_decisions(session, recording, decisions)
        session.store.set_meta("files", session.workspace.digest)

    return Drafted(Plan(ordered(changes), session.at, _made_from(session), notes), record, matches.links)


def _undo(session: Session, undoes: Mapping[str, Any]) -> Drafted:
    session.progress("plan")
    undoing = plan_undo(session, int(undoes["run"]), delete_created=bool(undoes.get("delete_created")))
    Recording(session)  # an empty one: an undo decides nothing
    session.ledger.skip_pending("left for the next sync")
    notes = tuple(note.as_json() for note in session.ledger.notes)
    plan = Plan(ordered(undoing.changes), session.at, _made_from(session), notes, dict(undoes), tuple(undoing.left))
    return Drafted(plan, lambda: store_held(session, undoing), is_sync=False)


def _begin_with(session: Session, drafted: Drafted, first_run: str) -> Outcome:
    """The first writes of a workspace: all of them, or those about so many people and what these belong to."""
    if first_run == "apply":
        return _apply(session, drafted)
    chosen = about_few(drafted.plan.changes, int(first_run))
    left = len(drafted.plan.changes) - len(chosen)
    if left:
        session.ledger.note(
            "first-run",
            "",
            f"Only the changes about {first_run} people were written, and {left:,} were not.",
            "Look at them in every system, then go on: instep sync --first-run=100, then apply",
        )
    plan = replace(drafted.plan, changes=chosen)
    return _apply(session, replace(drafted, plan=plan), is_whole=not left)


def _apply(session: Session, drafted: Drafted, *, is_whole: bool = True) -> Outcome:
    def record() -> None:
        drafted.record()
        if is_whole and drafted.is_sync:
            session.store.set_meta("applied", str(session.run))

    listeners = hooks(config.plugin for config in session.workspace.connections).hook
    listeners.instep_plan_ready(plan=drafted.plan)
    is_first = session.store.meta("applied") is None
    stopped = apply(session, drafted.plan, record, drafted.links, settles_entities=drafted.is_sync)
    if is_first and session.spent:
        with session.store.transaction("first load goes on"):
            session.store.run("DELETE FROM meta WHERE key = 'applied'")
    outcome = _finish(session, drafted, applied=True, stopped=stopped)
    listeners.instep_plan_applied(report=outcome)
    return outcome


def _made_from(session: Session) -> dict[str, str]:
    """What a plan depends on: state lineage and serial, files, plugin versions, orgs."""
    made_from = {
        "lineage": session.store.meta("lineage") or "",
        "state": session.store.meta("serial") or "0",
        "files": session.workspace.digest,
    }
    from importlib.metadata import version

    made_from["instep"] = version("instep")
    for name, live in session.connections.items():
        made_from[f"org of {name}"] = live.org
        made_from[f"plugin of {name}"] = f"{brought_by(live.plugin.name)}, contract {live.plugin.contract}"
    return made_from


def _refresh_for_files(session: Session) -> None:
    """When a file changed in meaning, everything is decided anew, and stage keys that vanished stop the run."""
    store = session.store
    require_stages(store, session.workspace)
    if store.meta("files") == session.workspace.digest:
        return
    with store.transaction("files changed"):
        store.run("UPDATE entity SET dirty = 1")
        store.run("UPDATE mirror SET dirty = 1")
        _rename_behaviours(session)


def _rename_behaviours(session: Session) -> None:
    """Give every known activity the behaviour that the mapping names now."""
    from instep.model.values import decode

    for live in session.connections.values():
        rows = session.store.rows(
            "SELECT id, kind, key, details, refers FROM behaviour WHERE connection = ? AND details IS NOT NULL",
            (live.name,),
        )
        renamed = []
        for id, kind, key, details, refers in rows:
            activity = (live.mapping.behaviours, kind, decode(details), session.at)
            now = (behaviour_key(*activity), referred(*activity))
            if now != (key, refers):
                renamed.append((*now, live.name, id))
        session.store.bulk("UPDATE behaviour SET key = ?, refers = ? WHERE connection = ? AND id = ?", renamed)


# --- beginning and end -----------------------------------------------------------------------------------------


@contextmanager
def running(workspace: Workspace, world: World, command: str) -> Iterator[Session]:
    """Hold the lock, number the run, take the fence; keep the account of a run that fails.

    Raises `BusyError` while another run goes on.
    """
    with (
        locked(workspace),
        rare_collections(),
        open_session(workspace, world) as session,
        numbered(session, command),
    ):
        if is_unswept(session):
            sweep(session)
        yield session


@contextmanager
def locked(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's lock. Raises `BusyError` while another run goes on."""
    make_private_folder(workspace.store.parent)
    lock = FileLock(str(workspace.store) + ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BusyError("Another run of this workspace is going on. Wait until it is done.") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def numbered(session: Session, command: str) -> Iterator[None]:
    """Give a run its number and its fence, and keep the account of one that fails. The lock must be held."""
    _begin(session, command)
    try:
        yield
    except InstepError as error:
        _fail(session, error)
        raise


def _begin(session: Session, command: str) -> None:
    with session.store.transaction("run"):
        session.fence = session.store.bump("fence")
        if session.store.meta("lineage") is None:
            session.store.set_meta("lineage", f"{session.world.random.getrandbits(64):016x}")
        session.run = session.store.run(
            "INSERT INTO run (command, started_at, status) VALUES (?, ?, 'running')",
            (command, session.at.isoformat()),
        )
        session.store.run("UPDATE run SET status = 'died' WHERE status = 'running' AND id < ?", (session.run,))
    session.store.guard = lambda: _check_fence(session)
    session.log("run began", command=command)


def _check_fence(session: Session) -> None:
    """Store nothing, and so send nothing, for a run that another one has taken over from."""
    if int(session.store.meta("fence") or 0) != session.fence:
        raise PlanError("Another run has taken over while this one was paused. Nothing more was written. Run again.")


def _finish(session: Session, drafted: Drafted, *, applied: bool, stopped: dict[str, str] | None = None) -> Outcome:
    ledger = session.ledger
    stopped = stopped if stopped is not None else dict(session.stopped)
    if not applied:
        for change in drafted.plan.changes:
            if change.ref is not None:
                ledger.skip(change.ref, "planned, not written")
    recall_standing(session)
    _note_open_conflicts(session)
    waiting = _recall_refusals(session) + count_unsettled(session.store)
    account = ledger.account(session.workspace.connection_names)
    for name, calls in session.calls.items():
        account[name] |= calls
    unaccounted = ledger.unaccounted
    status, code = "done", 0
    if ledger.rejected or stopped or waiting or any(live.missing for live in session.connections.values()):
        status, code = "partial", 3
    if unaccounted:
        status, code = "failed", 1
    notes = [note.as_json() for note in ledger.notes]
    outcome = Outcome(session.run, status, code, drafted.plan, account, notes, unaccounted, applied, stopped)
    session.log("run ended", status=status, exit_code=code, written=ledger.written, planned=len(drafted.plan.changes))
    close(session, status, outcome.as_json())
    return outcome


def _note_open_conflicts(session: Session) -> None:
    """Say that values wait for a person: nothing else happens to them."""
    count = count_open(session.store)
    if count:
        what = "1 value waits" if count == 1 else f"{count:,} values wait"
        session.ledger.note("waits", "", f"{what} for a person.", "See them: instep conflicts --open")


def _recall_refusals(session: Session) -> int:
    """Say again what was refused in earlier runs and still waits; returns how many writes that are."""
    garbled = session.store.count("SELECT count(*) FROM standing WHERE code = 'garbled'")
    refused = read_waiting(session.store, "run <> ?", (session.run,))
    for one in refused:
        session.ledger.note(
            "waiting",
            one.connection,
            f"Refused before, and waiting: {one.reason}",
            f"{remedy_of(one.code).remedy} When it is tried again: instep status",
            f"{one.connection}/{one.object}/{one.record or one.entity}",
        )
    return garbled + len(refused)


def _fail(session: Session, error: InstepError) -> None:
    session.store.guard = lambda: None
    session.log("run failed", error=type(error).__name__, exit_code=error.exit_code)
    close(session, "failed", {"error": str(error)})


def close(session: Session, status: str, report: dict[str, Any]) -> None:
    """Keep how a run ended."""
    with session.store.transaction("run ends"):
        session.store.run(
            "UPDATE run SET finished_at = ?, status = ?, report = ? WHERE id = ?",
            (session.world.clock().isoformat(), status, json.dumps(report).encode(), session.run),
        )


def save_plan(workspace: Workspace, outcome: Outcome, path: Path) -> None:
    """Write a plan to a file that `apply` takes. The state remembers where: `erase` deletes it."""
    with Store(workspace.store) as store, store.transaction("plan saved"):
        store.run("INSERT OR IGNORE INTO saved_plan VALUES (?)", (str(path.absolute()),))
    document = outputs.document("plan", outcome.plan.as_json())
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


__all__ = ["Matches", "Outcome", "apply_plan", "close", "plan_only", "running", "save_plan", "sync", "undo"]
