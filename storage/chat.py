"""People, their settings, conversations and messages. Every function runs in its caller's
transaction; `person_id` is who acts."""

from __future__ import annotations

from sqlite_utils import Database

from chatfeedback.errors import InputRefused
from chatfeedback.records import ChatSettings, Comparison, Conversation, Exchange, Person
from storage.branches import variants
from storage.feedback import open_comparisons
from storage.replies import find_message
from storage.rows import (
    Row,
    fetch,
    fetch_one,
    id_list,
    insert,
    pack_sampling,
    unpack_sampling,
    utc_now,
)


def people(db: Database) -> list[Person]:
    """Everybody, oldest first."""
    rows = fetch(db, "SELECT id, name FROM person ORDER BY id")
    return [Person(row["id"], row["name"]) for row in rows]


def ensure_person(db: Database, name: str) -> Person:
    """The person of this name, made if there is none."""
    if not name.strip():
        raise InputRefused("A person needs a name; this one is empty.")
    rows = fetch(db, "SELECT id FROM person WHERE name = ?", name)
    if rows:
        return Person(rows[0]["id"], name)
    return Person(insert(db, "person", {"name": name, "created_at_utc": utc_now()}), name)


def setting(db: Database, person_id: int, name: str, default: str) -> str:
    """A stored setting, or the default."""
    rows = fetch(db, "SELECT value FROM setting WHERE person_id = ? AND name = ?", person_id, name)
    return str(rows[0]["value"]) if rows else default


def set_setting(db: Database, person_id: int, name: str, value: str) -> None:
    """Store a setting, replacing what it was."""
    db.execute(
        """
        INSERT INTO setting (person_id, name, value) VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET value = excluded.value
        """,
        [person_id, name, value],
    )


def conversations(db: Database, person_id: int, limit: int) -> list[Conversation]:
    """The most recently used ones first; deleted ones left out."""
    rows = fetch(
        db,
        """
        SELECT id, title, updated_at_utc FROM conversation
        WHERE person_id = ? AND is_hidden = 0 ORDER BY recency DESC LIMIT ?
        """,
        person_id,
        limit,
    )
    return [Conversation(row["id"], row["title"], row["updated_at_utc"]) for row in rows]


def add_conversation(db: Database, person_id: int, title: str) -> int:
    """A new conversation, listed first."""
    now = utc_now()
    record = {
        "person_id": person_id,
        "title": title,
        "recency": next_recency(db, person_id),
        "created_at_utc": now,
        "updated_at_utc": now,
    }
    return insert(db, "conversation", record)


def rename_conversation(db: Database, person_id: int, conversation_id: int, title: str) -> None:
    """Give it another title; its place in the list stays."""
    if not title.strip():
        raise InputRefused("A conversation needs a title; this one is empty.")
    find_conversation(db, person_id, conversation_id)
    db.execute(
        "UPDATE conversation SET title = ? WHERE id = ? AND person_id = ?",
        [title, conversation_id, person_id],
    )


def hide_conversation(
    db: Database, person_id: int, conversation_id: int, *, is_hidden: bool
) -> None:
    """Hide a conversation, or show it again. Nothing in it is lost."""
    find_conversation(db, person_id, conversation_id, with_hidden=True)
    db.execute(
        "UPDATE conversation SET is_hidden = ? WHERE id = ? AND person_id = ?",
        [int(is_hidden), conversation_id, person_id],
    )


def add_message(
    db: Database, person_id: int, conversation_id: int, text: str, client_id: str
) -> tuple[int, bool]:
    """(message id, True if new); the same client_id again answers the same id."""
    if not text.strip():
        raise InputRefused("The message is empty. Write something and send it again.")
    find_conversation(db, person_id, conversation_id)
    known = fetch(
        db,
        "SELECT id, conversation_id, text FROM message WHERE person_id = ? AND client_id = ?",
        person_id,
        client_id,
    )
    if known:
        return same_message(known[0], conversation_id, text), False
    now = utc_now()
    record = {
        "person_id": person_id,
        "conversation_id": conversation_id,
        "client_id": client_id,
        "text": text,
        "created_at_utc": now,
    }
    message_id = insert(db, "message", record)
    db.execute(
        "UPDATE conversation SET recency = ?, updated_at_utc = ? WHERE id = ? AND person_id = ?",
        [next_recency(db, person_id), now, conversation_id, person_id],
    )
    return message_id, True


