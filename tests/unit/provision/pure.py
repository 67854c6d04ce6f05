"""Systems without a system: what is wanted, what is there, and what an apply would leave behind. No requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count

from instep.contract import AddPipeline, AddStage, Pipeline, StageLimits, SystemStage, Written
from instep.model.configuration import Configuration, Key, ListIds, Path, WantedList, WantedStage
from instep.model.entities import Kind
from instep.model.process import Outcome, Process, Stage
from instep.provision.diff import Wanted, compare
from instep.provision.forecast import after
from instep.provision.found import Found
from instep.provision.plan import SystemPlan, ids_of, system_plan
from instep.provision.steps import Phase, Step

OWN = StageLimits("deals", "stage", makes_pipelines=True, has_outcomes=True)
"""Every pipeline has stages of its own, and the system gives them their ids."""
SHARED = StageLimits(
    "deals",
    "stage",
    shared_list="stage",
    makes_pipelines=True,
    ids_are_labels=True,
    has_outcomes=True,
    keeps_retired=True,
)
"""One list for the whole object, from which pipelines offer a selection."""
OPTIONS = StageLimits("deals", "stage", ids_are_labels=True)
"""The options of one field."""


def process(*keys: str, moved: Mapping[str, str] | None = None) -> Process:
    return Process("p", tuple(Stage(key, key.title()) for key in keys), moved=moved or {})


def stage(
    keys: str, spelled: str, share: float | None = None, *, label: str | None = None, place: int = 0
) -> WantedStage:
    """A wanted stage; several keys are parted by blanks."""
    return WantedStage(tuple(Key("values", key) for key in keys.split()), spelled, label, None, share, place=place)


def ending(outcome: Outcome, spelled: str) -> WantedStage:
    return WantedStage((Key("outcomes", outcome.value),), spelled, None, outcome)


def wanted_list(
    stages: Iterable[WantedStage],
    pipeline: str | None = "Line",
    *,
    label: str | None = None,
    retire: Mapping[str, str] | None = None,
    name: str = "line",
) -> WantedList:
    path: Path = ("opportunity", "stages") if pipeline is None else ("opportunity", "pipelines", name)
    kind = Kind.OPPORTUNITY
    return WantedList(path, ("deals",), "stage", tuple(stages), pipeline, label, kind, retire=retire or {})


def there(id: str, label: str = "", share: float | None = 0.3, *, active: bool = True) -> SystemStage:
    """An open stage of a system."""
    return SystemStage(id, label or id, 0, probability=share, active=active)


def found(limits: StageLimits, pipelines: Sequence[Pipeline] = ()) -> Found:
    return Found({("deals", "stage"): limits}, tuple(pipelines))


def pipeline(
    stages: Iterable[SystemStage], id: str = "p1", label: str = "Line", offers: str | None = None
) -> Pipeline:
    return Pipeline("deals", id, label, tuple(stages), offers)


def ids(id: str | None, left_alone: Sequence[str] = (), /, **stages: str) -> ListIds:
    """What is managed, by key; several ids are parted by blanks."""
    by_key = {Key("values", key.replace("_", "-")): tuple(known.split()) for key, known in stages.items()}
    return ListIds(id, by_key, tuple(left_alone))


def wanted(
    lists: WantedList | Sequence[WantedList], of: Process, known: Mapping[Path, ListIds] | ListIds | None = None
) -> Wanted:
    lists = [lists] if isinstance(lists, WantedList) else lists
    by_path = {lists[0].path: known} if isinstance(known, ListIds) else known or {}
    return Wanted("crm", Configuration(tuple(lists), by_path), of)


def steps_of(plan: SystemPlan) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in plan.steps]


def with_ids(of: Wanted, known: Mapping[Path, ListIds]) -> Wanted:
    return replace(of, configuration=replace(of.configuration, ids=dict(known)))


def after_apply(of: Wanted, now: Found) -> tuple[Wanted, Found, list[Step]]:
    """What an apply leaves behind if the system takes everything: files of ids, what is there, and what was done."""
    of = with_ids(of, ids_of(compare(of, now)))
    done: list[Step] = []
    for phase in Phase:
        steps = [step for step in compare(of, now).steps() if step.phase is phase]
        for step in steps:
            now = after(now, step.doing, taken(step))
        of = with_ids(of, ids_of(compare(of, now)))
        done += steps
    return of, now, done


_numbers = count(1)


def taken(step: Step) -> Written:
    """A system's answer: what it makes has an id that nothing had before, unless it is told one."""
    match step.doing:
        case AddPipeline(stages=stages):
            return Written(f"#{next(_numbers)}", {one.label: one.id or f"#{next(_numbers)}" for one in stages})
        case AddStage(stage=stage):
            return Written(stage.id or f"#{next(_numbers)}", {})
    return Written("", {})


__all__ = ["OPTIONS", "OWN", "SHARED", "Outcome", "system_plan"]
