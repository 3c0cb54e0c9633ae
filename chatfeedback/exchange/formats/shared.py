"""What a file says, whatever its format: chats, the replies in them, and what was said of those.

Readers turn a file's rows into these values, writers turn these values into rows. Replies are named
by their position in the exchange, since ids belong to one database.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from chatfeedback.errors import InputRefused
from chatfeedback.records import Flag, PickOutcome
from chatfeedback.taste.preferences import PLACES

MAX_TEXT = 100_000
"""Longest prompt or reply that is taken, in characters."""

HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
MADE_UP = "import:"
"""What every name begins with that the file itself does not give."""

ReactionKind = Literal[
    "thumb", "pick", "rank", "rating", "edit", "chip", "flag", "comment", "trait"
]


class RowRefused(InputRefused):
    """One row cannot be used; the rest of its file can."""


@dataclass(frozen=True)
class SharedReply:
    """One answer. `rewrites` is the position of the reply that it improves on, if it does."""

    text: str
    rewrites: int | None = None


@dataclass(frozen=True)
class SharedReaction:
    """One reaction; its fields are those of `FeedbackEvent`, with positions in place of ids.

    shown: of a pick or a ranking, the replies that were side by side, as shown.
    key: names the reaction for ever, so that it is stored only once; "" until `name_all`.
    at_utc: when it was given, ISO 8601; "" when the file does not say.
    """

    kind: ReactionKind
    reply: int | None = None
    shown: tuple[int, ...] = ()
    outcome: PickOutcome | None = None
    value: int | None = None
    text: str | None = None
    order: tuple[int, ...] | None = None
    flag: Flag | None = None
    trait: str | None = None
    key: str = ""
    at_utc: str = ""
    is_excluded: bool = False


@dataclass(frozen=True)
class SharedExchange:
    """One message and what answered it.

    kept: which reply the conversation went on with.
    is_context: it only leads up to a later exchange; its reply is not there to be judged.
    """

    prompt: str
    replies: tuple[SharedReply, ...]
    reactions: tuple[SharedReaction, ...] = ()
    kept: int = 0
    key: str = ""
    is_context: bool = False


@dataclass(frozen=True)
class SharedChat:
    """One row of a file: exchanges in order, or words on traits, which belong to no reply.

    line: where the row stands in its file, from 1.
    notes: what of it is left out, in whole sentences.
    """

    exchanges: tuple[SharedExchange, ...] = ()
    traits: tuple[SharedReaction, ...] = ()
    title: str = ""
    line: int = 0
    notes: tuple[str, ...] = ()

    def reactions(self) -> Iterator[SharedReaction]:
        """All of them, in the order of the file."""
        yield from self.traits
        for exchange in self.exchanges:
            yield from exchange.reactions


@dataclass(frozen=True)
class Told:
    """One turn of a conversation, before it is known what it answers."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True)
class Thread:
    """Turns put in order: what leads up to a message, and the message itself."""

    context: tuple[SharedExchange, ...]
    prompt: str
    notes: tuple[str, ...] = field(default=())

    def chat(
        self, replies: Sequence[SharedReply], reactions: Sequence[SharedReaction], kept: int = 0
    ) -> SharedChat:
        """The chat that ends with these replies."""
        for reply in replies:
            require_text(reply.text, "An answer")
        last = SharedExchange(self.prompt, tuple(replies), tuple(reactions), kept)
        return SharedChat((*self.context, last), notes=self.notes)


# --- reading -------------------------------------------------------------------------------------

ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}


def read_turns(
    messages: object, what: str, role: str = "role", text: str = "content"
) -> list[Told]:
    """A list of messages as turns; `role` and `text` are its keys."""
    if not isinstance(messages, list) or not messages:
        raise RowRefused(f"{what} should be a list of messages, not {show(messages)}.")
    turns = []
    for message in messages:
        if not isinstance(message, dict) or role not in message or text not in message:
            raise RowRefused(
                f'{what} has a message without "{role}" and "{text}": {show(message)}.'
            )
        known = ROLES.get(str(message[role]).lower())
        if known is None:
            raise RowRefused(
                f"{what} has a turn of {show(message[role])}; only system, user and assistant "
                "turns can be taken over."
            )
        turns.append(Told(known, read_content(message[text], what)))
    return turns


