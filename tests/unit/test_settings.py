"""Secrets that a system says back, and settings that come from the environment."""

from __future__ import annotations

import pytest
from pydantic import Field, SecretStr

from instep.contract import without_secrets
from instep.settings import ConnectorSettings, ValidationError, load_settings

LONG = "a-token-of-many-letters"


@pytest.mark.parametrize("secret", ["Wel come1", LONG])
def test_an_error_never_says_a_secret_back(secret: str) -> None:
    said = f"no such token: {secret} ({secret.replace(' ', '+')})".encode()
    told = without_secrets(said, [SecretStr(secret), None], is_error=True).decode()
    assert told == "no such token: ********** (**********)"


def test_a_record_that_holds_the_same_word_by_chance_is_left_alone() -> None:
    records = b'{"title": "Welcome1 desk", "t": 1}'
    assert without_secrets(records, [SecretStr("Welcome1"), SecretStr("t")], is_error=False) == records


def test_a_refusal_among_records_never_says_a_token_back() -> None:
    assert LONG.encode() not in without_secrets(f"bad: {LONG}".encode(), [SecretStr(LONG)], is_error=False)


class WithATable(ConnectorSettings):
    names: dict[str, str] = Field(default_factory=dict)
    ids: tuple[int, ...] = ()


@pytest.mark.parametrize("text", ['{ members = "a1" }', '{"members": "a1"}'])
def test_a_table_may_come_from_the_environment_as_toml_or_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("INSTEP_X__NAMES", text)
    monkeypatch.setenv("INSTEP_X__IDS", "[1, 2]")
    found = load_settings(WithATable, "x", {})
    assert found.model_dump() == {"names": {"members": "a1"}, "ids": (1, 2)}


def test_what_is_no_table_in_the_environment_is_said_of_that_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTEP_X__NAMES", "a1b2")
    with pytest.raises(ValidationError) as caught:
        load_settings(WithATable, "x", {})
    assert [error["loc"] for error in caught.value.errors()] == [("names",)]
