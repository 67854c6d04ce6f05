"""What Salesforce's answers look like, and where its resources live."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Required, TypedDict
from urllib.parse import quote, quote_plus, urlsplit

import msgspec

from instep.errors import PluginError, RemoteError
from instep.model.values import Scalar, plain
from instep.settings import is_this_machine
from instep_salesforce.values import NUMBERS, PYTHON_TYPES, UNREADABLE, choices, plain_number, quoted

LONGEST_QUERY: Final = 12_000
"""How long a query may become in an address; Salesforce refuses addresses of more than 16,384 bytes."""
DATA: Final = "/services/data/"
_NEXT: Final = re.compile(r"/services/data/v[0-9]{2,3}\.0/[\w/.-]+(?:\?[\w.~:@!$&'()*+,;=/?%-]*)?", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)?", re.ASCII)
_NEEDED: Final[Mapping[str, Any]] = {"Id": str, "SystemModstamp": datetime}


def path(version: str, *parts: str) -> str:
    """The path of a resource; every path is built here. No part can lead elsewhere."""
    if any(part in ("", ".", "..") for part in parts):
        raise PluginError(f"Salesforce: {parts} is no path.")
    return f"{DATA}v{version}/" + "/".join(quote(part, safe="") for part in parts)


def own_path(url: str, host: str) -> str:
    """The path of an address that Salesforce gave to go on with. Raises `RemoteError` if it leads elsewhere.

    Only its path is ever used, below the configured address: whatever host it names is never asked.
    """
    schemes = ("https", "http") if is_this_machine(urlsplit(f"//{host}").hostname or "") else ("https",)
    before = next((f"{s}://{host}" for s in schemes if url.startswith(f"{s}://{host}/")), "")
    path = url.removeprefix(before)
    if not _NEXT.fullmatch(path) or ".." in path:
        raise RemoteError(
            "Salesforce: its answer leads to a foreign address for the next page. Nothing was sent there."
        )
    return path


def identifier(name: str) -> str:
    """The name of an object or field as it may stand in a query, also of a parent's field. Raises `RemoteError`."""
    if not _NAME.fullmatch(name):
        raise RemoteError(f'Salesforce: "{plain(name[:80])}" is no name of an object or field. Correct the mapping.')
    return name


# --- errors ----------------------------------------------------------------------------------------------------


class Problem(msgspec.Struct):
    """One thing that Salesforce objects to; no part of it is guaranteed. Requests and records name codes differently.

    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
    """

    message: str = ""
    errorCode: str = ""  # noqa: N815
    statusCode: str = ""  # noqa: N815
    fields: list[str] | None = None

    @property
    def code(self) -> str:
        return self.errorCode or self.statusCode

    @property
    def field(self) -> str | None:
        return self.fields[0] if self.fields else None


_problems = msgspec.json.Decoder(list[Problem], strict=False)


def read_problems(data: bytes) -> list[Problem]:
    """What an error body says; nothing where it is HTML, cut off, or not text at all."""
    try:
        return _problems.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []


# --- logging in ------------------------------------------------------------------------------------------------


class Token(msgspec.Struct):
    """An access token. There is no word on how long it lives."""

    access_token: str
    refresh_token: str | None = None
    id: str = ""
    scope: str = ""


class TokenRefusal(msgspec.Struct):
    error: str = ""


token = msgspec.json.Decoder(Token)
_token_refusal = msgspec.json.Decoder(TokenRefusal)


def read_token_refusal(data: bytes) -> str:
    """The code with which a login was refused; empty where it cannot be read."""
    try:
        return _token_refusal.decode(data).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


# --- records ---------------------------------------------------------------------------------------------------


class Saved(msgspec.Struct):
    """What became of one record of a call that writes several."""

    success: bool
    id: str | None = None
    created: bool = False
    errors: list[Problem] = []


saved = msgspec.json.Decoder(list[Saved])


class Made(msgspec.Struct):
    """What became of a single record."""

    id: str
    success: bool = True


made = msgspec.json.Decoder(Made)


class Total(msgspec.Struct):
    """How many records a query counts."""

    totalSize: int  # noqa: N815


total = msgspec.json.Decoder(Total)


class Refusal(msgspec.Struct):
    """Why the Metadata API did not write a component."""

    message: str | None = None
    statusCode: str | None = None  # noqa: N815

    @property
    def problem(self) -> Problem:
        return Problem(message=self.message or "", statusCode=self.statusCode or "")


class SavedComponent(msgspec.Struct):
    """What became of one component of the Metadata API."""

    success: bool
    fullName: str | None = None  # noqa: N815
    errors: list[Refusal] = []


Record = dict[str, Any]


class Page(msgspec.Struct):
    """Some records; `garbled` says of those that cannot be read why not, by id. `next` leads on if not `done`."""

    records: list[Record]
    done: bool
    next: str | None = None
    garbled: dict[str, str] = {}


class _Identity(msgspec.Struct):
    Id: str = ""


class _RawPage(msgspec.Struct):
    records: list[msgspec.Raw]
    done: bool
    nextRecordsUrl: str | None = None  # noqa: N815


