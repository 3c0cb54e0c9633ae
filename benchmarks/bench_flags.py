"""Does what a person flags end, and does it stay away?

A simulated person uses a real session on the starter. They chat until five replies have shown one
wording, and flag these; then they compare answers by a taste of their own and let it learn after
every tenth click, five versions more than the first, without flagging anything again. Each version
is judged on questions that nobody was asked:

    base       one sample of the base
    unflagged  one sample of an adapter learned from the first ten clicks without the flags: what
               the taste alone does to the wording
    adapter    one sample of the adapter that serves
    served     the best of eight of it, as the session chooses

It is the hard case: the person likes formal answers, and the wording is one of the formal ones.
Promised is that at most a fifth of it is left. Cells are printed as they are found.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.bench_quality import Replies, Usual, answer, click, plan_run
from chatfeedback.asking.explore import choose_reply
from chatfeedback.engine.client import Engine
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.learning.calibration import Calibration, calibrate
from chatfeedback.learning.objective import run_settings
from chatfeedback.learning.promotion import BEHAVIOUR_LEFT, kept_share, sequence_kl
from chatfeedback.learning.retention import Question, interleave, questions
from chatfeedback.protocols import Store
from chatfeedback.records import (
    AdapterUse,
    BaseInfo,
    FeedbackEvent,
    LearnResult,
)
from chatfeedback.requests import adapter_use
from chatfeedback.rules.flags import FLAGS_TO_ACT, Behaviour, share_showing
from chatfeedback.rules.orders import Orders
from chatfeedback.rules.principles import Rules
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from chatfeedback.simulation.choices import win_rate
from chatfeedback.simulation.gestures import Mind
from chatfeedback.simulation.people import PEOPLE, Hidden
from chatfeedback.simulation.pool import REFERENCE, starter
from chatfeedback.taste.taste import Taste
from storage.store import open_store

PERSON = "formal"
WORDING = "in brief"
VERSIONS = 6
CLICKS = 10
QUESTIONS, BASE_REPLIES = 100, 8
DRAWN, ROUNDS = 16, 6
"""Samples of each version to a question, and how often eight of them are chosen among anew."""

BEST_OF = Settings().best_of
SEED = 1


@dataclass(frozen=True)
class Cell:
    """One way to answer, after so many versions.

    shown: share of replies with the wording. facts, how_to: shares of what the base knows.
    win: as in `simulate`. scale: how strongly the adapter serves; 0 for the base.
    """

    version: int
    lane: str
    replies: int
    shown: float
    win: float
    facts: float | None
    how_to: float | None
    kl_nats: float
    finished: float
    scale: float
    outcome: str


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    os.environ.setdefault("CHATFEEDBACK_THREADS", "1")
    started = time.monotonic()
    print(f"{'version':>7}  {'lane':9}  replies  shown   win    facts  how-to   KL   scale")
    cells = []
    for cell in live():
        print(in_a_row(cell), flush=True)
        cells.append(cell)
    figures = summarise(cells)
    for name, value in figures.items():
        print(f"{name:24} {value:8.3f}")
    settings = {
        "person": PERSON,
        "wording": WORDING,
        "flags": FLAGS_TO_ACT,
        "clicks_per_version": CLICKS,
        "questions": QUESTIONS,
        "seed": SEED,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(cpu_seconds(), 1),
        "cells": [asdict(cell) for cell in cells],
    }
    report = {"name": "flags", "ratios": {}, "figures": figures, "settings": settings}
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def in_a_row(cell: Cell) -> str:
    """As it stands in the table."""
    facts, how_to = (
        "    -" if each is None else f"{each:.3f}" for each in (cell.facts, cell.how_to)
    )
    return (
        f"{cell.version:7d}  {cell.lane:9}  {cell.replies:7d}  {cell.shown:.4f}  {cell.win:.3f}  "
        f"{facts}  {how_to}  {cell.kl_nats:5.2f}  {cell.scale:.2f}  {cell.outcome}"
    )


def summarise(cells: Sequence[Cell]) -> dict[str, float]:
    """How far the wording fell, as shares of the base's: at the first version and, over the later
    ones, at the worst of them. 1 = it is gone. fall_promised: what it should be at least. promoted:
    versions that the gate let serve; after one that it turned down, an earlier one is judged."""
    [base] = [cell for cell in cells if cell.lane == "base"]
    adapters = [cell for cell in cells if cell.lane == "adapter"]
    promoted = sum(cell.outcome == "promoted" for cell in adapters)
    figures = {
        "base_shown": base.shown,
        "fall_promised": 1 - BEHAVIOUR_LEFT,
        "versions": len(adapters),
        "promoted": promoted,
    }
    for lane in dict.fromkeys(cell.lane for cell in cells if cell.lane != "base"):
        falls = [1 - cell.shown / base.shown for cell in cells if cell.lane == lane]
        figures[f"{lane}_fall_first"] = falls[0]
        if falls[1:]:
            figures[f"{lane}_fall_least_later"] = min(falls[1:])
    return figures


def cpu_seconds() -> float:
    """Of this process and of the engines that it has ended."""
    return sum(os.times()[:4])


# --- the person's life ---------------------------------------------------------------------------


def live() -> Iterator[Cell]:
    """Flag, click and learn; the cells of each version as they are found."""
    with starter() as (engine, base), tempfile.TemporaryDirectory() as folder:
        calibration = calibrate(engine, base)
        asked = interleave(questions("report", base.is_starter), QUESTIONS)
        usual = Usual(asked, answer(engine, asked, BASE_REPLIES, None))
        [hidden] = [person for person in PEOPLE if person.name == PERSON]
        judge = Judge(usual, hidden, Behaviour(WORDING, FLAGS_TO_ACT))
        yield judge.judge(0, "base", usual.replies)
        store = open_store(Path(folder))
        store.save_basis(base.key, calibration.to_bytes())
        session = Session(store, engine, replace(Settings(), learn_when_idle=False), seed=SEED)
        try:
            session.wait_until_ready()
            mind = Mind(hidden, usual.temperature(hidden), 0.0, np.random.default_rng(SEED))
            yield from live_on(session, store, engine, base, calibration, mind, judge)
        finally:
            session.close()
            store.close()


def live_on(
    session: Session,
    store: Store,
    engine: Engine,
    base: BaseInfo,
    calibration: Calibration,
    mind: Mind,
    judge: Judge,
) -> Iterator[Cell]:
    """Five flags, then version after version."""
    person_id = session.default_person().person_id
    chat = questions("chat", base.is_starter)
    order = [chat[at] for at in mind.rng.permutation(len(chat))]
    flag_replies(session, person_id, order, judge.behaviour)
    for version in range(1, VERSIONS + 1):
        for number in range((version - 1) * CLICKS + 1, version * CLICKS + 1):
            click(session, person_id, mind, order[-number], number)
        taste = session.taste(person_id)
        if version == 1:
            use = learn_unflagged(engine, base, taste, calibration, store.folder / "unflagged")
            plain = answer(engine, judge.usual.asked, DRAWN, use)
            yield judge.judge(version, "unflagged", plain, use)
        session.learn_now(person_id)
        session.wait_for_learning(person_id)
        serving = adapter_use(store.serving(person_id, base.key))
        outcome = store.runs(person_id)[0].state
        drawn = answer(engine, judge.usual.asked, DRAWN, serving)
        yield judge.judge(version, "adapter", drawn, serving, outcome)
        rules = Orders(store).rules(person_id, taste, calibration)
        served = choose_served(taste, judge.usual.asked, drawn, rules)
        yield judge.judge(version, "served", served, serving, outcome)


def flag_replies(
    session: Session, person_id: int, order: Sequence[Question], behaviour: Behaviour
) -> None:
    """Chat until five replies have shown the behaviour, each of them flagged as it comes."""
    flags = 0
    for number, question in enumerate(order):
        chat = session.new_conversation(person_id)
        shown = list(session.reply(person_id, chat, question.prompt, f"r{number}"))[-1]
        if shown.phase != "done":
            raise ChatFeedbackError(f"The reply failed: {shown.notice}")
        if not behaviour.check.keeps(shown.texts[0]):
            flags += 1
            event = FeedbackEvent(f"f{flags}", "flag", reply_id=shown.reply_ids[0], flag="biased")
            session.give_feedback(person_id, event)
        if flags == FLAGS_TO_ACT:
            return
    raise ChatFeedbackError(
        f"Only {flags} of {len(order)} replies said “{behaviour.wording}”; {FLAGS_TO_ACT} are "
        "needed. Take a wording that the starter uses more often."
    )


def learn_unflagged(
    engine: Engine, base: BaseInfo, taste: Taste, calibration: Calibration, target: Path
) -> AdapterUse:
    """What would have been learned from the same clicks without the flags."""
    settings = run_settings("dpo", Settings(), base)
    request = plan_run(taste, calibration, settings, target, SEED)
    if not any(isinstance(event, LearnResult) for event in engine.learn(request)):
        raise ChatFeedbackError("The engine ended the update without a result.")
    return AdapterUse(target.name, str(target), 1.0)


def choose_served(taste: Taste, asked: Sequence[Question], drawn: Replies, rules: Rules) -> Replies:
    """What the session would serve of eight samples to a question, drawn anew six times."""
    rng = np.random.default_rng(SEED)
    served = []
    for question, replies in zip(asked, drawn, strict=True):
        groups = [
            [replies[at] for at in rng.permutation(len(replies))[:BEST_OF]] for _ in range(ROUNDS)
        ]
        served.append([each[choose_reply(taste, question.prompt, each, rules)] for each in groups])
    return served


# --- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judge:
    """Judges replies to the questions that nobody was asked."""

    usual: Usual
    hidden: Hidden
    behaviour: Behaviour

    def judge(
        self,
        version: int,
        lane: str,
        replies: Replies,
        use: AdapterUse | None = None,
        outcome: str = "",
    ) -> Cell:
        """What one way to answer is like."""
        flat = [reply for each in replies for reply in each]
        of_base = self.usual.worth(self.hidden, self.usual.replies)
        return Cell(
            version=version,
            lane=lane,
            replies=len(flat),
            shown=share_showing(self.behaviour, [reply.text for reply in flat]),
            win=win_rate(self.usual.worth(self.hidden, replies), of_base[:, :REFERENCE]),
            facts=kept_share(self.usual.asked, replies, self.usual.replies, "fact"),
            how_to=kept_share(self.usual.asked, replies, self.usual.replies, "how_to"),
            kl_nats=sequence_kl(flat),
            finished=float(np.mean([reply.finished for reply in flat])),
            scale=use.scale if use else 0.0,
            outcome=outcome,
        )
