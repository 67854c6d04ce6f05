"""Provisioning: API calls against the floor, and the time that a plan of many pipelines takes."""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.floor import AccountSetup, OrgSetup, formula
from bench.portals import Portal, empty_systems
from bench.report import Row
from bench.workspaces import AT_ONCE, UNHURRIED, Pace, write_workspace
from instep.contract import Pipeline, StageLimits
from instep.mapping.compiled import Workspace
from instep.provision.diff import Wanted, compare
from instep.provision.forecast import forecast
from instep.provision.found import Found
from instep.provision.plan import ids_of, system_plan
from instep.provision.run import apply_configuration, plan_configuration

NEAR_THE_FLOOR = 1.1
PROVISIONED = 1.25
WORKED_OUT = {"nothing is there": 150, "nothing to do": 60}
EXAMPLE = Path(__file__).parents[1] / "mappings"
"""The example of the repository: eleven stages, a twelfth in one of three segments, a pipeline for each."""
HUBSPOT_FIELDS = {"contacts": 3, "companies": 1, "deals": 3}
SALESFORCE_FIELDS = 10
LISTS = 2
"""Pipelines of deals and lifecycle stages of contacts; stages of opportunities and statuses of leads."""
SEGMENTS = 3
ACCOUNT_TAKES = 14
"""Pipelines of deals that a HubSpot account takes beside its own, as the sandbox has it."""
DEALS = StageLimits(
    "deals",
    "dealstage",
    makes_pipelines=True,
    has_outcomes=True,
    probability_step=0.1,
    lowest_open=0.1,
    highest_open=0.9,
)
OPPORTUNITIES = StageLimits(
    "Opportunity",
    "StageName",
    shared_list="StageName",
    makes_pipelines=True,
    ids_are_labels=True,
    has_outcomes=True,
    keeps_retired=True,
)
_decode = msgspec.json.Decoder().decode


def measure(*, pipelines: int = 50, stages: int = 12, rounds: int = 5) -> Iterator[Row]:
    """Calls of the example in an empty account and an empty org; then the time of plans with many pipelines."""
    yield from _calls()
    yield from _planned(pipelines, stages, rounds)
    yield _read(min(pipelines, ACCOUNT_TAKES), stages, rounds)


# --- calls ---------------------------------------------------------------------------------------------------------


def _calls() -> Iterator[Row]:
    """Everything is made, and then nothing is left to do."""
    with _systems() as (systems, workspace, pace):
        made = _counted(systems, lambda: _apply(workspace(), pace))
        nothing = _counted(systems, lambda: _require_empty(workspace(), pace))
    account = AccountSetup(LISTS, HUBSPOT_FIELDS, SEGMENTS)
    org = OrgSetup(LISTS, fields=SALESFORCE_FIELDS, edited=1, pipelines=SEGMENTS)
    size = f"{SEGMENTS} pipelines"
    yield _row("provision an empty account", f"{size}, 7 fields", made["hubspot"], account, PROVISIONED)
    yield _row("provision an empty org", f"{size}, 10 fields", made["salesforce"], org, PROVISIONED)
    yield _row("plan without change, HubSpot", size, nothing["hubspot"], AccountSetup(LISTS), NEAR_THE_FLOOR)
    types = OrgSetup(LISTS, types=SEGMENTS)
    yield _row("plan without change, Salesforce", size, nothing["salesforce"], types, NEAR_THE_FLOOR)


@contextmanager
def _systems() -> Iterator[tuple[dict[str, Portal], Callable[[], Workspace], Pace]]:
    """Empty systems, and the example's workspace, which is loaded anew for each command."""
    names = ("hubspot", "salesforce")
    process = (EXAMPLE / "process.toml").read_text()
    mappings = {name: (EXAMPLE / f"{name}.toml").read_text() for name in names}
    with empty_systems() as systems, tempfile.TemporaryDirectory() as root:
        tables = {name: {"plugin": name, **systems[name].settings} for name in names}
        yield systems, lambda: write_workspace(Path(root), tables, mappings, process), Pace(call=AT_ONCE)


def _counted(systems: dict[str, Portal], command: Callable[[], None]) -> dict[str, int]:
    """How many calls a command makes to each system."""
    for portal in systems.values():
        portal.calls()
    command()
    return {name: len(portal.calls()) for name, portal in systems.items()}


def _apply(workspace: Workspace, pace: Pace) -> None:
    report = apply_configuration(workspace, pace.world(), past_guards=True)
    if report.exit_code or not report.done:
        raise RuntimeError(f"{report.count('applied')} of {len(report.done)} steps were applied: no figure.")


def _require_empty(workspace: Workspace, pace: Pace) -> None:
    plan = plan_configuration(workspace, pace.world())
    if not plan.is_empty:
        raise RuntimeError("Something is left to do after an apply: the figures would mean nothing.")


def _row(what: str, size: str, made: int, least: AccountSetup | OrgSetup, goal: float) -> Row:
    return Row(f"calls: {what}", size, made, "calls", "floor", least.calls, goal, formula(least))


