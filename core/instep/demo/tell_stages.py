"""The sentences of the second part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from instep.demo.edits import RENAMED, RETIRED, SEGMENT, TO, WORDS
from instep.demo.hands import Board
from instep.demo.runs import Moved
from instep.demo.scene import Scene
from instep.demo.show import WIDTH, Teller
from instep.mapping.compiled import Workspace
from instep.provision.drift import Drift
from instep.provision.plan import ProvisionPlan
from instep.provision.run import Report

SHOWN = 3
"""How many lines of one kind are shown."""


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
    teller.say(f"exports    {len(scene.deals)} opportunities of {len(scene.firms)} companies in {folder / 'exports'}", "dim")


def planned(teller: Teller, plan: ProvisionPlan) -> None:
    """A plan as the command prints it, with few lines of each kind."""
    from instep.cli.provision_view import plan_text

    for line in shortened(plan_text(plan).splitlines()):
        teller.say(line)


def shortened(lines: Sequence[str]) -> Iterator[str]:
    """Of many lines of one kind that follow each other the first few, and how many more there are."""
    for kind, group in groupby(_items(lines), key=_kind):
        items = list(group)
        for item in items[:SHOWN] if kind else items:
            yield from (_cut(line) for line in item)
        if kind and len(items) > SHOWN:
            yield f"    … and {len(items) - SHOWN} more"


def _items(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines with those that are further in and belong to them."""
    item: list[str] = []
    for line in lines:
        if item and not line.startswith("   "):
            yield item
            item = []
        item.append(line)
    yield item


def _kind(item: list[str]) -> str:
    """The sign, and of what is done what it is done to; blank for what is no step."""
    sign, _, rest = item[0].strip().partition(" ")
    if len(sign) > 1 or not item[0].startswith("  "):
        return ""
    return f"{sign} {rest.partition(' ')[0]}" if sign in "+~>-" else sign


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH - 8 else f"{line[: WIDTH - 9]}…"


def remaining(plan: ProvisionPlan) -> str:
    """What a plan says right after an apply."""
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


def shown(teller: Teller, boards: Mapping[str, Sequence[Board]], segment: str, workspace: Workspace) -> None:
    """One segment's pipeline in each system, with how many deals stand where."""
    for name, found in boards.items():
        wanted = next(one for one in workspace.configuration[name].lists if one.path[-1] == segment)
        board = next(board for board in found if board.label == (wanted.label or wanted.pipeline))
        columns = "  ".join(f"{column.label} {len(column.deals)}" for column in board.columns)
        teller.say(f"{name:<10} {board.label}: {columns}")


def edited(teller: Teller, names: Iterable[str]) -> None:
    """Both edits, as they stand in the files."""
    files = " and ".join(f"mappings/{name}.toml" for name in names)
    teller.change(files, f'{RENAMED} = "{WORDS[0]}" → "{WORDS[1]}"', "in every pipeline")
    teller.change(files, f"retire = {{ {RETIRED} = \"{TO}\" }}", f"in that of {SEGMENT}, and out of its values")


def journalled(teller: Teller, rows: Sequence[Moved]) -> None:
    """What the journal says of moved records."""
    for row in rows:
        teller.change(row.name, f"{row.field}: {row.before} → {row.after}", f"in {row.connection}: {row.why}")


def drifted(teller: Teller, found: Sequence[Drift]) -> None:
    """Drift as the command prints it."""
    from instep.cli.provision_view import drift_text

    for line in drift_text(found).splitlines():
        teller.say(line)
