"""Sends operations about single members: one by one, or very many as a batch. Their outcomes keep their order."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from instep.errors import RemoteError, RetryLaterError, UnknownOutcomeError
from instep.settings import is_this_machine
from instep_mailchimp import wire
from instep_mailchimp.answers import Call, RefusedError
from instep_mailchimp.client import MailchimpClient

_POLL_SECONDS: Final = 5.0
_SLOWEST_POLL_SECONDS: Final = 60.0
_LINKS: Final = 3
"""So many times a link is asked for anew: each is good for some minutes only."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request about one member. Every one may be repeated: it leaves the same state twice."""

    method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
    path: str
    label: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Done:
    """It was done; `data` is the answer's body."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """It was refused, and nothing changed."""

    status: int
    problem: wire.Problem


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Its answer was lost."""

    reason: str


Result = Done | Refused | NotKnown


class Operations:
    """Runs operations. Those of one call are about different members, because a batch keeps no order."""

    def __init__(self, client: MailchimpClient) -> None:
        self._client = client

    def run(self, operations: Sequence[Operation]) -> list[Result]:
        """What came of each, in their order. Raises where nothing is known of reads, and where a login fails."""
        settings = self._client.settings
        if len(operations) < settings.batch_from:
            return [self._one(operation) for operation in operations]
        size = settings.batch_operations
        parts = [operations[start : start + size] for start in range(0, len(operations), size)]
        return [result for part in parts for result in self._together(part)]

    def settle(self) -> None:
        """Wait until no batch of the account is at work any more, whoever began it.

        Raises `RetryLaterError` if that takes too long. mailchimp.com/developer/marketing
        """
        for seconds in self._waits():
            query = {"count": "1000", "fields": "batches.id,batches.status,total_items"}
            found = self._client.fetch(Call("GET", wire.path("batches"), "batches/list", query), wire.batches)
            if all(batch.status == "finished" for batch in found.value.batches):
                return
            self._client.effects.sleep(seconds)
        raise RetryLaterError("Mailchimp (batches/list): an earlier batch is still at work. Run again later.")

    def _one(self, operation: Operation) -> Result:
        call = Call(
            operation.method,
            operation.path,
            operation.label,
            operation.query,
            operation.body,
            operation.writes,
        )
        try:
            return Done(self._client.send(call))
        except RefusedError as refused:
            return Refused(refused.status or 0, refused.problem)
        except UnknownOutcomeError as lost:
            return NotKnown(str(lost))

    # --- batches -------------------------------------------------------------------------------------------------

    def _together(self, operations: Sequence[Operation]) -> list[Result]:
        is_write = any(operation.writes for operation in operations)
        try:
            results = self._results(self._begun(operations, is_write))
        except RemoteError as error:
            if not is_write or isinstance(error, RefusedError):
                raise
            if isinstance(error, RetryLaterError) and not isinstance(error, _BegunError):
                raise
            return [NotKnown(str(error))] * len(operations)
        missing = "Mailchimp (batches/results): the results of the batch do not mention this record. Run again later."
        return [
            _result(found, is_write) if (found := results.get(str(place))) else _unmentioned(missing, is_write)
            for place in range(len(operations))
        ]

    def _begun(self, operations: Sequence[Operation], is_write: bool) -> str:
        body = {
            "operations": [
                {
                    "method": operation.method,
                    "path": operation.path,
                    "operation_id": str(place),
                    "params": dict(operation.query),
                    **({"body": msgspec.json.encode(operation.body).decode()} if operation.body is not None else {}),
                }
                for place, operation in enumerate(operations)
            ]
        }
        call = Call(
            "POST",
            wire.path("batches"),
            "batches/start",
            body=body,
            writes=is_write,
            repeatable=not is_write,
        )
        return self._client.fetch(call, wire.batch).value.id

    def _results(self, id: str) -> dict[str, wire.BatchResult]:
        """Wait for the end, then fetch the results: in any order, over several files of one archive."""
        try:
            self._wait_for(id)
            for _ in range(_LINKS):
                link = _safe(self._read(id).response_body_url)
                call = Call("GET", "", "batches/results", link=link)
                try:
                    found = self._client.fetch(call, _Archive()).value
                except RefusedError as refused:
                    if refused.status in (403, 404):
                        continue  # the link has ended
                    raise
                return {result.operation_id: result for result in found}
        except (RetryLaterError, UnknownOutcomeError, RefusedError) as error:
            # That the batch cannot be looked at any more does not mean that it was refused.
            raise _BegunError(str(error), status=error.status) from error
        raise _BegunError("Mailchimp (batches/results): gives no link to the results that works. Run again later.")

    def _wait_for(self, id: str) -> None:
        for seconds in self._waits():
            if self._read(id).status == "finished":
                return
            self._client.effects.sleep(seconds)
        # What was done stays done; the rest is not begun any more.
        path = wire.path("batches", id)
        self._client.send(Call("DELETE", path, "batches/stop", writes=True))
        raise _BegunError("Mailchimp (batches/read): the batch took too long and was stopped. Run again later.")

    def _read(self, id: str) -> wire.Batch:
        path = wire.path("batches", id)
        return self._client.fetch(Call("GET", path, "batches/read", {"exclude_fields": "_links"}), wire.batch).value

    def _waits(self) -> Iterable[float]:
        """How long to wait each time, until all the time is over."""
        left, wait = self._client.settings.batch_minutes * 60, _POLL_SECONDS
        while left > 0:
            yield wait
            left -= wait
            wait = min(wait * 1.5, _SLOWEST_POLL_SECONDS)


class _BegunError(RetryLaterError):
    """A batch was begun, and what came of it is not known."""


class _Archive:
    """Decodes an archive of results: several files, each a list, in no order."""

    def decode(self, data: bytes, /) -> list[wire.BatchResult]:
        found: list[wire.BatchResult] = []
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
                for info in archive:
                    if info.isfile() and (file := archive.extractfile(info)) is not None:
                        found += wire.batch_results.decode(file.read())
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise msgspec.DecodeError(str(error)) from error
        return found


def _safe(link: str) -> str:
    """A link that may be followed: by https, or to this machine, where sandboxes listen."""
    parts = urlsplit(link)
    if parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname or "")):
        return link
    raise RemoteError("Mailchimp (batches/read): gives a link to the results that is not safe to follow.")


def _result(found: wire.BatchResult, is_write: bool) -> Result:
    data = found.response.encode()
    if 200 <= found.status_code < 300:
        return Done(data)
    problem = wire.read_problem(data)
    if found.status_code >= 500 or problem is None:
        return _unmentioned(
            f"Mailchimp (batches/results): answered {found.status_code} for this record. Run again later.", is_write
        )
    return Refused(found.status_code, problem)


def _unmentioned(reason: str, is_write: bool) -> Result:
    if is_write:
        return NotKnown(reason)
    raise RetryLaterError(reason)
