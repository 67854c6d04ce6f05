"""What must hold once a story has come to rest, looked up in the systems themselves.

`told` is the same story without any stop: what it came to is what a story with stops must come to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from instep.model.values import decode

from .place import Applied, Held, Kind, by_name
from .rehearsal import Rehearsal, Run

View = Mapping[str, Mapping[tuple[Kind, str], list[str]]]


def view(held: Mapping[str, Sequence[Held]]) -> dict[str, dict[tuple[Kind, str], list[str]]]:
    """What people see: every record in words, ids and times left out."""
    return {
        system: {key: sorted(map(_words, rows)) for key, rows in by_name(all).items()} for system, all in held.items()
    }


def _words(record: Held) -> str:
    values = ", ".join(f"{name}={value}" for name, value in sorted(record.values.items()) if value)
    ties = "" if record.ties is None else " of " + ", ".join(sorted(name for _, name in record.ties))
    return f"{record.object}: {values}{ties}"


def differences(told: View, found: View) -> Iterator[str]:
    """Where a story came to something else than the same story without stops."""
    for system, records in told.items():
        for key in sorted(records.keys() | found[system].keys()):
            wanted, got = records.get(key, []), found[system].get(key, [])
            if wanted != got:
                yield f"{system} {key[1]}: {got} instead of {wanted}"


def twins(held: Mapping[str, Sequence[Held]]) -> Iterator[str]:
    """Two records of one person, company or opportunity in one object of one system."""
    for system, records in held.items():
        for (_, name), rows in by_name(records).items():
            objects = [row.object for row in rows]
            yield from (f"{name} twice in {system}/{object}" for object in set(objects) if objects.count(object) > 1)


def disagreements(held: Mapping[str, Sequence[Held]]) -> Iterator[str]:
    """Fields and ties in which two records of the same thing differ, whichever systems they are in."""
    every = [record for records in held.values() for record in records]
    there = {system: {(r.kind, r.name) for r in records if _can_be_tied(r)} for system, records in held.items()}
    places = {id(record): system for system, records in held.items() for record in records}
    for (_, name), rows in sorted(by_name(every).items()):
        for field in sorted({field for row in rows for field in row.values}):
            said = {row.values[field] for row in rows if field in row.values}
            if len(said) > 1:
                yield f"{name}: {field} is {sorted(said)}"
        ties = [(there[places[id(row)]], row.ties) for row in rows if row.ties is not None]
        for known, ends in ties:
            for others, other_ends in ties:
                missing = {end for end in other_ends - ends if end in known}
                if missing and others is not known:
                    yield f"{name}: one system ties it to {sorted(missing)}, another does not"


def _can_be_tied(record: Held) -> bool:
    return record.kind == "company" or record.ties is not None


def orphans(story: Rehearsal) -> Iterator[str]:
    """Writes whose outcome nobody settled."""
    for row in story.rows(
        "SELECT seq, connection, action, state FROM journal WHERE state IN ('intended', 'unknown')"
    ):
        yield f"unsettled: {row}"


def unmatched(story: Rehearsal) -> Iterator[str]:
    """Where the journal and what the systems saw are not the same, run by run.

    Every record that a call changed was journalled by the run that sent the call, field by field. Every journal row
    that is confirmed stands for such a change, in its own run; one that a later run confirmed says so.
    """
    query = "SELECT run, connection, object, record, entity, action, state, after, answer FROM journal ORDER BY seq"
    rows = [Row(*row) for row in story.rows(query)]
    for place in story.places:
        for run in story.runs:
            begin, end = run.calls[place.name]
            changed = [one for one in place.applied if begin <= one.call < end]
            known = [row for row in rows if (row.run, row.connection) == (run.number, place.name)]
            changed = [one._replace(key="") for one in changed]
            yield from _not_journalled(place.name, run, changed, known)
            yield from _not_sent(place.name, run, changed, known)


class Row(NamedTuple):
    """One row of the journal."""

    run: int
    connection: str
    object: str
    record: str | None
    entity: str
    action: str
    state: str
    after: bytes
    answer: bytes | None

    @property
    def is_marked(self) -> bool:
        """Whether it says that its outcome was not known at once."""
        return any(word in (self.answer or b"") for word in (b"recovered", b"unknown"))

    def is_about(self, one: Applied) -> bool:
        """Whether a change is what it speaks of; a create whose answer never came knows its key alone."""
        if one.object not in ("", self.object):
            return False
        return one.id == self.record or (self.action == "create" and one.key == self.entity)


def _not_journalled(system: str, run: Run, changed: Sequence[Applied], known: Sequence[Row]) -> Iterator[str]:
    for one in changed:
        rows = [row for row in known if row.is_about(one)]
        fields = {name for row in rows if row.action in ("create", "update") for name in decode(row.after)}
        if not rows:
            yield f"{system}: run {run.number} changed {one} and did not journal it"
        elif one.fields is not None and one.fields - fields:
            yield f"{system}: run {run.number} journalled {sorted(fields)} and sent {one}"


def _not_sent(system: str, run: Run, changed: Sequence[Applied], known: Sequence[Row]) -> Iterator[str]:
    for row in known:
        if row.state == "confirmed" and not row.is_marked and not any(row.is_about(one) for one in changed):
            yield f"{system}: run {run.number} confirmed a {row.action} of {row.record}, and nothing was sent"
