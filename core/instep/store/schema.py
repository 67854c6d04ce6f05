"""The tables. `migrations/` brings an older state to this shape; a test holds the two together.

`triggers.py` says which rows fill `touched`.
Bytes columns hold JSON: fields as `model.values.encode` writes them. Instants are ISO 8601 text in UTC.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, text

metadata = MetaData()


def _table(name: str, *columns: Column[str] | Column[int] | Column[bytes] | Column[float] | Index) -> Table:
    return Table(name, metadata, *columns)


def _key(name: str) -> Column[str]:
    return Column(name, String, primary_key=True, nullable=False)


def _text(name: str, *, nullable: bool = True) -> Column[str]:
    return Column(name, String, nullable=nullable)


def _flag(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _json(name: str) -> Column[bytes]:
    return Column(name, LargeBinary)


meta = _table("meta", _key("key"), _text("value"))

connection = _table(
    "connection", _key("name"), _text("org", nullable=False), _json("info"), _json("catalogue"), _text("catalogue_at")
)

cursor = _table("cursor", _key("connection"), _key("stream"), _text("cursor"), _text("read_at"))

mirror = _table(
    "mirror",
    _key("connection"),
    _key("object"),
    _key("id"),
    _json("fields"),
    _text("modified_at"),
    Column("state", String, nullable=False, server_default="live"),  # live | gone | merged | converted
    _text("successor"),
    _text("entity"),
    _flag("dirty"),
    _text("related_at"),
    _json("changes"),
    _json("consents"),
    Index("mirror_entity", "entity", "connection", "object", sqlite_where=text("entity IS NOT NULL")),
    Index("mirror_dirty", "connection", "object", sqlite_where=text("dirty = 1")),
    Index("mirror_related", "connection", "object", "related_at", sqlite_where=text("related_at IS NOT NULL")),
)

base = _table("base", _key("connection"), _key("object"), _key("id"), _json("heard"), _json("sent"), _json("related"))

association = _table(
    "association",
    _key("connection"),
    _key("object"),
    _key("id"),
    _key("to_object"),
    _key("to_id"),
    _flag("is_primary"),
    Index("association_to", "connection", "to_object", "to_id"),
)

key = _table(
    "key",
    _key("connection"),
    _key("object"),
    _key("id"),
    _key("name"),
    _text("kind", nullable=False),
    _text("value", nullable=False),
    Index("key_value", "kind", "name", "value"),
)

entity = _table(
    "entity",
    _key("id"),
    _text("kind", nullable=False),
    _json("fields"),
    _json("reasons"),
    _json("consent"),
    _json("score"),
    _text("shown"),
    _text("segment"),
    _flag("dirty"),
    _text("due_at"),
    Column("run", Integer),
    Index("entity_dirty", "kind", sqlite_where=text("dirty = 1")),
    Index("entity_due", "due_at", sqlite_where=text("due_at IS NOT NULL")),
)

past = _table("past", _key("entity"), _key("name"), Column("run", Integer, primary_key=True), _json("decided"))

relation = _table(
    "relation", _key("entity"), _key("name"), _key("to_entity"), Index("relation_to", "to_entity", "name")
)

journey = _table(
    "journey",
    _key("id"),
    _text("entity", nullable=False),
    _text("kind", nullable=False),
    _text("stage"),
    _text("since"),
    _text("outcome"),
    _text("closed_at"),
    _text("opened_at"),
    _text("segment"),
    _text("continues_as"),
    _text("half"),
    _text("detour"),
    _text("detour_since"),
    _text("proven"),
    Index("journey_entity", "entity"),
    Index("journey_continues", "continues_as"),
    Index("journey_stage", "stage"),
)

claim = _table(
    "claim",
    _key("journey"),
    _key("at"),
    _key("type"),
    _key("value"),
    _key("source"),
    _key("doer"),
    _flag("accepted"),
    _text("note"),
    _text("expires"),
    Column("run", Integer),
    Column("ended", Integer),  # the run that found that it was withdrawn, or counts for another journey
    Index("claim_doer", "doer", sqlite_where=text("doer <> ''")),
)

behaviour = _table(
    "behaviour",
    _key("connection"),
    _key("id"),
    _text("kind", nullable=False),
    _text("key"),
    _text("at", nullable=False),
    _text("actor", nullable=False),
    _text("email"),
    _json("details"),
    _text("refers"),
    Index("behaviour_email", "email"),
    Index("behaviour_refers", "refers", sqlite_where=text("refers IS NOT NULL")),
)

behaviour_subject = _table(
    "behaviour_subject",
    _key("connection"),
    _key("object"),
    _key("record"),
    _key("behaviour"),
    Index("behaviour_subject_behaviour", "connection", "behaviour", "object", "record"),
)

override = _table(
    "override",
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("entity", nullable=False),
    _text("stage", nullable=False),
    _text("reason", nullable=False),
    _text("by", nullable=False),
    _text("at", nullable=False),
    _text("expires"),
    _flag("pending"),
    Index("override_entity", "entity"),
    Index("override_pending", "entity", sqlite_where=text("pending = 1")),
)
"""What people said of a stage here, with their reason: the next run hears it like any other assertion."""

run = _table(
    "run",
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("command", nullable=False),
    _text("started_at", nullable=False),
    _text("finished_at"),
    _text("status", nullable=False),
    _json("report"),
)

journal = _table(
    "journal",
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    _text("connection", nullable=False),
    _text("object", nullable=False),
    _text("record"),
    _text("entity"),
    _text("action", nullable=False),
    _json("before"),
    _json("after"),
    _json("reason"),
    _text("state", nullable=False),  # intended | confirmed | rejected | unknown | resolved
    _text("intended_at", nullable=False),
    _text("settled_at"),
    _json("answer"),
    Index("journal_entity", "entity"),
    Index("journal_run", "run"),
    Index("journal_open", "state", sqlite_where=text("state IN ('intended', 'unknown')")),
)

undone = _table(
    "undone", _key("connection"), _key("object"), _key("id"), _key("field"), _json("said"), Column("run", Integer)
)

tombstone = _table(
    "tombstone", _key("connection"), _key("entity"), _text("at"), _text("reason"), Column("run", Integer)
)

question = _table(
    "question",
    _key("kind"),
    _key("subject"),
    _key("connection"),
    _text("text", nullable=False),
    _json("detail"),
    Column("run", Integer),
)

conflict = _table(
    "conflict",
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("entity", nullable=False),
    _text("kind", nullable=False),
    _text("field", nullable=False),
    _text("state", nullable=False),  # open | decided | resolved
    _text("rule"),
    _json("winner"),
    _json("losers"),
    _text("journey"),
    _text("digest"),
    Column("run", Integer),
    _text("at"),
    _json("resolution"),
    _flag("pending"),
    Index("conflict_entity", "entity", "field"),
    Index("conflict_open", "state", sqlite_where=text("state = 'open'")),
    Index("conflict_pending", "entity", sqlite_where=text("pending = 1")),
)

standing = _table("standing", _key("subject"), _key("code"), _key("text"), _text("connection"), _text("remedy"))

quarantine = _table(
    "quarantine",
    _key("connection"),
    _key("entity"),
    _key("action"),
    _text("object"),
    _text("record"),
    _text("digest"),
    _text("code"),
    _text("reason"),
    _json("fields"),
    _flag("permanent"),
    Column("tries", Integer),
    Column("run", Integer),
    _text("since"),
    _text("due_at"),  # blank: at once; NULL: parked
    _text("files"),
    _text("modified_at"),
    Index("quarantine_due", "due_at", sqlite_where=text("due_at IS NOT NULL")),
    Index("quarantine_entity", "entity"),
)

erased = _table("erased", _key("hash"), _text("subject", nullable=False), _text("at", nullable=False))
"""Who was erased: keyed hashes of addresses, records and ids, all of one person under one `subject`."""

validation = _table(
    "validation",
    _key("digest"),
    _key("method"),
    _text("validated_at", nullable=False),
    Column("validated_with", Integer, nullable=False),
)
"""When a version of the process (by its digest) was held against what buyers did, how, and with how many journeys."""

saved_plan = _table("saved_plan", _key("path"))

touched = Table("touched", metadata, _key("entity"), sqlite_with_rowid=False)
"""Entities that changed since the columns of `segments.py` were built; the triggers fill it."""

allowance = _table(
    "allowance",
    _key("connection"),
    Column("calls", Integer, nullable=False),
    Column("left", Integer, nullable=False),
    _text("told_at", nullable=False),
    _text("renews_at"),
)

budget = _table(
    "budget",
    _key("lane"),
    Column("slot", Integer, primary_key=True),
    Column("free_at", Float, nullable=False),
)
