"""Walks along everything that changed in an object, from any place on the way, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from instep.errors import RemoteError
from instep_salesforce import wire
from instep_salesforce.answers import Answer, Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import STAMP, next_call, query_call, select_clause
from instep_salesforce.refusals import field_of
from instep_salesforce.schema import Schema
from instep_salesforce.values import instant, quoted
from instep_salesforce.wire import Columns, Page, Record

_OLDEST: Final = datetime(1999, 3, 1, tzinfo=UTC)
"""When Salesforce began: no record is older."""
_SECOND: Final = timedelta(seconds=1)
_MOST_REMEMBERED: Final = 20_000
_PATIENCE: Final = 3
_ID: Final = 18
_to_json = msgspec.json.Encoder().encode


class Position(msgspec.Struct, omit_defaults=True, frozen=True):
    """Where a walk stands.

    `since` is where it began (at the beginning of all, where there is none), `started` Salesforce's own time when it
    did, and where the next one takes up. `stamp` and `id` are the last record's. `told` are the records that lie in
    view of the next walk's overlap and were given already: by their stamp, their ids with a fingerprint of what they
    held. `types` are the columns that could be seen, so that a quiet walk need not ask.
    """

    since: datetime | None = None
    started: datetime | None = None
    stamp: datetime | None = None
    id: str = ""
    told: dict[str, list[str]] = {}
    types: dict[str, str] = {}

    def moved(self, **changes: Any) -> Position:
        return msgspec.structs.replace(self, **changes)

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


_position = msgspec.json.Decoder(Position)


def read_position(cursor: str | None) -> Position:
    return _position.decode(cursor) if cursor else Position()


@dataclass(frozen=True, slots=True)
class Step:
    """What one call of a walk brought: records that were not given before, and where to go on."""

    records: Sequence[Record]
    garbled: Mapping[str, str]
    types: Mapping[str, str]
    position: Position


class _Memory:
    """What was given already and may come again: records changed within the overlap, each with what it held.

    Stamps are whole seconds, so a record that changed twice in one second has the same stamp and other contents.
    Too many to remember are forgotten: they come once more, which costs nothing but time.
    """

    def __init__(self, told: Mapping[str, Sequence[str]]) -> None:
        self._told = {at: list(texts) for at, texts in sorted(told.items(), key=lambda pair: int(pair[0]))}
        self._given = {text[:_ID]: text[_ID:] for texts in self._told.values() for text in texts}

    def news(self, records: Sequence[Record], horizon: datetime) -> Sequence[Record]:
        """The records that were not given before; those that the next walk looks back upon are remembered."""
        given = self._given
        if not given and records and records[-1][STAMP] < horizon:
            return records
        fresh = []
        for record in records:
            id, stamp = record["Id"], record[STAMP]
            known = given.get(id)
            if known is None and (stamp < horizon or len(given) >= _MOST_REMEMBERED):
                fresh.append(record)
                continue
            fingerprint = _fingerprint(record)
            if known == fingerprint:
                continue
            fresh.append(record)
            given[id] = fingerprint
            self._told.setdefault(str(int(stamp.timestamp())), []).append(id + fingerprint)
        return fresh

    def told(self) -> dict[str, list[str]]:
        """What was given so far."""
        return self._told

    def told_since(self, horizon: datetime) -> dict[str, list[str]]:
        """What the next walk will meet again."""
        return {at: texts for at, texts in self._told.items() if int(at) >= horizon.timestamp()}


def _fingerprint(record: Record) -> str:
    return blake2b(_to_json(record), digest_size=8).hexdigest()


class Walker:
    """Walks along the records of any object in the order of their changes: `SystemModstamp`, then id.

    Each walk begins earlier than the last one did, by the overlap: a long transaction shows its records late, with
    older stamps. What was given already is not given again.
    """

    def __init__(self, client: SalesforceClient, schema: Schema, overlap: timedelta) -> None:
        self._client = client
        self._schema = schema
        self._overlap = overlap

    def steps(self, object: str, names: Sequence[str], position: Position, only: str = "") -> Iterator[Step]:
        """Yield every call's records until all are read; `only` is a further condition."""
        walk = _Walk(self._client, self._schema, self._overlap, object, names, only, position)
        while not walk.is_over:
            yield walk.step()


