"""What must hold: after every write of ours, and once everything has come to rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..trust.place import Held, Kind
from .ghost import Changed, Ghost, Key, Shot, Word

if TYPE_CHECKING:
    from .history import History

FREE = ("email", "title", "first_name", "phone", "city", "amount")
"""Fields in which every value that people put is a new one."""
UNKNOWN_DATE = "2099-12-31"
"""What Salesforce's mapping puts where a close date is demanded and nobody knows one."""
PEOPLE_ONLY = ("marketo", "mailchimp")
ORDER = ("awareness", "interest", "research", "consideration", "decision", "purchase")


# --- after every write -----------------------------------------------------------------------------------------


def wrong_writes(ghost: Ghost, before: Shot, after: Shot, changed: Sequence[Changed]) -> Iterator[str]:
    """What our calls did that nobody's word explains."""
    for key in before.keys() - after.keys():
        yield f"R11: we deleted {key}, {before[key].name}"
    for key in after.keys() - before.keys():
        record = after[key]
        if (key[0], record.kind, record.name) in ghost.deleted:
            yield f"R11: {record.name} was deleted in {key[0]} and comes back"
    for one in changed:
        yield from _wrong_value(ghost, one)


def _wrong_value(ghost: Ghost, one: Changed) -> Iterator[str]:
    kind, name = one.record.kind, one.record.name
    said = ghost.said(kind, name, one.field)
    where = f"{one.key[0]} {name} {one.field}: {one.before!r} became {one.after!r}"
    if one.field == "opted_out" and one.before and not one.after:
        names = ghost.names(kind, name)
        if max((ghost.welcome.get(n, 0) for n in names), default=0) == 0:
            yield f"R10: opted in by nobody: {where}"
    if one.field not in FREE:
        return
    if one.after and one.after not in {word.value for word in said}:
        yield f"R04: nobody said that: {where}"
    if one.before and not one.after and not any(word.value == "" for word in said):
        yield f"R15: nobody blanked that: {where}"


# --- after every run -------------------------------------------------------------------------------------------


def stages(history: History) -> dict[str, tuple[str, str]]:
    """The entity and stage of every journey, as the state knows them."""
    rows = history.story.rows("SELECT id, entity, stage FROM journey WHERE stage IS NOT NULL")
    return {id: (entity, stage) for id, entity, stage in rows}


