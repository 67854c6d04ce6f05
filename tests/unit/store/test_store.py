"""The durable state: its schema, its transactions, and what it refuses to open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from instep.errors import ConfigError
from instep.store import Store
from instep.store.migrate import newest
from instep.store.schema import metadata
from instep.store.store import REVISION


def test_the_migrations_make_exactly_the_schema(tmp_path: Path) -> None:
    Store(tmp_path / "state.db").close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'state.db'}", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_store_knows_its_newest_migration() -> None:
    assert newest() == REVISION


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "state.db") as store:
        with pytest.raises(ZeroDivisionError), store.transaction("test"):
            store.set_meta("key", str(1 // 0) if store.bump("key") else "")
        assert store.meta("key") is None


def test_a_gate_that_refuses_undoes_the_transaction(tmp_path: Path) -> None:
    def gate(label: str) -> None:
        if label == "closed":
            raise KeyboardInterrupt

    with Store(tmp_path / "state.db", gate=gate) as store:
        with pytest.raises(KeyboardInterrupt), store.transaction("closed"):
            store.set_meta("key", "value")
        with store.transaction("open"):
            assert store.meta("key") is None


def test_others_read_while_one_writes(tmp_path: Path) -> None:
    with Store(tmp_path / "state.db") as writer, Store(tmp_path / "state.db") as reader:
        with writer.transaction("test"):
            writer.set_meta("key", "value")
            assert reader.meta("key") is None
        assert reader.meta("key") == "value"


def test_what_is_asked_twice_is_read_once_until_it_is_forgotten(tmp_path: Path) -> None:
    asked = "SELECT value FROM meta WHERE key = ?"
    with Store(tmp_path / "state.db") as store, Store(tmp_path / "state.db") as other:
        with store.remembering() as forget:
            first = store.rows(asked, ("key",))
            first.append(("whoever asks may change what they got",))
            with other.transaction("test"):
                other.set_meta("key", "new")
            assert store.rows(asked, ("key",)) == []
            forget()
            assert store.rows(asked, ("key",)) == [("new",)]
        with other.transaction("test"):
            other.set_meta("key", "newer")
        assert store.rows(asked, ("key",)) == [("newer",)]


def test_no_more_is_remembered_than_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instep.store.store.MOST_REMEMBERED", 1)
    counted = "SELECT count(*), ? FROM meta WHERE key = 'key'"
    with Store(tmp_path / "state.db") as store, Store(tmp_path / "state.db") as other, store.remembering():
        assert (store.rows(counted, (1,)), store.rows(counted, (2,))) == ([(0, 1)], [(0, 2)])
        with other.transaction("test"):
            other.set_meta("key", "new")
        assert (store.rows(counted, (1,)), store.rows(counted, (2,))) == ([(0, 1)], [(1, 2)])


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"something else entirely, and long enough to be looked at")
    with pytest.raises(ConfigError, match="not a state"):
        Store(tmp_path / "state.db")


def test_a_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "state.db").close()
    raw = sqlite3.connect(tmp_path / "state.db")
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()
    with pytest.raises(ConfigError, match="newer version"):
        Store(tmp_path / "state.db")


@contextmanager
def no_file_may_grow() -> Iterator[None]:
    """As on a full disk."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_and_the_state_is_not_blamed_for_it(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with Store(path) as store, store.transaction("kept"):
        store.set_meta("kept", "yes")
    with no_file_may_grow(), pytest.raises(ConfigError, match=r"state\.db cannot be read: .*; keep the file\.$"):
        Store(path)
    with Store(path) as store:
        assert store.meta("kept") == "yes"
