"""Pipelines as HubSpot keeps them: what a stage of ours is in its words, and the calls that change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from instep.contract import Pipeline, Scalar, StageLimits, SystemStage
from instep_hubspot.answers import Call
from instep_hubspot.client import HubSpotClient

STAGE_FIELDS: Final = {"deals": ("pipeline", "dealstage"), "tickets": ("hs_pipeline", "hs_pipeline_stage")}
"""For each object with pipelines, the properties that hold a record's pipeline and stage."""
_TICKET_STATES: Final = ("OPEN", "CLOSED")
_MOST_STAGES: Final = 100
_OUTCOME: Final = frozenset(("isClosed", "probability"))
_CAREFUL: Final = {"validateReferencesBeforeDelete": "true", "validateDealStageUsagesBeforeDelete": "true"}


class WireStage(msgspec.Struct):
    """A stage. Every value of its metadata is text, whatever it means."""

    id: str
    label: str
    displayOrder: int = 0  # noqa: N815
    metadata: dict[str, str | bool | float | None] = {}
    archived: bool = False

    @property
    def texts(self) -> dict[str, str]:
        """All of its metadata, as it is sent."""
        return {name: _text(value) for name, value in self.metadata.items() if value is not None}

    @property
    def probability(self) -> float | None:
        """How likely a deal in this stage is to be won, where HubSpot says."""
        text = self.metadata.get("probability")
        try:
            return float(text) if text is not None else None
        except ValueError:
            return None

    @property
    def is_closed(self) -> bool:
        """Whether records in this stage are done with."""
        told = str(self.metadata.get("isClosed")).lower() == "true"
        return told or self.metadata.get("ticketState") == "CLOSED"


class WirePipeline(msgspec.Struct):
    """A pipeline with its stages, in any order."""

    id: str
    label: str
    stages: list[WireStage]
    displayOrder: int = 0  # noqa: N815
    archived: bool = False

    def ordered(self) -> list[WireStage]:
        """The stages as they are shown. Equal places go by label.

        developers.hubspot.com/docs/guides/api/crm/pipelines
        """
        return sorted((s for s in self.stages if not s.archived), key=lambda s: (s.displayOrder, s.label))


class _Pipelines(msgspec.Struct):
    results: list[WirePipeline]


_pipelines = msgspec.json.Decoder(_Pipelines)
_pipeline = msgspec.json.Decoder(WirePipeline)
_stage = msgspec.json.Decoder(WireStage)


# --- what they mean --------------------------------------------------------------------------------------------


def limits_of(object: str) -> StageLimits:
    """What the stages of an object's pipelines can be.

    A deal stage has a probability in tenths, of which 1 means won and 0 means lost; a ticket stage is open or closed.
    developers.hubspot.com/docs/guides/api/crm/pipelines
    """
    field = STAGE_FIELDS[object][1]
    if object == "tickets":
        states = {"ticketState": _TICKET_STATES}
        return StageLimits(object, field, makes_pipelines=True, most_stages=_MOST_STAGES, details=states)
    return StageLimits(
        object,
        field,
        makes_pipelines=True,
        has_outcomes=True,
        probability_step=0.1,
        lowest_open=0.1,
        highest_open=0.9,
        most_stages=_MOST_STAGES,
    )


def pipeline_of(object: str, found: WirePipeline, *, details: bool) -> Pipeline:
    """A pipeline as the contract has it; `details` only where they are asked for."""
    stages = (stage_of(stage, order, details=details) for order, stage in enumerate(found.ordered()))
    return Pipeline(object, found.id, found.label, tuple(stages))


def stage_of(stage: WireStage, order: int = 0, *, details: bool = True) -> SystemStage:
    """A stage as the contract has it.

    Whether a deal stage is closed or won is told by its metadata, never by its id or label: a stage keeps its id when
    people rename it.
    """
    closed, probability = stage.is_closed, stage.probability
    more = {k: v for k, v in stage.texts.items() if k not in _OUTCOME} if details else {}
    won = closed and probability == 1.0
    return SystemStage(stage.id, stage.label, order, closed, won, probability, details=more)


