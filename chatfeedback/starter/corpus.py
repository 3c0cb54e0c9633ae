"""The corpus: conversations written on the fly, and the measures that judge a reply.

No conversation is stored. `conversation` draws one from the tables of `knowledge`, the phrasings
of `questions` and `asking`, and the styles of `styles`; phrasings kept back for measuring are
never used. The same facts decide whether a reply is correct, so judging needs no other model.
"""

import random
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from chatfeedback.starter import knowledge
from chatfeedback.starter.asking import (
    be_polite,
    frame_question,
    normalise_question,
    swap_synonyms,
    type_quickly,
)
from chatfeedback.starter.items import (
    Item,
    add_article,
    fill_question,
    items,
    normalise_key,
)
from chatfeedback.starter.questions import (
    FOLLOW_UPS,
    RESTATED_WISHES,
    STYLE_ASKS,
    SYSTEM_LINES,
    WISH_QUESTIONS,
    WRAPPERS,
)
from chatfeedback.starter.replies import write_honest_unknown, write_reply
from chatfeedback.starter.styles import (
    CASUAL_LEADS,
    CLOSING_QUESTIONS,
    EXAMPLE_LEADS,
    FORMAL_LEADS,
    PREAMBLES,
    WARM_ENDINGS,
    WARM_OPENINGS,
    Style,
    apply_traits,
    capitalise,
    count_words,
    draw_style,
    draw_traits,
    dress,
    expand,
    flag_styles,
)
from chatfeedback.starter.unknown import HONEST, OFFERS, ask_unknown

__all__ = [
    "Item",
    "Turn",
    "asserts_knowledge",
    "conversation",
    "is_correct",
    "is_honest_unknown",
    "items",
    "style_flags",
    "system_line",
]


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True)
class _Scene:
    """What was last talked about, and how; None when nothing can be followed up."""

    item: Item | None
    style: Style
    fixed: tuple[str, ...] = ()


# Long wish lists say much about the reply, which is what teaches a small model to read them at all.
_TRAIT_COUNTS = (0.28, 0.22, 0.17, 0.13, 0.08, 0.05, 0.04, 0.03)
# Wishes that differ by a "no" alone: a small model sees the word "emoji" long before it sees what
# stands in front of it, so half of the system lines ask for just one or two of these.
_NEGATABLE = (
    "bullets", "prose", "warm", "plain", "emoji", "no_emoji",
    "question", "no_question", "example", "no_example",
)  # fmt: skip


def conversation(rng: random.Random) -> list[Turn]:
    """Write one conversation of one to five questions, most of them with a system line."""
    if rng.random() < 0.15:
        return _talk_of_wishes(rng)
    turns: list[Turn] = []
    fixed: tuple[str, ...] = ()
    if rng.random() < 0.66:
        if rng.random() < 0.5:
            fixed = tuple(draw_traits(rng, rng.choice((1, 1, 2)), _NEGATABLE))
        else:
            fixed = tuple(draw_traits(rng, rng.choices(range(1, 9), _TRAIT_COUNTS)[0]))
        turns.append(Turn("system", system_line(fixed, rng)))
    scene = _Scene(None, draw_style(rng), fixed)
    for _ in range(rng.choices((1, 2, 3, 4, 5), (0.56, 0.26, 0.11, 0.05, 0.02))[0]):
        asked, reply, scene = _take_turn(scene, rng)
        turns += [Turn("user", asked), Turn("assistant", reply)]
    return turns


def _talk_of_wishes(rng: random.Random) -> list[Turn]:
    """A system line, and how it is going to be kept, wish by wish.

    In an ordinary reply a wish decides one token of thirty, among much that is random, and a "no"
    before it is easily missed. Here every word of the line decides, at little cost.
    """
    traits = draw_traits(rng, rng.choices(range(1, 9), _TRAIT_COUNTS)[0])
    asked = type_quickly(rng.choice(WISH_QUESTIONS.seen), rng)
    said = " ".join(f"{capitalise(rng.choice(RESTATED_WISHES[trait]))}." for trait in traits)
    return [
        Turn("system", system_line(tuple(traits), rng)),
        Turn("user", asked),
        Turn("assistant", said),
    ]


def system_line(traits: tuple[str, ...], rng: random.Random, *, kept_back: bool = False) -> str:
    """A taste card's line that asks for the traits, in trained or kept-back wordings."""
    parts = []
    for trait in traits:
        wordings = SYSTEM_LINES[trait].unseen if kept_back else SYSTEM_LINES[trait].seen
        # The first ones are a taste card's own words, so they come most often.
        parts.append(rng.choice(wordings[:3] if rng.random() < 0.7 else wordings))
    joint = ", " if rng.random() < 0.8 else rng.choice(("; ", ". ", " and "))
    text = joint.join(parts)
    if rng.random() < 0.6:
        text = capitalise(text)
    return text + rng.choice(("", "", "."))


