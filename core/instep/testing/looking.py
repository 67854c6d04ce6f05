"""Claims about what a system holds already: they write nothing, and hold in a sandbox as in a real system."""

from __future__ import annotations

from datetime import UTC

from instep.contract import Seen
from instep.testing.marks import reads_only
from instep.testing.workbench import Workbench, ids, items

NOBODY_HAS = "nobody-has-this-key"


class LookingClaims:
    """What reading promises, whatever there is to read."""

    @reads_only
    def test_every_object_has_fields_that_can_be_told_apart(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            names = [field.name for field in bench.fields(object)]
            assert names
            assert len(set(names)) == len(names)

    @reads_only
    def test_what_a_page_shows_is_what_reading_by_id_shows(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            names = bench.some_fields(object)
            seen = {item.id: item for item in bench.some(object, names)}
            asked = sorted(seen, reverse=True)
            found = bench.records.read(object, asked, names)
            assert [item.id for item in found] == asked
            for item in found:
                assert not isinstance(item, Seen) or item.fields == seen[item.id].fields

    @reads_only
    def test_records_show_no_field_that_nobody_asked_for(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            names = bench.some_fields(object)
            for item in bench.some(object, [*names, "nobody_knows_this_field"]):
                assert set(item.fields) <= set(names)

    @reads_only
    def test_records_say_when_they_were_changed_in_utc(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            assert all(item.modified_at.utcoffset() == UTC.utcoffset(None) for item in bench.some(object, []))

    @reads_only
    def test_a_read_goes_on_behind_its_first_page(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            first, *others = bench.first_pages(object, [])
            if others:
                again = next(iter(bench.records.changed_since(object, [], first.cursor)))
                assert ids(items(others[:1], Seen)) <= ids(items([again, *others[1:]], Seen))

    @reads_only
    def test_nobody_is_found_by_a_key_that_nobody_has(self, bench: Workbench) -> None:
        for object in bench.records.objects:
            key = bench.unique_field(object)
            assert [list(found) for found in bench.records.find(object, key, [NOBODY_HAS], [])] == [[]]

    @reads_only
    def test_everything_that_is_read_is_announced_as_a_read_in_a_declared_lane(self, bench: Workbench) -> None:
        before = len(bench.transport.sent)
        bench.connection.check()
        for object in bench.records.objects:
            bench.first_pages(object, [])
        sent = bench.transport.sent[before:]
        assert sent
        assert {one.lane for one in sent} <= {limit.lane for limit in bench.connection.limits}
        if not bench.makes_records:
            assert not [one.label for one in sent if one.writes]
