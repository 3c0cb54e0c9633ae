"""Words looked for in everything that was said, and what was said about replies besides thumbs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from sqlite_utils import Database

from chatfeedback.records import FeedbackEvent, Found
from storage.feedback import event_from
from storage.rows import fetch, id_list

EXCERPT_WORDS = 18

# Chinese, Japanese, Thai, Lao, Khmer, Burmese: between their words stands no space
_NO_SPACES = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff])")
_BORDER = "\u200b"  # shows nothing, and ends a word


def is_behind(db: Database) -> bool:
    """True when something was said, or deleted, that the index does not know of."""
    return bool(fetch(db, "SELECT 1 FROM said_since LIMIT 1"))


def catch_up(db: Database) -> None:
    """Read into the index what was said since the last search."""
    db.register_function(part_words, deterministic=True, replace=True)
    db.execute("DELETE FROM said WHERE rowid IN (SELECT id FROM said_since)")
    db.execute(
        """
        INSERT INTO said (rowid, text)
        SELECT said_since.id, part_words(text)
        FROM said_since JOIN message ON message.id = said_since.id / 2
        WHERE said_since.id % 2 = 0
        UNION ALL
        SELECT said_since.id, part_words(text)
        FROM said_since JOIN reply ON reply.id = said_since.id / 2
        WHERE said_since.id % 2 = 1 AND text <> ''
        """
    )
    db.execute("DELETE FROM said_since")


def part_words(text: str) -> str:
    """The text as the index reads it: letters in one piece with their accents, and every sign of a
    script without spaces a word of its own, so that any part of a sentence is found."""
    return _NO_SPACES.sub(rf"{_BORDER}\1{_BORDER}", unicodedata.normalize("NFC", text))


def search(db: Database, person_id: int, words: str, limit: int) -> list[Found]:
    """Where all the words were said, best match first. Deleted conversations are left out."""
    asked = re.findall(r"\w+", unicodedata.normalize("NFC", words))
    if not asked:
        return []
    # Quoted, so that no word is taken for an operator of FTS5; the last may be a beginning.
    wanted = " ".join(f'"{part_words(word)}"' for word in asked) + "*"
    rows = fetch(
        db,
        f"""
        SELECT conversation.id AS conversation_id, title, message.id AS message_id,
            said.rowid % 2 AS is_reply, message.created_at_utc,
            snippet(said, 0, char(2), char(3), '…', {EXCERPT_WORDS}) AS excerpt
        FROM said
        LEFT JOIN reply ON said.rowid % 2 = 1 AND reply.id = said.rowid / 2
        JOIN message ON message.id = iif(said.rowid % 2, reply.message_id, said.rowid / 2)
        JOIN conversation ON conversation.id = message.conversation_id
        WHERE said MATCH ? AND message.person_id = ? AND is_hidden = 0 AND is_withdrawn = 0
            AND (reply.id IS NULL OR reply.was_shown = 1)
        ORDER BY said.rank LIMIT ?
        """,
        wanted,
        person_id,
        limit,
    )
    return [
        Found(
            row["conversation_id"],
            row["title"],
            row["message_id"],
            bool(row["is_reply"]),
            row["excerpt"].replace(_BORDER, ""),
            row["created_at_utc"],
        )
        for row in rows
    ]


def reactions(
    db: Database, person_id: int, reply_ids: Sequence[int]
) -> dict[int, tuple[FeedbackEvent, ...]]:
    """reply id -> the last standing rating and comment, and every standing flag."""
    rows = fetch(
        db,
        """
        SELECT * FROM standing_feedback
        WHERE id IN (
            SELECT max(id) FROM standing_feedback
            WHERE kind IN ('rating', 'comment', 'flag') AND person_id = ?
                AND reply_id IN (SELECT value FROM json_each(?))
            GROUP BY reply_id, kind, flag
        )
        ORDER BY id
        """,
        person_id,
        id_list(reply_ids),
    )
    found: dict[int, tuple[FeedbackEvent, ...]] = {}
    for row in rows:
        found[row["reply_id"]] = (*found.get(row["reply_id"], ()), event_from(row))
    return found
