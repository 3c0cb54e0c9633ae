"""Revised messages: variants of one message, of which one is in the conversation. Every function
runs in its caller's transaction; `person_id` is who acts.

Whatever goes aside remembers the variant it went with, so that it comes back with that variant, and
a revision inside it is as it was.
"""

from __future__ import annotations

from sqlite_utils import Database

from chatfeedback.errors import InputRefused, NotFound
from storage.rows import Row, fetch, id_list, insert, utc_now


def revise_message(
    db: Database, person_id: int, message_id: int, text: str, client_id: str
) -> tuple[int, bool]:
    """(id of the revision, True if new); the same client_id again answers the same id."""
    if not text.strip():
        raise InputRefused("The message is empty. Write something and send it again.")
    known = fetch(
        db, "SELECT id FROM message WHERE person_id = ? AND client_id = ?", person_id, client_id
    )
    if known:
        return int(known[0]["id"]), False
    revised = find_variant(db, person_id, message_id)
    put_aside(db, person_id, shown_variant(db, person_id, revised))
    record = {
        "person_id": person_id,
        "conversation_id": revised["conversation_id"],
        "client_id": client_id,
        "text": text,
        "revises": revised["first_id"],
        "created_at_utc": utc_now(),
    }
    return insert(db, "message", record), True


def show_message(db: Database, person_id: int, message_id: int) -> None:
    """Let this variant be in the conversation, with all that went aside with it."""
    wanted = find_variant(db, person_id, message_id)
    shown = shown_variant(db, person_id, wanted)
    if shown["id"] == message_id:
        return
    put_aside(db, person_id, shown)
    db.execute(
        "UPDATE message SET aside_with = NULL WHERE aside_with = ? AND person_id = ?",
        [message_id, person_id],
    )


def put_aside(db: Database, person_id: int, variant: Row) -> None:
    """The variant and everything in the conversation that was said after it."""
    db.execute(
        """
        UPDATE message SET aside_with = ?
        WHERE conversation_id = ? AND person_id = ? AND id >= ? AND aside_with IS NULL
        """,
        [variant["id"], variant["conversation_id"], person_id, variant["id"]],
    )


def variants(db: Database, person_id: int, message_ids: list[int]) -> dict[int, tuple[int, ...]]:
    """message id -> it and its revisions, oldest first; only messages that have any."""
    rows = fetch(
        db,
        """
        SELECT asked.id AS asked_id, variant.id FROM message AS asked
        JOIN message AS variant ON variant.id = coalesce(asked.revises, asked.id)
            OR variant.revises = coalesce(asked.revises, asked.id)
        WHERE asked.id IN (SELECT value FROM json_each(?)) AND asked.person_id = ?
            AND variant.is_withdrawn = 0
        ORDER BY variant.id
        """,
        id_list(message_ids),
        person_id,
    )
    found: dict[int, tuple[int, ...]] = {}
    for row in rows:
        found[row["asked_id"]] = (*found.get(row["asked_id"], ()), row["id"])
    return {asked: ids for asked, ids in found.items() if len(ids) > 1}


def find_variant(db: Database, person_id: int, message_id: int) -> Row:
    """A message of this person with the first of its variants; NotFound if there is none."""
    rows = fetch(
        db,
        """
        SELECT id, conversation_id, coalesce(revises, id) AS first_id FROM message
        WHERE id = ? AND person_id = ? AND is_withdrawn = 0
        """,
        message_id,
        person_id,
    )
    if not rows:
        raise NotFound(f"There is no message {message_id}. Reload the page to see what is stored.")
    return rows[0]


def shown_variant(db: Database, person_id: int, variant: Row) -> Row:
    """The one of its variants that is in the conversation."""
    rows = fetch(
        db,
        """
        SELECT id, conversation_id FROM message
        WHERE (id = ? OR revises = ?) AND person_id = ? AND aside_with IS NULL
        """,
        variant["first_id"],
        variant["first_id"],
        person_id,
    )
    if not rows:
        raise InputRefused(
            f"Message {variant['id']} belongs to a part of the conversation that is aside. "
            "Go back to that part first."
        )
    return rows[0]


def ways_through(messages: list[Row]) -> list[list[Row]]:
    """Every way through a conversation, each from its first message to its last.

    Args:
        messages: all of the conversation, in order, withdrawn ones too.
    """
    ways: list[list[Row]] = []
    found: set[int] = set()
    for message in reversed(messages):
        if message["id"] not in found:
            ways.append(way_to(messages, message))
            found.update(row["id"] for row in ways[-1])
    return ways[::-1]


def way_to(messages: list[Row], message: Row) -> list[Row]:
    """The messages that lead to this one, which comes last.

    All that went aside with one variant stands on one way with it. Before them stands what comes
    before the variant that is shown in its place, the only one that is not aside with itself.
    """
    aside_with = message["aside_with"]
    along = [
        row for row in messages if row["aside_with"] == aside_with and row["id"] <= message["id"]
    ]
    if aside_with is None:
        return along
    first_id = next(row["revises"] or row["id"] for row in messages if row["id"] == aside_with)
    shown = next(
        row
        for row in messages
        if first_id in (row["id"], row["revises"]) and row["aside_with"] != row["id"]
    )
    return [*(row for row in way_to(messages, shown) if row["id"] < first_id), *along]
