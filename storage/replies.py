"""Replies and what the base model makes of them. A reply is written once, when it ends; every
function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils import Database

from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.records import (
    GeneratedReply,
    ReplyFeatures,
    Sampling,
    ScoredText,
    StoredReply,
)
from storage.rows import (
    Row,
    features_from,
    fetch,
    fetch_one,
    id_list,
    insert,
    pack_hidden,
    pack_ids,
    pack_sampling,
    unpack_ids,
    unpack_sampling,
    utc_now,
)

COLUMNS = "reply.*, message.text AS prompt_text"
TABLES = "reply JOIN message ON message.id = reply.message_id"


def add_replies(
    db: Database,
    person_id: int,
    message_id: int,
    *,
    n: int,
    adapter_id: str | None,
    adapter_scale: float,
    base_key: str,
    sampling: Sampling,
    seed: int,
    candidates: int,
    show: bool,
) -> list[int]:
    """n replies in state "streaming"; with `show`, the first is the conversation's."""
    find_message(db, person_id, message_id)
    record = {
        "person_id": person_id,
        "message_id": message_id,
        "state": "streaming",
        "was_shown": 0,
        "base_key": base_key,
        "adapter_id": adapter_id,
        "adapter_scale": adapter_scale,
        "sampling": pack_sampling(sampling),
        "seed": seed,
        "candidates": candidates,
        "created_at_utc": utc_now(),
    }
    reply_ids = [insert(db, "reply", record) for _ in range(n)]
    if show:
        show_reply(db, person_id, reply_ids[0])
    return reply_ids


def show_reply(db: Database, person_id: int, reply_id: int) -> None:
    """Make it the conversation's reply to its message."""
    message_id = find_reply(db, person_id, reply_id)["message_id"]
    mark_shown(db, person_id, [reply_id])
    db.execute(
        "UPDATE message SET shown_reply_id = ? WHERE id = ? AND person_id = ?",
        [reply_id, message_id, person_id],
    )


def mark_shown(db: Database, person_id: int, reply_ids: Sequence[int]) -> None:
    """Remember that the person saw these replies: from now on they may be judged."""
    db.execute(
        """
        UPDATE reply SET was_shown = 1
        WHERE id IN (SELECT value FROM json_each(?)) AND person_id = ?
        """,
        [id_list(reply_ids), person_id],
    )


def finish_reply(db: Database, person_id: int, reply_id: int, reply: GeneratedReply) -> None:
    """Everything the engine said about a reply, at once."""
    require_streaming(db, person_id, reply_id)
    db.execute(
        """
        UPDATE reply SET state = ?, text = ?, prompt_ids = ?, token_ids = ?, stop_reason = ?,
            policy_logprob = ?, first_token_ms = ?, reply_ms = ?, dropped_turns = ?
        WHERE id = ? AND person_id = ?
        """,
        [
            "interrupted" if reply.stop_reason == "cancelled" else "done",
            reply.text,
            pack_ids(reply.prompt_ids),
            pack_ids(reply.token_ids),
            reply.stop_reason,
            reply.policy_logprob,
            reply.first_token_ms,
            reply.reply_ms,
            reply.dropped_turns,
            reply_id,
            person_id,
        ],
    )
    store_features(db, reply_id, reply.features)


def cut_reply(
    db: Database,
    person_id: int,
    reply_id: int,
    text: str,
    token_ids: Sequence[int],
    *,
    state: str,
    stop_reason: str | None,
) -> None:
    """End a reply that the engine did not finish, with the text so far and its ids."""
    require_streaming(db, person_id, reply_id)
    db.execute(
        """
        UPDATE reply SET state = ?, text = ?, token_ids = ?, stop_reason = ?
        WHERE id = ? AND person_id = ?
        """,
        [state, text, pack_ids(token_ids), stop_reason, reply_id, person_id],
    )


def interrupt_streaming(db: Database) -> None:
    """At start: what still streams was cut off with the app."""
    db.execute("UPDATE reply SET state = 'interrupted' WHERE state = 'streaming'")


def add_edit(db: Database, person_id: int, reply_id: int, text: str) -> int:
    """A rewritten answer beside the reply it rewrites; the same text again, the same id."""
    if not text.strip():
        raise InputRefused("The rewritten answer is empty. Write one and send it again.")
    origin = find_reply(db, person_id, reply_id)
    known = rewritten(db, person_id, reply_id, text)
    if known is not None:
        return known
    kept = ("person_id", "message_id", "prompt_ids", "base_key", "sampling", "seed")
    record = {name: origin[name] for name in kept} | {
        "edited_from": reply_id,
        "state": "done",
        "was_shown": 0,
        "text": text,
        "stop_reason": "end",
        "adapter_scale": 0.0,
        "candidates": 1,
        "created_at_utc": utc_now(),
    }
    return insert(db, "reply", record)


