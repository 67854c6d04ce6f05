"""Export: an org's configuration as files, from which a plan finds nothing to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from instep.contract import Pipeline, StageLimits, SystemStage
from instep.mapping.compiled import ConnectionConfig
from instep.mapping.ids import SUFFIX, Ids, ids_text
from instep.mapping.toml import toml_key, toml_text
from instep.model.configuration import Key, ListIds, Path
from instep.model.entities import FIELDS, Kind
from instep.provision.found import Found
from instep.settings import environment_prefix

_HEAD = "# {what}, exported from {connection}. A plan made from these files finds nothing to do.\n"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kind of entity keeps its stages in a system: what the mapping says of it.

    `key` is a field to recognise records by, as (canonical name, type, the system's name).
    """

    kind: Kind | None
    object: str
    field: str
    pipeline_field: str | None = None
    key: tuple[str, str, str] = ("name", "text", "name")


@dataclass(slots=True)
class _Exported:
    """One list, with a key for each of its stages."""

    path: Path
    place: Place
    there: Pipeline
    limits: StageLimits
    stages: list[tuple[Key, SystemStage]]


@dataclass(slots=True)
class _Process:
    """The stages of all lists in one order that none of them contradicts."""

    order: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)

    def take(self, wanted: Sequence[tuple[str, SystemStage]], suffix: str) -> list[tuple[str, SystemStage]]:
        """Keys for the open stages of one list, known ones as far as their order allows it."""
        found: list[tuple[str, SystemStage]] = []
        last = -1
        for name, stage in wanted:
            key = name
            taken = {known for known, _ in found}
            if key in taken or (key in self.order and self.order.index(key) < last):
                key = _unused(f"{name}-{suffix}", {*taken, *self.order})
            if key not in self.order:
                self.order.insert(last + 1, key)
                self.labels[key] = stage.label
                if stage.probability is not None:
                    self.shares[key] = stage.probability
            last = self.order.index(key)
            found.append((key, stage))
        return found

    def text(self, connection: str) -> str:
        blocks = [_HEAD.format(what="The buying process", connection=connection), "replace_stages = true\n"]
        for key in self.order:
            lines = ["[[stages]]", f"key = {toml_text(key)}", f"label = {toml_text(self.labels[key])}"]
            lines += [f"win_probability = {self.shares[key]:.6g}"] if key in self.shares else []
            blocks.append("\n".join(lines) + "\n")
        return "\n".join(blocks)


def exported(
    connection: ConnectionConfig, places: Sequence[Place], found: Found, org: str, secrets: Collection[str] = ()
) -> dict[str, str]:
    """The files of a workspace that says what an org has now, by their names.

    Inactive stages are left out, and so are settings that are `secrets`: those belong into the environment.
    """
    process, lists = _Process(), list[_Exported]()
    for place in places:
        lists += _of_place(place, found, process)
    name = connection.name
    mapping = [_HEAD.format(what="The stages", connection=name), *_mapping(lists, process)]
    return {
        "sync.toml": _sync_text(connection, secrets),
        "mappings/process.toml": process.text(name),
        f"mappings/{name}.toml": "\n".join(mapping),
        f"mappings/{name}{SUFFIX}.toml": ids_text(name, Ids({one.path: _ids(one) for one in lists}, org)),
    }


def _of_place(place: Place, found: Found, process: _Process) -> Iterator[_Exported]:
    limits = found.limits.get((place.object, place.field))
    if limits is None:
        return
    all_lists = found.lists(place.object)
    is_single = place.pipeline_field is None and place.kind is not None
    chosen = [one for one in all_lists if (one.id == (limits.shared_list or place.field)) == is_single]
    names: set[str] = set()
    for one in chosen:
        name = _unused(slug(one.label) or slug(one.id) or "pipeline", names)
        names.add(name)
        path = _path(place, name)
        active = [stage for stage in one.stages if stage.active]
        if active:
            yield _Exported(path, place, one, limits, list(_keyed(active, limits, process, name, place.kind is None)))


def _path(place: Place, name: str) -> Path:
    if place.kind is None:
        return ("provision", "pipelines", name)
    return (place.kind.value, "stages") if place.pipeline_field is None else (place.kind.value, "pipelines", name)


def _keyed(
    stages: Sequence[SystemStage], limits: StageLimits, process: _Process, suffix: str, own_keys: bool
) -> Iterator[tuple[Key, SystemStage]]:
    """A key for each stage: of the process for those that are open, an outcome for the others."""
    has_ends = limits.has_outcomes
    opens = [stage for stage in stages if not (has_ends and stage.closed)]
    named = [(slug(stage.label) or f"stage-{place + 1}", stage) for place, stage in enumerate(opens)]
    keyed = _apart(named) if own_keys else process.take(named, suffix)
    yield from ((Key("values", key), stage) for key, stage in keyed)
    for stage in stages:
        if has_ends and stage.closed:
            yield Key("outcomes", "won" if stage.won else "lost"), stage


