"""How good each version is to the person, from blind choices between versions.

Bradley-Terry strengths (1952) with a weak prior around the base model, on the scale of Elo: 400
points are odds of ten to one. Fitted to all choices at once, so their order does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chatfeedback.records import Comparison, StoredFeedback

VERSIONS = "versions"
"""Why a comparison was shown (`Comparison.why`): to find out which of two versions is better."""

BASE_ELO = 1000.0
POINTS_PER_LOGIT = 400 / math.log(10)
PRIOR_SD = 1.5  # logits: before any choice a version is within 510 points of the base
SCORES = {"first": 1.0, "second": 0.0, "tie": 0.5, "both_bad": 0.5}
STEPS = 50


@dataclass(frozen=True)
class Duel:
    """One choice. score: 1 if the first version won, 0.5 for a tie. None is the base model."""

    first: str | None
    second: str | None
    score: float


@dataclass(frozen=True)
class Rating:
    """A version's Elo, the base's being 1000, with its 95 % interval and number of choices."""

    elo: float
    low: float
    high: float
    duels: int


def read_duels(
    comparisons: Sequence[Comparison],
    feedback: Sequence[StoredFeedback],
    adapter_of: Mapping[int, str | None],
) -> list[Duel]:
    """The choices between two versions that stand; of several on one pair, the last.

    Args:
        adapter_of: reply id -> the version that wrote it.
    """
    asked = {each.comparison_id: each for each in comparisons if each.why == VERSIONS}
    votes = {
        each.event.comparison_id: each.event.outcome
        for each in feedback
        if each.event.kind == "pick" and not each.undone and each.event.comparison_id in asked
    }
    found = []
    for number, outcome in votes.items():
        if number is not None and outcome in SCORES:
            first, second = (adapter_of[reply_id] for reply_id in asked[number].reply_ids)
            found.append(Duel(first, second, SCORES[outcome]))
    return found


def rate(duels: Sequence[Duel]) -> dict[str, Rating]:
    """Every version's rating. Maximum a posteriori with its curvature as the uncertainty.

    log p = score log sigmoid(d) + (1 - score) log sigmoid(-d), d = strength of first - of second;
    strengths ~ N(0, PRIOR_SD^2), the base's is 0.
    """
    names = sorted({name for duel in duels for name in (duel.first, duel.second) if name})
    if not names:
        return {}
    signs = np.zeros((len(duels), len(names)))
    for row, duel in zip(signs, duels, strict=True):
        for name, sign in ((duel.first, 1.0), (duel.second, -1.0)):
            if name is not None:
                row[names.index(name)] += sign
    scores = np.array([duel.score for duel in duels])
    strengths = np.zeros(len(names))
    for _ in range(STEPS):
        won = 1 / (1 + np.exp(-signs @ strengths))
        curvature = (
            signs.T @ (signs * (won * (1 - won))[:, None]) + np.eye(len(names)) / PRIOR_SD**2
        )
        strengths = strengths + np.linalg.solve(
            curvature, signs.T @ (scores - won) - strengths / PRIOR_SD**2
        )
    sds = np.sqrt(np.diag(np.linalg.inv(curvature)))
    return {
        name: _rating(strength, sd, int(np.abs(column).sum()))
        for name, strength, sd, column in zip(names, strengths, sds, signs.T, strict=True)
    }


def _rating(strength: float, sd: float, duels: int) -> Rating:
    middle, reach = BASE_ELO + POINTS_PER_LOGIT * strength, 1.96 * POINTS_PER_LOGIT * sd
    return Rating(float(middle), float(middle - reach), float(middle + reach), duels)
