"""Chats with their feedback, into the database from a file and out of it for one. Every function
runs in its caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlite_utils import Database

from chatfeedback.errors import InputRefused
from chatfeedback.exchange.formats.shared import (
    SharedChat,
    SharedExchange,
    SharedReaction,
    SharedReply,
)
from chatfeedback.exchange.known import Known, as_context, claims_in, keep_new
from chatfeedback.records import IMPORTED, FeedbackEvent, Imported, Sampling
from storage.branches import ways_through
from storage.browsing import last_forgotten
from storage.chat import next_recency
from storage.feedback import add_comparison, add_feedback, event_from
from storage.replies import add_edit, mark_shown
from storage.rows import Row, fetch, id_list, insert, pack_sampling, utc_now

SHARED_KINDS = ("thumb", "pick", "rank", "rating", "edit", "chip", "flag", "comment", "trait")
Judged = tuple[str, int, SharedReaction, int, list[int]]  # when, order, what, message, replies


# --- in ------------------------------------------------------------------------------------------


def tell_nobody(_: int) -> None:
    """How far it is, for nobody."""


def add_chats(
    db: Database,
    person_id: int,
    source: str,
    chats: Sequence[SharedChat],
    note: Callable[[int], None] = tell_nobody,
) -> Imported:
    """Store what is new. Replies have no token ids or features yet; an engine reads them later.

    Chats of a file are not listed among a person's own. Reactions are added in the order in which
    they were given, as far as the file says when.
    """
    total = sum(1 for chat in chats for _ in chat.reactions())
    new = [each for each in new_in(db, person_id, chats) if each is not None]
    waiting: list[Judged] = []
    for number, chat in enumerate(new):
        note(number)
        waiting += [(each.at_utc, len(waiting), each, 0, []) for each in chat.traits]
        waiting += add_chat(db, person_id, source, chat, len(waiting))
    waiting.sort(key=lambda each: (each[0] or "~", each[1]))
    for at_utc, _, said, message_id, reply_ids in waiting:
        add_reaction(db, person_id, said, at_utc, message_id, reply_ids)
    added = sum(1 for chat in new if chat.exchanges)
    return Imported(added, len(waiting), total - len(waiting))


def new_in(db: Database, person_id: int, chats: Sequence[SharedChat]) -> list[SharedChat | None]:
    """Of each chat what is not stored yet; None where all of it is."""
    names = [each.key for chat in chats for each in chat.reactions()]
    names += [each.key for chat in chats for each in chat.exchanges]
    known = Known(known_names(db, person_id, names), claims_in(all_chats(db, person_id)))
    return list(keep_new(chats, known))


def known_names(db: Database, person_id: int, names: Iterable[str]) -> set[str]:
    """Those that this person's feedback, or messages, bear already; of "a/1" also "a"."""
    asked = names_list({whole for name in names for whole in (name, name.partition("/")[0])})
    rows = fetch(
        db,
        """
        SELECT client_id FROM feedback
        WHERE person_id = ? AND client_id IN (SELECT value FROM json_each(?))
        UNION SELECT client_id FROM message
        WHERE person_id = ? AND client_id IN (SELECT value FROM json_each(?))
        """,
        person_id,
        asked,
        person_id,
        asked,
    )
    return {row["client_id"] for row in rows}


def names_list(names: Iterable[str]) -> str:
    """Names as one parameter, for `IN (SELECT value FROM json_each(?))`."""
    return json.dumps(list(names))


def add_chat(
    db: Database,
    person_id: int,
    source: str,
    chat: SharedChat,
    order: int,
) -> list[Judged]:
    """The messages and replies of one chat, where they are not stored yet; returns the reactions
    that are to be added, the first of them with this place in the order."""
    conversation_id = None
    waiting: list[Judged] = []
    for exchange in chat.exchanges:
        row = find_message_named(db, person_id, exchange)
        if row is None:
            if conversation_id is None:
                conversation_id = add_source(db, person_id, source, chat)
            message_id = add_message(db, person_id, conversation_id, exchange)
        else:
            conversation_id, message_id = row["conversation_id"], row["id"]
        reply_ids = add_replies(db, person_id, message_id, exchange, is_new=row is None)
        waiting += [
            (said.at_utc, order + len(waiting) + at, said, message_id, reply_ids)
            for at, said in enumerate(exchange.reactions)
        ]
    return waiting


