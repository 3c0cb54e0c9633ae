"""Simulated people use the whole pipeline: the benchmark of learning.

Each person has a hidden utility over style and correctness, computed from the starter corpus's own
phrase lists and facts, none of which the learner sees. They chat through the same `Session` as a
real person: compare two answers, pick one (75-80 % self-consistent), let it learn. At 0, 5, 10, 20,
50 clicks three ways of serving are judged on questions nobody was asked before:

    B     best of n of the base, by the reward model        C     one sample of the adapter
    B+C   best of n of the adapter, by the reward model     (n as in the settings)

win: how often the served reply is worth more to the person than the base's reply (0.5 = no better).
"""

from __future__ import annotations

import json
import math
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

import numpy as np
from tqdm import tqdm

from chatfeedback.asking.explore import choose_reply
from chatfeedback.engine.client import Engine
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.learning.promotion import sequence_kl
from chatfeedback.learning.retention import Question, interleave, questions
from chatfeedback.protocols import Store
from chatfeedback.records import (
    AdapterUse,
    FeedbackEvent,
    GeneratedReply,
    SampleRequest,
    Sampling,
    Turn,
)
from chatfeedback.requests import adapter_use
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from chatfeedback.simulation.choices import (
    Floats,
    bootstrap_interval,
    find_temperature,
    mean,
    self_consistency,
    win_rate,
)
from chatfeedback.simulation.people import Hidden, person_of, unseen_share
from chatfeedback.taste.taste import Taste

LANES = ("B", "C", "B+C")
BEST_OF = Settings().best_of
REFERENCE_REPLIES = 4


@dataclass(frozen=True)
class Plan:
    """How large the benchmark is."""

    people: int
    clicks: int
    seed: int
    questions: int = 100
    rounds: int = 4  # served replies to each question: questions x rounds >= 400 a cell

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Numbers of clicks at which lanes are judged."""
        return tuple(n for n in (0, 5, 10, 20, 50, 100, 150, 200) if n <= self.clicks)


@dataclass(frozen=True)
class Row:
    """One person, one lane, after so many clicks. facts and how_to are shares of the base's;
    win_low and win_high are the 95 % interval of this person's win over questions."""

    person: str
    clicks: int
    lane: str
    win: float
    win_low: float
    win_high: float
    facts: float
    how_to: float
    kl_nats: float | None
    finished: float


def run_simulation(args: Namespace, open_store: Callable[[Path], Store]) -> dict[str, Any]:
    """Run the benchmark, print the table, write `args.json` if given; returns what it wrote."""
    plan = Plan(people=args.people or 6, clicks=args.clicks or 50, seed=args.seed)
    if args.quick:
        plan = replace(
            plan, people=min(2, plan.people), clicks=min(10, plan.clicks), questions=30, rounds=2
        )
    started = time.monotonic()
    outcomes = _simulate_people(plan, open_store)
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
    print_table(curve, [facts for _, facts in outcomes])
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
            low, high = bootstrap_interval([row.win for row in cell], seed)
            kls = [row.kl_nats for row in cell if row.kl_nats is not None]
            curve.append(
                {
                    "clicks": clicks,
                    "lane": lane,
                    "win": mean([row.win for row in cell]),
                    "win_low": low,
                    "win_high": high,
                    "facts": mean([row.facts for row in cell]),
                    "how_to": mean([row.how_to for row in cell]),
                    "kl_nats": mean(kls) if kls else None,
                    "finished": mean([row.finished for row in cell]),
                }
            )
    return curve


def print_table(curve: Sequence[dict[str, Any]], facts: Sequence[dict[str, float]]) -> None:
    """The curve as a table, with the oracle beside it."""
    print(f"{'clicks':>6}  {'lane':4}  {'win':>5}  {'95 %':^13}  facts  how-to   KL   finished")
    for row in curve:
        kl = "    -" if row["kl_nats"] is None else f"{row['kl_nats']:5.2f}"
        print(
            f"{row['clicks']:6d}  {row['lane']:4}  {row['win']:.3f}  "
            f"{row['win_low']:.3f}-{row['win_high']:.3f}  {row['facts']:.3f}  {row['how_to']:.3f}  "
            f"{kl}  {row['finished']:.3f}"
        )
    for name in ("oracle_best_of_4", "oracle_best_of_8", "self_consistency", "unseen_share"):
        print(f"{name.replace('_', ' ')}: {mean([each[name] for each in facts]):.3f}")


