import pytest
from pydantic import ValidationError

from instep.settings import load_settings
from instep_marketo import MarketoSettings

LOGIN = {"munchkin_id": "123-ABC-456", "client_id": "c", "client_secret": "s"}


def settings(**more):
    return load_settings(MarketoSettings, "m", {**LOGIN, **more})


def test_the_host_is_the_subscriptions_own():
    assert settings().base_url == "https://123-ABC-456.mktorest.com"


@pytest.mark.parametrize("end", ["", "/", "/rest", "/rest/"])
def test_an_address_is_taken_with_or_without_rest_at_its_end(end):
    assert settings(base_url=f"https://123-abc-456.mktorest.com{end}").base_url == "https://123-abc-456.mktorest.com"


@pytest.mark.parametrize(
    "url",
    [
        "http://123-abc-456.mktorest.com",
        "https://mktorest.com.evil.example",
        "https://x@mktorest.com",
        "ftp://127.0.0.1",
    ],
)
def test_our_token_goes_to_nobody_else(url):
    with pytest.raises(ValidationError):
        settings(base_url=url)


def test_an_address_of_another_subscription_is_refused():
    with pytest.raises(ValidationError, match="two subscriptions"):
        settings(base_url="https://999-XYZ-999.mktorest.com")


@pytest.mark.parametrize(
    "munchkin_id", ["123-abc-456", "123ABC456", "", "123-ABC-456.evil", "https://123-ABC-456.mktorest.com"]
)
def test_a_munchkin_id_that_has_not_its_shape_is_one_mistake(munchkin_id):
    with pytest.raises(ValidationError) as caught:
        settings(munchkin_id=munchkin_id)
    assert [error["loc"] for error in caught.value.errors()] == [("munchkin_id",)]


def test_a_munchkin_id_that_is_missing_is_one_mistake():
    with pytest.raises(ValidationError) as caught:
        load_settings(MarketoSettings, "m", {"client_id": "c", "client_secret": "s"})
    assert [error["loc"] for error in caught.value.errors()] == [("munchkin_id",)]
