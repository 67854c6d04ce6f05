"""Random workspaces with a history, and random changes of their files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from instep.contract import BehaviourGone, BehaviourSeen

from ..semantics.cases import Stage, play

STAGES = ("awareness", "interest", "research", "consideration", "decision", "purchase", "implementing")
ACTS = ("webinar", "trial", "training")
SEGMENTED = """
[[segments]]
key = "tea"
label = "Buyers of tea"
when = { field = "company.industry", eq = "Tea" }
[[segments.stages]]
key = "awareness"
[[segments.stages]]
key = "tasting"
label = "Tasting"
role = "sales"
enter = { any = ["webinar"] }
[[segments.stages]]
key = "decision"
[[segments.stages]]
key = "implemented"
[[segments]]
key = "rest"
label = "Everybody else"
"""
SCORING = """
half_life = "20d"
cuts = [15]
points = { webinar = 10, trial = 25, training = -4 }
caps = { webinar = 35 }
bands = { cold = 0, warm = 20, hot = 50 }
[[fit]]
points = 7
when = { field = "title", matches = "head|chief" }
[[fit]]
points = 5
when = { field = "company.industry", in = ["Tea", "Coffee"] }
"""
ASSIGN = (
    '[[assign]]\nkind = "person"\nwhen = "handover"\n[[assign]]\nkind = "person"\nwhen = "blank"\nrole = "sales"\n'
)


def history(root: Path, seed: int) -> Stage:
    """A workspace of two or three systems whose people did and edited something over a few weeks."""
    chance = random.Random(seed)
    stage = Stage(root)
    stage.config |= {
        "systems": chance.choice(["a b", "a b c"]),
        "coarse": chance.choice(["", "b"]),
        "process": chance.choice(["", SEGMENTED]),
        "scoring": SCORING + (GRADES if chance.random() < 0.5 else ""),
        "roles": chance.choice(["", "decision=sales,implementing=service"]),
        "assign": chance.choice(["", ASSIGN]),
        "quarantine": "tries = 5" if chance.random() < 0.2 else "tries = 5\n[guards]\nenabled = false",
    }
    systems = [stage.systems[name] for name in stage.config["systems"].split()]
    for number in range(4):
        industry = chance.choice(["Tea", "Coffee", "Bolts", None])
        systems[0].put(
            "companies", f"co{number}", name=f"Co {number}", domain=f"co{number}.example", industry=industry
        )
    for number in range(18):
        fields = {"title": chance.choice([None, "Head of tea", "Clerk"]), "city": chance.choice([None, "Bern"])}
        if chance.random() < 0.6:
            fields["stage"] = chance.choice(STAGES)
        system = chance.choice(systems[: 1 if chance.random() < 0.8 else None])
        system.put("people", f"p{number}", email=f"p{number}@x.example", first_name=f"P{number}", **fields)
        if system is systems[0] and chance.random() < 0.7:
            system.relate("people", f"p{number}", "companies", f"co{chance.randrange(4)}")
    for number in range(3):
        systems[0].put("deals", f"d{number}", name=f"Deal {number}", stage=chance.choice(STAGES))
        systems[0].relate("deals", f"d{number}", "people", f"p{chance.randrange(18)}")
    play(stage, "sync; sync")
    for _ in range(chance.randint(2, 4)):
        stage.clock.advance(days=chance.randint(1, 12))
        for _ in range(chance.randint(3, 14)):
            _happen(stage, systems, chance)
        play(stage, "sync" if chance.random() < 0.3 else "sync; sync")
    if chance.random() < 0.3:
        _happen(stage, systems, chance)
        play(stage, "sync")
    return stage


GRADES = "[grades]\nfit = { A = 7, B = 0 }\nengagement = { 1 = 30, 2 = 10, 3 = 0 }\n"


def _happen(stage: Stage, systems: list, chance: random.Random) -> None:  # type: ignore[type-arg]
    system = chance.choice(systems)
    people = [id for id, row in system.objects["people"].items() if row.state == "live"]
    if not people:
        return
    id = chance.choice(people)
    match chance.randrange(10):
        case 0:
            system.put("people", id, stage=chance.choice(STAGES))
        case 1:
            system.put("people", id, title=chance.choice([None, "Chief", "Clerk"]))
        case 2 if system.behaviours:
            gone = chance.choice(system.behaviours)
            system.behaviours.append(BehaviourGone(gone.id))
        case 3:
            deals = [d for d, row in systems[0].objects["deals"].items() if row.state == "live"]
            systems[0].put("deals", chance.choice(deals), stage=chance.choice([*STAGES, "Won", "Lost"]))
        case _:
            number = len(system.behaviours)
            at = stage.clock.now - timedelta(hours=chance.randint(0, 24 * 20))
            subjects = [("people", id)]
            if chance.random() < 0.15:
                subjects = [("companies", "co1")] if system is systems[0] else subjects
            actor = "buyer" if chance.random() < 0.85 else "seller"
            act = BehaviourSeen(
                f"{system.name}{number}", "act", at, actor, tuple(subjects), None, {"what": chance.choice(ACTS)}
            )  # fmt: skip
            system.behaviours.append(act)


def changes(stage: Stage, seed: int) -> Iterator[dict[str, str]]:
    """Random changes of what the files say, each as the words of `Stage.config` that it changes."""
    chance = random.Random(seed)
    scoring = stage.config["scoring"]
    process = stage.config["process"]
    yield {}
    yield {"scoring": scoring.replace("webinar = 10", f"webinar = {chance.randint(1, 60)}")}
    yield {"scoring": scoring.replace('"20d"', f'"{chance.randint(2, 90)}d"').replace("webinar = 35", "webinar = 12")}
    yield {
        "scoring": scoring.replace("warm = 20", f"warm = {chance.randint(1, 49)}").replace(
            "points = 7", "points = 19"
        )
    }
    yield {"scoring": ""}
    yield {"process": process + _entry(chance)}
    yield {"process": process + _entry(chance), "scoring": scoring.replace("trial = 25", "trial = 5")}
    yield {"assign": chance.choice(["", ASSIGN]), "team": "bob ann"}
    yield {"coarse": "" if stage.config["coarse"] else "b", "process": process + _entry(chance)}


def _entry(chance: random.Random) -> str:
    """A random rule for entering a stage, or two."""
    ways = [_way(chance) for _ in range(chance.randint(1, 2))]
    enter = ways[0] if len(ways) == 1 else f"[{', '.join(ways)}]"
    key = chance.choice(["interest", "research", "purchase", "achievement"])
    return f'\n[[stages]]\nkey = "{key}"\nenter = {enter}\n'


def _way(chance: random.Random) -> str:
    acts = sorted(chance.sample(ACTS, chance.randint(1, 2)))
    names = ", ".join(f'"{act}"' for act in acts)
    within = f', within = "{chance.randint(1, 15)}d"' if chance.random() < 0.5 else ""
    if len(acts) > 1 and chance.random() < 0.5:
        return f"{{ all = [{names}]{within} }}"
    return f"{{ any = [{names}], times = {chance.randint(1, 3)}{within} }}"