# --- one person ------------------------------------------------------------------------------


def _simulate_people(
    plan: Plan, open_store: Callable[[Path], Store]
) -> list[tuple[list[Row], dict[str, float]]]:
    """Everybody, one process a core; a bar counts judged checkpoints."""
    context = multiprocessing.get_context("spawn")
    ticks = context.Queue()
    cores = min(os.cpu_count() or 1, plan.people)
    total = plan.people * len(plan.checkpoints)
    with (
        ProcessPoolExecutor(cores, context, initializer=_keep_ticks, initargs=(ticks,)) as pool,
        tqdm(total=total, desc="simulating", unit="checkpoint") as bar,
    ):
        running = [pool.submit(simulate_person, plan, at, open_store) for at in range(plan.people)]
        while not all(each.done() for each in running):
            _advance(bar, ticks)
        _advance(bar, ticks)
        return [each.result() for each in running]


def simulate_person(
    plan: Plan, number: int, open_store: Callable[[Path], Store]
) -> tuple[list[Row], dict[str, float]]:
    """One person's life with the app, from an empty data folder to the last checkpoint."""
    os.environ["CHATFEEDBACK_THREADS"] = "1"
    seed = 1000 * plan.seed + number
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        engine = Engine(None, "none", Path(folder) / "engine.log")
        settings = replace(Settings(), learn_when_idle=False)
        session = Session(store, engine, settings, seed=seed)
        try:
            return _live(plan, person_of(number, plan.seed), session, engine, seed)
        finally:
            session.close()
            engine.close()
            store.close()


def _live(
    plan: Plan, hidden: Hidden, session: Session, engine: Engine, seed: int
) -> tuple[list[Row], dict[str, float]]:
    person_id = session.default_person().person_id
    base = session.wait_until_ready()
    judge = Judge(engine, hidden, plan, seed)
    asked = questions("chat", is_starter=True)
    rng = random.Random(seed)
    rng.shuffle(asked)
    judge.calibrate_noise(asked[:60])
    rows: list[Row] = []
    for clicks in range(plan.clicks + 1):
        if clicks:
            _click(session, person_id, judge, asked[clicks % len(asked)], clicks, rng)
        if clicks and (clicks in plan.checkpoints or clicks % 10 == 0):
            session.learn_now(person_id)
            session.wait_for_learning(person_id)
        if clicks in plan.checkpoints:
            taste = session.taste(person_id)
            serving = adapter_use(session.queries.serving(person_id, base.key))
            judged = judge.judge_lanes(taste, serving, clicks)
            rows += judged
            _tick(_in_short(judged))
    return rows, judge.facts()


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
    first, second = (judge.hidden.utility(question, text) for text in shown.texts)
    session.give_feedback(
        person_id,
        FeedbackEvent(
            client_id=f"c{number}",
            kind="pick",
            comparison_id=shown.comparison_id,
            outcome="first" if judge.prefers_first(first, second, rng) else "second",
        ),
    )


# --- judging ---------------------------------------------------------------------------------


