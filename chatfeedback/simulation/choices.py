"""Arithmetic of noisy choices and of judging them, over arrays of utilities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def self_consistency(gaps: Floats, temperature: float) -> float:
    """P(two choices on the same pair agree), mean of p^2 + (1 - p)^2."""
    p = 1 / (1 + np.exp(-np.clip(gaps / temperature, -50, 50)))
    return float((p**2 + (1 - p) ** 2).mean())


def find_temperature(gaps: Floats, consistency: float) -> float:
    """The temperature at which choices between these utility gaps are so self-consistent."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = math.sqrt(low * high)
        if self_consistency(gaps, middle) > consistency:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)


def win_rate(served: Floats, reference: Floats) -> float:
    """P(served > base) + P(equal) / 2, over all pairs of replies to one question."""
    gaps = served[:, :, None] - reference[:, None, :]
    return float((gaps > 1e-9).mean() + 0.5 * (np.abs(gaps) <= 1e-9).mean())


def mean(values: Sequence[float]) -> float:
    """NaN of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")


def bootstrap_interval(
    values: Sequence[float], seed: int, draws: int = 2000
) -> tuple[float, float]:
    """95 % interval of the mean, by resampling the values (people, or questions). Of differences
    between two ways with the same people it is a paired one."""
    rng = np.random.default_rng(seed)
    sampled = rng.choice(np.asarray(values), size=(draws, len(values))).mean(axis=1)
    low, high = np.quantile(sampled, (0.025, 0.975))
    return float(low), float(high)
