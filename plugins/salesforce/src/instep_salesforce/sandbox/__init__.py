"""A stateful imitation of Salesforce's HTTP API on loopback, which the real client library talks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from instep.sandbox import Clock, Personality, Sandbox, SystemClock, serving
from instep_salesforce.sandbox.character import SalesforcePersonality
from instep_salesforce.sandbox.controls import OrgControls
from instep_salesforce.sandbox.conversion import Converted
from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.service import SalesforceService
from instep_salesforce.sandbox.tokens import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    REFRESH_TOKEN,
    STATIC_TOKEN,
    USERNAME,
    private_key,
)
from instep_salesforce.sandbox.world import SalesforceWorld

if TYPE_CHECKING:
    from instep_salesforce.sandbox.demo import SalesforceDemo

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "PASSWORD",
    "REFRESH_TOKEN",
    "STATIC_TOKEN",
    "USERNAME",
    "Converted",
    "RefusedError",
    "SalesforcePersonality",
    "SalesforceSandbox",
    "SalesforceWorld",
    "private_key",
    "salesforce_sandbox",
]


class SalesforceSandbox(Sandbox[SalesforceWorld]):
    """A running Salesforce org, which can take part in the demo."""

    @cached_property
    def demo(self) -> SalesforceDemo:
        """The demo company's colleagues."""
        from instep_salesforce.sandbox.demo import SalesforceDemo

        return SalesforceDemo(self.world, self.settings)


@contextmanager
def salesforce_sandbox(
    *, clock: Clock | None = None, personality: Personality | None = None, port: int = 0, seed: int = 0
) -> Iterator[SalesforceSandbox]:
    """A Salesforce org that lives as long as the context; the same `seed` gives the same ids."""
    clock = clock or SystemClock()
    org = Org(clock, personality or SalesforcePersonality(), seed)
    with serving(SalesforceService(org), org, OrgControls(org), port=port, seed=seed) as server:
        org.base_url = server.url
        yield SalesforceSandbox(
            server,
            org,
            settings={"instance_url": server.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
            world=SalesforceWorld(org),
        )
