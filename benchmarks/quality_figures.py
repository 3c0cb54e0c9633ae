"""What the cells of `bench_quality` say together. A cell is one version of one person, judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chatfeedback.simulation.choices import bootstrap_interval, mean

Cell = dict[str, Any]
Figures = dict[str, float]

SHOWN = ("win", "facts", "how_to", "kl_nats", "utility", "learned")


def summarise(found: Sequence[Cell], few: int, many: int) -> tuple[Figures, Figures]:
    """Ratios (more than 1: ours is better) and figures, means over people.

    Ours is what the app would have learned by itself (auto), after few and after many clicks;
    TRL's is the way and setting that wins most after many.
    """
    whole = [cell for cell in found if cell["scale"] == 1]
    auto = [{**c, "way": f"ours_auto_{c['clicks']}"} for c in whole if is_auto(c)]
    everything = [*whole, *auto]
    figures = {
        f"{way}_{key}": mean(values_of(everything, way, key))
        for way in dict.fromkeys(cell["way"] for cell in everything)
        for key in SHOWN
    }
    best = best_of_trl(whole)
    ratios = {
        f"{key}_{clicks}_over_trl_{many}": figures[f"ours_auto_{clicks}_{key}"]
        / figures[f"{best}_{key}"]
        for clicks in (few, many)
        for key in ("win", "facts", "how_to")
    }
    ours, trl = values_of(auto, f"ours_auto_{few}", "win"), values_of(whole, best, "win")
    low, high = bootstrap_interval([a - b for a, b in zip(ours, trl, strict=True)], 0)
    figures |= {f"win_{few}_less_trl_{many}_low": low, f"win_{few}_less_trl_{many}_high": high}
    run = {cell["way"] for cell in whole}
    for method in [each for each in ("rloo", "ppo") if f"ours_{each}_{many}" in run]:
        for key in ("utility", "facts", "how_to"):
            name = f"{method}_less_dpo_{key}_at_equal_kl"
            gaps = gaps_at_equal_kl(found, method, "dpo", key, many)
            low, high = bootstrap_interval(gaps, 0)
            figures |= {name: mean(gaps), f"{name}_low": low, f"{name}_high": high}
    return ratios, figures


def is_auto(cell: Cell) -> bool:
    """Whether the app would have learned like this by itself: the very same run."""
    return bool(cell["who"] == "ours" and cell["method"] == cell["auto"])


def best_of_trl(found: Sequence[Cell]) -> str:
    """The method and setting that wins most over all people."""
    tried = dict.fromkeys(cell["way"] for cell in found if cell["who"] == "trl")
    return max(tried, key=lambda way: mean(values_of(found, way, "win")))


def values_of(found: Sequence[Cell], way: str, key: str) -> list[float]:
    """One value a person."""
    return [cell[key] for cell in found if cell["way"] == way]


def gaps_at_equal_kl(
    found: Sequence[Cell], method: str, other: str, key: str, clicks: int
) -> list[float]:
    """What one method gives each person more than another, at the smaller KL of both."""
    gaps = []
    for person in dict.fromkeys(cell["person"] for cell in found):
        own = [cell for cell in found if cell["person"] == person]
        one, two = (curve(own, f"ours_{each}_{clicks}", key) for each in (method, other))
        root = min(one[0][-1], two[0][-1])
        gaps.append(float(np.interp(root, *one) - np.interp(root, *two)))
    return gaps


def curve(own: Sequence[Cell], way: str, key: str) -> tuple[list[float], list[float]]:
    """One version at no, half and full strength: (square root of its KL, what it gives). Between
    them nearly a line (Gao et al. 2022, arXiv:2210.10760)."""
    of_base = 0.0 if key == "utility" else 1.0
    measured = [(math.sqrt(max(0.0, c["kl_nats"])), c[key]) for c in own if c["way"] == way]
    points = sorted([(0.0, of_base), *measured])
    return [root for root, _ in points], [value for _, value in points]
