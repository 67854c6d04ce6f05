"""`process coverage` shows which stage is what where; `check` says all that is wrong without asking any system."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr, model_validator

from instep.cli.check import check_workspace
from instep.cli.process_view import coverage_lines
from instep.errors import ConfigError, PluginError
from instep.mapping.coverage import Column, Coverage, Shown
from instep.model.entities import Kind
from instep.settings import ConnectorSettings

MATRIX = """\
Stage           crm person  exports
sidelines       —           —
awareness       —           —
interest        Lead        —
tasting         → Lead      —
research        → Lead      —
consideration   → Lead      —
decision        Hot         —
purchase        Customer    —
implementing    → Customer  —
implemented     → Customer  —
achievement     → Customer  —
loyal-customer  → Customer  —

crm spells 3 of 12 stages.
  shown as an earlier stage: tasting (as interest), research (as interest), consideration (as interest), \
implementing (as purchase), implemented (as purchase), achievement (as purchase), loyal-customer (as purchase)
  holes: sidelines, awareness

exports spells 0 of 12 stages.
  holes: sidelines, awareness, interest, tasting, research, consideration, decision, purchase, implementing, \
implemented, achievement, loyal-customer
"""


class CrmSettings(ConnectorSettings):
    portal: int = 1
    token: SecretStr


class EitherSettings(ConnectorSettings):
    token: SecretStr | None = None
    key: SecretStr | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> EitherSettings:
        if not self.token and not self.key:
            raise ValueError("token or key is needed")
        return self


class FileSettings(ConnectorSettings):
    path: str = "."


def find_plugin(name: str) -> SimpleNamespace:
    """Two connectors, known by name."""
    found = {"some-crm": CrmSettings, "either": EitherSettings, "files": FileSettings}
    if name not in found:
        raise ConfigError(f"No connector plugin '{name}' is installed. Install it with pip.")
    return SimpleNamespace(settings=found[name])


def said(folder: Path, crm: str, plugin: str = "some-crm") -> list[str]:
    text = f'[connections.crm]\nplugin = "{plugin}"\n{crm}[connections.exports]\nplugin = "files"\n'
    (folder / "sync.toml").write_text(text, encoding="utf-8")
    checked = check_workspace(folder, find_plugin)
    return [*map(str, checked.mistakes), *(f"note: {note}" for note in checked.notes)]


def test_coverage_shows_values_earlier_values_and_holes(run) -> None:
    assert run("process", "coverage").stdout == MATRIX


def test_coverage_as_json_lists_cells_and_holes(run) -> None:
    found = json.loads(run("process", "coverage", "--json").stdout)

    assert found["columns"][0]["cells"]["research"] == {"value": "Lead", "stands_for": "interest"}
    assert {"stage": "awareness", "connection": "crm"} in found["holes"]


def test_coverage_has_a_column_for_each_pipeline(run, folder: Path) -> None:
    text = (
        '[opportunity]\nobjects = ["deals"]\nmatch = ["instep_id"]\n'
        'stages_in = { field = "s", pipeline_field = "p" }\n'
        '[opportunity.pipelines.a]\npipeline = "Tea"\nsegments = ["tea"]\nvalues = { tasting = "Sip" }\n'
        '[opportunity.pipelines.b]\npipeline = "Default"\nvalues = { decision = "D" }\n'
    )
    (folder / "mappings/crm.toml").write_text(text, encoding="utf-8")
    head = run("process", "coverage").stdout.splitlines()[0]

    assert head == "Stage           crm opportunity Tea  crm opportunity Default  exports"


@pytest.mark.parametrize(("pipelines", "parts"), [(3, 1), (4, 2), (9, 3)])
def test_a_wide_matrix_is_shown_in_parts_with_every_column_once(pipelines: int, parts: int) -> None:
    cells = {"research": Shown("Open"), "decision": Shown("Open", "research")}
    columns = [Column("crm", Kind.OPPORTUNITY, f"Pipeline {n}", cells) for n in range(pipelines)]
    matrix = coverage_lines(Coverage(tuple(cells), tuple(columns)))[:-2]

    heads = [line for line in matrix if line.startswith("Stage")]
    assert len(heads) == parts
    assert [name for line in heads for name in re.split("  +", line)[1:]] == [column.label for column in columns]
    assert max(map(len, matrix)) <= 100


def test_check_says_that_nothing_is_wrong_and_shows_the_coverage(run) -> None:
    result = run("check", "--files-only")

    assert result.exit_code == 0
    assert result.stdout == (
        "Nothing is wrong. Stages: 11, behaviours: 15, segments: 1, people: 2, connections: crm, exports.\n\n"
        + MATRIX
    )


def test_check_says_everything_that_is_wrong_file_by_file_on_stderr(run, folder: Path) -> None:
    (folder / "mappings/exports.toml").write_text("[persn]\n")
    (folder / "mappings/team.toml").write_text("x = 1\ny = 2\n")
    result = run("check", "--files-only")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        'mappings/exports.toml:1: persn is not a known key. Did you mean "person"? [UNKNOWN_KEY]\n\n'
        'mappings/team.toml:1: x is not a known key. Use "people" or "assign". [UNKNOWN_KEY]\n'
        'mappings/team.toml:2: y is not a known key. Use "people" or "assign". [UNKNOWN_KEY]\n\n'
        "3 mistakes in 2 files.\n"
        "What a code means: instep help CODE\n"
    )


def test_check_as_json_says_the_same(run, folder: Path) -> None:
    (folder / "mappings/crm.toml").write_text("[persn]\n")
    result = run("check", "--files-only", "--json")
    found = json.loads(result.stdout)

    assert (result.exit_code, found["format_version"], found["ok"]) == (1, 1, False)
    assert found["mistakes"] == [
        {
            "code": "UNKNOWN_KEY",
            "file": "mappings/crm.toml",
            "line": 1,
            "path": "persn",
            "problem": "is not a known key",
            "remedy": 'Did you mean "person"?',
        }
    ]


def test_check_as_json_gives_the_digest_of_a_good_workspace(run) -> None:
    found = json.loads(run("check", "--files-only", "--json").stdout)

    assert found["ok"] is True
    assert len(found["digest"]) == 64


def test_check_refuses_a_process_of_seller_actions(run, folder: Path) -> None:
    (folder / "mappings/process.toml").write_text('preset = "seller-actions"\n')
    (folder / "mappings/team.toml").unlink()
    (folder / "mappings/crm.toml").write_text('[person]\nobjects = ["contacts"]\nmatch = ["instep_id"]\n')
    found = json.loads(run("check", "--files-only", "--json").stdout)

    assert [(mistake["code"], mistake["file"]) for mistake in found["mistakes"]] == [
        ("SELLER_ENTRY", "preset seller-actions")
    ] * 8


def test_notes_stop_nothing(run, folder: Path) -> None:
    (folder / "mappings/crn.toml").write_text("")
    result = run("check", "--files-only")

    assert result.exit_code == 0
    assert result.stderr == (
        'note: mappings/crn.toml: No connection has this name, so nobody reads this file. Did you mean "crm"? '
        "[UNUSED_FILE]\nWhat a code means: instep help CODE\n"
    )


def test_a_secret_that_is_not_set_is_a_note(folder: Path) -> None:
    assert said(folder, "") == [
        'note: sync.toml:1: connections.crm has no "token". Set INSTEP_CRM__TOKEN in the environment.'
    ]


def test_a_login_that_is_checked_as_a_whole_is_a_note_too_while_no_secret_is_set(folder: Path) -> None:
    assert said(folder, "", "either") == [
        (
            "note: sync.toml:1: connections.crm is not set up: token or key is needed. "
            "Set secrets as INSTEP_CRM__… in the environment, all else in sync.toml."
        )
    ]


def test_a_secret_from_the_environment_is_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTEP_CRM__TOKEN", "t0p-s3cret")

    assert said(folder, "") == []


def test_a_setting_of_the_wrong_type_is_told_without_its_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTEP_CRM__TOKEN", "t0p-s3cret")

    assert said(folder, 'portal = "eu1"\n') == [
        (
            "sync.toml:3: connections.crm.portal is not accepted: must be a whole number. "
            "Correct it, or set INSTEP_CRM__PORTAL."
        )
    ]


def test_a_wrong_value_from_the_environment_is_told_as_such(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTEP_CRM__TOKEN", "t0p-s3cret")
    monkeypatch.setenv("INSTEP_CRM__PORTAL", "eu1")

    [mistake] = said(folder, "")

    assert mistake.startswith("sync.toml:1: connections.crm.portal is not accepted as the environment has it: ")
    assert mistake.endswith("Correct INSTEP_CRM__PORTAL.")
    assert "eu1" not in mistake


def test_an_unknown_setting_is_told_with_the_nearest_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTEP_CRM__TOKEN", "t0p-s3cret")

    assert said(folder, "portl = 1\n") == [
        'sync.toml:3: connections.crm.portl is not a known key. Did you mean "portal"?'
    ]


def test_a_secret_in_the_file_is_noted_and_never_quoted(folder: Path) -> None:
    assert said(folder, 'token = "t0p-s3cret"\n') == [
        (
            "note: sync.toml:3: connections.crm.token is a secret, and this file is not a place for it. "
            "Move it to INSTEP_CRM__TOKEN, so that it is never committed."
        )
    ]


def test_a_validator_that_repeats_a_value_is_not_repeated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Chatty(ConnectorSettings):
        token: SecretStr

        @model_validator(mode="after")
        def _refuse(self) -> Chatty:
            raise ValueError(f"{self.token.get_secret_value()} is too short")

    (folder / "sync.toml").write_text('[connections.crm]\nplugin = "chatty"\ntoken = "t0p-s3cret"\n')
    monkeypatch.setenv("INSTEP_CRM__TOKEN", "fr0m-outside")
    checked = check_workspace(folder, lambda name: SimpleNamespace(settings=Chatty))

    assert "s3cret" not in str(checked.mistakes)
    assert "fr0m-outside" not in str(checked.mistakes)
    assert [mistake.code for mistake in checked.mistakes if mistake.file == "sync.toml"] == ["BAD_SETTING"]


class NamingSettings(ConnectorSettings):
    names_objects = "lists"
    lists: dict[str, str]


def named(folder: Path, lists: str) -> list[str]:
    (folder / "mappings/crm.toml").write_text(
        '[person]\nobjects = ["members"]\ncreate_as = "members"\nmatch = ["instep_id"]\n', encoding="utf-8"
    )
    (folder / "sync.toml").write_text(f'[connections.crm]\nplugin = "naming"\nlists = {lists}\n', encoding="utf-8")
    (folder / "mappings/exports.toml").unlink()
    (folder / "mappings/team.toml").unlink()
    checked = check_workspace(folder, lambda name: SimpleNamespace(settings=NamingSettings))
    told = [*map(str, checked.mistakes), *(f"note: {note}" for note in checked.notes)]
    return [one for one in told if "sync.toml" in one]


def test_an_object_that_only_the_settings_name_is_noted(folder: Path) -> None:
    assert named(folder, '{ members = "a1", news = "b2" }') == [
        (
            "note: sync.toml:3: connections.crm.lists.news is kept in step with nothing: "
            "no objects of mappings/crm.toml name it. Name it there, or remove it here."
        )
    ]


def test_an_object_that_only_the_mapping_names_is_a_mistake(folder: Path) -> None:
    assert named(folder, '{ membres = "a1" }')[0] == (
        'sync.toml:3: connections.crm.lists has no "members", which mappings/crm.toml names among its objects. '
        'Did you mean "membres"?'
    )


def test_objects_that_both_files_name_are_fine(folder: Path) -> None:
    assert named(folder, '{ members = "a1" }') == []


def test_what_the_environment_names_is_not_known_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTEP_CRM__LISTS", '{ members = "a1" }')

    assert named(folder, '{ membres = "a1" }') == []


def test_a_plugin_that_is_not_installed_is_a_mistake_at_its_name(folder: Path) -> None:
    assert said(folder, "", "other-crm") == [
        (
            "sync.toml:2: connections.crm.plugin is \"other-crm\": No connector plugin 'other-crm' is installed. "
            "Install it with pip."
        )
    ]


def test_a_plugin_that_breaks_the_contract_is_a_mistake_too(folder: Path) -> None:
    def broken(name: str) -> SimpleNamespace:
        raise PluginError(f"{name} 1.0 does not load. Tell its author.")

    assert [mistake.code for mistake in check_workspace(folder, broken).mistakes] == ["NO_PLUGIN", "NO_PLUGIN"]


def test_settings_are_checked_even_where_other_files_are_wrong(folder: Path) -> None:
    (folder / "mappings/exports.toml").write_text("[persn]\n")

    assert len(said(folder, "portl = 1\n")) == 3


def test_checking_files_loads_no_heavy_library(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from instep.cli.check import check_workspace;"
        f"checked = check_workspace(Path({str(folder)!r})); assert checked.workspace;"
        "print(*sorted({'sqlalchemy', 'pydantic', 'pydantic_settings', 'rich', 'pluggy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_help_needs_none_of_the_mapping_code() -> None:
    program = "import sys, instep.cli.process; print([name for name in sys.modules if 'instep.mapping' in name])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_two_hundred_fields_of_ones_own_are_right(folder: Path) -> None:
    fields = "\n".join(f'own_{n} = {{ field = "F{n}", type = "text", law = "manual" }}' for n in range(200))
    crm = folder / "mappings/crm.toml"
    crm.write_text(f"{crm.read_text(encoding='utf-8')}[person.fields]\n{fields}\n", encoding="utf-8")

    assert check_workspace(folder).mistakes == ()
