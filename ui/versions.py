"""Versions in words and figures: the list, one version's receipt, and blind comparisons."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chatfeedback.asking.elo import Rating
from chatfeedback.learning.team import HEARD
from chatfeedback.records import (
    AdapterVersion,
    Comparison,
    GateReport,
    LearningRun,
    StoredFeedback,
)
from chatfeedback.session import Session
from ui import text

CLICKS_SHOWN = 60
OWN_QUESTIONS = 8
RUNS_KNOWN = 200
ELSEWHERE = {"state": "retired", "state_words": text.ON_ANOTHER_MODEL, "usable": False}
"""A version of another base: whatever it is there, here it can neither answer nor be chosen."""


def show_versions(
    session: Session, person_id: int, opened: str, now: datetime
) -> list[dict[str, Any]]:
    """Newest first. `opened` is the version whose choices are looked at."""
    versions = session.queries.versions(person_id)
    known = {each.adapter_id: each for each in versions}
    ratings = session.version_ratings(person_id)
    runs = find_runs(session, person_id)
    trunk = find_trunk(versions)
    base = session.engine_state().base
    return [
        show_version(each, now, known)
        | ({} if base is None or each.base_key == base.key else ELSEWHERE)
        | {
            "on_trunk": each.adapter_id in trunk,
            "because": say_because(runs.get(each.adapter_id)),
            "elo": show_rating(ratings.get(each.adapter_id)),
            "clicks": (
                show_clicks(session, person_id, each) if each.adapter_id == opened else None
            ),
        }
        for each in versions
    ]


def find_trunk(versions: Sequence[AdapterVersion]) -> set[str]:
    """The version in use and those that served before it, back to the first."""
    parents = {each.adapter_id: each.parent for each in versions}
    at = next((each.adapter_id for each in versions if each.state == "serving"), None)
    trunk: set[str] = set()
    while at is not None and at not in trunk:
        trunk.add(at)
        at = parents.get(at)
    return trunk


def show_version(
    version: AdapterVersion, now: datetime, known: Mapping[str, AdapterVersion] | None = None
) -> dict[str, Any]:
    """One version, with its gate report in plain words."""
    report = version.report
    return {
        "id": version.adapter_id,
        "title": text.title_version(version.number),
        "state": version.state,
        "state_words": text.VERSION_STATES[version.state],
        "when": text.say_when(version.created_at_utc, now),
        "after": text.say_after(version.parent, known or {}),
        "usable": version.state == "retired",
        "reasons": list(report.reasons) if report else [],
        "warnings": list(report.warnings) if report else [],
        "facts": show_report(report) if report else [],
        "examples": show_examples(report) if report else [],
    }


def show_rating(rating: Rating | None) -> dict[str, str] | None:
    """Elo with its interval."""
    if rating is None:
        return None
    return {
        "elo": f"{rating.elo:.0f}",
        "interval": text.say_elo(rating.low, rating.high),
        "duels": text.count(rating.duels, "comparison"),
    }


def show_report(report: GateReport) -> list[dict[str, str]]:
    """The gate's figures, each with its name and what it means."""
    rows: list[tuple[str, str, str]] = [
        ("better", text.percent(report.better_probability), text.MEANS_BETTER),
        ("finished", text.percent(report.finished_share), text.MEANS_FINISHED),
        ("length", f"{report.length_ratio:.2f} ×", text.MEANS_LENGTH),
        ("kl", f"{report.kl_nats:.1f} nats", text.MEANS_KL),
    ]
    if report.scale != 1:
        rows.append(("scale", text.percent(report.scale), text.MEANS_SCALE))
    how_to = text.say_kept(report.how_to_share, report.how_to_error)
    facts = text.say_kept(report.facts_share, report.facts_error)
    rows[1:1] = [("facts", facts, text.MEANS_KEPT), ("how_to", how_to, text.MEANS_KEPT)]
    if report.agreement is not None:
        agreement = text.say_agreement(report.agreement, report.clicks)
        rows.insert(1, ("agreement", agreement, text.MEANS_AGREEMENT))
    return [
        {"name": text.FIGURES[name], "value": value, "means": means} for name, value, means in rows
    ]


