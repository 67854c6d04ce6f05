"""The kit itself: it lets nobody cheat, and it notices a connector that breaks its word."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from instep.contract import Absent, Connection, Effects, Page, Relation, Seen
from instep.testing import ConnectorConformance, Workbench, workbench
from instep_hubspot import HubSpotSettings, hubspot

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
