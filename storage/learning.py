"""Reward models, learning runs and their metrics. Every function runs in its caller's
transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlite_utils import Database

from chatfeedback.errors import InputRefused
from chatfeedback.records import LearningRun, RunState
from storage.rows import Row, fetch, fetch_one, insert, utc_now

MAX_ATTEMPTS = 2
RUNS = """
SELECT learning_run.*,
    (SELECT coalesce(max(step), 0) FROM run_metric AS metric
     WHERE metric.run_id = learning_run.run_id) AS steps,
    (SELECT adapter_id FROM adapter
     WHERE adapter.run_id = learning_run.run_id ORDER BY id DESC LIMIT 1) AS adapter_id
FROM learning_run
"""


def save_reward(
    db: Database, person_id: int, base_key: str, last_feedback_id: int, blob: bytes
) -> None:
    """Keep the reward model; one that knows less never replaces one that knows more."""
    db.execute(
        """
        INSERT INTO reward_model VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET last_feedback_id = excluded.last_feedback_id,
            blob = excluded.blob, updated_at_utc = excluded.updated_at_utc
        WHERE excluded.last_feedback_id >= reward_model.last_feedback_id
        """,
        [person_id, base_key, last_feedback_id, blob, utc_now()],
    )


def load_reward(db: Database, person_id: int, base_key: str) -> tuple[int, bytes] | None:
    """(id of the last feedback in it, the model), if there is one."""
    rows = fetch(
        db,
        "SELECT last_feedback_id, blob FROM reward_model WHERE person_id = ? AND base_key = ?",
        person_id,
        base_key,
    )
    return (rows[0]["last_feedback_id"], rows[0]["blob"]) if rows else None


def save_basis(db: Database, base_key: str, blob: bytes) -> None:
    """A new version of the basis; the earlier ones stay as they were."""
    insert(db, "reward_basis", {"base_key": base_key, "blob": blob, "created_at_utc": utc_now()})


def load_basis(db: Database, base_key: str) -> bytes | None:
    """The newest basis, if there is one."""
    rows = fetch(
        db, "SELECT blob FROM reward_basis WHERE base_key = ? ORDER BY id DESC LIMIT 1", base_key
    )
    return rows[0]["blob"] if rows else None


def save_prior(db: Database, person_id: int, base_key: str, blob: bytes) -> None:
    """A new version of what is believed of a person before any reaction; earlier ones stay."""
    record = {"person_id": person_id, "base_key": base_key, "blob": blob}
    insert(db, "reward_prior", record | {"created_at_utc": utc_now()})


def load_prior(db: Database, person_id: int, base_key: str) -> bytes | None:
    """The newest prior of a person on this base, if there is one."""
    rows = fetch(
        db,
        """
        SELECT blob FROM reward_prior WHERE person_id = ? AND base_key = ?
        ORDER BY id DESC LIMIT 1
        """,
        person_id,
        base_key,
    )
    return rows[0]["blob"] if rows else None


def add_run(
    db: Database,
    person_id: int,
    instance_id: str,
    *,
    run_id: str,
    method: str,
    reason: str,
    settings_json: str,
    seed: int,
    data_hash: str,
    clicks: int,
    feedback_ids: Sequence[int],
) -> None:
    """A run that starts now, and the feedback it learns from."""
    record = {
        "run_id": run_id,
        "person_id": person_id,
        "state": "running",
        "method": method,
        "reason": reason,
        "settings": settings_json,
        "seed": seed,
        "data_hash": data_hash,
        "clicks": clicks,
        "attempts": 1,
        "instance_id": instance_id,
        "started_at_utc": utc_now(),
    }
    insert(db, "learning_run", record)
    db.conn.executemany(
        "INSERT INTO run_feedback (run_id, feedback_id, person_id) VALUES (?, ?, ?)",
        [(run_id, feedback_id, person_id) for feedback_id in feedback_ids],
    )


def evidence(db: Database, person_id: int, run_id: str) -> list[int]:
    """The feedback ids a run learned from, in order of arrival."""
    find_run(db, person_id, run_id)
    rows = fetch(
        db,
        "SELECT feedback_id FROM run_feedback WHERE run_id = ? ORDER BY feedback_id",
        run_id,
    )
    return [row["feedback_id"] for row in rows]


def add_metric(
    db: Database, person_id: int, run_id: str, step: int, metrics: dict[str, float]
) -> None:
    """What one optimiser step measured: a requeued run is running again from its first step on."""
    require_open(db, person_id, run_id)
    db.execute(
        "INSERT OR REPLACE INTO run_metric VALUES (?, ?, ?)", [run_id, step, json.dumps(metrics)]
    )
    begin_run(db, person_id, run_id)


def begin_run(db: Database, person_id: int, run_id: str) -> None:
    """A queued run is under way from now on."""
    db.execute(
        """
        UPDATE learning_run SET state = 'running'
        WHERE run_id = ? AND person_id = ? AND state = 'queued'
        """,
        [run_id, person_id],
    )


def hand_over(db: Database, instance_id: str) -> None:
    """What an app that ends well has under way is no attempt: the next app goes on with it."""
    db.execute(
        "UPDATE learning_run SET state = 'queued' WHERE state = 'running' AND instance_id = ?",
        [instance_id],
    )


def run_metrics(db: Database, person_id: int, run_id: str) -> list[dict[str, float]]:
    """The metrics of a run, step by step; each has its "step" among them."""
    find_run(db, person_id, run_id)
    rows = fetch(db, "SELECT step, metrics FROM run_metric WHERE run_id = ? ORDER BY step", run_id)
    return [{"step": row["step"], **json.loads(row["metrics"])} for row in rows]


def end_run(db: Database, person_id: int, run_id: str, state: RunState, outcome: str) -> None:
    """A run ends once; the same end again only words it differently."""
    if state in ("queued", "running"):
        raise InputRefused(f"A run cannot end as {state!r}.")
    if find_run(db, person_id, run_id)["state"] != state:
        require_open(db, person_id, run_id)
    close_run(db, person_id, run_id, state, outcome)


def close_run(db: Database, person_id: int, run_id: str, state: RunState, outcome: str) -> None:
    """Write how a run ended. A version it leaves unjudged will never serve."""
    db.execute(
        """
        UPDATE learning_run SET state = ?, outcome = ?, ended_at_utc = coalesce(ended_at_utc, ?)
        WHERE run_id = ? AND person_id = ?
        """,
        [state, outcome, utc_now(), run_id, person_id],
    )
    db.execute(
        """
        UPDATE adapter SET state = 'rejected'
        WHERE run_id = ? AND person_id = ? AND state = 'staged'
        """,
        [run_id, person_id],
    )


def runs(db: Database, person_id: int, limit: int) -> list[LearningRun]:
    """Newest first."""
    rows = fetch(db, f"{RUNS} WHERE person_id = ? ORDER BY id DESC LIMIT ?", person_id, limit)
    return [run_from(row) for row in rows]


def requeue_orphans(db: Database, instance_id: str) -> list[LearningRun]:
    """Runs that another instance left unfinished: this one takes them up from their beginning,
    or they have failed after two attempts. One that only waited, however many apps long, or whose
    app was closed, has not tried.

    Only one app runs on a data folder, so another instance is a dead one, whatever the clock
    says. Versions it staged were never judged; they are forgotten with the steps before them.
    """
    orphans = "state IN ('queued', 'running') AND instance_id <> ?"
    orphan_ids = f"SELECT run_id FROM learning_run WHERE {orphans}"
    db.execute(
        f"DELETE FROM adapter WHERE state = 'staged' AND run_id IN ({orphan_ids})", [instance_id]
    )
    db.execute(
        f"""
        UPDATE learning_run SET state = 'failed', ended_at_utc = ?,
            outcome = 'The app ended during this run, twice. Nothing was changed.'
        WHERE {orphans} AND state = 'running' AND attempts >= ?
        """,
        [utc_now(), instance_id, MAX_ATTEMPTS],
    )
    db.execute(f"DELETE FROM run_metric WHERE run_id IN ({orphan_ids})", [instance_id])
    db.execute(
        f"""
        UPDATE learning_run SET state = 'queued', attempts = attempts + (state = 'running'),
            instance_id = ?
        WHERE {orphans}
        """,
        [instance_id, instance_id],
    )
    return [run_from(row) for row in fetch(db, f"{RUNS} WHERE state = 'queued' ORDER BY id")]


def require_open(db: Database, person_id: int, run_id: str) -> None:
    """What has ended takes no more steps, versions or ends."""
    state = find_run(db, person_id, run_id)["state"]
    if state not in ("queued", "running"):
        raise InputRefused(f"Run {run_id} has ended already, as {state!r}.")


def run_from(row: Row) -> LearningRun:
    """The record of a row of RUNS."""
    return LearningRun(
        run_id=row["run_id"],
        person_id=row["person_id"],
        state=row["state"],
        method=row["method"],
        reason=row["reason"],
        outcome=row["outcome"],
        steps=row["steps"],
        adapter_id=row["adapter_id"],
        settings_json=row["settings"],
        seed=row["seed"],
        data_hash=row["data_hash"],
        clicks=row["clicks"],
        attempts=row["attempts"],
        started_at_utc=row["started_at_utc"],
        ended_at_utc=row["ended_at_utc"],
    )


def find_run(db: Database, person_id: int, run_id: str) -> Row:
    """This person's run; NotFound if there is none."""
    return fetch_one(
        db,
        f"There is no learning run {run_id!r}. Choose one from the list.",
        "SELECT run_id, state FROM learning_run WHERE run_id = ? AND person_id = ?",
        run_id,
        person_id,
    )
