"""What is wrong with settings is said in one wording, whoever finds it, and never in the words of a library."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
from pydantic import BaseModel, Field, SecretStr, model_validator

from instep.cli.check import check_workspace
from instep.cli.init_live import settings_of
from instep.errors import AccessError
from instep.mapping.wrong_settings import usable_settings
from instep.settings import ConnectorSettings


class Inner(BaseModel):
    file: str


class Settings(ConnectorSettings):
    token: SecretStr = SecretStr("t")
    host: str = Field(default="crm.example", min_length=3)
    code: str = Field(default="abc", pattern="^[a-z]{3}$")
    mode: Literal["in", "both"] = "in"
    page: int = Field(default=1, ge=1, le=10)
    share: float = Field(default=1, gt=0, lt=2)
    bulk: bool = True
    since: date = date(2026, 1, 1)
    place: Path = Path()
    ids: tuple[int, ...] = ()
    lists: dict[str, str] = Field(default={"a": "b"}, min_length=1)
    objects: dict[str, Inner] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _no_bulk_of_one(self) -> Settings:
        if self.bulk and self.page == 10:
            raise ValueError("bulk goes with small pages only")
        return self


class Needy(ConnectorSettings):
    host: str
    token: SecretStr


def told(table: dict[str, Any], kind: type[ConnectorSettings] = Settings) -> str:
    with pytest.raises(AccessError) as caught:
        usable_settings(kind, "crm", table)
    return str(caught.value)


REFUSED = [
    ({"token": 7}, "token", "must be a text"),
    ({"host": "x"}, "host", "must have 3 characters or more"),
    ({"code": "123"}, "code", "must match ^[a-z]{3}$"),
    ({"mode": "out"}, "mode", "must be 'in' or 'both'"),
    ({"page": "many"}, "page", "must be a whole number"),
    ({"page": 1.5}, "page", "must be a whole number"),
    ({"page": 0}, "page", "must be 1 or more"),
    ({"page": 11}, "page", "must be 10 or less"),
    ({"share": "half"}, "share", "must be a number"),
    ({"share": 0}, "share", "must be more than 0"),
    ({"share": 2}, "share", "must be less than 2"),
    ({"bulk": "perhaps"}, "bulk", "must be true or false"),
    ({"since": "soon"}, "since", "must be a date such as 2026-01-31"),
    ({"place": 7}, "place", "must be a path"),
    ({"ids": 7}, "ids", "must be a list"),
    ({"lists": 7}, "lists", "must be a table"),
    ({"lists": {}}, "lists", "must have 1 entries or more"),
    ({"objects": {"people": 7}}, "objects.people", "must be a table"),
]


@pytest.mark.parametrize(("table", "place", "what"), REFUSED, ids=[f"{row[1]}: {row[2]}" for row in REFUSED])
def test_a_value_is_refused_in_our_words(table: dict[str, Any], place: str, what: str) -> None:
    variable = f"INSTEP_CRM__{place.partition('.')[0].upper()}"
    remedy = f"Correct it, or set {variable}."
    assert told(table) == f"sync.toml: connections.crm.{place} is not accepted: {what}. {remedy}"


def test_settings_that_do_not_go_together_are_told_without_a_place() -> None:
    assert told({"page": 10}) == (
        "sync.toml: connections.crm is not set up: bulk goes with small pages only. "
        "Set secrets as INSTEP_CRM__… in the environment, all else in sync.toml."
    )


def test_a_key_that_a_table_within_lacks_is_named_where_it_belongs() -> None:
    told_of = told({"objects": {"people": {}}})
    assert told_of == 'sync.toml: connections.crm.objects.people has no "file". Add it.'


MISSING = (
    'connections.crm has no "host". Add it, or set INSTEP_CRM__HOST.',
    'connections.crm has no "token". Set INSTEP_CRM__TOKEN in the environment.',
)


def checked(root: Path) -> list[str]:
    (root / "sync.toml").write_text('[connections.crm]\nplugin = "x"\n', encoding="utf-8")
    (root / "mappings").mkdir()
    (root / "mappings" / "process.toml").write_text('preset = "b2b-11"\n', encoding="utf-8")
    (root / "mappings" / "crm.toml").write_text("", encoding="utf-8")
    found = check_workspace(root, lambda name: SimpleNamespace(settings=Needy))  # type: ignore[arg-type,return-value]
    every = [*found.mistakes, *found.notes]
    return [f"{one.path} {one.problem}. {one.remedy}" for one in every if one.file == "sync.toml"]


def asked(root: Path) -> list[str]:
    with pytest.raises(AccessError) as caught:
        settings_of(cast(Any, SimpleNamespace(settings=Needy)), "crm", {}, root)
    return [line.removeprefix("sync.toml: ") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize("look", [checked, asked])
def test_what_is_missing_is_said_alike_by_check_and_by_whoever_needs_it(
    tmp_path: Path, look: Callable[[Path], list[str]]
) -> None:
    assert tuple(look(tmp_path)) == MISSING
