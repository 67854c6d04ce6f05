"""One system's scalars to canonical ones, and back: the only place where both are known.

`hear` turns what a record holds into the canonical value. `tell` turns a canonical value into what the record
should hold. Neither guesses: what has no translation is `Unheard` or `Untold`, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from instep.mapping.compiled import FieldMapping
from instep.model.entities import FieldType
from instep.model.identity import domain
from instep.model.team import Team
from instep.model.values import Money, Scalar, is_blank


@dataclass(frozen=True, slots=True)
class Unheard:
    """A value that means nothing to us: it does not speak, is left alone, and is reported until mapped."""

    raw: Scalar
    why: str


@dataclass(frozen=True, slots=True)
class Untold:
    """A canonical value that this system cannot express: it is left out of the write and reported."""

    value: Scalar
    why: str
    code: str = field(default="", compare=False)
    """What is wrong with an owner: `owner-unknown`, `owner-inactive` or `owner-ambiguous`."""


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may own records in a system."""

    id: str
    name: str
    email: str | None
    active: bool


_NO_USER = "owner-unknown"


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is who in one connection: `team.toml` against the system's own users (None: it keeps none)."""

    connection: str
    team: Team
    users: tuple[User, ...] | None
    login: str = ""
    """The id of the user that Instep itself logs in as: nobody, unless `team.toml` names that user."""

    def owner_of(self, raw: str) -> str | Unheard | None:
        """The owner key that a system's user value stands for; None for the login's own."""
        user = next((u for u in self.users or () if u.id == raw), None)
        names = {raw.casefold()}
        if user is not None:
            names |= {part.casefold() for part in (user.email, user.name) if part}
        for owner in self.team.owners:
            listed = owner.users.get(self.connection)
            known_as = listed if listed is not None else (owner.email if user is not None else None)
            if known_as is not None and known_as.casefold() in names:
                return owner.key
        if self.login and raw == self.login:
            return None
        label = raw if user is None else f"{user.name} ({raw})"
        return Unheard(raw, f"{label} is nobody in team.toml")

    def is_any_of(self, raw: str, names: tuple[str, ...]) -> bool:
        """Whether a system's user value is one of these users, named by id, e-mail or name."""
        if not names:
            return False
        user = next((u for u in self.users or () if u.id == raw), None)
        known = {raw.casefold()} | ({p.casefold() for p in (user.email, user.name) if p} if user else set())
        return any(name.casefold() in known for name in names)

    def nobody(self, names: tuple[str, ...]) -> str | None:
        """What the system calls the first active one of the users who stand for nobody; else the login itself."""
        if self.users is None:
            return names[0] if names else None
        active = [user for user in self.users if user.active]
        found = (user.id for name in names for user in active if self.is_any_of(user.id, (name,)))
        return next(found, self.login or None)

    def user_for(self, key: str) -> str | Untold:
        """What this system calls an owner; refuses people who are unknown or inactive there."""
        owner = self.team.owner(key)
        if owner is None:
            return Untold(key, f"{key} is not in team.toml", _NO_USER)
        listed = owner.users.get(self.connection)
        if self.users is None:
            return listed if listed is not None else Untold(key, f"team.toml names no user for {key} here", _NO_USER)
        wanted = listed or owner.email
        matching = [
            u
            for u in self.users
            if wanted and wanted.casefold() in {p.casefold() for p in (u.id, u.email, u.name) if p}
        ]
        if not matching:
            return Untold(key, f"{owner.name} has no user here", _NO_USER)
        active = [user for user in matching if user.active]
        if not active:
            return Untold(key, f"{owner.name} is inactive here", "owner-inactive")
        if len(active) > 1:
            return Untold(key, f"{owner.name} fits {len(active)} users here", "owner-ambiguous")
        return active[0].id


def hear(mapping: FieldMapping, fields: Mapping[str, Scalar], directory: Directory) -> Scalar | Unheard:
    """The canonical value of one mapped field of a record. `fields` must hold the field (it may be blank)."""
    raw = fields[mapping.field]
    if isinstance(raw, str):
        raw = raw.strip()
    if is_blank(raw) or (mapping.blank_as is not None and _is_written_like(raw, mapping.blank_as)):
        return None
    plainly = _HEARD.get(mapping.type)
    if plainly is not None and not mapping.values:
        return plainly(raw)
    match mapping.type:
        case FieldType.OWNER:
            return None if directory.is_any_of(str(raw), mapping.nobody) else directory.owner_of(str(raw))
        case FieldType.CHOICE | FieldType.CHOICES if mapping.values:
            return _hear_choice(mapping, raw)
        case FieldType.MONEY:
            return _hear_money(mapping, raw, fields)
        case FieldType.DATE:
            return _hear_date(mapping, raw)
        case FieldType.DOMAIN:
            return domain(str(raw)) or Unheard(raw, "is no domain name")
        case FieldType.EMAIL:
            return str(raw).lower() if "@" in str(raw) else Unheard(raw, "is no e-mail address")
    return _HEARD[mapping.type](raw)


def _is_written_like(raw: Scalar, default: Scalar) -> bool:
    """Whether a value is a declared default, which the file may have written as text."""
    return raw == default or (isinstance(default, str) and str(raw) == default)


