"""The database file: when it is opened, when it is refused, and how it changes its shape."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database
from store_samples import (
    ask,
    client_id,
    later_release,
    released_up_to,
    stage,
    start_run,
    thumb,
    undo,
)

from chatfeedback.errors import InputRefused, StorageFailed
from chatfeedback.records import FeedbackEvent
from storage.backup import KEPT, back_up, backups, list_backups, newest_backup
from storage.database import FILE, MARKER, DatabaseFile
from storage.schema import APPLICATION_ID, migrations, schema_version
from storage.store import Store, open_store

ROOT = Path(__file__).parent.parent
SCHEMA = schema_version(migrations)
NOTHING = "NULL, NULL, NULL, ''"  # the last columns of feedback


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with some facts in it, closed."""
    store = open_store(tmp_path / "data")
    me = store.ensure_person("me").person_id
    chat = store.add_conversation(me, "Eggs")
    for _ in range(20):
        _, reply_id = ask(store, me, chat)
        store.add_feedback(me, thumb(reply_id))
    store.close()
    return store.folder


@pytest.fixture
def raw(folder: Path) -> Iterator[sqlite3.Connection]:
    """The same database without the store's care, foreign keys on."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


def refusal(folder: Path) -> str:
    """The message with which a database is refused; the file stays as it was."""
    before = (folder / FILE).read_bytes() if (folder / FILE).is_file() else None
    with pytest.raises(StorageFailed) as refused:
        open_store(folder)
    after = (folder / FILE).read_bytes() if (folder / FILE).is_file() else None
    assert after == before
    return str(refused.value)


# --- what the schema itself guards ----------------------------------------------------------------


def test_every_table_is_strict_and_bears_our_mark(raw: sqlite3.Connection):
    lax = "SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict AND schema='main'"
    ours = [name for (name,) in raw.execute(lax) if not name.lstrip("_").startswith("sqlite_")]
    assert ours == []
    assert raw.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert raw.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("sql", ["UPDATE feedback SET value = -1", "DELETE FROM feedback"])
def test_feedback_is_append_only(raw: sqlite3.Connection, sql: str):
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        # a thumb without a value, out of range, and as text
        "INSERT INTO feedback VALUES (90, 1, 'x', 'thumb', 1, NULL, NULL, NULL, NULL, NULL,"
        + NOTHING
        + ")",
        "INSERT INTO feedback VALUES (90, 1, 'x', 'thumb', 1, NULL, NULL, 9, NULL, NULL,"
        + NOTHING
        + ")",
        "INSERT INTO feedback VALUES (90, 1, 'x', 'thumb', 1, NULL, NULL, 'up', NULL, NULL,"
        + NOTHING
        + ")",
        # a second event under one client id, and about a reply that does not exist
        "INSERT INTO feedback SELECT 90, person_id, client_id, 'thumb', 1, NULL, NULL, 1, NULL,"
        " NULL," + NOTHING + " FROM feedback LIMIT 1",
        "INSERT INTO feedback VALUES (90, 1, 'x', 'thumb', 999, NULL, NULL, 1, NULL, NULL,"
        + NOTHING
        + ")",
        # under a parent of another person
        "INSERT INTO message SELECT 90, 2, 1, 'x', 'hi', NULL, 0, '', NULL, NULL",
        "UPDATE reply SET person_id = 2 WHERE id = 1",
        # a shown reply that answers another message
        "UPDATE message SET shown_reply_id = 2 WHERE id = 1",
        "UPDATE reply SET state = 'thinking'",
    ],
)
def test_the_schema_refuses_what_makes_no_sense(raw: sqlite3.Connection, sql: str):
    raw.execute("INSERT INTO person VALUES (2, 'somebody else', '')")
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(sql)


def test_two_versions_never_serve_the_same_person_on_one_base(tmp_path: Path):
    store = open_store(tmp_path)
    me = store.ensure_person("me").person_id
    stage(store, me, "a")
    stage(store, me, "b")
    store.close()
    with (
        closing(sqlite3.connect(tmp_path / FILE)) as raw,
        pytest.raises(sqlite3.IntegrityError, match="UNIQUE"),
    ):
        raw.execute("UPDATE adapter SET state = 'serving'")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT * FROM message WHERE conversation_id = 1 ORDER BY id DESC", "by_conversation"),
        ("SELECT * FROM reply WHERE message_id IN (1, 2)", "reply_by_message"),
        ("SELECT * FROM conversation WHERE person_id = 1 ORDER BY recency DESC", "by_recency"),
        ("SELECT max(id) FROM standing_feedback WHERE reply_id = 1 AND kind = ''", "by_reply"),
        ("SELECT * FROM feedback WHERE person_id = 1 AND id > 5 ORDER BY id", "by_person"),
    ],
)
def test_pages_are_read_through_an_index(raw: sqlite3.Connection, query: str, index: str):
    plan = " ".join(row[-1] for row in raw.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert index in plan
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan


# --- what is refused ------------------------------------------------------------------------------


def test_a_database_of_a_newer_version_is_refused(folder: Path, raw: sqlite3.Connection):
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    assert "newer chatfeedback (schema 99" in refusal(folder)


def test_a_database_of_another_program_is_refused(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / FILE)) as foreign:
        foreign.execute("CREATE TABLE recipes (name)")
    assert "another program" in refusal(tmp_path)
    assert not (tmp_path / MARKER).exists()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"Dear diary, " * 1000)
    assert "damaged" in refusal(tmp_path)


def test_an_emptied_database_is_never_replaced_by_a_fresh_one(folder: Path):
    (folder / FILE).write_bytes(b"")
    assert "is empty, though one was made" in refusal(folder)


def test_a_missing_database_is_never_replaced_by_a_fresh_one(folder: Path):
    (folder / FILE).unlink()
    assert "is missing, though one was made" in refusal(folder)
    (folder / MARKER).unlink()
    open_store(folder).close()


def test_a_first_start_cut_off_before_anything_was_stored_is_finished(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"")
    open_store(tmp_path).close()
    assert (tmp_path / MARKER).exists()


def corrupt_page(database: bytes) -> bytes:
    page = random.Random(1).randbytes(4096)
    return database[:8192] + page + database[12288:]


@pytest.mark.parametrize(
    "damage",
    [
        corrupt_page,
        lambda database: database[: len(database) // 2],
        lambda database: b"\0" * 100 + database[100:],
    ],
    ids=["random page", "half a file", "no header"],
)
def test_a_damaged_database_is_refused_and_names_the_backup(
    folder: Path, damage: Callable[[bytes], bytes]
):
    with closing(sqlite3.connect(folder / FILE)) as source:
        backup = back_up(source, folder / "backups", "daily")
    (folder / FILE).write_bytes(damage((folder / FILE).read_bytes()))
    message = refusal(folder)
    assert "damaged" in message
    assert str(backup) in message


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path):
    (tmp_path / "data").write_text("I am a file")
    with pytest.raises(StorageFailed, match="--data"):
        open_store(tmp_path / "data")


def test_a_database_held_by_another_program_is_told(folder: Path):
    store = open_store(folder)
    store._database._writer.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as greedy:
        greedy.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="held by another program"):
            store.ensure_person("you")
        greedy.execute("ROLLBACK")
    store.ensure_person("you")
    store.close()


def test_a_write_is_alone_from_its_first_read_on(folder: Path):
    store = open_store(folder)
    with (
        store._database.write(),
        closing(sqlite3.connect(folder / FILE, timeout=0, isolation_level=None)) as late,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        late.execute("BEGIN IMMEDIATE")
    store.close()


def test_a_full_check_finds_what_opening_does_not_look_for(folder: Path, raw: sqlite3.Connection):
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("UPDATE reply SET message_id = 999 WHERE id = 1")
    store = open_store(folder)
    assert "lacks its row in reply" in " ".join(store.complaints())
    store.close()


def test_a_sound_database_has_no_complaints(folder: Path):
    store = open_store(folder)
    assert store.complaints() == []
    store.close()


# --- full and read-only disks ---------------------------------------------------------------------


def test_a_write_that_fails_leaves_nothing_half_done_and_later_ones_work(folder: Path):
    """A file-size limit, as a failing disk: the error comes from the system call itself."""
    resource = pytest.importorskip("resource")
    store = open_store(folder)
    me = store.ensure_person("me").person_id
    before = store.conversations(me), store.feedback(me)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StorageFailed, match="could not be read or written"):
            store.add_conversation(me, "x" * 100_000)
        assert (store.conversations(me), store.feedback(me)) == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    store.add_conversation(me, "x" * 100_000)
    store.close()


def in_own_mounts(folder: Path, mount: str, code: str) -> str:
    """Run Python code where `mount` (a shell command) applies to nobody else; its output."""
    if sys.platform != "linux" or subprocess.run(["unshare", "-Urm", "true"]).returncode:
        pytest.skip("needs Linux with user namespaces")
    script = f"{mount} && exec {sys.executable} -W error -c '{code}' {folder}"
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    ran = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script], env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


FILL_THE_DISK = """
import sys
from pathlib import Path
from chatfeedback.errors import InputRefused, StorageFailed
from chatfeedback.records import FeedbackEvent
from storage.store import open_store

