"""Versions of the process: which one is in force, and what the other files may say of those that are not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.errors import ConfigError
from instep.mapping.load import load_workspace, read_process_of, read_workspace
from instep.mapping.schema import schema_for
from instep.mapping.versions import ProcessVersion, day_of, version_at
from instep.model.process import Process

NEXT = "process-2027-01-01"
BEFORE, FROM_THEN_ON = date(2026, 12, 31), date(2027, 1, 1)
TRIAL = """\
preset = "b2b-11"
libraries = ["pre-contact"]
[[stages]]
key = "trial"
label = "Trial"
after = "consideration"
role = "sales"
enter = { any = ["starts-trial"] }
"""
STAGES = """\
[person.stages]
field = "status"
values = { interest = "Lead", trial = "Testing", decision = "Hot" }
"""
CRM = """\
[person]
objects = ["contacts"]
match = ["instep_id", "email"]
[person.fields]
email = "email_address"
"""


def said(folder, today: date) -> list[str]:
    return [str(mistake) for mistake in read_workspace(folder.root, today).mistakes]


# --- which one is in force -----------------------------------------------------------------------------------------


def test_a_later_version_takes_the_place_of_the_first_on_its_day(folder) -> None:
    folder.write(**{NEXT: TRIAL})

    before, after = load_workspace(folder.root, BEFORE), load_workspace(folder.root, FROM_THEN_ON)

    assert (before.process.has_stage("trial"), after.process.has_stage("trial")) == (False, True)
    assert (before.version.file, after.version.file) == ("mappings/process.toml", f"mappings/{NEXT}.toml")


def test_a_workspace_knows_all_its_versions_and_what_was_in_force_on_any_day(folder) -> None:
    folder.write(**{NEXT: TRIAL, "process-2028-06-15": 'preset = "hourglass-8"\n'})
    workspace = load_workspace(folder.root, BEFORE)

    assert [version.effective for version in workspace.versions] == [None, FROM_THEN_ON, date(2028, 6, 15)]
    assert workspace.process_at(date(2027, 5, 5)).has_stage("trial")
    assert workspace.process_at(date(2029, 1, 1)).key == "hourglass-8"
    assert workspace.next_version == workspace.versions[1]


def test_the_last_version_has_no_next(folder) -> None:
    folder.write(**{NEXT: TRIAL})
    assert load_workspace(folder.root, FROM_THEN_ON).next_version is None


def test_a_workspace_with_one_file_has_one_version(folder) -> None:
    workspace = folder.loaded()

    assert [(version.effective, version.file) for version in workspace.versions] == [(None, "mappings/process.toml")]
    assert workspace.version.process is workspace.process


@given(
    st.sets(st.dates(date(2020, 1, 1), date(2030, 1, 1)), max_size=6), st.dates(date(2019, 1, 1), date(2031, 1, 1))
)
def test_the_version_in_force_is_the_latest_whose_day_has_come(days: set[date], today: date) -> None:
    versions = [ProcessVersion(day, str(day), Process("p", ())) for day in (None, *sorted(days))]
    found = version_at(versions, today)

    assert found.effective is None or found.effective <= today
    assert not any(found.effective is None or found.effective < day <= today for day in days if day <= today)


@given(st.dates())
def test_a_day_is_read_from_the_name_that_it_makes(day: date) -> None:
    assert day_of(f"process-{day.isoformat()}") == day


@pytest.mark.parametrize(
    "name", ["process-2027", "process-2027-02-30", "process-2027-1-1", "process-draft", "process-"]
)
def test_a_name_without_a_day_is_a_mistake_that_says_what_to_do(folder, name: str) -> None:
    (mistake,) = said(folder.write(**{name: TRIAL}), BEFORE)

    assert mistake.startswith(f"mappings/{name}.toml: This would be a version of the process")
    assert "process-2027-01-01.toml" in mistake


def test_a_proposal_beside_the_versions_is_none(folder) -> None:
    folder.put("mappings/process-2027-01-01.proposed.toml", "not = [valid")
    assert said(folder, BEFORE) == []


def test_a_version_is_no_connections_file(folder) -> None:
    assert read_workspace(folder.write(**{NEXT: TRIAL}).root, BEFORE).notes == ()


def test_a_connection_cannot_be_called_like_a_version(folder) -> None:
    sync = '[connections.exports]\nplugin = "files"\n[connections.process-eu]\nplugin = "x"\n'
    assert any("is a name that a connection cannot have" in line for line in folder.said(sync=sync))


def test_editors_find_the_schema_of_a_version() -> None:
    assert schema_for(f"mappings/{NEXT}.toml") == "process"


def test_later_versions_without_the_first_are_a_mistake(folder) -> None:
    folder.write(**{NEXT: TRIAL}).without("mappings/process.toml")

    assert "mappings/process.toml: There is no such file" in said(folder, FROM_THEN_ON)[0]


# --- every version is checked, always ------------------------------------------------------------------------------


def test_all_versions_mistakes_are_told_together_each_with_its_file(folder) -> None:
    folder.write(process='preset = "b2b-11"\nzzz = 1\n', **{NEXT: TRIAL + "zzz = 1\n"})

    for today in (BEFORE, FROM_THEN_ON):
        files = [line.split(":")[0] for line in said(folder, today)]
        assert files == [f"mappings/{NEXT}.toml", "mappings/process.toml"]


def test_a_version_that_cannot_be_parsed_brings_no_further_mistakes(folder) -> None:
    folder.write(crm=CRM + STAGES, **{NEXT: "[[stages\n"})

    assert [line.split(":")[0] for line in said(folder, BEFORE)] == [f"mappings/{NEXT}.toml"]


def test_what_will_be_wrong_once_a_version_is_in_force_is_said_now(folder) -> None:
    values = 'values = { interest = "Lead", consideration = "Hot", trial = "Hot" }\n'
    folder.write(crm=CRM + '[person.stages]\nfield = "status"\n' + values, **{NEXT: TRIAL})

    (mistake,) = said(folder, BEFORE)
    assert f"as soon as mappings/{NEXT}.toml is in force" in mistake


def test_what_an_earlier_version_would_find_wrong_is_not_said(folder) -> None:
    old = TRIAL.replace('"trial"', '"test"')
    values = 'values = { interest = "Lead", consideration = "Hot", test = "Hot" }\n'
    folder.write(process=old, crm=CRM + '[person.stages]\nfield = "status"\n' + values)
    folder.write(**{NEXT: 'preset = "b2b-11"\n[[moved]]\nfrom = "test"\nto = "decision"\n'})

    assert len(said(folder, BEFORE)) == 1
    assert said(folder, FROM_THEN_ON) == []


def test_a_rule_of_a_later_version_is_checked(folder) -> None:
    rule = '[[segments]]\nkey = "tea"\nwhen = { field = "industri", eq = "Tea" }\n'
    assert "UNKNOWN_FIELD" in {
        mistake.code for mistake in read_workspace(folder.write(**{NEXT: TRIAL + rule}).root, BEFORE).mistakes
    }


# --- what other files say of versions that are not in force --------------------------------------------------------


def test_a_stage_of_another_version_is_left_out_of_a_table_until_its_day(folder) -> None:
    folder.write(crm=CRM + STAGES, **{NEXT: TRIAL})

    def values(today: date) -> dict[str, str]:
        table = load_workspace(folder.root, today).mappings["crm"].entities["person"].stages
        return dict(table.values)

    assert values(BEFORE) == {"interest": "Lead", "decision": "Hot"}
    assert values(FROM_THEN_ON) == {"interest": "Lead", "trial": "Testing", "decision": "Hot"}


def test_where_a_value_of_another_versions_stage_lands_is_left_out_with_it(folder) -> None:
    table = (
        STAGES.replace('trial = "Testing"', 'trial = ["Testing", "Trying"]') + 'lands_on = { Testing = "trial" }\n'
    )
    folder.write(crm=CRM + table, **{NEXT: TRIAL})
    stages = load_workspace(folder.root, BEFORE).mappings["crm"].entities["person"].stages

    assert stages.lands_on == {}
    assert not stages.has("Trying")


def test_a_value_of_an_earlier_versions_stage_is_read_as_what_the_stage_became(folder) -> None:
    later = 'preset = "b2b-11"\n[[moved]]\nfrom = "trial"\nto = "decision"\n'
    folder.write(process=TRIAL, crm=CRM + STAGES, **{NEXT: later})
    workspace = load_workspace(folder.root, FROM_THEN_ON)
    table = workspace.mappings["crm"].entities["person"].stages

    assert table.get("Testing", None, workspace.process) == "decision"
    assert table.includes("Testing", "decision", workspace.process)
    assert table.put("decision", workspace.process) == "Hot"
    assert "Testing" not in table.every_value()


def test_a_value_of_a_stage_that_became_nothing_means_nothing(folder) -> None:
    folder.write(process=TRIAL, crm=CRM + STAGES, **{NEXT: 'preset = "b2b-11"\n'})
    table = load_workspace(folder.root, FROM_THEN_ON).mappings["crm"].entities["person"].stages

    assert not table.has("Testing")


def test_in_a_managed_list_the_ids_of_an_earlier_versions_stages_are_read(folder) -> None:
    ids = '[person.stages]\nvalues = { interest = "1", trial = "2", decision = "3" }\n'
    later = 'preset = "b2b-11"\n[[moved]]\nfrom = "trial"\nto = "decision"\n'
    folder.write(process=TRIAL, crm=CRM + STAGES, **{NEXT: later, "crm.ids": ids})
    workspace = load_workspace(folder.root, FROM_THEN_ON)
    table = workspace.mappings["crm"].entities["person"].stages

    assert [table.get(id, None, workspace.process) for id in ("1", "2", "3")] == ["interest", "decision", "decision"]
    assert not table.has("Testing")


def test_a_stage_of_no_version_is_a_mistake_once(folder) -> None:
    folder.write(crm=CRM + STAGES.replace("trial", "triel"), **{NEXT: TRIAL})

    assert [line.split(". ")[0] for line in said(folder, BEFORE)] == [
        'mappings/crm.toml:8: person.stages.values.triel names "triel", which is no stage'
    ]


def test_an_activity_means_nothing_until_its_behaviour_is_there(folder) -> None:
    crm = CRM + '[[behaviours]]\nkind = "signup"\nbehaviour = "starts-trial"\n'
    folder.write(crm=crm, **{NEXT: TRIAL})

    assert load_workspace(folder.root, BEFORE).mappings["crm"].behaviours == ()
    assert [b.kind for b in load_workspace(folder.root, FROM_THEN_ON).mappings["crm"].behaviours] == ["signup"]


def test_points_may_wait_for_a_behaviour(folder) -> None:
    folder.write(scoring="[points]\nstarts-trial = 20\n", **{NEXT: TRIAL})

    assert load_workspace(folder.root, BEFORE).scoring.points == {}
    assert load_workspace(folder.root, FROM_THEN_ON).scoring.points == {"starts-trial": 20}


def test_who_serves_only_a_segment_to_come_does_not_serve_everyone_meanwhile(folder) -> None:
    team = '[[people]]\nkey = "ada"\nroles = ["sales"]\nsegments = ["tea"]\n'
    folder.write(team=team, **{NEXT: TRIAL + '[[segments]]\nkey = "tea"\n'})

    assert load_workspace(folder.root, BEFORE).team.owners[0].segments == {"tea"}


def test_a_process_cannot_name_what_only_another_version_has(folder) -> None:
    process = 'preset = "b2b-11"\n[[moved]]\nfrom = "old"\nto = "trial"\n'
    assert len(said(folder.write(process=process, **{NEXT: TRIAL}), BEFORE)) == 1


# --- the digest ----------------------------------------------------------------------------------------------------


def test_nothing_is_decided_anew_before_the_day_of_a_version(folder) -> None:
    alone = load_workspace(folder.root, BEFORE).digest
    folder.write(**{NEXT: TRIAL})

    assert load_workspace(folder.root, BEFORE).digest == alone
    assert load_workspace(folder.root, BEFORE - timedelta(days=300)).digest == alone
    assert load_workspace(folder.root, FROM_THEN_ON).digest != alone


def test_naming_what_is_to_come_decides_nothing_anew(folder) -> None:
    folder.write(crm=CRM + STAGES.replace('trial = "Testing", ', ""), **{NEXT: TRIAL})
    before = load_workspace(folder.root, BEFORE).digest

    folder.write(crm=CRM + STAGES, scoring="[points]\nstarts-trial = 20\n")
    after = load_workspace(folder.root, BEFORE).digest

    assert after == before


# --- the process alone ---------------------------------------------------------------------------------------------


def test_the_process_alone_is_read_as_of_a_day(folder) -> None:
    folder.write(**{NEXT: TRIAL})
    reading = read_process_of(folder.root, FROM_THEN_ON)

    assert reading.read.process.has_stage("trial")
    assert [version.file for version in reading.versions] == ["mappings/process.toml", f"mappings/{NEXT}.toml"]


def test_mistakes_of_another_version_do_not_keep_the_one_in_force_from_being_read(folder) -> None:
    folder.write(**{NEXT: TRIAL + "zzz = 1\n"})

    assert read_process_of(folder.root, BEFORE).mistakes == ()
    assert len(read_process_of(folder.root, FROM_THEN_ON).mistakes) == 1


def test_without_a_day_it_is_today(folder) -> None:
    folder.write(**{"process-2000-01-01": TRIAL})

    assert load_workspace(folder.root).process.has_stage("trial")
    with pytest.raises(ConfigError):
        load_workspace(folder.without("sync.toml").root)
