"""What a person does with the feedback they gave: look through it, correct it, take it elsewhere.

The log of feedback only grows. To delete an event is to take it back with another; to exclude it is
to set it aside until it is let in again; to correct it is to take it back and say something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.exchange.exporting import ExportedFile, export
from chatfeedback.exchange.formats.shared import SharedChat
from chatfeedback.exchange.importing import (
    ReadFile,
    RowError,
    count_teaches,
    read_file,
)
from chatfeedback.learning.learner import Learner
from chatfeedback.protocols import Engine, Store
from chatfeedback.records import (
    REPEAT,
    Backup,
    FeedbackEvent,
    FeedbackFilter,
    FeedbackItem,
    Imported,
    LearningStatus,
    PickOutcome,
)
from chatfeedback.statistics import Statistics, count_feedback
from chatfeedback.taste.taste import Tastes

PREVIEW_ROWS = 8
NO_IMPORT = (0, 0)
OVER = "It was under way when the backup was made that is restored now; nothing changed."


@dataclass(frozen=True)
class PreviewRow:
    """One row of a file, and what it will teach."""

    line: int
    prompt: str
    replies: tuple[str, ...]
    teaches: tuple[str, ...]
    notes: tuple[str, ...]
    is_known: bool


@dataclass(frozen=True)
class ImportPreview:
    """What importing a file would do; nothing is stored yet."""

    format: str
    rows: int  # rows that can be used
    new: int  # of them, those that bring something; the others are here already
    teaches: tuple[tuple[str, int], ...]  # what the new ones do, in plain words, most first
    first: tuple[PreviewRow, ...]
    errors: tuple[RowError, ...]


class Curation:
    """The session's door for all of it. Every method takes the acting person."""

    def __init__(self, store: Store, engine: Engine, tastes: Tastes, learner: Learner) -> None:
        self._store = store
        self._engine = engine
        self._tastes = tastes
        self._learner = learner
        self.import_progress = NO_IMPORT  # (chats stored, chats in all) of the import under way

    # --- single events ---------------------------------------------------------------------

    def correct(
        self, person_id: int, feedback_id: int, client_id: str, corrected: int | str
    ) -> int:
        """Say something else in an event's place; returns the new one's id.

        corrected: a thumb's or rating's value, a vote's outcome, a rewrite's text.
        """
        item = self._find(person_id, feedback_id)
        event = say_instead(item.event, client_id, corrected)
        number, _ = self._store.replace_feedback(person_id, feedback_id, f"{client_id}:undo", event)
        self._learn(person_id, number)
        if event.kind == "edit":
            self._tastes.score_edits_later(person_id)
        return number

    def exclude(self, person_id: int, feedback_id: int, *, is_excluded: bool) -> None:
        """Set an event aside, so that it teaches nothing; or let it count again."""
        self._store.set_aside(person_id, feedback_id, is_aside=is_excluded)
        self._begin_anew(person_id)

    def delete(self, person_id: int, feedback_id: int, client_id: str) -> None:
        """Take an event back for good; the log keeps that it was once there."""
        event = FeedbackEvent(client_id, "undo", undoes=feedback_id)
        number, _ = self._store.add_feedback(person_id, event)
        self._learn(person_id, number)

    def vote_later(
        self,
        person_id: int,
        message_id: int,
        reply_ids: tuple[int, ...],
        outcome: PickOutcome,
        client_id: str,
    ) -> int:
        """Compare two answers that were never side by side; the conversation stays as it is."""
        event = FeedbackEvent(client_id, "pick", outcome=outcome)
        number, _ = self._store.vote_later(person_id, message_id, reply_ids, event)
        self._learn(person_id, number)
        return number

    def vote_again(
        self,
        person_id: int,
        message_id: int,
        reply_ids: tuple[int, ...],
        outcome: PickOutcome,
        client_id: str,
    ) -> None:
        """Compare once more what `Queries.judged_pair` gave. It teaches nothing: it tells how sure
        such choices are (`Attention.contradicts_itself`)."""
        event = FeedbackEvent(client_id, "pick", outcome=outcome)
        self._store.vote_later(person_id, message_id, reply_ids, event, REPEAT)
        self._learner.note_activity()

    def _find(self, person_id: int, feedback_id: int) -> FeedbackItem:
        page = self._store.browse_feedback(person_id, FeedbackFilter(), feedback_id + 1, 1)
        if not page.items or page.items[0].feedback_id != feedback_id:
            raise NotFound(f"There is no feedback {feedback_id}. Reload the page to see what is.")
        return page.items[0]

    def _learn(self, person_id: int, feedback_id: int) -> None:
        self._learner.note_activity()
        self._tastes.get(person_id, self._engine.state().base).learn(feedback_id)

    def _begin_anew(self, person_id: int) -> None:
        self._learner.note_activity()
        self._tastes.reload_later(person_id)

    # --- files -----------------------------------------------------------------------------

    def preview(self, person_id: int, name: str, data: bytes) -> ImportPreview:
        """What importing this file would do."""
        return preview_import(self._store, person_id, read_file(name, data))

    def import_file(self, person_id: int, name: str, data: bytes) -> Imported:
        """Store what is new in a file, in one transaction; the engine reads its answers later."""
        found = read_file(name, data)
        try:
            note = self._note_import(len(found.chats))
            added = self._store.add_chats(person_id, name[:200], found.chats, note)
        finally:
            self.import_progress = NO_IMPORT
        if added.chats or added.reactions:
            self._begin_anew(person_id)
            self._tastes.score_edits_later(person_id)
        return added

    def _note_import(self, total: int) -> Callable[[int], None]:
        def note(done: int) -> None:
            self.import_progress = (done, total)

        return note

    def export(self, person_id: int, format_name: str) -> ExportedFile:
        """All that stands, as a file of this format."""
        day = datetime.now(UTC).date().isoformat()
        return export(self._store.shared_chats(person_id), format_name, day)

    # --- the whole -------------------------------------------------------------------------

    def statistics(self, person_id: int) -> Statistics:
        """How much there is, how balanced and how consistent."""
        return count_feedback(self._store.feedback(person_id), self._store.comparisons(person_id))

    def back_up(self) -> Backup:
        """A verified copy of everything on this machine: all people, chats and feedback."""
        return self._store.back_up()

    def restore(self, name: str) -> None:
        """Everything as it was in a backup; what is there now is backed up first."""
        for person in self._store.people():
            refuse_while_learning(self._learner.status(person.person_id))
        self._store.restore_backup(name)
        self._store.recover()  # what was under way when the backup was made is over
        for person in self._store.people():
            for run in self._store.runs(person.person_id):
                if run.ended_at_utc is None:
                    self._store.end_run(person.person_id, run.run_id, "stopped", OVER)
            self._tastes.reload(person.person_id)


