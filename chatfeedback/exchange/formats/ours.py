"""Our own JSONL: one conversation a line, with everything that counts now.

    {"chatfeedback": 1, "title": "...", "exchanges": [{"id": "...", "prompt": "...",
     "replies": [{"text": "..."}, {"text": "...", "rewrites": 0}], "kept": 0,
     "reactions": [{"id": "...", "kind": "pick", "shown": [0, 1], "outcome": "first"}]}]}

Words on traits belong to no reply and have a line of their own, with "traits" in place of
"exchanges". Left out are token ids and hidden states, which any base model makes anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from chatfeedback.exchange.formats.shared import (
    RowRefused,
    SharedChat,
    SharedExchange,
    SharedReaction,
    SharedReply,
    as_json,
    read_name,
    read_time,
    read_title,
    require_text,
    show,
)
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.preferences import PLACES

VERSION = 1
FLAGS = ("harmful", "biased", "wrong")
USES = {  # kind -> what a reaction of it has
    "thumb": {"reply", "value"},
    "pick": {"shown", "outcome"},
    "rank": {"shown", "order"},
    "rating": {"reply", "value"},
    "edit": {"reply", "text"},
    "chip": {"reply", "text"},
    "flag": {"reply", "flag"},
    "comment": {"reply", "text"},
    "trait": {"trait", "value"},
}
VALUES = {"thumb": range(-1, 2), "trait": range(-1, 2), "rating": range(1, 6)}


def is_ours(record: object) -> bool:
    """Whether a row looks like one of ours."""
    return isinstance(record, dict) and "chatfeedback" in record


def read(record: dict[str, Any]) -> SharedChat:
    """One line; RowRefused says what is wrong with it."""
    if record["chatfeedback"] != VERSION:
        raise RowRefused(
            f"It was written in version {show(record['chatfeedback'])} of the format; "
            f"version {VERSION} is known. Update chatfeedback."
        )
    exchanges = tuple(read_exchange(each) for each in need_list(record, "exchanges"))
    traits = tuple(read_reaction(each, 0) for each in need_list(record, "traits"))
    if not exchanges and not traits:
        raise RowRefused('It has neither "exchanges" nor "traits".')
    return SharedChat(exchanges, traits, title=read_title(record.get("title", "")))


def read_exchange(record: object) -> SharedExchange:
    """A message, its replies and what was said of them."""
    if not isinstance(record, dict):
        raise RowRefused(f"An exchange should be an object, not {show(record)}.")
    replies = tuple(read_reply(each, at) for at, each in enumerate(need_list(record, "replies")))
    kept = record.get("kept", 0)
    if replies and (type(kept) is not int or not 0 <= kept < len(replies)):
        raise RowRefused(f'"kept" is {show(kept)}, but there are {len(replies)} replies.')
    return SharedExchange(
        prompt=require_text(record.get("prompt"), "A prompt"),
        replies=replies,
        reactions=tuple(
            read_reaction(each, len(replies)) for each in need_list(record, "reactions")
        ),
        kept=kept if replies else 0,
        key=read_name(record.get("id")),
        is_context=record.get("is_context") is True,
    )


def read_reply(record: object, at: int) -> SharedReply:
    """A reply; it can only rewrite one that stands before it."""
    if not isinstance(record, dict):
        raise RowRefused(f"A reply should be an object, not {show(record)}.")
    rewrites = record.get("rewrites")
    if rewrites is not None and (type(rewrites) is not int or not 0 <= rewrites < at):
        raise RowRefused(f'Reply {at} "rewrites" {show(rewrites)}, which is no earlier reply.')
    return SharedReply(require_text(record.get("text"), "A reply"), rewrites)


def read_reaction(record: object, n_replies: int) -> SharedReaction:
    """A reaction with exactly what its kind has, about replies that are there."""
    if not isinstance(record, dict) or str(record.get("kind")) not in USES:
        raise RowRefused(f"A reaction has a kind ({', '.join(USES)}); this one is {show(record)}.")
    kind: Any = str(record["kind"])
    known = {field.name for field in fields(SharedReaction)} - {"kind", "key", "is_excluded"}
    given = {name for name in known - {"at_utc"} if record.get(name) is not None}
    if given != USES[kind]:
        raise RowRefused(
            f"A reaction of kind {kind} has {', '.join(sorted(USES[kind]))}; "
            f"this one has {', '.join(sorted(given)) or 'nothing'}."
        )
    reaction = SharedReaction(
        kind,
        **{name: read_value(name, record[name]) for name in given},
        key=read_name(record.get("id")),
        at_utc=read_time(record.get("at")),
        is_excluded=record.get("is_excluded") is True,
    )
    require_sense(reaction, n_replies)
    return reaction


def require_sense(reaction: SharedReaction, n_replies: int) -> None:
    """Positions are those of replies that are there, values those that exist."""
    positions = (*reaction.shown, *(reaction.order or ()))
    if reaction.reply is not None:
        positions = (*positions, reaction.reply)
    if any(type(at) is not int or not 0 <= at < n_replies for at in positions):
        raise RowRefused(f"A {reaction.kind} is about a reply that is not there: {positions}.")
    if reaction.kind in ("pick", "rank"):
        require_vote(reaction)
    value, values = reaction.value, VALUES.get(reaction.kind)
    if values and (type(value) is not int or value not in values):
        raise RowRefused(f"A {reaction.kind} cannot have the value {show(reaction.value)}.")
    if reaction.kind in ("edit", "chip", "comment"):
        require_text(reaction.text, f"The text of a {reaction.kind}")
    if reaction.kind == "flag" and reaction.flag not in FLAGS:
        raise RowRefused(f"A flag is one of {', '.join(FLAGS)}, not {show(reaction.flag)}.")
    if reaction.kind == "trait" and reaction.trait not in STYLE_MEASURES:
        raise RowRefused(f"There is no trait {show(reaction.trait)}.")


def require_vote(reaction: SharedReaction) -> None:
    """A vote is on two or more different replies, and names some of them."""
    shown = reaction.shown
    if len(shown) < 2 or len(set(shown)) < len(shown):
        raise RowRefused(f"A {reaction.kind} needs two different replies, not {list(shown)}.")
    if reaction.kind == "rank":
        order = reaction.order or ()
        if not order or len(set(order)) < len(order) or not set(order) <= set(shown):
            raise RowRefused(f"A ranking of {list(shown)} cannot be {list(order)}.")
    elif reaction.outcome not in (*PLACES[: len(shown)], "tie", "both_bad"):
        raise RowRefused(f"A choice among {len(shown)} cannot be {show(reaction.outcome)}.")


def read_value(name: str, value: Any) -> Any:
    """What a reaction has under this name; positions of several replies as a tuple."""
    if name not in ("shown", "order"):
        return value
    if not isinstance(value, list):
        raise RowRefused(f'"{name}" should be a list, not {show(value)}.')
    return tuple(value)


def need_list(record: dict[str, Any], name: str) -> list[Any]:
    """A list that may be left out."""
    found = record.get(name, [])
    if not isinstance(found, list):
        raise RowRefused(f'"{name}" should be a list, not {show(found)}.')
    return found


def write(chats: Iterable[SharedChat]) -> Iterator[str]:
    """One line a chat."""
    for chat in chats:
        record: dict[str, Any] = {"chatfeedback": VERSION}
        if chat.title:
            record["title"] = chat.title
        if chat.exchanges:
            record["exchanges"] = [write_exchange(each) for each in chat.exchanges]
        if chat.traits:
            record["traits"] = [write_reaction(each) for each in chat.traits]
        yield as_json(record)


def write_exchange(exchange: SharedExchange) -> dict[str, Any]:
    """What `read_exchange` reads."""
    record: dict[str, Any] = {
        "id": exchange.key,
        "prompt": exchange.prompt,
        "replies": [
            {"text": reply.text}
            if reply.rewrites is None
            else {"text": reply.text, "rewrites": reply.rewrites}
            for reply in exchange.replies
        ],
        "kept": exchange.kept,
    }
    if exchange.is_context:
        record["is_context"] = True
    if exchange.reactions:
        record["reactions"] = [write_reaction(each) for each in exchange.reactions]
    return record


def write_reaction(reaction: SharedReaction) -> dict[str, Any]:
    """What `read_reaction` reads."""
    record: dict[str, Any] = {"id": reaction.key, "kind": reaction.kind}
    record |= {name: getattr(reaction, name) for name in sorted(USES[reaction.kind])}
    if reaction.at_utc:
        record["at"] = reaction.at_utc
    if reaction.is_excluded:
        record["is_excluded"] = True
    return record
