"""What the full benchmark found, as a Markdown report and a picture.

People are the unit of chance: a person's lives are averaged first, then people are resampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from chatfeedback.simulation.choices import mean
from chatfeedback.simulation.curves import Figure, draw_curves, figure, table
from chatfeedback.simulation.judging import Row
from chatfeedback.simulation.report import CONTEXTUAL, is_of

BEST = "B+C"
LEARNED = ("C", "B+C", "A+B+C")
"""Lanes in which an adapter answers."""

WANTED = {5: 0.62, 10: 0.70, 20: 0.80, 50: 0.87}
"""Win of the best lane after so many clicks."""

WANTED_OF_CONTEXTUAL = 0.72
KEPT_MEAN, KEPT_WORST = 0.985, 0.96

People = Mapping[str, float]
"""Name -> a figure of theirs."""


def per_person(rows: Sequence[Row], lane: str, clicks: int, key: str = "win") -> dict[str, float]:
    """Name -> mean over their lives, where the figure is known."""
    found: dict[str, list[float]] = {}
    for row in rows:
        value = getattr(row, key)
        if row.lane == lane and row.clicks == clicks and value is not None:
            found.setdefault(row.person, []).append(value)
    return {person: mean(values) for person, values in found.items()}


def write_full_report(
    rows: Sequence[Row], facts: Sequence[Mapping[str, float]], *, promised: bool = True
) -> str:
    """The whole report as Markdown.

    Args:
        rows: of all lives.
        facts: what must be known of each life (`Judge.facts`).
        promised: whether the model is the one that promises were made for, the starter.
    """
    clicks = sorted({row.clicks for row in rows})
    people = len({row.person for row in rows})
    head = (
        f"{people} people, {len(facts)} lives; judged on questions nobody was asked. Intervals: "
        "95 %, people resampled. A perfect judge of the person would win "
        f"{mean([each['oracle_best_of_8'] for each in facts]):.3f} with best of eight of the base, "
        f"{mean([each['oracle_best_of_4'] for each in facts]):.3f} with best of four."
    )
    parts = [
        head,
        "## Win after so many clicks\n\n" + _wins(rows, clicks),
        *(["## What was promised\n\n" + _promises(rows, clicks)] if promised else []),
        "## What is kept\n\n" + _kept(rows, clicks),
        f"## By person, {BEST}\n\n" + _by_person(rows, clicks),
    ]
    return "\n\n".join(parts) + "\n"


def save_full_report(
    rows: Sequence[Row],
    facts: Sequence[Mapping[str, float]],
    folder: Path,
    *,
    promised: bool = True,
) -> None:
    """Write report.md and curves.svg into a folder; for the rest see `write_full_report`."""
    clicks = sorted({row.clicks for row in rows})
    lines = {
        lane: {n: _figure(rows, lane, n) for n in clicks if per_person(rows, lane, n)}
        for lane in _lanes(rows)
        if lane != "prompt"
    }
    picture = draw_curves(lines, "clicks; win over the base")
    report = write_full_report(rows, facts, promised=promised)
    (folder / "report.md").write_text(report, encoding="utf-8")
    (folder / "curves.svg").write_text(picture, encoding="utf-8")


def _lanes(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.lane for row in rows))


def _figure(rows: Sequence[Row], lane: str, clicks: int, key: str = "win") -> Figure:
    return figure(list(per_person(rows, lane, clicks, key).values()))


def _wins(rows: Sequence[Row], clicks: Sequence[int]) -> str:
    cells = [
        [
            lane,
            *(str(_figure(rows, lane, n)) if per_person(rows, lane, n) else "" for n in clicks),
        ]
        for lane in _lanes(rows)
    ]
    return table(["lane", *map(str, clicks)], cells)


def _promises(rows: Sequence[Row], clicks: Sequence[int]) -> str:
    """Each with what was found; also where it was missed."""
    cells = [
        _promise(f"win of {BEST} at {n}", wanted, _figure(rows, BEST, n).mean)
        for n, wanted in WANTED.items()
        if n in clicks
    ]
    last = clicks[-1]
    contextual = [
        win for person, win in per_person(rows, BEST, last).items() if is_of(person, CONTEXTUAL)
    ]
    if contextual:
        name = f"contextual people, win of {BEST} at {last}"
        cells.append(_promise(name, WANTED_OF_CONTEXTUAL, mean(contextual)))
    for key, name in (("facts", "facts"), ("how_to", "how-to steps")):
        kept = list(per_person(rows, BEST, last, key).values())
        if kept:
            cells.append(_promise(f"{name} kept at {last}, mean", KEPT_MEAN, mean(kept)))
            cells.append(_promise(f"{name} kept at {last}, worst", KEPT_WORST, min(kept)))
    return table(["promise", "wanted", "found", ""], cells)


def _promise(name: str, wanted: float, found: float) -> list[str]:
    return [name, f"{wanted:g}", f"{found:.3f}", "kept" if found >= wanted else "missed"]


def _kept(rows: Sequence[Row], clicks: Sequence[int]) -> str:
    cells = []
    for lane in [lane for lane in LEARNED if lane in _lanes(rows)]:
        for n in [n for n in clicks if per_person(rows, lane, n)]:
            finished = per_person(rows, lane, n, "finished")
            kl = list(per_person(rows, lane, n, "kl_nats").values())
            cells.append(
                [
                    lane,
                    str(n),
                    *(
                        _mean_and_worst(per_person(rows, lane, n, key))
                        for key in ("facts", "how_to")
                    ),
                    f"{mean(kl):.2f} ({max(kl):.2f})" if kl else "",
                    f"{mean(list(finished.values())):.3f}",
                ]
            )
    head = ["lane", "clicks", "facts, mean (worst)", "how-to, mean (worst)", "KL, nats", "finished"]
    return table(head, cells)


def _mean_and_worst(of_people: People) -> str:
    values = list(of_people.values())
    return f"{mean(values):.3f} ({min(values):.3f})" if values else "not known"


def _by_person(rows: Sequence[Row], clicks: Sequence[int]) -> str:
    found = {n: per_person(rows, BEST, n) for n in clicks}
    cells = [
        [person.replace("_", " "), *(f"{found[n][person]:.2f}" for n in clicks)]
        for person in found[clicks[0]]
    ]
    return table(["person", *map(str, clicks)], cells)