class _Walk:
    """One walk along one object."""

    def __init__(
        self,
        client: SalesforceClient,
        schema: Schema,
        overlap: timedelta,
        object: str,
        names: Sequence[str],
        only: str,
        position: Position,
    ) -> None:
        self._client, self._schema, self._overlap = client, schema, overlap
        self._object, self._names, self._only = object, tuple(names), only
        self._at = position
        self._memory = _Memory(position.told)
        self._columns = Columns(self._visible())
        self._span: timedelta | None = None
        self._until: datetime | None = None
        self._next: Call | None = None
        self._fruitless = 0
        self._hidden: set[str] = set()
        self.is_over = False

    def _visible(self) -> dict[str, str]:
        """The columns that can be seen: as described in this run, else as the last walk knew them."""
        described = self._schema.known(self._object)
        if described is None and set(self._names) <= self._at.types.keys():
            return {name: self._at.types[name] for name in self._names if self._at.types[name]}
        return (described or self._schema.of(self._object)).types(self._names)

    # --- steps -------------------------------------------------------------------------------------------------

    def step(self) -> Step:
        """One page. A query that Salesforce cannot finish is asked again from where it stood."""
        while True:
            call = self._next or query_call(self._client, self._object, self._query())
            try:
                answer = self._client.fetch(call, self._columns.pages)
            except RefusedError as refused:
                self._recover(refused)
            else:
                self._fruitless = 0
                if not self._is_ahead_of(answer.at):
                    return self._taken(answer)
                self._at, self._memory, self._next = Position(types=self._at.types), _Memory({}), None

    def _is_ahead_of(self, now: datetime | None) -> bool:
        """Whether the walk before went by a clock that ran ahead: what changed since then would be skipped."""
        return bool(self._at.since and now and now < self._at.since - self._overlap)

    def _taken(self, answer: Answer[Page]) -> Step:
        page, at = answer.value, self._at
        last = page.records[-1] if page.records else None
        at = at.moved(started=at.started or answer.at or (last[STAMP] if last else at.since), types=self._known())
        if last is not None:
            at = at.moved(stamp=last[STAMP], id=last["Id"])
        horizon = (at.started or _OLDEST) - self._overlap
        fresh = self._memory.news(page.records, horizon)
        self._next = None if page.done else next_call(self._client, self._object, page)
        told = self._memory.told()
        if page.done and self._until is None:
            self.is_over = True
            told = self._memory.told_since(horizon)
            at = Position(since=at.started or at.since, types=at.types)
        elif page.done:
            at = at.moved(stamp=self._until, id="")
            self._widen(at)
        self._at = at.moved(told=told)
        return Step(fresh, page.garbled, self._columns.types, self._at)

    def _known(self) -> dict[str, str]:
        return {name: self._columns.types.get(name, "") for name in self._names}

    # --- the query ---------------------------------------------------------------------------------------------

    def _query(self) -> str:
        conditions = [*self._from(), *([f"{STAMP} < {instant(self._until)}"] if self._until else [])]
        conditions += [self._only] if self._only else []
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"{select_clause(self._columns, self._object)}{where} ORDER BY {STAMP}, Id"
        if len(quote_plus(query)) > wire.LONGEST_QUERY:
            raise RemoteError(
                f"Salesforce ({self._object}): so many fields are mapped that their names do not fit into one query. "
                "Map fewer fields."
            )
        return query

    def _from(self) -> list[str]:
        """Where to go on: behind the last record, many of which may share its stamp."""
        at = self._at
        if at.stamp is not None and at.id:
            stamp = instant(at.stamp)
            return [f"{STAMP} >= {stamp}", f"({STAMP} > {stamp} OR Id > {quoted(at.id)})"]
        begin = self._begin()
        return [f"{STAMP} >= {instant(begin)}"] if begin else []

    def _begin(self) -> datetime | None:
        at = self._at
        return at.stamp or (at.since - self._overlap if at.since else None)

    # --- trouble -----------------------------------------------------------------------------------------------

    def _recover(self, refused: RefusedError) -> None:
        """Prepare to ask again, or raise what cannot be helped."""
        self._next = None
        if refused.code in ("QUERY_TIMEOUT", "OPERATION_TOO_LARGE"):
            self._narrow(refused)
        elif refused.code == "INVALID_QUERY_LOCATOR" and self._fruitless < _PATIENCE:
            self._fruitless += 1
        elif refused.code == "INVALID_FIELD":
            self._describe_again(refused)
        else:
            raise refused

    def _describe_again(self, refused: RefusedError) -> None:
        """A field was hidden or removed since it was described: go on without it; a parent's is named in words."""
        visible = self._schema.read(self._object).types(self._names)
        named = field_of(refused.errors[0])
        self._hidden |= {name for name in visible if "." in name and name.rpartition(".")[2] == named}
        visible = {name: type for name, type in visible.items() if name not in self._hidden}
        if visible == self._columns.types:
            raise refused
        self._columns = Columns(visible)

    def _narrow(self, refused: RefusedError) -> None:
        """Ask for half the time, and half again, until Salesforce can answer."""
        begin = self._begin() or _OLDEST
        end = self._until or max(self._now(), begin + 2 * _SECOND)
        self._span = (end - begin) / 2
        if self._span < _SECOND:
            raise refused
        self._until = (begin + self._span).replace(microsecond=0)

    def _widen(self, at: Position) -> None:
        """After a narrow window that worked, one of twice the width; the last one is open."""
        if self._span is None or at.stamp is None:
            return
        self._span *= 2
        end = at.stamp + self._span
        self._until = end.replace(microsecond=0) if end < self._now() else None

    def _now(self) -> datetime:
        """Roughly now: it only says where to cut, and the last window is open at its end."""
        return self._at.started or self._client.effects.clock()
