"""Tokens and sessions of the Salesforce sandbox, asked for by the vendor's own client where it can."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from instep_salesforce.sandbox import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    REFRESH_TOKEN,
    STATIC_TOKEN,
    USERNAME,
    private_key,
    salesforce_sandbox,
)

from .sandboxes import Opened, opened, refusal, session_to

JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        yield running


def ask(org: Opened, **form: str) -> requests.Response:
    return org.sf.session.post(f"{org.sandbox.url}/services/oauth2/token", data=form)


def client_credentials(org: Opened) -> dict[str, Any]:
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return ask(org, **form).json()


def claims(org: Opened, **changes: object) -> str:
    now = org.clock.now().timestamp()
    named = {"iss": CLIENT_ID, "sub": USERNAME, "aud": "https://login.salesforce.com", "exp": f"{now + 180:.0f}"}
    return jwt.encode({**named, **changes}, private_key(), algorithm="RS256")


def test_the_client_logs_in_with_client_credentials(org: Opened) -> None:
    sf = Salesforce(
        consumer_key=CLIENT_ID,
        consumer_secret=CLIENT_SECRET,
        domain="acme.my",
        session=org.sf.session,
        version="63.0",
    )
    assert sf.session_id.startswith("00D")
    assert sf.query("SELECT Id FROM Organization")["totalSize"] == 1


def test_the_client_logs_in_with_a_password(org: Opened) -> None:
    sf = Salesforce(
        username=USERNAME,
        password=PASSWORD,
        consumer_key=CLIENT_ID,
        consumer_secret=CLIENT_SECRET,
        session=org.sf.session,
        version="63.0",
    )
    assert sf.is_sandbox() is False


def test_the_client_logs_in_with_a_signed_assertion() -> None:
    with salesforce_sandbox() as sandbox, session_to(sandbox) as session:
        sf = Salesforce(
            username=USERNAME,
            consumer_key=CLIENT_ID,
            privatekey=private_key(),
            instance_url="acme.my",
            session=session,
            version="63.0",
        )
        assert sf.is_sandbox() is False


def test_the_token_answer_has_salesforces_shape(org: Opened) -> None:
    answer = client_credentials(org)
    assert answer["instance_url"] == org.sandbox.url
    assert answer["token_type"] == "Bearer"
    assert answer["issued_at"] == str(int(org.clock.now().timestamp() * 1000))
    assert "expires_in" not in answer
    assert "refresh_token" not in answer
    assert answer["id"].split("/")[-2] == org.rows("SELECT Id FROM Organization")[0]["Id"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "no", "client_secret": "x"}, "invalid_client_id"),
        ({"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "x"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": CLIENT_ID}, "invalid_client"),
        ({"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": "no"}, "invalid_grant"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
        ({"grant_type": JWT, "assertion": "x.y.z"}, "invalid_grant"),
    ],
)
def test_a_refused_login_is_an_object_and_not_a_list(org: Opened, form: dict[str, str], error: str) -> None:
    answer = ask(org, **form)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]


def test_the_client_reports_a_refused_login(org: Opened) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as caught:
        Salesforce(consumer_key="no", consumer_secret="x", domain="acme.my", session=org.sf.session)
    assert caught.value.code == "invalid_client_id"


def test_basic_authentication_names_the_client_too(org: Opened) -> None:
    basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    url = f"{org.sandbox.url}/services/oauth2/token"
    form = {"grant_type": "client_credentials"}
    assert org.sf.session.post(url, data=form, headers={"Authorization": f"Basic {basic}"}).status_code == 200
    assert org.sf.session.post(url, data=form, headers={"Authorization": "Basic %%"}).status_code == 400


def test_a_refresh_token_is_good_again_and_again(org: Opened) -> None:
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": REFRESH_TOKEN}
    first, second = ask(org, **form).json(), ask(org, **form).json()
    assert first["access_token"] != second["access_token"]
    assert "refresh_token" not in first


def test_a_rotated_refresh_token_is_good_once(org: Opened) -> None:
    org.behave(refresh_rotation=True)
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": REFRESH_TOKEN}
    new = ask(org, **form).json()["refresh_token"]
    assert ask(org, **form).json()["error_description"] == "expired access/refresh token"
    assert ask(org, **{**form, "refresh_token": new}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"aud": "https://elsewhere.example"}, "audience is invalid"),
        ({"sub": "nobody@sandbox.example"}, "user hasn't approved this consumer"),
        ({"iss": "no"}, "client identifier invalid"),
        ({"exp": "0"}, "expired authorization code"),
        ({"exp": "soon"}, "invalid assertion"),
    ],
)
def test_an_assertion_must_be_right_in_everything(org: Opened, changes: dict[str, object], word: str) -> None:
    assert ask(org, grant_type=JWT, assertion=claims(org)).status_code == 200
    assert ask(org, grant_type=JWT, assertion=claims(org, **changes)).json()["error_description"] == word


def test_an_assertion_that_lasts_too_long_is_refused(org: Opened) -> None:
    late = f"{(org.clock.now() + timedelta(hours=1)).timestamp():.0f}"
    assert ask(org, grant_type=JWT, assertion=claims(org, exp=late)).json()["error"] == "invalid_grant"


def test_an_assertion_for_another_user_needs_approval(org: Opened) -> None:
    user = org.world.add_user("Emmy Noether", "emmy@sandbox.example")
    assertion = claims(org, sub="emmy@sandbox.example")
    assert ask(org, grant_type=JWT, assertion=assertion).json()["error"] == "invalid_grant"
    org.world.approve(user)
    token = ask(org, grant_type=JWT, assertion=assertion).json()["access_token"]
    org.other(token).Lead.create({"LastName": "Hilbert", "Company": "G"})
    assert org.values("SELECT CreatedById FROM Lead") == [user]


def test_a_session_lives_for_two_hours_after_its_last_use(org: Opened) -> None:
    sf = org.other(client_credentials(org)["access_token"])
    for _ in range(3):
        org.pass_time(minutes=119)
        sf.query("SELECT Id FROM Organization")
    org.pass_time(minutes=121)
    expected = (401, "INVALID_SESSION_ID", "Session expired or invalid")
    assert refusal(sf.query, "SELECT Id FROM Organization") == expected


def test_a_session_can_be_limited_from_its_beginning(org: Opened) -> None:
    org.behave(token_expiry=timedelta(minutes=10))
    sf = org.other(client_credentials(org)["access_token"])
    org.pass_time(minutes=9)
    sf.query("SELECT Id FROM Organization")
    org.pass_time(minutes=2)
    with pytest.raises(SalesforceExpiredSession):
        sf.query("SELECT Id FROM Organization")


def test_a_session_can_be_ended_by_force(org: Opened) -> None:
    org.world.expire_tokens()
    with pytest.raises(SalesforceExpiredSession):
        org.sf.Lead.describe()
    assert org.other(client_credentials(org)["access_token"]).Lead.describe()["name"] == "Lead"


def test_logins_of_an_hour_are_counted(org: Opened) -> None:
    org.behave(logins_per_hour=2)
    for _ in range(2):
        assert "access_token" in client_credentials(org)
    assert client_credentials(org)["error"] == "rate_limit_exceeded"
    org.pass_time(hours=1)
    assert "access_token" in client_credentials(org)


@pytest.mark.parametrize("status", [400, 401])
def test_the_status_of_a_wrong_secret_can_be_chosen(org: Opened, status: int) -> None:
    org.behave(bad_secret_status=status)
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "x"}
    assert ask(org, **form).status_code == status


def test_a_revoked_token_is_accepted_no_longer(org: Opened) -> None:
    token = client_credentials(org)["access_token"]
    url = f"{org.sandbox.url}/services/oauth2/revoke"
    answer = org.sf.session.post(url, data={"token": token})
    assert (answer.status_code, answer.content) == (200, b"")
    assert refusal(org.other(token).limits)[1] == "INVALID_SESSION_ID"
    assert org.sf.session.post(url, data={"token": token}).json()["error"] == "invalid_token"


def test_the_refusal_of_a_session_says_how_to_log_in(org: Opened) -> None:
    answer = org.sf.session.get(org.base + "limits")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Token")


def test_user_info_names_the_user_and_the_org(org: Opened) -> None:
    info = org.sf.oauth2("userinfo")
    row = org.rows("SELECT Id, Username FROM User WHERE Username = 'integration@sandbox.example'")[0]
    assert (info["user_id"], info["preferred_username"]) == (row["Id"], row["Username"])
    assert org.sf.session.get(f"{org.sandbox.url}/services/oauth2/userinfo").status_code == 401


def test_an_inactive_user_cannot_log_in(org: Opened) -> None:
    (id,) = org.values("SELECT Id FROM User WHERE Username = 'integration@sandbox.example'")
    org.world.deactivate_user(id)
    assert client_credentials(org)["error"] == "inactive_user"


def test_the_static_token_has_no_end_of_its_own(org: Opened) -> None:
    org.pass_time(days=400)
    assert org.other(STATIC_TOKEN).is_sandbox() is False