def find_message_named(db: Database, person_id: int, exchange: SharedExchange) -> Row | None:
    """The message of an exchange that is stored already."""
    rows = fetch(
        db,
        "SELECT id, conversation_id, text FROM message WHERE person_id = ? AND client_id = ?",
        person_id,
        exchange.key,
    )
    if rows and rows[0]["text"] != exchange.prompt:
        raise InputRefused(
            f"The file has a message named {exchange.key!r} that says something else here. "
            'Remove its "id" from the file, and it is taken as a new one.'
        )
    return rows[0] if rows else None


def add_source(db: Database, person_id: int, source: str, chat: SharedChat) -> int:
    """A conversation that is not listed, since nobody had it here."""
    now = utc_now()
    record = {
        "person_id": person_id,
        "title": chat.title or chat.exchanges[0].prompt.splitlines()[0][:48],
        "recency": next_recency(db, person_id),
        "is_hidden": 1,
        "source": source,
        "created_at_utc": now,
        "updated_at_utc": now,
    }
    return insert(db, "conversation", record)


def add_message(
    db: Database, person_id: int, conversation_id: int, exchange: SharedExchange
) -> int:
    """The message of an exchange."""
    record = {
        "person_id": person_id,
        "conversation_id": conversation_id,
        "client_id": exchange.key,
        "text": exchange.prompt,
        "created_at_utc": utc_now(),
    }
    return insert(db, "message", record)


def add_replies(
    db: Database, person_id: int, message_id: int, exchange: SharedExchange, *, is_new: bool
) -> list[int]:
    """Ids of an exchange's replies, in their order; those that are stored already stay. Two may
    say the same and still be two."""
    rows = fetch(
        db,
        """
        SELECT id, text, edited_from FROM reply
        WHERE message_id = ? AND person_id = ? ORDER BY id
        """,
        message_id,
        person_id,
    )
    there: dict[tuple[str, int | None], list[int]] = {}
    for row in rows:
        there.setdefault((row["text"], row["edited_from"]), []).append(row["id"])
    reply_ids: list[int] = []
    for reply in exchange.replies:
        origin = None if reply.rewrites is None else reply_ids[reply.rewrites]
        known = there.get((reply.text, origin))
        reply_ids.append(
            known.pop(0)
            if known
            else add_reply(db, person_id, message_id, reply, origin, exchange.is_context)
        )
    if is_new and reply_ids:
        db.execute(
            "UPDATE message SET shown_reply_id = ? WHERE id = ? AND person_id = ?",
            [reply_ids[exchange.kept], message_id, person_id],
        )
    return reply_ids


def add_reply(
    db: Database,
    person_id: int,
    message_id: int,
    reply: SharedReply,
    origin: int | None,
    is_context: bool,
) -> int:
    """A reply that no model of ours has written or read. One that only leads up to another was
    never there to be judged."""
    record = {
        "person_id": person_id,
        "message_id": message_id,
        "edited_from": origin,
        "state": "done",
        "was_shown": int(not is_context),
        "text": reply.text,
        "stop_reason": "end",
        "base_key": "",
        "adapter_scale": 0.0,
        "sampling": pack_sampling(Sampling()),
        "seed": 0,
        "candidates": 1,
        "created_at_utc": utc_now(),
    }
    return insert(db, "reply", record)


def add_reaction(
    db: Database,
    person_id: int,
    said: SharedReaction,
    at_utc: str,
    message_id: int,
    reply_ids: list[int],
) -> None:
    """One reaction, with ids in place of positions."""
    comparison_id = None
    if said.shown:
        shown = [reply_ids[at] for at in said.shown]
        comparison_id = find_comparison(db, message_id, shown)
        if comparison_id is None:
            comparison_id = add_comparison(db, person_id, message_id, shown, IMPORTED)
    reply_id = None if said.reply is None else reply_ids[said.reply]
    if said.kind == "edit" and reply_id is not None and said.text is not None:
        edited = add_edit(db, person_id, reply_id, said.text)
        mark_shown(db, person_id, [edited])
    event = FeedbackEvent(
        client_id=said.key,
        kind=said.kind,
        reply_id=reply_id,
        comparison_id=comparison_id,
        outcome=said.outcome,
        value=said.value,
        text=said.text,
        order=None if said.order is None else tuple(reply_ids[at] for at in said.order),
        trait=said.trait,
        flag=said.flag,
    )
    feedback_id, is_new = add_feedback(db, person_id, event, at_utc)
    if said.is_excluded and is_new:
        set_aside(db, person_id, feedback_id, is_aside=True)


