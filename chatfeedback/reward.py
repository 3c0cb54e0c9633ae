"""The personal reward model: a Gaussian belief about how much a person likes what.

The reward of a reply is linear, r = w.phi, and the belief about w is N(mean, covariance). One click
moves it in one pass, in well under a millisecond; the same clicks always give the same belief.
What it leaves out: it never sees whether a reply is true. Only the base model's hidden states and
its own probability for a reply (`choose`) speak for that.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatfeedback.basis import Basis
from chatfeedback.features import FAMILIES, LABELS, PROMPT_MEASURES, STYLE_MEASURES
from chatfeedback.records import TraitBelief

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

FORMAT = 1
LAPSE = 0.05
"""How often a click says nothing about taste: a slip, a coin toss."""

_GRID: Vector = np.linspace(-8.0, 8.0, 321)


@dataclass(frozen=True)
class PriorScale:
    """Prior variance of a weight, per block of phi (which is in within-prompt sds).

    The liking of a style depends first on whether much is asked for at all, less on what exactly.
    `kinship` is the part of the style variance that the families of `features.FAMILIES` share.
    """

    style: float = 0.4
    kinship: float = 0.5
    asks_for_much: float = 0.3
    other_kinds: float = 0.07
    hidden: float = 0.035
    intercept: float = 4.0

    def covariance(self, basis: Basis) -> Matrix:
        """(D + 1, D + 1): the entries of phi, then the thumb's intercept."""
        n_style, n_crossed, n_hidden = basis.block_sizes
        n_much = n_crossed // len(PROMPT_MEASURES)  # asks_for_much is the first kind
        blocks = (self.style, self.asks_for_much, self.other_kinds, self.hidden, self.intercept)
        sizes = (n_style, n_much, n_crossed - n_much, n_hidden, 1)
        covariance = np.diag(np.repeat(blocks, sizes))
        covariance[:n_style, :n_style] += self.style * self.kinship * _kinship()
        return covariance


# --- what a reaction says -----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Evidence:
    """One reaction, as a logistic observation of direction.w.

    direction: (D + 1,) float64; the last entry is the thumb's intercept.
    share: 1 = the direction is liked, 0 = disliked, 0.5 = neither.
    weight: how many clicks it counts for.
    """

    direction: Vector
    share: float
    weight: float


def preference(chosen: Vector, rejected: Vector, weight: float = 1.0) -> Evidence:
    """phi (D,) of the better and of the worse reply to one prompt."""
    return Evidence(np.append(chosen - rejected, 0.0), 1.0, weight)


def tie(first: Vector, second: Vector, weight: float = 1.0) -> Evidence:
    """Neither reply is better: half a win each way."""
    return Evidence(np.append(first - second, 0.0), 0.5, weight)


def thumb(centred_phi: Vector, *, up: bool, weight: float = 0.5) -> Evidence:
    """A thumb: P(up) = sigmoid(w.phi + b), phi relative to what is usual for the prompt
    (`Basis.centre`), b the person's own generosity. Counts half: it mixes taste and truth."""
    return Evidence(np.append(centred_phi, 1.0), float(up), weight)


def nudge(basis: Basis, prompt: str, measure: str, *, more: bool, weight: float = 1.0) -> Evidence:
    """A reason ("too long"): a pseudo-click on two standard deviations of one measure, for this
    kind of question."""
    return Evidence(np.append(basis.step(prompt, measure, 2.0), 0.0), float(more), weight)


