"""What replays read of the state, as columns: entities, their records, what they did, their journeys and claims.

Fields are kept as `comparable` text: "null" for a blank one, no text at all for one that is absent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from instep.model.entities import Kind
from instep.model.values import comparable_of_stored
from instep.store import Store
from instep.store.segments import Projection

if TYPE_CHECKING:
    import polars as pl

BUILT_AS = "9"
"""Counts up whenever the same rows would give other columns."""
AT_ONCE = 20_000
"""So many rows are turned into columns at a time."""

Rows = Sequence[Sequence[Any]]


# --- the projections -------------------------------------------------------------------------------------------


def entities(kind: Kind, fields: Sequence[str]) -> Projection:
    """One row for each entity of a kind: what was decided of it, and in `f:<name>` its canonical fields."""
    import polars as pl

    schema = {
        "entity": pl.String(),
        "segment": pl.String(),
        "dirty": pl.Boolean(),
        "due_at": pl.String(),
        "stage": pl.String(),
        "published": pl.Int64(),
        "published_at": pl.String(),
        "engagement": pl.Float64(),
        "engaged_at": pl.String(),
        "fit": pl.Float64(),
        "band": pl.String(),
        "grade": pl.String(),
        "is_graded": pl.Boolean(),
        "detour": pl.String(),
        "company": pl.String(),
        "waits": pl.Boolean(),
        **{f"f:{name}": pl.String() for name in fields},
    }

    def build(store: Store, ids: Sequence[str] | None) -> Iterator[pl.DataFrame]:
        waiting, read = _waiting(store), _Reading(fields)
        for rows in _chunks(store, _ENTITIES, "e.id", ids, kind.value):
            yield _entities_frame(rows, read, fields, waiting, schema)

    return _projection(f"entities/{kind}", schema, build, made_from=sorted(fields))


def records(connection: str, object: str, columns: Sequence[str]) -> Projection:
    """One row for each live, linked record of an object: in `v:<column>` what it holds, and whether it is settled.

    A record is settled if everything it holds was heard, what was sent is there, and nothing about it or its entity
    waits: taken back, refused, or without an outcome. `sent` has the names of whatever was sent, each between line
    breaks.
    """
    import polars as pl

    schema = {
        "entity": pl.String(),
        "dirty": pl.Boolean(),
        "settled": pl.Boolean(),
        "sent": pl.String(),
        **{f"v:{name}": pl.String() for name in columns},
    }

    def build(store: Store, ids: Sequence[str] | None) -> Iterator[pl.DataFrame]:
        unsettled, read = _unsettled(store, connection, object), _Reading(columns)
        for rows in _chunks(store, _RECORDS, "m.entity", ids, connection, object):
            yield _records_frame(rows, read, columns, unsettled, schema)

    return _projection(f"records/{connection}/{object}", schema, build, made_from=sorted(columns))


def acts(opportunities: Sequence[tuple[str, str]]) -> Projection:
    """One row for each mapped behaviour and entity that it belongs to, by its records or their address.

    They stand by entity, behaviour and time: what is reckoned of one act after the other needs no sorting. `named`
    tells whether a record of one of the `opportunities`, (connection, object), is among its subjects.
    """
    import polars as pl

    schema = {
        "entity": pl.String(),
        "connection": pl.Categorical(),
        "key": pl.Categorical(),
        "at": pl.Int64(),
        "actor": pl.Categorical(),
        "named": pl.Boolean(),
    }
    objects = json.dumps(sorted(opportunities))

    def build(store: Store, ids: Sequence[str] | None) -> Iterator[pl.DataFrame]:
        for statement in (_ACTS_OF_RECORDS, _ACTS_OF_ADDRESSES):
            for rows in _chunks(store, statement, "m.entity", ids, objects):
                yield _instants(_frame(rows, {**schema, "at": pl.String(), "id": pl.String()}))

    unique, order = ("entity", "connection", "id"), ("entity", "key", "at")
    return _projection("acts", schema, build, made_from=objects, unique=unique, order=order)


def journeys() -> Projection:
    """One row for each journey."""
    import polars as pl

    schema = dict.fromkeys(("entity", "id", "half", "continues_as"), pl.String())

    def build(store: Store, ids: Sequence[str] | None) -> Iterator[pl.DataFrame]:
        for rows in _chunks(store, _JOURNEYS, "entity", ids):
            yield _frame(rows, schema)

    return _projection("journeys", schema, build)


def claims() -> Projection:
    """One row for each claim that counts on a journey, with whose journey it is.

    Of evidence only what expires: all other evidence is what the acts say, and there is ten times as much of it as of
    everything else.
    """
    import polars as pl

    schema = {
        "entity": pl.String(),
        "journey": pl.String(),
        "at": pl.Int64(),
        "type": pl.String(),
        "value": pl.String(),
        "source": pl.String(),
        "accepted": pl.Boolean(),
        "expires": pl.String(),
    }

    def build(store: Store, ids: Sequence[str] | None) -> Iterator[pl.DataFrame]:
        for rows in _chunks(store, _CLAIMS, "j.entity", ids):
            yield _instants(_frame(rows, {**schema, "at": pl.String()}))

    return _projection("claims", schema, build)


def _projection(
    name: str,
    schema: dict[str, Any],
    build: Callable[..., Any],
    made_from: Any = None,
    unique: tuple[str, ...] = (),
    order: tuple[str, ...] = (),
) -> Projection:
    return Projection(name, schema, build, json.dumps([BUILT_AS, made_from]), unique, order)


# --- rows ------------------------------------------------------------------------------------------------------

_ENTITIES = """
SELECT e.id, e.segment, e.dirty, e.due_at, CAST(e.score AS TEXT), e.fields,
    (SELECT min(to_entity) FROM relation r WHERE r.entity = e.id AND r.name = 'company')
