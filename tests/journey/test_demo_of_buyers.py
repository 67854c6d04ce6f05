"""The demo's third part: it keeps what it says, and where nothing happens, one act yields exactly what it should."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instep.demo import buying
from instep.demo.buying import Buying, opened, play
from instep.demo.exports import FOLDER
from instep.demo.heroes import CALLED, DEAL, MEMBER, PAGES, QUIET, STRANGER, WALKER, market
from instep.demo.shown import is_everywhere_at
from instep.sync.changes import Change

SYSTEMS = (FOLDER, "hubspot", "salesforce")
Step = Callable[[Buying], None]


def told(folder: Path, meddle: Callable[[Any], None] = lambda sandboxes: None) -> tuple[int, str]:
    out = io.StringIO()
    return play(folder, meddle=meddle, file=out), out.getvalue()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    folder = tmp_path_factory.mktemp("buyers")
    return (folder, *told(folder))


def part_of(demo: tuple[Path, int, str], begin: str, end: str) -> str:
    return demo[2].split(begin)[1].split(end)[0]


def test_everything_comes_out_as_promised(demo: tuple[Path, int, str]) -> None:
    _, code, text = demo
    assert code == 0, text
    assert "✗" not in text


def test_nine_acts_told_by_three_systems_take_a_buyer_to_the_stage_that_they_prove(
    demo: tuple[Path, int, str],
) -> None:
    walked = part_of(demo, "step by step", "A representative calls")
    reached = [line.split()[-1] for line in walked.splitlines() if " → " in line]
    assert reached == ["awareness", "interest", *["consideration"] * 4, *["decision"] * 3]
    assert {line.split(" → ")[0].split()[-1] for line in walked.splitlines() if " → " in line} == {*SYSTEMS}
    steps = [line.split(" to ")[1] for line in walked.splitlines() if line.startswith("    step ")]
    assert steps[-4:] == [
        "awareness, evidence visits-website",
        "interest, evidence downloads-document",
        "consideration, evidence requests-call",
        "decision, evidence provides-specification-and-budget",
    ]


def test_every_act_has_its_line_of_the_score_and_the_lines_add_up(demo: tuple[Path, int, str]) -> None:
    walked = part_of(demo, "step by step", "A representative calls")
    acts = [line for line in walked.splitlines() if line.startswith("    act ")]
    assert len(acts) == len(buying.WAY)
    assert "✓ The lines add up to" in walked
    assert f"in {' and '.join(SYSTEMS)}" in walked


def test_what_a_seller_does_advances_nobody(demo: tuple[Path, int, str]) -> None:
    called = part_of(demo, "A representative calls", "A webinar, of which")
    assert "✓ Before and after the same, 0 written about them: exports interest, hubspot lead" in called
    assert "requests-call from salesforce: done by the seller" in called


def test_what_two_systems_tell_of_counts_once(demo: tuple[Path, int, str]) -> None:
    webinar = part_of(demo, "A webinar, of which", "A demo that did not")
    assert webinar.count("attends-webinar from exports, also told by salesforce") == 1


def test_what_is_withdrawn_takes_its_stage_and_points_back_and_then_there_is_nothing_to_do(
    demo: tuple[Path, int, str],
) -> None:
    taken = part_of(demo, "A demo that did not", "Somebody looks around")
    before, after = (float(line.split("score ")[1].split(":")[0]) for line in taken.splitlines() if "score " in line)
    assert before - after == pytest.approx(25, abs=0.5)
    assert taken.index("exports decision") < taken.index("exports consideration")
    assert "✓ And again: 0 written" in taken


def test_a_company_that_nobody_is_known_of_is_listed_with_what_it_looked_at(demo: tuple[Path, int, str]) -> None:
    looked = part_of(demo, "Somebody looks around", "signs up")
    assert f"{QUIET.domain} (" in looked
    assert f"{len(PAGES)} x visits-website" in looked
    assert all(page in looked for page in PAGES)


def test_whoever_becomes_known_first_has_done_it_and_the_company_is_listed_no_more(
    demo: tuple[Path, int, str],
) -> None:
    known = part_of(demo, "signs up", "A representative is sure")
    assert known.count("was known") == len(PAGES)
    assert "✓ 0 companies without a known person are left" in known


def test_a_stage_that_a_representative_sets_stands_beside_the_evidence_until_its_last_day(
    demo: tuple[Path, int, str],
) -> None:
    sure = part_of(demo, "A representative is sure", "The day passes")
    assert "proven    consideration" in sure
    assert f"to purchase, assertion purchase: {buying.REASON}" in sure
    passed = part_of(demo, "The day passes", "What if")
    assert "proves: exports shortlist, hubspot Shortlist, salesforce Shortlist" in passed
    assert "✓ And again: 0 written" in passed


def test_a_changed_rule_writes_exactly_what_its_replay_said(demo: tuple[Path, int, str]) -> None:
    said = part_of(demo, "What if", "Switch it on")
    rows = [line.split() for line in said.splitlines() if line.split()[:1] and line.split()[0] in SYSTEMS]
    count = sum(int(row[-2]) for row in rows)
    assert count > len(SYSTEMS)
    assert f"✓ {count} values would be written, and no system was asked" in said
    switched = part_of(demo, "Switch it on", "Read every system")
    assert f"✓ {count} values written: exactly these" in switched
    assert "✓ And again: 0 written" in switched


def test_the_market_is_the_same_every_time_and_nobody_knows_the_stranger() -> None:
    scene = market()
    assert scene == market()
    assert STRANGER not in scene.buyers


# --- where nothing happens, one act yields exactly what it should -------------------------------------------------


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Buying]:
    with opened(tmp_path, io.StringIO()) as found:
        buying.begin(found)
        yield found


def hubspot(part: Buying) -> Any:
    from hubspot import HubSpot

    settings = part.sandboxes["hubspot"].settings
    return HubSpot(access_token=settings["access_token"], host=settings["base_url"])


def salesforce(part: Buying) -> Any:
    from instep_salesforce.sandbox.library import library

    return library(part.sandboxes["salesforce"].settings)


def written(part: Buying) -> list[Change]:
    """What the next sync writes; nothing of it comes after that."""
    changes = list(part.sync().plan.changes)
    assert not part.sync().plan.changes
    return changes


def retitle(part: Buying, email: str) -> None:
    """A colleague corrects a title, through the vendor's own client."""
    from hubspot.crm.contacts import SimplePublicObjectInput

    contacts = hubspot(part).crm.contacts.basic_api
    id = contacts.get_by_id(email, id_property="email").id
    contacts.update(id, simple_public_object_input=SimplePublicObjectInput(properties={"jobtitle": "Owner"}))


