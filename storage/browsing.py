"""Looking through feedback: filtered pages of it, what waits to be rated, what no model has read.
Every function runs in its caller's transaction and changes nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    IMPORTED,
    REPEAT,
    FeedbackChoices,
    FeedbackFilter,
    FeedbackItem,
    FeedbackPage,
    FeedbackState,
    Turn,
    Unrated,
)
from storage.branches import way_to
from storage.feedback import event_from
from storage.rows import Row, fetch, id_list

EVENTS = """
FROM feedback AS event
    LEFT JOIN reply ON reply.id = event.reply_id
    LEFT JOIN comparison ON comparison.id = event.comparison_id
    LEFT JOIN message ON message.id = coalesce(reply.message_id, comparison.message_id)
    LEFT JOIN conversation ON conversation.id = message.conversation_id
"""
UNDONE = "EXISTS (SELECT 1 FROM feedback AS undo WHERE undo.undoes = event.id)"
ASIDE = "EXISTS (SELECT 1 FROM exclusion WHERE exclusion.feedback_id = event.id)"
FORGOTTEN = "event.id < :forgotten"  # see last_forgotten
REPLACED = """CASE
    WHEN event.comparison_id IS NOT NULL THEN EXISTS (
        SELECT 1 FROM standing_feedback AS later
        WHERE later.comparison_id = event.comparison_id AND later.id > event.id)
    WHEN event.reply_id IS NOT NULL THEN event.kind IN ('thumb', 'rating', 'edit', 'chip')
        AND EXISTS (
            SELECT 1 FROM standing_feedback AS later
            WHERE later.reply_id = event.reply_id AND later.kind = event.kind
                AND later.id > event.id AND (event.kind <> 'chip' OR later.text = event.text))
    WHEN event.kind = 'trait' THEN EXISTS (
        SELECT 1 FROM standing_feedback AS later
        WHERE later.person_id = event.person_id AND later.trait = event.trait
            AND later.id > event.id)
END"""
STATES = {
    "undone": UNDONE,
    "aside": f"{ASIDE} AND NOT {UNDONE}",
    "forgotten": f"{FORGOTTEN} AND NOT {UNDONE} AND NOT {ASIDE}",
    "counts": f"NOT {UNDONE} AND NOT {ASIDE} AND NOT {FORGOTTEN}",
}
ABOUT = "coalesce(event.trait, event.flag, CASE event.kind WHEN 'chip' THEN event.text END)"
LISTED = "event.person_id = :person AND event.kind NOT IN ('undo', 'forget')"

# What a person has looked at and might still judge: in a chat that is not deleted, or imported.
WAITING = """
    reply.person_id = ? AND reply.was_shown = 1 AND reply.state = 'done' AND reply.text <> ''
    AND reply.edited_from IS NULL AND message.is_withdrawn = 0
    AND (conversation.is_hidden = 0 OR conversation.source <> '')
    AND NOT EXISTS (  -- a longer answer that goes on from this one
        SELECT 1 FROM reply AS longer
        WHERE longer.message_id = reply.message_id AND longer.id > reply.id
            AND longer.state = 'done' AND longer.edited_from IS NULL
            AND length(longer.text) > length(reply.text)
            AND substr(longer.text, 1, length(reply.text)) = reply.text
    )
"""
REPLIES = """
FROM reply JOIN message ON message.id = reply.message_id
    JOIN conversation ON conversation.id = message.conversation_id
"""
VOTED = """
    SELECT 1 FROM comparison JOIN standing_feedback AS vote ON vote.comparison_id = comparison.id
