"""From new clicks to weights that answer: a running engine of ours against a new TRL trainer.

Both take one optimiser step on the same pairs at chat shape and write the adapter. Ours is what the
app does: the request goes to the engine's process, reference log-probabilities are computed, the
policy writes a reply to look at its KL, the adapter is published as a verified folder and a first
token is written with it. TRL accepts no pairs while it runs, so each batch of clicks needs a new
trainer, here in a process of its own (`one_pair`, `eight_pairs`). An app built around it could keep
the library and a second copy of the model in memory: then only dataset, reference
log-probabilities, step and saving count (`..._loaded`). Runs alternate, TRL in float32 and in
bfloat16, the faster one counts; wall seconds.

Beside it, what a person waits in the app as it is: from the tenth choice on the starter, through
the pause, a whole run and the gate, to the version that answers.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
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
ENDS = 100  # words that end a turn: a reply of random words then is as long as those of the pairs
ROOT = Path(__file__).resolve().parents[1]


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
            ours, theirs, loaded = time_updates(engine, Path(folder), count)
            figures |= {f"{name}_ours_s": ours, f"{name}_trl_s": theirs}
            figures |= {f"{name}_trl_loaded_s": loaded}
            ratios |= {name: theirs / ours, f"{name}_loaded": loaded / ours}
    figures["click_to_serving_s"] = time_click_to_serving()
    for name, value in {**figures, **ratios}.items():
        print(f"{name:24} {value:10.4g}")
    settings = {"rounds": ROUNDS, "threads": threads, "shape": "chat"}
    report = {"name": "update", "ratios": ratios, "figures": figures, "settings": settings}
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def _engine(folder: Path) -> Engine:
    """The engine with the random model, which TRL gets too."""
    model = folder / "model"
    random_model = peer.make_model()
    ends = [peer.END, *range(peer.VOCABULARY - ENDS, peer.VOCABULARY)]
    random_model.generation_config.eos_token_id = ends
    random_model.save_pretrained(model)
    tokenizer = peer.make_tokenizer()
    tokenizer.chat_template = (
        "{% for message in messages %}{{ 'w7 ' + message['content'] + ' <end> ' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'w8 ' }}{% endif %}"
    )
    tokenizer.save_pretrained(model)
    engine = Engine(str(model), "none", folder / "engine.log")
    engine.wait_until_ready(timeout_s=900)
    return engine


def time_updates(engine: Engine, folder: Path, count: int) -> tuple[float, float, float]:
    """Median seconds from `count` new pairs to weights that can be used: ours, TRL's in a new
    process, and TRL's with everything loaded."""
    ours: list[float] = []
    theirs: dict[str, list[tuple[float, float]]] = {"float32": [], "bf16": []}
    for at in range(ROUNDS):
        pairs = peer.make_pairs("chat", count, seed=at)
        started = time.perf_counter()
        _update(engine, folder / "adapters" / f"{count}-{at}", pairs)
        ours.append(time.perf_counter() - started)
        for precision, times in theirs.items():
            times.append(_time_trl(count, at, precision))
    medians = [
        tuple(statistics.median(column) for column in zip(*times, strict=True))
        for times in theirs.values()
    ]
    whole, loaded = (min(column) for column in zip(*medians, strict=True))
    return statistics.median(ours), whole, loaded


def _time_trl(count: int, seed: int, precision: str) -> tuple[float, float]:
    """Seconds of the whole process, and of what it does once everything is loaded."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.update_trl", str(count), str(seed), precision]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    last = told.strip().splitlines()[-1]
    return time.perf_counter() - started, float(last.split()[-1])


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
