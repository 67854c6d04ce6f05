"""The digest changes with the meaning of any file, and with nothing else."""

from __future__ import annotations

import random
import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CRM = """\
[person]
objects = ["contacts", "leads"]
create_as = "contacts"
create = "always"
match = ["instep_id", "email"]
speaks_for = ["sales", "marketing"]
include = { not = { field = "email", matches = "@us$" } }

[person.stages]
field = "status"
values = { interest = "Lead", research = "Lead", decision = "Hot" }
lands_on = { Lead = "interest" }

[person.fields]
email = "mail"
city = { field = "City", law = "manual" }
source = { field = "Source", values = { web = "Web", fair = ["Fair", "Expo"] } }

[[behaviours]]
kind = "form"
behaviour = "requests-call"
[[behaviours]]
kind = "call"
behaviour = "requests-call"
"""

CHANGES = {
    "a spelling": ("crm", 'decision = "Hot"', 'decision = "Warm"'),
    "where a value lands": ("crm", 'lands_on = { Lead = "interest" }', 'lands_on = { Lead = "research" }'),
    "the order of keys to match by": ("crm", '["instep_id", "email"]', '["email", "instep_id"]'),
    "the order of objects": ("crm", '["contacts", "leads"]', '["leads", "contacts"]'),
    "the spelling that is written": ("crm", '["Fair", "Expo"]', '["Expo", "Fair"]'),
    "a law": ("crm", '"manual"', '"prefer"'),
    "a rule": ("crm", "@us$", "@we$"),
    "who is spoken for": ("crm", '["sales", "marketing"]', '["sales"]'),
    "which activity a behaviour is": ("crm", 'kind = "form"', 'kind = "mail"'),
    "the preset": ("process", '"b2b-11"', '"b2b-11"\n[[behaviours]]\nkey = "goes-live"\nweight = 1'),
    "points": ("scoring", "= 5", "= 6"),
    "a person": ("team", '"ada"', '"eva"'),
    "a setting": ("sync", '"exports"\n', '"elsewhere"\n'),
}
FILES = {
    "crm": CRM,
    "process": 'preset = "b2b-11"\n',
    "scoring": "[points]\nvisits-website = 5\n",
    "team": '[[people]]\nkey = "ada"\n',
    "sync": '[connections.exports]\nplugin = "files"\npath = "exports"\n\n[connections.crm]\nplugin = "some-crm"\n',
}


def shuffled(value: Any, shuffle: random.Random) -> Any:
    """The same data with the keys of every table in another order."""
    if isinstance(value, dict):
        keys = list(value)
        shuffle.shuffle(keys)
        return {key: shuffled(value[key], shuffle) for key in keys}
    return [shuffled(inner, shuffle) for inner in value] if isinstance(value, list) else value


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_keys_does_not_count(folder, seed: int) -> None:
    before = folder.loaded(**FILES).digest
    other = tomlkit.dumps(shuffled(tomllib.loads(CRM), random.Random(seed)))

    assert folder.loaded(crm=other).digest == before


def test_comments_and_spacing_do_not_count(folder) -> None:
    before = folder.loaded(**FILES).digest
    spaced = {name: text.replace("\n", "  # a comment\n\n") for name, text in FILES.items()}

    assert folder.loaded(**spaced).digest == before


def test_writing_out_a_default_does_not_count(folder) -> None:
    before = folder.loaded(**FILES).digest
    spelled = CRM.replace('email = "mail"', 'email = { field = "mail", direction = "both" }')

    assert folder.loaded(crm=spelled).digest == before


def test_the_folder_does_not_count(folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = type(folder)(tmp_path_factory.mktemp("elsewhere"))

    assert folder.loaded(**FILES).digest == other.loaded(**FILES).digest


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_meaning_counts(folder, change: str) -> None:
    name, before, after = CHANGES[change]
    digest = folder.loaded(**FILES).digest
    changed = FILES[name].replace(before, after, 1)

    assert changed != FILES[name]
    assert folder.loaded(**{name: changed}).digest != digest


def test_the_order_of_connections_counts(folder) -> None:
    digest = folder.loaded(**FILES).digest
    first, second = FILES["sync"].split("\n\n")

    assert folder.loaded(sync=f"{second}\n{first}\n").digest != digest
