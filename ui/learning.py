"""The learning page: what is being learned, which version answers, and how it shall learn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chatfeedback.errors import InputRefused
from chatfeedback.learning.choices import KNOBS, PRESETS
from chatfeedback.records import AdapterVersion, FeedbackEvent, LearningRun, LearningStatus
from chatfeedback.session import Session
from ui import text
from ui.downloads import show_download
from ui.evidence import show_guards, show_trials
from ui.plots import show_curve
from ui.versions import (
    find_runs,
    say_because,
    show_duel,
    show_examples,
    show_report,
    show_versions,
)
from ui.views import Gesture, View

RECENT_RUNS = 8
# metric, whatever the objective ("dpo/loss", "kto/loss") -> what it means; formulas are in
# docs/metrics.md
CURVES = {
    "loss": text.MEANS_LOSS,
    "reward_margin": text.MEANS_MARGIN,
    "kl_nats": text.MEANS_KL,
}


def read_status(session: Session, person_id: int) -> dict[str, Any]:
    """What the pills poll: the engine's state, learning's state, and a stamp that changes when
    a page would look different."""
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
            "time_left": text.say_time_left(learning.seconds_left),
        },
        "serving": (
            {"adapter_id": serving.adapter_id, "number": serving.number} if serving else None
        ),
    }
    download = shown["download"] = show_download(session.download())
    stamp = (learning.phase, learning.run_id, learning.clicks, learning.last_outcome)
    serving_id = serving.adapter_id if serving else None
    fetching = (download["is_running"], download["is_known"]) if download else None
    shown["stamp"] = json.dumps(
        [*stamp, learning.is_paused, serving_id, engine.phase, person_id, fetching]
    )
    return shown


def show_learning(
    session: Session, person_id: int, see: Gesture | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """The learning widget's value.

    Args:
        see: what is looked at: "clicks", the version whose choices are listed; the rest is in
            `show_duel`.
    """
    see, now = see or {}, now or datetime.now().astimezone()
    status = session.learning_status(person_id)
    versions = session.queries.versions(person_id)
    is_loaded = session.engine_state().base is not None  # before, nothing is known of who serves
    return {
        "headline": text.say_headline(status, knows_serving=is_loaded),
        "outcome": status.last_outcome,
        "run": show_run(session, person_id, status),
        "growth": show_growth(versions),
        "versions": show_versions(session, person_id, str(see.get("clicks", "")), now),
        "serving_base": status.serving is None if is_loaded else None,
        "duel": show_duel(session, person_id, see),
        "trials": show_trials(session, person_id),
        "guards": show_guards(session, person_id),
        "runs": show_unpublished_runs(session.queries.runs(person_id, RECENT_RUNS), versions, now),
        "choices": show_choices(session, person_id),
    }


def show_run(session: Session, person_id: int, status: LearningStatus) -> dict[str, Any]:
    """The run under way, or how learning stands; its curves, or those of the last run."""
    newest = next(iter(session.queries.runs(person_id, 1)), None)
    run_id = status.run_id or (newest.run_id if newest else None)
    under_way = newest if newest and newest.ended_at_utc is None else None
    return {
        "busy": status.phase != "idle",
        "paused": status.is_paused,
        "title": text.PHASES["paused" if status.is_paused else status.phase],
        "message": status.message,
        "because": say_because(under_way),
        "time_left": text.say_time_left(status.seconds_left),
        "step": status.step,
        "max_steps": status.max_steps,
        "curves": show_curves(session, person_id, run_id),
    }


def show_curves(session: Session, person_id: int, run_id: str | None) -> list[dict[str, Any]]:
    """The measured curves of a run, step by step."""
    if run_id is None:
        return []
    rows = [
        {name.rpartition("/")[2]: value for name, value in row.items()}
        for row in session.queries.run_metrics(person_id, run_id)
    ]
    curves = []
    for metric, means in CURVES.items():
        there = [row for row in rows if metric in row]
        if len(there) > 1:
            steps, values = [row["step"] for row in there], [row[metric] for row in there]
            name = text.CURVES[metric]
            curves.append(show_curve(name, steps, values, x_name=text.STEP, means=means))
    return curves


def show_growth(versions: Sequence[AdapterVersion]) -> list[dict[str, Any]]:
    """How well choices were foreseen, version by version: each before it was learned from."""
    there = [
        (version.number, 100 * version.report.agreement)
        for version in sorted(versions, key=lambda each: each.number)
        if version.report is not None and version.report.agreement is not None
    ]
    if len(there) < 2:
        return []
    numbers, shares = zip(*there, strict=True)
    return [
        show_curve(text.FORESEEN, numbers, shares, x_name=text.VERSION, means=text.MEANS_AGREEMENT)
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


def show_choices(session: Session, person_id: int) -> dict[str, Any]:
    """Presets, single knobs, the time to learn, and how personal answers are."""
    choices = session.learning_choices(person_id)
    settings = session.learning_settings(person_id)
    values = {
        name: getattr(settings, name, None) or getattr(settings.dpo, name, 0) for name in KNOBS
    }
    return {
        "preset": choices.preset,
        "presets": [
            {"name": name, "title": text.PRESET_NAMES[name], "says": text.PRESETS[name]}
            for name in PRESETS
        ],
        "knobs": [
            {
                "name": name,
                "title": text.KNOBS[name][0],
                "says": text.KNOBS[name][1],
                "value": f"{values[name]:g}",
                "low": f"{knob.low:g}",
                "high": f"{knob.high:g}",
                "step": "1" if knob.whole else "0.01",
                "own": name in choices.knobs,
            }
            for name, knob in KNOBS.items()
        ],
        "when": choices.when,
        "whens": [{"name": name, "says": says} for name, says in text.WHENS.items()],
        "quiet_from": choices.quiet_from,
        "quiet_until": choices.quiet_until,
        "by_trial": choices.by_trial,
        "by_trials": [{"name": name, "says": says} for name, says in text.BY_TRIAL.items()],
        "how_personal": choices.how_personal,
        "memory": [*text.say_memory(session.engine_state()), *plan_run(session)],
    }


def plan_run(session: Session) -> list[str]:
    """What the model that is loaded needs to chat and to learn, and whether that is free."""
    base = session.engine_state().base
    if base is None:
        return []
    for each in session.find_models():
        is_loaded = base.is_starter if not each.name else text.name_model(each.name) == base.name
        if is_loaded and base.quantization in each.fits:
            says, is_there = each.fits[base.quantization]
            return [text.say_plan(says)] if is_there else []
    return []


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
        "title": text.title_receipt(version.number),
        "reasons": list(version.report.reasons),
        "because": say_because(find_runs(session, person_id).get(adapter_id)),
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


def pause_learning(session: Session, person_id: int, gesture: Gesture) -> str:
    """Halt."""
    session.pause_learning(person_id)
    return text.LEARNING_PAUSED


def resume_learning(session: Session, person_id: int, gesture: Gesture) -> str:
    """Go on."""
    session.resume_learning(person_id)
    return text.LEARNING_RESUMED


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


def choose(session: Session, person_id: int, gesture: Gesture) -> str | None:
    """Change one choice about learning."""
    session.choose_learning(person_id, {str(gesture.get("name", "")): gesture.get("value")})
    return text.CHOSEN


def ask_both(session: Session, person_id: int, gesture: Gesture) -> None:
    """A question to two versions."""
    pair = [str(gesture.get(side, "")) or None for side in ("first", "second")]
    asked, once = str(gesture.get("question", "")), str(gesture.get("client_id", ""))
    session.compare_versions(person_id, asked, (pair[0], pair[1]), once)


def vote(session: Session, person_id: int, gesture: Gesture) -> None:
    """Which answer is better."""
    number, outcome = str(gesture.get("comparison_id", "")), gesture.get("outcome")
    if not number.isdecimal() or outcome not in ("first", "second", "tie", "both_bad"):
        raise InputRefused("The page sent no vote. Reload it and try again.")
    event = FeedbackEvent(
        str(gesture.get("client_id", "")), "pick", comparison_id=int(number), outcome=outcome
    )
    session.give_feedback(person_id, event)


VIEW = View(
    "learning",
    "Learning",
    '<path d="m4 16 5-6 4 4 7-8M15 6h5v5"/>',
    show_learning,
    {
        "learn": learn_now,
        "pause": pause_learning,
        "resume": resume_learning,
        "stop": stop_learning,
        "use": use_version,
        "choose": choose,
        "ask": ask_both,
        "vote": vote,
    },
)
