"""All files together give each field one type and one law; where they disagree, both are named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instep.mapping.compiled import FieldLaw
from instep.model.entities import FieldType, Kind

Said = Callable[..., list[str]]


def file(field: str) -> str:
    return f'[person]\nobjects = ["people"]\nmatch = ["instep_id"]\n[person.fields]\n{field}\n'


DISAGREEMENTS = {
    "law": (
        'city = { field = "a", law = "manual" }',
        'city = { field = "b", law = "prefer" }',
        'city.law is "prefer", but mappings/exports.toml says "manual"',
    ),
    "prefer": (
        'city = { field = "a", prefer = ["crm"] }',
        'city = { field = "b", prefer = ["exports", "crm"] }',
        'city.prefer is ["exports", "crm"], but mappings/exports.toml says ["crm"]',
    ),
    "authority": (
        'city = { field = "a", authority = "crm" }',
        'city = { field = "b", authority = "exports" }',
        'city.authority is "exports", but mappings/exports.toml says "crm"',
    ),
    "type": (
        'size = { field = "a", type = "number" }',
        'size = { field = "b", type = "text" }',
        'size.type is "text", but mappings/exports.toml says "number"',
    ),
}


@pytest.mark.parametrize("key", DISAGREEMENTS)
def test_two_files_that_disagree_are_both_named(said: Said, key: str) -> None:
    first, second, problem = DISAGREEMENTS[key]

    assert said(exports=file(first), crm=file(second)) == [
        f"mappings/crm.toml:5: person.fields.{problem}. Say it in one file only, or the same in both."
    ]


def test_the_type_of_a_field_that_everyone_has_cannot_be_changed(said: Said) -> None:
    assert said(crm=file('city = { field = "b", type = "number" }')) == [
        (
            'mappings/crm.toml:5: person.fields.city.type is "number", but person.city is always "text". '
            "Remove it, or choose a name of your own for the field."
        )
    ]


def test_preference_is_filled_up_in_the_order_of_connections(folder) -> None:
    workspace = folder.loaded(crm=file('city = "b"\ntitle = { field = "c", prefer = ["crm"] }'))

    assert workspace.law(Kind.PERSON, "city").prefer == ("exports", "crm")
    assert workspace.law(Kind.PERSON, "title").prefer == ("crm", "exports")


def test_one_file_may_speak_for_all(folder) -> None:
    one = file('city = { field = "a", law = "manual", authority = "crm" }')
    workspace = folder.loaded(exports=one, crm=file('city = "b"'))

    assert workspace.laws[Kind.PERSON, "city"] == FieldLaw("manual", ("exports", "crm"), "crm")


def test_every_mapped_field_has_a_type_and_a_law(folder) -> None:
    workspace = folder.loaded(crm=file('city = "b"\nscore = "s"\nown = { field = "o", type = "choices" }'))

    assert workspace.types == {
        (Kind.PERSON, "email"): FieldType.EMAIL,
        (Kind.PERSON, "city"): FieldType.TEXT,
        (Kind.PERSON, "score"): FieldType.NUMBER,
        (Kind.PERSON, "own"): FieldType.CHOICES,
    }
    assert workspace.laws.keys() == workspace.types.keys()
