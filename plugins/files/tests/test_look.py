"""Looking at files that nobody has described: what `instep init` proposes."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from instep.errors import ConfigError
from instep.settings import load_settings
from instep_files import files


def look(folder: Path) -> tuple[dict[str, Any], dict[str, Any], str, str]:
    """The proposed settings and mapping, parsed and as text; the settings are accepted by the plugin."""
    assert files.look is not None
    starter = files.look(load_settings(files.settings, "exports", {"path": str(folder)}))
    settings, mapping = tomllib.loads(starter.settings), tomllib.loads(starter.mapping)
    load_settings(files.settings, "exports", {"path": str(folder), **settings})
    return settings, mapping, starter.settings, starter.mapping


def put(folder: Path, name: str, *lines: str, encoding: str = "utf-8") -> None:
    (folder / name).write_bytes(("\n".join(lines) + "\n").encode(encoding))


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    put(
        tmp_path,
        "accounts.csv",
        "account,sector,year_established,revenue,employees,office_location,subsidiary_of",
        "Acme,retail,1996,1100.04,2822,United States,",
        "Beta,medical,1999,251.41,495,Kenya,Acme",
    )
    put(tmp_path, "products.csv", "product,series,sales_price", "GTX,G,550", "MG,M,55")
    put(
        tmp_path,
        "sales_pipeline.csv",
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value",
        "1C1I,Moses,GTX,Acme,Won,10/20/2016,3/1/2017,1054",
        "Z063,Darcel,MG,Beta,Engaging,10/25/2016,,",
        "EC4Q,Darcel,M G,,Prospecting,,,",
        "MV1L,Moses,GTX,Acme,Lost,11/30/2016,4/30/2017,0",
        "PE84,Moses,GTX,Acme,On hold,11/30/2016,,",
    )
    return tmp_path


def test_files_of_a_small_firm_are_described(crm: Path) -> None:
    settings, mapping, _, _ = look(crm)
    pipeline = settings["objects"]["sales_pipeline"]
    assert settings["direction"] == "in"
    assert pipeline["key"] == "opportunity_id"
    assert pipeline["types"] == {
        "engage_date": "date:%m/%d/%Y",
        "close_date": "date:%m/%d/%Y",
        "close_value": "number",
    }
    assert pipeline["references"] == {"account": "accounts"}
    assert settings["objects"]["accounts"]["references"] == {"subsidiary_of": "accounts"}
    assert mapping["company"]["objects"] == ["accounts"]
    assert mapping["company"]["fields"]["name"] == {"field": "account", "direction": "in"}
    assert mapping["opportunity"]["relations"] == {"company": {"object": "accounts", "direction": "in"}}
    assert mapping["opportunity"]["create"] == "never"
    assert "person" not in mapping


def test_stage_values_are_mapped_where_they_are_known_and_listed_where_not(crm: Path) -> None:
    _, mapping, _, text = look(crm)
    stages = mapping["opportunity"]["stages"]
    assert stages["values"] == {"interest": "Prospecting", "consideration": "Engaging"}
    assert stages["outcomes"] == {"won": "Won", "lost": "Lost"}
    assert '# not mapped yet: "On hold" (1 row)' in text


def test_a_column_that_nearly_is_a_key_is_pointed_out(crm: Path) -> None:
    _, _, text, _ = look(crm)
    assert "# product looks like a key of products, but 20% of its values are not there." in text


def test_money_says_that_its_currency_is_a_guess(crm: Path) -> None:
    _, mapping, _, text = look(crm)
    assert mapping["opportunity"]["fields"]["amount"]["currency"] == "USD"
    assert "the file names no currency" in text


def test_people_and_what_they_did_are_recognised(tmp_path: Path) -> None:
    put(
        tmp_path,
        "contacts.csv",
        "Contact ID;E-Mail;First Name;Phone;Opted Out;Updated At",
        "7;zoë@x.example;Zoë;+49 30 1;yes;2026-01-05T09:00:00Z",
        "8;bob@x.example;Bob;;no;2026-01-06T09:00:00Z",
        encoding="cp1252",
    )
    put(
        tmp_path,
        "activities.csv",
        "id,type,occurred_at,email",
        "1,Webinar,2026-01-05T09:00:00Z,zoë@x.example",
        "2,Tea,2026-01-05T09:00:00Z,",
    )
    settings, mapping, _, text = look(tmp_path)
    people = settings["objects"]["contacts"]
    assert (people["key"], people["delimiter"], people["encoding"]) == ("Contact ID", ";", "cp1252")
    assert people["types"] == {"Opted Out": "boolean", "Updated At": "instant"}
    assert people["modified"] == "Updated At"
    assert mapping["person"]["match"] == ["email"]
    assert mapping["person"]["consent"] == {"field": "Opted Out", "out_values": ["yes"]}
    assert settings["behaviours"]["activities"]["email"] == "email"
    assert '# behaviour = "attends-webinar"' in text
    assert '# kind = "Tea"' in text


@pytest.mark.parametrize(
    ("dates", "type"),
    [
        (("10/20/2016", "3/1/2017"), "date:%m/%d/%Y"),
        (("20/10/2016", "3/1/2017"), "date:%d/%m/%Y"),
        (("20.10.2016", "3.1.2017"), "date:%d.%m.%Y"),
        (("2016-10-20", "2017-03-01"), "date"),
        (("3/1/2017", "4/2/2017"), None),
    ],
)
def test_days_and_months_are_told_apart_or_asked_about(
    tmp_path: Path, dates: tuple[str, str], type: str | None
) -> None:
    put(tmp_path, "things.csv", "id,due", *(f"{n},{due}" for n, due in enumerate(dates)))
    settings, _, text, _ = look(tmp_path)
    assert settings["objects"]["things"].get("types", {}).get("due") == type
    assert ("is the day first, or the month?" in text) is (type is None)


def test_a_column_without_values_is_text(tmp_path: Path) -> None:
    put(tmp_path, "things.csv", "id,due", "a,", "b,")
    settings, _, text, _ = look(tmp_path)
    assert "types" not in settings["objects"]["things"]
    assert "due" not in text


def test_codes_are_no_numbers(tmp_path: Path) -> None:
    put(tmp_path, "things.csv", "id,zip,size", "a,01234,5", "b,99999,0.5")
    settings, _, _, _ = look(tmp_path)
    assert settings["objects"]["things"]["types"] == {"size": "number"}


def test_small_numbers_are_no_references_by_chance(tmp_path: Path) -> None:
    put(tmp_path, "companies.csv", "id,name,domain", "1,Acme,acme.example", "2,Beta,beta.example")
    put(tmp_path, "people.csv", "id,email,rooms,company_id", "1,a@x.example,2,1", "2,b@x.example,2,1")
    settings, mapping, _, _ = look(tmp_path)
    assert settings["objects"]["people"]["references"] == {"company_id": "companies"}
    assert mapping["person"]["relations"]["company"]["object"] == "companies"


def test_json_lines_are_looked_at_too(tmp_path: Path) -> None:
    put(tmp_path, "people.jsonl", '{"id": 1, "email": "a@x.example"}', '{"id": 2, "email": "b@x.example"}')
    settings, mapping, _, _ = look(tmp_path)
    assert settings["objects"]["people"]["file"] == "people.jsonl"
    assert mapping["person"]["fields"]["email"]["field"] == "email"


def test_a_file_whose_rows_nothing_names_is_left_out_and_said(tmp_path: Path) -> None:
    put(tmp_path, "things.csv", "size", "1", "1")
    put(tmp_path, "people.csv", "id,email", "1,a@x.example")
    settings, _, text, _ = look(tmp_path)
    assert list(settings["objects"]) == ["people"]
    assert "# things.csv: no column names each of its rows" in text


def test_names_that_need_quotes_get_them(tmp_path: Path) -> None:
    put(tmp_path, "our people.csv", 'id,"e-mail","Größe ""m²"""', "1,a@x.example,5")
    settings, _, _, _ = look(tmp_path)
    assert settings["objects"]["our_people"]["types"] == {'Größe "m²"': "number"}


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no \.csv"):
        look(tmp_path)


