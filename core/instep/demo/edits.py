"""What somebody at the vendor changes in the files.

One stage gets another word, another one is retired; fields stand beside a stage; a rule of the scores is another.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from instep.errors import ConfigError

RENAMED = "decision"
WORDS = ("Evaluation", "Trial")
"""How the renamed stage was called, and is called from then on."""

RETIRED, RETIRED_WORD = "validation", "Validation"
TO = "decision"
SEGMENT = "life-sciences"
"""Who had the retired stage."""

_EDITS = (
    (f'{RENAMED} = "{WORDS[0]}"', f'{RENAMED} = "{WORDS[1]}"'),
    (f'{RETIRED} = "{RETIRED_WORD}", ', ""),
    (f'segments = ["{SEGMENT}"]\n', f'segments = ["{SEGMENT}"]\nretire = {{ {RETIRED} = "{TO}" }}\n'),
)


def edit_mappings(folder: Path, connections: Iterable[str]) -> None:
    """Make both changes in the mapping file of each of these connections."""
    for name in connections:
        file = folder / "mappings" / f"{name}.toml"
        text = file.read_text(encoding="utf-8")
        for before, after in _EDITS:
            if before not in text:
                raise ConfigError(f"{file} has no {before.strip()}. Install Instep again.")
            text = text.replace(before, after)
        file.write_text(text, encoding="utf-8")


_STAGES_IN = "[opportunity.stages_in]\n"

DRAFT = Path("drafts") / "scoring.toml"
RULES = ('half_life = "30d"', 'half_life = "45d"')
"""The rule that is changed, before and after."""


def add_stage_notes(folder: Path, connection: str, reason: str, until: str) -> str:
    """Name the fields that stand beside the stage of a deal in one system; what the mapping says of them."""
    lines = f'reason = "{reason}"\nuntil = "{until}"\n'
    _replace(folder / "mappings" / f"{connection}.toml", _STAGES_IN, _STAGES_IN + lines)
    return " ".join(lines.split("\n")).strip()


def draft_scoring(folder: Path) -> Path:
    """Write a draft of scoring.toml with one rule changed; where it is in the folder."""
    (folder / DRAFT).parent.mkdir()
    shutil.copyfile(folder / "mappings" / DRAFT.name, folder / DRAFT)
    _replace(folder / DRAFT, *RULES)
    return DRAFT


def use_draft(folder: Path) -> None:
    """Put the draft where it counts."""
    shutil.move(folder / DRAFT, folder / "mappings" / DRAFT.name)


def _replace(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    if before not in text:
        raise ConfigError(f"{file} has no {before.strip()}. Install Instep again.")
    file.write_text(text.replace(before, after), encoding="utf-8")
