"""Every kind of JSON document, from one story; and that each schema refuses a document that is not like it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import pytest

from instep import outputs
from instep.cli.main import main
from instep.sandbox import FaultKind

from .two_crms import TwoCrms, two_crms

Found = dict[str, list[dict[str, Any]]]

FREE = {("sandbox-up", ("settings",))}
"""What a connector may shape as it likes."""
MAY_BE_MISSING = {"calls", "undoes", "left", "relation", "to", "scope"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The documents of one story, by kind."""
    printed: Found = {}
    document = outputs.document

    def kept(kind: str, content: Any) -> dict[str, Any]:
        made = document(kind, content)
        printed.setdefault(kind, []).append(json.loads(json.dumps(made)))
        return made

    root = tmp_path_factory.mktemp("documents") / "crm"
    with pytest.MonkeyPatch.context() as patch, two_crms(root) as crms:
        patch.setattr(outputs, "document", kept)
        patch.chdir(root)
        for arguments in story(crms):
            patch.setattr("sys.argv", ["instep", *arguments, "--json"])
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()), pytest.raises(SystemExit):
                main()
    printed["sandbox-up"] = [sandbox_up()]
    return printed


def story(crms: TwoCrms) -> Iterator[tuple[str, ...]]:
    """What people do in both systems, and what is typed in between."""
    yield ("status",)
    yield from (("check",), ("doctor",), ("connector", "list"), ("connector", "show", "hubspot"))
    yield from (("connector", "new", "mycrm"), ("connector", "test", "hubspot"))
    yield from (
        ("process", "show"),
        ("process", "show", "--owners"),
        ("process", "lint", "--preset", "seller-actions"),
    )
    yield from (("process", "preset"), ("process", "crosswalk", "hourglass-8", "b2b-11"))
    yield ("process", "convert", "--to", "pipeline-7")
    crms.org.world.add_validation_rule("Lead", lambda row: row["Title"] == "Spy", "No such titles here.")
    lead = str(crms.sf.Lead.create({"LastName": "Doe", "Email": "jane@x.example", "Company": "X"})["id"])
    gone = str(crms.sf.Lead.create({"LastName": "Roe", "Email": "joan@x.example", "Company": "X"})["id"])
    crms.add_contact(email="jane@x.example", lastname="Doe", jobtitle="CTO", lifecyclestage="lead")
    crms.add_contact(email="joan@x.example", lastname="Roe")
    crms.add_contact(email="kim@x.example", lastname="Poe", jobtitle="Spy", company="X")
    yield ("plan", "--out", "plan.json")
    yield ("sync", "--first-run=apply")
    crms.sync()
    crms.edit_contact("jane@x.example", jobtitle="CEO")
    crms.sf.Lead.update(lead, {"Title": "Chief"})
    crms.sf.Lead.delete(gone)
    crms.sync()
    yield from (("status",), ("runs",), ("show", "2"), ("explain", "jane@x.example"), ("conflicts",))
    yield from (("process", "versions"), ("process", "validate", "--history"))
    (crms.root / "scoring.toml").write_text('[[fit]]\npoints = 5\nwhen = { field = "email", is_blank = false }\n')
    yield ("replay", "--with", "scoring.toml")
    yield from (("process", "coverage"), ("why-not", "kim@x.example"), ("help", "unmapped"), ("help",))
    yield ("conflicts", "resolve", "1", "--take", "salesforce")
    yield from (("override", "kim@x.example", "research", "--reason", "asked"), ("report", "surge"))
    yield from (("retry", "--all"), ("allow", "joan@x.example", "salesforce"))
    for mapping in (crms.root / "mappings" / f"{name}.toml" for name in ("hubspot", "salesforce")):
        mapping.write_text(mapping.read_text().replace("[person]\n", '[person]\nerase = "delete"\n', 1))
    yield from (("undo", "2"), ("erase", "jane@x.example"), ("erase", "jane@x.example", "--yes"))
    yield from (("status",), ("show", "2"), ("show", "999"))
    yield ("init", "--from", "hubspot")
    yield from configuring(crms)


