"""Open WebUI's feedback export: a JSON list of ratings, each with a snapshot of its whole chat.

A thumb stays a thumb; in its arena (siblings of other models beside it) a thumb up is a choice over
those siblings. A score of 1 to 10 becomes one to five stars, a reason we know becomes a chip, any
other reason and the comment become a comment. Ratings of one message share an exchange, however
many entries they come in.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chatfeedback.exchange.formats.shared import (
    Asked,
    RowRefused,
    SharedChat,
    SharedExchange,
    SharedReaction,
    SharedReply,
    Told,
    last_words,
    pairs_of,
    read_content,
    read_name,
    read_time,
    require_text,
    show,
    thread,
    walk,
)
from chatfeedback.taste.preferences import PLACES, WRONG

CHIPS = {"too_verbose": "too long", "being_lazy": "too short", "not_factually_correct": WRONG}
REASONS = {chip: reason for reason, chip in CHIPS.items()}
MODEL = "chatfeedback"
Numbered = tuple[int, dict[str, Any]]


def is_open_webui(record: object) -> bool:
    """Whether an entry looks like one of its ratings."""
    return (
        isinstance(record, dict) and "data" in record and ("snapshot" in record or "meta" in record)
    )


def read_all(records: Sequence[Numbered]) -> Iterator[tuple[int, SharedChat | RowRefused]]:
    """Each rated message with the entry that rated it first, or what is wrong with an entry."""
    found: dict[tuple[str, str], tuple[int, SharedChat]] = {}
    for line, record in records:
        try:
            name, chat = read_entry(record)
        except RowRefused as error:
            yield line, error
            continue
        first, known = found.get(name, (line, None))
        if known is None:
            found[name] = line, chat
        elif known.exchanges[-1].replies == chat.exchanges[-1].replies:
            found[name] = first, merge(known, chat)
        else:  # answers were added in between, so positions differ
            yield line, chat
    yield from found.values()


def merge(known: SharedChat, chat: SharedChat) -> SharedChat:
    """One chat with the reactions of both to its last exchange."""
    last = known.exchanges[-1]
    reactions = (*last.reactions, *chat.exchanges[-1].reactions)
    return replace(known, exchanges=(*known.exchanges[:-1], replace(last, reactions=reactions)))


def read_entry(record: dict[str, Any]) -> tuple[tuple[str, str], SharedChat]:
    """One rating: (chat and message that were asked, the exchange with this reaction)."""
    data, meta = need_dict(record, "data"), need_dict(record, "meta")
    history = find_history(record)
    rated_id = str(meta.get("message_id", ""))
    rated = history.get(rated_id)
    if rated is None:
        raise RowRefused(f"Its chat has no message {show(rated_id)}, the one that was rated.")
    parent_id = str(rated.get("parentId", ""))
    siblings = answers_to(history, parent_id, rated_id)
    at = [sibling for sibling, _ in siblings].index(rated_id)
    replies = [SharedReply(text) for _, text in siblings]
    reactions = read_reactions(record, data, at, len(replies))
    chat = thread(turns_up_to(history, parent_id)).chat(replies, reactions, kept=at)
    return (str(meta.get("chat_id", "")), parent_id), chat


def find_history(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """message id -> message, from the snapshot."""
    chat: Any = record.get("snapshot")
    for name in ("chat", "chat", "history", "messages"):
        if isinstance(chat, dict) and name in chat:
            chat = chat[name]
    if not isinstance(chat, dict) or not all(isinstance(each, dict) for each in chat.values()):
        raise RowRefused(
            "It has no snapshot of its chat, so what was rated is not known. Export the feedback "
            "with snapshots."
        )
    return chat


def answers_to(
    history: dict[str, dict[str, Any]], parent_id: str, rated_id: str
) -> list[tuple[str, str]]:
    """(message id, text) of every answer to one message; blank ones left out."""
    parent = history.get(parent_id)
    if parent is None:
        raise RowRefused("The message that was answered is missing from its chat.")
    children = parent.get("childrenIds")
    names = [str(each) for each in children] if isinstance(children, list) else []
    ids = [each for each in names if each in history] or [rated_id]
    ids = ids if rated_id in ids else [*ids, rated_id]
    texts = [(each, read_content(history[each].get("content"), "An answer")) for each in ids]
    rated = dict(texts)[rated_id]
    require_text(rated, "The rated answer")
    seen = {rated}
    kept = []
    for name, text in texts:
        if name == rated_id or (text.strip() and text not in seen):
            kept.append((name, text))
            seen.add(text)
    return kept


def turns_up_to(history: dict[str, dict[str, Any]], message_id: str) -> list[Told]:
    """The turns from the first to this one, along the branch that leads to it."""
    turns: list[Told] = []
    visited: set[str] = set()
    at = message_id
    while at in history and at not in visited:
        visited.add(at)
        message = history[at]
        role = message.get("role")
        if role not in ("user", "assistant", "system"):
            raise RowRefused(f"Its chat has a turn of {show(role)}, which cannot be taken over.")
        turns.append(Told(role, read_content(message.get("content"), "A message")))
        at = str(message.get("parentId"))
    return turns[::-1]


def read_reactions(
    record: dict[str, Any], data: dict[str, Any], at: int, n: int
) -> list[SharedReaction]:
    """What one entry says of the reply at `at` among `n`."""
    value = data.get("rating")
    if value not in (1, -1, "1", "-1"):
        raise RowRefused(f'"rating" is 1 or -1, not {show(value)}.')
    when = read_time(record.get("created_at"))
    key = read_name(str(record.get("id", ""))[:150])
    said = [judge(data, int(value), at, n)]
    details = data.get("details")
    score = details.get("rating") if isinstance(details, dict) else None
    if type(score) is int and 1 <= score <= 10:
        said.append(SharedReaction("rating", reply=at, value=(score + 1) // 2))
    reason = str(data.get("reason") or "")
    if reason in CHIPS:
        said.append(SharedReaction("chip", reply=at, text=CHIPS[reason]))
    others = [reason.replace("_", " ")] if reason and reason not in CHIPS else []
    comment = str(data.get("comment") or "")
    text = ". ".join(each for each in (*others, comment) if each.strip())
    if text:
        require_text(text, "The comment")
        said.append(SharedReaction("comment", reply=at, text=text))
    return [
        replace(each, key=f"openwebui:{key}:{each.kind}" if key else "", at_utc=when)
        for each in said
    ]


def judge(data: dict[str, Any], value: int, at: int, n: int) -> SharedReaction:
    """A thumb, or a vote where answers of several models stood side by side."""
    others = [each for each in range(n) if each != at]
    if data.get("sibling_model_ids") and others:
        if len(others) == 1:
            better, worse = (at, others[0]) if value > 0 else (others[0], at)
            return SharedReaction("pick", shown=(better, worse), outcome="first")
        if value > 0:
            return SharedReaction("rank", shown=(at, *others), order=(at,))
    return SharedReaction("thumb", reply=at, value=value)


def need_dict(record: dict[str, Any], name: str) -> dict[str, Any]:
    """A part that every entry has."""
    found = record.get(name)
    if not isinstance(found, dict):
        raise RowRefused(f'"{name}" should be an object, not {show(found)}.')
    return found


# --- writing -------------------------------------------------------------------------------------


@dataclass
class _Entry:
    """What one entry says of one reply; siblings that it beat stand beside it."""

    reply: int
    value: int
    shown: tuple[int, ...] = ()
    stars: int | None = None
    reason: str = ""
    comment: str = ""
    at_utc: str = ""


def write(chats: Sequence[SharedChat]) -> list[dict[str, Any]]:
    """An entry for every reply with a thumb, and for the winner of every choice."""
    return [
        write_entry(asked, entry) for asked in walk(chats) for entry in entries_of(asked.exchange)
    ]


def entries_of(exchange: SharedExchange) -> list[_Entry]:
    """Votes, and thumbs with what was said beside them."""
    votes: list[_Entry] = []
    thumbs: dict[int, _Entry] = {}
    for said in last_words(exchange):
        best = winner(said)
        if best is not None and pairs_of(exchange, said):
            votes.append(_Entry(best, 1, said.shown, at_utc=said.at_utc))
        elif said.reply is not None and said.kind == "thumb" and said.value:
            thumbs[said.reply] = _Entry(said.reply, said.value, at_utc=said.at_utc)
    for said in last_words(exchange):
        entry = thumbs.get(-1 if said.reply is None else said.reply)
        if entry is None:
            continue
        if said.kind == "rating":
            entry.stars = said.value
        elif said.kind == "chip" and said.text in REASONS and not entry.reason:
            entry.reason = REASONS[said.text]
        elif said.kind == "comment":
            entry.comment = said.text or ""
    return [*votes, *thumbs.values()]


def winner(said: SharedReaction) -> int | None:
    """The reply that won over all others side by side."""
    if said.kind == "pick" and said.outcome in PLACES:
        return said.shown[PLACES.index(said.outcome)]
    return said.order[0] if said.kind == "rank" and said.order else None


def write_entry(asked: Asked, entry: _Entry) -> dict[str, Any]:
    """One rating with its snapshot."""
    messages, rated_id = write_history(asked, entry)
    data: dict[str, Any] = {"rating": entry.value, "model_id": MODEL}
    if entry.shown:
        data["sibling_model_ids"] = [f"{MODEL}-{at}" for at in entry.shown if at != entry.reply]
    data |= {"reason": entry.reason, "comment": entry.comment}
    if entry.stars:
        data["details"] = {"rating": 2 * entry.stars}
    entry_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{asked.exchange.key}/{entry}"))
    chat_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{asked.exchange.key}/{entry.shown}"))
    return {
        "id": entry_id,
        "type": "rating",
        "data": data,
        "meta": {"chat_id": chat_id, "message_id": rated_id, "arena": bool(entry.shown)},
        "snapshot": {"chat": {"chat": {"history": {"messages": messages}}}},
        "created_at": int(datetime.fromisoformat(entry.at_utc).timestamp()) if entry.at_utc else 0,
    }


def write_history(asked: Asked, entry: _Entry) -> tuple[dict[str, dict[str, Any]], str]:
    """(messages by id, the rated one's id): the branch that leads there, and the siblings."""
    messages: dict[str, dict[str, Any]] = {}
    parent: str | None = None
    for number, turn in enumerate(asked.prompt_turns()):
        name = f"m{number}"
        messages[name] = message(name, parent, turn.role, turn.text)
        if parent is not None:
            messages[parent]["childrenIds"].append(name)
        parent = name
    assert parent is not None
    rated_id = ""
    for at, reply in enumerate(asked.exchange.replies):
        if entry.shown and at not in entry.shown:
            continue
        name = f"r{at}"
        messages[name] = message(name, parent, "assistant", reply.text)
        messages[parent]["childrenIds"].append(name)
        rated_id = name if at == entry.reply else rated_id
    return messages, rated_id


def message(name: str, parent: str | None, role: str, text: str) -> dict[str, Any]:
    """A message as Open WebUI keeps it."""
    return {"id": name, "parentId": parent, "childrenIds": [], "role": role, "content": text}
