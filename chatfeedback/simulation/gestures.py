"""What a simulated person does with what they are shown: choose, rank, rate, rewrite.

A person decides by what replies are worth to them, with noise: the better of two with probability
sigmoid(gap / temperature) (Bradley & Terry), the best of several by softmax (Luce), a ranking as
the best, then the best of the rest. `Reaction` is what they did; `read_reaction` is what that is
to the reward model, by the same likelihoods as in the app.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from chatfeedback.simulation.people import Hidden
from chatfeedback.simulation.pool import Asked
from chatfeedback.taste.basis import Basis
from chatfeedback.taste.likelihoods import Evidence, Vector, picks, preference, thumb
from chatfeedback.taste.preferences import edit_weight


class Gesture(StrEnum):
    """How somebody reacts, always or mostly."""

    PAIRS = "pairs"
    PICK_OF_4 = "pick-of-4"
    THUMBS = "thumbs"
    RANKINGS = "rankings"
    EDITS = "edits"
    MIXED = "mixed"


SHOWN = {
    Gesture.PAIRS: 2,
    Gesture.PICK_OF_4: 4,
    Gesture.THUMBS: 1,
    Gesture.RANKINGS: 4,
    Gesture.EDITS: 1,
}
"""Replies that are shown for one gesture."""

FIRST_CLICKS = 10
_AT_FIRST = {
    Gesture.PICK_OF_4: 0.6,
    Gesture.THUMBS: 0.3,
    Gesture.RANKINGS: 0.05,
    Gesture.EDITS: 0.05,
}
_LATER = {
    Gesture.PAIRS: 0.35,
    Gesture.THUMBS: 0.5,
    Gesture.RANKINGS: 0.05,
    Gesture.EDITS: 0.1,
}
"""What a real person would do: the app asks much at first, then a thumb is the usual thing."""

SAYS_WRONG = 0.5
"""How often a thumb down for a wrong answer comes with the reason "wrong"."""

WORDINGS = 3
"""Somebody who rewrites an answer weighs this many wordings of it."""


@dataclass(frozen=True)
class Reaction:
    """What somebody did with the replies shown.

    order: indices of replies, best first; the first `n_ranked` are in order, the rest are not.
        A thumb has one; a rewrite has the better wording, then the reply that was rewritten.
    """

    kind: Literal["pick", "rank", "thumb", "edit"]
    order: tuple[int, ...]
    n_ranked: int = 1
    up: bool = True
    wrong: bool = False


@dataclass
class Mind:
    """How somebody decides.

    temperature: of their choices, in utility. threshold: the utility from which a thumb goes up.
    """

    hidden: Hidden
    temperature: float
    threshold: float
    rng: np.random.Generator

    def gesture(self, usual: Gesture, number: int) -> Gesture:
        """What they do at their n-th click."""
        if usual != Gesture.MIXED:
            return usual
        habits = _AT_FIRST if number <= FIRST_CLICKS else _LATER
        return list(habits)[self.rng.choice(len(habits), p=list(habits.values()))]

    def best_of(self, worth: Sequence[float]) -> int:
        """Index of the reply they take for the best."""
        if self.rng.random() < self.hidden.left_bias:
            return 0
        if self.rng.random() < self.hidden.slip:
            return int(np.argmin(self._noisy(worth)))
        return int(np.argmax(self._noisy(worth)))

    def rank(self, worth: Sequence[float]) -> tuple[int, ...]:
        """Indices, best first."""
        order = np.argsort(-self._noisy(worth), kind="stable")
        if self.rng.random() < self.hidden.slip:
            order = order[::-1]
        return tuple(int(at) for at in order)

    def likes(self, worth: float) -> bool:
        """Whether the thumb goes up."""
        likes = bool(self._noisy([worth])[0] - self._noisy([self.threshold])[0] > 0)
        return likes != (self.rng.random() < self.hidden.slip)

    def _noisy(self, worth: Sequence[float]) -> Vector:
        """Gumbel noise makes the largest one a draw from the softmax, and the order a draw from
        Plackett and Luce's rankings (Yellott 1977)."""
        return np.asarray(worth) / self.temperature + self.rng.gumbel(size=len(worth))


def react(
    mind: Mind, gesture: Gesture, shown: Sequence[int], worth: Vector, marks: Sequence[float]
) -> Reaction:
    """One click.

    Args:
        shown: indices of the replies on the screen, in their order there.
        worth: (n,) what each reply to the question is worth to the person, shown or not.
        marks: of each reply, the share of the right answer that it holds.
    """
    values = [float(worth[at]) for at in shown]
    match gesture:
        case Gesture.RANKINGS:
            order = tuple(shown[at] for at in mind.rank(values))
            return Reaction("rank", order, n_ranked=len(order) - 1)
        case Gesture.THUMBS:
            return _rate(mind, shown[0], values[0], marks)
        case Gesture.EDITS:
            return _rewrite(mind, shown[0], worth, marks)
        case _:
            best = shown[mind.best_of(values)]
            return Reaction("pick", (best, *(at for at in shown if at != best)))


def _rate(mind: Mind, reply: int, worth: float, marks: Sequence[float]) -> Reaction:
    up = mind.likes(worth)
    wrong = not up and marks[reply] < 1 and mind.rng.random() < SAYS_WRONG
    return Reaction("thumb", (reply,), up=up, wrong=bool(wrong))


def _rewrite(mind: Mind, reply: int, worth: Vector, marks: Sequence[float]) -> Reaction:
    """The best wording that comes to mind; nobody rewrites what they could not word better."""
    others = [at for at in range(len(worth)) if at != reply]
    wordings = mind.rng.choice(others, size=min(WORDINGS, len(others)), replace=False)
    best = int(wordings[np.argmax(worth[wordings])])
    if worth[best] <= worth[reply]:
        return _rate(mind, reply, float(worth[reply]), marks)
    return Reaction("edit", (best, reply))


def read_reaction(reaction: Reaction, asked: Asked, basis: Basis) -> list[Evidence]:
    """What the reward model learns from; as evidence.py reads the stored log."""
    phis = asked.phis[list(reaction.order)]
    match reaction.kind:
        case "thumb":
            features = asked.replies[reaction.order[0]].features
            alone = basis.centre(asked.question.prompt, phis[0], features=features)
            return [thumb(alone, up=reaction.up, wrong=reaction.wrong)]
        case "edit":
            better, worse = (asked.replies[at].text for at in reaction.order)
            weight = edit_weight(worse, better)
            if weight == 0:
                return []
            return [preference(phis[0], phis[1], weight, is_choice=False)]
        case _:
            if len(phis) == 2:
                return [preference(phis[0], phis[1])]
            return picks(phis, reaction.n_ranked)
