"""What must never be committed."""

from __future__ import annotations

import re
from pathlib import Path

ROOTS = ("home", "work", "root", "Users")
MACHINE_PATH = re.compile(r"(?<![\w.*})>])/(?:" + "|".join(ROOTS) + r")/[\w.]")
LARGEST = 500_000


def texts(files: tuple[str, ...], root: Path) -> dict[str, str]:
    return {name: (root / name).read_bytes().decode("utf-8", "replace") for name in files}


def test_the_lock_names_versions_and_hashes_and_no_address(root: Path) -> None:
    lines = (root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    wrong = [
        line for line in lines if "://" in line or line.lstrip().startswith(("-i", "--index", "--extra", "--find"))
    ]
    assert wrong == []
    pins = [line for line in lines if line and not line.startswith((" ", "#", "-"))]
    assert all(re.match(r"[a-z0-9._-]+==\S+", pin) for pin in pins)
    assert sum("--hash=sha256:" in line for line in lines) >= len(pins)


def test_no_lock_with_addresses_is_tracked(files: tuple[str, ...]) -> None:
    assert [name for name in files if Path(name).name in ("uv.lock", "pylock.toml", "poetry.lock")] == []


def test_no_file_names_a_place_on_somebodys_machine(files: tuple[str, ...], root: Path) -> None:
    found = [
        f"{name}: {match[0]}" for name, text in texts(files, root).items() if (match := MACHINE_PATH.search(text))
    ]
    assert found == []


def test_such_a_place_would_be_noticed() -> None:
    assert all(MACHINE_PATH.search(f'open("/{name}/ada/x")') for name in ROOTS)
    assert not MACHINE_PATH.search("docs/work/x, https://x.example/home/ada, ../work/x")


def test_no_key_is_committed(files: tuple[str, ...], root: Path) -> None:
    pattern = re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY|pat-(na|eu)1-[0-9a-f]{8}-[0-9a-f]{4}")
    assert [name for name, text in texts(files, root).items() if pattern.search(text)] == []


def test_no_file_is_large(files: tuple[str, ...], root: Path) -> None:
    assert [name for name in files if (root / name).stat().st_size > LARGEST] == []


LITERAL = re.compile(r"\{[^{}]*:" + "literal" + r"\}|format_" + r"soql|format_external_" + "id")
"""The client library's own way to put values into a query: its "literal" puts them in unquoted."""


def test_no_query_is_built_in_the_librarys_way(files: tuple[str, ...], root: Path) -> None:
    code = tuple(name for name in files if (name.endswith(".py") and "/src/" in name) or name.startswith("core/"))
    assert code
    found = [f"{name}: {match[0]}" for name, text in texts(code, root).items() if (match := LITERAL.search(text))]
    assert found == []


def test_such_a_query_would_be_noticed() -> None:
    assert LITERAL.search("format_" + 'soql("SELECT Id FROM Lead WHERE Name = {}", name)')
    assert LITERAL.search('"SELECT Id FROM {:' + 'literal}"')
    assert not LITERAL.search('f"SELECT {names} FROM {object}"')
