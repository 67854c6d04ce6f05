"""How Salesforce says what is wrong with a statement: an excerpt, a caret, a place, a reason."""

from __future__ import annotations

from instep_salesforce.sandbox.errors import RefusedError

_AROUND = 50


def at(text: str, position: int, reason: str, code: str = "MALFORMED_QUERY") -> RefusedError:
    """400, pointing at a place of the statement."""
    position = min(position, len(text))
    row = text.count("\n", 0, position) + 1
    begin = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[begin : end if end >= 0 else len(text)]
    column = position - begin
    shown = line[max(0, column - _AROUND) : column + _AROUND]
    caret = " " * min(column, _AROUND) + "^"
    message = f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{column + 1}\n{reason}"
    return RefusedError(400, code, message)


def unexpected(text: str, position: int, token: str) -> RefusedError:
    """400: a word that has no business there."""
    if not token:
        return RefusedError(400, "MALFORMED_QUERY", "unexpected token: <EOF>")
    return at(text, position, f"unexpected token: '{token}'")


def no_such_column(text: str, position: int, name: str, object: str) -> RefusedError:
    """400: the field is not there, or hidden."""
    reason = (
        f"No such column '{name}' on entity '{object}'. If you are attempting to use a custom field, be sure to "
        "append the '__c' after the custom field name. Please reference your WSDL or the describe call for the "
        "appropriate names."
    )
    return at(text, position, reason, "INVALID_FIELD")


def no_such_relation(text: str, position: int, name: str, object: str) -> RefusedError:
    """400: there is no such way to a parent or to children."""
    reason = (
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship, "
        "be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe "
        "call for the appropriate names."
    )
    return at(text, position, reason, "INVALID_FIELD")


def no_such_object(text: str, position: int, name: str) -> RefusedError:
    """400: there is no such object."""
    reason = (
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append "
        "the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
    )
    return at(text, position, reason, "INVALID_TYPE")
