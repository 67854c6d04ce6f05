"""Opening the state, its transactions, and the two bulk verbs.

SQLite in WAL mode: other processes read while one writes. Every commit passes a gate, so that tests can stop a
run at any of them; what was not committed then never happened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from instep.errors import BusyError, ConfigError

REVISION = "0001"
"""The newest migration. A state of another revision is migrated when it is opened for writing."""

MOST_REMEMBERED = 100_000
"""So many rows are kept in memory at most, where what was read is asked for again."""
_NOT_OPENED = "{} cannot be read: {}. Look whether its disk is full and whether you may write there; keep the file."
_NOT_OURS = "{} is not a state of Instep's. Move it away, or name another store."

Gate = Callable[[str], None]


class Store:
    """One workspace's durable state."""

    def __init__(self, path: Path, *, gate: Gate | None = None) -> None:
        """Open the state at `path`, creating or migrating it as needed.

        `gate` is called with a label right before every commit; if it raises, nothing of the transaction stays.
        Raises `ConfigError` if the file is not a state of Instep's, or of a newer version.
        """
        self.path = path
        make_private_folder(path.parent)
        make_private(path)
        self.gate: Gate = gate or (lambda label: None)
        self.guard: Callable[[], None] = lambda: None
        """Called inside every transaction, before anything else; if it raises, nothing is stored."""
        self._remembered: _Remembered | None = None
        self._engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.NullPool)
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)
        try:
            self._connection = self._engine.connect()
        except sa.exc.OperationalError as error:
            self._engine.dispose()
            raise ConfigError(_NOT_OPENED.format(path, error.orig)) from error
        except sa.exc.DatabaseError as error:
            self._engine.dispose()
            raise ConfigError(_NOT_OURS.format(path)) from error
        self._raw = cast("sqlite3.Connection", self._connection.connection.driver_connection)
        self._migrate()

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- transactions -------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, label: str) -> Iterator[None]:
        """Everything inside is stored together, or not at all. Not re-entrant."""
        try:
            transaction = self._connection.begin()
        except sa.exc.OperationalError as error:
            raise BusyError(f"{self.path} is being written by another process. Try again when it is done.") from error
        try:
            self.guard()
            yield
            self.gate(label)
        except BaseException:
            transaction.rollback()
            raise
        transaction.commit()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A small transaction that is no effect of the run (budgets): it passes no gate."""
        self._raw.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._raw.execute("ROLLBACK")
            raise
        self._raw.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside is of one moment, whoever writes meanwhile. Nothing can be written inside."""
        self._raw.execute("BEGIN")
        try:
            self.meta("lineage")  # the moment is that of the first read
            yield
        finally:
            self._raw.execute("ROLLBACK")

    @contextmanager
    def remembering(self) -> Iterator[Callable[[], None]]:
        """Inside a snapshot, what is asked twice is read once, until the function that this gives is called."""
        self._remembered = remembered = _Remembered()
        try:
            yield remembered.forget
        finally:
            self._remembered = None

    # --- statements ---------------------------------------------------------------------------------------------

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Everything that a query finds."""
        if self._remembered is None:
            return self._raw.execute(statement, parameters).fetchall()
        return self._remembered.rows(self._raw, statement, parameters)

    def row(self, statement: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row that a query finds, or None."""
        found = self._raw.execute(statement, parameters).fetchone()
        return cast("tuple[Any, ...] | None", found)

    def each(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows one by one, without holding them all."""
        return iter(self._raw.execute(statement, parameters))

    def count(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        found = self.row(statement, parameters)
        return int(found[0]) if found else 0

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Execute one statement inside a transaction; returns the new row's id where there is one."""
        return self._raw.execute(statement, parameters).lastrowid or 0

    def bulk(self, statement: str, parameters: Iterable[Sequence[Any]]) -> int:
        """Execute one statement for many rows inside a transaction; returns how many rows it touched."""
        return self._raw.executemany(statement, parameters).rowcount

    def among(self, statement: str, ids: Sequence[str], *before: Any) -> list[tuple[Any, ...]]:
        """Rows for many ids: `statement` ends in `IN (?)`, which is asked in slices that SQLite takes."""
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            marks = ",".join("?" * len(part))
            found += self.rows(statement.replace("(?)", f"({marks})", 1), (*before, *part))
        return found

    # --- forgetting ---------------------------------------------------------------------------------------------

    def sweep(self) -> bool:
        """Write the file anew, so that nothing that was deleted is left in it or in its log.

        Returns False where that was not possible: others were reading, or there was no room on the disk.
        """
        try:
            self._raw.execute("VACUUM")
            found = self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
        return bool(found) and not found[0]

    # --- meta ---------------------------------------------------------------------------------------------------

    def meta(self, key: str) -> str | None:
        found = self.row("SELECT value FROM meta WHERE key = ?", (key,))
        return None if found is None else str(found[0])

    def set_meta(self, key: str, value: str) -> None:
        self.run(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    def bump(self, key: str) -> int:
        """Count one up, inside a transaction; the first time gives 1."""
        value = int(self.meta(key) or 0) + 1
        self.set_meta(key, str(value))
        return value

    def _migrate(self) -> None:
        if self._revision() == REVISION:
            return
        from instep.store.migrate import migrate

        migrate(self._engine, self.path)

    def _revision(self) -> str | None:
        try:
            found = self.row("SELECT version_num FROM alembic_version")
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise ConfigError(_NOT_OPENED.format(self.path, error)) from error
        except sqlite3.DatabaseError as error:
            raise ConfigError(_NOT_OURS.format(self.path)) from error
        return None if found is None else str(found[0])


class _Remembered:
    """What was found at one moment. Beyond `MOST_REMEMBERED` rows, nothing more is kept."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._found: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        self._kept = 0

    def rows(self, raw: sqlite3.Connection, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        asked = (statement, *parameters)
        known = self._found.get(asked)
        if known is not None:
            return list(known)
        found = raw.execute(statement, parameters).fetchall()
        if self._kept + len(found) <= MOST_REMEMBERED:
            self._found[asked], self._kept = list(found), self._kept + len(found) + 1
        return found


def require_state(path: Path) -> Path:
    """The file of a state that is there. Raises `ConfigError` where nothing was synced yet."""
    if not path.exists():
        raise ConfigError("Nothing has been synced here yet. Run: instep sync")
    return path


def make_private_folder(folder: Path) -> None:
    """Make the folder of a state, if it is not there: version control leaves it alone, and others do not see it."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def make_private(path: Path) -> None:
    """A state holds personal data: only its owner may read it."""
    if not path.exists():
        path.touch(mode=0o600)


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event says BEGIN, not the driver
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA cache_size=-16384")  # 16 MB: a load touches several indexes per row
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA recursive_triggers=ON")  # else a row that is replaced counts as never deleted


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
