from pathlib import Path

import pytest
from pydantic import ValidationError

from instep.mapping.load import read_workspace
from instep_hubspot import HubSpotSettings, hubspot

OAUTH = {"client_id": "id", "client_secret": "s3cret", "refresh_token": "r3fresh"}


@pytest.mark.parametrize(
    "url", ["https://api.hubapi.com", "http://127.0.0.1:80", "http://localhost", "http://[::1]:1"]
)
def test_a_safe_address_is_accepted(url: str) -> None:
    assert HubSpotSettings(access_token="t", base_url=url).base_url == url


@pytest.mark.parametrize(
    "url", ["http://api.hubapi.com", "http://127.0.0.1.example", "ftp://localhost", "api.hubapi.com"]
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        HubSpotSettings(access_token="t", base_url=url)


def test_a_login_is_needed() -> None:
    with pytest.raises(ValidationError, match="access_token is needed"):
        HubSpotSettings()


def test_half_an_oauth_login_is_refused() -> None:
    with pytest.raises(ValidationError, match="needed together"):
        HubSpotSettings(access_token="t", client_id="id")


def test_an_oauth_login_needs_no_access_token() -> None:
    assert HubSpotSettings(**OAUTH).can_refresh


def test_no_secret_shows() -> None:
    settings = HubSpotSettings(access_token="t0ken", **OAUTH)
    assert not [word for word in ("t0ken", "s3cret", "r3fresh") if word in f"{settings!r} {settings}"]


def test_the_starter_mapping_is_accepted_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "sync.toml").write_text('[connections.hubspot]\nplugin = "hubspot"\n', encoding="utf-8")
    (tmp_path / "mappings/process.toml").write_text('preset = "b2b-11"\n', encoding="utf-8")
    (tmp_path / "mappings/hubspot.toml").write_text(hubspot.starter_mapping, encoding="utf-8")
    assert not read_workspace(tmp_path).mistakes
