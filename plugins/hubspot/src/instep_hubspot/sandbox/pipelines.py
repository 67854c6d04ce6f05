"""Pipelines and stages, and the trail of what was done to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from instep.sandbox import SeededIds
from instep_hubspot.sandbox import seeds
from instep_hubspot.sandbox.errors import RefusedError, invalid
from instep_hubspot.sandbox.times import iso

STAGE_LIMIT = {"deals": 100, "tickets": 100}
PIPELINE_LIMIT = 15


@dataclass(slots=True)
class Stage:
    """One step of a pipeline; `metadata` holds texts only."""

    id: str
    label: str
    order: int
    metadata: dict[str, str]
    created: int = 0
    updated: int = 0
    archived: bool = False

    @property
    def probability(self) -> float:
        """How likely a deal in this stage is to be won."""
        return float(self.metadata.get("probability", "0"))

    @property
    def is_closed(self) -> bool:
        """Whether records in this stage are done with."""
        return self.metadata.get("isClosed") == "true" or self.metadata.get("ticketState") == "CLOSED"

    def to_dict(self) -> dict[str, object]:
        """The stage as the API shows it."""
        return {
            "id": self.id,
            "label": self.label,
            "displayOrder": self.order,
            "metadata": dict(self.metadata),
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
            "archived": self.archived,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        }


@dataclass(slots=True)
class Pipeline:
    """An ordered list of stages."""

    id: str
    label: str
    order: int
    stages: dict[str, Stage] = field(default_factory=dict)
    created: int = 0
    updated: int = 0
    archived: bool = False

    def ordered(self) -> list[Stage]:
        """The stages in the order they are shown; ties go by label."""
        return sorted(self.stages.values(), key=lambda stage: (stage.order, stage.label))

    def to_dict(self) -> dict[str, object]:
        """The pipeline as the API shows it."""
        return {
            "id": self.id,
            "label": self.label,
            "displayOrder": self.order,
            "stages": [stage.to_dict() for stage in self.ordered()],
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
            "archived": self.archived,
        }


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done to a pipeline or stage."""

    identifier: str
    action: str
    at: int
    message: str

    def to_dict(self, portal_id: int) -> dict[str, object]:
        """The entry as the API shows it."""
        return {
            "portalId": portal_id,
            "identifier": self.identifier,
            "action": self.action,
            "timestamp": iso(self.at),
            "message": self.message,
        }


