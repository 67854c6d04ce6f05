"""What sync.toml may say of a folder, and what it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from instep.settings import load_settings
from instep_files import FilesSettings


def settings(**people: Any) -> FilesSettings:
    table = {"path": "exports", "objects": {"people": {"file": "people.csv", "key": "id", **people}}}
    found = load_settings(FilesSettings, "exports", table)
    assert isinstance(found, FilesSettings)
    return found


@pytest.mark.parametrize(
    "file",
    [
        "../people.csv",
        "/etc/people.csv",
        "a/../../people.csv",
        "..\\people.csv",
        "C:\\people.csv",
        "people.exe",
        ".",
        "",
    ],
)
def test_a_file_outside_the_folder_or_of_another_kind_is_refused(file: str) -> None:
    with pytest.raises(ValidationError):
        settings(file=file)


@pytest.mark.parametrize(
    "wrong",
    [
        {"delimiter": ",,"},
        {"delimiter": "\n"},
        {"quote": "''"},
        {"encoding": "utf-9"},
        {"encoding": "base64"},
        {"types": {"age": "integer"}},
        {"types": {"due": "date:soon"}},
        {"types": {"at": "instant:Nowhere/City"}},
        {"types": {"age": "number:;"}},
        {"references": {"company": "companies"}},
        {"keys": "id"},
        {"key": ""},
    ],
)
def test_a_setting_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_a_tab_may_be_spelled_out() -> None:
    assert settings(delimiter="tab").objects["people"].delimiter == "\t"


def test_a_file_is_one_object_only() -> None:
    table = {"file": "people.csv", "key": "id"}
    with pytest.raises(ValidationError, match="two tables"):
        load_settings(FilesSettings, "exports", {"path": "exports", "objects": {"people": table, "leads": table}})


def test_a_folder_is_only_read_unless_it_says_otherwise() -> None:
    assert settings().direction == "in"
