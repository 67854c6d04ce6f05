"""Pipelines and their stages: `/crm/v3/pipelines/{type}`."""

from __future__ import annotations

from collections.abc import Callable

from instep.sandbox import Request, Response
from instep_hubspot.sandbox.bodies import Body, body_of
from instep_hubspot.sandbox.errors import invalid, not_found
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.operations import NOTHING, Operation
from instep_hubspot.sandbox.pipelines import Pipeline, Stage
from instep_hubspot.sandbox.portal import Portal

_ALL = "/crm/v3/pipelines/{objectType}"
_ONE = f"{_ALL}/{{pipelineId}}"
_STAGES = f"{_ONE}/stages"
_STAGE = f"{_STAGES}/{{stageId}}"
_CAREFUL_SINCE = "/crm/pipelines/2026-09"


class PipelineCalls:
    """Read and change pipelines. Nothing protects records from a deleted stage unless the call asks."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        read, write = self._scope("read"), self._scope("write")
        return [
            Operation("GET", _ALL, self.list, "pipelines.list", read),
            Operation("POST", _ALL, self.create, "pipelines.create", write),
            Operation("GET", _ONE, self.read, "pipelines.read", read),
            Operation("PATCH", _ONE, self.update, "pipelines.update", write),
            Operation("PUT", _ONE, self.replace, "pipelines.replace", write),
            Operation("DELETE", _ONE, self.delete, "pipelines.delete", write),
            Operation("GET", f"{_ONE}/audit", self.audit, "pipelines.audit", read),
            Operation("GET", _STAGES, self.list_stages, "stages.list", read),
            Operation("POST", _STAGES, self.create_stage, "stages.create", write),
            Operation("GET", _STAGE, self.read_stage, "stages.read", read),
            Operation("PATCH", _STAGE, self.update_stage, "stages.update", write),
            Operation("PUT", _STAGE, self.replace_stage, "stages.replace", write),
            Operation("DELETE", _STAGE, self.delete_stage, "stages.delete", write),
            Operation("GET", f"{_STAGE}/audit", self.audit_stage, "stages.audit", read),
        ]

    def _scope(self, action: str) -> Callable[[Request], str]:
        def scope(request: Request) -> str:
            kind = self._portal.kind(request.params["objectType"])
            return kind.scope or f"crm.schemas.{kind.name}.{action}"

        return scope

    def _kind(self, request: Request) -> ObjectType:
        return self._portal.kind(request.params["objectType"])

    def _pipeline(self, request: Request) -> Pipeline:
        pipelines = self._portal.pipelines.of(self._kind(request).name)
        if (found := pipelines.get(request.params["pipelineId"])) is None:
            raise not_found()
        return found

    def _stage(self, request: Request) -> Stage:
        if (found := self._pipeline(request).stages.get(request.params["stageId"])) is None:
            raise not_found()
        return found

    def list(self, request: Request) -> Response:
        """All pipelines of a kind of record."""
        pipelines = self._portal.pipelines.of(self._kind(request).name).values()
        ordered = sorted(pipelines, key=lambda pipeline: (pipeline.order, pipeline.label))
        return Response.of({"results": [pipeline.to_dict() for pipeline in ordered]})

    def read(self, request: Request) -> Response:
        """One pipeline."""
        return Response.of(self._pipeline(request).to_dict())

    def create(self, request: Request) -> Response:
        """A new pipeline with its stages."""
        kind, body = self._kind(request), body_of(request)
        _require(body, "label", "displayOrder", "stages")
        pipeline = self._portal.pipelines.add(kind.name, body, self._portal.now())
        return Response.of(pipeline.to_dict(), 201)

    def update(self, request: Request) -> Response:
        """Another label or place."""
        pipeline, body, kind = self._pipeline(request), body_of(request), self._kind(request)
        self._portal.pipelines.relabel(kind.name, pipeline, body, self._portal.now())
        return Response.of(pipeline.to_dict())

    def replace(self, request: Request) -> Response:
        """Exactly these stages; those that are not named are deleted. What is refused changes nothing."""
        pipeline, body, kind = self._pipeline(request), body_of(request), self._kind(request)
        _require(body, "label", "displayOrder", "stages")
        self._portal.pipelines.free_label(kind.name, pipeline, body)
        before = dict(pipeline.stages)
        trial = Pipeline(pipeline.id, pipeline.label, pipeline.order, dict(before))
        self._portal.pipelines.set_stages(kind.name, trial, body.get("stages"), self._portal.now())
        for gone in before.keys() - trial.stages.keys():
            self._protect(request, kind, pipeline, gone)
        pipeline.stages = trial.stages
        self._portal.pipelines.relabel(kind.name, pipeline, body, self._portal.now())
        return Response.of(pipeline.to_dict())

    def delete(self, request: Request) -> Response:
        """Forget a pipeline; the last one stays."""
        kind, pipeline = self._kind(request), self._pipeline(request)
        pipelines = self._portal.pipelines.of(kind.name)
        if len(pipelines) == 1:
            raise invalid("The last pipeline cannot be deleted")
        for stage in pipeline.stages:
            self._protect(request, kind, pipeline, stage)
        del pipelines[pipeline.id]
        self._portal.pipelines.note(pipeline.id, "DELETE", self._portal.now(), f"Deleted {pipeline.label}")
        return NOTHING

    def list_stages(self, request: Request) -> Response:
        """The stages of one pipeline."""
        return Response.of({"results": [stage.to_dict() for stage in self._pipeline(request).ordered()]})

    def read_stage(self, request: Request) -> Response:
        """One stage."""
        return Response.of(self._stage(request).to_dict())

    def create_stage(self, request: Request) -> Response:
        """A new stage."""
        kind, pipeline, now = self._kind(request), self._pipeline(request), self._portal.now()
        stage = self._portal.pipelines.new_stage(kind.name, pipeline, body_of(request), now)
        pipeline.stages[stage.id] = stage
        self._portal.pipelines.note(stage.id, "CREATE", now, f"Created stage {stage.label}")
        return Response.of(stage.to_dict(), 201)

    def update_stage(self, request: Request) -> Response:
        """Another label, place or metadata."""
        body = body_of(request)
        _require(body, "metadata")
        return self._change_stage(request, body)

    def replace_stage(self, request: Request) -> Response:
        """A stage as the body says."""
        body = body_of(request)
        _require(body, "label", "displayOrder")
        return self._change_stage(request, body)

    def _change_stage(self, request: Request, body: Body) -> Response:
        kind, pipeline, stage = self._kind(request), self._pipeline(request), self._stage(request)
        self._portal.pipelines.change_stage(kind.name, pipeline, stage, body, self._portal.now())
        return Response.of(stage.to_dict())

    def delete_stage(self, request: Request) -> Response:
        """Forget a stage; the last one of a pipeline stays."""
        kind, pipeline, stage = self._kind(request), self._pipeline(request), self._stage(request)
        self._protect(request, kind, pipeline, stage.id)
        self._portal.pipelines.remove_stage(pipeline, stage, self._portal.now())
        return NOTHING

    def _protect(self, request: Request, kind: ObjectType, pipeline: Pipeline, stage: str) -> None:
        """Refuse to delete what is in use, where the call or its version asks for that.

        One flag is for deals, the other for everything else.
        developers.hubspot.com/changelog/pipeline-stage-validation-true
        """
        asked = "validateDealStageUsagesBeforeDelete" if kind.name == "deals" else "validateReferencesBeforeDelete"
        if request.flag(asked, default=_CAREFUL_SINCE in request.target):
            self._portal.require_unused(kind, pipeline.id, stage)

    def audit(self, request: Request) -> Response:
        """What was done to a pipeline, newest first."""
        return self._trail(self._pipeline(request).id)

    def audit_stage(self, request: Request) -> Response:
        """What was done to a stage, newest first."""
        return self._trail(self._stage(request).id)

    def _trail(self, identifier: str) -> Response:
        entries = [entry for entry in self._portal.pipelines.audit if entry.identifier == identifier]
        return Response.of({"results": [entry.to_dict(self._portal.portal_id) for entry in entries[::-1]]})


def _require(body: Body, *names: str) -> None:
    for name in names:
        if name not in body:
            raise invalid(f"{name} is required")
