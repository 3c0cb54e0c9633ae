"""The sidebar's list of conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chatfeedback.errors import NotFound
from chatfeedback.session import Session
from ui import text

MOST_LISTED = 1000  # older ones are found by searching everything


def show_conversations(
    session: Session, person_id: int, current: int | None, now: datetime | None = None
) -> dict[str, Any]:
    """The list widget's value: newest first, under Today, Yesterday and Earlier."""
    now = now or datetime.now().astimezone()
    items: list[dict[str, Any]] = []
    heading = ""
    for each in session.queries.conversations(person_id, limit=MOST_LISTED):
        day = text.name_day(each.updated_at_utc, now)
        if day != heading:
            items.append({"heading": day})
            heading = day
        items.append(
            {
                "id": each.conversation_id,
                "title": each.title,
                "on": each.conversation_id == current,
            }
        )
    return {"items": items, "current": current, "acts": name_who_acts(session, person_id)}


def name_who_acts(session: Session, person_id: int) -> str:
    """Whose conversations these are; "" where there is nobody else."""
    people = session.queries.people()
    named = (each.name for each in people if each.person_id == person_id)
    return next(named, "") if len(people) > 1 else ""


def find_title(session: Session, person_id: int, conversation_id: int | None) -> str:
    """The conversation's title; 'New chat' for none."""
    if conversation_id is None:
        return text.NEW_CHAT
    for each in session.queries.conversations(person_id, limit=10_000):
        if each.conversation_id == conversation_id:
            return each.title
    raise NotFound(f"There is no conversation {conversation_id}. Pick one from the list.")


def parse_id(value: object) -> int | None:
    """An id as the page or the address gives it; None when it is none."""
    digits = str(value if value is not None else "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