def is_only_a_title(changes: list[Change], email: str) -> bool:
    said = sorted((c.connection, c.label, v.name, v.after) for c in changes for v in c.values)
    return said == [(name, email, "title", "Owner") for name in (FOLDER, "salesforce")]


@pytest.mark.ci
def test_in_step_one_corrected_title_is_all_that_is_written(part: Buying) -> None:
    retitle(part, WALKER.email)
    assert is_only_a_title(written(part), WALKER.email)


def test_a_call_from_the_buyer_advances_exactly_this_buyer(part: Buying) -> None:
    buying.sell(part)
    with salesforce(part) as client:
        found = client.query(f"SELECT Id FROM Lead WHERE Email = '{CALLED.email}'")["records"]
        how = {"Status": "Completed", "TaskSubtype": "Call", "CallType": "Inbound"}
        client.Task.create({"Subject": "Call", "WhoId": found[0]["Id"], **how})
    assert {change.label for change in written(part)} == {CALLED.email}
    assert is_everywhere_at(part, CALLED.email, "consideration")


@pytest.mark.ci
def test_a_demo_that_did_take_place_after_all_advances_exactly_this_buyer(part: Buying) -> None:
    from hubspot.crm.objects.meetings import SimplePublicObjectInputForCreate

    buying.tell_twice(part)
    buying.withdraw(part)
    crm = hubspot(part).crm
    contact = crm.contacts.basic_api.get_by_id(CALLED.email, id_property="email").id
    tie = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}
    meeting = SimplePublicObjectInputForCreate(
        properties={
            "hs_timestamp": part.clock.now().isoformat(),
            "hs_meeting_title": "Product demo",
            "hs_meeting_outcome": "COMPLETED",
        },
        associations=[{"to": {"id": contact}, "types": [tie]}],
    )
    crm.objects.meetings.basic_api.create(simple_public_object_input_for_create=meeting)
    assert {change.label for change in written(part)} == {CALLED.email}
    assert is_everywhere_at(part, CALLED.email, "decision")


@pytest.mark.ci
def test_after_the_last_day_one_move_through_the_vendors_client_moves_exactly_this_deal(part: Buying) -> None:
    buying.set_by_hand(part)
    buying.let_it_pass(part)
    with salesforce(part) as client:
        found = client.query(f"SELECT Id FROM Opportunity WHERE Reference__c = '{DEAL.reference}'")["records"]
        client.Opportunity.update(found[0]["Id"], {"StageName": "Evaluation", "Stage_Until__c": None})
    changes = written(part)
    assert {change.label for change in changes} == {DEAL.name, MEMBER.email}
    assert {value.name for change in changes for value in change.values} == {"stage", "instep_stage"}
    assert is_everywhere_at(part, DEAL.reference, "decision")


def test_with_another_rule_switched_on_one_corrected_title_is_all_that_is_written(part: Buying) -> None:
    buying.replay_draft(part)
    buying.switch_on(part)
    retitle(part, WALKER.email)
    assert is_only_a_title(written(part), WALKER.email)


@pytest.mark.ci
def test_one_value_changed_behind_everybody_s_back_is_named(tmp_path: Path) -> None:
    def meddle(sandboxes: Any) -> None:
        from instep_salesforce.sandbox.library import library

        with library(sandboxes["salesforce"].settings) as client:
            found = client.query(f"SELECT Id FROM Lead WHERE Email = '{WALKER.email}'")["records"]
            client.Lead.update(found[0]["Id"], {"Title": "Tampered"})

    code, text = told(tmp_path, meddle)
    assert code == 1
    wrong = [line for line in text.splitlines() if "✗" in line]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"  ✗ person {WALKER.email}: title: ")
    assert wrong[0].endswith("salesforce says Tampered")
