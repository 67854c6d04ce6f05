"""Configuring, from top to bottom: read, compare, check, then add, change, move, retire, and compare again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

from instep import outputs
from instep.errors import AccessError, ConfigError, GuardError, InstepError, StalePlanError
from instep.mapping.compiled import EntityMapping, Workspace
from instep.mapping.digest import digest_of_configuration
from instep.mapping.ids import SUFFIX, Ids
from instep.model.configuration import Configuration
from instep.model.entities import FieldType
from instep.plugins import brought_by
from instep.provision.checks import check_system
from instep.provision.diff import Wanted, compare
from instep.provision.doing import Doer
from instep.provision.export import Place, exported
from instep.provision.fields import wanted_fields
from instep.provision.found import read_found, with_holders
from instep.provision.guards import breaches, moving_too_many
from instep.provision.idsfile import write_ids
from instep.provision.plan import ProvisionPlan, SystemPlan, digest_of_found, ids_of, system_plan
from instep.provision.steps import Phase, Step
from instep.settings import is_secret
from instep.sync.health.finding import Finding
from instep.sync.run import locked
from instep.sync.session import Live, Progress, Session, open_session, silent
from instep.sync.transport import World


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one step: "applied", "failed" with the reason, or "not attempted"."""

    connection: str
    step: Step
    state: str
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"connection": self.connection, **self.step.as_json(), "state": self.state, "reason": self.reason}


@dataclass(slots=True)
class Report:
    """What an apply came to."""

    plan: ProvisionPlan
    done: list[Done] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """The files of ids that were written: to be committed."""
    errors: list[InstepError] = field(default_factory=list)
    """What a system would not do at all: what it refused failed, and other systems go on."""

    @property
    def exit_code(self) -> int:
        if self.errors:
            return max(error.exit_code for error in self.errors)
        return 3 if any(one.state != "applied" for one in self.done) else 0

    def count(self, state: str) -> int:
        return sum(one.state == state for one in self.done)

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "done" if self.exit_code == 0 else "partial",
            "stopped": str(self.errors[0]) if self.errors else None,
            "counts": {state: self.count(state) for state in ("applied", "failed", "not attempted")},
            "steps": [one.as_json() for one in self.done],
            "by_hand": [
                {"connection": system.connection, **step.as_json()}
                for system in self.plan.systems
                for step in system.by_hand
            ],
            "files": self.files,
        }


def plan_configuration(
    workspace: Workspace, world: World, only: Sequence[str] = (), *, progress: Progress = silent
) -> ProvisionPlan:
    """Say what would be done so that every system is as the files say. Reads, and touches nothing."""
    with _reading(workspace, world, only) as session:
        return _plan(session, progress)


def save_plan(plan: ProvisionPlan, path: FilePath) -> None:
    """Write a plan to a file that `apply_configuration` takes."""
    document = outputs.document("provision-plan", plan.as_json())
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def apply_configuration(
    workspace: Workspace,
    world: World,
    only: Sequence[str] = (),
    *,
    saved: Mapping[str, Any] | None = None,
    past_guards: bool = False,
    progress: Progress = silent,
) -> Report:
    """Do what a plan says: one that was saved, or the present one.

    Raises `StalePlanError` if anything that the saved plan was made from is not the same any more, `ConfigError` if
    something has to be put right first, and `GuardError` if it would change surprisingly much; nothing is done then.
    """
    if saved is not None:
        only = [str(system["connection"]) for system in saved.get("systems", ())]
    with locked(workspace), _reading(workspace, world, only) as session:
        plan = _plan(session, progress)
        if saved is not None:
            _require_fresh(plan, saved)
        _require_sound(plan)
        if not past_guards:
            _require_expected(session, plan)
        report = Report(plan)
        doer = Doer(session)
        for system in plan.systems:
            _apply(session, doer, system, report, progress)
        return report


def import_configuration(
    workspace: Workspace, world: World, only: Sequence[str] = (), *, progress: Progress = silent
) -> Report:
    """Begin to manage what is there already and is called as the files say. Changes nothing in any system."""
    with locked(workspace), _reading(workspace, world, only) as session:
        plan = _plan(session, progress)
        report = Report(plan)
        for system in plan.systems:
            _keep_ids(session, system.connection, system.ids, report)
        return report


