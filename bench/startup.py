"""How long a command takes to start, beside Python itself."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.report import Row
from bench.workspaces import hubspot_mapping, write_workspace

HUBSPOT = {"plugin": "hubspot", "access_token": "pat-of-nobody"}


def measure(*, rounds: int = 15) -> Iterator[Row]:
    """Medians of some rounds, each of which starts every command once."""
    instep = [sys.executable, "-m", "instep.cli.main"]
    with tempfile.TemporaryDirectory() as root:
        write_workspace(Path(root), {"a": HUBSPOT, "b": HUBSPOT}, hubspot_mapping())
        commands = {
            "python3 -c pass": [sys.executable, "-c", "pass"],
            "instep --help": [*instep, "--help"],
            "instep check": [*instep, "check"],
        }
        spent: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                spent[name].append(_seconds(command, Path(root)))
    found = {name: statistics.median(times) * 1000 for name, times in spent.items()}
    bare = found.pop("python3 -c pass")
    for name, milliseconds in found.items():
        yield Row(f"start: {name}", "", milliseconds, "ms", "python3 -c pass", bare)


def _seconds(command: Sequence[str], folder: Path) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    spent = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.decode()}")
    return spent
