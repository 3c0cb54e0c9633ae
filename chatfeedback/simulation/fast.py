"""The fast tier of the benchmark: many lives on replies drawn once, no learning run.

One cell is one person and one seed, and holds all of their lives: one for each gesture, the
baselines, the ablations, a change of taste, a weakness for flattery. Each cell is a file, so a run
that was ended goes on where it was.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from chatfeedback.records import QuestionRule
from chatfeedback.simulation.cards import judge_cards
from chatfeedback.simulation.gestures import Gesture
from chatfeedback.simulation.lives import RANDOM, Life, Row, Variant, Views, choose_all, judge
from chatfeedback.simulation.people import FLIP_AT, Hidden, gullible, person_of, turned_round
from chatfeedback.simulation.pool import Pool, draw_pool, starter
from chatfeedback.simulation.report import save_report

FORMAT = 2  # 1: kinds of question by their words alone
CHECKPOINTS = (0, 5, 10, 20, 50, 100)
AFTER_FLIP = (FLIP_AT, FLIP_AT + 10, FLIP_AT + 20, FLIP_AT + 30, FLIP_AT + 50)
ABLATED_PEOPLE = 8
STRANGERS = (3, 7, 10)

GESTURES = tuple(Variant(gesture.value, gesture) for gesture in Gesture)
ABLATIONS: dict[str, tuple[Variant, ...]] = {
    "prior": (Variant("no prior", has_prior=False),),
    "features": (
        Variant("style alone", features="style"),
        Variant("hidden states alone", features="hidden"),
    ),
    "question": (
        Variant("pairs at random", Gesture.PAIRS, rule=RANDOM),
        Variant("pairs by double Thompson", Gesture.PAIRS, rule=QuestionRule.DOUBLE_THOMPSON),
        Variant("pairs by information", Gesture.PAIRS, rule=QuestionRule.MOST_INFORMATIVE),
    ),
    "forgetting": (Variant("forgets nothing", follows_drift=False),),
    "label": (),  # the gestures themselves
}
"""Names of `--ablate`; each variant is compared with "mixed" or "pairs", which are always there."""
ALWAYS = (Gesture.PAIRS.value, Gesture.MIXED.value)


@dataclass(frozen=True)
class FastPlan:
    """How large the fast tier is."""

    people: int = 24
    seeds: int = 2
    clicks: int = 100
    questions: int = 100
    seed: int = 0
    gestures: tuple[str, ...] = tuple(gesture.value for gesture in Gesture)
    ablations: tuple[str, ...] = tuple(ABLATIONS)
    card_people: int = 8

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Numbers of clicks at which lives are judged."""
        return tuple(n for n in CHECKPOINTS if n <= self.clicks)


Cell = dict[str, Any]


def simulate_fast(args: Namespace) -> list[Cell]:
    """Run the fast tier and print its report; with `args.out` it is kept there, cell by cell."""
    plan = FastPlan(
        people=args.people or 24,
        seeds=args.seeds or 2,
        clicks=args.clicks or 100,
        seed=args.seed,
        gestures=FastPlan.gestures if "label" in args.ablate else ALWAYS,
        ablations=tuple(args.ablate),
    )
    if args.quick:
        plan = replace(plan, people=min(6, plan.people), seeds=1, questions=40, card_people=2)
    with tempfile.TemporaryDirectory() as passing:
        folder = args.out or Path(passing)
        cells = run_fast(plan, folder)
        cells.append(_judge_cards(plan, folder))
        print(save_report(cells, plan.gestures, plan.checkpoints, folder))
    if args.json:
        args.json.write_text(json.dumps(cells), encoding="utf-8")
    return cells


def run_fast(plan: FastPlan, folder: Path) -> list[Cell]:
    """All cells; those that lie in the folder already are not lived again."""
    folder.mkdir(parents=True, exist_ok=True)
    pool_file = _pool_file(folder, plan)
    if not pool_file.exists():
        print("The starter answers the questions, once for everybody.")
        draw_pool(max(40, round(1.6 * plan.questions)), plan.questions, plan.seed).save(pool_file)
    wanted = [(person, seed) for seed in range(plan.seeds) for person in range(plan.people)]
    missing = [each for each in wanted if not _is_done(_file(folder, plan, *each), plan)]
    context = multiprocessing.get_context("spawn")
    cores = max(1, min(os.cpu_count() or 1, len(missing)))
    with (
        ProcessPoolExecutor(cores, context, initializer=_load, initargs=(pool_file,)) as workers,
        tqdm(total=len(wanted), initial=len(wanted) - len(missing), unit="person") as bar,
    ):
        running = [workers.submit(_live, plan, *each, folder) for each in missing]
        for done in as_completed(running):
            bar.set_postfix_str(done.result())
            bar.update(1)
    return [_read(_file(folder, plan, *each)) for each in wanted]


def live_cell(plan: FastPlan, number: int, seed: int, pool: Pool) -> Cell:
    """All lives of one person with one seed."""
    person = person_of(number, plan.seed + seed)
    chance = 1000 * (plan.seed + seed) + number
    views = Views.of(person, pool)
    later = views if person.later is None else Views.of(person.later, pool)
    rows: list[Row] = []
    scores: dict[str, Any] = {}
    for variant in _variants(plan, number):
        life = Life(person, variant, pool, (views, later), chance)
        rows += _judged(life, plan.checkpoints)
        scores[variant.name] = _scores(life)
    rows += _baselines(person, pool, views)
    rows += _placebo(plan, person, number, seed, pool, views)
    rows += _drift(plan, person, pool, views, chance)
    rows += _flattered(plan, person, pool, chance)
    return {
        "plan": _key(plan),
        "person": person.name,
        "seed": seed,
        "rows": [asdict(row) for row in rows],
        "scores": scores,
    }


