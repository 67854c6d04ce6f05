"""`mappings/scoring.toml`: points, how they fade, and the lines that matter."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from instep.mapping.facts import FactUses
from instep.mapping.rules import take_rule
from instep.mapping.section import Section, is_number
from instep.model.entities import Kind
from instep.model.process import Process
from instep.model.scoring import FitRule, Scoring


def read_scoring(section: Section, process: Process, uses: FactUses) -> Scoring:
    """The scoring that a file describes."""
    points = _by_behaviour(section, "points", process)
    caps = _by_behaviour(section, "caps", process)
    for name in caps:
        if name not in points:
            section.mistake(
                "CAP_WITHOUT_POINTS", "limits points that are not given", "Add points for it.", "caps", name
            )
        elif caps[name] < 0:
            section.mistake("OUT_OF_RANGE", f"is {caps[name]:g}", "Write how much at most, as 20.", "caps", name)
    grades = section.table_or_empty("grades")
    scoring = Scoring(
        points=points,
        half_life_days=section.span("half_life", "s", 30 * 86400) / 86400,
        caps=caps,
        fit=tuple(_fit(table, uses, Kind.PERSON) for table in section.tables("fit")),
        bands=_bands(section),
        cuts=_cuts(section),
        republish_after_days=section.span("republish_after", "d", 30),
        fit_grades=_bounds(grades, "fit"),
        engagement_grades=_bounds(grades, "engagement"),
    )
    grades.finish()
    company = section.table("company")
    section.finish()
    return scoring if company is None else replace(scoring, company=_of_companies(company, scoring, uses))


def _of_companies(section: Section, scoring: Scoring, uses: FactUses) -> Scoring:
    """How companies are scored: the same acts and fading, their own fit and lines."""
    bands, cuts = _bands(section), _cuts(section)
    found = replace(
        scoring,
        fit=tuple(_fit(table, uses, Kind.COMPANY) for table in section.tables("fit")),
        bands=bands if section.has("bands") else scoring.bands,
        cuts=cuts if section.has("cuts") else scoring.cuts,
        fit_grades={},
        engagement_grades={},
    )
    section.finish()
    return found


def _by_behaviour(section: Section, key: str, process: Process) -> dict[str, float]:
    table = section.table_or_empty(key)
    known = [behaviour.key for behaviour in process.behaviours]
    found: dict[str, float] = {}
    for name in table.data:
        number = table.number(name)
        if name not in known:
            table.unknown("behaviour", name, known, name)
        elif number is not None:
            found[name] = number
    return found


def _fit(table: Section, uses: FactUses, kind: Kind) -> FitRule:
    points = table.number("points")
    if not table.has("when"):
        table.mistake("MISSING_KEY", 'has no "when"', "Add a rule that says whom the points are for.")
    if not table.has("points"):
        table.mistake("MISSING_KEY", 'has no "points"', "Add points = 10, or as many as it is worth.")
    rule = FitRule(points or 0.0, take_rule(table, "when", uses.about(kind, company=kind is Kind.PERSON)))
    table.finish()
    return rule


def _bands(section: Section) -> dict[str, float]:
    bands = _named(section, "bands")
    for (lower, bound), (name, next_bound) in pairwise(bands.items()):
        if next_bound <= bound:
            problem = f'starts at {next_bound:g}, not above "{lower}" before it'
            section.mistake("BANDS_NOT_ASCENDING", problem, "List the bands from the lowest up.", "bands", name)
    return bands


def _bounds(section: Section, key: str) -> dict[str, float]:
    """Words with the least that each takes, in any order."""
    bounds = _named(section, key)
    for place, (name, bound) in enumerate(bounds.items()):
        if bound in list(bounds.values())[:place]:
            section.mistake("TWICE", f"starts at {bound:g}, like another", "Give each its own bound.", key, name)
    return bounds


def _named(section: Section, key: str) -> dict[str, float]:
    table = section.table_or_empty(key)
    found = {name: table.number(name) for name in table.data}
    return {name: bound for name, bound in found.items() if bound is not None}


def _cuts(section: Section) -> tuple[float, ...]:
    raw = section.data.get("cuts", [])
    section.known["cuts"] = None
    cuts = [cut for cut in raw if is_number(cut)] if isinstance(raw, list) else []
    if not isinstance(raw, list) or len(cuts) < len(raw):
        section.mistake("WRONG_TYPE", "is not a list of numbers", "Write a list, such as [40, 70].", "cuts")
    return tuple(float(cut) for cut in cuts)
