"""Whatever is printed has a code that can be looked up, and how is said once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from instep.cli.main import kind_of
from instep.cli.output import CODES_HINT, notes
from instep.codes import find_code
from instep.errors import RemoteError, UsedUpError

from .conftest import Instep
from .two_crms import TwoCrms, two_crms

IN_BRACKETS = re.compile(r" \[([A-Za-z_-]+)\]$", re.MULTILINE)


@pytest.fixture
def crms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoCrms]:
    with two_crms(tmp_path / "crm") as found:
        monkeypatch.chdir(found.root)
        yield found


def refuse_a_title(crms: TwoCrms) -> None:
    crms.org.world.add_validation_rule("Lead", lambda row: row["Title"] == "CTO", "No such titles here.")
    crms.add_contact(email="jane@x.example", lastname="Doe", jobtitle="CTO", company="X")


@pytest.mark.parametrize("command", [("sync", "--first-run=apply"), ("status",), ("show", "1"), ("why-not", "jane")])
def test_what_a_system_refused_is_printed_with_the_code_of_its_class(
    crms: TwoCrms, instep: Instep, command: tuple[str, ...]
) -> None:
    refuse_a_title(crms)
    name = "jane@x.example" if command[0] == "why-not" else None
    if command[0] != "sync":
        crms.sync()
    ran = instep(*(name if word == "jane" and name else word for word in command))
    expected = "refused" if command[0] == "why-not" else "validation-rule-or-automation"
    found = IN_BRACKETS.findall(ran.out + ran.err)
    assert expected in found
    assert {find_code(code) for code in found} == set(found)
    assert (ran.out.count(CODES_HINT), ran.err.count(CODES_HINT)) == (0, 1)


@pytest.mark.parametrize("command", [("sync", "--first-run=apply"), ("status",), ("show", "1"), ("why-not", "jane")])
def test_where_nothing_has_a_code_nothing_is_said_of_codes(
    crms: TwoCrms, instep: Instep, command: tuple[str, ...]
) -> None:
    crms.add_contact(email="jane@x.example", lastname="Doe", jobtitle="CTO", company="X")
    if command[0] != "sync":
        crms.sync()
    ran = instep(*("jane@x.example" if word == "jane" else word for word in command))
    assert "[validation-rule-or-automation]" not in ran.out + ran.err
    assert CODES_HINT not in ran.out + ran.err


def test_json_is_left_alone(crms: TwoCrms, instep: Instep) -> None:
    refuse_a_title(crms)
    crms.sync()
    for command in (("status",), ("show", "1"), ("why-not", "jane@x.example")):
        ran = instep(*command, "--json")
        assert ran.json["format_version"] == 1
        assert CODES_HINT not in ran.out + ran.err


def a_folder(root: Path, title: str) -> None:
    """A workspace of one file, whose mapping names one column more."""
    (root / "mappings").mkdir()
    (root / "people.csv").write_text("id,email,job\n1,jane@x.example,CTO\n")
    (root / "mappings/process.toml").write_text('preset = "b2b-11"\n')
    head = '[person]\nobjects = ["people"]\nmatch = ["email"]\ninstep_id = false\n'
    fields = f'email = "email", title = {{ field = "{title}", direction = "in" }}'
    (root / "mappings/exports.toml").write_text(f"{head}fields = {{ {fields} }}\n")
    settings = 'plugin = "files"\npath = "."\ndirection = "both"\n'
    objects = 'objects.people = { file = "people.csv", key = "id" }\n'
    (root / "sync.toml").write_text(f"[connections.exports]\n{settings}{objects}")


@pytest.mark.parametrize(("title", "codes"), [("job", []), ("jobb", ["field-missing"])])
def test_doctor_shows_the_code_of_what_is_not_as_it_should_be(
    tmp_path: Path, instep: Instep, title: str, codes: list[str]
) -> None:
    a_folder(tmp_path, title)
    ran = instep("doctor", "-w", str(tmp_path))
    assert IN_BRACKETS.findall(ran.out) == codes
    assert all(line.startswith("✓") for line in ran.out.splitlines()) is (codes == [])
    assert ran.err.count(CODES_HINT) == len(codes)


@pytest.mark.parametrize("command", ["check", "sync", "status"])
def test_mistakes_of_files_are_printed_with_their_codes_by_every_command(
    tmp_path: Path, instep: Instep, command: str
) -> None:
    a_folder(tmp_path, "job")
    assert CODES_HINT not in instep("check", "-w", str(tmp_path)).err
    with (tmp_path / "sync.toml").open("a") as file:
        file.write("[sink]\n[guards]\npercent = 101\n")
    ran = instep(command, "-w", str(tmp_path))
    assert sorted(IN_BRACKETS.findall(ran.err)) == ["OUT_OF_RANGE", "UNKNOWN_KEY"]
    assert ran.err.rstrip().endswith(CODES_HINT)
    assert ran.err.count(CODES_HINT) == 1


def test_an_error_names_its_page(tmp_path: Path, instep: Instep) -> None:
    a_folder(tmp_path, "job")
    assert instep("sync", "-w", str(tmp_path)).code == 0
    with FileLock(str(tmp_path / ".instep/state.db") + ".lock"):
        ran = instep("sync", "--json", "-w", str(tmp_path))
    assert (ran.code, ran.json["error"]["kind"]) == (7, "BusyError")
    assert ran.err.splitlines()[-1] == "What this means: instep help BusyError"


def test_what_was_merely_typed_wrong_needs_no_page(crms: TwoCrms, instep: Instep) -> None:
    crms.sync()
    assert instep("show", "700").err == "There is no run 700. See: instep runs\n"


def test_a_connectors_own_error_is_of_the_nearest_kind() -> None:
    class ShopClosedError(RemoteError):
        """One that no page is about."""

    assert kind_of(ShopClosedError("Closed.")) == "RemoteError"
    assert kind_of(UsedUpError("None left.")) == "UsedUpError"


@pytest.mark.parametrize(
    ("code", "shown"),
    [("unmapped", "unmapped"), ("no_such_column", "unknown-field"), ("\x1b[2J", "other"), ("../x", "other")],
)
def test_a_note_shows_a_code_that_has_a_page(code: str, shown: str) -> None:
    note = {"code": code, "connection": "crm", "text": "Text.", "remedy": "Do.", "count": 1, "examples": []}
    assert notes([note]) == f"! crm: Text. [{shown}]\n    Do."


# --- help ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "starts"),
    [
        ("unmapped", "unmapped (notes of a run)"),
        ("[UnMapped]", "unmapped (notes of a run)"),
        ("unknown field", "unknown-field (classes of refusals)"),
        ("UNKNOWN_FIELD", "UNKNOWN_FIELD (mistakes in files)"),
        ("unknown-field", "unknown-field (classes of refusals)"),
        ("5", "exit-5 (exit codes)"),
        ("guarderror", "GuardError (errors)"),
        ("INVALID_EMAIL", "invalid-value (classes of refusals)"),
        ("UNABLE_TO_LOCK_ROW", "locked-or-busy (classes of refusals)"),
    ],
)
def test_a_code_is_found_however_it_is_typed(instep: Instep, typed: str, starts: str) -> None:
    ran = instep("help", *typed.split())
    assert (ran.code, ran.out.splitlines()[0]) == (0, starts)
    assert ("a code of the system itself" in ran.err) is typed.startswith(("INVALID", "UNABLE"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("unmaped", 'There is no code "unmaped". Did you mean "unmapped"?\n'),
        ("VALUE_TWIC", 'There is no code "VALUE_TWIC". Did you mean "VALUE_TWICE"?\n'),
        ("qqqq", 'There is no code "qqqq". All codes: instep help\n'),
        ("99", 'There is no code "99". All codes: instep help\n'),
    ],
)
def test_an_unknown_code_is_said_to_be_so(instep: Instep, typed: str, said: str) -> None:
    ran = instep("help", typed)
    assert (ran.code, ran.out, ran.err) == (1, "", said)


def test_help_alone_lists_every_code_in_its_group(instep: Instep) -> None:
    text, document = instep("help").out, instep("help", "--json").json
    for group in document["groups"]:
        under = text.split(f"{group['group']} (")[1].split("\n\n")[0]
        listed = " ".join(under.split("\n", 1)[1].split()).split(", ")
        assert listed == [code["code"] for code in group["codes"]]
    assert sum(len(group["codes"]) for group in document["groups"]) > 170


def test_help_of_a_command_is_its_help(instep: Instep) -> None:
    assert "--first-run" in instep("help", "sync").out
