"""Two to four answers side by side: blind until the vote, then named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    AdapterVersion,
    Comparison,
    FeedbackEvent,
    Learned,
    PickOutcome,
    StoredReply,
)
from chatfeedback.session import Session
from ui import text
from ui.markdown import render_markdown

OUTCOMES: tuple[PickOutcome, ...] = get_args(PickOutcome)
PLACES = ("first", "second", "third", "fourth")  # outcomes that name an answer, as shown


def show_comparison(comparison: Comparison, replies: Mapping[int, StoredReply]) -> dict[str, Any]:
    """The cards of a comparison that waits for a vote. Says nothing of who wrote what."""
    return {
        "id": comparison.comparison_id,
        "votable": True,
        "cards": [
            {"html": render_markdown(reply.text), "cut": text.say_cut(reply)}
            for reply in map(replies.__getitem__, comparison.reply_ids)
        ],
    }


def show_streaming_comparison(texts: Sequence[str]) -> dict[str, Any]:
    """The cards while both answers are being written; there is nothing to vote on yet."""
    cards = [{"html": render_markdown(each), "cut": ""} for each in texts]
    return {"id": 0, "votable": False, "cards": cards}


def vote(
    session: Session, person_id: int, comparison_id: int, outcome: PickOutcome, client_id: str
) -> tuple[Learned, int]:
    """Store the choice; returns what it taught and the reply that stays in the conversation."""
    shown = session.queries.comparison(person_id, comparison_id).reply_ids
    event = FeedbackEvent(client_id, "pick", comparison_id=comparison_id, outcome=outcome)
    learned = session.give_feedback(person_id, event)
    return learned, shown[PLACES.index(outcome) if outcome in PLACES else 0]


def rank(
    session: Session, person_id: int, comparison_id: int, places: Sequence[int], client_id: str
) -> tuple[Learned, int]:
    """Store an order, best first, given as places in which the answers are shown (0 = A); returns
    what it taught and the reply that stays."""
    shown = session.queries.comparison(person_id, comparison_id).reply_ids
    if not places or len(set(places)) != len(places) or not set(places) <= set(range(len(shown))):
        raise InputRefused(f"A ranking names each of the {len(shown)} answers once at most.")
    order = tuple(shown[place] for place in places)
    event = FeedbackEvent(client_id, "rank", comparison_id=comparison_id, order=order)
    return session.give_feedback(person_id, event), order[0]


def reveal_versions(session: Session, person_id: int, comparison_id: int) -> str:
    """Who wrote which answer, told only after the vote."""
    shown = session.queries.comparison(person_id, comparison_id).reply_ids
    versions: dict[str, AdapterVersion] = {
        version.adapter_id: version for version in session.queries.versions(person_id)
    }
    return text.say_reveal(
        [
            text.name_version(reply.adapter_id, versions)
            for reply in session.queries.replies(person_id, shown)
        ]
    )
