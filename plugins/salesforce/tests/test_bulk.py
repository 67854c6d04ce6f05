import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from instep.contract import Create, Erase, Gone, Missing, Moved, Outcome, Rejected, Unknown, Update, Written
from instep.errors import RetryLaterError
from instep.model.values import Scalar
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep.testing.workbench import is_sentence
from instep_salesforce import bulk
from instep_salesforce.batches import MOST, Row
from instep_salesforce.bulk import costs_less, fits

KEY = "Instep_Id__c"
MANY = 1500


@pytest.fixture(autouse=True)
def keyed(bench: Workbench) -> None:
    for object in bench.records.objects:
        bench.sandbox.world.add_field(object, KEY, unique=True, external_id=True)
    bench.connection.check()
    bench.records.read("Contact", [], [])
    bench.transport.sent.clear()


@pytest.fixture
def made(bench: Workbench) -> list[str]:
    return bench.sandbox.world.load("Contact", [{"LastName": f"P{n}", "Title": "Old"} for n in range(MANY)])


def titled(ids: Sequence[str], **more: Scalar) -> list[Update]:
    return [Update(id, {"Title": f"T{n}", **more}, {}) for n, id in enumerate(ids)]


def steps(bench: Workbench) -> list[str]:
    return [sent.label.removeprefix("Contact/") for sent in bench.transport.sent]


def kinds(outcomes: Sequence[Outcome]) -> set[type]:
    return {type(outcome) for outcome in outcomes}


def said(code: str, status: int = 400) -> dict[str, Any]:
    body = json.dumps([{"errorCode": code, "message": "Not like this"}]).encode()
    return {"status": status, "body": body}


