"""`instep sandbox up|load`: what cannot be loaded or served is said plainly, what can be is there."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import tomlkit
from click.testing import CliRunner, Result

from instep.cli.main import instep
from instep.cli.sandbox import open_sandbox
from instep.errors import ConfigError

FITTING = {
    "salesforce": {"Contact": [{"LastName": "Doe", "Email": "jane@acme.example"}]},
    "hubspot": {"contacts": [{"email": "jane@acme.example"}]},
    "marketo": {"leads": [{"email": "jane@acme.example"}]},
    "mailchimp": {"members": [{"email_address": "jane@acme.example", "FNAME": "Jane"}]},
}
ACTS: dict[str, tuple[str, dict[str, str]]] = {
    "marketo": ("activities", {"lead": "jane@acme.example", "activity": "visit-webpage", "Webpage URL": "/pricing"}),
    "mailchimp": ("email-activity", {"email_address": "jane@acme.example", "action": "click", "url": "/pricing"}),
}
"""What somebody does in a campaign tool: no call of its API makes anybody do it."""
WRONG_ACTS = [
    (name, {object: [{**act, field: value}]}, said)
    for name, (object, act) in ACTS.items()
    for field, value, said in [
        (next(iter(act)), "joan@acme.example", 'joan@acme.example"'),
        (list(act)[1], "yawn", '"yawn", only '),
        ("shoe_size", "40", "shoe_size"),
    ]
]
UNKNOWN_OBJECT = [(name, {"peeple": [{"email": "x"}]}, '"peeple" is refused: ') for name in (*FITTING, "files")]
UNKNOWN_FIELD = [
    (name, {object: [{**rows[0], "shoe_size": "40"}]}, f'"{object}" is refused: ')
    for name, ((object, rows),) in ((name, data.items()) for name, data in FITTING.items())
]
NO_RECORDS = [("hubspot", data, "is no JSON of records by object") for data in ([1], {"contacts": "x"}, {"x": ["y"]})]
CASES = [*UNKNOWN_OBJECT, *UNKNOWN_FIELD, *NO_RECORDS]
IDS = [f"{name}-{json.dumps(data)[:24]}" for name, data, _ in CASES]


def cli(*arguments: str) -> Result:
    return CliRunner().invoke(instep, arguments)


def run(*arguments: str) -> Result:
    return cli("sandbox", *arguments)


def written(folder: Path, data: object) -> str:
    place = folder / "records.json"
    place.write_text(json.dumps(data), encoding="utf-8")
    return str(place)


@pytest.mark.parametrize(("connector", "data", "said"), CASES, ids=IDS)
def test_what_does_not_fit_is_said_before_anything_is_served(
    tmp_path: Path, connector: str, data: object, said: str
) -> None:
    place = written(tmp_path, data)
    result = run("up", connector, "--load", place)
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith(f"{place} cannot be loaded. ")
    assert said in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize(("connector", "data"), FITTING.items(), ids=list(FITTING))
def test_a_running_sandbox_takes_what_fits_and_says_what_does_not(
    tmp_path: Path, connector: str, data: dict[str, list[dict[str, str]]]
) -> None:
    (object,) = data
    with open_sandbox(connector) as running:
        assert run("load", running.url, written(tmp_path, data)).stdout == f"{object}: 1 loaded\n"
        refused = run("load", running.url, written(tmp_path, {"peeple": [{}]})).exception
    assert '"peeple" is refused: ' in str(refused)
    assert isinstance(refused, ConfigError)


@pytest.mark.parametrize("connector", ACTS)
def test_what_somebody_does_in_a_campaign_tool_can_be_loaded_and_moves_them(
    tmp_path: Path, connector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    object, act = ACTS[connector]
    secret = {"marketo": "client_secret", "mailchimp": "api_key"}[connector]
    with open_sandbox(connector) as running:
        assert run("load", running.url, written(tmp_path, FITTING[connector])).exit_code == 0
        monkeypatch.setenv(f"INSTEP_{connector.upper()}__{secret.upper()}", running.settings[secret])
        settings = {name: value for name, value in running.settings.items() if name != secret}
        assert cli("init", str(tmp_path / "w"), "-c", f"{connector}={connector}").exit_code == 0
        settings |= {"activity_lag_seconds": 0} if connector == "marketo" else {}
        table = {"connections": {connector: {"plugin": connector, **settings}}}
        (tmp_path / "w/sync.toml").write_text(tomlkit.dumps(table), encoding="utf-8")
        kind = act.get("activity", act.get("action"))
        rule = f'\n[[behaviours]]\nkind = "{kind}"\nbehaviour = "downloads-document"\n'
        with (tmp_path / f"w/mappings/{connector}.toml").open("a", encoding="utf-8") as mapping:
            mapping.write(rule)
        where = ("--workspace", str(tmp_path / "w"))
        assert cli("doctor", "--create-fields", connector, *where).exit_code == 0
        assert cli("sync", "--first-run=apply", *where).exit_code == 0
        told = ("explain", "jane@acme.example", "stage", *where)
        assert "downloads-document" not in cli(*told).stdout
        assert run("load", running.url, written(tmp_path, {object: [act]})).stdout == f"{object}: 1 loaded\n"
        assert cli("sync", *where).exit_code == 0
        assert "evidence downloads-document" in cli(*told).stdout


@pytest.mark.parametrize(("connector", "data", "said"), WRONG_ACTS, ids=lambda value: str(value)[:40])
def test_an_act_that_nobody_could_do_is_refused_in_words(
    tmp_path: Path, connector: str, data: object, said: str
) -> None:
    with open_sandbox(connector) as running:
        assert run("load", running.url, written(tmp_path, FITTING[connector])).exit_code == 0
        refused = run("load", running.url, written(tmp_path, data)).exception
    assert isinstance(refused, ConfigError)
    assert said in str(refused)


def test_a_port_is_one_that_there_is_and_that_is_free(tmp_path: Path) -> None:
    assert "99999 is not in the range 0<=x<=65535" in run("up", "hubspot", "--port", "99999").output
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(run("up", "hubspot", "--port", str(port)).exception).startswith(f"Port {port} is taken.")
