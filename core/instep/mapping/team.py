"""`mappings/team.toml`: colleagues, who they are in each system, and when Instep names an owner itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from instep.mapping.facts import FactUses
from instep.mapping.rules import take_rule
from instep.mapping.section import Section
from instep.model.entities import Kind
from instep.model.process import Process, Role
from instep.model.team import Assignment, Owner, Team


def read_team(section: Section, process: Process, connections: Sequence[str], uses: FactUses) -> Team:
    """The team that a file describes."""
    owners: dict[str, Owner] = {}
    taken: dict[tuple[str, str], str] = {}
    for table in section.tables("people"):
        owner = _owner(table, process, connections)
        if owner.key in owners:
            table.mistake(
                "TWICE", f'defines "{owner.key}" a second time', "Give each person a key of their own.", "key"
            )
        elif owner.key:
            owners[owner.key] = owner
            _check_users(table, owner, taken)
    assignments = tuple(_assignment(table, uses) for table in section.tables("assign"))
    section.finish()
    return Team(tuple(owners.values()), assignments)


def _owner(table: Section, process: Process, connections: Sequence[str]) -> Owner:
    key = table.required_text("key") or ""
    segments = [*(segment.key for segment in process.segments), *table.report.elsewhere.get("segment", ())]
    owner = Owner(
        key=key,
        name=table.text("name", key) or key,
        email=table.text("email"),
        roles=table.members("roles", "role", Role),
        segments=frozenset(table.names("segments", "segment", segments)),
        active=table.flag("active", True),
        away=tuple(span for absence in table.tables("away") if (span := _absence(absence))),
        users=_users(table, connections),
    )
    table.finish()
    return owner


def _absence(table: Section) -> tuple[date, date] | None:
    start, end = table.day("from"), table.day("to")
    missing = [key for key in ("from", "to") if not table.has(key)]
    table.finish()
    if missing:
        table.mistake("MISSING_KEY", f'has no "{missing[0]}"', "Give both days; both are days of absence.")
    if start is None or end is None:
        return None
    if end < start:
        table.mistake("OUT_OF_RANGE", "ends before it begins", "Swap the two days.", "to")
    return start, end


def _users(table: Section, connections: Sequence[str]) -> dict[str, str]:
    users = table.table_or_empty("users")
    found: dict[str, str] = {}
    for connection in users.data:
        user = users.text(connection)
        if connection not in connections:
            users.unknown("connection", connection, connections, connection)
        elif user:
            found[connection] = user
    return found


def _check_users(table: Section, owner: Owner, taken: dict[tuple[str, str], str]) -> None:
    for connection, user in owner.users.items():
        other = taken.setdefault((connection, user.casefold()), owner.key)
        if other != owner.key:
            problem = f'is "{user}", who is already "{other}"'
            remedy = "Give each person a user of their own, or make them one person."
            table.mistake("USER_TWICE", problem, remedy, "users", connection)


def _assignment(table: Section, uses: FactUses) -> Assignment:
    kind = table.one_of("kind", Kind)
    when = table.choice("when", ("blank", "handover"))
    for key in ("kind", "when"):
        if not table.has(key):
            table.mistake("MISSING_KEY", f'has no "{key}"', 'An assignment says kind = "person" and when = "blank".')
    role = table.one_of("role", Role)
    rule = take_rule(table, "if", uses.about(*([kind] if kind else Kind)))
    table.finish()
    return Assignment(kind or Kind.PERSON, when or "blank", role, rule)