# --- when ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "by_job"), [(1, False), (1400, False), (1401, True), (10_000, True)])
def test_a_job_is_used_where_it_takes_fewer_calls(rows: int, by_job: bool) -> None:
    assert costs_less(rows) is by_job
    calls = -(-rows // MOST)
    assert by_job is (calls > 7)


def test_many_updates_are_one_job_and_are_read_back(bench: Workbench, made: list[str]) -> None:
    outcomes = bench.records.write("Contact", titled(made), ["LastName"])
    assert steps(bench) == [
        *("bulk/create", "bulk/upload", "bulk/close", "bulk/job", "bulk/job"),
        *("bulk/successfulResults", "bulk/failedResults", "read"),
    ]
    assert [o.id for o in outcomes if isinstance(o, Written)] == made
    assert [o.fields for o in outcomes if isinstance(o, Written)] == [
        {"LastName": f"P{n}", "Title": f"T{n}"} for n in range(MANY)
    ]


def test_many_creates_are_one_job_that_finds_what_is_there(bench: Workbench) -> None:
    creates = [Create(KEY, f"k{n}", {"LastName": f"Pé{n}", "Title": "CTO"}) for n in range(MANY)]
    first = bench.records.write("Contact", creates, [KEY])
    again = bench.records.write(
        "Contact", [Create(KEY, c.key.upper(), {"LastName": "New"}) for c in creates], ["Title"]
    )
    assert [o.created for o in first if isinstance(o, Written)] == [True] * MANY
    assert [(o.id, o.created) for o in again if isinstance(o, Written)] == [
        (o.id, False) for o in first if isinstance(o, Written)
    ]
    assert {o.fields["Title"] for o in again if isinstance(o, Written)} == {"CTO"}
    assert {o.fields["LastName"] for o in first if isinstance(o, Written)} == {f"Pé{n}" for n in range(MANY)}


@pytest.mark.parametrize(
    "changes", [{"bulk": False}, {"assignment_rules": True}, {"allow_duplicates": True}], ids=lambda c: next(iter(c))
)
def test_no_job_is_used_where_it_is_off_or_would_not_know_the_orgs_rules(
    bench: Workbench, changes: dict[str, bool]
) -> None:
    records: Any = bench.connect(bench.settings(**changes)).records
    creates = [Create(KEY, f"k{n}", {"LastName": "P"}) for n in range(MANY)]
    size = records.batch.write
    for start in range(0, MANY, size):
        assert kinds(records.write("Contact", creates[start : start + size], [])) == {Written}
    assert not [step for step in steps(bench) if step.startswith("bulk")]


def test_what_a_file_cannot_say_goes_the_other_way(bench: Workbench, made: list[str]) -> None:
    updates = titled(made)
    updates[3] = Update(made[3], {"Title": "#N/A"}, {})
    assert kinds(bench.records.write("Contact", updates, [])) == {Written}
    assert steps(bench).count("update") == 1
    assert bench.fields_of("Contact", made[3], ["Title"]) == {"Title": "#N/A"}


@pytest.mark.parametrize(
    ("value", "fitting"), [("#N/A", False), ("x" * 32_001, False), ("x" * 32_000, True), (None, True)]
)
def test_a_file_takes_cells_of_a_certain_size_and_one_text_means_to_clear(value: str | None, fitting: bool) -> None:
    assert fits(Row(0, "003", {"Description": value})) is fitting


def test_the_same_record_twice_goes_in_two_rounds(bench: Workbench, made: list[str]) -> None:
    outcomes = bench.records.write("Contact", [*titled(made), Update(made[0], {"Title": "Last"}, {})], [])
    assert kinds(outcomes) == {Written}
    assert (steps(bench).count("bulk/create"), steps(bench).count("update")) == (1, 1)
    assert bench.fields_of("Contact", made[0], ["Title"]) == {"Title": "Last"}


# --- what is in it ---------------------------------------------------------------------------------------------


def test_every_kind_of_value_goes_through_a_file(bench: Workbench, made: list[str]) -> None:
    text = "Zürich, \"Altstadt\"\nHaus 3; 'x'"
    values: dict[str, Scalar] = {
        "MailingStreet": text,
        "Birthdate": date(1990, 2, 3),
        "HasOptedOutOfEmail": True,
        "Title": None,
    }
    (outcome, *_) = bench.records.write("Contact", [Update(id, values, {}) for id in made], [])
    assert isinstance(outcome, Written)
    assert outcome.fields == values
    assert bench.fields_of("Contact", made[7], list(values)) == values


def test_a_row_leaves_alone_the_fields_that_only_others_change(bench: Workbench, made: list[str]) -> None:
    updates = [Update(id, {"Title": "New"} if n % 2 else {"Department": "D"}, {}) for n, id in enumerate(made)]
    assert kinds(bench.records.write("Contact", updates, [])) == {Written}
    assert bench.fields_of("Contact", made[0], ["Title", "Department"]) == {"Title": "Old", "Department": "D"}
    assert bench.fields_of("Contact", made[1], ["Title", "Department"]) == {"Title": "New", "Department": None}


def test_amounts_are_exact(bench: Workbench) -> None:
    given = {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-03-01"}
    made = bench.sandbox.world.load("Opportunity", [given for _ in range(MANY)])
    updates = [Update(id, {"Amount": Decimal(n) / 100}, {}) for n, id in enumerate(made)]
    outcomes = bench.records.write("Opportunity", updates, [])
    assert [o.fields["Amount"] for o in outcomes if isinstance(o, Written)] == [Decimal(n) / 100 for n in range(MANY)]


# --- refusals --------------------------------------------------------------------------------------------------


def test_refused_rows_are_named_and_the_others_written(bench: Workbench, made: list[str]) -> None:
    updates = titled(made)
    updates[4] = Update(made[4], {"Email": "nonsense"}, {})
    updates[9] = Update(made[9], {"LastName": None}, {})
    outcomes = bench.records.write("Contact", updates, [])
    assert [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Written)] == [4, 9]
    fields = {}
    for place in (4, 9):
        outcome = outcomes[place]
        assert isinstance(outcome, Rejected)
        assert is_sentence(outcome.reason)
        fields[outcome.code] = outcome.field
    assert fields == {"invalid_value": "Email", "required_field_missing": "LastName"}


def test_rows_of_records_that_went_somewhere_say_where(bench: Workbench, made: list[str]) -> None:
    bench.sandbox.world.delete("Contact", made[1])
    bench.sandbox.world.merge("Contact", made[3], made[2])
    outcomes = bench.records.write("Contact", titled(made), [])
    assert outcomes[1] == Missing()
    assert outcomes[2] == Moved("Contact", made[3])
    assert kinds(outcomes[3:]) == {Written}


# --- what goes wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [said("LIMIT_EXCEEDED"), said("FEATURENOTENABLED", 403), said("INVALIDENTITY")])
def test_a_job_that_is_refused_at_the_door_is_written_the_other_way(
    bench: Workbench, made: list[str], fault: dict[str, Any]
) -> None:
    bench.faults.add("bulk.ingest.create", FaultKind.STATUS, None, **fault)
    assert kinds(bench.records.write("Contact", titled(made), [])) == {Written}
    assert steps(bench).count("update") == 8


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_COMMIT, FaultKind.RESET_BEFORE, FaultKind.SERVER_ERROR])
def test_a_lost_upload_is_dropped_and_written_the_other_way(
    bench: Workbench, made: list[str], kind: FaultKind
) -> None:
    bench.faults.add("bulk.ingest.upload", kind, None)
    assert kinds(bench.records.write("Contact", titled(made), [])) == {Written}
    assert "bulk/abort" in steps(bench)
    assert steps(bench).count("update") == 8
    assert [bench.fields_of("Contact", id, ["Title"])["Title"] for id in made[:3]] == ["T0", "T1", "T2"]


