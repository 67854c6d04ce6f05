"""Replaying by columns: the mass of persons, partition by partition, and who is left to the rows.

Left to the rows is whoever is not at rest (changed since the last run, due, refused, asked about) and whoever has
more to them than columns know: opportunities, outcomes, detours, more than one record in a system. Of all others the
last run's decisions are what the present files say, so only the changed ones are worked out.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from instep.mapping.compiled import EntityMapping, Workspace
from instep.model.entities import Kind
from instep.model.process import Actor
from instep.model.rules import Always, Never
from instep.model.values import comparable
from instep.store.ahead import read_ahead
from instep.store.segments import Projection, Segments
from instep.sync.decisions import Decisions, undecided_entities
from instep.sync.evidence import FIRST_BUYER
from instep.sync.firstbuyers import find_first_buyers
from instep.sync.labels import LABELS
from instep.sync.match import Matches
from instep.sync.projections import acts, claims, entities, journeys, records
from instep.sync.pull import wanted_fields
from instep.sync.replay.actsonce import acts_once, numbered_keys
from instep.sync.replay.changed import Changed, touches
from instep.sync.replay.frames import Ruled, first_that_holds, numbered
from instep.sync.replay.scored import Scored
from instep.sync.replay.staged import Staged, Told
from instep.sync.replay.tally import ASPECTS, SAMPLES, Tally
from instep.sync.replay.told import COMPUTED, Teller
from instep.sync.scores import SCORES, scores_companies
from instep.sync.session import Live, Session

if TYPE_CHECKING:
    import polars as pl

AT_ONCE = 3
"""So many partitions are replayed side by side: many steps keep one core busy alone, but all of them take memory."""
PLAIN_CLAIMS = ("evidence", "assertion")
_DECIDED = (
    "segment", "stage", "dirty", "due_at", "waits", "company", "detour", "published", "published_at", "band", "grade",
    "is_graded",
)  # fmt: skip
"""What a replay reads of the last decisions, beside the fields."""


def by_columns_alone(changed: Changed, before: Workspace, after: Workspace) -> bool:
    """Whether columns know enough for what is different; else everybody is replayed row by row."""
    sides = (before, after)
    judges_anew = changed.process or changed.scoring
    if changed.tables and any(law.authority for (kind, _), law in after.laws.items() if kind is Kind.PERSON):
        return False  # an authority is heard anew in every run
    if _looked_at(before, after) & RESERVED:
        return False  # columns of ours have these names
    if changed.company_fields and any(name.startswith("company.") for name in _looked_at(before, after)):
        return False  # a company that is heard otherwise is another one for its people
    if changed.other or (judges_anew and any(_is_told(side, Kind.COMPANY, SCORES) for side in sides)):
        return False  # a company's score is made of what its people did by the changed files
    if not changed.process:
        return not (changed.team and any(map(_assigns_by_rules, sides)))
    beside_the_path = any(side.process.detours or _is_told(side, Kind.PERSON, _OF_STAGES) for side in sides)
    return not beside_the_path and _told_alike(before, after) and not any(map(_assigns_by_rules, sides))


RESERVED = frozenset({"entity", "number", "row", "company", "company_busy", *_DECIDED})


def _looked_at(before: Workspace, after: Workspace) -> set[str]:
    """The fields of persons that rules look at, or that are told otherwise."""
    rules = [segment.when for segment in after.process.segments if segment.when is not None]
    found = {name for rule in (*rules, *(fit.when for fit in after.scoring.fit)) for name in rule.fields()}
    for connection, mapping in before.mappings.items():
        here, other = mapping.entities.get(Kind.PERSON), after.mappings.get(connection)
        there = other.entities.get(Kind.PERSON) if other is not None else None
        if here is not None and there is not None:
            found |= {m.name for m in here.fields if m != there.mapped(m.name)}
    return found


_OF_STAGES = ("proven_stage", "detour", "overdue")


def _is_told(workspace: Workspace, kind: Kind, names: Collection[str]) -> bool:
    """Whether a system is told one of these."""
    entities = (mapping.entities.get(kind) for mapping in workspace.mappings.values())
    return any(field.tells and field.name in names for e in entities if e is not None for field in e.fields)


def _assigns_by_rules(workspace: Workspace) -> bool:
    """Whether who is given to whom depends on more than stage, segment and owner."""
    return any(a.kind is Kind.PERSON and not isinstance(a.rule, Always) for a in workspace.team.assignments)


def _told_alike(before: Workspace, after: Workspace) -> bool:
    """Whether both processes take the same acts for one, and the same for a buyer's."""
    sides = ({b.key: (b.same_within, b.actor) for b in side.process.behaviours} for side in (before, after))
    return next(sides) == next(sides)


