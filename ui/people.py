"""People of one installation: who acts, and who else there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatfeedback.errors import InputRefused
from chatfeedback.session import Session
from chatfeedback.taste.shared import Disagreement, SharedTaste
from ui import text
from ui.beliefs import show_beliefs
from ui.views import Act, Gesture

SHARED_TRAITS = 6


def show_people(session: Session, person_id: int) -> list[dict[str, Any]]:
    """Everybody, with what is theirs; "team" marks the one that is all of them together."""
    team = session.team()
    return [
        {
            "id": person.person_id,
            "name": person.name,
            "acts": person.person_id == person_id,
            "team": person == team,
            "has": text.say_belongings(
                len(session.queries.conversations(person.person_id)),
                session.taste(person.person_id).clicks,
                len(session.queries.versions(person.person_id)),
            ),
        }
        for person in session.queries.people()
    ]


def show_together(session: Session, person_id: int) -> dict[str, Any] | None:
    """What acting together goes by: whose say it is, and where no side is taken, since they did
    not settle it together; None for one person. `acts`: they do so now."""
    team = session.team()
    names = {each.person_id: each.name for each in session.queries.people() if each != team}
    if len(names) < 2:
        return None
    shared = session.shared_taste()
    is_heard = len(shared.shares) > 1
    return {
        "acts": team is not None and team.person_id == person_id,
        "heard": _say_shares(shared, names) if is_heard else text.TOGETHER_UNHEARD,
        "differ": _say_differences(session.open_disputes(), names) if is_heard else [],
    }


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
        "shares": _say_shares(shared, names),
        "differ": _say_differences(shared.disagreements, names),
    }


def _say_shares(shared: SharedTaste, names: Mapping[int, str]) -> str:
    return text.say_shares({names[each]: part for each, part in shared.shares.items()})


def _say_differences(found: Sequence[Disagreement], names: Mapping[int, str]) -> list[str]:
    return [
        text.say_disagreement(
            each.label,
            [names[number] for number in each.wanted_by],
            [names[number] for number in each.unwanted_by],
        )
        for each in found
    ]


def switch_person(session: Session, person_id: int, gesture: Gesture) -> str:
    """Let another person act, in every tab."""
    asked = str(gesture.get("person", ""))
    if not asked.isdecimal():
        raise InputRefused("The page sent no person. Reload it and try again.")
    person = session.switch_person(int(asked))
    return text.TOGETHER_NOW if person == session.team() else text.say_switched(person.name)


def add_person(session: Session, person_id: int, gesture: Gesture) -> str:
    """Somebody new, who acts from now on."""
    return text.say_switched(session.add_person(str(gesture.get("name", ""))).name)


def act_together(session: Session, person_id: int, gesture: Gesture) -> str:
    """All of them as one person, in every tab."""
    session.act_together()
    return text.TOGETHER_NOW


PEOPLE_ACTS: Mapping[str, Act] = {
    "switch": switch_person,
    "add": add_person,
    "together": act_together,
}
