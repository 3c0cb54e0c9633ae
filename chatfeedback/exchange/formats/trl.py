"""The dataset formats of TRL and the Hugging Face Hub, one JSON object a line.

    preference   {"prompt": ..., "chosen": ..., "rejected": ...}, or without the prompt, which is
                 then what chosen and rejected begin with
    unpaired     {"prompt": ..., "completion": ..., "label": true}
    ranking      {"prompt": ..., "completions": [...], "ranks": [1, 3, 2]} (1 is best), or "scores"
                 (highest is best); equal ranks say nothing of each other
    unrated      {"prompt": ..., "completion": ...} or {"messages": [...]}

Texts are plain, or lists of messages. Of what we write, "chatfeedback_event" says what kind of
reaction a row was; other programs leave it aside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from chatfeedback.exchange.formats.shared import (
    RowRefused,
    SharedChat,
    SharedExchange,
    SharedReaction,
    SharedReply,
    Thread,
    Told,
    as_json,
    last_words,
    pairs_of,
    pick,
    read_answer,
    read_name,
    read_time,
    read_turns,
    require_text,
    show,
    thread,
    thumbs_of,
    walk,
)

EVENT = "chatfeedback_event"
Rows = Iterator[dict[str, Any]]
LISTS = ("completions", "responses", "answers", "candidates")
RANKS = ("ranks", "ranking", "rank")
SCORES = ("scores", "ratings")
PROMPTS = ("prompt", "instruction", "question")
LARGEST_RANK = 1e300  # JSON knows whole numbers of any length
TURN_MARK = re.compile(r"\n\n(Human|Assistant):")


def is_trl(record: object) -> bool:
    """Whether a row looks like one of these."""
    names = {"chosen", "completion", "messages", *LISTS}
    return isinstance(record, dict) and not names.isdisjoint(record)


def read(record: dict[str, Any]) -> SharedChat:
    """One row; RowRefused says what is wrong with it."""
    if "chosen" in record or "rejected" in record:
        chat = read_preference(record)
    elif any(name in record for name in LISTS):
        chat = read_ranking(record)
    elif "completion" in record:
        chat = read_unpaired(record)
    else:
        chat = read_messages(record)
    return restore_event(chat, record.get(EVENT))


def read_preference(record: dict[str, Any]) -> SharedChat:
    """A choice between two answers, with its prompt given or implied."""
    for name in ("chosen", "rejected"):
        if name not in record:
            raise RowRefused(f'A preference needs "chosen" and "rejected"; "{name}" is missing.')
    chosen, rejected = record["chosen"], record["rejected"]
    if any(name in record for name in PROMPTS):
        asked = read_prompt(record)
        answers = [strip_prompt(each, record) for each in (chosen, rejected)]
    else:
        asked, answers = split_implicit(chosen, rejected)
    better = read_answer(answers[0], '"chosen"')
    worse = read_answer(answers[1], '"rejected"')
    if better == worse:
        raise RowRefused('"chosen" and "rejected" are the same text, so it says nothing.')
    return asked.chat([SharedReply(better), SharedReply(worse)], [pick(0, 1)])


def strip_prompt(answer: object, record: dict[str, Any]) -> object:
    """An answer without the prompt's messages, which some data sets repeat in it."""
    prompt = next(record[name] for name in PROMPTS if name in record)
    if isinstance(answer, list) and len(answer) > 1:
        if isinstance(prompt, str):
            prompt = [{"role": "user", "content": prompt}]
        if isinstance(prompt, list) and answer[: len(prompt)] == prompt:
            return answer[len(prompt) :]
    return answer


def split_implicit(chosen: object, rejected: object) -> tuple[Thread, list[object]]:
    """The prompt is what both begin with."""
    if isinstance(chosen, list) and isinstance(rejected, list):
        same = shared_length(chosen, rejected)
        same = min(same, len(chosen) - 1, len(rejected) - 1)
        if same < 1:
            raise RowRefused('Without "prompt", "chosen" and "rejected" must begin alike.')
        return thread(read_turns(chosen[:same], "The prompt")), [chosen[same:], rejected[same:]]
    if isinstance(chosen, str) and isinstance(rejected, str):
        return split_texts(chosen, rejected)
    raise RowRefused('"chosen" and "rejected" should both be texts, or both lists of messages.')


