"""The demo's folder is made from the example, and reaches nothing but its sandboxes."""

from __future__ import annotations

import os
import tomllib

import pytest

from instep.demo.place import campaign_tools, connectors, copy_example, example, fresh_folder, no_real_logins
from instep.errors import ConfigError
from instep.mapping.lint import lint_process
from instep.mapping.load import load_workspace


def test_the_example_is_right_and_its_process_is_the_buyer_s():
    workspace = load_workspace(example())
    assert lint_process(workspace.process, workspace.team) == ()


def test_the_example_has_a_folder_and_four_systems_of_which_two_are_campaign_tools():
    names = ["hubspot", "salesforce", "marketo", "mailchimp"]
    assert connectors() == {"exports": "files", **{name: name for name in names}}
    assert campaign_tools() == ("marketo", "mailchimp")


def test_what_does_not_take_part_is_in_no_file_of_the_copy(tmp_path):
    copy_example(tmp_path, {}, without=campaign_tools())
    assert load_workspace(tmp_path).connection_names == ("exports", "hubspot", "salesforce")
    assert not [file for file in tmp_path.rglob("*.toml") if "marketo" in file.read_text(encoding="utf-8").lower()]
    assert not (tmp_path / "mappings" / "mailchimp.toml").exists()


def test_otherwise_everything_is_in_the_copy(tmp_path):
    copy_example(tmp_path, {})
    assert load_workspace(tmp_path).connection_names == load_workspace(example()).connection_names


def test_the_copy_reaches_the_sandbox_and_means_the_same_otherwise(tmp_path):
    copy_example(tmp_path, {"hubspot": {"base_url": "http://127.0.0.1:1", "access_token": "x"}})
    copied = tomllib.loads((tmp_path / "sync.toml").read_text(encoding="utf-8"))
    original = tomllib.loads((example() / "sync.toml").read_text(encoding="utf-8"))
    assert copied["connections"].pop("hubspot") == {
        **original["connections"].pop("hubspot"),
        "base_url": "http://127.0.0.1:1",
        "access_token": "x",
    }
    assert copied == original


def test_without_ids_nothing_is_managed_in_the_copy(tmp_path):
    managed = {name for name, known in load_workspace(example()).configuration.items() if known.ids}
    assert managed == {"hubspot", "salesforce"}
    copy_example(tmp_path, {}, ids=False)
    assert not any(known.ids for known in load_workspace(tmp_path).configuration.values())


def test_a_temporary_folder_is_made_where_none_is_named():
    folder = fresh_folder(None)
    assert folder.is_dir()
    folder.rmdir()


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(ConfigError, match="not empty"):
        fresh_folder(tmp_path)


def test_logins_come_back_after_the_demo(monkeypatch):
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", "mine")
    with no_real_logins(["hubspot"]):
        assert "INSTEP_HUBSPOT__ACCESS_TOKEN" not in os.environ
    assert os.environ["INSTEP_HUBSPOT__ACCESS_TOKEN"] == "mine"
