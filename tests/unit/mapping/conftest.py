"""A small workspace that is right in every way; a test changes one file of it and looks at what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from instep.mapping.compiled import Workspace
from instep.mapping.load import load_workspace, read_workspace

FILES = {
    "sync.toml": """\
[connections.exports]
plugin = "files"
path = "exports"

[connections.crm]
plugin = "some-crm"
""",
    "mappings/process.toml": 'preset = "b2b-11"\n',
    "mappings/exports.toml": """\
[person]
objects = ["people"]
match = ["instep_id", "email"]

[person.fields]
email = "E-mail"
""",
    "mappings/crm.toml": """\
[person]
objects = ["contacts"]
match = ["instep_id", "email"]

[person.fields]
email = "email_address"
""",
}


class Folder:
    """A workspace on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            self.put(name, text)

    def put(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def write(self, **files: str) -> Folder:
        """Replace files: `process="…"` is `mappings/process.toml`, `sync="…"` is `sync.toml`."""
        for name, text in files.items():
            self.put("sync.toml" if name == "sync" else f"mappings/{name}.toml", text)
        return self

    def said(self, **files: str) -> list[str]:
        """Every mistake, as it is printed, after replacing files."""
        return [str(mistake) for mistake in read_workspace(self.write(**files).root).mistakes]

    def noted(self, **files: str) -> list[str]:
        return [str(note) for note in read_workspace(self.write(**files).root).notes]

    def loaded(self, **files: str) -> Workspace:
        return load_workspace(self.write(**files).root)

    def without(self, name: str) -> Folder:
        (self.root / name).unlink()
        return self


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def said(folder: Folder) -> Callable[..., list[str]]:
    return folder.said
