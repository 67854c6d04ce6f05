"""A record that was deleted is still told of, so that nobody creates it again."""

from __future__ import annotations

from instep_hubspot import hubspot
from instep_hubspot.sandbox import hubspot_sandbox

from instep.contract import Gone, RecordStore
from instep.testing import workbench


def test_a_deleted_record_is_found_as_gone() -> None:
    with hubspot_sandbox() as sandbox, workbench(hubspot, sandbox) as bench:
        sandbox.world.add_property("contacts", {"name": "instep_id", "hasUniqueValue": True})
        kept = sandbox.world.create("contacts", email="kept@x.example", instep_id="in_kept")
        lost = sandbox.world.create("contacts", email="lost@x.example", instep_id="in_lost")
        sandbox.world.archive("contacts", lost)
        records = bench.connection.records
        assert isinstance(records, RecordStore)
        found = records.find("contacts", "instep_id", ["in_kept", "in_lost", "in_none"], ["email"])
    assert [item.id for item in found[0]] == [kept]
    assert [type(item) for item in found[1]] == [Gone]
    assert found[2] == ()
