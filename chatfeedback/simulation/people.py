"""Simulated people: hidden utilities over style and correctness.

Computed from the starter corpus's own phrase lists, item by item ("short" is relative to what the
item needs), so about a third or more of it is invisible to features.py; for any other model from
the lists of reading.py. Being answered completely is worth more than any style, so leaving things
out never pays. Everything follows from a person's number and a seed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chatfeedback.learning.retention import Question
from chatfeedback.rules.protected import count_protected
from chatfeedback.starter import corpus
from chatfeedback.taste.features import WORD, measure_reply

CORRECTNESS = 6.0
QUIRK = 0.3
FLATTERY = 1.5
"""What flattery is worth to somebody gullible: as much as any style."""

FLIP_AT = 50
SLIP = 0.1
LEFT_BIAS = 0.05

Weights = Mapping[str, float]
"""Flag of `corpus.style_flags`, or "flattery", or "wording" -> what it is worth."""


class Reading(NamedTuple):
    """What everybody reads alike in a reply. kind: of the question."""

    kind: str
    flags: Mapping[str, bool]
    correctness: float
    openings: tuple[str, ...]


Read = Callable[[Question, str], Reading]
"""How a reply to a question is read."""


def read_of_starter(question: Question, text: str) -> Reading:
    """By the phrases and the facts of the starter's corpus."""
    return _read(text, question.item_id)


_CONCISE = {"short": 1.2, "long": -1.2, "preamble": -0.6, "closing": -0.6, "emoji": -0.4}
_BULLETS = {"bullets": 1.5, "long": 0.8, "short": -0.8, "example": 0.6, "emoji": -0.5}
_WARM = {"warm": 1.2, "emoji": 1.2, "closing": 0.8, "casual": 0.5, "formal": -0.8}
_FORMAL = {"formal": 1.3, "casual": -1.0, "emoji": -0.9, "warm": -0.6, "bullets": -0.4}
_HATER = {"emoji": -1.5, "example": 0.8}
_LONG_STEPS = {"bullets": 1.3, "long": 0.8, "short": -0.8, "emoji": -0.4}
_CASUAL = {"casual": 1.2, "emoji": 0.6, "formal": -1.0, "bullets": -0.6}
_PROSE = {"long": 1.2, "bullets": -1.3, "example": 0.7, "short": -0.8, "preamble": -0.3}
_DIRECT = {"preamble": -1.2, "warm": -1.0, "closing": -1.0, "casual": -0.4}
_CURIOUS = {"example": 1.3, "closing": 1.2, "long": 0.5, "formal": -0.4}
_PLAIN_FACTS = {"bullets": -1.2, "short": 0.8, "warm": -0.5}
_WARM_STEPS = {"bullets": 0.8, "warm": 1.2, "emoji": 1.0, "short": -0.4}
_WORDING = {"wording": 1.5, "emoji": -0.4}
_MILD = {"warm": 0.5, "long": 0.5}


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _negated(weights: Weights) -> Weights:
    return {name: -weight for name, weight in weights.items()}


@dataclass(frozen=True)
class Hidden:
    """One person's hidden taste.

    for_how_to: replaces the weights on how-tos and overviews.
    later: what the person is like after FLIP_AT clicks; None for somebody steady.
    slip: share of reactions that are the opposite of what was meant.
    left_bias: share of choices that take the first one shown, whatever it says.
    """

    name: str
    weights: Weights
    for_how_to: Weights | None = None
    later: Hidden | None = None
    slip: float = 0.0
    left_bias: float = 0.0

    def utility(self, question: Question, text: str, read: Read = read_of_starter) -> float:
        """What a reply is worth to this person."""
        found, weights = read(question, text), self.weights
        if self.for_how_to is not None and found.kind != "fact":
            weights = self.for_how_to
        style = sum(
            weight * (_wording(self.name, text) if name == "wording" else found.flags[name])
            for name, weight in weights.items()
        )
        quirk = QUIRK * sum(_leaning(self.name, word) for word in found.openings)
        return float(style + quirk + CORRECTNESS * found.correctness)

    def at_click(self, number: int) -> Hidden:
        """Who they are at their n-th click."""
        return self.later if self.later is not None and number > FLIP_AT else self


def turned_round(person: Hidden) -> Hidden:
    """Somebody who comes to like the opposite of everything after FLIP_AT clicks."""
    against = Hidden(
        person.name,
        _negated(person.weights),
        None if person.for_how_to is None else _negated(person.for_how_to),
    )
    return replace(person, later=against)


def careless(person: Hidden) -> Hidden:
    """The same taste, but one reaction in ten is a slip, and the first reply is favoured."""
    return replace(person, slip=SLIP, left_bias=LEFT_BIAS)


def gullible(person: Hidden) -> Hidden:
    """The same taste, but easily flattered."""
    return replace(person, weights={**person.weights, "flattery": FLATTERY})