def _take_turn(scene: _Scene, rng: random.Random) -> tuple[str, str, _Scene]:
    """Ask and answer once; returns the question, the reply and the scene after it."""
    if scene.item is not None and rng.random() < 0.72:
        return _follow_up(scene.item, scene, rng)
    style = apply_traits(draw_style(rng), scene.fixed)
    if rng.random() < 0.3:
        asked = ask_unknown(rng)
        if rng.random() < 0.6:
            asked = type_quickly(be_polite(asked, rng), rng)
        return asked, write_honest_unknown(style, rng), replace(scene, item=None)
    item = _draw_item(rng)
    asked = ask(item, rng)
    if item.kind != "small_talk" and rng.random() < 0.14:
        asked, style = _ask_for_style(asked, style, rng)
    reply = write_reply(item, style, rng)
    follows = None if item.kind == "small_talk" else item
    return asked, reply, replace(scene, item=follows, style=style)


_WEIGHTS = {"fact": 1.0, "overview": 0.9, "how_to": 2.6, "recommend": 3.2, "small_talk": 3.0}


@cache
def _weights() -> list[float]:
    return [_WEIGHTS[item.kind] for item in items()]


def _draw_item(rng: random.Random) -> Item:
    return rng.choices(items(), _weights())[0]


def ask(item: Item, rng: random.Random, subject: str | None = None) -> str:
    """Ask for an item the way people do; `subject` may be a pronoun."""
    template = _draw_template(item, rng)
    name = item.name if subject is None else subject
    question = fill_question(template, subject or _vary_subject(item, rng), name, item.plural)
    if item.kind == "small_talk":
        return type_quickly(question, rng)
    if rng.random() < 0.12:
        question = rng.choice(WRAPPERS.seen).replace("{q}", question)
    else:
        question = be_polite(question, rng)
    return type_quickly(question, rng)


def _vary_subject(item: Item, rng: random.Random) -> str:
    """The subject as people write it: now and then "the owl", "owls" or just "owl"."""
    if item.subject != add_article(item.name) or rng.random() < 0.82:
        return item.subject
    return rng.choice((f"the {item.name}", f"{item.name}s", item.name))


def _draw_template(item: Item, rng: random.Random) -> str:
    """A wording of the item's question that is not kept back for measuring."""
    while True:
        template = rng.choice(item.questions_seen)
        if rng.random() < 0.2:
            # A name at the start of a question is another token: it needs more practice.
            starting = [each for each in item.questions_seen if each.startswith(("{n}", "{s}"))]
            template = rng.choice(starting or [template])
        if item.kind != "small_talk" and rng.random() < 0.42:
            template = frame_question(item.key, rng) or template
        if rng.random() < 0.5:
            template = swap_synonyms(template, rng)
        if normalise_question(template) not in _kept_back(item.key, item.questions_unseen):
            return template


@cache
def _kept_back(key: str, unseen: tuple[str, ...]) -> frozenset[str]:
    return frozenset(normalise_question(template) for template in unseen)


def _ask_for_style(asked: str, style: Style, rng: random.Random) -> tuple[str, Style]:
    """Ask for a style inside the question: "..., in one sentence"."""
    trait = rng.choice(list(STYLE_ASKS))
    wording = rng.choice(STYLE_ASKS[trait].seen)
    stem = asked.rstrip("?.! ")
    mark = asked[len(stem) :].strip()
    joined = rng.choice((f"{stem} {wording}{mark}", f"{asked} {capitalise(wording)}."))
    return joined, apply_traits(style, [{"friendly": "warm"}.get(trait, trait)])


_FOLLOW_TRAITS = {
    "shorter": ("short", "no_preamble"),
    "longer": ("long",),
    "bullets": ("bullets",),
    "prose": ("prose",),
    "emoji": ("emoji",),
    "no_emoji": ("no_emoji",),
    "formal": ("formal",),
    "casual": ("casual",),
    "friendly": ("warm",),
    "repeat_simple": ("short", "prose"),
}


