"""One run's hands: the workspace, the state, and every connection, opened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from instep.contract import Absent, Connection, ConnectionInfo, ConnectorPlugin, OwnerStore, RecordStore
from instep.errors import AccessError, ConfigError, InstepError, PluginError, RemoteError, UsedUpError
from instep.mapping.compiled import ConnectionMapping, EntityMapping, Workspace
from instep.mapping.translate import Directory, Untold, User
from instep.mapping.wrong_settings import usable_settings
from instep.model.entities import Kind
from instep.model.values import Scalar, is_blank
from instep.store import Store
from instep.sync.budget import Budget
from instep.sync.erased import Erased
from instep.sync.ledger import Ledger, Ref
from instep.sync.pace import SharedPace
from instep.sync.stagelists import Missing, missing_stages, note_missing, read_lists
from instep.sync.transport import CountingTransport, World, effects


class Progress(Protocol):
    """Told what a run is doing: a step, and how many of how many where that is known."""

    def __call__(self, step: str, done: int | None = None, of: int | None = None) -> None: ...


def silent(step: str, done: int | None = None, of: int | None = None) -> None:
    """A progress that tells nobody."""


@dataclass(slots=True)
class Live:
    """A connection in use."""

    name: str
    plugin: ConnectorPlugin[Any]
    parts: Connection
    mapping: ConnectionMapping
    transport: CountingTransport
    budget: Budget
    info: ConnectionInfo | None = None
    users: tuple[User, ...] | None = None
    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    """Per object, the fields that exist and can be seen; empty where the system does not tell."""
    read_only: dict[str, frozenset[str]] = field(default_factory=dict)
    """Per object, the fields that cannot be written."""
    options: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    """Per object and field, the only values that it takes."""
    missing: Missing = field(default_factory=dict)
    """Stages that the mapping names and the system does not have."""
    directory: Directory = field(init=False)

    @property
    def records(self) -> RecordStore:
        if isinstance(self.parts.records, Absent):
            raise ConfigError(f"{self.name} keeps no records: {self.parts.records.reason}")
        return self.parts.records

    @property
    def org(self) -> str:
        return self.info.org if self.info else ""

    def has_field(self, object: str, name: str) -> bool:
        """Whether a field exists; true where the system cannot be asked."""
        known = self.fields.get(object)
        return known is None or name in known

    def takes(self, object: str, name: str, value: Scalar) -> bool:
        """Whether a choice field has an option for a value; true where the system does not tell."""
        options = self.options.get(object, {}).get(name)
        if options is None or is_blank(value):
            return True
        return all(str(part) in options for part in (value if isinstance(value, tuple) else (value,)))

    def require_one_each(self, outcomes: Sequence[object], writes: Sequence[object]) -> None:
        """Raise `PluginError` unless there is one outcome for each write."""
        if len(outcomes) != len(writes):
            counts = f"{len(outcomes)} outcomes for {len(writes)} writes"
            raise PluginError(f"{self.plugin.name} returned {counts}. Tell the plugin's author.")

    def can_write(self, object: str, name: str | None = None) -> bool:
        """Whether a field (or anything at all) of an object can be written, as far as the system tells."""
        read_only = self.read_only.get(object, frozenset())
        return name not in read_only if name is not None else not read_only or read_only != self.fields.get(object)


@dataclass(slots=True)
class Session:
    """Everything that the steps of a run share."""

    workspace: Workspace
    store: Store
    world: World
    connections: dict[str, Live]
    ledger: Ledger = field(default_factory=Ledger)
    run: int = 0
    fence: int = 0
    masked: dict[Ref, set[str]] = field(default_factory=dict)
    """Fields with a write whose outcome is not settled: they do not speak."""
    fewer: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(connection, entity, action) of writes that were lost together with others, to how many may go together now."""
    stopped: dict[str, str] = field(default_factory=dict)
    """Connections that could not be read to the end: nothing is written to them in this run."""
    spent: set[str] = field(default_factory=set)
    """Those of them whose calls of the day are used up, or kept for people: nothing is wrong with them."""
    progress: Progress = silent
    behaviours: str = "behaviour"
    """The table that has the names of activities; a replay may have one of its own."""
    at: datetime = field(init=False)
    erased: Erased = field(init=False)
    """The persons that nothing may bring back."""
    tells: frozenset[tuple[Kind, str]] = field(init=False)
    """The (kind, canonical field) that some connection is to be told."""
    _told_of_anybody: set[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.at = self.world.clock()
        self.erased = Erased(self.store)
        self.tells = frozenset(
            (mapping.kind, told.name)
            for live in self.connections.values()
            for mapping in live.mapping.entities.values()
            for told in mapping.fields
            if told.tells
        )
        self._told_of_anybody = {name for _, name in self.tells}
        self.ledger.hears = lambda code, connection, record: self.log(
            "note", code=code, connection=connection, record=record
        )

    def log(self, event: str, **facts: Any) -> None:
        """Tell the log of an event of this run; facts that are empty are left out."""
        self.world.log(event, {"run": self.run, **{name: fact for name, fact in facts.items() if fact}})

    def live(self, name: str) -> Live:
        return self.connections[name]

    def tells_any(self, name: str) -> bool:
        """Whether any system is to be told a field, of whatever kind of entity."""
        return name in self._told_of_anybody

    def mapping(self, connection: str, object: str) -> EntityMapping | None:
        live = self.connections.get(connection)
        return live.mapping.entity_of(object) if live else None

    @property
    def calls(self) -> dict[str, dict[str, Any]]:
        """For every connection, how many calls were made, and what is left of the day's, where the system tells."""
        return {
            name: {
                "calls": sum(live.transport.calls.values()),
                "allowance": left.as_json() if (left := live.budget.left) else None,
            }
            for name, live in self.connections.items()
        }


def require_connection(workspace: Workspace, name: str) -> None:
    """Raise `ConfigError` unless a connection has this name."""
    if name not in workspace.connection_names:
        names = ", ".join(workspace.connection_names)
        raise ConfigError(f'sync.toml has no connection "{name}". It has: {names}.')


@contextmanager
def open_session(
    workspace: Workspace,
    world: World,
    *,
    only: Iterable[str] | None = None,
    broken: dict[str, InstepError] | None = None,
) -> Iterator[Session]:
    """Open the state and the connections of a workspace, and close both. Sends no request.

    With `broken`, connections that cannot be opened are put there, with the reason, and the others are opened.
    """
    names = set(only) if only is not None else set(workspace.connection_names)
    with Store(workspace.store, gate=world.boundary) as store:
        connections: dict[str, Live] = {}
        try:
            for name in (config.name for config in workspace.connections if config.name in names):
                try:
                    connections[name] = _connect(workspace, store, world, name)
                except InstepError as error:
                    if broken is None:
                        raise
                    broken[name] = error
            yield Session(workspace, store, world, connections)
        finally:
            for live in connections.values():
                live.parts.close()


def _connect(workspace: Workspace, store: Store, world: World, name: str) -> Live:
    config = next(config for config in workspace.connections if config.name == name)
    plugin = world.find_plugin(config.plugin)
    settings = usable_settings(plugin.settings, name, resolve_paths(dict(config.settings), workspace))
    budget = Budget(store, world.clock, name, workspace.reserve.percent_of(name))
    transport = CountingTransport(name, world, SharedPace(store, world.clock), budget)
    parts = plugin.connect(settings, effects(transport, world))
    transport.limits = parts.limits
    live = Live(name, plugin, parts, related_mapping(workspace.mappings[name], parts), transport, budget)
    live.directory = Directory(name, workspace.team, None)
    return live


def related_mapping(mapping: ConnectionMapping, parts: Connection) -> ConnectionMapping:
    """The mapping, without the relations that the system does not have."""
    if isinstance(parts.records, Absent):
        return mapping
    return replace(mapping, relates=parts.records.capabilities.relates)


def resolve_paths(table: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """A relative `path` in a connection's table is meant from the workspace, wherever the command is run."""
    if isinstance(table.get("path"), str):
        table["path"] = str(workspace.root / table["path"])
    return table


# --- who we are there, and what is there -----------------------------------------------------------------------


def identify(session: Session) -> None:
    """Ask every connection who we are, bind the state to that org, and refresh what is known of it when due.

    One call per connection; a few more when the catalogue of owners and fields is older than a day, or the files
    changed. Raises `AccessError` if the state belongs to another org.
    """
    for live in session.connections.values():
        session.progress(f"identify {live.name}")
        live.transport.waits = partial(session.progress, f"wait for {live.name}")
        live.info = _check(session, live)
        bind(session, live)
        known = session.store.row("SELECT catalogue, catalogue_at FROM connection WHERE name = ?", (live.name,))
        catalogue = json.loads(known[0]) if known and known[0] else None
        if live.name in session.spent:
            pass  # what was known yesterday has to do
        elif catalogue is None or _is_due(session, live, known[1] if known else None, catalogue):
            try:
                catalogue = read_catalogue(session, live)
            except RemoteError as error:
                stop(session, live.name, error)
        if catalogue is not None:
            use_catalogue(session, live, catalogue)
    note_missing(session)


def present(session: Session) -> datetime:
    """The moment of a run, by the systems' own clocks: this machine's stands in only where none of them tells.

    The earliest that they name, so that whatever is changed from now on is dated later.
    """
    told = [live.info.now for live in session.connections.values() if live.info and live.info.now]
    return min(told, default=session.at)


def _check(session: Session, live: Live) -> ConnectionInfo:
    """Who we are there. A system that is out of order stops its own connection, once we know its org."""
    try:
        return live.parts.check()
    except RemoteError as error:
        bound = session.store.row("SELECT org FROM connection WHERE name = ?", (live.name,))
        if bound is None:
            raise
        stop(session, live.name, error)
        return ConnectionInfo(org=str(bound[0]))


def stop(session: Session, connection: str, error: RemoteError) -> None:
    """Leave a connection alone for the rest of the run; the others go on."""
    session.stopped.setdefault(connection, str(error))
    note_stop(session, connection, error)


def note_stop(session: Session, connection: str, error: RemoteError) -> None:
    """Say why a connection was left early, and how it goes on."""
    code, remedy = "stopped", "Nothing is written there until it can be read again."
    if isinstance(error, UsedUpError):
        session.spent.add(connection)
        when = f" after {error.renews_at:%Y-%m-%d %H:%M} UTC" if error.renews_at else " when calls are free again"
        code, remedy = "budget", f"Run again{when}: nothing is lost, and it goes on from there."
    session.ledger.note(code, connection, f"Left early: {error}", remedy)


def read_catalogue(session: Session, live: Live) -> dict[str, Any]:
    """Read owners and fields, and keep them."""
    owners = live.parts.owners
    catalogue: dict[str, Any] = {"digest": session.workspace.digest, "users": None}
    catalogue |= {"fields": {}, "read_only": {}, "options": {}, "login": live.info.user_id if live.info else ""}
    catalogue["stages"] = read_lists(live)
    if isinstance(owners, OwnerStore):
        catalogue["users"] = [[u.id, u.name, u.email, u.active] for u in owners.read()]
    if not isinstance(live.parts.fields, Absent):
        described = {object: live.parts.fields.read(object) for object in live.mapping.objects}
        catalogue["fields"] = {object: sorted(f.name for f in fields) for object, fields in described.items()}
        catalogue["options"] = {
            object: {f.name: [option.value for option in f.options] for f in fields if f.options}
            for object, fields in described.items()
        }
        catalogue["types"] = {object: {f.name: f.type for f in fields} for object, fields in described.items()}
        catalogue["read_only"] = {
            object: sorted(f.name for f in fields if f.read_only) for object, fields in described.items()
        }
    before = session.store.row("SELECT catalogue FROM connection WHERE name = ?", (live.name,))
    earlier = json.loads(before[0]) if before and before[0] else {}
    known = earlier.get("fields", {})
    catalogue["vanished"] = {
        object: sorted({*known.get(object, ()), *earlier.get("vanished", {}).get(object, ())} - set(names))
        for object, names in catalogue["fields"].items()
    }
    with session.store.transaction("catalogue"):
        for object in catalogue["fields"]:
            if object in known and _takes_more(earlier, catalogue, object):
                place = (live.name, object)
                session.store.run(
                    "UPDATE mirror SET dirty = 1 WHERE connection = ? AND object = ? AND state = 'live'", place
                )
                session.store.run(
                    "DELETE FROM quarantine WHERE connection = ? AND object = ? AND fields IS NOT NULL", place
                )
        _look_again_for_owners(session, live, earlier, catalogue)
        session.store.run(
            "UPDATE connection SET catalogue = ?, catalogue_at = ? WHERE name = ?",
            (json.dumps(catalogue).encode(), session.at.isoformat(), live.name),
        )
    return catalogue


def _look_again_for_owners(session: Session, live: Live, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Plan anew what belongs to somebody who could not own records there before, and can now."""
    could, can = (_directory(session, live.name, catalogue) for catalogue in (before, now))
    came = [
        owner.key
        for owner in session.workspace.team.owners
        if isinstance(could.user_for(owner.key), Untold) and not isinstance(can.user_for(owner.key), Untold)
    ]
    objects = [object for object, mapping in live.mapping.objects.items() if mapping.mapped("owner") is not None]
    for object, key in ((object, key) for object in objects for key in came):
        session.store.run(
            "UPDATE mirror SET dirty = 1 WHERE connection = ? AND object = ? AND state = 'live' AND entity IN "
            "(SELECT id FROM entity WHERE json_extract(CAST(fields AS TEXT), '$.owner') = ?)",
            (live.name, object, key),
        )


def _directory(session: Session, connection: str, catalogue: Mapping[str, Any]) -> Directory:
    users = catalogue.get("users")
    known = None if users is None else tuple(User(*user) for user in users)
    return Directory(connection, session.workspace.team, known, catalogue.get("login", ""))


def _takes_more(before: Mapping[str, Any], now: Mapping[str, Any], object: str) -> bool:
    """Whether an object may take what it did not take before: a field, a choice, or a value of another type."""
    if not set(now["fields"][object]) <= set(before["fields"][object]):
        return True
    choices = before.get("options", {}).get(object, {})
    more = any(not set(new) <= set(choices.get(name, new)) for name, new in now["options"].get(object, {}).items())
    return more or now["types"].get(object) != before.get("types", now["types"]).get(object)


def use_catalogue(session: Session, live: Live, catalogue: Mapping[str, Any]) -> None:
    live.directory = _directory(session, live.name, catalogue)
    live.users = live.directory.users
    live.fields = {object: frozenset(names) for object, names in catalogue["fields"].items()}
    live.read_only = {object: frozenset(names) for object, names in catalogue["read_only"].items()}
    live.options = {
        object: {name: frozenset(values) for name, values in fields.items()}
        for object, fields in catalogue["options"].items()
    }
    live.missing = missing_stages(live.mapping, catalogue.get("stages", ()))


def refresh_owners(session: Session) -> None:
    """Ask once more who is who where a record names an owner that nobody has heard of."""
    for live in session.connections.values():
        if live.users is None or live.name in session.stopped:
            continue
        known = {user.id for user in live.users}
        if any(named - known for named in _owners_named(session, live)):
            use_catalogue(session, live, read_catalogue(session, live))


def _owners_named(session: Session, live: Live) -> Iterator[set[str]]:
    for object, mapping in live.mapping.objects.items():
        mapped = mapping.mapped("owner")
        if mapped is not None:
            rows = session.store.rows(
                "SELECT DISTINCT json_extract(CAST(fields AS TEXT), ?) FROM mirror "
                "WHERE connection = ? AND object = ? AND dirty = 1 AND state = 'live'",
                (f'$."{mapped.field}"', live.name, object),
            )
            yield {str(row[0]) for row in rows if row[0]}


def _is_due(session: Session, live: Live, read_at: str | None, catalogue: Mapping[str, Any]) -> bool:
    """Whether to read the catalogue again: it is old, the files changed, or a field that is needed was not there."""
    if read_at is None or catalogue.get("digest") != session.workspace.digest:
        return True
    if missing_stages(live.mapping, catalogue.get("stages", ())):
        return True
    known, vanished = catalogue["fields"], catalogue.get("vanished", {})
    for object, of_object in live.mapping.objects.items():
        if {field.field for field in of_object.fields} & set(vanished.get(object, ())):
            return True  # was there once: it may be there again
    for mapping in live.mapping.entities.values():
        objects = [object for object in mapping.objects if object in known]
        there = {name for object in objects for name in known[object]}
        needed = {f.field for object in objects for f in live.mapping.objects[object].fields}
        if objects and not needed <= there:
            return True
        if mapping.instep_id and any(mapping.instep_id not in known[object] for object in objects):
            return True
    age = abs(session.at - datetime.fromisoformat(read_at))  # the clock may have been set since
    return age > timedelta(hours=session.workspace.options.catalogue_every_hours)


def bind(session: Session, live: Live) -> None:
    """Bind the state to the org that a login belongs to. Raises `AccessError` if it belongs to another one."""
    bound = session.store.row("SELECT org FROM connection WHERE name = ?", (live.name,))
    if bound is None:
        with session.store.transaction("bind"):
            session.store.run("INSERT INTO connection (name, org) VALUES (?, ?)", (live.name, live.org))
    elif bound[0] != live.org:
        raise AccessError(
            f"{live.name}: this login belongs to org {live.org}, and the local state was made with {bound[0]}. "
            "Use the right credentials, or another store for the other org."
        )


def utc(text: str | None) -> datetime | None:
    """A stored instant."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
