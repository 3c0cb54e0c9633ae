"""Verified copies of the database. Restoring one is copying it back: by hand with the app closed,
or through SQLite while it runs (`DatabaseFile.restore`)."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from chatfeedback.errors import NotFound, StorageFailed
from chatfeedback.faults import point
from chatfeedback.records import Backup

BACKUPS = "backups"
KEPT = 7
STAMP = "%Y%m%dT%H%M%S%fZ"


def back_up(source: sqlite3.Connection, folder: Path, label: str, keep: str = "") -> Path:
    """Copy a live database through SQLite, verify the copy, then give it its name.

    The newest 7 are kept, and the one named `keep`. StorageFailed if the copy is not sound or
    cannot be written.
    """
    stamp = datetime.now(UTC).strftime(STAMP)
    final = folder / f"{stamp}-{label}.db"
    partial = final.with_suffix(".partial")
    try:
        folder.mkdir(exist_ok=True)
        copy_and_verify(source, partial)
        point("storage.before_backup_rename")
        sync(partial)
        partial.rename(final)
        sync(folder)
        point("storage.after_backup_rename")
        sweep(folder, keep)
    except (OSError, sqlite3.DatabaseError) as error:
        with suppress(OSError):
            partial.unlink()
        raise StorageFailed(
            f"A backup could not be written to {folder} ({error}), so nothing was changed. "
            "Free some space or make the folder writable, then try again."
        ) from error
    return final


def copy_and_verify(source: sqlite3.Connection, partial: Path) -> None:
    """One plain file, complete by itself (no write-ahead log beside it)."""
    with closing(sqlite3.connect(partial)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        point("storage.before_backup_verify")
        verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok" or copy.execute("PRAGMA foreign_key_check").fetchone():
            raise sqlite3.DatabaseError(f"the copy is not sound: {verdict}")


def backups(folder: Path) -> list[Path]:
    """Complete backups, and copies that somebody keeps beside them."""
    return sorted(folder.glob("*.db"))


def own_backups(folder: Path) -> list[tuple[datetime, Path]]:
    """Backups that we made, with when, oldest first; files with other names are somebody else's.

    One from the future was made while the clock was wrong: all others are newer.
    """
    found = []
    for path in backups(folder):
        with suppress(ValueError):
            made = datetime.strptime(path.name.partition("-")[0], STAMP).replace(tzinfo=UTC)
            found.append((made, path))
    now = datetime.now(UTC)
    return sorted(found, key=lambda each: (each[0] <= now, each))


def newest_backup(folder: Path) -> Path | None:
    """The backup to restore, if there is one."""
    return next((path for _, path in reversed(own_backups(folder))), None)


def list_backups(folder: Path) -> list[Backup]:
    """What there is to restore, newest first."""
    return [
        Backup(path.name, made.isoformat(timespec="milliseconds"), path.stat().st_size)
        for made, path in reversed(own_backups(folder))
    ]


def find_backup(folder: Path, name: str) -> Path:
    """The complete backup of this name."""
    for path in backups(folder):
        if path.name == name:
            return path
    raise NotFound(f"There is no backup {name[:80]!r}. Reload the page to see which there are.")


def versions_in(folder: Path) -> set[str]:
    """Ids of the learned versions that one of the backups would bring back. One that cannot be read
    brings none back."""
    found: set[str] = set()
    for path in backups(folder):
        copy = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        with closing(copy), suppress(sqlite3.DatabaseError):
            rows = copy.execute("SELECT adapter_id FROM adapter WHERE state <> 'staged'")
            found |= {adapter_id for (adapter_id,) in rows}
    return found


def sweep(folder: Path, keep: str = "") -> None:
    """Drop what a crash left half-written, and all but the newest of our backups."""
    old = [path for _, path in own_backups(folder)[:-KEPT] if path.name != keep]
    for stale in [*half_written(folder), *old]:
        stale.unlink()


def half_written(folder: Path) -> list[Path]:
    """What a crash left of backups."""
    return [*folder.glob("*.partial*")]


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folders, and writes their names through
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
