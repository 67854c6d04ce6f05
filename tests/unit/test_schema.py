"""The schemas say of one file what `check` says of it: shipped files fit, and what check refuses is refused."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from instep.cli.main import instep
from instep.cli.schema import settings_of
from instep.mapping.load import read_workspace
from instep.mapping.preset import preset_names, preset_text
from instep.mapping.schema import NAMES, directive, schema_for, schema_of
from instep.mapping.section import Section
from instep.mapping.toml import toml_key, toml_text
from instep.model.entities import FieldType
from instep.plugins import find_plugin, installed

ROOT = Path(__file__).parents[2]
SETTINGS = settings_of(connector.name for connector in installed())
VALIDATORS = {name: jsonschema.Draft7Validator(schema_of(name, SETTINGS)) for name in NAMES}
SHIPPED = [ROOT / "sync.toml", *sorted((ROOT / "mappings").glob("*.toml"))]
PAGE = (ROOT / "docs/reference/files.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

FULL: dict[str, str] = {
    "sync.toml": """\
[sync]
store = "state.db"
recheck_after = "90s"
associations_every = "7d"
catalogue_every = "12h"
[connections.exports]
plugin = "files"
path = "exports"
direction = "both"
[connections.exports.objects.people]
file = "people.csv"
key = "id"
types = { size = "number" }
[connections.crm]
plugin = "hubspot"
timeout_seconds = 10
""",
    "mappings/process.toml": """\
preset = "b2b-11"
libraries = ["pre-contact"]
replace_stages = false
key = "ours"
about = "Ours"
[[stages]]
key = "trial"
label = "Trial"
half = "acquisition"
role = "sales"
enter = { any = ["starts-trial"], all = ["requests-call", "attends-webinar"], times = 2, within = "14d" }
expected_days = 14
win_probability = 0.4
latent = false
aliases = ["test"]
after = "consideration"
[[stages]]
key = "research"
enter = [{ any = ["starts-trial"] }, { all = ["requests-call"], within = "1h" }]
[[behaviours]]
key = "starts-trial"
label = "Starts a trial"
actor = "buyer"
weight = 6
same_within = "2h"
[[behaviours]]
key = "calls"
actor = "seller"
buyer_counterpart = "requests-call"
same_within = false
[[detours]]
key = "recycled"
label = "Recycled"
role = "marketing"
after = "90d"
ends = "by-hand"
[[segments]]
key = "tea"
label = "Tea"
when = { field = "company.industry", in = ["Tea", "Coffee"] }
[[segments.stages]]
key = "interest"
label = "Interest"
[[moved]]
from = "musing"
to = "interest"
""",
    "mappings/scoring.toml": """\
half_life = "30d"
republish_after = "30d"
cuts = [55, 60.5]
[points]
visits-website = 1
[caps]
visits-website = 10
[bands]
cold = 0
warm = 40
[grades]
fit = { A = 10, B = 0 }
engagement = { 1 = 20, 2 = 0.5 }
[[fit]]
points = -15
when = { field = "company.employees", between = [50, 500] }
[company]
cuts = [100]
[company.bands]
busy = 50
[[company.fit]]
points = 5
when = { field = "industry", eq = "Tea" }
""",
    "mappings/team.toml": """\
[[people]]
key = "ada"
name = "Ada"
email = "ada@us.example"
roles = ["sales", "marketing"]
segments = ["tea"]
active = true
away = [{ from = 2026-12-24, to = 2027-01-02 }]
users = { crm = "17" }
[[assign]]
kind = "person"
when = "handover"
role = "sales"
if = { any = [{ field = "city", is_blank = true }, { not = { field = "city", matches = "^B" } }] }
""",
    "mappings/exports.toml": """\
