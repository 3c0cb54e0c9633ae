"""The data page: all feedback to look through and put right, what waits to be rated, files in and
out, what it adds up to, and backups."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from chatfeedback.errors import InputRefused
from chatfeedback.exchange.exporting import FORMATS
from chatfeedback.records import (
    FeedbackEvent,
    FeedbackFilter,
    FeedbackItem,
    FeedbackPage,
    PickOutcome,
    Unrated,
)
from chatfeedback.session import Session
from chatfeedback.statistics import Statistics
from ui import data_words as words
from ui import text
from ui.conversations import parse_id
from ui.markdown import render_markdown
from ui.views import Gesture, View

PAGE_EVENTS = 30
SHORTENED = 240
FILTERS = ("kind", "about", "since", "until", "conversation", "state")
OUTCOMES: dict[str, PickOutcome] = {
    "first": "first", "second": "second", "tie": "tie", "both_bad": "both_bad"
}  # fmt: skip


def show_data(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """The data widget's value: the tab that is looked at.

    Args:
        see: what is looked at: "tab"; the filters of the list and "before", where its page begins;
            "skip_pair" and "skip_reply", what was put off.
    """
    tab = str(see.get("tab", ""))
    tab = tab if tab in TABS else "browse"
    return {
        "tab": tab,
        "tabs": [{"name": name, "label": label} for name, (label, _) in TABS.items()],
        tab: TABS[tab][1](session, person_id, see),
    }


# --- all feedback ----------------------------------------------------------------------------


def show_browser(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """A page of events and what they can be filtered by."""
    asked = {name: str(see.get(name, "")) for name in FILTERS}
    before = read_before(see, asked)
    page = session.queries.browse_feedback(person_id, read_filter(asked), before, PAGE_EVENTS)
    now = datetime.now().astimezone()
    return {
        "filters": show_filters(session, person_id, asked),
        "items": [show_item(each, now) for each in page.items],
        "said": words.say_page(page.total, len(page.items), is_filtered=any(asked.values())),
        "older": say_before(page, asked),
        "is_later": before is not None,
        "is_filtered": any(asked.values()),
    }


def read_filter(asked: dict[str, str]) -> FeedbackFilter:
    """The filter as the browser has it; days that are none let everything through."""
    return FeedbackFilter(
        kind=asked["kind"],
        about=asked["about"],
        since=read_day(asked["since"]),
        until=read_day(asked["until"]),
        conversation_id=parse_id(asked["conversation"]),
        state=asked["state"],
    )


def read_day(value: str) -> str:
    """A day as it is stored, or nothing."""
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return ""


def say_before(page: FeedbackPage, asked: dict[str, str]) -> str:
    """Where the next page begins, bound to the filter: another filter begins at the top again."""
    return "" if page.more is None else "|".join([str(page.more), *asked.values()])


def read_before(see: Gesture, asked: dict[str, str]) -> int | None:
    """What `say_before` said, where it was said of this filter."""
    number, _, said_of = str(see.get("before", "")).partition("|")
    return parse_id(number) if said_of == "|".join(asked.values()) else None


def show_filters(session: Session, person_id: int, asked: dict[str, str]) -> dict[str, Any]:
    """What there is to choose from, and what is chosen."""
    found = session.queries.feedback_choices(person_id)
    return {
        "chosen": asked,
        "kinds": [{"id": kind, "name": words.KINDS.get(kind, kind)} for kind, _ in found.kinds],
        "abouts": [
            {"id": about, "name": f"{words.name_about(about)} ({n})"} for about, n in found.abouts
        ],
        "conversations": [
            {"id": str(number), "name": name} for number, name in found.conversations
        ],
        "states": [{"id": name, "name": said} for name, said in words.STATES.items()],
    }


def show_item(item: FeedbackItem, now: datetime) -> dict[str, Any]:
    """One event with what can be done about it."""
    event = item.event
    is_there = item.state in ("counts", "replaced", "aside")
    return {
        "id": item.feedback_id,
        "kind": words.KINDS.get(event.kind, event.kind),
        "says": words.say_event(event),
        "when": text.say_when(item.created_at_utc, now),
        "state": item.state,
        "state_words": words.STATES.get(item.state, words.REPLACED),
        "where": words.say_where(item),
        "chat": item.conversation_id if not item.source and item.conversation_id else None,
        "prompt": shorten(item.prompt),
        "replies": show_replies(item),
        "better": event.text if event.kind == "edit" else None,
        "corrections": show_corrections(event, len(item.replies)) if is_there else [],
        "is_there": is_there,
        "is_aside": item.state == "aside",
    }


def show_replies(item: FeedbackItem) -> list[dict[str, str]]:
    """The answers it is about, with their place and rank."""
    several = len(item.replies) > 1
    return [
        {
            "label": words.label_reply(item.event, number, at) if several else "",
            "text": shorten(reply),
        }
        for at, (number, reply) in enumerate(item.replies)
    ]


def show_corrections(event: FeedbackEvent, n: int) -> list[dict[str, str]]:
    """What it could say instead, as buttons; a rewrite is corrected in its own box."""
    if event.kind == "thumb":
        return [_other("1", words.LIKE), _other("-1", words.DISLIKE)][(event.value or 0) > 0 :][:1]
    if event.kind == "rating":
        return [_other(str(n), text.count(n, "star")) for n in range(1, 6) if n != event.value]
    if event.kind == "pick":
        places = list(words.OUTCOMES.items())[:n] + list(words.OUTCOMES.items())[4:]
        return [_other(name, said) for name, said in places if name != event.outcome]
    return []


def _other(value: str, label: str) -> dict[str, str]:
    return {"value": value, "label": label}


def shorten(words_: str, limit: int = SHORTENED) -> str:
    """The beginning of a long text."""
    return words_ if len(words_) <= limit else words_[: limit - 1].rstrip() + "…"


def correct(session: Session, person_id: int, gesture: Gesture) -> str:
    """Say something else in an event's place."""
    value: int | str = str(gesture.get("value", ""))
    if isinstance(value, str) and value.lstrip("-").isdigit() and gesture.get("whole") != "text":
        value = int(value)
    session.data.correct(person_id, need_id(gesture, "id"), client_id(gesture), value)
    return words.CORRECTED


