"""Adapter versions: which exist, which one serves. Their weights lie in write-once folders that
are complete before they are named here. Every function runs in its caller's transaction."""

from __future__ import annotations

import json
from pathlib import Path

from sqlite_utils import Database

from chatfeedback.errors import InputRefused
from chatfeedback.records import AdapterVersion, GateReport, LearnResult, RunState
from storage.learning import close_run, find_run, require_open
from storage.rows import Row, fetch, fetch_one, insert, pack_report, unpack_report, utc_now


def add_adapter(
    db: Database,
    data_folder: Path,
    person_id: int,
    run_id: str,
    base_key: str,
    result: LearnResult,
    parent: str | None,
) -> AdapterVersion:
    """A version in state "staged", numbered after the person's last one."""
    require_open(db, person_id, run_id)
    last = fetch(db, "SELECT max(number) AS number FROM adapter WHERE person_id = ?", person_id)[0][
        "number"
    ]
    record = {
        "adapter_id": result.adapter_id,
        "person_id": person_id,
        "number": (last or 0) + 1,
        "run_id": run_id,
        "parent": parent,
        "base_key": base_key,
        "folder": folder_to_store(data_folder, result.folder),
        "manifest_hash": result.manifest_hash,
        "state": "staged",
        "training": json.dumps(
            {
                "steps": result.steps,
                "stop_reason": result.stop_reason,
                "kl_nats": result.kl_nats,
                "seconds": result.seconds,
                "metrics": result.metrics,
            }
        ),
        "created_at_utc": utc_now(),
    }
    insert(db, "adapter", record)
    return version_from(find_adapter(db, person_id, result.adapter_id), data_folder)


def promote_adapter(
    db: Database, data_folder: Path, person_id: int, adapter_id: str, report: GateReport | None
) -> AdapterVersion:
    """It serves from now on; the one before is retired; its run, if it goes on, ends."""
    row = find_adapter(db, person_id, adapter_id)
    if row["state"] == "rejected":
        raise InputRefused(
            f"Version {row['number']} was rejected, so it cannot serve. Choose another version."
        )
    serve_base(db, person_id, row["base_key"])
    set_state(db, row, "serving", report)
    end_its_run(db, row, "promoted", report)
    return version_from(find_adapter(db, person_id, adapter_id), data_folder)


def reject_adapter(db: Database, person_id: int, adapter_id: str, report: GateReport) -> None:
    """The gate's no: it never serves, and its run ends."""
    row = find_adapter(db, person_id, adapter_id)
    if row["state"] != "staged":
        raise InputRefused(
            f"Version {row['number']} is {row['state']}; only a staged one can be rejected."
        )
    set_state(db, row, "rejected", report)
    end_its_run(db, row, "rejected", report)


def serve_base(db: Database, person_id: int, base_key: str) -> None:
    """No version serves: replies come from the base model."""
    db.execute(
        """
        UPDATE adapter SET state = 'retired'
        WHERE person_id = ? AND base_key = ? AND state = 'serving'
        """,
        [person_id, base_key],
    )


def set_state(db: Database, row: Row, state: str, report: GateReport | None) -> None:
    """A version's new state, and its report where there is a new one."""
    db.execute(
        """
        UPDATE adapter SET state = ?, report = coalesce(?, report)
        WHERE adapter_id = ? AND person_id = ?
        """,
        [state, pack_report(report) if report else None, row["adapter_id"], row["person_id"]],
    )


def end_its_run(db: Database, row: Row, state: RunState, report: GateReport | None) -> None:
    """End the run that made a version, unless it has ended before (a roll back)."""
    if find_run(db, row["person_id"], row["run_id"])["state"] in ("queued", "running"):
        outcome = " ".join(report.reasons) if report else ""
        close_run(db, row["person_id"], row["run_id"], state, outcome)


def versions(db: Database, data_folder: Path, person_id: int) -> list[AdapterVersion]:
    """Newest first."""
    rows = fetch(db, "SELECT * FROM adapter WHERE person_id = ? ORDER BY id DESC", person_id)
    return [version_from(row, data_folder) for row in rows]


def serving(
    db: Database, data_folder: Path, person_id: int, base_key: str
) -> AdapterVersion | None:
    """The version that answers this person on this base; None: the base itself."""
    rows = fetch(
        db,
        "SELECT * FROM adapter WHERE person_id = ? AND base_key = ? AND state = 'serving'",
        person_id,
        base_key,
    )
    return version_from(rows[0], data_folder) if rows else None


def version_from(row: Row, data_folder: Path) -> AdapterVersion:
    """The record of a row of adapter."""
    return AdapterVersion(
        adapter_id=row["adapter_id"],
        person_id=row["person_id"],
        parent=row["parent"],
        base_key=row["base_key"],
        folder=str(data_folder / row["folder"]),
        manifest_hash=row["manifest_hash"],
        state=row["state"],
        number=row["number"],
        report=unpack_report(row["report"]),
        created_at_utc=row["created_at_utc"],
    )


def folder_to_store(data_folder: Path, folder: str) -> str:
    """Relative to the data folder where it lies below that, so that the data can be moved."""
    path = Path(folder)
    return path.relative_to(data_folder).as_posix() if path.is_relative_to(data_folder) else folder


def find_adapter(db: Database, person_id: int, adapter_id: str) -> Row:
    """This person's version; NotFound if there is none."""
    return fetch_one(
        db,
        f"There is no version {adapter_id!r}. Choose one from the list.",
        "SELECT * FROM adapter WHERE adapter_id = ? AND person_id = ?",
        adapter_id,
        person_id,
    )
