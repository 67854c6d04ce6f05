"""`mappings/<connection>.ids.toml`: by which ids a system knows what a mapping file names.

`instep provision` writes it, in the shape of the mapping file with ids in the place of words; people commit it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from instep.mapping.section import Section
from instep.mapping.toml import toml_key, toml_text
from instep.model.configuration import Key, ListIds, Path
from instep.model.process import Outcome

SUFFIX = ".ids"
"""What follows a connection's name in the name of the file."""
_GROUPS = ("values", "outcomes", "detours")
_HEAD = """\
# Written by `instep provision`: by which ids the system knows what {name}.toml names. What stands here is managed by
# the files; everything else in the system is left alone. Commit this file.
"""


@dataclass(frozen=True, slots=True)
class Ids:
    """Every list that is managed, by its place in the mapping file, and the org in which it is."""

    lists: Mapping[Path, ListIds] = field(default_factory=dict)
    org: str | None = None


def read_ids(section: Section) -> Ids:
    """What the file says; keys that mean nothing are reported."""
    org, found = section.text("org"), dict[Path, ListIds]()
    for name in [name for name in section.data if name != "org"]:
        table = section.table(name)
        if table is None:
            continue
        if (stages := table.table("stages")) is not None:
            found[name, "stages"] = _list(stages)
        pipelines = table.table("pipelines")
        for pipeline in pipelines.data if pipelines else ():
            inner = pipelines.table(pipeline) if pipelines else None
            if inner is not None:
                found[name, "pipelines", pipeline] = _list(inner)
        table.finish()
    return Ids(found, org)


def _list(table: Section) -> ListIds:
    pipeline = table.text("pipeline")
    stages: dict[Key, tuple[str, ...]] = {}
    for group in _GROUPS:
        inner = table.table(group)
        for name in inner.data if inner else ():
            ids = _ids(inner, name) if inner else ()
            if ids:
                stages[Key(group, name)] = ids  # type: ignore[arg-type]
    left_alone = tuple(table.words("left_alone") or ())
    retiring = _retiring(table)
    table.finish()
    return ListIds(pipeline, stages, left_alone, retiring)


def _retiring(table: Section) -> dict[Key, tuple[str, ...]]:
    inner = table.table_or_empty("retiring")
    ends = [outcome.value for outcome in Outcome]
    return {Key("outcomes" if name in ends else "values", name): _ids(inner, name) for name in inner.data}


def _ids(table: Section, name: str) -> tuple[str, ...]:
    if isinstance(table.data[name], list):
        return tuple(table.words(name) or ())
    found = table.text(name)
    return (found,) if found else ()


def ids_text(connection: str, ids: Ids) -> str:
    """The file: the same for the same ids, whatever their order."""
    org = [f"org = {toml_text(ids.org)}"] if ids.org is not None else []
    blocks = ["\n".join(_block(path, ids.lists[path])) for path in sorted(ids.lists)]
    return "\n".join([_HEAD.format(name=connection), *(f"{block}\n" for block in (*org, *blocks))])


def _block(path: Path, ids: ListIds) -> Iterator[str]:
    yield f"[{'.'.join(toml_key(part) for part in path)}]"
    if ids.pipeline is not None:
        yield f"pipeline = {toml_text(ids.pipeline)}"
    for group in _GROUPS:
        of_group = {key.name: found for key, found in ids.stages.items() if key.group == group}
        if of_group:
            entries = {name: _one_or_all(of_group[name]) for name in sorted(of_group)}
            yield f"{group} = {toml_text(entries)}"
    if ids.retiring:
        yield f"retiring = {toml_text({key.name: _one_or_all(ids.retiring[key]) for key in sorted(ids.retiring)})}"
    if ids.left_alone:
        yield f"left_alone = {toml_text(sorted(ids.left_alone))}"


def _one_or_all(ids: tuple[str, ...]) -> str | list[str]:
    return ids[0] if len(ids) == 1 else list(ids)
