"""Reads the tables of `docs/reference/semantics/` and plays each row against real runs.

A row has a number, what is given, what happens, and what follows. Steps and claims are separated by `;`:

    a.jane title=CTO stage=research     a user of system a writes these fields (creating the record if need be)
    a.jane -title                       … clears a field
    a.jane deleted · a.jane merged into a.joan · a.jane in a.acme · a.jane not in a.acme
    a.deal1 of a.jane                   the deal's people (… not of a.jane)
    a.lead_jane title=CTO · a.lead_jane converted into a.jane     with `files: a has leads = yes`
    jane did webinar 2d ago [about a.deal1] [bringing joan] · b.jane did webinar 2d ago (b tells of it)
    jane withdrew act1 (the first act that the system told of)
    a.jane opts in · a hides title · a lacks title · a locks title · a offers title=CTO|CEO
    a trims · a sets back title=X · a refuses title=X · a loses an answer
    jane title is decided for b [as X]    a person resolves the latest conflict · a takes title again
    a knows owner ann [inactive] · a is logged in to as ann · files: KEY = VALUE · forget everything · sync · 3d pass
    undo · undo the run before [before …] · undo with deletes    (of the last run that wrote something)

Claims: `b.jane title=CTO`, `b.jane has no title`, `no b.jane`, `jane stage=research`, `jane title=CTO as of run 2`,
`writes 0`, `writes b=1`, `1 conflict`, `1 open`, `2 decided`, `1 resolved`,
`joan was brought by jane`, `jane is first buyer of acme`, `because: text` (beside an act of hearing a stage),
`reported: text`, `left: text` (by an undo), `lost: a title=CTO`, `refused`.
"""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from instep.contract import BehaviourGone, BehaviourSeen, Consent, Scalar, SystemOwner
from instep.errors import InstepError
from instep.mapping.compiled import Workspace
from instep.mapping.load import load_workspace
from instep.model.values import display
from instep.store import Store
from instep.sync.allow import allow
from instep.sync.conflicts import Kept, read_conflicts
from instep.sync.explain import explain
from instep.sync.lookup import find_entity
from instep.sync.resolve import resolve_one
from instep.sync.run import Outcome, sync, undo
from instep.sync.transport import World, nothing

from .memory import Clock, System, plugin_finder

PROCESS = """
preset = "b2b-11"
[[behaviours]]
key = "webinar"
label = "Attends a webinar"
[[behaviours]]
key = "trial"
label = "Starts a trial"
[[behaviours]]
key = "training"
label = "Takes training"
[[behaviours]]
key = "brings"
label = "Brings another buyer"
[[behaviours]]
key = "demo-call"
label = "Rep calls"
actor = "seller"
"""

ENTITIES = """
[person]
objects = ["people"]
create_as = "people"
match = ["instep_id", "email"]
create = "always"
speaks_for = {speaks_for}
[person.stages]
field = "stage"
{person_stages}
[person.fields]
email = "email"
first_name = "first_name"
title = "title"
city = "city"
tags = {{ field = "tags", type = "choices", law = "union" }}
rank = {{ field = "rank", type = "number", law = "max" }}
owner = "owner"
score = {{ field = "score", direction = "out" }}
instep_stage = {{ field = "exact_stage", direction = "out" }}
[person.relations]
company = "companies"
[person.consent]
scope = "all"

[company]
objects = ["companies"]
create_as = "companies"
match = ["instep_id", "domain"]
create = "always"
speaks_for = {speaks_for}
[company.fields]
name = "name"
domain = "domain"
industry = "industry"

[opportunity]
objects = ["deals"]
create_as = "deals"
match = ["instep_id", "name"]
create = "always"
speaks_for = {speaks_for}
[opportunity.stages]
field = "stage"
{deal_stages}
outcomes = {{ won = "Won", lost = "Lost", no_decision = "Nothing" }}
[opportunity.fields]
name = "name"
amount = {{ field = "amount", currency_field = "currency", currency = "USD" }}
close_date = "close_date"
owner = "owner"
[opportunity.relations]
company = "companies"
people = "people"

[[behaviours]]
kind = "act"
behaviour = "webinar"
where = {{ field = "what", eq = "webinar" }}
[[behaviours]]
kind = "act"
behaviour = "trial"
where = {{ field = "what", eq = "trial" }}
[[behaviours]]
kind = "act"
behaviour = "training"
where = {{ field = "what", eq = "training" }}
[[behaviours]]
kind = "act"
behaviour = "brings"
where = {{ field = "what", eq = "brings" }}
refers = "friend"
"""

