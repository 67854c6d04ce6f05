"""Calls that carry others: composite, graph and batch.

developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite.htm
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec

from instep.sandbox import Request, Response
from instep_salesforce.sandbox.errors import malformed
from instep_salesforce.sandbox.operations import Call, Operation, reply
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.references import UnknownReferenceError, resolve, used

MAX_PARTS = 25
MAX_NODES, MAX_GRAPHS, MAX_DEPTH, MAX_KINDS, MAX_FAILED = 500, 75, 15, 15, 14
HALTED = {
    "errorCode": "PROCESSING_HALTED",
    "message": ("The transaction was rolled back since another operation in the same transaction failed."),
}
_MANY = re.compile(r"/services/data/v[\d.]+/(query(All)?\b|composite/sobjects)", re.IGNORECASE)
_KIND = re.compile(r"/services/data/v[\d.]+/sobjects/(\w+)")
_GRAPH_ID = re.compile(r"[A-Za-z0-9][\w-]{0,38}")
Dispatch = Callable[[Call, Request], Response]
Part = dict[str, Any]


class _RolledBackError(Exception):
    pass


@dataclass(slots=True)
class _Run:
    """The parts of one transaction and what became of them."""

    answers: dict[str, object] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    responses: list[Part] = field(default_factory=list)


class CompositeCalls:
    """The calls that carry others."""

    def __init__(self, org: Org, dispatch: Dispatch) -> None:
        self._org, self._dispatch = org, dispatch

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        return [
            Operation("POST", "composite", self.composite, "composite", writes=writes_inside),
            Operation("POST", "composite/graph", self.graph, "composite.graph", writes=writes_inside),
            Operation("POST", "composite/batch", self.batch, "composite.batch", writes=writes_inside, counts=False),
        ]

    # --- composite ---------------------------------------------------------------------------------------------

    def composite(self, call: Call) -> Response:
        """Up to 25 calls that may refer to each other."""
        body = call.body()
        parts = _parts(body, "compositeRequest")
        if len(parts) > MAX_PARTS:
            raise malformed(f"The request can't contain more than {MAX_PARTS} subrequests", "LIMIT_EXCEEDED")
        self._require_few_queries(parts)
        _require_names(parts)
        responses, _ = self._together(call, parts, all_or_none=body.get("allOrNone") is True)
        return reply({"compositeResponse": responses})

    def _require_few_queries(self, parts: list[Part]) -> None:
        most = self._org.personality.max_composite_queries
        if sum(1 for part in parts if _MANY.match(str(part.get("url")))) > most:
            message = f"The request can't contain more than {most} query or collection subrequests"
            raise malformed(message, "LIMIT_EXCEEDED")

    def _together(self, call: Call, parts: list[Part], *, all_or_none: bool) -> tuple[list[Part], bool]:
        """Run parts one by one; says whether all went well. With `all_or_none` everything is taken back otherwise."""
        run = _Run()
        try:
            with self._org.transaction():
                for part in parts:
                    run.responses.append(self._one(call, part, run))
                    if all_or_none and run.failed:
                        raise _RolledBackError
        except _RolledBackError:
            culprit = run.responses[-1]
            return [culprit if _name(part) == culprit["referenceId"] else _halted(part) for part in parts], False
        return run.responses, not run.failed

    def _one(self, call: Call, part: Part, run: _Run) -> Part:
        name = _name(part)
        if used([part.get("url"), part.get("body")]) & run.failed:
            run.failed.add(name)
            return _halted(part)
        try:
            url, body = resolve(part.get("url"), run.answers), resolve(part.get("body"), run.answers)
        except UnknownReferenceError as error:
            refusal = malformed(f"Invalid reference specified. No value for {error} found", "PROCESSING_HALTED")
            run.failed.add(name)
            return {"body": refusal.to_body(), "httpHeaders": {}, "httpStatusCode": 400, "referenceId": name}
        response = self._dispatch(call, _request(call, part, str(url), body))
        if response.status >= 300 and response.status != 304:
            run.failed.add(name)
        shown = msgspec.json.decode(response.body) if response.body else None
        run.answers[name] = shown
        headers = {key: value for key, value in response.headers if key != "Sforce-Limit-Info"}
        return {"body": shown, "httpHeaders": headers, "httpStatusCode": response.status, "referenceId": name}

    # --- graphs ------------------------------------------------------------------------------------------------

    def graph(self, call: Call) -> Response:
        """Several transactions in one call."""
        graphs = _parts(call.body(), "graphs")
        self._require_small(graphs)
        shown: list[Part] = []
        failures = 0
        for graph in graphs:
            parts = _parts(graph, "compositeRequest")
            if failures >= MAX_FAILED:
                responses, is_good = [_halted(part) for part in parts], False
            else:
                responses, is_good = self._together(call, parts, all_or_none=True)
                failures += not is_good
            response = {"compositeResponse": responses}
            shown.append({"graphId": graph["graphId"], "graphResponse": response, "isSuccessful": is_good})
        return reply({"graphs": shown})

    def _require_small(self, graphs: list[Part]) -> None:
        nodes = [part for graph in graphs for part in _parts(graph, "compositeRequest")]
        if len(graphs) > MAX_GRAPHS or len(nodes) > MAX_NODES:
            raise malformed(f"At most {MAX_NODES} nodes in {MAX_GRAPHS} graphs", "LIMIT_EXCEEDED")
        for graph in graphs:
            if not _GRAPH_ID.fullmatch(str(graph.get("graphId"))):
                raise malformed(f"Invalid graphId: {graph.get('graphId')}", "INVALID_INPUT")
            parts = _parts(graph, "compositeRequest")
            _require_names(parts)
            kinds = {_kind_of(part) for part in parts}
            if len(kinds) > MAX_KINDS or _depth(parts) > MAX_DEPTH:
                raise malformed(
                    f"A graph has at most {MAX_KINDS} kinds of nodes in a depth of {MAX_DEPTH}", "LIMIT_EXCEEDED"
                )

    # --- batch -------------------------------------------------------------------------------------------------

    def batch(self, call: Call) -> Response:
        """Up to 25 calls that have nothing to do with each other; each of them counts."""
        body = call.body()
        parts = _parts(body, "batchRequests")
        if len(parts) > MAX_PARTS:
            raise malformed(f"The request can't contain more than {MAX_PARTS} subrequests", "LIMIT_EXCEEDED")
        results: list[Part] = []
        for part in parts:
            if body.get("haltOnError") is True and any(result["statusCode"] >= 400 for result in results):
                error = {"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch request processing was halted"}
                results.append({"statusCode": 412, "result": [error]})
                continue
            self._org.usage.add(self._org.now())
            url = f"/services/data/{str(part.get('url')).lstrip('/')}"
            response = self._dispatch(call, _request(call, part, url, part.get("richInput")))
            result = msgspec.json.decode(response.body) if response.body else None
            results.append({"statusCode": response.status, "result": result})
        has_errors = any(result["statusCode"] >= 400 for result in results)
        return reply({"hasErrors": has_errors, "results": results})


def writes_inside(request: Request) -> bool:
    """Whether any of the calls inside asks for a change."""
    return bool(re.search(rb'"method"\s*:\s*"(?!GET|HEAD)', request.body, re.IGNORECASE))


def _parts(body: Part, name: str) -> list[Part]:
    parts = body.get(name)
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise malformed(f"{name} must be a list of objects that is not empty", "INVALID_INPUT")
    return parts


def _name(part: Part) -> str:
    return str(part.get("referenceId"))


def _require_names(parts: list[Part]) -> None:
    names = [part.get("referenceId") for part in parts]
    if not all(isinstance(name, str) and re.fullmatch(r"[A-Za-z]\w*", name) for name in names):
        raise malformed("Each subrequest needs a referenceId", "INVALID_INPUT")
    if len(set(names)) < len(names):
        raise malformed("Provided referenceIds are not unique", "INVALID_INPUT")


def _kind_of(part: Part) -> str:
    match = _KIND.match(str(part.get("url")))
    if match is None:
        raise malformed(f"Only sObject rows can be nodes of a graph: {part.get('url')}", "INVALID_INPUT")
    return match[1].lower()


def _depth(parts: list[Part]) -> int:
    depths: dict[str, int] = {}
    for part in parts:
        before = used([part.get("url"), part.get("body")])
        depths[_name(part)] = 1 + max((depths.get(name, 0) for name in before), default=0)
    return max(depths.values())


def _halted(part: Part) -> Part:
    return {"body": [HALTED], "httpHeaders": {}, "httpStatusCode": 400, "referenceId": _name(part)}


def _request(call: Call, part: Part, url: str, body: object) -> Request:
    """The call that a part describes. It has only the headers that the part itself names."""
    path, _, query = url.partition("?")
    named = part.get("httpHeaders")
    headers = {str(name).lower(): str(value) for name, value in named.items()} if isinstance(named, dict) else {}
    return Request(
        method=str(part.get("method")).upper(),
        path=path,
        query=parse_qs(query, keep_blank_values=True),
        headers=headers,
        body=b"" if body is None else msgspec.json.encode(body),
    )
