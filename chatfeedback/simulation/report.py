"""What the fast tier found, as a Markdown report and a picture.

People are the unit of chance: a person's seeds are averaged first, then people are resampled. Two
ways are compared on the same people (paired).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chatfeedback.simulation.choices import mean
from chatfeedback.simulation.curves import Figure, draw_curves, figure, table
from chatfeedback.simulation.people import FLIP_AT
from chatfeedback.taste.prequential import SLOPES

Cell = Mapping[str, Any]
CONTEXTUAL = ("contextual", "contextual_warm_steps", "arbitrary")
RECOVERED_AT = FLIP_AT + 30
COMPARISONS = (
    ("mixed", "no prior"),
    ("mixed", "style alone"),
    ("mixed", "hidden states alone"),
    ("pairs", "pairs at random"),
    ("pairs", "pairs by double Thompson"),
    ("pairs", "pairs by information"),
    ("mixed", "forgets nothing"),
)
"""What the app does, and what is changed about it."""


def per_person(
    cells: Sequence[Cell], life: str, clicks: int, key: str = "win", kinds: Sequence[str] = ()
) -> dict[str, float]:
    """Name -> mean over seeds; `kinds`: only people of these kinds."""
    found: dict[str, list[float]] = {}
    for cell in cells:
        for row in cell["rows"]:
            if row["life"] == life and row["clicks"] == clicks and is_of(row["person"], kinds):
                found.setdefault(row["person"], []).append(row[key])
    return {person: mean(values) for person, values in found.items()}


def difference(cells: Sequence[Cell], life: str, other: str, clicks: int) -> Figure:
    """How much more one life wins than another one of the same people."""
    mine, theirs = (per_person(cells, each, clicks) for each in (life, other))
    return figure([mine[person] - theirs[person] for person in mine if person in theirs])


def recovery(cells: Sequence[Cell], life: str) -> Figure:
    """Gain 30 clicks after a full change of taste, as a share of the gain before it. Of means, as
    a single person's gain may be near nothing."""
    before, after = (per_person(cells, life, clicks, "gain") for clicks in (FLIP_AT, RECOVERED_AT))
    people = sorted(before.keys() & after.keys())
    if not people:
        return Figure(math.nan, math.nan, math.nan)
    pairs = np.array([(before[person], after[person]) for person in people])
    rng = np.random.default_rng(0)
    drawn = pairs[rng.integers(len(pairs), size=(2000, len(pairs)))].mean(axis=1)
    low, high = np.quantile(drawn[:, 1] / drawn[:, 0], (0.025, 0.975))
    middle = pairs.mean(axis=0)
    return Figure(float(middle[1] / middle[0]), float(low), float(high))


@dataclass(frozen=True)
class Calibration:
    """How well the choices of one gesture were foretold, before each was learned from.

    brier: 0.25 for a model that knows nothing. raw_slope, slope: of the model's own predictions,
    and of the corrected ones that are shown; 1 = as sure as it may be.
    """

    choices: int
    accuracy: float
    brier: float
    log_score: float
    raw_slope: float
    slope: float


def calibration(cells: Sequence[Cell], life: str) -> Calibration:
    """Of all people together."""
    scores = [cell["scores"][life] for cell in cells if life in cell["scores"]]
    n = max(1, sum(each["n"] for each in scores))

    def per_choice(key: str) -> float:
        return float(sum(each[key] for each in scores) / n)

    def steepest(key: str) -> float:
        return float(SLOPES[int(np.argmax(np.sum([each[key] for each in scores], axis=0)))])

    return Calibration(
        n,
        per_choice("hits"),
        per_choice("brier"),
        per_choice("log_score"),
        steepest("raw"),
        steepest("corrected"),
    )


# --- in words ----------------------------------------------------------------------------------


def write_report(cells: Sequence[Cell], gestures: Sequence[str], clicks: Sequence[int]) -> str:
    """The whole report as Markdown."""
    people = len({cell["person"] for cell in cells if "person" in cell})
    seeds = len({cell["seed"] for cell in cells if "seed" in cell})
    parts = [
        f"{people} people x {seeds} seeds; lane B (best of eight of the base, by the reward "
        "model), judged on questions nobody was asked. Intervals: 95 %, people resampled.",
        "## Win after so many clicks\n\n" + _wins(cells, gestures, clicks, "win"),
        "## The same with best of four\n\n" + _wins(cells, gestures, clicks, "win_of_4"),
        "## Lane A, the first people\n\n" + _cards(cells),
        "## Beside it\n\n" + _beside(cells, clicks),
        "## How well choices were foretold\n\n" + _foretold(cells, gestures),
        "## What is changed about the app\n\n" + _ablations(cells, clicks),
        "## By person, mixed gestures\n\n" + _by_person(cells, clicks),
    ]
    return "\n\n".join(parts) + "\n"


