"""What people read before and after a run: every line of a plan with its reason, and every note with its remedy.

The pages beside the other semantics say what happens; these three say it in the words that are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from instep.model.identity import derived_id
from instep.model.values import display
from instep.store import Store
from instep.sync.changes import Change
from instep.sync.explain import explain
from instep.sync.run import plan_only

from ..semantics.cases import Stage, play

HERE = Path(__file__).parents[1] / "semantics"


def stories(page: str) -> list[tuple[str, list[str]]]:
    """The stories of a page: what is done, and the indented lines that it leads to."""
    found: list[tuple[str, list[str]]] = []
    for line in (HERE / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found[-1][1].append(line[4:])
        elif line and not line.startswith("#"):
            found.append((line, []))
    return found


def named(stage: Stage, text: str) -> str:
    """The same text with ids that people can read."""
    for name, system in stage.systems.items():
        for object, rows in system.objects.items():
            for id in rows:
                text = text.replace(derived_id(f"org-{name}", object, id), f"<{name}.{id}>")
    return text


def planned(stage: Stage) -> Iterator[str]:
    for change in plan_only(stage.workspace(), stage.world()).plan.changes:
        yield named(stage, _line(stage, change))
        for value in change.values:
            told = f"{value.name} in {value.field}: {display(value.before)} -> {display(value.after)}"
            yield named(stage, f"  {told}, {value.because}")


def _line(stage: Stage, change: Change) -> str:
    where = f"{change.connection}/{change.object}/{change.record or '(new)'}"
    end = f" {change.relation} to {change.to_object} {change.to_entity}" if change.relation else ""
    more = [change.kind.value, change.entity, *(["primary"] if change.primary else [])]
    more += [part for part in (change.scope, change.because) if part]
    if change.at is not None:
        more.append(f"{(stage.clock.now - change.at).total_seconds() / 60:.0f} minutes ago")
    return f"{change.action} {where}{end} ({', '.join(more)})"


def said(stage: Stage) -> Iterator[str]:
    assert stage.outcome is not None
    for note in stage.outcome.notes:
        about = f" [{note['count']}: {', '.join(note['examples'])}]" if note["examples"] else ""
        yield named(stage, f"{note['code']} in {note['connection']}: {note['text']}{about}")
        yield f"  {note['remedy']}"
    with Store(stage.root / ".instep" / "state.db") as store:
        for kind, subject, connection, text, detail in store.rows(
            "SELECT kind, subject, connection, text, detail FROM question"
        ):
            known = f" {detail.decode()}" if detail else ""
            yield named(stage, f"waits: {kind} of {subject} in {connection}: {text}{known}")
    for name, account in stage.outcome.account.items():
        for reason, count in account["skipped"].items():
            yield f"skipped in {name}: {count}, {reason}"
        if account["conflicts"]:
            yield f"conflicts in {name}: {account['conflicts']}"


def explained(stage: Stage, who: str, name: str) -> Iterator[str]:
    key = str(next(iter(stage.natural(who).values())))
    for found in explain(stage.workspace(), key, name):
        reason = found.reason
        at = f", {_ago(stage, reason['at'])}" if reason.get("at") else ""
        source = f" ({reason['source']}{at})" if reason.get("source") else ""
        run = f", {_when(stage, reason['run'])}" if "run" in reason else ""
        yield named(stage, f"{display(found.value)}: {reason.get('rule', 'no reason')}{source}{run}")
        for lost in reason.get("lost", ()):
            yield named(stage, f"  lost: {lost['value']} of {lost['source']} {lost.get('why', '')}".rstrip())
        if journey := found.extra.get("journey"):
            yield f"  journey: {journey['kind']}, segment {journey['segment']}, outcome {journey['outcome']}"
        for claim in found.history:
            counts = "" if claim["counts"] else "not counted, "
            note = f" ({claim['note']})" if claim["note"] else ""
            told = f"{counts}{_ago(stage, claim['at'])}, {claim['what']} {claim['value']} of {claim['source']}{note}"
            yield named(stage, f"  {told}, {_when(stage, claim['run'])}")


def _when(stage: Stage, run: str) -> str:
    assert stage.outcome is not None
    return "last run" if run == stage.outcome.run else "earlier" if run else "no run"


def _ago(stage: Stage, at: str) -> str:
    minutes = (stage.clock.now - datetime.fromisoformat(at)).total_seconds() / 60
    return f"{minutes:.0f} minutes ago"


@pytest.mark.parametrize(("steps", "lines"), stories("plans.txt"))
def test_a_plan_says_what_was_there_what_will_be_and_why(tmp_path: Path, steps: str, lines: list[str]) -> None:
    stage = Stage(tmp_path)
    play(stage, steps)
    assert list(planned(stage)) == lines


@pytest.mark.parametrize(("steps", "lines"), stories("notes.txt"))
def test_a_run_says_what_a_person_should_know_and_do(tmp_path: Path, steps: str, lines: list[str]) -> None:
    stage = Stage(tmp_path)
    play(stage, steps)
    assert list(said(stage)) == lines


@pytest.mark.parametrize(("steps", "lines"), stories("reasons.txt"))
def test_every_value_has_a_reason_with_source_and_time(tmp_path: Path, steps: str, lines: list[str]) -> None:
    stage = Stage(tmp_path)
    told, _, question = steps.partition(" ? ")
    play(stage, told)
    who, name = question.split()
    assert list(explained(stage, who, name)) == lines


def test_no_line_shows_an_id_that_only_we_can_read() -> None:
    for page in ("plans.txt", "notes.txt", "reasons.txt"):
        assert not re.search(r"\bin_[a-z2-7]{20}", (HERE / page).read_text(encoding="utf-8"))
