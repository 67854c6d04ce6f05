"""The hands of the org's users: what they do in Salesforce itself, unseen by the request log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal

from instep_salesforce.sandbox.callers import person
from instep_salesforce.sandbox.conversion import Converted, convert
from instep_salesforce.sandbox.deleting import delete, erase, merge, undelete
from instep_salesforce.sandbox.errors import not_found
from instep_salesforce.sandbox.ids import normalise
from instep_salesforce.sandbox.loading import load
from instep_salesforce.sandbox.schema import ObjectType, Row
from instep_salesforce.sandbox.setup import SetupHands
from instep_salesforce.sandbox.times import stamp
from instep_salesforce.sandbox.writing import create, update

_ACTIVITIES = {"task": "Task", "event": "Event", "campaign-member": "CampaignMember"}


class SalesforceWorld(SetupHands):
    """Acts on the org as its users would. What Salesforce refuses raises `RefusedError`."""

    def _row(self, kind: ObjectType, id: str) -> Row:
        row = self._org.tables[kind.name].live(normalise(id) or "")
        if row is None:
            raise not_found()
        return row

    def create(self, object: str, **fields: object) -> str:
        """A colleague makes a record; gives its id."""
        with self._org.lock, self._org.transaction():
            return create(self._org, self._org.kind(object), _spoken(fields), person(self._org))

    def edit(self, object: str, id: str, **fields: object) -> None:
        """A colleague changes a record."""
        with self._org.lock, self._org.transaction():
            kind = self._org.kind(object)
            update(self._org, kind, self._row(kind, id), _spoken(fields), person(self._org))

    def read(self, object: str, id: str) -> Row | None:
        """What a live record holds, hidden fields included; None if it is gone."""
        with self._org.lock:
            kind = self._org.kind(object)
            row = self._org.tables[kind.name].live(normalise(id) or "")
            return None if row is None else {**dict.fromkeys(kind.fields), **row}

    def all(self, object: str, *, deleted: bool = False) -> list[Row]:
        """What every live (or every deleted) record holds, in the order of creation."""
        with self._org.lock:
            kind = self._org.kind(object)
            blank: Row = dict.fromkeys(kind.fields)
            return [{**blank, **row} for row in self._org.tables[kind.name].all(deleted=deleted)]

    def load(self, object: str, records: Iterable[Mapping[str, object]]) -> list[str]:
        """Put many records in at once, taking their values as they are; gives their ids."""
        if object not in self._org.tables:
            raise ValueError(f"sObject type '{object}' is not supported")
        with self._org.lock:
            return load(self._org, self._org.kind(object), records, self._org.admin)

    def delete(self, object: str, id: str) -> None:
        """A colleague deletes a record."""
        with self._org.lock, self._org.transaction():
            kind = self._org.kind(object)
            delete(self._org, kind, self._row(kind, id), person(self._org))

    def undelete(self, object: str, id: str) -> None:
        """A colleague brings a record back from the recycle bin."""
        with self._org.lock, self._org.transaction():
            undelete(self._org, self._org.kind(object), normalise(id) or "", person(self._org))

    def erase(self, object: str, id: str) -> None:
        """A record vanishes without lying in the recycle bin."""
        with self._org.lock:
            erase(self._org, self._org.kind(object), normalise(id) or "")

    def empty_bin(self, object: str) -> None:
        """An admin empties the recycle bin: its records are gone, and the log of deletions begins anew."""
        with self._org.lock:
            table = self._org.tables[self._org.kind(object).name]
            for id in list(table.bin):
                table.remove(id)
            table.deletions, table.log_begins = [], self._org.stamp()

    def merge(self, object: str, master: str, other: str) -> str:
        """A colleague merges `other` into `master`; gives the master's id."""
        with self._org.lock, self._org.transaction():
            kind = self._org.kind(object)
            ids = normalise(master) or "", normalise(other) or ""
            merge(self._org, kind, *ids, person(self._org))
            return ids[0]

    def convert(
        self,
        lead: str,
        *,
        account: str | None = None,
        contact: str | None = None,
        opportunity: str | None = None,
        status: str | None = None,
    ) -> Converted:
        """A colleague converts a lead; `opportunity` is the name of a new one, if there shall be one."""
        with self._org.lock, self._org.transaction():
            return convert(
                self._org,
                normalise(lead) or "",
                person(self._org),
                account=account,
                contact=contact,
                opportunity=opportunity,
                status=status,
            )

    activities = tuple(_ACTIVITIES)

    def act(self, kind: str, object: str, id: str) -> None:
        """Somebody calls a person, meets them, or invites them to a campaign."""
        match kind:
            case "task":
                self.create("Task", Subject="Call", WhoId=id, Status="Completed")
            case "event":
                self.create("Event", Subject="Demo", WhoId=id, **_times(self._org.now()))
            case "campaign-member":
                campaign = self.create("Campaign", Name="Spring")
                self.create("CampaignMember", CampaignId=campaign, **{f"{object}Id": id})

    def correct_act(self, kind: str, id: str) -> bool:
        """A colleague corrects what it was, or notes that somebody answered."""
        corrected = {"Status": "Responded"} if kind == "campaign-member" else {"Subject": "Something else"}
        self.edit(_ACTIVITIES[kind], id, **corrected)
        return True

    def withdraw_act(self, kind: str, id: str) -> bool:
        """A colleague deletes it."""
        self.delete(_ACTIVITIES[kind], id)
        return True

    def touch(self, object: str, id: str) -> None:
        """An automation moves a record's `SystemModstamp`, and nothing else."""
        with self._org.lock:
            kind = self._org.kind(object)
            self._org.tables[kind.name].change(self._row(kind, id), {"SystemModstamp": self._org.stamp(kind.name)})

    def flush_index(self) -> None:
        """Queries see every write."""
        self._org.flush()

    @contextmanager
    def commit_late(self, object: str, by: timedelta) -> Iterator[None]:
        """Let a long transaction end: what is written meanwhile carries stamps that are older by `by`."""
        kind = self._org.kind(object)
        with self._org.late(kind.name, by):
            yield

    def set_modified(self, object: str, ids: Iterable[str], at: datetime) -> None:
        """Let records look as if they had all been changed at `at`."""
        with self._org.lock:
            kind, moment = self._org.kind(object), stamp(at)
            for id in ids:
                changes: Row = {"SystemModstamp": moment, "LastModifiedDate": moment}
                self._org.tables[kind.name].change(self._row(kind, id), changes)


def _times(at: datetime) -> dict[str, object]:
    """When a meeting of an hour takes place."""
    return {"StartDateTime": at, "EndDateTime": at + timedelta(hours=1)}


def _spoken(fields: Mapping[str, object]) -> dict[str, object]:
    """Python's values as the API would hear them."""
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
