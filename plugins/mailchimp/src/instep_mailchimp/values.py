"""Translates values between Mailchimp's members and typed scalars. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from instep.contract import Rejected, Scalar
from instep_mailchimp.wire import Member, MergeField

STAGE_TAG: Final = "stage_tag"
UNSUBSCRIBED: Final = "unsubscribed"
TAGS: Final = "tags"
SEGMENT: Final = "segment:"
EMAIL: Final = "email_address"
KEPT: Final = frozenset((EMAIL, "language", "vip", "email_type"))
"""What is written beside merge fields and tags."""
_TOLD: Final = frozenset(("status", "member_rating", "source", "unsubscribe_reason"))
_TIMES: Final = frozenset(("timestamp_signup", "timestamp_opt"))
_UNWRITABLE: Final = frozenset(("address",))
READ_ONLY: Final = _TOLD | _TIMES | {TAGS, "last_changed"}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def typed(
    member: Member, names: Sequence[str], known: Mapping[str, MergeField], stage_tags: Sequence[str]
) -> dict[str, Scalar]:
    """The named fields of a member; one that the audience does not have is left out, a blank one is `None`."""
    found: dict[str, Scalar] = {}
    for name in names:
        tag, _, part = name.partition(".")
        if name == STAGE_TAG and stage_tags:
            found[name] = stage_of(member, stage_tags)
        elif name in ATTRIBUTES:
            found[name] = _attribute(member, name)
        elif tag in member.merge_fields:
            field = known.get(tag)
            found[name] = _merged(member.merge_fields[tag], part, field.type if field else "text")
    return found


def stage_of(member: Member, stage_tags: Sequence[str]) -> str | None:
    """The tag that says how far somebody has come; of several, the furthest."""
    held = {tag.name.casefold() for tag in member.tags}
    return next((tag for tag in reversed(stage_tags) if tag.casefold() in held), None)


def stage_changes(member: Member, stage_tags: Sequence[str], wanted: str | None) -> list[dict[str, str]]:
    """What to do to the tags of a member so that it has the wanted one and no other of the managed set."""
    managed = {tag.casefold() for tag in stage_tags}
    held = [tag.name for tag in member.tags if tag.name.casefold() in managed]
    changes = [{"name": name, "status": "inactive"} for name in held if name.casefold() != (wanted or "").casefold()]
    if wanted is not None and wanted.casefold() not in {name.casefold() for name in held}:
        changes.insert(0, {"name": wanted, "status": "active"})
    return changes


ATTRIBUTES: Final = KEPT | READ_ONLY | {UNSUBSCRIBED}


def _attribute(member: Member, name: str) -> Scalar:
    if name == UNSUBSCRIBED:
        return member.status == "unsubscribed"
    if name == TAGS:
        return tuple(sorted(tag.name for tag in member.tags)) or None
    if name in _TIMES:
        return moment(getattr(member, name)) or getattr(member, name) or None
    if name == "last_changed":
        return member.last_changed.astimezone(UTC)
    value: Scalar = getattr(member, name)
    return None if value == "" else value


def moment(text: str) -> datetime | None:
    """A time as Mailchimp writes it, in UTC where it names no zone; what is no time is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _merged(value: Any, part: str, kind: str) -> Scalar:
    """The value of a merge field; of an address, one part of it."""
    if isinstance(value, dict):
        text = value.get(part, "") if part else ", ".join(str(one) for one in value.values() if one)
        return str(text) or None
    if part or value in ("", None):
        return None
    if kind == "date" and isinstance(value, str) and (found := _DAY.match(value)):
        return date.fromisoformat(found[0])
    if kind == "number":
        return _number(value)
    if isinstance(value, bool):
        return value
    return str(value)


def _number(value: Any) -> Scalar:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return str(value)
    return int(number) if number == number.to_integral_value() else number


