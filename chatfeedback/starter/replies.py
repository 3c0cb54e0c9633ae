"""The text of a reply: one item said in one style."""

import random
from collections.abc import Callable

from chatfeedback.starter.items import Item
from chatfeedback.starter.styles import (
    LIST_LEADS,
    OPTION_LEADS,
    STEP_LEADS,
    Style,
    capitalise,
    contract,
    count_words,
    dress,
)
from chatfeedback.starter.unknown import HONEST, OFFERS

# Words a medium and a long reply say beyond the core, see `styles.flag_styles`.
_MEDIUM_WORDS, _LONG_WORDS = 9, 16


_Writer = Callable[[Item, Style, random.Random], str]


def write_reply(item: Item, style: Style, rng: random.Random) -> str:
    """Answer an item in a style."""
    writers: dict[str, _Writer] = {
        "fact": _write_fact,
        "overview": _write_fact,
        "how_to": _write_steps,
        "recommend": _write_options,
    }
    if item.kind == "small_talk":
        return _dress_lightly(_write_small_talk(item, style, rng), style, item.emoji, rng)
    return dress(writers[item.kind](item, style, rng), style, item.example, item.emoji, rng)


def write_honest_unknown(style: Style, rng: random.Random) -> str:
    """Say honestly that the answer is not known, in a style."""
    body = f"{rng.choice(HONEST)}."
    if rng.random() < {"short": 0.05, "medium": 0.4, "long": 0.75}[style.length]:
        body += f" {rng.choice(OFFERS)}"
    return _dress_lightly(body, style, rng.choice(("🤔", "🤷", "🙈")), rng)


def _dress_lightly(body: str, style: Style, emoji: str, rng: random.Random) -> str:
    """Courtesies that suit small talk and unknowing: an emoji, a question, contractions."""
    bare = Style(length=style.length, emoji=style.emoji)
    text = dress(body, bare, "", emoji, rng)
    if style.closing:
        text += " Is there anything else?"
    return contract(text) if style.register == "casual" else text


def _take(sentences: list[str], words: int) -> list[str]:
    """The first sentences that together have at least this many words."""
    taken: list[str] = []
    for sentence in sentences:
        if sum(map(count_words, taken)) >= words:
            break
        taken.append(sentence)
    return taken


def _make_list(lines: list[str]) -> str:
    return "\n".join(f"- {capitalise(line)}" for line in lines)


def _write_fact(item: Item, style: Style, rng: random.Random) -> str:
    sentence = rng.choice(item.sentences)
    if style.bullets:
        return _write_fact_list(item, sentence, style, rng)
    if style.length == "short":
        bare = item.kind == "fact" and style.register == "neutral" and rng.random() < 0.3
        return f"{item.bullets[0].split(': ', 1)[1]}." if bare else f"{sentence}."
    extras = rng.sample(item.extras, len(item.extras))
    words = _MEDIUM_WORDS if style.length == "medium" else _LONG_WORDS
    more = _take(extras, words)
    if item.example and not style.example and sum(map(count_words, more)) < words:
        more.append(capitalise(item.example))
    return " ".join(f"{each}." for each in (sentence, *more))


def _write_fact_list(item: Item, sentence: str, style: Style, rng: random.Random) -> str:
    first, rest = item.bullets[0], rng.sample(item.bullets[1:], len(item.bullets) - 1)
    if style.length == "short":
        return _make_list([first, *rest[:1]])
    bullets = _make_list([first, *rest[: 1 if style.length == "medium" else None]])
    if style.length == "medium" and rng.random() < 0.5:
        bullets = _make_list([first, *rest[:2]])
        return f"{rng.choice(LIST_LEADS)}\n{bullets}"
    return f"{sentence}.\n{bullets}"


def _write_steps(item: Item, style: Style, rng: random.Random) -> str:
    steps = list(item.steps)
    count = {"short": 0, "medium": 1, "long": len(item.extras)}[style.length]
    if style.bullets:
        lines = _make_list(steps + list(item.bullets[:count]))
        lead = style.length != "short" or rng.random() < 0.2
        return f"{rng.choice(STEP_LEADS)}\n{lines}" if lead else lines
    if style.length == "short":
        return f"{item.sentences[0]}."
    starts = ["first", *rng.sample(("then", "next", "after that"), 3)]
    told = [f"{start}, {step}" for start, step in zip(starts, steps[:-1], strict=False)]
    told += [f"finally, {steps[-1]}", *item.extras[:count]]
    return ". ".join([told[0], *map(capitalise, told[1:])]) + "."


def _write_options(item: Item, style: Style, rng: random.Random) -> str:
    options = rng.sample(item.options, len(item.options))
    count = {"short": 2, "medium": 2, "long": 4}[style.length]
    if style.bullets:
        if style.length == "short":
            return _make_list([thing for thing, _ in options[:count]])
        lines = _make_list([f"{thing}: {reason}" for thing, reason in options[:count]])
        return f"{rng.choice(OPTION_LEADS)}\n{lines}"
    if style.length == "short":
        thing, reason = options[0]
        frames = (f"I would choose {thing}", f"try {thing}", f"{thing} is a good choice")
        because = f", since {reason}" if rng.random() < 0.4 else ""
        return f"{rng.choice(frames)}{because}."
    wordings = ["one idea is {0}, since {1}", "you could choose {0}, as {1}", "try {0}: {1}"]
    told = [rng.choice(wordings).format(*option) for option in options[:count]]
    return ". ".join([told[0], *map(capitalise, told[1:])]) + "."


def _write_small_talk(item: Item, style: Style, rng: random.Random) -> str:
    reply = rng.choice(item.sentences)
    more = rng.random() < {"short": 0.1, "medium": 0.4, "long": 0.9}[style.length]
    return f"{reply} {item.extras[0]}" if more else reply