@dataclass(slots=True)
class Columns:
    """One replay by columns. `whom` fills up with those who are left to the rows."""

    segments: Segments
    before: Session
    after: Session
    changed: Changed
    tally: Tally
    whom: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set() for kind in Kind})

    def refresh(self) -> None:
        """Bring the columns up to date, and take the moment at which everything is read."""
        self.segments.refresh(self.projections(), self.after.progress)

    def run(self) -> None:
        """Replay the persons that columns can, and say who is left."""
        undecided = Decisions(Matches(), undecided_entities(self.before))
        read_ahead(self.before.store, sorted(set[str]().union(*undecided.dirty.values())))
        find_first_buyers(self.before, undecided)  # who is the first buyer of one that is undecided is decided too
        for kind, ids in undecided.dirty.items():
            self.whom[kind] |= ids
        for kind in (Kind.COMPANY, Kind.OPPORTUNITY):
            self._leave_or_count(kind)
        work = _Work(self)
        self.segments.make_ready(self.projections())
        of = self.segments.partitions
        self.after.progress("replay", 0, of)
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            for done, _ in enumerate(pool.map(work.replay, range(of)), 1):
                self.after.progress("replay", done, of)
        finally:
            pool.shutdown(cancel_futures=True)

    def _leave_or_count(self, kind: Kind) -> None:
        """Companies and opportunities: all row by row, or none where nothing of theirs can be different."""
        scored = scores_companies(self.before) or scores_companies(self.after)
        projection = self.companies() if kind is Kind.COMPANY else self.opportunities()
        for partition in range(self.segments.partitions):
            ids = set(self.segments.read(projection, partition, [])["entity"])
            if touches(self.changed, kind, scores_companies=scored):
                self.whom[kind] |= ids
            else:
                self.tally.looked_at[kind] += len(ids - self.whom[kind])

    # --- what is read -------------------------------------------------------------------------------------------

    def projections(self) -> list[Projection]:
        """Every table of columns that these changes have read."""
        found = [self.persons(), self.companies(), self.opportunities(), *self.records().values()]
        found += [self.acts()] if self.changed.process or self.changed.scoring else []
        return [*found, journeys(), claims()] if self.changed.process else found

    def persons(self) -> Projection:
        return entities(Kind.PERSON, _names(self.before, Kind.PERSON))

    def companies(self) -> Projection:
        return entities(Kind.COMPANY, _names(self.before, Kind.COMPANY))

    def opportunities(self) -> Projection:
        return entities(Kind.OPPORTUNITY, ())

    def acts(self) -> Projection:
        return acts(list(_objects(self.before, Kind.OPPORTUNITY)))

    def records(self) -> dict[tuple[str, str], Projection]:
        return {
            (live.name, object): records(live.name, object, sorted(wanted_fields(live, mapping)))
            for live, object, mapping in _mapped(self.before, Kind.PERSON)
        }


def _names(session: Session, kind: Kind) -> list[str]:
    return sorted(name for of, name in session.workspace.types if of is kind)


def _mapped(session: Session, kind: Kind) -> Iterator[tuple[Live, str, EntityMapping]]:
    for live in session.connections.values():
        for object, mapping in live.mapping.objects.items():
            if mapping.kind is kind:
                yield live, object, mapping