FINE = [
    "sidelines", "awareness", "interest", "research", "consideration", "decision", "purchase",
    "implementing", "implemented", "achievement", "loyal-customer",
]  # fmt: skip
EXACT = "values = { " + ", ".join(f'{key} = "{key}"' for key in FINE) + " }"
COARSE = (
    'values = { awareness = "Lead", interest = "Lead", research = "Lead", consideration = "Qualified", '
    'decision = "Qualified", purchase = "Customer", implementing = "Customer" }\n'
    'lands_on = { Lead = "interest", Qualified = "consideration", Customer = "purchase" }'
)
STAGED = '\ninstep_stage = { field = "exact_stage", direction = "out" }'
TEA = """
[[segments]]
key = "tea"
label = "Buyers of tea"
when = { field = "company.industry", eq = "Tea" }
"""
ENTER = {"consideration": "webinar", "decision": "trial", "implemented": "training"}
OBJECTS = {"lead": "leads", "deal": "deals", "acme": "companies", "bolt": "companies", "co": "companies"}


@cache
def empty_state() -> bytes:
    """A state that nothing has been kept in yet; migrating one costs more than playing a row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        Store(path).close()
        return path.read_bytes()


@dataclass
class Stage:
    """The systems of one case, and everything that can be done to them."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    systems: dict[str, System] = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)
    loaded: tuple[dict[str, str], Workspace] | None = None
    outcome: Outcome | None = None
    error: InstepError | None = None
    written: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.systems = {name: System(name, self.clock) for name in ("a", "b", "c")}
        self.config = {"systems": "a b"}

    # --- files ---

    def write_files(self) -> None:
        names = self.config["systems"].split()
        (self.root / "mappings").mkdir(exist_ok=True)
        connections = [f'[connections.{n}]\nplugin = "memory"\nsystem = "{n}"\n' for n in names]
        quarantine = f"[quarantine]\n{self.config['quarantine']}\n" if "quarantine" in self.config else ""
        (self.root / "sync.toml").write_text("\n".join([quarantine, *connections]))
        (self.root / "mappings" / "process.toml").write_text(
            PROCESS + self._stages() + self._segments() + self.config.get("process", "")
        )
        (self.root / "mappings" / "team.toml").write_text(self._team())
        (self.root / "mappings" / "scoring.toml").write_text(self.config.get("scoring", ""))
        for name in names:
            (self.root / "mappings" / f"{name}.toml").write_text(self._mapping(name))

    def _stages(self) -> str:
        roles = self.config.get("roles", "")
        given = dict(part.split("=") for part in roles.split(",")) if roles else {}
        text = ""
        for key in FINE:
            lines = [f'[[stages]]\nkey = "{key}"']
            if key in ENTER:
                lines.append(f'enter = {{ any = ["{ENTER[key]}"] }}')
            if key in given:
                lines.append(f'role = "{given[key]}"')
            text += "\n".join(lines) + "\n" if len(lines) > 1 else ""
        extra = self.config.get("extra")
        return text + (f'[[stages]]\nkey = "{extra}"\nlabel = "{extra}"\nhalf = "retention"\n' if extra else "")

    def _segments(self) -> str:
        return TEA if any(key.endswith(" has pipelines") for key in self.config) else ""

    def _team(self) -> str:
        people = self.config.get("team", "ann bob").split()
        text = "".join(
            f'[[people]]\nkey = "{p}"\nname = "{p.title()}"\nemail = "{p}@us.example"\nroles = ["sales"]\n'
            for p in people
        )
        return text + self.config.get("assign", "")

    def _mapping(self, name: str) -> str:
        coarse = name in self.config.get("coarse", "").split()
        stages = COARSE if coarse else EXACT
        speaks = self.config.get(f"{name} speaks for", "marketing, sales, service, services")
        roles = "[" + ", ".join(f'"{role.strip()}"' for role in speaks.split(",") if role.strip()) + "]"
        extra = self.config.get("extra")
        stages = stages.replace(" }", f', {extra} = "{extra}" }}', 1) if extra and not coarse else stages
        text = ENTITIES.format(speaks_for=roles, person_stages=stages, deal_stages=stages)
        for key, value in self.config.items():
            if key == "law of industry":
                key_word, owner = value.split(" ")
                text = text.replace(
                    'industry = "industry"', f'industry = {{ field = "industry", {key_word} = "{owner}" }}'
                )
            elif key.startswith("law of "):
                text = self._with_law(text, key.removeprefix("law of "), value)
        return self._with_options(text, name)

    def _with_options(self, text: str, name: str) -> str:
        for key, value in self.config.items():
            if key == f"{name} hears also":
                text += f'\n[[behaviours]]\nkind = "{value}"\nbehaviour = "trial"\n'
            if key == f"{name} detours":
                text = text.replace('.stages]\nfield = "stage"\n', f'.stages]\nfield = "stage"\ndetours = {value}\n')
            if key == f"{name} stages also have":
                text = text.replace('.stages]\nfield = "stage"\n', f'.stages]\nfield = "stage"\n{value}\n')
            if key == "told":
                shown = "\n".join(f'{told} = {{ field = "{told}", direction = "out" }}' for told in value.split())
                text = text.replace(STAGED.lstrip(), f"{STAGED.lstrip()}\n{shown}")
            if key == "companies are told":
                shown = "\n".join(f'{told} = {{ field = "{told}", direction = "out" }}' for told in value.split())
                text = text.replace("[company.fields]", f"[company.fields]\n{shown}")
            if key == f"{name} include":
                text = text.replace(
                    'match = ["instep_id", "email"]', f'match = ["instep_id", "email"]\ninclude = {value}'
                )
            if key == f"{name} blanks of title":
                text = text.replace('title = "title"', f'title = {{ field = "title", blanks = "{value}" }}')
            if key == "companies have stages":
                table = text.split("[person.stages]\n")[1].split("[person.fields]")[0]
                text = text.replace("[company.fields]", f"[company.stages]\n{table}[company.fields]{STAGED}")
            if key == "stages prefer":
                order = ", ".join(f'"{part}"' for part in value.split(">"))
                text = text.replace('.stages]\nfield = "stage"\n', f'.stages]\nfield = "stage"\nprefer = [{order}]\n')
            if key == f"{name} has no outcomes":
                text = text.replace('outcomes = { won = "Won", lost = "Lost", no_decision = "Nothing" }\n', "")
            if key == f"{name} has pipelines":
                text = self._with_pipelines(text)
            if key == f"{name} only reads title":
                entry = f'title = {{ field = "title", direction = "in", blanks = "{value}" }}'
                text = text.replace('title = "title"', entry)
            if key == f"{name} has leads":
                text = text.replace('objects = ["people"]', 'objects = ["people", "leads"]')
                text = text.replace('create_as = "people"', 'create_as = "leads"')
            if key == f"{name} creates as":
                text = text.replace('create_as = "leads"', f"create_as = {value}")
            if key == f"{name} city":
                text = text.replace('city = "city"', f"city = {{ field = {value} }}")
            if key == f"{name} also":
                text = text.replace('decision = "decision"', f'decision = ["decision", "{value}"]')
                text = text.replace('lost = "Lost"', 'lost = ["Lost", "Given up"]')
            if key == f"{name} nobody":
                text = text.replace('owner = "owner"', f'owner = {{ field = "owner", nobody = ["{value}"] }}')
            if key == f"{name} deal requires":
                text = text.replace(
                    "[opportunity.relations]", f"[opportunity.required]\n{value}\n[opportunity.relations]"
                )
            if key == f"{name} requires":
                text = text.replace("[person.relations]", f"[person.required]\n{value}\n[person.relations]")
            if key == f"{name} creates if":
                text = text.replace('create = "always"', f"create = {value}")
            if key == f"{name} relates nothing":
                text = text.replace('company = "companies"\n', "").replace('people = "people"\n', "")
            if key == f"{name} erases":
                text = text.replace("[person]\n", f'[person]\nerase = "{value}"\n', 1)
            if key == f"{name} creates":
                text = text.replace('create = "always"', f'create = "{value}"')
            if key == f"{name} values of industry":
                text = text.replace('industry = "industry"', 'industry = { field = "industry" }')
                text = text.replace(
                    'industry = { field = "industry"', f'industry = {{ field = "industry", values = {value}'
                )
            if key == f"{name} keeps consent in":
                text = text.replace('scope = "all"', f'scope = "all"\nfield = "{value}"\nout_values = ["yes"]')
            if key == f"{name} currency":
                money = f'amount = {{ field = "amount", currency = "{value}" }}'
                text = text.replace(
                    'amount = { field = "amount", currency_field = "currency", currency = "USD" }', money
                )
        return text

    @staticmethod
    def _with_pipelines(text: str) -> str:
        """Deals in two pipelines: one for buyers of the segment "tea", one for the rest."""
        head, _, rest = text.partition('[opportunity.stages]\nfield = "stage"\n')
        table, _, tail = rest.partition("[opportunity.fields]")
        lines = ['[opportunity.stages_in]\nfield = "stage"\npipeline_field = "pipeline"\n']
        lines += [f'[opportunity.pipelines.main]\npipeline = "Main"\n{table}']
        other = re.sub(r'= "([a-z-]+)"(?=[,\s])', r'= "t-\1"', table)
        lines += [f'[opportunity.pipelines.tea]\npipeline = "Tea"\nsegments = ["tea"]\n{other}']
        return f"{head}{''.join(lines)}[opportunity.fields]{tail}"

    @staticmethod
    def _with_law(text: str, name: str, law: str) -> str:
        key, value = law.split(" ", 1) if " " in law else ("law", law)
        spelled = f'["{value}"]' if key == "prefer" else f'"{value}"'
        spelled = "[" + ", ".join(f'"{part}"' for part in value.split(">")) + "]" if key == "prefer" else spelled
        return re.sub(
            rf'^{name} = "{name}"$', f'{name} = {{ field = "{name}", {key} = {spelled} }}', text, flags=re.M
        )

    # --- runs ---

    def world(self, boundary: Callable[[str], None] = nothing) -> World:
        """What a run is handed: this case's clock and systems, and a hook at every effect."""
        finder = plugin_finder(self.systems)
        return World(clock=self.clock, sleep=lambda seconds: None, find_plugin=finder, boundary=boundary)

    def workspace(self) -> Workspace:
        """The files as they are now; read again only if something in them is to change."""
        if self.loaded is None or self.loaded[0] != self.config:
            self.write_files()
            self.loaded = dict(self.config), load_workspace(self.root)
        return self.loaded[1]

    def sync(self, boundary: Callable[[str], None] = nothing) -> None:
        world = self.world(boundary)
        self._run(lambda: sync(self.workspace(), world, first_run="apply"))

    def undo(self, *, back: int = 0, delete_created: bool = False) -> None:
        """Take back the last run that wrote something, or one of those before it."""
        with Store(self.root / ".instep" / "state.db") as store:
            runs = store.rows("SELECT DISTINCT run FROM journal ORDER BY run DESC")
        run, world = runs[back][0], self.world()
        self._run(lambda: undo(self.workspace(), world, run, delete_created=delete_created, write=True))

    def _run(self, run: Callable[[], Outcome]) -> None:
        for system in self.systems.values():
            system.writes.clear()
        self.error = None
        state = self.root / ".instep" / "state.db"
        if not state.parent.exists():
            state.parent.mkdir()
            state.write_bytes(empty_state())
        try:
            self.outcome = run()
            assert self.outcome.unaccounted == 0, self.outcome.account
        except InstepError as error:
            self.error = error
        self.written = {name: len(system.writes) for name, system in self.systems.items()}
        self.clock.advance(minutes=1)

    def object_of(self, name: str) -> str:
        return next((o for prefix, o in OBJECTS.items() if name.startswith(prefix)), "people")

    def find(self, system: str, name: str) -> str | None:
        """The record of that name, or the one that carries its natural key."""
        object = self.object_of(name)
        rows = self.systems[system].live(object)
        if name in rows:
            return name
        mail = f"{name.removeprefix('lead_')}@x.example"
        key = {"people": ("email", mail), "leads": ("email", mail), "companies": ("domain", f"{name}.example")}
        wanted = key.get(object, ("name", name))
        return next((id for id, row in rows.items() if row.fields.get(wanted[0]) == wanted[1]), None)

    def entity_id(self, name: str) -> str:
        """The `instep_id` of an entity, by the name of a record."""
        with Store(self.root / ".instep" / "state.db") as store:
            return str(find_entity(store, str(next(iter(self.natural(name).values()))))[0][0])

    def conflicts(self) -> list[Kept]:
        """Every conflict that is kept, the open ones first."""
        with Store(self.root / ".instep" / "state.db") as store:
            return read_conflicts(store)

    def decide(self, name: str, field: str, *, take: str | None = None, value: str | None = None) -> None:
        """Decide the latest conflict about a field of an entity, as a person does."""
        entity = self.entity_id(name)
        latest = max(k.id for k in self.conflicts() if (k.entity, k.conflict.field) == (entity, field))
        resolve_one(self.workspace(), self.world(), latest, take=take, value=value)

    def natural(self, name: str) -> dict[str, Scalar]:
        match self.object_of(name):
            case "people" | "leads":
                return {"email": f"{name.removeprefix('lead_')}@x.example"}
            case "companies":
                return {"domain": f"{name}.example", "name": name}
        return {"name": name}


