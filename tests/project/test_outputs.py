"""Commands print JSON through one door, and each kind of document that they name has a schema."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from instep import outputs

DOORS = {"core/instep/cli/output.py": "print_json", "core/instep/sync/run.py": "save_plan"}
"""Where documents leave; the first for the screen, the second for files."""
ENCODERS = {"json.dump", "json.dumps"}


def calls(text: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def named(text: str) -> set[str]:
    """The kinds of documents that a module prints or saves."""
    doors = [call for call in calls(text) if ast.unparse(call.func) in ("print_json", "outputs.document")]
    return {call.args[0].value for call in doors if isinstance(call.args[0], ast.Constant)}


def test_only_one_module_of_the_commands_writes_json(files: tuple[str, ...], root: Path) -> None:
    modules = [name for name in files if name.startswith("core/instep/cli/") and name.endswith(".py")]
    texts = {name: (root / name).read_text(encoding="utf-8") for name in modules}
    assert len(modules) > 20
    writing = [
        name for name, text in texts.items() if any(ast.unparse(call.func) in ENCODERS for call in calls(text))
    ]
    assert writing == ["core/instep/cli/output.py"]
    assert [name for name, text in texts.items() if "msgspec" in text] == []


def test_the_kinds_that_are_printed_are_those_that_have_a_schema(files: tuple[str, ...], root: Path) -> None:
    modules = [name for name in files if name.startswith("core/instep/") and name.endswith(".py")]
    printed = {kind for name in modules for kind in named((root / name).read_text(encoding="utf-8"))}
    assert printed == set(outputs.kinds())


def test_every_door_makes_a_document(root: Path) -> None:
    for module, door in DOORS.items():
        tree = ast.parse((root / module).read_text(encoding="utf-8"))
        [function] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == door]
        assert "outputs.document(" in ast.unparse(function)
