"""How a reply can look: the style choices, the phrases that carry them, and their measures.

A `Style` is drawn at random for every reply of the corpus, so that two samples of the trained
model differ in ways a person can prefer. `style_flags` reads the same phrases back out of a text.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Length = Literal["short", "medium", "long"]
Register = Literal["neutral", "formal", "casual"]

PREAMBLES: dict[Register, tuple[str, ...]] = {
    "neutral": ("Sure.", "Here you go.", "Of course.", "Here is what I know."),
    "formal": ("Certainly.", "By all means.", "With pleasure."),
    "casual": ("Sure thing!", "Yeah, sure!", "Okay, here goes!", "No problem!"),
}
# The first two are brief enough for a short reply.
WARM_OPENINGS = (
    "Great question!",
    "Lovely question!",
    "I am so glad you asked!",
    "I love this topic!",
    "Happy to help, friend!",
)
WARM_ENDINGS = (
    "Enjoy!",
    "Have fun!",
    "I hope this helps you!",
    "You are doing great!",
    "I am rooting for you!",
)
CLOSING_QUESTIONS = (
    "Would you like to know more?",
    "Shall I go on?",
    "Do you want more details?",
    "Is there anything else?",
    "Shall I tell you more?",
)
FORMAL_LEADS = ("To be precise,", "In brief,", "Generally speaking,", "It should be noted that")
CASUAL_LEADS = ("Well,", "So,", "Basically,", "Alright,", "You know,")
LIST_REGISTERS: dict[Register, tuple[str, ...]] = {
    "formal": ("In brief:", "To be precise:", "Generally speaking:"),
    "casual": ("Basically:", "Alright:", "You know:"),
}
EXAMPLE_LEADS = ("For example,", "For instance,")
LIST_LEADS = ("Here are the main points:", "The main points:", "Here is a list:", "At a glance:")
STEP_LEADS = ("Here are the steps:", "Follow these steps:", "Step by step:")
OPTION_LEADS = ("Here are some ideas:", "You could try these:", "A few ideas:")
OPENINGS = (*LIST_LEADS, *STEP_LEADS, *OPTION_LEADS)
GENERAL_EMOJI = ("😊", "✨", "👍", "🌟")

CONTRACTIONS = (
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("cannot", "can't"),
    ("it is", "it's"),
    ("that is", "that's"),
    ("what is", "what's"),
    ("you are", "you're"),
    ("I am", "I'm"),
    ("I have", "I've"),
    ("you will", "you'll"),
)

_EMOJI = re.compile("[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\u3030\u303d]")


@dataclass(frozen=True)
class Style:
    """What one reply looks like, apart from what it says."""

    length: Length = "medium"
    bullets: bool = False
    warm: bool = False
    emoji: bool = False
    register: Register = "neutral"
    preamble: bool = False
    closing: bool = False
    example: bool = False


TRAITS: dict[str, dict[str, object]] = {
    "short": {"length": "short", "preamble": False, "closing": False, "example": False},
    "long": {"length": "long"},
    "bullets": {"bullets": True},
    "prose": {"bullets": False},
    "warm": {"warm": True},
    "plain": {"warm": False, "preamble": False},
    "emoji": {"emoji": True},
    "no_emoji": {"emoji": False},
    "formal": {"register": "formal"},
    "casual": {"register": "casual"},
    "preamble": {"preamble": True},
    "no_preamble": {"preamble": False, "warm": False},
    "question": {"closing": True},
    "no_question": {"closing": False},
    "example": {"example": True},
    "no_example": {"example": False},
}
"""Each trait a system line or a follow-up can ask for, as the part of a style it fixes."""

OPPOSITES = (
    {"short", "long"},
    {"short", "question"},
    {"short", "example"},
    {"short", "preamble"},
    {"bullets", "prose"},
    {"warm", "plain"},
    {"warm", "no_preamble"},
    {"plain", "preamble"},
    {"emoji", "no_emoji"},
    {"formal", "casual"},
    {"preamble", "no_preamble"},
    {"question", "no_question"},
    {"example", "no_example"},
)
"""Traits that one system line never asks for together."""


def draw_style(rng: random.Random) -> Style:
    """Draw a style; a short reply carries fewer courtesies, so that it stays short."""
    length: Length = rng.choices(("short", "medium", "long"), (0.42, 0.33, 0.25))[0]
    extra = 0.12 if length == "short" else 0.38
    return Style(
        length=length,
        bullets=rng.random() < 0.4,
        warm=rng.random() < (0.25 if length == "short" else 0.4),
        emoji=rng.random() < 0.42,
        register=rng.choices(("neutral", "formal", "casual"), (0.36, 0.32, 0.32))[0],
        preamble=rng.random() < (0.2 if length == "short" else 0.38),
        closing=rng.random() < extra,
        example=rng.random() < extra,
    )


def apply_traits(style: Style, traits: Iterable[str]) -> Style:
    """The style with everything the traits fix; later traits win."""
    for trait in traits:
        style = replace(style, **TRAITS[trait])  # type: ignore[arg-type]
    return style


def draw_traits(rng: random.Random, count: int, among: Iterable[str] | None = None) -> list[str]:
    """Draw up to `count` traits that do not contradict each other."""
    chosen: list[str] = []
    candidates = list(TRAITS if among is None else among)
    for trait in rng.sample(candidates, len(candidates)):
        if len(chosen) < count and not any(
            trait in pair and set(chosen) & pair for pair in OPPOSITES
        ):
            chosen.append(trait)
    return chosen


def capitalise(text: str) -> str:
    """The text with its first letter as a capital, the rest untouched."""
    return text[:1].upper() + text[1:]


def contract(text: str) -> str:
    """The text with casual contractions: "it is" becomes "it's"."""
    for full, brief in CONTRACTIONS:
        text = re.sub(rf"\b{full}\b", brief, text)
        text = re.sub(rf"\b{capitalise(full)}\b", capitalise(brief), text)
    return text


def expand(text: str) -> str:
    """The text without contractions and emoji, in small letters and single spaces."""
    text = _EMOJI.sub("", text).replace("\ufe0f", "").replace("\u200d", "").replace("’", "'")
    for full, brief in CONTRACTIONS:
        text = re.sub(rf"\b{brief}\b", full, text, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", text).strip().lower()


def dress(body: str, style: Style, example: str, emoji: str, rng: random.Random) -> str:
    """Put the body's courtesies around it: openings, a register lead, example and ending.

    The body starts with a small letter where grammar allows one, so that a lead can precede it.
    """
    listed = "\n- " in body or body.startswith("- ")
    opening = []
    if style.preamble:
        opening.append(rng.choice(PREAMBLES[style.register]))
    warm_ending = style.warm and rng.random() < 0.5
    if style.warm and (not warm_ending or (style.length != "short" and rng.random() < 0.3)):
        opening.append(rng.choice(WARM_OPENINGS[: 2 if style.length == "short" else None]))
    if style.register != "neutral" and (not style.preamble or rng.random() < 0.4):
        if body.startswith("- "):
            body = f"{rng.choice(LIST_REGISTERS[style.register])}\n{body}"
        else:
            leads = FORMAL_LEADS if style.register == "formal" else CASUAL_LEADS
            lead = rng.choice(leads[:3] if listed else leads)
            body = f"{lead} {body[:1].lower() + body[1:] if body.startswith(OPENINGS) else body}"
    body = capitalise(body)
    ending = []
    if style.example and example:
        ending.append(f"{rng.choice(EXAMPLE_LEADS)} {example}.")
    if warm_ending:
        ending.append(rng.choice(WARM_ENDINGS[: 2 if style.length == "short" else None]))
    if style.emoji and (not _EMOJI.search(body) or rng.random() < 0.25):
        place = rng.choice([part for part in (opening, ending) if part] or [ending])
        sign = rng.choice((emoji, emoji, rng.choice(GENERAL_EMOJI)))
        if place:
            place[-1] += f" {sign}"
        else:
            body += f" {sign}"
    if style.closing:
        ending.append(rng.choice(CLOSING_QUESTIONS))
    joint = "\n" if listed else " "
    head = " ".join(opening)
    if body.startswith("- "):
        text = f"{head}\n{body}" if head else body
    else:
        text = f"{head} {body}" if head else body
    if ending:
        text = f"{text}{joint}{' '.join(ending)}"
    return contract(text) if style.register == "casual" else text


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<!\w){re.escape(expand(phrase))}" for phrase in phrases))


_PREAMBLE = _any_of(phrase for phrases in PREAMBLES.values() for phrase in phrases)
_WARM = _any_of(WARM_OPENINGS + WARM_ENDINGS)
_FORMAL = _any_of(
    (*(lead.rstrip(",") for lead in FORMAL_LEADS), *PREAMBLES["formal"]),
)
_CASUAL = _any_of((*PREAMBLES["casual"], "well,", "basically", "alright", "you know"))
_CASUAL_SO = re.compile(r"(^|[.!?] )so, ")
_CONTRACTED = re.compile(r"\b(" + "|".join(brief for _, brief in CONTRACTIONS) + r")\b", re.I)
_CLOSING = _any_of(CLOSING_QUESTIONS)
_EXAMPLE = _any_of(EXAMPLE_LEADS)


def count_words(text: str) -> int:
    """Words in the text; bullets and emoji are none."""
    return len(re.findall(r"[\w'’-]*\w", text))


def flag_styles(text: str, core_words: int) -> dict[str, bool]:
    """Yes/no style measures of a reply.

    Args:
        text: the reply.
        core_words: words of the item's longest one-sentence answer; short and long are
            relative to it, so that leaving steps out of a how-to is never "short".
    """
    plain, words = expand(text), count_words(text)
    return {
        "short": words <= core_words + 7,
        "long": words >= core_words + 16,
        "bullets": len(re.findall(r"^- ", text, re.MULTILINE)) >= 2,
        "emoji": bool(_EMOJI.search(text)),
        "warm": bool(_WARM.search(plain)),
        "formal": bool(_FORMAL.search(plain)),
        "casual": bool(
            _CASUAL.search(plain) or _CASUAL_SO.search(plain) or _CONTRACTED.search(text)
        ),
        "preamble": bool(_PREAMBLE.search(plain)),
        "closing": bool(_CLOSING.search(plain)),
        "example": bool(_EXAMPLE.search(plain)),
    }


TRAIT_CHECKS: dict[str, tuple[str, bool]] = {
    "short": ("short", True),
    "long": ("short", False),
    "bullets": ("bullets", True),
    "prose": ("bullets", False),
    "warm": ("warm", True),
    "plain": ("warm", False),
    "emoji": ("emoji", True),
    "no_emoji": ("emoji", False),
    "formal": ("formal", True),
    "casual": ("casual", True),
    "preamble": ("preamble", True),
    "no_preamble": ("preamble", False),
    "question": ("closing", True),
    "no_question": ("closing", False),
    "example": ("example", True),
    "no_example": ("example", False),
}
"""The flag, and the value of it, that shows that a reply obeys a trait."""
