"""A report in Markdown says what matters, hides values and keeps to its size; nothing in it does anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from instep.cli.markdown import MOST_BYTES, capped, code, report
from instep.model.entities import Kind
from instep.sync.changes import Change, Plan, Value
from instep.sync.run import Outcome

AT = datetime(2026, 3, 2, tzinfo=UTC)
HOSTILE = [
    "a | b | c",
    "`rm -rf`",
    "```\nfence\n```",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</details><h1>owned</h1>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example/?q=1",
    "@everyone @octocat",
    "| --- |",
    "# heading",
    "\x1b[31mred\x1b[0m",
    "a\nb",
    "\x00\x07",
    "\u202eevil",
    "&lt;b&gt;",
    "\\| \\` \\",
    "x" * 1_000_000,
    "`" * 40,
    " ` ",
    "",
    " ",
]


def outcome(value: str, count: int = 1, name: str = "title") -> Outcome:
    changed = Value(name, name, "before " + value, value, f"because {value}")
    changes = tuple(
        Change("update", "crm", "people", Kind.PERSON, f"e{n}", f"{value[:50]}{n}", (changed,)) for n in range(count)
    )
    note = {
        "code": "unmapped",
        "connection": "crm",
        "text": value,
        "remedy": "Map it.",
        "count": 2,
        "examples": [value],
    }
    account: dict[str, Any] = {
        "seen": 1,
        "unchanged": 0,
        "changed": 1,
        "written": {},
        "skipped": {value: 1},
        "quarantined": {},
        "conflicts": 0,
        "unaccounted": 0,
        "calls": 3,
    }
    return Outcome(7, "partial", 3, Plan(changes, AT, {}), {"crm": account}, [note], 0, applied=False)


def html(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


def tokens(text: str) -> list[Any]:
    found = MarkdownIt("commonmark").enable("table").parse(text)
    return [token for block in found for token in [block, *(block.children or [])]]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_a_vendor_sent_does_anything(value: str) -> None:
    text = report(outcome(value), values=True)
    kinds = {token.type for token in tokens(text)}
    assert kinds & {"link_open", "image", "html_inline", "fence", "code_block"} == set()
    markup = [token.content for token in tokens(text) if token.type == "html_block"]
    assert [line.split("\n")[0] for line in markup] == ["<details><summary>Samples</summary>", "</details>"]
    assert sum(token.type == "heading_open" for token in tokens(text)) == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


@given(st.text())
def test_a_code_span_cannot_be_left(value: str) -> None:
    (block,) = (token for token in tokens(f"before {code(value)} after") if token.type == "inline")
    assert [child.type for child in block.children] == ["text", "code_inline", "text"]


@given(st.text(max_size=30))
def test_a_cell_stays_one_cell(value: str) -> None:
    text = f"| a | b |\n| --- | --- |\n| {code(value)} | {code(value)} |"
    assert sum(token.type == "td_open" for token in tokens(text)) == 2


@pytest.mark.parametrize("value", ["jane@acme.example", "Jane Doe"])
def test_values_and_records_are_hidden_unless_asked_for(value: str) -> None:
    assert value not in report(outcome(value))
    assert value in report(outcome(value), values=True)


def test_it_says_how_much_where_and_what_to_look_at() -> None:
    lines = report(outcome("X", count=3)).splitlines()
    assert lines[0] == "### Instep: 3 to write (run 7)"
    assert "| `crm` | `people` | update | 3 | `title` 3 |" in lines
    assert "| `unmapped` | `crm` | 2 |  | `Map it.` |" in lines


@pytest.mark.parametrize("count", [1, 5, 6])
def test_five_samples_of_each_kind_are_shown(count: int) -> None:
    text = report(outcome("X", count=count), values=True)
    assert text.count("because X") == min(count, 5)


def test_a_report_that_is_too_long_is_cut_between_lines_and_says_so() -> None:
    many = "".join(f"| `line {n}` |\n" for n in range(10_000))
    text = capped("<details><summary>x</summary>\n" + many)
    assert len(text.encode()) <= MOST_BYTES
    assert "more lines are left out" in text.splitlines()[-1]
    assert text.count("</details>") == 1
    kept = text.count("| `line ")
    assert f"{10_001 - kept - 1:,} more lines" in text
    assert capped("short\n") == "short\n"
