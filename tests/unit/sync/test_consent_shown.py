"""A plan says of consent what it means, whatever a system's field holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from instep.cli.markdown import report
from instep.cli.sync import plan_text
from instep.model.entities import Kind
from instep.model.values import Scalar
from instep.sync.changes import CONSENT, OPT_OUT_HOLDS, OPTED_IN, Change, Plan, Value
from instep.sync.run import Outcome

AT = datetime(2026, 3, 2, tzinfo=UTC)


def planned(value: Value) -> Plan:
    return Plan((Change("update", "crm", "people", Kind.PERSON, "e1", "7", (value,)),), AT, {})


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, True, ("not opted out", "opted out")),
        (False, True, ("not opted out", "opted out")),
        ("", "yes", ("not opted out", "opted out")),
        ("subscribed", "unsubscribed", ("not opted out", "opted out")),
        (True, False, ("opted out", "opted in")),
        ("yes", None, ("opted out", "opted in")),
    ],
)
def test_consent_is_shown_as_what_it_means(before: Scalar, after: Scalar, shown: tuple[str, str]) -> None:
    assert Value(CONSENT, "optout", before, after, "said by jane").shown == shown


def test_a_field_that_says_who_is_subscribed_is_shown_as_what_it_means() -> None:
    assert Value(CONSENT, "subscribed", True, False, OPT_OUT_HOLDS).shown == ("not opted out", "opted out")
    assert Value(CONSENT, "subscribed", False, True, OPTED_IN).shown == ("opted out", "opted in")


def test_a_field_that_holds_the_same_is_shown_as_it_is() -> None:
    assert Value("is_partner", "Partner", None, True, "the only one to speak").shown == ("(blank)", "True")


def test_text_and_markdown_say_that_somebody_opts_out() -> None:
    plan = planned(Value(CONSENT, "optout", None, True, "said by jane"))
    assert "      consent: not opted out -> opted out   (said by jane)" in plan_text(plan)
    told = report(Outcome(7, "partial", 3, plan, {}, [], 0, applied=False), values=True)
    assert "| `consent` | `not opted out` | `opted out` | `said by jane` |" in told