def split_texts(chosen: str, rejected: str) -> tuple[Thread, list[object]]:
    """Plain texts: at the last "Assistant:" that both have, else at the last blank they share."""
    same = shared_length(chosen, rejected)
    cut = chosen.rfind("\n\nAssistant:", 0, same)
    if cut >= 0:
        end = cut + len("\n\nAssistant:")
        asked = thread(read_marked(chosen[:cut]))
    else:
        end = chosen.rfind(" ", 0, same) if same < min(len(chosen), len(rejected)) else same
        end = max(end, chosen.rfind("\n", 0, same))
        if end < 1:
            raise RowRefused('Without "prompt", "chosen" and "rejected" must begin alike.')
        asked = thread([Told("user", chosen[:end].strip())])
    return asked, [chosen[end:].strip(), rejected[end:].strip()]


def read_marked(text: str) -> list[Told]:
    """Turns of a text with "Human:" and "Assistant:" before each."""
    opening, *parts = TURN_MARK.split("\n\n" + text.strip())
    if opening.strip() or not parts:
        raise RowRefused(f'A conversation in one text begins with "Human:", not {show(text)}.')
    return [
        Told("user" if who == "Human" else "assistant", said.strip())
        for who, said in zip(parts[::2], parts[1::2], strict=True)
    ]


def shared_length(first: Sequence[object], second: Sequence[object]) -> int:
    """How many items two sequences have in common at their start."""
    alike = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        alike += 1
    return alike


def read_unpaired(record: dict[str, Any]) -> SharedChat:
    """An answer that was liked or not; without a label it is not rated yet."""
    label = record.get("label")
    if label is not None and (label not in (0, 1) or isinstance(label, float)):
        raise RowRefused(f'"label" should be true or false, not {show(label)}.')
    answer = SharedReply(read_answer(record["completion"], '"completion"'))
    said = [] if label is None else [SharedReaction("thumb", reply=0, value=1 if label else -1)]
    return read_prompt(record).chat([answer], said)


def read_messages(record: dict[str, Any]) -> SharedChat:
    """A conversation whose last answer is not rated yet."""
    turns = read_turns(record["messages"], '"messages"')
    if turns[-1].role != "assistant":
        raise RowRefused('"messages" does not end with an answer, so there is nothing to rate.')
    return thread(turns[:-1]).chat([SharedReply(require_text(turns[-1].text, "An answer"))], [])


def read_ranking(record: dict[str, Any]) -> SharedChat:
    """Answers in an order. Of equal ones the first stands for all, except at the end."""
    name = next(each for each in LISTS if each in record)
    found = record[name]
    if not isinstance(found, list) or len(found) < 2:
        raise RowRefused(f'"{name}" should be a list of two or more answers.')
    answers = [read_answer(answer_in(each), f'"{name}"') for each in found]
    ranks = read_ranks(record, found)
    kept = first_of_each(answers, ranks)
    if len({ranks[at] for at in kept}) < 2:
        raise RowRefused("All its answers share one rank, so it says nothing.")
    return read_prompt(record).chat(
        [SharedReply(answers[at]) for at in kept], [rank_by([ranks[at] for at in kept])]
    )


def answer_in(value: object) -> object:
    """The answer itself where each comes as an object with its rank."""
    if isinstance(value, dict) and "role" not in value:
        for name in ("text", "response", "answer", "completion", "content"):
            if name in value:
                return value[name]
    return value


def read_ranks(record: dict[str, Any], found: list[Any]) -> list[float]:
    """A number for each answer, the lowest for the best."""
    for names, sign in ((RANKS, 1), (SCORES, -1)):
        values = next((record[name] for name in names if name in record), None)
        if values is None and all(isinstance(each, dict) for each in found):
            single = next((n for n in (*names, *(n[:-1] for n in names)) if n in found[0]), None)
            values = [each.get(single) for each in found] if single else None
        if values is not None:
            return require_numbers(values, len(found), sign)
    raise RowRefused('A ranking needs "ranks" (1 is best) or "scores" (highest is best).')


def require_numbers(values: object, n: int, sign: int) -> list[float]:
    """One finite number an answer."""
    if not isinstance(values, list) or len(values) != n:
        raise RowRefused(f"{n} answers need {n} ranks, not {show(values)}.")
    if not all(type(v) in (int, float) and abs(v) < LARGEST_RANK for v in values):
        raise RowRefused(f"Ranks should be numbers, not {show(values)}.")
    return [sign * float(value) for value in values]


def first_of_each(answers: list[str], ranks: list[float]) -> list[int]:
    """Positions to compare: one of every text and of every rank; the worst rank keeps them all."""
    kept: list[int] = []
    for at, rank in enumerate(ranks):
        is_new = rank == max(ranks) or all(ranks[each] != rank for each in kept)
        if is_new and all(answers[each] != answers[at] for each in kept):
            kept.append(at)
    return kept


