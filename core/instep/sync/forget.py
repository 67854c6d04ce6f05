"""Forgetting a person: what the state holds of them, table by table, and what becomes of it.

`GOES`, `QUOTES`, `DISOWNED` and `HOLDS_NOBODY` name every table of the schema; a project test fails for one that is
new and that nobody has thought of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from instep.mapping.compiled import Workspace
from instep.model.entities import FieldType
from instep.model.values import decode, plain
from instep.store import Store
from instep.store.segments import disown_columns
from instep.sync.ledger import Ref
from instep.sync.subject import Subject

FORGOTTEN = "(erased)"
"""What stands where a text quoted them."""


class Rule(NamedTuple):
    """Rows of a table that are about a person, by one of their `traces`."""

    table: str
    traces: Literal["records", "entities", "journeys", "behaviours"]
    where: str


_RECORD = "connection = ? AND object = ? AND id = ?"
_ITS_RECORD = "connection = ? AND object = ? AND record = ?"

GOES = (
    Rule("mirror", "records", _RECORD),
    Rule("base", "records", _RECORD),
    Rule("key", "records", _RECORD),
    Rule("association", "records", _RECORD),
    Rule("association", "records", "connection = ? AND to_object = ? AND to_id = ?"),
    Rule("undone", "records", _RECORD),
    Rule("behaviour_subject", "records", _ITS_RECORD),
    Rule("behaviour_subject", "behaviours", "connection = ? AND behaviour = ?"),
    Rule("behaviour", "behaviours", "connection = ? AND id = ?"),
    Rule("entity", "entities", "id = ?"),
    Rule("past", "entities", "entity = ?"),
    Rule("conflict", "entities", "entity = ?"),
    Rule("override", "entities", "entity = ?"),
    Rule("relation", "entities", "entity = ?"),
    Rule("relation", "entities", "to_entity = ?"),
    Rule("tombstone", "entities", "entity = ?"),
    Rule("claim", "journeys", "journey = ?"),
    Rule("journey", "journeys", "id = ?"),
    Rule("quarantine", "entities", "entity = ?"),
    Rule("quarantine", "records", _ITS_RECORD),
)
"""What is theirs, and is deleted."""

EMPTIED = (Rule("journal", "entities", "entity = ?"), Rule("journal", "records", _ITS_RECORD))
"""What is theirs and stays as a fact without values, under a name that only this workspace's key gives."""

QUOTES: dict[str, tuple[str, ...]] = {
    "question": (),
    "standing": (),
    "quarantine": (),
    "undone": (),
    "journal": ("before", "after", "reason", "answer"),
    "run": ("report",),
    "entity": ("reasons",),
    "past": ("decided",),
    "conflict": ("winner", "losers", "resolution"),
    "base": ("related",),
    "claim": ("source", "doer", "note"),
    "override": ("reason",),
}
"""What is others' and may name or quote them: these columns are rewritten; without any, the row goes."""

DISOWNED = {"touched": "who changed since the columns were built: they are deleted, and it is emptied"}
"""What is made anew from the rows when somebody wants it."""

HOLDS_NOBODY = {
    "meta": "figures and keys of the workspace",
    "connection": "the systems, with their fields and our colleagues there",
    "cursor": "how far was read; ids of records that changed in the last minutes may stand there until the next run",
    "allowance": "how many calls of the day are left",
    "budget": "when calls may be sent",
    "erased": "keyed hashes, which bar them from coming back",
    "saved_plan": "where plans were saved; these files are deleted",
    "validation": "when a version of the process was validated, and with how many journeys",
}


