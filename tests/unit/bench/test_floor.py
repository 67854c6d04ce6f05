"""The floor of API calls, against examples that were counted by hand."""

from __future__ import annotations

import pytest
from bench.floor import Account, AccountSetup, Org, OrgSetup, batches, formula, pages


@pytest.mark.parametrize(
    ("records", "size", "calls"),
    [(0, 200, 1), (1, 200, 1), (199, 200, 1), (200, 200, 1), (201, 200, 2), (1000, 200, 5), (20_000, 100, 200)],
)
def test_reading_takes_a_call_even_for_nothing(records: int, size: int, calls: int) -> None:
    assert pages(records, size) == calls


@pytest.mark.parametrize(("records", "size", "calls"), [(0, 100, 0), (1, 100, 1), (100, 100, 1), (101, 100, 2)])
def test_telling_nothing_takes_no_call(records: int, size: int, calls: int) -> None:
    assert batches(records, size) == calls


def test_no_change_takes_an_identity_call_and_a_bin_and_a_search_for_each_object() -> None:
    assert Account().calls == 1 + 3 + 3


def test_a_thousand_changed_contacts_take_five_searches_and_one_read_of_associations() -> None:
    changed = {"contacts": 1000}
    account = Account(changed=changed, unread=changed)
    assert account.calls == 1 + 3 + (5 + 1 + 1) + 1


def test_a_thousand_contacts_are_written_in_ten_batches() -> None:
    account = Account(told={("contacts", "update"): 1000})
    assert account.calls == 1 + 3 + 3 + 10


def test_the_floor_of_a_thousand_changed_contacts_is_that_of_both_accounts() -> None:
    changed = {"contacts": 1000}
    read, written = Account(changed=changed, unread=changed), Account(told={("contacts", "update"): 1000})
    assert read.calls + written.calls == 29


def test_a_first_load_of_20000_contacts_lists_them_and_tells_each_side_once() -> None:
    held = {"contacts": 20_000}
    full = Account(is_first=True, changed=held, unread=held, told={("contacts", "update"): 20_000})
    empty = Account(is_first=True, told={("contacts", "create"): 20_000})
    assert full.calls == 1 + 5 + 3 + 3 + (200 + 1 + 1) + 20 + 200
    assert empty.calls == 1 + 5 + 3 + 3 + 3 + 200


def test_deals_take_two_reads_of_associations_and_companies_none() -> None:
    unread = {"deals": 10, "companies": 10}
    assert Account(unread=unread).calls == Account().calls + 2


def test_creates_and_updates_never_share_a_batch() -> None:
    told = {("contacts", "create"): 50, ("contacts", "update"): 50}
    assert Account(told=told).parts["writes"] == 2


def test_associations_are_made_2000_at_a_time() -> None:
    assert Account(tied={("contacts", "companies"): 2001}).parts["writes"] == 2


def test_the_formula_names_every_part_that_counts() -> None:
    spelled = formula(Account(), Account(told={("contacts", "update"): 101}))
    assert spelled == "(1 identity + 3 bins + 3 records) + (1 identity + 3 bins + 3 records + 2 writes)"


def test_an_org_without_changes_takes_a_login_an_identity_call_and_a_query_for_each_object() -> None:
    assert Org().calls == 1 + 1 + 4


def test_a_thousand_changes_take_five_collections_and_one_read_back() -> None:
    assert Org(told={("Lead", "update"): 1000}).calls == 6 + 5 + 1


def test_many_records_are_written_in_jobs_of_ten_thousand() -> None:
    org = Org(is_first=True, changed={"Contact": 10_000}, told={("Lead", "create"): 100_000})
    assert org.calls == 1 + 1 + 6 + 2 + (5 + 1 + 1 + 1) + 10 * 6 + 50


def test_a_plan_without_change_asks_who_we_are_and_reads_each_list_and_object_once() -> None:
    assert AccountSetup(lists=2).calls == 1 + 2 + 3
    assert OrgSetup(lists=2, types=3).calls == 1 + 1 + 2 + 4 + 3


def test_what_was_configured_in_an_account_is_read_once_more() -> None:
    setup = AccountSetup(lists=2, fields={"contacts": 101, "deals": 1}, pipelines=3)
    assert setup.calls == 1 + 2 * (2 + 3) + 2 + (2 + 1) + 3


def test_an_org_makes_ten_components_in_a_call_and_shows_what_it_made() -> None:
    setup = OrgSetup(lists=2, fields=11, edited=1, pipelines=3)
    assert setup.calls == 1 + 1 + 2 * (2 + 4) + 3 + 1 + 2 + (3 + 1) + 2 + (1 + 2) + 2
