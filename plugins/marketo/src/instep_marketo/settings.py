"""How one Marketo connection is set up."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from instep.settings import ConnectorSettings, service_address

_MUNCHKIN_ID = "[0-9]{3}-[A-Z]{3}-[0-9]{3}"


class MarketoSettings(ConnectorSettings):
    """Settings of one Marketo subscription: a custom service's login, and what of the subscription takes part.

    Marketo developer guide
    """

    munchkin_id: str = Field(json_schema_extra={"pattern": f"^{_MUNCHKIN_ID}$"})
    """The subscription's id, as Marketo shows it under Admin, Munchkin: 123-ABC-456."""
    client_id: str
    """The custom service's client id."""
    client_secret: SecretStr
    """The custom service's secret."""
    base_url: str = ""
    """Where the API answers; blank is the subscription's own host. Marketo's form with /rest at the end will do."""
    timeout_seconds: float = Field(default=120, gt=0, le=600)
    """How long one request may take. Marketo itself takes up to 90 seconds to write leads, 300 for a paging token."""
    calls_per_20_seconds: int = Field(default=50, ge=1, le=100)
    """Marketo allows 100, shared by everything that uses the subscription, and advises 50."""
    calls_per_day: int = Field(default=50_000, ge=1)
    """The subscription's daily quota (Admin, Web Services), shared likewise; no answer tells it."""
    first_lead_created: date = date(2006, 1, 1)
    """The day of the oldest lead: a first read goes through the time since then month by month, with one bulk extract
    for each. The month in which the subscription began makes it quick."""
    activities_since_days: int = Field(default=90, ge=1)
    """How far back a first read of behaviours goes."""
    merges_since_days: int = Field(default=30, ge=1)
    """How far back a lead that is not there any more is looked for among the merges."""
    activity_lag_seconds: int = Field(default=60, ge=0)
    """How late the activity log may show a change."""
    partition: str | None = None
    """The lead partition in which leads are created; needed where the subscription has several."""
    key_fields: tuple[str, ...] = ("instep_id",)
    """The custom fields by which leads are found and created. Marketo itself keeps no field unique."""
    programs: tuple[int, ...] = ()
    """The ids of programs whose member status is a field of leads, `program:ID`. Statuses only move forward."""
    lists: tuple[int, ...] = ()
    """The ids of static lists whose membership is a field of leads, `list:ID`."""
    requests: dict[str, int] = Field(default_factory=dict)
    """A campaign to request for every lead on which a field was written: FIELD = CAMPAIGN ID."""
    owner_emails: tuple[str, ...] = ()
    """The e-mail addresses of the sales persons to whom leads may belong."""

    @model_validator(mode="before")
    @classmethod
    def _own_host(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("base_url") or not _is_munchkin_id(data.get("munchkin_id")):
            return data
        return {**data, "base_url": f"https://{data['munchkin_id']}.mktorest.com"}

    @field_validator("munchkin_id")
    @classmethod
    def _as_marketo_shows_it(cls, value: str) -> str:
        if not _is_munchkin_id(value):
            raise ValueError("must be an id such as 123-ABC-456, as Admin, Munchkin shows it, and no address")
        return value

    @field_validator("base_url")
    @classmethod
    def _only_safe_addresses(cls, value: str) -> str:
        if not value:
            return value  # there is no host without an id, of which its own check says what is wrong
        return service_address(value.rstrip("/").removesuffix("/rest"), ("mktorest.com",))

    @model_validator(mode="after")
    def _same_subscription(self) -> Self:
        host = self.base_url.removeprefix("https://").lower()
        if host.endswith(".mktorest.com") and host != f"{self.munchkin_id.lower()}.mktorest.com":
            raise ValueError("base_url and munchkin_id name two subscriptions; leave base_url out")
        return self


def _is_munchkin_id(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_MUNCHKIN_ID, value) is not None