@dataclass(frozen=True)
class Traces:
    """Everything by which a person can be found in the state."""

    refs: frozenset[Ref]
    entities: frozenset[str]
    journeys: frozenset[str]
    behaviours: frozenset[tuple[str, str]]
    """(connection, id) of what they did and nobody else took part in."""
    shared: frozenset[tuple[str, str]]
    """(connection, id) of what they did together with others."""
    emails: frozenset[str]
    texts: frozenset[str]
    """What only their records say: nobody else is meant by it."""
    continued: dict[str, str] = field(default_factory=dict)
    """Their own journeys that went on as an opportunity, and which."""

    def of(self, rule: Rule) -> Sequence[tuple[str, ...]]:
        """The parameters of a rule, one for each of its traces."""
        match rule.traces:
            case "records":
                return sorted(self.refs)
            case "behaviours":
                return sorted(self.behaviours)
            case "entities":
                return [(id,) for id in sorted(self.entities)]
            case "journeys":
                return [(id,) for id in sorted(self.journeys)]

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of what is theirs, as they stand in texts."""
        acts = {f"{connection}/behaviour/{id}" for connection, id in self.behaviours}
        return frozenset({*map(str, self.refs), *self.entities, *self.journeys, *acts})

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Finds their names, their addresses and their words in a text, the longest first."""
        texts = {form for text in {*self.emails, *self.texts} for form in (text, plain(text), text[:60])}
        wanted = sorted({*self.names, *texts} - {""}, key=lambda text: (-len(text), text))
        if not wanted:
            return None
        return re.compile(rf"(?<![\w.@-])(?:{'|'.join(map(re.escape, wanted))})(?![\w@-])", re.IGNORECASE)

    def quoted_in(self, value: Any) -> bool:
        """Whether a text, or any text in something larger, names or quotes them."""
        if isinstance(value, str):
            return self.pattern is not None and self.pattern.search(value) is not None
        if isinstance(value, dict):
            return any(self.quoted_in(part) for pair in value.items() for part in pair)
        return isinstance(value, list) and any(map(self.quoted_in, value))


def traces_of(store: Store, workspace: Workspace, subject: Subject) -> Traces:
    """Find everything by which the state knows a person."""
    entities = [subject.entity] if subject.entity else []
    journeys = dict(store.among("SELECT id, continues_as FROM journey WHERE entity IN (?)", entities))
    alone, shared = _behaviours(store, subject)
    return Traces(
        subject.refs,
        frozenset(entities),
        frozenset(journeys),
        alone,
        shared,
        subject.emails,
        _own_texts(store, workspace, subject),
        {id: other for id, other in journeys.items() if other is not None},
    )


def _behaviours(store: Store, subject: Subject) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """What they did alone, and what they did with others."""
    alone = set(store.among("SELECT connection, id FROM behaviour WHERE email IN (?)", sorted(subject.emails)))
    involved = {
        (ref.connection, row[0])
        for ref in subject.refs
        for row in store.rows(f"SELECT behaviour FROM behaviour_subject WHERE {_ITS_RECORD}", ref)  # noqa: S608
    }
    shared = set[tuple[str, str]]()
    for one in involved - alone:
        ends = store.rows("SELECT object, record FROM behaviour_subject WHERE connection = ? AND behaviour = ?", one)
        is_shared = any(Ref(one[0], *end) not in subject.refs for end in ends)
        (shared if is_shared else alone).add(one)
    return frozenset(alone), frozenset(shared)


_WORDS = (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.DOMAIN)


def _own_texts(store: Store, workspace: Workspace, subject: Subject) -> frozenset[str]:
    """The texts in fields of their records that stand in nobody else's record."""
    entities = [subject.entity] if subject.entity else []
    said = set[str]()
    for ref in sorted(subject.refs):
        for statement in _SAID:
            for row in store.rows(statement, ref):
                said |= _texts(row, _text_fields(workspace, ref))
    words = {name for (_, name), type in workspace.types.items() if type in _WORDS}
    for row in store.among("SELECT fields FROM entity WHERE id IN (?)", entities):
        said |= _texts(row, words)
    for name, decided in store.among("SELECT name, decided FROM past WHERE entity IN (?)", entities):
        before = json.loads(decided)["value"]
        said |= {before} if name in words and isinstance(before, str) else set()
    for connection, object, *packed in store.among(
        "SELECT connection, object, before, after FROM journal WHERE entity IN (?)", entities
    ):
        said |= _texts(packed, _text_fields(workspace, Ref(connection, object, "")))
    others = store.each("SELECT connection, object, id, fields FROM mirror")
    for connection, object, id, fields in others:
        if said and Ref(connection, object, id) not in subject.refs:
            said -= {value for value in decode(fields).values() if isinstance(value, str)}
    return frozenset(text for text in said if len(text) > 3)


