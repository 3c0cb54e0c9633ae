"""SillyTavern's chats: a line for each turn after a header line, with the "swipes" of each answer.

The swipe that the chat went on with was kept over the others, which is a choice. The swipes of the
very last answer say nothing yet: nobody went on from there. Several chats may follow one another
in one file, each with its header.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatfeedback.exchange.formats.shared import (
    RowRefused,
    SharedChat,
    SharedExchange,
    SharedReaction,
    SharedReply,
    as_json,
    last_words,
    pairs_of,
    pick,
    read_title,
    require_text,
    show,
)

HEADER = {"user_name", "character_name", "chat_metadata"}
NOTE_GREETING = "The character's greeting answers nothing and is left out."
Numbered = tuple[int, dict[str, Any]]


def is_sillytavern(record: object) -> bool:
    """Whether a row looks like a header or a turn of such a chat."""
    return isinstance(record, dict) and (not HEADER.isdisjoint(record) or "mes" in record)


def read_all(records: Sequence[Numbered]) -> Iterator[tuple[int, SharedChat | RowRefused]]:
    """Each chat with the line where it begins, or what is wrong with a line."""
    open_chat = _Chat(1)
    for line, record in records:
        if "mes" not in record and not HEADER.isdisjoint(record):
            yield from open_chat.finish()
            open_chat = _Chat(line, title=read_title(record.get("character_name", "")))
            continue
        try:
            open_chat.take(record)
        except RowRefused as error:
            yield line, error
    yield from open_chat.finish()


@dataclass
class _Chat:
    """The chat being read."""

    line: int
    title: str = ""
    asked: list[str] = field(default_factory=list)
    exchanges: list[SharedExchange] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def take(self, record: dict[str, Any]) -> None:
        """One more turn."""
        if "mes" not in record:
            raise RowRefused(f'A turn has a "mes"; this line is {show(record)}.')
        if record.get("is_system") is True:
            return
        if record.get("is_user") is True:
            self._confirm()
            self.asked.append(require_text(record["mes"], "A message"))
        elif self.asked:
            self.exchanges.append(read_answer_turn("\n\n".join(self.asked), record))
            self.asked = []
        else:
            self.notes[NOTE_GREETING] = None

    def _confirm(self) -> None:
        """The person went on, so the swipe shown before was kept over the others."""
        if self.exchanges and not self.asked and len(self.exchanges[-1].replies) > 1:
            last = self.exchanges[-1]
            others = [at for at in range(len(last.replies)) if at != last.kept]
            shown = (last.kept, *others)
            said = SharedReaction("rank", shown=shown, order=(last.kept,))
            if len(shown) == 2:
                said = pick(*shown)
            self.exchanges[-1] = SharedExchange(last.prompt, last.replies, (said,), last.kept)

    def finish(self) -> Iterator[tuple[int, SharedChat]]:
        """The chat, if there is anything in it."""
        if self.exchanges:
            chat = SharedChat(tuple(self.exchanges), title=self.title, notes=tuple(self.notes))
            yield self.line, chat


def read_answer_turn(prompt: str, record: dict[str, Any]) -> SharedExchange:
    """An answer with its swipes, each text once; the one shown is the message itself."""
    shown = require_text(record["mes"], "An answer")
    swipes = record.get("swipes") or [shown]
    if not isinstance(swipes, list):
        raise RowRefused(f'"swipes" should be a list, not {show(swipes)}.')
    texts = list(dict.fromkeys(each for each in swipes if isinstance(each, str) and each.strip()))
    if shown not in texts:  # edited after it was swiped
        at = record.get("swipe_id")
        if type(at) is int and 0 <= at < len(swipes) and swipes[at] in texts:
            texts[texts.index(swipes[at])] = shown
        else:
            texts.append(shown)
    replies = tuple(SharedReply(require_text(text, "A swipe")) for text in texts)
    return SharedExchange(prompt, replies, kept=texts.index(shown))


def write(chats: Sequence[SharedChat]) -> Iterator[tuple[str, list[str]]]:
    """(file name, lines) of each chat; SillyTavern keeps one chat a file."""
    header = {"user_name": "You", "character_name": "chatfeedback", "chat_metadata": {}}
    for number, chat in enumerate(chats, start=1):
        answered = [each for each in chat.exchanges if each.replies]
        if not answered:
            continue
        lines = [as_json(line) for exchange in answered for line in write_turns(exchange)]
        if chosen(answered[-1]):  # the last choice counts only if the chat goes on after it
            lines.append(as_json({"name": "You", "is_user": True, "mes": "…"}))
        yield f"chat-{number:05}.jsonl", [as_json(header), *lines]


def write_turns(exchange: SharedExchange) -> Iterator[dict[str, Any]]:
    """A message, and its answer with the swipes that it was chosen among."""
    yield {"name": "You", "is_user": True, "mes": exchange.prompt}
    pairs = chosen(exchange)
    best = pairs[0][0] if pairs else exchange.replies[exchange.kept].text
    swipes = list(dict.fromkeys([best, *(worse for _, worse in pairs)]))
    yield {
        "name": "chatfeedback",
        "is_user": False,
        "mes": best,
        "swipe_id": 0,
        "swipes": swipes,
    }


def chosen(exchange: SharedExchange) -> list[tuple[str, str]]:
    """(best, other) of the last choice made; a swipe can say no more than that."""
    for reaction in reversed(last_words(exchange)):
        pairs = pairs_of(exchange, reaction)
        if pairs:
            return [pair for pair in pairs if pair[0] == pairs[0][0]]
    return []