# --- steps -----------------------------------------------------------------------------------------------------


def play(stage: Stage, steps: str) -> None:
    for step in filter(None, (part.strip() for part in steps.split(";"))):
        _step(stage, step)


def _step(stage: Stage, step: str) -> None:
    if step == "sync":
        return stage.sync()
    if step.startswith("undo"):
        return stage.undo(back=step.count("before"), delete_created="deletes" in step)
    if match := re.fullmatch(r"(\w+) allowed in (\w)", step):
        key = str(next(iter(stage.natural(match[1]).values())))
        allow(stage.workspace(), stage.world(), key, match[2])
        return None
    if step == "forget everything":
        for path in (stage.root / ".instep").glob("*"):
            path.unlink()
        return None
    if match := re.fullmatch(r"(\d+)(d|h|m) pass", step):
        unit = {"d": "days", "h": "hours", "m": "minutes"}[match[2]]
        return stage.clock.advance(**{unit: int(match[1])})
    if match := re.fullmatch(r"files: (.+?) = (.*)", step):
        stage.config[match[1]] = match[2].replace(" // ", "\n")
        return None
    if match := re.fullmatch(
        r"([\w.]+) did (\w[\w-]*) (\d+)(d|m) (ago|ahead)(?: about (\w)\.(\w+))?(?: bringing (\w+))?", step
    ):
        return _behave(stage, match)
    if match := re.fullmatch(r"(?:(\w)\.)?\w+ withdrew (\w+)", step):
        stage.systems[match[1] or "a"].behaviours.append(BehaviourGone(match[2]))
        return None
    if match := re.fullmatch(r"(\w) (hides|shows) (\w+)", step):
        hidden = stage.systems[match[1]].hidden
        return hidden.add(match[3]) if match[2] == "hides" else hidden.discard(match[3])
    if match := re.fullmatch(r"(\w) (lacks|locks) ([\w.]+)", step):
        system = stage.systems[match[1]]
        return (system.lacks if match[2] == "lacks" else system.locks).add(match[3])
    if match := re.fullmatch(r"(\w) offers (\w+)=(.+)", step):
        stage.systems[match[1]].offers[match[2]] = tuple(match[3].split("|"))
        return None
    if match := re.fullmatch(r"(\w) (trims|loses an answer)", step):
        system = stage.systems[match[1]]
        system.trims, system.lose_answers = (True, 0) if match[2] == "trims" else (system.trims, 1)
        return None
    if match := re.fullmatch(r"(\w) is (down|up)", step):
        stage.systems[match[1]].down = match[2] == "down"
        return None
    if match := re.fullmatch(r"(\w) (sets back|refuses) (\w+)=(.+)", step):
        target = stage.systems[match[1]].overrides if match[2] == "sets back" else stage.systems[match[1]].refuse
        target[match[3]] = value_of(match[4])  # type: ignore[assignment,index]
        return None
    if match := re.fullmatch(r"(\w) is logged in to as (\w+)", step):
        stage.systems[match[1]].login = f"u-{match[2]}"
        return None
    if match := re.fullmatch(r"(\w) takes (\w+) again", step):
        stage.systems[match[1]].refuse.pop(match[2])
        return None
    if match := re.fullmatch(r"(\w+) (\w+) is decided (for|as) (.+)", step):
        return stage.decide(match[1], match[2], **{"take" if match[3] == "for" else "value": match[4]})
    if match := re.fullmatch(r"(\w) knows owner (\w+)( inactive)?", step):
        users = [user for user in stage.systems[match[1]].users if user.id != f"u-{match[2]}"]
        user = SystemOwner(f"u-{match[2]}", match[2].title(), f"{match[2]}@us.example", active=not match[3])
        stage.systems[match[1]].users = [*users, user]
        return None
    if match := re.fullmatch(r"(\w)\.(\w+)(.*)", step):
        return _act(stage, match[1], match[2], match[3].strip())
    raise ValueError(f"no such step: {step!r}")


