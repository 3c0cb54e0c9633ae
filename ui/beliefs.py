"""Beliefs about traits as bars: how strong, how certain, and in which direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatfeedback.records import TraitBelief
from ui import text

STRONGEST_TRAITS = 10


def show_beliefs(
    beliefs: Sequence[TraitBelief], limit: int = STRONGEST_TRAITS
) -> list[dict[str, Any]]:
    """Bars to the right of the middle for liking more of a trait, to the left for less.

    `at`, `low` and `high` are shares of half the picture's width, -1 to 1; the whisker is one
    standard deviation to either side.
    """
    strongest = sorted(beliefs, key=lambda belief: -abs(belief.probability - 0.5))
    strongest = [belief for belief in strongest if belief.sd > 0][:limit]
    reach = max((abs(each.weight) + each.sd for each in strongest), default=1.0) or 1.0
    return [
        {
            "name": belief.name,
            "more": belief.label,
            "less": text.name_less(belief),
            "at": round(belief.weight / reach, 3),
            "low": round((belief.weight - belief.sd) / reach, 3),
            "high": round((belief.weight + belief.sd) / reach, 3),
            "sure": text.say_sureness(belief),
            "likes_more": belief.probability >= 0.5,
            "liking": text.name_liking(belief),
            "sentence": text.say_belief(belief),
        }
        for belief in strongest
    ]
