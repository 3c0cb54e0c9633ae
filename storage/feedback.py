"""Comparisons and feedback events. Events are only ever added; every function runs in its
caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlite_utils import Database

from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.records import (
    MEASURED_ONLY,
    REPEAT,
    AiLabel,
    Comparison,
    FeedbackEvent,
    StoredFeedback,
)
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.preferences import PLACES
from storage.replies import find_message, find_reply, mark_shown, replies, show_reply
from storage.rows import Row, fetch, fetch_one, id_list, insert, utc_now

USES = {  # kind -> the fields of its events; the others stay empty
    "thumb": {"reply_id", "value"},
    "pick": {"comparison_id", "outcome"},
    "rank": {"comparison_id", "order"},
    "rating": {"reply_id", "value"},
    "edit": {"reply_id", "text"},
    "chip": {"reply_id", "text"},
    "trait": {"trait", "value"},
    "flag": {"reply_id", "flag"},
    "comment": {"reply_id", "text"},
    "copy": {"reply_id"},
    "regenerate": {"reply_id"},
    "forget": set(),
    "undo": {"undoes"},
}
FIELDS = (
    "reply_id", "comparison_id", "outcome", "value", "text", "undoes", "order", "trait", "flag"
)  # fmt: skip
OUTCOMES = (*PLACES, "tie", "both_bad")
FLAGS = ("harmful", "biased", "wrong")


def add_comparison(
    db: Database, person_id: int, message_id: int, reply_ids: Sequence[int], why: str
) -> int:
    """Remember which replies to a message are shown side by side, in the order shown."""
    find_message(db, person_id, message_id)
    if len(set(reply_ids)) != len(reply_ids) or len(reply_ids) < 2:
        raise InputRefused(f"A comparison needs two different replies, not {list(reply_ids)}.")
    for reply in replies(db, person_id, reply_ids):
        if reply.message_id != message_id:
            raise InputRefused(
                f"Reply {reply.reply_id} answers message {reply.message_id}, not {message_id}. "
                "Compare replies to one message."
            )
    mark_shown(db, person_id, reply_ids)
    record = {"person_id": person_id, "message_id": message_id, "why": why}
    comparison_id = insert(db, "comparison", record | {"created_at_utc": utc_now()})
    for position, reply_id in enumerate(reply_ids):
        db.execute(
            "INSERT INTO comparison_reply VALUES (?, ?, ?, ?)",
            [comparison_id, position, message_id, reply_id],
        )
    return comparison_id


def comparison(db: Database, person_id: int, comparison_id: int) -> Comparison:
    """One comparison as it was shown."""
    row = fetch_one(
        db,
        f"There is no comparison {comparison_id}. Reload the page to see what is stored.",
        "SELECT id, message_id, why FROM comparison WHERE id = ? AND person_id = ?",
        comparison_id,
        person_id,
    )
    return comparison_from(db, row)


def comparisons(db: Database, person_id: int) -> list[Comparison]:
    """All that were shown to this person, oldest first."""
    rows = fetch(
        db,
        "SELECT id, message_id, why FROM comparison WHERE person_id = ? ORDER BY id",
        person_id,
    )
    shown: dict[int, list[int]] = {}
    for row in fetch(
        db,
        """
        SELECT comparison_id, reply_id FROM comparison_reply
        WHERE comparison_id IN (SELECT value FROM json_each(?)) ORDER BY comparison_id, position
        """,
        id_list([row["id"] for row in rows]),
    ):
        shown.setdefault(row["comparison_id"], []).append(row["reply_id"])
    return [Comparison(r["id"], r["message_id"], tuple(shown[r["id"]]), r["why"]) for r in rows]


def comparison_from(db: Database, row: Row) -> Comparison:
    """The record of a row of comparison."""
    shown = fetch(
        db,
        "SELECT reply_id FROM comparison_reply WHERE comparison_id = ? ORDER BY position",
        row["id"],
    )
    reply_ids = tuple(each["reply_id"] for each in shown)
    return Comparison(row["id"], row["message_id"], reply_ids, row["why"])


def open_comparisons(
    db: Database, person_id: int, message_ids: Sequence[int]
) -> dict[int, Comparison]:
    """message id -> its newest comparison, where no vote on that stands."""
    rows = fetch(
        db,
        """
        SELECT id, message_id, why FROM comparison
        WHERE id IN (
            SELECT max(id) FROM comparison
            WHERE message_id IN (SELECT value FROM json_each(?)) AND person_id = ?
            GROUP BY message_id
        ) AND NOT EXISTS (
            SELECT 1 FROM standing_feedback AS pick WHERE pick.comparison_id = comparison.id
        )
        """,
        id_list(message_ids),
        person_id,
    )
    return {row["message_id"]: comparison_from(db, row) for row in rows}


def reopen_comparison(db: Database, person_id: int, feedback_id: int) -> None:
    """Put the question anew whose vote was taken back, unless the talk went on or another answer
    has been shown since. What only measures stays closed: its vote told who wrote what."""
    db.execute(
        """
        WITH asked AS (
            SELECT comparison.id, comparison.message_id
            FROM feedback AS vote JOIN comparison ON comparison.id = vote.comparison_id
            WHERE vote.id = :vote AND vote.person_id = :person
                AND comparison.why NOT IN (SELECT value FROM json_each(:measured))
        )
        UPDATE message SET shown_reply_id = NULL
        WHERE id = (SELECT message_id FROM asked) AND person_id = :person
            AND shown_reply_id IN (
                SELECT reply_id FROM comparison_reply
                WHERE comparison_id = (SELECT id FROM asked)
            )
            AND (SELECT id FROM asked) = (
                SELECT max(id) FROM comparison WHERE comparison.message_id = message.id
            )
            AND NOT EXISTS (
                SELECT 1 FROM message AS later
                WHERE later.conversation_id = message.conversation_id AND later.id > message.id
                    AND later.is_withdrawn = 0 AND later.aside_with IS NULL
            )
        """,
        {"vote": feedback_id, "person": person_id, "measured": json.dumps(MEASURED_ONLY)},
    )


def add_feedback(
    db: Database, person_id: int, event: FeedbackEvent, given_at_utc: str = ""
) -> tuple[int, bool]:
    """(feedback id, True if new). What was never shown to this person is NotFound.

    given_at_utc: when it was given, where that is not now (imported feedback).
    """
    require_form(event)
    known = fetch(
        db,
        "SELECT * FROM feedback WHERE person_id = ? AND client_id = ?",
        person_id,
        event.client_id,
    )
    if known:
        return same_event(known[0], event), False
    require_target(db, person_id, event)
    record = {name: getattr(event, name) for name in ("client_id", "kind", *FIELDS)}
    order = record.pop("order")
    record["reply_order"] = None if order is None else id_list(order)
    record |= {"person_id": person_id, "created_at_utc": given_at_utc or utc_now()}
    return insert(db, "feedback", record), True


def show_chosen(db: Database, person_id: int, event: FeedbackEvent) -> None:
    """Let what a vote chose be the conversation's reply: the first shown, where none won. In the
    vote's own transaction: nobody is asked again, and the message would be left without one."""
    if event.comparison_id is None:
        return
    asked = comparison(db, person_id, event.comparison_id)
    if event.order:
        show_reply(db, person_id, event.order[0])
    elif asked.why != REPEAT:
        place = PLACES.index(event.outcome) if event.outcome in PLACES else 0
        show_reply(db, person_id, asked.reply_ids[place])


