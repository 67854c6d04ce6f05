"""Workspaces as the measurements need them: sync.toml, a process, and a mapping for each connection."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from instep.mapping.compiled import Workspace
from instep.mapping.load import load_workspace
from instep.sandbox import VirtualClock
from instep.sync.transport import World

PROCESS = 'preset = "b2b-11"\n'
UNHURRIED = {"calls_per_10_seconds": 100_000_000, "search_calls_per_second": 100_000_000}
"""Settings under which nothing waits: what is measured is work, and calls are counted, not timed."""
AT_HUBSPOTS_PACE = timedelta(seconds=10) / 190
"""What a call takes where 190 are allowed in ten seconds."""
AT_ONCE = timedelta(0)


def write_workspace(
    root: Path,
    connections: Mapping[str, Mapping[str, Any]],
    mapping: str | Mapping[str, str],
    process: str = PROCESS,
) -> Workspace:
    """Write the files of a workspace, and load it: without guards, since all of a measurement changes at once.

    A connection is its table in sync.toml, `plugin` included. Of a single mapping, every connection has the same.
    """
    (root / "mappings").mkdir(parents=True, exist_ok=True)
    (root / "sync.toml").write_text(
        "[guards]\nenabled = false\n" + "\n".join(_table(name, table) for name, table in connections.items())
    )
    (root / "mappings" / "process.toml").write_text(process)
    for name in connections:
        (root / "mappings" / f"{name}.toml").write_text(mapping if isinstance(mapping, str) else mapping[name])
    return load_workspace(root)


def join_crms(root: Path, hubspot: Mapping[str, Any], salesforce: Mapping[str, Any]) -> Workspace:
    """A workspace of an account and an org with these settings, by the starter mappings."""
    from instep_salesforce import salesforce as connector

    tables = {"hubspot": {"plugin": "hubspot", **hubspot}, "salesforce": {"plugin": "salesforce", **salesforce}}
    return write_workspace(root, tables, {"hubspot": hubspot_mapping(), "salesforce": connector.starter_mapping})


def _table(name: str, settings: Mapping[str, Any]) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join([f"[connections.{name}]", *lines, ""])


def hubspot_mapping(*without: str) -> str:
    """HubSpot's starter mapping, without some of its tables."""
    from instep_hubspot import hubspot

    text = hubspot.starter_mapping
    for table in without:
        text = re.sub(rf"^\[{re.escape(table)}\]\n(?:(?!\[).*\n)*", "", text, flags=re.M)
    return text


class Pace:
    """The time in a measurement. It moves when it is told to, and by what each call takes.

    At HubSpot's pace a first load of many records takes as long, by this clock, as it would take out there: what was
    read can grow old before it is written.
    """

    def __init__(self, start: datetime | None = None, call: timedelta = AT_HUBSPOTS_PACE) -> None:
        self._clock = VirtualClock(start)
        self._call = call

    def now(self) -> datetime:
        return self._clock.now()

    def advance(self, by: timedelta) -> None:
        self._clock.advance(by)

    def world(self, **more: Any) -> World:
        """The effects of a run that lives by this clock."""
        return World(
            clock=self.now,
            sleep=lambda seconds: self.advance(timedelta(seconds=seconds)),
            random=random.Random(11),
            boundary=self._boundary,
            **more,
        )

    def _boundary(self, label: str) -> None:
        if label.endswith(", answered"):
            self.advance(self._call)


def contact(number: int) -> dict[str, str]:
    """A contact as HubSpot would hold it."""
    stages = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
    return {
        "email": f"person{number}@firm{number % 997}.example",
        "firstname": f"First{number % 4001}",
        "lastname": f"Last{number}",
        "phone": f"+49 30 {number:07d}",
        "jobtitle": f"Head of Department {number % 89}",
        "lifecyclestage": stages[number % len(stages)],
    }
