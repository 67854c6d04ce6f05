"""Surges: which companies do a great deal while nobody there is known, and who would look after them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from instep.mapping.compiled import Workspace
from instep.model.acts import Act
from instep.model.entities import Kind
from instep.model.process import Stage
from instep.model.surge import Consumed, acts_within, consumed, next_stage, telling
from instep.model.values import decode, is_blank
from instep.store import Store, require_state
from instep.sync.evidence import Known, acts_of, first_buyers
from instep.sync.labels import label_of
from instep.sync.past import facts_by, is_known_by, last_run, people_by
from instep.sync.scorestory import Scored, explain_score
from instep.sync.stagestory import AsOf, explain_stage


@dataclass(frozen=True, slots=True)
class Surge:
    """One company that does a great deal, and what might come next."""

    entity: str
    known_as: str
    consumed: tuple[Consumed, ...]
    score: float | None
    stage: str | None
    next: Stage | None
    owner: str | None
    """The name of who owns the company; None where nobody does."""
    candidate: str | None
    """Who would be named for the role of the next stage, where nobody owns the company."""

    @property
    def events(self) -> int:
        return sum(one.count for one in self.consumed)


@dataclass(frozen=True, slots=True)
class Surges:
    """What was found, as of when, the busiest first."""

    at: datetime
    days: int
    fewest: int
    companies: tuple[Surge, ...]


def find_surges(workspace: Workspace, *, fewest: int, days: int, at: datetime | None = None) -> Surges:
    """The companies without a known person that did at least `fewest` things in the last `days` days.

    As of the latest run, or of a past instant. Raises `ConfigError` where no run had begun by then.
    """
    with Store(require_state(workspace.store)) as store:
        as_of = AsOf(at=at if at is not None else AsOf().instant(store))
        look = _Look(store, workspace, as_of, as_of.instant(store), last_run(store, at) if at is not None else None)
        if at is not None:
            look = replace(look, workspace=replace(workspace, process=workspace.process_at(at.date())))
        since = look.at - timedelta(days=days)
        buyers = first_buyers(store)
        busy = _busy(store, since, look.at, fewest)
        candidates = [id for id in busy if not _has_people(look, id, buyers.get(id))]
        acts = acts_of(Known(store, look.workspace), candidates, {})
        recent = {id: acts_within(acts.get(id, ()), since, look.at) for id in candidates}
        found = [_surge(look, id, done) for id, done in recent.items() if len(done) >= fewest]
        return Surges(look.at, days, fewest, tuple(sorted(found, key=lambda s: (-s.events, s.known_as, s.entity))))


@dataclass(frozen=True, slots=True)
class _Look:
    store: Store
    workspace: Workspace
    as_of: AsOf
    at: datetime
    run: int | None
    """The last run whose findings count; None for all of them."""


def _busy(store: Store, since: datetime, until: datetime, fewest: int) -> list[str]:
    """Companies that may have done enough: what two systems tell of is not known to be one act yet."""
    day = timedelta(days=1)
    rows = store.rows(
        "SELECT m.entity FROM behaviour b "
        "JOIN behaviour_subject s ON s.connection = b.connection AND s.behaviour = b.id "
        "JOIN mirror m ON m.connection = s.connection AND m.object = s.object AND m.id = s.record "
        "JOIN entity e ON e.id = m.entity WHERE e.kind = 'company' AND b.key IS NOT NULL AND b.at > ? AND b.at < ? "
        "GROUP BY m.entity HAVING count(*) >= ? ORDER BY m.entity",
        ((since - day).isoformat(), (until + day).isoformat(), fewest),
    )
    return [entity for (entity,) in rows]


def _has_people(look: _Look, company: str, buyer: str | None) -> bool:
    return bool(people_by(look.store, company, look.run)) or (
        buyer is not None and is_known_by(look.store, buyer, look.run)
    )


def _surge(look: _Look, company: str, acts: Sequence[Act]) -> Surge:
    store, workspace = look.store, look.workspace
    score = explain_score(Scored(store, workspace, company, Kind.COMPANY, look.as_of, look.run))
    stage = explain_stage(store, workspace, company, look.as_of).value
    row = store.row("SELECT segment FROM entity WHERE id = ?", (company,))
    segment = row[0] if row else None
    coming = next_stage(workspace.process, segment, stage)
    values = facts_by(store, company, look.run)
    owner = None if is_blank(values.get("owner")) else str(values["owner"])
    named = workspace.team.owner(owner) if owner is not None else None
    would = None
    if owner is None and coming is not None and coming.role is not None:
        would = workspace.team.candidate(coming.role, segment, look.at.date())
    return Surge(
        company,
        label_of(store, company),
        consumed(acts, _texts(store, (source for act in acts for source in (act.source, *act.also)))),
        score.engagement + score.fit if score is not None else None,
        stage,
        coming,
        named.name if named is not None else owner,
        would.name if would is not None else None,
    )


def _texts(store: Store, sources: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Source of an act to what it was about."""
    found = {}
    for source in sources:
        connection, _, id = source.split("/", 2)
        row = store.row("SELECT details FROM behaviour WHERE connection = ? AND id = ?", (connection, id))
        if row is not None and row[0]:
            found[source] = telling(decode(row[0]))
    return found
