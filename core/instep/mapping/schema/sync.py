"""The schema of `sync.toml`: a connection has the settings of its connector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from instep.mapping.connections import RESERVED
from instep.mapping.schema.shapes import (
    Schema,
    document,
    duration,
    flag,
    named,
    number,
    one_of,
    shared,
    table,
    text,
    whole,
)
from instep.mapping.versions import FIRST

if TYPE_CHECKING:
    from instep.settings import ConnectorSettings

_PLUGIN = "which connector it is"
_NAME = "^[a-z0-9][a-z0-9_-]*$"


def sync_schema(settings: Mapping[str, type[ConnectorSettings]], installed: Iterable[str] = ()) -> Schema:
    """`sync.toml`, with the settings of these connectors; of others that are `installed`, any setting is let pass."""
    options = {
        "store": text("the file that holds Instep's state, relative to the workspace"),
        "recheck_after": duration("a record read longer ago than this is read again before it is written"),
        "associations_every": duration("within this time every association has been read again; whole days"),
        "catalogue_every": duration("how often fields, users and stages are listed again; whole hours"),
    }
    limits = {
        "percent": number("the most of an object's records that one run may change", minimum=0, maximum=100),
        "records": whole("the most records in number", 0, 10**12),
    }
    provision = {
        "changes": whole("stages that are changed", 0, 10**6),
        "retires": whole("stages that are retired", 0, 10**6),
        "moves": whole("records that are moved", 0, 10**9),
    }
    guards = {
        "enabled": flag("false lets every plan pass"),
        **limits,
        "from_records": whole("objects with fewer records are not guarded by percent", 1, 10**12),
        "deviation": number("how many times as much as recent runs one may write", minimum=1),
        "provision": table(provision, "The most that one `instep provision apply` may do in one system."),
    }
    quarantine = {
        "tries": whole("how often a write that was refused for good is tried", 1, 10**6),
        "passing_tries": whole("how often one that may pass is tried, once in each run", 1, 10**6),
        "wait": duration("how long until a write that was refused for good is tried again; then twice as long"),
    }
    kept = {"reserve_percent": number("how much of a day's calls is kept for people", minimum=0, maximum=99)}
    names = {"pattern": _NAME, "not": {"anyOf": [{"enum": list(RESERVED)}, {"pattern": f"^{FIRST}-"}]}}
    connections = named(_connection(settings, installed), "The systems, in order of preference.")
    properties = {
        "sync": table(options, "How often things are looked at again."),
        "guards": {
            **table(guards, "What makes a plan so surprising that it is stopped before its first write."),
            "additionalProperties": table(limits, "a field, a relation, create, clear or consent: its own limits"),
        },
        "quarantine": table(quarantine, "When what a system refused is tried again."),
        "budget": {
            **table(kept, "How much of what a system allows in a day is kept for people and their other tools."),
            "additionalProperties": table(kept, "a connection: its own reserve"),
        },
        "connections": {**connections, "propertyNames": names, "minProperties": 1},
    }
    definitions: dict[str, Schema] = {}
    for name, kind in settings.items():
        definitions |= _settings(name, kind)
    return document("Which systems are kept in step", table(properties, "", ["connections"]), **definitions)


def _connection(settings: Mapping[str, type[ConnectorSettings]], installed: Iterable[str]) -> Schema:
    known = sorted({*settings, *installed})
    chosen: list[dict[str, Any]] = [
        {
            "if": {"properties": {"plugin": {"const": name}}, "required": ["plugin"]},
            "then": shared(name),
        }
        for name in settings
    ]
    return {
        "type": "object",
        "properties": {"plugin": one_of(known, _PLUGIN)},
        "required": ["plugin"],
        **({"allOf": chosen} if chosen else {}),
    }


def _settings(name: str, kind: type[ConnectorSettings]) -> dict[str, Schema]:
    """A connector's settings as its own model describes them. None is required: the environment can set each."""
    found = kind.model_json_schema(ref_template=f"#/definitions/{name}-{{model}}")
    inner = {f"{name}-{model}": shape for model, shape in found.pop("$defs", {}).items()}
    found.pop("required", None)
    properties = {"plugin": one_of([name], _PLUGIN), **found.pop("properties", {})}
    return {name: {**found, "properties": properties}, **inner}
