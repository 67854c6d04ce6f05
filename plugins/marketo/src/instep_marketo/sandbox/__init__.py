"""A stateful imitation of Marketo Engage's HTTP API on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from instep.sandbox import Clock, Personality, Sandbox, SystemClock, serving
from instep_marketo.sandbox.character import MarketoPersonality
from instep_marketo.sandbox.controls import SubscriptionControls
from instep_marketo.sandbox.logins import CLIENT_ID, CLIENT_SECRET
from instep_marketo.sandbox.service import MarketoService
from instep_marketo.sandbox.subscription import Subscription
from instep_marketo.sandbox.world import MarketoWorld

if TYPE_CHECKING:
    from instep_marketo.sandbox.demo import MarketoDemo

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "MarketoPersonality",
    "MarketoSandbox",
    "MarketoWorld",
    "marketo_sandbox",
]

MUNCHKIN_ID = "123-ABC-456"
AT_ONCE = MarketoPersonality(export_seconds=0.0, import_seconds=0.0)


class MarketoSandbox(Sandbox[MarketoWorld]):
    """A running subscription, which can take part in the demo."""

    @cached_property
    def demo(self) -> MarketoDemo:
        """The demo company's marketing."""
        from instep_marketo.sandbox.demo import MarketoDemo

        return MarketoDemo(self.world, self.url, (CLIENT_ID, CLIENT_SECRET))


@contextmanager
def marketo_sandbox(
    *,
    clock: Clock | None = None,
    personality: Personality | None = None,
    port: int = 0,
    seed: int = 0,
    munchkin_id: str = MUNCHKIN_ID,
) -> Iterator[MarketoSandbox]:
    """A Marketo subscription with one program, one static list and a field for the buying stage.

    It lives as long as the context; the same `seed` gives the same ids. By this machine's own clock, extracts and
    imports are done at once, unless `personality` says otherwise: whoever tries it has no minutes to wait.
    """
    character = personality or (MarketoPersonality() if clock else AT_ONCE)
    subscription = Subscription(clock or SystemClock(), character, munchkin_id, seed)
    world = MarketoWorld(subscription)
    program, static_list = world.furnish()
    with serving(
        MarketoService(subscription), subscription, SubscriptionControls(subscription), port=port, seed=seed
    ) as server:
        yield MarketoSandbox(
            server,
            subscription,
            settings={
                "munchkin_id": munchkin_id,
                "base_url": server.url,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "first_lead_created": subscription.born.date().isoformat(),
                "programs": [program],
                "lists": [static_list],
            },
            world=world,
        )
