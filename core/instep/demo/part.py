"""A part of the demo: a folder, running systems, a clock that nothing waits for, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from instep.demo.exports import FOLDER, read_exports
from instep.demo.hands import AnySandbox, CampaignSandbox, DemoSandbox, Held
from instep.demo.place import campaign_tools, connectors, no_real_logins
from instep.demo.scene import Scene
from instep.demo.show import Teller
from instep.mapping.compiled import Workspace
from instep.plugins import find_plugin
from instep.sandbox import VirtualClock
from instep.sync.run import Outcome, sync
from instep.sync.transport import World

Meddle = Callable[[dict[str, Any]], None]
"""Is given the running sandboxes by name."""


@dataclass(slots=True, kw_only=True)
class Part:
    """What the steps of a part share."""

    folder: Path
    scene: Scene
    clock: VirtualClock
    sandboxes: dict[str, DemoSandbox]
    teller: Teller
    workspace: Workspace
    tools: dict[str, CampaignSandbox] = field(default_factory=dict)
    """The campaign tools that take part beside `sandboxes`."""
    told: set[str] = field(default_factory=set)
    """Notes of runs that were shown before."""
    wrong: list[str] = field(default_factory=list)
    """What did not come out as promised."""

    @property
    def world(self) -> World:
        """A clock that the story moves, so that a day passes between two runs and nothing waits."""
        return World(clock=self.clock.now, sleep=self.clock.sleep)

    @property
    def exit_code(self) -> int:
        return 1 if self.wrong else 0

    @property
    def running(self) -> dict[str, AnySandbox]:
        """Everything that runs."""
        return {**self.sandboxes, **self.tools}

    def held(self) -> dict[str, Iterable[Held]]:
        """Every record of every connection, read past Instep."""
        systems = {name: sandbox.demo.read_back() for name, sandbox in self.running.items()}
        return {FOLDER: read_exports(self.folder / FOLDER), **systems}

    def expect(self, holds: bool, text: str) -> None:
        """Say what came out; keep it if it is wrong."""
        if holds:
            self.teller.good(text)
        else:
            self.teller.bad(text)
            self.wrong.append(text)

    def expect_nothing(self) -> None:
        """Whether a run after this one has nothing to do."""
        self.expect((count := written(self.sync())) == 0, f"And again: {count} written")

    def create_fields(self) -> None:
        """What `instep doctor --create-fields` does, for every connection."""
        from instep.sync.doctor import create_fields
        from instep.sync.session import identify, open_session

        with open_session(self.workspace, self.world) as session:
            identify(session)
            for live in session.connections.values():
                create_fields(session, live)

    def sync(self, first_run: str = "plan") -> Outcome:
        """Sync, some minutes later."""
        self.clock.advance(timedelta(minutes=10))
        return sync(self.workspace, self.world, first_run=first_run)


@contextmanager
def systems(clock: VirtualClock) -> Iterator[dict[str, DemoSandbox]]:
    """The example's systems that know deals, each as a sandbox; no real login is in reach meanwhile."""
    with _running(clock, lambda name: name not in campaign_tools()) as running:
        yield running


@contextmanager
def campaign_systems(clock: VirtualClock) -> Iterator[dict[str, CampaignSandbox]]:
    """The example's campaign tools, likewise."""
    with _running(clock, lambda name: name in campaign_tools()) as running:
        yield running


@contextmanager
def _running(clock: VirtualClock, takes_part: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    plugins = connectors()
    with ExitStack() as stack:
        stack.enter_context(no_real_logins(plugins))
        names = [name for name in plugins if name != FOLDER and takes_part(name)]
        yield {name: stack.enter_context(_sandbox(plugins[name])(clock=clock)) for name in names}


def _sandbox(plugin: str) -> Any:
    module, attribute = find_plugin(plugin).sandbox.split(":")
    return getattr(import_module(module), attribute)


def written(outcome: Outcome) -> int:
    """How much a run wrote."""
    return sum(sum(acts.values()) for account in outcome.account.values() for acts in account["written"].values())
