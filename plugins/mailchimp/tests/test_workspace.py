"""The starter mapping at work: `instep` itself, against the sandbox."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from instep import plugins
from instep.cli.main import instep as command
from instep.sandbox import Sandbox
from instep.sync import transport
from instep_mailchimp import mailchimp
from instep_mailchimp.sandbox import AUDIENCE, MailchimpWorld, mailchimp_sandbox

Instep = Callable[..., str]


@pytest.fixture
def sandbox() -> Iterator[Sandbox[MailchimpWorld]]:
    with mailchimp_sandbox() as running:
        yield running


@pytest.fixture
def instep(tmp_path: Path, sandbox: Sandbox[MailchimpWorld], monkeypatch: pytest.MonkeyPatch) -> Instep:
    """Runs a command in a new workspace that has this connection, and gives what it printed."""
    waited: list[float] = []
    world = partial(
        transport.World,
        clock=lambda: datetime.now(UTC) + timedelta(seconds=sum(waited)),
        sleep=waited.append,
        find_plugin=lambda name: mailchimp,
    )
    monkeypatch.setattr(transport, "World", world)
    monkeypatch.setattr(plugins, "find_plugin", lambda name: mailchimp)
    monkeypatch.setenv("INSTEP_MAILCHIMP__API_KEY", str(sandbox.settings["api_key"]))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        done = CliRunner().invoke(command, words)
        assert done.exit_code == 0, done.output
        return done.stdout

    run("init", ".", "--connection", "mailchimp=mailchimp")
    settings = f'plugin = "mailchimp"\nbase_url = "{sandbox.url}"\naudiences = {{ members = "{AUDIENCE}" }}'
    file = tmp_path / "sync.toml"
    file.write_text(file.read_text().replace('plugin = "mailchimp"', settings))
    return run


def test_a_fresh_workspace_is_checked_completed_and_synced(instep: Instep, sandbox: Sandbox[MailchimpWorld]) -> None:
    assert "Nothing is wrong" in instep("check")
    made = instep("doctor", "--create-fields", "mailchimp")
    assert [tag for tag in ("INSTEP_ID", "SCORE", "STEP") if f"created members.{tag}" in made] == [
        "INSTEP_ID",
        "SCORE",
        "STEP",
    ]
    assert "✗" not in instep("doctor")
    sandbox.world.add_member("a@x.example", FNAME="Ada")
    sandbox.log.clear()
    instep("sync", "--first-run=apply")
    assert "mailchimp   1 " in instep("sync")
    assert not sandbox.log.writes()


def test_a_segment_is_heard_can_decide_who_takes_part_and_is_never_written(
    instep: Instep, sandbox: Sandbox[MailchimpWorld], tmp_path: Path
) -> None:
    connections, mapping = tmp_path / "sync.toml", tmp_path / "mappings" / "mailchimp.toml"
    replace(connections, 'plugin = "mailchimp"', 'plugin = "mailchimp"\nsegments = ["mql"]')
    replace(
        mapping, 'last_name = "LNAME"', 'last_name = "LNAME"\nreader = { field = "segment:mql", type = "boolean" }'
    )
    for name in ("ada", "ben"):
        sandbox.world.add_member(f"{name}@x.example", FNAME=name)
        sandbox.world.tag(f"{name}@x.example", "mql")
    instep("doctor", "--create-fields", "mailchimp")
    with pytest.raises(AssertionError, match=r"members\.segment:mql cannot be written by this login"):
        instep("doctor")
    replace(mapping, 'type = "boolean"', 'type = "boolean", direction = "in"')
    instep("doctor")
    instep("sync", "--first-run=apply")
    assert all("reader is True" in instep("explain", f"{name}@x.example") for name in ("ada", "ben"))
    sandbox.world.untag("ben@x.example", "mql")
    instep("sync")
    assert "reader is True" in instep("explain", "ada@x.example")
    assert "reader is False" in instep("explain", "ben@x.example")
    create = 'create = { field = "email", is_blank = false }'
    replace(mapping, create, f'{create}\ninclude = {{ field = "reader", eq = true }}')
    assert "1        not included" in instep("sync")


def replace(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
