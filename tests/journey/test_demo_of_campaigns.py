"""The demo's part about campaign tools: it keeps what it says, and one change more yields exactly that change."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mailchimp_marketing
import pytest

from instep.demo import campaigning
from instep.demo.campaigning import Campaigning, opened, play
from instep.demo.exports import FOLDER
from instep.demo.heroes import CALLED, MEMBER, WALKER
from instep.demo.part import written
from instep.demo.shown import is_everywhere_at, opted_out, owners

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = {FOLDER, "hubspot", "salesforce", "marketo", "mailchimp"}


def told(folder: Path, meddle: Callable[[Any], None] = lambda sandboxes: None) -> tuple[int, str]:
    out = io.StringIO()
    return play(folder, meddle=meddle, file=out), out.getvalue()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    folder = tmp_path_factory.mktemp("campaigns")
    return (folder, *told(folder))


def part_of(demo: tuple[Path, int, str], begin: str, end: str) -> str:
    return demo[2].split(begin)[1].split(end)[0]


def systems_told(text: str) -> list[str]:
    """The systems that a step says something was written to."""
    return [line.split()[1] for line in text.splitlines() if line.startswith("    ~ ")]


def test_everything_comes_out_as_promised(demo: tuple[Path, int, str]) -> None:
    _, code, text = demo
    assert code == 0, text
    assert "✗" not in text
    assert "agree in exports and hubspot and salesforce and marketo and mailchimp: " in text
    assert text.count("✓ And again: 0 written") == 6


def test_a_webinar_in_one_tool_moves_the_buyer_in_both_crms_and_changes_the_other_tool_s_tag(
    demo: tuple[Path, int, str],
) -> None:
    webinar = part_of(demo, "attends a webinar", "leaves the newsletter")
    assert sorted(systems_told(webinar)) == sorted(SYSTEMS)
    assert "stage: Interested → In talks" in webinar
    assert "stage: Open - Not Contacted → Working - Contacted" in webinar
    assert "stage: lead → salesqualifiedlead" in webinar


def test_an_opt_out_is_told_to_everybody_else_and_to_nobody_twice(demo: tuple[Path, int, str]) -> None:
    out = part_of(demo, "leaves the newsletter", "gets another owner")
    assert sorted(systems_told(out)) == sorted(SYSTEMS - {"mailchimp"})


def test_an_owner_changed_in_a_crm_is_the_owner_everywhere_or_the_reason_is_printed(
    demo: tuple[Path, int, str],
) -> None:
    first = part_of(demo, "gets another owner", "And one whom")
    assert sorted(systems_told(first)) == sorted(SYSTEMS - {"salesforce"})
    second = part_of(demo, "And one whom", "A name is corrected")
    assert sorted(systems_told(second)) == sorted(SYSTEMS - {"salesforce", "marketo"})
    assert '! marketo: person owner "bruno": Bruno Talweg has no user here.' in second
    assert "externalSalesPersonId = SP-laila" in second


def test_the_workspace_is_kept_and_passes_check(demo: tuple[Path, int, str]) -> None:
    from click.testing import CliRunner

    from instep.cli.check import check

    result = CliRunner().invoke(check, ["-w", str(demo[0])])
    assert result.exit_code == 0, result.output


def shown_in(picture: Path) -> str:
    """What a picture says, without blanks: it may break lines elsewhere."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return "".join("".join(map(html.unescape, texts)).split())


def missing_in(picture: Path, text: str) -> list[str]:
    """The lines of the demo that a picture does not show, but for places on this machine and how long it took."""
    shown = shown_in(picture)
    lines = [line for line in text.splitlines() if not re.search(r"127\.0\.0\.1|/tmp|/dev|, after [0-9.]+ s\.", line)]
    return [line for line in lines if "".join(line.split()) not in shown]


def test_the_picture_shows_what_the_demo_prints(demo: tuple[Path, int, str]) -> None:
    picture, text = ROOT / "docs" / "campaign.svg", demo[2].replace(str(demo[0]), "/tmp")
    assert missing_in(picture, text) == []
    assert missing_in(picture, text.replace("Talweg", "Brindle")) != []


@pytest.mark.ci
def test_the_first_picture_shows_what_the_first_part_prints(tmp_path: Path) -> None:
    from instep.demo.story import play as play_all

    out = io.StringIO()
    assert play_all(tmp_path, file=out) == 0
    assert missing_in(ROOT / "docs" / "demo.svg", out.getvalue().replace(str(tmp_path), "/tmp")) == []


@pytest.mark.ci
@pytest.mark.parametrize("system", ["marketo", "mailchimp"])
def test_one_name_changed_behind_everybody_s_back_is_named(tmp_path: Path, system: str) -> None:
    code, text = told(tmp_path, lambda running: running[system].demo.colleague_renames(CALLED.email, "Tampered"))
    assert code == 1
    wrong = [line for line in text.splitlines() if "✗" in line]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"  ✗ person {CALLED.email}: last_name: ")
    assert f"{system} says Tampered" in wrong[0]


# --- where nothing happens, one act yields exactly what it should -------------------------------------------------


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Campaigning]:
    with opened(tmp_path, io.StringIO()) as found:
        campaigning.begin(found)
        yield found


def test_in_step_whatever_is_done_in_a_tool_moves_exactly_whom_it_is_about(part: Campaigning) -> None:
    assert written(part.sync()) == 0
    part.tools["marketo"].demo.buyer_attends_webinar(WALKER.email)
    changes = part.sync().plan.changes
    assert {change.label for change in changes} == {WALKER.email}
    assert {change.connection for change in changes} == SYSTEMS
    assert is_everywhere_at(part, WALKER.email, "consideration")
    assert written(part.sync()) == 0


@pytest.mark.ci
def test_who_leaves_by_the_tool_s_own_form_leaves_the_newsletter_too(part: Campaigning) -> None:
    assert opted_out(part, MEMBER.email) == ()
    part.tools["marketo"].demo.buyer_leaves(MEMBER.email)
    part.sync()
    assert set(opted_out(part, MEMBER.email)) == SYSTEMS
    assert opted_out(part, CALLED.email) == ()
    assert written(part.sync()) == 0


@pytest.mark.ci
def test_a_phone_number_through_the_newsletter_s_own_library_is_written_once_everywhere(part: Campaigning) -> None:
    client: Any = mailchimp_marketing.Client({"api_key": part.tools["mailchimp"].settings["api_key"]})
    client.api_client.host = f"{part.tools['mailchimp'].url}/3.0"
    client.lists.update_list_member("a1b2c3d4e5", WALKER.email, {"merge_fields": {"PHONE": "+49 30 5550000"}})
    changes = part.sync().plan.changes
    said = sorted((c.connection, c.label, v.name, v.after) for c in changes for v in c.values)
    assert said == sorted((name, WALKER.email, "phone", "+49 30 5550000") for name in SYSTEMS - {"mailchimp"})
    assert written(part.sync()) == 0


@pytest.mark.ci
def test_an_owner_changed_in_the_other_crm_is_the_owner_everywhere(part: Campaigning) -> None:
    part.sandboxes["hubspot"].demo.rep_gives(MEMBER.email, "maeve")
    part.sync()
    assert set(owners(part, MEMBER.email).values()) == {"Maeve Quillan"}
    assert set(owners(part, MEMBER.email)) == SYSTEMS
    assert written(part.sync()) == 0
