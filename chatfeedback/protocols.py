"""The seams: what the session needs from storage and from the engine, and what pages may read.

`storage.store.Store` and `chatfeedback.engine.client.Engine` fulfil them; tests bring fakes.
Every store method takes the acting person first, and answers `NotFound` for another's ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from chatfeedback.exchange.formats.shared import SharedChat
from chatfeedback.records import (
    RATED_LATER,
    AdapterVersion,
    AiLabel,
    Backup,
    ChatSettings,
    Comparison,
    Conversation,
    EngineState,
    Exchange,
    FeedbackChoices,
    FeedbackEvent,
    FeedbackFilter,
    FeedbackPage,
    Found,
    GateReport,
    GeneratedReply,
    GenerateRequest,
    Imported,
    LearningRun,
    LearnRequest,
    LearnResult,
    LearnStep,
    Person,
    ReplyFeatures,
    RunState,
    SampleRequest,
    Sampling,
    ScoredText,
    ScoreRequest,
    StoredFeedback,
    StoredReply,
    TextDelta,
    Turn,
    Unrated,
)


class Engine(Protocol):
    """The owner of the model, in another process."""

    def state(self) -> EngineState: ...

    def generate(self, request: GenerateRequest) -> Iterator[TextDelta | GeneratedReply]:
        """Stream n replies; each ends with its GeneratedReply. Closing the iterator cancels."""

    def sample(self, request: SampleRequest) -> list[list[GeneratedReply]]: ...

    def score(self, request: ScoreRequest) -> list[list[ScoredText]]: ...

    def learn(self, request: LearnRequest) -> Iterator[LearnStep | LearnResult]:
        """One update, step by step. Closing the iterator cancels; nothing is then left behind."""


class Queries(Protocol):
    """What pages may read. Nothing here changes anything."""

    def people(self) -> list[Person]: ...

    def conversations(self, person_id: int, limit: int = 200) -> list[Conversation]: ...

    def exchanges(self, person_id: int, conversation_id: int, last: int = 50) -> list[Exchange]: ...

    def conversation_of(self, person_id: int, message_id: int) -> int:
        """The conversation a message belongs to."""

    def chat_settings(self, person_id: int, conversation_id: int) -> ChatSettings: ...

    def search(self, person_id: int, words: str, limit: int = 30) -> list[Found]:
        """Where all these words were said, best match first; the last one may be a beginning."""

    def reactions(
        self, person_id: int, reply_ids: Sequence[int]
    ) -> dict[int, tuple[FeedbackEvent, ...]]:
        """reply id -> what stands of ratings, comments and flags, oldest first."""

    def reply(self, person_id: int, reply_id: int) -> StoredReply: ...

    def replies(self, person_id: int, reply_ids: Sequence[int]) -> list[StoredReply]:
        """Without features, in the order asked."""

    def rewritten(self, person_id: int, reply_id: int, text: str) -> int | None:
        """The sibling that holds this rewrite of a reply (see `Store.add_edit`)."""

    def thumbs(self, person_id: int, reply_ids: Sequence[int]) -> dict[int, int]:
        """reply id -> +1 / -1, as they stand now (undone and taken-back ones left out)."""

    def chips(self, person_id: int, reply_ids: Sequence[int]) -> dict[int, tuple[str, ...]]: ...

    def comparison(self, person_id: int, comparison_id: int) -> Comparison: ...

    def comparisons(self, person_id: int) -> list[Comparison]:
        """All that were ever shown, oldest first."""

    def feedback(self, person_id: int, after_id: int = 0) -> list[StoredFeedback]:
        """All events in order of arrival, undone ones marked."""

    def ai_labels(self, person_id: int) -> list[AiLabel]:
        """Labels by principles, oldest first."""

    def browse_feedback(
        self, person_id: int, wanted: FeedbackFilter, before_id: int | None = None, limit: int = 50
    ) -> FeedbackPage:
        """Events that fit the filter, newest first, from below `before_id` on."""

    def feedback_choices(self, person_id: int) -> FeedbackChoices:
        """What there is to filter by."""

    def unrated_reply(self, person_id: int, before_id: int | None = None) -> Unrated | None:
        """The newest reply below `before_id` that was shown and that nothing was said about."""

    def unrated_pair(self, person_id: int, before_id: int | None = None) -> Unrated | None:
        """Two replies to the newest message below `before_id` whose replies were never compared."""

    def judged_pair(self, person_id: int) -> Unrated | None:
        """Two replies that were compared once, the oldest first, the other way round."""

    def unread_replies(self, person_id: int, limit: int = 1000) -> list[int]:
        """Replies that no model has read yet: rewritten and imported ones, oldest first."""

    def turns_before(self, person_id: int, message_id: int) -> tuple[Turn, ...]:
        """What was said before a message, in a conversation that may be hidden."""

    def shared_chats(self, person_id: int) -> list[SharedChat]:
        """Every conversation that something stands about, for a file."""

    def new_in(self, person_id: int, chats: Sequence[SharedChat]) -> list[SharedChat | None]:
        """Of each chat of a file what is not stored yet; None where all of it is."""

    def backups(self) -> list[Backup]:
        """Newest first."""

    def runs(self, person_id: int, limit: int = 20) -> list[LearningRun]: ...

    def run_metrics(self, person_id: int, run_id: str) -> list[dict[str, float]]:
        """One dict a step, in order; each has its "step" among the metrics."""

    def evidence(self, person_id: int, run_id: str) -> list[int]:
        """The feedback ids a run learned from, in order of arrival."""

    def versions(self, person_id: int) -> list[AdapterVersion]:
        """Newest first."""

    def serving(self, person_id: int, base_key: str) -> AdapterVersion | None: ...

    def setting(self, person_id: int, name: str, default: str) -> str: ...

    def complaints(self) -> list[str]:
        """What a full check of the database finds wrong; empty when it is sound."""


class Store(Queries, Protocol):
    """The only way to the database. Each method is one transaction, committed on return."""

    folder: Path

    def close(self) -> None: ...

    def ensure_person(self, name: str, noted_as: str = "") -> Person:
        """The person of this name, made if there is none. noted_as: a setting of the first person
        that has this one's id from then on, in the same transaction."""

    def set_setting(self, person_id: int, name: str, value: str) -> None: ...

    # conversations, messages, replies
    def add_conversation(self, person_id: int, title: str) -> int: ...

    def rename_conversation(self, person_id: int, conversation_id: int, title: str) -> None: ...

    def delete_conversation(self, person_id: int, conversation_id: int) -> None:
        """Hide it; its feedback stays evidence. `restore_conversation` takes it back."""

    def restore_conversation(self, person_id: int, conversation_id: int) -> None: ...

    def add_message(
        self, person_id: int, conversation_id: int, text: str, client_id: str
    ) -> tuple[int, bool]:
        """(message id, True if new); the same client_id again answers the same id."""

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
        """Insert n replies in state "streaming" before the first token; `show` makes the first
        one the conversation's reply to that message."""

    def finish_reply(self, person_id: int, reply_id: int, reply: GeneratedReply) -> None:
        """Text, ids, timings and features at once; state "done" ("interrupted" if cancelled)."""

    def fail_reply(
        self, person_id: int, reply_id: int, text: str, token_ids: Sequence[int] = ()
    ) -> None:
        """Keep the text so far, and its ids as far as they are known; state "failed"."""

    def interrupt_reply(
        self, person_id: int, reply_id: int, text: str, token_ids: Sequence[int] = ()
    ) -> None:
        """The person stopped it: keep the text so far and its ids; state "interrupted"."""

    def revise_message(
        self, person_id: int, message_id: int, text: str, client_id: str
    ) -> tuple[int, bool]:
        """Say a message differently: (id of the revision, True if new). The one before and all that
        was said after it go aside together, and come back with `show_message`."""

    def show_message(self, person_id: int, message_id: int) -> None:
        """Let this variant of a message be in the conversation, with what was said after it."""

    def set_chat_settings(
        self, person_id: int, conversation_id: int, settings: ChatSettings
    ) -> None: ...

    def withdraw_message(self, person_id: int, message_id: int) -> None:
        """Hide a message that could not be answered at all (too long for the model)."""

    def show_reply(self, person_id: int, reply_id: int) -> None:
        """Make this sibling the conversation's reply to its message."""

    def features(
        self, person_id: int, reply_ids: Sequence[int], base_key: str | None = None
    ) -> dict[int, ReplyFeatures]:
        """reply id -> its features under this base (None: the base that wrote it), where known."""

    def add_edit(self, person_id: int, reply_id: int, text: str) -> int:
        """A rewritten answer as a sibling reply (state "done", no ids or features yet); the same
        rewrite again answers the same id."""

    def set_features(self, person_id: int, reply_id: int, scored: ScoredText) -> None: ...

    # feedback
    def add_comparison(
        self, person_id: int, message_id: int, reply_ids: Sequence[int], why: str
    ) -> int: ...

    def reopen_comparison(self, person_id: int, feedback_id: int) -> None:
        """Put the question anew whose vote was taken back, if the talk did not go on since."""

    def add_feedback(self, person_id: int, event: FeedbackEvent) -> tuple[int, bool]:
        """(feedback id, True if new). Refuses ids never shown to this person (NotFound). A vote
        also lets what it chose be the conversation's reply, unless it only repeats an earlier one.
        """

    def add_ai_label(self, person_id: int, label: AiLabel) -> None:
        """What the model said by a principle; a second label of one reply changes nothing."""

    def set_aside(self, person_id: int, feedback_id: int, *, is_aside: bool) -> None:
        """Keep an event out of what counts, or let it count again. Stored reward models go."""

    def replace_feedback(
        self, person_id: int, feedback_id: int, undo_id: str, event: FeedbackEvent
    ) -> tuple[int, bool]:
        """One transaction: an event is taken back, another comes in its place (its id, True if
        new)."""

    def vote_later(
        self,
        person_id: int,
        message_id: int,
        reply_ids: Sequence[int],
        event: FeedbackEvent,
        why: str = RATED_LATER,
    ) -> tuple[int, bool]:
        """A vote (its comparison is filled in) on replies that did not stand like this before."""

    def add_chats(
        self,
        person_id: int,
        source: str,
        chats: Sequence[SharedChat],
        note: Callable[[int], None] = ...,
    ) -> Imported:
        """One transaction: a file's chats and reactions, as far as they are not there yet.

        note: told now and then how many chats are stored.
        """

    def versions_in_backups(self) -> set[str]:
        """Ids of the learned versions that a backup would bring back."""

    def back_up(self) -> Backup:
        """A verified copy of everything."""

    def restore_backup(self, name: str) -> None:
        """Everything as it was in this backup, in one transaction; what is there now is backed up
        first."""

    def erase(self) -> None:
        """An empty database, in one transaction, and no backups."""

    # reward model: one row a person and base; basis rows are versioned, never changed
    def save_reward(
        self, person_id: int, base_key: str, last_feedback_id: int, blob: bytes
    ) -> None: ...

    def load_reward(self, person_id: int, base_key: str) -> tuple[int, bytes] | None: ...

    def save_basis(self, base_key: str, blob: bytes) -> None: ...

    def load_basis(self, base_key: str) -> bytes | None: ...

    def save_prior(self, person_id: int, base_key: str, blob: bytes) -> None:
        """A new version of what is believed of a person before any reaction."""

    def load_prior(self, person_id: int, base_key: str) -> bytes | None:
        """The newest version."""

    # learning
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
    ) -> None: ...

    def add_metric(
        self, person_id: int, run_id: str, step: int, metrics: dict[str, float]
    ) -> None: ...

    def end_run(self, person_id: int, run_id: str, state: RunState, outcome: str) -> None: ...

    def recover(self) -> list[LearningRun]:
        """At start: replies still "streaming" become "interrupted"; runs that an earlier app left
        "queued" or "running" become "queued" (their steps and staged versions forgotten). One that
        was "running" when its app died has one attempt more or, after two, "failed". Returns the
        requeued ones."""

    def begin_run(self, person_id: int, run_id: str) -> None:
        """A queued run is under way from now on."""

    def hand_over(self) -> None:
        """At the end: what this app has under way waits for the next, as if it had not begun."""

    def add_adapter(
        self, person_id: int, run_id: str, base_key: str, result: LearnResult, parent: str | None
    ) -> AdapterVersion:
        """State "staged". Its folder is complete on disk already."""

    def promote_adapter(
        self, person_id: int, adapter_id: str, report: GateReport | None
    ) -> AdapterVersion:
        """One transaction: it serves, the one before is retired, its run (if running) ends
        "promoted". report None keeps the stored one (roll back / forward)."""

    def reject_adapter(self, person_id: int, adapter_id: str, report: GateReport) -> None:
        """One transaction: state "rejected", its run ends "rejected"."""

    def serve_base(self, person_id: int, base_key: str) -> None:
        """Roll back to the base: the serving adapter is retired."""