def require_form(event: FeedbackEvent) -> None:
    """An event has the fields of its kind, all of them and no others, with values that exist."""
    given = {name for name in FIELDS if getattr(event, name) is not None}
    if event.kind not in USES:
        raise InputRefused(f"There is no feedback of kind {event.kind!r}, only {', '.join(USES)}.")
    if given != USES[event.kind]:
        raise InputRefused(
            f"Feedback of kind {event.kind!r} has {', '.join(sorted(USES[event.kind]))}; "
            f"this event has {', '.join(sorted(given)) or 'nothing'}."
        )
    if not event.client_id:
        raise InputRefused("A feedback event needs a client id, so that it is stored only once.")
    if event.value is not None:
        require_value(event)
    if event.trait is not None and event.trait not in STYLE_MEASURES:
        raise InputRefused(
            f"There is no trait {event.trait!r}. Known: {', '.join(STYLE_MEASURES)}."
        )
    if event.flag is not None and event.flag not in FLAGS:
        raise InputRefused(f"A flag is one of {', '.join(FLAGS)}, not {event.flag!r}.")
    if event.outcome is not None and event.outcome not in OUTCOMES:
        raise InputRefused(f"A choice is one of {', '.join(OUTCOMES)}, not {event.outcome!r}.")
    if event.text is not None and not event.text.strip():
        raise InputRefused(f"The text of this {event.kind} is empty. Write something.")