def exclude(session: Session, person_id: int, gesture: Gesture) -> str:
    """Set an event aside."""
    session.data.exclude(person_id, need_id(gesture, "id"), is_excluded=True)
    return words.EXCLUDED


def include(session: Session, person_id: int, gesture: Gesture) -> str:
    """Let an event count again."""
    session.data.exclude(person_id, need_id(gesture, "id"), is_excluded=False)
    return words.INCLUDED


def delete(session: Session, person_id: int, gesture: Gesture) -> str:
    """Take an event back for good."""
    session.data.delete(person_id, need_id(gesture, "id"), client_id(gesture))
    return words.DELETED


# --- rate later ------------------------------------------------------------------------------


def show_queue(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """The next two answers to compare, and the next one to rate."""
    skipped_pair, skipped_reply = parse_id(see.get("skip_pair")), parse_id(see.get("skip_reply"))
    pair = session.queries.unrated_pair(person_id, skipped_pair)
    reply = session.queries.unrated_reply(person_id, skipped_reply)
    judged = session.queries.judged_pair(person_id)
    return {
        "pair": show_unrated(pair),
        "pair_said": words.say_waiting(pair, "pair", skipped=skipped_pair is not None),
        "reply": show_unrated(reply),
        "reply_said": words.say_waiting(reply, "answer", skipped=skipped_reply is not None),
        "judged": show_unrated(judged),
        "judged_said": words.say_judged(judged),
        "can_restart_pairs": pair is None and skipped_pair is not None,
        "can_restart_replies": reply is None and skipped_reply is not None,
    }


def show_unrated(waiting: Unrated | None) -> dict[str, Any] | None:
    """What is to be judged, as it looks in the chat."""
    if waiting is None:
        return None
    return {
        "message_id": waiting.message_id,
        "prompt": shorten(waiting.prompt, 1000),
        "replies": [
            {"id": number, "html": render_markdown(reply)} for number, reply in waiting.replies
        ],
    }


def rate(session: Session, person_id: int, gesture: Gesture) -> str:
    """Like or dislike an answer from the queue."""
    value = {"1": 1, "-1": -1}.get(str(gesture.get("value")))
    if value is None:
        raise InputRefused(f"A thumb is 1 or -1, not {gesture.get('value')!r}.")
    event = FeedbackEvent(
        client_id(gesture), "thumb", reply_id=need_id(gesture, "reply"), value=value
    )
    learned = session.give_feedback(person_id, event)
    return text.say_learned(learned, {})


def choose(session: Session, person_id: int, gesture: Gesture) -> str:
    """Compare two answers from the queue."""
    message_id, both, outcome = _read_choice(gesture)
    session.data.vote_later(person_id, message_id, both, outcome, client_id(gesture))
    return words.CHOSEN


def choose_again(session: Session, person_id: int, gesture: Gesture) -> str:
    """Compare two answers that were compared before."""
    message_id, both, outcome = _read_choice(gesture)
    session.data.vote_again(person_id, message_id, both, outcome, client_id(gesture))
    return words.CHOSEN_AGAIN


def _read_choice(gesture: Gesture) -> tuple[int, tuple[int, int], PickOutcome]:
    """(message, the answers as they were shown, which is better)."""
    outcome = OUTCOMES.get(str(gesture.get("outcome")))
    if outcome is None:
        raise InputRefused(f"A choice is one of {', '.join(OUTCOMES)}.")
    both = (need_id(gesture, "first"), need_id(gesture, "second"))
    return need_id(gesture, "message"), both, outcome


# --- files, figures, backups -----------------------------------------------------------------


def show_files(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """What can be taken out; what comes in is looked at in the browser (static/widgets/data.js)."""
    return {
        "formats": [
            {"name": each.name, "label": each.label, "holds": each.holds} for each in FORMATS
        ],
    }


def show_figures(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """Counts, balance and consistency."""
    found = session.data.statistics(person_id)
    return {
        "total": found.total,
        "facts": words.say_figures(found),
        "bars": show_bars(found),
        "consistency": words.say_consistency(found.consistency),
        "labels": words.say_labels(session.queries.ai_labels(person_id)),
        "warnings": list(found.warnings),
    }


def show_bars(found: Statistics) -> list[dict[str, Any]]:
    """Shares of what belongs together, each a bar in parts."""
    groups: list[tuple[str, Sequence[tuple[str, int]]]] = [
        ("thumbs", [("like", found.likes), ("dislike", found.dislikes)]),
        (
            "comparisons",
            [("winner", found.choices), ("tie", found.ties), ("both_bad", found.both_bad)],
        ),
        ("sides", [("left", found.left), ("right", found.right)]),
        ("stars", [(text.count(n, "star"), each) for n, each in enumerate(found.stars, start=1)]),
        ("reasons", sorted(found.reasons.items(), key=lambda each: -each[1])[:6]),
    ]
    return [
        {
            "name": words.BARS[name],
            "parts": [
                {
                    "label": words.PARTS.get(label, label),
                    "n": n,
                    "share": round(100 * n / sum(each for _, each in parts), 1),
                }
                for label, n in parts
                if n
            ],
        }
        for name, parts in groups
        if any(n for _, n in parts)
    ]


def show_backups(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """What can be gone back to."""
    now = datetime.now().astimezone()
    return {
        "items": [
            {
                "name": each.name,
                "when": text.say_when(each.created_at_utc, now),
                "why": words.say_backup(each.name),
                "size": words.say_size(each.n_bytes),
            }
            for each in session.queries.backups()
        ]
    }


def back_up(session: Session, person_id: int, gesture: Gesture) -> str:
    """A copy of everything, now."""
    return words.say_backed_up(session.data.back_up())


def restore(session: Session, person_id: int, gesture: Gesture) -> str:
    """Everything as it was."""
    session.data.restore(str(gesture.get("name", "")))
    return words.RESTORED


# --- what gestures bring ---------------------------------------------------------------------


def need_id(gesture: Gesture, name: str) -> int:
    """An id that a button brings along."""
    found = parse_id(gesture.get(name))
    if found is None:
        raise InputRefused(f"The page sent no {name}. Reload it and try again.")
    return found


def client_id(gesture: Gesture) -> str:
    """The gesture's own name, so that it counts once."""
    given = gesture.get("client_id")
    return given if isinstance(given, str) and 8 <= len(given) <= 64 else str(uuid.uuid4())


Tab = Callable[[Session, int, Gesture], dict[str, Any]]
TABS: dict[str, tuple[str, Tab]] = {
    "browse": (words.TABS["browse"], show_browser),
    "queue": (words.TABS["queue"], show_queue),
    "files": (words.TABS["files"], show_files),
    "figures": (words.TABS["figures"], show_figures),
    "backups": (words.TABS["backups"], show_backups),
}

VIEW = View(
    "data",
    "Data",
    '<ellipse cx="12" cy="6" rx="7" ry="3"/><path d="M5 6v6c0 1.700 3.100 3 7 3s7-1.300 7-3V6"/>'
    '<path d="M5 12v6c0 1.700 3.100 3 7 3s7-1.300 7-3v-6"/>',
    show_data,
    {
        "correct": correct,
        "exclude": exclude,
        "include": include,
        "delete": delete,
        "rate": rate,
        "choose": choose,
        "choose_again": choose_again,
        "back_up": back_up,
        "restore": restore,
    },
)