# --- time ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Many:
    """Many wanted pipelines, what holds none of them, and what holds all."""

    wanted: Wanted
    empty: Found
    full: Found

    @property
    def managed(self) -> Wanted:
        """The same once the ids are known."""
        ids = ids_of(compare(self.wanted, self.full))
        return replace(self.wanted, configuration=replace(self.wanted.configuration, ids=ids))

    @property
    def answer(self) -> bytes:
        """What a system would answer that holds them all."""
        return msgspec.json.encode(self.full.pipelines)


def _planned(pipelines: int, stages: int, rounds: int) -> Iterator[Row]:
    """Plans in memory, beside decoding the answer that they are made from, and nothing else."""
    systems = (("hubspot", "own stages", stages + 8, DEALS), ("salesforce", "shared", pipelines * 4, OPPORTUNITIES))
    for plugin, what, words, limits in systems:
        with tempfile.TemporaryDirectory() as root:
            many = _many(_workspace(Path(root), plugin, {}, pipelines, stages, words), limits)
        managed, answer = many.managed, many.answer
        bare = _least(lambda answer=answer: _decode(answer), rounds * 5)
        size = f"{pipelines} pipelines of {stages} stages, {what}"
        cases = {"nothing is there": (many.wanted, many.empty), "nothing to do": (managed, many.full)}
        for case, (wanted, found) in cases.items():
            spent = _least(lambda wanted=wanted, found=found: system_plan(wanted, found), rounds)
            yield Row(f"plan: {case}", size, spent, "ms", "decoding all", bare, WORKED_OUT[case])


def _many(workspace: Workspace, limits: StageLimits) -> Many:
    wanted = Wanted("a", workspace.configuration["a"], workspace.process)
    shared = (Pipeline(limits.object, limits.shared_list, "", ()),) if limits.shared_list else ()
    empty = Found({(limits.object, limits.field): limits}, shared)
    return Many(wanted, empty, forecast(empty, system_plan(wanted, empty).steps))


def _read(pipelines: int, stages: int, rounds: int) -> Row:
    """A whole plan over HTTP, beside asking for the same and decoding it over one held connection."""
    with empty_systems() as systems, tempfile.TemporaryDirectory() as root:
        portal, pace = systems["hubspot"], Pace(call=AT_ONCE)
        settings = {**portal.settings, **UNHURRIED}
        workspace = _workspace(Path(root), "hubspot", settings, pipelines, stages, stages + 8)
        _apply(workspace, pace)
        workspace = _workspace(Path(root), "hubspot", settings, pipelines, stages, stages + 8)
        _require_empty(workspace, pace)
        spent = _least(lambda: _require_empty(workspace, pace), rounds)
        bare = _least(lambda: _asked(portal.settings), rounds)
    size = f"{pipelines} pipelines of {stages} stages"
    return Row("plan: HubSpot, nothing to do", size, spent, "ms", "reading all", bare)


def _asked(settings: Any) -> None:
    """Ask for everything that such a plan asks for."""
    connection = http.client.HTTPConnection(urlsplit(settings["base_url"]).netloc)
    headers = {"Authorization": f"Bearer {settings['access_token']}"}
    for path in ("/account-info/v3/details", "/crm/v3/properties/deals", "/crm/v3/pipelines/deals"):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered by {answer.status}: the figures would mean nothing.")
        _decode(body)
    connection.close()


def _least(work: Callable[[], object], rounds: int) -> float:
    """The least CPU time of some rounds, in milliseconds."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent) * 1000


# --- files ---------------------------------------------------------------------------------------------------------

FIELDS = {
    "hubspot": ("deals", "dealname", "dealstage", "pipeline"),
    "salesforce": ("Opportunity", "Name", "StageName", "RecordType.DeveloperName"),
}


def _workspace(
    root: Path, plugin: str, settings: dict[str, Any], pipelines: int, stages: int, words: int
) -> Workspace:
    """Pipelines of so many stages each, two of which are outcomes, out of a process of so many words."""
    process = "replace_stages = true\n" + "".join(
        f'[[stages]]\nkey = "step-{n}"\nlabel = "Step {n}"\n' for n in range(words)
    )
    object, name, field, holder = FIELDS[plugin]
    mapping = (
        f'[opportunity]\nobjects = ["{object}"]\nmatch = ["name"]\ninstep_id = false\n'
        f'[opportunity.fields]\nname = {{ field = "{name}", direction = "in" }}\n'
        f'[opportunity.stages_in]\nfield = "{field}"\npipeline_field = "{holder}"\n'
    )
    mapping += "".join(_table(number, stages - 2, words) for number in range(pipelines))
    return write_workspace(root, {"a": {"plugin": plugin, **settings}}, mapping, process)


def _table(number: int, stages: int, words: int) -> str:
    steps = sorted((number * 4 + place) % words for place in range(stages))
    values = ", ".join(f"step-{step} = {json.dumps(f'Step {step}')}" for step in steps)
    return (
        f'[opportunity.pipelines.p{number}]\npipeline = "Pipeline {number}"\nsegments = []\n'
        f'values = {{ {values} }}\noutcomes = {{ won = "Won", lost = "Lost" }}\n'
    )