_SAID = (
    f"SELECT fields FROM mirror WHERE {_RECORD}",  # noqa: S608
    f"SELECT heard, sent FROM base WHERE {_RECORD}",  # noqa: S608
    f"SELECT before, after FROM journal WHERE {_ITS_RECORD}",  # noqa: S608
    f"SELECT fields FROM quarantine WHERE {_ITS_RECORD}",  # noqa: S608
)


def _text_fields(workspace: Workspace, ref: Ref) -> set[str]:
    mapping = workspace.entity_mapping(ref.connection, ref.object)
    return {f.field for f in mapping.fields if f.type in _WORDS} if mapping is not None else set()


def _texts(packed: Iterable[bytes | None], names: set[str]) -> set[str]:
    found = (decode(fields) for fields in packed if fields)
    return {value for fields in found for name, value in fields.items() if name in names and isinstance(value, str)}


# --- counting and forgetting -----------------------------------------------------------------------------------


def held(store: Store, traces: Traces) -> dict[str, int]:
    """How many rows of each table are theirs."""
    found: dict[str, set[int]] = {}
    for rule in (*GOES, *EMPTIED):
        query = f"SELECT rowid FROM {rule.table} WHERE {rule.where}"  # noqa: S608  # our own words
        rows = {row[0] for parameters in traces.of(rule) for row in store.rows(query, parameters)}
        found.setdefault(rule.table, set()).update(rows)
    return {table: len(rows) for table, rows in sorted(found.items()) if rows}


def forget(store: Store, traces: Traces, name: Callable[[str], str]) -> None:
    """Leave nothing of a person in the state, inside a transaction. `name` gives what stands for a name of theirs."""
    disown_columns(store)
    _hand_over(store, traces)
    for table, columns in QUOTES.items():
        if columns:
            _rewrite(store, table, columns, _Eraser(traces, name))
        else:
            _drop_quoting(store, table, traces)
    _empty(store, traces, name)
    _hide_ends(store, traces, name)
    _hide_in_others(store, traces, name)
    store.bulk(
        "UPDATE mirror SET successor = NULL WHERE connection = ? AND successor = ?",
        [(ref.connection, json.dumps([ref.object, ref.id])) for ref in sorted(traces.refs)],
    )
    for rule in GOES:
        store.bulk(f"DELETE FROM {rule.table} WHERE {rule.where}", traces.of(rule))  # noqa: S608


def _hand_over(store: Store, traces: Traces) -> None:
    """What happened before an opportunity began stays part of it: it must not move because somebody is forgotten.

    What they did is the opportunity's already. What was said of them is handed over as `carried_on` takes it.
    """
    said = "type NOT IN ('evidence', 'referral') AND ended IS NULL"
    for own, opportunity in traces.continued.items():
        since = store.row(f"SELECT min(at) FROM claim WHERE journey = ? AND {said}", (opportunity,))  # noqa: S608
        store.run(
            f"UPDATE OR REPLACE claim SET journey = ? WHERE journey = ? AND at < ? AND {said}",  # noqa: S608
            (opportunity, own, (since and since[0]) or "9999"),
        )


def _hide_in_others(store: Store, traces: Traces, name: Callable[[str], str]) -> None:
    """What others did together with them, or named them in, and whom they brought: it happened, and says not who.

    Their companies are decided anew: somebody else may be the first buyer, and a score was made of theirs.
    """
    store.bulk(
        "UPDATE mirror SET dirty = 1 WHERE state = 'live' AND entity IN (SELECT entity FROM relation "
        "WHERE name = 'first_buyer' AND to_entity = ?1 UNION SELECT to_entity FROM relation "
        "WHERE name = 'company' AND entity = ?1)",
        [(entity,) for entity in sorted(traces.entities)],
    )
    store.bulk("UPDATE behaviour SET details = NULL WHERE connection = ? AND id = ?", sorted(traces.shared))
    addressed = [(email,) for email in sorted(traces.emails)]
    store.bulk("UPDATE behaviour SET refers = NULL, details = NULL WHERE refers = ?", addressed)
    brought = store.among(
        "SELECT rowid, value FROM claim WHERE type = 'referral' AND value IN (?)", sorted(traces.names)
    )
    eraser = _Eraser(traces, name)
    store.bulk(
        "UPDATE OR REPLACE claim SET value = ? WHERE rowid = ?",
        [(eraser.rewritten(by), rowid) for rowid, by in brought],
    )


