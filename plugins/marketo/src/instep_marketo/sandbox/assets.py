"""Programs, lists, campaigns and forms, as the subscription holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Member:
    """A lead in a program."""

    status: str
    since: datetime
    updated: datetime
    success: bool = False
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Program:
    """A program, the channel that it has for good, and its members."""

    id: int
    name: str
    channel: str
    made: datetime
    updated: datetime
    type: str = "Default"
    description: str = ""
    folder: int = 1
    tags: list[dict[str, Any]] = field(default_factory=list)
    costs: list[dict[str, Any]] = field(default_factory=list)
    members: dict[int, Member] = field(default_factory=dict)


@dataclass(slots=True)
class StaticList:
    """A static list, and when each lead on it was added."""

    id: int
    name: str
    made: datetime
    description: str = ""
    program: int | None = None
    leads: dict[int, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Campaign:
    """A smart campaign; `flow` is what it does with a lead. A batch campaign does it with the leads of a list."""

    id: int
    name: str
    flow: Callable[[str], None]
    made: datetime
    active: bool = True
    requestable: bool = True
    list: int | None = None
    program: int | None = None
    leads: dict[int, datetime] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """`trigger` or `batch`."""
        return "trigger" if self.list is None else "batch"


@dataclass(frozen=True, slots=True)
class Form:
    """An approved form: its program, and the fields of leads that it asks for."""

    id: int
    name: str
    fields: tuple[str, ...]
    program: int | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a kind of custom activity says."""

    api_name: str
    name: str
    type: str = "string"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a kind of custom activity."""

    name: str
    trigger: str
    filter: str
    primary: Attribute
    description: str = ""
    attributes: tuple[Attribute, ...] = ()


@dataclass(slots=True)
class CustomType:
    """A kind of custom activity: what is approved, and what is only a draft."""

    id: int
    api_name: str
    made: datetime
    draft: Definition | None
    approved: Definition | None = None

    @property
    def status(self) -> str:
        """As Marketo spells it."""
        if self.approved is None:
            return "draft"
        return "approved" if self.draft is None else "approved with draft"