FROM entity e WHERE e.kind = ? AND {whose}
"""
_RECORDS = """
SELECT m.entity, m.id, m.dirty, m.fields, b.heard, b.sent
FROM mirror m LEFT JOIN base b ON b.connection = m.connection AND b.object = m.object AND b.id = m.id
WHERE m.connection = ? AND m.object = ? AND m.state = 'live' AND m.entity IS NOT NULL AND {whose}
"""
_NAMED = """
EXISTS (SELECT 1 FROM behaviour_subject o JOIN named n ON n.connection = o.connection AND n.object = o.object
    WHERE o.connection = b.connection AND o.behaviour = b.id)
"""
_ACTS = f"""
WITH named AS (SELECT json_extract(value, '$[0]') AS connection, json_extract(value, '$[1]') AS object
    FROM json_each(?))
SELECT m.entity, b.connection, b.key, b.at, b.actor, {_NAMED}, b.id
"""  # noqa: S608  # our own text
_ACTS_OF_RECORDS = f"""{_ACTS}
FROM mirror m JOIN behaviour_subject s ON s.connection = m.connection AND s.object = m.object AND s.record = m.id
JOIN behaviour b ON b.connection = s.connection AND b.id = s.behaviour
WHERE b.key IS NOT NULL AND m.entity IS NOT NULL AND {{whose}}
"""
_ACTS_OF_ADDRESSES = f"""{_ACTS}
FROM mirror m JOIN key k ON k.connection = m.connection AND k.object = m.object AND k.id = m.id AND k.name = 'email'
JOIN behaviour b ON b.email = k.value
WHERE b.key IS NOT NULL AND m.entity IS NOT NULL AND {{whose}}
"""
_JOURNEYS = """
SELECT entity, id, half, continues_as
FROM journey WHERE {whose}
"""
_CLAIMS = """
SELECT j.entity, c.journey, c.at, c.type, c.value, c.source, c.accepted, c.expires
FROM claim c JOIN journey j ON j.id = c.journey
WHERE c.ended IS NULL AND (c.type <> 'evidence' OR c.expires IS NOT NULL) AND {whose}
"""


def _chunks(store: Store, statement: str, owner: str, ids: Sequence[str] | None, *given: Any) -> Iterator[Rows]:
    """What a query finds for these entities, or for all, some rows at a time."""
    if ids is None:
        found = store.each(statement.format(whose="1"), given)
    else:
        whose = f"{owner} IN (SELECT value FROM json_each(?))"  # noqa: S608  # our own words
        found = store.each(statement.format(whose=whose), (*given, json.dumps(list(ids))))
    while rows := list(islice(found, AT_ONCE)):
        yield rows


def _frame(rows: Rows, schema: dict[str, Any]) -> pl.DataFrame:
    import polars as pl

    columns = zip(*rows, strict=True)
    named = zip(schema.items(), columns, strict=True)
    return pl.DataFrame([_series(name, type, column) for (name, type), column in named])


def _series(name: str, type: Any, column: Sequence[Any] | pl.Series) -> pl.Series:
    """Flags are kept as 0 and 1."""
    import polars as pl

    if type == pl.Boolean():
        return pl.Series(name, column, pl.Int64()).cast(pl.Boolean())
    return pl.Series(name, column, type)


def _instants(frame: pl.DataFrame) -> pl.DataFrame:
    """The text in `at` as microseconds since 1970."""
    import polars as pl

    at = pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC")
    return frame.with_columns(at.dt.epoch("us"))


# --- fields ----------------------------------------------------------------------------------------------------

_ABSENT = msgspec.Raw(b"")


class _Reading:
    """Takes some fields out of many JSON documents at once, each as the text that stands there."""

    def __init__(self, names: Sequence[str]) -> None:
        slots = [f"f{place}" for place in range(len(names))]
        wanted = [(slot, msgspec.Raw, msgspec.field(default=_ABSENT)) for slot in slots]
        struct = msgspec.defstruct("Fields", wanted, rename=dict(zip(slots, names, strict=True)), gc=False)
        self._slots = slots
        self._decode = msgspec.json.Decoder(list[struct]).decode  # type: ignore[valid-type]

    def columns(self, documents: Sequence[bytes | None]) -> list[pl.Series]:
        """One column of comparable text for each name."""
        found = self._decode(b"[" + b",".join([document or b"{}" for document in documents]) + b"]")
        return [_comparable(map(attrgetter(slot), found)) for slot in self._slots]


def _comparable(values: Iterable[msgspec.Raw]) -> pl.Series:
    """Stored JSON as comparable text. No line break stands in it, so that one text holds many."""
    import polars as pl

    text = b"\n".join(values).decode()
    shown = pl.Series([text]).str.split("\n").explode()
    if f"\n{text}\n".find("\n\n") >= 0:
        shown = shown.to_frame("").select(pl.when(pl.col("") != "").then(pl.col(""))).to_series()
    if '{"$n"' in text or '{"$m"' in text:
        shown = _with_short_numbers(shown)
    return shown


def _with_short_numbers(shown: pl.Series) -> pl.Series:
    """Decimals and money are stored in more than one spelling; the common ones are made one without Python."""
    import polars as pl

    text = pl.col("")
    digits = text.str.slice(7).str.strip_chars_end('"}')
    short = pl.when(digits.str.contains(".", literal=True)).then(digits.str.strip_chars_end("0")).otherwise(digits)
    short = short.str.strip_chars_end(".").replace("-0", "0")
    with_point = pl.concat_str(pl.lit('{"$n":"'), short, pl.lit('"}'))
    spelled = pl.when(short.str.contains(".", literal=True)).then(with_point).otherwise(short)
    is_common = text.str.contains(r'^\{"\$n":"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?"\}$')
    shown = shown.to_frame("").select(pl.when(is_common).then(spelled).otherwise(text)).to_series()
    rare = shown.filter(shown.str.contains(r'^\{"\$[nm]"')).unique().to_list()
    return shown.replace(rare, [comparable_of_stored(one) for one in rare]) if rare else shown


class _Score(msgspec.Struct, gc=False):
    """What the engine keeps beside an entity's fields."""

    stage: str | None = None
    published: int | float | None = None
    published_at: str | None = None
    engagement: float | None = None
    engaged_at: str | None = None
    fit: float | None = None
    band: str | None = None
    grade: str | msgspec.UnsetType | None = msgspec.UNSET
    detour: str | None = None