def _empty(store: Store, traces: Traces, name: Callable[[str], str]) -> None:
    """Their writes stay in the journal: that there was one, when, and how it ended."""
    stands_for = {id: f"erased-{name(id)[:16]}" for id in traces.entities}
    for rule in EMPTIED:
        for parameters in traces.of(rule):
            for seq, record, entity in store.rows(
                f"SELECT seq, record, entity FROM {rule.table} WHERE {rule.where}",  # noqa: S608
                parameters,
            ):
                hidden = record if record is None or record.startswith("erased-") else f"erased-{name(record)[:16]}"
                store.run(
                    "UPDATE journal SET before = ?, after = ?, reason = ?, answer = NULL, record = ?, entity = ?, "
                    "state = iif(state IN ('intended', 'unknown'), 'resolved', state) WHERE seq = ?",
                    (b"{}", b"{}", b'{"why": {}}', hidden, stands_for.get(entity, entity), seq),
                )


def _hide_ends(store: Store, traces: Traces, name: Callable[[str], str]) -> None:
    """What others were tied to is told by the bare id of a record: theirs gets another name."""
    for connection, object, id in sorted(traces.refs):
        hidden = f"erased-{name(id)[:16]}"
        for seq, packed in store.rows(
            "SELECT seq, reason FROM journal WHERE connection = ? "
            "AND json_extract(CAST(reason AS TEXT), '$.to_object') = ?",
            (connection, object),
        ):
            reason = json.loads(packed)
            told = (reason, reason.get("was") or {})
            named = [(part, end) for part in told for end in ("to", "primary") if part.get(end) == id]
            for part, end in named:
                part[end] = hidden
            if named:
                store.run("UPDATE journal SET reason = ? WHERE seq = ?", (json.dumps(reason).encode(), seq))


def _drop_quoting(store: Store, table: str, traces: Traces) -> None:
    rows = store.rows(f"SELECT rowid, * FROM {table}")  # noqa: S608
    quoting = [(row[0],) for row in rows if any(traces.quoted_in(_loaded(cell)) for cell in row[1:])]
    store.bulk(f"DELETE FROM {table} WHERE rowid = ?", quoting)  # noqa: S608


def _rewrite(store: Store, table: str, columns: tuple[str, ...], eraser: _Eraser) -> None:
    changed = []
    for rowid, *cells in store.each(f"SELECT rowid, {', '.join(columns)} FROM {table}"):  # noqa: S608
        now = [eraser.rewritten(cell) for cell in cells]
        if now != cells:
            changed.append((*now, rowid))
    places = ", ".join(f"{column} = ?" for column in columns)
    store.bulk(f"UPDATE OR REPLACE {table} SET {places} WHERE rowid = ?", changed)  # noqa: S608


def _loaded(cell: Any) -> Any:
    """A cell as it is, or what its JSON says."""
    return json.loads(cell) if isinstance(cell, bytes) else cell


@dataclass(frozen=True)
class _Eraser:
    """Takes a person out of texts that are about others."""

    traces: Traces
    name: Callable[[str], str]

    def rewritten(self, cell: Any) -> Any:
        """A cell without them; the very same one where it does not speak of them."""
        before = _loaded(cell)
        after = self._without(before)
        if after == before:
            return cell
        return json.dumps(after).encode() if isinstance(cell, bytes) else after

    def _without(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.traces.pattern.sub(self._instead, value) if self.traces.pattern else value
        if isinstance(value, list):
            return [self._without(part) for part in value if not self._is_about_them(part)]
        if isinstance(value, dict):
            return {self._without(key): self._without(part) for key, part in value.items()}
        return value

    def _is_about_them(self, part: Any) -> bool:
        """Whether an element of a list is one of their names, or a note that speaks of them."""
        if isinstance(part, str):
            return part in self.traces.names
        return isinstance(part, dict) and "examples" in part and self.traces.quoted_in(part)

    def _instead(self, found: re.Match[str]) -> str:
        text = found.group()
        if text not in self.traces.names:
            return FORGOTTEN
        place, _, id = text.rpartition("/")
        return f"{place}/erased-{self.name(id)[:16]}" if place else f"erased-{self.name(text)[:16]}"
