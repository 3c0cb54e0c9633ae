"""What the same clicks teach: our objectives, and TRL's DPO and KTO with their settings tuned.

Simulated people compare two answers of the starter in a real session and pick one. From these very
clicks learn, each from the base: ours, as the app would ask for it, and TRL's trainers with every
setting of a sweep, of which the one that wins most over all people counts; that favours TRL. What
either learned is a PEFT folder, and the same engine answers with it: one sample to each question
that nobody was asked (lane C alone; the gate is not asked either).

    the same clicks   win, facts, how-to and KL after 25 and 50 clicks
    equal KL          what RLOO and PPO give beyond DPO, weaker or stronger versions made comparable
    no guards         RLOO from the base without pairs, price of KL, budget, retention, doubt and
                      plausibility, at twice the pace: the learned reward goes up and the true
                      utility down

Every cell is kept beside the JSON, so that a run goes on where it was ended.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.quality_figures import Cell, summarise
from benchmarks.quality_trl import fit
from chatfeedback.engine.client import Engine
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.learning.calibration import Calibration, calibrate
from chatfeedback.learning.dataset import (
    add_evidence,
    add_trials,
    gather_pairs,
    gather_retention,
)
from chatfeedback.learning.objective import choose_objective, count_evidence, run_settings
from chatfeedback.learning.promotion import kept_share, sequence_kl
from chatfeedback.learning.retention import Question, interleave, questions
from chatfeedback.records import (
    AdapterUse,
    BaseInfo,
    FeedbackEvent,
    GeneratedReply,
    LearnRequest,
    LearnResult,
    Objective,
    RlooSettings,
    RunSettings,
    SampleRequest,
    Sampling,
    Turn,
)
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from chatfeedback.simulation.choices import (
    Floats,
    find_temperature,
    mean,
    win_rate,
)
from chatfeedback.simulation.gestures import Mind
from chatfeedback.simulation.lives import CONSISTENCY
from chatfeedback.simulation.people import Hidden, person_of
from chatfeedback.simulation.pool import REFERENCE, starter
from chatfeedback.taste.taste import Taste
from storage.store import open_store

PEOPLE = 6
FEW, MANY = 25, 50
QUESTIONS, REPLIES, BASE_REPLIES = 80, 3, 8
SWEEP = ((3e-4, 20), (1e-3, 6), (1e-3, 12), (3e-3, 3), (3e-3, 6))
"""TRL's learning rate and epochs. At (1e-3, 6) its DPO leaves the base by some 0.05 nats only; at
(1e-3, 20) it wins less than the base."""

GUARDS_OFF = replace(
    RlooSettings(),
    learning_rate=4e-3,
    replies_per_step=64,
    minibatch_replies=16,
    epochs=2,
    max_steps=20,
    kl_every_steps=10,
    kl_coef=0.0,
    kl_budget_nats=1e9,
    batch_kl_nats=1e9,
    retention_coef=0.0,
    uncertainty_coef=0.0,
    plausibility_coef=0.0,
    seconds_budget=1e9,
)

Replies = list[list[GeneratedReply]]


@dataclass(frozen=True)
class Way:
    """One way to learn from so many clicks. who: ours, trl or unguarded. rate, epochs: TRL's."""

    who: str
    method: Objective
    clicks: int
    rate: float = 0.0
    epochs: int = 0

    @property
    def name(self) -> str:
        """As it stands in the figures."""
        setting = f"_{self.rate:g}_x{self.epochs}" if self.epochs else ""
        return f"{self.who}_{self.method}_{self.clicks}{setting}"

    @property
    def scales(self) -> tuple[float, ...]:
        """How strongly it answers; half too, where it is compared at equal KL."""
        return (1.0, 0.5) if self.who == "ours" and self.clicks == MANY else (1.0,)


def ways() -> list[Way]:
    """All, in the order in which one person's are run."""
    ours = [Way("ours", method, n) for n in (FEW, MANY) for method in _OURS]
    trl = [Way("trl", method, MANY, *setting) for setting in SWEEP for method in _TRL]
    return [*ours, *trl, Way("unguarded", "rloo", MANY)]