def test_two_files_of_one_name_are_two_objects(tmp_path: Path) -> None:
    put(tmp_path, "people.csv", "id,email", "1,a@x.example")
    put(tmp_path, "people.jsonl", '{"id": 1, "email": "a@x.example"}')
    settings, mapping, _, _ = look(tmp_path)
    assert list(settings["objects"]) == ["people", "people_2"]
    assert mapping["person"]["objects"] == ["people"]


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """Files as people keep them: an id is missing, another is there twice, an amount is in words."""
    firms = [f"C{n},Firm {n},firm{n}.example" for n in range(1, 8)]
    put(tmp_path, "companies.csv", "company_id,name,domain", *firms, ",Firm 8,firm8.example")
    put(
        tmp_path,
        "people.csv",
        "person_id,email,company_id,lifecycle,newsletter_optout,fax",
        "P1,a@x.example,C1,lead,no,",
        "P2,b@x.example,C2,customer,yes,",
        "P3,c@x.example,C2,partner,,",
    )
    put(
        tmp_path,
        "deals.csv",
        "deal_id,deal name,company_id,stage,amount,close_date",
        "D1,One,C1,Prospect,5,2026-01-31",
        "D2,Two,C2,Prospect,about 7,2026-01-31",
        "D2,Three,C3,Won,7,2026-01-31",
        "D4,Four,C4,Won,7,2026-01-31",
        "D5,Five,C99,Won,7,2026-01-31",
    )
    return tmp_path


