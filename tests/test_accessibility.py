"""No page has anything that axe-core objects to, in either theme; none scrolls sideways on a phone.

axe-core comes with the package axe-playwright-python, a test extra; without it these are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import Server, Visit, expect
from fake_session import NOW, YOU, FakeSession, make_version

from chatfeedback.asking.trials import BlindTrials
from chatfeedback.downloads import Download
from chatfeedback.learning.guards import watch_collapse
from chatfeedback.records import FeedbackEvent, LearningRun
from chatfeedback.taste.behind import Behind

pytestmark = pytest.mark.browser

axe = pytest.importorskip("axe_playwright_python.base")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server(somebody_who_taught_it())
    yield running
    running.close()


def somebody_who_taught_it() -> FakeSession:
    """A session with something on every page: chats, choices, beliefs, runs and versions."""
    session = FakeSession()
    for number, prompt in enumerate(("How do I make tea?", "Why is the sky blue?")):
        talk = session.add_conversation(prompt)
        list(session.reply(YOU, talk, prompt, f"client-{number:04}"))
        liked = FeedbackEvent(f"thumb-{number:04}", "thumb", reply_id=number + 1, value=1)
        session.give_feedback(YOU, liked)
    session.behind["log_words"] = [Behind(1, False, 2.0, "How do I make tea?", "Boil it.", "Sure!")]
    session.all_versions = [make_version(1), make_version(2, "rejected", "v1")]
    session.all_versions.append(make_version(3, "serving", "v1"))
    session.all_runs = [
        LearningRun(
            "r3", YOU, "promoted", "dpo", "asked for", "ok", 2, "v3", "{}", 0, "", 10, 1, NOW, NOW
        )
    ]
    session.metrics["r3"] = [
        {"step": step, "dpo/loss": 0.7 / step, "dpo/reward_margin": 0.1 * step, "dpo/kl_nats": step}
        for step in range(1, 5)
    ]
    session.status = replace(session.status, last_outcome="Better for you.")
    session.set_principles(YOU, ["never use emoji", "never give medical doses"])
    session.trials = BlindTrials(wins=7, losses=4, ties=1)
    session.findings.append(watch_collapse(["a b a b a b"], ["a b c d e f"], 1.0, 0.9))
    session.downloading = Download("some/model", 500_000_000, 2_000_000_000)
    return session


def list_pages() -> list[str]:
    """Every address of the app."""
    from ui.page import VIEWS

    return ["", *(f"#{view.name}" for view in VIEWS)]


def open_everything(page) -> None:
    """What is folded is looked at too."""
    for why in page.get_by_role("button", name="Why: shorter answers").all():
        why.click()
        expect(page.locator(".behind")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")


def open_page(page, address: str) -> None:
    """Go there, and wait until it has been drawn."""
    page.evaluate("address => { location.hash = address; }", address)
    expect(page.locator(".panel:visible, #transcript .answer:visible").first).to_be_visible()
    open_everything(page)


def object_to(page) -> list[str]:
    """What axe-core finds on the page once its colours have settled."""
    page.evaluate("Promise.allSettled(document.getAnimations().map(each => each.finished))")
    results = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in results["violations"]
        for node in each["nodes"]
    ]


def test_axe_finds_nothing_to_object_to_on_any_page_in_either_theme(browser, server):
    visit = Visit(browser, server)
    page = visit("?c=1")
    page.evaluate(Path(axe.AXE_FILE_PATH).read_text("utf-8"))
    found = {}
    for address in list_pages():
        open_page(page, address)
        for theme in ("light", "dark"):
            page.evaluate(
                "theme => document.body.classList.toggle('dark', theme === 'dark')", theme
            )
            found[address, theme] = object_to(page)
    visit.close()
    assert {place: said for place, said in found.items() if said} == {}


def test_no_page_scrolls_sideways_on_a_phone(browser, server):
    visit = Visit(browser, server)
    page = visit("?c=1", width=390)
    boxes = "[document.documentElement, ...document.querySelectorAll('.view[data-shown]')]"
    wide = {}
    for address in list_pages():
        open_page(page, address)
        wide[address] = page.evaluate(f"Math.max(...{boxes}.map(each => each.scrollWidth))")
    visit.close()
    assert set(wide.values()) == {390}, wide
