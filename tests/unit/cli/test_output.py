"""What is printed is inert: a terminal obeys nothing of it, and a parser reads what was meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.cli.main import main
from instep.cli.output import brief, inert, moment, table


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.characters(categories=["Cc", "Cf", "Co"])))
def test_a_json_document_says_the_same_in_characters_that_can_be_printed(text: str) -> None:
    for indent in (None, 2):
        printed = inert(json.dumps({"value": text}, indent=indent, ensure_ascii=False))
        assert json.loads(printed) == {"value": text}
        assert all(c.isprintable() or c == "\n" for c in printed)


def test_half_a_character_is_printed_as_an_escape() -> None:
    printed = inert(json.dumps("\ud800", ensure_ascii=False))
    assert printed == '"\\ud800"'
    assert printed.encode("utf-8")


@given(st.text(), st.text())
def test_a_table_has_one_line_for_each_row(one: str, other: str) -> None:
    lines = table(["a", "b"], [[one, other], [other, one]]).split("\n")
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(("length", "shown"), [(200, 200), (201, 218)])
def test_a_long_text_is_cut_and_its_length_told(length: int, shown: int) -> None:
    assert len(brief("x" * length)) == shown
    assert length == 200 or brief("x" * length).endswith("… (201 characters)")


def test_the_program_is_called_instep_however_it_is_started(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/cli/main.py", "init", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.startswith("Usage: instep init ")


def test_an_instant_is_shown_to_the_second_in_utc() -> None:
    assert moment("2026-03-02T10:11:12.345678+01:00") == "2026-03-02 09:11:12Z"
