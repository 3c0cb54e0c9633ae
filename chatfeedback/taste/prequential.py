"""How well the reward model foretells: every choice is predicted before it is learned from.

So all of it is held-out evidence. Kept as sums of fixed size, however many clicks there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

BINS = 5
"""Of the reliability curve: predictions of 50-60 %, ..., 90-100 % for the likelier reply."""

SLOPES: Vector = np.geomspace(0.2, 5.0, 81)
USUAL_SLOPE = 0.8
SLOPE_SD = 0.3
"""What a model's confidence is worth before anything is known, and sd of the log of that. It is
somewhat too sure by nature: no measure sees all of a taste, and what is unseen looks like noise
(simulated people, docs/log.md)."""

CORRECTION_LIMITS = (0.5, 2.0)
MIN_CHOICES = 5


@dataclass(frozen=True, eq=False)
class Scores:
    """Sums over the choices so far.

    log_score: sum of log p, nats; brier: sum of (1 - p)^2; p was given to what was then chosen,
        corrected by the slope known until then.
    hits: choices of the likelier reply.
    bins: (BINS, 3): number, sum of the larger of p and 1 - p, and hits.
    raw, corrected: (len(SLOPES),): log-likelihood of each slope b in P = sigmoid(b logit p), for
        p as the model gave it, and as corrected.
    """

    n: int = 0
    log_score: float = 0.0
    brier: float = 0.0
    hits: float = 0.0
    bins: Vector = field(default_factory=lambda: np.zeros((BINS, 3)))
    raw: Vector = field(default_factory=lambda: np.zeros(len(SLOPES)))
    corrected: Vector = field(default_factory=lambda: np.zeros(len(SLOPES)))

    def note(self, p: float) -> Scores:
        """One choice more; the model had given it probability p."""
        shown = self.correct(p)
        hit = 0.5 if p == 0.5 else float(p > 0.5)
        surer = max(shown, 1 - shown)
        bins = self.bins.copy()
        bins[min(BINS - 1, int((surer - 0.5) * 2 * BINS))] += (1.0, surer, hit)
        return Scores(
            self.n + 1,
            self.log_score + math.log(shown),
            self.brier + (1 - shown) ** 2,
            self.hits + hit,
            bins,
            self.raw + _log_likelihoods(p),
            self.corrected + _log_likelihoods(shown),
        )

    def correct(self, p: float) -> float:
        """p with the confidence that the choices so far have borne out."""
        return float(1 / (1 + math.exp(-self.correction * _logit(p))))

    @property
    def correction(self) -> float:
        """What logits are multiplied with: the mean of the log of the slope, given the choices
        and a prior around USUAL_SLOPE, within CORRECTION_LIMITS."""
        logs = np.log(SLOPES)
        weights = self.raw - 0.5 * ((logs - math.log(USUAL_SLOPE)) / SLOPE_SD) ** 2
        weights = np.exp(weights - weights.max())
        slope = math.exp(float(weights @ logs / weights.sum()))
        return min(max(slope, CORRECTION_LIMITS[0]), CORRECTION_LIMITS[1])

    @property
    def accuracy(self) -> float | None:
        """Share of choices foretold; None while there are too few."""
        return self.hits / self.n if self.n >= MIN_CHOICES else None

    @property
    def mean_log_score(self) -> float | None:
        """Nats a choice; log 1/2 = -0.693 for a model that knows nothing."""
        return self.log_score / self.n if self.n >= MIN_CHOICES else None

    @property
    def mean_brier(self) -> float | None:
        """0.25 for a model that knows nothing, 0 for one that is always sure and right."""
        return self.brier / self.n if self.n >= MIN_CHOICES else None

    @property
    def slope(self) -> float | None:
        """Of the corrected predictions, by maximum likelihood: 1 = as sure as it may be, below 1
        too sure."""
        return float(SLOPES[int(np.argmax(self.corrected))]) if self.n >= MIN_CHOICES else None

    def reliability(self) -> list[tuple[float, float, int]]:
        """(mean prediction, share that came true, number) of each bin with choices in it."""
        return [(p / n, hits / n, int(n)) for n, p, hits in self.bins if n]


def _logit(p: float) -> float:
    p = min(max(p, 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))


def _log_likelihoods(p: float) -> Vector:
    return np.asarray(-np.logaddexp(0.0, -SLOPES * _logit(p)))
