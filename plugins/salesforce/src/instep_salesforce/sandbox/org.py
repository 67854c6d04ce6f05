"""One Salesforce org: everything the sandbox remembers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from instep.sandbox import Clock, Personality
from instep_salesforce.sandbox.birth import populate
from instep_salesforce.sandbox.character import SalesforcePersonality
from instep_salesforce.sandbox.cursors import Cursors
from instep_salesforce.sandbox.errors import not_found
from instep_salesforce.sandbox.ids import Ids
from instep_salesforce.sandbox.jobs import Jobs
from instep_salesforce.sandbox.offering import Offering
from instep_salesforce.sandbox.rules import Rules
from instep_salesforce.sandbox.schema import ChildRelation, Field, GlobalSet, ObjectType, Option, Row
from instep_salesforce.sandbox.standard import standard_objects
from instep_salesforce.sandbox.tables import Table, Undo
from instep_salesforce.sandbox.times import stamp
from instep_salesforce.sandbox.tokens import Tokens
from instep_salesforce.sandbox.visibility import Visibility

DAY = timedelta(days=1)
BIN_LIFE = timedelta(days=15)
ALLOWANCE = 15_000


@dataclass(slots=True)
class Usage:
    """The calls of the last 24 hours."""

    seen: deque[datetime] = field(default_factory=deque)

    def used(self, now: datetime) -> int:
        """How many calls still count."""
        while self.seen and now - self.seen[0] >= DAY:
            self.seen.popleft()
        return len(self.seen)

    def add(self, now: datetime, calls: int = 1) -> None:
        """Count some calls."""
        self.seen.extend([now] * calls)


class Org:
    """The state behind one sandbox. Whoever reads or changes it holds `lock`."""

    def __init__(self, clock: Clock, personality: Personality, seed: int) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.personality = SalesforcePersonality()
        self.seed = seed
        self.base_url = ""
        self.admin = self.api_user = self.profile = self.admin_profile = ""
        self.reset()
        self.behave(personality)

    def behave(self, personality: Personality) -> None:
        """Behave so from now on."""
        with self.lock:
            self.personality = SalesforcePersonality.of(personality)
            self.organization()["IsSandbox"] = self.personality.is_sandbox
            for table in self.tables.values():
                table.past.clock = self.now if self._lag != timedelta(0) else None

    @property
    def _lag(self) -> timedelta | Literal["until_flush"]:
        return self.personality.stale_reads or self.personality.index_lag

    def flush(self) -> None:
        """Let queries see every write."""
        with self.lock:
            for table in self.tables.values():
                table.past.hear_until(None)

    def reset(self) -> None:
        """Return to the state of a new org."""
        with self.lock:
            self.ids = Ids(self.seed)
            self.kinds = standard_objects()
            self._lower = {name.lower(): kind for name, kind in self.kinds.items()}
            self.tables = {name: Table(kind) for name, kind in self.kinds.items()}
            self._journal: list[Undo] | None = None
            self.usage = Usage()
            self.rules = Rules()
            self.cursors = Cursors(self.ids)
            self.jobs = Jobs()
            self.visibility = Visibility(self.tables)
            self.scope = "api"
            self.offering = Offering()
            self.retired_statuses: dict[str, Row] = {}
            self.global_sets: dict[str, GlobalSet] = {}
            self.described: dict[str, datetime] = {}
            self.relations: dict[str, tuple[ChildRelation, ...]] = {}
            self._born = self.clock.now()
            self._late: dict[str, timedelta] = {}
            self._binned: deque[tuple[datetime, str, str]] = deque()
            self._cached_stamp: tuple[datetime, str] = (self._born, stamp(self._born))
            populate(self)
            self.tokens = Tokens(self.ids, self.clock, self.api_user)
            self.behave(self.personality)

    def organization(self) -> Row:
        """The one record that describes the org."""
        return next(iter(self.tables["Organization"].rows.values()))

    @property
    def id(self) -> str:
        """The org's own id."""
        return str(self.organization()["Id"])

    # --- time --------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The present moment."""
        return self.clock.now()

    def stamp(self, object: str = "") -> str:
        """The present as records of an object hold it; late commits are stamped earlier."""
        now = self.clock.now()
        if object in self._late:
            return stamp(now - self._late[object])
        if now != self._cached_stamp[0]:
            self._cached_stamp = (now, stamp(now))
        return self._cached_stamp[1]

    @contextmanager
    def late(self, object: str, by: timedelta) -> Iterator[None]:
        """Let what is written meanwhile carry stamps that are older by `by`."""
        self._late[object] = by
        try:
            yield
        finally:
            del self._late[object]

    # --- objects -----------------------------------------------------------------------------------------------

    def known(self, word: str) -> ObjectType | None:
        """The kind of record of that name, in any letter case."""
        return self.kinds.get(word) or self._lower.get(word.lower())

    def kind(self, word: str) -> ObjectType:
        """The kind of record that a path names."""
        kind = self.known(word)
        if kind is None:
            raise not_found()
        return kind

    def kind_of_id(self, id: str) -> ObjectType | None:
        """The kind of record that an id belongs to."""
        return next((kind for kind in self.kinds.values() if id.startswith(kind.prefix)), None)

    def table(self, word: str) -> Table:
        """The records of one kind."""
        return self.tables[self.kind(word).name]

    def show_only(self, kind: ObjectType, table: Table) -> None:
        """Know one more object, and of the others only users."""
        users = self.kinds["User"]
        self.kinds = {kind.name: kind, users.name: users}
        self._lower = {name.lower(): known for name, known in self.kinds.items()}
        self.tables = {**self.tables, kind.name: table}
        self.relations = {}

    def find(self, id: str) -> Row | None:
        """A live record by its id alone."""
        kind = self.kind_of_id(id)
        return None if kind is None else self.tables[kind.name].live(id)

    def options(self, kind: ObjectType, item: Field) -> tuple[Option, ...]:
        """The active choices of a picklist; stages and lead statuses have tables of their own."""
        if (kind.name, item.name) == ("Opportunity", "StageName"):
            rows = [row for row in self.tables["OpportunityStage"].rows.values() if row["IsActive"]]
        elif (kind.name, item.name) == ("Lead", "Status"):
            rows = list(self.tables["LeadStatus"].rows.values())
        else:
            return tuple(option for option in item.options if option.active)
        rows.sort(key=lambda row: int(row["SortOrder"] or 0))
        return tuple(Option(str(r["ApiName"]), str(r["MasterLabel"]), default=bool(r.get("IsDefault"))) for r in rows)

    def retired_options(self, kind: ObjectType, item: Field) -> tuple[Option, ...]:
        """The inactive choices of a picklist."""
        if (kind.name, item.name) == ("Opportunity", "StageName"):
            rows = [row for row in self.tables["OpportunityStage"].rows.values() if not row["IsActive"]]
        elif (kind.name, item.name) == ("Lead", "Status"):
            rows = list(self.retired_statuses.values())
        else:
            return tuple(option for option in item.options if not option.active)
        return tuple(Option(str(row["ApiName"]), str(row["MasterLabel"]), active=False) for row in rows)

    def redefine(self, kind: ObjectType, item: Field) -> None:
        """Keep a field with its new definition; record types offer no more what is active no longer."""
        kind.put(item)
        self.offering.forget_inactive(self, kind.name, item.name)
        self.schema_changed(kind)

    def schema_changed(self, kind: ObjectType) -> None:
        """Let describes say that an object is not what it was."""
        self.described[kind.name] = self.now()
        self.relations.clear()
        self.visibility.changed()

    def described_at(self, kind: ObjectType) -> str:
        """When the description of an object last changed."""
        return stamp(self.described.get(kind.name, self._born))

    # --- transactions ------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take everything back if an exception leaves this block."""
        outer = self._journal
        journal: list[Undo] = []
        self._keep(journal)
        try:
            yield
        except BaseException:
            self._keep(None)
            for undo in reversed(journal):
                undo()
            self.visibility.changed()
            self._keep(outer)
            raise
        self._keep(outer)
        if outer is not None:
            outer.extend(journal)

    def _keep(self, journal: list[Undo] | None) -> None:
        self._journal = journal
        for table in self.tables.values():
            table.journal = journal

    # --- the recycle bin ---------------------------------------------------------------------------------------

    def binned(self, kind: ObjectType, id: str) -> None:
        """Remember when a record came into the recycle bin."""
        self._binned.append((self.now(), kind.name, id))

    def pass_time(self) -> None:
        """Do what is due: empty the recycle bin, go on with jobs."""
        self.jobs.pass_time(self.now())
        self.visibility.pass_time(self.now())
        self._purge()
        if isinstance(self._lag, timedelta) and self._lag:
            for table in self.tables.values():
                table.past.hear_until(self.now() - self._lag)

    def _purge(self) -> None:
        """Forget what has been in the recycle bin for fifteen days."""
        limit = self.now() - BIN_LIFE
        while self._binned and self._binned[0][0] <= limit:
            _, name, id = self._binned.popleft()
            table = self.tables[name]
            if table.bin.get(id, "~") <= stamp(limit):
                table.remove(id)
