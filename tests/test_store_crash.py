"""kill -9 of the app: nothing acknowledged is lost, nothing is stored twice, no half schema."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from store_crash_child import NEXT_SCHEMA, take_turn
from store_samples import ask, thumb

from chatfeedback.errors import StorageFailed
from chatfeedback.faults import KILLED, POINTS
from chatfeedback.household import Household
from storage.backup import backups
from storage.database import FILE, DatabaseFile
from storage.store import Store, open_store

TESTS = Path(__file__).parent
COMMIT_POINTS = ["storage.before_commit", "storage.after_commit"]
CREATE_POINTS = [name for name in POINTS if name.startswith("storage.") and "migration" in name]
BACKUP_POINTS = [name for name in POINTS if name.startswith("storage.") and "backup" in name]
UPGRADE_POINTS = BACKUP_POINTS + CREATE_POINTS


@contextmanager
def child(act: str, folder: Path, argument: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that does one thing of store_crash_child.py."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    command = [sys.executable, str(TESTS / "store_crash_child.py"), act, str(folder), argument]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def run_to_the_fault(act: str, folder: Path, fault: str) -> list[str]:
    """Run until the fault ends the process; what it had acknowledged by then."""
    with child(act, folder, fault) as process:
        acknowledged, _ = process.communicate(timeout=60)
        assert process.returncode == KILLED, "the fault point was not reached"
        return acknowledged.split()


def chat_until_killed(folder: Path, first: int, rng: random.Random) -> list[str]:
    """Let the child chat, kill it at a random moment; what it had acknowledged by then."""
    with child("chat", folder, str(first)) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip()]  # it is under way
        with pytest.raises(subprocess.TimeoutExpired):  # it goes on until it is killed
            process.wait(timeout=rng.uniform(0, 0.1))
        process.kill()
        return acknowledged + process.stdout.read().split()


def stored_ids(store: Store) -> Counter[str]:
    """How often each client id is in the database."""
    with store._database.read() as db:
        both = "SELECT client_id FROM message UNION ALL SELECT client_id FROM feedback"
        return Counter(row["client_id"] for row in db.query(both))


def assert_sound(folder: Path) -> None:
    """What SQLite itself says of the closed file."""
    with closing(sqlite3.connect(folder / FILE)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        cut_off = "SELECT count(*) FROM reply WHERE state = 'streaming'"
        assert raw.execute(cut_off).fetchone() == (0,)


def kill_while_chatting(folder: Path, times: int) -> None:
    rng = random.Random(times)
    acknowledged: set[str] = set()
    last = 1
    for _ in range(times):
        acknowledged.update(chat_until_killed(folder, last, rng))
        store = open_store(folder)
        store.recover()
        stored = stored_ids(store)
        store.close()
        assert acknowledged <= set(stored)
        assert set(stored.values()) == {1}
        assert_sound(folder)
        last = max(int(client_id.split("-")[1]) for client_id in acknowledged)
    # Everything was sent again until it was acknowledged, so no turn is missing either.
    assert {f"click-{number}" for number in range(1, last)} <= acknowledged
    assert {f"click-{number}" for number in range(1, last)} <= set(stored)


def test_what_was_acknowledged_survives_ten_kills(tmp_path: Path):
    kill_while_chatting(tmp_path, 10)


@pytest.mark.slow
def test_what_was_acknowledged_survives_fifty_kills(tmp_path: Path):
    kill_while_chatting(tmp_path, 50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a chat and some feedback in it, closed."""
    store = open_store(tmp_path / "data")
    me = store.ensure_person("me").person_id
    _, reply_id = ask(store, me, store.add_conversation(me, "chat"))
    for _ in range(3):
        store.add_feedback(me, thumb(reply_id))
    store.close()
    return store.folder


def test_every_storage_fault_point_is_tried():
    tried = {*COMMIT_POINTS, *UPGRADE_POINTS, *CREATE_POINTS}
    assert tried == {name for name in POINTS if name.startswith("storage.")}


@pytest.mark.parametrize("fault", COMMIT_POINTS)
def test_a_kill_around_a_commit_stores_all_or_nothing_and_never_twice(folder: Path, fault: str):
    acknowledged = run_to_the_fault("take_one_turn", folder, fault)
    store = open_store(folder)
    me = store.people()[0].person_id
    assert acknowledged == []
    assert stored_ids(store)["message-1"] == (1 if fault == "storage.after_commit" else 0)
    for _ in range(2):
        take_turn(store, me, store.conversations(me)[0].conversation_id, 1)
    assert stored_ids(store)["message-1"] == stored_ids(store)["click-1"] == 1
    store.close()
    assert_sound(folder)


@pytest.mark.parametrize("fault", COMMIT_POINTS)
def test_a_kill_while_the_team_is_made_leaves_a_team_or_none(folder: Path, fault: str):
    store = open_store(folder)
    store.ensure_person("Ada")
    store.close()
    run_to_the_fault("act_together", folder, fault)
    store = open_store(folder)
    household = Household(store)
    assert [each.name for each in household.members()] == ["me", "Ada"]
    assert household.act_together() == store.people()[-1] == household.team()
    assert len(store.people()) == 3
    store.close()


@pytest.mark.parametrize("fault", UPGRADE_POINTS)
def test_a_kill_during_an_upgrade_leaves_the_old_schema_or_the_new_one(folder: Path, fault: str):
    run_to_the_fault("upgrade", folder, fault)
    assert_sound(folder)
    assert_backups_are_whole(folder)
    if fault == "storage.after_migration_commit":
        with pytest.raises(StorageFailed, match="newer"):
            open_store(folder)
    else:
        store = open_store(folder)
        assert len(store.feedback(store.people()[0].person_id)) == 3
        store.close()


@pytest.mark.parametrize("fault", UPGRADE_POINTS)
def test_an_upgrade_that_was_killed_is_finished_by_the_next_start(folder: Path, fault: str):
    run_to_the_fault("upgrade", folder, fault)
    upgraded = DatabaseFile(folder, NEXT_SCHEMA)
    with upgraded.read() as db:
        notes = [row["text"] for row in db.query("SELECT text FROM note")]
        assert (notes, db["feedback"].count) == (["made by the migration"], 3)
    upgraded.close()
    assert_backups_are_whole(folder)
    assert all(path.suffix == ".db" for path in (folder / "backups").iterdir())


def assert_backups_are_whole(folder: Path) -> None:
    """Every file that bears a backup's name holds everything."""
    for backup in backups(folder / "backups"):
        with closing(sqlite3.connect(backup)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert copy.execute("SELECT count(*) FROM feedback").fetchone() == (3,)


@pytest.mark.parametrize("fault", CREATE_POINTS)
def test_a_kill_during_the_first_start_is_forgotten_by_the_next(tmp_path: Path, fault: str):
    run_to_the_fault("create", tmp_path, fault)
    store = open_store(tmp_path)
    assert store.people() == []
    store.close()
    assert_sound(tmp_path)
