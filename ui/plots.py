"""Curves as points of small SVG pictures, with the numbers beside them for a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WIDTH, HEIGHT, MARGIN = 100, 30, 2  # of the picture's box; it is stretched to its place


def show_curve(
    name: str, xs: Sequence[float], ys: Sequence[float], *, x_name: str, means: str = ""
) -> dict[str, Any]:
    """A curve through (xs, ys), which are in the order of time.

    Returns:
        the widget's `curve`: points of a polyline (y grows downwards), the numbers as texts, and
        the smallest, largest and last value.
    """
    low, high = min(ys), max(ys)
    return {
        "name": name,
        "means": means,
        "x_name": x_name,
        "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in _place(ys, low, high)),
        "rows": [[f"{x:g}", f"{y:.3g}"] for x, y in zip(xs, ys, strict=True)],
        "low": f"{low:.3g}",
        "high": f"{high:.3g}",
        "last": f"{ys[-1]:.3g}",
    }


def _place(ys: Sequence[float], low: float, high: float) -> list[tuple[float, float]]:
    span, steps = (high - low) or 1.0, max(1, len(ys) - 1)
    room = HEIGHT - 2 * MARGIN
    return [
        (WIDTH * index / steps, HEIGHT - MARGIN - room * (y - low) / span)
        for index, y in enumerate(ys)
    ]
