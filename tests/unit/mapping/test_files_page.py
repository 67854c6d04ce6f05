# ruff: noqa: E501 - small files stand on one line each
"""The pages about files say what the code does: their examples load, and they name every word there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from instep.mapping.fields import LAWS
from instep.mapping.lint import lint_process
from instep.mapping.load import read_preset
from instep.mapping.preset import preset_names
from instep.mapping.rules import OPERATORS
from instep.model.entities import DERIVED, FIELDS, FieldType
from instep.model.process import Outcome, Process, Role, Stage

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (REFERENCE / "files.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_are_one_workspace_without_mistakes(folder) -> None:
    sync, process, scoring, team, hubspot, pipelines, configured = EXAMPLES
    exports = '[company]\nobjects = ["firms"]\nmatch = ["instep_id"]\nfields = { industry = "i", employees = "n" }\n'
    rest = (
        '[company]\nobjects = ["companies"]\nmatch = ["instep_id"]\n[opportunity]\nobjects = ["deals"]\n'
        'match = ["instep_id"]\n'
    )
    folder.without("mappings/crm.toml")
    files = {"sync": sync, "process": process, "scoring": scoring, "team": team, "exports": exports}

    assert folder.said(**files, hubspot=f"{hubspot}{rest}{pipelines}{configured}") == []
    assert folder.noted() == []


WORDS = {
    *(name for fields in FIELDS.values() for name in fields),
    *DERIVED,
    *OPERATORS,
    *LAWS,
    *(member.value for words in (Role, Outcome, FieldType) for member in words),
}


@pytest.mark.parametrize("word", sorted(WORDS))
def test_the_page_names_every_word_that_files_may_use(word: str) -> None:
    assert re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", PAGE)


def test_every_key_that_a_mistake_would_offer_is_on_the_page(folder) -> None:
    offered: set[str] = set()
    wrong = {
        "process": 'preset = "b2b-11"\nzzz = 1\n[[stages]]\nkey = "decision"\nzzz = 1\n[[behaviours]]\nkey = "x"\nzzz = 1\n'
        '[[segments]]\nkey = "a"\nzzz = 1\n[[moved]]\nfrom = "x"\nto = "decision"\nzzz = 1\n',
        "scoring": "zzz = 1\n[[fit]]\nzzz = 1\n",
        "team": 'zzz = 1\n[[people]]\nkey = "a"\nzzz = 1\n[[assign]]\nzzz = 1\n',
        "crm": 'zzz = 1\n[person]\nobjects = ["x"]\nmatch = ["instep_id"]\nzzz = 1\nstages = { field = "s", zzz = 1 }\n'
        'fields.city = { field = "c", zzz = 1 }\nconsent.zzz = 1\n',
    }
    for mistake in folder.said(**wrong):
        if "zzz is not a known key. Use " in mistake:
            offered |= set(re.findall(r'"([a-z_]+)"', mistake.split("Use ")[1]))

    assert len(offered) > 40
    assert {key for key in offered if not re.search(rf"\b{key}\b", PAGE)} == set()


def test_the_lint_page_has_a_section_for_every_code() -> None:
    page = (REFERENCE / "process-lint.md").read_text(encoding="utf-8")
    bare = Process("p", (Stage("a", "A"),), read_preset("buyer-behaviours").read.process.behaviours)
    found = {
        finding.code for finding in (*lint_process(bare), *lint_process(read_preset("seller-actions").read.process))
    }

    assert found | {"NO_OWNER"} == set(re.findall(r"^## ([A-Z_]+)$", page, re.MULTILINE))


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_says_what_it_is_about(name: str) -> None:
    from instep.mapping.preset import preset_text

    assert preset_text(name).splitlines()[1].startswith('about = "')
