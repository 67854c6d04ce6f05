"""Each finding has one cause: a sound workspace has none, one change of it has this one, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from instep.contract import Pipeline, StageLimits
from instep.errors import ConfigError
from instep.mapping.load import load_workspace
from instep.plugins import find_plugin
from instep.provision.run import plan_configuration
from instep.sync.health.finding import Finding
from instep_files import files
from instep_hubspot.stages import HubSpotStages

from .systems import Systems, systems

STAGES = """\
[[stages]]
key = "first"
label = "First"
role = "sales"
win_probability = 0.1
[[stages]]
key = "second"
label = "Second"
role = "sales"
win_probability = 0.3
[[stages]]
key = "third"
label = "Third"
role = "sales"
win_probability = 0.6
"""
TEAM = '[[people]]\nkey = "ada"\nemail = "ada@ourselves.example"\nroles = ["sales"]\n'
HUBSPOT = """\
[person]
objects = ["contacts"]
match = ["email"]
instep_id = false
[person.fields]
email = { field = "email", direction = "in" }
status = { field = "hs_lead_status", type = "choice", values = { new = "NEW", open = "OPEN" } }

[opportunity]
objects = ["deals"]
match = ["name"]
instep_id = false
[opportunity.fields]
name = { field = "dealname", direction = "in" }
[opportunity.stages_in]
field = "dealstage"
pipeline_field = "pipeline"
[opportunity.pipelines.line]
pipeline = "Line"
values = { first = "First talk", second = "Short list", third = "Offer" }
outcomes = { won = "Order won", lost = "Order lost" }

[provision.pipelines.onboarding]
object = "tickets"
field = "hs_pipeline_stage"
pipeline = "Onboarding"
stages = [
    { key = "kick-off", label = "Kick-off", ticketState = "OPEN" },
    { key = "middle", label = "Middle", ticketState = "OPEN" },
    { key = "live", label = "Live", ticketState = "CLOSED" },
]
"""
SALESFORCE = """\
[opportunity]
objects = ["Opportunity"]
match = ["name"]
instep_id = false
[opportunity.fields]
name = { field = "Name", direction = "in" }
tier = { field = "Tier__c", type = "choice", values = { a = "Gold" } }
[opportunity.stages_in]
field = "StageName"
pipeline_field = "RecordType.DeveloperName"
[opportunity.pipelines.line]
pipeline = "Line"
segments = []
values = { first = "First talk", second = "Short list", third = "Offer" }
outcomes = { won = "Order won", lost = "Order lost" }
[opportunity.pipelines.other]
pipeline = "Other"
segments = []
values = { first = "First talk", third = "Offer" }
outcomes = { won = "Order won", lost = "Order lost" }

[provision.pipelines.fair]
object = "CampaignMember"
field = "Status"
pipeline = "Fair"
stages = [{ key = "asked", label = "Asked", responded = false }, { key = "came", label = "Came", responded = true }]
"""
FARE = (
    '[provision.pipelines.fare]\nobject = "CampaignMember"\nfield = "Status"\npipeline = "Fare"\n'
    'stages = [{ key = "asked", label = "Asked" }]\n'
)
EXPORTS = '[person]\nobjects = ["people"]\nmatch = ["email"]\ninstep_id = false\nfields = { email = "email" }\n'
FILES = {"process": STAGES, "hubspot": HUBSPOT, "salesforce": SALESFORCE, "exports": EXPORTS}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """Both systems as the sound files say, with a record in the third stage of each, and one of tickets."""
    with systems(tmp_path_factory.mktemp("validators") / "ws") as place:
        write_sound(place)
        org = place.boxes["salesforce"].world
        org.add_campaign("Fair")
        assert place.apply(past_guards=True).exit_code == 0
        type = next(row["Id"] for row in org.all("RecordType") if row["DeveloperName"] == "Line")
        for row in org.all("RecordType"):
            if row["SobjectType"] == "Opportunity":
                org.offer_only("Opportunity", str(row["Id"]), "Tier__c", ["Gold"])
        org.add_picklist_value("Opportunity", "Tier__c", "Silver")
        org.create("Opportunity", Name="A", StageName="Offer", CloseDate="2027-01-01", RecordTypeId=type)
        deals, tickets = (known(place, "hubspot", path) for path in (LINE, ONBOARDING))
        portal = place.boxes["hubspot"].world
        portal.create("deals", dealname="A", pipeline=deals["pipeline"], dealstage=deals["third"])
        portal.create("tickets", subject="A", hs_pipeline=tickets["pipeline"], hs_pipeline_stage=tickets["middle"])
        place.writes()
        yield place


LINE = ("opportunity", "pipelines", "line")
ONBOARDING = ("provision", "pipelines", "onboarding")


def write_sound(place: Systems) -> None:
    for name, text in FILES.items():
        (place.root / "mappings" / f"{name}.toml").write_text(text)
    (place.root / "mappings" / "team.toml").write_text(TEAM)
    (place.root / "exports").mkdir()
    (place.root / "exports" / "people.csv").write_text("id,email,stage\n1,ann@x.example,1\n")
    sync = place.root / "sync.toml"
    sync.write_text(
        sync.read_text() + '[connections.exports]\nplugin = "files"\npath = "exports"\n'
        'objects.people = { file = "people.csv", key = "id" }\n'
    )


def known(place: Systems, name: str, path: tuple[str, ...]) -> dict[str, str]:
    """The ids of a list, by key."""
    ids = place.ids(name)[path]
    return {"pipeline": str(ids.pipeline), **{key.name: of[0] for key, of in ids.stages.items()}}


@dataclass(frozen=True)
class Copy:
    """A workspace of one's own over the systems that all cases share: they may look, and not change them."""

    place: Systems

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.place.root / ("sync.toml" if name == "sync" else f"mappings/{name}.toml")
        text = file.read_text()
        assert old in text, f"{name}.toml has no {old}"
        file.write_text(text.replace(old, new, 1))

    def append(self, name: str, text: str) -> None:
        file = self.place.root / "mappings" / f"{name}.toml"
        file.write_text(file.read_text() + text)

    def findings(self) -> list[Finding]:
        return [finding for system in self.place.plan().systems for finding in system.findings]