class Pipelines:
    """The pipelines of every kind of record."""

    def __init__(self, ids: SeededIds) -> None:
        self._ids = ids
        self._by_kind: dict[str, dict[str, Pipeline]] = {"deals": {}, "tickets": {}}
        self.audit: list[AuditEntry] = []
        deal = Pipeline("default", "Sales Pipeline", 0)
        for place, (id, label, probability) in enumerate(seeds.DEAL_STAGES):
            deal.stages[id] = Stage(id, label, place, deal_metadata({"probability": probability}))
        ticket = Pipeline("0", "Support Pipeline", 0)
        for place, (id, label, state) in enumerate(seeds.TICKET_STAGES):
            ticket.stages[id] = Stage(id, label, place, {"ticketState": state, "isClosed": _closed(state)})
        self._by_kind["deals"]["default"] = deal
        self._by_kind["tickets"]["0"] = ticket

    def of(self, kind: str) -> dict[str, Pipeline]:
        """The pipelines of one kind of record, by id."""
        if kind not in self._by_kind:
            raise invalid(f"Object type {kind} does not support pipelines")
        return self._by_kind[kind]

    def default(self, kind: str) -> Pipeline:
        """The pipeline that is meant where none is named."""
        return min(self.of(kind).values(), key=lambda pipeline: (pipeline.order, pipeline.label))

    def stage(self, kind: str, pipeline: str, stage: str) -> Stage | None:
        """A stage of a pipeline."""
        found = self.of(kind).get(pipeline)
        return found.stages.get(stage) if found else None

    def add(self, kind: str, body: Mapping[str, object], now: int) -> Pipeline:
        """Create a pipeline with its stages."""
        pipelines = self.of(kind)
        if len(pipelines) >= PIPELINE_LIMIT:
            raise RefusedError(403, "You have reached your limit of pipelines", category="PIPELINE_LIMIT")
        label = _label(body)
        _free_label(label, (pipeline.label for pipeline in pipelines.values()), "pipeline")
        id = str(body.get("pipelineId") or self._ids.number())
        if id in pipelines:
            raise invalid(f"Pipeline with id '{id}' already exists")
        pipeline = Pipeline(id, label, _order(body, len(pipelines)), created=now, updated=now)
        self.set_stages(kind, pipeline, body.get("stages"), now)
        pipelines[id] = pipeline
        self.note(id, "CREATE", now, f"Created pipeline {label}")
        return pipeline

    def set_stages(self, kind: str, pipeline: Pipeline, stages: object, now: int) -> None:
        """Give a pipeline exactly these stages; a stage that is named by id or label keeps its id."""
        if not isinstance(stages, list) or not stages:
            raise invalid("A pipeline needs at least one stage")
        before, fresh = pipeline.stages, Pipeline(pipeline.id, pipeline.label, pipeline.order)
        for place, body in enumerate(stages):
            if not isinstance(body, dict):
                raise invalid("A stage must be an object")
            known = _known(before, body)
            stage = self.new_stage(kind, fresh, {"displayOrder": place, **body}, now, known)
            fresh.stages[stage.id] = stage
        pipeline.stages = fresh.stages
        pipeline.updated = now

    def new_stage(
        self, kind: str, pipeline: Pipeline, body: Mapping[str, object], now: int, known: Stage | None = None
    ) -> Stage:
        """A checked stage for a pipeline, which does not hold it yet."""
        label = _label(body)
        _free_label(label, (stage.label for stage in pipeline.stages.values()), "stage")
        if len(pipeline.stages) >= STAGE_LIMIT.get(kind, 30):
            raise invalid(f"A pipeline can have at most {STAGE_LIMIT.get(kind, 30)} stages")
        id = known.id if known else str(body.get("stageId") or self._ids.number())
        if any(id in other.stages for other in self.of(kind).values() if other.id != pipeline.id):
            raise invalid(f"Stage with id '{id}' already exists")
        created = known.created if known else now
        metadata = stage_metadata(kind, body.get("metadata"))
        return Stage(id, label, _order(body, len(pipeline.stages)), metadata, created, now)

    def change_stage(self, kind: str, pipeline: Pipeline, stage: Stage, body: Mapping[str, object], now: int) -> None:
        """Another label, place or metadata of a stage; metadata is replaced as a whole."""
        label = _label({"label": stage.label, **body})
        _free_label(label, (other.label for other in pipeline.stages.values() if other is not stage), "stage")
        stage.metadata = stage_metadata(kind, body.get("metadata"))
        stage.label, stage.order, stage.updated = label, _order(body, stage.order), now
        self.note(stage.id, "UPDATE", now, f"Updated stage {label}")

    def remove_stage(self, pipeline: Pipeline, stage: Stage, now: int) -> None:
        """Forget a stage; the last one of a pipeline stays."""
        if len(pipeline.stages) == 1:
            raise invalid("The last stage of a pipeline cannot be deleted")
        del pipeline.stages[stage.id]
        self.note(stage.id, "DELETE", now, f"Deleted {stage.label}")

    def relabel(self, kind: str, pipeline: Pipeline, body: Mapping[str, object], now: int) -> None:
        """Another label or place of a pipeline."""
        label = self.free_label(kind, pipeline, body)
        pipeline.label, pipeline.order, pipeline.updated = label, _order(body, pipeline.order), now
        self.note(pipeline.id, "UPDATE", now, f"Updated {label}")

    def free_label(self, kind: str, pipeline: Pipeline, body: Mapping[str, object]) -> str:
        """The label that a pipeline would have, which no other may have."""
        label = _label({"label": pipeline.label, **body})
        _free_label(label, (other.label for other in self.of(kind).values() if other is not pipeline), "pipeline")
        return label

    def note(self, identifier: str, action: str, now: int, message: str) -> None:
        """Add to the trail."""
        self.audit.append(AuditEntry(identifier, action, now, message))


def stage_metadata(kind: str, metadata: object) -> dict[str, str]:
    """Checked metadata as texts; words that mean nothing to HubSpot are kept."""
    given = metadata if isinstance(metadata, dict) else {}
    kept = {name: str(value) for name, value in given.items() if value is not None}
    if kind == "deals":
        return kept | deal_metadata(given)
    state = str(given.get("ticketState", "OPEN")).upper()
    if state not in {"OPEN", "CLOSED"}:
        raise invalid("ticketState must be OPEN or CLOSED")
    return kept | {"ticketState": state, "isClosed": _closed(state)}


def deal_metadata(given: Mapping[str, object]) -> dict[str, str]:
    """Probability in tenths, and whether the stage is closed, which follows from it."""
    try:
        probability = float(str(given["probability"]))
    except KeyError:
        raise invalid("Stage metadata must include a probability") from None
    except ValueError:
        raise invalid("Stage probability must be a number between 0.0 and 1.0") from None
    if not 0 <= probability <= 1 or abs(probability * 10 - round(probability * 10)) > 1e-9:
        raise invalid("Stage probability must be between 0.0 and 1.0 in steps of 0.1")
    closed = probability in {0.0, 1.0}
    return {"isClosed": str(closed).lower(), "probability": str(round(probability, 1))}


def _closed(state: str) -> str:
    return "true" if state == "CLOSED" else "false"


def _label(body: Mapping[str, object]) -> str:
    label = body.get("label")
    if not isinstance(label, str) or not label.strip():
        raise invalid("label must not be blank")
    return label


def _order(body: Mapping[str, object], default: int) -> int:
    order = body.get("displayOrder", default)
    return order if isinstance(order, int) else default


def _free_label(label: str, taken: Iterable[str], what: str) -> None:
    if label.lower() in {other.lower() for other in taken}:
        raise RefusedError(409, f"A {what} with the label '{label}' already exists", category="CONFLICT")


def _known(stages: Mapping[str, Stage], body: Mapping[str, object]) -> Stage | None:
    id = body.get("stageId") or body.get("id")
    if isinstance(id, str):
        return stages.get(id)
    return next((stage for stage in stages.values() if stage.label == body.get("label")), None)
