"""What a distribution brings: its connectors, and the hooks by which it takes part."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import pluggy

from instep.contract.connection import Connection
from instep.contract.effects import Effects
from instep.contract.setup import FieldSpec
from instep.contract.stages import Pipeline, StageChange
from instep.settings import ConnectorSettings

CONTRACT = 1
"""The version of this contract. A plugin states the literal number it was written for."""

hookspec = pluggy.HookspecMarker("instep")
hookimpl = pluggy.HookimplMarker("instep")

S = TypeVar("S", bound=ConnectorSettings)


@dataclass(frozen=True, slots=True)
class Starter:
    """What `init` writes for a connection: more lines for its table in `sync.toml`, and its mapping file."""

    settings: str
    mapping: str


@dataclass(frozen=True, slots=True)
class ConnectorPlugin(Generic[S]):
    """A connector: what `sync.toml` names, how it is set up, and how it is imitated."""

    name: str
    settings: type[S]
    connect: Callable[[S, Effects], Connection]
    starter_mapping: str
    sandbox: str
    contract: int
    summary: str = ""
    look: Callable[[S], Starter] | None = None
    """Look at what is there (the files of a folder) and propose settings and a mapping. Sends no request."""


@dataclass(frozen=True, slots=True)
class ProposedConfiguration:
    """What would be done to one system's stages and fields: `there` is what it has now, `moved` counts records."""

    connection: str
    there: tuple[Pipeline, ...]
    changes: tuple[StageChange | FieldSpec, ...]
    moved: int = 0


@dataclass(frozen=True, slots=True)
class Advice:
    """What a validator says of a configuration. What is "wrong" keeps it from being applied."""

    code: str
    what: str
    remedy: str
    level: Literal["warning", "wrong"] = "warning"


Validator = Callable[[ProposedConfiguration], Iterable[Advice]]


class Hooks:
    """The hooks that a plugin may implement. `docs/reference/contract.md` describes each."""

    @hookspec
    def instep_connectors(self) -> list[ConnectorPlugin[Any]]:  # type: ignore[empty-body]
        """Return the connectors that this distribution brings."""

    @hookspec
    def instep_plan_ready(self, plan: Any) -> None:
        """Look at a plan before anything is written. Raise `PlanError` to stop it."""

    @hookspec
    def instep_validators(self) -> list[Validator]:  # type: ignore[empty-body]
        """Return what is to be asked about every configuration before it is applied, in any system."""

    @hookspec
    def instep_plan_applied(self, report: Any) -> None:
        """Hear what a run did, after its last write."""