def _apart(named: Iterable[tuple[str, SystemStage]]) -> Iterator[tuple[str, SystemStage]]:
    taken: set[str] = set()
    for name, stage in named:
        key = _unused(name, taken)
        taken.add(key)
        yield key, stage


def slug(text: str) -> str:
    """A label as a key: small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _unused(name: str, taken: Iterable[str]) -> str:
    known, number, found = set(taken), 1, name
    while found in known:
        number += 1
        found = f"{name}-{number}"
    return found


def _ids(one: _Exported) -> ListIds:
    stages: dict[Key, tuple[str, ...]] = {}
    for key, stage in one.stages:
        stages[key] = (*stages.get(key, ()), stage.id)
    return ListIds(one.there.id if one.path[1] == "pipelines" else None, stages)


# --- the mapping file --------------------------------------------------------------------------------------------


def _mapping(lists: Sequence[_Exported], process: _Process) -> Iterator[str]:
    kinds = dict.fromkeys(one.place.kind for one in lists)
    for kind in kinds:
        of_kind = [one for one in lists if one.place.kind is kind]
        if kind is not None:
            yield from _entity(kind, of_kind)
        for one in of_kind:
            yield from (_table(one, process) if kind is not None else _more(one))


def _entity(kind: Kind, lists: Sequence[_Exported]) -> Iterator[str]:
    objects = list(dict.fromkeys(one.place.object for one in lists))
    place = lists[0].place
    name, type, spelled = place.key
    heard = {"field": spelled, "direction": "in"} | ({} if name in FIELDS[kind] else {"type": type})
    yield f"[{kind.value}]\nobjects = {toml_text(objects)}\nmatch = {toml_text([name])}\ninstep_id = false\n"
    yield f"[{kind.value}.fields]\n{toml_key(name)} = {toml_text(heard)}\n"
    if place.pipeline_field is not None:
        fields = f"field = {toml_text(place.field)}\npipeline_field = {toml_text(place.pipeline_field)}"
        yield f"[{kind.value}.stages_in]\n{fields}\n"


def _table(one: _Exported, process: _Process) -> Iterator[str]:
    values = {key.name: stage.label for key, stage in one.stages if key.group == "values"}
    ends: dict[str, list[str]] = {}
    for key, stage in one.stages:
        if key.group == "outcomes":
            ends.setdefault(key.name, []).append(stage.label)
    lines = [f"[{'.'.join(toml_key(part) for part in one.path)}]"]
    if one.path[1] == "pipelines":
        lines += [f"pipeline = {toml_text(one.there.label)}", "segments = []"]
    else:
        lines.append(f"field = {toml_text(one.place.field)}")
    lines.append(f"values = {toml_text(values)}")
    if ends:
        lines.append(f"outcomes = {toml_text({name: w[0] if len(w) == 1 else w for name, w in ends.items()})}")
    lines += _shape(one, process)
    yield "\n".join(lines) + "\n"


def _shape(one: _Exported, process: _Process) -> Iterator[str]:
    """What is not as the process says: probabilities, and the system's own words."""
    opens = [(key.name, stage) for key, stage in one.stages if key.group == "values"]
    said = process.shares
    shares = {k: s.probability for k, s in opens if s.probability is not None and s.probability != said.get(k)}
    if shares and one.limits.has_outcomes:
        yield f"probabilities = {toml_text({key: round(share, 6) for key, share in shares.items()})}"
    details = {key.name: words for key, stage in one.stages if (words := _details(one, stage))}
    if details:
        yield f"details = {toml_text(details)}"


def _details(one: _Exported, stage: SystemStage) -> dict[str, object]:
    known = one.limits.details
    return {word: value for word, value in stage.details.items() if value not in (None, "") and word in known}


def _more(one: _Exported) -> Iterator[str]:
    """A list that is configured, and whose records are not synced."""
    stages = [{"key": key.name, "label": stage.label, **_details(one, stage)} for key, stage in one.stages]
    lines = [
        f"[{'.'.join(toml_key(part) for part in one.path)}]",
        f"object = {toml_text(one.place.object)}",
        f"field = {toml_text(one.place.field)}",
        f"pipeline = {toml_text(one.there.label)}",
        f"stages = {toml_text(stages)}",
    ]
    yield "\n".join(lines) + "\n"


def _sync_text(connection: ConnectionConfig, secrets: Collection[str]) -> str:
    lines = [
        f"# {environment_prefix(connection.name)}{name.upper()} belongs into the environment." for name in secrets
    ]
    lines += [f"[connections.{toml_key(connection.name)}]", f"plugin = {toml_text(connection.plugin)}"]
    said = {name: value for name, value in connection.settings.items() if name not in secrets}
    lines += [f"{toml_key(name)} = {toml_text(value)}" for name, value in said.items()]
    return "\n".join(lines) + "\n"


def contradictions(lists: Sequence[Pipeline], limits: StageLimits) -> Iterator[str]:
    """Lists in which a stage that ends a journey comes before an open one: files say that ends come last."""
    for one in lists:
        active = [stage for stage in one.stages if stage.active]
        if limits.has_outcomes and any(before.closed and not after.closed for before, after in pairwise(active)):
            yield one.label
