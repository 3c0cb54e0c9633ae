"""The database file: opened with care, one writer, many readers, plain words when it fails.

Never `open()` the file from this process (to copy or hash it): closing that handle drops
SQLite's locks. Backups go through SQLite (`backup.py`). One app per data folder is the
caller's promise.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from chatfeedback.errors import InputRefused, NotFound, StorageFailed
from chatfeedback.faults import point
from chatfeedback.records import Backup
from storage.backup import (
    BACKUPS,
    back_up,
    backups,
    find_backup,
    half_written,
    list_backups,
    newest_backup,
    sync,
)
from storage.schema import APPLICATION_ID, migrations, schema_version

FILE = "chatfeedback.db"
MARKER = "chatfeedback.db.created"  # it stands as long as a database must be there
MARKER_TEXT = (
    "A chatfeedback database was made in this folder. If it goes missing, the app says so\n"
    "instead of starting with an empty one. Delete this file only to start afresh.\n"
)
PRAGMAS = """
PRAGMA busy_timeout = 5000;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
PRAGMA mmap_size = 0;
"""
WRITER_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
PRAGMA journal_size_limit = 67108864;
"""
READER_PRAGMAS = """
PRAGMA query_only = ON;
PRAGMA wal_autocheckpoint = 0; -- only the writer checkpoints
"""


