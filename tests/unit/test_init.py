"""`instep init` writes files that pass the check, and never overwrites one."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from instep.cli.check import check_workspace
from instep.cli.main import instep
from instep.errors import ConfigError
from instep.mapping.load import load_workspace
from instep.plugins import find_plugin


def run(*arguments: str) -> Result:
    return CliRunner().invoke(instep, ["init", *arguments])


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "exports"
    folder.mkdir(parents=True)
    (folder / "people.csv").write_text("id,email,stage\n1,ada@x.example,Prospect\n", encoding="utf-8")
    (folder / "accounts.csv").write_text("account,sector,revenue\nAcme,retail,12.5\n", encoding="utf-8")
    (folder / "deals.csv").write_text(
        "deal_id,account,deal_stage,close_value,close_date\n1,Acme,Engaging,5,\n", encoding="utf-8"
    )
    return folder


def test_what_init_writes_passes_the_check(exports: Path) -> None:
    root = exports.parent
    result = run(str(root), "--connection", f"exports=files:{exports}", "--connection", "hubspot=hubspot")
    assert result.exit_code == 0, result.output
    checked = check_workspace(root, find_plugin)
    assert checked.mistakes == ()
    workspace = load_workspace(root)
    assert workspace.connection_names == ("exports", "hubspot")
    assert workspace.process.key == "b2b-11"
    assert sorted(kind.value for kind in workspace.mappings["exports"].entities) == [
        "company",
        "opportunity",
        "person",
    ]


def test_what_init_writes_passes_the_check_with_another_process_too(exports: Path) -> None:
    root = exports.parent
    run(str(root), "-c", f"exports=files:{exports}", "-c", "hubspot=hubspot", "--preset", "buyer-behaviours")
    assert check_workspace(root, find_plugin).mistakes == ()
    text = (root / "mappings" / "exports.toml").read_text(encoding="utf-8")
    assert "stages that your process does not have: consideration" in text


def test_a_process_that_nobody_can_use_is_refused(tmp_path: Path) -> None:
    result = run(str(tmp_path), "-c", "hubspot=hubspot", "--preset", "seller-actions")
    assert isinstance(result.exception, ConfigError)
    assert not list(tmp_path.iterdir())


def test_a_mapping_that_fits_is_written_to_the_letter(tmp_path: Path) -> None:
    run(str(tmp_path), "-c", "hubspot=hubspot")
    assert (tmp_path / "mappings" / "hubspot.toml").read_text("utf-8") == find_plugin("hubspot").starter_mapping


def test_a_folder_inside_the_workspace_is_written_relative_to_it(exports: Path) -> None:
    run(str(exports.parent), "--connection", f"exports=files:{exports}")
    assert load_workspace(exports.parent).connections[0].settings["path"] == "exports"


def test_a_path_is_also_looked_for_in_the_new_workspace(exports: Path) -> None:
    assert run(str(exports.parent), "--connection", "exports=files:exports").exit_code == 0


def test_every_example_of_the_written_files_is_valid_once_its_marks_are_gone(exports: Path) -> None:
    root = exports.parent
    run(str(root), "--connection", f"exports=files:{exports}")
    for name in ("process", "team", "scoring"):
        place = root / "mappings" / f"{name}.toml"
        text = re.sub(r"^# (?=\[|[a-z_-]+ = )", "", place.read_text(encoding="utf-8"), flags=re.MULTILINE)
        place.write_text(text, encoding="utf-8")
    assert check_workspace(root, find_plugin).mistakes == ()


def test_nothing_is_overwritten_and_nothing_written_beside_it(exports: Path) -> None:
    root = exports.parent
    (root / "sync.toml").write_text("mine", encoding="utf-8")
    result = run(str(root), "--connection", f"exports=files:{exports}")
    assert result.exit_code == 1
    assert isinstance(result.exception, ConfigError)
    assert str(root / "sync.toml") in str(result.exception)
    assert (root / "sync.toml").read_text(encoding="utf-8") == "mine"
    assert not (root / "mappings").exists()


def test_the_next_steps_name_the_secret_and_the_commands(tmp_path: Path) -> None:
    result = run(str(tmp_path), "--connection", "hubspot-eu=hubspot")
    for step in ("instep check", "INSTEP_HUBSPOT_EU__ACCESS_TOKEN", "instep doctor", "instep sync"):
        assert step in result.stderr


NEEDED = [
    ("salesforce", "instance_url, client_id", ["CLIENT_SECRET"]),
    ("hubspot", "", ["ACCESS_TOKEN"]),
    ("marketo", "munchkin_id, client_id", ["CLIENT_SECRET"]),
    ("mailchimp", "audiences", ["API_KEY"]),
]


@pytest.mark.parametrize(("connector", "settings", "secrets"), NEEDED, ids=[row[0] for row in NEEDED])
def test_every_setting_that_is_missing_comes_before_the_first_command(
    tmp_path: Path, connector: str, settings: str, secrets: list[str]
) -> None:
    said = run(str(tmp_path), "-c", f"mine={connector}").stderr.split("Next:\n")[1]
    told = [line.strip() for line in said.splitlines()]
    given = [f"in {tmp_path / 'sync.toml'}, [connections.mine], give {settings}"] if settings else []
    wanted = [*given, *(f"export INSTEP_MINE__{secret}=…" for secret in secrets)]
    assert told[: len(wanted) + 1] == [*wanted, f"instep check --workspace {tmp_path}"]


@pytest.mark.parametrize("connector", [row[0] for row in NEEDED])
def test_the_usual_login_is_made_of_settings(connector: str) -> None:
    kind = find_plugin(connector).settings
    assert set(kind.usual_login) <= set(kind.model_fields)


@pytest.mark.usefixtures("login")
def test_what_the_environment_gives_is_no_step(tmp_path: Path) -> None:
    steps = run(str(tmp_path), "-c", "mine=marketo").stderr
    assert "give munchkin_id\n" in steps
    assert "export" not in steps


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment gives a secret, and one more setting, that nobody can leave out."""
    monkeypatch.setenv("INSTEP_MINE__CLIENT_SECRET", "canary-4f1d0c")
    monkeypatch.setenv("INSTEP_MINE__CLIENT_ID", "acme")


