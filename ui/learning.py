"""The learning view: what is believed, what is being learned, which version answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chatfeedback.records import (
    AdapterVersion,
    GateReport,
    LearningRun,
    TraitBelief,
)
from chatfeedback.session import Session
from ui import text
from ui.views import Gesture, View

STRONGEST_TRAITS = 10
RECENT_RUNS = 8
CURVES = {  # metric -> its name in the picture; formulas are in docs/metrics.md
    "dpo/loss": "Loss",
    "dpo/reward_margin": "Reward margin",
    "dpo/kl_nats": "KL to the base, nats",
}


def read_status(session: Session, person_id: int) -> dict[str, Any]:
    """What the pills poll: the engine's state, learning's state, and a stamp that changes when
    the learning view would look different."""
    engine, learning = session.engine_state(), session.learning_status(person_id)
    serving = learning.serving
    shown: dict[str, Any] = {
        "engine": {
            "phase": engine.phase,
            "message": engine.message,
            "model": engine.base.name if engine.base else None,
        },
        "learning": {
            "phase": learning.phase,
            "message": learning.message,
            "step": learning.step,
            "max_steps": learning.max_steps,
            "run_id": learning.run_id,
            "clicks": learning.clicks,
            "new_clicks": learning.new_clicks,
            "clicks_until_learning": learning.clicks_until_learning,
        },
        "serving": (
            {"adapter_id": serving.adapter_id, "number": serving.number} if serving else None
        ),
    }
    stamp = (learning.phase, learning.run_id, learning.clicks, learning.last_outcome)
    serving_id = serving.adapter_id if serving else None
    shown["stamp"] = json.dumps([*stamp, serving_id, engine.phase])
    return shown


def show_learning(session: Session, person_id: int, now: datetime | None = None) -> dict[str, Any]:
    """The learning widget's value."""
    now = now or datetime.now().astimezone()
    status = session.learning_status(person_id)
    versions = session.queries.versions(person_id)
    serving = status.serving
    return {
        "headline": text.say_headline(status),
        "outcome": status.last_outcome,
        "run": {
            "busy": status.phase != "idle",
            "title": text.PHASES[status.phase],
            "message": status.message,
            "step": status.step,
            "max_steps": status.max_steps,
            "curves": show_curves(
                session, person_id, status.run_id or _newest_run(session, person_id)
            ),
        },
        "beliefs": show_beliefs(session.beliefs(person_id)),
        "versions": [show_version(each, now) for each in versions],
        "serving_base": serving is None,
        "runs": show_unpublished_runs(session.queries.runs(person_id, RECENT_RUNS), versions, now),
    }


def _newest_run(session: Session, person_id: int) -> str | None:
    runs = session.queries.runs(person_id, 1)
    return runs[0].run_id if runs else None


def show_beliefs(beliefs: Sequence[TraitBelief]) -> list[dict[str, Any]]:
    """Bars to the right of the middle for liking more of a trait, to the left for less.

    `at`, `low` and `high` are shares of half the picture's width, -1 to 1; the whisker is one
    standard deviation to either side.
    """
    strongest = sorted(beliefs, key=lambda belief: -abs(belief.probability - 0.5))
    strongest = [belief for belief in strongest if belief.sd > 0][:STRONGEST_TRAITS]
    reach = max((abs(each.weight) + each.sd for each in strongest), default=1.0) or 1.0
    return [
        {
            "more": belief.label,
            "less": text.name_less(belief),
            "at": round(belief.weight / reach, 3),
            "low": round((belief.weight - belief.sd) / reach, 3),
            "high": round((belief.weight + belief.sd) / reach, 3),
            "sure": text.say_sureness(belief),
            "likes_more": belief.probability >= 0.5,
            "sentence": text.say_belief(belief),
        }
        for belief in strongest
    ]


def show_curves(session: Session, person_id: int, run_id: str | None) -> list[dict[str, Any]]:
    """The measured curves of a run, as points in a 100 x 30 box."""
    if run_id is None:
        return []
    rows = session.queries.run_metrics(person_id, run_id)
    curves = []
    for metric, name in CURVES.items():
        values = [row[metric] for row in rows if metric in row]
        if len(values) > 1:
            curves.append(
                {"name": name, "last": f"{values[-1]:.3g}", "points": _draw_points(values)}
            )
    return curves


