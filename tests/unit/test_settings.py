"""Secrets that a system says back."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from instep.contract import without_secrets

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
