"""Writes what `instep init` puts into a new workspace for a folder of files: its settings, and its mapping."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Final

from instep.contract import Starter
from instep_files.detect import Column, Found, Lead, look_into, references
from instep_files.guess import CURRENCY_WORDS, FIELDS, MODIFIED_WORDS, TYPES, Guess, guess_all
from instep_files.stagewords import BEHAVIOURS, OUTCOMES, STAGES, suggested

Leads = Mapping[tuple[str, str], Lead]
_SOME: Final = 5
"""So many lines or values are named in a comment."""
_ORDER: Final = ("company", "person", "opportunity")
_RELATIONS: Final = {"person": ("company",), "company": (), "opportunity": ("company", "people")}
_SPEAKS_FOR: Final = {"person": '["marketing", "sales"]', "opportunity": '["sales"]'}


def starter_of(folder: Path) -> Starter:
    """Look at every file of a folder, and propose. Raises `ConfigError` where there is nothing to look at."""
    found = look_into(folder)
    guesses = guess_all(found)
    leads = references(found)
    return Starter("\n".join(_settings(guesses, leads)) + "\n", "\n".join(_mapping(guesses, leads)) + "\n")


# --- settings --------------------------------------------------------------------------------------------------


def _settings(guesses: list[Guess], leads: Leads) -> Iterator[str]:
    yield 'direction = "in"                       # "both" lets Instep write into these files'
    mapped = {guess.found.object for guess in guesses if guess.kind}
    for guess in guesses:
        yield ""
        if guess.found.key is None:
            yield f"# {guess.found.file}: no column names each of its rows (one without blanks and repetitions),"
            yield "# so it is left out."
            continue
        yield from _file_lines(guess, leads, mapped)


def _file_lines(guess: Guess, leads: Leads, mapped: set[str]) -> Iterator[str]:
    found = guess.found
    prefix = f"{'behaviours' if guess.is_feed else 'objects'}.{found.object}"
    what = "what somebody did" if guess.is_feed else guess.kind or "not mapped to anything yet"
    yield f"# {found.file}: {_rows(found.rows)}; {what}"
    yield f"{prefix}.file = {_text(found.file)}"
    yield f"{prefix}.key = {_text(str(found.key))}"
    yield from _bad_rows(found)
    if guess.at and guess.happening:
        yield f"{prefix}.at = {_text(guess.at.name)}"
        yield f"{prefix}.kind = {_text(guess.happening.name)}"
        if email := guess.first(("email", "e_mail", "email_address")):
            yield f"{prefix}.email = {_text(email.name)}"
    if found.delimiter != ",":
        yield f"{prefix}.delimiter = {_text(found.delimiter)}"
    if found.encoding != "utf-8":
        yield f"{prefix}.encoding = {_text(found.encoding)}"
    leading = {c.name: leads[found.object, c.name] for c in found.columns if (found.object, c.name) in leads}
    strong = {name: lead.to for name, lead in leading.items() if lead.is_strong and lead.to in mapped}
    types = {c.name: c.type for c in found.columns if c.type and c.name not in (found.key, *strong)}
    if types:
        yield f"{prefix}.types = {_table(types)}"
    modified = guess.first(MODIFIED_WORDS)
    if modified and not guess.is_feed and (modified.type or "").startswith(("instant", "date")):
        yield f"{prefix}.modified = {_text(modified.name)}"
    if strong:
        yield f"{prefix}.references = {_table(strong)}"
    yield from _doubts(found, leading, strong)


def _bad_rows(found: Found) -> Iterator[str]:
    """Which rows the key does not name."""
    column = found.column(str(found.key))
    alike: dict[str, list[int]] = {}
    for place in column.bad_rows:
        alike.setdefault(column.values[place].strip() and column.values[place], []).append(found.lines[place])
    if alike:
        yield "# Rows that the key does not name are set aside until the file is corrected; all others are read:"
    for value, lines in list(alike.items())[:_SOME]:
        where = _some([str(line) for line in lines])
        what = f"{_quoted(value)} more than once" if value else f"no {_said(column.name)}"
        yield f"# {'lines' if len(lines) > 1 else 'line'} {where}: {what}."
    if len(alike) > _SOME:
        yield f"# … and {sum(map(len, list(alike.values())[_SOME:])):,} more rows."


def _doubts(found: Found, leading: Mapping[str, Lead], strong: Mapping[str, str]) -> Iterator[str]:
    for column in found.columns:
        if len(column.dates) > 1:
            choices = " or ".join(f'{_key(column.name)} = "date:{form}"' for form in column.dates)
            yield f"# {_said(column.name)} holds dates with no number above 12: is the day first, or the month?"
            yield f"# Add one of these to types: {choices}"
    for name, lead in leading.items():
        if not lead.is_strong:
            absent = f"{1 - lead.share:.0%} of its values are not there"
            yield f"# {_said(name)} looks like a key of {lead.to}, but {absent}."
        elif name in strong and lead.missing:
            missing = _some([_quoted(value) for value in lead.missing])
            yield f"# {_said(name)} leads to rows of {lead.to} that are not there: {missing}."


# --- mapping ---------------------------------------------------------------------------------------------------


def _mapping(guesses: list[Guess], leads: Leads) -> Iterator[str]:
    yield "#:schema ../.instep/schema/mapping.json"
    yield "# How these files speak, in Instep's words, as far as looking at them can tell. Read it through: each line"
    yield "# is a guess. Left of each equals sign stands Instep's name, right of it the column's."
    yield '# Nothing is written into the files. To write, say direction = "both" in sync.toml, drop direction = "in"'
    yield '# here, and add a column instep_id (then drop instep_id = false, and put "instep_id" first in match).'
    kinds = {guess.kind: guess for guess in guesses if guess.kind}
    for kind in _ORDER:
        if kind in kinds:
            yield ""
            yield from _entity(kinds[kind], {k: g.found.object for k, g in kinds.items()}, leads)
    for guess in guesses:
        if guess.is_feed:
            yield ""
            yield from _behaviours(guess)
        elif guess.kind is None:
            yield ""
            yield f"# {guess.found.file} is not mapped: its columns are " + ", ".join(
                _said(column.name) for column in guess.found.columns
            )
    if not kinds:
        yield "\n# Nothing here looks like people, companies or opportunities. Add [person] with objects and match."


def _entity(guess: Guess, kinds: Mapping[str, str], leads: Leads) -> Iterator[str]:
    kind = str(guess.kind)
    entries = dict(_field_lines(guess))
    yield f"[{kind}]"
    yield f"objects = [{_text(guess.found.object)}]"
    yield f"match = [{_text(_match(kind, entries))}]"
    yield 'create = "never"                       # no rows are added; "always", or a rule, adds some'
    yield "instep_id = false                      # our own id is not kept in the file"
    if kind in _SPEAKS_FOR:
        yield f"speaks_for = {_SPEAKS_FOR[kind]}   # the roles whose stages colleagues may move here"
    yield ""
    yield f"[{kind}.fields]"
    yield from entries.values()
    relations = dict(_relations(guess, kinds, leads))
    if relations:
        yield ""
        yield f"[{kind}.relations]"
        yield from relations.values()
    yield from _consent_lines(guess)
    if kind != "company" and guess.stage:
        yield ""
        yield from _stage_lines(kind, guess.stage)
    if rest := list(_rest(guess, kinds, leads)):
        yield ""
        yield from wrap(f"# not mapped: {', '.join(rest)}", 118, subsequent_indent="#   ", break_long_words=False)


def _consent_lines(guess: Guess) -> Iterator[str]:
    if column := guess.consent:
        yield ""
        yield "[person.consent]"
        yield f"field = {_text(column.name)}"
        yield f"out_values = {_list(_spelled(column, True) or ['true'])}"
    elif column := guess.perhaps_consent:
        wants = "newsletter" in column.word and "out" not in column.word and "unsubscribe" not in column.word
        out = _spelled(column, not wants) or ["no" if wants else "yes"]
        yield ""
        yield f"# {_said(column.name)} may say who wants no e-mail. If it does, remove the # before these lines."
        if wants and column.type == "boolean":
            yield f"# Also remove {_said(column.name)} from types in sync.toml, because here it is no that opts out."
        yield "# [person.consent]"
        yield f"# field = {_text(column.name)}"
        yield f"# out_values = {_list(out)}"


def _rest(guess: Guess, kinds: Mapping[str, str], leads: Leads) -> Iterator[str]:
    """Every column that the mapping does not use, and what is in it."""
    used = {guess.found.key, *(column.name for column in guess.fields.values())}
    used |= {column.name for _, column, _ in _ends(guess, kinds, leads)}
    others = (guess.consent, guess.first(MODIFIED_WORDS), guess.stage if guess.kind != "company" else None)
    used |= {column.name for column in others if column}
    if {"amount", "annual_revenue"} & guess.fields.keys() and (currency := guess.first(CURRENCY_WORDS)):
        used.add(currency.name)
    for column in guess.found.columns:
        if column.name not in used:
            lead = leads.get((guess.found.object, column.name))
            yield f"{_said(column.name)} ({_content(guess, column, lead)})"


def _content(guess: Guess, column: Column, lead: Lead | None) -> str:
    """What a column holds, and why it is not used where its name says that it could be."""
    if not column.counts:
        return "blank"
    if column == guess.perhaps_consent:
        return "yes/no: see [person.consent]"
    if lead is not None:
        return f"keys of {lead.to}" if lead.is_strong else f"nearly keys of {lead.to}: see sync.toml"
    if len(column.dates) > 1:
        return "days or months first: see sync.toml"
    names = [name for name, words in FIELDS[guess.kind].items() if column.word in words] if guess.kind else []
    wanted = next((TYPES[name][0] for name in names if name in TYPES and name not in guess.fields), None)
    type = (column.type or "text").partition(":")[0]
    if wanted and type not in (wanted, "instant"):
        return f"not all {wanted}s"
    words = {"boolean": "yes/no", "number": "numbers", "date": "dates", "instant": "times"}
    return words.get(type) or f"{len(column.counts):,} value{'' if len(column.counts) == 1 else 's'}"


def _match(kind: str, entries: Mapping[str, str]) -> str:
    return next(
        (name for name in ("email", "domain", "name") if name in entries and (kind, name) != ("person", "name")),
        "name",
    )


def _field_lines(guess: Guess) -> Iterator[tuple[str, str]]:
    fields = dict(guess.fields)
    if guess.kind != "person" and "name" not in fields:
        fields = {"name": guess.found.column(str(guess.found.key)), **fields}
    for name, column in fields.items():
        parts, remark = [f"field = {_text(column.name)}"], ""
        if name in ("amount", "annual_revenue"):
            currency = guess.first(CURRENCY_WORDS)
            parts.append(f"currency_field = {_text(currency.name)}" if currency else 'currency = "USD"')
            remark = "" if currency else "   # the file names no currency: correct it if need be"
        parts.append('direction = "in"')
        line = f"{name} = {{ {', '.join(parts)} }}{remark}"
        if name == "owner":
            example = next(iter(column.counts), "…")
            line = (
                f"# {len(column.counts)} people own rows here. Say who they are in team.toml, as in\n"
                f"# users = {{ NAME-OF-THIS-CONNECTION = {_text(example)} }}, then remove the # below.\n# {line}"
            )
        yield name, line


def _relations(guess: Guess, kinds: Mapping[str, str], leads: Leads) -> Iterator[tuple[str, str]]:
    for name, _, to in _ends(guess, kinds, leads):
        yield name, f'{name} = {{ object = {_text(to)}, direction = "in" }}'


def _ends(guess: Guess, kinds: Mapping[str, str], leads: Leads) -> Iterator[tuple[str, Column, str]]:
    """Each column that leads to an entity to which this one is related: the relation, the column, the object."""
    for name in _RELATIONS[str(guess.kind)]:
        target = kinds.get("person" if name == "people" else name)
        for column in guess.found.columns:
            lead = leads.get((guess.found.object, column.name))
            if lead and lead.is_strong and lead.to == target:
                yield name, column, lead.to


def _spelled(column: Column, meaning: bool) -> list[str]:
    """How a column spells yes, or no."""
    words = ("true", "yes", "y", "t", "1", "on") if meaning else ("false", "no", "n", "f", "0", "off")
    return [value for value in column.counts if value.strip().lower() in words]


def _stage_lines(kind: str, column: Column) -> Iterator[str]:
    values = [value for value, _ in column.counts.most_common()]
    outcomes = suggested(values, OUTCOMES) if kind == "opportunity" else {}
    stages = suggested([value for value in values if value not in outcomes.values()], STAGES)
    waiting = [value for value in values if value not in outcomes.values() and value not in stages.values()]
    off = "" if stages or outcomes else "# "
    yield f"# {_said(column.name)} holds {len(values)} values. Say which step of the process each of them means."
    yield f"{off}[{kind}.stages]"
    yield f"{off}field = {_text(column.name)}"
    yield f"{off}values = {_table(stages)}"
    if outcomes:
        yield f"outcomes = {_table(outcomes)}"
    for value in waiting:
        yield f"# not mapped yet: {_text(value)} ({_rows(column.counts[value])})"


def _behaviours(guess: Guess) -> Iterator[str]:
    if guess.happening is None:
        return
    yield f"# {guess.found.file} says what somebody did. Name our behaviour for each, then remove the # before it."
    known = {value: key for key, value in suggested(list(guess.happening.counts), BEHAVIOURS).items()}
    for value, count in guess.happening.counts.most_common():
        yield f"# [[behaviours]]                       # {_rows(count)}"
        yield f"# kind = {_text(value)}"
        yield f"# behaviour = {_text(known.get(value, '…'))}"


# --- spelling --------------------------------------------------------------------------------------------------


def _text(text: str) -> str:
    """A TOML string, on one line."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _text(text)


def _table(entries: Mapping[str, str]) -> str:
    inner = ", ".join(f"{_key(name)} = {_text(value)}" for name, value in entries.items())
    return f"{{ {inner} }}" if inner else "{}"


def _list(values: list[str]) -> str:
    return "[" + ", ".join(map(_text, values)) + "]"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _said(text: str) -> str:
    """Text from a file in a comment: on one line, and nothing a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _quoted(text: str) -> str:
    return f'"{_said(text)}"'


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - _SOME:,} more" if len(texts) > _SOME else ""
    return ", ".join(texts[:_SOME]) + more
