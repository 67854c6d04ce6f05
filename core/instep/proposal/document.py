"""The proposed mapping file: the connector's starter, changed where the live system says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.items import Table

from instep.mapping.toml import commented, one_line, toml_item, toml_text
from instep.model.process import Process
from instep.proposal.fields import FieldGuess
from instep.proposal.outcomes import OutcomeGuess
from instep.proposal.stages import StageGuess
from instep.proposal.tables import TableGuess

_REBUILT = ("values", "lands_on", "outcomes", "pipeline", "segments")


def put_stages(entity: Any, guess: TableGuess, process: Process) -> None:
    """Replace `stages` by what the system lists."""
    entity["stages"] = _table(entity["stages"], guess, process, last=True)


def split_stages(entity: Any, pipeline_field: str, guesses: Sequence[TableGuess], process: Process) -> None:
    """Put pipelines in the place of `stages`, where the system has several lists of stages."""
    old = entity["stages"]
    places = tomlkit.table()
    places.add("field", toml_item(str(old["field"])))
    places.add("pipeline_field", toml_item(pipeline_field))
    places.add(tomlkit.nl())
    below = _parts(old)[2]
    del entity["stages"]
    entity["stages_in"] = places
    entity["pipelines"] = _pipelines({}, below, guesses, process)


def put_pipelines(entity: Any, guesses: Sequence[TableGuess], process: Process) -> None:
    """Replace `pipelines` by a table for each that the system has; what stood below them stays below."""
    before = entity["pipelines"]
    below = [item for old in before.values() for item in _parts(old)[2]]
    entity["pipelines"] = _pipelines(before, below, guesses, process)


def _pipelines(before: Any, below: list[Any], guesses: Sequence[TableGuess], process: Process) -> Any:
    tables = tomlkit.table(is_super_table=True)
    for place, guess in enumerate(guesses):
        table = _table(before.get(guess.name), guess, process, last=False)
        if place == len(guesses) - 1:
            _add_all(_innermost(table), below)
        else:
            _innermost(table).add(tomlkit.nl())
        tables.add(guess.name, table)
    return tables


def put_fields(entity: Any, guesses: Iterable[FieldGuess]) -> None:
    """Change, leave out and add fields; each line says how sure it is."""
    known = {guess.name: guess for guess in guesses}
    old = entity.get("fields", tomlkit.table())
    body = list(old.value.body)
    last = max((place for place, (key, _) in enumerate(body) if key is not None), default=-1)
    fields = tomlkit.table()
    for key, item in body[: last + 1]:
        if key is None:
            fields.add(item)
        elif known[key.key].field is None:
            fields.add(tomlkit.comment(one_line(f"{key.key} = {item.as_string()}  # ? {known[key.key].reason}")))
        else:
            fields.add(key.key, _corrected(item, known[key.key]))
    for guess in known.values():
        if guess.is_new:
            fields.add(guess.name, toml_item(_entry(guess), f"{guess.confidence}: {guess.reason}"))
    _add_all(fields, [item for _, item in body[last + 1 :]])
    entity["fields"] = fields


# --- stage tables ------------------------------------------------------------------------------------------------


def _table(old: Any, guess: TableGuess, process: Process, *, last: bool) -> Any:
    """One stage table: what it kept, its plain keys, then values and outcomes line by line."""
    head, kept, below = _parts(old)
    table = tomlkit.table()
    _add_all(table, head)
    if guess.pipeline:
        table.add("pipeline", toml_item(guess.pipeline.id, f'"{guess.pipeline.label}"'))
    if guess.segments is not None:
        asking = "" if guess.segments else "? whose new records go here; nobody's, as it stands"
        table.add("segments", toml_item(list(guess.segments), asking))
    for name, item in kept:
        table.add(item) if name is None else table.add(name, item)
    if landing := guess.lands_on():
        table.add("lands_on", toml_item(landing))
    table.add("values", _values(guess, process))
    if guess.outcomes:
        table.add("outcomes", _outcomes(guess.outcomes))
    if last:
        _add_all(_innermost(table), below)
    return table


def _parts(old: Any) -> tuple[list[Any], list[tuple[Any, Any]], list[Any]]:
    """Comments above the first key, the keys to keep with comments between them, and what stands below the last."""
    head: list[Any] = []
    kept: list[tuple[Any, Any]] = []
    below: list[Any] = []
    seen = False
    for key, item in old.value.body if old is not None else ():
        if key is None:
            (below if seen else head).append(item)
            continue
        seen = True
        kept += [(None, comment) for comment in below]
        below = _parts(item)[2] if key.key in _REBUILT and isinstance(item, Table) else []
        if key.key not in _REBUILT:
            kept.append((key.key, item))
    return head, kept, below


def _values(guess: TableGuess, process: Process) -> Any:
    values = tomlkit.table()
    for stage, found in guess.values(process).items():
        values.add(stage, toml_item(found.value, _why(found, stage)))
    for asked in guess.stages:
        if asked.stage is None:
            values.add(tomlkit.comment(one_line(question_text(asked))))
    return values


def _why(guess: StageGuess, stage: str) -> str:
    named = f'"{guess.label}", ' if guess.label and guess.label != guess.value else ""
    also = "" if stage == guess.stage else f", shared with {guess.stage}"
    return f"{guess.confidence}: {named}{guess.reason}{also}"


def _outcomes(guesses: Sequence[OutcomeGuess]) -> Any:
    outcomes = tomlkit.table()
    for guess in guesses:
        if guess.outcome:
            named = f'"{guess.label}", ' if guess.label and guess.label != guess.value else ""
            outcomes.add(guess.outcome.value, toml_item(guess.value, f"{guess.confidence}: {named}{guess.reason}"))
    for guess in guesses:
        if guess.outcome is None:
            outcomes.add(tomlkit.comment(one_line(question_text(guess))))
    return outcomes


def question_text(guess: StageGuess | OutcomeGuess) -> str:
    """A value that a person must place, with what it may be."""
    named = f" ({guess.label})" if guess.label and guess.label != guess.value else ""
    choices = guess.choices if isinstance(guess, StageGuess) else ()
    perhaps = f"; perhaps {' or '.join(f'{key} ({score})' for key, score in choices)}" if choices else ""
    return f"? {toml_text(guess.value)}{named}: {guess.reason}{perhaps}"


def _innermost(table: Any) -> Any:
    """Where text must be put so that it stands below a whole table."""
    return table.get("outcomes", table.get("values", table))


def _add_all(table: Any, items: Iterable[Any]) -> None:
    for item in items:
        table.add(item)


# --- fields --------------------------------------------------------------------------------------------------------


def _corrected(item: Any, guess: FieldGuess) -> Any:
    """An entry of the starter: only what the system says otherwise is changed."""
    said = dict(item) if isinstance(item, Mapping) else {"field": str(item)}
    wanted = {**said, "field": guess.field, **guess.also}
    before = item.trivia.comment.lstrip("# ")
    note = f"{guess.confidence}: {guess.reason}" + (f"; {before}" if before else "")
    if wanted == said:
        return commented(item, note)
    is_plain = set(wanted) == {"field"} and isinstance(guess.field, str)
    return toml_item(guess.field if is_plain else wanted, note)


def _entry(guess: FieldGuess) -> Any:
    is_plain = not guess.also and isinstance(guess.field, str)
    return guess.field if is_plain else {"field": guess.field, **guess.also}
