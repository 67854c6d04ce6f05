"""Who fits the conditions of a saved segment. Only some kinds of conditions are known; any other is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from instep_mailchimp.sandbox.audience import Audience, Member
from instep_mailchimp.sandbox.errors import invalid

_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "is": lambda held, value: held == value,
    "not": lambda held, value: held != value,
    "contains": lambda held, value: value in held,
    "notcontain": lambda held, value: value not in held,
    "starts": lambda held, value: held.startswith(value),
    "ends": lambda held, value: held.endswith(value),
    "greater": lambda held, value: _number(held) > _number(value),
    "less": lambda held, value: _number(held) < _number(value),
    "blank": lambda held, _: held == "",
    "blank_not": lambda held, _: held != "",
}
_OPERATIONS = {
    "TextMerge": frozenset(_TEXT),
    "SelectMerge": frozenset(("is", "not", "contains", "notcontain", "blank", "blank_not")),
    "EmailAddress": frozenset(("is", "not", "contains", "notcontain", "starts", "ends")),
    "MemberRating": frozenset(("is", "not", "greater", "less")),
    "StaticSegment": frozenset(("static_is", "static_not")),
    "Interests": frozenset(("interestcontains", "interestcontainsall", "interestnotcontains")),
    "VIP": frozenset(("member", "notmember")),
}


def checked(given: object) -> tuple[str, list[dict[str, Any]]]:
    """How the conditions of a segment are joined, and the conditions; raises a problem where they make no sense."""
    if not isinstance(given, dict) or given.get("match") not in ("any", "all"):
        raise invalid("options.match", "This value is not one of the choices.")
    conditions = given.get("conditions")
    if not isinstance(conditions, list) or not conditions:
        raise invalid("options.conditions", "This collection should contain 1 element or more.")
    for condition in conditions:
        if condition.get("op") not in _OPERATIONS.get(str(condition.get("condition_type")), ()):
            message = "Data did not match any of the schemas described in oneOf."
            raise invalid("options.conditions.item:0", message)
    return str(given["match"]), conditions


def fits(audience: Audience, member: Member, match: str, conditions: list[dict[str, Any]]) -> bool:
    """Whether a member is in a segment with these conditions."""
    found = (_holds(audience, member, condition) for condition in conditions)
    return any(found) if match == "any" else all(found)


def _holds(audience: Audience, member: Member, condition: Mapping[str, Any]) -> bool:
    op, value = condition["op"], condition.get("value", "")
    match condition["condition_type"]:
        case "VIP":
            return member.vip is (op == "member")
        case "StaticSegment":
            held = {audience.tags[name] for name in member.tags}
            return (int(value) in held) is (op == "static_is")
        case "Interests":
            ticked = [member.interests.get(str(id), False) for id in value]
            return _of_several(op, ticked)
        case "EmailAddress":
            return _compare(op, member.email, value)
        case "MemberRating":
            return _compare(op, str(member.rating), value)
        case _:
            return _compare(op, str(member.merge.get(str(condition["field"]), "")), value)


def _of_several(op: str, ticked: list[bool]) -> bool:
    if op == "interestcontainsall":
        return all(ticked)
    return any(ticked) is (op == "interestcontains")


def _compare(op: str, held: str, value: object) -> bool:
    return _TEXT[op](held.strip().casefold(), str(value).strip().casefold())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
