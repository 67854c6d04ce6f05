"""A threaded HTTP/1.1 server on loopback, quick enough that the client is the slow part."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from io import BufferedReader
from types import TracebackType
from typing import Protocol

from instep.sandbox.clock import Clock
from instep.sandbox.faults import Fault, FaultKind, Faults, html_502, spoiled
from instep.sandbox.http import MalformedRequestError, Request, Response, read_request
from instep.sandbox.log import CallLog
from instep.sandbox.personality import Personality
from instep.sandbox.routes import Match, Route, Routes

CONTROL_PREFIX = "/_sandbox/"
_WAKE_SECONDS = 0.5
_LINGER_ZERO = struct.pack("ii", 1, 0)


class Vendor(Protocol):
    """The imitated service behind a server. Each call is made by the thread of one connection."""

    @property
    def routes(self) -> Routes:
        """The operations of the service."""
        ...

    def canonical(self, path: str) -> str:
        """The path under which an operation is listed, whichever family of paths was used."""
        ...

    def answer(self, request: Request, route: Route | None) -> Response:
        """The answer to a call, refusals included; `route` is None for an unknown path."""
        ...

    def throttled(self, request: Request) -> Response:
        """The vendor's refusal because of too many calls."""
        ...

    def failed(self, request: Request) -> Response:
        """The vendor's own server error."""
        ...


class _DropConnection(Exception):  # noqa: N818 - no error: the sandbox means to hang up
    def __init__(self, reset: bool) -> None:
        self.reset = reset


class SandboxServer:
    """Serves one vendor at `url` until it is closed; a context manager.

    A defect of the imitation itself is answered with 500 and raised again on closing, so that no test
    takes it for the vendor's behaviour.
    """

    def __init__(
        self,
        vendor: Vendor,
        *,
        clock: Clock,
        personality: Callable[[], Personality],
        control: Routes | None = None,
        port: int = 0,
        seed: int = 0,
    ) -> None:
        self.log = CallLog()
        self.faults = Faults()
        self._vendor, self._clock, self._personality = vendor, clock, personality
        self._control = control or Routes()
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._writes_seen = 0
        self._defects: list[Exception] = []
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._listener.settimeout(_WAKE_SECONDS)
        self._acceptor = threading.Thread(target=self._accept, name="sandbox", daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """Where the server listens."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{host}:{port}"

    def __enter__(self) -> SandboxServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, hang up, wait for the threads; raises the first defect that was seen."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._listener.close()
        with self._lock:
            conversations = list(self._open.items())
        for connection, _ in conversations:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in conversations:
            thread.join(5)
        if self._defects:
            raise self._defects[0]

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.setblocking(True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as reader, contextlib.suppress(OSError):
                self._exchange(connection, reader)
        except MalformedRequestError:
            return
        finally:
            with self._lock:
                self._open.pop(connection, None)

    def _exchange(self, connection: socket.socket, reader: BufferedReader) -> None:
        while (request := read_request(reader)) is not None:
            keep_alive = request.headers.get("connection", "").lower() != "close"
            try:
                response = self._reply(request)
            except _DropConnection as drop:
                if drop.reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
                return
            connection.sendall(response.to_bytes(self._clock.now(), keep_alive=keep_alive))
            if not keep_alive:
                return

    def _reply(self, request: Request) -> Response:
        if request.path.startswith(CONTROL_PREFIX):
            return self._controlled(request)
        path = self._vendor.canonical(request.path)
        match = self._vendor.routes.find(request.method, path)
        route = match.route if match else None
        fault = self._fault(route, request)
        try:
            response = self._answered(request, match, fault)
        except _DropConnection:
            self._record(request, route, 0)
            raise
        self._record(request, route, response.status)
        return response

    def _answered(self, request: Request, match: Match | None, fault: Fault | None) -> Response:
        if fault is not None and fault.kind.comes_before:
            return self._stopped(request, fault)
        if match is not None:
            request = replace(request, params=match.params)
        try:
            response = self._vendor.answer(request, match.route if match else None)
        except Exception as defect:
            return self._defective(defect)
        slow = self._personality().slow_seconds
        if fault is not None and fault.kind is FaultKind.SLOW:
            slow += fault.seconds
        if slow:
            self._clock.sleep(slow)
        if fault is None:
            return response
        if fault.kind in {FaultKind.RESET_AFTER, FaultKind.TIMEOUT_AFTER_COMMIT}:
            raise _DropConnection(fault.kind is FaultKind.RESET_AFTER)
        return spoiled(response, fault.kind)

    def _stopped(self, request: Request, fault: Fault) -> Response:
        match fault.kind:
            case FaultKind.RESET_BEFORE:
                raise _DropConnection(reset=True)
            case FaultKind.HTML_502:
                return html_502()
            case FaultKind.THROTTLED:
                return self._vendor.throttled(request)
            case FaultKind.STATUS:
                return Response(fault.status, fault.body)
            case _:
                return self._vendor.failed(request)

    def _fault(self, route: Route | None, request: Request) -> Fault | None:
        label, is_write = (route.label, route.is_write(request)) if route else ("unknown", False)
        personality = self._personality()
        with self._lock:
            self._writes_seen += is_write
            lost = is_write and self._writes_seen in personality.timeout_after_commit
            unlucky = personality.random_5xx > 0 and self._random.random() < personality.random_5xx
        if (ordered := self.faults.take(label, request.path, is_write)) is not None:
            return ordered
        if lost:
            return Fault("*", FaultKind.TIMEOUT_AFTER_COMMIT)
        if unlucky:
            return Fault("*", FaultKind.SERVER_ERROR)
        return Fault("*", personality.every_call) if personality.every_call else None

    def _record(self, request: Request, route: Route | None, status: int) -> None:
        self.log.record(
            at=self._clock.now(),
            method=request.method,
            path=request.path,
            query=request.query,
            body_size=len(request.body),
            status=status,
            label=route.label if route else "unknown",
            wrote=route.is_write(request) if route else False,
        )

    def _controlled(self, request: Request) -> Response:
        match = self._control.find(request.method, request.path)
        if match is None:
            return Response.of({"message": "The sandbox has no such control."}, 404)
        try:
            return match.route.handler(replace(request, params=match.params))
        except ValueError as error:
            return Response.of({"message": str(error)}, 400)
        except Exception as defect:
            return self._defective(defect)

    def _defective(self, defect: Exception) -> Response:
        traceback.print_exception(defect, file=sys.stderr)
        self._defects.append(defect)
        return Response.of({"message": f"Defect of the sandbox: {defect!r}"}, 500)
