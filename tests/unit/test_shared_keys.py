"""`check` says when two systems would double what both hold already."""

from __future__ import annotations

from pathlib import Path

import pytest

from instep.mapping.load import load_workspace
from instep.mapping.sharedkeys import missing_shared_keys

PERSON = """
[person]
objects = ["people"]
create_as = "people"
match = {match}
create = "{create}"
[person.fields]
email = "email"
phone = "phone"
"""


def notes(root: Path, first: str, second: str, create: str = "always", kind: str = PERSON) -> list[str]:
    (root / "mappings").mkdir()
    (root / "sync.toml").write_text('[connections.a]\nplugin = "x"\n[connections.b]\nplugin = "x"\n')
    (root / "mappings" / "process.toml").write_text('preset = "b2b-11"\n')
    for name, match in (("a", first), ("b", second)):
        (root / "mappings" / f"{name}.toml").write_text(kind.format(match=match, create=create))
    return [str(note) for note in missing_shared_keys(load_workspace(root))]


def test_two_systems_without_a_common_key_are_named(tmp_path: Path) -> None:
    (found,) = notes(tmp_path, '["instep_id", "email"]', '["instep_id", "phone"]')
    assert found.startswith("mappings/b.toml: person.match shares no key with a: what both hold already")


OPPORTUNITY = """
[opportunity]
objects = ["deals"]
create_as = "deals"
match = {match}
create = "{create}"
[opportunity.fields]
name = "name"
reference = {{ field = "offer", type = "text" }}
"""


def test_an_opportunity_is_given_a_key_that_opportunities_have(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, '["instep_id", "reference"]', '["instep_id", "name"]', kind=OPPORTUNITY)
    assert "Add a key that both map (a number of your own, such as the offer's)" in note


SHARED, NOTHING_TO_CREATE = ('["instep_id", "email"]', "always"), ('["instep_id", "phone"]', "never")


@pytest.mark.parametrize(("second", "create"), [SHARED, NOTHING_TO_CREATE])
def test_a_common_key_or_nothing_to_create_is_fine(tmp_path: Path, second: str, create: str) -> None:
    assert notes(tmp_path, '["instep_id", "email"]', second, create) == []
