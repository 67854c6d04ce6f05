"""The kit itself: it lets nobody cheat, and it notices a connector that breaks its word."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from instep.contract import (
    Absent,
    AddStage,
    ChangeStage,
    Connection,
    Effects,
    Option,
    OrderStages,
    Page,
    RelabelPipeline,
    Relation,
    RetireStage,
    Seen,
    Unknown,
    Written,
)
from instep.testing import ConnectorConformance, Workbench, workbench
from instep_hubspot import HubSpotSettings, hubspot
from instep_hubspot.schema import Option as Property
from instep_hubspot.schema import write_options

Alter = Callable[[Connection], Connection]


@contextmanager
def altered(alter: Alter) -> Iterator[Workbench]:
    """The HubSpot connector with one part changed for the worse."""

    def connect(settings: HubSpotSettings, effects: Effects) -> Connection:
        return alter(hubspot.connect(settings, effects))

    with workbench(replace(hubspot, connect=connect), {}, "instep_id") as bench:
        yield bench


class Store:
    """A record store that does as the real one does, but for what a subclass spoils."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class SortedReads(Store):
    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Any]:
        return sorted(self.real.read(object, ids, fields), key=lambda item: item.id)


class SortedOutcomes(Store):
    def write(self, object: str, writes: Sequence[Any], fields: Sequence[str]) -> list[Any]:
        return sorted(self.real.write(object, writes, fields), key=lambda outcome: type(outcome).__name__)


class AbsentAsBlank(Store):
    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Any]:
        items = self.real.read(object, ids, fields)
        return [replace(i, fields=dict.fromkeys(fields) | i.fields) if isinstance(i, Seen) else i for i in items]


class EagerCursor(Store):
    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        pages = list(self.real.changed_since(object, fields, cursor))
        yield from (Page(page.items, pages[-1].cursor) for page in pages)


class TwinMaker(Store):
    def write(self, object: str, writes: Sequence[Any], fields: Sequence[str]) -> list[Any]:
        self.count = getattr(self, "count", 0) + 1
        twins = [replace(w, key=f"{w.key}-{self.count}") if hasattr(w, "key") else w for w in writes]
        return self.real.write(object, twins, fields)


class WritingReader(Store):
    def find(self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]) -> list[Any]:
        self.real.unrelate([Relation("contacts", "1", "companies", "2")])
        return self.real.find(object, key_field, values, fields)


@pytest.mark.parametrize(
    ("store", "claim"),
    [
        (SortedReads, "test_read_keeps_the_order_it_was_asked_in"),
        (SortedOutcomes, "test_one_bad_record_fails_alone_and_in_its_place"),
        (AbsentAsBlank, "test_absent_is_not_blank"),
        (EagerCursor, "test_reading_can_go_on_from_the_cursor_of_every_page"),
        (EagerCursor, "test_an_interrupted_incremental_read_can_go_on_from_every_page"),
        (TwinMaker, "test_creating_twice_finds_the_first"),
        (WritingReader, "test_reading_changes_nothing"),
    ],
)
def test_a_broken_record_store_is_noticed(store: type[Store], claim: str) -> None:
    more = {"shuffled": False} if "bad_record" in claim else {}
    with altered(lambda whole: replace(whole, records=store(whole.records))) as bench, pytest.raises(AssertionError):
        getattr(ConnectorConformance(), claim)(bench, **more)


class TwinStages(Store):
    def apply(self, changes: Sequence[Any]) -> list[Any]:
        self.count = getattr(self, "count", 0) + 1
        return self.real.apply([self._another(change) for change in changes])

    def _another(self, change: Any) -> Any:
        if not isinstance(change, AddStage):
            return change
        return replace(change, stage=replace(change.stage, label=f"{change.stage.label} {self.count}"))


class Bystanders(Store):
    def apply(self, changes: Sequence[Any]) -> list[Any]:
        outcomes = self.real.apply(changes)
        (pipeline,) = self.real.configured([("tickets", "hs_pipeline_stage")])
        stage = pipeline.stages[-1]
        self.real.apply([ChangeStage("tickets", pipeline.id, stage, replace(stage, label=f"{stage.label}!"))])
        return outcomes


class Renewer(Store):
    """Gives a stage another label by making a new one in its place."""

    def apply(self, changes: Sequence[Any]) -> list[Any]:
        return [self._done(change) for change in changes]

    def _done(self, change: Any) -> Any:
        if not isinstance(change, ChangeStage):
            return self.real.apply([change])[0]
        added, _ = self.real.apply(
            [
                AddStage(change.object, change.list, change.after),
                RetireStage(change.object, change.list, change.before.id),
            ]
        )
        return added


