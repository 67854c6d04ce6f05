"""A value stays a value, and a name a name, whatever stands in it: nothing can become a part of a query."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instep.errors import RemoteError
from instep.testing import Workbench
from instep_salesforce.queries import select_clause
from instep_salesforce.sandbox.soql.nodes import Among, Compare, Constant
from instep_salesforce.sandbox.soql.parser import parse
from instep_salesforce.schema import Described
from instep_salesforce.values import quoted
from instep_salesforce.wire import Columns, chunks, identifier

TEXTS = st.text(max_size=40) | st.text(alphabet="'\\\"%_:;()= \n\r\t\x00OR1-", max_size=40)
NASTY = ["' OR Id != '", "\\' OR 1=1 --", "\\", "\\\\'", "x:literal", "%", "_", "a','b", "\n", "\u2019", "}{", "NULL"]


@settings(deadline=None)
@given(TEXTS)
def test_a_quoted_text_is_read_as_itself(text: str) -> None:
    query = parse(f"SELECT Id FROM Lead WHERE LastName = {quoted(text)} ORDER BY Id")
    assert isinstance(query.where, Compare)
    assert (query.where.value.kind, query.where.value.value) == ("string", text)


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_many_values_are_read_as_themselves(values: list[str]) -> None:
    found: list[Any] = []
    for text in chunks(
        values, f"{select_clause(Columns({'Id': 'id'}), 'Lead')} WHERE Email", " AND IsDeleted = FALSE"
    ):
        among = next(part for part in parse(text).where.parts if isinstance(part, Among))  # type: ignore[union-attr]
        assert among.field.text == "Email"
        assert all(isinstance(value, Constant) and value.kind == "string" for value in among.values)
        found += [value.value for value in among.values]
    assert found == values


@settings(deadline=None)
@example("\x00.")
@given(st.text(max_size=30) | st.from_regex(r"[A-Za-z]\w*( FROM |,|--|\(|')\w*", fullmatch=True))
def test_what_is_no_name_comes_into_no_query(name: str) -> None:
    is_name = (
        name.isascii()
        and all(p.isidentifier() and not p.startswith("_") for p in name.split("."))
        and name.count(".") < 2
    )
    for build in (lambda: identifier(name), lambda: select_clause(Columns({name: "string"}), "Lead")):
        if is_name:
            assert name in build()
        else:
            with pytest.raises(RemoteError, match="is no name"):
                build()


@settings(deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_a_parents_field_is_known_only_by_a_name(column: str) -> None:
    described = msgspec.convert({"name": "Lead", "fields": [{"name": "OwnerId", "type": "reference"}]}, Described)
    is_name = column.isascii() and column.isidentifier() and not column.startswith("_")
    assert (described.type_of(f"Owner.{column}") is not None) is is_name


@pytest.mark.parametrize("text", NASTY)
def test_a_record_is_found_by_its_own_value_and_no_other(bench: Workbench, text: str) -> None:
    """The sandbox's own parser is strict: a quotation that ended early would be refused, or find too much."""
    kept = f"a{text}-{NASTY.index(text)}"
    bench.sandbox.world.create("Lead", LastName=kept, Company="Acme")
    bench.sandbox.world.create("Lead", LastName="Somebody", Company="Acme")
    found = bench.records.find("Lead", "LastName", [kept], ["LastName"])
    assert [[seen.fields["LastName"] for seen in one] for one in found] == [[kept]]


@pytest.mark.parametrize(
    "name", ["Email FROM Lead--", "Email, Name", "Owner.Name FROM Lead", "(SELECT Id FROM Tasks)", "Email;"]
)
def test_a_mapped_name_that_is_none_is_never_asked_for(bench: Workbench, name: str) -> None:
    bench.sandbox.log.clear()
    for page in bench.records.changed_since("Lead", ["Email", name], None):
        assert all(name not in item.fields for item in page.items)
    assert not [call for call in bench.sandbox.log.calls() if any(name in q for q in call.query.get("q", []))]
    with pytest.raises(RemoteError):
        bench.records.find("Lead", name, ["x"], ["Email"])
