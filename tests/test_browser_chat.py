"""The chat's gestures in a real browser, beyond the story that test_browser.py tells."""

from __future__ import annotations

import asyncio
import re

import pytest
from browsing import (
    SECRET,
    Server,
    Visit,
    answers,
    composer,
    expect,
    press,
    send,
)
from fake_session import READY, YOU, FakeSession

from chatfeedback.records import EngineState
from ui.gate import make_launch_url

pytestmark = pytest.mark.browser
LOADING = EngineState("loading", "The model is being loaded.", None)
TWELVE_WORDS = " ".join(f"word{number}" for number in range(12))
KNOWN_READY = {
    "engine": {"phase": "ready", "message": ""},
    "learning": {"phase": "idle", "message": "", "clicks": 0},
    "serving": None,
    "stamp": "",
}


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


def drag(page, name: str, onto: str) -> None:
    """Press one button, move to another in steps, let go."""
    start = page.get_by_role("button", name=name, exact=True).bounding_box()
    end = page.get_by_role("button", name=onto, exact=True).bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=8)
    page.mouse.up()


def letters(page):
    return page.locator(".letter")


def test_four_answers_are_put_in_order_by_dragging(visit, session):
    page = visit()
    session.asks_for = 4
    send(page, "tea?")
    page.get_by_role("button", name=re.compile("^Put in order")).click()
    drag(page, "Answer D: not placed", "Answer A: not placed")
    expect(letters(page)).to_have_text(["D1.", "A2.", "B3.", "C4."])
    drag(page, "Answer A: place 2", "Answer C: place 4")
    expect(letters(page)).to_have_text(["D1.", "B2.", "C3.", "A4."])
    press(page, "Save order")
    expect(answers(page)).to_have_text("Fourth: You asked: tea?")
    [ranked] = session.events
    assert ranked.event.order == (4, 2, 3, 1)


def test_four_answers_are_put_in_order_by_finger_on_a_phone(browser, server, session):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(make_launch_url("127.0.0.1", server.port, SECRET))
    session.asks_for = 4
    send(page, "tea?")
    page.get_by_role("button", name=re.compile("^Put in order")).tap()
    boxes = [each.bounding_box() for each in letters(page).all()]
    middles = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    touch = context.new_cdp_session(page)

    def touches(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    (x, y), (to_x, to_y) = middles[2], middles[0]
    touches("touchStart", (x, y))
    for step in range(1, 9):
        touches("touchMove", (x + (to_x - x) * step / 8, y + (to_y - y) * step / 8))
    touches("touchEnd")
    expect(letters(page)).to_have_text(["C1.", "A2.", "B3.", "D4."])
    context.close()


def test_the_votes_on_four_answers_stand_in_their_order_on_a_phone_too(visit, session):
    page = visit(width=390)
    session.asks_for = 4
    send(page, "tea?")
    place = "votes => votes.map(each => [each.offsetTop, each.offsetLeft])"
    places = page.locator(".vote").evaluate_all(place)
    assert len(places) == 7
    assert places == sorted(places)


def test_a_press_on_a_letter_that_does_not_move_places_it(visit, session):
    page = visit()
    session.asks_for = 3
    send(page, "tea?")
    page.get_by_role("button", name=re.compile("^Put in order")).click()
    press(page, "Answer C: not placed")
    expect(letters(page)).to_have_text(["C1.", "A1", "B2"])


def stop_early(page, session) -> None:
    session.says = lambda prompt: TWELVE_WORDS
    session.pieces.clear()
    composer(page).fill("hello")
    composer(page).press("Enter")
    expect(page.locator("#live .md")).to_contain_text("word2")
    press(page, "Stop")
    expect(answers(page)).to_have_text("word0 word1 word2")


def test_a_stopped_answer_goes_on_and_the_short_one_stays_beside_it(visit, session):
    page = visit()
    stop_early(page, session)
    press(page, "Continue")
    expect(page.locator("#live .md")).to_contain_text("word0 word1 word2")
    session.pieces.set()
    expect(answers(page)).to_contain_text("word2 word3")
    expect(answers(page)).to_contain_text("word11")
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)
    expect(page.locator(".pager .at")).to_have_text("2/2")
    press(page, "Previous answer")
    expect(answers(page)).to_have_text("word0 word1 word2")


