"""Delete everything a person left behind: the database, its backups, learned weights, the logs.

What stays is what nobody said: models, and what is known of the base model's own replies.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from chatfeedback.errors import InputRefused, StorageFailed
from chatfeedback.protocols import Store

CONFIRMATION = "delete"
"""What is typed to confirm; there is no way back."""

LEARNED = "adapters"
LOGS = "logs"


def check_confirmed(typed: str) -> None:
    """InputRefused unless the word was typed."""
    if typed.strip().casefold() != CONFIRMATION:
        raise InputRefused(
            f"Nothing was deleted: type “{CONFIRMATION}” to confirm; you typed {typed[:40]!r}."
        )


def erase_everything(store: Store, base_keys: Sequence[str]) -> None:
    """The facts first, in one transaction, so that nothing names what is deleted after them.

    Args:
        base_keys: the bases whose calibration is kept, since it takes long and holds nothing that
            anybody said.

    Raises:
        StorageFailed: a file could not be deleted; it is named. What was deleted stays deleted.
    """
    known = {key: store.load_basis(key) for key in base_keys}
    store.erase()
    for key, blob in known.items():
        if blob is not None:
            store.save_basis(key, blob)
    delete_folder(store.folder / LEARNED)
    for log in sorted((store.folder / LOGS).glob("*")):
        log.write_bytes(b"")  # emptied: the app still writes to the newest


def delete_folder(folder: Path) -> None:
    """A folder with all that is in it, if it is there."""
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageFailed(
            f"{error.filename or folder} could not be deleted ({error.strerror}). The database is "
            "empty already; close the app and delete the file by hand."
        ) from error
