from typing import Any

import pytest
from pydantic import ValidationError

from instep_salesforce import SalesforceSettings

TOKEN = {"access_token": "t"}
APP = {"client_id": "id", "client_secret": "s"}
KEY = {"client_id": "id", "username": "u", "private_key": "k"}


def settings(**given: Any) -> SalesforceSettings:
    return SalesforceSettings(**{"instance_url": "https://acme.my.salesforce.com", **given})


@pytest.mark.parametrize(
    ("given", "login"),
    [
        (TOKEN, "token"),
        (APP, "client-credentials"),
        (APP | {"refresh_token": "r"}, "refresh"),
        ({"client_id": "id", "refresh_token": "r"}, "refresh"),
        (KEY, "jwt"),
        (TOKEN | KEY, "jwt"),
    ],
)
def test_the_login_follows_from_what_is_given(given: dict[str, str], login: str) -> None:
    assert settings(**given).login == login


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"client_id": "id"},
        {"client_secret": "s"},
        {"refresh_token": "r"},
        {"client_id": "id", "username": "u"},
        {"client_id": "id", "private_key": "k"},
        KEY | {"private_key_file": "/k"},
    ],
)
def test_half_a_login_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings(**given)


@pytest.mark.parametrize("name", ["instance_url", "login_url", "audience"])
@pytest.mark.parametrize(
    "url", ["http://acme.my.salesforce.com", "ftp://x", "acme.my.salesforce.com", "https://", "http://10.0.0.1"]
)
def test_only_safe_addresses_are_taken(name: str, url: str) -> None:
    with pytest.raises(ValidationError, match="https"):
        settings(**TOKEN | {name: url})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:80", "https://acme.my.salesforce.com"]
)
def test_this_machine_may_be_spoken_to_openly(url: str) -> None:
    assert settings(**TOKEN | {"instance_url": f"{url}/"}).instance_url == url


@pytest.mark.parametrize("version", ["v63.0", "63", "45.0", "9.0"])
def test_a_version_that_this_connector_does_not_speak_is_refused(version: str) -> None:
    with pytest.raises(ValidationError):
        settings(**TOKEN | {"api_version": version})


def test_the_overlap_cannot_be_switched_off() -> None:
    with pytest.raises(ValidationError):
        settings(**TOKEN | {"overlap_seconds": 0})


def test_secrets_are_masked() -> None:
    shown = settings(**KEY | {"private_key": "canary", "client_secret": "canary", "refresh_token": "canary"})
    assert "canary" not in f"{shown!r} {shown.model_dump_json()}"