def _wins(cells: Sequence[Cell], gestures: Sequence[str], clicks: Sequence[int], key: str) -> str:
    rows = [
        [name, *(str(figure(list(per_person(cells, name, n, key).values()))) for n in clicks)]
        for name in gestures
    ]
    return table(["gesture", *map(str, clicks)], rows)


def _cards(cells: Sequence[Cell]) -> str:
    """One sample of the base under a line of words, against the same people's lane B."""
    rows = []
    for life, name in (("by hand", "a style prompt written by hand"), ("card", "the taste card")):
        for n in sorted({r["clicks"] for cell in cells for r in cell["rows"] if r["life"] == life}):
            found = {key: per_person(cells, life, n, key) for key in ("win", "facts", "how_to")}
            lane_b = per_person(cells, "mixed", n)
            beside = [lane_b[person] for person in found["win"] if person in lane_b]
            rows.append(
                [f"{name}, {n} clicks", str(figure(list(found["win"].values())))]
                + [f"{mean(list(found[key].values())):.3f}" for key in ("facts", "how_to")]
                + [f"{mean(beside):.3f}"]
            )
    return table(["", "win (95 %)", "facts", "how-to", "lane B of the same people"], rows)


def _beside(cells: Sequence[Cell], clicks: Sequence[int]) -> str:
    last = max(n for n in clicks if n <= FLIP_AT)

    def of(life: str, n: int, key: str = "win", kinds: Sequence[str] = ()) -> str:
        return str(figure(list(per_person(cells, life, n, key, kinds).values())))

    rows = [
        ["no personalisation: a plain reply, win", of("plain reply", 0)],
        ["oracle, best of eight, win", of("oracle", 0)],
        ["oracle, best of four, win", of("oracle", 0, "win_of_4")],
        [f"somebody else's head, win at {last}", of("placebo", last)],
        [f"contextual people, win at {last}", of("mixed", last, "win", CONTEXTUAL)],
        [f"unseen trait, win at {last}", of("mixed", last, "win", ("unseen_wording",))],
        [f"careless, win at {last}", of("mixed", last, "win", ("careless",))],
        [f"facts kept at {last}, of the base's", of("mixed", last, "facts")],
        [f"how-to steps kept at {last}", of("mixed", last, "how_to")],
        [f"gullible people, flattery above the base's at {last}", of("gullible", last, "flattery")],
    ]
    for name in ("pairs", "mixed"):
        for suffix in ("", ", forgets nothing"):
            life = f"turned round, {name}{suffix}"
            rows.append([f"{life}: share of gain back after 30", str(recovery(cells, life))])
    return table(["", "mean (95 %)"], rows)


def _foretold(cells: Sequence[Cell], gestures: Sequence[str]) -> str:
    rows = []
    for name in gestures:
        found = calibration(cells, name)
        if found.choices > 1:
            rows.append(
                [name, str(found.choices)]
                + [f"{x:.3f}" for x in (found.accuracy, found.brier, found.log_score)]
                + [f"{x:.2f}" for x in (found.raw_slope, found.slope)]
            )
    head = ["gesture", "choices", "foretold", "Brier", "log score", "slope, model", "slope, shown"]
    return table(head, rows)


def _ablations(cells: Sequence[Cell], clicks: Sequence[int]) -> str:
    judged = [n for n in clicks if n]
    rows = []
    for ours, changed in COMPARISONS:
        if per_person(cells, changed, judged[-1]):
            found = [difference(cells, changed, ours, n) for n in judged]
            rows.append([f"{changed}, less {ours}", *map(str, found)])
    return table(["win", *map(str, judged)], rows)


def _by_person(cells: Sequence[Cell], clicks: Sequence[int]) -> str:
    found = {n: per_person(cells, "mixed", n) for n in clicks}
    best = per_person(cells, "oracle", 0)
    rows = [
        [
            person.replace("_", " "),
            *(f"{found[n][person]:.2f}" for n in clicks),
            f"{best[person]:.2f}",
        ]
        for person in found[clicks[0]]
    ]
    return table(["person", *map(str, clicks), "oracle"], rows)


def is_of(person: str, kinds: Sequence[str]) -> bool:
    """Whether somebody is of one of these kinds (any, if none are named).

    Names of people beyond the first of a kind end in a number.
    """
    stem, _, last = person.rpartition("_")
    return not kinds or (stem if last.isdigit() else person) in kinds


def save_report(
    cells: Sequence[Cell], gestures: Sequence[str], clicks: Sequence[int], folder: Path
) -> str:
    """Write report.md and curves.svg into a folder; returns the report."""
    text = write_report(cells, gestures, clicks)
    lines = {
        name: {n: figure(list(per_person(cells, name, n).values())) for n in clicks}
        for name in gestures
    }
    picture = draw_curves(lines, "clicks; win of lane B over the base")
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "curves.svg").write_text(picture, encoding="utf-8")
    return text