@pytest.fixture
def copy(applied: Systems, tmp_path: Path) -> Copy:
    shutil.copytree(applied.root, tmp_path / "ws")
    return Copy(replace(applied, root=tmp_path / "ws"))


Edit = Callable[[Copy], None]


def edit(name: str, old: str, new: str) -> Edit:
    return lambda copy: copy.edit(name, old, new)


def nothing_first(_: Copy) -> None:
    """The twin is the sound workspace itself."""


def drop(name: str, words: str, retire: str = "") -> Edit:
    """A table lists a stage no more."""

    def change(copy: Copy) -> None:
        copy.edit(name, words, retire)

    return change


def other_login(copy: Copy) -> None:
    """The plan is made by somebody who may only read."""
    org = copy.place.boxes["salesforce"].world
    reader = org.add_user("Rhea Reader", "rhea@ourselves.example", profile="Read Only")
    url = copy.place.boxes["salesforce"].settings["instance_url"]
    file = copy.place.root / "sync.toml"
    before, _, after = file.read_text().partition("[connections.salesforce]")
    rest = after.partition("[connections.exports]")[2]
    login = f'\nplugin = "salesforce"\ninstance_url = "{url}"\naccess_token = "{org.log_in(reader)}"\n'
    file.write_text(f"{before}[connections.salesforce]{login}[connections.exports]{rest}")


@dataclass(frozen=True)
class Case:
    code: str
    level: str
    change: Edit
    says: str
    first: Edit = field(default=nothing_first)