def require_value(event: FeedbackEvent) -> None:
    """Stars run from 1 to 5, everything else that has a value from -1 to 1."""
    lowest, highest = (1, 5) if event.kind == "rating" else (-1, 1)
    if type(event.value) is int and lowest <= event.value <= highest:
        return
    words = {
        "rating": "A rating is 1 (worst) to 5",
        "trait": "A word on a trait is 1 (more of it), -1 (less) or 0 (taken back)",
    }
    said = words.get(event.kind, "A thumb is 1, -1 or 0 (taken back)")
    raise InputRefused(f"{said}, not {event.value!r}.")


def require_target(db: Database, person_id: int, event: FeedbackEvent) -> None:
    """What an event is about was shown to this person, or is an event of theirs that stands."""
    if event.reply_id is not None:
        require_shown(db, person_id, event.reply_id)
    if event.comparison_id is not None:
        require_among(event, comparison(db, person_id, event.comparison_id))
    if event.undoes is not None:
        require_standing(db, person_id, event.undoes)


def require_among(event: FeedbackEvent, shown: Comparison) -> None:
    """A vote names replies of its own comparison, each once."""
    n = len(shown.reply_ids)
    if event.outcome in PLACES and PLACES.index(event.outcome) >= n:
        raise InputRefused(
            f"The {event.outcome} reply cannot be picked: comparison {shown.comparison_id} "
            f"showed {n}."
        )
    order = event.order
    if order is None:
        return
    if not order or len(set(order)) < len(order) or not set(order) <= set(shown.reply_ids):
        raise InputRefused(
            f"A ranking of comparison {shown.comparison_id} names some of the replies "
            f"{list(shown.reply_ids)}, best first, each once; not {list(order)}."
        )


def require_shown(db: Database, person_id: int, reply_id: int) -> None:
    """Candidates that lost a best-of-n were never seen, so nobody can have judged them."""
    if not find_reply(db, person_id, reply_id)["was_shown"]:
        raise NotFound(
            f"Reply {reply_id} was never shown, so it takes no feedback. "
            "Reload the page to see what was."
        )


def require_standing(db: Database, person_id: int, feedback_id: int) -> None:
    """Only an own event that nobody took back can be undone; an undo is final."""
    row = fetch_one(
        db,
        f"There is no feedback {feedback_id} to undo. Reload the page to see what is stored.",
        """
        SELECT kind, EXISTS (SELECT 1 FROM feedback AS undo WHERE undo.undoes = event.id) AS undone
        FROM feedback AS event WHERE id = ? AND person_id = ?
        """,
        feedback_id,
        person_id,
    )
    if row["kind"] == "undo" or row["undone"]:
        what = "is an undo itself" if row["kind"] == "undo" else "is undone already"
        raise InputRefused(f"Feedback {feedback_id} {what}. Give the feedback again instead.")