def _behave(stage: Stage, match: re.Match[str]) -> None:
    who, what, number, unit, when = match[1], match[2], int(match[3]), match[4], match[5]
    name, person = who.split(".") if "." in who else ("a", who)
    delta = timedelta(**{"days" if unit == "d" else "minutes": number})
    at = stage.clock.now - delta if when == "ago" else stage.clock.now + delta
    system = stage.systems[name]
    record = stage.find(name, person)
    subjects = [(stage.object_of(person), record)] if record else []
    if match[6]:
        subjects.append((stage.object_of(match[7]), stage.find(match[6], match[7])))
    details: dict[str, Scalar] = {"what": what, "friend": f"{match[8]}@x.example" if match[8] else None}
    seen = BehaviourSeen(
        f"act{len(system.behaviours) + 1}",
        "act",
        at,
        "buyer",
        tuple(subjects),  # type: ignore[arg-type]
        None,
        details,
    )
    system.behaviours.append(seen)


def _act(stage: Stage, name: str, record: str, rest: str) -> None:
    system, object = stage.systems[name], stage.object_of(record)
    id = stage.find(name, record) or record
    if rest == "deleted":
        return system.delete(object, id)
    if match := re.fullmatch(r"merged into (\w)\.(\w+)", rest):
        return system.merge(object, id, stage.find(name, match[2]) or match[2])
    if match := re.fullmatch(r"converted into (\w)\.(\w+)", rest):
        return system.convert(id, stage.find(name, match[2]) or match[2])
    if match := re.fullmatch(r"(not )?(?:in|of) (\w)\.(\w+)", rest):
        end = stage.find(name, match[3]) or match[3]
        if match[1]:
            return system.unrelate(object, id, stage.object_of(match[3]), end)
        return system.relate(
            object, id, stage.object_of(match[3]), end, primary=stage.object_of(match[3]) != "people"
        )
    if rest == "opts in":
        system.explicit[id] = [Consent("all", "in", stage.clock.now, "preference page", explicit=True)]
        return system.put(object, id, optout=None)
    if rest == "moves to another org":
        system.org = "elsewhere"
        return None
    fields: dict[str, Scalar] = {} if stage.find(name, record) else stage.natural(record)
    for part in re.findall(r'-\w+|\w+="[^"]*"|\w+=\S+', rest):
        if part.startswith("-"):
            fields[part[1:]] = None
        else:
            key, value = part.split("=", 1)
            value = stage.entity_id(value[1:]) if value.startswith("@") else value
            fields[key] = value_of(value.strip('"') if value.startswith('"') else value)
    return system.put(object, id, **fields)


