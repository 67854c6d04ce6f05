import logging

import pytest
import requests

from instep.contract import Create, FieldSpec, Missing, Rejected, Unknown, Update, Written
from instep.errors import RemoteError, RetryLaterError
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep_mailchimp.sandbox import API_KEY, MailchimpWorld

MANY = 12


@pytest.fixture
def records(bench: Workbench):
    """A store that writes as a batch from four records on."""
    connection = bench.connect(bench.settings(batch_from=4, batch_minutes=5))
    connection.fields.create(FieldSpec("members", "INSTEP_ID", "Instep id", "text", unique=True))
    bench.sandbox.log.clear()
    return connection.records


def creates(start=0):
    return [
        Create("INSTEP_ID", f"k{n}", {"email_address": f"m{n}@x.example", "FNAME": f"M{n}"})
        for n in range(start, start + MANY)
    ]


def test_many_writes_take_few_requests_and_keep_their_order(bench: Workbench, world: MailchimpWorld, records) -> None:
    outcomes = records.write("members", creates(), ["FNAME"])
    assert [outcome.fields for outcome in outcomes] == [{"FNAME": f"M{n}"} for n in range(MANY)]
    assert [world.look(outcome.id)["email_address"] for outcome in outcomes] == [
        f"m{n}@x.example" for n in range(MANY)
    ]
    assert not bench.sandbox.log.calls("members.put")
    assert bench.sandbox.log.count("batches.start") == 2


def test_few_writes_are_sent_one_by_one(bench: Workbench, records) -> None:
    records.write("members", creates()[:3], [])
    assert bench.sandbox.log.count("members.put") == 3
    assert not bench.sandbox.log.calls("batches.*")


def test_one_refusal_in_a_batch_leaves_the_others(bench: Workbench, world: MailchimpWorld, records) -> None:
    made = records.write("members", creates(), [])
    updates = [Update(outcome.id, {"email_address": f"n{place}@x.example"}, {}) for place, outcome in enumerate(made)]
    updates[3] = Update(made[3].id, {"email_address": "m5@x.example"}, {})
    world.forget(made[7].id)
    outcomes = records.write("members", updates, [])
    assert isinstance(outcomes[3], Rejected)
    assert outcomes[3].code == "duplicate"
    assert isinstance(outcomes[7], Missing)
    assert all(isinstance(outcome, Written) for place, outcome in enumerate(outcomes) if place not in (3, 7))


def test_a_batch_that_is_finished_with_every_operation_failed_is_no_success(
    bench: Workbench, world: MailchimpWorld, records
) -> None:
    for create in creates():
        world.forget(world.add_member(create.fields["email_address"]))
    outcomes = records.write("members", creates(), [])
    assert {outcome.code for outcome in outcomes} == {"forgotten"}


def test_more_than_a_batch_holds_goes_in_several(bench: Workbench, records) -> None:
    bench.behave(batch_operations=5)
    connection = bench.connect(bench.settings(batch_from=4, batch_operations=5))
    outcomes = connection.records.write("members", creates(), [])
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert bench.sandbox.log.count("batches.start") == 6


def test_two_writes_about_one_member_are_never_in_one_batch(bench: Workbench, world: MailchimpWorld, records) -> None:
    made = records.write("members", creates(), [])
    bench.sandbox.log.clear()
    first = [Update(outcome.id, {"FNAME": "First"}, {}) for outcome in made]
    last = [Update(outcome.id, {"FNAME": "Last"}, {}) for outcome in made]
    outcomes = records.write("members", [*first, *last], [])
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert {world.look(outcome.id)["merge_fields"]["FNAME"] for outcome in made} == {"Last"}


def test_a_batch_whose_start_was_lost_is_unknown_and_not_begun_again(
    bench: Workbench, world: MailchimpWorld, records
) -> None:
    bench.faults.add("batches.start", FaultKind.TIMEOUT_AFTER_COMMIT, 1, writes_only=True)
    outcomes = records.write("members", creates(), [])
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)
    assert len([call for call in bench.sandbox.log.calls("batches.start") if call.wrote]) == 1