class Careless(Store):
    """Lets a stage go though records hold it: they are moved to another one first."""

    def apply(self, changes: Sequence[Any]) -> list[Any]:
        return [Written(c.id, {}) if isinstance(c, RetireStage) else self.real.apply([c])[0] for c in changes]


class IndexReader(Store):
    def holders(self, object: str, pipeline: str | None, stage: str) -> Sequence[str]:
        return [*self.real.holders(object, pipeline, stage), "1"]


class Confident(Store):
    """Says that what was not answered was written."""

    def apply(self, changes: Sequence[Any]) -> list[Any]:
        return [Written("1", {}) if isinstance(o, Unknown) else o for o in self.real.apply(changes)]


class Inattentive(Store):
    """Makes every change but the order of stages."""

    def apply(self, changes: Sequence[Any]) -> list[Any]:
        return [Written("1", {}) if isinstance(c, OrderStages) else self.real.apply([c])[0] for c in changes]


class WritingLooker(Store):
    def configured(self, fields: Any) -> Any:
        self.real.apply([RelabelPipeline("deals", "default", "Looked at")])
        return self.real.configured(fields)


@pytest.mark.parametrize(
    ("store", "claim"),
    [
        (TwinStages, "test_a_stage_that_is_added_twice_is_there_once_and_last"),
        (TwinStages, "test_changes_that_are_stopped_anywhere_are_completed_by_making_them_again"),
        (Bystanders, "test_another_label_keeps_the_id_and_everything_else"),
        (Bystanders, "test_a_stage_that_is_added_twice_is_there_once_and_last"),
        (Bystanders, "test_stages_are_in_the_order_that_was_asked_for"),
        (Renewer, "test_another_label_keeps_the_id_and_everything_else"),
        (Careless, "test_a_stage_that_a_record_holds_is_not_lost"),
        (Careless, "test_a_stage_that_nothing_holds_is_retired_alone_and_may_be_retired_again"),
        (IndexReader, "test_exactly_the_records_that_hold_a_stage_are_found"),
        (Confident, "test_a_change_that_is_never_answered_is_unknown"),
        (Inattentive, "test_stages_are_in_the_order_that_was_asked_for"),
        (WritingLooker, "test_what_is_configured_is_told_apart_and_read_without_effect"),
    ],
)
def test_a_broken_stage_store_is_noticed(store: type[Store], claim: str) -> None:
    class Kit(ConnectorConformance):
        plugin = hubspot
        stage_fields = (("deals", "dealstage"), ("tickets", "hs_pipeline_stage"))

    with altered(lambda whole: replace(whole, stages=store(whole.stages))) as bench, pytest.raises(AssertionError):
        getattr(Kit(), claim)(bench, Kit.stage_fields[0])


def test_a_choice_that_loses_the_options_of_others_is_noticed() -> None:
    class Replacing(Store):
        def extend(self, object: str, name: str, options: Sequence[Option]) -> Any:
            client = self.real._client
            whole = [Property(option.value, option.label) for option in options]
            write_options(client, object, name, whole)
            return Written(name, {})

    with (
        altered(lambda whole: replace(whole, fields=Replacing(whole.fields))) as bench,
        pytest.raises(AssertionError),
    ):
        ConnectorConformance().test_a_choice_that_is_extended_keeps_the_options_of_others(bench)


def test_a_connector_that_reads_stages_only_is_not_held_to_more() -> None:
    class Reading:
        def __init__(self, real: Any) -> None:
            self.read = real.read

    with (
        altered(lambda whole: replace(whole, stages=Reading(whole.stages))) as bench,
        pytest.raises(pytest.skip.Exception, match="does not configure stages"),
    ):
        ConnectorConformance().test_changing_nothing_sends_nothing(bench, None)


def test_a_reason_that_is_no_sentence_is_noticed() -> None:
    with altered(lambda whole: replace(whole, audiences=Absent("n/a"))) as bench, pytest.raises(AssertionError):
        ConnectorConformance().test_an_absent_part_says_why_in_a_sentence(bench)


def test_a_claim_about_an_absent_part_is_skipped_with_its_reason() -> None:
    reason = "This system has no owners."
    with (
        altered(lambda whole: replace(whole, owners=Absent(reason))) as bench,
        pytest.raises(pytest.skip.Exception, match=reason),
    ):
        ConnectorConformance().test_owners_are_told_apart_and_named(bench)


def test_replacing_a_standard_claim_is_refused() -> None:
    with pytest.raises(TypeError, match="test_check_names_the_org"):
        type("Cheat", (ConnectorConformance,), {"plugin": hubspot, "test_check_names_the_org": lambda self: None})


def test_a_claim_of_ones_own_may_be_added() -> None:
    own = type("Own", (ConnectorConformance,), {"plugin": hubspot, "test_of_our_own": lambda self: None})
    assert own.plugin is hubspot