def value_of(text: str) -> Scalar:
    if text in ("yes", "true"):
        return True
    if text in ("no", "false"):
        return False
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return date.fromisoformat(text)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return Decimal(text)
    if "|" in text:
        return tuple(text.split("|"))
    return text


# --- claims ----------------------------------------------------------------------------------------------------


def claims(stage: Stage, text: str) -> list[str]:
    """Every claim that does not hold, as a sentence; nothing when all hold."""
    return [wrong for part in text.split(";") if (claim := part.strip()) and (wrong := _wrong(stage, claim))]


def _wrong(stage: Stage, claim: str) -> str | None:
    if match := re.fullmatch(r"stops: (.+)", claim):
        return None if stage.error and match[1] in str(stage.error) else f"{claim}: got {stage.error!r}"
    if stage.error is not None:
        return f"{claim}: the run failed: {stage.error}"
    if match := re.fullmatch(r"writes (\d+)", claim):
        total = sum(stage.written.values())
        return None if total == int(match[1]) else f"{claim}: wrote {[s.writes for s in stage.systems.values()]}"
    if match := re.fullmatch(r"writes (\w)=(\d+)", claim):
        got = stage.systems[match[1]].writes
        return None if len(got) == int(match[2]) else f"{claim}: wrote {got}"
    if match := re.fullmatch(r"no (\w)\.(\w+)", claim):
        return None if stage.find(match[1], match[2]) is None else f"{claim}: it is there"
    if match := re.fullmatch(r"(\d+) conflicts?", claim):
        assert stage.outcome is not None
        got = sum(account["conflicts"] for account in stage.outcome.account.values())
        return None if got == int(match[1]) else f"{claim}: {got}"
    if match := re.fullmatch(r"(\d+) (open|decided|resolved)", claim):
        kept = [k.state for k in stage.conflicts()]
        return None if kept.count(match[2]) == int(match[1]) else f"{claim}: {kept}"
    if match := re.fullmatch(r"(reported|waits): (.+)", claim):
        return _unreported(stage, match[1], match[2])
    if match := re.fullmatch(r"left: (.+)", claim):
        assert stage.outcome is not None
        left = [f"{one['record']} {one['what']}: {one['why']}" for one in stage.outcome.plan.left]
        return None if any(match[1] in one for one in left) else f"{claim}: left {left}"
    if claim == "nothing left":
        assert stage.outcome is not None
        return f"{claim}: {stage.outcome.plan.left}" if stage.outcome.plan.left else None
    if match := re.fullmatch(r"says nothing of (.+)", claim):
        assert stage.outcome is not None
        said = [note["text"] for note in stage.outcome.notes]
        return f"{claim}: said {said}" if any(match[1] in text for text in said) else None
    if match := re.fullmatch(r"(\w+) (\d+) of (\w)", claim):
        assert stage.outcome is not None
        account = stage.outcome.account[match[3]]
        got = sum(account[match[1]].values()) if isinstance(account[match[1]], dict) else account[match[1]]
        return None if got == int(match[2]) else f"{claim}: {account}"
    if match := re.fullmatch(r"lost: (.+)", claim):
        return _not_lost(stage, match[1])
    if match := re.fullmatch(r"(\w)\.(\w+) (?:is )?(not )?(?:in|of) (\w)\.(\w+)", claim):
        return _unrelated(stage, match)
    if match := re.fullmatch(r"(\w+) was brought by (\w+)( for (\w+))?", claim):
        return _not_brought(stage, match)
    if match := re.fullmatch(r"(\w+) is (not )?first buyer of (\w+)", claim):
        query = "SELECT to_entity FROM relation WHERE name = 'first_buyer' AND entity = ?"
        found = _asked(stage, query, stage.entity_id(match[3])) == [(stage.entity_id(match[1]),)]
        return None if found is not bool(match[2]) else f"{claim}: {found}"
    if match := re.fullmatch(r"because: (.+)", claim):
        notes = [note for (note,) in _asked(stage, "SELECT note FROM claim WHERE accepted = 1 AND note <> ''")]
        return None if match[1] in notes else f"{claim}: noted {notes}"
    if match := re.fullmatch(r"(\w)\.(\w+) has no (\w+)", claim):
        got_value = _held(stage, match[1], match[2], match[3])
        return None if got_value in (None, "", False) else f"{claim}: {display(got_value)}"
    if match := re.fullmatch(r'(\w)\.(\w+) (\w+)=("?)(.*?)\4', claim):
        wanted, got_value = value_of(match[5]), _held(stage, match[1], match[2], match[3])
        return None if got_value == wanted or str(got_value) == match[5] else f"{claim}: {display(got_value)}"
    if match := re.fullmatch(r"(\w+) (\w+)=(.*) as of run (\d+)", claim):
        got_text = _canonical(stage, match[1], match[2], int(match[4]))
        return None if got_text == match[3] else f"{claim}: {got_text}"
    if match := re.fullmatch(r"(\w+) (\w+)=(.*)", claim):
        got_text = _canonical(stage, match[1], match[2])
        return None if got_text == match[3] else f"{claim}: {got_text}"
    raise ValueError(f"no such claim: {claim!r}")


