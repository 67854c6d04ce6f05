# ruff: noqa: E501 - messages stand here as they are printed
"""What is wrong in a connection's mapping file is said with its line and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from instep.mapping.compiled import BehaviourMapping, ConsentMapping, CreateAs, RelationMapping, Required
from instep.model.entities import FieldType, Kind
from instep.model.process import Role
from instep.model.rules import Equals, Matches, Never, Not

Said = Callable[..., list[str]]
F = "mappings/crm.toml"
HEAD = '[person]\nobjects = ["contacts"]\nmatch = ["instep_id"]\n'

MISTAKES = {
    "an unknown kind of entity": (
        HEAD + '[persn]\nobjects = ["x"]\n',
        f'{F}:4: persn is not a known key. Did you mean "person"?',
    ),
    "no objects": (
        '[person]\nmatch = ["instep_id"]\n',
        f'{F}:1: person has no "objects". Add objects = ["…"], the names in that system.',
    ),
    "nothing to match by": (
        '[person]\nobjects = ["contacts"]\n',
        (
            f"{F}:1: person does not say how its records are recognised. "
            'Add match = ["instep_id"] and other keys, in the order in which to try them.'
        ),
    ),
    "a match key that is not mapped": (
        '[person]\nobjects = ["contacts"]\nmatch = ["instep_id",\n "email"]\nfields.phone = "Phone"\n',
        (
            f'{F}:4: person.match names "email", which this connection does not map. '
            'Map it under person.fields, or use "instep_id" or "phone".'
        ),
    ),
    "a match by an id that is kept nowhere": (
        HEAD + 'instep_id = false\nfields.email = "mail"\n',
        (
            f'{F}:3: person.match names "instep_id", which this connection does not map. '
            'Map it under person.fields, or use "email".'
        ),
    ),
    "creating without saying as what": (
        HEAD + 'create = "always"\n',
        (
            f'{F}:4: person.create creates records, but has no "create_as". '
            'Add create_as = "contacts", the object that new records become.'
        ),
    ),
    "creating as an object that is not mapped": (
        HEAD + 'create = "always"\ncreate_as = "contact"\n',
        f'{F}:5: person.create_as names "contact", which is no object. Did you mean "contacts"?',
    ),
    "creating what cannot be found again": (
        (
            '[person]\nobjects = ["contacts"]\nmatch = ["email"]\ncreate = "always"\ncreate_as = "contacts"\n'
            'instep_id = false\nfields.email = "mail"\n'
        ),
        (
            f"{F}:6: person.instep_id is false, but records are created here: without it Instep cannot find them again. "
            'Name a field for it, or write create = "never".'
        ),
    ),
    "a word that is no rule": (
        HEAD + 'create = "sometimes"\n',
        f'{F}:4: person.create is "sometimes", which is not among its values. Use "always" or "never".',
    ),
    "speaking for an unknown role": (
        HEAD + 'speaks_for = ["sale"]\n',
        f'{F}:4: person.speaks_for names "sale", which is no role. Did you mean "sales"?',
    ),
    "an object of two kinds": (
        HEAD + '[company]\nobjects = ["contacts"]\nmatch = ["instep_id"]\n',
        f'{F}:2: person.objects names "contacts", which [company] maps already. Map an object to one kind only.',
    ),
    "a relation to a kind that is not mapped": (
        HEAD + '[person.relations]\ncompany = "companies"\n',
        (
            f"{F}:5: person.relations.company leads to a company, which this connection does not map. "
            "Add [company], or remove the relation."
        ),
    ),
    "an unknown relation": (
        HEAD + '[person.relations]\ncompanys = "companies"\n',
        f'{F}:5: person.relations.companys names "companys", which is no relation of a person. Did you mean "company"?',
    ),
    "a relation to an object of no such kind": (
        HEAD + '[person.relations]\ncompany = "firms"\n[company]\nobjects = ["companies"]\nmatch = ["instep_id"]\n',
        f'{F}:5: person.relations.company names "firms", which is no object of a company. Use "companies".',
    ),
    "a field that Instep does not know": (
        HEAD + '[person.fields]\nfirstname = "FirstName"\n',
        f'{F}:5: person.fields.firstname is no field of a person that Instep knows. Did you mean "first_name"?',
    ),
    "an own field without a type": (
        HEAD + '[person.fields]\nshoe_size = "Shoe"\n',
        (
            f"{F}:5: person.fields.shoe_size is no field of a person that Instep knows. "
            'To add a field of your own, write { field = "…", type = "text" } or another type.'
        ),
    ),
    "a field named like the stage": (
        HEAD + '[person.fields]\nstage = { field = "Stage", type = "text" }\n',
        (
            f"{F}:5: person.fields.stage is a name that a field cannot have. "
            'Use small letters, digits and _, and not "stage", "segment" or "outcome".'
        ),
    ),
    "a field without the system's name": (
        HEAD + '[person.fields]\ncity = { direction = "out" }\n',
        f'{F}:5: person.fields.city has no "field". Add field = "…".',
    ),
    "an unknown key of a field": (
        HEAD + '[person.fields]\ncity = { field = "City", direktion = "out" }\n',
        f'{F}:5: person.fields.city.direktion is not a known key. Did you mean "direction"?',
    ),
    "an unknown direction": (
        HEAD + '[person.fields]\ncity = { field = "City", direction = "up" }\n',
        f'{F}:5: person.fields.city.direction is "up", which is not among its values. Use "in", "out" or "both".',
    ),
    "a computed field that is read": (
        HEAD + '[person.fields]\nscore = { field = "Score", direction = "both" }\n',
        (
            f'{F}:5: person.fields.score.direction is "both", but Instep computes score: it only ever flows out. '
            'Write "out", or remove the key.'
        ),
    ),
    "preferring an unknown connection": (
        HEAD + '[person.fields]\ncity = { field = "City", prefer = ["crn"] }\n',
        f'{F}:5: person.fields.city.prefer names "crn", which is no connection. Did you mean "crm"?',
    ),
    "an unknown authority": (
        HEAD + '[person.fields]\ncity = { field = "City", authority = "crn" }\n',
        f'{F}:5: person.fields.city.authority names "crn", which is no connection. Did you mean "crm"?',
    ),
    "an authority that does not have the field": (
        HEAD + '[person.fields]\ncity = { field = "City", authority = "exports" }\n',
        (
            f'{F}:5: person.fields.city.authority is "exports", from which this field is never read. '
            "Map the field in mappings/exports.toml, or name another connection."
        ),
    ),
    "a law for other types": (
        HEAD + '[person.fields]\ncity = { field = "City", law = "max" }\n',
        (
            f'{F}:5: person.fields.city.law is "max", but the field is of type text. '
            'It is for fields of type number or money or date or instant. Use "prefer" or "manual".'
        ),
    ),
    "money without a currency": (
        HEAD + '[opportunity]\nobjects = ["deals"]\nmatch = ["instep_id"]\n[opportunity.fields]\namount = "amount"\n',
        (
            f"{F}:8: opportunity.fields.amount is money, and its currency is not known. "
            'Add currency = "EUR", or currency_field with the name of the field that holds it.'
        ),
    ),
    "a currency that is none": (
        HEAD + '[person.fields]\nworth = { field = "Worth", type = "money", currency = "euro" }\n',
        (
            f'{F}:5: person.fields.worth.currency is "euro", which is not a currency code. '
            'Write three capital letters, such as "EUR".'
        ),
    ),
    "a currency for what is no money": (
        HEAD + '[person.fields]\ncity = { field = "City", currency = "EUR" }\n',
        f"{F}:5: person.fields.city.currency is for money, but the field is of type text. Remove it.",
    ),
    "values for what is no choice": (
        HEAD + '[person.fields]\ncity = { field = "City", values = { bonn = "Bonn" } }\n',
        f"{F}:5: person.fields.city.values translates values, but the field is of type text. Remove it.",
    ),
    "a spelling of two values": (
        HEAD + '[person.fields]\nsource = { field = "S", values = { fair = "Event", web = ["Web", "Event"] } }\n',
        (
            f'{F}:5: person.fields.source.values.web is spelled "Event", like "fair". '
            "A spelling can be read as one value only."
        ),
    ),
    "a time zone that is none": (
        HEAD + '[person.fields]\nborn = { field = "Born", type = "date", zone = "Europe/Berlni" }\n',
        f'{F}:5: person.fields.born.zone is "Europe/Berlni", which is not a time zone. Did you mean "Europe/Berlin"?',
    ),
    "a consent field without its values": (
        HEAD + '[person.consent]\nfield = "OptOut"\n',
        (
            f'{F}:4: person.consent names a field, but has no "out_values". '
            "Add out_values: what it holds for a person who opted out, the first one is written."
        ),
    ),
    "consent values without their field": (
        HEAD + '[person.consent]\nout_values = ["yes"]\n',
        (
            f'{F}:5: person.consent.out_values has "out_values", but no "field". '
            "Add field, or remove out_values to use the system's own consent."
        ),
    ),
    "consent of a company": (
        HEAD + '[company]\nobjects = ["companies"]\nmatch = ["instep_id"]\nconsent = { scope = "all" }\n',
        f'{F}:7: company.consent is not a known key. Use "objects", "create",',
    ),
    "a required field without default": (
        HEAD + "[person.required]\nCompany = { value = 1 }\n",
        f'{F}:5: person.required.Company has no "default". Add default = "…".',
    ),
    "a behaviour that nobody defined": (
        HEAD + '[[behaviours]]\nkind = "form"\nbehaviour = "goes-life"\n',
        f'{F}:6: behaviours[0].behaviour names "goes-life", which is no behaviour. Did you mean "goes-live"?',
    ),
    "a rule over a field that no person has": (
        HEAD + 'include = { field = "emial", is_blank = false }\n',
        f'{F}:4: person.include.field names "emial", which is no field that this rule can see. Did you mean "email"?',
    ),
}
MISTAKES["an include rule over a field that is mapped elsewhere only"] = (
    HEAD + 'include = { field = "email", is_blank = false }\n',
    (
        f'{F}:4: person.include looks at "email", which this connection does not map: it is always blank here. '
        'Map it under person.fields; direction = "in" is enough.'
    ),
)
MORE_THAN_ONE = {"a required field without default", "consent of a company"}


@pytest.mark.parametrize("case", MISTAKES)
def test_each_mistake_is_told_with_its_line_and_remedy(said: Said, case: str) -> None:
    text, expected = MISTAKES[case]

    assert [mistake for mistake in said(crm=text) if mistake.startswith(expected)]


@pytest.mark.parametrize("case", sorted(MISTAKES.keys() - MORE_THAN_ONE))
def test_one_mistake_is_told_exactly_and_brings_no_others(said: Said, case: str) -> None:
    text, expected = MISTAKES[case]

    assert said(crm=text) == [expected]


def test_mistakes_of_all_files_are_told_together_in_order(said: Said) -> None:
    found = said(sync="[conections]\n", process='preset = "b2b-11"\nx = 1\n', team="people = 1\n")

    assert [mistake.split(" ")[0] for mistake in found] == [
        "sync.toml:1:",
        "sync.toml:1:",
        "mappings/process.toml:2:",
        "mappings/team.toml:1:",
    ]


def test_a_rule_over_a_field_that_no_connection_maps_is_noted(folder) -> None:
    text = HEAD + 'create_as = "contacts"\ncreate = { field = "city", eq = "Bonn" }\n'

    assert folder.noted(crm=text) == [
        (
            f'{F}:5: person.create.field names "city", which no connection maps: it is always blank. '
            "Map it in one of the mapping files."
        )
    ]


def person(folder, text: str):
    return folder.loaded(crm=HEAD + text).mappings["crm"].entities[Kind.PERSON]


def test_nothing_is_created_unless_the_file_says_so(folder) -> None:
    assert person(folder, "").create == Never()


def test_an_entity_is_compiled_as_it_is_written(folder) -> None:
    text = (
        'create = { field = "stage", eq = "interest" }\ncreate_as = "contacts"\nmodified_field = "changed"\n'
        'instep_id = "InstepId__c"\nspeaks_for = ["sales", "service"]\n'
        'include = { not = { field = "email", matches = "@us\\\\." } }\nfields.email = "mail"\n'
        '[person.required]\nCompany = { default = "[unknown]" }\nRank = 1.5\n'
    )
    found = person(folder, text)

    assert found.create == Equals("stage", "interest")
    assert found.include == Not(Matches("email", "@us\\."))
    assert found.speaks_for == {Role.SALES, Role.SERVICE}
    assert found.required == {"Company": Required("[unknown]"), "Rank": Required(Decimal("1.5"))}
    assert found.create_as == (CreateAs("contacts"),)
    assert (found.instep_id, found.modified_field) == ("InstepId__c", "changed")


def test_a_field_is_compiled_with_all_that_it_says(folder) -> None:
    text = '[person.fields]\nsource = { field = "S", direction = "in", values = { web = "Web", fair = ["Fair", "Expo"] } }\n'
    [field] = person(folder, text).fields

    assert (field.name, field.field, field.type, field.hears, field.tells) == (
        "source",
        "S",
        FieldType.CHOICE,
        True,
        False,
    )
    assert field.values == {"web": ("Web",), "fair": ("Fair", "Expo")}


def test_a_computed_field_flows_out_even_in_short_form(folder) -> None:
    [field] = person(folder, '[person.fields]\nscore = "Score"\n').fields

    assert field.direction == "out"


def test_own_fields_need_their_type_in_one_file_only(folder) -> None:
    other = '[person]\nobjects = ["people"]\nmatch = ["instep_id"]\nfields.shoe_size = "Shoe"\n'
    text = HEAD + 'fields.shoe_size = { field = "size", type = "number" }\n'
    workspace = folder.loaded(crm=text, exports=other)

    assert workspace.types[Kind.PERSON, "shoe_size"] is FieldType.NUMBER
    assert workspace.mappings["exports"].entities[Kind.PERSON].fields[0].type is FieldType.NUMBER


def test_relations_and_consent_are_compiled(folder) -> None:
    text = (
        'relations.company = { object = "companies", direction = "in" }\n'
        'consent = { scope = "news", field = "OptOut", out_values = ["yes", "true"] }\n'
        '[company]\nobjects = ["companies"]\nmatch = ["instep_id"]\n'
    )
    found = person(folder, text)

    assert found.relations == (RelationMapping("company", Kind.COMPANY, False, "companies", "in"),)
    assert found.consent == ConsentMapping("news", "OptOut", ("yes", "true"))


def test_when_something_happened_is_the_activity_s_own_time_and_no_field_s(folder) -> None:
    text = '[[behaviours]]\nkind = "form"\nbehaviour = "requests-call"\nat_field = "sent"\n'
    (mistake,) = folder.said(crm=HEAD + text)

    assert "behaviours[0].at_field is not a known key." in mistake


def test_behaviours_are_compiled_in_file_order(folder) -> None:
    text = (
        '[[behaviours]]\nkind = "form"\nbehaviour = "requests-call"\nwhere = { field = "Any", eq = "x" }\n'
        '[[behaviours]]\nkind = "form"\nbehaviour = "describes-project"\nrefers = "friend"\n'
    )

    assert folder.loaded(crm=HEAD + text).mappings["crm"].behaviours == (
        BehaviourMapping("form", "requests-call", Equals("Any", "x")),
        BehaviourMapping("form", "describes-project", refers="friend"),
    )
