"""What Mailchimp's refusals mean, whatever it called them over the years."""

import pytest

from instep.contract import Missing, Rejected
from instep_mailchimp.refusals import outcome_of
from instep_mailchimp.wire import Problem


@pytest.mark.parametrize(
    ("title", "detail", "code"),
    [
        ("Member Exists", "a@x.example is already a list member. Use PUT.", "duplicate"),
        ("Bad Request", "a@x.example is already a list member.", "duplicate"),
        ("Member In Compliance State", "a@x.example is in a compliance state due to bounce.", "compliance"),
        ("Bad Request", "a@x.example is under compliance review and cannot be subscribed.", "compliance"),
        ("Forgotten Email Not Subscribed", "a@x.example cannot be re-imported.", "forgotten"),
        ("Member In Compliance State", "a@x.example was permanently deleted.", "forgotten"),
        ("Invalid Resource", "a@x looks fake or invalid, please enter a real email address.", "invalid_value"),
        ("Something New", "", "something_new"),
    ],
)
def test_a_refusal_is_known_by_its_title_or_by_its_words(title: str, detail: str, code: str) -> None:
    outcome = outcome_of(Problem(title, detail), 400)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_missing_whatever_is_said(status: int) -> None:
    assert outcome_of(Problem("Resource Not Found"), status) == Missing()
