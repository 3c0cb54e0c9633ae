"""Means over people with their intervals, and curves of them as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatfeedback.simulation.choices import bootstrap_interval, mean

_COLOURS = ("#3b6fb6", "#c8553d", "#4f9d69", "#8a5fa8", "#c99a2e", "#333333")
_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 400, 60, 20


@dataclass(frozen=True)
class Figure:
    """A mean over people, with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def figure(values: Sequence[float], seed: int = 0) -> Figure:
    """The mean, and what it could have been with other people like these."""
    if not values:
        return Figure(math.nan, math.nan, math.nan)
    return Figure(mean(values), *bootstrap_interval(values, seed))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def draw_curves(lines: Mapping[str, Mapping[int, Figure]], caption: str) -> str:
    """Win against clicks as SVG: a line for each name, bars for the 95 % interval."""
    right, bottom = _WIDTH - 130, _HEIGHT - 50
    clicks = sorted({n for line in lines.values() for n in line})

    def across(n: float) -> float:
        return _LEFT + (right - _LEFT) * math.log1p(n) / math.log1p(max(1, *clicks))

    def up(win: float) -> float:
        return bottom - (bottom - _TOP) * (win - 0.45) / 0.5

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for win in (0.5, 0.6, 0.7, 0.8, 0.9):
        y = up(win)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 30}" y="{y + 4:.1f}">{win:.1f}</text>')
    for n in clicks:
        parts.append(f'<text x="{across(n) - 6:.1f}" y="{bottom + 20}">{n}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 8}">{caption}</text>')
    for at, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[at % len(_COLOURS)]
        places = [(across(n) + 3 * (at - len(lines) / 2), found) for n, found in line.items()]
        points = " ".join(f"{x:.1f},{up(found.mean):.1f}" for x, found in places)
        bars = "".join(f"M{x:.1f} {up(found.low):.1f}V{up(found.high):.1f}" for x, found in places)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(f'<path d="{bars}" stroke="{colour}"/>')
        y = _TOP + 20 + 20 * at
        parts.append(f'<text x="{right + 20}" y="{y}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