folder = Path(sys.argv[1])
store = open_store(folder / "data")
me = store.ensure_person("me").person_id
filler = open(folder / "filler", "wb", buffering=0)
try:
    while filler.write(bytes(4096)): pass
except OSError:
    filler.close()
try:
    for _ in range(100): store.add_conversation(me, "x" * 10_000)
except StorageFailed as error:
    print(error)
kept = len(store.conversations(me))
(folder / "filler").unlink()
store.add_conversation(me, "there is room again")
print(len(store.conversations(me)) - kept)
store.close()
again = open_store(folder / "data")
print(len(again.conversations(me)) - kept)
again.close()
"""


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(tmp_path: Path):
    mount = f"mount -t tmpfs -o size=1M none {tmp_path}"
    message, *counts = in_own_mounts(tmp_path, mount, FILL_THE_DISK).splitlines()
    assert "The disk is full: nothing was saved" in message
    assert counts == ["1", "1"]


OPEN = """
import sys
from pathlib import Path
from chatfeedback.errors import InputRefused, StorageFailed
from chatfeedback.records import FeedbackEvent
from storage.store import open_store

try:
    open_store(Path(sys.argv[1]))
except StorageFailed as error:
    print(error)
"""


def test_a_read_only_folder_is_told(folder: Path):
    mount = f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}"
    assert "cannot be opened for writing" in in_own_mounts(folder, mount, OPEN)


def test_a_first_start_on_a_full_disk_is_told_and_finished_when_there_is_room(tmp_path: Path):
    mount = f"mount -t tmpfs -o size=32k none {tmp_path}"
    grow = f'import os; os.system("mount -o remount,size=2M {tmp_path}")\n'
    told = in_own_mounts(tmp_path, mount, OPEN + grow + OPEN)
    assert told.count("Check the disk and its free space") == 1


# --- migrations and backups -----------------------------------------------------------------------


def add_note(db: Database) -> None:
    db.executescript(
        "CREATE TABLE note (id INTEGER PRIMARY KEY) STRICT; INSERT INTO note VALUES (7);"
    )


def fail_half_way(db: Database) -> None:
    add_note(db)
    db.execute("INSERT INTO note VALUES (7)")


def facts(path: Path) -> list[tuple[str, int]]:
    """How many rows every table of a database has."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM pragma_table_list")]
        return [
            (name, connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
            for name in sorted(names)
            if not name.lstrip("_").startswith("sqlite_")
        ]


def test_a_migration_keeps_every_fact_and_backs_up_the_old_schema_first(folder: Path):
    before = facts(folder / FILE)
    DatabaseFile(folder, later_release(add_note)).close()
    assert facts(folder / FILE) == sorted([*before, ("note", 1)])
    (backup,) = backups(folder / "backups")
    assert facts(backup) == before
    assert not backup.with_name(backup.name + "-wal").exists()
    newer = f"newer chatfeedback (schema {SCHEMA + 1}; this one knows up to {SCHEMA})"
    assert newer in refusal(folder)


def test_feedback_of_the_first_release_is_carried_over_whole(tmp_path: Path):
    """Every event with its undo, and what each run learned from, though the table is made anew."""
    DatabaseFile(tmp_path, released_up_to("m001_facts")).close()
    seed_first_release(tmp_path / FILE)
    store = open_store(tmp_path)
    me = store.ensure_person("me").person_id

    assert [(each.event.kind, each.undone) for each in store.feedback(me)] == [
        ("thumb", True),
        ("undo", False),
    ]
    assert store.evidence(me, "run-1") == [1]
    assert store.complaints() == []
    with pytest.raises(InputRefused, match="undone already"):
        store.add_feedback(me, undo(1))
    assert store.add_feedback(me, FeedbackEvent("new", "rating", reply_id=1, value=5))[0] == 3
    store.close()


def seed_first_release(path: Path) -> None:
    """A thumb that was undone, and a run that learned from it, as the first schema held them."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            """
            INSERT INTO person VALUES (1, 'me', '');
            INSERT INTO conversation VALUES (1, 1, 'Eggs', 1, 0, '', '');
            INSERT INTO message VALUES (1, 1, 1, 'm', 'How?', NULL, 0, '');
            INSERT INTO reply (id, person_id, message_id, state, was_shown, base_key,
                adapter_scale, sampling, seed, candidates, created_at_utc)
            VALUES (1, 1, 1, 'done', 1, 'b', 1.0, '{}', 1, 1, '');
            INSERT INTO feedback VALUES (1, 1, 'a', 'thumb', 1, NULL, NULL, 1, NULL, NULL, '');
            INSERT INTO feedback VALUES (2, 1, 'b', 'undo', NULL, NULL, NULL, NULL, NULL, 1, '');
            INSERT INTO learning_run (run_id, person_id, state, method, reason, settings, seed,
                data_hash, clicks, attempts, instance_id, started_at_utc, ended_at_utc)
            VALUES ('run-1', 1, 'stopped', 'dpo', '', '{}', 1, '', 1, 1, 'x', '', '');
            INSERT INTO run_feedback VALUES ('run-1', 1, 1);
            """
        )


def test_a_backup_opens_as_a_data_folder_of_its_own(folder: Path, tmp_path: Path):
    DatabaseFile(folder, later_release(add_note)).close()
    (backup,) = backups(folder / "backups")
    (tmp_path / "restored").mkdir()
    shutil.copy(backup, tmp_path / "restored" / FILE)
    store = open_store(tmp_path / "restored")
    assert len(store.feedback(store.people()[0].person_id)) == 20
    store.close()


def test_a_failed_migration_leaves_the_old_schema(folder: Path):
    before = facts(folder / FILE)
    with pytest.raises(Exception, match="UNIQUE"):
        DatabaseFile(folder, later_release(fail_half_way))
    assert facts(folder / FILE) == before
    open_store(folder).close()


def test_opening_again_migrates_and_backs_up_nothing(folder: Path):
    open_store(folder).close()
    assert not (folder / "backups").exists()


def test_a_migration_waits_for_a_backup_that_works(folder: Path):
    (folder / "backups").write_text("no folder")
    before = facts(folder / FILE)
    with pytest.raises(StorageFailed, match="nothing was changed"):
        DatabaseFile(folder, later_release(add_note))
    assert facts(folder / FILE) == before


def test_the_newest_backups_are_kept_and_leftovers_swept(folder: Path):
    backup_folder = folder / "backups"
    with closing(sqlite3.connect(folder / FILE)) as source:
        made = [back_up(source, backup_folder, "daily")]
        (backup_folder / "cut-off.partial").write_bytes(b"half")
        made += [back_up(source, backup_folder, "daily") for _ in range(KEPT)]
    assert sorted(backup_folder.iterdir()) == made[1:]


def test_a_backup_made_after_the_clock_was_put_back_is_the_newest(folder: Path):
    backup_folder = folder / "backups"
    backup_folder.mkdir(exist_ok=True)
    for number in range(KEPT):
        (backup_folder / f"2099010{number + 1}T000000000000Z-daily.db").write_bytes(b"")
    with closing(sqlite3.connect(folder / FILE)) as source:
        made = [back_up(source, backup_folder, "daily") for _ in range(2)]
    assert [each.name for each in list_backups(backup_folder)][:2] == [made[1].name, made[0].name]
    assert newest_backup(backup_folder) == made[1]


def test_a_copy_under_a_name_of_its_own_is_nobodys_to_sweep(folder: Path):
    backup_folder = folder / "backups"
    with closing(sqlite3.connect(folder / FILE)) as source:
        kept = back_up(source, backup_folder, "daily").rename(backup_folder / "2024 as it was.db")
        made = [back_up(source, backup_folder, "daily") for _ in range(KEPT + 1)]
    assert sorted(backup_folder.iterdir()) == sorted([kept, *made[1:]])
    assert newest_backup(backup_folder) == made[-1]


# --- size -----------------------------------------------------------------------------------------


def seed_long_history(store: Store, me: int) -> int:
    """10 000 answered messages in one conversation, and 1 000 conversations, written as rows."""
    chat = store.add_conversation(me, "a long one")
    with store._database.write() as db:
        db.conn.executemany(
            "INSERT INTO message (person_id, conversation_id, client_id, text, created_at_utc)"
            " VALUES (?, ?, ?, ?, '')",
            [(me, chat, f"m{number}", "How? " * 20) for number in range(10_000)],
        )
        db.execute(
            """
            INSERT INTO reply (person_id, message_id, state, was_shown, text, base_key,
                adapter_scale, sampling, seed, candidates, created_at_utc)
            SELECT person_id, id, 'done', 1, text || text, 'b', 1.0, '{}', 1, 1, '' FROM message
            """
        )
        db.execute(
            "UPDATE message SET shown_reply_id ="
            " (SELECT id FROM reply WHERE message_id = message.id)"
        )
        db.conn.executemany(
            "INSERT INTO conversation (person_id, title, recency, created_at_utc, updated_at_utc)"
            " VALUES (?, 'short', ?, '', '')",
            [(me, recency) for recency in range(2, 1_002)],
        )
    return chat


def instructions(store: Store, act: Callable[[], object]) -> int:
    """Thousands of steps SQLite's machine takes for a read: work that no busy computer blurs."""
    ticks = itertools.count()
    with store._database.read() as reader:
        reader.conn.set_progress_handler(lambda: next(ticks) and 0, 1000)
    act()
    return next(ticks)


def test_the_last_messages_of_a_very_long_conversation_are_read_alone(tmp_path: Path):
    store = open_store(tmp_path)
    me = store.ensure_person("me").person_id
    chat = seed_long_history(store, me)
    assert len(store.exchanges(me, chat)) == 50
    assert instructions(store, lambda: store.exchanges(me, chat)) <= 10
    assert instructions(store, lambda: store.conversations(me)) <= 10
    message_id, _ = store.add_message(me, chat, "One more?", client_id())
    assert store.exchanges(me, chat)[-1].message_id == message_id
    store.close()


def test_a_run_may_learn_from_very_many_events(tmp_path: Path):
    store = open_store(tmp_path)
    me = store.ensure_person("me").person_id
    _, reply_id = ask(store, me, store.add_conversation(me, "chat"))
    with store._database.write() as db:
        db.conn.executemany(
            "INSERT INTO feedback (person_id, client_id, kind, reply_id, value, created_at_utc)"
            " VALUES (?, ?, 'thumb', ?, 1, '')",
            [(me, f"f{number}", reply_id) for number in range(40_000)],
        )
    ids = tuple(range(1, 40_001))
    start_run(store, me, "run-1", ids)
    assert store.evidence(me, "run-1") == list(ids)
    assert store.thumbs(me, range(1, 40_001)) == {reply_id: 1}
    store.close()
