"""How smooth the chat is with a long past: real store, real session, a fake engine's words.

The figures of a run on two cores stand in docs/design.md. Each test prints its own (pytest -s).
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator

import pytest
from browsing import Server, Visit, composer, expect
from fakes import FakeEngine

from chatfeedback.records import GeneratedReply, GenerateRequest, TextDelta
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import Store, open_store

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORDS = 300
WORDS_A_SECOND = 60
MIN_FRAMES_A_SECOND = 30
LONGEST_OPENING_S = 1.0
LONGEST_LOAD_S = 2.0

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


@pytest.fixture
def talking(tmp_path):
    """(store, session) of somebody who is never asked to compare."""
    store = open_store(tmp_path)
    by_hand = dataclasses.replace(Settings(), learn_when_idle=False)
    session = Session(store, TalkingEngine(), by_hand, seed=0)
    session.wait_until_ready()
    session.set_asking_rate(session.default_person().person_id, "never")
    yield store, session
    session.close()
    store.close()


@pytest.fixture
def open_page(browser, talking):
    server = Server(talking[1])
    visit = Visit(browser, server)
    visit().close()  # the first page of a server also pays for its start
    yield visit
    visit.close()
    server.close()


def stream_and_count(page) -> tuple[float, float]:
    """Frames a second while an answer streams, and the longest gap between two, ms."""
    page.evaluate(COUNT_FRAMES)
    composer(page).fill("and now?")
    composer(page).press("Enter")
    seen = page.evaluate("window.counted")
    expect(page.locator("#transcript .answer .md").last).to_contain_text(f"word{WORDS - 1}")
    return 1000 * seen["frames"] / (seen["last"] - seen["first"]), seen["longest"]


@pytest.mark.parametrize("messages", [400, 10_000])
def test_a_long_conversation_opens_at_once_and_streams_smoothly(open_page, talking, messages):
    fill_conversation(*talking, "long", messages // 2)
    page = open_page()
    opened_s = page.evaluate(OPEN, "long") / 1000
    rate, longest_ms = stream_and_count(page)
    print(
        f"{messages} messages: {opened_s:.2f} s, {rate:.0f} frames/s, longest {longest_ms:.0f} ms"
    )
    assert opened_s <= LONGEST_OPENING_S
    assert rate >= MIN_FRAMES_A_SECOND


def test_the_page_opens_quickly_and_is_smooth_beside_a_thousand_conversations(open_page, talking):
    for number in range(1000):
        fill_conversation(*talking, f"talk {number}", 1)
    page = open_page()
    page.context.add_init_script(WATCH_LOADING)
    cold = page.context.new_page()
    cold.goto(page.url)
    loaded_s = cold.wait_for_function("window.usableAfter").json_value() / 1000
    rate, longest_ms = stream_and_count(cold)
    print(
        f"1000 conversations: usable after {loaded_s:.2f} s,"
        f" {rate:.0f} frames/s, longest {longest_ms:.0f} ms"
    )
    assert cold.locator(".talk").count() == 1000
    assert loaded_s <= LONGEST_LOAD_S
    assert rate >= MIN_FRAMES_A_SECOND
