"""The sentences of the third part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instep.demo.edits import RULES
from instep.demo.scene import Buyer, Scene
from instep.demo.show import WIDTH, Teller
from instep.demo.shown import Shown, in_words
from instep.mapping.compiled import Workspace

if TYPE_CHECKING:
    from instep.sync.replay import Replay


def opening(teller: Teller, scene: Scene, folder: Path) -> None:
    """Who and where."""
    teller.title("How buyers move", "By what they do, whoever tells of it. All of this is invented.")
    teller.step("Two systems and a folder, brought in step", "instep sync --first-run=apply")
    teller.say(
        f"{len(scene.firms)} companies, {len(scene.buyers)} people; the files are in {folder / 'exports'}", "dim"
    )


def walked(
    teller: Teller, workspace: Workspace, at: datetime, behaviour: str, connection: str, found: tuple[Shown, ...]
) -> None:
    """One act, who told of it, and where everybody sees the buyer then."""
    known = workspace.process.behaviour(behaviour)
    label = known.label if known is not None else behaviour
    stage = found[0].stage if found else None
    teller.say(f"{at:%Y-%m-%d} {label:<34} in {connection:<10} → {stage}")
    teller.say(f"           {in_words(found)}", "dim")


def steps(teller: Teller, document: Mapping[str, Any]) -> None:
    """The lines of a stage as the command prints them."""
    from instep.cli.explain_lines import stage_lines

    _lines(teller, stage_lines(dict(document)))


def score(teller: Teller, document: Mapping[str, Any]) -> None:
    """The lines of a score as the command prints them."""
    from instep.cli.explain_lines import score_lines

    _lines(teller, score_lines(dict(document)))


def acts(teller: Teller, found: Sequence[Mapping[str, Any]]) -> None:
    """The lines of some acts, each with the company that did it while nobody there was known."""
    from instep.cli.output import moment

    for act in found:
        also = f", also told by {', '.join(_short(source) for source in act['also'])}" if act["also"] else ""
        while_unknown = f", while nobody at {act['company']} was known" if act["company"] else ""
        what = f"{act['behaviour']} from {_short(act['source'])}{also}{while_unknown}"
        teller.say(f"{act['left']:+.2f} left of {act['points']:+g} {moment(act['at'])} {what}")


def uncounted(teller: Teller, document: Mapping[str, Any]) -> None:
    """What counts for nothing, and why."""
    for one in document["not_counted"]:
        teller.say(f"nothing   {one['behaviour']} from {_short(one['source'])}: {one['why']}")


def called(teller: Teller, buyer: Buyer, connections: Iterable[str]) -> None:
    """Who was called, and where that is kept."""
    for connection in connections:
        teller.say(f"{connection:<10} a call to {buyer.first} {buyer.last}")


def surges(teller: Teller, document: dict[str, Any]) -> None:
    """Companies that do a great deal, as the command prints them."""
    from instep.cli.insight import surges_text

    for line in surges_text(document).splitlines():
        teller.say(line)


def replayed(teller: Teller, found: Replay) -> None:
    """What a replay says, as the command prints it, without what it says of stages."""
    from instep.cli.replay_view import replay_text

    teller.change("in drafts/scoring.toml", " → ".join(RULES))
    for part in replay_text(found).split("\n\n")[1:3]:
        _lines(teller, part.splitlines())


def _lines(teller: Teller, lines: Iterable[str]) -> None:
    for line in lines:
        text = line.removeprefix("  ")
        teller.say(text if len(text) <= WIDTH - 6 else f"{text[: WIDTH - 7]}…")


def _short(source: str) -> str:
    """The system that told of an act."""
    return source.split("/", 1)[0]
