"""What `instep process crosswalk` and `convert` print."""

from __future__ import annotations

from difflib import unified_diff
from typing import Any

from instep.cli.process_view import table_lines
from instep.mapping.crosswalk import Crosswalk
from instep.mapping.crosswalk_convert import Conversion
from instep.model.values import amount, plain


def crosswalk_lines(walk: Crosswalk) -> list[str]:
    """Each stage with its counterparts, then those of the other preset that nothing becomes, then what is lost."""
    rows = [(stage, ", ".join(others) or "—", _remark(walk, stage)) for stage, others in walk.stages.items()]
    lines = table_lines((walk.source, walk.target, ""), rows)
    reached = {other for others in walk.stages.values() for other in others}
    empty = [stage for stage in walk.back if stage not in reached]
    lines += ["", f"Stands for nothing here: {', '.join(empty)}"] if empty else []
    lines += ["", f"Cannot come back: {', '.join(walk.lost())}"] if walk.lost() else []
    return lines


def _remark(walk: Crosswalk, stage: str) -> str:
    others = walk.stages[stage]
    if not others:
        return "nothing there, to be decided"
    return "one of these, to be decided" if len(others) > 1 else ""


def crosswalk_json(walk: Crosswalk) -> dict[str, Any]:
    """Both directions, and whether each stage comes back."""
    back = walk.backwards()
    return {"from": walk.source, "to": walk.target, "stages": _side(walk), "back": _side(back)}


def _side(walk: Crosswalk) -> dict[str, Any]:
    return {
        stage: {"becomes": list(others), "comes_back": walk.returns(stage)} for stage, others in walk.stages.items()
    }


def conversion_json(found: Conversion, *, written: bool) -> dict[str, Any]:
    return {**found.as_json(), "written": written}


def conversion_lines(found: Conversion) -> list[str]:
    """The changed files line by line, then what a person must decide, then what `check` would say."""
    lines = [line for name, (before, after) in found.files.items() for line in _diff(name, before, after)]
    lines += ["", f"{found.walk.source} becomes {found.walk.target}: {_moves(found)}"]
    if found.decisions:
        lines += ["", f"To decide: {len(found.decisions)}"]
        lines += [plain(f"  {decision}") for decision in found.decisions]
    if found.mistakes:
        lines += ["", f"Check would find {amount(len(found.mistakes), 'mistake')}:"]
        lines += [f"  {mistake}" for mistake in found.mistakes]
    return lines


def _moves(found: Conversion) -> str:
    if not found.moved:
        return "no journey moves by itself."
    return f"journeys at {', '.join(f'{old} move to {new}' for old, new in found.moved.items())}."


def _diff(name: str, before: str, after: str) -> list[str]:
    return [
        plain(line) for line in unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=2)
    ]
