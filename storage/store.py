"""The store: everything the app remembers, one method per fact, one transaction per method.

The methods are documented where the rest of the app sees them, in `chatfeedback.protocols`.
What each does lies in the modules named here, one noun each.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chatfeedback.exchange.formats.shared import SharedChat
from chatfeedback.records import (
    RATED_LATER,
    AdapterVersion,
    AiLabel,
    Backup,
    ChatSettings,
    Comparison,
    Conversation,
    Exchange,
    FeedbackChoices,
    FeedbackEvent,
    FeedbackFilter,
    FeedbackPage,
    Found,
    GateReport,
    GeneratedReply,
    Imported,
    LearningRun,
    LearnResult,
    Person,
    ReplyFeatures,
    RunState,
    Sampling,
    ScoredText,
    StoredFeedback,
    StoredReply,
    Turn,
    Unrated,
)
from storage import (
    adapters,
    backup,
    branches,
    browsing,
    chat,
    feedback,
    learning,
    replies,
    searching,
    sharing,
)
from storage.database import DatabaseFile, complaints

if TYPE_CHECKING:
    from chatfeedback import protocols


def open_store(folder: Path) -> Store:
    """The store of a data folder, made if there is none.

    StorageFailed, with the file left as it is, if the database is damaged, missing though one
    was made here, of another program or of a newer version, or cannot be written.
    """
    return Store(folder)


class Store:
    """The only way to the database. Safe to use from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._instance_id = uuid.uuid4().hex  # tells this app's runs from those of a dead one
        self._database = DatabaseFile(folder)

    def close(self) -> None:
        self._database.close()

    def complaints(self) -> list[str]:
        with self._database.read() as db:
            return complaints(db)

    # --- people and settings ---

    def people(self) -> list[Person]:
        with self._database.read() as db:
            return chat.people(db)

    def ensure_person(self, name: str, noted_as: str = "") -> Person:
        with self._database.write() as db:
            person = chat.ensure_person(db, name)
            if noted_as:
                first = chat.people(db)[0]
                chat.set_setting(db, first.person_id, noted_as, str(person.person_id))
            return person

    def setting(self, person_id: int, name: str, default: str) -> str:
        with self._database.read() as db:
            return chat.setting(db, person_id, name, default)

    def set_setting(self, person_id: int, name: str, value: str) -> None:
        with self._database.write() as db:
            chat.set_setting(db, person_id, name, value)

    # --- conversations and messages ---

    def conversations(self, person_id: int, limit: int = 200) -> list[Conversation]:
        with self._database.read() as db:
            return chat.conversations(db, person_id, limit)

    def add_conversation(self, person_id: int, title: str) -> int:
        with self._database.write() as db:
            return chat.add_conversation(db, person_id, title)

    def rename_conversation(self, person_id: int, conversation_id: int, title: str) -> None:
        with self._database.write() as db:
            chat.rename_conversation(db, person_id, conversation_id, title)

    def delete_conversation(self, person_id: int, conversation_id: int) -> None:
        with self._database.write() as db:
            chat.hide_conversation(db, person_id, conversation_id, is_hidden=True)

    def restore_conversation(self, person_id: int, conversation_id: int) -> None:
        with self._database.write() as db:
            chat.hide_conversation(db, person_id, conversation_id, is_hidden=False)

    def exchanges(self, person_id: int, conversation_id: int, last: int = 50) -> list[Exchange]:
        with self._database.read() as db:
            return chat.exchanges(db, person_id, conversation_id, last)

    def add_message(
        self, person_id: int, conversation_id: int, text: str, client_id: str
    ) -> tuple[int, bool]:
        with self._database.write() as db:
            return chat.add_message(db, person_id, conversation_id, text, client_id)

    def revise_message(
        self, person_id: int, message_id: int, text: str, client_id: str
    ) -> tuple[int, bool]:
        with self._database.write() as db:
            return branches.revise_message(db, person_id, message_id, text, client_id)

    def show_message(self, person_id: int, message_id: int) -> None:
        with self._database.write() as db:
            branches.show_message(db, person_id, message_id)

    def chat_settings(self, person_id: int, conversation_id: int) -> ChatSettings:
        with self._database.read() as db:
            return chat.chat_settings(db, person_id, conversation_id)

    def set_chat_settings(
        self, person_id: int, conversation_id: int, settings: ChatSettings
    ) -> None:
        with self._database.write() as db:
            chat.set_chat_settings(db, person_id, conversation_id, settings)

    def search(self, person_id: int, words: str, limit: int = 30) -> list[Found]:
        with self._database.read() as db:
            is_behind = searching.is_behind(db)
        if is_behind:
            with self._database.write() as db:
                searching.catch_up(db)
        with self._database.read() as db:
            return searching.search(db, person_id, words, limit)

    def reactions(
        self, person_id: int, reply_ids: Sequence[int]
    ) -> dict[int, tuple[FeedbackEvent, ...]]:
        with self._database.read() as db:
            return searching.reactions(db, person_id, reply_ids)

    def withdraw_message(self, person_id: int, message_id: int) -> None:
        with self._database.write() as db:
            chat.withdraw_message(db, person_id, message_id)

    def conversation_of(self, person_id: int, message_id: int) -> int:
        with self._database.read() as db:
            return chat.conversation_of(db, person_id, message_id)

    # --- replies ---

    def add_replies(
        self,
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
        with self._database.write() as db:
            return replies.add_replies(
                db,
                person_id,
                message_id,
                n=n,
                adapter_id=adapter_id,
                adapter_scale=adapter_scale,
                base_key=base_key,
                sampling=sampling,
                seed=seed,
                candidates=candidates,
                show=show,
            )

    def finish_reply(self, person_id: int, reply_id: int, reply: GeneratedReply) -> None:
        with self._database.write() as db:
            replies.finish_reply(db, person_id, reply_id, reply)

    def interrupt_reply(
        self, person_id: int, reply_id: int, text: str, token_ids: Sequence[int] = ()
    ) -> None:
        so_far = text, token_ids
        with self._database.write() as db:
            replies.cut_reply(
                db, person_id, reply_id, *so_far, state="interrupted", stop_reason="cancelled"
            )

    def fail_reply(
        self, person_id: int, reply_id: int, text: str, token_ids: Sequence[int] = ()
    ) -> None:
        so_far = text, token_ids
        with self._database.write() as db:
            replies.cut_reply(db, person_id, reply_id, *so_far, state="failed", stop_reason=None)

    def show_reply(self, person_id: int, reply_id: int) -> None:
        with self._database.write() as db:
            replies.show_reply(db, person_id, reply_id)

    def reply(self, person_id: int, reply_id: int) -> StoredReply:
        with self._database.read() as db:
            return replies.reply(db, person_id, reply_id)

    def replies(self, person_id: int, reply_ids: Sequence[int]) -> list[StoredReply]:
        with self._database.read() as db:
            return replies.replies(db, person_id, reply_ids)

    def features(
        self, person_id: int, reply_ids: Sequence[int], base_key: str | None = None
    ) -> dict[int, ReplyFeatures]:
        with self._database.read() as db:
            return replies.features(db, person_id, reply_ids, base_key)

    def add_edit(self, person_id: int, reply_id: int, text: str) -> int:
        with self._database.write() as db:
            return replies.add_edit(db, person_id, reply_id, text)

    def rewritten(self, person_id: int, reply_id: int, text: str) -> int | None:
        with self._database.read() as db:
            return replies.rewritten(db, person_id, reply_id, text)

    def set_features(self, person_id: int, reply_id: int, scored: ScoredText) -> None:
        with self._database.write() as db:
            replies.set_features(db, person_id, reply_id, scored)

    # --- comparisons and feedback ---

    def reopen_comparison(self, person_id: int, feedback_id: int) -> None:
        with self._database.write() as db:
            feedback.reopen_comparison(db, person_id, feedback_id)

    def add_comparison(
        self, person_id: int, message_id: int, reply_ids: Sequence[int], why: str
    ) -> int:
        with self._database.write() as db:
            return feedback.add_comparison(db, person_id, message_id, reply_ids, why)

    def comparison(self, person_id: int, comparison_id: int) -> Comparison:
        with self._database.read() as db:
            return feedback.comparison(db, person_id, comparison_id)

    def comparisons(self, person_id: int) -> list[Comparison]:
        with self._database.read() as db:
            return feedback.comparisons(db, person_id)

    def add_feedback(self, person_id: int, event: FeedbackEvent) -> tuple[int, bool]:
        with self._database.write() as db:
            feedback_id, is_new = feedback.add_feedback(db, person_id, event)
            if is_new:
                feedback.show_chosen(db, person_id, event)
            return feedback_id, is_new

    def feedback(self, person_id: int, after_id: int = 0) -> list[StoredFeedback]:
        with self._database.read() as db:
            return feedback.feedback(db, person_id, after_id)

    def add_ai_label(self, person_id: int, label: AiLabel) -> None:
        with self._database.write() as db:
            feedback.add_ai_label(db, person_id, label)

    def ai_labels(self, person_id: int) -> list[AiLabel]:
        with self._database.read() as db:
            return feedback.ai_labels(db, person_id)

    def thumbs(self, person_id: int, reply_ids: Sequence[int]) -> dict[int, int]:
        with self._database.read() as db:
            return feedback.thumbs(db, person_id, reply_ids)

    def chips(self, person_id: int, reply_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        with self._database.read() as db:
            return feedback.chips(db, person_id, reply_ids)

    # --- looking through feedback, and sharing it ---

    def browse_feedback(
        self, person_id: int, wanted: FeedbackFilter, before_id: int | None = None, limit: int = 50
    ) -> FeedbackPage:
        with self._database.read() as db:
            return browsing.browse(db, person_id, wanted, before_id, limit)

    def feedback_choices(self, person_id: int) -> FeedbackChoices:
        with self._database.read() as db:
            return browsing.choices(db, person_id)

    def unrated_reply(self, person_id: int, before_id: int | None = None) -> Unrated | None:
        with self._database.read() as db:
            return browsing.unrated_reply(db, person_id, before_id)

    def unrated_pair(self, person_id: int, before_id: int | None = None) -> Unrated | None:
        with self._database.read() as db:
            return browsing.unrated_pair(db, person_id, before_id)

    def judged_pair(self, person_id: int) -> Unrated | None:
        with self._database.read() as db:
            return browsing.judged_pair(db, person_id)

    def unread_replies(self, person_id: int, limit: int = 1000) -> list[int]:
        with self._database.read() as db:
            return browsing.unread_replies(db, person_id, limit)

    def turns_before(self, person_id: int, message_id: int) -> tuple[Turn, ...]:
        with self._database.read() as db:
            return browsing.turns_before(db, person_id, message_id)

    def shared_chats(self, person_id: int) -> list[SharedChat]:
        with self._database.read() as db:
            return sharing.shared_chats(db, person_id)

    def new_in(self, person_id: int, chats: Sequence[SharedChat]) -> list[SharedChat | None]:
        with self._database.read() as db:
            return sharing.new_in(db, person_id, chats)

    def add_chats(
        self,
        person_id: int,
        source: str,
        chats: Sequence[SharedChat],
        note: Callable[[int], None] = sharing.tell_nobody,
    ) -> Imported:
        with self._database.write() as db:
            return sharing.add_chats(db, person_id, source, chats, note)

    def set_aside(self, person_id: int, feedback_id: int, *, is_aside: bool) -> None:
        with self._database.write() as db:
            feedback.require_standing(db, person_id, feedback_id)
            sharing.set_aside(db, person_id, feedback_id, is_aside=is_aside)

    def replace_feedback(
        self, person_id: int, feedback_id: int, undo_id: str, event: FeedbackEvent
    ) -> tuple[int, bool]:
        with self._database.write() as db:
            return sharing.replace_feedback(db, person_id, feedback_id, undo_id, event)

    def vote_later(
        self,
        person_id: int,
        message_id: int,
        reply_ids: Sequence[int],
        event: FeedbackEvent,
        why: str = RATED_LATER,
    ) -> tuple[int, bool]:
        with self._database.write() as db:
            return sharing.vote_later(db, person_id, message_id, list(reply_ids), event, why)

    # --- backups ---

    def backups(self) -> list[Backup]:
        return backup.list_backups(self.folder / backup.BACKUPS)

    def versions_in_backups(self) -> set[str]:
        return backup.versions_in(self.folder / backup.BACKUPS)

    def back_up(self) -> Backup:
        return self._database.back_up("by-hand")

    def restore_backup(self, name: str) -> None:
        self._database.restore(name)

    def erase(self) -> None:
        self._database.erase()

    # --- reward models ---

    def save_reward(
        self, person_id: int, base_key: str, last_feedback_id: int, blob: bytes
    ) -> None:
        with self._database.write_derived() as db:
            learning.save_reward(db, person_id, base_key, last_feedback_id, blob)

    def load_reward(self, person_id: int, base_key: str) -> tuple[int, bytes] | None:
        with self._database.read() as db:
            return learning.load_reward(db, person_id, base_key)

    def save_basis(self, base_key: str, blob: bytes) -> None:
        with self._database.write() as db:
            learning.save_basis(db, base_key, blob)

    def load_basis(self, base_key: str) -> bytes | None:
        with self._database.read() as db:
            return learning.load_basis(db, base_key)

    def save_prior(self, person_id: int, base_key: str, blob: bytes) -> None:
        with self._database.write() as db:
            learning.save_prior(db, person_id, base_key, blob)

    def load_prior(self, person_id: int, base_key: str) -> bytes | None:
        with self._database.read() as db:
            return learning.load_prior(db, person_id, base_key)

    # --- learning runs ---

    def add_run(
        self,
        person_id: int,
        *,
        run_id: str,
        method: str,
        reason: str,
        settings_json: str,
        seed: int,
        data_hash: str,
        clicks: int,
        feedback_ids: Sequence[int],
    ) -> None:
        with self._database.write() as db:
            learning.add_run(
                db,
                person_id,
                self._instance_id,
                run_id=run_id,
                method=method,
                reason=reason,
                settings_json=settings_json,
                seed=seed,
                data_hash=data_hash,
                clicks=clicks,
                feedback_ids=feedback_ids,
            )

    def evidence(self, person_id: int, run_id: str) -> list[int]:
        with self._database.read() as db:
            return learning.evidence(db, person_id, run_id)

    def add_metric(self, person_id: int, run_id: str, step: int, metrics: dict[str, float]) -> None:
        with self._database.write() as db:
            learning.add_metric(db, person_id, run_id, step, metrics)

    def run_metrics(self, person_id: int, run_id: str) -> list[dict[str, float]]:
        with self._database.read() as db:
            return learning.run_metrics(db, person_id, run_id)

    def end_run(self, person_id: int, run_id: str, state: RunState, outcome: str) -> None:
        with self._database.write() as db:
            learning.end_run(db, person_id, run_id, state, outcome)

    def runs(self, person_id: int, limit: int = 20) -> list[LearningRun]:
        with self._database.read() as db:
            return learning.runs(db, person_id, limit)

    def recover(self) -> list[LearningRun]:
        with self._database.write() as db:
            replies.interrupt_streaming(db)
            return learning.requeue_orphans(db, self._instance_id)

    def begin_run(self, person_id: int, run_id: str) -> None:
        with self._database.write() as db:
            learning.begin_run(db, person_id, run_id)

    def hand_over(self) -> None:
        with self._database.write() as db:
            learning.hand_over(db, self._instance_id)

    # --- adapter versions ---

    def add_adapter(
        self, person_id: int, run_id: str, base_key: str, result: LearnResult, parent: str | None
    ) -> AdapterVersion:
        with self._database.write() as db:
            return adapters.add_adapter(
                db, self.folder, person_id, run_id, base_key, result, parent
            )

    def promote_adapter(
        self, person_id: int, adapter_id: str, report: GateReport | None
    ) -> AdapterVersion:
        with self._database.write() as db:
            return adapters.promote_adapter(db, self.folder, person_id, adapter_id, report)

    def reject_adapter(self, person_id: int, adapter_id: str, report: GateReport) -> None:
        with self._database.write() as db:
            adapters.reject_adapter(db, person_id, adapter_id, report)

    def serve_base(self, person_id: int, base_key: str) -> None:
        with self._database.write() as db:
            adapters.serve_base(db, person_id, base_key)

    def versions(self, person_id: int) -> list[AdapterVersion]:
        with self._database.read() as db:
            return adapters.versions(db, self.folder, person_id)

    def serving(self, person_id: int, base_key: str) -> AdapterVersion | None:
        with self._database.read() as db:
            return adapters.serving(db, self.folder, person_id, base_key)


if TYPE_CHECKING:
    _fulfils: type[protocols.Store] = Store
