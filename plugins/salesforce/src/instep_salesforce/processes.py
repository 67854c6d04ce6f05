"""Pipelines of opportunities: record types, each with a sales process that says which stages it offers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import unquote

from instep.contract import AddPipeline, Missing, OfferStages, Outcome, Rejected, RelabelPipeline, Written
from instep.errors import AccessError
from instep_salesforce import wire
from instep_salesforce.answers import RefusedError
from instep_salesforce.client import Component, SalesforceClient
from instep_salesforce.metadata import Failures, Metadata, refusal
from instep_salesforce.permissions import PermissionSet
from instep_salesforce.queries import query_all
from instep_salesforce.wire import Record

PipelineChange = AddPipeline | RelabelPipeline | OfferStages

_OBJECT: Final = "Opportunity"
_PICKLIST: Final = "StageName"
_LONGEST: Final = 80
_TYPES: Final = {"DeveloperName": "string", "Name": "string", "BusinessProcess.Name": "string"}


class Processes:
    """Record types and sales processes of one org."""

    def __init__(self, client: SalesforceClient, permission_set: PermissionSet) -> None:
        self._client = client
        self._metadata = Metadata(client)
        self._permission_set = permission_set

    def apply(
        self, changes: Mapping[int, PipelineChange], stages: Callable[[], Mapping[str, str]]
    ) -> dict[int, Outcome]:
        """Make changes, by their places: processes first, then the record types that use them.

        `stages` tells the ids of all active stages by their labels; it is asked where a change does not say.
        """
        names = {place: _name(change) for place, change in changes.items()}
        drafts = self._read([name for name in names.values() if name], stages)
        outcomes = {
            place: drafts[name.casefold()].change(changes[place]) if name else _nameless(changes[place])
            for place, name in names.items()
        }
        failures = self._save([draft for draft in drafts.values() if draft.is_wanted])
        for place, name in names.items():
            failure = failures.get(drafts[name.casefold()].name) if name else None
            if failure is not None and isinstance(outcomes[place], Written):
                outcomes[place] = failure
        return outcomes

    # --- reading -----------------------------------------------------------------------------------------------

    def _read(self, names: Iterable[str], stages: Callable[[], Mapping[str, str]]) -> dict[str, Draft]:
        """What there is of these pipelines, by their names in lower case: Salesforce takes case for nothing."""
        query = f"SELECT {','.join(_TYPES)} FROM RecordType WHERE SobjectType = '{_OBJECT}'"  # noqa: S608
        rows = list(query_all(self._client, "RecordType", wire.Columns(_TYPES), query))
        spelled = {str(row["DeveloperName"]).casefold(): str(row["DeveloperName"]) for row in rows}
        known = {name.casefold(): spelled.get(name.casefold(), name) for name in names}
        types = self._metadata.read("RecordType", [_full(name) for key, name in known.items() if key in spelled])
        used = [str(type["businessProcess"]) for type in types.values() if type.get("businessProcess")]
        processes = self._metadata.read("BusinessProcess", map(_full, [*known.values(), *used]))
        return {
            key: Draft(name, types.get(_full(name)), processes, _users(rows, name), stages)
            for key, name in known.items()
        }

    # --- writing -----------------------------------------------------------------------------------------------

    def _save(self, drafts: Sequence[Draft]) -> Failures:
        """Write what is to be written. Gives what went wrong, by the names of the pipelines."""
        failures = self._write("BusinessProcess", [(draft, draft.process_to_write()) for draft in drafts])
        rest = [draft for draft in drafts if draft.name not in failures]
        failures |= self._write("RecordType", [(draft, draft.type_to_write()) for draft in rest])
        shown = [draft.name for draft in rest if draft.is_added and draft.name not in failures]
        failure = self._shown(shown) if shown else None
        return failures | (dict.fromkeys(shown, failure) if failure is not None else {})

    def _write(self, type: str, wanted: Sequence[tuple[Draft, _ToWrite | None]]) -> Failures:
        failures: Failures = {}
        for verb in _VERBS:
            owners = {str(one[1]["fullName"]): draft for draft, one in wanted if one is not None and one[0] == verb}
            components = [one[1] for _, one in wanted if one is not None and one[0] == verb]
            failed = self._metadata.save(verb, type, components)
            failures |= {owners[name].name: failure for name, failure in failed.items()}
        return failures

    def _shown(self, names: Sequence[str]) -> Outcome | None:
        try:
            return self._permission_set.show_record_types(map(_full, names))
        except RefusedError as refused:
            return refusal(refused)
        except AccessError as lacking:
            return Rejected("no_right", f"The record type is there, and not yet shown to the login. {lacking}")


_Verb = Literal["create", "update"]
_ToWrite = tuple[_Verb, Component]
_VERBS: Final[tuple[_Verb, ...]] = ("create", "update")


class Draft:
    """One pipeline on the way to what it shall be: its record type, and the stages that its process offers.

    A process that other record types use too is left to them: this one gets a process of its own.
    """

    def __init__(
        self,
        name: str,
        type: Component | None,
        processes: Mapping[str, Component],
        users: Mapping[str, set[str]],
        stages: Callable[[], Mapping[str, str]],
    ) -> None:
        self.name = name
        self.is_added = False
        self.is_wanted = False
        self._type = type
        self._stages = stages
        self._held = str((type or {}).get("businessProcess") or name)
        self._own = processes.get(_full(name))
        self._process = processes.get(_full(self._held)) if type is None or type.get("businessProcess") else None
        self._others = users.get(unquote(self._held), set())
        self._others_of_own = users.get(name, set())
        self._label = str((type or {}).get("label") or "")
        self._values = _values(self._process)

    def change(self, change: PipelineChange) -> Outcome:
        """Make a change; a refusal leaves everything as it was."""
        if isinstance(change, AddPipeline):
            return self._add(change)
        if self._type is None and not self.is_added:
            return Missing()
        self.is_wanted = True
        if isinstance(change, RelabelPipeline):
            self._label = change.label
            return Written(self.name, {})
        return self._offer(change.offered, change.withdrawn) or Written(self.name, {})

    def _add(self, change: AddPipeline) -> Outcome:
        """A new pipeline, or the one of this name and label that an earlier run has begun."""
        if self._type is not None and self._label.casefold() != change.label.casefold():
            return _taken(self.name, f'a record type called "{self._label}"')
        if self._type is None and self._others_of_own:
            return _taken(self.name, "a sales process that other record types use")
        self.is_added = self.is_wanted = True
        ids = {
            stage.label: stage.id or self._stages().get(stage.label.casefold(), stage.label)
            for stage in change.stages
        }
        if self._type is None:
            self._values = {id: self._values[id] for id in ids.values() if id in self._values}
        self._label = change.label
        refused = self._offer(tuple(ids.values()), ())
        return refused or Written(self.name, dict(ids), created=self._type is None)

    def _offer(self, offered: Iterable[str], withdrawn: Iterable[str]) -> Rejected | None:
        if self._process is None and self._type is not None and not self._values:
            self._values = {id: _value(id) for id in self._stages().values()}  # without a process all are offered
        gone = set(withdrawn)
        added = {id: _value(id) for id in offered if id not in self._values}
        before = self._values
        self._values = {id: value for id, value in (self._values | added).items() if id not in gone}
        if self._splits and (self._others_of_own or unquote(self._held) == self.name):
            self._values = before
            return _shared(self.name)
        return None

    # --- what is to be written ---------------------------------------------------------------------------------

    @property
    def _splits(self) -> bool:
        """Whether the process has to be one of its own from now on."""
        return bool(self._others) and [*self._values] != [*_values(self._process)]

    def process_to_write(self) -> _ToWrite | None:
        values = [*self._values.values()]
        if self._splits or self._process is None:
            if not values:
                return None
            made = {"fullName": _full(self.name), "isActive": True, **(self._own or {}), "values": values}
            return ("create" if self._own is None else "update", made) if made != self._own else None
        if [*_values(self._process)] == [*self._values]:
            return None
        return "update", {**self._process, "values": values}

    def type_to_write(self) -> _ToWrite | None:
        process = self.name if self._splits or (self._process is None and self._values) else self._held
        wanted = {"label": self._label, "businessProcess": process}
        if self._type is None:
            return "create", {"fullName": _full(self.name), "active": True, **wanted}
        if not self._values and self._process is None:
            del wanted["businessProcess"]
        active = {"active": True} if self.is_added else {}
        made = {**self._type, **wanted, **active, "picklistValues": self._offered()}
        return ("update", made) if made != self._type else None

    def _offered(self) -> list[dict[str, Any]]:
        """What the record type offers, picklist by picklist; stages where it says so itself."""
        held: list[dict[str, Any]] = list((self._type or {}).get("picklistValues") or ())
        values = [*self._values.values()]
        return [
            {**one, "values": values} if one["picklist"] == _PICKLIST and [*_values(one)] != [*self._values] else one
            for one in held
        ]


def developer_name(text: str) -> str:
    """A name as Salesforce takes it: letters, digits and single underscores; empty where nothing is left of it.

    developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_recordtype.htm
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    name = f"X{name}" if name[:1].isdigit() else name
    return name[:_LONGEST].strip("_")