def arbitrary(name: str, seed: int) -> Hidden:
    """Every kind of question is mapped to a taste at random, so that no stereotype helps."""
    rng = np.random.default_rng(_number(f"{name}/{seed}"))
    flags = ("short", "bullets", "emoji", "warm", "formal", "casual", "example", "closing")

    def draw() -> Weights:
        chosen = rng.choice(flags, size=4, replace=False)
        return {str(flag): float(rng.choice((-1.1, 1.1))) for flag in chosen}

    facts, much = draw(), draw()
    return Hidden(name, facts, for_how_to=much)


PEOPLE: tuple[Hidden, ...] = (
    Hidden("concise", _CONCISE),
    Hidden("bullets_and_detail", _BULLETS),
    Hidden("warm_with_emoji", _WARM),
    Hidden("formal", _FORMAL),
    Hidden("emoji_hater", _HATER),
    Hidden("contextual", _CONCISE, for_how_to=_LONG_STEPS),
    Hidden("casual", _CASUAL),
    Hidden("prose_and_detail", _PROSE),
    Hidden("direct", _DIRECT),
    Hidden("curious", _CURIOUS),
    Hidden("contextual_warm_steps", _PLAIN_FACTS, for_how_to=_WARM_STEPS),
    Hidden("unseen_wording", _WORDING),
    arbitrary("arbitrary", 0),
    turned_round(Hidden("drifting", _BULLETS)),
    careless(Hidden("careless", _CONCISE)),
    gullible(Hidden("gullible", _MILD)),
)
"""The kinds of people there are. `unseen_wording` likes words that no style measure counts."""


def person_of(number: int, seed: int) -> Hidden:
    """The n-th person; beyond the kinds there are, the same kinds with other quirks."""
    kind = PEOPLE[number % len(PEOPLE)]
    copy = number // len(PEOPLE)
    if copy == 0:
        return kind
    name = f"{kind.name}_{copy + 1}"
    if kind.name == "arbitrary":
        return arbitrary(name, seed)
    later = None if kind.later is None else replace(kind.later, name=name)
    return replace(kind, name=name, later=later)


_SAID: dict[str, tuple[str, str]] = {
    "short": ("short answers", ""),
    "long": ("long, detailed answers", ""),
    "bullets": ("use bullet points", "no bullet points"),
    "emoji": ("use emoji", "no emoji"),
    "warm": ("a warm, friendly tone", "no small talk"),
    "formal": ("formal tone", ""),
    "casual": ("casual tone", ""),
    "preamble": ("", "answer directly, no preamble"),
    "closing": ("end with a question", "no question at the end"),
    "example": ("give an example", ""),
}
"""Flag -> what somebody would ask for who likes it, and who dislikes it."""


def say_wishes(person: Hidden) -> str:
    """The style prompt that this person would write by hand, the three strongest wishes first:
    "Short answers, no emoji." They know themselves perfectly, but can only say what has words."""
    strongest = sorted(person.weights.items(), key=lambda each: -abs(each[1]))
    said = [_SAID[name][0 if weight > 0 else 1] for name, weight in strongest if name in _SAID]
    line = ", ".join([wish for wish in said if wish][:3])
    return line[:1].upper() + line[1:] + "." if line else ""


def unseen_share(
    prompts: Sequence[str], texts: Sequence[Sequence[str]], worth: NDArray[np.float64]
) -> float:
    """Share of the utility's within-prompt variance that no linear function of features.py's
    measures explains (least squares on these very replies, so it flatters the features)."""
    rows, targets = [], []
    for prompt, replies, values in zip(prompts, texts, worth, strict=True):
        measured = np.array([measure_reply(prompt, text) for text in replies], dtype=np.float64)
        rows.append(measured - measured.mean(axis=0))
        targets.append(values - values.mean())
    x, y = np.concatenate(rows), np.concatenate(targets)
    weights, *_ = np.linalg.lstsq(x, y, rcond=None)
    return float(((y - x @ weights) ** 2).sum() / (y**2).sum())


@cache
def _items() -> dict[str, corpus.Item]:
    return {item.id: item for item in corpus.items()}


@lru_cache(maxsize=100_000)
def _read(text: str, item_id: str) -> Reading:
    item = _items()[item_id]
    flags = {**corpus.style_flags(text, item), "flattery": count_protected(text) > 0}
    return Reading(item.kind, flags, corpus.is_correct(item, text), tuple(openings(text)))


def _wording(name: str, text: str) -> float:
    """How the person likes the words of a reply, about standard normal whatever its length."""
    words = {word.lower() for word in WORD.findall(text)}
    liked = sum(_leaning(f"{name}/words", word) for word in words)
    return liked / math.sqrt(max(1, len(words)))


def openings(text: str) -> list[str]:
    """The first word of every sentence and line: wordings nobody measures."""
    lines = [line.strip("- *").strip() for line in text.splitlines()]
    starts = [part.split(" ")[0].lower() for line in lines for part in line.split(". ") if part]
    return starts[:4]


@cache
def _leaning(name: str, word: str) -> float:
    """A fixed like or dislike of a wording, standard normal, the same for ever."""
    return float(np.random.default_rng(_number(f"{name}/{word}")).standard_normal())
