# ruff: noqa: E501 - messages stand here as they are printed
"""`sync.toml`: the connections in order of preference, and files that must be there for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from instep.errors import ConfigError
from instep.mapping.compiled import ConnectionConfig, Options
from instep.mapping.load import load_workspace
from instep.mapping.mistakes import Mistake

Said = Callable[..., list[str]]
BOTH = '[connections.exports]\nplugin = "files"\n[connections.crm]\nplugin = "some-crm"\n'

MISTAKES = {
    "an unknown table": (BOTH + "[sinc]\n", 'sync.toml:5: sinc is not a known key. Did you mean "sync"?'),
    "an unknown option": (
        BOTH + '[sync]\nrecheck = "5m"\n',
        'sync.toml:6: sync.recheck is not a known key. Did you mean "recheck_after"?',
    ),
    "a duration without unit": (
        BOTH + '[sync]\nrecheck_after = "5"\n',
        (
            'sync.toml:6: sync.recheck_after is "5", which is not a whole number of seconds. '
            'Write a number and s, m, h or d, such as "90s" or "7d".'
        ),
    ),
    "a duration without quotes": (
        BOTH + "[sync]\nassociations_every = 7\n",
        'sync.toml:6: sync.associations_every is not a duration. Write one in quotes, such as "7d".',
    ),
    "a connection without plugin": (
        '[connections.exports]\nplugin = "files"\n[connections.crm]\ntoken = 1\n',
        'sync.toml:3: connections.crm has no "plugin". Add plugin = "…".',
    ),
    "a connection that is no table": (
        '[connections]\nexports.plugin = "files"\ncrm = "some-crm"\n',
        "sync.toml:3: connections.crm is not a table. Write crm = { … }, or a table of that name.",
    ),
    "a connection without mapping file": (
        BOTH + '[connections.desk]\nplugin = "desk"\n',
        (
            'sync.toml:5: connections.desk has no mapping file. Run "instep init --from desk", '
            "write mappings/desk.toml, or remove the connection."
        ),
    ),
    "a connection named like another file": (
        BOTH + '[connections.team]\nplugin = "desk"\n',
        (
            "sync.toml:5: connections.team is a name that a connection cannot have. "
            "Use small letters, digits, - and _; none of process, scoring, team, and nothing that begins with process-."
        ),
    ),
    "a quarantine without a try": (
        BOTH + "[quarantine]\ntries = 0\n",
        "sync.toml:6: quarantine.tries is 0. Write 1 or more.",
    ),
    "a quarantine that waits for nothing": (
        BOTH + '[quarantine]\nwait = "soon"\n',
        (
            'sync.toml:6: quarantine.wait is "soon", which is not a whole number of hours. '
            'Write a number and s, m, h or d, such as "90s" or "7d".'
        ),
    ),
    "a guard beyond all": (
        BOTH + "[guards]\npercent = 130\n",
        "sync.toml:6: guards.percent is 130. Write a number from 0 to 100.",
    ),
    "a guard with a mistake": (
        BOTH + "[guards.owner]\nprecent = 5\n",
        'sync.toml:6: guards.owner.precent is not a known key. Did you mean "percent"?',
    ),
    "a reserve beyond all": (
        BOTH + "[budget]\nreserve_percent = 100\n",
        "sync.toml:6: budget.reserve_percent is 100. Write a number from 0 to 99.",
    ),
    "a reserve of nobody": (
        BOTH + "[budget.cmr]\nreserve_percent = 5\n",
        'sync.toml:5: budget.cmr names "cmr", which is no connection. Did you mean "crm"?',
    ),
    "no connection": (
        "",
        'sync.toml: No connection is configured. Add [connections.NAME] with plugin = "…".',
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_each_mistake_is_told_with_its_line_and_remedy(said: Said, case: str) -> None:
    text, expected = MISTAKES[case]

    assert said(sync=text) == [expected]


def test_a_folder_without_sync_file_is_not_a_workspace(folder) -> None:
    assert folder.without("sync.toml").said() == [
        'sync.toml: There is no such file. Run "instep init", or name the folder with --workspace.'
    ]


def test_a_mapping_file_without_connection_is_noted(folder) -> None:
    assert folder.noted(cmr="x = 1\n") == [
        'mappings/cmr.toml: No connection has this name, so nobody reads this file. Did you mean "crm"?'
    ]


def test_an_error_carries_every_mistake(folder) -> None:
    folder.write(sync=BOTH + "[sinc]\n", crm="[persn]\n")

    with pytest.raises(ConfigError) as raised:
        load_workspace(folder.root)

    assert raised.value.mistakes == (
        Mistake("sync.toml", "sinc", 5, "is not a known key", 'Did you mean "sync"?', "UNKNOWN_KEY"),
        Mistake("mappings/crm.toml", "persn", 1, "is not a known key", 'Did you mean "person"?', "UNKNOWN_KEY"),
    )
    assert str(raised.value) == "\n".join(str(mistake) for mistake in raised.value.mistakes)


def test_connections_keep_their_order_and_raw_settings(folder) -> None:
    text = '[connections.crm]\nplugin = "some-crm"\nrate = 1.5\nnested = { a = [1] }\n[connections.exports]\nplugin = "f"\n'

    assert folder.loaded(sync=text).connections == (
        ConnectionConfig("crm", "some-crm", {"rate": 1.5, "nested": {"a": [1]}}),
        ConnectionConfig("exports", "f", {}),
    )


def test_options_are_read_in_their_units(folder) -> None:
    text = '[sync]\nrecheck_after = "90s"\nassociations_every = "48h"\ncatalogue_every = "1d"\nstore = "state/x.db"\n'
    workspace = folder.loaded(sync=text + BOTH)

    assert workspace.options == Options(90, 2, 24)
    assert workspace.store == folder.root / "state/x.db"


def test_the_store_is_kept_in_the_workspace_by_default(folder) -> None:
    assert folder.loaded().store == folder.root / ".instep/state.db"


def test_a_byte_order_mark_and_windows_line_ends_are_read(folder) -> None:
    (folder.root / "sync.toml").write_bytes(b"\xef\xbb\xbf" + BOTH.replace("\n", "\r\n").encode())

    assert folder.said() == []


def test_text_in_another_encoding_is_told_with_its_line(folder) -> None:
    (folder.root / "mappings/crm.toml").write_bytes(b'x = 1\ny = "\xe4"\n')

    assert folder.said() == ["mappings/crm.toml:2: This file is not UTF-8 text. Save it as UTF-8."]


@pytest.mark.parametrize(
    "text", [f"x = {'1' * 5000}\n", f"x = {'[' * 5000}{']' * 5000}\n", f"x = {'[' * 60}{']' * 60}\n"]
)
def test_what_no_reader_could_take_is_a_mistake_too(said: Said, text: str) -> None:
    assert said(crm=text) == [
        "mappings/crm.toml: This is too large or too deeply nested to be read. Write smaller numbers, flatter tables."
    ]


def test_loading_writes_nothing(folder, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    folder.loaded()

    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
