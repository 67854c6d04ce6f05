"""The stages of a system: reading them, and configuring them.

A *list* is an ordered set of stages: a pipeline, or the options of one field (its id is the field's name then). Some
systems keep the stages of all pipelines of an object in one list, from which each pipeline *offers* a selection.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from instep.contract.writing import Outcome
from instep.model.values import Scalar


@dataclass(frozen=True, slots=True)
class SystemStage:
    """A stage as the system has it. `probability` runs from 0 to 1; `closed` and `won` where the system says.

    `id` is what records hold. `details` are what else the system keeps of a stage, in its own words. `active` is
    false for one that records may still hold, and that nobody can choose any more. Only `configured` tells these two.
    """

    id: str
    label: str
    order: int
    closed: bool = False
    won: bool = False
    probability: float | None = None
    details: Mapping[str, Scalar] = dataclasses.field(default_factory=dict)
    active: bool = True


@dataclass(frozen=True, slots=True)
class Pipeline:
    """An ordered set of stages of one object. A single-valued stage field has one pipeline, id = its field.

    `offers_from` is the id of the object's list whose stages this pipeline offers a selection of; None where its
    stages are its own.
    """

    object: str
    id: str
    label: str
    stages: tuple[SystemStage, ...]
    offers_from: str | None = None


@dataclass(frozen=True, slots=True)
class StageLimits:
    """What the stages of one object's field can be, and what can be done to them."""

    object: str
    field: str
    """The record's field that holds the stage, as the mapping names it."""
    shared_list: str | None = None
    """The id of the one list that has all stages of the object; None where every pipeline has stages of its own."""
    makes_pipelines: bool = False
    """Whether pipelines can be created, beside those that are there."""
    ids_are_labels: bool = False
    """Whether a stage's id is the label that it was created with; otherwise the system gives one.

    Where it is not, a stage that the files name by its id keeps the label that it has.
    """
    has_outcomes: bool = False
    """Whether a stage says that the journey is closed, won, and how probable that is."""
    probability_step: float = 0.01
    lowest_open: float = 0.0
    highest_open: float = 1.0
    """The probabilities that an open stage can have. A won one has 1, one closed otherwise has 0."""
    keeps_retired: bool = False
    """Whether a retired stage is kept, and told as inactive; otherwise it is gone from `configured`."""
    label_length: int = 255
    pipeline_label_length: int = 255
    most_stages: int | None = None
    """How many active stages one list can have."""
    details: Mapping[str, Collection[str] | type] = dataclasses.field(default_factory=dict)
    """The further words of a stage, each with its values, or `bool`, `str` or `int`."""
    reserved: frozenset[str] = frozenset()
    """Labels that are refused, in lower case."""
    by_hand: str = ""
    """Where no API changes these stages: how a person does it, in a sentence. Blank where the API does."""


# --- what is configured ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddPipeline:
    """A new pipeline. `stages` are its own, in order, without ids; or, of a shared list, those that it offers.

    `name` is what the mapping calls it, where the system lets a name be chosen beside the label.
    """

    object: str
    name: str
    label: str
    stages: tuple[SystemStage, ...]


@dataclass(frozen=True, slots=True)
class RelabelPipeline:
    object: str
    pipeline: str
    label: str


@dataclass(frozen=True, slots=True)
class AddStage:
    """A new stage at the end of a list, or one that is inactive there and active from now on, as it is said here."""

    object: str
    list: str
    stage: SystemStage


@dataclass(frozen=True, slots=True)
class ChangeStage:
    """Another label, probability or detail of a stage; its id stays."""

    object: str
    list: str
    before: SystemStage
    after: SystemStage


@dataclass(frozen=True, slots=True)
class OrderStages:
    """The order of a list's active stages. Ids that are not named keep their place as far as can be."""

    object: str
    list: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferStages:
    """Stages of the shared list that a pipeline offers from now on, and those that it offers no more."""

    object: str
    pipeline: str
    offered: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetireStage:
    """Delete a stage that no record holds, or make it inactive where the system keeps what is retired."""

    object: str
    list: str
    id: str


StageChange = AddPipeline | RelabelPipeline | AddStage | ChangeStage | OrderStages | OfferStages | RetireStage


@runtime_checkable
class StageStore(Protocol):
    def read(self) -> tuple[Pipeline, ...]:
        """Every pipeline in use, with the stages that records of it can be in."""
        ...


@runtime_checkable
class ConfigurableStages(StageStore, Protocol):
    """A stage store whose stages can be configured, or whose configuration can at least be compared."""

    def limits(self, object: str, field: str) -> StageLimits | None:
        """What can be configured where a field of an object holds stages; None where that field is no list.

        May read what the system says of the field.
        """
        ...

    def configured(self, fields: Collection[tuple[str, str]]) -> tuple[Pipeline, ...]:
        """Every list and pipeline behind these fields, as (object, field), as configured now, details included.

        Nothing but reading rights is needed. Inactive stages come last. A field that is no list has none.
        """
        ...

    def apply(self, changes: Sequence[StageChange]) -> list[Outcome]:
        """Configure; one outcome for each change, in their order.

        Nothing that a change does not name is lost: lists are read, merged and written whole where the system wants
        them whole. `Written.id` is the id of what was added or changed; of a new pipeline, `Written.fields` has the
        ids of its stages by their labels. What is as it should be already counts as written. A stage that records
        hold is never deleted: that is a `Rejected` with the code `in_use`.
        """
        ...

    def holders(self, object: str, pipeline: str | None, stage: str) -> Sequence[str]:
        """The ids of the live records that hold a stage: of one pipeline or list of options, or of all pipelines."""
        ...
