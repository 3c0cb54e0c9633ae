"""The person's principles on the taste page: written, changed, removed, and what each one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatfeedback.errors import InputRefused
from chatfeedback.session import Session
from ui import text
from ui.views import Act, Gesture


def show_principles(session: Session, person_id: int) -> list[dict[str, Any]]:
    """Each that holds, with who keeps it and what it changed; for the team, its members' too, which
    are theirs to change."""
    own = _texts(session, person_id)
    return [
        {
            "text": effect.principle.text,
            "kept_by": effect.kept_by,
            "kept_words": text.KEPT_BY[effect.kept_by],
            "does": text.say_effect(effect),
            "own": effect.principle.text in own,
        }
        for effect in session.principle_effects(person_id)
    ]


def add_principle(session: Session, person_id: int, gesture: Gesture) -> str:
    """One more; says so when nothing can keep it."""
    wanted = _read(gesture, "principle")
    session.set_principles(person_id, [*_texts(session, person_id), wanted])
    effects = session.principle_effects(person_id)
    kept_by = {each.principle.text: each.kept_by for each in effects}.get(wanted)
    return text.PRINCIPLE_IDLE if kept_by == "nobody" else text.PRINCIPLE_ADDED


def change_principle(session: Session, person_id: int, gesture: Gesture) -> str:
    """Another wording in its place."""
    old, new = str(gesture.get("old", "")), _read(gesture, "principle")
    texts = _find(session, person_id, old)
    session.set_principles(person_id, [new if each == old else each for each in texts])
    return text.PRINCIPLE_CHANGED


def remove_principle(session: Session, person_id: int, gesture: Gesture) -> str:
    """It holds no more, and nothing that was labelled by it is learned from again."""
    old = str(gesture.get("old", ""))
    texts = _find(session, person_id, old)
    session.set_principles(person_id, [each for each in texts if each != old])
    return text.PRINCIPLE_REMOVED


def _texts(session: Session, person_id: int) -> list[str]:
    return [each.text for each in session.principles(person_id)]


def _find(session: Session, person_id: int, old: str) -> list[str]:
    """All of them; refused when the one that is meant is not among them any more."""
    texts = _texts(session, person_id)
    if old not in texts:
        raise InputRefused(f"There is no principle {old[:60]!r} any more. Reload the page.")
    return texts


def _read(gesture: Gesture, name: str) -> str:
    wanted = str(gesture.get(name, "")).strip()
    if not wanted:
        raise InputRefused("A principle needs some words; this one is empty.")
    return wanted


PRINCIPLE_ACTS: Mapping[str, Act] = {
    "principle-add": add_principle,
    "principle-change": change_principle,
    "principle-remove": remove_principle,
}
