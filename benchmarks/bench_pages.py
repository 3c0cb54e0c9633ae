"""How smooth the chat is with a long past: real pages, store and session, a fake engine's words.

Frames are counted in Chromium while an answer streams at the pace of a quick model: in a new
conversation, in long ones, beside a thousand others, and while a model learns. Needs the test
extras, whose browser and fake engine it drives. Ratios are of what is wanted (30 frames a second,
1 s to open a conversation, 2 s until a cold page can be used): more than 1 is better.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench_latency import wait_until
from chatfeedback.engine.client import Engine
from chatfeedback.errors import InputRefused
from chatfeedback.learning.retention import questions
from chatfeedback.records import (
    DpoSettings,
    FeedbackEvent,
    GeneratedReply,
    GenerateRequest,
    TextDelta,
)
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import Store, open_store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
try:
    from browsing import Server, Visit, composer, expect, open_chromium
    from fakes import FakeEngine
except ImportError as error:
    raise InputRefused(
        f"bench pages drives a browser and needs the test extras ({error}). "
        "Run `python launch.py test -k nothing` once; it installs them."
    ) from error

WORDS = 300
WORDS_A_SECOND = 60
# What a person should find: everything at least this good.
WANTED = {"frames_a_second": 30.0, "opens_s": 1.0, "usable_s": 2.0}

# A run that does not end by itself while it is measured.
ENDLESS = DpoSettings(max_steps=100_000, kl_budget_nats=1e9, seconds_budget=1e9)

# Counts frames from the first word in the live block to the last, and the longest wait for one.
# Playwright only waits for the promise: its own looking at the page would cost frames.
COUNT_FRAMES = """() => {
    const seen = {frames: 0, first: 0, last: 0, longest: 0};
    window.counted = new Promise(resolve => {
        const look = now => {
            const isLive = Boolean(document.querySelector('#live .md')?.textContent.trim());
            if (seen.first && !isLive) return resolve(seen);
            if (isLive && seen.last) seen.frames += 1;
            if (isLive && seen.last) seen.longest = Math.max(seen.longest, now - seen.last);
            if (isLive) { seen.first ||= now; seen.last = now; }
            requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    });
}"""
# The moment at which the list and the message box can be used, ms since the page was asked for.
WATCH_LOADING = """
    const look = () => {
        const box = document.querySelector('#message textarea:enabled');
        if (box && document.querySelector('.talk')) window.usableAfter = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
"""
# From a click on a conversation to the frame that shows its last answer.
OPEN = """title => new Promise(resolve => {
    const links = [...document.querySelectorAll('.talk .open')];
    const start = performance.now(), transcript = document.querySelector('#transcript');
    const look = () => transcript.textContent.includes('the very last answer')
        ? resolve(performance.now() - start) : requestAnimationFrame(look);
    links.find(each => each.textContent === title).click();
    look();
})"""


class TalkingEngine(FakeEngine):
    """Answers with many words, at the pace of a quick model."""

    def generate(self, request: GenerateRequest) -> Iterator[TextDelta | GeneratedReply]:
        pause, start = threading.Event(), time.monotonic()
        words = [f"**word{number}**, `code` and more " for number in range(WORDS)]
        for number, word in enumerate(words):
            pause.wait(max(0.0, start + number / WORDS_A_SECOND - time.monotonic()))
            yield TextDelta(0, word, (number,))
        yield dataclasses.replace(self._reply(0, "", None), text="".join(words))


def fill_conversation(store: Store, session: Session, title: str, exchanges: int) -> int:
    """A conversation of so many questions and answers; its number."""
    me = session.default_person().person_id
    talk = session.new_conversation(me)
    session.rename_conversation(me, talk, title)
    answer = "A paragraph with **bold** words.\n\n- one\n- two\n\n```python\nprint(1)\n```\n"
    with store._database.write() as db:
        after = db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
        replies = db.execute("SELECT coalesce(max(id), 0) FROM reply").fetchone()[0]
        now = "2026-11-20T10:00:00+00:00"
        for at in range(1, exchanges + 1):
            said = answer if at < exchanges else "the very last answer"
            db.execute(
                "INSERT INTO message (id, person_id, conversation_id, client_id, text,"
                " created_at_utc) VALUES (?, ?, ?, ?, ?, ?)",
                [after + at, me, talk, f"client-{after + at}", f"question {at}", now],
            )
            db.execute(
                "INSERT INTO reply (id, person_id, message_id, state, was_shown, text, prompt_ids,"
                " token_ids, stop_reason, base_key, adapter_scale, sampling, seed, candidates,"
                " reply_ms, created_at_utc) VALUES (?, ?, ?, 'done', 1, ?, zeroblob(4000),"
                " zeroblob(400), 'end', 'base-1', 0, '{}', 0, 1, 900, ?)",
                [replies + at, me, after + at, said, now],
            )
            db.execute(
                "UPDATE message SET shown_reply_id = ? WHERE id = ?", [replies + at, after + at]
            )
    return talk


def stream_and_count(page) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """Frames a second while an answer streams, and the longest gap between two."""
    page.evaluate(COUNT_FRAMES)
    composer(page).fill("and now?")
    composer(page).press("Enter")
    seen = page.evaluate("window.counted")
    expect(page.locator("#transcript .answer .md").last).to_contain_text(f"word{WORDS - 1}")
    rate = 1000 * seen["frames"] / (seen["last"] - seen["first"])
    return {"frames_a_second": rate, "longest_gap_ms": seen["longest"]}


@contextmanager
def visiting(browser: object) -> Iterator[tuple[Visit, Store, Session]]:
    """The app of somebody who is never asked to compare."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        by_hand = dataclasses.replace(Settings(), learn_when_idle=False)
        session = Session(store, TalkingEngine(), by_hand, seed=0)
        session.wait_until_ready()
        session.set_asking_rate(session.default_person().person_id, "never")
        server = Server(session)
        visit = Visit(browser, server)
        visit().close()  # the first page of a server also pays for its start
        yield visit, store, session
        visit.close()
        server.close()
        session.close()
        store.close()


def measure_long(browser: object, messages: int) -> dict[str, float]:
    """A conversation of so many messages: opened, then streamed into."""
    with visiting(browser) as (visit, store, session):
        fill_conversation(store, session, "long", messages // 2)
        page = visit()
        opened_s = page.evaluate(OPEN, "long") / 1000
        return {"opens_s": opened_s, **stream_and_count(page)}


def measure_many(browser: object, conversations: int) -> dict[str, float]:
    """A cold page beside so many conversations."""
    with visiting(browser) as (visit, store, session):
        for number in range(conversations):
            fill_conversation(store, session, f"talk {number}", 1)
        page = visit()
        page.context.add_init_script(WATCH_LOADING)
        cold = page.context.new_page()
        cold.goto(page.url)
        usable_s = cold.wait_for_function("window.usableAfter").json_value() / 1000
        return {"usable_s": usable_s, **stream_and_count(cold)}


@contextmanager
def learning() -> Iterator[None]:
    """The starter, in an engine of its own, learning from ten choices without an end."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        settings = dataclasses.replace(Settings(), learn_when_idle=False, dpo=ENDLESS)
        with Engine(None, "none", Path(folder) / "engine.log") as engine:
            session = Session(store, engine, settings, seed=0)
            session.wait_until_ready()
            me = session.default_person().person_id
            for number, question in enumerate(questions("chat", True)[:10]):
                chat = session.new_conversation(me)
                shown = list(session.compare(me, chat, question.prompt, f"m{number}"))[-1]
                picked = shown.comparison_id
                session.give_feedback(
                    me, FeedbackEvent(f"c{number}", "pick", comparison_id=picked, outcome="first")
                )
            session.learn_now(me)
            wait_until(lambda: session.learning_status(me).step > 0)
            yield
            session.stop_learning(me)
            session.wait_for_learning(me)
            session.close()
        store.close()


def measure_learning(browser: object) -> dict[str, float]:
    """A conversation of 400 messages, streamed into while a learning run is on."""
    with learning():
        return measure_long(browser, 400)


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    with open_chromium() as browser:
        cases = {
            "new": measure_long(browser, 2),
            "messages_400": measure_long(browser, 400),
            "messages_10000": measure_long(browser, 10_000),
            "conversations_1000": measure_many(browser, 1000),
            "learning": measure_learning(browser),
        }
    figures, ratios = {}, {}
    for case, measured in cases.items():
        for name, value in measured.items():
            figures[f"{case}_{name}"] = round(value, 3)
            if name in WANTED:
                better = value / WANTED[name] if "frames" in name else WANTED[name] / value
                ratios[f"{case}_{name}"] = round(better, 3)
    for name, value in figures.items():
        print(f"{name:36} {value:9.2f}")
    settings = {"words": WORDS, "words_a_second": WORDS_A_SECOND, "wanted": WANTED}
    report = {"name": "pages", "ratios": ratios, "figures": figures, "settings": settings}
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0
