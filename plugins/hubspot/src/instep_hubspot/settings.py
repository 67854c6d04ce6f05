"""How one HubSpot connection is set up."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from instep.settings import ConnectorSettings, service_address


class HubSpotSettings(ConnectorSettings):
    """Settings of one HubSpot account: a token, and how fast to go.

    Give `access_token` (of a private app or a service key), or the three OAuth settings `client_id`,
    `client_secret` and `refresh_token`; with both, the refresh token is used once the access token has expired.
    """

    usual_login = ("access_token",)

    access_token: SecretStr | None = None
    """The token of a private app or a service key; not needed with the three OAuth settings."""
    base_url: str = "https://api.hubapi.com"
    """Where the API answers: a host under hubapi.com, or this machine, where the sandbox listens."""
    api_version: Literal["v3", "2026-03", "2026-09"] = "v3"
    """The family of paths: `v3` (with v4 associations), or a dated one.

    developers.hubspot.com/docs/api-reference/legacy/migration-guide says how long each is supported.
    """
    timeout_seconds: float = Field(default=30, gt=0, le=600)
    """How long one request may take."""
    calls_per_10_seconds: int = Field(default=190, ge=1)
    """What the account's plan allows: 100 (Free, Starter) or 190, shared by everything that uses this token.

    developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
    """
    search_calls_per_second: int = Field(default=5, ge=1)
    """What the account allows, shared by everything that uses it."""
    overlap_seconds: int = Field(default=120, ge=0)
    """How far each incremental read goes back, because the search index shows changes late."""
    client_id: str | None = None
    """OAuth: the app's id. All three OAuth settings, or none."""
    client_secret: SecretStr | None = None
    """OAuth: the app's secret."""
    refresh_token: SecretStr | None = None
    """OAuth: what access tokens are renewed with."""

    @field_validator("base_url")
    @classmethod
    def _only_safe_addresses(cls, value: str) -> str:
        return service_address(value, ("hubapi.com",))

    @model_validator(mode="after")
    def _some_login(self) -> Self:
        oauth = (self.client_id, self.client_secret, self.refresh_token)
        if any(oauth) and not all(oauth):
            raise ValueError("client_id, client_secret and refresh_token are needed together")
        if not self.access_token and not all(oauth):
            raise ValueError("access_token is needed, or client_id, client_secret and refresh_token")
        return self

    @property
    def can_refresh(self) -> bool:
        """Whether an expired access token can be replaced without a person."""
        return bool(self.client_id and self.client_secret and self.refresh_token)
