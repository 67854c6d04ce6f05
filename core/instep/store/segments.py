"""Columns beside the rows: what replays read. The rows alone are the truth; the columns may be deleted at any time.

They stand in a file of their own, as compressed tables by projection and partition, and are never changed there: a
new file takes the place of the old one. Whoever changed since is named in the state (`triggers.py`) and built anew
from the rows while reading. Both files carry the same token, a new one for every new file, so that columns of another
moment than the state's are never taken for its own.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from instep.errors import BusyError, ConfigError, InstepError
from instep.store.store import Store, make_private

if TYPE_CHECKING:
    import polars as pl
    from polars._typing import PolarsDataType

FORMAT = "2"
"""Of the file of columns; another one is built anew."""
TOKEN = "columns"  # noqa: S105  # no secret: the key in the state's meta under which the triggers look
IN_A_PARTITION = 25_000
"""So many entities, or a few more."""
IN_MEMORY = 200_000
"""So many rows wait in memory before they are put aside."""
ATTEMPTS = 3
"""So often columns are built in a row: others may change everything meanwhile."""
OVERLAID = 0.1
"""The share of entities that may have changed before everything is built anew."""


class DamagedError(InstepError):
    """Read again: the columns were not as they were written, and are gone."""


class Progress(Protocol):
    """Told which projection is being built, and how many rows it has by now."""

    def __call__(self, step: str, done: int | None = None, of: int | None = None) -> None: ...


def silent(step: str, done: int | None = None, of: int | None = None) -> None:
    """A progress that tells nobody."""


@dataclass(frozen=True, slots=True)
class Projection:
    """One table of columns, and how its rows are made from those of the state."""

    name: str
    schema: Mapping[str, PolarsDataType]
    """Column to type; the first is `entity`."""
    build: Callable[[Store, Sequence[str] | None], Iterator[pl.DataFrame]]
    """Gives the rows of these entities, or of all of them, frame by frame."""
    made_from: str = ""
    """Whatever else its rows depend on: when it changes, they are built anew."""
    unique: tuple[str, ...] = ()
    """Columns, `entity` among them, of which no two rows hold the same: what `build` gives twice is kept once.

    Those that are not in `schema` are let go then."""
    order: tuple[str, ...] = ()
    """Columns, `entity` first, by which the rows stand; those of one entity stand together at least."""

    @property
    def digest(self) -> str:
        """Changes with everything that makes the rows others."""
        schema = [(name, str(type)) for name, type in self.schema.items()]
        said = [self.name, schema, self.made_from, self.unique, self.order]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def rows(self, store: Store, entities: Sequence[str] | None = None) -> pl.DataFrame:
        """The rows of these entities, or of all of them, built at once from the rows of the state."""
        return self.joined(list(self.build(store, entities)))

    def joined(self, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
        """Frames as one, each row once and in order."""
        import polars as pl

        if not frames:
            return pl.DataFrame(schema=dict(self.schema))
        whole = pl.concat(frames)
        if self.unique:
            whole = whole.unique(self.unique, keep="first", maintain_order=True).select(list(self.schema))
        return whole.sort(self.order, maintain_order=True) if self.order else whole


class Segments:
    """The columns of a state, as they are at one moment; whoever writes meanwhile is not seen.

    `refresh` says what is wanted and takes the moment; `read` gives it, partition by partition.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reader = Store(store.path)
        self._moment = ExitStack()
        self._columns: _Columns | None = None
        self._touched: dict[int, list[str]] = {}
        self._overlays: dict[str, dict[int, pl.DataFrame]] = {}

    def close(self) -> None:
        self._moment.close()
        self._reader.close()

    def __enter__(self) -> Segments:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def rows(self) -> Store:
        """The state's rows as they are at the moment that `refresh` took."""
        return self._reader

    @property
    def partitions(self) -> int:
        """How many partitions there are, each with all rows of its entities."""
        return self._held.partitions

    @property
    def _held(self) -> _Columns:
        if self._columns is None:
            raise LookupError("Say what is to be read first: refresh.")
        return self._columns

    # --- building -----------------------------------------------------------------------------------------------

    def refresh(self, projections: Sequence[Projection], progress: Progress = silent) -> None:
        """Build what is missing, was made otherwise or is too old, and take the moment that `read` reads.

        Writes nothing where everything is there. Raises `BusyError` while another process builds, or holds the state.
        """
        if self._take(projections):
            return
        with _alone(columns_path(self._store.path)):
            for _ in range(ATTEMPTS):
                if self._take(projections):
                    return
                self._build(projections, progress)
            if not self._take(projections):
                raise BusyError(f"{self._store.path} changes too fast. Try again when others are done.")

    def _take(self, projections: Sequence[Projection]) -> bool:
        """Take the moment; whether the columns of all projections are there and not too old."""
        columns = self._look()
        if columns is None or self._is_old(columns) or columns.missing(projections):
            return False
        self._columns = columns
        for id in self._named():
            self._touched.setdefault(partition_of(id, columns.partitions), []).append(id)
        return True

    def _look(self) -> _Columns | None:
        """Begin a new moment; its columns, if there are any."""
        self._moment.close()
        self._columns, self._touched, self._overlays = None, {}, {}
        self._moment.enter_context(self._reader.snapshot())
        columns = _Columns.found(columns_path(self._store.path))
        if columns is None:
            return None
        self._moment.enter_context(columns)
        return columns if columns.is_of(self._reader) else None

    def _named(self) -> list[str]:
        return [row[0] for row in self._reader.rows("SELECT entity FROM touched ORDER BY entity")]

    def _is_old(self, columns: _Columns) -> bool:
        return self._reader.count("SELECT count(*) FROM touched") > OVERLAID * columns.entities

    def _build(self, projections: Sequence[Projection], progress: Progress) -> None:
        """Make a new file of columns: of everything, or of what the present one lacks.

        The state gets the new token first: from then on every change is noted, and the present file counts no more.
        """
        present = self._look()
        kept = None if present is None or self._is_old(present) or not present.is_whole() else present
        wanted = projections if kept is None else kept.missing(projections)
        self._moment.close()
        path = columns_path(self._store.path)
        with _said_of(path), _Making(path, kept) as making:
            with self._store.transaction("columns: begun"):
                self._begin(making, kept)
            with self._reader.snapshot(), _no_collecting():
                making.begin(self._reader)
                for projection in wanted:
                    making.add(projection, self._reader, progress)
            self._store.gate("columns: built")
            making.finish()

    def _begin(self, making: _Making, kept: _Columns | None) -> None:
        if kept is None:
            self._store.run("DELETE FROM touched")
        elif not kept.is_of(self._store):  # what was copied may be of somebody who was erased since
            raise BusyError(_ERASED)
        self._store.set_meta(TOKEN, making.token)

    # --- reading ------------------------------------------------------------------------------------------------

    def read(self, projection: Projection, partition: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The rows of a partition: `entity` and these columns, or all. Raises `DamagedError` where they are not."""
        wanted = list(projection.schema) if columns is None else list(dict.fromkeys(["entity", *columns]))
        found = self._held.read(projection, partition, wanted)
        touched = self._touched.get(partition)
        if not touched:
            return found
        import polars as pl

        anew = self._overlay(projection).get(partition)
        kept = found.filter(~pl.col("entity").is_in(touched))
        return kept if anew is None else pl.concat([kept, anew.select(wanted)])

    def make_ready(self, projections: Sequence[Projection]) -> None:
        """Build whatever of these comes from the rows: from then on several threads may read them."""
        if self._touched:
            for projection in projections:
                self._overlay(projection)

    def _overlay(self, projection: Projection) -> dict[int, pl.DataFrame]:
        """The rows of whoever changed, by partition: built once."""
        if projection.name not in self._overlays:
            named = [id for ids in self._touched.values() for id in ids]
            rows = projection.rows(self._reader, named)
            self._overlays[projection.name] = dict(_parts(rows, self.partitions))
        return self._overlays[projection.name]


_ERASED = "The columns of the state were deleted while they were being built. Try again."


def disown_columns(store: Store) -> None:
    """Let the columns count no more, inside a transaction: whoever wants them builds new ones."""
    store.run("DELETE FROM meta WHERE key = ?", (TOKEN,))
    store.run("DELETE FROM touched")


def columns_path(state: Path) -> Path:
    """Where the columns of a state stand."""
    return state.with_suffix(".columns.db")


def delete_columns(state: Path) -> bool:
    """Delete the columns of a state, those that are being built included; whether nothing is left of them."""
    path = columns_path(state)
    try:
        for file in (path, _part(path)):
            for name in _files(file):
                name.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def partition_of(entity: str, partitions: int) -> int:
    """Which partition an entity's rows are in."""
    return zlib.crc32(entity.encode()) % partitions


def _parts(rows: pl.DataFrame, partitions: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Rows by partition."""
    import polars as pl

    if partitions == 1:
        if rows.height:
            yield 0, rows
        return
    numbers = pl.Series("", [zlib.crc32(id.encode()) % partitions for id in rows["entity"]], dtype=pl.UInt32)
    for number in numbers.unique().sort():
        yield number, rows.filter(numbers == number)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _files(path: Path) -> list[Path]:
    """A database and whatever SQLite may have put beside it."""
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the right to build. Raises `BusyError` while another process has it."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(str(path) + ".lock", timeout=5, mode=0o600):
            yield
    except Timeout as error:
        raise BusyError(f"{path} is being built by another process. Try again when it is done.") from error


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """Say which file cannot be written where the machine does not let it be: its disk is full, most often."""
    try:
        yield
    except (OSError, sqlite3.OperationalError, sa.exc.OperationalError) as error:
        why = error.orig if isinstance(error, sa.exc.OperationalError) else error
        raise ConfigError(
            f"{path} cannot be written: {why}. Make room there, about 500 bytes a person, and run the command again. "
            "Nothing else was written."
        ) from error


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Rows by the million hold no cycles: looking for some would take a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# --- the file --------------------------------------------------------------------------------------------------


class _Columns:
    """A finished file of columns, open for reading. It never changes: a new one takes its place."""

    def __init__(self, path: Path, raw: sqlite3.Connection) -> None:
        self._path, self._raw, self._lock = path, raw, threading.Lock()
        self.facts: dict[str, str] = dict(raw.execute("SELECT key, value FROM fact"))
        self.digests: dict[str, str] = dict(raw.execute("SELECT projection, digest FROM made"))
        self.partitions = int(self.facts["partitions"])
        self.entities = int(self.facts["entities"])

    @classmethod
    def found(cls, path: Path) -> _Columns | None:
        """The columns at `path`, unless there are none or what is there is not whole."""
        if not path.exists():
            return None
        raw = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        try:
            columns = cls(path, raw)
        except (sqlite3.DatabaseError, KeyError, ValueError):
            raw.close()
            return None
        return columns

    def __enter__(self) -> _Columns:
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def is_of(self, store: Store) -> bool:
        """Whether they were made from this state, and nothing happened to it that it did not note."""
        wanted = {**_made_by(), "token": store.meta(TOKEN), "lineage": store.meta("lineage") or ""}
        return all(self.facts.get(key) == value for key, value in wanted.items())

    def missing(self, projections: Sequence[Projection]) -> list[Projection]:
        """Those that are not there, or were made otherwise."""
        return [p for p in projections if self.digests.get(p.name) != p.digest]

    def is_whole(self) -> bool:
        """Whether everything is still as it was written."""
        try:
            rows = self._raw.execute("SELECT checksum, projection, partition, data FROM segment")
            return all(_checksum(name, at, self.partitions, data) == checksum for checksum, name, at, data in rows)
        except sqlite3.DatabaseError:
            return False

    def read(self, projection: Projection, partition: int, columns: Sequence[str]) -> pl.DataFrame:
        """The rows of a partition as they were when they were built. Raises `DamagedError` if they are not."""
        import polars as pl

        query = "SELECT checksum, data FROM segment WHERE projection = ? AND partition = ?"
        try:
            with self._lock:
                row = self._raw.execute(query, (projection.name, partition)).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._damaged() from error
        if row is None or _checksum(projection.name, partition, self.partitions, row[1]) != row[0]:
            raise self._damaged()
        return pl.read_parquet(BytesIO(row[1]), columns=list(columns)).select(columns)

    def _damaged(self) -> DamagedError:
        """What to raise; whoever reads next builds new columns."""
        with suppress(OSError):
            self._path.unlink()
        return DamagedError(f"{self._path} was damaged. Delete it, if it is still there, and run the command again.")


def _checksum(projection: str, partition: int, partitions: int, data: bytes) -> int:
    """Of what stands somewhere, and of where it stands."""
    return zlib.crc32(data, zlib.crc32(f"{projection}/{partition}/{partitions}".encode()))


def _made_by() -> dict[str, str]:
    return {"format": FORMAT, "instep": version("instep")}


_TABLES = """
CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE made (projection TEXT PRIMARY KEY, digest TEXT);
CREATE TABLE segment (
    projection TEXT, partition INTEGER, checksum INTEGER, data BLOB, PRIMARY KEY (projection, partition)
);
CREATE TABLE aside (partition INTEGER, data BLOB);
CREATE INDEX aside_partition ON aside (partition);
"""


class _Making:
    """A file of columns that is being made beside the present one, and that takes its place when it is whole."""

    def __init__(self, path: Path, kept: _Columns | None) -> None:
        self._path, self._part, self._kept = path, _part(path), kept
        self.token = secrets.token_hex(16)
        self._waiting: dict[int, list[pl.DataFrame]] = {}
        self._rows = 0

    def __enter__(self) -> _Making:
        for file in _files(self._part):
            file.unlink(missing_ok=True)
        make_private(self._part)
        try:
            if self._kept is not None:
                shutil.copyfile(self._path, self._part)
            self._raw = sqlite3.connect(f"{self._part.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
        except (FileNotFoundError, sqlite3.OperationalError) as error:
            raise BusyError(_ERASED) from error
        self._raw.execute("PRAGMA journal_mode=OFF")
        self._raw.execute("PRAGMA synchronous=OFF")
        if self._kept is None:
            self._raw.executescript(_TABLES)
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()
        self._part.unlink(missing_ok=True)

    def begin(self, store: Store) -> None:
        """Note what the columns are made from."""
        entities = self._kept.entities if self._kept else store.count("SELECT count(*) FROM entity")
        self.partitions = self._kept.partitions if self._kept else max(1, entities // IN_A_PARTITION)
        facts = {
            **_made_by(),
            "token": self.token,
            "lineage": store.meta("lineage") or "",
            "partitions": str(self.partitions),
            "entities": str(entities),
        }
        self._raw.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", facts.items())

    def add(self, projection: Projection, store: Store, progress: Progress) -> None:
        """Build a projection from the rows: a few frames at a time are in memory."""
        self._raw.execute("BEGIN")
        self._raw.execute("DELETE FROM segment WHERE projection = ?", (projection.name,))
        done = 0
        for frame in projection.build(store, None):
            for partition, rows in _parts(frame, self.partitions):
                self._waiting.setdefault(partition, []).append(rows)
            done, self._rows = done + frame.height, self._rows + frame.height
            progress(f"columns: {projection.name}", done)
            if self._rows > IN_MEMORY:
                self._put_aside()
        for partition in range(self.partitions):
            self._write(projection, partition)
        self._raw.execute("INSERT OR REPLACE INTO made VALUES (?, ?)", (projection.name, projection.digest))
        self._raw.execute("COMMIT")

    def _put_aside(self) -> None:
        import polars as pl

        for partition, frames in self._waiting.items():
            packed = BytesIO()
            pl.concat(frames).write_ipc(packed, compression="lz4")
            self._raw.execute("INSERT INTO aside VALUES (?, ?)", (partition, packed.getbuffer()))
        self._waiting, self._rows = {}, 0

    def _write(self, projection: Projection, partition: int) -> None:
        """Write one partition, with what was put aside of it."""
        import polars as pl

        aside = self._raw.execute(
            "SELECT data FROM aside WHERE partition = ? ORDER BY rowid", (partition,)
        ).fetchall()
        frames = [*(pl.read_ipc(BytesIO(row[0])) for row in aside), *self._waiting.pop(partition, ())]
        self._raw.execute("DELETE FROM aside WHERE partition = ?", (partition,))
        whole, packed = projection.joined(frames), BytesIO()
        self._rows = sum(frame.height for waiting in self._waiting.values() for frame in waiting)
        whole.write_parquet(packed, compression="zstd", compression_level=1, statistics=False)
        data = packed.getvalue()
        checksum = _checksum(projection.name, partition, self.partitions, data)
        self._raw.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (projection.name, partition, checksum, data))

    def finish(self) -> None:
        """Let the new file take the place of the old one, at once and whole."""
        self._raw.close()
        try:
            with self._part.open("rb") as file:
                os.fsync(file.fileno())
            self._part.replace(self._path)
        except FileNotFoundError as error:
            raise BusyError(_ERASED) from error
