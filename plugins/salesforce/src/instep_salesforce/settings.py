"""How one Salesforce connection is set up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from instep.settings import ConnectorSettings, service_address

_DOMAINS: Final = ("salesforce.com", "salesforce.mil")
Login = Literal["token", "refresh", "jwt", "client-credentials"]


class SalesforceSettings(ConnectorSettings):
    """Settings of one Salesforce org: where it is, one way to log in, and how to write.

    Ways to log in: `access_token` alone; `client_id` and `client_secret` (client credentials); both with
    `refresh_token`; or `client_id`, `username` and `private_key` or `private_key_file` (JWT bearer).
    """

    usual_login = ("client_id", "client_secret")

    instance_url: str
    """The org's own address, such as https://acme.my.salesforce.com; plain http for this machine only."""
    client_id: str | None = None
    """The consumer key of the external client app."""
    client_secret: SecretStr | None = None
    """The consumer secret of the external client app."""
    refresh_token: SecretStr | None = None
    """What access tokens are renewed with, where the app logs in for a person."""
    username: str | None = None
    """JWT bearer: the integration user's name."""
    private_key: SecretStr | None = None
    """JWT bearer: the private key (PEM) whose certificate the app holds."""
    private_key_file: Path | None = None
    """JWT bearer: a file with that key instead."""
    access_token: SecretStr | None = None
    """A ready token. It ends with its session, and nothing renews it: for trying things out."""
    login_url: str | None = None
    """Where tokens are asked for; by default the org's own address."""
    audience: str = "https://login.salesforce.com"
    """JWT bearer: https://test.salesforce.com for a sandbox org."""
    api_version: str = Field(default="63.0", pattern=r"^\d{2}\.0$")
    """The version of every path; 46.0 or newer."""
    timeout_seconds: float = Field(default=120, gt=0, le=600)
    """How long one request may take."""
    overlap_seconds: int = Field(default=600, ge=60)
    """How far each incremental read goes back: a long transaction shows its records late, with older dates."""
    bulk: bool = True
    """Whether Bulk API 2.0 may be used, where it costs fewer calls."""
    assignment_rules: bool = False
    """Whether the org's assignment rules may choose the owner of a record that is created without one."""
    allow_duplicates: bool = False
    """Whether to create records that a duplicate rule merely warns about."""
    permission_set: str = Field(default="Instep", pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    """The permission set through which new fields and record types are made visible to the login."""

    @field_validator("instance_url", "login_url", "audience")
    @classmethod
    def _only_safe_addresses(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if re.fullmatch(r"https://[\w.-]+\.force\.com/?", value, re.ASCII):
            raise ValueError("is where people work; give the address of My Domain, …my.salesforce.com")
        return service_address(value, _DOMAINS)

    @field_validator("api_version")
    @classmethod
    def _only_known_versions(cls, value: str) -> str:
        if float(value) < 46:
            raise ValueError("must be 46.0 or newer")
        return value

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.private_key and self.private_key_file:
            raise ValueError("give private_key or private_key_file, not both")
        if self.refresh_token and not self.client_id:
            raise ValueError("refresh_token needs client_id")
        if (self.username or self._has_key) and not (self.client_id and self.username and self._has_key):
            raise ValueError("client_id, username and private_key (or private_key_file) are needed together")
        if not (self.access_token or self.refresh_token or self._has_key or (self.client_id and self.client_secret)):
            raise ValueError(
                "a login is needed: access_token; client_id and client_secret; client_id and refresh_token; "
                "or client_id, username and private_key"
            )
        return self

    @property
    def _has_key(self) -> bool:
        return bool(self.private_key or self.private_key_file)

    @property
    def login(self) -> Login:
        """How a new access token is obtained; "token" means that none can be."""
        if self.refresh_token:
            return "refresh"
        if self._has_key:
            return "jwt"
        return "client-credentials" if self.client_secret else "token"
