"""What systems would be told of many persons at once: the engine's own planning, asked once for each case."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.mapping.compiled import EntityMapping, FieldMapping
from instep.mapping.translate import Unheard, hear
from instep.model.entities import DERIVED, FieldType, Kind
from instep.model.values import Scalar, comparable, display
from instep.sync.changes import Value
from instep.sync.fields import report_unheard
from instep.sync.ledger import Ref
from instep.sync.offline import Counted
from instep.sync.owners import assign_owner
from instep.sync.plan import can_write, field_values, stage_value
from instep.sync.replay.frames import Asked, scalar
from instep.sync.replay.tally import Tally
from instep.sync.session import Session
from instep.sync.stages import table_for
from instep.sync.state import EntityState, RecordState

if TYPE_CHECKING:
    import polars as pl

COMPUTED = {"score": "published", "band": "band", "grade": "grade", "instep_stage": "stage", "owner": "owner"}
"""Canonical fields that a replay by columns works out, and the column that has each."""
UNHEARABLE = frozenset(FieldType) - {FieldType.TEXT, FieldType.PHONE, FieldType.EMAIL, FieldType.DOMAIN}
"""Types of fields whose values may mean something to one side only: those that words or colleagues stand for, and
those that are told with them."""
_ASKED = frozenset({"stage", *COMPUTED})
_HEARING = "hearing "
_SENT = "was sent "
Said = tuple[frozenset[tuple[str, str, bool]], Counter[tuple[str, str]]]
"""What one side would write of one field (its name there, the value, whether one is taken away), and would note."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What to ask of each record: of which name, by which columns, and the question for a side.

    The last two columns are what is decided and what would be, but where it is asked how something is heard.
    """

    name: str
    columns: tuple[str, ...]
    ask: Callable[[int, tuple[Any, ...]], Said]


class Teller:
    """Asks both sides what they would tell a system, and adds up the difference.

    Several partitions may ask at once; one at a time is answered, because the sides note what they meet.
    """

    def __init__(self, before: Session, after: Session, decided: Collection[str]) -> None:
        """`decided` names what the changed files may decide otherwise: of the rest, nothing is told anew."""
        self._sides, self._decided = (before, after), frozenset(decided)
        self._answering = threading.Lock()
        self._known: dict[tuple[Any, ...], tuple[Said, Said]] = {}
        self._heard: dict[tuple[str, str, str], Asked] = {}
        self._strange: dict[tuple[str, str, int], Asked] = {}
        self._knows_others = before.workspace.team != after.workspace.team
        """Whether one side may know a colleague whom the other does not."""
        self._assigned = [Asked(self._ask_owner(side), None) for side in self._sides]

    # --- what is asked about ------------------------------------------------------------------------------------

    def columns(self, connection: str, object: str) -> set[str]:
        """The columns of an object's records that any question needs."""
        mappings = (self._mapping(0, connection, object), self._mapping(1, connection, object))
        found = set(self.stage_fields(connection, object)) if self._is_asked("stage", connection, object) else set()
        found |= {mapping.instep_id for mapping in mappings if mapping.instep_id is not None}
        for mapping in mappings:
            named = mapping.include.fields() | {"score"}
            for mapped in mapping.fields:
                if mapped.name in named or self._may_matter(connection, object, mapped):
                    found |= set(_columns(mapped))
        return {f"v:{name}" for name in found}

    def stage_fields(self, connection: str, object: str) -> list[str]:
        """The fields of an object in which either side shows stages."""
        mappings = (self._mapping(side, connection, object) for side in (0, 1))
        return sorted({table.field for mapping in mappings if (table := mapping.stages) is not None})

    def facts_told(self, connection: str, object: str) -> set[str]:
        """The canonical fields whose values are told otherwise."""
        here, there = (self._mapping(side, connection, object) for side in (0, 1))
        return {m.name for m in here.fields if m != there.mapped(m.name) or self._names_others(m)}

    def _names_others(self, mapped: FieldMapping) -> bool:
        """Whether a field names colleagues, of whom one side may know others."""
        return self._knows_others and mapped.type is FieldType.OWNER

    def _may_matter(self, connection: str, object: str, mapped: FieldMapping) -> bool:
        if self._is_asked(mapped.name, connection, object) or self._names_others(mapped):
            return True
        return any(self._mapping(side, connection, object).mapped(mapped.name) != mapped for side in (0, 1))

    def _may_be_unheard(self, connection: str, object: str, mapped: FieldMapping) -> bool:
        """Whether a field's values may mean something to one side only."""
        if not mapped.hears or mapped.type not in UNHEARABLE:
            return False
        differs = self._mapping(1, connection, object).mapped(mapped.name) != mapped
        return differs or self._names_others(mapped)

    # --- hearing ------------------------------------------------------------------------------------------------

    def facts(self, connection: str, object: str, frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
        """Canonical fields as comparable text, from what the records of an object hold."""
        import polars as pl

        mapping = self._mapping(0, connection, object)
        found: dict[str, pl.Series] = {}
        for name in names:
            mapped = mapping.mapped(name)
            if mapped is not None and f"v:{mapped.field}" in frame.columns:
                columns = _held(mapped, frame.columns)
                asked = self._heard.setdefault(
                    (connection, object, name), Asked(self._ask_heard(connection, mapped, columns), pl.String)
                )
                found[name] = asked.of(frame, columns).alias(name)
        return pl.DataFrame(found) if found else frame.select("entity")

    def _ask_heard(self, connection: str, mapped: FieldMapping, columns: Sequence[str]) -> Callable[..., str | None]:
        directory = self._sides[0].live(connection).directory

        def ask(*texts: str | None) -> str | None:
            fields = _fields(columns, texts)
            if mapped.field not in fields:
                return None
            heard = hear(mapped, fields, directory)
            return None if isinstance(heard, Unheard) else comparable(heard)

        return ask

    def strangers(self, connection: str, object: str, frame: pl.DataFrame) -> set[str]:
        """Whose record names an owner whom a side does not know: nobody is given to anybody then."""
        found = set[str]()
        for side in (0, 1):
            mapped = self._mapping(side, connection, object).mapped("owner")
            if mapped is None or f"v:{mapped.field}" not in frame.columns:
                continue
            columns = _held(mapped, frame.columns)
            asking = self._ask_strange(side, connection, mapped, columns)
            asked = self._strange.setdefault((connection, object, side), asking)
            found |= set(frame["entity"].filter(asked.of(frame, columns)))
        return found

    def _ask_strange(self, side: int, connection: str, mapped: FieldMapping, columns: Sequence[str]) -> Asked:
        import polars as pl

        directory = self._sides[side].live(connection).directory

        def ask(*texts: str | None) -> bool:
            fields = _fields(columns, texts)
            return mapped.field in fields and isinstance(hear(mapped, fields, directory), Unheard)

        return Asked(ask, pl.Boolean)

    # --- owners -------------------------------------------------------------------------------------------------

    def owners(self, cases: pl.DataFrame) -> pl.Series:
        """The owner that everybody would have: `cases` has owner, was_stage, stage, segment and was_segment."""
        import polars as pl

        sides = (("owner", "was_stage", "was_stage", "was_segment"), ("owner", "was_stage", "stage", "segment"))
        found = cases["owner"]
        for side, columns, asked in zip(self._sides, sides, self._assigned, strict=True):
            names = [f"c{place}" for place in range(4)]
            asking = pl.DataFrame([cases[c].alias(n) for c, n in zip(columns, names, strict=True)])
            said: dict[tuple[Any, ...], tuple[str | None, Counter[tuple[str, str]]]] = {}
            cases_of = list(asking.group_by(names).len().iter_rows())
            with self._answering:
                for *row, count in cases_of:
                    said[tuple(row)] = asked.said(tuple(row))
                    _note(side, said[tuple(row)][1], count)
            if side is self._sides[1]:
                given = pl.DataFrame(
                    [(*row, owner) for row, (owner, _) in said.items()],
                    schema={**dict.fromkeys(names, pl.String), "given": pl.String},
                    orient="row",
                )
                joined = asking.join(given, on=names, how="left", nulls_equal=True, maintain_order="left")
                found = joined["given"].alias("owner")
        return found

    def _ask_owner(self, side: Session) -> Callable[..., tuple[str | None, Counter[tuple[str, str]]]]:
        def ask(owner: str | None, was: str | None, now: str | None, segment: str | None) -> Any:
            state = EntityState("", Kind.PERSON, values={"owner": scalar(owner)} if owner is not None else {})
            state.stage, state.stage_before, state.segment = now, was, segment
            with _listening(side) as noted:
                assign_owner(side, state)
            given = state.values.get("owner")
            return (owner if given == scalar(owner) else comparable(given)), noted

        return ask

    # --- telling ------------------------------------------------------------------------------------------------

    def tell(self, connection: str, object: str, records: pl.DataFrame, people: pl.DataFrame, tally: Tally) -> None:
        """Add up what would be written otherwise to the records of an object.

        `records` has what each holds (`v:…`). `people` has what is decided of persons (`f:…`, stage, published, band,
        grade), and what would be (`new …`).
        """
        questions = list(self._questions(connection, object, records.columns, people.columns))
        frame = self._asked_about(connection, object, questions, records, people)
        if frame.is_empty():
            return
        wrote = [_nobody(frame), _nobody(frame)]
        for question in questions:
            is_everybodys = self._is_told_otherwise(question.name, connection, object)
            asked = frame if is_everybodys else frame.filter(_differs(question))
            if asked.is_empty():
                continue
            codes = self._told(question, (connection, object), asked, tally)
            wrote[0][asked["row"].filter(codes.is_in([2, 3, 4]))] = True
            wrote[1][asked["row"].filter(codes.is_in([1, 3, 4]))] = True
        self._ride_along(connection, object, frame, wrote, tally)

    def _asked_about(
        self,
        connection: str,
        object: str,
        questions: Sequence[_Question],
        records: pl.DataFrame,
        people: pl.DataFrame,
    ) -> pl.DataFrame:
        """The records of whoever is asked about, with what the questions need to know of them."""
        import polars as pl

        if not questions:
            return records.clear()
        wanted = dict.fromkeys(column for question in questions for column in question.columns)
        people = people.select("entity", *(column for column in wanted if column in people.columns))
        if not any(self._is_told_otherwise(question.name, connection, object) for question in questions):
            people = people.filter(pl.any_horizontal(map(_differs, questions)))
        frame = records.join(people, on="entity", how="inner").with_row_index("row")
        return frame.with_columns(
            pl.col("sent").str.contains(f"\n{column.removeprefix(_SENT)}\n", literal=True).alias(column)
            for column in wanted
            if column.startswith(_SENT)
        )

    def _is_asked(self, name: str, connection: str, object: str) -> bool:
        """Whether something may be decided otherwise, or told otherwise."""
        return name in self._decided or (name in _ASKED and self._is_told_otherwise(name, connection, object))

    def _is_told_otherwise(self, name: str, connection: str, object: str) -> bool:
        """Whether the same decision may be told in another way: else a record at rest keeps what it holds."""
        sides = [(side.workspace, self._mapping(place, connection, object)) for place, side in enumerate(self._sides)]
        told = [
            (
                mapped := mapping.mapped(name),
                workspace.team if mapped is not None and mapped.type is FieldType.OWNER else None,
                workspace.process if name in ("stage", "instep_stage") else None,
                (mapping.stages, mapping.pipelines) if name == "stage" else None,
            )
            for workspace, mapping in sides
        ]
        return name.startswith(_HEARING) or told[0] != told[1]

    def _told(self, question: _Question, place: tuple[str, str], frame: pl.DataFrame, tally: Tally) -> pl.Series:
        """For every record: 0 nothing is written, 1 only then, 2 only now, 3 something else, 4 the same."""
        import polars as pl

        keys = [f"k{number}" for number in range(len(question.columns))]
        asking = pl.DataFrame([frame[column].alias(key) for column, key in zip(question.columns, keys, strict=True)])
        found = list(asking.group_by(keys).len().iter_rows())
        with self._answering:
            rows = [(*case, self._answer(question, place, tuple(case), count, tally)) for *case, count in found]
        types = {key: asking.schema[key] for key in keys}
        codes = pl.DataFrame(rows, schema={**types, "code": pl.Int8}, orient="row")
        return asking.join(codes, on=keys, how="left", nulls_equal=True, maintain_order="left")["code"]

    def _answer(
        self, question: _Question, place: tuple[str, str], case: tuple[Any, ...], count: int, tally: Tally
    ) -> int:
        """What both sides say of one case, which so many records are; added up."""
        known = self._known.get((*place, question.name, *case))
        if known is None:
            known = self._known[(*place, question.name, *case)] = (question.ask(0, case), question.ask(1, case))
        (now, noted_now), (then, noted_then) = known
        _note(self._sides[0], noted_now, count)
        _note(self._sides[1], noted_then, count)
        where = (*place, "update", question.name)
        if len(then - now):
            tally.more[where] += len(then - now) * count
            tally.records[(*place, question.name)] += count
        if any(clears for _, _, clears in then - now):
            tally.cleared[(*place, question.name)] += count
        if len(now - then):
            tally.fewer[where] += len(now - then) * count
        return _code(now, then)

    def _questions(
        self, connection: str, object: str, held: Collection[str], known: Collection[str]
    ) -> Iterator[_Question]:
        """What to ask of each record, of which these columns are held and those are known of its person."""
        mappings = (self._mapping(0, connection, object), self._mapping(1, connection, object))
        if any(mapping.stages is not None for mapping in mappings) and self._is_asked("stage", connection, object):
            fields = [field for field in self.stage_fields(connection, object) if f"v:{field}" in held]
            columns = [f"v:{field}" for field in fields]
            sent = [f"{_SENT}{field}" for field in fields]
            ask = self._stage_question(connection, object, columns)
            yield _Question("stage", (*columns, *sent, "stage", "new stage"), ask)
        for mapped in mappings[0].fields:
            other = mappings[1].mapped(mapped.name)
            if not mapped.tells or other is None:
                continue
            if mapped.name in COMPUTED:
                if not self._is_asked(mapped.name, connection, object):
                    continue
                column = COMPUTED[mapped.name]
                old, new = ("f:owner" if mapped.name == "owner" else column), f"new {column}"
            elif mapped.name in DERIVED or (mapped == other and not self._names_others(mapped)):
                continue  # columns replay nobody whom these could concern
            else:
                old = new = f"f:{mapped.name}"
            columns = _held(mapped, held)
            if old in known and new in known:
                ask = self._field_question(connection, object, mapped.name, columns)
                yield _Question(mapped.name, (*columns, old, new), ask)
        for mapped in mappings[0].fields:
            columns = _held(mapped, held)
            if columns and self._may_be_unheard(connection, object, mapped):
                ask = self._hearing_question(connection, object, mapped.name, columns)
                yield _Question(f"{_HEARING}{mapped.name}", tuple(columns), ask)

    def _field_question(
        self, connection: str, object: str, name: str, held: Sequence[str]
    ) -> Callable[[int, tuple[Any, ...]], Said]:
        def ask(side: int, case: tuple[Any, ...]) -> Said:
            state = EntityState("", Kind.PERSON)
            _give(state, name, case[len(held) + side])
            mapped = self._mapping(side, connection, object).mapped(name)
            assert mapped is not None  # noqa: S101  # asked only where both sides have it
            record = self._record(side, connection, object, _fields(held, case))
            return self._said(side, record, lambda session: field_values(session, state, record, mapped))

        return ask

    def _hearing_question(
        self, connection: str, object: str, name: str, held: Sequence[str]
    ) -> Callable[[int, tuple[Any, ...]], Said]:
        """Writes nothing; notes what means nothing to a side."""

        def ask(side: int, case: tuple[Any, ...]) -> Said:
            mapped = self._mapping(side, connection, object).mapped(name)
            assert mapped is not None  # noqa: S101  # both sides hear the same fields
            record = self._record(side, connection, object, _fields(held, case))
            with _listening(self._sides[side]) as noted:
                if mapped.field in record.fields:
                    heard = hear(mapped, record.fields, record.live.directory)
                    if isinstance(heard, Unheard):
                        report_unheard(self._sides[side], record, name, heard)
            return frozenset(), noted

        return ask

    def _stage_question(
        self, connection: str, object: str, held: Sequence[str]
    ) -> Callable[[int, tuple[Any, ...]], Said]:
        def ask(side: int, case: tuple[Any, ...]) -> Said:
            state = EntityState("", Kind.PERSON)
            state.stage = case[2 * len(held) + side]
            record = self._record(side, connection, object, _fields(held, case))
            sent = zip(held, case[len(held) :], strict=False)
            names = [column.removeprefix("v:") for column, was_sent in sent if was_sent]
            record.sent = {name: record.fields[name] for name in names if name in record.fields}  # it is still there
            if table_for(record.mapping, record.fields) is None:
                return frozenset(), Counter()
            return self._said(side, record, lambda session: stage_value(session, state, record))

        return ask

    def _said(self, side: int, record: RecordState, values: Callable[[Session], Sequence[Value]]) -> Said:
        session = self._sides[side]
        with _listening(session) as noted:
            said = [value for value in values(session) if can_write(session, record, value)]
        told = ((v.field, display(v.after), v.after is None and v.before is not None) for v in said)
        return frozenset(told), noted

    def _record(self, side: int, connection: str, object: str, fields: dict[str, Scalar]) -> RecordState:
        session = self._sides[side]
        live, mapping = session.live(connection), self._mapping(side, connection, object)
        record = RecordState(Ref(connection, object, ""), live, mapping, fields, session.at, False)
        record.heard = dict(fields)
        return record

    def _mapping(self, side: int, connection: str, object: str) -> EntityMapping:
        found = self._sides[side].mapping(connection, object)
        assert found is not None  # noqa: S101  # columns replay only what both sides map
        return found

    def _ride_along(
        self, connection: str, object: str, frame: pl.DataFrame, wrote: Sequence[pl.Series], tally: Tally
    ) -> None:
        """Our own id rides along with another change of a record that lacks it."""
        import polars as pl

        id_field = self._mapping(0, connection, object).instep_id
        if id_field is None or f"v:{id_field}" not in frame.columns:
            return
        held, ours = pl.col(f"v:{id_field}"), pl.format('"{}"', pl.col("entity"))
        lacking = frame.select((held.is_not_null() & (held != ours)).alias("lacking")).to_series()
        where = (connection, object, "update", "instep_id")
        for counts, this, other in ((tally.more, wrote[1], wrote[0]), (tally.fewer, wrote[0], wrote[1])):
            if count := int((lacking & this & ~other).sum()):
                with self._answering:
                    counts[where] += count


def _differs(question: _Question) -> pl.Expr:
    """Whether what is decided is not what would be: the last two columns of a question."""
    import polars as pl

    was, now = question.columns[-2:]
    return pl.col(was).ne_missing(pl.col(now))


def _nobody(frame: pl.DataFrame) -> pl.Series:
    import polars as pl

    return pl.Series([False]).new_from_index(0, frame.height)


class _listening:  # noqa: N801  # a context manager, read like a function
    """Notes go into a counter of their own meanwhile."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Counter[tuple[str, str]]:
        self._ledger, self._session.ledger = self._session.ledger, Counted()
        return self._session.ledger.counts

    def __exit__(self, *_: object) -> None:
        self._session.ledger = self._ledger


def _note(session: Session, noted: Counter[tuple[str, str]], times: int) -> None:
    if isinstance(session.ledger, Counted):
        for cause, count in noted.items():
            session.ledger.counts[cause] += count * times


def _code(now: frozenset[tuple[str, str, bool]], then: frozenset[tuple[str, str, bool]]) -> int:
    if now == then:
        return 4 if now else 0
    return 3 if now and then else 2 if now else 1


def _give(state: EntityState, name: str, value: Any) -> None:
    """Put a decided value where the engine looks for it."""
    match name:
        case "score":
            state.score["published"] = value
        case "band" | "grade":
            state.score[name] = value
        case "instep_stage":
            state.stage = value
        case _:
            if value is not None:
                state.values[name] = scalar(value)
                state.reasons[name] = {}


def _held(mapped: FieldMapping, held: Collection[str]) -> list[str]:
    """The columns, of those that are there, in which a record holds a field."""
    return [f"v:{column}" for column in _columns(mapped) if f"v:{column}" in held]


def _columns(mapped: FieldMapping) -> list[str]:
    return [column for column in (mapped.field, mapped.currency_field) if column]


def _fields(columns: Sequence[str], texts: Sequence[Any]) -> dict[str, Scalar]:
    """What a record holds, from columns of comparable text; what is absent is absent."""
    return {
        column.removeprefix("v:"): scalar(text)
        for column, text in zip(columns, texts, strict=False)
        if text is not None
    }
