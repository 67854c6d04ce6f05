"""A record that was deleted is still told of, so that nobody creates it again."""

from __future__ import annotations

import random

from instep.contract import Effects, Gone, RecordStore
from instep.testing import CountingTransport
from instep_hubspot import hubspot
from instep_hubspot.sandbox import hubspot_sandbox


def test_a_deleted_record_is_found_as_gone() -> None:
    with hubspot_sandbox() as sandbox:
        sandbox.world.add_property("contacts", {"name": "instep_id", "hasUniqueValue": True})
        kept = sandbox.world.create("contacts", email="kept@x.example", instep_id="in_kept")
        lost = sandbox.world.create("contacts", email="lost@x.example", instep_id="in_lost")
        sandbox.world.archive("contacts", lost)
        effects = Effects(CountingTransport(), sandbox.clock.now, lambda seconds: None, random.Random(0))
        connection = hubspot.connect(hubspot.settings(**sandbox.settings), effects)
        assert isinstance(connection.records, RecordStore)
        found = connection.records.find("contacts", "instep_id", ["in_kept", "in_lost", "in_none"], ["email"])
        connection.close()
    assert [item.id for item in found[0]] == [kept]
    assert [type(item) for item in found[1]] == [Gone]
    assert found[2] == ()
