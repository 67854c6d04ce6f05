import pytest

from instep.contract import Rejected
from instep.testing.workbench import is_sentence
from instep_salesforce.refusals import field_of, is_about_the_record, is_locked, rejected
from instep_salesforce.wire import Problem, read_problems

HOLDER = "duplicate value found: Badge__c duplicates value on record with id: 0035500001H9cak"


@pytest.mark.parametrize(
    ("problem", "expected"),
    [  # (what Salesforce says, (code, field, existing_id, permanent))
        (Problem(HOLDER, statusCode="DUPLICATE_VALUE"), ("duplicate", None, "0035500001H9cakAAB", True)),
        (
            Problem("No such column 'Foo__c' on sobject of type Lead", "INVALID_FIELD"),
            ("unknown_field", "Foo__c", None, True),
        ),
        (
            Problem(
                "Unable to create/update fields: IsWon. Please check", statusCode="INVALID_FIELD_FOR_INSERT_UPDATE"
            ),
            ("read_only", "IsWon", None, True),
        ),
        (
            Problem("Required fields are missing: [LastName]", statusCode="REQUIRED_FIELD_MISSING"),
            ("required_field_missing", "LastName", None, True),
        ),
        (
            Problem("Email: invalid email address: x", statusCode="INVALID_EMAIL_ADDRESS", fields=["Email"]),
            ("invalid_value", "Email", None, True),
        ),
        (
            Problem("unable to obtain exclusive access", statusCode="UNABLE_TO_LOCK_ROW"),
            ("unable_to_lock_row", None, None, False),
        ),
        (
            Problem("trigger: UNABLE_TO_LOCK_ROW, unable", statusCode="CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
            ("cannot_insert_update_activate_entity", None, None, False),
        ),
        (
            Problem("storage limit exceeded", statusCode="STORAGE_LIMIT_EXCEEDED"),
            ("storage_limit_exceeded", None, None, False),
        ),
        (Problem(), ("refused", None, None, True)),
    ],
)
def test_a_refusal_is_told_in_words_with_a_stable_code(
    problem: Problem, expected: tuple[str, str | None, str | None, bool]
) -> None:
    outcome = rejected(problem)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field, outcome.existing_id, outcome.permanent) == expected
    assert is_sentence(outcome.reason), outcome.reason


@pytest.mark.parametrize(
    ("code", "fields", "about"),
    [
        ("ENTITY_IS_DELETED", [], True),
        ("CANNOT_UPDATE_CONVERTED_LEAD", [], True),
        ("INVALID_CROSS_REFERENCE_KEY", [], True),
        ("INVALID_CROSS_REFERENCE_KEY", ["AccountId"], False),
        ("MALFORMED_ID", ["Id"], True),
        ("MALFORMED_ID", ["OwnerId"], False),
        ("REQUIRED_FIELD_MISSING", [], False),
    ],
)
def test_what_may_be_about_the_record_itself_is_looked_up(code: str, fields: list[str], about: bool) -> None:
    assert is_about_the_record(Problem(statusCode=code, fields=fields)) is about


def test_a_lock_is_seen_through_an_automations_words() -> None:
    assert is_locked(Problem("x: UNABLE_TO_LOCK_ROW", statusCode="CANNOT_EXECUTE_FLOW_TRIGGER"))
    assert not is_locked(Problem("flow failed", statusCode="CANNOT_EXECUTE_FLOW_TRIGGER"))


def test_the_field_that_is_listed_goes_before_the_one_in_the_words() -> None:
    assert field_of(Problem("No such column 'A'", "INVALID_FIELD", fields=["B"])) == "B"


@pytest.mark.parametrize("data", [b"<html>", b"", b"\xff", b'{"error":"x"}', b"[1]"])
def test_an_error_that_cannot_be_read_says_nothing(data: bytes) -> None:
    assert read_problems(data) == []