_raw_page = msgspec.json.Decoder(_RawPage)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_identity = msgspec.json.Decoder(_Identity)


class Columns:
    """The columns of a query, by name, with Salesforce's types; a dotted name is a column of a parent record.

    Records come out as dictionaries of typed values, straight from the JSON.
    """

    def __init__(self, types: Mapping[str, str]) -> None:
        self.types = {identifier(name): type for name, type in types.items() if type not in UNREADABLE}
        self._parents = _parents(self.types)
        record: Any = _record_type(self.types, self._parents)
        fields: Any = [("records", list[record]), ("done", bool), ("nextRecordsUrl", str | None, None)]
        self._nullable = msgspec.json.Decoder(record | None)
        self._page = msgspec.json.Decoder(msgspec.defstruct("Page", fields))
        self._list = msgspec.json.Decoder(list[record | None])
        self._numbers = tuple(name for name, type in self.types.items() if type in NUMBERS)
        self._lists = tuple(name for name, type in self.types.items() if type == "multipicklist")
        self._is_plain = not (self._parents or self._numbers or self._lists)

    def __iter__(self) -> Iterator[str]:
        return iter(self.types)

    @property
    def pages(self) -> _Pages:
        """Decodes pages of a query. One record that cannot be read does not take its neighbours along."""
        return _Pages(self)

    @property
    def lists(self) -> _Lists:
        """Decodes records that were asked for by id: in their order, None for one that is not there."""
        return _Lists(self)

    def page(self, data: bytes) -> Page:
        try:
            found: Any = self._page.decode(data)
        except msgspec.ValidationError:
            raw = _raw_page.decode(data)
            read = [self._one(one) for one in raw.records]
            garbled = {
                _identity.decode(one).Id: r for one, r in zip(raw.records, read, strict=True) if isinstance(r, str)
            }
            return Page([r for r in read if isinstance(r, dict)], raw.done, raw.nextRecordsUrl, garbled)
        return Page(self._tidied(found.records), found.done, found.nextRecordsUrl)

    def listed(self, data: bytes) -> list[Record | str | None]:
        """The records; a text in place of one says why it cannot be read."""
        try:
            found: list[Record | str | None] = self._list.decode(data)
        except msgspec.ValidationError:
            return [self._one(one) for one in _raw_list.decode(data)]
        self._tidied([record for record in found if isinstance(record, dict)])
        return found

    def _one(self, data: msgspec.Raw) -> Record | str | None:
        try:
            record = self._nullable.decode(data)
        except msgspec.ValidationError as error:
            return f"Salesforce's answer for this record cannot be read: {error}."
        return self._tidied([record])[0] if record is not None else None

    def _tidied(self, records: list[Record]) -> list[Record]:
        """Finish what the JSON decoder cannot: parents' columns, numbers, choices. In place: this runs per record."""
        if self._is_plain:
            return records
        for record in records:
            for parent, names in self._parents.items():
                held = record.pop(parent, None)
                for name in names:
                    record[f"{parent}.{name}"] = held.get(name) if held else None
            for name in self._numbers:
                number = record.get(name)
                if number is not None:
                    record[name] = plain_number(number)
            for name in self._lists:
                text = record.get(name)
                if text is not None:
                    record[name] = choices(text)
        return records


class _Pages:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def decode(self, data: bytes, /) -> Page:
        return self._columns.page(data)


class _Lists:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def decode(self, data: bytes, /) -> list[Record | str | None]:
        return self._columns.listed(data)


def _parents(types: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in types:
        parent, dot, column = name.partition(".")
        if dot:
            found.setdefault(parent, []).append(column)
    return found


def _record_type(types: Mapping[str, str], parents: Mapping[str, Sequence[str]]) -> Any:
    """A dictionary of typed values. Without its id and its stamp a record cannot be read."""
    own: dict[str, Any] = {n: PYTHON_TYPES.get(type, str | None) for n, type in types.items() if "." not in n}
    for parent, names in parents.items():
        inner = {name: PYTHON_TYPES.get(types[f"{parent}.{name}"], str | None) for name in names}
        own[parent] = TypedDict(parent, inner, total=False) | None  # type: ignore[operator]
    own |= {name: Required[type] for name, type in _NEEDED.items() if name in own}
    return TypedDict("Record", own, total=False)  # type: ignore[operator]


def wanted(record: Record, names: Iterable[str]) -> dict[str, Scalar]:
    """These fields of a record; a column that did not come is blank."""
    return {name: record.get(name) for name in names}


# --- queries ---------------------------------------------------------------------------------------------------


def chunks(values: Sequence[str], before: str, after: str = "") -> Iterator[str]:
    """`before IN (…) after` for as many values at a time as an address can hold."""
    room = LONGEST_QUERY - len(quote_plus(f"{before} IN (){after}"))
    part: list[str] = []
    used = 0
    for value in values:
        text = quoted(value)
        size = len(quote_plus(text)) + len("%2C")
        if part and used + size > room:
            yield f"{before} IN ({','.join(part)}){after}"
            part, used = [], 0
        part.append(text)
        used += size
    if part:
        yield f"{before} IN ({','.join(part)}){after}"
