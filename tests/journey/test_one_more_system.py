"""A connection is added to a workspace that is there: `instep init` says what to write, then proposes its mapping."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from instep_hubspot.sandbox import hubspot_sandbox
from instep_mailchimp.sandbox import AUDIENCE, mailchimp_sandbox

from .conftest import Instep


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        boxes: dict[str, Any] = {
            "hubspot": stack.enter_context(hubspot_sandbox()),
            "mailchimp": stack.enter_context(mailchimp_sandbox()),
        }
        for name, secret in (("hubspot", "access_token"), ("mailchimp", "api_key")):
            monkeypatch.setenv(f"INSTEP_{name.upper()}__{secret.upper()}", boxes[name].settings[secret])
            monkeypatch.setenv(f"INSTEP_{name.upper()}__BASE_URL", boxes[name].url)
        yield boxes


@pytest.fixture
def folder(tmp_path: Path, instep: Instep, boxes: dict[str, Any]) -> Path:
    """A workspace with one CRM."""
    assert instep("init", str(tmp_path / "crm"), "-c", "hubspot=hubspot").code == 0
    return tmp_path / "crm"


def files(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*.toml")}


def added(said: str) -> str:
    """The lines that a message gives to be added to a file."""
    return "".join(f"{line}\n" for line in re.findall(r"^    (.*)$", said, re.MULTILINE))


def test_what_init_says_leads_to_a_workspace_in_which_both_systems_are_in_step(
    instep: Instep, folder: Path, boxes: dict[str, Any]
) -> None:
    before = files(folder)
    told = instep("init", str(folder), "-c", "mailchimp=mailchimp")
    assert (told.code, files(folder)) == (1, before)
    lines = added(told.err).replace('# audiences = { … = "…" }', f'audiences = {{ members = "{AUDIENCE}" }}')
    with (folder / "sync.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{lines}")
    [command] = re.findall(r"^Then: instep (.*)$", told.err, re.MULTILINE)
    assert command.endswith("--from mailchimp")
    assert instep(*command.split()).code == 0
    where = ("--workspace", str(folder))
    assert instep("check", *where).code == 0
    assert instep("doctor", "--create-fields", "hubspot", *where).code == 0
    assert instep("doctor", "--create-fields", "mailchimp", *where).code == 0
    boxes["mailchimp"].world.add_member("jane@acme.example", FNAME="Jane")
    assert instep("sync", "--first-run=apply", *where).code == 0
    assert [one["email"] for one in boxes["hubspot"].world.all("contacts")] == ["jane@acme.example"]
    assert instep("plan", "--detailed-exitcode", *where).code == 0


def test_with_from_too_the_lines_come_first_and_no_system_is_asked(
    instep: Instep, folder: Path, boxes: dict[str, Any]
) -> None:
    told = instep("init", str(folder), "-c", "mailchimp=mailchimp", "--from", "mailchimp")
    assert told.code == 1
    assert '    [connections.mailchimp]\n    plugin = "mailchimp"\n' in told.err
    assert not boxes["mailchimp"].log.calls()


def test_the_path_of_exports_is_among_the_lines(instep: Instep, folder: Path) -> None:
    (folder / "exports").mkdir()
    (folder / "exports/people.csv").write_text("id,email\n1,a@x.example\n", encoding="utf-8")
    told = instep("init", str(folder), "-c", f"exports=files:{folder / 'exports'}")
    with (folder / "sync.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{added(told.err)}")
    assert instep("init", str(folder), "--from", "exports").code == 0
    assert instep("check", "--workspace", str(folder)).code == 0


def test_a_connection_that_is_there_needs_no_line(instep: Instep, folder: Path) -> None:
    told = instep("init", str(folder), "-c", "hubspot=hubspot", "-c", "mailchimp=mailchimp")
    assert "[connections.mailchimp]" in told.err
    assert "[connections.hubspot]" not in told.err
    only = instep("init", str(folder), "-c", "hubspot=hubspot")
    assert added(only.err) == ""
    assert f"instep init {folder} --from hubspot" in only.err


def test_asked_for_a_connection_that_sync_toml_lacks_it_says_how_to_add_it(instep: Instep, folder: Path) -> None:
    told = instep("init", str(folder), "--from", "mailchimp")
    assert told.code == 1
    assert f"instep init {folder} --connection mailchimp=CONNECTOR" in told.err


def test_a_connection_without_a_mapping_file_is_told_the_command_that_proposes_one(
    instep: Instep, folder: Path
) -> None:
    (folder / "mappings/hubspot.toml").unlink()
    told = instep("check", "--workspace", str(folder))
    assert 'Run "instep init --from hubspot", write mappings/hubspot.toml, or remove the connection.' in (
        told.out + told.err
    )
