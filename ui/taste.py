"""The taste page: what is believed of the person, why, and how they put it right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatfeedback.errors import InputRefused
from chatfeedback.records import FeedbackEvent, StoredFeedback
from chatfeedback.session import Session
from ui import text
from ui.beliefs import STRONGEST_TRAITS, show_beliefs
from ui.people import show_shared_taste
from ui.plots import show_curve
from ui.principles import PRINCIPLE_ACTS, show_principles
from ui.views import Gesture, View

ALL_TRAITS = 100
SHORTENED = 220
LATEST, FEWEST = 20, 5  # choices that a point of the curve is of, and of its first point
WORDS = {"right": 1, "wrong": -1}


def show_taste(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """The taste widget's value.

    Args:
        see: what is looked at: "trait", the one whose choices are listed; "all", whether weak
            traits are shown too.
    """
    opened = str(see.get("trait", ""))
    every = str(see.get("all", "")) == "yes"
    beliefs = session.beliefs(person_id)
    said = read_words(session.queries.feedback(person_id))
    later = {name for name in str(see.get("later", "")).split(",") if name}
    shown = show_beliefs(beliefs, ALL_TRAITS if every else STRONGEST_TRAITS)
    status = session.learning_status(person_id)
    return {
        "headline": text.say_taste(status.clicks, beliefs),
        "clicks": status.clicks,
        "all": every,
        "traits": [
            each
            | {
                "said": said.get(each["name"], 0),
                "later": each["name"] in later,
                "behind": show_behind(session, person_id, each) if each["name"] == opened else None,
            }
            for each in shown
        ],
        "card": show_card(session, person_id),
        "principles": show_principles(session, person_id),
        "foretold": show_foretold(session, person_id),
        "growth": show_lately(session.taste(person_id).foretold()),
        "shared": show_shared_taste(session),
    }


def read_words(feedback: Sequence[StoredFeedback]) -> dict[str, int]:
    """trait -> +1 (wants more of it) or -1, as the person said it last."""
    said: dict[str, int] = {}
    for each in feedback:
        if each.event.kind == "forget":
            said = {}
        if each.event.kind == "trait" and not each.undone and each.event.trait:
            said[each.event.trait] = each.event.value or 0
    return {trait: value for trait, value in said.items() if value}


def show_behind(session: Session, person_id: int, trait: dict[str, Any]) -> list[dict[str, Any]]:
    """The choices that say most about a trait."""
    return [
        {
            "supports": each.more == trait["likes_more"],
            "prompt": each.prompt,
            "better": _shorten(each.better),
            "worse": _shorten(each.worse),
        }
        for each in session.choices_behind(person_id, trait["name"])
    ]


def show_card(session: Session, person_id: int) -> dict[str, Any]:
    """The taste card: the line that stands in front of conversations when it is on."""
    card = session.taste_card(person_id)
    return {
        "text": card.text,
        "on": card.on,
        "edited": card.edited,
        "proposed": [wish.text for wish in card.proposed],
    }


def show_foretold(session: Session, person_id: int) -> list[dict[str, str]]:
    """How well choices were foretold, each before it was learned from."""
    scores = session.taste(person_id).scores
    if scores.accuracy is None:
        return []
    return [
        {
            "value": text.percent(scores.accuracy),
            "name": text.FORETOLD,
            "means": text.MEANS_AGREEMENT,
        },
        {"value": str(scores.n), "name": text.JUDGED, "means": text.MEANS_JUDGED},
    ]


def show_lately(hits: Sequence[float]) -> list[dict[str, Any]]:
    """The share of the latest choices that were foretold, choice by choice.

    Args:
        hits: of each choice, oldest first, 1 where it was foretold before it was learned from.
    """
    shares = [
        100 * sum(hits[max(0, at - LATEST) : at]) / min(at, LATEST)
        for at in range(FEWEST, len(hits) + 1)
    ]
    if len(shares) < 2:
        return []
    numbers = range(FEWEST, len(hits) + 1)
    return [
        show_curve(
            text.FORETOLD_LATELY, numbers, shares, x_name=text.CHOICE, means=text.MEANS_AGREEMENT
        )
    ]


def _shorten(answer: str) -> str:
    return answer if len(answer) <= SHORTENED else answer[: SHORTENED - 1].rstrip() + "…"


# --- what can be done -------------------------------------------------------------------------


def say_trait(session: Session, person_id: int, gesture: Gesture) -> str:
    """Right or wrong: what the person says counts like several clicks."""
    word = str(gesture.get("word", ""))
    name = str(gesture.get("trait", ""))
    belief = next((each for each in session.beliefs(person_id) if each.name == name), None)
    if belief is None or word not in (*WORDS, "back"):
        raise InputRefused("The page sent no trait. Reload it and try again.")
    likes_more = 1 if belief.probability >= 0.5 else -1
    value = 0 if word == "back" else likes_more * WORDS[word]
    event = FeedbackEvent(_client_id(gesture), "trait", trait=name, value=value)
    session.give_feedback(person_id, event)
    return text.TRAIT_SAID[word]


def forget_trait(session: Session, person_id: int, gesture: Gesture) -> str:
    """Undo the choices that stand behind a trait."""
    name = str(gesture.get("trait", ""))
    behind = session.choices_behind(person_id, name, limit=ALL_TRAITS)
    for each in behind:
        event = FeedbackEvent(
            f"{_client_id(gesture)[:40]}-{each.feedback_id}", "undo", undoes=each.feedback_id
        )
        session.give_feedback(person_id, event)
    return text.say_forgotten(len(behind))


def forget_everything(session: Session, person_id: int, gesture: Gesture) -> str:
    """All that was said counts no more; what was learned together heard it, so it goes too."""
    session.give_feedback(person_id, FeedbackEvent(_client_id(gesture), "forget"))
    session.roll_back(person_id, None)
    if (team := session.team()) is not None:
        session.roll_back(team.person_id, None)
    return text.FORGOTTEN


def write_card(session: Session, person_id: int, gesture: Gesture) -> str:
    """The person's own wording."""
    session.set_taste_card(person_id, str(gesture.get("card", "")))
    return text.CARD_SAVED


def reset_card(session: Session, person_id: int, gesture: Gesture) -> str:
    """Back to what was learned."""
    session.set_taste_card(person_id, None)
    return text.CARD_RESET


def switch_card(session: Session, person_id: int, gesture: Gesture) -> str:
    """On or off, from the next answer on."""
    on = bool(gesture.get("value"))
    session.switch_taste_card(person_id, on)
    return text.CARD_ON if on else text.CARD_OFF


def _client_id(gesture: Gesture) -> str:
    return str(gesture.get("client_id", ""))


VIEW = View(
    "taste",
    "Taste",
    '<path d="M12 20s-7.500-4.600-7.500-10A4.300 4.300 0 0 1 12 7.200 4.300 4.300 0 0 1 19.500 10'
    'c0 5.400-7.500 10-7.500 10z"/>',
    show_taste,
    {
        "say": say_trait,
        "forget": forget_trait,
        "forget-all": forget_everything,
        "card": write_card,
        "card-reset": reset_card,
        "card-switch": switch_card,
        **PRINCIPLE_ACTS,
    },
)
