"""The fields of members: merge fields, and what Mailchimp itself keeps. Creates merge fields, and adds choices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from instep.contract import (
    FieldLimits,
    FieldSpec,
    Missing,
    Option,
    Outcome,
    Rejected,
    SystemField,
    Unknown,
    Written,
)
from instep.errors import UnknownOutcomeError
from instep_mailchimp import values, wire
from instep_mailchimp.answers import Call, RefusedError
from instep_mailchimp.associations import Segments
from instep_mailchimp.client import MailchimpClient
from instep_mailchimp.refusals import outcome_of
from instep_mailchimp.schema import MergeFields
from instep_mailchimp.wire import MergeField

_TAG: Final = re.compile(r"[A-Z0-9][A-Z0-9_]{0,9}")
_LABEL_LENGTH: Final = 50
_MARK: Final = "Instep keeps the values of this field unique."
"""Mailchimp has no unique merge fields, so the field says it in its help text, which people do not see."""
_Kind = Literal["text", "number", "boolean", "date", "instant", "choice", "choices", "owner"]
_KINDS: Final[Mapping[str, _Kind]] = {"number": "number", "date": "date", "radio": "choice", "dropdown": "choice"}
_MADE: Final[Mapping[str, str]] = {"text": "text", "number": "number", "date": "date", "choice": "dropdown"}
_LIMITS: Final = FieldLimits(
    name=_TAG.pattern,
    name_length=10,
    label_length=_LABEL_LENGTH,
    reserved=frozenset(("email",)),
    types=frozenset(_MADE),
    option_labels=False,
)
_ADDRESS_PARTS: Final = ("addr1", "addr2", "city", "state", "zip", "country")
_STATUSES: Final = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")


class MailchimpFields:
    """The fields of every audience that takes part. mailchimp.com/developer/marketing"""

    def __init__(self, client: MailchimpClient, fields: MergeFields, segments: Segments) -> None:
        self._client, self._fields, self._segments = client, fields, segments
        self._lists: Mapping[str, str] = dict(client.settings.audiences)
        self._stage_tags = client.settings.stage_tags

    def read(self, object: str) -> tuple[SystemField, ...]:
        """Merge fields by their tags, then what Mailchimp keeps of every member, in small letters, then segments."""
        found: list[SystemField] = []
        for field in self._fields.read(self._lists[object]).values():
            found += _fields_of(object, field)
        return (*found, *_kept(object, self._stage_tags), *self._segments.described(object, self._lists[object]))

    def limits(self) -> FieldLimits:
        """One to ten capital letters, digits and underscores; choices are shown by their values."""
        return _LIMITS

    def extend(self, object: str, name: str, options: Sequence[Option]) -> Outcome:
        """Add options at the end of a choice. Mailchimp replaces the list as a whole, so it is read first."""
        list_id = self._lists[object]
        known = self._fields.read(list_id).get(name)
        if known is None:
            return Rejected("not_found", f'The audience has no merge field with the tag "{name[:80]}".', name)
        return self._completed(list_id, known, FieldSpec(object, name, known.name, "choice", options=tuple(options)))

    def create(self, spec: FieldSpec) -> Outcome:
        """Create a merge field, hidden from people. One of that tag and type that is there counts as created.

        A tag is one to ten capital letters, digits and underscores. Mailchimp has no yes/no, no time of day and no
        field for several choices; it shows a choice by its value. A choice that was there is given the options that
        it lacks.
        """
        list_id = self._lists[spec.object]
        if (refusal := _objection(spec)) is not None:
            return refusal
        known = self._fields.read(list_id).get(spec.name)
        if known is not None:
            return self._completed(list_id, known, spec)
        body: dict[str, Any] = {
            "tag": spec.name,
            "name": spec.label[:_LABEL_LENGTH],
            "type": _MADE[spec.type],
            "required": False,
            "public": False,
            **({"help_text": _MARK} if spec.unique else {}),
            **({"options": {"choices": [option.value for option in spec.options]}} if spec.options else {}),
        }
        path = wire.path("lists", list_id, "merge-fields")
        call = Call("POST", path, "merge-fields/create", body=body, writes=True, repeatable=False)
        return self._sent(list_id, call, spec.name, created=True)

    def _completed(self, list_id: str, known: MergeField, spec: FieldSpec) -> Outcome:
        """What is there is kept; options that it lacks, and the mark of a unique field, are added."""
        if _KINDS.get(known.type, "text") != spec.type or known.type == "address":
            reason = f"The audience has a merge field {spec.name} of another type ({known.type})."
            return Rejected("different_type", reason, spec.name)
        body: dict[str, Any] = {"name": known.name}  # wanted with every change, though nothing changes it
        lacking = [option.value for option in spec.options if option.value not in known.options.choices]
        if lacking:
            body["options"] = {"choices": [*known.options.choices, *lacking]}
        if spec.unique and known.help_text != _MARK:
            body["help_text"] = _MARK
        if len(body) == 1:
            return Written(spec.name, {})
        path = wire.path("lists", list_id, "merge-fields", str(known.merge_id))
        call = Call("PATCH", path, "merge-fields/update", body=body, writes=True)
        return self._sent(list_id, call, spec.name, created=False)

    def _sent(self, list_id: str, call: Call, name: str, *, created: bool) -> Outcome:
        try:
            self._client.fetch(call, wire.merge_field)
        except UnknownOutcomeError as lost:
            return Unknown(str(lost))
        except RefusedError as refused:
            outcome = outcome_of(refused.problem, refused.status or 0)
            if not isinstance(outcome, Missing):
                return outcome
            return Rejected("no_audience", f'Mailchimp has no audience with the id "{list_id}".')
        self._fields.read(list_id)
        return Written(name, {}, created=created)


def _objection(spec: FieldSpec) -> Rejected | None:
    """Why Mailchimp could not have such a field."""
    if not _TAG.fullmatch(spec.name):
        reason = f'"{spec.name}" is no merge tag: it has one to ten capital letters, digits and underscores.'
        return Rejected("invalid_name", reason, spec.name)
    if spec.type not in _MADE:
        reason = "Mailchimp has merge fields for texts, numbers, dates and one of several choices only."
        return Rejected("no_such_type", reason, spec.name)
    if spec.type == "choice" and not spec.options:
        return Rejected("no_options", "A choice needs its options when it is made.", spec.name)
    return None


def _fields_of(object: str, field: MergeField) -> list[SystemField]:
    """A merge field as the contract describes it; an address is read only, as a whole and in its parts."""
    if field.type == "address":
        parts = [
            SystemField(object, f"{field.tag}.{part}", f"{field.name}: {part}", "text", read_only=True)
            for part in _ADDRESS_PARTS
        ]
        return [SystemField(object, field.tag, field.name, "text", read_only=True), *parts]
    is_choice = field.type in ("radio", "dropdown")
    return [
        SystemField(
            object,
            field.tag,
            field.name,
            _KINDS.get(field.type, "text"),
            required=field.required,
            unique=field.help_text == _MARK,
            options=_options(field.options.choices) if is_choice else None,
        )
    ]


def _kept(object: str, stage_tags: Sequence[str]) -> list[SystemField]:
    """What Mailchimp keeps of every member."""

    def told(name: str, label: str, type: _Kind) -> SystemField:
        return SystemField(object, name, label, type, read_only=True)

    found = [
        SystemField(object, values.EMAIL, "E-mail address", "text", required=True, unique=True),
        SystemField(object, values.UNSUBSCRIBED, "Has unsubscribed", "boolean"),
        SystemField(object, "language", "Language", "text"),
        SystemField(object, "vip", "VIP", "boolean"),
        SystemField(object, "email_type", "Kind of e-mail", "choice", options=_options(("html", "text"))),
        SystemField(object, "status", "Status", "choice", read_only=True, options=_options(_STATUSES)),
        told("member_rating", "Rating by Mailchimp", "number"),
        told("source", "Source", "text"),
        told("unsubscribe_reason", "Why unsubscribed", "text"),
        told("timestamp_signup", "Signed up", "instant"),
        told("timestamp_opt", "Opted in", "instant"),
        told("last_changed", "Last changed", "instant"),
        told(values.TAGS, "Tags", "choices"),
    ]
    if stage_tags:
        found.append(SystemField(object, values.STAGE_TAG, "Step (tag)", "choice", options=_options(stage_tags)))
    return found


def _options(choices: Sequence[str]) -> tuple[Option, ...]:
    return tuple(Option(choice, choice) for choice in choices)