class Judge:
    """Judges lanes on the report questions, with the person's true utility."""

    def __init__(self, engine: Engine, hidden: Hidden, plan: Plan, seed: int) -> None:
        self.hidden = hidden
        self._engine = engine
        self._plan = plan
        self._seed = seed
        self._temperature = 1.0
        self._consistency = 1.0
        self._unseen = 0.0
        self._questions = interleave(questions("report", True), plan.questions)
        self._reference = self._sample(None, REFERENCE_REPLIES, seed + 1)
        self._pool = self._sample(None, BEST_OF * plan.rounds, seed + 2)

    def calibrate_noise(self, asked: Sequence[Question]) -> None:
        """Find the choice temperature at which the person agrees with themselves 77.5 % of the
        time on pairs of the base's replies, and how much of the utility features.py misses."""
        replies = self._sample_for(asked, None, 8, self._seed + 3)
        worth = np.array(
            [
                [self.hidden.utility(question, reply.text) for reply in each]
                for question, each in zip(asked, replies, strict=True)
            ]
        )
        gaps = (worth[:, ::2] - worth[:, 1::2]).ravel()
        gaps = gaps[np.abs(gaps) > 1e-9]
        self._temperature = find_temperature(gaps, 0.775)
        self._consistency = self_consistency(gaps, self._temperature)
        texts = [[reply.text for reply in each] for each in replies]
        self._unseen = unseen_share([each.prompt for each in asked], texts, worth)

    def prefers_first(self, first: float, second: float, rng: random.Random) -> bool:
        """One noisy choice (Bradley-Terry)."""
        gap = (first - second) / self._temperature
        return rng.random() < 1 / (1 + math.exp(-max(-50.0, min(50.0, gap))))

    def judge_lanes(self, taste: Taste, adapter: AdapterUse | None, clicks: int) -> list[Row]:
        """Rows of the three lanes as they would serve now."""
        served = self._sample(adapter, BEST_OF * self._plan.rounds, self._seed + 4)
        of_base = self._best_of_n(taste, self._pool) if clicks else _firsts(self._pool)
        best = self._best_of_n(taste, served) if clicks else _firsts(served)
        kl = sequence_kl([reply for each in _firsts(served) for reply in each])
        return [
            self._row(clicks, "B", of_base, None),
            self._row(clicks, "C", _firsts(served), kl),
            self._row(clicks, "B+C", best, kl),
        ]

    def facts(self) -> dict[str, float]:
        """What must be known of the person to read the curve."""
        worth = self._worth(self._pool)
        reference = self._worth(self._reference)

        def oracle(n: int) -> float:
            groups = worth.reshape(len(worth), -1, n).max(axis=2)
            return win_rate(groups, reference)

        return {
            "oracle_best_of_4": oracle(4),
            "oracle_best_of_8": oracle(8),
            "self_consistency": self._consistency,
            "unseen_share": self._unseen,
        }

    def _row(
        self, clicks: int, lane: str, served: list[list[GeneratedReply]], kl: float | None
    ) -> Row:
        pairs = zip(self._worth(served), self._worth(self._reference), strict=True)
        wins = [win_rate(mine[None], base[None]) for mine, base in pairs]
        low, high = bootstrap_interval(wins, self._seed)
        return Row(
            person=self.hidden.name,
            clicks=clicks,
            lane=lane,
            win=mean(wins),
            win_low=low,
            win_high=high,
            facts=self._kept(served, "fact"),
            how_to=self._kept(served, "how_to"),
            kl_nats=kl,
            finished=mean([float(reply.finished) for each in served for reply in each]),
        )

    def _kept(self, served: list[list[GeneratedReply]], kind: str) -> float:
        marks, base_marks = [], []
        for question, replies, pool in zip(self._questions, served, self._pool, strict=True):
            if question.kind == kind and question.mark is not None:
                marks += [question.mark(reply.text) for reply in replies]
                base_marks += [question.mark(reply.text) for reply in pool]
        return mean(marks) / max(1e-9, mean(base_marks))

    def _worth(self, replies: list[list[GeneratedReply]]) -> Floats:
        return np.array(
            [
                [self.hidden.utility(question, reply.text) for reply in each]
                for question, each in zip(self._questions, replies, strict=True)
            ]
        )

    def _best_of_n(
        self, taste: Taste, samples: list[list[GeneratedReply]]
    ) -> list[list[GeneratedReply]]:
        return [
            pick_of_groups(taste, question.prompt, each)
            for question, each in zip(self._questions, samples, strict=True)
        ]

    def _sample(self, adapter: AdapterUse | None, n: int, seed: int) -> list[list[GeneratedReply]]:
        return self._sample_for(self._questions, adapter, n, seed)

    def _sample_for(
        self, asked: Sequence[Question], adapter: AdapterUse | None, n: int, seed: int
    ) -> list[list[GeneratedReply]]:
        return self._engine.sample(
            SampleRequest(
                prompts=tuple((Turn("user", each.prompt),) for each in asked),
                n=n,
                seed=seed,
                sampling=Sampling(temperature=Settings().temperature),
                adapter=adapter,
            )
        )


def pick_of_groups(
    taste: Taste, prompt: str, replies: Sequence[GeneratedReply], n: int = BEST_OF
) -> list[GeneratedReply]:
    """The reply that the session would serve, of each n replies in turn."""
    groups = [replies[at : at + n] for at in range(0, len(replies), n)]
    return [group[choose_reply(taste, prompt, group)] for group in groups]


def _firsts(samples: list[list[GeneratedReply]]) -> list[list[GeneratedReply]]:
    """One sample of each group of n: what a single sample would have served."""
    return [each[::BEST_OF] for each in samples]


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