def test_an_answer_that_goes_on_can_be_stopped_and_go_on_again(visit, session):
    page = visit()
    stop_early(page, session)
    session.words_before_wait = 6
    press(page, "Continue")
    expect(page.locator("#live .md")).to_contain_text("word5")
    press(page, "Stop")
    expect(answers(page)).to_have_text("word0 word1 word2 word3 word4 word5")
    session.pieces.set()
    press(page, "Continue")
    expect(answers(page)).to_contain_text("word11")
    expect(page.locator(".pager .at")).to_have_text("3/3")


def test_a_message_waits_for_the_model_through_a_reload_and_goes_by_itself(visit, session):
    session.engine = LOADING
    page = visit()
    expect(page.locator("#engine-notice")).to_be_visible()
    composer(page).fill("are you there?")
    composer(page).press("Enter")
    waiting = page.get_by_role("status").filter(has_text="Will be sent when the model is ready")
    expect(waiting).to_contain_text("are you there?")
    expect(composer(page)).to_have_value("")
    composer(page).fill("a further thought")
    page.reload()
    expect(waiting).to_contain_text("are you there?")
    expect(composer(page)).to_have_value("a further thought")
    session.engine = READY
    expect(answers(page)).to_have_text("You asked: are you there?")
    expect(waiting).to_be_hidden()
    expect(composer(page)).to_have_value("a further thought")
    assert [message.text for message in session.messages] == ["are you there?"]


def test_a_waiting_message_is_taken_back_into_the_box(visit, session):
    session.engine = LOADING
    page = visit()
    expect(page.locator("#engine-notice")).to_be_visible()
    composer(page).fill("too hasty")
    press(page, "Send")
    press(page, "Cancel")
    expect(composer(page)).to_have_value("too hasty")
    session.engine = READY
    expect(page.locator("#engine-notice")).to_be_hidden()
    assert session.messages == []


def test_the_page_that_does_not_know_yet_is_told_to_let_the_message_wait(visit, session):
    page = visit()
    page.route("**/api/v1/status", lambda route: route.fulfill(json=KNOWN_READY))
    session.engine = LOADING
    composer(page).fill("hello")
    composer(page).press("Enter")
    expect(page.get_by_role("status").filter(has_text="Will be sent")).to_contain_text("hello")
    session.engine = READY
    expect(answers(page)).to_have_text("You asked: hello")
    assert len(session.messages) == 1


def test_how_full_the_memory_is_shows_from_a_quarter_on(visit, session):
    page = visit()
    send(page, "one")
    expect(page.get_by_role("meter")).to_have_count(0)
    session.tokens = (500, 524)  # of 2048
    send(page, "two")
    meter = page.get_by_role("meter", name="Memory used by this conversation")
    expect(meter).to_have_attribute("aria-valuenow", "50")
    expect(page.locator(".context")).to_have_attribute("title", re.compile("1024 of 2048 tokens"))


def test_formulas_are_drawn_and_prices_are_not(visit, session):
    session.says = lambda prompt: (
        r"$x_1 = \frac{a}{b}$ costs $5 and $10." "\n\n" r"\[\sqrt{2}\]" "\n\n" r"$\oops{x}$"
    )
    page = visit()
    send(page, "hello")
    expect(answers(page).locator("math")).to_have_count(2)
    expect(answers(page).locator("math[display=block]")).to_have_text("2")
    expect(answers(page)).to_contain_text("costs $5 and $10.")
    expect(answers(page).locator(".tex")).to_have_text(r"$\oops{x}$")
    tall = "document.querySelector('mfrac').getBoundingClientRect().height"
    assert page.evaluate(tall) > page.evaluate(tall.replace("mfrac", "mfrac mi"))
