"""A replay as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from instep.cli.markdown import capped, code, markdown_table
from instep.cli.output import brief, moment, table
from instep.model.values import plain

if TYPE_CHECKING:
    from instep.sync.replay import Replay

MOST_MOVES = 12
"""So many ways to go from one value to another are listed for each aspect."""
_KINDS = {"person": "people", "company": "companies", "opportunity": "opportunities"}
_ONE = {"people": "person", "companies": "company", "opportunities": "opportunity"}


def replay_text(replay: Replay) -> str:
    """What would differ, for people."""
    document = replay.as_json()
    parts = [plain(_headline(document))]
    if document["is_empty"]:
        return "\n\n".join([*parts, "No difference: nobody would move, and nothing else would be written."])
    parts += [_moves_text(document), _writes_text(document), _limits_text(replay), _stages_text(document)]
    parts += [_notes_text(document)]
    return "\n\n".join(part for part in parts if part)


def _headline(document: Mapping[str, Any]) -> str:
    looked = [
        f"{count:,} {_KINDS[kind] if count != 1 else kind}" for kind, count in document["looked_at"].items() if count
    ]
    files = ", ".join(f"{one['file']} as in {one['replaced_by']}" for one in document["with"])
    with_files = f" with {files}" if files else f" with {document['version']}"
    return f"Replayed {', '.join(looked) or 'nobody'} as of {moment(document['at'])}{with_files}."


# --- who would move ----------------------------------------------------------------------------------------------


def _by_aspect(document: Mapping[str, Any]) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for move in document["moves"]:
        grouped.setdefault((move["aspect"], move["kind"]), []).append(move)
    for (aspect, kind), moves in grouped.items():
        yield aspect, _KINDS[kind], moves


def _moves_text(document: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for aspect, kind, moves in _by_aspect(document):
        lines.append(f"{aspect}: {_would_differ(moves, kind)}")
        for move in moves[:MOST_MOVES]:
            names = ", ".join(brief(sample["known_as"]) for sample in move["samples"])
            more = ", …" if move["count"] > len(move["samples"]) else ""
            lines.append(f"  {move['count']:>7,}  {_value(move['from'])} -> {_value(move['to'])}   ({names}{more})")
        if len(moves) > MOST_MOVES:
            rest = sum(move["count"] for move in moves[MOST_MOVES:])
            lines.append(f"  {rest:>7,}  in {len(moves) - MOST_MOVES:,} other ways: see --json")
    return "\n".join(plain(line) for line in lines) or "Nobody would move."


def _would_differ(moves: list[dict[str, Any]], kind: str) -> str:
    count = sum(move["count"] for move in moves)
    return f"{count:,} {kind if count != 1 else _ONE[kind]} would differ"


def _value(value: str | None) -> str:
    return "(none)" if value is None else brief(value, 60)


# --- what would be written ---------------------------------------------------------------------------------------


def _writes_text(document: Mapping[str, Any]) -> str:
    rows = [
        (w["connection"], w["object"], w["action"], w["field"], f"{w['more']:,}", f"{w['fewer']:,}")
        for w in document["writes"]
    ]
    if not rows:
        return "Nothing else would be written in any system."
    return "Written with the changed files\n" + table(
        ["connection", "object", "action", "field", "more", "fewer"], rows
    )


_STOPPED = "A sync would stop before its first write, because that is surprisingly much:"
_PASSED = "To do it all the same, read its plan (instep plan --out plan.json): instep apply plan.json --past-guards"


def _limits_text(replay: Replay) -> str:
    if not replay.beyond:
        return ""
    return "\n".join(plain(line) for line in [_STOPPED, *(f"  {breach}" for breach in replay.beyond), _PASSED])


# --- stages ------------------------------------------------------------------------------------------------------


def _stage_rows(document: Mapping[str, Any]) -> list[list[str]]:
    """Nothing where no journey was counted: the process is the same, and the people who move are told above."""
    if not any(count for row in document["stages"] for count in row["journeys"].values()):
        return []
    rows = []
    for row in document["stages"]:
        people, journeys, share = row["persons"], row["journeys"], row["conversion"]
        counts = [
            f"{people['before']:,}",
            f"{people['after']:,}",
            f"{journeys['before']:,}",
            f"{journeys['after']:,}",
        ]
        if any(count != "0" for count in counts):
            rows.append([row["stage"], *counts, _share(share["before"]), _share(share["after"])])
    return rows


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


_STAGES = ["stage", "people now", "then", "journeys that came to it", "then", "went on", "then"]


def _stages_text(document: Mapping[str, Any]) -> str:
    rows = _stage_rows(document)
    return "Stages, as they are and as they would be\n" + table(_STAGES, rows) if rows else ""


def _notes_text(document: Mapping[str, Any]) -> str:
    lines = [
        f"! {note['connection'] or 'here'}: {note['code']} {note['before']:,} times now, {note['after']:,} then"
        for note in document["notes"]
    ]
    return "\n".join(plain(line) for line in [*lines, "What a code means: instep help CODE"]) if lines else ""


# --- Markdown ----------------------------------------------------------------------------------------------------


def replay_markdown(replay: Replay, *, values: bool = False) -> str:
    """The same for a pull request. People are named, and their fields' values shown, only with `values`."""
    document = replay.as_json()
    count = sum(move["count"] for move in document["moves"] if move["aspect"] == "stage")
    parts = [f"### Instep: {count:,} would change stage" if count else "### Instep: nobody would change stage"]
    parts += [" ".join(_file_as_code(word) for word in _headline(document).split(" "))]
    if document["is_empty"]:
        return "\n\n".join([*parts, "No difference.", ""])
    parts += [_moves_markdown(document, values=values), _writes_markdown(document), _limits_markdown(replay)]
    parts += [markdown_table(_STAGES, [[code(row[0]), *row[1:]] for row in _stage_rows(document)])]
    parts += [_notes_markdown(document)]
    return capped("\n\n".join(part for part in parts if part) + "\n")