def _objects(session: Session, kind: Kind) -> Iterator[tuple[str, str]]:
    return ((live.name, object) for live, object, _ in _mapped(session, kind))


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of the journeys of everybody in a partition, by their numbers there."""

    numbers: int
    journeys: pl.DataFrame
    claims: pl.DataFrame


class _Work:
    """What all partitions share."""

    def __init__(self, columns: Columns) -> None:
        self._of, self._tally = columns, columns.tally
        self._before, self._after = columns.before, columns.after
        self._changed, self._segments = columns.changed, columns.segments
        self._processes = (self._before.workspace.process, self._after.workspace.process)
        now = self._after.at
        self._keys = self._behaviours()
        self._of_both_halves = [
            place for place, key in enumerate(self._keys) if any(len(p.halves_of(key)) > 1 for p in self._processes)
        ]
        self._staged = tuple(Staged(process, now, self._keys) for process in self._processes)
        self._scored = Scored(self._after.workspace.scoring, now, self._keys)
        self._segment_rules = [
            (segment.key, Ruled(segment.when, now) if segment.when is not None else None)
            for segment in self._processes[1].segments
        ]
        self._records = columns.records()
        mapped = list(_mapped(self._before, Kind.PERSON))
        self._included = {live.name: Ruled(mapping.include, now) for live, _, mapping in mapped}
        self._adding = threading.Lock()
        """Held by whoever adds to what all partitions share."""
        self._decides = _aspects(columns.changed)
        self._teller = Teller(self._before, self._after, self._decides)
        self._companies = self._company_facts()
        self._read = {place: self._record_columns(place) for place in self._records}
        self._facts = self._person_fields()
        self._special = columns.whom[Kind.PERSON] | self._first_buyers()
        if touches(columns.changed, Kind.OPPORTUNITY, scores_companies=False):
            self._special |= self._with_opportunities()  # deciding these decides their people too

    def _behaviours(self) -> list[str]:
        """The behaviours that make a difference to anybody."""
        found = set(self._after.workspace.scoring.points) if self._changed.scoring else set[str]()
        for process in self._processes if self._changed.process else ():
            found |= {key for stage in process.every_stage() for key in stage.enter.behaviours}
        return sorted(found)

    # --- small tables -------------------------------------------------------------------------------------------

    def _company_facts(self) -> pl.DataFrame:
        """Every company's fields that a rule for persons looks at, and whether the company is at rest."""
        import polars as pl

        wanted = sorted(self._company_fields())
        projection = self._of.companies()
        parts = [
            self._segments.read(projection, number, ["dirty", "due_at", *(f"f:{name}" for name in wanted)])
            for number in range(self._segments.partitions)
        ]
        named = [pl.col(f"f:{name}").alias(f"company.{name}") for name in wanted]
        is_busy = pl.col("dirty") | (pl.col("due_at") <= self._after.at.isoformat()).fill_null(value=False)
        return pl.concat(parts).select(pl.col("entity").alias("company"), is_busy.alias("company_busy"), *named)

    def _company_fields(self) -> set[str]:
        named = {name.removeprefix("company.") for name in self._ruled_fields() if name.startswith("company.")}
        return named & set(_names(self._before, Kind.COMPANY))

    def _ruled_fields(self) -> set[str]:
        """Whatever the rules of segments and of fit look at."""
        rules = [segment.when for segment in self._processes[1].segments if segment.when is not None]
        rules += [rule.when for rule in self._after.workspace.scoring.fit]
        return {name for rule in rules for name in rule.fields()}

    def _record_columns(self, place: tuple[str, str]) -> list[str]:
        there = self._records[place].schema
        wanted = {"dirty", "settled", "sent", *self._teller.columns(*place)}
        return [name for name in there if name in wanted]

    def _person_fields(self) -> list[str]:
        """The fields of persons that anybody looks at: rules, labels and whoever is told of them."""
        wanted = {"owner", *LABELS} | self._ruled_fields()
        for place in self._records:
            wanted |= self._teller.facts_told(*place)
        return [name for name in _names(self._before, Kind.PERSON) if name in wanted]

    def _first_buyers(self) -> set[str]:
        """Whose history holds what their company did while nobody there was known."""
        found = set[str]()
        for place in _objects(self._before, Kind.COMPANY):
            rows = self._segments.rows.each(
                "SELECT DISTINCT r.to_entity FROM behaviour_subject s JOIN mirror m ON m.connection = s.connection "
                "AND m.object = s.object AND m.id = s.record JOIN relation r ON r.entity = m.entity AND r.name = ? "
                "WHERE s.connection = ? AND s.object = ?",
                (FIRST_BUYER, *place),
            )
            found |= {person for (person,) in rows}
        return found

    def _with_opportunities(self) -> set[str]:
        rows = self._segments.rows.among(
            "SELECT to_entity FROM relation WHERE name = 'people' AND entity IN (?)",
            sorted(self._of.whom[Kind.OPPORTUNITY]),
        )
        return {person for (person,) in rows}

    # --- one partition ------------------------------------------------------------------------------------------

    def replay(self, partition: int) -> None:
        """Replay the persons of a partition, and leave those who are not at rest to the rows."""
        import polars as pl

        read = self._segments.read
        wanted = [*_DECIDED, *(f"f:{name}" for name in self._facts)]
        persons = read(self._of.persons(), partition, wanted).join(self._companies, on="company", how="left")
        held = {place: read(one, partition, self._read[place]) for place, one in self._records.items()}
        persons = self._with_facts(persons)
        rest = self._at_rest(persons, held)
        numbers = persons.select("entity").with_row_index("number")
        told = done = None
        if self._changed.process or self._changed.scoring:
            acts = read(self._of.acts(), partition, ["connection", "key", "at", "actor", "named"])
            done = self._done(acts, numbers)
            if self._changed.process:
                told = self._told(partition, numbers)
                named = persons["entity"].is_in(acts.filter("named")["entity"].unique().implode())
                unknown = [
                    *self._unknown(told),
                    *done.filter(pl.col("key").is_in(self._of_both_halves))["entity"].unique(),
                ]
                rest &= ~(named | numbers["number"].is_in(unknown))
        left = set(persons.filter(~rest)["entity"])
        persons = persons.with_columns(numbers["number"]).filter(rest)
        after = self._decided(persons, told, done)
        with self._adding:
            self._of.whom[Kind.PERSON] |= left
            self._tally.looked_at[Kind.PERSON] += persons.height
            self._tally.seen.update({place: frame.height for place, frame in held.items()})
        self._count_stages(persons, after)
        both = pl.concat([persons, after.rename({name: f"new {name}" for name in after.columns})], how="horizontal")
        self._count_moves(both)
        for (connection, object), frame in held.items():
            self._teller.tell(connection, object, frame, both, self._tally)

    def _with_facts(self, persons: pl.DataFrame) -> pl.DataFrame:
        """Fields under the names that rules give them."""
        import polars as pl

        names = [name for name in self._facts if name not in persons.columns]
        return persons.with_columns(pl.col(f"f:{name}").alias(name) for name in names)

    def _at_rest(self, persons: pl.DataFrame, held: dict[tuple[str, str], pl.DataFrame]) -> pl.Series:
        """Who is as the last run decided, and has nothing about them that only the rows know."""
        import polars as pl

        now = self._after.at.isoformat()
        busy = pl.col("dirty") | pl.col("waits") | pl.col("company_busy").fill_null(value=False)
        busy |= (pl.col("due_at") <= now).fill_null(value=False) | pl.col("detour").is_not_null()
        calm = ~persons.select(busy.alias("busy")).to_series()
        restless = set(self._special)
        for place, frame in held.items():
            restless |= self._restless(place, frame, persons)
        restless |= self._missing(persons, held) | self._of_strangers(persons)
        return calm & ~persons["entity"].is_in(sorted(restless))

    def _restless(self, place: tuple[str, str], frame: pl.DataFrame, persons: pl.DataFrame) -> set[str]:
        """Whose records of an object are not at rest, left out, or of a score that nobody remembers."""
        import polars as pl

        connection, object = place
        mapping = self._before.mapping(connection, object)
        if mapping is None:
            return set(frame["entity"])
        found = set(frame.filter(pl.col("dirty") | ~pl.col("settled"))["entity"])
        if not isinstance(mapping.include, Always):
            facts = self._teller.facts(connection, object, frame, sorted(mapping.include.fields()))
            found |= set(frame.filter(~self._included[connection].holds(facts))["entity"])
        if "owner" in self._decides:
            found |= self._teller.strangers(connection, object, frame)
        score = mapping.mapped("score")
        if score is not None and persons["published_at"].null_count():
            unknown = persons.filter(pl.col("published_at").is_null()).select("entity")
            held = pl.col(f"v:{score.field}").is_not_null() & (pl.col(f"v:{score.field}") != "null")
            found |= set(frame.filter(held).join(unknown, on="entity", how="semi")["entity"])
        return found

    def _of_strangers(self, persons: pl.DataFrame) -> set[str]:
        """Who belongs to somebody whom one side does not know."""
        import polars as pl

        if not self._changed.team or "f:owner" not in persons.columns:
            return set()
        sides = ({owner.key for owner in side.workspace.team.owners} for side in (self._before, self._after))
        known = [comparable(key) for key in sorted(set.intersection(*sides))]
        owner = pl.col("f:owner")
        return set(persons.filter(owner.is_not_null() & (owner != "null") & ~owner.is_in(known))["entity"])

    def _missing(self, persons: pl.DataFrame, held: dict[tuple[str, str], pl.DataFrame]) -> set[str]:
        """Who has no record in a system that makes records, or several there."""
        import polars as pl

        found: set[str] = set()
        for live in self._before.connections.values():
            mapping = live.mapping.entities.get(Kind.PERSON)
            if mapping is None:
                continue
            there = pl.concat([frame.select("entity") for (name, _), frame in held.items() if name == live.name])
            found |= set(there["entity"].filter(there["entity"].is_duplicated()))
            if not isinstance(mapping.create, Never):
                found |= set(persons["entity"].filter(~persons["entity"].is_in(there["entity"].implode())))
        return found

    # --- what is known of their journeys ------------------------------------------------------------------------

    def _done(self, acts: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
        """What buyers did that makes a difference, each act once: entity (their number), key (its place), at."""
        import polars as pl

        keyed = numbered_keys(numbered(acts, numbers), self._keys)
        counted = keyed.filter((pl.col("actor") == Actor.BUYER) & pl.col("key").is_not_null())
        return acts_once(counted, self._keys, self._processes[1], self._after.workspace.connection_names)

    def _told(self, partition: int, numbers: pl.DataFrame) -> _Told:
        import polars as pl

        own = self._segments.read(journeys(), partition, ["id", "half", "continues_as"]).rename({"id": "journey"})
        own = numbered(own, numbers)
        is_one = own["entity"].is_unique()
        several = own.filter(~is_one).sort("entity", pl.col("journey").str.len_chars(), "journey")
        places = (pl.lit(0, pl.Int64), pl.int_range(pl.len()).over("entity"))
        own = pl.concat(
            part.with_columns(place.alias("place"))
            for part, place in zip((own.filter(is_one), several), places, strict=True)
        )
        wanted = ["journey", "at", "type", "value", "source", "accepted", "expires"]
        said = numbered(self._segments.read(claims(), partition, wanted), numbers)
        return _Told(numbers.height, own, said)

    def _unknown(self, told: _Told) -> list[int]:
        """Whose journeys are more than columns can follow, by their numbers."""
        import polars as pl

        said = told.claims
        numbers = set(told.journeys.filter((pl.col("place") > 1) | pl.col("continues_as").is_not_null())["entity"])
        plain = pl.col("type").is_in(PLAIN_CLAIMS) & pl.col("expires").is_null()
        numbers |= set(said.filter(~plain)["entity"])
        accepted = _accepted(said)
        for staged in self._staged:
            numbers |= set(staged.of_both_halves(accepted)["entity"])
        return sorted(numbers)

    # --- what would be decided ----------------------------------------------------------------------------------

    def _decided(self, persons: pl.DataFrame, told: _Told | None, done: pl.DataFrame | None) -> pl.DataFrame:
        """What the changed files say of these persons: segment, stage, score, band, grade and owner."""
        import polars as pl

        owner = pl.col("f:owner") if "f:owner" in persons.columns else pl.lit(None, pl.String)
        after = persons.select("entity", "segment", "stage", "published", "band", "grade", owner.alias("owner"))
        if self._changed.process:
            after = after.with_columns(first_that_holds(persons, self._segment_rules).alias("segment"))
        if told is not None and done is not None:
            after = after.with_columns(self._stages(persons, after, told, done))
        if self._changed.scoring and not self._after.workspace.scoring.is_empty and done is not None:
            after = after.with_columns(self._scores(persons, done))
        if not (self._changed.process or self._changed.team):
            return after  # nobody is assigned otherwise
        was = (persons["stage"].alias("was_stage"), persons["segment"].alias("was_segment"))
        return after.with_columns(self._teller.owners(after.with_columns(was)))

    def _stages(self, persons: pl.DataFrame, after: pl.DataFrame, told: _Told, done: pl.DataFrame) -> pl.Series:
        """The stage that everybody would show; counts how far journeys came, by the process now and then."""
        import polars as pl

        here = persons.select(pl.col("number").alias("entity"))
        own = told.journeys.join(here, on="entity", how="semi")
        said = _accepted(told.claims).join(here, on="entity", how="semi")
        funnels = (self._tally.before, self._tally.after)
        shown = None
        for staged, funnel, segments in zip(self._staged, funnels, (persons, after), strict=True):
            shown, furthest = staged.stages(
                Told(told.numbers, here.with_columns(segments["segment"]), done, own, said)
            )
            self._add(funnel.furthest, furthest["stage"])
        assert shown is not None  # noqa: S101  # there are two sides
        return here.join(shown, on="entity", how="left", maintain_order="left")["stage"]

    def _scores(self, persons: pl.DataFrame, done: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        engaged = self._scored.engagement(done)
        frame = persons.select("number", "published", "published_at", "grade", "is_graded").join(
            engaged, left_on="number", right_on="entity", how="left", maintain_order="left"
        )
        frame = frame.with_columns(pl.col("engagement").fill_null(0.0), self._scored.fit(persons))
        return self._scored.published(frame)

    # --- counting -----------------------------------------------------------------------------------------------

    def _count_stages(self, persons: pl.DataFrame, after: pl.DataFrame) -> None:
        for frame, funnel in ((persons, self._tally.before), (after, self._tally.after)):
            self._add(funnel.shown, frame["stage"])

    def _add(self, counts: Counter[str], stages: pl.Series) -> None:
        """Count stages; "" is none."""
        found = list(stages.value_counts().iter_rows())
        with self._adding:
            for stage, count in found:
                counts[stage or ""] += count

    def _count_moves(self, both: pl.DataFrame) -> None:
        """Count who goes from what to what; `both` has what is decided of persons, and `new` what would be."""
        import polars as pl

        for aspect in ASPECTS:
            old, new = _columns_of(aspect)
            if aspect not in self._decides or old not in both.columns:
                continue
            moved = both.select("entity", pl.col(old).alias("was"), pl.col(new).alias("now")).with_row_index("row")
            moved = moved.filter(pl.col("was").ne_missing(pl.col("now"))).sort("entity")
            grouped = list(moved.group_by("was", "now").agg(pl.len(), pl.col("row").head(SAMPLES)).iter_rows())
            named = self._labelled(both, [row for *_, rows in grouped for row in rows])
            with self._adding:
                for was, now, count, rows in grouped:
                    here, there = _shown(aspect, was), _shown(aspect, now)
                    if here != there:
                        self._tally.add_moves(Kind.PERSON, aspect, here, there, count, (named[row] for row in rows))

    def _labelled(self, persons: pl.DataFrame, rows: Sequence[int]) -> dict[int, tuple[str, str]]:
        """The persons in these rows: entity, and what people know them by."""
        found = persons[list(rows)].select("entity", self._labels(persons))
        return dict(zip(rows, found.iter_rows(), strict=True))

    def _labels(self, persons: pl.DataFrame) -> pl.Expr:
        """What people know somebody by: see `labels.label`."""
        import polars as pl

        named = [f"f:{name}" for name in LABELS if f"f:{name}" in persons.columns]
        shown = [
            pl.when(pl.col(name).is_in(["null", '""']) | pl.col(name).is_null())
            .then(None)
            .otherwise(pl.col(name).str.strip_chars('"'))
            for name in named
        ]
        return pl.coalesce(*shown, pl.col("entity")).alias("label")


def _aspects(changed: Changed) -> list[str]:
    """What these changes may decide otherwise."""
    found = ["stage", "instep_stage", "segment"] if changed.process else []
    found += ["owner"] if changed.process or changed.team else []
    return [*found, *SCORES] if changed.scoring else found


def _accepted(said: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return said.filter((pl.col("type") == "assertion") & pl.col("accepted"))


def _columns_of(aspect: str) -> tuple[str, str]:
    """The columns in which an aspect is, as it is decided and as it would be."""
    column = COMPUTED.get(aspect, aspect)
    return ("f:owner" if aspect == "owner" else column), f"new {column}"


def _shown(aspect: str, value: Any) -> str | None:
    """What people see of a decided value: an owner's key without the quotes of its stored text."""
    if value is None or (aspect == "owner" and value == "null"):
        return None
    return str(value).strip('"') if aspect == "owner" else str(value)