_OURS: tuple[Objective, ...] = ("dpo", "kto", "rloo", "ppo")
_TRL: tuple[Objective, ...] = ("dpo", "kto")


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    torch.set_num_threads(int(os.environ.get("CHATFEEDBACK_THREADS", "1")))
    kept = json_path.with_suffix(".cells.jsonl") if json_path else None
    found = read_cells(kept)
    with starter() as (engine, base):
        calibration = calibrate(engine, base)
        asked = interleave(questions("report", True), QUESTIONS)
        usual = Usual(asked, answer(engine, asked, BASE_REPLIES, None))
        for number in range(PEOPLE):
            for cells in live(number, engine, base, calibration, usual, found):
                found += cells
                print(*cells, sep="\n", flush=True)
                keep_cells(cells, kept)
    ratios, figures = summarise(found, FEW, MANY)
    settings = {"people": PEOPLE, "questions": QUESTIONS, "replies": REPLIES, "sweep": SWEEP}
    report = {"name": "quality", "ratios": ratios, "figures": figures}
    for name, value in {**figures, **ratios}.items():
        print(f"{name:36} {value:8.3f}")
    if json_path:
        report |= {"settings": {**settings, "cells": found}}
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def read_cells(kept: Path | None) -> list[Cell]:
    """What an earlier run with the same file found."""
    if kept is None or not kept.exists():
        return []
    return [json.loads(line) for line in kept.read_text("utf-8").splitlines()]


def keep_cells(cells: Sequence[Cell], kept: Path | None) -> None:
    """Add the cells of one way to the file, in one piece."""
    if kept is not None:
        with kept.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(cell) + "\n" for cell in cells))


# --- one person ----------------------------------------------------------------------------------


def live(
    number: int,
    engine: Engine,
    base: BaseInfo,
    calibration: Calibration,
    usual: Usual,
    found: Sequence[Cell],
) -> Iterator[list[Cell]]:
    """Click, and learn in every way that is not among the cells found yet; the cells of each."""
    hidden = replace(person_of(number, 0), later=None)
    known = {cell["way"] for cell in found if cell["person"] == hidden.name}
    missing = [way for way in ways() if way.name not in known]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "data")
        store.save_basis(calibration.base_key, calibration.to_bytes())
        session = Session(store, engine, replace(Settings(), learn_when_idle=False), seed=number)
        try:
            session.wait_until_ready()
            person_id = session.default_person().person_id
            mind = Mind(hidden, usual.temperature(hidden), 0.0, np.random.default_rng(number))
            chat = questions("chat", True)
            order = mind.rng.permutation(len(chat))
            for clicks in range(1, max(way.clicks for way in missing) + 1):
                click(session, person_id, mind, chat[order[clicks]], clicks)
                for way in missing:
                    if way.clicks == clicks:
                        taste = session.taste(person_id)
                        target = Path(folder) / "adapters" / way.name
                        learn(way, engine, base, taste, calibration, target, number)
                        yield list(judge(way, engine, hidden, taste, usual, target))
        finally:
            session.close()
            store.close()


def click(session: Session, person_id: int, mind: Mind, question: Question, number: int) -> None:
    """One pair judged, through the same calls as the page makes."""
    conversation_id = session.new_conversation(person_id)
    shown = list(session.compare(person_id, conversation_id, question.prompt, f"m{number}"))[-1]
    if shown.phase != "done":
        raise ChatFeedbackError(f"The comparison failed: {shown.notice}")
    best = mind.best_of([mind.hidden.utility(question, text) for text in shown.texts])
    event = FeedbackEvent(
        client_id=f"c{number}",
        kind="pick",
        comparison_id=shown.comparison_id,
        outcome="second" if best else "first",
    )
    session.give_feedback(person_id, event)


