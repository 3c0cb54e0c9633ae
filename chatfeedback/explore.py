"""Which two replies to ask about: the best one, and the rival whose outcome teaches most."""

from __future__ import annotations

import math

import numpy as np

from chatfeedback.reward import Matrix, RewardModel, Vector, sigmoid

_C = math.sqrt(math.pi * math.log(2) / 2)


def information(means: Vector, variances: Vector) -> Vector:
    """Nats that a click between two replies tells about the taste, from the mean and variance of
    their reward difference, elementwise. Nothing (0) for replies that the model cannot tell apart.

    BALD, H[p] - E[H[p given w]], with the closed form of Houlsby et al. 2011 (arXiv:1112.5745):
    the second term is ln 2 * C / sqrt(v + C^2) * exp(-m^2 / (2 (v + C^2))), C^2 = pi ln 2 / 2.
    That is for a probit click; a logistic one is a probit of sqrt(pi / 8) r.
    """
    p = np.clip(sigmoid(means / np.sqrt(1 + math.pi * variances / 8)), 1e-12, 1 - 1e-12)
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    spread = math.pi / 8 * variances + _C**2
    expected = math.log(2) * _C / np.sqrt(spread) * np.exp(-math.pi / 8 * means**2 / (2 * spread))
    return np.asarray(np.maximum(entropy - expected, 0.0))


def pick_two(phis: Matrix, model: RewardModel, rng: np.random.Generator) -> tuple[int, int]:
    """Indices of two of n >= 2 replies to one prompt to show side by side, in random order.

    One is the best so far (any, while nothing is known), the other its most informative rival;
    that is never a near copy, of which a click would say nothing.
    """
    order = rng.permutation(len(phis))  # ties fall to chance, not to the first sampled
    rewards, _ = model.score(phis[order])
    best = order[int(np.argmax(rewards))]
    rivals = order[order != best]
    differences = phis[rivals] - phis[best]
    gains = information(differences @ model.mean[:-1], model.spread(differences) ** 2)
    rival = rivals[int(np.argmax(gains))]
    shown = (int(best), int(rival))
    return shown if rng.random() < 0.5 else (shown[1], shown[0])