def tell(
    mapping: FieldMapping, value: Scalar, fields: Mapping[str, Scalar], directory: Directory
) -> dict[str, Scalar] | Untold:
    """The system's fields that express a canonical value, by name. `fields` is what the record holds now."""
    name = mapping.field
    if is_blank(value):
        return {name: directory.nobody(mapping.nobody) if mapping.type is FieldType.OWNER else mapping.blank_as}
    match mapping.type:
        case FieldType.OWNER:
            user = directory.user_for(str(value))
            return user if isinstance(user, Untold) else {name: user}
        case FieldType.CHOICE | FieldType.CHOICES if mapping.values:
            return _tell_choice(mapping, value)
        case FieldType.MONEY:
            return _tell_money(mapping, value, fields)
        case FieldType.DATE if isinstance(value, date) and (mapping.zone or isinstance(fields.get(name), datetime)):
            return {name: _midnight(value, mapping.zone)}
    return {name: value}


def _hear_choice(mapping: FieldMapping, raw: Scalar) -> Scalar | Unheard:
    spoken = raw if isinstance(raw, tuple) else (str(raw),)
    known = {spelling: canonical for canonical, spellings in mapping.values.items() for spelling in spellings}
    unknown = [part for part in spoken if part not in known]
    if unknown:
        return Unheard(raw, f"{unknown[0]!r} is not in the table of values")
    heard = tuple(known[part] for part in spoken)
    return heard if mapping.type is FieldType.CHOICES else heard[0]


def _tell_choice(mapping: FieldMapping, value: Scalar) -> dict[str, Scalar] | Untold:
    wanted = value if isinstance(value, tuple) else (str(value),)
    unknown = [part for part in wanted if part not in mapping.values]
    if unknown:
        return Untold(value, f"{unknown[0]!r} has no spelling here")
    told = tuple(mapping.values[part][0] for part in wanted)
    return {mapping.field: told if mapping.type is FieldType.CHOICES else told[0]}


def _hear_money(mapping: FieldMapping, raw: Scalar, fields: Mapping[str, Scalar]) -> Scalar | Unheard:
    amount = _number(raw)
    if amount is None:
        return Unheard(raw, "is no amount")
    currency = mapping.currency
    if mapping.currency_field is not None:
        if mapping.currency_field not in fields:
            return Unheard(raw, "has a currency that cannot be seen")
        named = fields[mapping.currency_field]
        currency = currency if is_blank(named) else str(named)
    return Money(amount, currency) if currency else Unheard(raw, "has no currency")


def _tell_money(mapping: FieldMapping, value: Scalar, fields: Mapping[str, Scalar]) -> dict[str, Scalar] | Untold:
    if not isinstance(value, Money):
        return Untold(value, "is no amount")
    if mapping.currency_field is None:
        if value.currency != mapping.currency:
            return Untold(value, f"is in {value.currency}, and this field is in {mapping.currency}")
        return {mapping.field: value.amount}
    held = fields.get(mapping.currency_field)
    told: dict[str, Scalar] = {mapping.field: value.amount}
    if held != value.currency and not (is_blank(held) and value.currency == mapping.currency):
        told[mapping.currency_field] = value.currency
    return told


def _hear_date(mapping: FieldMapping, raw: Scalar) -> Scalar | Unheard:
    if isinstance(raw, datetime):
        return raw.astimezone(ZoneInfo(mapping.zone or "UTC")).date()
    if isinstance(raw, date):
        return raw
    try:
        return date.fromisoformat(str(raw)[:10])
    except ValueError:
        return Unheard(raw, "is no date")


def _midnight(value: date, zone: str | None) -> datetime:
    return datetime.combine(value, time(), ZoneInfo(zone or "UTC")).astimezone(UTC)


def _hear_text(raw: Scalar) -> Scalar | Unheard:
    return raw if isinstance(raw, tuple) else str(raw)


def _hear_number(raw: Scalar) -> Scalar | Unheard:
    number = _number(raw)
    return Unheard(raw, "is no number") if number is None else number


def _hear_instant(raw: Scalar) -> Scalar | Unheard:
    if isinstance(raw, datetime):
        return raw
    try:
        instant = datetime.fromisoformat(str(raw))
    except ValueError:
        return Unheard(raw, "is no instant")
    return instant if instant.tzinfo else Unheard(raw, "is an instant without a time zone")


def _hear_boolean(raw: Scalar) -> Scalar | Unheard:
    if isinstance(raw, bool):
        return raw
    match str(raw).strip().lower():
        case "true" | "yes" | "y" | "1":
            return True
        case "false" | "no" | "n" | "0":
            return False
    return Unheard(raw, "is neither yes nor no")


def _number(raw: Scalar) -> Decimal | None:
    if isinstance(raw, bool):
        return None
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


_HEARD = {
    FieldType.TEXT: _hear_text,
    FieldType.PHONE: _hear_text,
    FieldType.CHOICE: _hear_text,
    FieldType.CHOICES: _hear_text,
    FieldType.NUMBER: _hear_number,
    FieldType.INSTANT: _hear_instant,
    FieldType.BOOLEAN: _hear_boolean,
}