# --- the belief ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class RewardModel:
    """The belief N(mean, covariance) about w, (D + 1,) and (D + 1, D + 1) float64. Immutable:
    an update answers a new model, so a reader never sees half of one."""

    basis: Basis
    scale: PriorScale
    mean: Vector
    covariance: Matrix

    @classmethod
    def prior(cls, basis: Basis, scale: PriorScale | None = None) -> RewardModel:
        """The belief before any reaction: no taste is more likely than its opposite."""
        scale = scale or PriorScale()
        return cls(basis, scale, np.zeros(basis.size + 1), scale.covariance(basis))

    def update(self, evidence: Evidence) -> RewardModel:
        """One pass of assumed-density filtering (Minka 2001): the exact mean and variance of
        r = direction.w after the reaction, carried to w by its covariance with r.

        With r ~ N(m, v) before and (m', v') after, and c = S direction:
        mean += c (m' - m) / v;  S += c c^T (v' - v) / v^2.
        """
        towards = self.covariance @ evidence.direction
        mean, variance = float(evidence.direction @ self.mean), float(evidence.direction @ towards)
        if variance < 1e-12:  # two replies the model cannot tell apart say nothing
            return self
        new_mean, new_variance = _moments_after(evidence, mean, variance)
        shrink = (new_variance - variance) / variance**2
        covariance: Matrix = self.covariance + shrink * np.outer(towards, towards)
        return replace(
            self,
            mean=self.mean + towards * ((new_mean - mean) / variance),
            covariance=covariance,
        )

    def forget(self) -> RewardModel:
        """The belief before any reaction, on the same basis and prior."""
        return RewardModel.prior(self.basis, self.scale)

    def rebuild(self, evidences: Iterable[Evidence]) -> RewardModel:
        """The belief after exactly these reactions: the same as giving them one by one."""
        model = self.forget()
        for evidence in evidences:
            model = model.update(evidence)
        return model

    def refit(self, evidences: Sequence[Evidence]) -> RewardModel:
        """The mode of the posterior and its Laplace covariance, by damped Newton steps.

        Unlike the one-pass belief it does not depend on the order of the reactions.
        """
        model = self.forget()
        if not evidences:
            return model
        problem = _Posterior(evidences, model.covariance)
        mode = problem.maximise(model.mean)
        covariance: Matrix = np.linalg.inv(problem.precision(mode)).astype(np.float64)
        return replace(model, mean=mode, covariance=covariance)

    # --- asking it --------------------------------------------------------------------------

    def score(self, phis: Matrix) -> tuple[Vector, Vector]:
        """Mean and standard deviation of the reward of each reply to one prompt, relative to
        their average. phis: (n, D); returns two (n,)."""
        centred = phis - phis.mean(axis=0)
        return centred @ self.mean[:-1], self.spread(centred)

    def compare(self, phi_a: Vector, phi_b: Vector) -> tuple[float, float]:
        """Mean and standard deviation of r(a) - r(b)."""
        difference = phi_a - phi_b
        return float(difference @ self.mean[:-1]), float(self.spread(difference[None])[0])

    def predict(self, phi_a: Vector, phi_b: Vector) -> float:
        """P(the person picks a over b), with MacKay's (1992) correction for not knowing w."""
        mean, sd = self.compare(phi_a, phi_b)
        return float(sigmoid(mean / math.sqrt(1 + math.pi * sd**2 / 8)))

    def probability_better(self, candidate: Sequence[Matrix], reference: Sequence[Matrix]) -> float:
        """P(the candidate's replies are worth more on average over prompts than the reference's).

        Args:
            candidate, reference: per prompt, (n, D) phis of samples; the same prompts in order.

        The belief about w is Gaussian, so the mean difference has variance d^T S d; to it comes
        the sampling error of the mean over prompts.
        """
        pairs = zip(candidate, reference, strict=True)
        gains = np.array([a.mean(axis=0) - b.mean(axis=0) for a, b in pairs])  # (P, D)
        rewards, gain = gains @ self.mean[:-1], gains.mean(axis=0)
        sampling = float(rewards.var(ddof=1)) / len(rewards) if len(rewards) > 1 else 0.0
        sd = math.sqrt(float(self.spread(gain[None])[0]) ** 2 + sampling)
        return _normal_cdf(float(rewards.mean()) / sd) if sd > 0 else 0.5

    def beliefs(self) -> list[TraitBelief]:
        """What it believes about each style measure, in the order of STYLE_MEASURES."""
        n = len(STYLE_MEASURES)
        sds = np.sqrt(np.diag(self.covariance)[:n])
        return [
            TraitBelief(name, LABELS[name], float(weight), float(sd), _normal_cdf(weight / sd))
            for name, weight, sd in zip(STYLE_MEASURES, self.mean[:n], sds, strict=True)
        ]

    def spread(self, rows: Matrix) -> Vector:
        variances = np.einsum("nd,de,ne->n", rows, self.covariance[:-1, :-1], rows, optimize=True)
        return np.asarray(np.sqrt(np.maximum(variances, 0.0)))

    # --- keeping it -------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Everything but the basis, which is stored once for all people."""
        file = io.BytesIO()
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "made_for": f"{self.basis.fingerprint} {self.scale}",
            "mean": self.mean,
            "covariance": self.covariance,
        }
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(
        cls, blob: bytes, basis: Basis, scale: PriorScale | None = None
    ) -> RewardModel | None:
        """None when made for another basis, prior or format: rebuild it from the events."""
        scale = scale or PriorScale()
        with np.load(io.BytesIO(blob), allow_pickle=False) as file:
            if int(file["format"]) != FORMAT:
                return None
            if str(file["made_for"]) != f"{basis.fingerprint} {scale}":
                return None
            return cls(basis, scale, file["mean"], file["covariance"])


def moved(before: RewardModel, after: RewardModel, most: int = 3) -> list[TraitBelief]:
    """The style traits whose weight moved most by a reaction, largest first, as believed after.

    Moves of less than a twentieth of a prior standard deviation are not worth showing.
    """
    traits = after.beliefs()
    shifts = np.abs(after.mean - before.mean)[: len(traits)] / math.sqrt(after.scale.style)
    order = np.argsort(-shifts, kind="stable")[:most]
    return [traits[i] for i in order if shifts[i] > 0.05]


# --- choosing among samples ---------------------------------------------------------------

PLAUSIBILITY = 5.0
"""Reward per nat of mean base log-probability per token. What the base finds unlikely is more
often wrong, and a person who likes short answers never wants a short wrong one."""