def rewritten(db: Database, person_id: int, reply_id: int, text: str) -> int | None:
    """The sibling that holds this rewrite of a reply, if there is one."""
    rows = fetch(
        db,
        "SELECT id FROM reply WHERE edited_from = ? AND person_id = ? AND text = ?",
        reply_id,
        person_id,
        text,
    )
    return rows[0]["id"] if rows else None


def set_features(db: Database, person_id: int, reply_id: int, scored: ScoredText) -> None:
    """Features under one base; a rewritten answer takes its token ids from there too."""
    reply = find_reply(db, person_id, reply_id)
    if not reply["token_ids"]:
        db.execute(
            """
            UPDATE reply SET prompt_ids = ?, token_ids = ?, base_key = ?
            WHERE id = ? AND person_id = ?
            """,
            [
                pack_ids(scored.prompt_ids),
                pack_ids(scored.token_ids),
                scored.features.base_key,
                reply_id,
                person_id,
            ],
        )
    store_features(db, reply_id, scored.features)


def store_features(db: Database, reply_id: int, features: ReplyFeatures) -> None:
    """The row of this reply under this base."""
    db.execute(
        "INSERT OR REPLACE INTO reply_features VALUES (?, ?, ?, ?, ?, ?)",
        [
            reply_id,
            features.base_key,
            pack_hidden(features.hidden),
            pack_hidden(features.prompt_hidden),
            features.base_logprob,
            features.n_tokens,
        ],
    )


def features(
    db: Database, person_id: int, reply_ids: Sequence[int], base_key: str | None
) -> dict[int, ReplyFeatures]:
    """reply id -> its features under a base (None: the base that wrote it), where known."""
    rows = fetch(
        db,
        """
        SELECT reply_features.* FROM reply_features JOIN reply ON reply.id = reply_id
        WHERE reply_id IN (SELECT value FROM json_each(?)) AND person_id = ?
            AND reply_features.base_key = coalesce(?, reply.base_key)
        """,
        id_list(reply_ids),
        person_id,
        base_key,
    )
    return {row["reply_id"]: features_from(row) for row in rows}


def reply(db: Database, person_id: int, reply_id: int) -> StoredReply:
    """One reply with its features."""
    found = features(db, person_id, [reply_id], None)
    return stored_reply(find_reply(db, person_id, reply_id), found.get(reply_id))


def replies(db: Database, person_id: int, reply_ids: Sequence[int]) -> list[StoredReply]:
    """Replies without features, in the order asked; NotFound if one is missing."""
    rows = fetch(
        db,
        f"""
        SELECT {COLUMNS} FROM {TABLES}
        WHERE reply.id IN (SELECT value FROM json_each(?)) AND reply.person_id = ?
        """,
        id_list(reply_ids),
        person_id,
    )
    found = {row["id"]: stored_reply(row, None) for row in rows}
    missing = [reply_id for reply_id in reply_ids if reply_id not in found]
    if missing:
        raise no_reply(missing[0])
    return [found[reply_id] for reply_id in reply_ids]


def stored_reply(row: Row, features: ReplyFeatures | None) -> StoredReply:
    """The record of a row of reply joined with its message."""
    return StoredReply(
        reply_id=row["id"],
        message_id=row["message_id"],
        prompt_text=row["prompt_text"],
        text=row["text"],
        prompt_ids=unpack_ids(row["prompt_ids"]),
        token_ids=unpack_ids(row["token_ids"]),
        state=row["state"],
        stop_reason=row["stop_reason"],
        adapter_id=row["adapter_id"],
        adapter_scale=row["adapter_scale"],
        sampling=unpack_sampling(row["sampling"]),
        seed=row["seed"],
        base_key=row["base_key"],
        first_token_ms=row["first_token_ms"],
        reply_ms=row["reply_ms"],
        candidates=row["candidates"],
        created_at_utc=row["created_at_utc"],
        features=features,
    )


def find_message(db: Database, person_id: int, message_id: int) -> Row:
    """This person's message; NotFound if there is none."""
    return fetch_one(
        db,
        f"There is no message {message_id}. Reload the page to see what is stored.",
        "SELECT id, conversation_id FROM message WHERE id = ? AND person_id = ?",
        message_id,
        person_id,
    )


def find_reply(db: Database, person_id: int, reply_id: int) -> Row:
    """This person's reply with its prompt; NotFound if there is none."""
    rows = fetch(
        db,
        f"SELECT {COLUMNS} FROM {TABLES} WHERE reply.id = ? AND reply.person_id = ?",
        reply_id,
        person_id,
    )
    if not rows:
        raise no_reply(reply_id)
    return rows[0]


def no_reply(reply_id: int) -> NotFound:
    """The answer to an id that is missing or somebody else's: the same words for both."""
    return NotFound(f"There is no reply {reply_id}. Reload the page to see what is stored.")


def require_streaming(db: Database, person_id: int, reply_id: int) -> None:
    """A reply ends once."""
    state = find_reply(db, person_id, reply_id)["state"]
    if state != "streaming":
        raise InputRefused(
            f"Reply {reply_id} has ended already (it is {state!r}). Regenerate it for another."
        )
