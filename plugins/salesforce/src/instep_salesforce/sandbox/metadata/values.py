"""Lists of picklist values as definitions give them: what is wrong with them, and how they replace what there was.

A value that a definition leaves out becomes inactive, and is never deleted; one that is named again is active again.
developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_customvalue.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Option

LONGEST = 255


def is_active(value: Definition) -> bool:
    """Whether a value can be chosen: unless the definition says otherwise."""
    return value.get("isActive") is not False


def label_of(value: Definition) -> str:
    """What people see of a value."""
    return str(value.get("label") or value["fullName"])


def require_sound(values: Sequence[Definition]) -> None:
    """Refuse a list without an active value, with one of them twice, or with texts that are too long."""
    if not any(is_active(value) for value in values):
        raise refused("FIELD_INTEGRITY_EXCEPTION", "A value set must have at least one active value")
    for name, texts in (
        ("fullName", [str(value["fullName"]) for value in values]),
        ("label", [label_of(value) for value in values if is_active(value)]),
    ):
        _require_short(name, texts)
        _require_different(name, texts)
    if sum(bool(value["default"]) for value in values) > 1:
        raise refused("FIELD_INTEGRITY_EXCEPTION", "Only one value can be the default", "default")


def _require_short(name: str, texts: Iterable[str]) -> None:
    for text in texts:
        if len(text) > LONGEST:
            message = f"Value too long for field: {name} maximum length is:{LONGEST}"
            raise refused("STRING_TOO_LONG", message, name)


def _require_different(name: str, texts: Iterable[str]) -> None:
    seen = set()
    for text in texts:
        if text.lower() in seen:
            raise refused("DUPLICATE_VALUE", f"Duplicate picklist value: {text}", name)
        seen.add(text.lower())


def merged(known: Sequence[Option], values: Sequence[Definition]) -> tuple[Option, ...]:
    """The choices that a definition makes of those there are: in its order, the rest inactive behind them."""
    return kept(known, [_option(value) for value in values])


def kept(known: Iterable[Option], given: Sequence[Option]) -> tuple[Option, ...]:
    """The choices that are given, and behind them all others that there were, inactive."""
    named = {option.value for option in given}
    return (*given, *(option.retired() for option in known if option.value not in named))


def _option(value: Definition) -> Option:
    return Option(
        str(value["fullName"]),
        label_of(value),
        is_active(value),
        is_active(value) and bool(value["default"]),
        value.get("description"),
    )


def shown(org: Org, options: Iterable[Option]) -> list[Definition]:
    """Choices as definitions show them; whether inactive ones are among them is the org's character."""
    return [as_listed(org, defined(option)) for option in options if option.active or lists_inactive(org)]


def defined(option: Option) -> Definition:
    """One choice as its definition."""
    return {
        "fullName": option.value,
        "default": option.default,
        "description": option.description,
        "isActive": option.active,
        "label": option.label or option.value,
    }


def lists_inactive(org: Org) -> bool:
    """Whether definitions name inactive values at all."""
    return org.personality.metadata_inactive_values != "hidden"


def as_listed(org: Org, value: Definition) -> Definition:
    """A value with the words about its being active that this org uses: of active ones it says nothing."""
    marks = not value["isActive"] and org.personality.metadata_inactive_values == "marked"
    return {**value, "isActive": False if marks else None}
