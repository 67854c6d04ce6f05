"""What a system refuses waits: it is tried again later and later, then parked, until something changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instep.errors import ConfigError
from instep.store import Store
from instep.sync.refusals import Waiting, read_waiting
from instep.sync.remedies import CLASSES, remedy_of
from instep.sync.retry import retry
from instep_salesforce.sandbox.errors import RefusedError

from ..semantics.cases import Stage, claims, play
from .conftest import Instep
from .two_crms import TwoCrms, two_crms

REFUSED = "b refuses title=CTO; a.jane title=CTO; sync"
PARKED = f"{REFUSED}; 1d pass; sync; 2d pass; sync; 4d pass; sync; 8d pass; sync; b takes title again"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def waiting(stage: Stage) -> list[Waiting]:
    with Store(stage.workspace().store) as store:
        return read_waiting(store)


# --- when it is tried again ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "follows"),
    [
        ("23h pass", "no b.jane; writes 0"),
        ("24h pass", "b.jane title=CTO; writes b=1; quarantined 0 of b"),
    ],
)
def test_a_refusal_for_good_is_tried_again_when_a_day_has_passed(stage: Stage, before: str, follows: str) -> None:
    play(stage, f"{REFUSED}; b takes title again; {before}; sync")
    assert claims(stage, follows) == []


@pytest.mark.parametrize("tries", [1, 2, 3, 4])
def test_each_time_it_waits_twice_as_long(stage: Stage, tries: int) -> None:
    play(stage, REFUSED)
    for n in range(tries - 1):
        play(stage, f"{2**n}d pass; sync")
    assert [one.tries for one in waiting(stage)] == [tries]
    play(stage, f"b takes title again; {24 * 2 ** (tries - 1) - 1}h pass; sync")
    assert claims(stage, "no b.jane") == []
    play(stage, "1h pass; sync")
    assert claims(stage, "b.jane title=CTO") == []


def test_after_five_tries_it_is_parked(stage: Stage) -> None:
    play(stage, PARKED)
    assert [(one.tries, one.due_at) for one in waiting(stage)] == [(5, None)]
    play(stage, "365d pass; sync")
    assert claims(stage, "no b.jane; writes 0") == []


@pytest.mark.parametrize(
    "change",
    ["a.jane title=CEO", "a.jane city=Bern", "files: a also = dec2"],
)
def test_what_is_parked_is_tried_when_the_value_or_the_mapping_changes(stage: Stage, change: str) -> None:
    play(stage, f"{PARKED}; {change}; sync")
    assert claims(stage, "quarantined 0 of b") == []
    assert stage.find("b", "jane") is not None
    assert waiting(stage) == []


def test_a_parked_value_is_tried_when_its_record_changes(stage: Stage) -> None:
    play(stage, f"a.jane; b.jane; sync; {PARKED}; sync")
    assert claims(stage, "b.jane has no title; writes 0") == []
    play(stage, "b.jane city=Bern; sync")
    assert claims(stage, "b.jane title=CTO; a.jane city=Bern") == []


def test_a_person_may_have_it_tried_at_once(stage: Stage) -> None:
    play(stage, PARKED)
    with pytest.raises(ConfigError, match="was refused in a"):
        retry(stage.workspace(), stage.world(), "jane@x.example", "a")
    assert len(retry(stage.workspace(), stage.world(), "jane@x.example", "b")) == 1
    play(stage, "sync")
    assert claims(stage, "b.jane title=CTO; writes b=1") == []
    with pytest.raises(ConfigError, match="Nothing was refused"):
        retry(stage.workspace(), stage.world(), None, None)


def test_a_value_that_is_due_again_holds_up_no_other(stage: Stage) -> None:
    play(stage, f"a.jane; b.jane; sync; {REFUSED}; 1d pass; a.jane city=Bern; sync")
    assert claims(stage, "b.jane city=Bern; b.jane has no title; writes b=1") == []
    play(stage, "b takes title again; sync")
    assert claims(stage, "b.jane title=CTO") == []


def test_what_may_pass_is_tried_in_each_run_and_parked_in_the_end(stage: Stage) -> None:
    stage.systems["b"].refuses_for_now = True
    play(stage, REFUSED)
    for tries in range(2, 10):
        play(stage, "sync")
        assert [(one.tries, one.due_at is None) for one in waiting(stage)] == [(tries, False)]
    play(stage, "sync; sync; sync; b takes title again; sync")
    assert [(one.tries, one.due_at) for one in waiting(stage)] == [(10, None)]
    retry(stage.workspace(), stage.world(), None, "b")
    play(stage, "sync")
    assert claims(stage, "b.jane title=CTO") == []


def test_how_often_and_how_long_stands_in_sync_toml(stage: Stage) -> None:
    play(stage, "files: quarantine = tries = 2 // wait = '1h'")
    play(stage, f"{REFUSED}; 1h pass; sync")
    assert [(one.tries, one.due_at) for one in waiting(stage)] == [(2, None)]


# --- what is said of it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("invalid_value", "invalid value"),
        ("unknown_value", "invalid value"),
        ("no_fit", "invalid value"),
        ("too_long", "too long"),
        ("required_field_missing", "required missing"),
        ("duplicate", "duplicate"),
        ("key_not_unique", "duplicate"),
        ("read_only", "permission"),
        ("insufficient_access_or_readonly", "permission"),
        ("unknown_field", "unknown field"),
        ("no_column", "unknown field"),
        ("field_custom_validation_exception", "validation rule or automation"),
        ("cannot_insert_update_activate_entity", "validation rule or automation"),
        ("unable_to_lock_row", "locked or busy"),
        ("not_sent", "locked or busy"),
        ("unknown_scope", "not found"),
        ("refused", "other"),
    ],
)
def test_every_code_is_of_one_class_with_a_remedy(code: str, name: str) -> None:
    remedy = remedy_of(code)
    assert remedy.name == name
    assert remedy in CLASSES
    assert remedy.text
    assert remedy.remedy


@pytest.fixture
def crms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoCrms]:
    with two_crms(tmp_path / "crm") as found:
        monkeypatch.chdir(found.root)
        yield found


def test_a_validation_rule_is_named_with_its_words_and_the_rest_goes_on(crms: TwoCrms, instep: Instep) -> None:
    forbidden = {"CTO"}
    crms.org.world.add_validation_rule("Lead", lambda row: row["Title"] in forbidden, "No such titles here.")
    crms.add_contact(email="jane@x.example", lastname="Doe", jobtitle="CTO", company="X")
    crms.add_contact(email="joan@x.example", lastname="Roe", jobtitle="CEO", company="X")
    assert crms.sync().exit_code == 3
    assert [r["Email"] for r in crms.find("Lead", "Email", "Email != null")] == ["joan@x.example"]
    status = instep("status")
    for part in ("validation rule or automation: No such titles here.", "tried once since", "tried again from"):
        assert part in status.out
    [item] = instep("status", "--json").json["quarantine"]
    assert (item["class"], item["tries"], item["parked"]) == ("validation rule or automation", 1, False)
    run = str(item["last_run"])
    assert "No such titles here." in instep("show", run).out
    assert [one["reason"] for one in instep("show", run, "--json").json["quarantine"]] == ["No such titles here."]
    forbidden.clear()
    assert crms.sync().exit_code == 3
    assert instep("retry").code == 2
    assert instep("retry", "--all", "hubspot").code == 1
    assert [one["record"] for one in instep("retry", "--all", "--json").json["retried"]] == [item["record"]]
    assert instep("retry", "jane@x.example", "salesforce").code == 0
    assert crms.sync().exit_code == 0
    assert len(crms.find("Lead", "Id", "Email = 'jane@x.example'")) == 1
    assert "Refused" not in instep("status").out


def test_a_locked_record_is_tried_in_the_next_run(crms: TwoCrms, instep: Instep) -> None:
    locked = [True]

    def hold(row: Any) -> dict[str, Any]:
        if locked[0]:
            raise RefusedError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trigger: UNABLE_TO_LOCK_ROW", ())
        return {}

    crms.org.world.add_trigger("Lead", hold)
    crms.add_contact(email="jane@x.example", lastname="Doe", company="X")
    crms.sync()
    assert "tried again in the next run" in instep("status").out
    locked[0] = False
    assert crms.sync().exit_code == 0
    assert len(crms.find("Lead", "Id", "Email = 'jane@x.example'")) == 1


def test_status_counts_what_is_kept_away_and_explain_says_what_allows_it(crms: TwoCrms, instep: Instep) -> None:
    crms.sf.Lead.create({"LastName": "Doe", "Email": "jane@x.example", "Company": "X"})
    crms.add_contact(email="jane@x.example", lastname="Doe")
    crms.sync()
    assert instep("status", "--json").json["kept_away"] == {}
    crms.sf.Lead.delete(crms.one("Lead", "Id", "Email = 'jane@x.example'")["Id"])
    crms.sync()
    assert instep("status", "--json").json["kept_away"] == {"salesforce": 1}
    assert "1 kept away from salesforce" in instep("status").out
    told = instep("explain", "jane@x.example").out
    assert "instep allow in_" in told