def test_an_id_with_a_few_bad_cells_is_the_key_and_they_are_named(messy: Path) -> None:
    settings, _, text, _ = look(messy)
    assert {name: file["key"] for name, file in settings["objects"].items()} == {
        "companies": "company_id",
        "people": "person_id",
        "deals": "deal_id",
    }
    assert "\n# line 9: no company_id.\n" in text
    assert '\n# lines 3, 4: "D2" more than once.\n' in text


def test_references_to_an_id_with_bad_cells_are_found(messy: Path) -> None:
    settings, mapping, text, _ = look(messy)
    assert settings["objects"]["people"]["references"] == {"company_id": "companies"}
    assert settings["objects"]["deals"]["references"] == {"company_id": "companies"}
    assert mapping["opportunity"]["relations"]["company"]["object"] == "companies"
    assert '# company_id leads to rows of companies that are not there: "C99".' in text


def test_a_column_that_is_often_the_same_is_no_key(tmp_path: Path) -> None:
    put(tmp_path, "people.csv", "company_id,email", *(f"C{n // 2},{n}@x.example" for n in range(8)))
    settings, _, _, _ = look(tmp_path)
    assert settings["objects"]["people"]["key"] == "email"


def test_columns_that_are_not_mapped_are_named(messy: Path) -> None:
    _, _, _, text = look(messy)
    assert (
        "\n# not mapped: lifecycle (3 values), newsletter_optout (yes/no: see [person.consent]), fax (blank)\n"
        in text
    )
    assert "\n# not mapped: amount (not all numbers)\n" in text
    assert text.count("# not mapped: ") == 2


def test_a_possible_opt_out_is_proposed_in_comments(messy: Path) -> None:
    _, mapping, _, text = look(messy)
    assert "consent" not in mapping["person"]
    proposed = '# [person.consent]\n# field = "newsletter_optout"\n# out_values = ["yes"]\n'
    assert proposed in text
    assert tomllib.loads(proposed.replace("# ", ""))["person"]["consent"]["out_values"] == ["yes"]


def test_a_newsletter_is_declined_with_no(tmp_path: Path) -> None:
    put(tmp_path, "people.csv", "id,email,newsletter", "1,a@x.example,1", "2,b@x.example,0")
    _, _, _, text = look(tmp_path)
    assert '# field = "newsletter"\n# out_values = ["0"]\n' in text
    assert "# Also remove newsletter from types in sync.toml" in text