def same_event(known: Row, event: FeedbackEvent) -> int:
    """The id of an event that is being sent a second time; anything else is refused."""
    if event_from(known) != event:
        raise InputRefused(
            f"This feedback was sent under the client id of feedback {known['id']}, which says "
            "something else. Send it again under an id of its own."
        )
    return int(known["id"])


def thumbs(db: Database, person_id: int, reply_ids: Sequence[int]) -> dict[int, int]:
    """reply id -> +1 / -1: the last standing thumb, unless it takes the earlier one back."""
    rows = fetch(
        db,
        """
        SELECT reply_id, value FROM feedback
        WHERE id IN (
            SELECT max(id) FROM standing_feedback
            WHERE kind = 'thumb' AND person_id = ?
                AND reply_id IN (SELECT value FROM json_each(?))
            GROUP BY reply_id
        ) AND value <> 0
        """,
        person_id,
        id_list(reply_ids),
    )
    return {row["reply_id"]: row["value"] for row in rows}


def chips(db: Database, person_id: int, reply_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """reply id -> its standing reasons, each once, in the order given."""
    chips: dict[int, tuple[str, ...]] = {}
    for row in fetch(
        db,
        """
        SELECT reply_id, text FROM standing_feedback
        WHERE kind = 'chip' AND person_id = ? AND reply_id IN (SELECT value FROM json_each(?))
        GROUP BY reply_id, text ORDER BY min(id)
        """,
        person_id,
        id_list(reply_ids),
    ):
        chips[row["reply_id"]] = (*chips.get(row["reply_id"], ()), row["text"])
    return chips


def feedback(db: Database, person_id: int, after_id: int) -> list[StoredFeedback]:
    """Events in order of arrival; those that do not count, undone or set aside, are marked."""
    rows = fetch(
        db,
        """
        SELECT event.*, undo.id IS NOT NULL OR exclusion.feedback_id IS NOT NULL AS undone
        FROM feedback AS event
            LEFT JOIN feedback AS undo ON undo.undoes = event.id
            LEFT JOIN exclusion ON exclusion.feedback_id = event.id
        WHERE event.person_id = ? AND event.id > ? ORDER BY event.id
        """,
        person_id,
        after_id,
    )
    return [
        StoredFeedback(
            row["id"], person_id, event_from(row), row["created_at_utc"], bool(row["undone"])
        )
        for row in rows
    ]


def event_from(row: Row) -> FeedbackEvent:
    """The event of a row of feedback."""
    order = row["reply_order"]
    given = {name: row[name] for name in ("client_id", "kind", *FIELDS) if name != "order"}
    return FeedbackEvent(**given, order=None if order is None else tuple(json.loads(order)))


def add_ai_label(db: Database, person_id: int, label: AiLabel) -> None:
    """Keep what the model said of one of its replies; once for each principle and reply."""
    find_reply(db, person_id, label.reply_id)
    record = {
        "person_id": person_id,
        "principle": label.principle,
        "reply_id": label.reply_id,
        "chosen": label.chosen,
        "rejected": label.rejected,
        "critique": label.critique,
        "created_at_utc": utc_now(),
    }
    known = fetch(
        db,
        "SELECT id FROM ai_label WHERE person_id = ? AND principle = ? AND reply_id = ?",
        person_id,
        label.principle,
        label.reply_id,
    )
    if not known:
        insert(db, "ai_label", record)


def ai_labels(db: Database, person_id: int) -> list[AiLabel]:
    """All labels by principles, oldest first."""
    rows = fetch(
        db,
        """
        SELECT ai_label.*, message.text AS prompt FROM ai_label
        JOIN reply ON reply.id = ai_label.reply_id
        JOIN message ON message.id = reply.message_id
        WHERE ai_label.person_id = ? ORDER BY ai_label.id
        """,
        person_id,
    )
    return [
        AiLabel(
            each["principle"],
            each["reply_id"],
            each["prompt"],
            each["chosen"],
            each["rejected"],
            each["critique"],
        )
        for each in rows
    ]
