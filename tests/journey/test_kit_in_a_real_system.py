"""`instep connector test`: the kit's claims about a connection, in a system that holds somebody's records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instep import plugins
from instep.contract import Connection, Create, Delete, Seen, Written
from instep.sandbox import FaultKind
from instep.testing.live import LOGS_IN, claims
from instep_hubspot import hubspot

from .conftest import Instep
from .two_crms import TwoCrms, two_crms


@pytest.fixture
def crms(tmp_path: Path) -> Iterator[TwoCrms]:
    with two_crms(tmp_path) as crms:
        for number in range(5):
            crms.portal.world.create("contacts", email=f"p{number}@acme.example", firstname=f"P{number}")
            crms.org.world.create("Lead", LastName=f"P{number}", Company="Acme", Email=f"p{number}@acme.example")
        crms.portal.log.clear()
        crms.org.log.clear()
        yield crms


def judged(instep: Instep, crms: TwoCrms, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    ran = instep("connector", "test", *arguments, "--workspace", str(crms.root), "--json")
    return ran.code, {one["claim"]: one for one in ran.json["claims"]}


@pytest.mark.parametrize("connection", ["hubspot", "salesforce"])
def test_a_connection_is_tested_without_any_write(instep: Instep, crms: TwoCrms, connection: str) -> None:
    code, found = judged(instep, crms, connection)
    assert (code, sorted(found)) == (0, sorted(claims()))
    assert {one["state"] for one in found.values()} == {"holds"}
    for sandbox in (crms.portal, crms.org):
        assert not sandbox.log.writes()


@pytest.mark.parametrize("connection", ["hubspot", "salesforce"])
def test_asked_to_write_it_leaves_nothing_behind(instep: Instep, crms: TwoCrms, connection: str) -> None:
    sandbox, objects = (
        (crms.portal, ("contacts", "companies", "deals"))
        if connection == "hubspot"
        else (crms.org, ("Lead", "Contact", "Account", "Opportunity"))
    )
    before = [len(sandbox.world.all(object)) for object in objects]
    code, found = judged(instep, crms, connection, "--write")
    broken = [one for one in found.values() if one["state"] == "broken"]
    assert (code, broken, sorted(found)) == (0, [], sorted(claims(writing=True)))
    assert sandbox.log.writes()
    assert [len(sandbox.world.all(object)) for object in objects] == before


def test_a_connector_that_shows_more_than_was_asked_for_is_broken(
    instep: Instep, crms: TwoCrms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(settings: Any, effects: Any) -> Connection:
        connection = hubspot.connect(settings, effects)
        store = connection.records
        told = type(store).changed_since

        class Talkative(type(store)):  # type: ignore[misc]
            def changed_since(self, *arguments: Any) -> Any:
                for page in told(self, *arguments):
                    items = [
                        replace(i, fields={**i.fields, "x": "1"}) if isinstance(i, Seen) else i for i in page.items
                    ]
                    yield replace(page, items=tuple(items))

        store.__class__ = Talkative
        return connection

    monkeypatch.setattr(plugins, "find_plugin", lambda name: replace(hubspot, connect=connect))
    code, found = judged(instep, crms, "hubspot")
    broken = {claim for claim, one in found.items() if one["state"] == "broken"}
    assert (code, broken) == (
        1,
        {
            "test_records_show_no_field_that_nobody_asked_for",
            "test_what_a_page_shows_is_what_reading_by_id_shows",
        },
    )


def test_each_claim_is_told_before_the_next_is_asked(
    instep: Instep, crms: TwoCrms, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def connect(settings: Any, effects: Any) -> Connection:
        told.append(capsys.readouterr().out)
        return hubspot.connect(settings, effects)

    monkeypatch.setattr(plugins, "find_plugin", lambda name: replace(hubspot, connect=connect))
    ran = instep("connector", "test", "hubspot", "--workspace", str(crms.root))
    assert told[:2] == ["", "holds    check names the org\n"]
    assert len(told) > 10
    assert all(told[1:])
    assert "check names the org" not in ran.out


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_login_that_fails_is_said_and_judges_no_claim(instep: Instep, crms: TwoCrms, form: tuple[str, ...]) -> None:
    file = crms.root / "sync.toml"
    token = crms.portal.settings["access_token"]
    file.write_text(file.read_text().replace(str(token), "pat-wrong"))
    ran = instep("connector", "test", "hubspot", "--workspace", str(crms.root), *form)
    assert ran.code == 8
    assert "The login of hubspot failed, so no claim was tested.\n" in ran.err
    assert "the login was not accepted. Check the token in HubSpot's settings" in ran.err
    if form:
        assert ran.json["error"]["kind"] == "AccessError"
    else:
        assert ran.out == ""
    assert "pat-wrong" not in ran.out + ran.err


def test_a_system_that_cannot_be_reached_is_asked_once(instep: Instep, crms: TwoCrms) -> None:
    crms.portal.faults.add("*", FaultKind.STATUS, None, status=400, body=b'{"message": "no"}')
    code, found = judged(instep, crms, "hubspot")
    assert (code, list(found)) == (1, [LOGS_IN])
    crms.portal.faults.clear()
    assert judged(instep, crms, "hubspot")[0] == 0


def test_a_connection_that_is_not_there_is_an_error(instep: Instep, crms: TwoCrms) -> None:
    ran = instep("connector", "test", "crm", "--workspace", str(crms.root))
    assert ran.code != 0
    assert 'has no connection "crm"' in ran.err


def odd_writes(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[Callable[[Sequence[Any]], list[Any]], Sequence[Any]], list[Any]]
) -> None:
    """HubSpot's connector writes in an odd way: `write` is given the real one, and what is to be written."""

    def connect(settings: Any, effects: Any) -> Connection:
        connection = hubspot.connect(settings, effects)
        store = connection.records
        base = type(store)

        class Odd(base):  # type: ignore[misc, valid-type]
            def write(self, object: str, writes: Sequence[Any], fields: Sequence[str]) -> list[Any]:
                return write(lambda some: base.write(self, object, some, fields), writes)

        store.__class__ = Odd
        return connection

    monkeypatch.setattr(plugins, "find_plugin", lambda name: replace(hubspot, connect=connect))


