"""`instep init --demo`: see the whole thing run, without any account."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

PARTS: Final = {"sync": "instep.demo.story", "stages": "instep.demo.provisioning"}
"""The parts of the demo, in the order in which they are told, and the module that tells each."""


def run(folder: Path | None = None, part: str | None = None) -> int:
    """Play one part in a folder that is empty or new, or in a temporary one; else both, each in a folder inside it.

    0 if everything comes out as promised.
    """
    from instep.demo.place import fresh_folder

    if part is not None:
        return int(import_module(PARTS[part]).play(folder))
    place = fresh_folder(folder)
    return max([int(import_module(module).play(place / name)) for name, module in PARTS.items()])
