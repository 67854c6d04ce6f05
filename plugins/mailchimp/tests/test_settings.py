import pytest
from pydantic import ValidationError

from instep_mailchimp import MailchimpSettings

AUDIENCES = {"members": "a1b2c3d4e5"}
KEY = "0123456789abcdef0123456789abcdef-us19"


def settings(**changes):
    return MailchimpSettings(**{"api_key": KEY, "audiences": AUDIENCES, **changes})


def test_the_data_centre_is_the_end_of_the_key() -> None:
    assert settings().address == "https://us19.api.mailchimp.com/3.0"


def test_a_data_centre_that_is_set_comes_before_that_of_the_key() -> None:
    assert settings(data_centre="us7").address == "https://us7.api.mailchimp.com/3.0"


def test_an_oauth_login_names_its_data_centre() -> None:
    with pytest.raises(ValidationError, match="data_centre is needed"):
        settings(api_key=None, access_token="t")
    assert settings(api_key=None, access_token="t", data_centre="us7").address.startswith("https://us7.")


@pytest.mark.parametrize("end", ["", "evil.example/", "us1.evil.example", "us1@evil.example", "1us", "us1/../x"])
def test_no_key_can_send_requests_elsewhere(end: str) -> None:
    with pytest.raises(ValidationError, match="data_centre is needed"):
        settings(api_key=f"0123-{end}")


@pytest.mark.parametrize("url", ["https://us19.api.mailchimp.com", "http://127.0.0.1:80", "http://localhost"])
def test_a_safe_address_is_accepted(url: str) -> None:
    assert settings(base_url=url).address == f"{url}/3.0"


@pytest.mark.parametrize(
    "url", ["http://us19.api.mailchimp.com", "https://api.mailchimp.com.example", "ftp://localhost"]
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        settings(base_url=url)


def test_one_login_is_needed_and_one_is_enough() -> None:
    with pytest.raises(ValidationError, match="api_key is needed"):
        settings(api_key=None)
    with pytest.raises(ValidationError, match="not both"):
        settings(access_token="t")


@pytest.mark.parametrize("audiences", [{}, {"a": "../x"}, {"a": "1", "b": "1"}, {"all": "1"}])
def test_audiences_are_named_once_and_by_plain_ids(audiences: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="audiences"):
        settings(audiences=audiences)


@pytest.mark.parametrize("tags", [("A", "a"), ("A", " ")])
def test_the_tags_of_steps_are_told_apart(tags: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="stage_tags"):
        settings(stage_tags=tags)


def test_nobody_can_be_subscribed_by_a_setting() -> None:
    with pytest.raises(ValidationError, match="new_members"):
        settings(new_members="subscribed")
    assert settings().new_members == "transactional"


def test_segments_are_named_by_name_or_id() -> None:
    assert settings(segments=["Readers", 1234]).segments == ("Readers", "1234")


@pytest.mark.parametrize("segments", [["A", "A"], ["1", 1], [" "]])
def test_segments_are_named_once_and_not_blank(segments: list[object]) -> None:
    with pytest.raises(ValidationError, match="segments"):
        settings(segments=segments)