def left_behind(instep: Instep, crms: TwoCrms) -> tuple[int, int]:
    """How many records more there are after a test that writes, and how many it names."""
    objects = ("contacts", "companies", "deals")
    before = sum(len(crms.portal.world.all(object)) for object in objects)
    ran = instep("connector", "test", "hubspot", "--write", "--workspace", str(crms.root))
    after = sum(len(crms.portal.world.all(object)) for object in objects)
    return after - before, ran.err.count("May still be there")


def test_records_that_a_connector_says_it_did_not_create_are_deleted_too(
    instep: Instep, crms: TwoCrms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(send: Any, writes: Sequence[Any]) -> list[Any]:
        return [replace(o, created=False) if isinstance(o, Written) else o for o in send(writes)]

    odd_writes(monkeypatch, write)
    assert left_behind(instep, crms) == (0, 0)


def test_records_that_cannot_be_deleted_are_named_also_when_somebody_stops_it(
    instep: Instep, crms: TwoCrms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(send: Any, writes: Sequence[Any]) -> list[Any]:
        if isinstance(writes[0], Delete):
            raise KeyError("id")
        if not isinstance(writes[0], Create):
            raise KeyboardInterrupt
        return list(send(writes))

    odd_writes(monkeypatch, write)
    left, named = left_behind(instep, crms)
    assert left > 0
    assert named >= left


@pytest.mark.parametrize("command", [("connector", "test", "hubspot"), ("doctor",), ("plan",)])
def test_a_token_that_ends_its_line_is_taken_without_it_and_shown_nowhere(
    instep: Instep, crms: TwoCrms, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    file = crms.root / "sync.toml"
    token = str(crms.portal.settings["access_token"])
    file.write_text("\n".join(line for line in file.read_text().splitlines() if token not in line))
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", f"{token}\n")
    ran = instep(*command, "--workspace", str(crms.root))
    assert token not in ran.out + ran.err
    assert crms.portal.log.calls()
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", f"{token}\r\nX-A: b")
    ran = instep(*command, "--workspace", str(crms.root))
    assert ran.code != 0
    assert token not in ran.out + ran.err
    assert "line break or another control" in ran.out + ran.err
