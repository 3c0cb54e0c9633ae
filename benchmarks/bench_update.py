"""From new clicks to weights that answer: a running engine of ours against a new TRL trainer.

Both take one optimiser step on the same pairs at chat shape. Ours is what the app does: the request
goes to the engine's process, reference log-probabilities are computed, the adapter is published as
a verified folder and a first token is written with it. TRL accepts no pairs while it runs, so each
batch of clicks needs a trainer: dataset, reference log-probabilities, step; its model is loaded
and its library imported already, which a real app could arrange. Runs alternate; wall seconds.

Beside it, what a person waits in the app as it is: from the tenth choice on the starter, through
the pause, a whole run and the gate, to the version that answers.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch

from benchmarks import peer
from chatfeedback.engine.client import Engine
from chatfeedback.learning.retention import questions
from chatfeedback.records import (
    AdapterUse,
    DpoSettings,
    FeedbackEvent,
    GenerateRequest,
    LearnRequest,
    LearnResult,
    PreferencePair,
    Sampling,
    Turn,
)
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store

ROUNDS = 3
NUMBERS = {"one_pair": 1, "eight_pairs": 8}


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    threads = int(os.environ.setdefault("CHATFEEDBACK_THREADS", "1"))
    torch.set_num_threads(threads)
    figures, ratios = {}, {}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        _engine(Path(folder)) as engine,
    ):
        for name, count in NUMBERS.items():
            ours, theirs = time_updates(engine, Path(folder), count)
            figures |= {f"{name}_ours_s": ours, f"{name}_trl_s": theirs}
            ratios[name] = theirs / ours
    figures["click_to_serving_s"] = time_click_to_serving()
    for name, value in {**figures, **ratios}.items():
        print(f"{name:20} {value:10.4g}")
    settings = {"rounds": ROUNDS, "threads": threads, "shape": "chat"}
    report = {"name": "update", "ratios": ratios, "figures": figures, "settings": settings}
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def _engine(folder: Path) -> Engine:
    """The engine with the random model, which TRL gets too."""
    model = folder / "model"
    peer.make_model().save_pretrained(model)
    tokenizer = peer.make_tokenizer()
    tokenizer.chat_template = (
        "{% for message in messages %}{{ 'w7 ' + message['content'] + ' <end> ' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'w8 ' }}{% endif %}"
    )
    tokenizer.save_pretrained(model)
    engine = Engine(str(model), "none", folder / "engine.log")
    engine.wait_until_ready(timeout_s=900)
    return engine


def time_updates(engine: Engine, folder: Path, count: int) -> tuple[float, float]:
    """Median seconds from `count` new pairs to a first token of the new weights: (ours, TRL's)."""
    ours, theirs = [], []
    for at in range(ROUNDS):
        pairs = peer.make_pairs("chat", count, seed=at)
        started = time.perf_counter()
        _update(engine, folder / "adapters" / f"{count}-{at}", pairs)
        ours.append(time.perf_counter() - started)
        model = peer.make_model()
        started = time.perf_counter()
        peer.make_trainer(pairs, pairs_per_step=count, steps=1, model=model).train()
        theirs.append(time.perf_counter() - started)
    return statistics.median(ours), statistics.median(theirs)


def _update(engine: Engine, folder: Path, pairs: tuple[PreferencePair, ...]) -> None:
    settings = DpoSettings(
        beta=peer.BETA,
        learning_rate=peer.RATE,
        rank=peer.RANK,
        alpha=peer.ALPHA,
        pairs_per_step=len(pairs),
        max_steps=1,
        warmup_steps=0,
        nll_coef=0.0,
        retention_coef=0.0,
        seconds_budget=1e9,
    )
    request = LearnRequest(
        run_id=folder.name,
        folder=str(folder),
        adapter_id=folder.name,
        pairs=pairs,
        retention=(),
        probe_prompts=(pairs[0].prompt_ids,),
        settings=settings,
        seed=0,
    )
    assert any(isinstance(event, LearnResult) for event in engine.learn(request))
    first_token = GenerateRequest(
        turns=(Turn("user", "w9"),),
        n=1,
        seed=0,
        sampling=Sampling(max_new_tokens=1),
        adapter=AdapterUse(folder.name, str(folder), 1.0),
        conversation_key="bench",
    )
    assert list(engine.generate(first_token))


def time_click_to_serving() -> float:
    """Seconds from the tenth choice (always the shorter answer) to a version that serves."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = open_store(Path(folder))
        with Engine(None, "none", Path(folder) / "engine.log") as engine:
            session = Session(store, engine, Settings(), seed=0)
            session.wait_until_ready()
            me = session.default_person().person_id
            for at, question in enumerate(questions("chat", True)[: Settings().clicks_per_run]):
                _pick_shorter(session, me, question.prompt, at)
            started = time.perf_counter()
            while not store.runs(me):
                session.wait_for_learning(me, timeout_s=0.1)
            session.wait_for_learning(me)
            seconds = time.perf_counter() - started
            status = session.learning_status(me)
            session.close()
        store.close()
    if status.serving is None:
        raise RuntimeError(f"No version serves after ten choices: {status.last_outcome}")
    return seconds


def _pick_shorter(session: Session, me: int, prompt: str, number: int) -> None:
    chat = session.new_conversation(me)
    shown = list(session.compare(me, chat, prompt, f"m{number}"))[-1]
    first, second = (len(text) for text in shown.texts[:2])
    outcome = "first" if first < second else "second"
    event = FeedbackEvent(f"c{number}", "pick", comparison_id=shown.comparison_id, outcome=outcome)
    session.give_feedback(me, event)