_scores = msgspec.json.Decoder(list[_Score])


def _entities_frame(
    rows: Rows, read: _Reading, fields: Sequence[str], waiting: set[str], schema: dict[str, Any]
) -> pl.DataFrame:
    import polars as pl

    ids, segments, dirty, due_at, scores, packed, companies = zip(*rows, strict=True)
    kept = _scores.decode("[" + ",".join(score or "{}" for score in scores) + "]")
    published = pl.Series([one.published for one in kept], dtype=pl.Float64()).cast(pl.Int64())
    plain: dict[str, Sequence[Any] | pl.Series] = {
        "entity": ids,
        "segment": segments,
        "dirty": dirty,
        "due_at": due_at,
        "stage": [one.stage for one in kept],
        "published": published,
        "published_at": [one.published_at for one in kept],
        "engagement": [one.engagement for one in kept],
        "engaged_at": [one.engaged_at for one in kept],
        "fit": [one.fit for one in kept],
        "band": [one.band for one in kept],
        "grade": [one.grade or None for one in kept],
        "is_graded": [one.grade is not msgspec.UNSET for one in kept],
        "detour": [one.detour for one in kept],
        "company": companies,
        "waits": [id in waiting for id in ids],
    }
    columns = [_series(name, schema[name], column) for name, column in plain.items()]
    found = zip(fields, read.columns(packed), strict=True)
    return pl.DataFrame([*columns, *(column.alias(f"f:{name}") for name, column in found)])


