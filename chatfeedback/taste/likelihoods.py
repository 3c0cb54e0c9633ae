"""What every gesture says: one likelihood for pairs, picks, rankings, thumbs, ratings and reasons.

All of them speak of the same weights w, through a few linear measurements z = rows @ w, and take
one of three forms:

    logistic   P = sigmoid(z)                      a pair, a tie, a thumb, a rewrite, a reason
    softmax    P = 1 / (1 + sum_j exp(z_j))        the best of K (z_j = reward of j - of the winner)
    interval   P = sigmoid(z_1) - sigmoid(z_2)     a rating between two of the person's cut-points

each with a lapse: now and then a click says nothing at all. A ranking is the pick of the best, then
of the best of the rest, and so on (Plackett-Luce). Behind phi, w has entries that are no taste
(`NUISANCES`): what they explain, taste need not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

LAPSE = 0.05
"""How often a click between two says nothing about taste: a slip, a coin toss."""

STARS = 5
NUISANCES: tuple[str, ...] = ("generosity", "wrong", *(f"stars_{k}" for k in range(1, STARS)))
"""Entries of w behind phi: how easily the person gives a thumb up, what being wrong costs a reply
(so that a short wrong answer's defeat is not put down to its shortness), and from which reward on
they give more than k stars."""

REASON_SDS = 2.0
"""A reason ("too long") counts as a click between replies this far apart in the measure."""

THUMB_WEIGHT = 0.5
RATING_WEIGHT = 0.5
TRAIT_WEIGHT = 6.0
"""What the person says of their own taste on the taste page, in clicks."""

MOST_RIVALS = 8
"""Of one pick: every further one makes its moments three times as dear, in time and memory."""

Form = Literal["logistic", "softmax", "interval"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """One reaction, as a likelihood of rows @ w.

    rows: (k, D + len(NUISANCES)) float64.
    share: logistic only: 1 = liked, 0 = disliked, 0.5 = neither.
    weight: how many clicks it counts for.
    is_choice: a choice between replies: what the model foretold of it is scored (prequential.py).
    """

    rows: Matrix
    form: Form = "logistic"
    share: float = 1.0
    weight: float = 1.0
    is_choice: bool = False

    def log_likelihood(self, z: Matrix) -> Vector:
        """(n,): log P of the reaction at each of n measurements z (n, k); not yet weighted."""
        return log_likelihood(self.form, z.T, self.share)


# --- from gestures to evidence --------------------------------------------------------------


def preference(
    chosen: Vector,
    rejected: Vector,
    weight: float = 1.0,
    *,
    wrong: Sequence[bool] = (False, False),
    is_choice: bool = True,
) -> Evidence:
    """phi (D,) of the better and of the worse reply to one prompt; `wrong`: which of them the
    person called wrong.

    is_choice: False for a rewrite. Only what misses a taste is rewritten, and the reply was served
    because the model liked it: scored as a choice, every rewrite would be one foretold wrongly.
    """
    row = _row(chosen, wrong=wrong[0]) - _row(rejected, wrong=wrong[1])
    return Evidence(row[None], weight=weight, is_choice=is_choice)


def tie(
    first: Vector, second: Vector, weight: float = 1.0, *, wrong: Sequence[bool] = (False, False)
) -> Evidence:
    """Neither reply is better: half a win each way.

    That is the shape of Davidson's (1970) tie, -log(2 cosh(r / 2) + nu) in r, with nu -> 0.
    """
    row = _row(first, wrong=wrong[0]) - _row(second, wrong=wrong[1])
    return Evidence(row[None], share=0.5, weight=weight)


def picks(phis: Matrix, n_ranked: int, wrong: Sequence[bool] | None = None) -> list[Evidence]:
    """A ranking (Plackett 1975, Luce 1959): the best of all, then the best of the others, ...
    In a long one each is compared with the MOST_RIVALS that come next; they speak for the rest.

    Args:
        phis: (K, D), best first; K >= 2.
        n_ranked: how many of the first are in order; the others only come after them. 1 is
            "the best of K".
    """
    marks = wrong or [False] * len(phis)
    rows = np.stack([_row(phi, wrong=mark) for phi, mark in zip(phis, marks, strict=True)])
    found = []
    for place in range(min(n_ranked, len(rows) - 1)):
        rivals = rows[place + 1 : place + 1 + MOST_RIVALS]
        if len(rivals) == 1:
            found.append(Evidence(rows[place] - rivals, is_choice=True))
        else:
            found.append(Evidence(rivals - rows[place], "softmax", is_choice=True))
    return found


def thumb(
    centred_phi: Vector, *, up: bool, weight: float = THUMB_WEIGHT, wrong: bool = False
) -> Evidence:
    """A thumb: P(up) = sigmoid(w.phi + b), phi relative to what is usual for the prompt
    (`Basis.centre`), b the person's own generosity. Counts half: it mixes taste and truth."""
    row = _row(centred_phi, wrong=wrong, generosity=1.0)
    return Evidence(row[None], share=float(up), weight=weight)


def rating(
    centred_phi: Vector, stars: int, weight: float = RATING_WEIGHT, *, wrong: bool = False
) -> Evidence:
    """Stars from 1 to 5: P(at most k stars) = sigmoid(c_k - w.phi), with cut-points c_k of the
    person's own (cumulative logit, McCullagh 1980); phi as for a thumb."""
    reward = _row(centred_phi, wrong=wrong)
    if stars == STARS:
        return Evidence((reward - _cut(reward, STARS - 1))[None], weight=weight)
    above = _cut(reward, stars) - reward
    if stars == 1:
        return Evidence(above[None], weight=weight)
    rows = np.stack([above, _cut(reward, stars - 1) - reward])
    return Evidence(rows, "interval", weight=weight)


def towards(step: Vector, *, more: bool, weight: float = 1.0) -> Evidence:
    """A word on one measure ("too long", a trait confirmed): a click between two replies that
    differ by this step (`Basis.step`, (D,)) and in nothing else."""
    return Evidence(_row(step)[None], share=float(more), weight=weight)


def _row(phi: Vector, *, wrong: bool = False, generosity: float = 0.0) -> Vector:
    return np.concatenate([phi, [generosity, float(wrong)], np.zeros(STARS - 1)])


def _cut(like: Vector, number: int) -> Vector:
    """The row that measures one cut-point."""
    row = np.zeros_like(like)
    row[len(row) - STARS + number] = 1.0
    return row


# --- from evidence to belief ----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Moments:
    """What a reaction does to a Gaussian belief about z: its mean (k,) and covariance (k, k)
    afterwards in units of the belief before (mean 0, identity), and log P of the reaction."""

    mean: Vector
    covariance: Matrix
    log_evidence: float


def moments_after(evidence: Evidence, mean: Vector, root: Matrix) -> Moments:
    """Exact moments by a sum over a grid: z = mean + root @ x, x ~ N(0, identity).

    Args:
        mean: (k,); root: (k, m), any square root of the covariance of z.
    """
    points, log_density = _grid(root.shape[1])  # (n, m), (n,)
    log_p = evidence.log_likelihood(mean + points @ root.T)
    log_after = log_density + evidence.weight * log_p
    after = np.exp(log_after - log_after.max())
    after /= after.sum()
    new_mean = after @ points
    spread = points - new_mean
    before = np.exp(log_density)
    return Moments(
        new_mean,
        spread.T @ (after[:, None] * spread),
        float(np.log(before @ np.exp(log_p) / before.sum())),
    )


@lru_cache(maxsize=8)
def _grid(dimensions: int) -> tuple[Matrix, Vector]:
    """Points of R^m and their log density under the standard normal, up to a constant.

    Evenly spaced while few dimensions allow a fine grid (sums of smooth functions then converge
    very fast), Gauss-Hermite nodes beyond.
    """
    if dimensions <= 3:
        reach, n = {1: (8.0, 321), 2: (6.0, 61), 3: (4.5, 17)}[dimensions]
        axis = np.linspace(-reach, reach, n)
        log_weights = -0.5 * axis**2
    else:
        axis, weights = np.polynomial.hermite_e.hermegauss(max(3, int(5000 ** (1 / dimensions))))
        log_weights = np.log(weights)
    points = np.stack(np.meshgrid(*[axis] * dimensions, indexing="ij"), axis=-1)
    logs = np.stack(np.meshgrid(*[log_weights] * dimensions, indexing="ij"), axis=-1)
    return points.reshape(-1, dimensions), logs.sum(axis=-1).ravel()


# --- many at once: the mode of the posterior --------------------------------------------------


class Posterior:
    """log p(w | reactions) up to a constant, with its gradient and a safe Newton matrix.

    Reactions of one form and size are stacked, so that 10 000 of them cost a few products of
    matrices.
    """

    def __init__(
        self, evidences: Sequence[Evidence], prior_mean: Vector, prior_covariance: Matrix
    ) -> None:
        groups: dict[tuple[Form, int], list[Evidence]] = {}
        for evidence in evidences:
            groups.setdefault((evidence.form, len(evidence.rows)), []).append(evidence)
        self.groups = [_Group.of(alike) for alike in groups.values()]
        self.prior_mean = prior_mean
        self.prior_precision = np.linalg.inv(prior_covariance)

    def value(self, w: Vector) -> float:
        apart = w - self.prior_mean
        likelihood = sum(group.value(w) for group in self.groups)
        return float(likelihood - 0.5 * apart @ self.prior_precision @ apart)

    def gradient(self, w: Vector) -> Vector:
        gradient = -self.prior_precision @ (w - self.prior_mean)
        for group in self.groups:
            gradient = gradient + group.gradient(w)
        return np.asarray(gradient)

    def precision(self, w: Vector) -> Matrix:
        """Prior precision + information of the reactions: positive definite everywhere."""
        return np.asarray(self.prior_precision + sum(group.information(w) for group in self.groups))

    def maximise(self, w: Vector) -> Vector:
        """Newton steps, each halved until it climbs (undamped ones overshoot)."""
        value = self.value(w)
        for _ in range(100):
            gradient = self.gradient(w)
            step = np.linalg.solve(self.precision(w), gradient)
            promise, size = float(gradient @ step), 1.0
            if promise < 1e-10:
                break
            while self.value(w + size * step) < value + 1e-4 * size * promise and size > 1e-6:
                size *= 0.5
            w = w + size * step
            value = self.value(w)
        return w


@dataclass(frozen=True, eq=False)
class _Group:
    """Reactions of one form, with k measurements each: rows (k, N, W), share and weight (N,)."""

    form: Form
    rows: Matrix
    share: Vector
    weight: Vector

    @classmethod
    def of(cls, alike: Sequence[Evidence]) -> _Group:
        return cls(
            alike[0].form,
            np.stack([evidence.rows for evidence in alike], axis=1),
            np.array([evidence.share for evidence in alike]),
            np.array([evidence.weight for evidence in alike]),
        )

    def measure(self, w: Vector) -> Matrix:
        """(k, N)"""
        return np.asarray(self.rows @ w)

    def value(self, w: Vector) -> float:
        return float(self.weight @ log_likelihood(self.form, self.measure(w), self.share))

    def gradient(self, w: Vector) -> Vector:
        pull = self.weight * self.slopes(self.measure(w))  # (k, N)
        return np.asarray(np.einsum("kn,knw->w", pull, self.rows, optimize=True))

    def slopes(self, z: Matrix) -> Matrix:
        """(k, N): d log P / d z."""
        if self.form == "logistic":
            s = sigmoid(z)
            p = (1 - 2 * LAPSE) * s + LAPSE
            slope = (1 - 2 * LAPSE) * s * (1 - s)
            return np.asarray(slope * (self.share / p - (1 - self.share) / (1 - p)))
        if self.form == "softmax":
            odds = np.exp(np.minimum(z, 500.0))
            win = 1.0 / (1.0 + odds.sum(axis=0))
            p = (1 - 2 * LAPSE) * win + 2 * LAPSE / (len(z) + 1)
            return np.asarray(-(1 - 2 * LAPSE) * win**2 * odds / p)
        upper, lower = sigmoid(z[0]), sigmoid(z[1])
        inside = upper > lower
        p = (1 - 2 * LAPSE) * np.maximum(upper - lower, 0.0) + 2 * LAPSE / STARS
        ends = np.stack([upper * (1 - upper), -lower * (1 - lower)])
        return np.asarray((1 - 2 * LAPSE) * inside * ends / p)

    def information(self, w: Vector) -> Matrix:
        """(W, W): expected (Fisher) information, positive semi-definite; for an interval the
        curvature without the lapse, which log-concavity keeps positive too."""
        z = self.measure(w)
        curvature = self.curvature(z) * self.weight  # (k, k, N)
        total = np.zeros((self.rows.shape[2],) * 2)
        for i, j in np.ndindex(*curvature.shape[:2]):
            total += (self.rows[i].T * curvature[i, j]) @ self.rows[j]
        return total

    def curvature(self, z: Matrix) -> Matrix:
        """(k, k, N)"""
        if self.form == "logistic":
            s = sigmoid(z)
            p = (1 - 2 * LAPSE) * s + LAPSE
            return np.asarray(((1 - 2 * LAPSE) * s * (1 - s)) ** 2 / (p * (1 - p)))[None]
        if self.form == "softmax":
            odds = np.exp(np.minimum(z, 500.0))
            p = odds / (1.0 + odds.sum(axis=0))
            diagonal = np.eye(len(z))[:, :, None] * p
            return np.asarray((1 - 2 * LAPSE) ** 2 * (diagonal - p[:, None] * p[None]))
        upper, lower = sigmoid(z[0]), sigmoid(z[1])
        gap = np.maximum(z[0] - z[1], 1e-3)
        pull = 1.0 / (4.0 * np.sinh(np.minimum(gap, 500.0) / 2) ** 2)
        return np.array([[upper * (1 - upper) + pull, -pull], [-pull, lower * (1 - lower) + pull]])


# --- arithmetic -------------------------------------------------------------------------------


def log_likelihood(form: Form, z: Matrix, share: Any) -> Vector:
    """(n,): log P of n reactions at their measurements z (k, n); share: a number, or (n,)."""
    if form == "logistic":
        p = (1 - 2 * LAPSE) * sigmoid(z[0]) + LAPSE
        return np.asarray(share * np.log(p) + (1 - share) * np.log1p(-p))
    if form == "softmax":
        best = 1.0 / (1.0 + np.exp(np.minimum(z, 500.0)).sum(axis=0))
        return np.asarray(np.log((1 - 2 * LAPSE) * best + 2 * LAPSE / (len(z) + 1)))
    between = np.maximum(sigmoid(z[0]) - sigmoid(z[1]), 0.0)
    return np.asarray(np.log((1 - 2 * LAPSE) * between + 2 * LAPSE / STARS))


def sigmoid(r: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * r))


def normal_cdf(x: float) -> float:
    return 0.5 * (1.0 + math.erf(float(x) / math.sqrt(2.0)))