def learn(
    way: Way,
    engine: Engine,
    base: BaseInfo,
    taste: Taste,
    calibration: Calibration,
    target: Path,
    seed: int,
) -> None:
    """Write the adapter folder `target`."""
    if way.who == "trl":
        fit(way.method, (way.rate, way.epochs), taste, target, seed)
        return
    guarded = run_settings(way.method, Settings(), base)
    settings = GUARDS_OFF if way.who == "unguarded" else guarded
    request = plan_run(taste, calibration, settings, target, seed)
    if way.who == "unguarded":
        request = replace(request, pairs=())
    request = add_trials(add_evidence(request, taste, base.key), taste, calibration)
    if not any(isinstance(event, LearnResult) for event in engine.learn(request)):
        raise ChatFeedbackError(f"The engine ended {way.name} without a result.")


def plan_run(
    taste: Taste, calibration: Calibration, settings: RunSettings, target: Path, seed: int
) -> LearnRequest:
    """A run on a person's choices alone, written to the folder `target`."""
    return LearnRequest(
        run_id=target.name,
        folder=str(target),
        adapter_id=target.name,
        pairs=gather_pairs(taste, calibration),
        retention=gather_retention(calibration),
        probe_prompts=calibration.probe_prompts,
        settings=settings,
        seed=seed,
    )


# --- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Usual:
    """The questions that nobody was asked, and what the base says to them."""

    asked: list[Question]
    replies: Replies

    def worth(self, hidden: Hidden, replies: Replies) -> Floats:
        """What replies to these questions are worth to somebody, (questions, replies)."""
        both = zip(self.asked, replies, strict=True)
        return np.array([[hidden.utility(asked, r.text) for r in each] for asked, each in both])

    def temperature(self, hidden: Hidden) -> float:
        """Of their choices."""
        worth = self.worth(hidden, self.replies)
        gaps = (worth[:, ::2] - worth[:, 1::2]).ravel()
        return find_temperature(gaps[np.abs(gaps) > 1e-9], CONSISTENCY)


def answer(engine: Engine, asked: list[Question], n: int, adapter: AdapterUse | None) -> Replies:
    """n samples to each question, as in a chat; the base's and the others' luck differ."""
    return engine.sample(
        SampleRequest(
            prompts=tuple((Turn("user", each.prompt),) for each in asked),
            n=n,
            seed=1 if adapter is None else 2,
            sampling=Sampling(temperature=Settings().temperature),
            adapter=adapter,
        )
    )


def judge(
    way: Way, engine: Engine, hidden: Hidden, taste: Taste, usual: Usual, folder: Path
) -> Iterator[Cell]:
    """One cell for each scale. utility, learned: the true utility and the learned reward of a
    reply, less those of the base's. auto: what the app would have chosen to learn by."""
    base_worth = usual.worth(hidden, usual.replies)
    counts = count_evidence(taste.judgements)
    for scale in way.scales:
        replies = answer(engine, usual.asked, REPLIES, AdapterUse(folder.name, str(folder), scale))
        worth = usual.worth(hidden, replies)
        learned = [
            (taste.phis(q.prompt, own).mean(0) - taste.phis(q.prompt, base).mean(0))
            @ taste.model.weights
            for q, own, base in zip(usual.asked, replies, usual.replies, strict=True)
        ]
        yield {
            "person": hidden.name,
            "way": way.name,
            "who": way.who,
            "method": way.method,
            "clicks": way.clicks,
            "scale": scale,
            "auto": choose_objective(counts, taste.agreement(), Settings())[0],
            "win": win_rate(worth, base_worth[:, :REFERENCE]),
            "utility": float(worth.mean() - base_worth.mean()),
            "learned": mean(learned),
            "facts": kept_share(usual.asked, replies, usual.replies, "fact"),
            "how_to": kept_share(usual.asked, replies, usual.replies, "how_to"),
            "kl_nats": sequence_kl([reply for each in replies for reply in each]),
            "finished": mean([float(reply.finished) for each in replies for reply in each]),
        }