TICKETS = HUBSPOT[HUBSPOT.index("[provision") :]
MIDDLE = (
    '    { key = "middle", label = "Middle", ticketState = "OPEN" },\n'
    '    { key = "live", label = "Live", ticketState = "CLOSED" },\n]'
)
MIDDLE_GOES = '    { key = "live", label = "Live", ticketState = "CLOSED" },\n]\nretire = { middle = "kick-off" }'
MANY = ", ".join(f'{{ key = "k{n}", label = "L{n}", ticketState = "OPEN" }}' for n in range(98))
CASES = {
    "a field that is no list": Case("no-list", "wrong", edit("hubspot", '"dealstage"', '"dealname"'), "dealname"),
    "a field that nobody has": Case("no-list", "wrong", edit("hubspot", '"dealstage"', '"deal_stage"'), "deal_stage"),
    "another list's field": Case(
        "no-list", "wrong", edit("hubspot", '"hs_pipeline_stage"', '"subject"'), "tickets has no list"
    ),
    "a pipeline that nobody can make": Case(
        "pipeline-absent",
        "wrong",
        lambda copy: copy.append("salesforce", FARE),
        'no "Fare"',
    ),
    "a word that the system does not know": Case(
        "detail-unknown", "wrong", edit("hubspot", 'ticketState = "CLOSED"', 'state = "CLOSED"'), '"state"'
    ),
    "a value that cannot be": Case(
        "detail-unknown", "wrong", edit("hubspot", '"CLOSED"', '"SHUT"'), 'ticketState = "SHUT"'
    ),
    "a text for yes or no": Case(
        "detail-unknown", "wrong", edit("salesforce", "responded = true", 'responded = "yes"'), 'responded = "yes"'
    ),
    "one shared stage in two ways": Case(
        "stage-disagrees",
        "wrong",
        edit("salesforce", 'pipeline = "Other"\n', 'pipeline = "Other"\nprobabilities = { third = 0.7 }\n'),
        '"Offer"',
    ),
    "a field that only the system makes": Case(
        "field-by-hand", "warning", edit("hubspot", '"hs_lead_status"', '"hs_lead_state"'), "hs_lead_state"
    ),
    "an option that only a person adds": Case(
        "option-by-hand", "warning", edit("hubspot", '"OPEN" } }', '"AJAR" } }'), "no option AJAR"
    ),
    "records in a stage that goes": Case(
        "stage-in-use", "wrong", drop("hubspot", ', third = "Offer"'), 'stage "Offer" (third)'
    ),
    "records of nobody's in a stage that goes": Case(
        "stage-in-use", "wrong", edit("hubspot", MIDDLE, MIDDLE_GOES), "1 tickets are in stage"
    ),
    "a label that is too long": Case(
        "label-too-long", "wrong", edit("hubspot", "First talk", "x" * 256), "256 characters, and 255 fit"
    ),
    "a pipeline's label that is too long": Case(
        "label-too-long", "wrong", edit("salesforce", '"Other"', f'"Other"\nlabel = "{"x" * 81}"'), "and 80 fit"
    ),
    "two stages of one name": Case("label-taken", "wrong", edit("hubspot", "Short list", "FIRST talk"), "2 stages"),
    "a choice that a record type does not offer": Case(
        "option-not-offered",
        "warning",
        edit("salesforce", '{ a = "Gold" }', '{ a = "Gold", b = "Silver" }'),
        "Silver",
    ),
    "a role without anybody": Case(
        "role-empty", "warning", edit("process", 'role = "sales"', 'role = "marketing"'), "marketing owns first"
    ),
    "a login that may not apply": Case(
        "permission-missing",
        "warning",
        other_login,
        "may plan, and not apply",
        first=edit("salesforce", '"Line"\n', '"Line"\nlabel = "Another"\n'),
    ),
    "a probability that falls": Case(
        "probability-falls", "warning", edit("process", "0.3", "0.7"), '"Offer" comes after "Short list"'
    ),
    "more stages than a list takes": Case(
        "too-many-stages", "wrong", edit("hubspot", "stages = [", f"stages = [{MANY},"), "would have 101 stages"
    ),
    "a list that no file names any more": Case(
        "pipeline-unwanted",
        "warning",
        lambda copy: copy.edit("hubspot", TICKETS, ""),
        "provision.pipelines.onboarding",
    ),
    "a stage that nobody sees": Case(
        "stage-unshown",
        "warning",
        edit(
            "process",
            '[[stages]]\nkey = "third"',
            '[[stages]]\nkey = "between"\nlabel = "B"\n[[stages]]\nkey = "third"',
        ),
        "no value of its own for between",
    ),
}


def test_the_sound_workspace_has_nothing_to_say_and_nothing_to_do(applied: Systems) -> None:
    plan = applied.plan()
    assert [finding for system in plan.systems for finding in system.findings] == []
    assert plan.is_empty, plan.as_json()["systems"]


@pytest.mark.parametrize("name", CASES)
def test_one_change_is_one_finding(name: str, copy: Copy) -> None:
    case = CASES[name]
    case.first(copy)
    assert copy.findings() == []
    case.change(copy)
    found = copy.findings()
    assert {(finding.code, finding.level) for finding in found} == {(case.code, case.level)}, found
    assert case.says in " ".join(finding.what for finding in found)
    assert all(finding.remedy.endswith((".", "}")) for finding in found)
    if case.level == "wrong":
        refused(copy, case.says)


def refused(copy: Copy, *says: str) -> None:
    """An apply says so, and writes nothing anywhere, files included."""
    before = {file: file.read_bytes() for file in (copy.place.root / "mappings").iterdir()}
    copy.edit("salesforce", '"Line"', '"Line"\nlabel = "It would be renamed"')
    before[copy.place.root / "mappings" / "salesforce.toml"] = b""
    copy.place.writes()
    with pytest.raises(ConfigError, match="Nothing was done") as stopped:
        copy.place.apply(past_guards=True)
    assert [text for text in says if text not in str(stopped.value)] == []
    assert copy.place.writes() == 0
    after = {file: file.read_bytes() for file in (copy.place.root / "mappings").iterdir()}
    after[copy.place.root / "mappings" / "salesforce.toml"] = b""
    assert after == before


