"""Reads and configures the stages of opportunities, the statuses of leads, and the choices of other fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from instep.contract import (
    AddPipeline,
    OfferStages,
    Outcome,
    Pipeline,
    Rejected,
    RelabelPipeline,
    RetireStage,
    StageChange,
    StageLimits,
    SystemStage,
    Unknown,
)
from instep.errors import AccessError, PluginError, RemoteError, UnknownOutcomeError
from instep_salesforce import campaigns, wire
from instep_salesforce.answers import RefusedError
from instep_salesforce.campaigns import Campaigns
from instep_salesforce.client import SalesforceClient
from instep_salesforce.fields import offered
from instep_salesforce.lists import STAGE, STATUS, Lists, holding
from instep_salesforce.metadata import refusal
from instep_salesforce.permissions import PermissionSet
from instep_salesforce.processes import PipelineChange, Processes
from instep_salesforce.queries import by_id, query_all
from instep_salesforce.schema import RECORD_TYPE, RecordType, Schema
from instep_salesforce.values import quoted
from instep_salesforce.valuesets import ListChange
from instep_salesforce.wire import Record

_HELD_IN: Final = {"Opportunity": STAGE, "Lead": STATUS, campaigns.OBJECT: STATUS}
"""The field of an object that holds its stage."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Changes that are made together, by their places."""

    places: Collection[int]
    make: Callable[[], dict[int, Outcome]]


