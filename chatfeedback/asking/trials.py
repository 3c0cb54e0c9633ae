"""Blind trials: the base's reply against the one that would serve, side by side, unnamed.

They are the only figure on which the reward model has no influence at all, so nothing is ever
learned from them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chatfeedback.records import BLIND_TRIAL, Comparison, StoredFeedback
from chatfeedback.taste.preferences import PLACES


@dataclass(frozen=True)
class BlindTrials:
    """What the person chose when they could not know which reply was the personal one."""

    wins: int = 0
    losses: int = 0
    ties: int = 0

    @property
    def count(self) -> int:
        """Trials that were answered."""
        return self.wins + self.losses + self.ties

    @property
    def win_rate(self) -> float:
        """Share of trials that the personal reply won, a tie counting half; 0.5 before any."""
        return (self.wins + self.ties / 2) / self.count if self.count else 0.5

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the win rate: quantiles of Beta(1 + wins, 1 + losses), in which a tie is
        half a win and half a loss (both rounded down)."""
        return beta_quantile(*self._shape, 0.025), beta_quantile(*self._shape, 0.975)

    @property
    def probability_better(self) -> float:
        """P(the personal replies win more often than they lose)."""
        return 1 - beta_cdf(*self._shape, 0.5)

    @property
    def _shape(self) -> tuple[int, int]:
        return 1 + self.wins + self.ties // 2, 1 + self.losses + self.ties // 2


NO_TRIALS = BlindTrials()


def read_trials(comparisons: Sequence[Comparison], events: Sequence[StoredFeedback]) -> BlindTrials:
    """Count the answered blind trials; answers that were undone or forgotten count no more, a
    changed one counts once."""
    trials = {each.comparison_id: each for each in comparisons if each.why == BLIND_TRIAL}
    chosen = chosen_replies(since_forgetting(events))
    wins = losses = ties = 0
    for comparison_id, trial in trials.items():
        if comparison_id not in chosen:
            continue
        place = chosen[comparison_id]
        if place is None:
            ties += 1
        elif trial.reply_ids[place] == min(trial.reply_ids):
            losses += 1
        else:
            wins += 1
    return BlindTrials(wins, losses, ties)


def chosen_replies(events: Sequence[StoredFeedback]) -> dict[int, int | None]:
    """comparison id -> place of the reply picked (0 = shown first), None for a tie or both bad;
    the last word on each comparison."""
    picks = [each.event for each in standing(events) if each.event.kind == "pick"]
    return {
        event.comparison_id: PLACES.index(event.outcome) if event.outcome in PLACES else None
        for event in picks
        if event.comparison_id is not None
    }


def standing(events: Sequence[StoredFeedback]) -> list[StoredFeedback]:
    """The events that were not taken back."""
    undone = {each.event.undoes for each in events if each.event.kind == "undo"}
    return [each for each in events if not each.undone and each.feedback_id not in undone]


def since_forgetting(events: Sequence[StoredFeedback]) -> list[StoredFeedback]:
    """Those of them that the last "forget me" does not end."""
    counts = standing(events)
    forgets = [at for at, each in enumerate(counts) if each.event.kind == "forget"]
    return counts[forgets[-1] + 1 :] if forgets else counts


# --- the Beta distribution ----------------------------------------------------------------


def beta_cdf(a: int, b: int, x: float) -> float:
    """P(p <= x) for p ~ Beta(a, b) with whole a, b >= 1: the chance of a or more successes in
    a + b - 1 trials of probability x, 0 < x < 1."""
    n, log_x, log_rest = a + b - 1, math.log(x), math.log1p(-x)
    ways = math.lgamma(n + 1)  # in logs: of a thousand trials they are more than a float can hold
    return math.fsum(
        math.exp(
            ways - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_x + (n - k) * log_rest
        )
        for k in range(a, n + 1)
    )


def beta_quantile(a: int, b: int, share: float) -> float:
    """The p below which `share` of Beta(a, b) lies."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if beta_cdf(a, b, middle) < share else (low, middle)
    return (low + high) / 2
