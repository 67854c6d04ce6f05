"""`instep init --demo`: see the whole thing run, without any account."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

PARTS: Final = {
    "sync": "instep.demo.story",
    "campaign": "instep.demo.campaigning",
    "stages": "instep.demo.provisioning",
    "buyers": "instep.demo.buying",
}
"""The parts of the demo, in the order in which they are told, and the module that tells each."""


def run(folder: Path | None = None, part: str | None = None) -> int:
    """Play one part in a folder that is empty or new, or in a temporary one; else all, each in a folder inside it.

    0 if everything comes out as promised.
    """
    from instep.demo.place import fresh_folder

    place = fresh_folder(folder)
    places = {name: place / name for name in PARTS} if part is None else {part: place}
    return max([_play(name, inside) for name, inside in places.items()])


def _play(part: str, place: Path) -> int:
    from instep.cli.init_files import schemas_of

    code = int(import_module(PARTS[part]).play(place))
    schemas_of(place)
    return code
