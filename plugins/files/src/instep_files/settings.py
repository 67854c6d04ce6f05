"""How one folder of files is set up: which file is which object, and how its cells are to be read."""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final, Literal, Self, cast, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from instep.settings import ConnectorSettings

TypeName = Literal["text", "number", "boolean", "date", "instant", "list"]
TABLES: Final = (".csv", ".tsv", ".txt")
OBJECTS: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What a column's cells mean; `detail` is a date's format, a zone, a list's separator or a decimal mark."""

    name: TypeName = "text"
    detail: str = ""


TEXT: Final = ColumnType()
_DEFAULTS: Final = {"number": ".", "instant": "UTC", "list": ";"}


@cache
def column_type(text: str) -> ColumnType:
    """The type that sync.toml spells `text`. Raises `ValueError` with what to write instead."""
    name, _, detail = text.partition(":")
    if name not in get_args(TypeName):
        raise ValueError(f'"{name}" is no type of a column; use one of {", ".join(get_args(TypeName))}')
    detail = detail or _DEFAULTS.get(name, "")
    if name == "number" and detail not in (".", ","):
        raise ValueError('a number is "number", or "number:," where a comma marks the decimals')
    if name == "date" and detail and not re.search("%[dje]", detail):
        raise ValueError('a date is "date", or "date:" and its format, such as "date:%m/%d/%Y"')
    if name == "instant":
        _check_zone(detail)
    if name in ("text", "boolean") and detail:
        raise ValueError(f'"{name}" takes nothing after it')
    return ColumnType(cast(TypeName, name), detail)


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f'"{name}" is no time zone; write a name such as "instant:Europe/Berlin"') from None


class FileSettings(BaseModel):
    """What every file needs: its name, the column that names a row, and its dialect."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    file: str
    """The file, inside the connection's `path`; `.csv`, `.tsv`, `.txt`, or `.jsonl`, `.ndjson` for JSON lines."""
    key: str = Field(min_length=1)
    """The column whose text names the row. It is never changed."""
    delimiter: str = ","
    """What stands between two cells: one character, or "tab"."""
    encoding: str = "utf-8"
    """How characters are kept; a byte order mark is understood."""
    quote: str = '"'
    """What cells are quoted with; empty where nothing is."""
    types: dict[str, str] = {}
    """What columns hold; all others are text."""
    references: dict[str, str] = {}
    """Columns that hold the key of a row of another object."""

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        path = PurePosixPath(value.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not path.name or ":" in value or "\0" in value:
            raise ValueError("must be a file inside the connection's path, without .. and not absolute")
        if path.suffix.lower() not in (*TABLES, *OBJECTS):
            raise ValueError(f"must end in one of {', '.join((*TABLES, *OBJECTS))}")
        return str(path)

    @field_validator("delimiter")
    @classmethod
    def _one_delimiter(cls, value: str) -> str:
        value = "\t" if value.lower() in ("tab", "\\t") else value
        if len(value) != 1 or value in "\r\n\"'":
            raise ValueError('must be one character such as "," or ";", or "tab"')
        return value

    @field_validator("quote")
    @classmethod
    def _one_quote(cls, value: str) -> str:
        if len(value) > 1 or value in tuple("\r\n"):
            raise ValueError("must be one character, or empty where nothing is quoted")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            info = codecs.lookup(value)
        except LookupError:
            raise ValueError('is no known encoding; write "utf-8" or "cp1252"') from None
        if not info._is_text_encoding:
            raise ValueError('is no encoding of text; write "utf-8" or "cp1252"')
        return info.name

    @field_validator("types")
    @classmethod
    def _known_types(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            try:
                column_type(text)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return value

    @property
    def is_json(self) -> bool:
        """Whether each line is a JSON object."""
        return self.file.lower().endswith(OBJECTS)

    def type_of(self, column: str) -> ColumnType:
        """What a column holds."""
        return column_type(self.types.get(column, "text"))

    def declared(self) -> tuple[str, ...]:
        """Every column that the settings name, each once."""
        return tuple(dict.fromkeys((self.key, *self.types, *self.references)))

    def digest_of(self, content: str) -> str:
        """What tells this reading of a content from any other: the same bytes mean something else in other types."""
        return f"{content[:32]}-{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]}"


class ObjectSettings(FileSettings):
    """A file whose rows are records."""

    modified: str | None = None
    """The column that says when a row was last changed; without it the file's own time counts."""

    def declared(self) -> tuple[str, ...]:
        """Every column that the settings name, each once."""
        return tuple(dict.fromkeys((*super().declared(), *([self.modified] if self.modified else []))))


class BehaviourSettings(FileSettings):
    """A file whose rows say what somebody did."""

    at: str
    """The column that says when it happened; an instant unless `types` says otherwise."""
    kind: str
    """The column that says what happened; the mapping's `[[behaviours]] kind` names its values."""
    email: str | None = None
    """The column with the e-mail address of the person who did it."""
    actor: Literal["buyer", "seller", "system"] = "buyer"
    """Who acts in this file."""
    actor_column: str | None = None
    """The column that says who acted (buyer, seller or system), where one file holds the acts of several."""
    withdrawn: str | None = None
    """The column that says which rows no longer hold: any that is not blank, and not a word for no."""

    def declared(self) -> tuple[str, ...]:
        """Every column that the settings name, each once."""
        more = [name for name in (self.at, self.kind, self.email, self.actor_column, self.withdrawn) if name]
        return tuple(dict.fromkeys((*super().declared(), *more)))

    def type_of(self, column: str) -> ColumnType:
        """What a column holds."""
        return column_type(self.types.get(column, "instant" if column == self.at else "text"))


class FilesSettings(ConnectorSettings):
    """Settings of one folder of files. `instep init` looks into the folder and writes the tables of `objects`."""

    names_objects = "objects"

    path: Path
    """The folder; relative to the workspace."""
    direction: Literal["in", "both"] = "in"
    """`in`: the files are only read. `both`: Instep also writes into them."""
    objects: dict[str, ObjectSettings] = Field(default_factory=dict)
    """Files whose rows are records, by the name that the mapping's `objects` uses."""
    behaviours: dict[str, BehaviourSettings] = Field(default_factory=dict)
    """Files whose rows say what somebody did, by a name of yours."""

    @model_validator(mode="after")
    def _references_lead_somewhere(self) -> Self:
        for group, files in (("objects", self.objects), ("behaviours", self.behaviours)):
            for name, file in files.items():
                for column, target in file.references.items():
                    if target not in self.objects:
                        known = ", ".join(sorted(self.objects)) or "none"
                        place = f"{group}.{name}.references.{column}"
                        raise ValueError(f'{place} leads to "{target}", which is no object here (there are: {known})')
        return self

    @model_validator(mode="after")
    def _each_file_once(self) -> Self:
        files = [file.file for file in (*self.objects.values(), *self.behaviours.values())]
        twice = sorted({file for file in files if files.count(file) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is named by two tables; a file is one object, or one feed of behaviours")
        return self
