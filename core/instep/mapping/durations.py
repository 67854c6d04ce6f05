"""Spans of time as files write them: `90s`, `5m`, `12h`, `7d`."""

from __future__ import annotations

import re

_SPAN = re.compile(r"([1-9][0-9]{0,8})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> int | None:
    """The span in seconds, or None for anything that is not one."""
    match = _SPAN.fullmatch(text.strip())
    return int(match[1]) * SECONDS[match[2]] if match else None
