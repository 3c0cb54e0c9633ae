"""One app a data folder: an operating-system lock that ends with its process, however it ends.

The lock file also says where the running app listens, and the token with which commands may ask
it to act. Only the owner can read it. The lock is not inherited by child processes.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from chatfeedback.errors import DataFolderBusy

FILE = "lock"
SECRET = "secret"


@dataclass(frozen=True)
class Running:
    """The process that holds a data folder; `url` and `token` are empty if it serves no page."""

    pid: int
    port: int = 0
    url: str = ""
    token: str = ""


class FolderLock:
    """Held from `acquire` until `release` or the end of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Take the folder for this process; DataFolderBusy if another one has it."""
        path = folder / FILE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            holder = read_running(folder)
            pid = f"process {holder.pid}" if holder else "another process"
            raise DataFolderBusy(
                f"The data folder {folder} is in use by {pid}. "
                "Close that first, or choose another folder with --data."
            ) from error
        lock = cls(path, descriptor)
        lock.publish(Running(os.getpid()))
        return lock

    def publish(self, running: Running) -> None:
        """Write down where this process can be reached."""
        text = json.dumps(asdict(running)).encode()
        if hasattr(os, "fchmod"):
            os.fchmod(self._descriptor, 0o600)
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, text)

    def release(self) -> None:
        """Let the next process have the folder. The file stays: removing it would race."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def read_running(folder: Path) -> Running | None:
    """What the lock file says; None when there is nothing to read (nobody, or just starting)."""
    try:
        return Running(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def read_secret(folder: Path) -> str:
    """The installation's secret, made at the first start; call with the lock held.

    It outlives the app, so that a browser that was let in once stays in after a restart.
    """
    path = folder / SECRET
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    if len(secret := path.read_text(encoding="ascii").strip()) < 32:
        path.unlink()  # cut short by a full disk
        return read_secret(folder)
    return secret


# Windows locks bytes, and nobody else can read a locked byte: lock one far behind the text.
_LOCKED_BYTE = 1 << 30

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