[person]
objects = ["people"]
match = ["email"]
instep_id = false
modified_field = "changed"
stages = { field = "stage", values = { interest = "i" }, detours = { recycled = ["r", "s"] }, until = "up_to" }
fields = { email = "mail", tags = { field = "tags", type = "choices", law = "union" }, owner = "owner" }
consent = { scope = "all", field = "out", out_values = ["yes"] }
[opportunity]
objects = ["deals"]
match = ["name"]
instep_id = false
stages = { field = "s", values = { interest = "i" }, outcomes = { won = "w" }, prefer = ["crm"] }
fields = { name = "name", close_date = { field = "closes", zone = "Europe/Berlin" } }
""",
    "mappings/crm.toml": """\
[person]
objects = ["contacts"]
create_as = "contacts"
match = ["instep_id", "email"]
create = { all = [{ field = "stage", eq = "interest" }, { field = "opted_out", eq = false }] }
include = { not = { field = "email", matches = "@us$" } }
speaks_for = ["marketing", "sales"]
erase = "delete"
instep_id = "instep_id"
[person.required]
Company = { default = "[unknown]", field = "company.industry" }
Size = 5
[person.stages]
field = "lifecycle"
values = { interest = "lead", research = "lead" }
lands_on = { lead = "interest" }
prefer = ["crm"]
[person.fields]
email = "email"
score = { field = "score", direction = "out" }
owner = { field = "owner_id", prefer = ["crm"], law = "prefer" }
city = { field = "city", authority = "crm", direction = "both", type = "text" }
source = { field = "source", values = { web = "Web", fair = ["Fair", "Expo"] } }
[person.relations]
company = "companies"
[person.consent]
scope = "all"
[company]
objects = ["companies", "firms"]
create_as = [{ object = "firms", when = { field = "name", eq = "x" } }, { object = "companies" }]
match = ["instep_id"]
fields.city = { field = { companies = "city", firms = "town" } }
fields.owner = { field = "owner_id", nobody = ["robot@us.example"] }
fields.industry = "industry"
fields.employees = { field = "size", law = "max" }
[opportunity]
objects = ["deals"]
create_as = "deals"
match = ["instep_id"]
create = "always"
[opportunity.fields]
amount = { field = "amount", currency = "EUR", currency_field = "code" }
[opportunity.relations]
company = { object = "companies", direction = "in" }
people = "contacts"
[opportunity.stages_in]
field = "stage"
pipeline_field = "pipeline"
reason = "why"
until = "up_to"
prefer = ["crm"]
[opportunity.pipelines.all]
pipeline = "default"
values = { decision = "d", purchase = "d" }
lands_on = { d = "decision" }
outcomes = { won = "w", lost = "l", no_decision = "n" }
detours = { recycled = "r" }
[opportunity.pipelines.tea]
pipeline = "tea"
segments = ["tea"]
values = { interest = "x" }
[[behaviours]]
kind = "form"
behaviour = "requests-call"
where = { all = [{ field = "form", eq = "Call me" }, { field = "at", older_than = "2d" }] }
refers = "friend"
""",
}
DATA = {name: tomllib.loads(text) for name, text in FULL.items()}
STRUCTURAL = {
    "UNKNOWN_KEY", "WRONG_TYPE", "MISSING_KEY", "NOT_ALLOWED", "OUT_OF_RANGE", "BLANK", "NOT_A_RULE",
    "NOT_A_DURATION", "BAD_NAME", "UNKNOWN_ROLE", "UNKNOWN_OUTCOME", "DERIVED_FLOWS_OUT", "STAGES_TWICE",
    "MONEY_WITHOUT_CURRENCY", "BAD_CURRENCY", "NO_CONNECTION", "DOES_NOT_FIT",
}  # fmt: skip
WRONG = ("", "no such word", True, -7, 0.5, [], ["no such word"], {"zzz": 1}, date(2026, 1, 2))
REFERRING = {("preset",), ("replace_stages",), ("company", "objects")}
"""What is wrong after a change of these depends on what a preset or the rest of the file has."""


def as_json(value: Any) -> Any:
    """TOML as editors see it: dates are text."""
    return json.loads(json.dumps(value, default=str))


def refused(file: str, data: Any) -> list[str]:
    """What the schema of a file says against its content."""
    errors = VALIDATORS[schema_for(file)].iter_errors(as_json(data))
    return [f"{error.json_path}: {error.message}" for error in errors]


def fits(file: str, data: Any) -> bool:
    return bool(VALIDATORS[schema_for(file)].is_valid(as_json(data)))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(schema_of(name, SETTINGS))


EDITED = [file for file in SHIPPED if not file.name.endswith(".ids.toml")]
"""What people write; files of ids are written by a command."""


@pytest.mark.parametrize("file", EDITED, ids=lambda file: file.name)
def test_every_shipped_file_fits_and_names_its_schema(file: Path) -> None:
    text, name = file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))
    assert text.startswith(directive(name) + "\n")
    assert refused(name, tomllib.loads(text)) == []


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_fits_and_names_its_schema(name: str) -> None:
    assert preset_text(name).startswith(directive("mappings/process.toml") + "\n")
    assert refused("mappings/process.toml", tomllib.loads(preset_text(name))) == []


@pytest.mark.parametrize(("text", "name"), list(zip(EXAMPLES, NAMES, strict=False)))
def test_the_examples_of_the_page_about_files_fit(text: str, name: str) -> None:
    found = tomllib.loads(text)
    if name == "sync":
        assert refused("sync.toml", found) == []
    else:
        assert refused(f"mappings/{name}.toml", found) == []


def test_the_starter_mapping_of_a_connector_fits() -> None:
    text = find_plugin("hubspot").starter_mapping
    assert text.startswith(directive("mappings/hubspot.toml") + "\n")
    assert refused("mappings/hubspot.toml", tomllib.loads(text)) == []


def test_what_init_writes_fits_and_finds_its_schemas(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "people.csv").write_text("id,email,stage\n1,a@x.example,Prospect\n")
    words = ["init", str(tmp_path), "-c", f"exports=files:{tmp_path}/exports", "-c", "crm=hubspot"]
    assert CliRunner().invoke(instep, words).exit_code == 0
    written = [tmp_path / "sync.toml", *(tmp_path / "mappings").glob("*.toml")]
    assert len(written) == 6
    for file in written:
        text = file.read_text(encoding="utf-8")
        named = re.match(r"#:schema (\S+)\n", text)
        assert named, file
        schema = json.loads((file.parent / named[1]).resolve().read_text(encoding="utf-8"))
        errors = jsonschema.Draft7Validator(schema).iter_errors(as_json(tomllib.loads(text)))
        assert [error.message for error in errors] == []


# --- what check refuses ------------------------------------------------------------------------------------------


def paths(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from paths(part, (*here, key))


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


Mutant = tuple[tuple[str | int, ...], Any, Any]


def mutated_keys(data: Any) -> Iterator[Mutant]:
    """The content with one key too many or too few; and where, and what."""
    for path in paths(data):
        if isinstance(at(data, path), dict):
            yield path, "zzz = 1", changed(data, path, lambda table: table.update(zzz=1))
        if path and path not in REFERRING and isinstance(path[-1], str):
            yield path, "missing", changed(data, path[:-1], lambda table, key=path[-1]: table.pop(key))


def mutated_values(data: Any) -> Iterator[Mutant]:
    """The content with one wrong value; and where, and which."""
    for path in paths(data):
        for value in WRONG if path and path not in REFERRING and "between" not in path else ():
            yield path, value, changed(data, path[:-1], replacing(path[-1], value))


def changed(data: Any, path: tuple[str | int, ...], change: Callable[[Any], object]) -> Any:
    mutant = copy.deepcopy(data)
    change(at(mutant, path))
    return mutant


def replacing(key: str | int, value: Any) -> Callable[[Any], None]:
    def replace(parent: Any) -> None:
        parent[key] = value

    return replace


class Workspace:
    """The full workspace on disk, one file of which is replaced at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "mappings").mkdir()
        for name, text in FULL.items():
            (root / name).write_text(text, encoding="utf-8")

    def codes(self, file: str, data: Any) -> set[str]:
        """What `check` says of a file with this content, by code."""
        lines = [f"{toml_key(key)} = {toml_text(value)}" for key, value in data.items()]
        (self.root / file).write_text("\n".join(lines), encoding="utf-8")
        reading = read_workspace(self.root)
        (self.root / file).write_text(FULL[file], encoding="utf-8")
        return {mistake.code for mistake in reading.mistakes if mistake.file == file}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_the_full_workspace_is_right(workspace: Workspace) -> None:
    assert [str(mistake) for mistake in read_workspace(workspace.root).mistakes] == []
    assert {file: refused(file, data) for file, data in DATA.items()} == {file: [] for file in DATA}