def rank_by(ranks: list[float]) -> SharedReaction:
    """Best first; several that share the last place are left out of the order."""
    order = sorted(range(len(ranks)), key=lambda at: ranks[at])
    if ranks.count(max(ranks)) > 1:
        order = [at for at in order if ranks[at] < max(ranks)]
    return SharedReaction("rank", shown=tuple(range(len(ranks))), order=tuple(order))


def read_prompt(record: dict[str, Any]) -> Thread:
    """A text, or messages that end with the user's."""
    name = next((each for each in PROMPTS if each in record), None)
    if name is None:
        raise RowRefused('It has no "prompt".')
    prompt = record[name]
    if isinstance(prompt, str):
        return thread([Told("user", require_text(prompt, "The prompt"))])
    return thread(read_turns(prompt, '"prompt"'))


def restore_event(chat: SharedChat, event: object) -> SharedChat:
    """What we wrote ourselves: the reaction's own name, time and kind."""
    last = chat.exchanges[-1]
    if not isinstance(event, dict) or not last.reactions:
        return chat
    key, reaction = read_name(event.get("id")), last.reactions[0]
    if key:
        reaction = replace(reaction, key=key)
    reaction = replace(reaction, at_utc=read_time(event.get("at")))
    stars = event.get("stars")
    if reaction.kind == "thumb" and stars in (1, 2, 4, 5) and (stars > 3) == (reaction.value == 1):
        reaction = replace(reaction, kind="rating", value=int(stars))
    if event.get("kind") == "edit" and reaction.kind == "pick":
        better, worse = last.replies
        reaction = SharedReaction(
            "edit", reply=0, text=better.text, key=reaction.key, at_utc=reaction.at_utc
        )
        replies = (worse, SharedReply(better.text, rewrites=0))
        last = replace(last, replies=replies, kept=1)
    last = replace(last, reactions=(reaction,))
    return replace(chat, exchanges=(*chat.exchanges[:-1], last))


# --- writing -------------------------------------------------------------------------------------


def write_preference(chats: Sequence[SharedChat]) -> Iterator[str]:
    """A row for every pair that a choice, a ranking or a rewrite says."""
    return _write(chats, _preference_rows)


def write_unpaired(chats: Sequence[SharedChat]) -> Iterator[str]:
    """A row for every thumb, and for one, two, four or five stars."""
    return _write(chats, _unpaired_rows)


def write_ranking(chats: Sequence[SharedChat]) -> Iterator[str]:
    """A row for every ranking."""
    return _write(chats, _ranking_rows)


def _write(
    chats: Sequence[SharedChat],
    rows_of: Callable[[SharedExchange, SharedReaction], Rows],
) -> Iterator[str]:
    for asked in walk(chats):
        prompt = [{"role": turn.role, "content": turn.text} for turn in asked.prompt_turns()]
        for reaction in last_words(asked.exchange):
            for number, row in enumerate(rows_of(asked.exchange, reaction)):
                yield as_json({"prompt": prompt, **row, EVENT: write_event(reaction, number)})


def write_event(reaction: SharedReaction, number: int) -> dict[str, Any]:
    """What `restore_event` reads. One reaction may fill several rows; each has its own id."""
    event: dict[str, Any] = {
        "id": f"{reaction.key}/{number}" if number else reaction.key,
        "kind": reaction.kind,
        "at": reaction.at_utc,
    }
    if reaction.kind == "rating":
        event["stars"] = reaction.value
    return event


def _preference_rows(
    exchange: SharedExchange, reaction: SharedReaction
) -> Iterator[dict[str, Any]]:
    for better, worse in pairs_of(exchange, reaction):
        yield {"chosen": _answer(better), "rejected": _answer(worse)}


def _unpaired_rows(exchange: SharedExchange, reaction: SharedReaction) -> Rows:
    for text, liked in thumbs_of(exchange, reaction):
        yield {"completion": _answer(text), "label": liked}


def _ranking_rows(exchange: SharedExchange, reaction: SharedReaction) -> Rows:
    if reaction.kind == "rank" and reaction.order and pairs_of(exchange, reaction):
        last = len(reaction.order) + 1
        places = {at: place for place, at in enumerate(reaction.order, start=1)}
        yield {
            "completions": [_answer(exchange.replies[at].text) for at in reaction.shown],
            "ranks": [places.get(at, last) for at in reaction.shown],
        }


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]
