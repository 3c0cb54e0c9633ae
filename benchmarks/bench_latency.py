"""How long a person waits: for the page, the first reply, the first token, and after a click.

The same session code as the app's, on the real starter, idle and while a learning run is on.
First-token times are taken in alternation (idle, learning, idle, ...) so that a change of the
machine's speed does not look like a ratio.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from chatfeedback.engine.client import Engine
from chatfeedback.learning.retention import questions
from chatfeedback.records import DpoSettings, FeedbackEvent
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store

REPLIES = 24
ROOT = Path(__file__).resolve().parents[1]
# A run that does not end by itself while it is measured.
ENDLESS = DpoSettings(max_steps=100_000, kl_budget_nats=1e9, seconds_budget=1e9)


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    with tempfile.TemporaryDirectory() as folder:
        figures = measure_session(Path(folder))
        figures |= measure_start(Path(folder))
    ratios = {"first_token_idle_over_learning": figures["first_token_ratio"]}
    settings = {"replies": REPLIES, "threads": os.environ.get("CHATFEEDBACK_THREADS", "default")}
    report = {"name": "latency", "ratios": ratios, "figures": figures, "settings": settings}
    for name, value in figures.items():
        print(f"{name:32} {value:10.2f}")
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def measure_session(folder: Path) -> dict[str, float]:
    """First tokens and clicks, idle and while learning, in milliseconds."""
    settings = replace(Settings(), learn_when_idle=False, min_clicks_for_best_of=10**9, dpo=ENDLESS)
    store = open_store(folder)
    with Engine(None, "none", folder / "engine.log") as engine:
        session = Session(store, engine, settings, seed=0)
        session.wait_until_ready()
        me = session.default_person().person_id
        asked = [question.prompt for question in questions("chat", True)]
        clicks: dict[str, list[float]] = {"idle": [], "learning": []}
        tokens: dict[str, list[float]] = {"idle": [], "learning": []}
        for at in range(10):
            click(session, me, asked[at], at)  # warm up, and something to learn from
        for at in range(10, 10 + 2 * REPLIES):
            state = ("idle", "learning")[at % 2]
            if state == "learning":
                session.learn_now(me)
                wait_until(lambda: session.learning_status(me).step > 0)
            clicks[state].append(click(session, me, asked[at], at))
            tokens[state].append(first_token(session, me, asked[-at], at))
            if state == "learning":
                session.stop_learning(me)
                session.wait_for_learning(me)
        session.close()
    store.close()
    idle, learning = (statistics.median(tokens[state]) for state in ("idle", "learning"))
    return {
        "click_idle_ms": statistics.median(clicks["idle"]),
        "click_learning_ms": statistics.median(clicks["learning"]),
        "first_token_idle_ms": idle,
        "first_token_learning_ms": learning,
        "first_token_ratio": learning / idle,
    }


def click(session: Session, me: int, prompt: str, number: int) -> float:
    """Compare two answers and pick one; from the click to the stored posterior, ms."""
    chat = session.new_conversation(me)
    shown = list(session.compare(me, chat, prompt, f"m{number}"))[-1]
    event = FeedbackEvent(f"c{number}", "pick", comparison_id=shown.comparison_id, outcome="first")
    return session.give_feedback(me, event).learn_ms


def first_token(session: Session, me: int, prompt: str, number: int) -> float:
    """From sending a message to the first text, ms."""
    chat = session.new_conversation(me)
    started = time.perf_counter()
    waited = 0.0
    for progress in session.reply(me, chat, prompt, f"r{number}"):
        if not waited and progress.texts[0]:
            waited = 1000 * (time.perf_counter() - started)
    return waited


def measure_start(folder: Path) -> dict[str, float]:
    """A second start on the same data folder: seconds to the page, and to an answering model."""
    started = time.perf_counter()
    app = subprocess.Popen(
        [sys.executable, "-m", "chatfeedback.cli", "chat", "--no-browser", "--data", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert app.stdout is not None
        url = next(line for line in app.stdout if "http" in line).split()[-1]
        health = url.split("?")[0] + "healthz"
        wait_until(lambda: answers(health))
        page_s = time.perf_counter() - started
    finally:
        app.terminate()
        app.wait(20)
    started = time.perf_counter()
    store = open_store(folder)
    with Engine(None, "none", folder / "engine.log") as engine:
        session = Session(store, engine, replace(Settings(), learn_when_idle=False))
        session.wait_until_ready()
        me = session.default_person().person_id
        list(session.reply(me, session.new_conversation(me), "Hello!", "start"))
        reply_s = time.perf_counter() - started
        session.close()
    store.close()
    return {"second_start_page_s": page_s, "second_start_reply_s": reply_s}


def answers(url: str) -> bool:
    """Whether the server is there (a refusal by its gate counts: it is up)."""
    try:
        with urlopen(url, timeout=1):
            return True
    except URLError as error:
        return hasattr(error, "code")


def wait_until(holds: Callable[[], bool], timeout_s: float = 120.0) -> None:
    """Look every few milliseconds."""
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happened within {timeout_s:.0f} s")
        time.sleep(0.01)
