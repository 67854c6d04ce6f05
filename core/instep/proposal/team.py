"""`mappings/team.toml` for the people that records belong to. No system tells what role anyone has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from instep.contract import SystemOwner
from instep.mapping.toml import one_line, toml_key, toml_text
from instep.model.process import Role
from instep.model.team import Team

HEADER = """\
# Colleagues who own buyers, and who they are in each system. No system tells which roles they have: say it, so that
# Instep knows who may be given a buyer at which stage.
"""
ASSIGN = """
# [[assign]]                           # Instep gives a buyer to somebody only where a rule says so
# kind = "person"
# when = "handover"                    # its stage passes to another role; or "blank"
"""


@dataclass(frozen=True, slots=True)
class PersonGuess:
    """A user, and the key of the person who it is; `is_new` where team.toml did not know them."""

    user: SystemOwner
    key: str
    confidence: int
    reason: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class TeamGuess:
    """Who is who, the whole file, and people of the file who are no active users."""

    people: tuple[PersonGuess, ...]
    text: str
    strangers: tuple[str, ...] = ()
    left_out: int = 0
    """Queues, and users who have left."""

    def newcomers(self) -> list[PersonGuess]:
        return [person for person in self.people if person.is_new]


def guess_team(users: Sequence[SystemOwner], connection: str, team: Team, text: str | None) -> TeamGuess:
    """Match active users to people by what the file says, then by e-mail address; the rest are added to the file."""
    active = [user for user in users if user.active and not user.queue]
    known = {user.id: key for user in active if (key := _known(user, connection, team))}
    keys = {owner.key for owner in team.owners}
    people = []
    for user in active:
        if user.id in known:
            reason = "its e-mail address is in team.toml, or team.toml names it"
            people.append(PersonGuess(user, known[user.id], 100, reason, is_new=False))
        else:
            key = _key(user, keys)
            keys.add(key)
            people.append(PersonGuess(user, key, 90, "an active user", is_new=True))
    strangers = tuple(owner.name for owner in team.owners if owner.active and owner.key not in known.values())
    entries = [_entry(person, connection, active) for person in people if person.is_new]
    start = (HEADER if text is None else text.rstrip("\n") + "\n") + "".join(entries)
    return TeamGuess(tuple(people), start + (ASSIGN if text is None else ""), strangers, len(users) - len(active))


def _known(user: SystemOwner, connection: str, team: Team) -> str | None:
    names = {name.casefold() for name in (user.id, user.name, user.email) if name}
    for owner in team.owners:
        said = owner.users.get(connection)
        if said is not None and said.casefold() in names:
            return owner.key
        if said is None and owner.email and user.email and owner.email.casefold() == user.email.casefold():
            return owner.key
    return None


def _key(user: SystemOwner, taken: Iterable[str]) -> str:
    """A key from the name, else from the address."""
    name = user.name if user.name != user.email else (user.email or "").partition("@")[0]
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "user"
    key, place = stem, 2
    while key in set(taken):
        key, place = f"{stem}-{place}", place + 1
    return key


def _entry(person: PersonGuess, connection: str, users: Sequence[SystemOwner]) -> str:
    user = person.user
    lines = ["", "[[people]]", f"key = {toml_text(person.key)}", f"name = {toml_text(user.name)}"]
    alone = sum((other.email or "").casefold() == (user.email or "").casefold() for other in users) == 1
    about = one_line(f"# {person.confidence}: {person.reason} of {connection}")
    if user.email:
        lines.append(f"email = {toml_text(user.email)}  {about}")
    if not user.email or not alone:
        lines.append(f"users = {{ {toml_key(connection)} = {toml_text(user.id)} }}  {about}")
    lines.append(f"# roles = []  # ? {', '.join(Role)}")
    return "\n".join(lines) + "\n"
