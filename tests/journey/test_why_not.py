"""Why a record is not in a system, or not in step: every reason, and nothing where nothing is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instep.sync.erase import erase
from instep.sync.run import plan_only
from instep.sync.why_not import why_not

from ..semantics.cases import Stage, claims, play
from .conftest import Instep
from .two_crms import TwoCrms, two_crms


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def reasons(stage: Stage, key: str, connection: str) -> list[tuple[str, str]]:
    """The code of each obstacle, and everything that is said of it."""
    answers = why_not(stage.workspace(), stage.world(), key, connection)
    return [(one.code, f"{one.text} {one.remedy}") for answer in answers for one in answer.obstacles]


INCLUDE = 'files: b include = { not = { field = "title", eq = "CTO" } }'
ROLES = "files: b speaks for = marketing; files: roles = decision=sales"


@pytest.mark.parametrize(
    ("given", "key", "code", "said"),
    [
        ("a.jane; sync", "nobody@x.example", "unknown", "No record that was read from b"),
        ("files: b creates = never; a.jane; sync", "jane", "create-rule", 'create = "never"'),
        (
            'files: b creates if = { field = "stage", eq = "decision" }; a.jane; sync',
            "jane",
            "create-rule",
            'create = { field = "stage", eq = "decision" }, which does not fit',
        ),
        (
            f"{INCLUDE}; a.jane title=CTO; sync",
            "jane",
            "left-out",
            'include = { not = { field = "title", eq = "CTO" } }',
        ),
        (f"a.jane title=CTO; sync; {INCLUDE}; a.jane city=Bern; sync", "jane", "left-out", "Only consent is written"),
        (f"{INCLUDE}; b.joan title=CTO; a.jane; sync", "joan", "left-out", "leaves it out"),
        ("a.jane; sync; b.jane deleted; sync", "jane", "tombstone", "instep allow in_"),
        ("b refuses title=CTO; a.jane title=CTO; sync", "jane", "refused", "instep retry in_"),
        ("a.jane; sync; b is down; sync", "jane", "stopped", "left early"),
        ("b loses an answer; a.jane; sync", "jane", "unsettled", "whether the last write took effect"),
        ("a.jane title=CTO; sync; a.jane title=CEO; sync; undo", "jane", "undone", "a run that was undone"),
        ("a.jane title=CTO; sync; a.jane title=CEO; sync; undo; sync", "jane", "undone", "a run that was undone"),
        (
            "b.jane; b.jane2 email=jane@x.example; a.jane; sync",
            "jane",
            "question",
            "email is shared by several records of one system",
        ),
        ("b lacks instep_id; a.jane; sync", "jane", "no-create", "instep doctor --create-fields b"),
        (
            "a.jane title=A; b.jane title=A; sync; b hides title; b.jane city=X; sync",
            "jane",
            "hidden",
            "cannot be seen",
        ),
        ("b locks title; a.jane title=CTO; b.jane; sync", "jane", "read-only", "cannot be written"),
        ("b.jane stage=nonsense; a.jane; sync", "jane", "unmapped", "nonsense"),
        (
            "files: law of title = manual; a.jane title=A; b.jane title=B; sync",
            "jane",
            "conflict",
            "conflicts resolve 1",
        ),
        (
            f"{ROLES}; a.jane stage=decision; sync; b.jane stage=research; sync; b.jane stage=research; sync",
            "jane",
            "conflict",
            "stage waits for a person",
        ),
        ("b sets back title=Boss; a.jane title=CTO; sync; a.jane city=Bern; sync", "jane", "not-taken", "was sent"),
        ("b loses an answer; a.jane title=CTO; b.jane; sync", "jane", "unsettled", "it is looked up"),
    ],
)
def test_what_is_in_the_way_is_said_with_what_to_do(stage: Stage, given: str, key: str, code: str, said: str) -> None:
    play(stage, given)
    found = reasons(stage, key if "@" in key else f"{key}@x.example", "b")
    assert code in [one for one, _ in found], found
    assert any(said in text for _, text in found), found


@pytest.mark.parametrize(
    "given",
    [
        "a.jane title=CTO; sync",
        "a.jane title=A; sync; b.jane title=B; sync",
        "a.jane; sync; b.jane deleted; sync; jane allowed in b; sync",
        "b refuses title=CTO; a.jane title=CTO; sync; b takes title again; 1d pass; sync",
        "a.jane; sync; b is down; sync; b is up; sync",
        "b loses an answer; a.jane; sync; sync",
        "a.jane title=CTO; sync; a.jane title=CEO; sync; undo; a.jane title=Chair; sync",
        "a.jane title=CTO; sync; a.jane title=CEO; sync; undo; undo; sync",
        f"{INCLUDE}; a.jane title=CEO; sync",
        "files: law of title = manual; a.jane title=A; b.jane title=B; sync; jane title is decided for a; sync",
    ],
)
def test_nothing_is_in_the_way_of_what_is_in_step(stage: Stage, given: str) -> None:
    play(stage, given)
    assert reasons(stage, "jane@x.example", "b") == []
    assert reasons(stage, "jane@x.example", "a") == []


def test_what_no_run_has_decided_yet_is_said_to_be_so(stage: Stage) -> None:
    play(stage, "a.jane")
    plan_only(stage.workspace(), stage.world())
    assert [code for code, _ in reasons(stage, "jane@x.example", "a")] == ["not-yet"]
    play(stage, "sync")
    assert reasons(stage, "jane@x.example", "a") == []


def test_consent_that_is_withheld_is_named(stage: Stage) -> None:
    play(stage, "files: law of title = manual; files: b keeps consent in = title")
    stage.systems["a"].put("people", "jane", email="jane@x.example", title="no")
    stage.systems["b"].put("people", "jane", email="jane@x.example", title="yes")
    play(stage, "sync; jane title is decided for a; sync")
    assert any("who opted out" in text for code, text in reasons(stage, "jane@x.example", "b") if code == "consent")


def test_somebody_who_was_erased_is_said_to_be_so(stage: Stage) -> None:
    play(stage, "files: a erases = erase; files: b erases = keep; a.jane; a.joan; sync")
    record = f"b/people/{stage.find('b', 'jane')}"
    erase(stage.workspace(), stage.world(), "jane@x.example")
    play(stage, "sync")
    for key in ("jane@x.example", record):
        assert [code for code, _ in reasons(stage, key, "b")] == ["erased"]
    assert reasons(stage, "joan@x.example", "b") == []
    assert [code for code, _ in reasons(stage, "nobody@x.example", "b")] == ["unknown"]


def test_what_is_allowed_again_is_made_by_the_next_sync(stage: Stage) -> None:
    play(stage, "a.jane; sync; b.jane deleted; sync; jane allowed in b")
    assert reasons(stage, "jane@x.example", "b") == []
    play(stage, "sync")
    assert claims(stage, "writes b=1") == []


def test_a_kind_that_is_not_mapped_is_named(stage: Stage) -> None:
    play(stage, "a.jane; sync")
    path = stage.root / "mappings" / "b.toml"
    text = path.read_text()
    path.write_text(text[text.index("[company]") :].replace('people = "people"\n', ""))
    from instep.mapping.load import load_workspace

    [answer] = why_not(load_workspace(stage.root), stage.world(), "jane@x.example", "b")
    assert "not-mapped" in [one.code for one in answer.obstacles]


# --- as a person types it --------------------------------------------------------------------------------------


@pytest.fixture
def crms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoCrms]:
    with two_crms(tmp_path / "crm") as found:
        monkeypatch.chdir(found.root)
        yield found


def test_a_person_asks_why_not_and_no_system_is_asked(crms: TwoCrms, instep: Instep) -> None:
    crms.add_contact(email="jane@x.example", lastname="Doe", company="X")
    crms.sync()
    fine = instep("why-not", "jane@x.example")
    assert (fine.code, fine.out.count("nothing is in its way")) == (0, 2)
    crms.sf.Lead.delete(crms.one("Lead", "Id", "Email = 'jane@x.example'")["Id"])
    crms.sync()
    for sandbox in (crms.portal, crms.org):
        sandbox.log.clear()
    told = instep("why-not", "jane@x.example", "salesforce")
    assert told.code == 3
    assert "instep allow" in told.out
    found = instep("why-not", "jane@x.example", "salesforce", "--json").json["answers"][0]
    assert [one["code"] for one in found["obstacles"]] == ["tombstone"]
    assert (crms.portal.log.count(), crms.org.log.count()) == (0, 0)
    assert instep("why-not", "jane@x.example", "nowhere").code == 1
    assert instep("why-not", "nobody@x.example").code == 3
