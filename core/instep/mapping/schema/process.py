"""The schemas of `mappings/process.toml`, `scoring.toml` and `team.toml`."""

from __future__ import annotations

from instep.mapping.behaviours import HEAVIEST
from instep.mapping.library import library_names
from instep.mapping.preset import preset_names
from instep.mapping.schema.rules import RULE, rule
from instep.mapping.schema.shapes import (
    Schema,
    day,
    document,
    duration,
    either,
    flag,
    named,
    number,
    one_of,
    shared,
    table,
    tables,
    text,
    whole,
    words,
)
from instep.mapping.stages import LONGEST_DAYS, MOST_TIMES
from instep.model.entities import Kind
from instep.model.process import Actor, Half, Role


def process_schema() -> Schema:
    """`mappings/process.toml`."""
    properties = {
        "preset": one_of(preset_names(), "a process to start from; `instep process preset` lists them"),
        "libraries": words(
            "behaviours to name beside the preset's; `instep process preset` lists them",
            one_of(library_names()),
            uniqueItems=True,
        ),
        "replace_stages": flag("only the stages written here exist"),
        "key": text("the name of the process; the preset's, unless given"),
        "about": text("a sentence for readers"),
        "stages": tables(shared("stage"), "The stages that buyers go through, in order."),
        "behaviours": tables(_behaviour(), "What someone can do."),
        "segments": tables(_segment(), "Groups of buyers; a buyer belongs to the first whose rule fits."),
        "moved": tables(_moved(), "What became of renamed stages."),
        "detours": tables(_detour(), "Where a journey may wait beside the path."),
    }
    return document("The buying process", table(properties), stage=_stage(), rule=rule())


def _stage() -> Schema:
    enter = table(
        {
            "any": words("one of these behaviours is enough"),
            "all": words("every one of these behaviours is needed"),
            "times": whole("how many acts of those under any are needed", 1, MOST_TIMES),
            "within": duration("all of them within this time"),
        },
        "What a buyer does to enter; only a buyer's act may.",
    )
    counts = {"required": ["times"], "properties": {"times": {"type": "integer", "minimum": 2}}}
    enter |= {"if": counts, "then": {"required": ["any"], "properties": {"any": {"minItems": 1}}}}
    properties = {
        "key": text("the word that journeys hold; see [[moved]] before changing it"),
        "label": text("the stage in people's words"),
        "half": one_of(Half, "winning a customer, or keeping one"),
        "role": one_of(Role, "who owns the buyer here"),
        "enter": either(enter, {"type": "array", "items": enter, "description": "several ways in"}),
        "expected_days": whole("how long buyers usually stay", 1, LONGEST_DAYS),
        "win_probability": number("from 0 to 1", minimum=0, maximum=1),
        "latent": flag("true for buyers who are not looking"),
        "aliases": words("other words for it, by which it is recognised in a system's own list"),
        "after": text("the key of the stage that this one follows"),
    }
    return table(properties, "A step of the buying process.", ["key"])


def _behaviour() -> Schema:
    properties = {
        "key": text("the word for it"),
        "label": text("in people's words"),
        "actor": one_of(Actor, "who does it"),
        "weight": whole("how much commitment it shows", 0, HEAVIEST),
        "buyer_counterpart": text("for a seller's act: what the buyer does instead"),
        "same_within": either(
            duration("two systems that tell of it within this time tell of one act"), {"const": False}
        ),
    }
    return table(properties, "", ["key"])


def _segment() -> Schema:
    properties = {
        "key": text("the word for it"),
        "label": text("in people's words"),
        "when": {**RULE, "description": "who belongs to it; without it, everyone who is left"},
        "stages": tables(shared("stage"), "the segment's own list, instead of the common one"),
    }
    return table(properties, "", ["key"])


def _detour() -> Schema:
    properties = {
        "key": text("the word for it"),
        "label": text("in people's words"),
        "role": one_of(Role, "who looks after the buyer meanwhile"),
        "after": duration("it begins by itself when the buyer has done nothing for so long"),
        "ends": one_of(("act", "by-hand"), "what ends it: the buyer's next act, or only a colleague"),
    }
    return table(properties, "", ["key"])


def _moved() -> Schema:
    return table({"from": text("the old key"), "to": text("its successor")}, "", ["from", "to"])


def scoring_schema() -> Schema:
    """`mappings/scoring.toml`."""
    fit = tables(
        table(
            {"points": number("they do not fade"), "when": {**RULE, "description": "whom the points are for"}},
            "",
            ["points", "when"],
        ),
        "points for who the buyer is",
    )
    lines = {
        "bands": named(number(), "name and lower bound, listed from the lowest up"),
        "cuts": words("further scores that matter", number()),
    }
    grades = {
        "fit": named(number(), "the first half of a grade: a word and the least points for fit that it takes"),
        "engagement": named(number(), "the second half: a word and the least engagement that it takes"),
    }
    properties = {
        "points": named(number(), "by behaviour"),
        "caps": named(number(minimum=0), "the most that one behaviour may add in all, before it fades"),
        "half_life": duration("after this time points count half"),
        "fit": fit,
        **lines,
        "grades": table(grades, "fit and engagement side by side, such as A1"),
        "company": table({"fit": fit, **lines}, "how companies are scored, by what all their people did"),
        "republish_after": duration("a published score older than this is published again; whole days"),
    }
    return document("Points for what buyers do", table(properties), rule=rule())


def team_schema() -> Schema:
    """`mappings/team.toml`."""
    properties = {
        "people": tables(_person(), "Colleagues who own buyers."),
        "assign": tables(_assignment(), "When Instep gives a buyer to somebody."),
    }
    return document("Colleagues, and who they are in each system", table(properties), rule=rule())


def _person() -> Schema:
    absence = {"from": day("the first day of absence"), "to": day("the last day of absence")}
    properties = {
        "key": text("the word that Instep keeps as owner"),
        "name": text("in people's words"),
        "email": text("finds the user in every system that knows this address"),
        "roles": words("which roles they can take", one_of(Role), uniqueItems=True),
        "segments": words("only buyers of these; empty means all", uniqueItems=True),
        "active": flag("false for those who left: they get nobody new"),
        "away": tables(table(absence, "", ["from", "to"]), "days of absence, both included"),
        "users": named(text(), "who they are in each connection: an id, an e-mail address or a name there"),
    }
    return table(properties, "", ["key"])


def _assignment() -> Schema:
    properties = {
        "kind": one_of(Kind, "what is assigned"),
        "when": one_of(("blank", "handover"), "it has no owner, or its stage passes to another role"),
        "role": one_of(Role, "whom to look for; without it, the role of the stage"),
        "if": {**RULE, "description": "a rule that must hold too"},
    }
    return table(properties, "", ["kind", "when"])
