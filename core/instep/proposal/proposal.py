"""The whole proposal for one connection: its mapping file, the team, and what a person must decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomlkit

from instep.contract import Pipeline
from instep.model.entities import Kind
from instep.model.process import Process
from instep.model.team import Team
from instep.proposal.document import put_fields, put_pipelines, put_stages, question_text, split_stages
from instep.proposal.fields import FieldGuess, guess_fields
from instep.proposal.live import LiveSystem
from instep.proposal.more import Question, check_consent, check_match, check_relations, demanded, missing_of_ours
from instep.proposal.tables import PipelineGuesses, TableGuess, guess_pipelines, guess_table
from instep.proposal.team import TeamGuess, guess_team


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed, and what is asked."""

    connection: str
    mapping: str
    team: TeamGuess
    tables: tuple[TableGuess, ...]
    fields: tuple[FieldGuess, ...]
    to_create: tuple[str, ...]
    """Fields that Instep keeps for itself and that are not there yet, as `object.name`."""
    questions: tuple[Question, ...]


def objects_of(starter: str) -> tuple[str, ...]:
    """Every object that a starter maps."""
    document = tomlkit.parse(starter).unwrap()
    return tuple(object for kind in Kind for object in document.get(kind, {}).get("objects", []))


def propose(
    connection: str, starter: str, process: Process, live: LiveSystem, team: Team, team_text: str | None
) -> Proposal:
    """Adapt a connector's starter to what a live system lists. Writes nothing."""
    document: Any = tomlkit.parse(starter)
    tables: list[TableGuess] = []
    fields: list[FieldGuess] = []
    to_create: list[str] = []
    questions: list[Question] = []
    for kind in Kind:
        if kind not in document:
            continue
        entity = document[kind]
        found, asked = _put_tables(kind, entity, process, live)
        tables += found
        questions += asked
        if live.fields:
            guesses = guess_fields(kind, list(entity["objects"]), dict(entity.get("fields", {})), live)
            put_fields(entity, guesses)
            fields += guesses
            questions += [*_about_fields(guesses), *check_match(kind, entity, guesses)]
            to_create += missing_of_ours(entity, guesses, live)
            questions += demanded(kind, entity, live)
        questions += [*check_consent(kind, entity, live), *check_relations(kind, entity, live)]
    people = guess_team(live.owners, connection, team, team_text)
    questions += _about_people(people, connection)
    questions += [Question(connection, f"cannot be asked for its {part}: {why}") for part, why in live.silent.items()]
    text = tomlkit.dumps(document)
    return Proposal(connection, text, people, tuple(tables), tuple(fields), tuple(to_create), tuple(questions))


Tables = tuple[list[TableGuess], list[Question]]


def _put_tables(kind: Kind, entity: Any, process: Process, live: LiveSystem) -> Tables:
    """The stage tables of one kind, put into its table, and what is asked about them."""
    listed = [pipeline for object in entity["objects"] for pipeline in live.pipelines_of(object)]
    if "pipelines" in entity:
        return _put_pipelines(kind, entity, process, listed)
    if "stages" not in entity:
        return [], []
    name = str(entity["stages"]["field"])
    several = [pipeline for pipeline in listed if pipeline.id != name] if kind is Kind.OPPORTUNITY else []
    if several:
        return _split(entity, process, several, live)
    stages = live.listed(entity["objects"], name)
    if stages is None:
        return [], [_without(entity["stages"], process, f"{kind}.stages")]
    guess = guess_table(kind, stages, process, entity["stages"].unwrap())
    put_stages(entity, guess, process)
    return [guess], _about_stages((guess,))


def _put_pipelines(kind: Kind, entity: Any, process: Process, listed: list[Pipeline]) -> Tables:
    if not listed:
        return [], [_without(table, process, f"{kind}.pipelines") for table in entity["pipelines"].values()]
    guesses = guess_pipelines(listed, process, entity["pipelines"].unwrap())
    put_pipelines(entity, guesses.tables, process)
    return list(guesses.tables), [*_about_stages(guesses.tables), *_about_segments(guesses, process)]


