"""A system's scalars to canonical ones, and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.mapping.compiled import FieldMapping
from instep.mapping.translate import Directory, Unheard, Untold, User, hear, tell
from instep.model.entities import FieldType
from instep.model.team import Owner, Team
from instep.model.values import Money, Scalar

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANN = Owner("ann", "Ann Lee", "ann@us.example")
BOB = Owner("bob", "Bob Roy", "bob@us.example", users={"a": "b-7"})
CAT = Owner("cat", "Cat Poe")
NOBODY = Directory("a", Team(), None)


def field(type: str, **more: Any) -> FieldMapping:
    return FieldMapping("x", FieldType(type), "x", **more)


def heard(type: str, raw: Scalar, *, beside: dict[str, Scalar] | None = None, **more: Any) -> Scalar | Unheard:
    return hear(field(type, **more), {"x": raw, **(beside or {})}, NOBODY)


def told(
    type: str, value: Scalar, held: dict[str, Scalar] | None = None, directory: Directory = NOBODY, **more: Any
) -> dict[str, Scalar] | Untold:
    return tell(field(type, **more), value, held or {}, directory)


# --- hearing ---------------------------------------------------------------------------------------------------

COLOURS = {"red": ("Red", "Crimson"), "blue": ("Blue",)}


@pytest.mark.parametrize(
    ("type", "raw", "canonical"),
    [
        ("text", "  CTO ", "CTO"),
        ("text", Decimal(7), "7"),
        ("text", ("a", "b"), ("a", "b")),
        ("phone", "+41 44", "+41 44"),
        ("choice", "as it is", "as it is"),
        ("choices", ("a", "b"), ("a", "b")),
        ("email", "Ann@Us.Example", "ann@us.example"),
        ("domain", "https://www.Acme.example/about", "acme.example"),
        ("number", "7.50", Decimal("7.50")),
        ("number", 7, Decimal(7)),
        ("date", date(2026, 3, 2), date(2026, 3, 2)),
        ("date", "2026-03-02", date(2026, 3, 2)),
        ("date", "2026-03-02T23:59:00Z", date(2026, 3, 2)),
        ("date", datetime(2026, 3, 2, 23, 30, tzinfo=timezone(timedelta(hours=-2))), date(2026, 3, 3)),
        ("instant", NOON, NOON),
        ("instant", "2026-03-02T12:00:00+00:00", NOON),
        ("boolean", True, True),
        ("boolean", False, False),
        *[("boolean", word, True) for word in ("true", "True", " YES ", "y", "1", 1)],
        *[("boolean", word, False) for word in ("false", "FALSE", " no ", "N", "0", 0)],
    ],
)
def test_a_value_is_heard_in_canonical_words(type: str, raw: Scalar, canonical: Scalar) -> None:
    assert heard(type, raw) == canonical


@pytest.mark.parametrize(
    ("type", "raw", "why"),
    [
        ("email", "ann at us", "is no e-mail address"),
        ("domain", "acme", "is no domain name"),
        ("number", "seven", "is no number"),
        ("number", "NaN", "is no number"),
        ("number", True, "is no number"),
        ("money", "much", "is no amount"),
        ("money", Decimal(5), "has no currency"),
        ("date", "soon", "is no date"),
        ("instant", "soon", "is no instant"),
        ("instant", "2026-03-02T12:00:00", "is an instant without a time zone"),
        ("boolean", "maybe", "is neither yes nor no"),
    ],
)
def test_a_value_that_means_nothing_is_named_with_the_reason(type: str, raw: Scalar, why: str) -> None:
    assert heard(type, raw) == Unheard(raw, why)


@pytest.mark.parametrize("blank", [None, "", "   ", ()])
@pytest.mark.parametrize("type", list(FieldType))
def test_a_blank_is_heard_as_a_blank_whatever_the_type(type: str, blank: Scalar) -> None:
    assert heard(type, blank, values=COLOURS) is None


@pytest.mark.parametrize(("raw", "blank_as"), [("unknown", "unknown"), (Decimal(0), "0"), (Decimal(0), Decimal(0))])
def test_what_a_system_writes_for_unknown_is_heard_as_a_blank(raw: Scalar, blank_as: Scalar) -> None:
    assert heard("text", raw, blank_as=blank_as) is None
    assert heard("text", "known", blank_as=blank_as) == "known"


def test_the_day_of_an_instant_is_the_day_in_the_zone_of_the_field() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert heard("date", late, zone="Europe/Zurich") == date(2026, 3, 3)
    assert heard("date", late) == date(2026, 3, 2)


def test_a_choice_is_heard_by_any_of_its_spellings_and_written_as_the_first() -> None:
    assert heard("choice", "Crimson", values=COLOURS) == "red"
    assert told("choice", "red", values=COLOURS) == {"x": "Red"}


def test_several_choices_are_translated_one_by_one() -> None:
    assert heard("choices", ("Blue", "Crimson"), values=COLOURS) == ("blue", "red")
    assert heard("choices", "Blue", values=COLOURS) == ("blue",)
    assert told("choices", ("blue", "red"), values=COLOURS) == {"x": ("Blue", "Red")}


def test_a_choice_that_no_table_lists_is_not_guessed() -> None:
    assert heard("choice", "Green", values=COLOURS) == Unheard("Green", "'Green' is not in the table of values")
    assert heard("choices", ("Red", "Green"), values=COLOURS) == Unheard(
        ("Red", "Green"), "'Green' is not in the table of values"
    )
    assert told("choices", ("red", "green"), values=COLOURS) == Untold(
        ("red", "green"), "'green' has no spelling here"
    )


# --- money -----------------------------------------------------------------------------------------------------

PAID = {"currency_field": "currency", "currency": "USD"}


def test_an_amount_has_the_currency_of_its_record_else_of_its_field() -> None:
    assert heard("money", Decimal(5), beside={"currency": "EUR"}, **PAID) == Money(Decimal(5), "EUR")
    assert heard("money", Decimal(5), beside={"currency": None}, **PAID) == Money(Decimal(5), "USD")
    assert heard("money", Decimal(5), currency="CHF") == Money(Decimal(5), "CHF")


def test_an_amount_whose_currency_cannot_be_seen_means_nothing() -> None:
    assert heard("money", Decimal(5), **PAID) == Unheard(Decimal(5), "has a currency that cannot be seen")


def test_a_currency_is_written_beside_the_amount_unless_the_record_says_so_already() -> None:
    euros = Money(Decimal(5), "EUR")
    assert told("money", euros, {"currency": "EUR"}, **PAID) == {"x": Decimal(5)}
    assert told("money", euros, {"currency": "USD"}, **PAID) == {"x": Decimal(5), "currency": "EUR"}
    assert told("money", euros, {"currency": None}, **PAID) == {"x": Decimal(5), "currency": "EUR"}
    assert told("money", Money(Decimal(5), "USD"), {"currency": None}, **PAID) == {"x": Decimal(5)}
    assert told("money", Money(Decimal(5), "USD"), {"currency": "EUR"}, **PAID) == {
        "x": Decimal(5),
        "currency": "USD",
    }


def test_an_amount_is_never_written_into_a_field_of_another_currency() -> None:
    euros = Money(Decimal(5), "EUR")
    assert told("money", euros, currency="USD") == Untold(euros, "is in EUR, and this field is in USD")
    assert told("money", euros, currency="EUR") == {"x": Decimal(5)}
    assert told("money", "much", currency="EUR") == Untold("much", "is no amount")


# --- telling ---------------------------------------------------------------------------------------------------


def test_a_blank_is_written_as_the_system_wants_it() -> None:
    assert told("text", None) == {"x": None}
    assert told("text", "", blank_as="unknown") == {"x": "unknown"}


def test_a_day_is_written_as_midnight_where_the_system_keeps_instants() -> None:
    day = date(2026, 3, 2)
    assert told("date", day) == {"x": day}
    assert told("date", day, {"x": NOON}) == {"x": datetime(2026, 3, 2, tzinfo=UTC)}
    written = told("date", day, zone="Europe/Zurich")
    assert written == {"x": datetime(2026, 3, 1, 23, tzinfo=UTC)}
    assert isinstance(written, dict)
    assert isinstance(written["x"], datetime)
    assert written["x"].tzinfo is UTC


CANONICAL = st.one_of(
    st.tuples(st.just("text"), st.text(min_size=1).map(str.strip).filter(bool)),
    st.tuples(st.just("number"), st.decimals(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just("boolean"), st.booleans()),
    st.tuples(st.just("date"), st.dates(date(1900, 1, 2), date(2100, 1, 1))),
    st.tuples(st.just("instant"), st.datetimes(timezones=st.just(UTC))),
    st.tuples(st.just("money"), st.builds(Money, st.decimals(0, 10**9, places=2), st.sampled_from(["USD", "EUR"]))),
    st.tuples(st.just("choice"), st.sampled_from(sorted(COLOURS))),
    st.tuples(st.just("choices"), st.lists(st.sampled_from(sorted(COLOURS)), min_size=1).map(tuple)),
)


@given(CANONICAL, st.sampled_from([None, "Asia/Tokyo", "America/Lima"]), st.sampled_from([None, "USD", "EUR"]))
def test_what_is_written_is_heard_as_the_same_value(
    case: tuple[str, Scalar], zone: str | None, held: str | None
) -> None:
    type, value = case
    mapping = field(type, zone=zone, values=COLOURS if type in ("choice", "choices") else {}, **PAID)
    written = tell(mapping, value, {"currency": held}, NOBODY)
    assert isinstance(written, dict)
    assert hear(mapping, {"currency": held, **written}, NOBODY) == value


# --- owners ----------------------------------------------------------------------------------------------------


def user(id: str, name: str = "Somebody", email: str | None = None, *, active: bool = True) -> User:
    return User(id, name, email, active)


def directory(*users: User, login: str = "") -> Directory:
    return Directory("a", Team((ANN, BOB, CAT)), users, login)


@pytest.mark.parametrize(
    ("users", "raw", "key"),
    [
        ((user("u1", email="ANN@us.example"),), "u1", "ann"),
        ((user("b-7"),), "b-7", "bob"),
        ((user("u2", email="B-7"),), "u2", "bob"),
        ((user("u3", name="B-7"),), "u3", "bob"),
        ((), "B-7", "bob"),
    ],
)
def test_an_owner_is_known_by_the_id_name_or_address_that_the_team_gives(
    users: tuple[User, ...], raw: str, key: str
) -> None:
    assert directory(*users).owner_of(raw) == key


def test_whom_the_team_lists_here_is_not_known_by_their_address() -> None:
    stranger = user("u4", "Bobby", "bob@us.example")
    assert directory(stranger).owner_of("u4") == Unheard("u4", "Bobby (u4) is nobody in team.toml")
    assert directory().owner_of("ann@us.example") == Unheard(
        "ann@us.example", "ann@us.example is nobody in team.toml"
    )


def test_the_login_itself_owns_nothing_unless_the_team_names_it() -> None:
    assert directory(user("i1"), login="i1").owner_of("i1") is None
    assert directory(user("b-7"), login="b-7").owner_of("b-7") == "bob"
    assert isinstance(directory(user("i1")).owner_of("i1"), Unheard)
    assert isinstance(directory(user("i1"), user("s1"), login="i1").owner_of("s1"), Unheard)


@pytest.mark.parametrize(
    ("users", "key", "word"),
    [
        ((user("u1", email="ANN@us.example"),), "ann", "u1"),
        ((user("u1", name="Ann@us.example"),), "ann", "u1"),
        ((user("B-7"),), "bob", "B-7"),
        ((user("u1", email="ann@us.example", active=False), user("u2", email="ann@us.example")), "ann", "u2"),
        ((), "ann", "Ann Lee has no user here"),
        ((user("u1"),), "cat", "Cat Poe has no user here"),
        ((user("u1", email="ann@us.example", active=False),), "ann", "Ann Lee is inactive here"),
        ((user("u1", email="ann@us.example"), user("ann@us.example")), "ann", "Ann Lee fits 2 users here"),
        ((user("u1"),), "dan", "dan is not in team.toml"),
    ],
)
def test_an_owner_is_written_as_their_one_active_user_or_refused(
    users: tuple[User, ...], key: str, word: str
) -> None:
    expected: object = word if " " not in word else Untold(key, word)
    assert directory(*users).user_for(key) == expected


def test_a_system_without_users_takes_whom_the_team_names() -> None:
    bare = Directory("a", Team((ANN, BOB)), None)
    assert bare.user_for("bob") == "b-7"
    assert bare.user_for("ann") == Untold("ann", "team.toml names no user for ann here")
    assert told("owner", "bob", directory=bare) == {"x": "b-7"}
    assert told("owner", "ann", directory=bare) == Untold("ann", "team.toml names no user for ann here")


@pytest.mark.parametrize("named", ["q1", "Q1", "Queue", "queue@us.example"])
def test_a_user_who_stands_for_nobody_is_heard_as_a_blank(named: str) -> None:
    mapping = field("owner", nobody=("other", named))
    queue = directory(user("q1", "Queue", "queue@us.example"))
    assert hear(mapping, {"x": "q1"}, queue) is None
    assert hear(mapping, {"x": "b-7"}, queue) == "bob"


def test_nobody_is_written_as_the_first_active_user_who_stands_for_nobody() -> None:
    users = (user("q1", "Old queue", active=False), user("q2", "Queue"), user("q3", "Third"))
    mapping = field("owner", nobody=("Old queue", "Third", "Queue"))
    assert tell(mapping, None, {}, directory(*users)) == {"x": "q3"}


def test_without_such_a_user_nobody_is_the_login_or_a_blank() -> None:
    assert tell(field("owner", nobody=("gone",)), None, {}, directory(user("u1"), login="i1")) == {"x": "i1"}
    assert tell(field("owner"), None, {}, directory(user("u1"))) == {"x": None}


def test_where_users_are_unknown_nobody_is_written_as_the_file_says() -> None:
    assert tell(field("owner", nobody=("queue", "second")), None, {}, NOBODY) == {"x": "queue"}
    assert tell(field("owner"), None, {}, NOBODY) == {"x": None}
