"""How one Mailchimp connection is set up."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from instep.settings import ConnectorSettings, service_address

_CENTRE = re.compile(r"[a-z]{2,3}[0-9]{1,3}")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")


class MailchimpSettings(ConnectorSettings):
    """Settings of one Mailchimp account: a login, and the audiences that take part.

    Give `api_key`, or the `access_token` of an OAuth login with its `data_centre`.
    """

    usual_login = ("api_key",)
    names_objects = "audiences"

    audiences: dict[str, str] = Field(min_length=1)
    """The audiences that take part, each with a name for the mapping: { members = "a1b2c3d4e5" }.

    Mailchimp shows the id under Audience, Settings, Audience name and defaults.
    """
    api_key: SecretStr | None = None
    """The API key; what stands after its dash is the data centre."""
    access_token: SecretStr | None = None
    """OAuth: the token of a connected app, in place of the key. It needs `data_centre`."""
    data_centre: str = ""
    """The account's data centre, such as us19; only needed where the key does not name it."""
    base_url: str = ""
    """Where the API answers, if not where the data centre says: under api.mailchimp.com, or this machine."""
    new_members: Literal["transactional", "pending", "unsubscribed"] = "transactional"
    """What somebody new becomes who said nothing: nobody is subscribed who did not agree.

    `transactional` members get no campaigns. `pending` sends a mail that asks for consent. Whoever opted out
    elsewhere becomes `unsubscribed`, whatever is said here.
    """
    stage_tags: tuple[str, ...] = ()
    """The tags that say how far a buyer has come, in their order, where steps are kept in tags.

    A member has one of them at most: the field `stage_tag`.
    """
    segments: tuple[str, ...] = ()
    """Segments (or tags) whose membership is a field of members, `segment:NAME`: by name, or by id.

    Each one that a mapping uses is read whole in every run: a call for each thousand of its members.
    """
    skip_required: bool = True
    """Whether members are written though a merge field is blank that the audience requires.

    Otherwise one required field that a marketer adds stops every write.
    """
    timeout_seconds: float = Field(default=120, gt=0, le=600)
    """How long one request may take; Mailchimp itself gives up after 120 seconds."""
    calls_per_second: int = Field(default=10, ge=1)
    """How many requests may be begun in a second."""
    connections: int = Field(default=4, ge=1, le=10)
    """How many requests may be open at once; Mailchimp allows 10 for all apps of an account together."""
    page_size: int = Field(default=1000, ge=1, le=1000)
    """How many members are read with one request."""
    batch_from: int = Field(default=200, ge=2)
    """From so many records on, what is written at once goes as a batch, which takes minutes but few requests."""
    batch_operations: int = Field(default=1000, ge=1, le=10000)
    """The most operations of one batch."""
    batch_minutes: float = Field(default=60, gt=0)
    """How long to wait for one batch."""
    overlap_seconds: int = Field(default=60, ge=0)
    """How far every read goes back, so that nothing is missed that was stored late."""
    activity_days: int = Field(default=30, ge=1)
    """For how long after it was sent a campaign is asked what people did with it."""

    @field_validator("base_url")
    @classmethod
    def _only_safe_addresses(cls, value: str) -> str:
        return service_address(value, ("api.mailchimp.com",)) if value else value

    @field_validator("data_centre")
    @classmethod
    def _plain_centre(cls, value: str) -> str:
        if value and not _CENTRE.fullmatch(value):
            raise ValueError("must be a data centre such as us19")
        return value

    @field_validator("audiences")
    @classmethod
    def _plain_ids(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(_ID.fullmatch(id) for id in value.values()):
            raise ValueError("an audience's id is made of letters and digits")
        if len(set(value.values())) < len(value):
            raise ValueError("an audience can be named once only")
        if "all" in value:
            raise ValueError('"all" means every audience, so none can be called that')
        return value

    @field_validator("stage_tags")
    @classmethod
    def _told_apart(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len({tag.casefold() for tag in value}) < len(value) or not all(tag.strip() for tag in value):
            raise ValueError("the tags must differ from each other, and none may be blank")
        return value

    @field_validator("segments", mode="before")
    @classmethod
    def _ids_as_texts(cls, value: object) -> object:
        return [str(one) if isinstance(one, int) else one for one in value] if isinstance(value, list) else value

    @field_validator("segments")
    @classmethod
    def _named_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value) or not all(word.strip() for word in value):
            raise ValueError("a segment can be named once only, and none may be blank")
        return value

    @model_validator(mode="after")
    def _some_login(self) -> Self:
        if (self.api_key is None) is (self.access_token is None):
            raise ValueError("api_key is needed, or access_token, and not both")
        if not self.base_url and not self._centre():
            raise ValueError("data_centre is needed, because the login does not name it")
        return self

    def _centre(self) -> str:
        """The data centre: the one that is set, or the end of the key."""
        if self.data_centre or self.api_key is None:
            return self.data_centre
        end = self.api_key.get_secret_value().rpartition("-")[2]
        return end if _CENTRE.fullmatch(end) else ""

    @property
    def address(self) -> str:
        """Where the API answers, its version included: at a host of Mailchimp's, or on this machine."""
        return f"{self.base_url or f'https://{self._centre()}.api.mailchimp.com'}/3.0"
