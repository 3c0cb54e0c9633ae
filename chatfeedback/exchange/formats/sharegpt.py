"""ShareGPT's shape, with the columns that LLaMA-Factory added for preferences.

    {"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]}
    {"conversations": [...], "chosen": {"from": "gpt", "value": ...}, "rejected": {...}}
    {"conversations": [..., {"from": "gpt", ...}], "kto_tag": true}

A plain conversation says nothing of taste: its answers are there to be rated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from chatfeedback.exchange.formats.shared import (
    RowRefused,
    SharedChat,
    SharedExchange,
    SharedReaction,
    SharedReply,
    Told,
    as_json,
    last_words,
    pair_up,
    pairs_of,
    pick,
    read_turns,
    require_text,
    show,
    thread,
    thumbs_of,
    walk,
)

WHO = {"system": "system", "user": "human", "assistant": "gpt"}


def is_sharegpt(record: object) -> bool:
    """Whether a row looks like ShareGPT's."""
    return isinstance(record, dict) and "conversations" in record


def read(record: dict[str, Any]) -> SharedChat:
    """One row; RowRefused says what is wrong with it."""
    turns = read_turns(record["conversations"], '"conversations"', "from", "value")
    if "chosen" in record or "rejected" in record:
        better = read_single(record.get("chosen"), '"chosen"')
        worse = read_single(record.get("rejected"), '"rejected"')
        if better == worse:
            raise RowRefused('"chosen" and "rejected" are the same text, so it says nothing.')
        return thread(turns).chat([SharedReply(better), SharedReply(worse)], [pick(0, 1)])
    if "kto_tag" in record:
        return read_tagged(turns, record["kto_tag"])
    return read_plain(turns)


def read_single(value: object, what: str) -> str:
    """The text of one turn."""
    if isinstance(value, str):
        return require_text(value, what)
    if not isinstance(value, dict):
        raise RowRefused(f"{what} should be one turn, not {show(value)}.")
    [turn] = read_turns([value], what, "from", "value")
    return require_text(turn.text, what)


def read_tagged(turns: list[Told], tag: object) -> SharedChat:
    """A conversation whose last answer was liked or not."""
    if not isinstance(tag, bool):
        raise RowRefused(f'"kto_tag" should be true or false, not {show(tag)}.')
    if turns[-1].role != "assistant":
        raise RowRefused('"conversations" does not end with an answer for "kto_tag" to judge.')
    said = SharedReaction("thumb", reply=0, value=1 if tag else -1)
    return thread(turns[:-1]).chat([SharedReply(turns[-1].text)], [said])


def read_plain(turns: list[Told]) -> SharedChat:
    """A conversation whose answers are not rated yet."""
    pairs, unanswered, notes = pair_up(turns)
    if not pairs:
        raise RowRefused("It has no answer to a user's message.")
    if unanswered:
        notes = (*notes, "Its last message has no answer and is left out.")
    exchanges = tuple(SharedExchange(asked, (SharedReply(answer),)) for asked, answer in pairs)
    return SharedChat(exchanges, notes=notes)


def write(chats: Sequence[SharedChat]) -> Iterator[str]:
    """A row for every pair and every thumb; a conversation without any is one plain row."""
    for chat in chats:
        rows = [row for asked in walk([chat]) for row in judged_rows(asked.before, asked.exchange)]
        yield from dict.fromkeys(rows)  # a like and five stars of one answer are one row
        if not rows and any(each.replies for each in chat.exchanges):
            *_, last = walk([replace(chat, exchanges=(*chat.exchanges, SharedExchange("", ())))])
            yield as_json({"conversations": write_turns(last.before)})


def judged_rows(before: Sequence[Told], exchange: SharedExchange) -> Iterator[str]:
    """What was said of one exchange."""
    asked = (*before, Told("user", exchange.prompt))
    for reaction in last_words(exchange):
        for better, worse in pairs_of(exchange, reaction):
            chosen, rejected = (
                write_turns([Told("assistant", text)])[0] for text in (better, worse)
            )
            yield as_json(
                {"conversations": write_turns(asked), "chosen": chosen, "rejected": rejected}
            )
        for text, liked in thumbs_of(exchange, reaction):
            turns = write_turns((*asked, Told("assistant", text)))
            yield as_json({"conversations": turns, "kto_tag": liked})


def write_turns(turns: Sequence[Told]) -> list[dict[str, str]]:
    """Turns as ShareGPT writes them."""
    return [{"from": WHO[turn.role], "value": turn.text} for turn in turns]
