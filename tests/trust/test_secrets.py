"""No secret is ever printed, logged or kept: not on a good day, and not when a vendor says it back to us.

Everything that can be read afterwards is searched for every secret that is known to anybody: what is in sync.toml,
and every token that a vendor gave out.
"""

from __future__ import annotations

import json
import logging
import shutil
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instep.cli.main import main
from instep.sandbox import Request, Response
from instep.sync.run import plan_only, save_plan

from .effects import Watch
from .in_hubspot import LOGIN, HubSpotPlace
from .in_salesforce import CLIENT_SECRET, SalesforcePlace
from .place import Place
from .rehearsal import LATER, Rehearsal, rehearsal
from .served import Meddler

COMMANDS = (
    ("check",),
    ("doctor",),
    ("doctor", "--create-fields", "a"),
    ("plan", "--out", "plan.json", "--markdown", "plan.md", "--show-values"),
    ("apply", "plan.json"),
    ("sync", "--metrics-file", "instep.prom", "--log", "instep.log", "--markdown", "sync.md"),
    ("undo", "2"),
    ("status",),
    ("runs",),
    ("show", "1"),
    ("explain", "doe@acme.example"),
    ("conflicts", "--csv", "conflicts.csv"),
    ("why-not", "doe@acme.example"),
)
STATUSES = (None, 200, 400)
OTHER_STATUSES = (207, 302, 401, 403, 404, 409, 422, 429, 500, 503)


def secrets(places: tuple[Place, ...]) -> set[str]:
    """Every secret of every system."""
    known = {*(text for name, text in LOGIN.items() if name != "client_id"), CLIENT_SECRET}
    for place in places:
        if isinstance(place, HubSpotPlace):
            known |= {*place.portal.tokens._known, *place.portal.tokens.refresh}
        elif isinstance(place, SalesforcePlace):
            known |= {*place.org.tokens._known, *place.org.tokens.refresh}
    return known


def found_in(story: Rehearsal, texts: dict[str, str]) -> dict[str, list[str]]:
    """Which secrets stand in some texts, or in a file of the workspace that nobody wrote by hand."""
    everything = {name: text.encode() for name, text in texts.items()}
    for path in story.root.rglob("*"):
        if path.is_file() and path.name != "sync.toml":
            everything[path.name] = path.read_bytes()
    known = secrets(tuple(story.places))
    hits = {name: [one for one in known if one.encode() in text] for name, text in everything.items()}
    return {name: hit for name, hit in hits.items() if hit}


def says_back(story: Rehearsal, status: int) -> Meddler:
    """A vendor that answers every call with an error in which stands what the caller sent, and ever sent."""

    def meddle(label: str, request: Request, answer: Callable[[], Response]) -> Response:
        if label == "oauth.token" and status != 401:
            return answer()
        is_hubspot = isinstance(story_place(story, request), HubSpotPlace)
        sent = [request.headers.get("authorization", ""), *(LOGIN.values() if is_hubspot else [CLIENT_SECRET])]
        text = f"Not with {' '.join(sent)}!"
        one: dict[str, Any] = {"message": text, "errorCode": text, "category": text, "error": text}
        one |= {"error_description": text, "policyName": text, "id": text, "fields": [text], "status": text}
        records = json.loads(request.body).get("records", []) if label.startswith("collections.") else []
        if status in (200, 207):
            body: Any = [{"success": False, "errors": [one]} for _ in records] or {"results": [], "errors": [one]}
        else:
            body = one if is_hubspot else [one]
        return Response.of(body, status)

    return meddle


def story_place(story: Rehearsal, request: Request) -> Place:
    """Whose call it is, by its path."""
    return story.places[1 if request.path.startswith("/services") else 0]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with rehearsal("mixed", "everyday", tmp_path_factory.mktemp("secrets")) as opened:
        yield opened


def played(story: Rehearsal, caplog: pytest.LogCaptureFixture, status: int | None) -> dict[str, list[str]]:
    """Plan and run with a vendor that answers so; which secrets can be read then."""
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    story.put_back()
    meddler = says_back(story, status) if status else None
    texts = {}
    for crm in story.places[:2]:
        for writes_only in (True, False):
            assert isinstance(crm, HubSpotPlace | SalesforcePlace)
            crm.meddle(only_writes(meddler) if meddler and writes_only else meddler)
            for number in range(2):
                story.wait(LATER)
                run = story.run()
                said = [repr(run.outcome), repr(run.outcome and run.outcome.as_json())]
                if run.error is not None:
                    said += [*traceback.format_exception(run.error), repr(vars(run.error)), str(run.error)]
                texts[f"{crm.name} {writes_only} {number}"] = "\n".join(said)
            crm.meddle(None)
    texts["log"] = caplog.text
    return found_in(story, texts)


def only_writes(meddler: Meddler) -> Meddler:
    """Only calls that change something are answered so."""

    def meddle(label: str, request: Request, answer: Callable[[], Response]) -> Response:
        is_write = any(word in label for word in ("update", "upsert", "create", "archive", "delete", "opt_out"))
        return meddler(label, request, answer) if is_write else answer()

    return meddle


@pytest.mark.parametrize(
    "status", [*STATUSES, *(pytest.param(status, marks=pytest.mark.ci) for status in OTHER_STATUSES)]
)
def test_no_secret_is_told_or_kept_by_a_run(
    story: Rehearsal, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    assert played(story, caplog, status) == {}


def test_no_secret_is_in_a_saved_plan(story: Rehearsal) -> None:
    story.put_back()
    outcome = plan_only(story.workspace, story.world(Watch(story.time)))
    assert outcome.plan.changes
    save_plan(story.workspace, outcome, story.root / "plan.json")
    assert found_in(story, {}) == {}
    (story.root / "plan.json").unlink()


@pytest.mark.ci
@pytest.mark.parametrize("status", [None, 400, 401, 403])
def test_no_secret_is_printed_by_a_command(
    story: Rehearsal,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    status: int | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    story.put_back()
    shutil.rmtree(story.root / ".instep")  # these commands go by the machine's clock
    monkeypatch.chdir(story.root)
    for crm in story.places[:2]:
        assert isinstance(crm, HubSpotPlace | SalesforcePlace)
        crm.meddle(says_back(story, status) if status else None)
    texts = {}
    for command in COMMANDS:
        for option in ((), ("--json",)):
            monkeypatch.setattr("sys.argv", ["instep", *command, *option])
            with pytest.raises(SystemExit):
                main()
            texts[" ".join((*command, *option))] = "".join(capsys.readouterr())
    texts["log"] = caplog.text
    assert found_in(story, texts) == {}


def test_a_secret_that_is_told_is_found(story: Rehearsal, tmp_path: Path) -> None:
    story.put_back()
    assert found_in(story, {"told": f"Bearer {LOGIN['access_token']}"}).keys() == {"told"}
    (story.root / "kept.log").write_text(LOGIN["refresh_token"])
    assert found_in(story, {}).keys() == {"kept.log"}
    (story.root / "kept.log").unlink()