def show_examples(report: GateReport) -> list[dict[str, str]]:
    """Before and after on the person's own prompts."""
    return [
        {"prompt": each.prompt, "before": each.before, "after": each.after}
        for each in report.examples
    ]


def find_runs(session: Session, person_id: int) -> dict[str, LearningRun]:
    """adapter id -> the run that made it."""
    runs = session.queries.runs(person_id, RUNS_KNOWN)
    return {run.adapter_id: run for run in runs if run.adapter_id is not None}


def say_because(run: LearningRun | None) -> str:
    """How a run learned and why so; empty where that is not known."""
    if run is None:
        return ""
    return text.say_because(run.method, str(json.loads(run.settings_json).get("because", "")))


def show_clicks(session: Session, person_id: int, version: AdapterVersion) -> list[str]:
    """What the person did that this version learned from, newest first, in one sentence each; of a
    team's members only who they are: what they said was said alone."""
    run = find_runs(session, person_id).get(version.adapter_id)
    if run is None:
        return []
    used = set(session.queries.evidence(person_id, run.run_id))
    events = [each for each in session.queries.feedback(person_id) if each.feedback_id in used]
    said = [_say_click(session, person_id, each) for each in reversed(events[-CLICKS_SHOWN:])]
    heard = json.loads(run.settings_json).get(HEARD, {})
    names = [each.name for each in session.queries.people() if str(each.person_id) in heard]
    return [*said, text.say_heard(names)] if names else said


def _say_click(session: Session, person_id: int, stored: StoredFeedback) -> str:
    event = stored.event
    reply_ids: Sequence[int] = [event.reply_id] if event.reply_id is not None else []
    if event.comparison_id is not None:
        reply_ids = session.queries.comparison(person_id, event.comparison_id).reply_ids[:1]
    replies = session.queries.replies(person_id, reply_ids)
    return text.say_click(event, replies[0].prompt_text if replies else "")


def show_duel(session: Session, person_id: int, see: Mapping[str, Any]) -> dict[str, Any] | None:
    """The blind comparison of versions: who can be compared, what waits for a vote, and whose
    answers those of the last vote were. None while there is nothing to compare.

    Args:
        see: "first" and "second", the versions chosen; "voted", the comparison voted on last.
    """
    versions = {each.adapter_id: each for each in session.queries.versions(person_id)}
    able = [each for each in versions.values() if each.state in ("serving", "retired")]
    if not able:
        return None
    choices = [{"id": each.adapter_id, "name": text.title_version(each.number)} for each in able]
    waiting, voted = session.open_duel(person_id), str(see.get("voted", ""))
    return {
        "first": str(see.get("first", choices[0]["id"])),
        "second": str(see.get("second", "")),
        "choices": [*choices, {"id": "", "name": text.BASE_MODEL}],
        "questions": list_questions(session, person_id),
        "open": show_answers(session, person_id, waiting) if waiting else None,
        "revealed": _reveal(session, person_id, voted, versions) if voted else "",
    }


def show_answers(session: Session, person_id: int, comparison: Comparison) -> dict[str, Any]:
    """Two answers, without a word on who wrote them."""
    first, second = session.queries.replies(person_id, comparison.reply_ids)
    return {
        "id": comparison.comparison_id,
        "prompt": first.prompt_text,
        "first": first.text,
        "second": second.text,
    }


def _reveal(
    session: Session, person_id: int, voted: str, versions: Mapping[str, AdapterVersion]
) -> str:
    if not voted.isdecimal():
        return ""
    comparison = session.queries.comparison(person_id, int(voted))
    names = [
        text.name_version(each.adapter_id, versions)
        for each in session.queries.replies(person_id, comparison.reply_ids)
    ]
    return text.say_reveal(names) + "."


def list_questions(session: Session, person_id: int) -> list[str]:
    """Some of what the person asked, newest first."""
    found: list[str] = []
    for talk in session.queries.conversations(person_id, OWN_QUESTIONS):
        for exchange in session.queries.exchanges(person_id, talk.conversation_id, 1):
            if exchange.text not in found:
                found.append(exchange.text)
    return found
