"""`mappings/scoring.toml`: points, how they fade, and the lines that matter."""

from __future__ import annotations

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
    scoring = Scoring(
        points=points,
        half_life_days=section.span("half_life", "s", 30 * 86400) / 86400,
        caps=caps,
        fit=tuple(_fit(table, uses) for table in section.tables("fit")),
        bands=_bands(section),
        cuts=_cuts(section),
        republish_after_days=section.span("republish_after", "d", 30),
    )
    section.finish()
    return scoring


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


def _fit(table: Section, uses: FactUses) -> FitRule:
    points = table.number("points")
    if not table.has("when"):
        table.mistake("MISSING_KEY", 'has no "when"', "Add a rule that says whom the points are for.")
    if not table.has("points"):
        table.mistake("MISSING_KEY", 'has no "points"', "Add points = 10, or as many as it is worth.")
    rule = FitRule(points or 0.0, take_rule(table, "when", uses.about(Kind.PERSON, company=True)))
    table.finish()
    return rule


def _bands(section: Section) -> dict[str, float]:
    table = section.table_or_empty("bands")
    found = {name: table.number(name) for name in table.data}
    bands = {name: bound for name, bound in found.items() if bound is not None}
    for (lower, bound), (name, next_bound) in pairwise(bands.items()):
        if next_bound <= bound:
            problem = f'starts at {next_bound:g}, not above "{lower}" before it'
            section.mistake("BANDS_NOT_ASCENDING", problem, "List the bands from the lowest up.", "bands", name)
    return bands


def _cuts(section: Section) -> tuple[float, ...]:
    raw = section.data.get("cuts", [])
    section.known["cuts"] = None
    cuts = [cut for cut in raw if is_number(cut)] if isinstance(raw, list) else []
    if not isinstance(raw, list) or len(cuts) < len(raw):
        section.mistake("WRONG_TYPE", "is not a list of numbers", "Write a list, such as [40, 70].", "cuts")
    return tuple(float(cut) for cut in cuts)
