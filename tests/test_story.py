"""A person's story, for real: Chromium, the real pages, session, database, engine and starter."""

from __future__ import annotations

import re

import pytest
from browsing import Server, Visit, answers, expect, open_chromium, press, send

from chatfeedback.engine.client import Engine
from chatfeedback.learning.retention import questions
from chatfeedback.records import DpoSettings
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store

pytestmark = pytest.mark.browser

# Three choices start a short run, and the gate lets it pass: its rules have tests of their own.
QUICK = Settings(
    clicks_per_run=3,
    idle_seconds=0.5,
    min_better_probability=0.0,
    min_not_worse_probability=0.0,
    min_retention_share=0.0,
    min_finished_share=0.0,
    gate_prompts=6,
    gate_replies=1,
    dpo=DpoSettings(max_steps=8),
)


def test_chat_choose_learn_see_the_receipt_and_take_it_back(tmp_path):
    store = open_store(tmp_path)
    with Engine(None, "none", tmp_path / "engine.log") as engine, open_chromium() as browser:
        session = Session(store, engine, QUICK, seed=0)
        session.wait_until_ready()
        server = Server(session)
        visit = Visit(browser, server)
        expect.set_options(timeout=120_000)
        me = session.default_person().person_id
        session.set_asking_rate(me, "never")  # questions by the app have tests of their own
        try:
            live_through(visit, store, me, engine.state().base.key)
        finally:
            visit.close()
            server.close()
            session.close()
    store.close()


def live_through(visit, store, me, base_key):
    page = visit()
    send(page, "Hello!")
    expect(answers(page)).not_to_be_empty()
    press(page, "Like")
    expect(page.get_by_role("status").filter(has_text="Learned from a thumb")).to_be_visible()

    page.get_by_role("checkbox", name="Compare two answers").check()
    for question in questions("chat", True)[:3]:
        send(page, question.prompt)
        expect(page.get_by_role("region", name="Answer B")).to_be_visible()
        page.keyboard.press("1")
        expect(page.get_by_role("region", name="Answer B")).to_have_count(0)

    receipt = page.get_by_role("region", name="What changed")
    expect(receipt).to_contain_text("Version 1 now answers you")
    version = store.serving(me, base_key)
    page.get_by_role("checkbox", name="Compare two answers").uncheck()
    send(page, "What does an owl eat?")
    newest = store.exchanges(me, 1)[-1]
    assert store.reply(me, newest.shown_reply_id).adapter_id == version.adapter_id

    receipt.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.get_by_text("The base model answers from the next reply on.")).to_be_visible()
    assert store.serving(me, base_key) is None
    page.reload()
    expect(answers(page)).to_have_count(5)