def find_comparison(db: Database, message_id: int, reply_ids: list[int]) -> int | None:
    """The comparison that showed exactly these replies in this order."""
    rows = fetch(
        db,
        """
        SELECT comparison_id, group_concat(reply_id) AS shown FROM (
            SELECT comparison_id, reply_id FROM comparison_reply WHERE message_id = ?
            ORDER BY comparison_id, position
        ) GROUP BY comparison_id
        """,
        message_id,
    )
    wanted = ",".join(map(str, reply_ids))
    return next((row["comparison_id"] for row in rows if row["shown"] == wanted), None)


def set_aside(db: Database, person_id: int, feedback_id: int, *, is_aside: bool) -> None:
    """Keep an event out of what counts, or let it count again. What was learned from it is stale
    then, so stored reward models go in the same transaction and are made anew."""
    if is_aside:
        db.execute(
            "INSERT OR IGNORE INTO exclusion VALUES (?, ?, ?)", [feedback_id, person_id, utc_now()]
        )
    else:
        db.execute(
            "DELETE FROM exclusion WHERE feedback_id = ? AND person_id = ?",
            [feedback_id, person_id],
        )
    db.execute("DELETE FROM reward_model WHERE person_id = ?", [person_id])


def replace_feedback(
    db: Database, person_id: int, feedback_id: int, undo_id: str, event: FeedbackEvent
) -> tuple[int, bool]:
    """Take an event back and put another in its place; (its id, True if new)."""
    known = fetch(
        db, "SELECT 1 FROM feedback WHERE person_id = ? AND client_id = ?", person_id, undo_id
    )
    if not known:
        add_feedback(db, person_id, FeedbackEvent(undo_id, "undo", undoes=feedback_id))
    if event.kind == "edit" and event.reply_id is not None:
        edited = add_edit(db, person_id, event.reply_id, event.text or "")
        mark_shown(db, person_id, [edited])
    return add_feedback(db, person_id, event)


def vote_later(
    db: Database,
    person_id: int,
    message_id: int,
    reply_ids: list[int],
    event: FeedbackEvent,
    why: str,
) -> tuple[int, bool]:
    """A vote on replies that never stood like this before; (feedback id, True if new).

    The conversation keeps the reply it went on with.
    """
    comparison_id = find_comparison(db, message_id, reply_ids)
    if comparison_id is None:
        comparison_id = add_comparison(db, person_id, message_id, reply_ids, why)
    return add_feedback(db, person_id, replace(event, comparison_id=comparison_id))


# --- out -----------------------------------------------------------------------------------------


def shared_chats(db: Database, person_id: int) -> list[SharedChat]:
    """Every conversation that something stands about, in order, and the words on traits."""
    events = standing_events(db, person_id)
    message_ids = [row["message_id"] for row in events if row["message_id"] is not None]
    return chats_from(db, person_id, events, conversations_of(db, person_id, message_ids))


def all_chats(db: Database, person_id: int) -> list[SharedChat]:
    """Every conversation there is, with all that was ever said of it, taken back or not."""
    return chats_from(db, person_id, all_events(db, person_id), conversations_of(db, person_id))


def chats_from(
    db: Database, person_id: int, events: list[Row], conversations: list[list[Row]]
) -> list[SharedChat]:
    """Conversations with these events. Where a message was revised, each way on is a chat of its
    own; what it shares with an earlier one only leads up to it."""
    traits = tuple(
        SharedReaction("trait", trait=row["trait"], value=row["value"], **_origin(row))
        for row in events
        if row["kind"] == "trait"
    )
    said: dict[int, list[Row]] = {}
    for row in events:
        said.setdefault(row["message_id"], []).append(row)
    chats = [SharedChat(traits=traits)] if traits else []
    for messages in conversations:
        exchanges = exchanges_from(db, person_id, messages, said)
        told: set[int] = set()
        for way in ways_through(messages):
            ids = [row["id"] for row in way if not row["is_withdrawn"]]
            found = [
                replace(as_context(exchanges[each]), key="") if each in told else exchanges[each]
                for each in ids
            ]
            chats.append(SharedChat(tuple(found), title=messages[0]["title"]))
            told.update(ids)
    return chats


EVENTS = """
SELECT event.*, coalesce(reply.message_id, comparison.message_id) AS message_id,
    exclusion.feedback_id IS NOT NULL AS is_aside
FROM feedback AS event
    LEFT JOIN reply ON reply.id = event.reply_id
    LEFT JOIN comparison ON comparison.id = event.comparison_id
    LEFT JOIN exclusion ON exclusion.feedback_id = event.id
WHERE event.person_id = ? AND event.kind IN (SELECT value FROM json_each(?))
"""