def _asked(stage: Stage, query: str, *given: str) -> list[tuple[Any, ...]]:
    with Store(stage.root / ".instep" / "state.db") as store:
        return store.rows(query, given)


def _not_brought(stage: Stage, match: re.Match[str]) -> str | None:
    told = _asked(stage, "SELECT doer, value, journey FROM claim WHERE type = 'referral' AND ended IS NULL")
    wanted = stage.entity_id(match[1]), stage.entity_id(match[2])
    found = [journey for doer, by, journey in told if (doer, by) == wanted]
    if match[4]:
        found = [journey for journey in found if journey == stage.entity_id(match[4])]
    return None if found else f"{match[0]}: told are {told}"


def _held(stage: Stage, system: str, record: str, name: str) -> Any:
    id = stage.find(system, record)
    if id is None:
        return f"(no record {system}.{record})"
    return stage.systems[system].objects[stage.object_of(record)][id].fields.get(name)


def _unrelated(stage: Stage, match: re.Match[str]) -> str | None:
    id, end = stage.find(match[1], match[2]), stage.find(match[4], match[5])
    related = stage.systems[match[1]].objects[stage.object_of(match[2])][str(id)].related
    there = (stage.object_of(match[5]), str(end)) in related
    return None if there != bool(match[3]) else f"{match[0]}: {related}"