class SalesforceStages:
    """One pipeline for each record type of opportunities, or one named `StageName`; and one of lead statuses.

    Read for records, each pipeline has all stages that are active, because Salesforce takes any of them; read for
    configuring, it has those that its record type offers.
    """

    def __init__(self, client: SalesforceClient, schema: Schema, permission_set: PermissionSet) -> None:
        self._client = client
        self._schema = schema
        self._lists = Lists(client, schema)
        self._campaigns = Campaigns(client)
        self._processes = Processes(client, permission_set)

    def read(self) -> tuple[Pipeline, ...]:
        """Every pipeline in use. The ids of stages are their API names, which records hold."""
        return (*self._of_opportunities(), Pipeline("Lead", STATUS, "Lead status", _plain(self._lists.of_leads())))

    def _of_opportunities(self) -> list[Pipeline]:
        stages = _plain(stage for stage in self._lists.of_opportunities() if stage.active)
        types = [found for found in self._schema.of("Opportunity").record_types if found.active]
        if not types:
            return [Pipeline("Opportunity", STAGE, "Opportunity stages", stages)]
        return [Pipeline("Opportunity", found.developerName, found.name, stages) for found in types]

    # --- configuring -------------------------------------------------------------------------------------------

    def limits(self, object: str, field: str) -> StageLimits | None:
        """What can be configured; a description of the object is read for it, once."""
        if (object, field) == (campaigns.OBJECT, STATUS):
            return campaigns.LIMITS
        return self._lists.limits(object, field)

    def configured(self, fields: Collection[tuple[str, str]]) -> tuple[Pipeline, ...]:
        """Every list behind these fields, and for stages of opportunities what each record type offers of them."""
        return tuple(pipeline for of in dict.fromkeys(fields) for pipeline in self._configured(*of))

    def _configured(self, object: str, field: str) -> Iterator[Pipeline]:
        if (object, field) == (campaigns.OBJECT, STATUS):
            yield from self._campaigns.read()
            return
        if (object, field) == ("Opportunity", STAGE):
            self._schema.read(object)
        found = self._lists.now(object, field)
        if found:
            known = self._schema.of(object).field(field)
            yield Pipeline(object, field, known.label if known and known.label else field, found)
        if (object, field) == ("Opportunity", STAGE):
            types = self._schema.of(object).record_types
            yield from (self._selection(found, type) for type in types if type.active)

    def _selection(self, stages: Sequence[SystemStage], type: RecordType) -> Pipeline:
        """What one record type offers of all stages."""
        try:
            values = offered(self._client, "Opportunity", type)[STAGE]
        except (RefusedError, KeyError):
            raise AccessError(
                f'Salesforce: the login cannot see which stages the record type "{type.name}" offers. '
                "Make that record type available to its user, by the profile or a permission set."
            ) from None
        among = (stage for stage in stages if stage.active and stage.id in values)
        chosen = tuple(replace(stage, order=order) for order, stage in enumerate(among))
        return Pipeline("Opportunity", type.developerName, type.name, chosen, offers_from=STAGE)

    def apply(self, changes: Sequence[StageChange]) -> list[Outcome]:
        """Configure: values first, then processes and record types, and what is retired last.

        Each list is read and written once, twice where stages are withdrawn from pipelines before they are retired.
        Once something was written, what happened is told, whatever happens to the rest.
        """
        outcomes: dict[int, Outcome] = {}
        steps = list(self._steps(dict(enumerate(changes))))
        for number, step in enumerate(steps):
            try:
                outcomes |= step.make()
            except RefusedError as refused:
                outcomes |= dict.fromkeys(step.places, refusal(refused))
            except UnknownOutcomeError as lost:
                outcomes |= dict.fromkeys(step.places, Unknown(str(lost)))
            except (RemoteError, AccessError) as error:
                if not outcomes:
                    raise
                left = Rejected("not_sent", f"Not sent, because a call before it failed: {error}", permanent=False)
                outcomes |= {place: left for rest in steps[number:] for place in rest.places}
                break
        return [outcomes[place] for place in range(len(changes))]

    def _steps(self, changes: Mapping[int, StageChange]) -> Iterator[_Step]:
        pipelines = {p: c for p, c in changes.items() if isinstance(c, AddPipeline | RelabelPipeline | OfferStages)}
        lists = {p: c for p, c in changes.items() if not isinstance(c, AddPipeline | RelabelPipeline | OfferStages)}
        members = {p: c for p, c in lists.items() if c.object == campaigns.OBJECT}
        values = {p: c for p, c in lists.items() if c.object != campaigns.OBJECT}
        late = {
            p: c
            for p, c in values.items()
            if isinstance(c, RetireStage) and any(other.object == c.object for other in pipelines.values())
        }
        yield from self._of_lists({p: c for p, c in values.items() if p not in late})
        if pipelines:
            yield _Step(pipelines.keys(), lambda: self._of_pipelines(pipelines))
        yield from self._of_lists(late)
        if members:
            yield _Step(members.keys(), lambda: self._campaigns.apply(members))

    def _of_lists(self, changes: Mapping[int, ListChange]) -> Iterator[_Step]:
        """A step for each list that is changed."""
        for object, field in dict.fromkeys((change.object, change.list) for change in changes.values()):
            own = {p: c for p, c in changes.items() if (c.object, c.list) == (object, field)}
            yield _Step(own.keys(), _bound(self._lists.change, object, field, own))

    def _of_pipelines(self, changes: Mapping[int, PipelineChange]) -> dict[int, Outcome]:
        self._schema.forget("Opportunity")

        @cache
        def stages() -> Mapping[str, str]:
            return {stage.label.casefold(): stage.id for stage in self._lists.of_opportunities() if stage.active}

        return self._processes.apply(changes, stages)

    def holders(self, object: str, pipeline: str | None, stage: str) -> Sequence[str]:
        """The ids of the live records that hold a stage: of one record type, of one campaign, or in one field.

        What a query finds is read once more: queries may lag behind what was written.
        """
        name = pipeline if pipeline is not None and self._is_field(object, pipeline) else _HELD_IN.get(object)
        known = self._schema.of(object).field(name) if name is not None else None
        if known is None:
            raise PluginError(f"Salesforce: no list of {object} is called {pipeline}.")
        column = "CampaignId" if object == campaigns.OBJECT else RECORD_TYPE
        within = {} if pipeline in (None, known.name) else {column: pipeline}
        conditions = [holding(known, stage), *(f"{n} = {quoted(str(v))}" for n, v in within.items())]
        query = f"SELECT Id FROM {wire.identifier(object)} WHERE {' AND '.join(conditions)} AND IsDeleted = FALSE"  # noqa: S608 - values are quoted
        rows = query_all(self._client, object, wire.Columns({"Id": "id"}), f"{query} ORDER BY Id")
        found = by_id(self._client, self._schema, object, [row["Id"] for row in rows], [known.name, *within])
        wanted = {known.name: stage, **within}
        return [id for id, record in found.records.items() if isinstance(record, dict) and _holds(record, wanted)]

    def _is_field(self, object: str, name: str) -> bool:
        return self._schema.of(object).field(name) is not None


def _bound(
    change: Callable[[str, str, Mapping[int, ListChange]], dict[int, Outcome]],
    object: str,
    field: str,
    changes: Mapping[int, ListChange],
) -> Callable[[], dict[int, Outcome]]:
    return lambda: change(object, field, changes)


def _holds(record: Record, wanted: Mapping[str, str | None]) -> bool:
    """Whether a record holds these values; of a field with several, among others. Case is nothing to Salesforce."""
    for name, value in wanted.items():
        held = record.get(name)
        values = held if isinstance(held, tuple) else (held,)
        if str(value).casefold() not in {str(one).casefold() for one in values}:
            return False
    return True


def _plain(stages: Iterable[SystemStage]) -> tuple[SystemStage, ...]:
    """Stages as records are read with them: without what only configuring needs."""
    return tuple(replace(stage, order=order, details={}) for order, stage in enumerate(stages))
