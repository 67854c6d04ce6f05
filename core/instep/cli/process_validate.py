"""What `instep process validate` prints: the process, held against the journeys that were won."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from instep.cli.process_view import table_lines
from instep.mapping.digest import digest_of_process
from instep.mapping.load import load_workspace
from instep.mapping.versions import ProcessVersion
from instep.model.validation import Share, Validated, validate
from instep.model.values import amount, plain
from instep.store import Store
from instep.store.store import require_state
from instep.sync.validation import Validation, read_won_journeys, record_validation


@dataclass(frozen=True, slots=True)
class Held:
    """A version of the process, held against the won journeys."""

    version: ProcessVersion
    since: date | None
    fewest: int
    journeys: int
    lists: tuple[Validated, ...]
    at: datetime
    store: Path

    @property
    def is_enough(self) -> bool:
        """Whether there were journeys enough to say anything of some list of stages."""
        return any(found.is_enough for found in self.lists)


def held_against_history(root: Path, since: date | None, fewest: int, day: date | None) -> Held:
    """Replay the won journeys of a workspace. Raises `ConfigError` where nothing was synced yet."""
    workspace, now = load_workspace(root, day), datetime.now(UTC)
    with Store(require_state(workspace.store)) as store:
        journeys = read_won_journeys(store, now, since)
    lists = validate(workspace.process, journeys, fewest)
    return Held(workspace.version, since, fewest, len(journeys), lists, now, workspace.store)


def record(held: Held) -> None:
    """Keep that this version was validated."""
    counted = sum(found.journeys for found in held.lists if found.is_enough)
    with Store(held.store) as store:
        record_validation(store, digest_of_process(held.version.process), Validation(held.at, counted))


def validation_lines(held: Held) -> list[str]:
    """How often each stage was seen, then what came out of order, was skipped or is missing, with a few journeys."""
    won = f"won since {held.since}" if held.since else "won"
    lines = [f"{held.version.file}: {amount(held.journeys, 'journey')} {won}."]
    for found in held.lists:
        lines += ["", *_list_lines(found)]
    return [plain(line) for line in lines]


def _list_lines(found: Validated) -> list[str]:
    title = f"Segment {found.segment}" if found.segment else "Common stages"
    if not found.is_enough:
        few = f"{amount(found.journeys, 'won journey')}, and {found.fewest} are needed to say anything"
        return [f"{title}: {few}."]
    head = ("Stage", "seen", "out of order", "skipped")
    rows = [(one.stage, *map(_figure, (one.seen, one.out_of_order, one.skipped))) for one in found.stages]
    return [f"{title}: {amount(found.journeys, 'won journey')}", *table_lines(head, rows), *_findings(found)]


def _findings(found: Validated) -> Iterator[str]:
    """Each departure from the process as a sentence; one that there is none of as well."""
    said = [
        *((one.stage, "came after a later stage", one.out_of_order) for one in found.stages),
        *((one.stage, "was skipped", one.skipped) for one in found.stages),
        *((key, "was done, and no stage is entered by it", share) for key, share in found.missing),
    ]
    departures = [(key, what, share) for key, what, share in said if share.count]
    yield ""
    yield from (
        f"{key} {what} in {_figure(share)}, such as {', '.join(share.samples)}" for key, what, share in departures
    )
    if not departures:
        yield "No stage came out of order or was skipped, and none is missing."


def _figure(share: Share) -> str:
    return f"{share.count} ({share.share:.0%})"


def validation_json(held: Held, *, recorded: bool) -> dict[str, Any]:
    """The same for machines."""
    return {
        "file": held.version.file,
        "effective": held.version.effective.isoformat() if held.version.effective else None,
        "digest": digest_of_process(held.version.process),
        "from": held.since.isoformat() if held.since else None,
        "min": held.fewest,
        "journeys": held.journeys,
        "recorded": recorded,
        "lists": [_list_json(found) for found in held.lists],
    }


def _list_json(found: Validated) -> dict[str, Any]:
    return {
        "segment": found.segment,
        "journeys": found.journeys,
        "enough": found.is_enough,
        "stages": [
            {
                "stage": one.stage,
                "seen": _share_json(one.seen),
                "out_of_order": _share_json(one.out_of_order),
                "skipped": _share_json(one.skipped),
            }
            for one in found.stages
        ],
        "missing": [{"behaviour": key, **_share_json(share)} for key, share in found.missing],
    }


def _share_json(share: Share) -> dict[str, Any]:
    return {"journeys": share.count, "share": round(share.share, 4), "samples": list(share.samples)}
