"""What admins set up, read and written by its full name, ten at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeVar

from instep.contract import Outcome, Rejected, Unknown
from instep.errors import UnknownOutcomeError
from instep_salesforce import wire
from instep_salesforce.answers import NO_RIGHT, RefusedError, no_right
from instep_salesforce.client import Component, SalesforceClient
from instep_salesforce.refusals import rejected

T = TypeVar("T")

_MOST: Final = 10

Failures = dict[str, Outcome]
"""Why components were not written, by their full names; one that is not in here was."""


class Metadata:
    """The components of one org.

    developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_crud_based_calls_intro.htm
    """

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    def read(self, type: str, names: Iterable[str]) -> dict[str, Component]:
        """Those of these components that are there, by their full names."""
        found: dict[str, Component] = {}
        for part in _parts(list(dict.fromkeys(names))):
            read = self._client.read_metadata(type, part)
            found |= {name: one for name, one in zip(part, read, strict=True) if one is not None}
        return found

    def save(self, verb: Literal["create", "update"], type: str, components: Sequence[Component]) -> Failures:
        """Write components; one that is refused does not take others along.

        Raises `AccessError` where the login may not configure.
        """
        failures: Failures = {}
        for part in _parts(components):
            names = [str(one["fullName"]) for one in part]
            try:
                saved = self._client.write_metadata(verb, type, part)
            except UnknownOutcomeError as lost:
                failures |= dict.fromkeys(names, Unknown(str(lost)))
            except RefusedError as refused:
                failures |= dict.fromkeys(names, refusal(refused))
            else:
                failures |= self._failed(type, dict(zip(names, saved, strict=True)))
        return failures

    def _failed(self, type: str, saved: Mapping[str, wire.SavedComponent]) -> Failures:
        problems = {name: _problem(one) for name, one in saved.items() if not one.success}
        lacking = next((problem for problem in problems.values() if problem.code in NO_RIGHT), None)
        if lacking is not None and len(problems) == len(saved):
            raise no_right(f"metadata/{type}", lacking)
        return {name: rejected(problem) for name, problem in problems.items()}


def refusal(refused: RefusedError) -> Rejected:
    """A call that was refused as a whole."""
    return rejected(refused.errors[0] if refused.errors else wire.Problem(message=str(refused)))


def is_taken(failure: Outcome | None) -> bool:
    """Whether a component was not made because there is one of its name."""
    return isinstance(failure, Rejected) and failure.code in ("duplicate", "duplicate_developer_name")


def _problem(saved: wire.SavedComponent) -> wire.Problem:
    return saved.errors[0].problem if saved.errors else wire.Problem()


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _MOST):
        yield items[start : start + _MOST]
