"""What `instep process versions` prints, and what other commands say of the version that they look at."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instep.cli.process_view import print_mistakes
from instep.mapping.digest import digest_of_process
from instep.mapping.load import read_store_path, read_versions_of, today_utc
from instep.mapping.version_changes import Changes, Detail, StageChange, changes_between
from instep.mapping.versions import ProcessVersion, version_at
from instep.model.values import amount, plain

if TYPE_CHECKING:
    from instep.mapping.compiled import Workspace
    from instep.sync.validation import Validation


@dataclass(frozen=True, slots=True)
class Listed:
    """A workspace's versions, which of them is in force on a day, and when each was validated."""

    versions: tuple[ProcessVersion, ...]
    today: date
    validations: Mapping[str, Validation] = field(default_factory=dict)

    @property
    def in_force(self) -> ProcessVersion:
        return version_at(self.versions, self.today)

    def validation(self, version: ProcessVersion) -> Validation | None:
        return self.validations.get(digest_of_process(version.process))


def read_listed(root: Path) -> Listed:
    """The versions of a workspace. Prints the mistakes of their files and ends the command where there are any."""
    versions, mistakes = read_versions_of(root)
    if mistakes:
        print_mistakes(mistakes)
        sys.exit(1)
    return Listed(versions, today_utc(), read_validations_of(root))


def read_validations_of(root: Path) -> Mapping[str, Validation]:
    """By a version's digest, when it was validated; nothing where nothing was synced yet."""
    from instep.store import Store
    from instep.sync.validation import read_validations

    path = read_store_path(root)
    if not path.is_file():
        return {}
    with Store(path) as store:
        return read_validations(store)


# --- of one version ----------------------------------------------------------------------------------------------


def standing_lines(root: Path, version: ProcessVersion, versions: Sequence[ProcessVersion]) -> list[str]:
    """Which version was looked at, where there are several, and when it was validated."""
    several = [plain(f"Version: {version.file}, {_since(version)}.")] if len(versions) > 1 else []
    found = read_validations_of(root).get(digest_of_process(version.process))
    return [*several, *([_validated(found)] if found else [])]


def standing_json(root: Path, version: ProcessVersion | None) -> dict[str, Any]:
    """The same for machines; a preset is no version of anything."""
    if version is None:
        return {"file": None, "effective": None, "validation": None}
    found = read_validations_of(root).get(digest_of_process(version.process))
    return {**_version_json(version), "validation": _validation_json(found)}


def in_force_lines(workspace: Workspace) -> list[str]:
    """Which version is in force since when, and which comes next; nothing where there is only one."""
    if len(workspace.versions) < 2:
        return []
    lines = [f"Version in force: {workspace.version.file}, {_since(workspace.version)}."]
    upcoming = workspace.next_version
    lines += [f"Next: {upcoming.file}, {_since(upcoming)}."] if upcoming else ["No later version is there."]
    return [plain(line) for line in lines]


def in_force_json(workspace: Workspace) -> list[dict[str, Any]]:
    """Every version, and which of them is in force."""
    return [{**_version_json(version), "in_force": version is workspace.version} for version in workspace.versions]


# --- all of them -------------------------------------------------------------------------------------------------


def versions_lines(found: Listed) -> list[str]:
    """Each version with its day, and what it changes of the one before it."""
    lines = _version_lines(found, found.versions[0])
    for before, after in pairwise(found.versions):
        lines += ["", *_version_lines(found, after), *_change_lines(changes_between(before.process, after.process))]
    return [plain(line) for line in lines]


def _version_lines(found: Listed, version: ProcessVersion) -> list[str]:
    in_force = " (in force)" if version is found.in_force else ""
    facts = f"{amount(len(version.process.stages), 'stage')}, {_since(version)}{in_force}"
    return [f"{version.file}: {facts}", f"  {_validated(found.validation(version))}"]


def _change_lines(changes: Changes) -> list[str]:
    if changes.is_empty:
        return ["  Changes nothing."]
    lines = [line for change in changes.stages for line in _stage_lines(change)]
    named = {
        "+ behaviours": changes.behaviours_added,
        "- behaviours": changes.behaviours_removed,
        "+ segments": changes.segments_added,
        "- segments": changes.segments_removed,
    }
    return lines + [f"  {what}: {', '.join(keys)}" for what, keys in named.items() if keys]


def _stage_lines(change: StageChange) -> Iterator[str]:
    of = f" of segment {change.segment}" if change.segment else ""
    yield from (f"  + stage {key}{of}" for key in change.added)
    for key, successor in change.removed:
        became = (
            f"became {successor}" if successor else "journeys at it stop the run until [[moved]] says what it became"
        )
        yield f"  - stage {key}{of}: {became}"
    if change.order:
        yield f"  ~ order of stages{of}: {', '.join(change.order)}"
    yield from (f"  ~ stage {detail.stage}{of}: {_detail(detail)}" for detail in change.changed)


def _detail(detail: Detail) -> str:
    return f"{detail.what} {detail.before or 'nothing'} becomes {detail.after or 'nothing'}"


def versions_json(found: Listed) -> dict[str, Any]:
    """The same for machines; the first version changes nothing."""
    before: dict[str, Any] = {found.versions[0].file: None}
    for one, after in pairwise(found.versions):
        before[after.file] = changes_between(one.process, after.process).as_json()
    return {
        "versions": [
            {
                **_version_json(version),
                "in_force": version is found.in_force,
                "digest": digest_of_process(version.process),
                "stages": [stage.key for stage in version.process.stages],
                "validation": _validation_json(found.validation(version)),
                "changes": before[version.file],
            }
            for version in found.versions
        ]
    }


def _version_json(version: ProcessVersion) -> dict[str, Any]:
    return {"file": version.file, "effective": version.effective.isoformat() if version.effective else None}


def _since(version: ProcessVersion) -> str:
    return f"from {version.effective} on" if version.effective else "from the beginning"


def _validated(found: Validation | None) -> str:
    if found is None:
        return "Not validated yet."
    return f"Validated on {found.at.date()} with {found.journeys} won journeys."


def _validation_json(found: Validation | None) -> dict[str, Any] | None:
    return {"validated_at": found.at.isoformat(), "validated_with": found.journeys} if found else None
