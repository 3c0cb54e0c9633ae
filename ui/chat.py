"""The chat page's transcript and its gestures, as plain functions and generators.

Everything shown is read from `session.queries`; nothing that comes back from the browser is used
except ids, and the session answers `NotFound` for ids that are not this person's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chatfeedback.errors import EngineUnavailable
from chatfeedback.records import (
    AdapterVersion,
    Exchange,
    FeedbackEvent,
    Learned,
    ReplyProgress,
    StoredReply,
    TraitBelief,
)
from chatfeedback.session import Session
from chatfeedback.taste.preferences import CHIPS
from ui import text
from ui.compare import show_comparison, show_streaming_comparison
from ui.markdown import render_markdown

REASONS = [chip.name for chip in CHIPS]
PAGE_EXCHANGES = 50  # how many exchanges are shown before "show earlier messages"
FRAME_S = 0.05  # a streaming page is refreshed this often, not per token
REVEAL_FRAME_S = 0.025  # an answer that was chosen among several is shown in frames of this


@dataclass(frozen=True)
class Note:
    """A line under a reply: what a gesture did. `undoes` is the feedback it can take back."""

    text: str
    undoes: int | None = None


# --- the transcript ----------------------------------------------------------------------


def show_transcript(
    session: Session,
    person_id: int,
    conversation_id: int | None,
    *,
    last: int = PAGE_EXCHANGES,
    notes: Mapping[int, Note] | None = None,
    rewriting_message_id: int | None = None,
) -> dict[str, Any]:
    """The transcript widget's value: the last exchanges, oldest first.

    What is still being written is left to the live block; `writing` says that there is more to
    come. `rewriting_message_id` hides that message's answer while another one is being written.
    """
    if conversation_id is None:
        return {"items": [], "empty": True, "starters": list(text.STARTERS), "last": last}
    found = session.queries.exchanges(person_id, conversation_id, last=last + 1)
    shown = found[-last:]
    reader = _Reader.read(session, person_id, shown, notes or {})
    items = [
        reader.show_exchange(each, each is shown[-1], each.message_id == rewriting_message_id)
        for each in shown
        if not reader.is_first_answer_unfinished(each)
    ]
    return {
        "items": items,
        "writing": any(reader.is_unfinished(each) for each in shown),
        "empty": not found,
        "starters": list(text.STARTERS),
        "last": last,
        "earlier": len(found) > last,
        "context": show_context(session, reader.replies),
    }


@dataclass(frozen=True)
class _Reader:
    """What a transcript needs, read in six queries however long it is."""

    replies: Mapping[int, StoredReply]
    thumbs: Mapping[int, int]
    chips: Mapping[int, tuple[str, ...]]
    reactions: Mapping[int, tuple[FeedbackEvent, ...]]
    versions: Mapping[str, AdapterVersion]
    notes: Mapping[int, Note]

    @classmethod
    def read(
        cls,
        session: Session,
        person_id: int,
        exchanges: list[Exchange],
        notes: Mapping[int, Note],
    ) -> _Reader:
        ids = [reply_id for each in exchanges for reply_id in _reply_ids_shown(each)]
        queries = session.queries
        return cls(
            {reply.reply_id: reply for reply in queries.replies(person_id, ids)},
            queries.thumbs(person_id, ids),
            queries.chips(person_id, ids),
            queries.reactions(person_id, ids),
            {version.adapter_id: version for version in queries.versions(person_id)},
            notes,
        )

    def is_unfinished(self, exchange: Exchange) -> bool:
        """True while an answer to it is being written, in this tab or another."""
        return any(
            self.replies[reply_id].state == "streaming" for reply_id in _reply_ids_shown(exchange)
        )

    def is_first_answer_unfinished(self, exchange: Exchange) -> bool:
        """True when there is nothing to show yet but what the live block shows."""
        is_only = len(exchange.reply_ids) == len(_reply_ids_shown(exchange))
        return is_only and self.is_unfinished(exchange)

    def show_exchange(self, exchange: Exchange, is_last: bool, is_hidden: bool) -> dict[str, Any]:
        item: dict[str, Any] = {
            "message_id": exchange.message_id,
            "user": exchange.text,
            "variants": _page_siblings(exchange.variants, exchange.message_id),
            "last": is_last,
            "hidden": is_hidden or self.is_unfinished(exchange),
            "reply": None,
            "compare": None,
        }
        if item["hidden"]:
            return item
        if exchange.shown_reply_id is not None:
            item["reply"] = self.show_reply(exchange, self.replies[exchange.shown_reply_id])
        elif exchange.open_comparison is not None:
            item["compare"] = show_comparison(exchange.open_comparison, self.replies)
        return item

    def show_reply(self, exchange: Exchange, reply: StoredReply) -> dict[str, Any]:
        note = self.notes.get(reply.reply_id)
        return {
            "id": reply.reply_id,
            "html": render_markdown(reply.text),
            "text": reply.text,
            "state": reply.state,
            "cut": text.say_cut(reply),
            "can_go_on": reply.can_go_on,
            "thumb": self.thumbs.get(reply.reply_id, 0),
            "chips": list(self.chips.get(reply.reply_id, ())),
            "options": REASONS,
            **show_reactions(self.reactions.get(reply.reply_id, ())),
            "pager": _page_siblings(exchange.reply_ids, reply.reply_id),
            "meta": text.say_reply_origin(reply, self.versions),
            "note": {"text": note.text, "undoes": note.undoes} if note else None,
        }


def show_reactions(events: tuple[FeedbackEvent, ...]) -> dict[str, Any]:
    """Stars, comment and flags of one reply, as they stand."""
    return {
        "rating": next((event.value for event in events if event.kind == "rating"), 0),
        "comment": next((event.text for event in events if event.kind == "comment"), ""),
        "flags": [event.flag for event in events if event.kind == "flag"],
    }


def show_context(session: Session, replies: Mapping[int, StoredReply]) -> dict[str, Any] | None:
    """How much of what the model can read the talk fills by now; None before there is a reply."""
    base = session.engine_state().base
    if base is None:
        return None
    counted = [
        reply
        for reply in replies.values()
        if reply.prompt_ids and reply.token_ids and reply.base_key == base.key
    ]
    if not counted:
        return None
    latest = max(counted, key=lambda reply: reply.message_id)
    tokens = len(latest.prompt_ids) + len(latest.token_ids)
    share = min(1.0, tokens / max(1, base.context_tokens))
    return {"percent": round(100 * share), "says": text.say_context(tokens, base.context_tokens)}


def _reply_ids_shown(exchange: Exchange) -> tuple[int, ...]:
    if exchange.shown_reply_id is not None:
        return (exchange.shown_reply_id,)
    return exchange.open_comparison.reply_ids if exchange.open_comparison else ()


def _page_siblings(reply_ids: tuple[int, ...], shown: int) -> dict[str, Any] | None:
    """Where the shown reply stands among its siblings; None when it is the only one."""
    if len(reply_ids) < 2 or shown not in reply_ids:
        return None
    at = reply_ids.index(shown)
    return {
        "at": at + 1,
        "of": len(reply_ids),
        "before": reply_ids[at - 1] if at else None,
        "after": reply_ids[at + 1] if at + 1 < len(reply_ids) else None,
    }


# --- a reply being written ----------------------------------------------------------------


def will_be_ready(session: Session) -> bool:
    """True while the model is being loaded: a message can wait for it."""
    return session.engine_state().phase in ("starting", "loading", "restarting")


def require_engine(session: Session) -> None:
    """Refuse to send while no model can answer, so that the draft stays a draft."""
    state = session.engine_state()
    if state.phase != "ready":
        raise EngineUnavailable(text.say_not_ready(state))


def show_waiting(message: str | None, *, compare: bool) -> dict[str, Any]:
    """The live block before the first word; message None shows no question bubble."""
    item: dict[str, Any] = {
        "message_id": 0,
        "user": message,
        "last": True,
        "hidden": False,
        "reply": None,
        "compare": show_streaming_comparison(("", "")) if compare else None,
        "status": text.THINKING,
    }
    return {"items": [item], "live": True}


def show_progress(message: str | None, progress: ReplyProgress) -> dict[str, Any]:
    """The live block while an answer, or two, are being written."""
    value = show_waiting(message, compare=progress.comparison_id is not None)
    item = value["items"][0]
    rivals = progress.comparison_id is not None
    choosing = text.CHOOSING_RIVALS if rivals else text.CHOOSING
    item["status"] = choosing if progress.phase == "choosing" else ""
    if rivals:
        item["compare"] = show_streaming_comparison(progress.texts)
    elif progress.phase != "choosing":
        item["reply"] = {"html": render_markdown(progress.texts[0]), "state": "streaming"}
    return value


def show_begun(cut: StoredReply) -> dict[str, Any]:
    """The live block before the first new word of an answer that goes on."""
    begun = ReplyProgress("streaming", cut.message_id, (cut.reply_id,), (cut.text,))
    return show_progress(None, begun)


NOTHING_LIVE: dict[str, Any] = {"items": [], "live": True}


def pace(progress: Iterator[ReplyProgress], clock: Any = time) -> Iterator[ReplyProgress]:
    """At most one update per frame; the last one always comes.

    Words that arrive one by one are batched. An answer chosen among several is complete when it
    arrives, so it is shown in frames instead of at once.
    """
    latest_s, frame_s, waits = -1.0, FRAME_S, False
    for each in progress:
        if each.phase == "choosing":
            waits, frame_s = True, REVEAL_FRAME_S
        elapsed_s = clock.monotonic() - latest_s
        if each.phase == "streaming" and elapsed_s < frame_s:
            if not waits:
                continue
            clock.sleep(frame_s - elapsed_s)
        latest_s = clock.monotonic()
        yield each


# --- gestures -----------------------------------------------------------------------------


def thumb(session: Session, person_id: int, reply_id: int, value: int, client_id: str) -> Learned:
    """Like (+1), dislike (-1) or take the thumb back (0)."""
    return session.give_feedback(
        person_id, FeedbackEvent(client_id, "thumb", reply_id=reply_id, value=value)
    )


def toggle_chip(
    session: Session, person_id: int, reply_id: int, reason: str, client_id: str
) -> Learned:
    """Give a reason, or take it back when it is given already."""
    event = FeedbackEvent(client_id, "chip", reply_id=reply_id, text=reason)
    if reason in session.queries.chips(person_id, [reply_id]).get(reply_id, ()):
        given = _find_chip(session, person_id, reply_id, reason)
        event = FeedbackEvent(client_id, "undo", undoes=given)
    return session.give_feedback(person_id, event)


def _find_chip(session: Session, person_id: int, reply_id: int, reason: str) -> int:
    return next(
        stored.feedback_id
        for stored in reversed(session.queries.feedback(person_id))
        if not stored.undone
        and stored.event.kind == "chip"
        and (stored.event.reply_id, stored.event.text) == (reply_id, reason)
    )


def rewrite(
    session: Session, person_id: int, reply_id: int, better: str, client_id: str
) -> Learned:
    """Store a better answer, written by the person."""
    return session.give_feedback(
        person_id, FeedbackEvent(client_id, "edit", reply_id=reply_id, text=better)
    )


def react(session: Session, person_id: int, event: FeedbackEvent) -> Learned:
    """Stars, a comment or a flag."""
    return session.give_feedback(person_id, event)


def undo(session: Session, person_id: int, feedback_id: int, client_id: str) -> Learned:
    """Take one reaction back."""
    return session.give_feedback(person_id, FeedbackEvent(client_id, "undo", undoes=feedback_id))


def note_learned(
    learned: Learned, before: Mapping[str, TraitBelief], *, extra: str = "", can_undo: bool = True
) -> Note:
    """The line that says what a gesture taught, with each moved belief's old and new value."""
    sentence = text.say_learned(learned, before)
    undoes = learned.feedback_id if can_undo else None
    return replace(Note(sentence, undoes), text=f"{sentence} · {extra}" if extra else sentence)


def read_beliefs(session: Session, person_id: int) -> dict[str, TraitBelief]:
    """The beliefs by trait, to tell later what a gesture moved."""
    return {belief.name: belief for belief in session.beliefs(person_id)}
