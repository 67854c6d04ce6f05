"""Rows of a state, written as they come: what one command or another might leave behind, in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st

from instep.model.entities import Kind
from instep.model.values import encode
from instep.store import Store
from instep.store.segments import Projection, Segments
from instep.sync.projections import acts, claims, entities, journeys, records

Write = Callable[[Store], object]

ENTITIES = ("e1", "e2", "e3", "e4", "e5")
RECORDS = tuple((connection, object, id) for connection, object in (("a", "people"), ("a", "deals")) for id in "12")
PLACES = (("a", "people"), ("a", "deals"))
EMAILS = ("x@firm.example", "y@firm.example")
ACTS = ("v1", "v2")
DAYS = ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00.250000+02:00")
VALUES = (None, "x", 'a "b"\n', True, 7, Decimal("7.0"), Decimal("1.50"), Decimal("1.5"))


def new_state(folder: Path, **settings: Any) -> Store:
    """A state with nobody in it."""
    (folder / "state.db").write_bytes(_empty())
    return Store(folder / "state.db", **settings)


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        with Store(Path(folder) / "state.db") as store, store.transaction("new"):
            store.set_meta("lineage", "l1")
        return (Path(folder) / "state.db").read_bytes()


def write(store: Store, *writes: Write) -> None:
    """Write in one transaction."""
    with store.transaction("write"):
        for one in writes:
            one(store)


def all_projections() -> list[Projection]:
    """Everything that is kept as columns."""
    return [
        entities(Kind.PERSON, ("email", "title")),
        entities(Kind.OPPORTUNITY, ("email",)),
        *(records(connection, object, ("Email", "Title")) for connection, object in PLACES),
        acts((("a", "deals"),)),
        journeys(),
        claims(),
    ]


def differing(segments: Segments, store: Store, projections: Sequence[Projection]) -> list[str]:
    """The projections of which the columns say something else than the rows."""
    return [p.name for p in projections if _said(segments, p) != sorted(p.rows(store).rows(), key=repr)]


def _said(segments: Segments, projection: Projection) -> list[tuple[Any, ...]]:
    parts = range(segments.partitions)
    return sorted((row for part in parts for row in segments.read(projection, part).rows()), key=repr)


# --- writes ----------------------------------------------------------------------------------------------------


def put(table: str, how: str = "INSERT OR REPLACE", **values: Any) -> Write:
    """A new row, or one in the place of another."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    statement = f"{how} INTO {table} ({names}) VALUES ({marks})"
    return lambda store: store.run(statement, tuple(values.values()))


def change(table: str, now: dict[str, Any], where: dict[str, Any]) -> Write:
    """Other values in some rows."""
    sets = ", ".join(f"{name} = ?" for name in now)
    statement = f"UPDATE OR REPLACE {table} SET {sets} WHERE {_tests(where)}"
    return lambda store: store.run(statement, (*now.values(), *where.values()))


def drop(table: str, where: dict[str, Any]) -> Write:
    """Some rows go."""
    return lambda store: store.run(f"DELETE FROM {table} WHERE {_tests(where)}", tuple(where.values()))


def _tests(where: dict[str, Any]) -> str:
    return " AND ".join(f"{name} IS ?" for name in where)


def seen_again(**values: Any) -> Write:
    """As a page that is read again writes: the link stays."""
    clause = "ON CONFLICT (connection, object, id) DO UPDATE SET fields = excluded.fields, state = 'live'"
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    return lambda store: store.run(f"INSERT INTO mirror ({names}) VALUES ({marks}) {clause}", tuple(values.values()))


def ref_of(record: tuple[str, str, str], last: str = "id") -> dict[str, str]:
    """The columns that name a record."""
    return dict(zip(("connection", "object", last), record, strict=True))


entity_ids, refs, flags = st.sampled_from(ENTITIES), st.sampled_from(RECORDS), st.sampled_from((0, 1))
days, act_ids, emails = st.sampled_from(DAYS), st.sampled_from(ACTS), st.sampled_from(EMAILS)
replaced = st.sampled_from(("INSERT OR REPLACE", "INSERT OR IGNORE"))
links = st.none() | entity_ids


def _fields(*names: str) -> st.SearchStrategy[bytes]:
    return st.dictionaries(st.sampled_from(names), st.sampled_from(VALUES)).map(encode)


