"""Every code that the source gives, found where it is given: in the calls that make mistakes, notes and findings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from instep import errors

CORE = Path(errors.__file__).parent
_PLACES = {
    "mapping": {"mistake": 0, "note": 0, "Mistake": 5, "WrongSetting": 0, "unknown": 0, "names": 1, "members": 1},
    "lint": {"Finding": 0},
    "notes": {"note": 0},
    "obstacles": {"Obstacle": 0},
    "doctor": {"Finding": 1, "Untold": 2},
    "provision": {"finding": 0},
    "rejected": {"quarantine": 1},
}
"""Per family, the calls that take a code, and which of their arguments it is."""
_FOLDERS = {"mapping": "mapping", "lint": "mapping", "doctor": "", "provision": "provision"}
_KEYWORDS = {"Mistake": "code", "Untold": "code"}


@dataclass(slots=True)
class Found:
    """The codes of a family, and the arguments of which nobody can say here what they are."""

    codes: set[str] = field(default_factory=set)
    passed_on: set[str] = field(default_factory=set)


def codes_of(family: str) -> Found:
    """Everything in core that gives a code of a family."""
    found = Found()
    folder = CORE / _FOLDERS.get(family, "sync")
    for file in sorted(folder.rglob("*.py")):
        if "demo" not in file.parts and "testing" not in file.parts and "proposal" not in file.parts:
            is_lint = file.name == "lint.py"
            if not (family == "lint" and not is_lint) and not (family == "doctor" and is_lint):
                collect(file.read_text(encoding="utf-8"), family, file.name, found)
    return found


def collect(source: str, family: str, name: str, found: Found) -> None:
    """Add what one module gives."""
    module = ast.parse(source)
    for scope, call in _calls(module, module):
        called = _name(call)
        if called in _PLACES[family] and (given := _argument(call, called, _PLACES[family][called])) is not None:
            is_a_word = called in ("unknown", "names", "members")
            values = _values(given, scope, module) if is_a_word or not isinstance(given, ast.JoinedStr) else set()
            if not values:
                found.passed_on.add(f"{name}: {ast.unparse(given)}")
            elif is_a_word:
                found.codes |= {f"UNKNOWN_{value.split()[0].upper()}" for value in values}
            else:
                found.codes |= values


def noted_obstacles() -> set[str]:
    """What is in the way of a create and is noted in each run too."""
    tree = ast.parse((CORE / "sync/creates.py").read_text(encoding="utf-8"))
    calls = [call for _, call in _calls(tree, tree) if _name(call) == "Obstacle"]
    return {ast.literal_eval(call.args[0]) for call in calls if any(k.arg == "is_noted" for k in call.keywords)}


def error_classes() -> set[str]:
    """The branches of the one tree of errors."""
    tree = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.__name__ for kind in tree if issubclass(kind, errors.InstepError) and kind is not errors.InstepError}


def _calls(node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        inner = child if isinstance(child, ast.FunctionDef) else scope
        if isinstance(child, ast.Call):
            yield inner, child
        yield from _calls(child, inner)


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _argument(call: ast.Call, called: str, place: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == _KEYWORDS.get(called):
            return keyword.value
    is_source = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value).endswith("source")
    place += called == "mistake" and is_source
    if call.args and isinstance(call.args[0], ast.Starred):
        return call.args[0]
    return call.args[place] if len(call.args) > place else None


def _values(given: ast.expr, scope: ast.AST, module: ast.Module) -> set[str]:
    """Every text that an expression may be; empty where that is not written down in this module."""
    match given:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return {text}
        case ast.IfExp(body=body, orelse=orelse):
            return _values(body, scope, module) | _values(orelse, scope, module)
        case ast.Name(id=name):
            where = [scope, module]
            assigned = [value for place in where for node in ast.walk(place) for value in _assigned(node, name)]
            return {text for value in assigned for text in _values(value, scope, module)}
    return set()


def _assigned(node: ast.AST, name: str) -> Iterator[ast.expr]:
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        if isinstance(target, ast.Name) and target.id == name:
            yield node.value
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            for part, value in zip(target.elts, node.value.elts, strict=False):
                if isinstance(part, ast.Name) and part.id == name:
                    yield value
