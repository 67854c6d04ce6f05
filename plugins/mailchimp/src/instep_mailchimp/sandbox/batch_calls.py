"""Batches: operations that are done later, one batch after the other, and results in no order."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec

from instep.sandbox import MalformedJsonError, Request, Response, Route
from instep_mailchimp.sandbox.account import Account, Batch
from instep_mailchimp.sandbox.audience import iso
from instep_mailchimp.sandbox.errors import ProblemError, invalid, not_found
from instep_mailchimp.sandbox.shaping import Shown, answer, body, linked, page

_FILES = 3
Run = Callable[[Request], Response]


class BatchCalls:
    """The calls about batches. `run` answers one operation as the service would."""

    def __init__(self, account: Account, run: Run) -> None:
        self._account, self._run = account, run
        self._random = random.Random(account.seed)  # noqa: S311 - repeatable, not secret

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", "/3.0/batches", self.listing, "batches.list")
        yield Route("POST", "/3.0/batches", self.start, "batches.start", _asks_for_changes)
        yield Route("GET", "/3.0/batches/{batch_id}", self.read, "batches.read")
        yield Route("DELETE", "/3.0/batches/{batch_id}", self.stop, "batches.stop")
        yield Route("GET", "/batch-results/{batch_id}/{signature}", self.results, "batches.results")

    def listing(self, request: Request) -> Response:
        rows = list(self._account.batches.values())
        return answer(request, page(request, "batches", rows, self._shown, self._account.personality))

    def start(self, request: Request) -> Response:
        operations, character = body(request).get("operations"), self._account.personality
        if not isinstance(operations, list) or not operations:
            raise invalid("operations", "This collection should contain 1 element or more.")
        if len(operations) > character.batch_operations:
            most = character.batch_operations
            raise invalid("operations", f"This collection should contain {most} elements or less.")
        waiting = [batch for batch in self._account.batches.values() if batch.completed is None]
        if len(waiting) >= character.open_batches:
            raise ProblemError(
                429, "Too Many Requests", f"You have {character.open_batches} pending batches already."
            )
        now = self._account.clock.now()
        begins = max([now, *(batch.due for batch in waiting)])
        due = begins + timedelta(seconds=character.batch_seconds)
        made = Batch(self._account.hex(10), operations, now, begins, due)
        self._account.batches[made.id] = made
        return answer(request, linked(self._shown(made), request, character))

    def read(self, request: Request) -> Response:
        found = self._found(request)
        return answer(request, linked(self._shown(found), request, self._account.personality))

    def stop(self, request: Request) -> Response:
        """What was done stays done."""
        del self._account.batches[self._found(request).id]
        return Response(204)

    def results(self, request: Request) -> Response:
        """The archive behind a signed link. It asks for no login, and is gone when the link has ended."""
        found = self._account.batches.get(request.params["batch_id"])
        ends = found.links.get(request.params["signature"]) if found else None
        if found is None or ends is None or self._account.clock.now() >= ends or found.completed is None:
            return Response(403, b"<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
        return Response(200, _archive(found.results), content_type="application/x-gzip")

    def work(self) -> None:
        """Do the operations whose time has come, those of one batch after those of the one before."""
        now = self._account.clock.now()
        for batch in self._account.batches.values():
            if batch.completed is not None:
                continue
            _, count = batch.phase(now)
            while len(batch.results) < count:
                batch.results.append(self._done(batch.operations[len(batch.results)]))
            if now >= batch.due:
                self._finish(batch)

    def _finish(self, batch: Batch) -> None:
        batch.completed = batch.due
        self._random.shuffle(batch.results)
        self._account.tell_batch(self._shown(batch))

    def _done(self, operation: dict[str, Any]) -> dict[str, object]:
        query = {name: [str(value)] for name, value in (operation.get("params") or {}).items()}
        path, _, more = str(operation.get("path", "")).partition("?")
        query |= parse_qs(more)
        given = operation.get("body") or ""
        if not isinstance(given, str):
            problem = invalid("body", "Schema describes string, but another type was found instead")
            response = problem.to_response(self._account.ids.uuid())
        else:
            asked = Request(str(operation.get("method")), f"/3.0{path}", query, {}, given.encode())
            response = self._run(asked)
        return {
            "status_code": response.status,
            "operation_id": operation.get("operation_id", ""),
            "response": response.body.decode(),
        }

    def _found(self, request: Request) -> Batch:
        found = self._account.batches.get(request.params["batch_id"])
        if found is None:
            raise not_found()
        return found

    def _shown(self, batch: Batch) -> Shown:
        status, _ = batch.phase(self._account.clock.now())
        return {
            "id": batch.id,
            "status": status,
            "total_operations": 0 if status == "pending" else len(batch.operations),
            "finished_operations": len(batch.results),
            "errored_operations": sum(_is_error(result) for result in batch.results),
            "submitted_at": iso(batch.submitted),
            "completed_at": iso(batch.completed),
            "response_body_url": self._link(batch) if batch.completed else "",
        }

    def _link(self, batch: Batch) -> str:
        """A fresh link to the results: each ends after some minutes."""
        signature, character = self._account.hex(16), self._account.personality
        batch.links[signature] = self._account.clock.now() + timedelta(seconds=character.link_seconds)
        return f"{self._account.base_url}/batch-results/{batch.id}/{signature}"


def _is_error(result: dict[str, object]) -> bool:
    return not 200 <= int(str(result["status_code"])) < 300


def _asks_for_changes(request: Request) -> bool:
    try:
        found = request.json()
    except MalformedJsonError:
        return False
    operations = found.get("operations") if isinstance(found, dict) else None
    return any(operation.get("method") != "GET" for operation in operations or ())


def _archive(results: list[dict[str, object]]) -> bytes:
    """Several files of results in one compressed archive, with a folder among them."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for number in range(_FILES):
            content = msgspec.json.encode(results[number::_FILES])
            info = tarfile.TarInfo(f"./{number}.json")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()
