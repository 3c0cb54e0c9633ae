"""Replies being written: their rows kept true to what was generated, their text shown in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from chatfeedback.protocols import Store
from chatfeedback.records import GeneratedReply, ReplyProgress, TextDelta, Turn

PIECE_CHARACTERS = 12  # a chosen reply is shown in pieces of this size
Phase = Literal["choosing", "streaming", "done", "failed"]


class ReplyWriter:
    """Keeps the rows of the replies under way true to what was generated.

    Args:
        begun: what the replies begin with, if they go on with one that was cut short.
    """

    def __init__(
        self,
        store: Store,
        person_id: int,
        reply_ids: tuple[int, ...],
        begun: Turn | None = None,
    ) -> None:
        self._store = store
        self._person_id = person_id
        self._reply_ids = reply_ids
        self._texts = [begun.text if begun else ""] * len(reply_ids)
        self._ids = [begun.token_ids or () if begun else ()] * len(reply_ids)
        self._has_ids = begun is None or bool(begun.token_ids)
        self._open = set(range(len(reply_ids)))
        self._notice: str | None = None

    def append(self, delta: TextDelta) -> None:
        """More text of one of them."""
        self._texts[delta.index] += delta.text
        self._ids[delta.index] += delta.token_ids

    def finish(self, index: int, reply: GeneratedReply) -> None:
        """One of them is complete."""
        self._store.finish_reply(self._person_id, self._reply_ids[index], reply)
        self._texts[index] = reply.text
        self._notice = notice_of(reply)
        self._open.discard(index)

    def reveal(self, progress: ReplyProgress, reply: GeneratedReply) -> Iterator[ReplyProgress]:
        """Show the only one of them piece by piece, complete as it is. Closed half-way, it keeps
        what was shown."""
        for piece in reveal(progress, (reply.text,), notice_of(reply)):
            self._texts = list(piece.texts)
            yield piece
        self.finish(0, reply)

    def fail(self) -> None:
        """What is not complete failed; its text so far is kept."""
        for index in sorted(self._open):
            self._store.fail_reply(self._person_id, self._reply_ids[index], *self._so_far(index))
        self._open.clear()

    def settle(self) -> None:
        """A stream that was closed half-way keeps its text."""
        for index in sorted(self._open):
            self._store.interrupt_reply(
                self._person_id, self._reply_ids[index], *self._so_far(index)
            )
        self._open.clear()

    def _so_far(self, index: int) -> tuple[str, tuple[int, ...]]:
        """Text and ids; no ids where those of the beginning are not known."""
        return self._texts[index], self._ids[index] if self._has_ids else ()

    def streaming_progress(self, progress: ReplyProgress) -> ReplyProgress:
        """Where they stand while they are written."""
        return advance(progress, "streaming", tuple(self._texts), self._notice)

    def last_progress(self, progress: ReplyProgress) -> ReplyProgress:
        """Where they stand when all are complete."""
        return advance(progress, "done", tuple(self._texts), self._notice)

    def failed_progress(self, progress: ReplyProgress, notice: str) -> ReplyProgress:
        """Where they stand when it went wrong, and what is told about it."""
        return advance(progress, "failed", tuple(self._texts), notice)


def collect(events: Iterator[TextDelta | GeneratedReply]) -> list[GeneratedReply]:
    """All replies of a stream, in order of their index."""
    try:
        replies = [event for event in events if isinstance(event, GeneratedReply)]
    finally:
        close_events(events)
    return sorted(replies, key=lambda reply: reply.index)


def close_events(events: Iterator[TextDelta | GeneratedReply]) -> None:
    """Stop a stream; the engine gives up what is not written yet."""
    close = getattr(events, "close", None)
    if close is not None:
        close()


def reveal(
    progress: ReplyProgress, texts: tuple[str, ...], notice: str | None
) -> Iterator[ReplyProgress]:
    """Show chosen texts piece by piece, both sides of a comparison at one pace."""
    longest = max(len(text) for text in texts)
    for upto in range(PIECE_CHARACTERS, longest, PIECE_CHARACTERS):
        yield advance(progress, "streaming", tuple(cut(text, upto) for text in texts), notice)


def cut(text: str, upto: int) -> str:
    """Its beginning, without a word that is only begun there, so that it can go on from there."""
    if upto >= len(text) or text[upto].isspace():
        return text[:upto]
    ends = [at for at in range(upto - PIECE_CHARACTERS, upto) if text[at].isspace()]
    return text[: ends[-1]] if ends else text[:upto]


def advance(
    progress: ReplyProgress, phase: Phase, texts: tuple[str, ...], notice: str | None
) -> ReplyProgress:
    """The same replies, further on."""
    return ReplyProgress(
        phase,
        progress.message_id,
        progress.reply_ids,
        texts,
        progress.comparison_id,
        notice,
    )


def notice_of(reply: GeneratedReply) -> str | None:
    """What the person must know about how a reply came about."""
    if reply.dropped_turns:
        return (
            f"The conversation is longer than the model can read: its {reply.dropped_turns} "
            "oldest messages were left out of this answer."
        )
    return None