def test_everything_that_is_wrong_in_any_system_is_said_at_once(copy: Copy) -> None:
    for name in ("records in a stage that goes", "a pipeline that nobody can make", "one shared stage in two ways"):
        CASES[name].change(copy)
    assert {finding.connection for finding in copy.findings()} == {"hubspot", "salesforce"}
    refused(copy, 'stage "Offer" (third)', 'no "Fare"', '"Offer" is not the same')


WARNED = ("a probability that falls", "an option that only a person adds", "a role without anybody")


def test_what_is_worth_a_look_stops_nothing(tmp_path: Path) -> None:
    with systems(tmp_path / "ws") as place:
        write_sound(place)
        place.boxes["salesforce"].world.add_campaign("Fair")
        copy = Copy(place)
        for name in (*WARNED, "a stage that nobody sees"):
            CASES[name].change(copy)
        codes = {CASES[name].code for name in (*WARNED, "a stage that nobody sees")}
        assert {finding.code for finding in copy.findings()} == codes
        report = place.apply(past_guards=True)
        assert (report.exit_code, len(report.done) > 5) == (0, True), report.as_json()
        assert place.writes() > 5
        assert {finding.code for finding in copy.findings()} == codes


# --- what only other systems have, and the words of plugins ---------------------------------------------------------


def test_stages_that_a_connector_only_reads_are_worth_a_look(copy: Copy) -> None:
    """Where a connector says that its system has none, that is no news."""
    copy.append("exports", '[person.stages]\nfield = "stage"\nvalues = { first = "1", second = "2", third = "3" }\n')
    assert copy.findings() == []
    reading = replace(files, connect=lambda *given: replace(files.connect(*given), stages=Reading()))
    world = replace(copy.place.world(), find_plugin=lambda name: reading if name == "files" else find_plugin(name))
    plan = plan_configuration(load_workspace(copy.place.root), world)
    (found,) = [finding for system in plan.systems for finding in system.findings]
    assert (found.connection, found.code, found.level) == ("exports", "stages-fixed", "warning")


class Reading:
    """Stages that nobody can configure."""

    def read(self) -> tuple[Pipeline, ...]:
        return (Pipeline("people", "stage", "Stage", ()),)


def test_a_label_that_the_system_keeps_for_itself_is_wrong(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    told = HubSpotStages.limits

    def limits(self: HubSpotStages, object: str, field: str) -> StageLimits | None:
        found = told(self, object, field)
        return found and replace(found, reserved=frozenset({"first deal"}))

    monkeypatch.setattr(HubSpotStages, "limits", limits)
    assert copy.findings() == []
    copy.edit("hubspot", "First talk", "First Deal")
    assert [(finding.code, finding.level) for finding in copy.findings()] == [("label-reserved", "wrong")]
    refused(copy, '"First Deal" is a name that the system keeps')


ADVISOR = """
from dataclasses import replace
from instep.contract import AddStage, Advice, ChangeStage, hookimpl
from instep_files import files

def about_offers(proposed):
    for change in proposed.changes:
        if isinstance(change, ChangeStage) and "Offer" in change.before.label:
            before = [stage.label for one in proposed.there for stage in one.stages if stage.id == change.before.id]
            yield Advice("four-eyes", f"{proposed.connection} renames {before[0]}", "Ask Ada first.", "LEVEL")

@hookimpl
def instep_validators():
    return [about_offers]

@hookimpl
def instep_connectors():
    return [replace(files, name="advisor-LEVEL")]
"""


@pytest.mark.parametrize("level", ["warning", "wrong"])
def test_a_plugin_has_its_say_before_anything_is_applied(
    level: str, copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", level)
    monkeypatch.syspath_prepend(tmp_path / "site")
    copy.edit("sync", 'plugin = "files"', f'plugin = "advisor-{level}"')
    assert copy.findings() == []
    copy.edit("hubspot", '"Offer"', '"Written offer"')
    (found,) = copy.findings()
    assert (found.connection, found.code, found.level) == ("hubspot", "four-eyes", level)
    assert (found.what, found.remedy) == ("hubspot renames Offer", "Ask Ada first.")
    if level == "wrong":
        refused(copy, "hubspot renames Offer. Ask Ada first. [four-eyes]")
    copy.edit("sync", f'plugin = "advisor-{level}"', 'plugin = "files"')
    assert copy.findings() == []


def install(site: Path, level: str) -> None:
    """What pip leaves behind of a plugin."""
    info = site / f"advisor_{level}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: advisor-{level}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[instep]\nadvisor-{level} = advisor_{level}\n")
    (site / f"advisor_{level}.py").write_text(ADVISOR.replace("LEVEL", level))
