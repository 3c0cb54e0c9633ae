"""Simulated people use the whole pipeline: the benchmark of learning, on the starter or any model.

Each person has a hidden utility over style and correctness, computed from phrase lists and facts
that the learner does not see (the starter's from its corpus, any other model's from reading.py and
the verified questions of quiz.py). They chat through the same `Session` as a
real person: compare two answers, pick one (75-80 % self-consistent), let it learn. At 0, 5, 10, 20,
50 clicks these ways of serving are judged on questions nobody was asked before:

    A     one sample of the base under the taste card       C      one sample of the adapter
    B     best of n of the base, by the reward model        B+C    best of n of the adapter
    prompt  the base under a style prompt written by hand   A+B+C  the same under the card

win: how often the served reply is worth more to the person than the base's reply (0.5 = no better).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import queue
import random
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chatfeedback.engine.client import Engine
from chatfeedback.errors import ChatFeedbackError, InputRefused
from chatfeedback.learning.retention import Question, questions
from chatfeedback.protocols import Store
from chatfeedback.records import FeedbackEvent
from chatfeedback.requests import adapter_use
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from chatfeedback.simulation.choices import bootstrap_interval, mean
from chatfeedback.simulation.full_report import save_full_report
from chatfeedback.simulation.judging import Judge, Row
from chatfeedback.simulation.people import Hidden, person_of

MANY_LIVES = 24
LEARNER = 2
"""Grows when what is learned from the same clicks changes: lives of before are lived again."""

LANES = ("prompt", "A", "B", "C", "B+C", "A+B+C")


@dataclass(frozen=True)
class Plan:
    """How large the benchmark is."""

    people: int
    clicks: int
    seed: int
    seeds: int = 1  # from `seed` on
    questions: int = 100
    rounds: int = 4  # served replies to each question: questions x rounds >= 400 a cell
    model: str | None = None  # None: the starter
    quantisation: str = "none"

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Numbers of clicks at which lanes are judged."""
        return tuple(n for n in (0, 5, 10, 20, 50, 100, 150, 200) if n <= self.clicks)


def run_simulation(args: Namespace, open_store: Callable[[Path], Store]) -> dict[str, Any]:
    """Run the benchmark, print the table, write `args.json` if given; returns what it wrote."""
    plan = Plan(
        args.people or 6,
        args.clicks or 50,
        args.seed,
        args.seeds or 1,
        model=_name(args.model),
        quantisation=args.quantize or "none",
    )
    if plan.people * plan.seeds >= MANY_LIVES:
        plan = replace(plan, rounds=2)  # a cell still has thousands of replies, over all people
    if args.quick:
        plan = replace(
            plan, people=min(2, plan.people), clicks=min(10, plan.clicks), questions=30, rounds=2
        )
    started = time.monotonic()
    outcomes = _simulate_people(plan, open_store, args.out)
    by_person = [row for rows, _ in outcomes for row in rows]
    curve = summarise(by_person, plan.seed)
    report = {
        "curve": curve,
        "by_person": [asdict(row) for row in by_person],
        "settings": {
            **asdict(plan),
            "seconds": round(time.monotonic() - started, 1),
            "people_facts": {rows[0].person: facts for rows, facts in outcomes},
            "defaults": asdict(Settings()),
        },
    }
    if plan.model:
        print(f"{plan.model} ({plan.quantisation}), judged on the verified questions")
    print_table(curve, [facts for _, facts in outcomes])
    if args.out:
        told = [facts for _, facts in outcomes]
        save_full_report(by_person, told, args.out, promised=not plan.model)
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=1), encoding="utf-8")
    return report


def summarise(rows: Sequence[Row], seed: int) -> list[dict[str, Any]]:
    """Mean over people for each lane and number of clicks, with a bootstrap interval of the win."""
    curve = []
    for clicks in sorted({row.clicks for row in rows}):
        for lane in LANES:
            cell = [row for row in rows if row.clicks == clicks and row.lane == lane]
            if not cell:
                continue
            people: dict[str, list[float]] = {
                row.person: [] for row in cell
            }  # a person's seeds are one person
            for row in cell:
                people.setdefault(row.person, []).append(row.win)
            low, high = bootstrap_interval([mean(wins) for wins in people.values()], seed)
            kls = [row.kl_nats for row in cell if row.kl_nats is not None]
            curve.append(
                {
                    "clicks": clicks,
                    "lane": lane,
                    "win": mean([row.win for row in cell]),
                    "win_low": low,
                    "win_high": high,
                    "facts": _mean_known([row.facts for row in cell]),
                    "how_to": _mean_known([row.how_to for row in cell]),
                    "kl_nats": mean(kls) if kls else None,
                    "finished": mean([row.finished for row in cell]),
                }
            )
    return curve