def differing(workspace: Workspace, file: str, found: Iterable[Mutant]) -> tuple[list[Any], set[str]]:
    """Where check and schema disagree, and the kinds of mistakes that both refuse."""
    wrong, kinds = [], set()
    for path, what, data in found:
        codes, good = workspace.codes(file, data), fits(file, data)
        if good and codes & STRUCTURAL and not isinstance(what, date):  # editors see dates as text
            wrong.append(("let pass", path, what, codes))
        if not good and not codes and "connections" not in path:  # settings are for the connector to judge
            wrong.append(("refused", path, what, codes))
        kinds |= set() if good else codes
    return wrong, kinds


@pytest.mark.parametrize("file", FULL)
def test_a_key_too_many_or_too_few_is_refused_where_check_refuses_it(workspace: Workspace, file: str) -> None:
    wrong, kinds = differing(workspace, file, mutated_keys(DATA[file]))
    assert wrong == []
    assert "UNKNOWN_KEY" in kinds


@pytest.mark.ci
@pytest.mark.parametrize("file", FULL)
def test_a_wrong_value_is_refused_where_check_refuses_it(workspace: Workspace, file: str) -> None:
    wrong, kinds = differing(workspace, file, mutated_values(DATA[file]))
    assert wrong == []
    assert "WRONG_TYPE" in kinds