def moved_back(
    history: History, before: Mapping[str, tuple[str, str]], after: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    """R09: journeys that went back although nobody said that stage after the other one was reached."""
    named = {entity: history.shot[key] for key, entity in links(history).items() if key in history.shot}
    for id in before.keys() & after.keys():
        (entity, old), (_, new) = before[id], after[id]
        record = named.get(entity)
        if record is None or not {old, new} <= set(ORDER) or ORDER.index(new) >= ORDER.index(old):
            continue
        said = history.ghost.said(record.kind, record.name, "stage")
        reached = min((word.number for word in said if word.value == old), default=0)
        if not any(word.value == new and word.number > reached for word in said):
            yield f"R09: {record.name} went back from {old} to {new}"


# --- at rest ---------------------------------------------------------------------------------------------------


def links(history: History) -> dict[Key, str]:
    """The entity of every live record that has one, as the state knows it."""
    rows = history.story.rows(
        "SELECT connection, object, id, entity FROM mirror WHERE state = 'live' AND entity IS NOT NULL"
    )
    return {(connection, object, id): entity for connection, object, id, entity in rows}


def _groups(history: History) -> dict[str, list[tuple[Key, Held]]]:
    groups: dict[str, list[tuple[Key, Held]]] = {}
    known = links(history)
    for key, record in history.shot.items():
        if key in known:
            groups.setdefault(known[key], []).append((key, record))
    return groups


def _standing(history: History) -> dict[str, set[str]]:
    """What is listed for a person to see: subject to codes."""
    found: dict[str, set[str]] = {}
    for subject, code in history.story.rows("SELECT subject, code FROM standing"):
        found.setdefault(subject, set()).add(code)
    return found


def disagreements(
    history: History, *, hidden: set[tuple[str, Kind, str]], refused: set[tuple[str, Kind, str]]
) -> Iterator[str]:
    """R01: fields in which linked records differ, those excepted that are listed for a person."""
    standing = _standing(history)
    questions = set(history.story.rows("SELECT kind, subject FROM question"))
    quarantined = set(history.story.rows("SELECT connection, entity FROM quarantine"))
    for entity, records in _groups(history).items():
        said: dict[str, dict[str, list[str]]] = {}
        for key, record in records:
            codes = standing.get("/".join(key), set())
            if (key[0], entity) in quarantined or codes & {"not-taken", "read-only"}:
                continue
            if (key[0], record.kind, record.name) in refused:
                continue
            for field, value in record.values.items():
                if (key[0], record.kind, field) in hidden:
                    continue
                if "unmapped" in codes and field in ("owner", "stage"):
                    continue
                if "stage-refused" in codes and field == "stage":
                    continue  # said by somebody who does not speak for it, while no stage is known
                if field in ("stage", "exact_stage") and ("stage-returned", entity) in questions:
                    continue
                known = "" if value == UNKNOWN_DATE else value
                said.setdefault(field, {}).setdefault(known, []).append(f"{key[0]}/{key[1]}")
        for field, values in said.items():
            if len(values) > 1 and ("manual", entity) not in questions:
                yield f"R01: {records[0][1].name} {field}: {values}"
        yield from _different_ties(history, records, hidden)


def _different_ties(
    history: History, records: list[tuple[Key, Held]], hidden: set[tuple[str, Kind, str]]
) -> Iterator[str]:
    """Ties to what both systems hold, linked as one, in one of them and not in the other."""
    known, standing = links(history), _standing(history)
    holders: dict[tuple[str, Kind, str], set[str]] = {}
    for key, record in history.shot.items():
        if key in known:
            holders.setdefault((key[0], record.kind, record.name), set()).add(known[key])
    by_name = {place: next(iter(found)) for place, found in holders.items() if len(found) == 1}
    namesakes = {entity for found in holders.values() if len(found) > 1 for entity in found}
    ends: dict[Key, set[str]] = {}
    there: dict[Key, set[str]] = {}
    for key, record in records:
        if record.ties is None or "unlinked" in standing.get("/".join(key), set()):
            continue
        ends[key] = {by_name[key[0], kind, name] for kind, name in record.ties if (key[0], kind, name) in by_name}  # type: ignore[index]
        there[key] = {
            entity for (system, object, _), entity in known.items() if system == key[0] and object != "Lead"
        }
    for key, here in ends.items():
        for other, tied in ends.items():
            missing = ((tied - here) & there[key]) - namesakes
            if missing:
                yield f"R01: {records[0][1].name} is tied in {other[0]} to {missing}, and not in {key[0]}"


def twins(history: History) -> Iterator[str]:
    """R06, R12: two live records of one object that are one entity."""
    for entity, records in _groups(history).items():
        places = [key[:2] for key, _ in records]
        yield from (
            f"R12: {records[0][1].name} ({entity}) twice in {place}"
            for place in set(places)
            if places.count(place) > 1
        )


def unlinked(history: History) -> Iterator[str]:
    """R18: live records that belong to nobody, and that no question names."""
    known = links(history)
    asked = {subject for (subject,) in history.story.rows("SELECT subject FROM question")}
    for key, record in history.shot.items():
        if key not in known and "/".join(key) not in asked:
            yield f"R18: {key} {record.name} was skipped"


def missing(history: History) -> Iterator[str]:
    """R18, R23: systems that should hold an entity and do not, with nothing to say why."""
    tombs = set(history.story.rows("SELECT connection, entity FROM tombstone"))
    quarantined = set(history.story.rows("SELECT connection, entity FROM quarantine"))
    asked = {subject for (subject,) in history.story.rows("SELECT subject FROM question")}
    standing = _standing(history)
    for entity, records in _groups(history).items():
        there = {key[0] for key, _ in records}
        for system in history.desks.keys() - there:
            if system in PEOPLE_ONLY and (records[0][1].kind != "person" or not _may_be_made(system, records)):
                continue
            if (system, entity) in tombs | quarantined or entity in asked:
                continue
            if standing.get(entity, set()) & {"namesake", "no-stage"}:
                continue
            yield f"R18: {records[0][1].name} ({entity}) is not in {system}"


def _may_be_made(system: str, records: Sequence[tuple[Key, Held]]) -> bool:
    """Whether a campaign tool can have this person: Mailchimp knows nobody without an address."""
    return system != "mailchimp" or any(record.values.get("email") for _, record in records)


def lost(history: History) -> Iterator[str]:
    """R03: what was said last of a field holds, or is kept as what did not prevail."""
    kept = _kept_texts(history)
    live = set(history.shot)
    by_field: dict[tuple[Kind, str, str], Any] = {}
    for word in history.ghost.words:
        if word.field in FREE:
            names = tuple(sorted(history.ghost.names(word.kind, word.name)))
            by_field.setdefault((word.kind, names, word.field), []).append(word)  # type: ignore[index]
    for (kind, names, field), words in by_field.items():
        last = words[-1]
        if last.key not in live or last.value == "" or last.number in history.ghost.raced:
            continue
        final = {
            record.values.get(field)
            for key, record in history.shot.items()
            if record.kind == kind and record.name in names
        }
        if last.value in final:
            continue
        rivals = [w for w in words[:-1] if w.epoch >= last.epoch - 1 and w.key != last.key]
        if not rivals or last.value not in kept:
            yield f"R03: {last.name} {field} {last.value!r}, said in {last.key[0]}, is lost: {final}; rivals {rivals}"


def overheard(history: History) -> Iterator[str]:
    """R03, R10: what was said last, and against which nobody spoke at that time, is what holds.

    Of fields whose values are not new each time: owners, stages, blanks; and that somebody wants no mail.
    """
    ghost = history.ghost
    last: dict[tuple[Kind, str, str], Word] = {(w.kind, w.name, w.field): w for w in ghost.words}
    for (kind, name, field), word in last.items():
        if word.key not in history.shot or not word.linked or word.number in ghost.raced:
            continue
        if len(ghost.names(kind, name)) > 1 or not (field in FREE or _is_theirs(ghost, word)):
            continue
        said = ghost.said(kind, name, field)
        if any(w.key != word.key and w.epoch >= word.epoch - 1 for w in said):
            continue
        if field not in FREE and any(w.key == word.key and w.epoch >= word.epoch - 1 and w != word for w in said):
            continue  # it may never have been seen in between
        found = history.shot[word.key].values[field]
        if found != word.value:
            yield f"R03: {name} {field} {word.value!r}, said last in {word.key[0]}, is {found!r}: {said}"
    for name, number in ghost.out.items():
        word = ghost.words[number - 1]
        if word.key in history.shot and word.linked and ghost.welcome.get(name, 0) < number:
            later = [
                w for w in ghost.said("person", name, "opted_out")[:] if w.number >= number and w.key == word.key
            ]
            if not later and not history.shot[word.key].values["opted_out"]:
                yield f"R10: {name} opted out in {word.key[0]}, and is opted in"


def _is_theirs(ghost: Ghost, word: Word) -> bool:
    """Whether whoever works there may always say that."""
    if word.field == "owner":
        return True
    is_anybodys = word.key[0] in ("memory", "other")
    return word.field == "stage" and is_anybodys and word.name not in ghost.buyers


def _kept_texts(history: History) -> str:
    """Everything that `explain` could show."""
    rows = [
        *history.story.rows("SELECT reasons FROM entity"),
        *history.story.rows("SELECT before FROM journal"),
        *history.story.rows("SELECT after FROM journal"),
        *history.story.rows("SELECT text FROM question"),
    ]
    return "\n".join(part.decode() if isinstance(part, bytes) else str(part) for row in rows for part in row)


def refusals(history: History) -> Iterator[str]:
    """R13, R23: writes that a system refused, although no rule and no retyped field was ever in their way."""
    if not any(" refuse " in step or " retype " in step for step in history.steps):
        for row in history.story.rows(
            "SELECT connection, action, object, code, reason FROM quarantine "
            "WHERE code NOT IN ('compliance', 'duplicate')"  # a merged contact keeps the other's address
        ):
            yield f"R13: refused: {row}"


def unsettled(history: History) -> Iterator[str]:
    """Writes whose outcome nobody settled."""
    for row in history.story.rows(
        "SELECT seq, connection, action, state FROM journal WHERE state IN ('intended', 'unknown')"
    ):
        yield f"R17: unsettled: {row}"
