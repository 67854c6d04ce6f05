"""`instep connector new`: a whole package or nothing, and a name that can be one."""

from __future__ import annotations

import ast
import json
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from instep.cli.main import instep
from instep.errors import ConfigError
from instep.newconnector import package
from instep.newconnector.page import blocks, changed, files_of, page_text

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*arguments: str) -> Result:
    return CliRunner().invoke(instep, ["connector", "new", *arguments])


def everything(folder: Path) -> Iterator[str]:
    return (str(place.relative_to(folder)) for place in folder.rglob("*"))


def refused(*arguments: str) -> str:
    """Why it was refused."""
    result = new(*arguments)
    assert isinstance(result.exception, ConfigError)
    return str(result.exception)


# --- what is written ------------------------------------------------------------------------------------------------


def test_a_package_is_written_here_unless_a_folder_is_named(here: Path) -> None:
    assert new("mycrm").exit_code == 0
    (here / "some" / "where").mkdir(parents=True)
    assert new("mycrm", "--into", "some/where").exit_code == 0
    assert sorted(everything(here / "instep-mycrm")) == sorted(everything(here / "some" / "where" / "instep-mycrm"))
    assert (here / "instep-mycrm" / "src" / "instep_mycrm" / "client.py").is_file()


def test_what_was_written_and_what_comes_next_is_said(here: Path) -> None:
    (here / "my packages").mkdir()
    result = new("mycrm", "--into", "my packages")
    assert [line for line in result.stdout.splitlines() if not line.startswith("wrote ")] == []
    assert set(result.stdout.splitlines()) == {
        f"wrote {place}" for place in everything(here) if (here / place).is_file()
    }
    python = shlex.quote(sys.executable)
    assert [line.strip() for line in result.stderr.splitlines() if line] == [
        "Next:",
        f"cd 'my packages/instep-mycrm' && {python} -m pip install -e .",
        f"{python} -m pytest tests",
        f"{python} -m pytest -p instep.testing.record tests/test_conformance.py  # writes conformance.json",
        "instep connector show mycrm",
    ]


def test_json_says_the_same(here: Path) -> None:
    said: dict[str, Any] = json.loads(new("mycrm", "--json").stdout)
    assert said["name"] == "mycrm"
    assert sorted(said["files"]) == sorted(
        place for place in everything(here / said["folder"]) if (here / said["folder"] / place).is_file()
    )
    assert said["next"][0] == f"cd instep-mycrm && {shlex.quote(sys.executable)} -m pip install -e ."


def test_a_name_of_two_words_is_spelled_as_each_place_wants_it(here: Path) -> None:
    assert new("my_crm").exit_code == 0
    folder = here / "instep-my-crm"
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "instep-my-crm"
    assert project["entry-points"]["instep"] == {"my_crm": "instep_my_crm"}
    assert "class MyCrmClient:" in (folder / "src" / "instep_my_crm" / "client.py").read_text(encoding="utf-8")
    assert "INSTEP_MY_CRM__TOKEN" in (folder / "README.md").read_text(encoding="utf-8")


def test_everything_that_is_written_can_be_read(here: Path) -> None:
    new("mycrm")
    for place in (here / "instep-mycrm").rglob("*.py"):
        ast.parse(place.read_text(encoding="utf-8"))
    for place in (here / "instep-mycrm").rglob("*.toml"):
        tomllib.loads(place.read_text(encoding="utf-8"))


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "My", "9lives", "my-crm", "my crm", "_crm", "crm_", "größe", "class", "../up"])
def test_what_cannot_be_a_name_is_refused_and_nothing_is_written(here: Path, name: str) -> None:
    assert "cannot be the name of a connector" in refused("--", name)
    assert list(everything(here)) == []


@pytest.mark.parametrize("name", ["hubspot", "files"])
def test_a_name_that_an_installed_connector_has_is_refused_and_nothing_is_written(here: Path, name: str) -> None:
    assert f'instep-{name} brings a connector "{name}" already' in refused(name)
    assert list(everything(here)) == []


def test_a_name_whose_package_is_there_is_refused_and_nothing_is_written(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "instep_taken").mkdir()
    (elsewhere / "instep_taken" / "__init__.py").touch()
    monkeypatch.syspath_prepend(elsewhere)
    assert "A package instep_taken is installed already" in refused("taken")
    assert list(everything(here)) == []
    assert new("nottaken").exit_code == 0


@pytest.mark.parametrize("name", ["client", "list", "connect", "person", "instep"])
def test_a_name_that_the_code_needs_itself_is_refused_and_nothing_is_written(here: Path, name: str) -> None:
    assert "is a word of the code itself" in refused(name)
    assert list(everything(here)) == []


def test_a_word_that_only_comments_use_can_be_a_name(here: Path) -> None:
    assert any(" documentation " in text for path, text in files_of(page_text()).items() if path.endswith(".py"))
    assert new("documentation").exit_code == 0


def test_a_folder_that_is_there_is_left_alone(here: Path) -> None:
    kept = here / "instep-mycrm" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    assert "instep-mycrm is there already" in refused("mycrm")
    assert sorted(everything(here)) == ["instep-mycrm", "instep-mycrm/kept.txt"]
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("folder", ["mistyped", "file/within"])
def test_a_folder_that_is_not_there_is_a_clear_error_and_is_not_made(here: Path, folder: str) -> None:
    (here / "file").touch()
    assert refused("mycrm", "--into", folder) == (
        f"There is no folder {folder}. Make it first, or name another with --into."
    )
    assert list(everything(here)) == ["file"]


def test_a_package_whose_writing_breaks_off_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text, written = Path.write_text, []

    def full(place: Path, text: str, encoding: str | None = None) -> int:
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        written.append(place)
        return write_text(place, text, encoding=encoding)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        assert "No space left on device" in refused("mycrm")
    assert len(written) == 5
    assert list(everything(here)) == []
    assert new("mycrm").exit_code == 0


# --- the page that it is made from ----------------------------------------------------------------------------------


def test_every_change_of_the_page_fits_what_was_written_before() -> None:
    assert [block.path for block in blocks(page_text()) if block.language == "diff"]
    assert "Not written yet." not in "".join(files_of(page_text()).values())


def test_a_change_that_does_not_fit_is_noticed() -> None:
    assert changed("a\nb\nc\n", " a\n-b\n+B\n") == "a\nB\nc\n"
    with pytest.raises(ValueError, match="0 times"):
        changed("a\nb\n", "-c\n+d\n")
    with pytest.raises(ValueError, match="2 times"):
        changed("a\na\n", "-a\n+d\n")


def test_the_page_is_in_every_wheel() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    page = "docs/how-to/write-a-connector.md"
    assert built["wheel"]["force-include"][page] == f"instep/newconnector/{Path(page).name}"
    assert page in built["sdist"]["include"]
    assert page_text() == (ROOT / page).read_text(encoding="utf-8")


def test_the_guides_own_name_can_be_typed_too(here: Path) -> None:
    assert new(package.GUIDE).exit_code == 0