# --- keys are those of the code ------------------------------------------------------------------------------------


def shape_at(schema: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any] | None:
    """The table that a schema describes at a path; None where keys are the writer's own."""
    here: Any = schema
    for part in path:
        if isinstance(part, int):
            here = resolved(schema, here, "array")["items"]
        else:
            table = resolved(schema, here, "object")
            here = table.get("properties", {}).get(part) or table["additionalProperties"]
    found = resolved(schema, here, "object")
    return found if found.get("additionalProperties") is False else None


def resolved(schema: dict[str, Any], shape: Any, kind: str) -> Any:
    """A shape of that kind, behind references and alternatives."""
    if "$ref" in shape:
        return resolved(schema, schema["definitions"][shape["$ref"].rsplit("/", 1)[1]], kind)
    if "anyOf" in shape and "properties" not in shape:
        found = [resolved(schema, one, kind) for one in shape["anyOf"]]
        return next(one for one in found if one.get("type") == kind)
    return shape


def test_a_table_has_exactly_the_keys_that_are_read(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[str, set[str]] = {}
    offered: dict[str, set[str]] = {}
    finish = Section.finish

    def watching(section: Section) -> None:
        finish(section)
        file = section.source.name
        if file.startswith(("preset", "library")):
            return
        shape = shape_at(schema_of(schema_for(file), SETTINGS), section.path)
        place = re.sub(r"\d+", "*", f"{schema_for(file)}: {'.'.join(map(str, section.path))}")
        place = re.sub(r"\w+\.fields\.\w+", "*.fields.*", place)
        place = re.sub(r"pipelines\.\w+", "pipelines.*", place)
        if shape is not None:
            read.setdefault(place, set()).update(section.known)
            offered.setdefault(place, set()).update(shape["properties"])

    monkeypatch.setattr(Section, "finish", watching)
    assert read_workspace(workspace.root).mistakes == ()
    rules = {place for place in read if re.search(r"(when|if|where|include|create)\b", place)}
    assert {place for place in rules if not read[place] <= offered[place]} == set()
    assert {place: read[place] for place in read if place not in rules} == {
        place: offered[place] for place in read if place not in rules
    }
    assert len(read) > 25


def test_every_type_of_field_has_a_shape() -> None:
    assert {f"field-{kind}" for kind in FieldType} <= set(schema_of("mapping")["definitions"])


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('plugin = "hubspot"', True),
        ('plugin = "hubspot"\naccess_token = "x"\ntimeout_seconds = 5.5', True),
        ('plugin = "hubspot"\ntimeout_seconds = 0', False),
        ('plugin = "hubspot"\npath = "exports"', False),
        ('plugin = "hubspot"\napi_version = "v2"', False),
        ('plugin = "files"\npath = "x"\nobjects.a = { file = "a.csv", key = "id" }', True),
        ('plugin = "files"\nobjects.a = { file = "a.csv", kye = "id" }', False),
        ('plugin = "hubspto"', False),
        ("timeout_seconds = 5", False),
    ],
)
def test_a_connection_has_the_settings_of_its_connector(text: str, fits: bool) -> None:
    found = tomllib.loads(f"[connections.crm]\n{text}\n")
    assert (refused("sync.toml", found) == []) is fits


