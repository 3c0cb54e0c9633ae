"""A model being fetched from the hub, as the pages see it: how far it is, and how it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from chatfeedback.errors import ChatFeedbackError, InputRefused

FETCH = (sys.executable, "-m", "chatfeedback.fetch")


@dataclass(frozen=True)
class Download:
    """One model on its way.

    done, total: bytes; 0 of 0 while the hub is asked.
    trouble: why it was not fetched; empty while it is on its way and when it is here.
    """

    name: str
    done: int = 0
    total: int = 0
    has_ended: bool = False
    trouble: str = ""
    seconds_left: float | None = None


class Downloads:
    """At most one at a time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._now: Download | None = None
        self._cancelled = False

    def state(self) -> Download | None:
        """The one under way, or the last one."""
        return self._now

    def start(self, name: str, then: Callable[[], None]) -> None:
        """Fetch a model in a process of its own; `then` is called when it is here.

        Raises:
            InputRefused: another one is on its way.
        """
        with self._lock:
            if self._now is not None and not self._now.has_ended:
                raise InputRefused(
                    f"{self._now.name} is being fetched. Wait for its end, or cancel it first."
                )
            self._now, self._cancelled = Download(name), False
            self._process = subprocess.Popen(
                [*FETCH, name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=os.environ | {"HF_HUB_OFFLINE": "0"},
            )
            follow = threading.Thread(
                target=self._follow, args=(self._process, then), name="download", daemon=True
            )
            follow.start()

    def cancel(self) -> None:
        """End the one under way; what it has fetched is kept for the next time."""
        with self._lock:
            self._cancelled = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def _follow(self, process: subprocess.Popen[str], then: Callable[[], None]) -> None:
        assert process.stdout is not None
        assert self._now is not None
        began, at_first, ended = time.monotonic(), None, None
        with process:
            for line in process.stdout:
                said = json.loads(line)
                if "ended" in said:
                    ended = str(said["ended"])
                    continue
                at_first = said["done"] if at_first is None else at_first
                left = _seconds_left(time.monotonic() - began, said["done"] - at_first, said)
                self._now = replace(
                    self._now, done=said["done"], total=said["total"], seconds_left=left
                )
        if self._cancelled:
            ended = "Cancelled; what was fetched so far is kept for the next time."
        elif ended is None:
            ended = f"Fetching {self._now.name} ended before it was done. Try again."
        elif not ended:
            ended = _trouble_of(then)
        self._now = replace(self._now, has_ended=True, trouble=ended, seconds_left=None)


def _seconds_left(elapsed: float, fetched: int, said: dict[str, int]) -> float | None:
    if fetched <= 0 or elapsed < 1:
        return None
    return elapsed * (said["total"] - said["done"]) / fetched


def _trouble_of(then: Callable[[], None]) -> str:
    try:
        then()
    except ChatFeedbackError as error:
        return str(error)
    return ""
