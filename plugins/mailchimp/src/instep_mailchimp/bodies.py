"""What a member's fields become in a request. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from instep.contract import Rejected, Scalar
from instep_mailchimp import values
from instep_mailchimp.wire import MergeField

_UNWRITABLE: Final = frozenset(("address",))


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
    if name == values.STAGE_TAG and stage_tags:
        if value is not None and value not in stage_tags:
            return Rejected("invalid_value", f'"{value}" is none of the tags in stage_tags.', name)
        body.has_stage, body.stage = True, None if value is None else str(value)
        return None
    if name == values.UNSUBSCRIBED:
        yes = _yes_or_no(value)
        if yes is None and value is not None:
            return Rejected(
                "invalid_value", "Somebody has unsubscribed or has not: the value is true or false.", name
            )
        body.unsubscribed = yes
        return None
    if name in values.READ_ONLY:
        return Rejected("read_only", f'Mailchimp keeps "{name}" by itself; it cannot be written.', name)
    if name in values.KEPT:
        return _take_plain(body, name, value)
    field = known.get(name)
    if field is None:
        return Rejected("unknown_field", f'The audience has no merge field with the tag "{name[:80]}".', name)
    if field.type in _UNWRITABLE:
        return Rejected("read_only", f"The address field {name} is read only: it takes whole addresses.", name)
    wanted = values.to_wire(name, value, field)
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
    if name == values.EMAIL and not value:
        return Rejected("invalid_value", "Mailchimp knows people by their e-mail address: it cannot be blank.", name)
    if name == "email_type" and value not in (None, "html", "text"):
        return Rejected("invalid_value", "The kind of e-mail is html or text.", name)
    body.plain[name] = str(value or ("html" if name == "email_type" else ""))
    return None
