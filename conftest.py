"""Every JSON document that a test has printed or saved is held against its schema; and a setting that saves time."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import jsonschema
import pytest
from jsonschema.exceptions import best_match

from instep import outputs

_DATES = jsonschema.FormatChecker(formats=())
_wrong: list[str] = []


@_DATES.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(outputs.schema_text(kind)), format_checker=_DATES)


def mistakes(kind: str, document: Mapping[str, Any]) -> list[str]:
    """Where a document is not as its schema says, and what is wrong there."""
    read = json.loads(json.dumps(document))
    deepest = (best_match([error]) or error for error in _validator(kind).iter_errors(read))
    return [f"{kind}: {error.json_path}: {error.message}" for error in deepest]


@pytest.fixture(scope="session", autouse=True)
def _documents_are_checked() -> Iterator[None]:
    document = outputs.document

    def checked(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        found = document(kind, content)
        _wrong.extend(mistakes(kind, found))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "document", checked)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test, or what was set up for it, that printed a document which is not as its schema says."""
    try:
        yield
    finally:
        found = _wrong[:]
        _wrong.clear()
    if found:
        raise AssertionError("\n".join(found[:10]))


@pytest.fixture(scope="session")
def find_mistakes() -> Any:
    """Says where a document is not as its schema says."""
    return mistakes


def pytest_collection_finish() -> None:
    """Thousands of tests stay to the end: the garbage collector need not look them through time and again."""
    gc.collect()
    gc.freeze()