def same_message(known: Row, conversation_id: int, text: str) -> int:
    """The id of a message that is being sent a second time; anything else is refused."""
    if (known["conversation_id"], known["text"]) != (conversation_id, text):
        raise InputRefused(
            f"This message was sent under the client id of message {known['id']}, which says "
            "something else. Send it again under an id of its own."
        )
    return int(known["id"])


def withdraw_message(db: Database, person_id: int, message_id: int) -> None:
    """Leave a message out of its conversation; what was written stays stored."""
    conversation_of(db, person_id, message_id)
    db.execute(
        "UPDATE message SET is_withdrawn = 1 WHERE id = ? AND person_id = ?",
        [message_id, person_id],
    )


def conversation_of(db: Database, person_id: int, message_id: int) -> int:
    """The conversation a message belongs to."""
    return int(find_message(db, person_id, message_id)["conversation_id"])


def exchanges(db: Database, person_id: int, conversation_id: int, last: int) -> list[Exchange]:
    """The last messages of a conversation, oldest of them first, with the replies shown."""
    find_conversation(db, person_id, conversation_id)
    messages = fetch(
        db,
        """
        SELECT id, text, shown_reply_id, created_at_utc FROM message
        WHERE conversation_id = ? AND person_id = ? AND is_withdrawn = 0 AND aside_with IS NULL
        ORDER BY id DESC LIMIT ?
        """,
        conversation_id,
        person_id,
        last,
    )
    message_ids = [row["id"] for row in messages]
    siblings = shown_siblings(db, person_id, message_ids)
    comparisons = open_comparisons(db, person_id, message_ids)
    revisions = variants(db, person_id, message_ids)
    return [
        exchange_from(row, siblings, comparisons, revisions.get(row["id"], ()))
        for row in reversed(messages)
    ]


def exchange_from(
    row: Row,
    siblings: dict[int, list[int]],
    comparisons: dict[int, Comparison],
    variants: tuple[int, ...],
) -> Exchange:
    """One row of the transcript."""
    return Exchange(
        message_id=row["id"],
        text=row["text"],
        reply_ids=tuple(siblings.get(row["id"], ())),
        shown_reply_id=row["shown_reply_id"],
        open_comparison=comparisons.get(row["id"]),
        created_at_utc=row["created_at_utc"],
        variants=variants,
    )


def shown_siblings(db: Database, person_id: int, message_ids: list[int]) -> dict[int, list[int]]:
    """message id -> the replies to it that were shown, in order of creation."""
    siblings: dict[int, list[int]] = {}
    for row in fetch(
        db,
        """
        SELECT id, message_id FROM reply
        WHERE message_id IN (SELECT value FROM json_each(?)) AND person_id = ? AND was_shown = 1
        ORDER BY id
        """,
        id_list(message_ids),
        person_id,
    ):
        siblings.setdefault(row["message_id"], []).append(row["id"])
    return siblings


def find_conversation(
    db: Database, person_id: int, conversation_id: int, *, with_hidden: bool = False
) -> Row:
    """This person's conversation; NotFound if there is none."""
    return fetch_one(
        db,
        f"There is no conversation {conversation_id}. Choose one from the list.",
        "SELECT id FROM conversation WHERE id = ? AND person_id = ? AND is_hidden <= ?",
        conversation_id,
        person_id,
        int(with_hidden),
    )


def next_recency(db: Database, person_id: int) -> int:
    """A number above that of every conversation of this person."""
    highest = "SELECT coalesce(max(recency), 0) AS recency FROM conversation WHERE person_id = ?"
    return int(fetch(db, highest, person_id)[0]["recency"]) + 1


def chat_settings(db: Database, person_id: int, conversation_id: int) -> ChatSettings:
    """What is set for this conversation."""
    find_conversation(db, person_id, conversation_id)
    row = fetch(db, "SELECT persona, sampling FROM conversation WHERE id = ?", conversation_id)[0]
    sampling = unpack_sampling(row["sampling"]) if row["sampling"] else None
    return ChatSettings(row["persona"], sampling)


def set_chat_settings(
    db: Database, person_id: int, conversation_id: int, settings: ChatSettings
) -> None:
    """Set it anew, from the next reply on."""
    find_conversation(db, person_id, conversation_id)
    sampling = pack_sampling(settings.sampling) if settings.sampling else ""
    db.execute(
        "UPDATE conversation SET persona = ?, sampling = ? WHERE id = ? AND person_id = ?",
        [settings.persona, sampling, conversation_id, person_id],
    )
