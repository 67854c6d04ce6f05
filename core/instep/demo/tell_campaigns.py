"""The sentences of the part about campaign tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from instep.demo.runs import words
from instep.demo.scene import Scene
from instep.demo.show import Teller
from instep.mapping.compiled import Workspace
from instep.model.values import display

if TYPE_CHECKING:
    from instep.sync.explain import Explanation
    from instep.sync.run import Outcome

OWN = ("instep_id",)


def opening(teller: Teller, scene: Scene, folder: Path) -> None:
    """Who and where."""
    teller.title("Five systems", "Two CRMs, two campaign tools and a folder of exports. All of this is invented.")
    teller.step("Everybody shows the same buyer at the same step", "instep sync --first-run=apply")
    teller.say(
        f"{len(scene.firms)} companies, {len(scene.buyers)} people; the files are in {folder / 'exports'}", "dim"
    )


def happened(teller: Teller, workspace: Workspace, outcome: Outcome) -> None:
    """Every value that a run wrote, system by system, in each system's own words."""
    for change in outcome.plan.changes:
        names = {value.name for value in change.values}
        hidden = {*OWN, "instep_stage"} if "stage" in names else {*OWN}
        told = [words(workspace, change, value) for value in change.values if value.name not in hidden]
        teller.change(f"{change.connection:<10}", ", ".join(told))


def owned(found: Mapping[str, str]) -> str:
    """Who owns the buyer, system by system."""
    if len(set(found.values())) == 1:
        return f"{next(iter(found.values()))} in {' and '.join(found)}"
    return ", ".join(f"{connection} {owner}" for connection, owner in found.items())


def explained(teller: Teller, explanation: Explanation) -> None:
    """An owner, its cause, and what each system holds."""
    reason = explanation.reason
    teller.say(f"{explanation.name} is {display(explanation.value)}: {reason['rule']}, from {reason['source']}")
    for held in explanation.held:
        teller.say(f"held      {held.ref} {held.field} = {display(held.value)}")