@pytest.mark.parametrize("name", ["process", "Upper", "-x", "a.b"])
def test_a_connection_has_a_name_that_check_takes(workspace: Workspace, name: str) -> None:
    data = copy.deepcopy(DATA["sync.toml"])
    data["connections"][name] = {"plugin": "files"}
    assert "BAD_NAME" in workspace.codes("sync.toml", data)
    assert refused("sync.toml", data) != []


def test_settings_of_an_installed_connector_that_was_not_loaded_are_let_pass() -> None:
    schema = schema_of("sync", {}, ["hubspot"])
    data = {"connections": {"crm": {"plugin": "hubspot", "anything": 1}}}
    assert list(jsonschema.Draft7Validator(schema).iter_errors(data)) == []


# --- the command ---------------------------------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(instep, ["schema", *arguments])


def test_schema_prints_the_one_of_a_file(workspace: Workspace) -> None:
    printed = run("mappings/crm.toml", "-w", str(workspace.root))
    assert json.loads(printed.stdout) == schema_of("mapping")
    assert json.loads(run("process").stdout) == schema_of("process")
    assert json.loads(run("sync.toml", "-w", str(workspace.root)).stdout)["definitions"].keys() >= {
        "files",
        "hubspot",
    }


def test_schema_out_writes_all_again_and_again(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    for _ in range(2):
        assert run("--out", str(folder), "-w", str(workspace.root)).exit_code == 0
    assert sorted(file.name for file in folder.iterdir()) == sorted(f"{name}.json" for name in NAMES)
    assert json.loads((folder / "team.json").read_text(encoding="utf-8")) == schema_of("team")


@pytest.mark.parametrize("arguments", [(), ("process", "--out", "x")])
def test_schema_asks_for_a_name_or_a_folder(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Name a schema (sync, process, scoring, team, mapping)" in result.output


def test_an_unknown_schema_is_named() -> None:
    assert 'There is no schema "proces". Did you mean "process"?' in str(run("proces").exception)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("sync.toml", "#:schema ./.instep/schema/sync.json"),
        ("mappings/team.toml", "#:schema ../.instep/schema/team.json"),
        ("mappings/crm.toml", "#:schema ../.instep/schema/mapping.json"),
        ("mappings/sync.toml", "#:schema ../.instep/schema/mapping.json"),
    ],
)
def test_the_first_line_leads_from_the_file_to_its_schema(file: str, line: str) -> None:
    assert directive(file) == line
