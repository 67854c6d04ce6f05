"""What values a merge field takes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from instep_mailchimp.sandbox.audience import Audience, MergeField, Value
from instep_mailchimp.sandbox.character import MailchimpPersonality
from instep_mailchimp.sandbox.errors import bad_merge_fields, invalid

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_BIRTHDAY = re.compile(r"\d{1,2}/\d{1,2}")
_ADDRESS_PARTS = ("addr1", "city", "state", "zip")


def merged(
    audience: Audience, held: Mapping[str, Value], given: object, character: MailchimpPersonality, *, lenient: bool
) -> dict[str, Value]:
    """The values after a write. Tags that the audience does not know are ignored.

    Raises a problem where a value does not fit; a required field that stays blank is one unless `lenient`.
    """
    if not isinstance(given, dict):
        raise invalid("merge_fields", "Schema describes object, but another type was found instead")
    after = dict(held)
    problems: list[dict[str, str]] = []
    for tag, value in given.items():
        field = audience.fields.get(str(tag).upper())
        if value is None:
            raise invalid(f"merge_fields.{tag}", "Schema describes string, NULL found instead")
        is_scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
        is_address = isinstance(value, dict) and (field is None or field.type == "address")
        if not (is_scalar or is_address):
            raise invalid(f"merge_fields.{tag}", "Data did not match any of the schemas described in anyOf.")
        if field is None:
            continue
        if complaint := _complaint(field, value, character):
            problems.append({"field": field.tag, "message": complaint})
        else:
            after[field.tag] = _stored(field, value, character)
    if not lenient:
        problems += [
            {"field": field.tag, "message": "Please enter a value"}
            for field in audience.fields.values()
            if field.required and after.get(field.tag, "") == ""
        ]
    if problems:
        raise bad_merge_fields(problems)
    return after


def _complaint(field: MergeField, value: Value, character: MailchimpPersonality) -> str:
    text = str(value).strip()
    if isinstance(value, dict):
        missing = [part for part in _ADDRESS_PARTS if not value.get(part)]
        return "Please enter a complete address" if missing else ""
    if text == "":
        return ""
    if field.type == "number":
        return "" if re.fullmatch(r"-?\d+(\.\d+)?", text) else "Please enter a number"
    if field.type == "date":
        return "" if _DAY.match(text) else "Please enter the date"
    if field.type == "birthday":
        return "" if _BIRTHDAY.fullmatch(text) else "Please enter a month and day"
    if field.type in {"radio", "dropdown"} and character.checks_choices and text not in field.choices:
        return "Please choose one of the choices"
    if field.type == "address":
        return "Please enter a complete address"
    return ""


def _stored(field: MergeField, value: Value, character: MailchimpPersonality) -> Value:
    if isinstance(value, dict):
        return {str(name): str(part) for name, part in value.items()}
    if field.type == "number":
        text = str(value).strip()
        if not text:
            return ""
        number = float(text)
        return int(number) if number.is_integer() else number
    text = str(value)
    if field.type == "date" and text:
        found = _DAY.match(text)
        return f"{found[0]}T00:00:00.000Z" if found else text
    return text.strip() if character.normalise else text
