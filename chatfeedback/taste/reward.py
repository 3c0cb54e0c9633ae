"""The personal reward model: a Gaussian belief about how much a person likes what.

The reward of a reply is linear, r = w.phi, and the belief about w is N(mean, covariance). One click
moves it in one pass, in well under a millisecond; the same clicks always give the same belief.
How a gesture becomes evidence is in likelihoods.py, what is believed before any in prior.py, and
how a taste that changes is followed in drift.py. What it leaves out: it never sees whether a reply
is true. Only the base model's hidden states and its own probability for a reply (`choose`) speak
for that, and the person who calls one wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from chatfeedback.records import TraitBelief
from chatfeedback.taste.basis import Basis
from chatfeedback.taste.features import LABELS, STYLE_MEASURES
from chatfeedback.taste.likelihoods import (
    Evidence,
    Matrix,
    Posterior,
    Vector,
    moments_after,
    normal_cdf,
    sigmoid,
)
from chatfeedback.taste.prior import Prior, shipped_prior

_ONE: Matrix = np.ones((1, 1))

# --- the belief ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class RewardModel:
    """The belief N(mean, covariance) about w, (D + len(NUISANCES),) and squared, float64.
    Immutable: an update answers a new model, so a reader never sees half of one."""

    basis: Basis
    before: Prior
    mean: Vector
    covariance: Matrix

    @classmethod
    def prior(cls, basis: Basis, before: Prior | None = None) -> RewardModel:
        """The belief before any reaction."""
        before = before or shipped_prior(basis)
        return cls(basis, before, before.mean, before.covariance)

    @property
    def weights(self) -> Vector:
        """(D,): the mean without the nuisances."""
        return self.mean[: self.basis.size]

    def learn(self, evidence: Evidence) -> tuple[RewardModel, float]:
        """One pass of assumed-density filtering (Minka 2001): the exact mean and covariance of
        z = rows @ w after the reaction, carried to w by its covariance with z.

        With z ~ N(m, R R^T) before, z = m + R x, and (a, B) the mean and covariance of x after:
        mean += C a and S += C (B - I) C^T, C = S rows^T R^-T. R keeps only the directions in
        which z can vary at all: two replies the model cannot tell apart say nothing.

        Returns the new model and log P(the reaction) under the old one.
        """
        reach = self.covariance @ evidence.rows.T  # (W, k)
        spread = evidence.rows @ reach
        variances, axes = np.linalg.eigh(spread) if len(spread) > 1 else (spread[0], _ONE)
        sds = np.sqrt(np.maximum(variances, 0.0))
        kept = sds > 1e-6
        if not kept.any():
            return self, float(evidence.log_likelihood((evidence.rows @ self.mean)[None])[0])
        axes, sds = axes[:, kept], sds[kept]
        after = moments_after(evidence, evidence.rows @ self.mean, axes * sds)
        carry = reach @ (axes / sds)
        change = carry @ (after.covariance - np.eye(len(sds))) @ carry.T
        model = replace(
            self,
            mean=self.mean + carry @ after.mean,
            covariance=self.covariance + 0.5 * (change + change.T),
        )
        return model, after.log_evidence

    def update(self, evidence: Evidence) -> RewardModel:
        """The belief after one more reaction."""
        return self.learn(evidence)[0]

    def discounted(self, keep: float) -> RewardModel:
        """The belief with a part of all that was learned forgotten: `keep` of its precision stays,
        the rest is the prior's (discounted GLM, Russac et al. 2020, arXiv:2003.01939)."""
        mine, start = np.linalg.inv(self.covariance), self.before.precision
        covariance = np.linalg.inv(keep * mine + (1 - keep) * start)
        covariance = 0.5 * (covariance + covariance.T)
        pull = keep * mine @ self.mean + (1 - keep) * start @ self.before.mean
        return replace(self, mean=covariance @ pull, covariance=covariance)

    def forget(self) -> RewardModel:
        """The belief before any reaction, on the same basis and prior."""
        return RewardModel.prior(self.basis, self.before)

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
        problem = Posterior(evidences, model.mean, model.covariance)
        mode = problem.maximise(model.mean)
        covariance: Matrix = np.linalg.inv(problem.precision(mode)).astype(np.float64)
        return replace(model, mean=mode, covariance=covariance)

    # --- asking it --------------------------------------------------------------------------

    def score(self, phis: Matrix) -> tuple[Vector, Vector]:
        """Mean and standard deviation of the reward of each reply to one prompt, relative to
        their average. phis: (n, D); returns two (n,)."""
        centred = phis - phis.mean(axis=0)
        return centred @ self.weights, self.spread(centred)

    def compare(self, phi_a: Vector, phi_b: Vector) -> tuple[float, float]:
        """Mean and standard deviation of r(a) - r(b)."""
        difference = phi_a - phi_b
        return float(difference @ self.weights), float(self.spread(difference[None])[0])

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
        rewards, gain = gains @ self.weights, gains.mean(axis=0)
        sampling = float(rewards.var(ddof=1)) / len(rewards) if len(rewards) > 1 else 0.0
        sd = math.sqrt(float(self.spread(gain[None])[0]) ** 2 + sampling)
        return normal_cdf(float(rewards.mean()) / sd) if sd > 0 else 0.5

    def beliefs(self) -> list[TraitBelief]:
        """What it believes about each style measure, in the order of STYLE_MEASURES."""
        n = len(STYLE_MEASURES)
        sds = np.sqrt(np.diag(self.covariance)[:n])
        return [
            TraitBelief(name, LABELS[name], float(weight), float(sd), normal_cdf(weight / sd))
            for name, weight, sd in zip(STYLE_MEASURES, self.mean[:n], sds, strict=True)
        ]

    def spread(self, rows: Matrix) -> Vector:
        d = self.basis.size
        variances = ((rows @ self.covariance[:d, :d]) * rows).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(variances, 0.0)))


def moved(before: RewardModel, after: RewardModel, most: int = 3) -> list[TraitBelief]:
    """The style traits whose weight moved most by a reaction, largest first, as believed after.

    Moves of less than a twentieth of a prior standard deviation are not worth showing.
    """
    traits = after.beliefs()
    prior_sds = np.sqrt(np.diag(after.before.covariance)[: len(traits)])
    shifts = np.abs(after.mean - before.mean)[: len(traits)] / prior_sds
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