def metadata_of(object: str, stage: SystemStage) -> dict[str, str] | None:
    """The metadata of a new stage; None where an open deal stage has no probability between 0 and 1."""
    more = {name: _text(value) for name, value in stage.details.items()}
    if object == "tickets":
        state = more.get("ticketState", "CLOSED" if stage.closed else "OPEN")
        return {**more, "ticketState": state, "isClosed": _text(state == "CLOSED")}
    probability = _probability(stage)
    return None if probability is None else {**more, "probability": probability, "isClosed": _text(stage.closed)}


def changed_metadata(object: str, known: WireStage, before: SystemStage, after: SystemStage) -> dict[str, str] | None:
    """All metadata of a stage that is there, with what the change names; None where it cannot be.

    HubSpot wants the metadata whole; what the change does not name stays as it is, also where it was changed since.
    """
    named = {k: _text(v) for k, v in after.details.items() if before.details.get(k) != v}
    if object == "tickets" and "ticketState" not in named and after.closed != before.closed:
        named["ticketState"] = "CLOSED" if after.closed else "OPEN"
    if "ticketState" in named:
        named["isClosed"] = _text(named["ticketState"] == "CLOSED")
    if object != "tickets" and _outcome(after) != _outcome(before):
        probability = _probability(after)
        if probability is None:
            return None
        if probability != _probability(stage_of(known)):
            named |= {"probability": probability, "isClosed": _text(after.closed)}
    return known.texts | named


def means(object: str, known: WireStage, wanted: SystemStage) -> bool:
    """Whether a stage that is there says of its records what the wanted one would say."""
    there, then = metadata_of(object, stage_of(known)), metadata_of(object, wanted)
    return there is not None and then is not None and then.items() <= there.items()


def _outcome(stage: SystemStage) -> tuple[bool, bool, float | None]:
    return stage.closed, stage.won, stage.probability


def _probability(stage: SystemStage) -> str | None:
    """The probability in tenths that says what this stage says."""
    if stage.closed:
        return "1.0" if stage.won else "0.0"
    if stage.probability is None or not 0 < round(stage.probability, 1) < 1:
        return None
    return str(round(stage.probability, 1))


def _text(value: Scalar | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- calls -----------------------------------------------------------------------------------------------------


def read_pipelines(client: HubSpotClient, object: str) -> list[WirePipeline]:
    """Every pipeline of an object in use, in the order in which they are shown, in one call."""
    call = Call("GET", client.path("pipelines", object), "pipelines/list")
    found = [pipeline for pipeline in client.fetch(call, _pipelines).value.results if not pipeline.archived]
    return sorted(found, key=lambda pipeline: (pipeline.displayOrder, pipeline.label))


def make_pipeline(client: HubSpotClient, object: str, body: Mapping[str, object]) -> WirePipeline:
    """Create a pipeline with all its stages, in one call that is never repeated by itself."""
    path = client.path("pipelines", object)
    call = Call("POST", path, "pipelines/create", body=body, writes=True, repeatable=False)
    return client.fetch(call, _pipeline).value


def relabel_pipeline(client: HubSpotClient, object: str, id: str, label: str) -> None:
    """Give a pipeline another label."""
    path = client.path("pipelines", object, id)
    client.fetch(Call("PATCH", path, "pipelines/update", body={"label": label}, writes=True), _pipeline)


def make_stage(client: HubSpotClient, object: str, pipeline: str, body: Mapping[str, object]) -> WireStage:
    """Create a stage, in one call that is never repeated by itself."""
    path = client.path("pipelines", object, pipeline, "stages")
    call = Call("POST", path, "pipelines/stages/create", body=body, writes=True, repeatable=False)
    return client.fetch(call, _stage).value


def patch_stage(client: HubSpotClient, object: str, pipeline: str, id: str, body: Mapping[str, object]) -> None:
    """Change a stage; the body has all of its metadata, because HubSpot replaces them as a whole."""
    path = client.path("pipelines", object, pipeline, "stages", id)
    client.fetch(Call("PATCH", path, "pipelines/stages/update", body=body, writes=True), _stage)


def delete_stage(client: HubSpotClient, object: str, pipeline: str, id: str) -> None:
    """Delete a stage that nothing uses. HubSpot looks whether something does only where it is asked to.

    The one flag is for deals, the other for all other objects, and both are false by default before 2026-09.
    developers.hubspot.com/changelog/pipeline-stage-validation-true
    """
    path = client.path("pipelines", object, pipeline, "stages", id)
    client.send(Call("DELETE", path, "pipelines/stages/delete", _CAREFUL, writes=True))