def _waiting(store: Store) -> set[str]:
    """Entities of which something waits for a person, or that are not created somewhere."""
    return _ids(
        store,
        "SELECT entity FROM conflict WHERE state = 'open' UNION SELECT entity FROM conflict WHERE pending = 1 "
        "UNION SELECT subject FROM question UNION SELECT entity FROM tombstone",
    )


def _ids(store: Store, statement: str, given: Sequence[Any] = ()) -> set[str]:
    return {row[0] for row in store.each(statement, given)}


# --- whether records are settled -------------------------------------------------------------------------------


def _unsettled(store: Store, connection: str, object: str) -> tuple[set[str], set[str]]:
    """Records of an object, and entities, about which something is not over yet."""
    place = (connection, object)
    ids = _ids(store, "SELECT id FROM undone WHERE connection = ? AND object = ?", place)
    ids |= _ids(store, "SELECT record FROM quarantine WHERE connection = ? AND object = ?", place)
    ids |= _ids(store, f"SELECT record FROM journal WHERE {_OPEN} AND connection = ? AND object = ?", place)  # noqa: S608
    named = _ids(store, f"SELECT entity FROM quarantine UNION SELECT entity FROM journal WHERE {_OPEN}")  # noqa: S608
    return ids, named


_OPEN = "state IN ('intended', 'unknown')"
_sent = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def _records_frame(
    rows: Rows, read: _Reading, names: Sequence[str], unsettled: tuple[set[str], set[str]], schema: dict[str, Any]
) -> pl.DataFrame:
    import polars as pl

    entities, ids, dirty, packed, heard, sent = zip(*rows, strict=True)
    holds = read.columns(packed)
    busy_ids, busy = unsettled
    is_over = pl.Series([id not in busy_ids and one not in busy for id, one in zip(ids, entities, strict=True)])
    told = _sent.decode(b"[" + b",".join([one or b"{}" for one in sent]) + b"]")
    settled = is_over & _is_heard(read, holds, packed, heard) & _is_there(names, holds, packed, told)
    plain = {"entity": entities, "dirty": dirty}
    columns = [_series(name, schema[name], column) for name, column in plain.items()]
    names_sent = ["\n".join(("", *one, "")) if one else "" for one in told]
    columns += [settled.alias("settled"), pl.Series("sent", names_sent)]
    return pl.DataFrame([*columns, *(column.alias(f"v:{name}") for name, column in zip(names, holds, strict=True))])


def _is_heard(
    read: _Reading, holds: Sequence[pl.Series], packed: Sequence[bytes], bases: Sequence[bytes | None]
) -> pl.Series:
    """Whether a decision heard every column that is there, as it is now, and no other."""
    import polars as pl

    found = pl.Series([base is not None for base in bases])
    others = [place for place, base in enumerate(bases) if base is not None and base != packed[place]]
    if not others:
        return found
    same = pl.Series([True] * len(others))
    for column, then in zip(holds, read.columns([bases[place] for place in others]), strict=True):
        now = column.gather(others)
        same &= now.eq_missing(then)
    return found.scatter(others, same)


def _is_there(
    names: Sequence[str], holds: Sequence[pl.Series], packed: Sequence[bytes], sent: Sequence[dict[str, msgspec.Raw]]
) -> pl.Series:
    """Whether a record holds everything that was sent to it."""
    import polars as pl

    places = [place for place, one in enumerate(sent) if one]
    found = pl.Series([True] * len(sent))
    if not places:
        return found
    told = [sent[place] for place in places]
    known, ever = set(names), set[str]().union(*told)
    others = sorted(ever - known)
    held = dict(zip(others, _Reading(others).columns([packed[place] for place in places]), strict=True))
    held |= {name: column.gather(places) for name, column in zip(names, holds, strict=True) if name in ever}
    same = pl.Series([True] * len(places))
    for name, now in held.items():
        then = _comparable([one.get(name, _ABSENT) for one in told])
        same &= then.is_null() | (now == then).fill_null(value=False)
    return found.scatter(places, same)