def to_wire(name: str, value: Scalar, field: MergeField) -> str | int | float | Rejected:
    """A value as a merge field takes it: text or number. Null and yes/no are refused, so blank is the empty text.

    mailchimp.com/developer/marketing
    """
    if value is None:
        return ""
    if field.type == "number":
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return Rejected("invalid_value", f"The merge field {name} takes numbers only.", name)
        return int(value) if value == int(value) else float(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat() if field.type == "date" else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return Rejected("invalid_value", f"The merge field {name} holds one value, not several.", name)
    text = str(value)
    choices = field.options.choices
    if field.type in ("dropdown", "radio") and text not in choices:
        return Rejected("invalid_value", f'The merge field {name} has no choice "{text[:80]}".', name)
    return text


# --- what a member's fields become in a request


@dataclass(slots=True)
class Body:
    """The parts of a member that are to be written; `unsubscribed` and the stage go their own ways."""

    plain: dict[str, Any] = field(default_factory=dict)
    merge_fields: dict[str, str | int | float] = field(default_factory=dict)
    unsubscribed: bool | None = None
    has_stage: bool = False
    stage: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The body of a request, without a status."""
        return {**self.plain, **({"merge_fields": self.merge_fields} if self.merge_fields else {})}


def body_of(
    given: Mapping[str, Scalar], known: Mapping[str, MergeField], stage_tags: Sequence[str]
) -> Body | Rejected:
    """The body for some fields, or why they cannot be written.

    A tag that the audience does not know is refused here: Mailchimp itself drops its value without a word.
    """
    body = Body()
    for name, value in given.items():
        refused = _take(body, name, value, known, stage_tags)
        if refused is not None:
            return refused
    return body


def _take(
    body: Body, name: str, value: Scalar, known: Mapping[str, MergeField], stage_tags: Sequence[str]
) -> Rejected | None:
    if name == STAGE_TAG and stage_tags:
        if value is not None and value not in stage_tags:
            return Rejected("invalid_value", f'"{value}" is none of the tags in stage_tags.', name)
        body.has_stage, body.stage = True, None if value is None else str(value)
        return None
    if name == UNSUBSCRIBED:
        yes = _yes_or_no(value)
        if yes is None and value is not None:
            return Rejected(
                "invalid_value", "Somebody has unsubscribed or has not: the value is true or false.", name
            )
        body.unsubscribed = yes
        return None
    if name.startswith(SEGMENT):
        reason = f'Who is in a segment is only read: "{name[:80]}" cannot be written. Set direction = "in".'
        return Rejected("read_only", reason, name)
    if name in READ_ONLY:
        return Rejected("read_only", f'Mailchimp keeps "{name}" by itself; it cannot be written.', name)
    if name in KEPT:
        return _take_plain(body, name, value)
    field = known.get(name)
    if field is None:
        return Rejected("unknown_field", f'The audience has no merge field with the tag "{name[:80]}".', name)
    if field.type in _UNWRITABLE:
        return Rejected("read_only", f"The address field {name} is read only: it takes whole addresses.", name)
    wanted = to_wire(name, value, field)
    if isinstance(wanted, Rejected):
        return wanted
    body.merge_fields[name] = wanted
    return None


def _yes_or_no(value: Scalar) -> bool | None:
    """Yes or no, also as a word: mappings name the values of a field as texts."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _take_plain(body: Body, name: str, value: Scalar) -> Rejected | None:
    if name == "vip":
        yes = _yes_or_no(value)
        if yes is None and value is not None:
            return Rejected("invalid_value", "Somebody is a VIP or is not: the value is true or false.", name)
        body.plain[name] = bool(yes)
        return None
    if name == EMAIL and not value:
        return Rejected("invalid_value", "Mailchimp knows people by their e-mail address: it cannot be blank.", name)
    if name == "email_type" and value not in (None, "html", "text"):
        return Rejected("invalid_value", "The kind of e-mail is html or text.", name)
    body.plain[name] = str(value or ("html" if name == "email_type" else ""))
    return None