def _draw_points(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return " ".join(
        f"{100 * index / (len(values) - 1):.1f},{28 - 26 * (value - low) / span:.1f}"
        for index, value in enumerate(values)
    )


def show_version(version: AdapterVersion, now: datetime) -> dict[str, Any]:
    """One row of the version list, with its gate report in plain words."""
    report = version.report
    return {
        "id": version.adapter_id,
        "title": f"Version {version.number}",
        "state": version.state,
        "state_words": text.VERSION_STATES[version.state],
        "when": text.say_when(version.created_at_utc, now),
        "usable": version.state == "retired",
        "reasons": list(report.reasons) if report else [],
        "facts": show_report(report) if report else [],
        "examples": show_examples(report) if report else [],
    }


def show_report(report: GateReport) -> list[dict[str, str]]:
    """The gate's figures, each with its name and what it means."""
    rows: list[tuple[str, str, str]] = [
        ("Better for you", text.percent(report.better_probability), text.MEANS_BETTER),
        ("Finishes its answers", text.percent(report.finished_share), text.MEANS_FINISHED),
        ("Length", f"{report.length_ratio:.2f} ×", text.MEANS_LENGTH),
        ("Distance from base", f"{report.kl_nats:.1f} nats", text.MEANS_KL),
    ]
    if report.how_to_share is not None:
        rows.insert(1, ("How-tos kept", text.percent(report.how_to_share), text.MEANS_KEPT))
    if report.facts_share is not None:
        rows.insert(1, ("Facts kept", text.percent(report.facts_share), text.MEANS_KEPT))
    if report.agreement is not None:
        agreement = f"{text.percent(report.agreement)} of {report.clicks}"
        rows.insert(1, ("Foresaw your choices", agreement, text.MEANS_AGREEMENT))
    return [{"name": name, "value": value, "means": means} for name, value, means in rows]


def show_examples(report: GateReport) -> list[dict[str, str]]:
    """Before and after on the person's own prompts."""
    return [
        {"prompt": each.prompt, "before": each.before, "after": each.after}
        for each in report.examples
    ]


def show_unpublished_runs(
    runs: Sequence[LearningRun], versions: Sequence[AdapterVersion], now: datetime
) -> list[dict[str, str]]:
    """Runs that left no version behind: stopped, failed, or waiting."""
    known = {version.adapter_id for version in versions}
    return [
        {
            "when": text.say_when(run.started_at_utc, now),
            "state": run.state,
            "outcome": run.outcome or run.reason,
        }
        for run in runs
        if run.state in ("stopped", "failed", "queued") or (run.adapter_id or "") not in known
        if run.state != "running"
    ]


def show_receipt(session: Session, person_id: int, adapter_id: str) -> dict[str, Any] | None:
    """The card shown when a newly learned version starts to answer; None when it does not."""
    versions = {version.adapter_id: version for version in session.queries.versions(person_id)}
    version = versions.get(adapter_id)
    if version is None or version.state != "serving" or version.report is None:
        return None
    if version.number != max(each.number for each in versions.values()):
        return None
    before = versions.get(version.parent or "")
    return {
        "id": adapter_id,
        "title": f"Version {version.number} now answers you",
        "reasons": list(version.report.reasons),
        "facts": show_report(version.report)[:4],
        "examples": show_examples(version.report)[:1],
        "back_to": before.adapter_id if before else None,
        "back_to_name": text.name_version(before.adapter_id if before else None, versions),
    }


# --- what can be done -------------------------------------------------------------------------


def learn_now(session: Session, person_id: int, gesture: Gesture) -> str:
    """Ask for a learning run."""
    session.learn_now(person_id)
    return text.LEARNING_ASKED


def stop_learning(session: Session, person_id: int, gesture: Gesture) -> str:
    """End the current run."""
    session.stop_learning(person_id)
    return text.LEARNING_STOPPED


def use_version(session: Session, person_id: int, gesture: Gesture) -> str:
    """Serve another version, or the base model, from the next reply on."""
    asked = gesture.get("adapter_id")
    if not asked:
        session.roll_back(person_id, None)
        return text.ROLLED_BACK_BASE
    session.roll_back(person_id, str(asked))
    numbers = {each.adapter_id: each.number for each in session.queries.versions(person_id)}
    return text.say_rolled_back(numbers[str(asked)])


VIEW = View(
    "learning",
    "Learning",
    '<path d="m4 16 5-6 4 4 7-8M15 6h5v5"/>',
    lambda session, person_id, see: show_learning(session, person_id),
    {"learn": learn_now, "stop": stop_learning, "use": use_version},
)
