"""What holds in the Salesforce sandbox whatever is asked or done."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.sandbox import VirtualClock
from instep_salesforce.sandbox import RefusedError, SalesforcePersonality, SalesforceWorld
from instep_salesforce.sandbox.ids import Ids, normalise, to_18
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.soql.execution import ask
from instep_salesforce.sandbox.times import stamp

from .sandboxes import lead

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
STAMPS = [stamp(START + timedelta(seconds=second)) for second in range(6)]
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


def new_org() -> Org:
    return Org(VirtualClock(START), SalesforcePersonality(), 0)


@dataclass(frozen=True)
class Asked:
    """A condition, and what it means in Python."""

    text: str
    holds: Callable[[dict[str, Any]], bool]


def compared(name: str, operation: str, value: str, shown: str) -> Asked:
    return Asked(f"{name} {operation} {shown}", lambda row: OPERATORS[operation](row[name], value))


@pytest.fixture(scope="module")
def org() -> Org:
    made = new_org()
    world = SalesforceWorld(made)
    ids = world.load("Lead", [lead(SystemModstamp=STAMPS[(n * 7) % 6], Title=f"t{n % 3}") for n in range(40)])
    for n in (3, 17, 30):
        world.set_modified("Lead", [ids[n]], START + timedelta(seconds=n % 6))
    world.delete("Lead", ids[12])
    return made


IDS = Ids(0)
SOME_IDS = [IDS.new("00Q") for _ in range(42)]

LEAVES = st.one_of(
    st.builds(
        lambda operation, value: compared("SystemModstamp", operation, value, value),
        st.sampled_from(list(OPERATORS)),
        st.sampled_from(STAMPS),
    ),
    st.builds(
        lambda operation, value: compared("Id", operation, value, f"'{value}'"),
        st.sampled_from(list(OPERATORS)),
        st.sampled_from(SOME_IDS),
    ),
    st.builds(lambda value: compared("Title", "=", value, f"'{value}'"), st.sampled_from(["t0", "t1", "t9"])),
)


def both(parts: list[Asked]) -> Asked:
    return Asked("(" + " AND ".join(p.text for p in parts) + ")", lambda row: all(p.holds(row) for p in parts))


def either(parts: list[Asked]) -> Asked:
    return Asked("(" + " OR ".join(p.text for p in parts) + ")", lambda row: any(p.holds(row) for p in parts))


CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(both),
        st.lists(inner, min_size=2, max_size=3).map(either),
        inner.map(lambda part: Asked(f"(NOT {part.text})", lambda row: not part.holds(row))),
    ),
    max_leaves=6,
)
KEYS = {
    "SystemModstamp, Id": lambda row: (row["SystemModstamp"], row["Id"]),
    "Id": lambda row: row["Id"],
    "Title, Id": lambda row: (row["Title"], row["Id"]),
}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    CONDITIONS, st.sampled_from(list(KEYS)), st.booleans(), st.booleans(), st.one_of(st.none(), st.integers(0, 20))
)
def test_an_index_finds_what_a_look_at_every_row_finds(
    org: Org, asked: Asked, order: str, backwards: bool, with_deleted: bool, limit: int | None
) -> None:
    table = org.tables["Lead"]
    rows = [row for row in table.rows.values() if (with_deleted or row["Id"] not in table.bin) and asked.holds(row)]
    expected = [str(row["Id"]) for row in sorted(rows, key=KEYS[order], reverse=backwards)][:limit]
    ordered = ", ".join(f"{name} {'DESC' if backwards else 'ASC'}" for name in order.split(", "))
    text = f"SELECT Id FROM Lead WHERE {asked.text} ORDER BY {ordered}"
    text += "" if limit is None else f" LIMIT {limit}"
    result = ask(org, text, org.api_user, with_deleted=with_deleted, version="63.0")
    assert result.ids == expected


# --- transactions ----------------------------------------------------------------------------------------------


class EnoughError(Exception):
    """Ends a transaction."""


def everything(org: Org) -> dict[str, Any]:
    names = ("Account", "Contact", "ContactHistory")
    tables = {name: org.tables[name] for name in names}
    return {n: (copy.deepcopy(t.rows), dict(t.bin), sorted(t.deletions)) for n, t in tables.items()}


def lookups(org: Org, world: SalesforceWorld) -> list[Any]:
    """What every index of contacts says."""
    table = org.tables["Contact"]
    names = ("Email", "AccountId", "Key__c")
    found: list[Any] = [sorted(table.holders(name, row.get(name))) for name in names for row in world.all("Contact")]
    for order in ("SystemModstamp, Id", "Id"):
        text = f"SELECT Id FROM Contact WHERE SystemModstamp >= 2026-01-01T00:00:00Z ORDER BY {order}"
        found.append(ask(org, text, org.api_user, with_deleted=True, version="63.0").ids)
    return found


ACTS = st.lists(st.tuples(st.sampled_from("cedumxak"), st.integers(0, 5), st.integers(0, 5)), max_size=12)


def act(org: Org, world: SalesforceWorld, what: str, first: int, second: int) -> None:
    org.clock.sleep(1)
    contacts = sorted(org.tables["Contact"].rows) or [""]
    one, other = contacts[first % len(contacts)], contacts[second % len(contacts)]
    accounts = sorted(org.tables["Account"].rows)
    match what:
        case "c":
            world.create("Contact", LastName=f"N{first}", Email=f"e{second}@example.com")
        case "e":
            world.edit("Contact", one, Email=f"e{second}@example.com", Title=None if second % 2 else "T")
        case "k":
            world.edit("Contact", one, Key__c=f"key{second}")
        case "d":
            world.delete("Contact", one)
        case "u":
            world.undelete("Contact", one)
        case "m":
            world.merge("Contact", one, other)
        case "x":
            world.erase("Contact", one)
        case "a":
            world.delete("Account", accounts[first % 2])


def peopled() -> tuple[Org, SalesforceWorld]:
    org = new_org()
    world = SalesforceWorld(org)
    world.add_field("Contact", "Key__c", "Text", unique=True, external_id=True)
    accounts = [world.create("Account", Name=name) for name in "AB"]
    for n in range(4):
        world.create("Contact", LastName=f"L{n}", Email=f"e{n}@example.com", AccountId=accounts[n % 2])
    return org, world


def act_and_fail(org: Org, world: SalesforceWorld, acts: list[Any]) -> None:
    with org.transaction():
        for what in acts:
            try:
                act(org, world, *what)
            except RefusedError:
                continue
        raise EnoughError


@settings(max_examples=60, deadline=None)
@given(ACTS, ACTS)
def test_a_transaction_that_fails_never_was(before: list[Any], inside: list[Any]) -> None:
    org, world = peopled()
    for what in before:
        try:
            act(org, world, *what)
        except RefusedError:
            continue
    known, found = everything(org), lookups(org, world)
    with pytest.raises(EnoughError):
        act_and_fail(org, world, inside)
    assert everything(org) == known
    assert lookups(org, world) == found


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_what_is_refused_changes_nothing(acts: list[Any]) -> None:
    org, world = peopled()
    for what in acts:
        known = everything(org)
        try:
            act(org, world, *what)
        except RefusedError:
            assert everything(org) == known
        else:
            assert everything(org) != known


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=15, max_size=15))
def test_an_id_is_known_in_either_length_and_any_letter_case(id: str) -> None:
    long = to_18(id)
    assert normalise(id) == normalise(long) == normalise(long.upper()) == normalise(long.lower()) == long


@pytest.mark.parametrize(
    "id", ["", "x", "0" * 14, "0" * 16, "0" * 19, "00Q00000000000é", "000000000000000AA!", "0" * 17 + "6"]
)
def test_other_texts_are_no_ids(id: str) -> None:
    assert normalise(id) is None


def test_checksums_are_salesforces() -> None:
    assert to_18("0035500001H9cak") == "0035500001H9cakAAB"
    assert to_18("0012300000bVTq1") == "0012300000bVTq1AAG"


def test_ids_keep_growing_past_every_turn_of_their_digits() -> None:
    ids = Ids(0)
    found = [ids.new("003") for _ in range(9_000)]
    assert found == sorted(set(found))
    assert all(normalise(id) == id for id in found)
