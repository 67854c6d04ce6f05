"""Claims about reading records."""

from __future__ import annotations

from datetime import UTC
from typing import Protocol, runtime_checkable

import pytest

from instep.contract import Delete, Gone, MergedInto, Seen, Update, Written
from instep.errors import InstepError, RemoteError
from instep.sandbox import FaultKind
from instep.testing.workbench import Workbench, ids, items

NOBODY_KNOWS = "nobody_knows_this_field"
MANY = 230


@runtime_checkable
class FieldHands(Protocol):
    """What a sandbox's world can do, so that the claim about hidden fields can be tested."""

    def hide_field(self, object: str, name: str) -> None:
        """An admin takes a field out of sight of the connection's login."""
        ...


class ReadingClaims:
    """What `changed_since`, `read` and `find` promise."""

    def test_a_first_read_gives_every_record_of_every_object(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            made = set(bench.make(object, 3))
            assert made <= ids(items(bench.pages(object), Seen))

    def test_reading_can_go_on_from_the_cursor_of_every_page(self, bench: Workbench) -> None:
        made = set(bench.make(bench.object, MANY))
        bench.pass_time()  # or an overlap would bring back what a bad cursor skips
        pages = bench.pages(bench.object)
        for place, page in enumerate(pages):
            rest = bench.pages(bench.object, (), page.cursor)
            seen = ids(items([*pages[: place + 1], *rest], Seen))
            assert made <= seen, f"After page {place + 1} of {len(pages)} some records are skipped."

    def test_an_interrupted_incremental_read_can_go_on_from_every_page(self, bench: Workbench) -> None:
        cursor = bench.end(bench.object)
        made = set(bench.make(bench.object, MANY))
        bench.pass_time()  # likewise
        pages = bench.pages(bench.object, (), cursor)
        for place, page in enumerate(pages):
            rest = bench.pages(bench.object, (), page.cursor)
            assert made <= ids(items([*pages[: place + 1], *rest], Seen))

    def test_records_that_changed_at_one_instant_are_all_read(self, bench: Workbench) -> None:
        cursor = bench.end(bench.object)
        made = set(bench.make(bench.object, MANY))
        bench.pass_time()
        assert made <= ids(items(bench.pages(bench.object, (), cursor), Seen))

    def test_nothing_new_means_nothing_read(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            bench.make(object)
            cursor = bench.end(object)
            assert not [page for page in bench.pages(object, (), cursor) if page.items]

    def test_a_cursor_from_the_future_skips_nothing(self, bench: Workbench) -> None:
        cursor = bench.cursor_of_next_year()
        made = set(bench.make(bench.object, 3))
        seen: set[str] = set()
        for _ in range(2):
            pages = bench.pages(bench.object, (), cursor)
            seen, cursor = seen | ids(items(pages, Seen)), pages[-1].cursor if pages else cursor
            bench.pass_time()
        assert made <= seen
        (later,) = bench.make(bench.object)
        bench.pass_time()
        assert later in ids(items(bench.pages(bench.object, (), cursor), Seen))

    def test_a_read_of_nothing_still_moves_the_cursor_on(self, bench: Workbench) -> None:
        cursor = bench.end(bench.object)
        assert bench.pages(bench.object, (), cursor)

    def test_a_changed_record_is_read_again(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            name = bench.text_field(object)
            first, _ = bench.make(object, 2)
            cursor = bench.end(object, fields=[name])
            bench.write(object, [Update(first, {name: "Changed"}, {})])
            bench.pass_time()
            seen = items(bench.pages(object, [name], cursor), Seen)
            assert [(item.id, item.fields[name]) for item in seen] == [(first, "Changed")]

    def test_a_change_in_the_same_instant_as_a_read_is_not_lost(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            name = bench.text_field(object)
            (id,) = bench.make(object)
            cursor = bench.pages(object, [name])[-1].cursor
            bench.write(object, [Update(id, {name: "At once"}, {})])
            bench.pass_time()
            seen = items(bench.pages(object, [name], cursor), Seen)
            assert [item.fields[name] for item in seen if item.id == id][-1:] == ["At once"]

    def test_a_deleted_record_is_reported_once(self, bench: Workbench) -> None:
        bench.need("delete_feed")
        for object in bench.records.objects:
            first, _ = bench.make(object, 2)
            cursor = bench.end(object)
            bench.write(object, [Delete(first)])
            pages = bench.pages(object, (), cursor)
            assert [item.id for item in items(pages, Gone)] == [first]
            assert not items(bench.pages(object, (), pages[-1].cursor), Gone)

    def test_a_first_read_reports_what_lies_in_the_bin(self, bench: Workbench) -> None:
        bench.need("delete_feed")
        first, _ = bench.make(bench.object, 2)
        bench.write(bench.object, [Delete(first)])
        assert [item.id for item in items(bench.pages(bench.object), Gone)] == [first]

    def test_a_merge_says_where_the_ids_went_and_never_that_they_are_gone(self, bench: Workbench) -> None:
        bench.need("merge_signal")
        kept, merged = bench.make(bench.object, 2)
        cursor = bench.end(bench.object)
        survivor = bench.sandbox.world.merge(bench.object, kept, merged)
        bench.pass_time()
        pages = bench.pages(bench.object, (), cursor)
        moved = {item.id: item.survivor for item in items(pages, MergedInto)}
        assert moved == {id: survivor for id in (kept, merged) if id != survivor}
        assert not items(pages, Gone)

    def test_within_a_page_merges_come_before_deletes_and_deletes_before_records(self, bench: Workbench) -> None:
        bench.need("merge_signal")
        kept, merged, deleted = bench.make(bench.object, 3)
        cursor = bench.end(bench.object)
        bench.sandbox.world.merge(bench.object, kept, merged)
        bench.write(bench.object, [Delete(deleted)])
        bench.pass_time()
        order = {MergedInto: 0, Gone: 1}
        for page in bench.pages(bench.object, (), cursor):
            ranks = [order.get(type(item), 2) for item in page.items]
            assert ranks == sorted(ranks)

    def test_a_merged_record_is_read_under_its_new_id(self, bench: Workbench) -> None:
        bench.need("merge_signal")
        kept, merged = bench.make(bench.object, 2)
        survivor = bench.sandbox.world.merge(bench.object, kept, merged)
        item = bench.records.read(bench.object, [merged], [])[0]
        assert isinstance(item, MergedInto)
        assert (item.id, item.survivor) == (merged, survivor)

    def test_read_keeps_the_order_it_was_asked_in(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            first, second, third = bench.make(object, 3)
            asked = [third, first, second, first]
            assert [item.id for item in bench.records.read(object, asked, [])] == asked

    def test_a_deleted_record_is_read_as_gone_in_its_place(self, bench: Workbench) -> None:
        first, second, third = bench.make(bench.object, 3)
        bench.write(bench.object, [Delete(second)])
        found = bench.records.read(bench.object, [first, second, third], [])
        assert [type(item) for item in found] == [Seen, Gone, Seen]

    def test_absent_is_not_blank(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            blank = bench.other_text_field(object)
            (id,) = bench.make(object)
            for fields in (
                bench.fields_of(object, id, [blank, NOBODY_KNOWS]),
                items(bench.pages(object, [blank, NOBODY_KNOWS]), Seen)[-1].fields,
            ):
                assert fields[blank] is None
                assert NOBODY_KNOWS not in fields

    def test_a_field_that_was_hidden_is_absent_and_not_blank(self, bench: Workbench) -> None:
        hands = bench.sandbox.world
        if not isinstance(hands, FieldHands):
            pytest.skip(f"Nobody can hide a field in the sandbox of {bench.plugin.name}.")
        name, hidden = bench.text_field(bench.object), bench.other_text_field(bench.object)
        (id,) = bench.make(bench.object)
        bench.write(bench.object, [Update(id, {hidden: "Seen by few"}, {})])
        cursor = bench.end(bench.object, fields=[name, hidden])
        hands.hide_field(bench.object, hidden)
        bench.write(bench.object, [Update(id, {name: "Changed"}, {})])
        bench.pass_time()
        read = [item.fields for item in items(bench.pages(bench.object, [name, hidden], cursor), Seen)]
        assert [*read, bench.fields_of(bench.object, id, [name, hidden])] == [{name: "Changed"}] * 2

    def test_a_record_has_the_fields_that_were_asked_for_and_no_others(self, bench: Workbench) -> None:
        name = bench.text_field(bench.object)
        (id,) = bench.make(bench.object)
        assert set(bench.fields_of(bench.object, id, [name])) == {name}
        assert set(items(bench.pages(bench.object, [name]), Seen)[-1].fields) == {name}

    def test_modification_times_are_aware_and_in_utc(self, bench: Workbench) -> None:
        bench.make(bench.object)
        for item in items(bench.pages(bench.object), Seen):
            assert item.modified_at.utcoffset() == UTC.utcoffset(None)

    def test_find_sees_a_write_at_once_and_keeps_the_order(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            creates = [bench.new(object) for _ in range(2)]
            made = [o.id for o in bench.write(object, creates) if isinstance(o, Written)]
            asked = [creates[1].key, "nobody-has-this-key", creates[0].key]
            found = bench.records.find(object, bench.key_field, asked, [])
            assert [[seen.id for seen in one] for one in found] == [[made[1]], [], [made[0]]]

    def test_reading_changes_nothing(self, bench: Workbench) -> None:
        (id,) = bench.make(bench.object)
        bench.sandbox.log.clear()
        bench.transport.sent.clear()
        bench.pages(bench.object)
        bench.records.read(bench.object, [id, "1"], [])
        bench.records.find(bench.object, bench.key_field, ["x"], [])
        assert not bench.sandbox.log.writes()
        assert not [sent for sent in bench.transport.sent if sent.writes]

    def test_every_request_passes_the_transport_in_a_declared_lane(self, bench: Workbench) -> None:
        bench.make(bench.object, 2)
        bench.end(bench.object)
        assert len(bench.transport.sent) == len(bench.sandbox.log.calls())
        assert {sent.lane for sent in bench.transport.sent} <= {limit.lane for limit in bench.connection.limits}

    def test_every_write_is_announced_as_one(self, bench: Workbench) -> None:
        bench.make(bench.object, 2)
        announced = [sent.writes for sent in bench.transport.sent]
        assert announced == [call.wrote for call in bench.sandbox.log.calls()]

    @pytest.mark.parametrize("kind", [FaultKind.TRUNCATED_JSON, FaultKind.HTML_502, FaultKind.NON_UTF8])
    def test_an_answer_that_cannot_be_read_is_never_taken_for_empty(self, bench: Workbench, kind: FaultKind) -> None:
        (id,) = bench.make(bench.object)
        bench.faults.add("*", kind, None)
        with pytest.raises(RemoteError):
            bench.pages(bench.object)
        with pytest.raises(RemoteError):
            bench.records.read(bench.object, [id], [])
        with pytest.raises(RemoteError):
            bench.records.find(bench.object, bench.key_field, ["x"], [])

    def test_a_transport_that_stops_a_read_is_heard_at_once(self, bench: Workbench) -> None:
        (id,) = bench.make(bench.object)
        bench.transport.stop_with = InstepError("Stop here.")
        for attempt in (lambda: bench.pages(bench.object), lambda: bench.records.read(bench.object, [id], [])):
            with pytest.raises(InstepError, match=r"Stop here\."):
                attempt()
