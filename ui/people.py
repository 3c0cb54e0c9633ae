"""People of one installation: who acts, and who else there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatfeedback.errors import InputRefused
from chatfeedback.session import Session
from ui import text
from ui.beliefs import show_beliefs
from ui.views import Act, Gesture

SHARED_TRAITS = 6


def show_people(session: Session, person_id: int) -> list[dict[str, Any]]:
    """Everybody, with what is theirs."""
    return [
        {
            "id": person.person_id,
            "name": person.name,
            "acts": person.person_id == person_id,
            "has": text.say_belongings(
                len(session.queries.conversations(person.person_id)),
                session.learning_status(person.person_id).clicks,
                len(session.queries.versions(person.person_id)),
            ),
        }
        for person in session.queries.people()
    ]


def show_shared_taste(session: Session) -> dict[str, Any] | None:
    """What everybody likes alike, whose say it is, and where they differ; None for one person."""
    names = {each.person_id: each.name for each in session.queries.people()}
    if len(names) < 2:
        return None
    shared = session.shared_taste()
    if len(shared.shares) < 2:
        return {"traits": [], "shares": "", "differ": []}
    return {
        "traits": show_beliefs(shared.model.beliefs(), SHARED_TRAITS),
        "shares": text.say_shares({names[each]: part for each, part in shared.shares.items()}),
        "differ": [
            text.say_disagreement(
                each.label,
                [names[number] for number in each.wanted_by],
                [names[number] for number in each.unwanted_by],
            )
            for each in shared.disagreements
        ],
    }


def switch_person(session: Session, person_id: int, gesture: Gesture) -> str:
    """Let another person act, in every tab."""
    asked = str(gesture.get("person", ""))
    if not asked.isdecimal():
        raise InputRefused("The page sent no person. Reload it and try again.")
    return text.say_switched(session.switch_person(int(asked)).name)


def add_person(session: Session, person_id: int, gesture: Gesture) -> str:
    """Somebody new, who acts from now on."""
    return text.say_switched(session.add_person(str(gesture.get("name", ""))).name)


PEOPLE_ACTS: Mapping[str, Act] = {"switch": switch_person, "add": add_person}
