"""A run as JSON lines: each event with its run, connection, record and code, and no value of anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import structlog

from instep.sync.transport import Log

_SERIOUS = {"run failed": "error", "note": "warning"}


def log_to(file: TextIO) -> Log:
    """A log that adds one line of JSON to a file for every event, with the time in UTC and a level."""
    logger = structlog.wrap_logger(
        structlog.WriteLogger(file),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.add_log_level,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.BoundLogger,
    )

    def log(event: str, facts: Mapping[str, Any]) -> None:
        level = "warning" if facts.get("outcome") in ("rejected", "unknown") else _SERIOUS.get(event, "info")
        getattr(logger, level)(event, **facts)

    return log


def open_log(path: Path) -> TextIO:
    """The file, to add to; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path.open("a", encoding="utf-8")
