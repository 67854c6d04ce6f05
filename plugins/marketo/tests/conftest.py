from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from instep.contract import Create, FieldSpec, Update, Written
from instep.sandbox import VirtualClock
from instep.testing import Workbench, workbench
from instep_marketo import marketo
from instep_marketo.sandbox import CLIENT_ID, CLIENT_SECRET, MarketoSandbox, MarketoWorld, marketo_sandbox


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """The connector at work in a fresh sandbox, on a clock that only the test moves."""
    with workbench(marketo, {"leads": {"firstName": "Person {n}"}}, "instep_id") as bench:
        yield bench


@pytest.fixture
def world(bench: Workbench) -> MarketoWorld:
    """The subscription's own people."""
    world: MarketoWorld = bench.sandbox.world
    return world


class Hands:
    """Short ways to what nearly every test does."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.program = bench.sandbox.settings["programs"][0]
        self.list = bench.sandbox.settings["lists"][0]

    def behave(self, **changes: Any) -> None:
        """Switch on unpleasant sides of the subscription."""
        self.bench.sandbox.personality = replace(self.bench.sandbox.personality, **changes)

    def connect(self, **settings: Any) -> Any:
        """A connection with other settings."""
        return self.bench.connect(self.bench.settings(**settings))

    def key(self) -> None:
        """Our own field."""
        outcome = self.bench.part("fields").create(FieldSpec("leads", "instep_id", "Instep id", "text", unique=True))
        assert isinstance(outcome, Written)

    def create(self, key: str, **fields: Any) -> Any:
        """Create one lead through the connector."""
        return self.bench.records.write("leads", [Create("instep_id", key, fields)], [])[0]

    def update(self, id: str, **fields: Any) -> Any:
        """Change one lead through the connector."""
        return self.bench.records.write("leads", [Update(id, fields, {})], [])[0]

    def labels(self) -> list[str]:
        """What was asked of the sandbox, in order."""
        return [call.label for call in self.bench.sandbox.log.calls()]


@pytest.fixture
def hands(bench: Workbench) -> Hands:
    """Short ways to what nearly every test does."""
    return Hands(bench)


class Caller:
    """Somebody with a login, who speaks plain HTTP."""

    def __init__(self, sandbox: MarketoSandbox, login: tuple[str, str] = (CLIENT_ID, CLIENT_SECRET)) -> None:
        self.sandbox, self.session, self.login = sandbox, requests.Session(), login

    def identify(self, method: str = "GET", **more: str) -> Any:
        """Ask for a token."""
        id, secret = self.login
        query = {"grant_type": "client_credentials", "client_id": id, "client_secret": secret, **more}
        return self.session.request(method, f"{self.sandbox.url}/identity/oauth/token", params=query)

    def __call__(self, method: str, path: str, token: str | None = None, **more: Any) -> Any:
        token = token or self.identify().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return self.session.request(method, self.sandbox.url + path, headers=headers, **more)

    def body(self, method: str, path: str, **more: Any) -> Any:
        """An answer that is no refusal."""
        body = self(method, path, **more).json()
        assert body["success"], body
        return body

    def result(self, method: str, path: str, **more: Any) -> Any:
        """The records of an answer that is no refusal."""
        return self.body(method, path, **more)["result"]

    def code(self, method: str, path: str, **more: Any) -> str | None:
        """The code of a refusal, which comes with status 200; None of a success."""
        reply = self(method, path, **more)
        assert reply.status_code == 200
        body = reply.json()
        assert body["success"] is not ("errors" in body and bool(body["errors"]))
        return None if body["success"] else body["errors"][0]["code"]

    def sync(self, *rows: Any, **more: Any) -> Any:
        """Write leads."""
        return self.result("POST", "/rest/v1/leads.json", json={"input": list(rows), **more})

    @staticmethod
    def why(result: Any) -> str | None:
        """The code for which a record was skipped; None where it was not."""
        return result["reasons"][0]["code"] if result["status"] == "skipped" else None

    def log(self, *types: int, **query: str) -> list[Any]:
        """Every activity of some types, read as a patient program reads them."""
        asked = {"activityTypeIds": ",".join(str(type) for type in types), **query}
        path, since = "/rest/v1/activities", {"sinceDatetime": "2025-01-01"}
        token, found, has_more = self.body("GET", f"{path}/pagingtoken.json", params=since)["nextPageToken"], [], True
        while has_more:
            page = self.body("GET", f"{path}.json", params={**asked, "nextPageToken": token})
            token, has_more = page["nextPageToken"], page["moreResult"]
            found += page.get("result", [])
        return found


@pytest.fixture
def sandbox() -> Iterator[MarketoSandbox]:
    """A subscription by itself, on a clock that only the test moves."""
    with marketo_sandbox(clock=VirtualClock()) as sandbox:
        yield sandbox


@pytest.fixture
def callers(sandbox: MarketoSandbox) -> Iterator[Any]:
    """Makes callers, each with a login of its own."""
    made: list[Caller] = []

    def caller(*login: str) -> Caller:
        made.append(Caller(sandbox, login or (CLIENT_ID, CLIENT_SECRET)))  # type: ignore[arg-type]
        return made[-1]

    yield caller
    for one in made:
        one.session.close()


@pytest.fixture
def call(callers: Any) -> Caller:
    """A caller with the login of the sandbox's own API user."""
    caller: Caller = callers()
    return caller