def _mean_known(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return mean(known) if known else None


def print_table(curve: Sequence[dict[str, Any]], facts: Sequence[dict[str, float]]) -> None:
    """The curve as a table, with the oracle beside it; a dash where nothing is known."""

    def show(value: float | None, digits: int) -> str:
        return f"{'-':>5}" if value is None else f"{value:5.{digits}f}"

    print(f"{'clicks':>6}  {'lane':6}  {'win':>5}  {'95 %':^13}  facts  how-to   KL   finished")
    for row in curve:
        print(
            f"{row['clicks']:6d}  {row['lane']:6}  {row['win']:.3f}  "
            f"{row['win_low']:.3f}-{row['win_high']:.3f}  "
            f"{show(row['facts'], 3)}  {show(row['how_to'], 3)}  "
            f"{show(row['kl_nats'], 2)}  {row['finished']:.3f}"
        )
    for name in ("oracle_best_of_4", "oracle_best_of_8", "self_consistency", "unseen_share"):
        print(f"{name.replace('_', ' ')}: {mean([each[name] for each in facts]):.3f}")


# --- one person ------------------------------------------------------------------------------


Outcome = tuple[list[Row], dict[str, float]]
"""One person's rows, and what must be known of them."""


def _simulate_people(
    plan: Plan, open_store: Callable[[Path], Store], folder: Path | None
) -> list[Outcome]:
    """Everybody, one process a core; a bar counts judged checkpoints. What lies in the folder
    from a run that was ended is not lived again."""
    context = multiprocessing.get_context("spawn")
    ticks = context.Queue()
    lives = [
        (replace(plan, seed=plan.seed + later, seeds=1), at)
        for later in range(plan.seeds)
        for at in range(plan.people)
    ]
    known = {life: found for life in lives if (found := _kept(folder, *life))}
    missing = [life for life in lives if life not in known]
    # Another model is held once, by one engine with all cores or the GPU.
    cores = max(1, min(os.cpu_count() or 1, len(missing))) if plan.model is None else 1
    each = len(plan.checkpoints)
    with (
        ProcessPoolExecutor(cores, context, initializer=_keep_ticks, initargs=(ticks,)) as pool,
        tqdm(total=len(lives) * each, initial=len(known) * each, unit="checkpoint") as bar,
    ):
        running = {
            life: pool.submit(simulate_person, *life, open_store, folder) for life in missing
        }
        while not all(person.done() for person in running.values()):
            _advance(bar, ticks)
        _advance(bar, ticks)
        known |= {life: person.result() for life, person in running.items()}
    return [known[life] for life in lives]


def _file(folder: Path, plan: Plan, number: int) -> Path:
    return folder / f"full-person-{number:03d}-seed-{plan.seed}.json"


def _kept(folder: Path | None, plan: Plan, number: int) -> Outcome | None:
    """What was found of this person before, if it was found under the same plan."""
    if folder is None or not _file(folder, plan, number).exists():
        return None
    told = json.loads(_file(folder, plan, number).read_text("utf-8"))
    if told["plan"] != _key(plan):
        return None
    return [Row(**row) for row in told["rows"]], told["facts"]


def _keep(outcome: Outcome, folder: Path, plan: Plan, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows, facts = outcome
    told = {"plan": _key(plan), "rows": [asdict(row) for row in rows], "facts": facts}
    partial = _file(folder, plan, number).with_suffix(".partial")
    partial.write_text(json.dumps(told), encoding="utf-8")
    partial.replace(_file(folder, plan, number))


def _key(plan: Plan) -> dict[str, int | str | None]:
    """What one person's figures depend on."""
    of_one = {name: value for name, value in asdict(plan).items() if name != "people"}
    return {"learner": LEARNER, **of_one}


def _name(model: str | None) -> str | None:
    """A folder by its whole path, so that the same name elsewhere is another model."""
    return str(Path(model).resolve()) if model and Path(model).exists() else model


def simulate_person(
    plan: Plan, number: int, open_store: Callable[[Path], Store], kept_in: Path | None = None
) -> Outcome:
    """One person's life with the app, from an empty data folder to the last checkpoint."""
    if plan.model is None:
        os.environ["CHATFEEDBACK_THREADS"] = "1"
    seed = 1000 * plan.seed + number
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        engine = Engine(plan.model, plan.quantisation, Path(folder) / "engine.log")
        settings = replace(Settings(), learn_when_idle=False)
        session = Session(store, engine, settings, seed=seed)
        try:
            outcome = _live(plan, person_of(number, plan.seed), session, engine, seed)
        finally:
            session.close()
            engine.close()
            store.close()
    if kept_in is not None:
        _keep(outcome, kept_in, plan, number)
    return outcome


def _live(plan: Plan, hidden: Hidden, session: Session, engine: Engine, seed: int) -> Outcome:
    person_id = session.default_person().person_id
    base = session.wait_until_ready()
    if base.cannot_learn:
        raise InputRefused(base.cannot_learn)
    judge = Judge(engine, hidden, plan.questions, plan.rounds, seed, base.is_starter)
    asked = questions("chat", base.is_starter)
    rng = random.Random(seed)
    rng.shuffle(asked)
    if not base.is_starter:
        asked = asked[: plan.questions]  # all are read by what the base usually says to them
    judge.calibrate_noise(asked[:60] if base.is_starter else asked)
    rows: list[Row] = [judge.judge_prompt()]
    for clicks in range(plan.clicks + 1):
        judge.hidden = hidden.at_click(clicks)
        if clicks:
            _click(session, person_id, judge, asked[clicks % len(asked)], clicks, rng)
        if clicks and (clicks in plan.checkpoints or clicks % 10 == 0):
            _learn(session, person_id)
        if clicks in plan.checkpoints:
            taste = session.taste(person_id)
            serving = adapter_use(session.queries.serving(person_id, base.key))
            judged = judge.judge_lanes(taste, serving, clicks)
            rows += judged
            _tick(_in_short(judged))
    return rows, judge.facts()


def _learn(session: Session, person_id: int) -> None:
    """A version, unless the app itself would wait: when the taste may just have changed."""
    if session.learning_status(person_id).taste_settles_in == 0:
        session.learn_now(person_id)
        session.wait_for_learning(person_id)


def _click(
    session: Session,
    person_id: int,
    judge: Judge,
    question: Question,
    number: int,
    rng: random.Random,
) -> None:
    """One pair judged, through the same calls as the page makes."""
    conversation_id = session.new_conversation(person_id)
    shown = list(session.compare(person_id, conversation_id, question.prompt, f"m{number}"))[-1]
    if shown.phase != "done":
        raise ChatFeedbackError(f"The comparison failed: {shown.notice}")
    first, second = (judge.worth(question, text) for text in shown.texts)
    session.give_feedback(
        person_id,
        FeedbackEvent(
            client_id=f"c{number}",
            kind="pick",
            comparison_id=shown.comparison_id,
            outcome="first" if judge.prefers_first(first, second, rng) else "second",
        ),
    )


# --- the bar ---------------------------------------------------------------------------------


_ticks: Any = None


def _keep_ticks(ticks: Any) -> None:
    global _ticks
    _ticks = ticks


def _tick(what: str) -> None:
    if _ticks is not None:
        _ticks.put(what)


def _in_short(rows: Sequence[Row]) -> str:
    """One checkpoint in a line, shown beside the bar."""
    wins = " ".join(f"{row.lane} {row.win:.2f}" for row in rows)
    return f"{rows[0].person} after {rows[0].clicks}: {wins}"


def _advance(bar: Any, ticks: Any) -> None:
    """Move the bar by all that was reported, or wait half a second for news."""
    wait_s = 0.5
    while True:
        try:
            bar.set_postfix_str(ticks.get(timeout=wait_s))
        except queue.Empty:
            return
        bar.update(1)
        wait_s = 0.01
