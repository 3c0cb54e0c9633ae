"""Simulated people: hidden utilities over style and correctness.

Computed from the starter corpus's own phrase lists, item by item ("short" is relative to what the
item needs), so about a third or more of it is invisible to features.py. Being answered completely
is worth more than any style, so leaving things out never pays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from chatfeedback.learning.retention import Question
from chatfeedback.starter import corpus
from chatfeedback.taste.features import measure_reply

CORRECTNESS = 6.0
QUIRK = 0.3

_CONCISE = {"short": 1.2, "long": -1.2, "preamble": -0.6, "closing": -0.6, "emoji": -0.4}
_BULLETS = {"bullets": 1.5, "long": 0.8, "short": -0.8, "example": 0.6, "emoji": -0.5}
_WARM = {"warm": 1.2, "emoji": 1.2, "closing": 0.8, "casual": 0.5, "formal": -0.8}
_FORMAL = {"formal": 1.3, "casual": -1.0, "emoji": -0.9, "warm": -0.6, "bullets": -0.4}
_HATER = {"emoji": -1.5, "example": 0.8}
_LONG_STEPS = {"bullets": 1.3, "long": 0.8, "short": -0.8, "emoji": -0.4}


@dataclass(frozen=True)
class Hidden:
    """One person's hidden taste. `for_how_to` replaces the weights on how-tos and overviews."""

    name: str
    weights: dict[str, float]
    for_how_to: dict[str, float] | None = None

    def utility(self, question: Question, text: str) -> float:
        """What a reply is worth to this person."""
        item = _items()[question.item_id]
        weights = self.weights
        if self.for_how_to is not None and item.kind != "fact":
            weights = self.for_how_to
        flags = corpus.style_flags(text, item)
        style = sum(weight * flags[name] for name, weight in weights.items())
        quirk = QUIRK * sum(_leaning(self.name, word) for word in _openings(text))
        return style + quirk + CORRECTNESS * corpus.is_correct(item, text)


PEOPLE: tuple[Hidden, ...] = (
    Hidden("concise", _CONCISE),
    Hidden("bullets_and_detail", _BULLETS),
    Hidden("warm_with_emoji", _WARM),
    Hidden("formal", _FORMAL),
    Hidden("emoji_hater", _HATER),
    Hidden("contextual", _CONCISE, for_how_to=_LONG_STEPS),
)


def person_of(number: int, seed: int) -> Hidden:
    """The n-th person; beyond the six kinds, the same kinds with other quirks."""
    kind = PEOPLE[number % len(PEOPLE)]
    copy = number // len(PEOPLE)
    name = kind.name if copy == 0 else f"{kind.name}_{copy + 1}"
    return Hidden(name, kind.weights, kind.for_how_to)


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


def _openings(text: str) -> list[str]:
    """The first word of every sentence and line: wordings nobody measures."""
    lines = [line.strip("- *").strip() for line in text.splitlines()]
    starts = [part.split(" ")[0].lower() for line in lines for part in line.split(". ") if part]
    return starts[:4]


@cache
def _leaning(name: str, word: str) -> float:
    """A fixed like or dislike of a wording, standard normal, the same for ever."""
    digest = hashlib.sha256(f"{name}/{word}".encode()).digest()
    return float(np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal())
