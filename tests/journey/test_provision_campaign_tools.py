"""One `instep provision` over a CRM and two campaign tools: what is missing anywhere is planned, and then there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mailchimp_marketing
import pytest
from hubspot import HubSpot

from instep_hubspot.sandbox import hubspot_sandbox
from instep_mailchimp.sandbox import AUDIENCE, mailchimp_sandbox
from instep_marketo.sandbox import marketo_sandbox

from .conftest import Instep, Ran
from .test_campaign_tools import PLUGINS, toml
from .two_crms import TEAM

TOOLS = ("hubspot", "marketo", "mailchimp")
STEP = """
[person.stages]
field = "JOURNEY"
values = { interest = "Interested", consideration = "Considering", decision = "Deciding" }
"""
MADE_IN_CAMPAIGN_TOOLS = {
    ("marketo", "field leads.instep_id (instep_id)", "text"),
    ("marketo", "field leads.instep_score (score)", "number"),
    ("marketo", "field leads.instep_stage (instep_stage)", "text"),
    ("mailchimp", "field members.INSTEP_ID (instep_id)", "text"),
    ("mailchimp", "field members.SCORE (score)", "number"),
    ("mailchimp", "field members.STEP (instep_stage)", "text"),
    ("mailchimp", "field members.JOURNEY (stage)", "choice"),
}


@dataclass
class Tools:
    """A CRM and two campaign tools as they come, which nothing of Instep has touched."""

    boxes: dict[str, Any]
    hs: HubSpot
    mc: Any

    def writes(self) -> dict[str, int]:
        """How many requests changed something, for each system that got any; forgotten afterwards."""
        counts = {name: len(box.log.writes()) for name, box in self.boxes.items()}
        for box in self.boxes.values():
            box.log.clear()
        return {name: count for name, count in counts.items() if count}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tools]:
    with ExitStack() as stack:
        boxes: dict[str, Any] = {
            "hubspot": stack.enter_context(hubspot_sandbox()),
            "marketo": stack.enter_context(marketo_sandbox()),
            "mailchimp": stack.enter_context(mailchimp_sandbox()),
        }
        tables = [f'[connections.{name}]\nplugin = "{name}"\n{toml(box.settings)}' for name, box in boxes.items()]
        (tmp_path / "mappings").mkdir()
        (tmp_path / "sync.toml").write_text("\n".join(tables))
        (tmp_path / "mappings" / "process.toml").write_text('preset = "b2b-11"\n')
        (tmp_path / "mappings" / "team.toml").write_text(TEAM)
        for name in TOOLS:
            more = STEP if name == "mailchimp" else ""
            (tmp_path / "mappings" / f"{name}.toml").write_text(PLUGINS[name].starter_mapping + more)
        monkeypatch.chdir(tmp_path)
        hs = HubSpot(access_token=boxes["hubspot"].settings["access_token"], host=boxes["hubspot"].url)
        mc = mailchimp_marketing.Client({"api_key": boxes["mailchimp"].settings["api_key"]})
        mc.api_client.host = f"{boxes['mailchimp'].url}/3.0"
        yield Tools(boxes, hs, mc)
        hs.crm.properties.core_api.api_client.rest_client.pool_manager.clear()
        hs.crm.properties.core_api.api_client.close()


def steps(ran: Ran) -> list[tuple[str, dict[str, Any]]]:
    assert ran.code == 0, ran.out + ran.err
    return [(system["connection"], step) for system in ran.json["systems"] for step in system["steps"]]


def fields(ran: Ran) -> set[tuple[str, str, Any]]:
    """The fields that a plan creates: where, which, and of what type."""
    return {
        (name, step["target"], step["differences"][0]["after"])
        for name, step in steps(ran)
        if step["action"] == "add-field"
    }


def test_one_plan_names_what_the_crm_and_both_campaign_tools_lack_and_writes_nothing(
    tools: Tools, instep: Instep
) -> None:
    planned = instep("provision", "plan", "--json")
    assert {made for made in fields(planned) if made[0] != "hubspot"} == MADE_IN_CAMPAIGN_TOOLS
    assert {name for name, _ in steps(planned)} == set(TOOLS)
    assert tools.writes() == {}


def test_what_was_applied_is_there_and_the_second_plan_has_nothing_to_do(tools: Tools, instep: Instep) -> None:
    applied = instep("provision", "apply", "--yes")
    assert applied.code == 0, applied.out + applied.err
    assert set(tools.writes()) == set(TOOLS)
    made = tools.mc.lists.get_list_merge_fields(AUDIENCE, count=100)["merge_fields"]
    journey = next(field for field in made if field["tag"] == "JOURNEY")
    assert (journey["type"], journey["options"]["choices"]) == (
        "dropdown",
        ["Interested", "Considering", "Deciding"],
    )
    again = instep("provision", "plan", "--detailed-exitcode")
    assert (again.code, again.out.rstrip().splitlines()[-1]) == (0, "Every system is as the files say.")
    assert instep("provision", "apply", "--yes").code == 0
    assert tools.writes() == {}


def edit_marketo(old: str, new: str) -> None:
    file = Path("mappings/marketo.toml")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_stage_field_that_marketo_lacks_is_made_a_text_because_it_has_no_choices(
    tools: Tools, instep: Instep
) -> None:
    edit_marketo('"buyingStage"', '"journeyStep"')
    assert ("marketo", "field leads.journeyStep (stage)", "text") in fields(instep("provision", "plan", "--json"))
    assert instep("provision", "apply", "--yes").code == 0
    assert instep("provision", "plan", "--detailed-exitcode").code == 0


def test_a_marketo_field_that_holds_no_text_is_no_place_for_stages(tools: Tools, instep: Instep) -> None:
    edit_marketo('"buyingStage"', '"leadScore"')
    planned = instep("provision", "plan")
    assert (planned.code, "no list of stages in leadScore" in planned.out + planned.err) == (1, True)


def without_a_property(tools: Tools) -> None:
    tools.hs.crm.properties.core_api.archive("contacts", "instep_score")


def without_a_merge_field(tools: Tools) -> None:
    made = tools.mc.lists.get_list_merge_fields(AUDIENCE, count=100)["merge_fields"]
    (score,) = [field["merge_id"] for field in made if field["tag"] == "SCORE"]
    tools.mc.lists.delete_list_merge_field(AUDIENCE, str(score))


@pytest.mark.parametrize(
    ("name", "remove", "target"),
    [
        ("hubspot", without_a_property, "field contacts.instep_score (score)"),
        ("mailchimp", without_a_merge_field, "field members.SCORE (score)"),
    ],
)
def test_a_field_that_somebody_removes_is_exactly_one_change(
    name: str, remove: Callable[[Tools], None], target: str, tools: Tools, instep: Instep
) -> None:
    assert instep("provision", "apply", "--yes").code == 0
    remove(tools)
    assert fields(instep("provision", "plan", "--json")) == {(name, target, "number")}
    assert len(steps(instep("provision", "plan", "--json"))) == 1


def test_an_option_that_somebody_takes_out_of_a_choice_is_put_back_and_theirs_stay(
    tools: Tools, instep: Instep
) -> None:
    assert instep("provision", "apply", "--yes").code == 0
    made = tools.mc.lists.get_list_merge_fields(AUDIENCE, count=100)["merge_fields"]
    journey = next(field for field in made if field["tag"] == "JOURNEY")
    choices = {"name": journey["name"], "options": {"choices": ["Interested", "Considering", "A colleague's"]}}
    tools.mc.lists.update_list_merge_field(AUDIENCE, str(journey["merge_id"]), choices)
    tools.writes()
    assert instep("provision", "apply", "--yes").code == 0
    assert tools.writes() == {"mailchimp": 1}
    made = tools.mc.lists.get_list_merge_fields(AUDIENCE, count=100)["merge_fields"]
    held = next(field for field in made if field["tag"] == "JOURNEY")["options"]["choices"]
    assert held == ["Interested", "Considering", "A colleague's", "Deciding"]
