"""kill -9 at random moments of chatting, clicking and learning: nothing acknowledged is lost."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chatfeedback.engine.adapter_files import sweep, verify
from storage.store import open_store

ROOT = Path(__file__).parents[1]


class Life:
    """One run of the app in a child process, with what it has acknowledged so far."""

    def __init__(self, folder: Path, name: str) -> None:
        self.lines: list[list[str]] = []
        self._ended = False
        self._heard = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash_child", str(folder), name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            with self._heard:
                self.lines.append(line.split())
                self._heard.notify_all()
        with self._heard:
            self._ended = True
            self._heard.notify_all()

    def wait_for(self, word: str, timeout_s: float = 120) -> str:
        """The value of the first line that begins with this word."""
        with self._heard:
            over = self._heard.wait_for(lambda: self.said(word) or self._ended, timeout_s)
            assert over, f"no {word!r} within {timeout_s} s; heard {self.lines[-5:]}"
            assert self.said(word), f"the app ended before it said {word!r}"
            return self.said(word)[0]

    def wait_for_another(self, word: str, timeout_s: float = 120) -> None:
        """Until it is said once more than now."""
        with self._heard:
            before = len(self.said(word))
            assert self._heard.wait_for(lambda: len(self.said(word)) > before, timeout_s)

    def wait_a_moment(self, seconds: float) -> None:
        """Until the app has ended, or so many seconds have passed."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def said(self, word: str) -> list[str]:
        return [line[1] for line in self.lines if line[0] == word]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._listener.join(10)
        self.process.stdout.close()


def check(folder: Path, acknowledged: list[str]) -> None:
    """The database is sound, every click is there once, and what serves verifies."""
    store = open_store(folder)
    try:
        store.recover()
        [me] = [person.person_id for person in store.people()]
        known = [stored.event.client_id for stored in store.feedback(me)]
        assert len(known) == len(set(known))
        assert set(acknowledged) <= set(known)
        versions = store.versions(me)
        sweep(folder / "adapters", {version.adapter_id for version in versions})
        for version in versions:
            if version.state == "serving":
                assert verify(Path(version.folder)) == version.manifest_hash
        assert not any(run.state == "running" for run in store.runs(me))
    finally:
        store.close()


def kill_at_random_moments(folder: Path, count: int) -> None:
    rng = random.Random(0)
    acknowledged: list[str] = []
    for number in range(count):
        life = Life(folder, f"life{number}")
        try:
            engine_pid = int(life.wait_for("engine"))
            life.wait_a_moment(rng.uniform(0.0, 6.0))
            if number % 3 == 2:  # the engine dies: the app goes on, and clicks again
                os.kill(engine_pid, signal.SIGKILL)
                life.wait_for_another("click")
        finally:
            life.kill()
        acknowledged += life.said("click")
        check(folder, acknowledged)
    assert acknowledged


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a signal")
def test_nothing_acknowledged_is_lost_when_app_or_engine_are_killed(tmp_path):
    kill_at_random_moments(tmp_path, 3)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a signal")
def test_nothing_acknowledged_is_lost_in_fifty_kills(tmp_path):
    kill_at_random_moments(tmp_path, 50)
