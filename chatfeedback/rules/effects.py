"""What each principle does, for the page that lists them: who keeps it, and what it changed.

Labels that a model gave are counted here and nowhere among what the person said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chatfeedback.learning.calibration import PoolPrompt
from chatfeedback.records import AiLabel
from chatfeedback.rules.principles import Principle, label_by_rule

KeptBy = Literal["rule", "model", "nobody"]
"""nobody: no rule can tell, and the model that is loaded cannot judge itself (the starter)."""


@dataclass(frozen=True)
class Effect:
    """One principle at work.

    broken_share: of the base's usual replies, those that break it; None where no rule can tell, or
        the base is not known yet.
    pairs: usual questions on which a reply that keeps it stands against one that breaks it; the
        next version learns from them.
    labels: replies that the model itself found to break it, and rewrote.
    """

    principle: Principle
    kept_by: KeptBy
    broken_share: float | None
    pairs: int
    labels: int


def find_effects(
    principles: Sequence[Principle],
    pool: Sequence[PoolPrompt],
    labels: Sequence[AiLabel],
    *,
    can_judge: bool,
) -> list[Effect]:
    """What each of these principles does.

    Args:
        pool: the base's usual replies; empty while it is not calibrated.
        can_judge: whether the model may be asked to judge itself.
    """
    given = Counter(label.principle for label in labels)
    return [_find_effect(each, pool, given[each.text], can_judge=can_judge) for each in principles]


def _find_effect(
    principle: Principle, pool: Sequence[PoolPrompt], labels: int, *, can_judge: bool
) -> Effect:
    check = principle.check
    if check is None:
        return Effect(principle, "model" if can_judge else "nobody", None, 0, labels)
    keeps = [check.keeps(reply.text) for each in pool for reply in each.replies]
    found = [label_by_rule(each, np.zeros(len(each.replies)), check) for each in pool]
    return Effect(
        principle,
        "rule",
        1 - sum(keeps) / len(keeps) if keeps else None,
        sum(pair is not None for pair in found),
        labels,
    )
