"""`instep connector show`: settings in words that an admin reads."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from instep.cli.main import instep
from instep.errors import ConfigError


def shown(name: str) -> dict[str, list[str]]:
    """By setting: its type, its default and its meaning, as they are printed."""
    result = CliRunner().invoke(instep, ["connector", "show", name])
    assert result.exit_code == 0, result.output
    printed = result.output.split("\n\n")[1].splitlines()
    starts = [match.start() for match in re.finditer("-+", printed[1])]
    cells = [[line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)] for line in printed]
    return {row[0]: row[1:] for row in cells[2:]}


def test_types_and_defaults_are_in_words() -> None:
    settings = shown("hubspot")
    assert settings["access_token"][:2] == ["secret", "—"]
    assert settings["base_url"][:2] == ["text", "https://api.hubapi.com"]
    assert settings["api_version"][:2] == ["v3 | 2026-03 | 2026-09", "v3"]
    assert settings["timeout_seconds"][:2] == ["number", "30"]
    assert settings["client_id"][:2] == ["text", "—"]


@pytest.mark.parametrize(("typed", "said"), [("hubspt", 'Did you mean "hubspot"?'), ("xyz", "Install it with pip.")])
def test_a_name_that_nobody_has_is_told_with_the_nearest_one(typed: str, said: str) -> None:
    error = CliRunner().invoke(instep, ["connector", "show", typed]).exception
    assert isinstance(error, ConfigError)
    assert str(error).endswith(said)


def test_tables_show_what_each_of_them_takes() -> None:
    settings = shown("files")
    assert settings["path"][:2] == ["text", "required"]
    assert settings["direction"][:2] == ["in | both", "in"]
    assert settings["objects"][:2] == ["table", "—"]
    assert settings["objects.NAME.file"][:2] == ["text", "required"]
    assert settings["objects.NAME.delimiter"][:2] == ["text", ","]
    assert settings["objects.NAME.references"][:2] == ["table", "—"]
    assert settings["behaviours.NAME.actor"][:2] == ["buyer | seller | system", "buyer"]


@pytest.mark.parametrize("name", ["files", "hubspot"])
def test_every_setting_says_what_it_means(name: str) -> None:
    assert [setting for setting, (*_, meaning) in shown(name).items() if not meaning] == []


@pytest.mark.parametrize("name", ["files", "hubspot"])
def test_no_types_of_python_are_shown(name: str) -> None:
    assert not re.search(r"Pydantic|SecretStr|Literal|None|\bdict\b", str(shown(name)))


def test_json_says_the_same() -> None:
    result = CliRunner().invoke(instep, ["connector", "show", "hubspot", "--json"])
    document: dict[str, Any] = json.loads(result.output)
    token = next(setting for setting in document["settings"] if setting["name"] == "access_token")
    assert (token["type"], token["required"], token["default"]) == ("secret", False, None)


def test_every_reason_for_which_a_claim_is_not_tested_is_printed() -> None:
    printed = CliRunner().invoke(instep, ["connector", "show", "mailchimp"]).output
    told = json.loads(CliRunner().invoke(instep, ["connector", "show", "mailchimp", "--json"]).output)["conformance"]
    assert f"{told['holds']} claims hold, {sum(one['claims'] for one in told['skipped'])} do not apply." in printed
    assert told["skipped"]
    assert all(one["reason"] in printed for one in told["skipped"])
