"""A team's shared taste: what several people like alike, with where they differ told, not averaged.

Every person says only what their own reactions say (no prior twice), and nobody more than their
share: who clicks most would otherwise decide for all. A trait that some clearly want and others
clearly do not is no shared taste at all: it is reported, and the shared model takes no side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from chatfeedback.taste.basis import Basis
from chatfeedback.taste.features import LABELS, STYLE_MEASURES
from chatfeedback.taste.likelihoods import Matrix, Vector, normal_cdf
from chatfeedback.taste.prior import Prior
from chatfeedback.taste.reward import RewardModel

MOST_SHARE = 1 / 3
"""Of all that is said; in a team of two each has half."""

CLEAR = 0.9
"""P(wants more of it) from which on a person clearly wants a trait; from 1 - CLEAR down, clearly
does not."""


@dataclass(frozen=True, eq=False)
class PersonSays:
    """What one person's reactions say by themselves, on the shipped prior.

    mean, covariance: as in RewardModel; clicks: how many reactions they come from.
    """

    person_id: int
    mean: Vector
    covariance: Matrix
    clicks: int


@dataclass(frozen=True)
class Disagreement:
    """A trait on which people clearly differ."""

    name: str  # key in features.STYLE_MEASURES
    label: str  # "longer answers"
    wanted_by: tuple[int, ...]  # person ids
    unwanted_by: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SharedTaste:
    """The shared reward model, each person's share in it, and where they differ."""

    model: RewardModel
    shares: dict[int, float]
    disagreements: tuple[Disagreement, ...]


def share_taste(basis: Basis, shipped: Prior, people: Sequence[PersonSays]) -> SharedTaste:
    """What these people like alike.

    Gaussian beliefs on one prior P add up in precision, each times its person's weight a <= 1:
    precision = P + sum a_u (precision_u - P), and the same for precision x mean. The nuisances
    (generosity, cut-points) are each person's own and stay at the prior.
    """
    model, d = RewardModel.prior(basis, shipped), basis.size
    start = np.linalg.inv(shipped.covariance[:d, :d])
    precision, pull = start.copy(), start @ shipped.mean[:d]
    weights = cap_shares([each.clicks for each in people])
    for each, weight in zip(people, weights, strict=True):
        its = np.linalg.inv(each.covariance[:d, :d])
        precision += weight * (its - start)
        pull += weight * (its @ each.mean[:d] - start @ shipped.mean[:d])
    covariance = shipped.covariance.copy()
    covariance[:d, :d] = np.linalg.inv(precision)
    mean = shipped.mean.copy()
    mean[:d] = covariance[:d, :d] @ pull
    disagreements = find_disagreements(people)
    disputed = [STYLE_MEASURES.index(each.name) for each in disagreements]
    mean[disputed] = shipped.mean[disputed]
    covariance[disputed, disputed] = np.maximum(
        covariance[disputed, disputed], shipped.covariance[disputed, disputed]
    )
    said = np.array([weight * each.clicks for each, weight in zip(people, weights, strict=True)])
    return SharedTaste(
        replace(model, mean=mean, covariance=covariance),
        {each.person_id: float(part) for each, part in zip(people, said / said.sum(), strict=True)}
        if people
        else {},
        disagreements,
    )


def cap_shares(clicks: Sequence[float]) -> list[float]:
    """The weight of each person, <= 1, at which nobody has more than MOST_SHARE of the clicks
    (or than an equal share, in a team too small for that)."""
    if not clicks:
        return []
    most = max(MOST_SHARE, 1 / len(clicks))
    limit = max(clicks)
    for _ in range(200):  # shrinks towards the largest limit that keeps everybody's share
        limit = min(limit, most * sum(min(n, limit) for n in clicks))
    return [min(1.0, limit / n) for n in clicks]


def find_disagreements(people: Sequence[PersonSays]) -> tuple[Disagreement, ...]:
    """Traits that somebody clearly wants more of and somebody else clearly less."""
    found = []
    for at, name in enumerate(STYLE_MEASURES):
        sure = {
            each.person_id: normal_cdf(each.mean[at] / np.sqrt(each.covariance[at, at]))
            for each in people
        }
        wanted = tuple(person for person, p in sure.items() if p > CLEAR)
        unwanted = tuple(person for person, p in sure.items() if p < 1 - CLEAR)
        if wanted and unwanted:
            found.append(Disagreement(name, LABELS[name], wanted, unwanted))
    return tuple(found)