told = _fields("Email", "Title", "Other")
scores = st.sampled_from(
    (None, b'{"stage":"interest"}', b'{"stage":null,"published":7,"computed":7.5,"outcome":"won"}')
)
records_seen = st.builds(
    lambda ref, how, **values: put("mirror", how, **ref_of(ref), **values),
    refs,
    replaced,
    fields=told,
    modified_at=days,
    state=st.sampled_from(("live", "gone")),
    entity=links,
    dirty=flags,
)
entities_kept = st.builds(
    lambda id, how, **values: put("entity", how, id=id, **values),
    entity_ids,
    replaced,
    kind=st.sampled_from(("person", "opportunity")),
    fields=_fields("email", "title"),
    score=scores,
    shown=st.none() | st.just("j1"),
    dirty=flags,
    due_at=st.none() | days,
)
behaviours_seen = st.builds(
    lambda id, **values: put("behaviour", connection="a", id=id, kind="act", actor="buyer", **values),
    act_ids,
    key=st.none() | st.just("visits"),
    at=days,
    email=st.none() | emails,
)
subjects_seen = st.builds(
    lambda connection, object, record, behaviour: put(
        "behaviour_subject", "INSERT OR IGNORE", connection="a", object=object, record=record, behaviour=behaviour
    ),
    st.just("a"),
    st.sampled_from(("people", "deals")),
    st.sampled_from("12"),
    act_ids,
)
journey_ids = st.sampled_from(("j1", "j2"))
journeys_kept = st.builds(
    lambda **values: put("journey", kind="new", **values),
    id=journey_ids,
    entity=entity_ids,
    stage=st.none() | st.just("interest"),
    opened_at=days,
    half=st.none() | st.just("retention"),
    detour=st.none() | st.just("dormant"),
)
claims_kept = st.builds(
    lambda how, **values: put("claim", how, value="v", source="s", **values),
    replaced,
    journey=journey_ids,
    at=days,
    type=st.sampled_from(("stage", "evidence")),
    doer=st.just("") | entity_ids,
    accepted=flags,
    ended=st.none() | st.just(1),
)

