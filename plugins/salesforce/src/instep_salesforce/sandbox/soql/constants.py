"""Reading the values of conditions as the values of the fields that they are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from instep_salesforce.sandbox.ids import normalise
from instep_salesforce.sandbox.schema import NUMERIC, Value
from instep_salesforce.sandbox.soql.binding import Bound, Scope
from instep_salesforce.sandbox.soql.nodes import Constant
from instep_salesforce.sandbox.soql.periods import bounds
from instep_salesforce.sandbox.soql.refusals import at
from instep_salesforce.sandbox.times import parse_date, parse_moment

_IDS = {"id", "reference"}
_ORDERLESS = _IDS | {"boolean"}


@dataclass(frozen=True, slots=True)
class Read:
    """A value; a period has a `high` end, which it does not include."""

    low: Value
    high: str | None = None


def read_constant(scope: Scope, bound: Bound, constant: Constant, operator: str) -> Read:
    """What a field is compared with."""
    if constant.kind == "null":
        return Read(None)
    type = bound.item.type
    if type == "boolean" and operator not in {"=", "!=", "IN"}:
        raise at(scope.text, constant.position, "invalid operator on boolean field", "INVALID_QUERY_FILTER_OPERATOR")
    if type in {"date", "datetime"}:
        return _moment(scope, bound, constant)
    if type in NUMERIC and constant.kind == "number" and not isinstance(constant.value, str):
        return Read(constant.value)
    if type == "boolean" and constant.kind == "boolean":
        return Read(constant.value)
    if type in _IDS and constant.kind == "string":
        return _id(scope, bound, constant)
    if type not in NUMERIC | _ORDERLESS and constant.kind == "string":
        return Read(constant.value or None)
    raise _mismatch(scope, bound, constant)


def _mismatch(scope: Scope, bound: Bound, constant: Constant) -> Exception:
    type = {"datetime": "dateTime", "id": "string", "reference": "string"}.get(bound.item.type, bound.item.type)
    quoted = bound.item.type not in NUMERIC | {"boolean", "date", "datetime"}
    hint = "should be enclosed in quotes" if quoted else "should not be enclosed in quotes"
    reason = f"value of filter criterion for field '{bound.item.name}' must be of type {type} and {hint}"
    return at(scope.text, constant.position, reason, "INVALID_FIELD")


def _id(scope: Scope, bound: Bound, constant: Constant) -> Read:
    text = str(constant.value)
    if not text:
        return Read(None)
    id = normalise(text)
    if id is None:
        reason = f"invalid ID field: {text}"
        raise at(scope.text, constant.position, reason, "INVALID_QUERY_FILTER_OPERATOR")
    return Read(id)


def _moment(scope: Scope, bound: Bound, constant: Constant) -> Read:
    of_moments = bound.item.type == "datetime"
    if constant.kind == "period":
        user = scope.org.tables["User"].rows.get(scope.user, {})
        zone = str(user.get("TimeZoneSidKey") or "UTC")
        low, high = bounds(str(constant.value), constant.count, scope.org.now(), zone, of_moments=of_moments)
        return Read(low, high)
    if constant.kind != bound.item.type:
        raise _mismatch(scope, bound, constant)
    text = str(constant.value)
    read = parse_moment(text, with_fraction=True) if of_moments else parse_date(text)
    if read is None:
        raise _mismatch(scope, bound, constant)
    return Read(read)
