"""What buyers did: forms they sent and events they caused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Form:
    """A form that people can fill in."""

    id: str
    name: str
    fields: tuple[str, ...]
    created: int


@dataclass(frozen=True, slots=True)
class Submission:
    """One filled-in form."""

    id: str
    at: int
    values: tuple[tuple[str, str], ...]
    page: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a record, by HubSpot's name for it."""

    id: str
    kind: str
    object_type: str
    object_id: str
    at: int
    properties: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self, when: str) -> dict[str, object]:
        """The event as the API shows it."""
        return {
            "id": self.id,
            "eventType": self.kind,
            "objectType": self.object_type,
            "objectId": self.object_id,
            "occurredAt": when,
            "properties": dict(self.properties),
        }


class Happenings:
    """All forms, submissions and events of an account."""

    def __init__(self) -> None:
        self.forms: dict[str, Form] = {}
        self.submissions: dict[str, list[Submission]] = {}
        self.events: dict[str, Event] = {}

    def form(self, word: str) -> Form | None:
        """A form by its id or name."""
        return self.forms.get(word) or next((f for f in self.forms.values() if f.name == word), None)

    def newest_first(self, form: str) -> list[Submission]:
        """The submissions of a form, newest first."""
        return sorted(self.submissions.get(form, []), key=lambda item: -item.at)