def _file_as_code(word: str) -> str:
    """A word of a sentence; the name of a file as code, without what ends the sentence."""
    name = word.rstrip(".,")
    return code(name) + word[len(name) :] if "/" in name else word


def _moves_markdown(document: Mapping[str, Any], *, values: bool) -> str:
    blocks = []
    for aspect, kind, moves in _by_aspect(document):
        is_closed = aspect in ("stage", "detour", "segment", "owner", "band", "grade", "score")
        rows = [
            [
                f"{move['count']:,}",
                code(_value(move["from"])) if values or is_closed else "",
                code(_value(move["to"])) if values or is_closed else "",
                ", ".join(code(sample["known_as"]) for sample in move["samples"]) if values else "",
            ]
            for move in (moves if values or is_closed else [])[:MOST_MOVES]
        ]
        title = f"{code(aspect)}: {_would_differ(moves, kind)}"
        shown = markdown_table(["how many", "from", "to", "such as"], rows)
        blocks.append(f"<details><summary>{aspect}</summary>\n\n{title}\n\n{shown}\n\n</details>")
    return "\n".join(blocks)


def _writes_markdown(document: Mapping[str, Any]) -> str:
    rows = [
        [code(w["connection"]), code(w["object"]), w["action"], code(w["field"]), f"{w['more']:,}", f"{w['fewer']:,}"]
        for w in document["writes"]
    ]
    return markdown_table(["connection", "object", "action", "field", "more", "fewer"], rows)


def _limits_markdown(replay: Replay) -> str:
    if not replay.beyond:
        return ""
    return "\n".join([_STOPPED, "", *(f"- {code(str(breach))}" for breach in replay.beyond)])


def _notes_markdown(document: Mapping[str, Any]) -> str:
    rows = [
        [code(note["code"]), code(note["connection"] or "here"), f"{note['before']:,}", f"{note['after']:,}"]
        for note in document["notes"]
    ]
    return markdown_table(["code", "connection", "now", "then"], rows)