def all_events(db: Database, person_id: int) -> list[Row]:
    """Every event that a file can say, in order."""
    return fetch(db, f"{EVENTS} ORDER BY event.id", person_id, names_list(SHARED_KINDS))


def standing_events(db: Database, person_id: int) -> list[Row]:
    """Events that nobody took back and that were not forgotten, those set aside included."""
    return fetch(
        db,
        f"""
        {EVENTS}
            AND NOT EXISTS (SELECT 1 FROM feedback AS undo WHERE undo.undoes = event.id)
            AND event.id > ?
        ORDER BY event.id
        """,
        person_id,
        names_list(SHARED_KINDS),
        last_forgotten(db, person_id),
    )


def conversations_of(
    db: Database, person_id: int, message_ids: Iterable[int] | None = None
) -> list[list[Row]]:
    """The messages of every conversation in order, or of those that have one of these."""
    rows = fetch(
        db,
        """
        SELECT message.*, conversation.title FROM message
            JOIN conversation ON conversation.id = message.conversation_id
        WHERE message.person_id = ? AND (? IS NULL OR conversation.id IN (
                SELECT conversation_id FROM message
                WHERE id IN (SELECT value FROM json_each(?))
            ))
        ORDER BY message.conversation_id, message.id
        """,
        person_id,
        *[None if message_ids is None else id_list(message_ids)] * 2,
    )
    return [list(each) for _, each in groupby(rows, key=itemgetter("conversation_id"))]


def exchanges_from(
    db: Database, person_id: int, messages: list[Row], said: dict[int, list[Row]]
) -> dict[int, SharedExchange]:
    """message id -> its exchange. Replies that were never shown stay here."""
    replies: dict[int, list[Row]] = {}
    for row in fetch(
        db,
        """
        SELECT id, message_id, text, edited_from, was_shown FROM reply
        WHERE message_id IN (SELECT value FROM json_each(?)) AND person_id = ? AND text <> ''
        ORDER BY id
        """,
        id_list([row["id"] for row in messages]),
        person_id,
    ):
        replies.setdefault(row["message_id"], []).append(row)
    return {row["id"]: exchange_from(db, row, replies.get(row["id"], []), said) for row in messages}


def exchange_from(
    db: Database, message: Row, replies: list[Row], said: dict[int, list[Row]]
) -> SharedExchange:
    """One message with the replies that were shown, or that the conversation went on with."""
    kept_id = message["shown_reply_id"]
    shown = [row for row in replies if row["was_shown"] or row["id"] == kept_id]
    at = {row["id"]: number for number, row in enumerate(shown)}
    reactions = [reaction_from(db, row, at) for row in said.get(message["id"], [])]
    return SharedExchange(
        prompt=message["text"],
        replies=tuple(SharedReply(row["text"], at.get(row["edited_from"])) for row in shown),
        reactions=tuple(each for each in reactions if each is not None),
        kept=at.get(kept_id, 0),
        key=message["client_id"],
        is_context=bool(shown) and not any(row["was_shown"] for row in shown),
    )


def reaction_from(db: Database, row: Row, at: dict[int, int]) -> SharedReaction | None:
    """One event, with positions in place of ids; None when it is about a blank reply."""
    event = event_from(row)
    shown: list[int] = []
    if event.comparison_id is not None:
        shown = [
            each["reply_id"]
            for each in fetch(
                db,
                "SELECT reply_id FROM comparison_reply WHERE comparison_id = ? ORDER BY position",
                event.comparison_id,
            )
        ]
    named = [*shown, *(event.order or ()), *([event.reply_id] if event.reply_id else [])]
    if any(number not in at for number in named):
        return None
    return SharedReaction(
        kind=row["kind"],
        reply=None if event.reply_id is None else at[event.reply_id],
        shown=tuple(at[number] for number in shown),
        outcome=event.outcome,
        value=event.value,
        text=event.text,
        order=None if event.order is None else tuple(at[number] for number in event.order),
        flag=event.flag,
        **_origin(row),
    )


def _origin(row: Row) -> dict[str, Any]:
    """An event's name, time, and whether it is set aside."""
    return {
        "key": row["client_id"],
        "at_utc": row["created_at_utc"],
        "is_excluded": bool(row["is_aside"]),
    }
