"""Sandboxes in processes of their own, so that what they cost is not counted as the engine's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

OWN_PROPERTIES = (
    {"name": "instep_id", "hasUniqueValue": True},
    {"name": "instep_stage"},
    {"name": "instep_score", "type": "number"},
)
OBJECTS = ("contacts", "companies", "deals")


@dataclass(frozen=True, slots=True)
class Portal:
    """An account or org in another process. `settings` is what its connection needs in sync.toml."""

    settings: Mapping[str, Any]
    _wire: Connection

    def load(self, object: str, records: Sequence[Mapping[str, str]]) -> list[str]:
        """Put many records in at once; gives their ids."""
        return list(self._ask("load", object, records))

    def edit(self, object: str, ids: Sequence[str], **values: str) -> None:
        """A colleague changes some records, each in the same way."""
        self._ask("edit", object, ids, values)

    def associate(self, pairs: Sequence[tuple[str, str]]) -> None:
        """A colleague ties contacts to companies."""
        self._ask("associate", pairs)

    def advance(self, by: timedelta) -> None:
        """Let time pass there."""
        self._ask("advance", by)

    def count(self, object: str) -> int:
        """How many live records there are."""
        return int(self._ask("count", object))

    def calls(self) -> list[str]:
        """The labels of all calls since the last time this was asked."""
        return list(self._ask("calls"))

    def _ask(self, *request: Any) -> Any:
        self._wire.send(request)
        return self._wire.recv()


@contextmanager
def portals(count: int) -> Iterator[list[Portal]]:
    """So many empty accounts, which have the properties that Instep needs."""
    with ExitStack() as stack:
        yield [stack.enter_context(_portal(8_675_309 + number)) for number in range(count)]


@contextmanager
def salesforce_org() -> Iterator[Portal]:
    """An empty Salesforce org, which has the fields that Instep needs."""
    with _apart(serve_salesforce, True) as org:
        yield org


@contextmanager
def empty_systems() -> Iterator[dict[str, Portal]]:
    """An account and an org in which nobody made anything."""
    with _apart(serve, 8_675_309, False) as hubspot, _apart(serve_salesforce, False) as salesforce:
        yield {"hubspot": hubspot, "salesforce": salesforce}


@contextmanager
def _portal(portal_id: int) -> Iterator[Portal]:
    with _apart(serve, portal_id, True) as portal:
        yield portal


@contextmanager
def _apart(serving: Callable[..., None], *given: Any) -> Iterator[Portal]:
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    process = spawning.Process(target=serving, args=(*given, there), daemon=True)
    process.start()
    there.close()
    try:
        yield Portal(here.recv(), here)
    finally:
        here.close()
        process.join(30)


def serve(portal_id: int, has_fields: bool, wire: Connection) -> None:
    """Run one account until the other side hangs up, with Instep's own properties or without."""
    from instep.sandbox import VirtualClock
    from instep_hubspot.sandbox import hubspot_sandbox

    with hubspot_sandbox(clock=VirtualClock(), portal_id=portal_id) as sandbox:
        if has_fields:
            add_own_properties(sandbox.world)
        _serve(sandbox, wire)


def serve_salesforce(has_fields: bool, wire: Connection) -> None:
    """Run one org until the other side hangs up, with Instep's own fields or without."""
    from instep.sandbox import VirtualClock
    from instep_salesforce.sandbox import salesforce_sandbox

    with salesforce_sandbox(clock=VirtualClock()) as sandbox:
        if has_fields:
            add_own_fields(sandbox.world)
        _serve(sandbox, wire)


def add_own_properties(world: Any) -> None:
    """Make Instep's own properties in an account."""
    for name in OBJECTS:
        for definition in OWN_PROPERTIES:
            world.add_property(name, definition)


def add_own_fields(world: Any) -> None:
    """Make Instep's own fields in an org."""
    for object in ("Lead", "Contact", "Account", "Opportunity"):
        world.add_field(object, "Instep_Id__c", "Text", length=64, unique=True, externalId=True)
        world.add_field(object, "Instep_Stage__c", "Text", length=64)
        world.add_field(object, "Instep_Score__c", "Number", precision=6, scale=0)


def _serve(sandbox: Any, wire: Connection) -> None:
    wire.send(dict(sandbox.settings))
    while True:
        try:
            request = wire.recv()
        except EOFError:
            return
        wire.send(_answer(sandbox, *request))


def _answer(sandbox: Any, verb: str, *given: Any) -> Any:
    match verb:
        case "load":
            return sandbox.world.load(*given)
        case "edit":
            object, ids, values = given
            for id in ids:
                sandbox.world.edit(object, id, **values)
        case "associate":
            for contact, company in given[0]:
                sandbox.world.associate("contacts", contact, "companies", company, 1)
        case "advance":
            sandbox.clock.advance(*given)
        case "count":
            return len(sandbox.world.all(*given))
        case "calls":
            labels = [call.label for call in sandbox.log.calls()]
            sandbox.log.clear()
            return labels
    return None
