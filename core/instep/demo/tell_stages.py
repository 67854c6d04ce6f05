"""The sentences of the second part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path

from instep.demo import expected
from instep.demo.edits import RENAMED, RETIRED, SEGMENT, TO, WORDS
from instep.demo.hands import Board
from instep.demo.runs import Moved
from instep.demo.scene import Scene
from instep.demo.show import WIDTH, Teller
from instep.mapping.compiled import Workspace
from instep.provision.drift import Drift
from instep.provision.plan import ProvisionPlan
from instep.provision.run import Report

STEPS, REMARKS = 3, 1
"""How many of one kind are shown."""
Item = tuple[str, ...]
"""A line of a plan, with those that belong to it."""


def opening(teller: Teller, workspace: Workspace, folder: Path, scene: Scene) -> None:
    """Who and where."""
    process = workspace.process
    teller.title("Stages as code", "The same process, and two systems in which nobody has configured anything yet.")
    teller.step("The files say what there shall be", "instep check")
    own = [stage.key for segment in process.segments for stage in process.stages_of(segment.key)]
    only = sorted({*own} - {stage.key for stage in process.stages})
    teller.good(
        f"{len(process.stages)} stages, and {' and '.join(only)} in one of {len(process.segments)} segments; "
        "every system says them in its own words"
    )
    teller.say(
        f"exports    {len(scene.deals)} opportunities of {len(scene.firms)} companies in {folder / 'exports'}", "dim"
    )


def planned(teller: Teller, plan: ProvisionPlan, told: set[str]) -> None:
    """A plan as the command prints it, with few lines of each kind, and without remarks that were told before."""
    from instep.cli.provision_view import plan_text

    *systems, end = plan_text(plan).split("\n\n")
    for system in systems:
        name, *lines = system.splitlines()
        items = [item for item in _items(lines) if _is_step(item) or f"{name} {item}" not in told]
        told.update(f"{name} {item}" for item in items)
        for line in [name, *shortened(items)] if items else []:
            teller.say(line)
    teller.say(end)


def shortened(items: Iterable[Item]) -> Iterator[str]:
    """Of many of one kind that follow each other the first few, and how many more there are."""
    for _, group in groupby(items, key=_kind):
        found = list(group)
        most = STEPS if _is_step(found[0]) else REMARKS
        yield from (_cut(line) for item in found[:most] for line in item)
        if len(found) > most:
            yield f"    … and {len(found) - most} more"


def _items(lines: Sequence[str]) -> Iterator[Item]:
    """Lines, each with those below it that are further in."""
    starts = [place for place, line in enumerate(lines) if not line.startswith("   ")]
    return (tuple(lines[start:end]) for start, end in pairwise([*starts, len(lines)]))


def _is_step(item: Item) -> bool:
    return item[0].strip()[0] in "+~>-"


def _kind(item: Item) -> str:
    """The sign; of a step also what it is done to."""
    sign, what, *_ = item[0].split()
    return f"{sign} {what}" if _is_step(item) else sign


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH - 8 else f"{line[: WIDTH - 9]}…"


def end_of(plan: ProvisionPlan) -> str:
    """What a plan says at its end."""
    from instep.cli.provision_view import plan_text

    return plan_text(plan).splitlines()[-1]


def applied(teller: Teller, report: Report) -> None:
    """What was done, system by system, and which files were written."""
    counts: dict[str, Counter[str]] = {}
    for one in report.done:
        counts.setdefault(one.connection, Counter())[f"{one.state} {one.step.action}"] += 1
    for connection, found in counts.items():
        teller.say(f"{connection:<10} " + ", ".join(f"{what} {count}" for what, count in found.items()))
    for one in report.done:
        if one.reason:
            teller.note(f"{one.connection}: {one.step.target}: {one.reason}")
    if report.files:
        teller.say(f"written, to be committed: {', '.join(report.files)}", "dim")


def shown(teller: Teller, workspace: Workspace, boards: Mapping[str, Sequence[Board]], segment: str) -> None:
    """One segment's pipeline in each system, with how many deals stand where."""
    for name, found in boards.items():
        title = expected.label(expected.of_segment(workspace, name, segment))
        columns = next(board.columns for board in found if board.label == title)
        teller.say(f"{name:<10} {title}: " + "  ".join(f"{one.label} {len(one.deals)}" for one in columns))


def edited(teller: Teller) -> None:
    """Both edits, as they stand in the files."""
    teller.change("in both mapping files", f'{RENAMED} = "{WORDS[0]}" → "{WORDS[1]}"', "in every pipeline")
    teller.change("in both mapping files", f'retire = {{ {RETIRED} = "{TO}" }}', f"in that of {SEGMENT}")


def journalled(teller: Teller, rows: Sequence[Moved]) -> None:
    """What the journal says of moved records."""
    for row in rows:
        teller.change(row.name, f"{row.field}: {row.before} → {row.after}", f"in {row.connection}: {row.why}")


def drifted(teller: Teller, found: Sequence[Drift]) -> None:
    """Drift as the command prints it."""
    from instep.cli.provision_view import drift_text

    for line in drift_text(found).splitlines():
        teller.say(line)
