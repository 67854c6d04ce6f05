"""`scoring.toml` and `team.toml`: what they say, and what is wrong in them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from instep.model.entities import Kind
from instep.model.process import Role
from instep.model.rules import Always, Equals, In
from instep.model.scoring import FitRule, Scoring
from instep.model.team import Assignment, Owner

Said = Callable[..., list[str]]
S, T = "mappings/scoring.toml", "mappings/team.toml"

SCORING_MISTAKES = {
    "points for an unknown behaviour": (
        "[points]\nvisit-website = 1\n",
        f'{S}:2: points.visit-website names "visit-website", which is no behaviour. Did you mean "visits-website"?',
    ),
    "points that are no number": (
        '[points]\nvisits-website = "1"\n',
        f"{S}:2: points.visits-website is not a number. Write a number.",
    ),
    "a cap without points": (
        "[caps]\nvisits-website = 10\n",
        f"{S}:2: caps.visits-website limits points that are not given. Add points for it.",
    ),
    "a half-life that is no duration": (
        'half_life = "a month"\n',
        (
            f'{S}:1: half_life is "a month", which is not a whole number of seconds. '
            'Write a number and s, m, h or d, such as "90s" or "7d".'
        ),
    ),
    "a cap below nothing": (
        "[points]\nvisits-website = -1\n[caps]\nvisits-website = -10\n",
        f"{S}:4: caps.visits-website is -10. Write how much at most, as 20.",
    ),
    "two grades that begin alike": (
        "[grades]\nfit = { A = 10, B = 10 }\n",
        f"{S}:2: grades.fit.B starts at 10, like another. Give each its own bound.",
    ),
    "a grade that is no number": (
        '[grades]\nengagement = { A = "10" }\n',
        f"{S}:2: grades.engagement.A is not a number. Write a number.",
    ),
    "an unknown half of a grade": (
        "[grades]\nfitt = { A = 10 }\n",
        f'{S}:2: grades.fitt is not a known key. Did you mean "fit"?',
    ),
    "points of companies alone": (
        "[company]\npoints = { visits-website = 1 }\n",
        f'{S}:2: company.points is not a known key. Use "bands", "cuts" or "fit".',
    ),
    "bands of companies that do not ascend": (
        "[company]\nbands = { busy = 10, quiet = 0 }\n",
        f'{S}:2: company.bands.quiet starts at 0, not above "busy" before it. List the bands from the lowest up.',
    ),
    "fit of companies without a rule": (
        "[[company.fit]]\npoints = 5\n",
        f'{S}:1: company.fit[0] has no "when". Add a rule that says whom the points are for.',
    ),
    "bands that do not ascend": (
        "[bands]\ncold = 0\nhot = 70\nwarm = 40\n",
        f'{S}:4: bands.warm starts at 40, not above "hot" before it. List the bands from the lowest up.',
    ),
    "cuts that are no numbers": (
        'cuts = [40, "70"]\n',
        f"{S}:1: cuts is not a list of numbers. Write a list, such as [40, 70].",
    ),
    "fit without a rule": (
        "[[fit]]\npoints = 5\n",
        f'{S}:1: fit[0] has no "when". Add a rule that says whom the points are for.',
    ),
    "fit without points": (
        '[[fit]]\nwhen = { field = "city", eq = "Bonn" }\n',
        f'{S}:1: fit[0] has no "points". Add points = 10, or as many as it is worth.',
    ),
    "days that are not whole": (
        'republish_after = "36h"\n',
        (
            f'{S}:1: republish_after is "36h", which is not a whole number of days. '
            'Write a number and s, m, h or d, such as "90s" or "7d".'
        ),
    ),
}

TEAM_MISTAKES = {
    "an unknown connection": (
        '[[people]]\nkey = "ada"\nusers = { crn = "7" }\n',
        f'{T}:3: people[0].users.crn names "crn", which is no connection. Did you mean "crm"?',
    ),
    "an unknown segment": (
        '[[people]]\nkey = "ada"\nsegments = ["north"]\n',
        f'{T}:3: people[0].segments names "north", which is no segment. Remove it.',
    ),
    "an unknown role": (
        '[[people]]\nkey = "ada"\nroles = ["sales",\n"markting"]\n',
        f'{T}:4: people[0].roles names "markting", which is no role. Did you mean "marketing"?',
    ),
    "a person defined twice": (
        '[[people]]\nkey = "ada"\n[[people]]\nkey = "ada"\n',
        f'{T}:4: people[1].key defines "ada" a second time. Give each person a key of their own.',
    ),
    "two people with one user": (
        '[[people]]\nkey = "ada"\nusers = { crm = "a@us" }\n[[people]]\nkey = "bob"\nusers = { crm = "A@us" }\n',
        (
            f'{T}:6: people[1].users.crm is "A@us", who is already "ada". '
            "Give each person a user of their own, or make them one person."
        ),
    ),
    "an absence without end": (
        '[[people]]\nkey = "ada"\naway = [{ from = 2026-12-24 }]\n',
        f'{T}:3: people[0].away[0] has no "to". Give both days; both are days of absence.',
    ),
    "an absence that ends before it begins": (
        '[[people]]\nkey = "ada"\naway = [{ from = 2026-12-24, to = 2026-12-01 }]\n',
        f"{T}:3: people[0].away[0].to ends before it begins. Swap the two days.",
    ),
    "a day in quotes": (
        '[[people]]\nkey = "ada"\naway = [{ from = 2026-12-24, to = "2026-12-31" }]\n',
        f"{T}:3: people[0].away[0].to is not a date. Write it as 2026-12-24, without quotes.",
    ),
    "an assignment of an unknown kind": (
        '[[assign]]\nkind = "persons"\nwhen = "blank"\n',
        f'{T}:2: assign[0].kind is "persons", which is not among its values. Did you mean "person"?',
    ),
    "an assignment without occasion": (
        '[[assign]]\nkind = "person"\n',
        f'{T}:1: assign[0] has no "when". An assignment says kind = "person" and when = "blank".',
    ),
    "an unknown occasion": (
        '[[assign]]\nkind = "person"\nwhen = "empty"\n',
        f'{T}:3: assign[0].when is "empty", which is not among its values. Use "blank" or "handover".',
    ),
}


@pytest.mark.parametrize("case", SCORING_MISTAKES)
def test_a_mistake_in_scoring_is_told_with_its_line_and_remedy(said: Said, case: str) -> None:
    text, expected = SCORING_MISTAKES[case]

    assert said(scoring=text) == [expected]


@pytest.mark.parametrize("case", TEAM_MISTAKES)
def test_a_mistake_in_the_team_is_told_with_its_line_and_remedy(said: Said, case: str) -> None:
    text, expected = TEAM_MISTAKES[case]

    assert said(team=text) == [expected]


def test_scoring_is_compiled_as_it_is_written(folder) -> None:
    text = (
        'half_life = "36h"\nrepublish_after = "14d"\ncuts = [55, 62.5]\n[points]\nvisits-website = 1.5\n'
        "[caps]\nvisits-website = 10\n[bands]\ncold = 0\nhot = 70\n"
        '[[fit]]\npoints = -5\nwhen = { field = "company.industry", in = ["Tea", "Coffee"] }\n'
    )

    assert folder.loaded(scoring=text).scoring == Scoring(
        points={"visits-website": 1.5},
        half_life_days=1.5,
        caps={"visits-website": 10.0},
        fit=(FitRule(-5.0, In("company.industry", ("Tea", "Coffee"))),),
        bands={"cold": 0.0, "hot": 70.0},
        cuts=(55.0, 62.5),
        republish_after_days=14,
    )


def test_no_scoring_file_means_no_points(folder) -> None:
    assert folder.loaded().scoring == Scoring()


def test_the_team_is_compiled_as_it_is_written(folder) -> None:
    text = (
        '[[people]]\nkey = "ada"\nname = "Ada"\nemail = "ada@us.example"\nroles = ["sales"]\nactive = false\n'
        'away = [{ from = 2026-12-24, to = 2026-12-31 }]\nusers = { crm = "17", exports = "Ada L." }\n'
        '[[assign]]\nkind = "person"\nwhen = "handover"\n'
        '[[assign]]\nkind = "company"\nwhen = "blank"\nrole = "sales"\nif = { field = "country", eq = "DE" }\n'
    )
    team = folder.loaded(team=text).team

    assert team.owners == (
        Owner(
            key="ada",
            name="Ada",
            email="ada@us.example",
            roles=frozenset({Role.SALES}),
            active=False,
            away=((date(2026, 12, 24), date(2026, 12, 31)),),
            users={"crm": "17", "exports": "Ada L."},
        ),
    )
    assert team.assignments == (
        Assignment(Kind.PERSON, "handover", None, Always()),
        Assignment(Kind.COMPANY, "blank", Role.SALES, Equals("country", "DE")),
    )