def export_configuration(workspace: Workspace, world: World, connection: str) -> dict[str, str]:
    """The files of a workspace from which a plan finds nothing to do in that connection, by their names."""
    with _reading(workspace, world, [connection]) as session:
        live = session.live(connection)
        places = list(_places(live, workspace.configuration[connection]))
        found = read_found(live, workspace.configuration[connection].lists)
        config = next(one for one in workspace.connections if one.name == connection)
        secrets = [name for name, one in live.plugin.settings.model_fields.items() if is_secret(one.annotation)]
        return exported(config, places, found, live.parts.check().org, secrets)


def _places(live: Live, configuration: Configuration) -> Iterator[Place]:
    """Where stages are kept, each place once."""
    seen: set[tuple[str, str]] = set()
    for wanted in configuration.lists:
        entity = live.mapping.entities.get(wanted.kind) if wanted.kind is not None else None
        tables = entity.tables() if entity else ()
        holder = next((table.pipeline_field for table in tables if table.field == wanted.field), None)
        for object in wanted.objects:
            if (object, wanted.field) not in seen:
                seen.add((object, wanted.field))
                key = _key(live.mapping.objects[object]) if entity else ("name", "text", "name")
                yield Place(wanted.kind, object, wanted.field, holder, key)


def _key(entity: EntityMapping) -> tuple[str, str, str]:
    """A field that records can be recognised by: one that they are, else any text."""
    by_name = {mapped.name: mapped for mapped in entity.fields if mapped.type in (FieldType.TEXT, FieldType.EMAIL)}
    mapped = next((by_name[name] for name in (*entity.match, *by_name) if name in by_name), None)
    return (mapped.name, mapped.type.value, mapped.field) if mapped else ("name", "text", "name")


# --- reading -----------------------------------------------------------------------------------------------------


@contextmanager
def _reading(workspace: Workspace, world: World, only: Sequence[str]) -> Iterator[Session]:
    """Open connections. Provisioning needs no state: where there is none, none is made."""
    names = [name for name in workspace.connection_names if not only or name in only]
    if workspace.store.exists():
        with open_session(workspace, world, only=names) as session:
            yield session
        return
    with tempfile.TemporaryDirectory() as folder:
        aside = replace(workspace, store=FilePath(folder) / "state.db")
        with open_session(aside, world, only=names) as session:
            session.workspace = workspace
            yield session


def _plan(session: Session, progress: Progress) -> ProvisionPlan:
    workspace = session.workspace
    made_from = {"files": digest_of_configuration(workspace), "instep": version("instep")}
    systems = []
    for name, live in session.connections.items():
        progress(f"read {name}")
        live.info = live.parts.check()
        _require_org(workspace, live)
        plan = _system_plan(session, live)
        made_from[f"org of {name}"] = live.org
        made_from[f"plugin of {name}"] = f"{brought_by(live.plugin.name)}, contract {live.plugin.contract}"
        made_from[f"configuration of {name}"] = digest_of_found(plan.compared.found)
        systems.append(plan)
    return ProvisionPlan(session.at, made_from, tuple(systems))


def _require_org(workspace: Workspace, live: Live) -> None:
    """Raise `AccessError` where the ids of the files belong to another org: everything there would be a stranger."""
    known = workspace.configuration[live.name].org
    if known is not None and known != live.org:
        raise AccessError(
            f"{live.name}: this login belongs to org {live.org}, and mappings/{live.name}{SUFFIX}.toml to {known}. "
            "Use the right credentials, or a connection of its own for the other org."
        )


def wanted_of(workspace: Workspace, live: Live) -> Wanted:
    """What the files want of one connection."""
    configuration = workspace.configuration[live.name]
    fields = wanted_fields(live.mapping, configuration)
    return Wanted(live.name, configuration, workspace.process, fields)


def _system_plan(session: Session, live: Live) -> SystemPlan:
    wanted = wanted_of(session.workspace, live)
    found = read_found(live, wanted.configuration.lists)
    compared = compare(wanted, found)
    found = with_holders(live, found, compared.holding())
    return check_system(session.workspace, live, system_plan(wanted, found))


