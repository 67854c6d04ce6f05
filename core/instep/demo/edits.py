"""What somebody at the vendor changes in the mapping files: one stage gets another word, another one is retired."""

from __future__ import annotations

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