def configuring(crms: TwoCrms) -> Iterator[tuple[str, ...]]:
    """Stages that come from the files, and what people do to them."""
    provision = "provision"
    yield from ((provision, "import"), (provision, "plan", "--out", "configuration.json"))
    body = b'{"status":"error","category":"VALIDATION_ERROR","message":"Not this one.","correlationId":"c"}'
    crms.portal.faults.add("*", FaultKind.STATUS, status=400, body=body, writes_only=True)
    yield (provision, "apply", "configuration.json")
    crms.portal.world.add_stage("deals", "default", "Theirs", probability="0.5")
    crms.org.world.rename_stage("Prospecting", "Theirs too")
    mapping = crms.root / "mappings" / "hubspot.toml"
    mapping.write_text(mapping.read_text().replace('sidelines = "other"', 'sidelines = "nowhere"'))
    yield from ((provision, "drift"), (provision, "plan"), (provision, "apply", "--yes"))
    mapping.write_text(mapping.read_text().replace('sidelines = "nowhere"', 'sidelines = "other"'))
    yield (provision, "export", "hubspot", "--to", "as-is")


def sandbox_up() -> dict[str, Any]:
    """What a sandbox says of itself when it is up."""
    command = [sys.executable, "-m", "instep.cli.main", "sandbox", "up", "hubspot", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        document: dict[str, Any] = json.loads(running.stdout.readline())
        running.terminate()
    return document


def test_every_kind_of_document_is_printed(found: Found, find_mistakes: Any) -> None:
    assert sorted(found) == list(outputs.kinds())
    assert [wrong for kind, all in found.items() for one in all for wrong in find_mistakes(kind, one)] == []


def test_the_story_has_something_of_everything(found: Found) -> None:
    status = found["status"][-2]
    assert (status["quarantine"], status["kept_away"]) != ([], {})
    assert found["error"][0]["error"]["kind"] == "ConfigError"
    assert [one["done"] for one in found["erase"]] == [False, True]
    lists = [
        ("conflicts", "conflicts"),
        ("why-not", "answers"),
        ("conflicts-resolve", "resolved"),
        ("plan", "changes"),
    ]
    lists += [("retry", "retried"), ("allow", "allowed"), ("erase", "systems"), ("show", "writes"), ("runs", "runs")]
    lists += [("provision-import", "files"), ("provision-report", "steps"), ("provision-drift", "drift")]
    lists += [("provision-export", "files"), ("provision-plan", "systems")]
    lists += [("replay", "with"), ("replay", "moves"), ("replay", "stages")]
    lists += [("doctor", "findings"), ("process-convert", "decisions"), ("init", "fields")]
    assert [(kind, key) for kind, key in lists if not found[kind][0][key]] == []


# --- what is not like it is refused ----------------------------------------------------------------------------


def short(value: Any) -> Any:
    """A document with lists of two at most: more of the same shows nothing new."""
    if isinstance(value, dict):
        return {key: short(part) for key, part in value.items()}
    return [short(part) for part in value[:2]] if isinstance(value, list) else value


def places(kind: str, value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    yield path
    if (kind, path) in FREE:
        return
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(kind, value[key], (*path, key))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        document = document[part]
    return document


def documents(found: Found, kind: str) -> Iterator[tuple[dict[str, Any], tuple[Any, ...]]]:
    """A copy of a document for every place in it, to be spoilt there."""
    for one in map(short, found[kind][-2:]):
        for path in places(kind, one):
            yield copy.deepcopy(one), path


@pytest.mark.parametrize("kind", outputs.kinds())
def test_a_key_too_many_is_refused(found: Found, find_mistakes: Any, kind: str) -> None:
    passed, tried = [], 0
    for document, path in documents(found, kind):
        place = at(document, path)
        if isinstance(place, dict) and (kind, path) not in FREE:
            place["surplus"] = [0.5]
            tried += 1
            passed += [] if find_mistakes(kind, document) else [path]
    assert passed == []
    assert tried


@pytest.mark.parametrize("kind", outputs.kinds())
def test_a_missing_key_is_refused(found: Found, find_mistakes: Any, kind: str) -> None:
    passed, tried = [], 0
    for document, path in documents(found, kind):
        is_record = path[:-1] == () or isinstance(at(document, path[:-2]), list)
        if not path or not isinstance(at(document, path[:-1]), dict) or not is_record or path[-1] in MAY_BE_MISSING:
            continue
        del at(document, path[:-1])[path[-1]]
        tried += 1
        passed += [] if find_mistakes(kind, document) else [path]
    assert passed == []
    assert tried


@pytest.mark.parametrize("kind", outputs.kinds())
def test_a_wrong_type_is_refused(found: Found, find_mistakes: Any, kind: str) -> None:
    passed = []
    for document, path in documents(found, kind):
        if path:
            place = at(document, path[:-1])
            place[path[-1]] = "x" if isinstance(place[path[-1]], list) else [0.5]
            passed += [] if find_mistakes(kind, document) else [path]
    assert passed == []