def read_content(content: object, what: str) -> str:
    """The text of a message: a string, or the text parts of a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        if len(parts) == len(content) and all(isinstance(part, str) for part in parts):
            return "\n".join(str(part) for part in parts)
    raise RowRefused(f"{what} has a message whose content is no text: {show(content)}.")


def read_answer(value: object, what: str) -> str:
    """An answer: a string, one message, or a list of messages that ends with the answer."""
    if isinstance(value, str):
        return require_text(value, what)
    turns = read_turns([value] if isinstance(value, dict) else value, what)
    if len(turns) != 1 or turns[0].role != "assistant":
        raise RowRefused(f"{what} should be one assistant message, not {len(turns)} turns.")
    return require_text(turns[0].text, what)


def thread(turns: Sequence[Told]) -> Thread:
    """Turns that end with a user's message, as exchanges and that message."""
    pairs, prompt, notes = pair_up(turns)
    if not prompt:
        raise RowRefused("It has no user message to answer.")
    context = tuple(
        SharedExchange(asked, (SharedReply(answer),), is_context=True) for asked, answer in pairs
    )
    return Thread(context, require_text(prompt, "The prompt"), notes)


def pair_up(turns: Sequence[Told]) -> tuple[list[tuple[str, str]], str, tuple[str, ...]]:
    """(message, answer) pairs, the message that nothing answers, and what was left out."""
    pairs: list[tuple[str, str]] = []
    asked: list[str] = []
    notes: dict[str, None] = {}
    for turn in turns:
        if turn.role == "system":
            notes["Its system prompt is left out."] = None
        elif turn.role == "user":
            asked.append(require_text(turn.text, "A message"))
        elif asked:
            pairs.append(("\n\n".join(asked), require_text(turn.text, "An answer")))
            asked = []
        elif pairs:  # two answers in a row are one
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\n\n{turn.text}")
        else:
            notes["An opening line that answers nothing is left out."] = None
    return pairs, "\n\n".join(asked), tuple(notes)


def require_text(text: object, what: str) -> str:
    """A text that can be stored and shown."""
    if not isinstance(text, str):
        raise RowRefused(f"{what} should be a text, not {show(text)}.")
    if not text.strip():
        raise RowRefused(f"{what} is empty.")
    if len(text) > MAX_TEXT:
        raise RowRefused(f"{what} has {len(text):,} characters; at most {MAX_TEXT:,} are taken.")
    if HALF_A_CHARACTER.search(text):
        raise RowRefused(f"{what} has half a character (a lone surrogate) in it.")
    return text