class DatabaseFile:
    """One open database. Safe to use from any thread."""

    def __init__(self, folder: Path, migrations: Migrations = migrations) -> None:
        """Open or create the database in `folder`; StorageFailed if it cannot be trusted."""
        self.path = folder / FILE
        self._migrations = migrations
        self._writing = threading.Lock()
        self._idle_readers: deque[Database] = deque()
        with plain_errors(self.path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # for its owner only
            refuse_lost(self.path, folder / MARKER)
            self._writer = connect(self.path, PRAGMAS)
            try:
                refuse_unusable(self._writer, self.path, schema_version(migrations))
                self._writer.executescript(WRITER_PRAGMAS)
                migrate(self._writer, self.path, migrations)
                write_marker(folder / MARKER)
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def write(self) -> Iterator[Database]:
        """One transaction: all of it is on disk when the block ends, or none of it."""
        with self._writing, plain_errors(self.path), immediate(self._writer):
            yield self._writer
            point("storage.before_commit")
        point("storage.after_commit")

    @contextmanager
    def write_derived(self) -> Iterator[Database]:
        """One transaction on what can be rebuilt from the facts: it is kept when the app dies, but
        does not wait for the disk, so a power failure may take it back to an earlier state."""
        with self._writing, plain_errors(self.path):
            self._writer.execute("PRAGMA synchronous = NORMAL")
            try:
                with immediate(self._writer):
                    yield self._writer
            finally:
                self._writer.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def read(self) -> Iterator[Database]:
        """One unchanging view of the facts. Readers wait for nobody."""
        with plain_errors(self.path):
            reader = self._take_reader()
            try:
                reader.begin()
                yield reader
            finally:
                reader.rollback()
                self._idle_readers.append(reader)

    def close(self) -> None:
        """Close every connection; the writer last, so that it leaves one tidy file."""
        while self._idle_readers:
            self._idle_readers.pop().close()
        with self._writing:
            self._writer.close()

    def back_up(self, label: str) -> Backup:
        """A verified copy of everything, as it is now."""
        folder = self.path.parent / BACKUPS
        with self._writing, plain_errors(self.path):
            made = back_up(self._writer.conn, folder, label)
        return next(each for each in list_backups(folder) if each.name == made.name)

    def restore(self, name: str) -> None:
        """Everything as it was in this backup; what is there now is backed up first.

        One transaction: whatever happens meanwhile, it is the old database or the new one. The
        backup is checked like a database at start, and brought up to today's schema.
        """
        folder = self.path.parent / BACKUPS
        with self._writing, plain_errors(self.path):
            source = connect(find_backup(folder, name), PRAGMAS + READER_PRAGMAS)
            try:
                refuse_unusable(source, folder / name, schema_version(self._migrations))
                back_up(self._writer.conn, folder, "before-restore", keep=name)
                source.conn.backup(self._writer.conn)
            finally:
                source.close()
            migrate(self._writer, self.path, self._migrations)

    def erase(self) -> None:
        """An empty database in place of this one, in one transaction; then the backups go.

        Whatever happens meanwhile, it is all there or all gone; backups that a crash left behind
        are listed, and go with the next attempt.
        """
        folder = self.path.parent / BACKUPS
        with self._writing, plain_errors(self.path):
            fresh = connect(Path(":memory:"), PRAGMAS)
            try:
                migrate(fresh, self.path, self._migrations)
                fresh.conn.backup(self._writer.conn)
            finally:
                fresh.close()
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for backup in [*half_written(folder), *backups(folder)]:
                backup.unlink()

    def _take_reader(self) -> Database:
        try:
            return self._idle_readers.pop()
        except IndexError:
            return connect(self.path, PRAGMAS + READER_PRAGMAS)


def connect(path: Path, pragmas: str) -> Database:
    """A connection that any thread may use, one at a time, and that begins nothing by itself."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(pragmas)
        return Database(connection, execute_plugins=False)
    except BaseException:
        connection.close()
        raise


@contextmanager
def immediate(db: Database) -> Iterator[None]:
    """BEGIN IMMEDIATE … COMMIT.

    sqlite-utils' own `atomic()` begins deferred: reading first and writing then fails at once
    ("database is locked") when somebody wrote in between. Inside this it is a savepoint.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


def refuse_lost(path: Path, marker: Path) -> None:
    """A database that was here and is gone or empty is never replaced by a fresh one."""
    size = path.stat().st_size if path.exists() else 0
    if size == 0 and marker.exists():
        raise StorageFailed(
            f"The database {path} is {'empty' if path.exists() else 'missing'}, though one was "
            f"made in this folder. {how_to_restore(path)} "
            f"To start afresh instead, delete {marker.name}."
        )


def refuse_unusable(db: Database, path: Path, newest_schema: int) -> None:
    """Foreign, newer and damaged databases are left as they are."""
    application_id = _number(db, "PRAGMA application_id")
    is_new = application_id == 0 and _number(db, "SELECT count(*) FROM sqlite_schema") == 0
    if application_id != APPLICATION_ID and not is_new:
        raise StorageFailed(
            f"{path} is a database of another program (application id {application_id}, "
            f"expected {APPLICATION_ID}). Move it away, or choose another folder with --data."
        )
    version = _number(db, "PRAGMA user_version")
    if version > newest_schema:
        raise StorageFailed(
            f"{path} was written by a newer chatfeedback (schema {version}; this one knows up "
            f"to {newest_schema}). Update chatfeedback, or choose another folder with --data."
        )
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StorageFailed(f"{path} is damaged ({verdict}). {how_to_restore(path)}")


def migrate(db: Database, path: Path, migrations: Migrations) -> None:
    """Bring the schema up to date in one transaction: the old one or the new one, never between."""
    version, newest_schema = _number(db, "PRAGMA user_version"), schema_version(migrations)
    if version == newest_schema:
        return
    if version > 0:
        back_up(db.conn, path.parent / BACKUPS, f"schema{version}")
    point("storage.before_migration")
    with immediate(db):
        migrations.apply(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {newest_schema}")
        point("storage.before_migration_commit")
    point("storage.after_migration_commit")


def write_marker(marker: Path) -> None:
    """Remember, durably, that a database was made here."""
    if marker.exists():
        return
    marker.write_text(MARKER_TEXT, encoding="utf-8")
    sync(marker)
    sync(marker.parent)


def how_to_restore(path: Path) -> str:
    """What to do about a lost or damaged database."""
    backup = newest_backup(path.parent / BACKUPS)
    if backup is None:
        return f"There is no backup in {path.parent / BACKUPS}; put back a copy of your own."
    return f"The newest verified backup is {backup}: copy it over {path.name} with the app closed."


def complaints(db: Database) -> list[str]:
    """What SQLite's full check finds wrong, a line each; empty when the file is sound."""
    found = [str(text) for (text,) in db.execute("PRAGMA integrity_check(5)") if text != "ok"]
    orphans = db.execute("PRAGMA foreign_key_check").fetchall()
    return found + [f"row {row[1]} of {row[0]} lacks its row in {row[2]}" for row in orphans[:5]]


def _number(db: Database, sql: str) -> int:
    return int(db.execute(sql).fetchone()[0])


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """SQLite's errors in words for a person. Mistakes of our own SQL pass through."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise InputRefused(
            f"The text cannot be stored: it has half a character at position {error.start} "
            f"({error.object[error.start]!a}). Remove it and send the text again."
        ) from error
    except (OverflowError, sqlite3.DataError) as error:
        raise InputRefused(f"A value is too large to be stored ({error}).") from error
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.IntegrityError as error:
        raise refusal(error) from error
    except sqlite3.DatabaseError as error:
        raise StorageFailed(describe_failure(error, path)) from error
    except OSError as error:
        raise StorageFailed(
            f"The data folder {path.parent} cannot be used ({error}). "
            "Make it writable, or choose another one with --data."
        ) from error


def refusal(error: sqlite3.IntegrityError) -> NotFound | InputRefused:
    """The last line of defence: what no earlier check caught, the schema refuses."""
    if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return NotFound("Something this refers to does not exist, or belongs to somebody else.")
    return InputRefused(f"This does not fit what is stored already ({error}).")


def describe_failure(error: sqlite3.DatabaseError, path: Path) -> str:
    """What is wrong with the database file, and what to do."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return (
                f"The disk is full: nothing was saved to {path}. What was saved before is intact. "
                "Free some space and try again."
            )
        case sqlite3.SQLITE_IOERR:
            return (
                f"{path} could not be read or written ({name}). Nothing was half saved. "
                "Check the disk and its free space, then try again."
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return (
                f"{path} cannot be opened for writing ({name}). Check that you may write to "
                "its folder, or choose another one with --data."
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return f"{path} is damaged ({name}: {error}). {how_to_restore(path)}"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"{path} is held by another program ({name}). Close it and try again."
    return f"{path} failed ({name}: {error})."