def _unreported(stage: Stage, kind: str, text: str) -> str | None:
    assert stage.outcome is not None
    if kind == "reported":
        said = [note["text"] for note in stage.outcome.notes]
    else:
        with Store(stage.root / ".instep" / "state.db") as store:
            said = [row[0] for row in store.rows("SELECT text FROM question")]
    return None if any(text in one for one in said) else f"{kind} {text!r}: said {said}"


def _canonical(stage: Stage, record: str, name: str, run: int | None = None) -> str:
    found = explain(load_workspace(stage.root), _key(stage, record), name, run=run)
    return display(found[0].value)


def _key(stage: Stage, record: str) -> str:
    return str(next(iter(stage.natural(record).values())))


def _not_lost(stage: Stage, text: str) -> str | None:
    match = re.fullmatch(r"(\w)\.(\w+) (\w+)=(.*)", text)
    assert match is not None
    found = explain(load_workspace(stage.root), _key(stage, match[2]), match[3])[0]
    lost = [(loser["source"].split("/")[0], str(loser["value"])) for loser in found.reason.get("lost", [])]
    return None if (match[1], match[4]) in lost else f"lost {text}: lost are {lost}"


# --- tables ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    name: str
    given: str
    happens: str
    follows: str


def cases_in(path: Path) -> list[Case]:
    """The rows of every table of a page whose header is "# | given | what happens | what follows"."""
    cases: list[Case] = []
    in_table = False
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        cells = [cell.replace("¦", "|").replace("`", "") for cell in cells]
        if cells[1:2] == ["given"]:
            in_table = True
        elif not cells:
            in_table = False
        elif in_table and not set(cells[0]) <= {"-", ":"}:
            cases.append(Case(f"{path.stem} {cells[0]}", *cells[1:4]))
    return cases


def run_case(case: Case) -> list[str]:
    """Play one row; what does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        play(stage, case.given)
        play(stage, case.happens)
        return claims(stage, case.follows)


__all__ = ["Case", "cases_in", "datetime", "run_case", "tomllib"]
