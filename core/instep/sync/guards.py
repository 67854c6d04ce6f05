"""Guards: a plan that would change surprisingly much is stopped before its first write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median

from instep.errors import GuardError
from instep.mapping.compiled import Guards, Limit
from instep.store import Store
from instep.sync.changes import Change, Plan
from instep.sync.session import Session

RECENT = 10
"""So many earlier runs say what is usual."""
Known = Callable[[str, str, int | None], int]
"""How many live records an object of a connection has; at least so many where that is enough."""
_FEWEST_RUNS = 5
_FEWEST_WRITES = 100
"""What is written in one run before it can be unusually much."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One limit that a plan goes beyond. `what` is a field, "create", "delete", "clear" or "writes"."""

    connection: str
    object: str
    what: str
    count: int
    why: str

    def __str__(self) -> str:
        place = f"{self.connection}/{self.object}" if self.object else self.connection
        return f"{place}: {self.what} {self.count:,} {self.why}"


def check_guards(session: Session, plan: Plan) -> None:
    """Raise `GuardError`, naming every limit that the plan goes beyond.

    The first plan of a workspace goes beyond none: a person looks at it anyway.
    """
    if found := find_breaches(session, plan):
        raise GuardError(
            "The plan would change surprisingly much, so nothing was written:\n"
            + "\n".join(f"  {breach}" for breach in found)
            + "\nLook at it: instep plan --out plan.json\n"
            "To do exactly that all the same: instep apply plan.json --past-guards"
        )


def note_guards(session: Session, plan: Plan) -> None:
    """Say of a plan that it would be stopped."""
    for breach in find_breaches(session, plan):
        session.ledger.note(
            "guard",
            breach.connection,
            f"Surprisingly much: {breach}.",
            "A sync would stop here. To do exactly this all the same: instep apply PLAN --past-guards",
        )


def find_breaches(session: Session, plan: Plan) -> list[Breach]:
    """Every limit that a plan goes beyond; none before the first run that wrote."""
    counted = {place: len(records) for place, records in counted_records(plan.changes).items()}
    return beyond_limits(session, counted, _in_all(plan.counts()))


def beyond_limits(
    session: Session,
    counted: Mapping[tuple[str, str, str], int],
    in_all: Mapping[str, int],
    seen: Mapping[tuple[str, str], int] | None = None,
) -> list[Breach]:
    """Every limit that so many changes go beyond; none before the first run that wrote.

    `counted` says of how many records what would be changed, by (connection, object, what); `in_all` how many changes
    there are for a connection; `seen` how many live records each (connection, object) has at least.
    """
    if session.store.meta("applied") is None:
        return []

    def known(connection: str, object: str, enough: int | None) -> int:
        there = (seen or {}).get((connection, object), 0)
        is_enough = enough is not None and there >= enough
        return there if is_enough else _known(session.store, connection, object, enough)

    return [*breaches(session.workspace.guards, counted, known), *_unusual(session, in_all)]


def breaches(guards: Guards, counted: Mapping[tuple[str, str, str], int], known: Known) -> Iterator[Breach]:
    """The limits that changes go beyond, by how many records each connection and object has now."""
    for (connection, object, what), count in sorted(counted.items()):
        limit = guards.limit(what)
        there = known(connection, object, _enough(guards, limit, count))
        most = _most(guards, limit, there)
        if most is not None and count > most:
            yield Breach(connection, object, what, count, _why(limit, there, count, most))


def _enough(guards: Guards, limit: Limit, count: int) -> int | None:
    """Of so many records, this many may be changed by percent; None where it is never enough."""
    if limit.percent is None:
        return 0
    return max(guards.from_records, ceil(count * 100 / limit.percent) + 1) if limit.percent else None


def _most(guards: Guards, limit: Limit, there: int) -> int | None:
    """The most records that may be changed; None where nothing limits it."""
    shares = [there * limit.percent // 100] if limit.percent is not None and there >= guards.from_records else []
    counts = [limit.records] if limit.records is not None else []
    return min((int(most) for most in [*shares, *counts]), default=None)


def _why(limit: Limit, there: int, count: int, most: int) -> str:
    if limit.records is not None and most == limit.records:
        return f"records, and at most {most:,} are allowed in one run"
    return f"of {there:,} records ({count * 100 / there:.1f} %), and at most {limit.percent} % are allowed"


def counted_records(changes: Iterable[Change]) -> dict[tuple[str, str, str], set[str]]:
    """The records that are changed, by what is changed of them."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for change in changes:
        for what in _names(change):
            found.setdefault((change.connection, change.object, what), set()).add(change.record or change.entity)
    return found


def _names(change: Change) -> Iterator[str]:
    """What a change counts as."""
    if change.action in ("create", "delete"):
        yield change.action
    elif change.is_consent:
        yield "consent"
    elif change.relation:
        yield change.relation
    else:
        yield from (value.name for value in change.values if value.name != "instep_id")
        if any(value.after is None and value.before is not None for value in change.values):
            yield "clear"


def _known(store: Store, connection: str, object: str, enough: int | None) -> int:
    """How many live records an object has, counted no further than is enough: a million take a second."""
    return store.count(
        "SELECT count(*) FROM (SELECT 1 FROM mirror WHERE connection = ? AND object = ? AND state = 'live' LIMIT ?)",
        (connection, object, -1 if enough is None else enough),
    )


def _unusual(session: Session, in_all: Mapping[str, int]) -> Iterator[Breach]:
    """Connections in which would be written many times what recent runs wrote."""
    times = session.workspace.guards.deviation
    recent = _recent(session) if times is not None else []
    if times is None or len(recent) < _FEWEST_RUNS:
        return
    for connection, count in sorted(in_all.items()):
        usual = median(run.get(connection, 0) for run in recent)
        most = max(_FEWEST_WRITES, int(usual * times))
        if count > most:
            why = f"in all, and recent runs wrote {usual:,.0f}; at most {most:,} are usual"
            yield Breach(connection, "", "writes", count, why)


def _recent(session: Session) -> list[dict[str, int]]:
    """What the latest runs that wrote something planned to write, by connection."""
    rows = session.store.rows(
        "SELECT report FROM run WHERE status IN ('done', 'partial') AND id < ? AND EXISTS "
        "(SELECT 1 FROM journal WHERE journal.run = run.id) ORDER BY id DESC LIMIT ?",
        (session.run, RECENT),
    )
    return [_in_all(json.loads(row[0]).get("planned", {})) for row in rows]


def _in_all(counts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, int]:
    """Connection to how many changes, from a plan's counts."""
    return {name: sum(sum(actions.values()) for actions in objects.values()) for name, objects in counts.items()}