def _split(entity: Any, process: Process, listed: list[Pipeline], live: LiveSystem) -> Tables:
    """Pipelines in the place of one list of stages, if it is known which field says where a record belongs."""
    field = live.pipeline_field(listed)
    if field is None:
        names = ", ".join(pipeline.label for pipeline in listed)
        text = f"has one list, and the system has pipelines ({names}), without saying which field names them"
        return [], [_without(entity["stages"], process, "opportunity.stages"), Question("opportunity.stages", text)]
    guesses = guess_pipelines(listed, process, {}, entity["stages"].unwrap())
    split_stages(entity, field, guesses.tables, process)
    return list(guesses.tables), [*_about_stages(guesses.tables), *_about_segments(guesses, process)]


def _about_segments(guesses: PipelineGuesses, process: Process) -> list[Question]:
    text = 'says of no segment that its new records go to pipeline "{}"'
    nobodys = [table for table in guesses.nobodys if table.pipeline and process.segments]
    return [Question(table.place, text.format(table.pipeline.label)) for table in nobodys if table.pipeline]


def _without(table: Any, process: Process, place: str) -> Question:
    """Where the system lists nothing, the starter stays, without the stages that this process does not have."""
    gone = [stage for stage in table.get("values", {}) if not process.has_stage(stage)]
    for stage in gone:
        del table["values"][stage]
    left = set(table.get("values", {}).values())
    for value in [value for value in table.get("lands_on", {}) if value not in left]:
        del table["lands_on"][value]
    return Question(place, "is as the connector proposes it: the system does not list its stages")


def _about_stages(tables: tuple[TableGuess, ...]) -> list[Question]:
    return [
        Question(table.place, question_text(asked).removeprefix("? "), tuple(_choices(asked)))
        for table in tables
        for asked in table.asked()
    ]


def _choices(asked: Any) -> list[str]:
    return [key for key, _ in getattr(asked, "choices", ())]


def _about_fields(guesses: list[FieldGuess]) -> list[Question]:
    return [
        Question(f"{guess.kind}.fields.{guess.name}", f"is left out: {guess.reason}")
        for guess in guesses
        if guess.field is None
    ]


def _about_people(team: TeamGuess, connection: str) -> list[Question]:
    questions = []
    if newcomers := [person.key for person in team.newcomers()]:
        questions.append(Question("team", f"no system tells the roles of {', '.join(newcomers)}"))
    for name in team.strangers:
        questions.append(
            Question("team", f"{name} is no active user of {connection}, as far as e-mail addresses tell")
        )
    return questions


def as_json(proposal: Proposal) -> Mapping[str, Any]:
    """Everything that was guessed and asked, for machines."""
    return {
        "connection": proposal.connection,
        "stages": [_table_json(table) for table in proposal.tables],
        "fields": [_field_json(guess) for guess in proposal.fields],
        "people": [
            {
                "user": p.user.id,
                "name": p.user.name,
                "key": p.key,
                "confidence": p.confidence,
                "reason": p.reason,
                "is_new": p.is_new,
            }
            for p in proposal.team.people
        ],
        "left_out": proposal.team.left_out,
        "to_create": list(proposal.to_create),
        "questions": [question.as_json() for question in proposal.questions],
    }


def _table_json(table: TableGuess) -> dict[str, Any]:
    stages = [
        {
            "value": guess.value,
            "label": guess.label,
            "stage": guess.stage,
            "shares": list(guess.shares),
            "confidence": guess.confidence,
            "reason": guess.reason,
            "choices": [{"stage": key, "confidence": score} for key, score in guess.choices],
        }
        for guess in table.stages
    ]
    outcomes = [
        {"value": g.value, "label": g.label, "outcome": g.outcome, "confidence": g.confidence, "reason": g.reason}
        for g in table.outcomes
    ]
    pipeline = table.pipeline.id if table.pipeline else None
    return {"place": table.place, "pipeline": pipeline, "values": stages, "outcomes": outcomes}


def _field_json(guess: FieldGuess) -> dict[str, Any]:
    return {
        "kind": guess.kind,
        "name": guess.name,
        "field": guess.field,
        "confidence": guess.confidence,
        "reason": guess.reason,
    }
