"""Reads and replaces files. Nothing else in this plugin touches the disk, and nothing here knows of cells."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from instep.contract import Effects
from instep.errors import AccessError, RemoteError

HEAD_BYTES: Final = 1_048_576
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Content:
    """A file as it was at one moment."""

    name: str
    data: bytes
    modified_at: datetime
    stamp: tuple[int, int, int]
    """Inode, size and time: changed if anybody else wrote the file since."""

    @cached_property
    def digest(self) -> str:
        """What tells this content from any other."""
        return hashlib.sha256(self.data).hexdigest()


class FilesClient:
    """The files of one folder. Every read and every replace passes the transport."""

    def __init__(self, folder: Path, effects: Effects) -> None:
        self._folder = folder
        self._effects = effects

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self._folder.name

    def read(self, name: str) -> Content:
        """A whole file."""
        return self._effects.transport.send(
            lambda: _read(self._place(name), name, None), label=f"{name}/read", writes=False
        )

    def head(self, name: str) -> Content:
        """The beginning of a file."""
        return self._effects.transport.send(
            lambda: _read(self._place(name), name, HEAD_BYTES), label=f"{name}/head", writes=False
        )

    def replace(self, before: Content, data: bytes) -> Content | None:
        """Put `data` in the place of `before`, at once or not at all; None if somebody else was faster.

        Readers see the old file or the new one, never a part. Permissions are kept.
        """
        name = before.name
        return self._effects.transport.send(
            lambda: _replace(self._place(name), before, data), label=f"{name}/replace", writes=True
        )

    def _place(self, name: str) -> Path:
        """Where a file really lies. Raises `RemoteError` where that is outside the folder."""
        try:
            folder = self._folder.resolve(strict=True)
        except OSError as error:
            raise RemoteError(
                f"The folder {self._folder} is not there. Put it back, or correct path in sync.toml.",
                code="no_folder",
            ) from error
        place = (folder / name).resolve()
        if not place.is_relative_to(folder):
            raise RemoteError(
                f"{name} leads out of the folder {self._folder}. Put the file itself there, not a link to it.",
                code="outside",
            )
        return place


def read_file(place: Path) -> Content:
    """A file of the admin's own machine, read while a workspace is set up. Raises as `FilesClient.read` does."""
    return _read(place, place.name, None)


def _read(place: Path, name: str, limit: int | None) -> Content:
    try:
        with open(os.open(place, os.O_RDONLY | _NO_FOLLOW), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise RemoteError(f"{name} is no plain file. Put a file in its place.", code="no_file")
            data = file.read() if limit is None else file.read(limit)
    except FileNotFoundError as error:
        raise RemoteError(
            f"{name} is not there (in {place.parent}). Put the file back, or correct its table in sync.toml.",
            code="no_file",
        ) from error
    except PermissionError as error:
        raise AccessError(
            f"{name} may not be read (in {place.parent}). Give the user that runs Instep the right to read it."
        ) from error
    except OSError as error:
        raise RemoteError(f"{name} cannot be read: {error.strerror}. Look at the disk.", code="unreadable") from error
    return Content(name, data, datetime.fromtimestamp(state.st_mtime, UTC), _stamp(state))


def _replace(place: Path, before: Content, data: bytes) -> Content | None:
    fresh = place.with_name(f".{place.name}.instep-new")
    try:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        old = os.stat(place, follow_symlinks=False)
        _write(fresh, data, old)
        if _stamp(os.stat(place, follow_symlinks=False)) != before.stamp:
            return None
        state = os.stat(fresh)
        os.replace(fresh, place)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RemoteError(
            f"{before.name} cannot be replaced: {error.strerror}. Nothing was written; look at the disk.",
            code="unwritable",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    _keep_folder(place.parent)
    return Content(before.name, data, datetime.fromtimestamp(state.st_mtime, UTC), _stamp(state))


def _write(fresh: Path, data: bytes, old: os.stat_result) -> None:
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        if hasattr(os, "fchown"):
            with contextlib.suppress(OSError):  # only root may give a file away
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
        os.chmod(fresh, stat.S_IMODE(old.st_mode))
        os.fsync(file.fileno())


def _keep_folder(folder: Path) -> None:
    """Let the folder's new entry survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _stamp(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_ino, state.st_size, state.st_mtime_ns
