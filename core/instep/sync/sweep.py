"""Sweeping: what is left of an erased person outside the rows of the state. Whoever dies on the way does it again."""

from __future__ import annotations

import json
from pathlib import Path

from instep.store import Store
from instep.store.segments import columns_path, delete_columns
from instep.sync.session import Session

UNSWEPT = "unswept"


def is_unswept(session: Session) -> bool:
    """Whether somebody was forgotten, and deleted pages or saved plans may still hold them."""
    return session.store.meta(UNSWEPT) is not None


def sweep(session: Session) -> list[str]:
    """Delete saved plans and columns, write the state anew; returns what could not be done. Twice changes nothing."""
    session.world.boundary("sweep: plans")
    saved = saved_plans(session.store)
    left = [path for path in saved if not _delete_plan(Path(path))]
    with session.store.transaction("sweep: plans deleted"):
        gone = [(path,) for path in saved if path not in left]
        session.store.bulk("DELETE FROM saved_plan WHERE path = ?", gone)
    session.world.boundary("sweep: state")
    problems = [f"The saved plan {path} cannot be deleted. Delete it." for path in left]
    if not delete_columns(session.store.path):
        problems.append(f"The columns in {columns_path(session.store.path)} cannot be deleted. Delete them.")
    if not session.store.sweep():
        problems.append(
            "The state's file still has free pages that hold what was deleted: "
            "somebody was reading it, or the disk is full. The next run of any kind clears them."
        )
    if not problems:
        with session.store.transaction("swept"):
            session.store.run("DELETE FROM meta WHERE key = ?", (UNSWEPT,))
    return problems


def saved_plans(store: Store) -> list[str]:
    """Where plans were saved."""
    return [row[0] for row in store.rows("SELECT path FROM saved_plan ORDER BY path")]


def _delete_plan(path: Path) -> bool:
    """Delete a file that still is a plan; whatever else has taken its place is left alone."""
    try:
        if _is_plan(path):
            path.unlink()
    except OSError:
        return False
    return True


def _is_plan(path: Path) -> bool:
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, ValueError):
        return False
    return isinstance(saved, dict) and {"made_from", "digest", "changes"} <= saved.keys()
