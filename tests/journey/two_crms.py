"""A workspace with HubSpot and Salesforce, both as they come, and the hands of people who work in each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hubspot import HubSpot
from simple_salesforce.api import Salesforce

from instep.mapping.load import load_workspace
from instep.sandbox import VirtualClock
from instep.sync.doctor import create_fields
from instep.sync.run import Outcome, sync
from instep.sync.session import identify, open_session
from instep.sync.transport import World
from instep_hubspot import hubspot
from instep_hubspot.sandbox import hubspot_sandbox
from instep_salesforce import salesforce
from instep_salesforce.sandbox import salesforce_sandbox
from instep_salesforce.sandbox.library import library

TEAM = """
[[people]]
key = "ada"
name = "Ada Lind"
email = "ada@ourselves.example"
roles = ["sales"]
[[people]]
key = "ben"
name = "Ben Roth"
email = "ben@ourselves.example"
roles = ["sales"]
"""


@dataclass
class TwoCrms:
    """Both systems, in step with each other whenever `sync` has run. People act through the vendors' own clients."""

    root: Path
    clock: VirtualClock
    portal: Any
    org: Any
    sf: Salesforce
    hs: HubSpot

    def sync(self) -> Outcome:
        """Let some time pass, run, and let some more pass."""
        self.clock.advance(timedelta(minutes=15))
        for sandbox in (self.portal, self.org):
            sandbox.log.clear()
        outcome = sync(
            load_workspace(self.root), World(clock=self.clock.now, sleep=self.clock.sleep), first_run="apply"
        )
        assert outcome.unaccounted == 0, outcome.account
        self.clock.advance(timedelta(minutes=1))
        return outcome

    def writes(self) -> tuple[int, int]:
        """How many requests of the last run could change something: in HubSpot, in Salesforce."""
        return len(self.portal.log.writes()), len(self.org.log.writes())

    # --- Salesforce ---

    def find(self, object: str, fields: str, where: str) -> list[dict[str, Any]]:
        """Live records, without what every answer carries."""
        found = self.sf.query_all(f"SELECT {fields} FROM {object} WHERE {where}")["records"]
        return [{k: v for k, v in record.items() if k != "attributes"} for record in found]

    def one(self, object: str, fields: str, where: str) -> dict[str, Any]:
        found = self.find(object, fields, where)
        assert len(found) == 1, found
        return found[0]

    # --- HubSpot ---

    def contact(self, email: str, *names: str) -> dict[str, Any]:
        properties = self.hs.crm.contacts.basic_api.get_by_id(
            email, id_property="email", properties=[*names, "instep_id"]
        )
        return {"id": properties.id, **properties.properties}

    def edit_contact(self, email: str, **values: str) -> None:
        from hubspot.crm.contacts import SimplePublicObjectInput

        body = SimplePublicObjectInput(properties=values)
        self.hs.crm.contacts.basic_api.update(email, body, id_property="email")

    def add_contact(self, **values: str) -> str:
        from hubspot.crm.contacts import SimplePublicObjectInputForCreate

        body = SimplePublicObjectInputForCreate(properties=values, associations=[])
        return str(self.hs.crm.contacts.basic_api.create(body).id)

    def portal_owners(self) -> list[Any]:
        api = self.hs.crm.owners.owners_api
        try:
            return list(api.get_page(limit=100).results)
        finally:
            api.api_client.rest_client.pool_manager.clear()
            api.api_client.close()

    def contacts(self, *names: str) -> list[dict[str, Any]]:
        return [dict(record.properties) for record in self.hs.crm.contacts.get_all(properties=list(names))]


@contextmanager
def two_crms(root: Path) -> Iterator[TwoCrms]:
    """Both systems with Ada and Ben in them, and the fields that Instep keeps for itself."""
    clock = VirtualClock()
    with hubspot_sandbox(clock=clock) as portal, salesforce_sandbox(clock=clock) as org, library(org.settings) as sf:
        for name in ("Ada Lind", "Ben Roth"):
            first, last = name.split()
            portal.world.add_owner(f"{first.lower()}@ourselves.example", first, last)
            org.world.add_user(name, f"{first.lower()}@ourselves.example")
        _write_files(root, {"hubspot": portal.settings, "salesforce": org.settings})
        workspace = load_workspace(root)
        with open_session(workspace, World(clock=clock.now, sleep=clock.sleep)) as session:
            identify(session)
            for live in session.connections.values():
                assert all(finding.ok for finding in create_fields(session, live))
        hs = HubSpot(access_token=portal.settings["access_token"], host=portal.url)
        try:
            yield TwoCrms(root, clock, portal, org, sf, hs)
        finally:
            for api in (hs.crm.contacts, hs.crm.deals, hs.crm.companies):
                api.basic_api.api_client.rest_client.pool_manager.clear()
                api.basic_api.api_client.close()


def _write_files(root: Path, settings: dict[str, dict[str, Any]]) -> None:
    (root / "mappings").mkdir(parents=True)
    tables = [
        f'[connections.{name}]\nplugin = "{name}"\n' + "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items())
        for name, table in settings.items()
    ]
    (root / "sync.toml").write_text("\n".join(tables))
    (root / "mappings" / "process.toml").write_text('preset = "b2b-11"\n')
    (root / "mappings" / "team.toml").write_text(TEAM)
    (root / "mappings" / "hubspot.toml").write_text(hubspot.starter_mapping)
    (root / "mappings" / "salesforce.toml").write_text(salesforce.starter_mapping)
