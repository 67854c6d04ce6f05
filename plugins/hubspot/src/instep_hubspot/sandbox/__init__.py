"""A stateful imitation of HubSpot's HTTP API on loopback, which the real client library talks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from instep.sandbox import Clock, Personality, Sandbox, SystemClock, serving
from instep_hubspot.sandbox.accounts import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, STATIC_TOKEN
from instep_hubspot.sandbox.character import HubSpotPersonality
from instep_hubspot.sandbox.controls import PortalControls
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.service import HubSpotService
from instep_hubspot.sandbox.world import HubSpotWorld

if TYPE_CHECKING:
    from instep_hubspot.sandbox.demo import HubSpotDemo

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "REFRESH_TOKEN",
    "STATIC_TOKEN",
    "HubSpotPersonality",
    "HubSpotSandbox",
    "HubSpotWorld",
    "hubspot_sandbox",
]

PORTAL_ID = 8_675_309


class HubSpotSandbox(Sandbox[HubSpotWorld]):
    """A running HubSpot account, which can take part in the demo."""

    @cached_property
    def demo(self) -> HubSpotDemo:
        """The demo company's colleagues."""
        from instep_hubspot.sandbox.demo import HubSpotDemo

        return HubSpotDemo(self.world, self.url, STATIC_TOKEN)


@contextmanager
def hubspot_sandbox(
    *,
    clock: Clock | None = None,
    personality: Personality | None = None,
    port: int = 0,
    seed: int = 0,
    portal_id: int = PORTAL_ID,
) -> Iterator[HubSpotSandbox]:
    """A HubSpot account that lives as long as the context; the same `seed` gives the same ids."""
    clock = clock or SystemClock()
    portal = Portal(clock, personality or HubSpotPersonality(), portal_id, seed)
    with serving(HubSpotService(portal), portal, PortalControls(portal), port=port, seed=seed) as server:
        portal.base_url = server.url
        yield HubSpotSandbox(
            server,
            portal,
            settings={"access_token": STATIC_TOKEN, "base_url": server.url},
            world=HubSpotWorld(portal),
        )