def test_a_lost_start_is_looked_up_and_nothing_is_repeated(bench: Workbench, made: list[str]) -> None:
    bench.faults.add("bulk.ingest.close", FaultKind.TIMEOUT_AFTER_COMMIT, 5)
    assert kinds(bench.records.write("Contact", titled(made), [])) == {Written}
    assert not [step for step in steps(bench) if step == "update"]


def test_a_start_that_never_arrived_is_called_off_and_written_the_other_way(
    bench: Workbench, made: list[str]
) -> None:
    bench.faults.add("bulk.ingest.close", FaultKind.RESET_BEFORE, 5)
    assert kinds(bench.records.write("Contact", titled(made), [])) == {Written}
    assert "bulk/abort" in steps(bench)
    assert steps(bench).count("update") == 8


@pytest.mark.parametrize("label", ["bulk.ingest.read", "bulk.ingest.results"])
def test_a_job_that_cannot_be_asked_leaves_its_rows_unknown(bench: Workbench, made: list[str], label: str) -> None:
    bench.faults.add(label, FaultKind.HTML_502, None)
    outcomes = bench.records.write("Contact", titled(made), [])
    assert kinds(outcomes) == {Unknown}
    assert all(is_sentence(o.reason) for o in outcomes if isinstance(o, Unknown))
    assert "update" not in steps(bench)


@pytest.mark.parametrize("kind", [FaultKind.NON_UTF8, FaultKind.TRUNCATED_JSON])
def test_a_result_that_cannot_be_read_is_never_taken_for_empty(
    bench: Workbench, made: list[str], kind: FaultKind
) -> None:
    bench.faults.add("bulk.ingest.results", kind, None)
    assert Written not in kinds(bench.records.write("Contact", titled(made), [])[-10:])
    assert "update" not in steps(bench)


def test_a_job_that_does_not_end_is_called_off_after_an_hour(bench: Workbench, made: list[str]) -> None:
    body = json.dumps({"id": "750", "state": "InProgress"}).encode()
    bench.faults.add("bulk.ingest.read", FaultKind.STATUS, None, status=200, body=body)
    outcomes = bench.records.write("Contact", titled(made), [])
    assert bench.slept[:6] == [1, 2, 4, 8, 16, 30]
    assert 3600 <= sum(bench.slept) < 3700
    assert "bulk/abort" in steps(bench)
    assert "update" not in steps(bench)
    assert kinds(outcomes) <= {Unknown, Written}


def jobs(bench: Workbench) -> list[Any]:
    found: list[Any] = bench.sandbox.world._org.jobs.all("ingest")
    return found


def begun(bench: Workbench, ids: Sequence[str]) -> None:
    """A run starts a job and dies."""
    bench.behave(bulk_polls=3)
    bench.faults.add("bulk.ingest.read", FaultKind.HTML_502, 5)
    assert kinds(bench.records.write("Contact", titled(ids), [])) == {Unknown}
    bench.transport.sent.clear()
    bench.slept.clear()


def test_the_next_run_waits_for_a_job_that_goes_on_without_its_own(bench: Workbench, made: list[str]) -> None:
    begun(bench, made)
    bench.connect().settle()
    assert bench.slept
    assert {job.state for job in jobs(bench)} == {"JobComplete"}
    bench.slept.clear()
    bench.connect().settle()
    assert not bench.slept


def test_a_job_of_somebody_else_is_no_reason_to_wait(bench: Workbench, made: list[str]) -> None:
    begun(bench, made)
    for job in jobs(bench):
        job.user = "005000000000009AAA"
    bench.connect().settle()
    assert not bench.slept


def test_of_many_jobs_all_are_looked_at(bench: Workbench, made: list[str]) -> None:
    bench.behave(bulk_list_page=1)
    bench.records.write("Contact", titled(made), [])
    begun(bench, made)
    bench.connect().settle()
    assert [sent.label for sent in bench.transport.sent].count("bulk/list/next") == 1
    assert bench.slept


