"""The chat's gestures in a real browser, beyond the story that test_browser.py tells."""

from __future__ import annotations

import asyncio

import pytest
from browsing import (
    Server,
    Visit,
    answers,
    composer,
    expect,
    press,
    send,
)
from fake_session import YOU, FakeSession

pytestmark = pytest.mark.browser


class LateGoodbye:
    """The app on a bad day: that a stream has ended reaches the page only after its next message
    was accepted, so that the page waits for the answer on a stream that is closed already."""

    def __init__(self, app) -> None:
        self._app = app
        self._is_accepted = False
        self._says_goodbye = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        if self._is_accepted:  # whatever comes next shows that the page knows
            self._says_goodbye.set()

        async def send_late(message) -> None:
            if b"close_stream" in message.get("body", b""):
                self._is_accepted = False
                self._says_goodbye.clear()
                await self._says_goodbye.wait()
            await send(message)
            if scope.get("path", "").endswith("/queue/join"):
                self._is_accepted = True

        await self._app(scope, receive, send_late)


def test_no_click_and_no_message_is_lost_when_a_stream_closes_at_the_wrong_moment(browser):
    server = Server(FakeSession(), around=LateGoodbye)
    visit = Visit(browser, server)
    page = visit()
    send(page, "hello")
    press(page, "Like")
    expect(page.locator(".note")).to_contain_text("Learned from a thumb")
    send(page, "and again")
    expect(answers(page)).to_have_count(2)
    visit.close()
    server.close()


def test_my_message_is_edited_and_both_branches_can_be_walked(visit, session):
    page = visit()
    send(page, "one")
    send(page, "two")
    press_first = page.get_by_role("button", name="Edit message").first
    press_first.click()
    box = page.get_by_role("textbox", name="Edit your message")
    expect(box).to_have_value("one")
    box.fill("un")
    box.press("Enter")
    expect(answers(page)).to_have_text(["You asked: un"])
    press(page, "Previous version of your message")
    expect(answers(page)).to_have_text(["You asked: one", "You asked: two"])
    press(page, "Next version of your message")
    expect(answers(page)).to_have_text(["You asked: un"])


def test_an_answer_gets_stars_a_comment_and_a_flag_and_each_can_be_undone(visit, session):
    page = visit()
    send(page, "hello")
    press(page, "Like")
    press(page, "4 of 5 stars")
    expect(page.locator(".star.on")).to_have_count(4)
    expect(page.locator(".note")).to_contain_text("Learned from a rating")
    press(page, "Comment")
    page.get_by_role("textbox", name="Comment on this answer").fill("very kind")
    press(page, "Save")
    press(page, "Harmful")
    expect(page.get_by_role("button", name="Harmful")).to_be_disabled()
    press(page, "Undo")
    expect(page.get_by_role("button", name="Harmful")).to_be_enabled()
    said = [(each.event.kind, each.event.value or each.event.text) for each in session.events]
    assert said[:3] == [("thumb", 1), ("rating", 4), ("comment", "very kind")]


def test_four_answers_are_put_in_order_by_keys_alone(visit, session):
    page = visit()
    session.asks_for = 4
    send(page, "tea?")
    page.keyboard.press("r")
    for key in ("3", "1", "2"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Answer C: place 1")).to_be_visible()
    page.keyboard.press("Enter")
    expect(answers(page)).to_have_text("Third: You asked: tea?")
    [ranked] = session.events
    assert ranked.event.order == (3, 1, 2)


def test_a_conversation_has_instructions_numbers_and_a_rate_of_its_own(visit, session):
    page = visit()
    send(page, "hello")
    press(page, "Settings of this conversation")
    page.get_by_role("textbox", name="Instructions").fill("You are a pirate.")
    page.get_by_role("spinbutton", name="Temperature").fill("0.2")
    page.get_by_role("radio", name="Often").check()
    press(page, "Save")
    expect(page.get_by_text("From the next answer on")).to_be_visible()
    assert session.chats[1].persona == "You are a pirate."
    assert session.chats[1].sampling.temperature == 0.2
    assert session.rate == "often"
    press(page, "Settings of this conversation")
    expect(page.get_by_role("textbox", name="Instructions")).to_have_value("You are a pirate.")
    with page.expect_download() as saved:
        press(page, "Save as Markdown")
    text = saved.value.path().read_text()
    assert saved.value.suggested_filename == "hello.md"
    assert "## You\n\nhello" in text
    assert "You are a pirate." in text


def test_everything_is_searched_and_opened_by_keys(visit, session):
    for title in ("Tea", "Coffee"):
        conversation = session.add_conversation(title)
        list(session.reply(YOU, conversation, f"About {title}", f"client-{title}"))
    page = visit()
    page.keyboard.press("Control+k")
    page.get_by_role("searchbox", name="Search everything that was said").fill("Tea")
    expect(page.locator(".place")).to_have_count(1)
    expect(page.locator(".place mark")).to_have_text("Tea")
    page.keyboard.press("Enter")
    expect(answers(page)).to_have_text("You asked: About Tea")


def test_a_draft_survives_a_reload_and_stays_with_its_conversation(visit, session):
    page = visit()
    send(page, "hello")
    composer(page).fill("half a thought")
    page.reload()
    expect(composer(page)).to_have_value("half a thought")
    press(page, "New chat")
    expect(composer(page)).to_have_value("")
    page.get_by_role("link", name="hello").click()
    expect(composer(page)).to_have_value("half a thought")


def test_keys_rate_the_last_answer_and_tell_about_themselves(visit, session):
    page = visit()
    send(page, "hello")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("-")
    expect(page.get_by_role("button", name="Disliked")).to_be_visible()
    composer(page).focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("textbox", name="Edit your message")).to_have_value("hello")
