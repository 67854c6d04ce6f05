"""The base of every connector's settings: environment over file, secrets masked, typos refused."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, ClassVar, get_args
from urllib.parse import quote_plus

from pydantic import SecretBytes, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict


class _Environment(EnvSettingsSource):
    """The environment, where a table or a list may be written as in the file, or as JSON.

    What is neither is left as it is, so that the setting's own check says what is wrong, and where.
    """

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            pass
        try:
            return tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            return value


class ConnectorSettings(BaseSettings):
    """Settings of one connection: its table in `sync.toml`, overridden by the environment.

    `[connections.hubspot-eu] access_token` can be given as `INSTEP_HUBSPOT_EU__ACCESS_TOKEN`. Declare secrets
    as `pydantic.SecretStr`; they are never printed. The string below each field is its meaning in
    `instep connector show`; its first paragraph is shown.
    """

    usual_login: ClassVar[tuple[str, ...]] = ()
    """What one usually logs in with, where there are several ways and so no setting of them is required."""
    names_objects: ClassVar[str] = ""
    """The setting whose keys are the objects that a mapping may name, where the settings give them their names."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    @field_validator("*")
    @classmethod
    def _without_line_end(cls, value: Any) -> Any:
        """A secret that was read from a file ends its line, which no login does; a key in several lines keeps them.

        Any other control character would break the request that carries it, with the secret in the error.
        """
        if not isinstance(value, SecretStr):
            return value
        text = value.get_secret_value().rstrip("\r\n")
        if not text.startswith("-----BEGIN") and any(ord(c) < 32 or ord(c) == 127 for c in text):
            raise ValueError("holds a line break or another control character; copy it again")
        return SecretStr(text)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the file's table, which is passed as keyword arguments."""
        prefix = getattr(env_settings, "env_prefix", "")
        return _Environment(settings_cls, env_prefix=prefix), init_settings


def environment_prefix(connection: str) -> str:
    """The prefix of a connection's environment variables: `INSTEP_HUBSPOT_EU__`."""
    return "INSTEP_" + "".join(c if c.isalnum() else "_" for c in connection).upper() + "__"


def load_settings(kind: type[ConnectorSettings], connection: str, table: dict[str, Any]) -> ConnectorSettings:
    """Build one connection's settings.

    Raises `pydantic.ValidationError`, whose errors name the setting and never quote a value.
    """
    build: Any = kind  # pydantic-settings takes the prefix as an argument that its types do not show
    settings: ConnectorSettings = build(_env_prefix=environment_prefix(connection), **table)
    return settings


def is_secret(annotation: Any) -> bool:
    """Whether a setting of this type is a secret."""
    return annotation in (SecretStr, SecretBytes) or any(is_secret(one) for one in get_args(annotation))


def needed(kind: type[ConnectorSettings]) -> dict[str, FieldInfo]:
    """The settings that somebody has to give before a connection works: what has no default, and the usual login."""
    fields = kind.model_fields.items()
    return {name: field for name, field in fields if field.is_required() or name in kind.usual_login}


def secrets_of(settings: ConnectorSettings) -> list[SecretStr]:
    """Every secret that is set."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [value for value in values if isinstance(value, SecretStr)]


_ADDRESS = re.compile(r"(https?)://((?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?")


def service_address(text: str, domains: Iterable[str]) -> str:
    """An address that our token may be sent to: a host of the service's own domains, by https; or this machine.

    Nothing else is let pass: no other port, path, user or password, no number in place of a name. This machine, where
    sandboxes listen, may be spoken to by http and on any port. Raises `ValueError`.
    """
    found, names = _ADDRESS.fullmatch(text), list(domains)
    scheme, host, port = found.groups() if found else ("", "", None)
    if is_this_machine(host.strip("[]")):
        return text.rstrip("/")
    is_own = any(host.lower() == name or host.lower().endswith(f".{name}") for name in names)
    if scheme == "https" and port in (None, "443") and is_own:
        return text.rstrip("/")
    own = " or ".join(names)
    raise ValueError(f"must be https:// and a host under {own} (http:// is accepted for this machine only)")


def is_this_machine(host: str) -> bool:
    """Whether a host is the machine that this runs on, by its name or address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_SHORTEST = 4
"""Fewer characters than a secret has: they stand in every sentence."""
_NO_CHANCE = 12
"""So many characters are nobody's value by chance."""


def without_secrets(data: bytes, secrets: Iterable[SecretStr | None], *, is_error: bool) -> bytes:
    """What a system answered, without our own secrets: some errors say back what was sent.

    Where the answer holds records, a secret so short that it may be somebody's value by chance is left alone.
    """
    shortest = _SHORTEST if is_error else _NO_CHANCE
    for secret in secrets:
        if secret is not None and len(text := secret.get_secret_value()) >= shortest:
            for form in (text, quote_plus(text)):
                data = data.replace(form.encode(), b"**********")
    return data


__all__ = [
    "ConnectorSettings",
    "ValidationError",
    "environment_prefix",
    "is_this_machine",
    "load_settings",
    "needed",
    "secrets_of",
    "service_address",
    "without_secrets",
]
