"""What concerns a conversation as a whole: its settings, its file, and finding it again."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from chatfeedback.asking.explore import AskingRate
from chatfeedback.chatting import SAMPLING_LIMITS, read_sampling
from chatfeedback.records import ChatSettings, Exchange, Found, StoredReply
from chatfeedback.session import Session
from ui import text
from ui.conversations import find_title

EVERYTHING = 1_000_000  # exchanges; no conversation has more
FOUND, FOUND_END = "\x02", "\x03"


# --- settings ------------------------------------------------------------------------------


def show_drawer(session: Session, person_id: int, conversation_id: int | None) -> dict[str, Any]:
    """The drawer's value: persona, numbers with their limits, how often to ask."""
    settings = chat_settings(session, person_id, conversation_id)
    usual = asdict(session.usual_sampling())
    chosen = asdict(settings.sampling) if settings.sampling else usual
    return {
        "open": datetime.now().isoformat(),  # differs, so that each opening is drawn
        "persona": settings.persona,
        "numbers": [
            {
                **asdict(limits),
                "label": text.SAMPLING[limits.name],
                "usual": usual[limits.name],
                "value": tell_apart(chosen[limits.name], usual[limits.name]),
            }
            for limits in SAMPLING_LIMITS
        ],
        "rates": [{"value": rate.value, "label": text.RATES[rate.value]} for rate in AskingRate],
        "rate": session.asking_rate(person_id).value,
        "can_export": conversation_id is not None,
    }


def chat_settings(session: Session, person_id: int, conversation_id: int | None) -> ChatSettings:
    """What is set for a conversation; nothing for one that has not begun."""
    if conversation_id is None:
        return ChatSettings()
    return session.queries.chat_settings(person_id, conversation_id)


def tell_apart(chosen: float, usual: float) -> float | None:
    """A number that was chosen; None where it is as usual."""
    return None if chosen == usual else chosen


def read_settings(session: Session, given: Any) -> ChatSettings:
    """What the drawer's form says."""
    sampling = read_sampling(dict(given), session.usual_sampling())
    return ChatSettings(str(given.get("persona", "")).strip(), sampling)


# --- a conversation as a file --------------------------------------------------------------


def write_file(
    session: Session, person_id: int, conversation_id: int, form: Literal["md", "json"]
) -> dict[str, str]:
    """Name, kind and text of a file with the conversation as it is shown."""
    title = find_title(session, person_id, conversation_id)
    exchanges = session.queries.exchanges(person_id, conversation_id, last=EVERYTHING)
    shown = [each.shown_reply_id for each in exchanges if each.shown_reply_id is not None]
    replies = {each.reply_id: each for each in session.queries.replies(person_id, shown)}
    persona = session.queries.chat_settings(person_id, conversation_id).persona
    name = re.sub(r"[^\w-]+", "-", title).strip("-")[:60] or "conversation"
    if form == "json":
        said = json.dumps(
            {"title": title, "messages": list_messages(persona, exchanges, replies)},
            ensure_ascii=False,
            indent=2,
        )
        return {"name": f"{name}.json", "kind": "application/json", "text": said}
    said = write_markdown(title, list_messages(persona, exchanges, replies))
    return {"name": f"{name}.md", "kind": "text/markdown", "text": said}


def list_messages(
    persona: str, exchanges: list[Exchange], replies: dict[int, StoredReply]
) -> list[dict[str, str]]:
    """Who said what, as chat APIs write it."""
    messages = [{"role": "system", "content": persona}] if persona else []
    for each in exchanges:
        messages.append({"role": "user", "content": each.text})
        reply = replies.get(each.shown_reply_id or -1)
        if reply is not None:
            messages.append({"role": "assistant", "content": reply.text})
    return messages


def write_markdown(title: str, messages: list[dict[str, str]]) -> str:
    """One heading for the conversation, one for every turn."""
    turns = [f"## {text.SPEAKERS[each['role']]}\n\n{each['content']}\n" for each in messages]
    return "\n".join([f"# {title}\n", *turns])


# --- finding -------------------------------------------------------------------------------


def show_found(session: Session, person_id: int, words: str) -> dict[str, Any]:
    """The finder's value: what was found, each excerpt cut into plain and marked pieces."""
    found = session.queries.search(person_id, words)
    return {"words": words, "items": [show_place(each) for each in found]}


def show_place(found: Found) -> dict[str, Any]:
    """One line of the finder."""
    pieces: list[dict[str, Any]] = []
    for part in found.excerpt.split(FOUND):
        marked, has_mark, plain = part.partition(FOUND_END)
        if has_mark:
            pieces.append({"text": marked, "mark": True})
        pieces.append({"text": plain if has_mark else marked, "mark": False})
    return {
        "id": found.conversation_id,
        "message": found.message_id,
        "title": found.title,
        "who": text.SPEAKERS["assistant" if found.is_reply else "user"],
        "when": text.say_when(found.created_at_utc, datetime.now().astimezone()),
        "pieces": [piece for piece in pieces if piece["text"]],
    }
