"""What keeps learning honest, on the learning page: the guards, and the base against the personal
answers, blind."""

from __future__ import annotations

from typing import Any

from chatfeedback.learning.guards import Finding
from chatfeedback.session import Session
from ui import text


def show_trials(session: Session, person_id: int) -> dict[str, Any]:
    """The blind trials: how often the personal answer won, with its interval.

    `at`, `low` and `high` are shares of the picture's width, 0 to 100; 50 is "no difference".
    """
    trials = session.blind_trials(person_id)
    low, high = trials.interval
    return {
        "n": trials.count,
        "says": text.say_trials(trials),
        "at": round(100 * trials.win_rate, 1),
        "low": round(100 * low, 1),
        "high": round(100 * high, 1),
    }


def show_guards(session: Session, person_id: int) -> list[dict[str, Any]]:
    """What every guard sees, alarms first."""
    return [show_finding(each) for each in session.guard_report(person_id)]


def show_finding(finding: Finding) -> dict[str, Any]:
    """One guard in plain words."""
    kind = "early" if finding.value is None else "alarm" if finding.is_alarm else "well"
    asks, measures = text.GUARDS[finding.guard]
    return {
        "kind": kind,
        "tag": text.GUARD_TAGS[kind],
        "asks": asks,
        "measures": measures,
        "says": finding.message,
        "action": finding.action,
        "figure": "" if finding.value is None else text.say_guard(finding.value, finding.limit),
    }
