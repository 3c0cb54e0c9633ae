"""What is believed of a person before any reaction: N(mean, covariance) over the weights.

The shipped prior says nothing about which tastes are likelier than their opposites, only how strong
tastes tend to be and which come together (`features.FAMILIES`). Its scales were set on simulated
people (docs/log.md). Where several people use one installation, a person starts from what the
*others* turned out to like: a person's own reactions never shape their own prior.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from chatfeedback.taste.basis import Basis
from chatfeedback.taste.features import FAMILIES, PROMPT_MEASURES, STYLE_MEASURES
from chatfeedback.taste.likelihoods import NUISANCES, STARS, Matrix, Vector

FORMAT = 1
Normal = tuple[Vector, Matrix]
"""Mean and covariance."""

MIN_CLICKS = 10
"""Below this a person's taste is mostly prior, and says little to others."""

PSEUDO_PEOPLE = 4.0
"""The shipped prior counts as much as this many people of the installation."""


@dataclass(frozen=True)
class PriorScale:
    """Prior variance of a weight, per block of phi (which is in within-prompt sds).

    The liking of a style depends first on whether much is asked for at all, less on what exactly.
    `kinship` is the part of the style variance that the families of `features.FAMILIES` share.
    `wrong_cost` is in reward: being wrong is worse than nearly any style.
    """

    style: float = 0.4
    kinship: float = 0.5
    asks_for_much: float = 0.3
    other_kinds: float = 0.07
    hidden: float = 0.035
    generosity: float = 4.0
    wrong: float = 4.0
    wrong_cost: float = 6.0
    all_stars: float = 2.0  # a strict or a generous person shifts all cut-points alike
    each_star: float = 0.5
    stars: tuple[float, ...] = field(default=(-2.0, -0.7, 0.7, 2.0))

    def covariance(self, basis: Basis) -> Matrix:
        """(D + len(NUISANCES),) squared: the entries of phi, then the nuisances."""
        n_style, n_crossed, n_hidden = basis.block_sizes
        n_much = n_crossed // len(PROMPT_MEASURES)  # asks_for_much is the first kind
        nuisances = (self.generosity, self.wrong, *[self.each_star] * (STARS - 1))
        blocks = (self.style, self.asks_for_much, self.other_kinds, self.hidden, *nuisances)
        sizes = (n_style, n_much, n_crossed - n_much, n_hidden, *[1] * len(nuisances))
        covariance = np.diag(np.repeat(blocks, sizes))
        covariance[:n_style, :n_style] += self.style * self.kinship * _kinship()
        covariance[-(STARS - 1) :, -(STARS - 1) :] += self.all_stars
        return covariance

    def mean(self, basis: Basis) -> Vector:
        """(D + len(NUISANCES),): no taste is more likely than its opposite."""
        return np.concatenate([np.zeros(basis.size), [0.0, -self.wrong_cost], self.stars])


@dataclass(frozen=True, eq=False)
class Prior:
    """mean (D + len(NUISANCES),) and covariance of the weights of somebody unknown."""

    mean: Vector
    covariance: Matrix

    @cached_property
    def fingerprint(self) -> str:
        """Names this prior for ever; a stored belief belongs to exactly one."""
        numbers = np.concatenate([self.mean, self.covariance.ravel()])
        return hashlib.sha256(numbers.tobytes()).hexdigest()[:16]

    @cached_property
    def precision(self) -> Matrix:
        """The inverse of the covariance."""
        return np.asarray(np.linalg.inv(self.covariance))

    def to_bytes(self, basis: Basis) -> bytes:
        """With the basis it is for."""
        file = io.BytesIO()
        np.savez(
            file,
            format=FORMAT,
            made_for=basis.fingerprint,
            mean=self.mean,
            covariance=self.covariance,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, blob: bytes, basis: Basis) -> Prior | None:
        """None when made for another basis or by another version: estimate it anew."""
        with np.load(io.BytesIO(blob), allow_pickle=False) as file:
            if int(file["format"]) != FORMAT or str(file["made_for"]) != basis.fingerprint:
                return None
            return cls(file["mean"], file["covariance"])


def shipped_prior(basis: Basis, scale: PriorScale | None = None) -> Prior:
    """The prior of an installation's first person."""
    scale = scale or PriorScale()
    return Prior(scale.mean(basis), scale.covariance(basis))


def prior_from_people(
    shipped: Prior, beliefs: Sequence[Normal], pseudo_people: float = PSEUDO_PEOPLE
) -> Prior:
    """What a new person is believed to be like, from the beliefs about others.

    Args:
        beliefs: mean and covariance of each of the others.

    One step of expectation maximisation for a hierarchical Gaussian (Gelman et al. 2013, §15),
    shrunk towards the shipped prior as if that were `pseudo_people` people:
    mean = (k mean_0 + sum m_u) / (k + n) and
    covariance = (k S_0 + sum [half (S_u + d d^T) and half its diagonal]) / (k + n), d = m_u - mean.
    Halving what lies off the diagonal keeps a few people from looking like a law of taste.
    """
    if not beliefs:
        return shipped
    total = pseudo_people + len(beliefs)
    means = np.array([mean for mean, _ in beliefs])
    mean = (pseudo_people * shipped.mean + means.sum(axis=0)) / total
    covariance = pseudo_people * shipped.covariance
    for its_mean, its_covariance in beliefs:
        scatter = its_covariance + np.outer(its_mean - mean, its_mean - mean)
        covariance = covariance + 0.5 * scatter + 0.5 * np.diag(np.diag(scatter))
    return Prior(mean, covariance / total)


def on_another_prior(mean: Vector, covariance: Matrix, held: Prior, other: Prior) -> Normal:
    """The belief that the same reactions would have led to from another prior.

    So that nobody hears an echo of themselves: what others were believed to be like before they
    said anything may have come from this very person.
    """
    precision = np.linalg.inv(covariance)
    new_precision = precision - held.precision + other.precision
    pull = precision @ mean - held.precision @ held.mean + other.precision @ other.mean
    new_covariance = np.linalg.inv(new_precision)
    return np.asarray(new_covariance @ pull), np.asarray(new_covariance)


def _kinship() -> Matrix:
    """(S, S): correlations of the tastes of a family, 0 on the diagonal."""
    loadings = np.array(
        [[family.get(name, 0.0) for family in FAMILIES.values()] for name in STYLE_MEASURES]
    )
    shared = loadings @ loadings.T
    return np.asarray(shared - np.diag(np.diag(shared)))


assert len(NUISANCES) == 2 + len(PriorScale().stars)
