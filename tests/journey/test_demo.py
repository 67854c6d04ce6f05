"""The demo from end to end: it agrees with itself, and it notices when something does not."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from instep.demo.cast import cast_of
from instep.demo.generate import Size, generate
from instep.demo.story import play
from instep.errors import ConfigError

SMALL = Size(firms=90, buyers=600, deals=170)


def told(folder: Path, meddle=lambda sandboxes: None) -> tuple[int, str]:
    out = io.StringIO()
    return play(folder, size=SMALL, meddle=meddle, file=out), out.getvalue()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    code, text = told(folder)
    return folder, code, text


def test_everything_agrees_at_the_end(demo):
    _, code, text = demo
    assert code == 0, text
    counts = "600 people, 90 companies, 170 opportunities"
    assert f"✓ {counts} agree in exports and hubspot and salesforce and marketo and mailchimp: " in text


def test_the_first_run_writes_nothing_and_the_second_after_applying_neither(demo):
    assert "✓ Nothing was written" in demo[2]
    assert "✓ 0 written: every system is in step" in demo[2]


def test_exactly_what_happened_travels(demo):
    cast = cast_of(generate(SMALL))
    travelled = demo[2].split("Exactly that travels")[1].split("Why?")[0]
    lines = {line.split()[1]: line for line in travelled.splitlines() if line.startswith("    ~ ")}
    assert "owner → " in lines[cast.buyer.email]
    assert "stage: research → decision   in all 5 systems" in lines[cast.buyer.email]
    assert "stage: shortlist → evaluation   in exports and hubspot" in lines[cast.deal.reference]
    assert "stage: contract → won   in exports and hubspot" in lines[cast.won.reference]
    assert "stage: evaluation → shortlist   in exports and hubspot and salesforce" in lines[cast.back.reference]
    assert lines[cast.lead.email].endswith("in salesforce")
    assert "stage: customer → lead   in hubspot" in lines[cast.contested.email]
    assert "→ achievement" in lines[cast.customer_deal.reference]
    assert "stage: interest → consideration   in all 5 systems" in lines[cast.attendee.email]
    assert "consent: not opted out → opted out" in lines[cast.leaver.email]
    others = {"exports", "hubspot", "salesforce", "marketo"}
    assert set(lines[cast.leaver.email].split("   in ")[1].split(" and ")) == others
    assert "about nobody else" in travelled


def test_the_stage_is_explained_with_who_lost(demo):
    explained = demo[2].split("Why?")[1]
    assert "because   a buyer did participates-in-demo" in explained
    assert "first contact: exports is preferred" in explained


def test_losing_the_state_creates_nothing(demo):
    assert "✓ 0 created: everybody is who they were" in demo[2]


def test_a_rebuilt_state_has_no_questions(demo):
    rebuilt = demo[2].split("Lose the local state")[1].split("Read every system")[0]
    assert " ! " not in rebuilt


def test_what_a_tool_cannot_hold_is_said(demo):
    assert "! marketo: person owner" in demo[2]
    assert "has no user here" in demo[2]
    assert "not shown, as the files say: mailchimp: person stages have no word for sidelines" in demo[2]


def test_what_nobody_can_translate_is_reported(demo):
    assert "Haberdashery 2.0" in demo[2]
    assert "Wilma Abgang" in demo[2]


def test_the_workspace_is_kept_and_passes_check(demo):
    from click.testing import CliRunner

    from instep.cli.check import check

    result = CliRunner().invoke(check, ["-w", str(demo[0])])
    assert result.exit_code == 0, result.output


@pytest.mark.ci
def test_one_value_changed_behind_everybody_s_back_is_named(tmp_path):
    victim = next(b for b in generate(SMALL).buyers if b.known.system and b.email)

    def meddle(sandboxes):
        from hubspot import HubSpot
        from hubspot.crm.contacts import SimplePublicObjectInput

        settings = sandboxes["hubspot"].settings
        library = HubSpot(access_token=settings["access_token"], host=settings["base_url"])
        contacts = library.crm.contacts.basic_api
        id = contacts.get_by_id(victim.email, id_property="email").id
        contacts.update(id, simple_public_object_input=SimplePublicObjectInput(properties={"lastname": "Tampered"}))

    code, text = told(tmp_path, meddle)
    assert code == 1
    wrong = [line for line in text.splitlines() if "✗" in line]
    others = f"instep says {victim.last}, exports says {victim.last}"
    rest = ", ".join(f"{name} says {victim.last}" for name in ("salesforce", "marketo", "mailchimp"))
    said = f"{others}, hubspot says Tampered, {rest}"
    assert wrong == [f"  ✗ person {victim.email}: last_name: {said}"]


@pytest.mark.ci
@pytest.mark.parametrize("system", ["marketo", "mailchimp"])
def test_one_value_changed_in_a_campaign_tool_behind_everybody_s_back_is_named(tmp_path, system):
    victim = next(b for b in generate(SMALL).buyers if b.known.campaigns and b.known.newsletter)
    code, text = told(tmp_path, lambda sandboxes: sandboxes[system].demo.colleague_renames(victim.email, "Tampered"))
    assert code == 1
    wrong = [line for line in text.splitlines() if "✗" in line]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"  ✗ person {victim.email}: last_name: instep says {victim.last}")
    assert f"{system} says Tampered" in wrong[0]


@pytest.mark.ci
def test_a_lead_changed_behind_everybody_s_back_is_named(tmp_path):
    scene = generate(SMALL)
    today = cast_of(scene)
    victim = next(b for b in scene.buyers if b.is_lead and b not in (today.lead, today.buyer, today.contested))

    def meddle(sandboxes):
        from instep_salesforce.sandbox.library import library

        with library(sandboxes["salesforce"].settings) as client:
            found = client.query(f"SELECT Id FROM Lead WHERE Email = '{victim.email}'")["records"]
            client.Lead.update(found[0]["Id"], {"Title": "Tampered"})

    code, text = told(tmp_path, meddle)
    assert code == 1
    wrong = [line for line in text.splitlines() if "✗" in line]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"  ✗ person {victim.email}: title: ")
    assert "salesforce says Tampered, marketo says " in wrong[0]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(ConfigError, match="not empty"):
        play(tmp_path, size=SMALL, file=io.StringIO())
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.ci
def test_logins_in_the_environment_are_never_used(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTEP_HUBSPOT__BASE_URL", "https://real.example")
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", "a-real-token")
    monkeypatch.setenv("INSTEP_SALESFORCE__INSTANCE_URL", "https://real.example")
    monkeypatch.setenv("INSTEP_MARKETO__BASE_URL", "https://real.example")
    monkeypatch.setenv("INSTEP_MAILCHIMP__API_KEY", "a-real-key")
    code, text = told(tmp_path)
    assert code == 0, text