def _require_fresh(plan: ProvisionPlan, saved: Mapping[str, Any]) -> None:
    """Raise `StalePlanError` unless a saved plan would come out the same now."""
    before = saved.get("made_from", {})
    for what in sorted({*before, *plan.made_from}):
        if before.get(what) != plan.made_from.get(what):
            raise StalePlanError(f"The plan is stale: {_SAYS.get(what, what)} changed since. Plan again.")
    if plan.digest != saved.get("digest"):
        raise StalePlanError("The plan is stale: it would not come out the same now. Plan again.")


_SAYS = {"files": "sync.toml or a mapping file", "instep": "the version of Instep"}


def _require_sound(plan: ProvisionPlan) -> None:
    """Raise `ConfigError` where something has to be put right first."""
    if plan.wrong:
        raise ConfigError("\n".join(["Nothing was done:", *(f"  {_said(finding)}" for finding in plan.wrong)]))


def _require_expected(session: Session, plan: ProvisionPlan) -> None:
    """Raise `GuardError` where a plan would change surprisingly much."""
    found = [*breaches(session.workspace.guards, plan), *moving_too_many(session, plan)]
    if found:
        lines = "\n".join(f"  {breach}" for breach in found)
        raise GuardError(
            f"The plan would change surprisingly much, so nothing was done:\n{lines}\n"
            "Look at it: instep provision plan --out plan.json\n"
            "To do exactly that all the same: instep provision apply plan.json --past-guards"
        )


def _said(finding: Finding) -> str:
    return f"{finding.connection}: {finding.what}. {finding.remedy} [{finding.code}]"


# --- doing -------------------------------------------------------------------------------------------------------


def _apply(session: Session, doer: Doer, system: SystemPlan, report: Report, progress: Progress) -> None:
    """One system, phase by phase. What stands for what is kept after each: a later apply goes on from there."""
    live, found = session.live(system.connection), system.compared.found
    planned = {step.identity for step in system.steps}
    done: dict[tuple[Any, ...], Done] = {}
    is_stopped = False
    _keep_ids(session, live.name, system.ids, report)
    for phase in Phase:
        wanted = wanted_of(session.workspace, live)
        if phase is Phase.RETIRE:  # somebody may have come in meanwhile
            found = with_holders(live, found, system.compared.holding())
        steps = [
            s for s in compare(wanted, found).steps() if s.phase is phase and s.identity in planned and not s.by_hand
        ]
        progress(f"{live.name}: {phase.name.lower()}")
        try:
            outcomes, found = doer.do(live, steps, found)
        except InstepError as error:  # what is done is done, and told
            report.errors.append(error)
            is_stopped = True
            outcomes = [(step, str(error)) for step in steps]
        for step, reason in outcomes:
            done[step.identity] = Done(live.name, step, "failed" if reason else "applied", reason)
        if steps:
            _keep_ids(session, live.name, ids_of(compare(wanted_of(session.workspace, live), found)), report)
        if is_stopped:
            break
    if done:
        _verify(session, live, done, report)
    for step in system.steps:
        report.done.append(
            done.get(step.identity, Done(live.name, step, "not attempted", "what it needs was not done"))
        )


def _verify(session: Session, live: Live, done: dict[tuple[Any, ...], Done], report: Report) -> None:
    """Compare after apply: what the system said it took, and does not show, was not taken."""
    wanted = wanted_of(session.workspace, live)
    compared = compare(wanted, read_found(live, wanted.configuration.lists))
    _keep_ids(session, live.name, ids_of(compared), report)
    left = {step.identity for step in compared.steps()}
    for identity, one in done.items():
        if one.state == "applied" and identity in left:
            done[identity] = replace(one, state="failed", reason="The system accepted it, and does not show it.")


def _keep_ids(session: Session, connection: str, ids: Mapping[Any, Any], report: Report) -> None:
    """Write the file of ids, if it says something new, and go on with what it says."""
    workspace = session.workspace
    configuration = workspace.configuration[connection]
    if dict(ids) == dict(configuration.ids) or (not ids and configuration.org is None):
        return
    org = session.live(connection).org
    name = write_ids(workspace, session.world, connection, Ids(ids, org))
    report.files += [name] if name not in report.files else []
    changed = replace(configuration, ids=dict(ids), org=org)
    session.workspace = replace(workspace, configuration={**workspace.configuration, connection: changed})


__all__ = [
    "Done",
    "Report",
    "apply_configuration",
    "export_configuration",
    "import_configuration",
    "plan_configuration",
]
