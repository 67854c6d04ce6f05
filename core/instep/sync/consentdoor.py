"""Consent's one door: every write passes here right before it is sent, whatever planned it.

Nobody is opted in again unless they said so themselves, later than they opted out; and nobody who opted out gets a
record somewhere that does not say so.
"""

from __future__ import annotations

from collections.abc import Iterable

from instep.contract import ConsentStore
from instep.mapping.compiled import ConsentMapping
from instep.model.consent import ALL, Standing, is_opted_out
from instep.model.entities import Kind
from instep.sync.changes import Change
from instep.sync.fields import is_flagged_out
from instep.sync.session import Live, Session
from instep.sync.state import standings_of

Standings = dict[str, Standing]


def objections(session: Session, live: Live, changes: Iterable[Change]) -> dict[Change, str]:
    """Which of these changes may not be sent, and why, by what the state holds of each person's consent now."""
    of_persons = [change for change in changes if change.kind is Kind.PERSON and not change.relation]
    known = standings_of(session.store, {change.entity for change in of_persons})
    found: dict[Change, str] = {}
    for change in of_persons:
        if reason := _objection(session, live, change, known.get(change.entity, {})):
            found[change] = reason
    return found


def _objection(session: Session, live: Live, change: Change, standings: Standings) -> str | None:
    mapping = session.mapping(live.name, change.object)
    consent = mapping.consent if mapping else None
    if change.action == "opt_in":
        return None if _is_opted_in(standings, change.scope) else "nobody said that they may be written to again"
    if change.action == "delete":
        return None
    for value in change.values if not change.is_consent else ():
        out_values = _out_values(live, consent, value.field)
        if out_values is None or is_flagged_out(value.after, out_values):
            continue
        scope = consent.scope if consent else ALL
        if is_opted_out(standings, scope):
            return f"{value.field} would say that the person may be written to, who opted out"
        if is_flagged_out(value.before, out_values) and not _is_opted_in(standings, scope):
            return f"{value.field} would be lifted, and nobody said that they may be written to again"
    return _silence(live, consent, change, standings) if change.action == "create" else None


def _silence(live: Live, consent: ConsentMapping | None, change: Change, standings: Standings) -> str | None:
    """A new record that does not say that its person opted out, though it could."""
    if consent is None or consent.field is None or not is_opted_out(standings, consent.scope):
        return None
    if consent.field in change.fields or not live.has_field(change.object, consent.field):
        return None
    return f"the new record would not say in {consent.field} that the person opted out"


def _out_values(live: Live, consent: ConsentMapping | None, field: str) -> tuple[str, ...] | None:
    """What a field holds for somebody who opted out, where it is one that keeps consent; else None."""
    if consent is not None and consent.field == field:
        return consent.out_values
    store = live.parts.consents
    if isinstance(store, ConsentStore) and store.flag_field == field:
        return ()
    return () if field in live.records.capabilities.consent_fields else None


def keeps_consent(live: Live, consent: ConsentMapping | None, field: str) -> bool:
    """Whether a field says if its person may be written to."""
    return _out_values(live, consent, field) is not None


def _is_opted_in(standings: Standings, scope: str) -> bool:
    standing = standings.get(scope) or standings.get(ALL)
    return standing is not None and standing.state == "in" and not is_opted_out(standings, scope)