def choose(
    rewards: Vector, base_logprob_means: Vector, usable: Sequence[bool], *, c: float = PLAUSIBILITY
) -> int:
    """Which of n replies to one prompt to serve: the largest reward + c * plausibility.

    Args:
        rewards: (n,) mean rewards (`RewardModel.score`).
        base_logprob_means: (n,) mean log-probability per token under the base, nats.
        usable: (n,) True for a reply that the model ended itself and that is not blank.

    Returns the first reply when none is usable.
    """
    values = np.where(usable, rewards + c * base_logprob_means, -np.inf)
    return int(np.argmax(values)) if np.isfinite(values).any() else 0


@dataclass(frozen=True)
class LabelledPair:
    """Indices of a clearly better and a clearly worse sample of one prompt."""

    prompt: int
    best: int
    worst: int
    certainty: float  # E[gap] / sd, in standard deviations


def confident_pairs(
    model: RewardModel,
    phis: Sequence[Matrix],
    base_logprob_means: Sequence[Vector],
    usable: Sequence[Sequence[bool]],
    *,
    c: float = PLAUSIBILITY,
    certainty: float = 1.64,
) -> list[LabelledPair]:
    """Per prompt the best and the worst of its samples, where the model is sure of the order.

    The value is reward + c * plausibility; only the reward is uncertain. An unusable sample is
    never the best one.
    """
    pairs = []
    for prompt, (rows, logprobs, may_win) in enumerate(
        zip(phis, base_logprob_means, usable, strict=True)
    ):
        if not any(may_win):
            continue
        values = model.score(rows)[0] + c * (logprobs - logprobs.mean())
        best = int(np.argmax(np.where(may_win, values, -np.inf)))
        worst = int(np.argmin(values))
        sd = model.compare(rows[best], rows[worst])[1]
        gap = float(values[best] - values[worst])
        if sd > 0 and gap / sd > certainty:
            pairs.append(LabelledPair(prompt, best, worst, gap / sd))
    return pairs


# --- arithmetic ---------------------------------------------------------------------------


def _kinship() -> Matrix:
    """(S, S): correlations of the tastes of a family, 0 on the diagonal."""
    loadings = np.array(
        [[family.get(name, 0.0) for family in FAMILIES.values()] for name in STYLE_MEASURES]
    )
    shared = loadings @ loadings.T
    return np.asarray(shared - np.diag(np.diag(shared)))


def sigmoid(r: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * r))


def _normal_cdf(x: float) -> float:
    return 0.5 * (1.0 + math.erf(float(x) / math.sqrt(2.0)))


def _log_likelihood(r: Vector, share: Any, weight: Any) -> Vector:
    """weight (share log P(r) + (1 - share) log P(-r)); P(r) = (1 - 2 lapse) sigmoid(r) + lapse."""
    p = (1 - 2 * LAPSE) * sigmoid(r) + LAPSE
    return np.asarray(weight * (share * np.log(p) + (1 - share) * np.log1p(-p)))


def _moments_after(evidence: Evidence, mean: float, variance: float) -> tuple[float, float]:
    """Mean and variance of r ~ N(mean, variance) after the reaction, by a sum over a grid."""
    r = mean + math.sqrt(variance) * _GRID
    log_density = _log_likelihood(r, evidence.share, evidence.weight) - 0.5 * _GRID**2
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    new_mean = float(density @ r)
    return new_mean, float(density @ (r - new_mean) ** 2)


class _Posterior:
    """log p(w | reactions) up to a constant, with its gradient and a safe Newton matrix."""

    def __init__(self, evidences: Sequence[Evidence], prior_covariance: Matrix) -> None:
        self.x = np.array([e.direction for e in evidences])  # (N, D + 1)
        self.share = np.array([e.share for e in evidences])
        self.weight = np.array([e.weight for e in evidences])
        self.prior_precision = np.linalg.inv(prior_covariance)

    def value(self, w: Vector) -> float:
        likelihood = _log_likelihood(self.x @ w, self.share, self.weight).sum()
        return float(likelihood - 0.5 * w @ self.prior_precision @ w)

    def gradient(self, w: Vector) -> Vector:
        s = sigmoid(self.x @ w)
        p = (1 - 2 * LAPSE) * s + LAPSE
        slope = (1 - 2 * LAPSE) * s * (1 - s)
        pull = self.weight * slope * (self.share / p - (1 - self.share) / (1 - p))
        return np.asarray(self.x.T @ pull - self.prior_precision @ w)

    def precision(self, w: Vector) -> Matrix:
        """Prior precision + expected (Fisher) information: positive definite everywhere."""
        s = sigmoid(self.x @ w)
        p = (1 - 2 * LAPSE) * s + LAPSE
        information = self.weight * ((1 - 2 * LAPSE) * s * (1 - s)) ** 2 / (p * (1 - p))
        return np.asarray(self.prior_precision + (self.x.T * information) @ self.x)

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