def say_instead(event: FeedbackEvent, client_id: str, corrected: int | str) -> FeedbackEvent:
    """The same reaction with another value, outcome or text. What is stored is checked there."""
    if event.kind in ("thumb", "rating") and isinstance(corrected, int):
        return replace(event, client_id=client_id, value=corrected)
    if event.kind == "pick" and isinstance(corrected, str):
        return replace(event, client_id=client_id, outcome=cast(PickOutcome, corrected))
    if event.kind == "edit" and isinstance(corrected, str):
        return replace(event, client_id=client_id, text=corrected.strip())
    raise InputRefused(
        f"A {event.kind} cannot be corrected to {corrected!r}. Take it back and give it again."
    )


def preview_import(store: Store, person_id: int, found: ReadFile) -> ImportPreview:
    """What storing this file would do."""
    new = store.new_in(person_id, found.chats)
    rows = preview_rows(found, new)
    teaches = count_teaches([each for each in new if each is not None])
    return ImportPreview(
        format=found.format,
        rows=len(rows),
        new=sum(not row.is_known for row in rows),
        teaches=tuple(teaches.most_common()),
        first=tuple(rows[:PREVIEW_ROWS]),
        errors=found.errors,
    )


def refuse_while_learning(status: LearningStatus) -> None:
    """A run under way would write into what is being replaced."""
    if status.phase != "idle":
        raise InputRefused(
            "A learning run is under way. Stop it, or wait for its end, then restore."
        )


def preview_rows(found: ReadFile, new: Sequence[SharedChat | None]) -> list[PreviewRow]:
    """Each row of a file, its last exchange standing for it, and whether it brings anything."""
    rows = []
    for chat, kept in zip(found.chats, new, strict=True):
        last = chat.exchanges[-1] if chat.exchanges else None
        rows.append(
            PreviewRow(
                line=chat.line,
                prompt=last.prompt if last else "",
                replies=tuple(reply.text for reply in last.replies) if last else (),
                teaches=tuple(count_teaches([kept or chat])),
                notes=chat.notes,
                is_known=kept is None,
            )
        )
    return rows
