"""Pictures of every page for docs/screenshots, of the real app with the starter and some feedback.

    python -m tests.take_screenshots [DIR]

It chats, compares, rates and learns in a data folder of its own (DIR, where it was taught already,
if that is given); then each page is photographed light, dark and on a phone. A few minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image

from chatfeedback.cli import open_session
from chatfeedback.offline import go_offline
from chatfeedback.records import FeedbackEvent
from chatfeedback.session import Session
from tests.browsing import PATIENCE_MS, Server, Visit, expect, open_chromium, send

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
PHONE = 390
HEIGHT, TALL = 844, 1500  # of the chat, and of pages that are read from top to bottom
COMMON, RARE = 192, 64  # colours that are kept; each picture stays below 200 KB
QUESTIONS = (
    "How do I make a cup of tea?",
    "Why is the sky blue?",
    "What is the capital of France?",
    "How do I boil an egg?",
    "Why do cats purr?",
    "How do I tie a tie?",
    "What is the capital of Japan?",
    "Why is the sea salty?",
    "How do I clean a window?",
    "Why do leaves fall in autumn?",
    "How do I cook rice?",
    "What is the capital of Italy?",
)
PAGES = {  # name of the picture -> address, and what is clicked first
    "chat": ("", None),
    "taste": ("#taste", None),
    "learning": ("#learning", None),
    "data": ("#data", None),
    "statistics": ("#data", "Statistics"),
    "settings": ("#settings", None),
}


def teach(session: Session) -> None:
    """Somebody who likes short answers, chats, compares, and lets it learn once."""
    me = session.default_person().person_id
    session.wait_until_ready()
    session.set_asking_rate(me, "never")  # an answer is one answer, unless two are asked for
    if session.learning_status(me).clicks:
        return
    session.set_principles(me, ["never use emoji", "at most three sentences"])
    for number, question in enumerate(QUESTIONS):
        talk = session.new_conversation(me)
        shown = list(session.compare(me, talk, question, f"question-{number:04}"))[-1]
        outcome = "first" if is_liked_more(*shown.texts[:2]) else "second"
        pick = FeedbackEvent(
            f"pick-{number:04}", "pick", comparison_id=shown.comparison_id, outcome=outcome
        )
        session.give_feedback(me, pick)
    session.learn_now(me)
    session.wait_for_learning(me)
    session.data.back_up()


def is_liked_more(first: str, second: str) -> bool:
    """An answer is better than none, and a short one better than a long one."""

    def cost(text: str) -> tuple[bool, int]:
        return ("not know" in text or "not sure" in text, len(text))

    return cost(first) <= cost(second)


def save(page, name: str) -> None:
    """The picture, settled and with few colours."""
    page.evaluate("Promise.allSettled(document.getAnimations().map(each => each.finished))")
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    picture = Image.open(path).convert("RGB")
    few_colours = picture.quantize(palette=choose_palette(picture), dither=Image.Dither.NONE)
    few_colours.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB", flush=True)


def choose_palette(picture: Image.Image) -> Image.Image:
    """The commonest colours as they are, so that no surface changes its tint, and some that cover
    the rare ones, so that a small green dot stays green."""
    counted = sorted(picture.getcolors(1 << 24), reverse=True)
    common = [level for _, colour in counted[:COMMON] for level in colour]
    covering = picture.quantize(RARE, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((common + covering)[: 3 * (COMMON + RARE)])
    return palette


def open_page(page, width: int, address: str, tab: str | None) -> None:
    """Go there by its link, and wait until it is drawn."""
    page.set_viewport_size({"width": width, "height": TALL if address else HEIGHT})
    page.evaluate("address => { location.hash = address; }", address)
    if tab:
        page.get_by_role("tab", name=tab, exact=True).click()
    expect(page.locator(".panel:visible, #transcript .answer:visible").first).to_be_visible()
    page.wait_for_timeout(1500)  # what moves on the page has come to rest


def photograph(visit: Visit, address: str) -> None:
    """Every page in every dress."""
    for suffix, width, dark in (("", 1280, False), ("_dark", 1280, True), ("_phone", PHONE, False)):
        page = visit(address, width=width, dark=dark)
        for name, (where, tab) in PAGES.items():
            open_page(page, width, where, tab)
            save(page, name + suffix)


def chat_a_little(visit: Visit) -> str:
    """A conversation with a like; returns its address."""
    page = visit()
    send(page, "How do I make pancakes?")
    page.get_by_role("button", name="Like", exact=True).last.click()
    expect(page.locator(".note").last).to_contain_text("Learned")
    send(page, "What is the capital of Spain?")
    page.wait_for_timeout(2000)
    return page.url.partition("/?")[2]


def compare_once(visit: Visit) -> None:
    """Two answers side by side, waiting for a vote."""
    page = visit()
    page.get_by_role("checkbox", name="Compare two answers").check()
    page.get_by_role("textbox", name="Message", exact=True).fill("What is a volcano?")
    page.get_by_role("textbox", name="Message", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Tie", exact=True)).to_be_enabled()
    page.wait_for_timeout(1000)
    save(page, "compare")


def main() -> None:
    go_offline(model=None)
    expect.set_options(timeout=PATIENCE_MS)
    FOLDER.mkdir(exist_ok=True)
    arguments = argparse.Namespace(model=None, quantize=None)
    with (
        tempfile.TemporaryDirectory() as spare,
        open_session(Path(sys.argv[1] if sys.argv[1:] else spare), arguments) as session,
        open_chromium() as browser,
    ):
        teach(session)
        server = Server(session)
        visit = Visit(browser, server)
        talk = chat_a_little(visit)
        photograph(visit, f"?{talk}")
        compare_once(visit)
        visit.close()
        server.close()


if __name__ == "__main__":
    main()