def read_time(value: object) -> str:
    """A time as it is stored, from ISO 8601 or seconds since 1970; "" when it is neither."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            seconds = value / 1000 if value > 1e11 else value
            moment = datetime.fromtimestamp(seconds, UTC)
        elif isinstance(value, str) and value:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        else:
            return ""
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return ""


def read_name(value: object) -> str:
    """A name as it is stored; "" when it is none that can be."""
    is_name = isinstance(value, str) and len(value) <= 200 and not HALF_A_CHARACTER.search(value)
    return str(value) if is_name else ""


def read_title(value: object) -> str:
    """A title as it is stored; many programs cut theirs in the middle of an emoji."""
    return mend(str(value))[:200]


def mend(text: str) -> str:
    """A text with half a character in it as one that can be stored and shown."""
    return HALF_A_CHARACTER.sub("\ufffd", text)


def show(value: object) -> str:
    """A value as an error names it: short, and quoted like JSON."""
    try:
        shown = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        shown = repr(value)
    shown = mend(shown)
    return shown if len(shown) <= 60 else shown[:59] + "…"


def pick(best: int, worse: int) -> SharedReaction:
    """A choice between two replies, shown best first."""
    return SharedReaction("pick", shown=(best, worse), outcome="first")


def name_all(chat: SharedChat) -> SharedChat:
    """Give every exchange and reaction without a name one that follows from what the row says, so
    that the same row is the same row again."""
    said = [replace(each, reactions=without_times(each.reactions)) for each in chat.exchanges]
    row = f"{MADE_UP}{hashlib.sha256(repr(said).encode()).hexdigest()[:32]}"
    exchanges = tuple(name_exchange(each, f"{row}:{at}") for at, each in enumerate(chat.exchanges))
    traits = tuple(
        replace(each, key=each.key or f"{MADE_UP}{each.trait}:{each.value}:{each.at_utc}")
        for each in chat.traits
    )
    return replace(chat, exchanges=exchanges, traits=traits)


def without_times(reactions: Sequence[SharedReaction]) -> tuple[SharedReaction, ...]:
    """What was said, whenever it was."""
    return tuple(replace(each, at_utc="") for each in reactions)


def name_exchange(exchange: SharedExchange, name: str) -> SharedExchange:
    """The exchange and its reactions, named where they are not."""
    key = exchange.key or name
    reactions = tuple(
        replace(each, key=each.key or f"{key}:{number}")
        for number, each in enumerate(exchange.reactions)
    )
    return replace(exchange, key=key, reactions=reactions)


# --- writing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """An exchange with the turns that lead up to it."""

    before: tuple[Told, ...]
    exchange: SharedExchange

    def prompt_turns(self) -> tuple[Told, ...]:
        """Everything up to and with the message."""
        return (*self.before, Told("user", self.exchange.prompt))


def walk(chats: Sequence[SharedChat]) -> Iterator[Asked]:
    """Every exchange of every chat, each with what was said before it."""
    for chat in chats:
        before: tuple[Told, ...] = ()
        for exchange in chat.exchanges:
            yield Asked(before, exchange)
            if exchange.replies:
                kept = exchange.replies[exchange.kept].text
                before = (*before, Told("user", exchange.prompt), Told("assistant", kept))


def last_words(exchange: SharedExchange) -> list[SharedReaction]:
    """The reactions that teach: without excluded ones, and without those a later one replaces."""
    last: dict[tuple[object, ...], SharedReaction] = {}
    for each in exchange.reactions:
        if each.is_excluded:
            continue
        about: tuple[object, ...] = (each.kind, each.reply, each.shown)
        if each.kind in ("pick", "rank"):
            about = ("vote", each.shown)
        elif each.kind == "chip":
            about = (*about, each.text)
        last.pop(about, None)
        last[about] = each
    return list(last.values())


def pairs_of(exchange: SharedExchange, reaction: SharedReaction) -> list[tuple[str, str]]:
    """(better, worse) texts that a pick, a ranking or a rewrite says; of two answers in the same
    words it says nothing."""
    said = all_pairs_of(exchange, reaction)
    return [(better, worse) for better, worse in said if better != worse]


def all_pairs_of(exchange: SharedExchange, reaction: SharedReaction) -> list[tuple[str, str]]:
    """The same, with pairs of equal texts."""
    texts = [reply.text for reply in exchange.replies]
    if reaction.kind == "pick" and reaction.outcome in PLACES:
        best = reaction.shown[PLACES.index(reaction.outcome)]
        return [(texts[best], texts[at]) for at in reaction.shown if at != best]
    if reaction.kind == "rank" and reaction.order:
        left = [at for at in reaction.shown if at not in reaction.order]
        ordered = list(reaction.order)
        return [
            (texts[better], texts[worse])
            for place, better in enumerate(ordered)
            for worse in (*ordered[place + 1 :], *left)
        ]
    if reaction.kind == "edit" and reaction.reply is not None and reaction.text:
        return [(reaction.text, texts[reaction.reply])]
    return []


def thumbs_of(exchange: SharedExchange, reaction: SharedReaction) -> list[tuple[str, bool]]:
    """(text, liked) that a thumb, stars or "both bad" say; three stars say neither."""
    texts = [reply.text for reply in exchange.replies]
    if reaction.kind == "thumb" and reaction.reply is not None and reaction.value:
        return [(texts[reaction.reply], reaction.value > 0)]
    if reaction.kind == "rating" and reaction.reply is not None and reaction.value != 3:
        return [(texts[reaction.reply], (reaction.value or 0) > 3)]
    if reaction.kind == "pick" and reaction.outcome == "both_bad":
        return [(texts[at], False) for at in reaction.shown]
    return []


def as_json(record: dict[str, Any]) -> str:
    """One line of a JSONL file."""
    return json.dumps(record, ensure_ascii=False, separators=(", ", ": "))