@pytest.mark.usefixtures("login")
def test_a_secret_of_the_environment_is_never_written(tmp_path: Path) -> None:
    assert run(str(tmp_path), "-c", "mine=marketo").exit_code == 0
    texts = [place.read_text(encoding="utf-8") for place in tmp_path.rglob("*") if place.is_file()]
    assert texts
    assert not [text for text in texts if "canary-4f1d0c" in text]
    assert "# the environment gives INSTEP_MINE__CLIENT_SECRET" in (tmp_path / "sync.toml").read_text(
        encoding="utf-8"
    )


@pytest.mark.usefixtures("login")
def test_another_setting_of_the_environment_is_written(tmp_path: Path) -> None:
    run(str(tmp_path), "-c", "mine=marketo")
    assert 'client_id = "acme"' in (tmp_path / "sync.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name the systems"),
        (("--connection", "hubspot"), "is no connection"),
        (("--connection", "process=hubspot"), "a connection cannot have"),
        (("--connection", "exports=files"), "looks into a folder"),
        (("--connection", "hubspot=hubspot:here"), "has no path"),
        (("--connection", "a=hubspot", "--connection", "a=hubspot"), "two connections"),
    ],
)
def test_what_is_asked_wrongly_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(str(tmp_path), *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert not list(tmp_path.iterdir())


def test_an_unknown_connector_or_preset_is_named(tmp_path: Path) -> None:
    assert "salesfarce" in str(run(str(tmp_path), "--connection", "a=salesfarce").exception)
    assert "b2b-12" in str(run(str(tmp_path), "--connection", "a=hubspot", "--preset", "b2b-12").exception)
    assert not list(tmp_path.iterdir())


def test_the_demo_ends_with_its_own_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = types.ModuleType("instep.cli.demo")
    seen: list[tuple[Path | None, str | None]] = []
    demo.run = lambda folder, part: seen.append((folder, part)) or 3  # type: ignore[attr-defined,func-returns-value]
    monkeypatch.setitem(sys.modules, "instep.cli.demo", demo)
    assert run("--demo", str(tmp_path)).exit_code == 3
    assert run("--demo").exit_code == 3
    assert run("--demo", "--part", "stages").exit_code == 3
    assert seen == [(tmp_path, None), (None, None), (None, "stages")]


def test_a_part_is_one_of_the_demo_s(tmp_path: Path) -> None:
    from instep.cli.demo import PARTS
    from instep.cli.init import init

    assert "--part goes with --demo" in run(str(tmp_path), "--part", "stages").output
    offered = next(option for option in init.params if option.name == "part").type.choices  # type: ignore[attr-defined]
    assert list(offered) == list(PARTS)
