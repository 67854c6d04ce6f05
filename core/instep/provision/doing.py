"""Doing steps: handing them to a system, and saying what came of each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from instep.contract import (
    ConfigurableFields,
    ConfigurableStages,
    FieldSpec,
    Outcome,
    Rejected,
    Unknown,
    Written,
)
from instep.errors import InstepError, PluginError, RemoteError
from instep.provision.forecast import after
from instep.provision.found import Found
from instep.provision.guards import move_of
from instep.provision.steps import Doing, ExtendField, MoveRecords, Step
from instep.sync.health.ours import created
from instep.sync.moving import move_records
from instep.sync.recover import recover
from instep.sync.run import close, numbered
from instep.sync.session import Live, Session, identify, open_session

Result = tuple[Step, str]
"""A step, and why it failed; blank where it is done."""


class Doer:
    """Does the steps of one phase after the other."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def do(self, live: Live, steps: Sequence[Step], found: Found) -> tuple[list[Result], Found]:
        """Do steps of one phase. Returns what came of each, and what is there now."""
        if not steps:
            return [], found
        if isinstance(steps[0].doing, MoveRecords):
            return self._move(live, steps, found)
        try:
            outcomes = self._asked(live, steps)
        except RemoteError as error:
            outcomes = [Unknown(str(error)) for _ in steps]
        except InstepError:
            raise
        except Exception as error:  # a connector's mistake must not lose the report of what was done
            raise PluginError(
                f"{live.plugin.name} broke: {type(error).__name__}. Tell the plugin's author."
            ) from error
        live.require_one_each(outcomes, steps)
        results = []
        for step, outcome in zip(steps, outcomes, strict=True):
            found = after(found, step.doing, outcome)
            results.append((step, _why(outcome)))
        return results, found

    def _asked(self, live: Live, steps: Sequence[Step]) -> list[Outcome]:
        stages, fields = live.parts.stages, live.parts.fields
        if isinstance(steps[0].doing, FieldSpec | ExtendField) and isinstance(fields, ConfigurableFields):
            return _with_fields(fields, [step.doing for step in steps])
        if not isinstance(stages, ConfigurableStages):
            raise PluginError(f"{live.plugin.name} has no stages that can be configured.")
        return stages.apply([step.doing for step in steps])  # type: ignore[misc]

    # --- records -------------------------------------------------------------------------------------------------

    def _move(self, live: Live, steps: Sequence[Step], found: Found) -> tuple[list[Result], Found]:
        """Records are moved by a run of its own, with its number, its journal and its guards."""
        workspace, world = self._session.workspace, self._session.world
        results: list[Result] = []
        with ExitStack() as stack:
            moving = stack.enter_context(open_session(workspace, world, only=[live.name]))
            stack.enter_context(numbered(moving, "provision"))
            identify(moving)
            recover(moving)
            moves = [move_of(moving, live.name, step.doing) for step in steps if isinstance(step.doing, MoveRecords)]
            for step, move in zip(steps, moves, strict=True):
                moved = move_records(moving, move)
                results.append((step, _said(moved.failed)))
                found = found if moved.failed else after(found, step.doing, Written("", {}))
            failed = any(why for _, why in results)
            close(moving, "partial" if failed else "done", {"moved": sum(len(m.records) for m in moves)})
        return results, found


def _with_fields(fields: ConfigurableFields, steps: Sequence[Doing]) -> list[Outcome]:
    """New fields first, together where the system can; then the options of those that are there."""
    specs = [doing for doing in steps if isinstance(doing, FieldSpec)]
    extending = [doing for doing in steps if isinstance(doing, ExtendField)]
    made = dict(zip(map(id, specs), created(fields, specs), strict=True))
    made |= {id(doing): fields.extend(doing.object, doing.field, doing.options) for doing in extending}
    return [made[id(doing)] for doing in steps]


def _said(failed: Sequence[str]) -> str:
    more = f" (and {len(failed) - 1:,} more)" if len(failed) > 1 else ""
    return f"{failed[0]}{more}" if failed else ""


def _why(outcome: Outcome) -> str:
    match outcome:
        case Written():
            return ""
        case Rejected(reason=reason):
            return reason
        case Unknown(reason=reason):
            return f"Nobody knows whether it took effect: {reason} Plan again: that looks."
    return "It is not there any more."
