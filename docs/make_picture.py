"""Draws docs/demo.svg, docs/campaign.svg and docs/stages.svg from real runs of the demo.

`.venv/bin/python docs/make_picture.py`
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 128


PICTURES = {"sync": "demo", "campaign": "campaign", "stages": "stages"}
"""The parts of the demo, and the name of the picture of each."""


def main() -> None:
    """Draw all of these parts."""
    for part, name in PICTURES.items():
        draw(part, name)


def draw(part: str, name: str) -> None:
    """Run one part as on a colour terminal, and keep what it printed as a picture."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
        program = (
            "import sys; from pathlib import Path; from instep.cli.demo import run; "
            "sys.exit(run(Path(sys.argv[1]), sys.argv[2]))"
        )
        command = [sys.executable, "-c", program, f"{folder}/instep-demo", part]
        printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(printed.replace(folder + "/", "")))
    svg = console.export_svg(title=f"python3 dev.py demo --part {part}")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)  # no font from another host
    (Path(__file__).parent / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
