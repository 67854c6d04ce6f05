"""One HubSpot account: everything the sandbox remembers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from instep.sandbox import Clock, DailyCount, Personality, RollingWindow, SeededIds
from instep_hubspot.sandbox import seeds
from instep_hubspot.sandbox.accounts import Tokens
from instep_hubspot.sandbox.associations import Associations
from instep_hubspot.sandbox.character import HubSpotPersonality
from instep_hubspot.sandbox.consents import Consents
from instep_hubspot.sandbox.definitions import Group, Property
from instep_hubspot.sandbox.errors import RefusedError, invalid
from instep_hubspot.sandbox.happenings import Happenings
from instep_hubspot.sandbox.lists import Lists
from instep_hubspot.sandbox.objecttypes import STANDARD, ObjectType, index_names
from instep_hubspot.sandbox.people import Owners
from instep_hubspot.sandbox.pipelines import Pipelines
from instep_hubspot.sandbox.records import Record, Source, Table
from instep_hubspot.sandbox.times import iso, to_ms

API = Source("INTEGRATION", "7654321", "Instep sandbox")
PERSON = Source("CRM_UI", "userId:9", None, 9)
AUTOMATION = Source("WORKFLOWS", "automation")
STAGE_TIMING = ("hs_v2_date_entered_", "hs_v2_date_exited_", "hs_v2_latest_time_in_", "hs_v2_cumulative_time_in_")


@dataclass(slots=True)
class Quota:
    """How much of each allowance is used."""

    bursts: dict[str, RollingWindow] = field(default_factory=dict)
    searches: RollingWindow = field(default_factory=lambda: RollingWindow(timedelta(seconds=1)))
    daily: DailyCount = field(default_factory=DailyCount)

    def burst(self, token: str) -> RollingWindow:
        """The ten-second window of one token."""
        return self.bursts.setdefault(token, RollingWindow(timedelta(seconds=10)))


class Portal:
    """The state behind one sandbox. Whoever reads or changes it holds `lock`."""

    def __init__(self, clock: Clock, personality: Personality, portal_id: int, seed: int, base_url: str = "") -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.personality = HubSpotPersonality.of(personality)
        self.portal_id = portal_id
        self.seed = seed
        self.base_url = base_url
        self.reset()

    def behave(self, wanted: Personality) -> None:
        """Behave otherwise from now on."""
        with self.lock:
            self.personality = HubSpotPersonality.of(wanted)

    def reset(self) -> None:
        """Return to the state of a new account."""
        with self.lock:
            self.ids = SeededIds(self.seed)
            self.quota = Quota()
            self.types = index_names(STANDARD)
            self.tables = {kind.name: Table(kind) for kind in STANDARD}
            self.properties = {kind.name: self._born_with(kind) for kind in STANDARD}
            self.hidden: dict[str, set[str]] = {}
            self._unique: dict[str, list[str]] = {}
            self.groups = {
                kind.name: {group.name: group for group in seeds.default_groups(kind.singular)} for kind in STANDARD
            }
            self.associations = Associations()
            self.pipelines = Pipelines(self.ids)
            self.owners = Owners(self.ids)
            self.consents = Consents()
            self.happenings = Happenings()
            self.lists = Lists()
            self.tokens = Tokens(self.ids, self.clock)
            self.blocked_emails: set[str] = set()
            self.batch_inputs = 0

    def _born_with(self, kind: ObjectType) -> dict[str, Property]:
        own = seeds.default_properties().get(kind.name, [])
        group = f"{kind.singular}information"
        return {prop.name: replace(prop, group=prop.group or group) for prop in own}

    def now(self) -> int:
        """The present in milliseconds since 1970."""
        return to_ms(self.clock.now())

    def kind(self, word: str) -> ObjectType:
        """The kind of record that a path names."""
        kind = self.types.get(word) or self.types.get(word.lower())
        if kind is None:
            raise RefusedError(400, f"Unable to infer object type from: {word}")
        return kind

    def table(self, kind: ObjectType) -> Table:
        """The records of one kind."""
        return self.tables[kind.name]

    def property(self, kind: ObjectType, name: str) -> Property | None:
        """A property that this account can see, unlisted stage timings included."""
        if name in self.hidden.get(kind.name, ()):
            return None
        found = self.properties[kind.name].get(name)
        if found is not None:
            return None if found.archived_at is not None else found
        if name.startswith(STAGE_TIMING):
            return Property(name, name, "datetime", "date", read_only=True, listed=False)
        return None

    def readable(self, kind: ObjectType, names: Iterable[str]) -> list[str]:
        """Those of `names` that can be read; the others are silently left out."""
        return [name for name in dict.fromkeys(names) if self.property(kind, name) is not None]

    def require_unused(self, kind: ObjectType, pipeline: str, stage: str) -> None:
        """Refuse what would leave live records in a stage that is no more."""
        records = self.table(kind).records.values()
        holders = [
            r.id for r in records if r.archived_at is None and kind.stage and r.values.get(kind.stage) == stage
        ]
        if holders:
            raise invalid(f"Stage {stage} of pipeline {pipeline} is used by {len(holders)} records", ids=holders[:10])

    def has_fixed_options(self, prop: Property) -> bool:
        """Whether no API call changes the options of a property."""
        by_people = prop.fixed_options and not self.personality.lifecycle_options_by_api
        return by_people or prop.external is not None

    def put_property(self, kind: ObjectType, prop: Property) -> None:
        """Add or replace a property."""
        self.properties[kind.name][prop.name] = prop
        self._unique.pop(kind.name, None)

    def add_kind(self, kind: ObjectType, properties: Iterable[Property]) -> None:
        """Let the account know a kind of record of its own."""
        self.types.update(index_names((kind,)))
        self.tables[kind.name] = Table(kind)
        self.properties[kind.name] = {prop.name: prop for prop in properties}
        self.groups[kind.name] = {group.name: group for group in seeds.default_groups(kind.singular)}

    def add_group(self, kind: ObjectType, group: Group) -> None:
        """Add or replace a heading for properties."""
        self.groups[kind.name][group.name] = group

    def lag_index(self, record: Record, table: Table, before: Mapping[str, str] | None) -> None:
        """Where the search index lags, keep it from hearing of a change at once."""
        if self.personality.index_lag:
            table.hide_from_index(record, self.now(), before)

    def let_index_catch_up(self, table: Table) -> None:
        """Let the search index of a table hear of what is old enough."""
        lag = self.personality.index_lag
        if isinstance(lag, timedelta):
            table.index_up_to(self.clock.now() - lag)

    def flush_index(self) -> None:
        """Let the search index hear of every change."""
        for table in self.tables.values():
            table.index_up_to(None)

    def store_new(self, kind: ObjectType, values: Mapping[str, str], source: Source) -> Record:
        """Keep a new record with values that were checked before."""
        now, number = self.now(), self.ids.number()
        kept = {name: value for name, value in values.items() if value != ""}
        kept.update({"hs_object_id": str(number), "createdate": iso(now), kind.modified: iso(now)})
        if "hs_createdate" in self.properties[kind.name]:
            kept["hs_createdate"] = iso(now)
        table = self.table(kind)
        record = Record(number, kept, now, now, source)
        table.add(record)
        self._claim(table, record, kept)
        self.lag_index(record, table, None)
        return record

    def store(self, kind: ObjectType, record: Record, values: Mapping[str, str], source: Source) -> set[str]:
        """Keep changed values and say which really changed; an equal value changes nothing."""
        table, now = self.table(kind), self.now()
        changed = {name for name, value in values.items() if record.values.get(name, "") != value}
        if not changed:
            return changed
        before = dict(record.values) if self.personality.index_lag else None
        for name in sorted(changed):
            record.remember(name, values[name], now, source)
            self._release(table, record, name)
            if values[name] == "":
                record.values.pop(name, None)
            else:
                record.values[name] = values[name]
        self._claim(table, record, {name: values[name] for name in changed})
        table.touch(record, now)
        self.lag_index(record, table, before)
        return changed

    def unique_names(self, kind: ObjectType) -> list[str]:
        """Properties of which no two records may share a value."""
        if kind.name not in self._unique:
            known = self.properties[kind.name].values()
            self._unique[kind.name] = [prop.name for prop in known if prop.unique]
        return self._unique[kind.name]

    def holder(self, kind: ObjectType, name: str, value: str) -> Record | None:
        """The live record that holds a unique value."""
        id = self.table(kind).unique.get(name, {}).get(value.strip().lower())
        return None if id is None else self.table(kind).live(id)

    def _claim(self, table: Table, record: Record, values: Mapping[str, str]) -> None:
        for name in self.unique_names(table.kind):
            if value := values.get(name):
                table.unique.setdefault(name, {})[value.lower()] = record.id
        if more := values.get("hs_additional_emails"):
            emails = table.unique.setdefault("email", {})
            emails.update(dict.fromkeys((email.strip().lower() for email in more.split(";")), record.id))

    def _release(self, table: Table, record: Record, name: str) -> None:
        held = record.values.get(name)
        names = "email" if name == "hs_additional_emails" else name
        if held and names in table.unique:
            for value in held.lower().split(";") if name == "hs_additional_emails" else [held.lower()]:
                if table.unique[names].get(value) == record.id:
                    del table.unique[names][value]

    def release_all(self, table: Table, record: Record) -> None:
        """Let others have the unique values of a record that is gone."""
        for name in [*self.unique_names(table.kind), "hs_additional_emails"]:
            self._release(table, record, name)

    def claim_all(self, table: Table, record: Record) -> None:
        """Take the unique values of a record that has come back."""
        self._claim(table, record, record.values)
