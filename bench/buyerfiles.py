"""The files of a workspace that joins the three systems of `buyers.py`, and changed ones to replay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.buyers import INDUSTRIES, KINDS, OWNERS, SOURCES, STEPS, SYSTEMS, System
from bench.workspaces import write_workspace
from instep.mapping.compiled import Workspace

PROCESS = """
preset = "b2b-11"
[[behaviours]]
key = "validates"
label = "Validates"
[[segments]]
key = "sciences"
when = { field = "company.industry", eq = "biotechnology" }
%s
[[segments]]
key = "education"
when = { field = "company.industry", eq = "education" }
[[segments]]
key = "others"
""" % "".join(  # noqa: UP031  # braces stand in the text
    f'[[segments.stages]]\nkey = "{stage}"\n'
    + ('label = "Validation"\nrole = "sales"\nenter = { any = ["validates"] }\n' if stage == "validation" else "")
    for stage in STEPS
)
SCORING = """
half_life = "30d"
cuts = [12, 40]
[points]
visits-website = 1
downloads-document = 5
attends-webinar = 10
requests-call = 15
describes-project = 20
requests-proposal = 35
validates = 30
places-order = 20
[caps]
visits-website = 3
[bands]
cold = 0
warm = 15
hot = 40
[[fit]]
points = 6
when = { field = "company.employees", between = [100, 5000] }
[[fit]]
points = 4
when = { field = "title", in = ["CTO", "CIO", "Head of Lab"] }
"""
ROLES = ("marketing", "sales", "service", "marketing", "sales", "services")
TEAM = "".join(
    f"""
[[people]]
key = "{key}"
name = "{key.title()}"
email = "{key}@seller.example"
roles = ["{role}"]
users = {{ {", ".join(f'{system} = "{system}-{key}"' for system in SYSTEMS)} }}
"""
    for key, role in zip(OWNERS, ROLES, strict=True)
)
ASSIGNED = """
[[assign]]
kind = "person"
when = "handover"
[[assign]]
kind = "person"
when = "blank"
"""

CHANGED_PROCESS = (
    PROCESS
    + """
[[stages]]
key = "interest"
enter = { any = ["downloads-document", "attends-webinar"], times = 2, within = "60d" }
[[stages]]
key = "consideration"
enter = { any = ["requests-call", "schedules-meeting"] }
"""
)
CHANGED_SCORING = SCORING.replace('half_life = "30d"', 'half_life = "45d"').replace("warm = 15", "warm = 20")
CHANGED_SCORING = CHANGED_SCORING.replace("between = [100, 5000]", "between = [50, 2000]")
CHANGED_TEAM = TEAM.replace('roles = ["sales"]', 'roles = ["sales", "service"]', 1) + ASSIGNED


def mapping(system: System, *, changed: bool = False) -> str:
    """The mapping of one system; changed, some of its words are spelled otherwise."""
    steps = _words(system.shows("stage", key) for key in STEPS)
    sources = _words(system.shows("source", key) for key in SOURCES)
    stages, choices = dict(zip(STEPS, steps, strict=True)), dict(zip(SOURCES, sources, strict=True))
    if changed:
        stages["interest"], choices["event"] = '["qualified", "interest"]', '"fair"'
    acts = "".join(f'[[behaviours]]\nkind = "{kind}"\nbehaviour = "{kind}"\n' for kind in sorted(set(KINDS)))
    industries = zip(INDUSTRIES, _words(system.shows("industry", key) for key in INDUSTRIES), strict=True)
    return f"""
[person]
objects = ["people"]
match = ["instep_id", "email"]
speaks_for = ["marketing", "sales", "service", "services"]
[person.stages]
field = "stage"
values = {_table(stages)}
[person.fields]
email = "email"
first_name = "first_name"
last_name = "last_name"
phone = "phone"
title = "title"
city = "city"
country = "country"
language = "language"
source = {{ field = "source", values = {_table(choices)} }}
seats = {{ field = "seats", type = "number" }}
renewal = {{ field = "renewal", type = "date" }}
owner = "owner"
score = {{ field = "score", direction = "out" }}
instep_stage = {{ field = "exact_stage", direction = "out" }}
[person.relations]
company = "companies"
[company]
objects = ["companies"]
match = ["instep_id", "domain"]
[company.fields]
name = "name"
domain = "domain"
industry = {{ field = "industry", values = {_table(dict(industries))} }}
employees = "employees"
{acts}"""


def _words(words: Iterable[str]) -> list[str]:
    return [f'"{word}"' for word in words]


def _table(words: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{key} = {word}" for key, word in words.items()) + " }"


def files(systems: Sequence[System]) -> dict[str, str]:
    """The files that are changed in a replay, by their name, as they are changed to."""
    return {
        "process": CHANGED_PROCESS,
        "scoring": CHANGED_SCORING,
        "team": CHANGED_TEAM,
        systems[0].name: mapping(systems[0], changed=True),
    }


def write_files(root: Path, systems: Sequence[System]) -> Workspace:
    """Write and load the workspace; the changed files lie beside it in `drafts/`."""
    drafts = root / "drafts"
    drafts.mkdir(parents=True, exist_ok=True)
    for name, text in files(systems).items():
        (drafts / f"{name}.toml").write_text(text)
    (root / "mappings").mkdir(exist_ok=True)
    (root / "mappings" / "scoring.toml").write_text(SCORING)
    (root / "mappings" / "team.toml").write_text(TEAM + ASSIGNED)
    tables = {system.name: {"plugin": "buyers", "system": system.name} for system in systems}
    return write_workspace(root, tables, {system.name: mapping(system) for system in systems}, PROCESS)