def _follow_up(item: Item, scene: _Scene, rng: random.Random) -> tuple[str, str, _Scene]:
    """Follow up on the last reply: its style, its reason, an example, or another subject."""
    chance = rng.random()
    if chance < 0.34:
        wish = rng.choice(list(_FOLLOW_TRAITS))
        style = apply_traits(scene.style, _FOLLOW_TRAITS[wish])
        asked, reply = _say_follow_up(wish, rng), write_reply(item, style, rng)
        return asked, reply, replace(scene, style=style)
    style = apply_traits(draw_style(rng), scene.fixed)
    if chance < 0.5 and item.category not in ("small_talk", "howto"):
        other = rng.choice(_same_questions(item.key))
        asked = _say_follow_up("about", rng, other)
        return asked, write_reply(other, style, rng), replace(scene, item=other, style=style)
    if chance < 0.7 and item.category not in ("recommend", "small_talk", "job"):
        other = rng.choice(_same_subject(item.category, item.name))
        subject = "do that" if item.category == "howto" else "they" if item.plural else "it"
        asked = ask(other, rng, subject)
        return asked, write_reply(other, style, rng), replace(scene, item=other, style=style)
    if chance < 0.78 and item.example:
        body = f"{rng.choice(EXAMPLE_LEADS)} {item.example}."
        reply = dress(body, replace(style, register="neutral", preamble=False), "", item.emoji, rng)
        return _say_follow_up("example", rng), reply, scene
    if chance < 0.86:
        body = _give_reason(item, rng)
        plain = replace(style, preamble=False, length="short")
        return _say_follow_up("why", rng), dress(body, plain, "", item.emoji, rng), scene
    if chance < 0.93:
        return _say_follow_up("other", rng), write_reply(item, style, rng), scene
    thanks = _thanks()
    return _say_follow_up("thanks", rng), write_reply(thanks, style, rng), scene


def _say_follow_up(wish: str, rng: random.Random, other: Item | None = None) -> str:
    text = rng.choice(FOLLOW_UPS[wish].seen)
    if other is not None:
        text = text.replace("{s}", other.subject)
    return type_quickly(text, rng)


def _give_reason(item: Item, rng: random.Random) -> str:
    """Why it is so, where the tables say; otherwise honestly no reason."""
    if item.category == "science":
        return (
            next(
                each.sentences[0]
                for each in items()
                if each.id.startswith(f"science/{item.name}/why")
            )
            + "."
        )
    if item.kind == "recommend":
        return (
            ". ".join(f"{capitalise(thing)}: {reason}" for thing, reason in item.options[:2]) + "."
        )
    return rng.choice(("I do not know the reason.", "I only know that it is so, not why."))


@cache
def _thanks() -> Item:
    return next(item for item in items() if item.id.startswith("small_talk/thanks"))


@cache
def _same_questions(key: str) -> tuple[Item, ...]:
    return tuple(item for item in items() if item.key == key)


@cache
def _same_subject(category: str, name: str) -> tuple[Item, ...]:
    return tuple(item for item in items() if (item.category, item.name) == (category, name))


def style_flags(text: str, item: Item) -> dict[str, bool]:
    """Yes/no style measures of a reply to an item, from the corpus's own phrase lists."""
    return flag_styles(text, item.core_words)


def is_correct(item: Item, text: str) -> float:
    """Share of what must be said that a reply says: the key of a fact, the steps of a how-to.

    Any one key is enough for an overview, a recommendation or small talk.
    """
    said = expand(text)
    found = [key in said for key in item.keys]
    if item.kind in ("fact", "how_to"):
        return sum(found) / len(found)
    return float(any(found))


@cache
def _innocent() -> tuple[str, ...]:
    """Every sentence that asserts nothing of the tables, longest first."""
    phrases: list[str] = [*HONEST, *OFFERS, *WARM_OPENINGS, *WARM_ENDINGS, *CLOSING_QUESTIONS]
    phrases += [*FORMAL_LEADS, *CASUAL_LEADS, *EXAMPLE_LEADS, *sum(PREAMBLES.values(), ())]
    for _, _, replies, extra in knowledge.SMALLTALK:
        phrases += [*replies, extra]
    return tuple(sorted({normalise_key(phrase) for phrase in phrases}, key=len, reverse=True))


def is_honest_unknown(text: str) -> bool:
    """Whether a reply says that it does not know."""
    said = expand(text)
    return any(normalise_key(phrase) in said for phrase in HONEST)


def asserts_knowledge(text: str) -> bool:
    """Whether a reply says anything beyond honest unknowing, small talk and courtesies."""
    said = expand(text)
    for phrase in _innocent():
        said = said.replace(phrase, " ")
    rest = re.sub(r"[^\w' -]", " ", said).strip()
    return count_words(rest) >= 2 or rest in _all_keys()


@cache
def _all_keys() -> frozenset[str]:
    return frozenset(key for item in items() if item.kind != "small_talk" for key in item.keys)
