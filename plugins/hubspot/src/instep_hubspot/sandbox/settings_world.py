"""What admins do in HubSpot's settings: pipelines, stages, properties and their options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from instep_hubspot.sandbox.bodies import Body
from instep_hubspot.sandbox.definitions import Option, Property
from instep_hubspot.sandbox.pipelines import Pipeline, Stage
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.property_calls import add_property

Definition: TypeAlias = Mapping[str, object]


class SettingsWorld:
    """Acts on the account's settings as its admins would. What HubSpot refuses raises `RefusedError`."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    # --- pipelines and stages ----------------------------------------------------------------------------------

    def add_pipeline(self, object: str, label: str, stages: Iterable[Definition], id: str | None = None) -> str:
        """An admin adds a pipeline; stages are `{"label", "metadata", "stageId"?}`. Gives its id."""
        with self._portal.lock:
            body: Body = {"label": label, "stages": [dict(stage) for stage in stages]}
            if id is not None:
                body["pipelineId"] = id
            kind = self._portal.kind(object)
            return self._portal.pipelines.add(kind.name, body, self._portal.now()).id

    def rename_pipeline(self, object: str, pipeline: str, label: str) -> None:
        """An admin gives a pipeline another label."""
        with self._portal.lock:
            kind = self._portal.kind(object).name
            found = self._portal.pipelines.of(kind)[pipeline]
            self._portal.pipelines.relabel(kind, found, {"label": label}, self._portal.now())

    def add_stage(self, object: str, pipeline: str, label: str, **metadata: object) -> str:
        """An admin adds a stage at the end of a pipeline; gives its id."""
        with self._portal.lock:
            kind, found = self._portal.kind(object).name, self._found(object, pipeline)
            body: Body = {"label": label, "displayOrder": _end(found), "metadata": metadata}
            stage = self._portal.pipelines.new_stage(kind, found, body, self._portal.now())
            found.stages[stage.id] = stage
            return stage.id

    def rename_stage(self, object: str, pipeline: str, stage: str, label: str) -> None:
        """An admin gives a stage another label; its id stays."""
        self._change_stage(object, pipeline, stage, {"label": label})

    def describe_stage(self, object: str, pipeline: str, stage: str, **metadata: object) -> None:
        """An admin changes metadata of a stage: `probability`, `ticketState` or a word of HubSpot's own."""
        with self._portal.lock:
            held = self._found(object, pipeline).stages[stage].metadata
            self._change_stage(object, pipeline, stage, {"metadata": {**held, **metadata}})

    def move_stage(self, object: str, pipeline: str, stage: str, place: int) -> None:
        """An admin drags a stage to another place, counted from nought."""
        with self._portal.lock:
            found = self._found(object, pipeline)
            others = [item for item in found.ordered() if item.id != stage]
            for order, item in enumerate((*others[:place], found.stages[stage], *others[place:])):
                item.order = order

    def remove_stage(self, object: str, pipeline: str, stage: str) -> None:
        """An admin deletes a stage, which no record may be in: so it is in HubSpot's settings."""
        with self._portal.lock:
            kind, found = self._portal.kind(object), self._found(object, pipeline)
            self._portal.require_unused(kind, pipeline, stage)
            self._portal.pipelines.remove_stage(found, found.stages[stage], self._portal.now())

    def stages(self, object: str, pipeline: str) -> list[Stage]:
        """The stages of a pipeline as they are shown."""
        with self._portal.lock:
            return [replace(stage) for stage in self._found(object, pipeline).ordered()]

    def _found(self, object: str, pipeline: str) -> Pipeline:
        return self._portal.pipelines.of(self._portal.kind(object).name)[pipeline]

    def _change_stage(self, object: str, pipeline: str, stage: str, body: Body) -> None:
        with self._portal.lock:
            kind, found = self._portal.kind(object).name, self._found(object, pipeline)
            whole = {"metadata": found.stages[stage].metadata, **body}
            self._portal.pipelines.change_stage(kind, found, found.stages[stage], whole, self._portal.now())

    # --- properties and options --------------------------------------------------------------------------------

    def add_property(self, object: str, definition: Definition) -> None:
        """An admin adds a property; label, group and field type have sensible defaults."""
        with self._portal.lock:
            kind = self._portal.kind(object)
            field = {"number": "number", "date": "date", "datetime": "date", "enumeration": "select"}
            type = str(definition.get("type", "string"))
            add_property(
                self._portal,
                kind,
                {
                    "label": definition["name"],
                    "groupName": next(iter(self._portal.groups[kind.name])),
                    "type": type,
                    "fieldType": field.get(type, "text"),
                    **definition,
                },
            )

    def hide_property(self, object: str, name: str) -> None:
        """An admin takes a property out of sight of the API: answers leave it out, writes are refused."""
        with self._portal.lock:
            self._portal.hidden.setdefault(self._portal.kind(object).name, set()).add(name)

    hide_field = hide_property
    """By the name that it has in every sandbox."""

    def show_property(self, object: str, name: str) -> None:
        """An admin lets the API see a hidden property again."""
        with self._portal.lock:
            self._portal.hidden.get(self._portal.kind(object).name, set()).discard(name)

    def retype_property(self, object: str, name: str, type: str, field_type: str) -> None:
        """An admin gives a property another type; what records hold stays."""
        with self._portal.lock:
            kind = self._portal.kind(object)
            changed = replace(self._portal.properties[kind.name][name], type=type, field_type=field_type)
            self._portal.put_property(kind, replace(changed, updated_at=self._portal.now()))

    def set_options(self, object: str, name: str, options: Iterable[tuple[str, str]]) -> None:
        """An admin changes the choices of an enumeration, given as (value, label) in order."""
        with self._portal.lock:
            choices = (Option(label, value, place) for place, (value, label) in enumerate(options))
            self._put_options(object, name, choices)

    def options(self, object: str, name: str) -> tuple[Option, ...]:
        """The choices of an enumeration."""
        with self._portal.lock:
            return self._property(object, name).options

    def add_option(self, object: str, name: str, label: str, value: str | None = None) -> str:
        """An admin adds a choice at the end; gives its value. For a lifecycle stage HubSpot makes up a number.

        developers.hubspot.com/changelog/upcoming-customized-lifecycle-stages-for-contacts-and-companies
        """
        with self._portal.lock:
            held = self._property(object, name).options
            made_up = str(self._portal.ids.number()) if name == "lifecyclestage" else label
            option = Option(label, value or made_up, len(held))
            self._put_options(object, name, (*held, option))
            return option.value

    def rename_option(self, object: str, name: str, value: str, label: str) -> None:
        """An admin gives a choice another label; its value stays."""
        self._change_option(object, name, value, lambda option: replace(option, label=label))

    def hide_option(self, object: str, name: str, value: str) -> None:
        """An admin lets nobody choose a value any more; records that hold it keep it."""
        self._change_option(object, name, value, lambda option: replace(option, hidden=True))

    def describe_option(self, object: str, name: str, value: str, description: str) -> None:
        """An admin says what a choice means."""
        self._change_option(object, name, value, lambda option: replace(option, description=description))

    def remove_option(self, object: str, name: str, value: str) -> None:
        """An admin deletes a choice; records that held it keep it."""
        with self._portal.lock:
            held = self._property(object, name).options
            self._put_options(object, name, (option for option in held if option.value != value))

    def _change_option(self, object: str, name: str, value: str, change: Callable[[Option], Option]) -> None:
        with self._portal.lock:
            held = self._property(object, name).options
            self._put_options(object, name, (change(option) if option.value == value else option for option in held))

    def _property(self, object: str, name: str) -> Property:
        return self._portal.properties[self._portal.kind(object).name][name]

    def _put_options(self, object: str, name: str, options: Iterable[Option]) -> None:
        changed = replace(self._property(object, name), options=tuple(options), updated_at=self._portal.now())
        self._portal.put_property(self._portal.kind(object), changed)


def _end(pipeline: Pipeline) -> int:
    return max((stage.order for stage in pipeline.stages.values()), default=-1) + 1
