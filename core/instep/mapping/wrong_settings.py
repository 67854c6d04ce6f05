"""What is wrong with a connection's settings, in one wording wherever it comes up. No value is ever quoted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.errors import AccessError
from instep.mapping.mistakes import Path, dotted, suggestion

if TYPE_CHECKING:
    from pydantic import ValidationError

    from instep.settings import ConnectorSettings

_WORDS: Mapping[str, Callable[[Any], str]] = {
    "int": lambda _: "must be a whole number",
    "float": lambda _: "must be a number",
    "bool": lambda _: "must be true or false",
    "string": lambda _: "must be a text",
    "path": lambda _: "must be a path",
    "date": lambda _: "must be a date such as 2026-01-31",
    "dict": lambda _: "must be a table",
    "model": lambda _: "must be a table",
    "list": lambda _: "must be a list",
    "tuple": lambda _: "must be a list",
    "literal_error": lambda limits: f"must be {limits['expected']}",
    "string_pattern_mismatch": lambda limits: f"must match {limits['pattern']}",
    "string_too_short": lambda limits: f"must have {limits['min_length']} characters or more",
    "too_short": lambda limits: f"must have {limits['min_length']} entries or more",
    "greater_than": lambda limits: f"must be more than {limits['gt']:g}",
    "greater_than_equal": lambda limits: f"must be {limits['ge']:g} or more",
    "less_than": lambda limits: f"must be less than {limits['lt']:g}",
    "less_than_equal": lambda limits: f"must be {limits['le']:g} or less",
}
"""What pydantic's kinds of errors mean; a kind of a whole family (`int_parsing`, `int_type`) by its first word."""


@dataclass(frozen=True, slots=True)
class WrongSetting:
    """One thing to put right: where it stands below the connection, what is wrong, and what to do."""

    code: str
    path: Path
    problem: str
    remedy: str


def usable_settings(kind: type[ConnectorSettings], connection: str, table: Mapping[str, Any]) -> ConnectorSettings:
    """One connection's settings. Raises `AccessError` with everything that is wrong with them."""
    from instep.settings import ValidationError, load_settings

    try:
        return load_settings(kind, connection, dict(table))
    except ValidationError as error:
        raise AccessError("\n".join(_told(connection, one) for one in wrong_in(error, kind, connection))) from None


def wrong_in(error: ValidationError, kind: type[ConnectorSettings], connection: str) -> list[WrongSetting]:
    """Pydantic's errors as what admins have to put right."""
    return [_wrong(found, kind, connection) for found in error.errors(include_url=False)]


def is_secret_setting(kind: type[ConnectorSettings], name: object) -> bool:
    """Whether there is a setting of that name, and it is a secret."""
    from instep.settings import is_secret

    field = kind.model_fields.get(str(name))
    return field is not None and is_secret(field.annotation)


def variable_of(connection: str, name: object) -> str:
    """The environment variable of a connection's setting."""
    from instep.settings import environment_prefix

    return environment_prefix(connection) + str(name).upper()


def _told(connection: str, wrong: WrongSetting) -> str:
    return f"sync.toml: {dotted(('connections', connection, *wrong.path))} {wrong.problem}. {wrong.remedy}"


def _wrong(found: Any, kind: type[ConnectorSettings], connection: str) -> WrongSetting:
    path: Path = tuple(part for part in found["loc"] if isinstance(part, str | int))
    if not path:
        remedy = f"Set secrets as {variable_of(connection, '…')} in the environment, all else in sync.toml."
        return WrongSetting("BAD_SETTING", (), f"is not set up: {_message(found)}", remedy)
    *above, name = path
    variable = variable_of(connection, name)
    match found["type"]:
        case "missing" if above:
            return WrongSetting("MISSING_KEY", tuple(above), f'has no "{name}"', "Add it.")
        case "missing" if is_secret_setting(kind, name):
            return WrongSetting("SECRET_NOT_SET", (), f'has no "{name}"', f"Set {variable} in the environment.")
        case "missing":
            return WrongSetting("MISSING_KEY", (), f'has no "{name}"', f"Add it, or set {variable}.")
        case "extra_forbidden":
            known = () if above else (*kind.model_fields, "plugin")
            return WrongSetting("UNKNOWN_KEY", path, "is not a known key", suggestion(str(name), known))
    return _refused(found, path, variable_of(connection, path[0]))


def _refused(found: Any, path: Path, variable: str) -> WrongSetting:
    if variable in os.environ:
        problem = f"is not accepted as the environment has it: {_message(found)}"
        return WrongSetting("BAD_SETTING", path, problem, f"Correct {variable}.")
    return WrongSetting("BAD_SETTING", path, f"is not accepted: {_message(found)}", f"Correct it, or set {variable}.")


def _message(found: Any) -> str:
    """What a connector's own check says, unless it repeats the value; of pydantic's checks what they mean."""
    kind = found["type"]
    if kind == "value_error":
        said = str(found["ctx"]["error"]).rstrip(".")
        leaves = {str(value) for value in _leaves(found.get("input"))}
        return "its value does not fit" if any(len(leaf) > 1 and leaf in said for leaf in leaves) else said
    words = _WORDS.get(kind) or _WORDS.get(kind.partition("_")[0])
    return words(found.get("ctx")) if words else "its value does not fit"


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, (list, tuple)):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value.get_secret_value() if hasattr(value, "get_secret_value") else value]