BY_TABLE: dict[str, st.SearchStrategy[Write]] = {
    "entity": st.one_of(
        entities_kept,
        st.builds(lambda id, dirty: change("entity", {"dirty": dirty}, {"id": id}), entity_ids, flags),
        st.builds(lambda id: drop("entity", {"id": id}), entity_ids),
    ),
    "mirror": st.one_of(
        records_seen,
        st.builds(lambda ref, fields: seen_again(**ref_of(ref), fields=fields, modified_at=DAYS[0]), refs, told),
        st.builds(lambda ref, to: change("mirror", {"entity": to}, ref_of(ref)), refs, links),
        st.builds(lambda ref: drop("mirror", ref_of(ref)), refs),
    ),
    "base": st.one_of(
        st.builds(
            lambda ref, heard, sent: put("base", **ref_of(ref), heard=heard, sent=sent), refs, told, st.none() | told
        ),
        st.builds(lambda ref, heard: change("base", {"heard": heard}, ref_of(ref)), refs, told),
        st.builds(lambda ref: drop("base", ref_of(ref)), refs),
    ),
    "key": st.one_of(
        st.builds(
            lambda ref, email: put("key", **ref_of(ref), name="email", kind="person", value=email), refs, emails
        ),
        st.builds(lambda ref: drop("key", ref_of(ref)), refs),
    ),
    "relation": st.one_of(
        st.builds(lambda id, to: put("relation", entity=id, name="company", to_entity=to), entity_ids, entity_ids),
        st.builds(lambda id, to: change("relation", {"to_entity": to}, {"entity": id}), entity_ids, entity_ids),
        st.builds(lambda id: drop("relation", {"entity": id}), entity_ids),
    ),
    "journey": st.one_of(
        journeys_kept,
        st.builds(lambda id, to: change("journey", {"entity": to}, {"id": id}), journey_ids, entity_ids),
        st.builds(lambda id: drop("journey", {"id": id}), journey_ids),
    ),
    "claim": st.one_of(
        claims_kept,
        st.builds(lambda id, to: change("claim", {"journey": to}, {"journey": id}), journey_ids, journey_ids),
        st.builds(
            lambda id, ended: change("claim", {"ended": ended}, {"journey": id}),
            journey_ids,
            st.sampled_from((None, 1)),
        ),
        st.builds(lambda id: drop("claim", {"journey": id}), journey_ids),
    ),
    "behaviour": st.one_of(
        behaviours_seen,
        st.builds(
            lambda id, key: change("behaviour", {"key": key}, {"id": id}), act_ids, st.sampled_from((None, "k"))
        ),
        st.builds(lambda id: drop("behaviour", {"id": id}), act_ids),
    ),
    "behaviour_subject": st.one_of(
        subjects_seen,
        st.builds(lambda id: drop("behaviour_subject", {"behaviour": id}), act_ids),
        st.builds(lambda id: drop("behaviour_subject", {"record": id}), st.sampled_from("12")),
    ),
    "conflict": st.one_of(
        st.builds(
            lambda id, state: put("conflict", entity=id, kind="field", field="title", state=state),
            entity_ids,
            st.sampled_from(("open", "decided")),
        ),
        st.builds(lambda id, pending: change("conflict", {"pending": pending}, {"entity": id}), entity_ids, flags),
        st.builds(lambda id: drop("conflict", {"entity": id}), entity_ids),
    ),
    "question": st.one_of(
        st.builds(
            lambda id: put("question", kind="merge-too", subject=id, connection="a", text="Merge?"), entity_ids
        ),
        st.builds(lambda id: drop("question", {"subject": id}), entity_ids),
    ),
    "tombstone": st.one_of(
        st.builds(lambda id: put("tombstone", "INSERT OR IGNORE", connection="a", entity=id), entity_ids),
        st.builds(lambda id: drop("tombstone", {"entity": id}), entity_ids),
    ),
    "undone": st.one_of(
        st.builds(lambda ref: put("undone", **ref_of(ref), field="Title"), refs),
        st.builds(lambda ref: drop("undone", ref_of(ref)), refs),
    ),
    "quarantine": st.one_of(
        st.builds(
            lambda id, ref: put("quarantine", **ref_of(ref, "record"), entity=id, action="update"), entity_ids, refs
        ),
        st.builds(lambda id: drop("quarantine", {"entity": id}), entity_ids),
    ),
    "journal": st.one_of(
        st.builds(
            lambda id, ref: put(
                "journal",
                **ref_of(ref, "record"),
                entity=id,
                run=1,
                fence=1,
                action="update",
                state="intended",
                intended_at=DAYS[0],
            ),
            links,
            refs,
        ),
        st.builds(
            lambda ref, state: change("journal", {"state": state}, ref_of(ref, "record")),
            refs,
            st.sampled_from(("intended", "confirmed")),
        ),
        st.builds(lambda ref: drop("journal", ref_of(ref, "record")), refs),
    ),
}
"""Table to what may be written there."""

anything = st.one_of(*BY_TABLE.values())

ONE = ("a", "people", "1")
DEAL = ("a", "deals", "1")
SCENE: tuple[Write, ...] = (
    *(put("entity", id=id, kind="person", fields=encode({"email": "x", "title": None})) for id in ENTITIES[:4]),
    put("entity", id="e5", kind="opportunity", fields=b"{}"),
    *(
        put("mirror", **ref_of(ref), fields=encode({"Email": "x", "Title": "y"}), modified_at=DAYS[0], entity=entity)
        for ref, entity in zip(RECORDS, ("e1", "e2", "e5", None), strict=True)
    ),
    *(put("base", **ref_of(ref), heard=encode({"Email": "x", "Title": "y"}), sent=b"{}") for ref in RECORDS),
    put("key", **ref_of(ONE), name="email", kind="person", value=EMAILS[0]),
    put("relation", entity="e1", name="company", to_entity="e2"),
    put("journey", id="j1", entity="e1", kind="new", stage="interest"),
    put("journey", id="j2", entity="e2", kind="new"),
    put("claim", journey="j1", at=DAYS[0], type="stage", value="v", source="s", doer="", accepted=1),
    put("behaviour", connection="a", id="v1", kind="act", key="visits", at=DAYS[0], actor="buyer"),
    put("behaviour", connection="a", id="v2", kind="act", key="visits", at=DAYS[1], actor="buyer", email=EMAILS[0]),
    put("behaviour_subject", connection="a", object="people", record="2", behaviour="v1"),
)
"""Somebody of everything, and nothing that waits."""