def encoded(id: str) -> str:
    """A stage's id inside a process, where signs other than hyphens and underscores are escaped.

    developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_picklist_fields.htm
    """
    return "".join(c if c.isalnum() or c in " -_" or not c.isascii() else f"%{ord(c):02X}" for c in id)


def _value(id: str) -> Component:
    return {"fullName": encoded(id), "default": False}


def _values(held: Component | None) -> dict[str, Component]:
    """The values that a process or a record type lists, by the ids of the stages."""
    return {unquote(str(value["fullName"])): value for value in (held or {}).get("values") or ()}


def _users(rows: Iterable[Record], name: str) -> dict[str, set[str]]:
    """The other record types that use each process, by its name."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["DeveloperName"] != name and row["BusinessProcess.Name"]:
            found.setdefault(str(row["BusinessProcess.Name"]), set()).add(str(row["DeveloperName"]))
    return found


def _full(name: str) -> str:
    return f"{_OBJECT}.{name}"


def _name(change: PipelineChange) -> str:
    if change.object != _OBJECT:
        return ""
    if isinstance(change, AddPipeline):
        return developer_name(change.name) or developer_name(change.label)
    return change.pipeline


def _nameless(change: PipelineChange) -> Rejected:
    if change.object != _OBJECT:
        reason = f"Only opportunities have pipelines in Salesforce. Write no pipelines for {change.object}."
        return Rejected("unsupported", reason)
    return Rejected(
        "bad_name", "Salesforce names record types in letters, digits and underscores. Choose another name."
    )


def _shared(name: str) -> Rejected:
    reason = (
        f'The sales process "{name}" is used by several record types. Give this record type a process of its own '
        "in Setup > Sales Processes."
    )
    return Rejected("shared", reason)


def _taken(name: str, by: str) -> Rejected:
    return Rejected("taken", f'The name "{name}" belongs to {by}. Choose another name for the pipeline.', "name")