"""


def browse(
    db: Database, person_id: int, wanted: FeedbackFilter, before_id: int | None, limit: int
) -> FeedbackPage:
    """Events that fit the filter, newest first, from below `before_id` on."""
    where, values = conditions(person_id, wanted)
    values |= {"forgotten": last_forgotten(db, person_id)}
    [counted] = db.query(f"SELECT count(*) AS n {EVENTS} WHERE {where}", values)
    values |= {"before": 2**62 if before_id is None else before_id, "limit": limit + 1}
    rows = list(
        db.query(
            f"""
        SELECT event.*, message.text AS prompt, conversation.id AS conversation_id,
            coalesce(conversation.title, '') AS title, coalesce(conversation.source, '') AS source,
            {UNDONE} AS is_undone, {ASIDE} AS is_aside, {FORGOTTEN} AS is_forgotten,
            {REPLACED} AS is_replaced
        {EVENTS} WHERE {where} AND event.id < :before ORDER BY event.id DESC LIMIT :limit
        """,
            values,
        )
    )
    shown = rows[:limit]
    more = shown[-1]["id"] if len(rows) > limit else None
    texts = texts_about(db, person_id, shown)
    return FeedbackPage(tuple(item_from(row, texts) for row in shown), counted["n"], more)


def last_forgotten(db: Database, person_id: int) -> int:
    """The id of the last "forget me" that stands; what came before it counts no more."""
    sql = "SELECT max(id) AS id FROM standing_feedback WHERE kind = 'forget' AND person_id = ?"
    return int(fetch(db, sql, person_id)[0]["id"] or 0)


def conditions(person_id: int, wanted: FeedbackFilter) -> tuple[str, dict[str, Any]]:
    """The filter as SQL with its values."""
    asked = {
        "event.kind = :kind": wanted.kind,
        f"{ABOUT} = :about": wanted.about,
        "substr(event.created_at_utc, 1, 10) >= :since": wanted.since,
        "substr(event.created_at_utc, 1, 10) <= :until": wanted.until,
        "conversation.id = :conversation_id": wanted.conversation_id,
        STATES.get(wanted.state, ""): wanted.state,
    }
    if wanted.state and wanted.state not in STATES:
        raise InputRefused(f"A state is one of {', '.join(STATES)}, not {wanted.state!r}.")
    parts = [LISTED, *(sql for sql, value in asked.items() if value)]
    return " AND ".join(parts), asdict(wanted) | {"person": person_id}


def texts_about(
    db: Database, person_id: int, rows: list[Row]
) -> dict[tuple[str, int], list[tuple[int, str]]]:
    """("reply" or "comparison", id) -> (reply id, text) of what was judged."""
    found: dict[tuple[str, int], list[tuple[int, str]]] = {}
    reply_ids = [row["reply_id"] for row in rows if row["reply_id"] is not None]
    for row in fetch(
        db,
        "SELECT id, text FROM reply WHERE id IN (SELECT value FROM json_each(?)) AND person_id = ?",
        id_list(reply_ids),
        person_id,
    ):
        found["reply", row["id"]] = [(row["id"], row["text"])]
    comparison_ids = [row["comparison_id"] for row in rows if row["comparison_id"] is not None]
    for row in fetch(
        db,
        """
        SELECT comparison_id, reply.id, text
        FROM comparison_reply JOIN reply ON reply.id = comparison_reply.reply_id
        WHERE comparison_id IN (SELECT value FROM json_each(?)) AND person_id = ?
        ORDER BY comparison_id, position
        """,
        id_list(comparison_ids),
        person_id,
    ):
        key = ("comparison", row["comparison_id"])
        found.setdefault(key, []).append((row["id"], row["text"]))
    return found


def item_from(row: Row, texts: dict[tuple[str, int], list[tuple[int, str]]]) -> FeedbackItem:
    """The record of one row of `browse`."""
    about = ("reply", row["reply_id"] or 0)
    if row["comparison_id"] is not None:
        about = ("comparison", row["comparison_id"])
    return FeedbackItem(
        feedback_id=row["id"],
        event=event_from(row),
        created_at_utc=row["created_at_utc"],
        state=state_of(row),
        prompt=row["prompt"] or "",
        replies=tuple(texts.get(about, ())),
        conversation_id=row["conversation_id"],
        conversation_title=row["title"],
        source=row["source"],
    )


def state_of(row: Row) -> FeedbackState:
    """What became of an event."""
    if row["is_undone"]:
        return "undone"
    if row["is_aside"]:
        return "aside"
    if row["is_forgotten"]:
        return "forgotten"
    return "replaced" if row["is_replaced"] else "counts"


def choices(db: Database, person_id: int, limit: int = 200) -> FeedbackChoices:
    """What there is to filter by."""
    mine = {"person": person_id, "limit": limit}
    kinds = db.query(
        f"SELECT kind, count(*) AS n FROM feedback AS event WHERE {LISTED} GROUP BY kind",
        mine,
    )
    abouts = db.query(
        f"""
        SELECT {ABOUT} AS about, count(*) AS n FROM feedback AS event
        WHERE {LISTED} AND {ABOUT} IS NOT NULL GROUP BY about ORDER BY n DESC
        """,
        mine,
    )
    talks = db.query(
        f"""
        SELECT conversation.id, conversation.title, max(event.id) AS newest
        {EVENTS} WHERE {LISTED} AND conversation.source = ''
        GROUP BY conversation.id ORDER BY newest DESC LIMIT :limit
        """,
        mine,
    )
    return FeedbackChoices(
        tuple((row["kind"], row["n"]) for row in kinds),
        tuple((row["about"], row["n"]) for row in abouts),
        tuple((row["id"], row["title"]) for row in talks),
    )


# --- what waits to be rated ----------------------------------------------------------------------


def unrated_reply(db: Database, person_id: int, before_id: int | None) -> Unrated | None:
    """The newest reply below `before_id` that nothing was said about."""
    waiting = f"""
    {REPLIES} WHERE {WAITING}
        AND NOT EXISTS (
            SELECT 1 FROM standing_feedback AS said
            WHERE said.reply_id = reply.id AND said.kind IN ('thumb', 'rating', 'edit', 'flag')
        )
        AND NOT EXISTS (
            {VOTED} JOIN comparison_reply ON comparison_reply.comparison_id = comparison.id
            WHERE comparison_reply.reply_id = reply.id
        )
    """
    rows = fetch(
        db,
        f"""
        SELECT reply.id, reply.text, message.id AS message_id, message.text AS prompt {waiting}
            AND reply.id < ? ORDER BY reply.id DESC LIMIT 1
        """,
        person_id,
        before_id if before_id is not None else 2**62,
    )
    if not rows:
        return None
    left = fetch(db, f"SELECT count(*) AS n {waiting}", person_id)[0]["n"]
    row = rows[0]
    return Unrated(row["message_id"], row["prompt"], ((row["id"], row["text"]),), left)


def unrated_pair(db: Database, person_id: int, before_id: int | None) -> Unrated | None:
    """The newest message below `before_id` with two different answers and no vote on them."""
    waiting = f"""
    SELECT message.id, message.text AS prompt
    {REPLIES} WHERE {WAITING} AND NOT EXISTS ({VOTED} WHERE comparison.message_id = message.id)
    GROUP BY message.id HAVING count(DISTINCT reply.text) > 1
    """
    rows = fetch(
        db,
        f"SELECT * FROM ({waiting}) WHERE id < ? ORDER BY id DESC LIMIT 1",
        person_id,
        before_id if before_id is not None else 2**62,
    )
    if not rows:
        return None
    left = fetch(db, f"SELECT count(*) AS n FROM ({waiting})", person_id)[0]["n"]
    message_id = rows[0]["id"]
    return Unrated(message_id, rows[0]["prompt"], two_answers(db, person_id, message_id), left)


def judged_pair(db: Database, person_id: int) -> Unrated | None:
    """The first two answers that were compared and not yet a second time, the other way round."""
    judged = """
    SELECT comparison.message_id, message.text AS prompt,
        left_one.id AS left_id, left_one.text AS left_text,
        right_one.id AS right_id, right_one.text AS right_text
    FROM comparison
        JOIN message ON message.id = comparison.message_id
        JOIN conversation ON conversation.id = message.conversation_id
        JOIN comparison_reply AS first
            ON first.comparison_id = comparison.id AND first.position = 0
        JOIN comparison_reply AS second
            ON second.comparison_id = comparison.id AND second.position = 1
        JOIN reply AS right_one ON right_one.id = first.reply_id
        JOIN reply AS left_one ON left_one.id = second.reply_id
    WHERE comparison.person_id = ? AND comparison.why NOT IN (?, ?)
        AND conversation.is_hidden = 0 AND message.is_withdrawn = 0
        AND NOT EXISTS (
            SELECT 1 FROM comparison_reply AS third
            WHERE third.comparison_id = comparison.id AND third.position = 2
        )
        AND EXISTS (
            SELECT 1 FROM standing_feedback AS vote
            WHERE vote.comparison_id = comparison.id AND vote.outcome IN ('first', 'second')
        )
        AND NOT EXISTS (
            SELECT 1 FROM comparison AS again
                JOIN comparison_reply AS swapped ON swapped.comparison_id = again.id
            WHERE again.message_id = comparison.message_id AND again.why = ?
                AND swapped.position = 0 AND swapped.reply_id = second.reply_id
        )
    """
    about = (person_id, REPEAT, IMPORTED, REPEAT)
    rows = fetch(db, f"{judged} ORDER BY comparison.id LIMIT 1", *about)
    if not rows:
        return None
    left = fetch(db, f"SELECT count(*) AS n FROM ({judged})", *about)[0]["n"]
    row = rows[0]
    replies = ((row["left_id"], row["left_text"]), (row["right_id"], row["right_text"]))
    return Unrated(row["message_id"], row["prompt"], replies, left)


def two_answers(db: Database, person_id: int, message_id: int) -> tuple[tuple[int, str], ...]:
    """The first answer and the newest that differs; the older one is not always on the left."""
    rows = fetch(
        db,
        f"""
        SELECT reply.id, reply.text {REPLIES} WHERE {WAITING} AND message.id = ?
        ORDER BY reply.id
        """,
        person_id,
        message_id,
    )
    found = [(row["id"], row["text"]) for row in rows]
    newest = next(each for each in reversed(found) if each[1] != found[0][1])
    return (newest, found[0]) if message_id % 2 else (found[0], newest)


# --- what the engine has not read yet ------------------------------------------------------------


def unread_replies(db: Database, person_id: int, limit: int) -> list[int]:
    """Replies that no model has read yet (rewritten and imported ones), oldest first."""
    rows = fetch(
        db,
        """
        SELECT id FROM reply
        WHERE person_id = ? AND token_ids = x'' AND state = 'done' AND was_shown = 1
            AND text <> '' ORDER BY id LIMIT ?
        """,
        person_id,
        limit,
    )
    return [row["id"] for row in rows]


def turns_before(db: Database, person_id: int, message_id: int) -> tuple[Turn, ...]:
    """What leads up to a message in its conversation, hidden or not; variants of what was revised
    do not."""
    messages = fetch(
        db,
        """
        SELECT id, revises, aside_with, is_withdrawn, text, shown_reply_id,
            substr(created_at_utc, 1, 10) AS day
        FROM message WHERE person_id = ? AND conversation_id = (
            SELECT conversation_id FROM message WHERE id = ? AND person_id = ?)
        ORDER BY id
        """,
        person_id,
        message_id,
        person_id,
    )
    asked = next((row for row in messages if row["id"] == message_id), None)
    before = way_to(messages, asked)[:-1] if asked else []
    answers = texts_of(db, [row["shown_reply_id"] for row in before if row["shown_reply_id"]])
    return tuple(
        turn
        for row in before
        if not row["is_withdrawn"] and answers.get(row["shown_reply_id"])
        for turn in (
            Turn("user", row["text"], said_on=row["day"]),
            Turn("assistant", answers[row["shown_reply_id"]]),
        )
    )


def texts_of(db: Database, reply_ids: list[int]) -> dict[int, str]:
    """reply id -> its text."""
    rows = fetch(
        db,
        "SELECT id, text FROM reply WHERE id IN (SELECT value FROM json_each(?))",
        id_list(reply_ids),
    )
    return {row["id"]: row["text"] for row in rows}
