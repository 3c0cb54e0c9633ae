"""Named places where a crash test may end the process, as a power cut would.

`point(name)` does nothing unless the environment variable CHATFEEDBACK_FAULT holds that name;
then the process ends at once, with no clean-up: what `kill -9` at that very line would do.
"""

from __future__ import annotations

import os

VARIABLE = "CHATFEEDBACK_FAULT"
KILLED = 137  # the exit code a shell reports for SIGKILL

POINTS = (
    "adapter.half_staged",  # weights written, manifest not yet
    "adapter.staged",  # staging folder complete, not yet durable
    "adapter.before_rename",  # staging folder durable, final name not taken
    "adapter.after_rename",  # final name taken, parent folder not yet durable
    "adapter.published",  # folder durable, nobody told yet
    "storage.before_commit",
    "storage.after_commit",
    "storage.before_migration",
    "storage.in_migration",
    "storage.before_migration_commit",
    "storage.after_migration_commit",
    "storage.before_backup_verify",
    "storage.before_backup_rename",
    "storage.after_backup_rename",
)


def point(name: str) -> None:
    """End the process here if CHATFEEDBACK_FAULT names this point."""
    assert name in POINTS, f"Unknown fault point {name!r}; add it to faults.POINTS."
    if os.environ.get(VARIABLE) == name:
        os._exit(KILLED)