def _judge_cards(plan: FastPlan, folder: Path) -> Cell:
    """Lane A for the first people, as one cell more."""
    path = folder / "cards.json"
    few = range(min(plan.people, plan.card_people))
    people = [[number, plan.seed + later] for later in range(plan.seeds) for number in few]
    if not (_is_done(path, plan) and _read(path)["people"] == people):
        with starter() as (engine, _):
            rows = judge_cards(engine, Pool.load(_pool_file(folder, plan)), people, plan.clicks)
        _write(path, {"plan": _key(plan), "people": people, "rows": rows, "scores": {}})
    return _read(path)


def _read(path: Path) -> Cell:
    found: Cell = json.loads(path.read_text("utf-8"))
    return found


def _variants(plan: FastPlan, number: int) -> list[Variant]:
    gestures = [variant for variant in GESTURES if variant.name in plan.gestures]
    if number >= ABLATED_PEOPLE:
        return gestures
    return gestures + [variant for name in plan.ablations for variant in ABLATIONS[name]]


def _judged(life: Life, checkpoints: Sequence[int], name: str = "") -> list[Row]:
    rows = []
    for clicks in range(max(checkpoints) + 1):
        if clicks:
            life.click(clicks)
        if clicks in checkpoints:
            rows.append(life.judge(clicks))
    return [replace(row, life=name or row.life) for row in rows]


def _baselines(person: Hidden, pool: Pool, views: Views) -> list[Row]:
    """No taste at all; and what a perfect judge of the person would serve."""

    def oracle(n: int) -> list[list[int]]:
        return choose_all(pool, lambda at, of: of[int(np.argmax(views.report[at, list(of)]))], n)

    plain = choose_all(pool, lambda at, of: of[0])
    return [
        judge(person.name, "plain reply", 0, pool, views, plain, plain),
        judge(person.name, "oracle", 0, pool, views, oracle(8), oracle(4)),
    ]


def _placebo(
    plan: FastPlan, person: Hidden, number: int, seed: int, pool: Pool, views: Views
) -> list[Row]:
    """Served by what was learned of somebody else, of three other kinds."""
    rows: list[Row] = []
    for apart in STRANGERS:
        stranger = replace(person_of(number + apart, plan.seed + seed), later=None)
        theirs = Views.of(stranger, pool)
        chance = 1000 * (plan.seed + seed) + number + apart
        life = Life(stranger, Variant("placebo"), pool, (theirs, theirs), chance)
        for clicks in range(1, min(50, plan.clicks) + 1):
            life.click(clicks)
            if clicks in plan.checkpoints:
                life.views = (views, views)
                rows.append(replace(life.judge(clicks), person=person.name))
                life.views = (theirs, theirs)
    return rows


def _drift(plan: FastPlan, person: Hidden, pool: Pool, views: Views, chance: int) -> list[Row]:
    """The same person, whose taste is turned round after FLIP_AT clicks."""
    checkpoints = [n for n in AFTER_FLIP if n <= plan.clicks]
    if not checkpoints:
        return []
    turned = turned_round(replace(person, later=None))
    assert turned.later is not None
    both = (views, Views.of(turned.later, pool))
    rows: list[Row] = []
    for gesture in (Gesture.PAIRS, Gesture.MIXED):
        for follows in (True, False):
            name = f"turned round, {gesture.value}" + ("" if follows else ", forgets nothing")
            variant = Variant(name, gesture, follows_drift=follows)
            rows += _judged(Life(turned, variant, pool, both, chance), checkpoints)
    return rows


def _flattered(plan: FastPlan, person: Hidden, pool: Pool, chance: int) -> list[Row]:
    """The same person, but easily flattered."""
    weak = gullible(replace(person, later=None))
    views = Views.of(weak, pool)
    life = Life(weak, Variant("gullible"), pool, (views, views), chance)
    return _judged(life, [n for n in (0, 20, 50) if n <= plan.clicks])


def _scores(life: Life) -> dict[str, Any]:
    """Sums over the choices that were foretold, of the model that follows the taste."""
    scores = life.belief.scores
    return {
        "n": scores.n,
        "log_score": scores.log_score,
        "brier": scores.brier,
        "hits": scores.hits,
        "changes": life.belief.changes,
        "raw": scores.raw.tolist(),
        "corrected": scores.corrected.tolist(),
        "bins": scores.bins.tolist(),
    }


def _key(plan: FastPlan) -> dict[str, Any]:
    """What a cell depends on; how many there are is no part of it."""
    told = asdict(plan)
    del told["people"], told["seeds"], told["card_people"]
    return {"format": FORMAT, **{name: _plain(value) for name, value in told.items()}}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _pool_file(folder: Path, plan: FastPlan) -> Path:
    return folder / f"pool-{plan.questions}-{plan.seed}.npz"


def _write(path: Path, cell: Cell) -> None:
    """Whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(cell), encoding="utf-8")
    partial.replace(path)


def _file(folder: Path, plan: FastPlan, number: int, seed: int) -> Path:
    return folder / f"person-{number:03d}-seed-{plan.seed + seed}.json"


def _is_done(path: Path, plan: FastPlan) -> bool:
    return path.exists() and _read(path)["plan"] == _key(plan)


_pool: Pool | None = None


def _load(pool_file: Path) -> None:
    global _pool
    _pool = Pool.load(pool_file)


def _live(plan: FastPlan, number: int, seed: int, folder: Path) -> str:
    assert _pool is not None
    cell = live_cell(plan, number, seed, _pool)
    _write(_file(folder, plan, number, seed), cell)
    return str(cell["person"])
