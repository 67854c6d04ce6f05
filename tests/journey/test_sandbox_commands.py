"""`instep sandbox up|load`: what cannot be loaded or served is said plainly, what can be is there."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
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
UNKNOWN_OBJECT = [(name, {"peeple": [{"email": "x"}]}, '"peeple" is refused: ') for name in (*FITTING, "files")]
UNKNOWN_FIELD = [
    (name, {object: [{**rows[0], "shoe_size": "40"}]}, f'"{object}" is refused: ')
    for name, ((object, rows),) in ((name, data.items()) for name, data in FITTING.items())
]
NO_RECORDS = [("hubspot", data, "is no JSON of records by object") for data in ([1], {"contacts": "x"}, {"x": ["y"]})]
CASES = [*UNKNOWN_OBJECT, *UNKNOWN_FIELD, *NO_RECORDS]
IDS = [f"{name}-{json.dumps(data)[:24]}" for name, data, _ in CASES]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(instep, ["sandbox", *arguments])


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


def test_a_port_is_one_that_there_is_and_that_is_free(tmp_path: Path) -> None:
    assert "99999 is not in the range 0<=x<=65535" in run("up", "hubspot", "--port", "99999").output
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(run("up", "hubspot", "--port", str(port)).exception).startswith(f"Port {port} is taken.")
