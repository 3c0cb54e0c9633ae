"""One app a data folder, and what its lock file tells other programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatfeedback.errors import DataFolderBusy
from chatfeedback.lock import FILE, FolderLock, Running, read_running, read_secret

HOLD = """
import sys
from pathlib import Path
from chatfeedback.lock import FolderLock
lock = FolderLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""
HOLD_AND_LEAVE_A_CHILD = """
import subprocess, sys
from pathlib import Path
from chatfeedback.lock import FolderLock
lock = FolderLock.acquire(Path(sys.argv[1]))
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=sys.stdin)
print(child.pid, flush=True)
"""


def start_holder(folder: Path, code: str = HOLD) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_holder_is_refused_and_told_who_has_the_folder(tmp_path: Path) -> None:
    with start_holder(tmp_path) as holder:
        assert read_line(holder) == "held"
        with pytest.raises(DataFolderBusy, match=f"in use by process {holder.pid}"):
            FolderLock.acquire(tmp_path)
        holder.communicate("")


def test_a_killed_holder_leaves_the_folder_free(tmp_path: Path) -> None:
    with start_holder(tmp_path) as holder:
        assert read_line(holder) == "held"
        holder.kill()
        holder.communicate()
    with FolderLock.acquire(tmp_path):
        assert read_running(tmp_path) == Running(os.getpid())


def test_a_child_process_does_not_inherit_the_lock(tmp_path: Path) -> None:
    with start_holder(tmp_path, HOLD_AND_LEAVE_A_CHILD) as holder:
        assert read_line(holder)  # the child lives on, waiting for its input
        holder.wait(timeout=30)
        with FolderLock.acquire(tmp_path):
            pass
        holder.communicate("")


def test_a_released_folder_can_be_taken_again_and_names_nobody(tmp_path: Path) -> None:
    FolderLock.acquire(tmp_path).release()
    assert read_running(tmp_path) is None
    FolderLock.acquire(tmp_path).release()


def test_the_lock_file_says_where_the_app_is(tmp_path: Path) -> None:
    app = Running(os.getpid(), 8642, "http://127.0.0.1:8642/", "a token")
    with FolderLock.acquire(tmp_path) as lock:
        lock.publish(Running(os.getpid(), 80, "http://a.much.longer.address.than.the.other/" * 9))
        lock.publish(app)
        assert read_running(tmp_path) == app


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_only_the_owner_can_read_the_lock_file_and_the_secret(tmp_path: Path) -> None:
    (tmp_path / FILE).touch(mode=0o644)
    with FolderLock.acquire(tmp_path):
        read_secret(tmp_path)
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"lock": 0o600, "secret": 0o600}


def test_the_secret_stays_the_same_and_is_made_anew_when_it_was_cut_short(tmp_path: Path) -> None:
    first = read_secret(tmp_path)
    assert read_secret(tmp_path) == first
    (tmp_path / "secret").write_text(first[:10])
    assert len(read_secret(tmp_path)) > 32


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"pid": 1, "host": 2}'])
def test_an_unreadable_lock_file_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert read_running(tmp_path) is None