def test_a_job_that_does_not_end_is_waited_for_an_hour_and_not_touched(bench: Workbench, made: list[str]) -> None:
    begun(bench, made)
    body = json.dumps({"id": "750", "state": "InProgress"}).encode()
    bench.faults.add("bulk.ingest.read", FaultKind.STATUS, None, status=200, body=body)
    with pytest.raises(RetryLaterError, match="Bulk Data Load Jobs"):
        bench.connect().settle()
    assert "bulk/abort" not in steps(bench)


@pytest.mark.parametrize("code", ["INSUFFICIENT_ACCESS", "API_DISABLED_FOR_ORG", "FUNCTIONALITY_NOT_ENABLED"])
def test_who_may_not_see_jobs_waits_for_none(bench: Workbench, code: str) -> None:
    bench.faults.add("bulk.ingest.list", FaultKind.STATUS, None, **said(code, 403))
    bench.connect().settle()
    assert not bench.slept


def test_rows_that_a_failed_job_did_not_touch_are_written_the_other_way(
    bench: Workbench, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_file", lambda batch, rows: b"Id,Nobody__c\n" + made[0].encode() + b",x\n")
    outcomes = bench.records.write("Contact", titled(made), [])
    assert isinstance(outcomes[0], Written)
    assert kinds(outcomes[1:]) == {Unknown}


def test_a_job_that_fails_for_a_field_leaves_it_to_the_other_way_to_name_the_field(
    bench: Workbench, made: list[str]
) -> None:
    bench.sandbox.world.hide_field("Contact", "Department")
    bench.sandbox.world.show_field("Contact", "Department")
    bench.records.read("Contact", made[:1], ["Department"])
    updates = titled(made)
    updates[6] = Update(made[6], {"Department": "D"}, {})
    bench.sandbox.world.hide_field("Contact", "Department")
    outcomes = bench.records.write("Contact", updates, [])
    assert [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Written)] == [6]
    assert isinstance(outcomes[6], Rejected)
    assert (outcomes[6].code, outcomes[6].field) == ("unknown_field", "Department")


def test_what_a_job_wrote_is_told_though_the_rest_cannot_be_sent(bench: Workbench, made: list[str]) -> None:
    updates = titled(made)
    updates[3] = Update(made[3], {"Title": "#N/A"}, {})
    bench.faults.add("*composite/sobjects", FaultKind.STATUS, None, **said("REQUEST_LIMIT_EXCEEDED", 403))
    outcomes = bench.records.write("Contact", updates, [])
    assert [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Written)] == [3]
    assert isinstance(outcomes[3], Rejected)
    assert not outcomes[3].permanent


def test_a_session_that_ends_during_a_job_is_renewed(bench: Workbench, made: list[str]) -> None:
    bench.behave(bulk_polls=8, session_seconds=20)
    assert kinds(bench.records.write("Contact", titled(made), [])) == {Written}
    assert [sent.label for sent in bench.transport.sent].count("oauth/token") > 1


def test_results_come_in_any_order_and_any_charset(bench: Workbench, made: list[str]) -> None:
    bench.behave(shuffle_results=True, bulk_charset=True)
    outcomes = bench.records.write("Contact", titled(made), [])
    assert [o.id for o in outcomes if isinstance(o, Written)] == made


# --- erasing ---------------------------------------------------------------------------------------------------


def test_an_erased_record_is_not_in_the_bin(bench: Workbench, made: list[str]) -> None:
    bench.behave(bulk_hard_delete=True)
    outcomes = bench.records.write("Contact", [Erase(made[0]), Erase(made[0])], [])
    assert kinds(outcomes) == {Written}
    assert bench.records.read("Contact", [made[0]], []) == [Gone(made[0])]
    assert not bench.sandbox.world.all("Contact", deleted=True)


def test_who_may_not_erase_deletes_nothing_and_is_told_what_is_missing(bench: Workbench, made: list[str]) -> None:
    bench.behave(bulk_hard_delete=False)
    (outcome,) = bench.records.write("Contact", [Erase(made[0])], [])
    assert isinstance(outcome, Rejected)
    assert "Bulk API Hard Delete" in outcome.reason
    assert bench.sandbox.world.read("Contact", made[0]) is not None


def test_an_org_out_of_calls_is_heard(bench: Workbench, made: list[str]) -> None:
    body = json.dumps([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]).encode()
    bench.faults.add("*", FaultKind.STATUS, None, status=403, body=body)
    with pytest.raises(RetryLaterError):
        bench.records.write("Contact", titled(made), [])