def test_what_an_earlier_batch_still_does_is_waited_for(bench: Workbench, world: MailchimpWorld, records) -> None:
    bench.faults.add("batches.start", FaultKind.TIMEOUT_AFTER_COMMIT, 1, writes_only=True)
    records.write("members", creates(), [])
    assert world.emails() == []
    bench.connect().settle()
    assert len(world.emails()) == MANY
    found = records.find("members", "INSTEP_ID", ["k0", "k11"], [])
    assert [len(items) for items in found] == [1, 1]


def before_each(bench, do):
    """Have something done before every request, which is named by its label."""
    original = bench.transport.send

    def send(action, *, label, writes, lane="default"):
        do(label, writes)
        return original(action, label=label, writes=writes, lane=lane)

    bench.transport.send = send


def test_reads_of_a_batch_that_never_ends_are_given_up_and_nothing_is_written(bench: Workbench, records) -> None:
    bench.behave(batch_seconds=100_000.0)
    with pytest.raises(RetryLaterError):
        records.write("members", creates(), [])
    assert bench.sandbox.log.count("batches.stop") == 1
    assert not [call for call in bench.sandbox.log.calls("batches.start") if call.wrote]


def test_writes_of_a_batch_that_never_ends_are_stopped_and_unknown(bench: Workbench, records) -> None:
    before_each(bench, lambda label, writes: bench.behave(batch_seconds=100_000.0 if writes else 20.0))
    outcomes = records.write("members", creates(), [])
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)
    assert bench.sandbox.log.count("batches.stop") == 1


def test_a_link_that_has_ended_is_asked_for_anew(bench: Workbench, records) -> None:
    bench.behave(link_seconds=0.0)
    count = bench.sandbox.log.count
    before_each(bench, lambda label, writes: bench.behave(link_seconds=600.0 if count("batches.results") else 0.0))
    outcomes = records.write("members", creates(), [])
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert bench.sandbox.log.calls("batches.results")[0].status == 403


def test_a_link_that_never_works_leaves_writes_unknown(bench: Workbench, records) -> None:
    before_each(bench, lambda label, writes: writes and bench.behave(link_seconds=0.0))
    outcomes = records.write("members", creates(), [])
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)


def test_results_that_cannot_be_read_leave_writes_unknown(bench: Workbench, records) -> None:
    bench.faults.add("batches.results", FaultKind.TRUNCATED_JSON, None, after=1)
    outcomes = records.write("members", creates(), [])
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)


def test_the_key_is_never_sent_to_the_host_of_the_results(
    bench: Workbench, records, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[bool]] = {"results": [], "others": []}
    send = requests.Session.send

    def watched(self, request, **options):
        kind = "results" if "/batch-results/" in request.url else "others"
        seen[kind].append("Authorization" in request.headers)
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    records.write("members", creates(), [])
    assert seen["results"]
    assert not any(seen["results"])
    assert all(seen["others"])


def test_a_link_that_is_not_safe_is_not_followed(bench: Workbench, records, monkeypatch: pytest.MonkeyPatch) -> None:
    from instep_mailchimp import wire

    decode = wire.batch.decode

    class Elsewhere:
        def decode(self, data):
            found = decode(data)
            found.response_body_url = found.response_body_url and "http://203.0.113.9/results"
            return found

    monkeypatch.setattr(wire, "batch", Elsewhere())
    with pytest.raises(RemoteError, match="not safe"):
        records.write("members", creates(), [])


def test_the_secret_is_in_no_batch(bench: Workbench, records, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[bytes] = []
    send = requests.Session.send

    def watched(self, request, **options):
        bodies.append(request.body or b"")
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    records.write("members", creates(), [])
    assert bodies
    assert API_KEY.encode() not in b"".join(bodies)


def test_a_signed_link_is_in_no_line_of_the_log(bench: Workbench, records, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="urllib3"):  # others lower the second
        records.write("members", creates(), [])
    asked = [call.path for call in bench.sandbox.log.calls() if call.path.startswith("/batch-results/")]
    assert asked
    assert [path for path in asked if path in caplog.text] == []
    assert "/3.0/batches" in caplog.text
