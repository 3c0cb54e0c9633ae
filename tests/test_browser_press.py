"""A press in a real browser counts once, and as meant, whatever an answer does to the page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from browsing import SECRET, composer, expect, press, send
from fake_session import YOU, make_version

from chatfeedback.records import TraitBelief
from ui.gate import make_launch_url

pytestmark = pytest.mark.browser

BULLETS = TraitBelief("bullet_lines", "bullet points", 0.9, 0.2, 0.98)


def hold(page, button) -> None:
    """The mouse goes down on it and stays there."""
    box = button.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()


def test_a_press_counts_as_what_its_button_said_when_the_page_changes_under_it(visit, session):
    page = visit("#taste")
    hold(page, page.get_by_role("button", name="Wrong: shorter answers"))
    session.traits = [BULLETS, *session.traits]
    session.status = replace(session.status, clicks=1)
    expect(page.get_by_role("img", name="You like bullet points: 98 % sure.")).to_be_visible()
    page.mouse.up()
    expect(page.get_by_text("Noted: that is wrong.")).to_be_visible()
    assert [said.event.trait for said in session.events] == ["log_words"]


def test_a_press_counts_though_its_button_is_gone(visit, session):
    session.all_versions = [make_version(1), make_version(2, "serving", "v1")]
    page = visit("#learning")
    hold(page, page.get_by_role("button", name="Back to the base model"))
    session.all_versions = []
    session.status = replace(session.status, clicks=1)
    expect(page.locator(".version")).to_have_count(1)
    page.mouse.up()
    expect(page.get_by_text("The base model answers from the next reply on.")).to_be_visible()


def test_what_stood_in_the_form_goes_with_the_press(visit, session):
    session.set_principles(YOU, ["never use emoji", "be kind"])
    page = visit("#taste")
    page.get_by_label("Change: be kind").click()
    page.get_by_role("textbox", name="Wording of: be kind").fill("be very kind")
    hold(page, page.get_by_role("button", name="Save", exact=True))
    session.set_principles(YOU, ["be kind"])
    session.status = replace(session.status, clicks=1)
    expect(page.locator(".principle")).to_have_count(1)
    page.mouse.up()
    expect(page.locator(".principle b")).to_have_text("be very kind")


def test_a_press_that_is_let_go_elsewhere_does_nothing(visit, session):
    page = visit("#taste")
    hold(page, page.get_by_role("button", name="Wrong: shorter answers"))
    page.mouse.move(600, 20)
    page.mouse.up()
    press(page, "Right: shorter answers")
    expect(page.get_by_role("button", name="Right: shorter answers")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert len(session.events) == 1


def test_a_conversation_opens_though_the_list_moves_under_the_pointer(visit, session):
    session.add_conversation("Tea")
    session.add_conversation("Rice")
    page = visit()
    talks = page.locator(".talk .open")
    expect(talks).to_have_count(2)
    meant = talks.nth(0).text_content()
    hold(page, talks.nth(0))
    session.add_conversation("Eggs")
    page.locator("#new-chat").evaluate("button => button.click()")
    expect(talks).to_have_count(3)
    page.mouse.up()
    expect(page.locator(".talk.on .open")).to_have_text(meant)


def test_keys_press_a_button_of_a_page(visit, session):
    page = visit("#taste")
    for key, pressed in (("Enter", "true"), ("Space", "false")):
        wrong = page.get_by_role("button", name="Wrong: shorter answers")
        wrong.press(key)
        expect(wrong).to_have_attribute("aria-pressed", pressed)
    assert [said.event.value for said in session.events] == [1, 0]


@pytest.fixture
def phone(browser, server, session):
    """The taste page under a finger, and what the finger does: (kind, point, ...)."""
    context = browser.new_context(viewport={"width": 390, "height": 500}, has_touch=True)
    page = context.new_page()
    page.goto(make_launch_url("127.0.0.1", server.port, SECRET))
    page.goto(server.url + "#taste")
    fingers = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": x, "y": y} for x, y in points]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    yield page, touch
    context.close()


def test_a_finger_that_scrolls_presses_nothing_and_one_that_taps_presses_once(phone, session):
    page, touch = phone
    wrong = page.get_by_role("button", name="Wrong: shorter answers")
    expect(wrong).to_be_visible()
    box = wrong.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch("touchStart", (x, y))
    for step in range(1, 11):
        touch("touchMove", (x, y - 12 * step))
    touch("touchEnd")
    page.wait_for_function(
        "([node, y]) => node.getBoundingClientRect().y < y - 50",
        arg=[wrong.element_handle(), box["y"]],
    )
    wrong.tap()
    expect(wrong).to_have_attribute("aria-pressed", "true")
    assert len(session.events) == 1


def test_a_click_that_comes_late_presses_no_second_time(visit, session):
    page = visit()
    send(page, "hello")
    press(page, "Dislike")
    chip = page.get_by_role("button", name="Too long", exact=True)
    chip.evaluate("""chip => {
        const box = chip.getBoundingClientRect();
        const at = {bubbles: true, detail: 1, clientX: box.x + 5, clientY: box.y + 5};
        const late = () => chip.dispatchEvent(new MouseEvent('click', at));
        document.addEventListener('cf:gesture', late, {once: true});
        chip.dispatchEvent(new PointerEvent('pointerdown', at));
        chip.dispatchEvent(new PointerEvent('pointerup', at));
    }""")
    expect(chip).to_have_attribute("aria-pressed", "true")
    press(page, "Like")
    expect(page.get_by_role("button", name="Liked", exact=True)).to_be_visible()
    assert [said.event.kind for said in session.events] == ["thumb", "chip", "thumb"]


def test_a_title_being_typed_is_left_alone_by_what_happens_meanwhile(visit, session):
    tea = session.add_conversation("Tea")
    page = visit()
    session.says = lambda prompt: "Two eggs, or three, will do."
    session.pieces.clear()
    composer(page).fill("hello")
    composer(page).press("Enter")
    expect(page.get_by_role("link", name="hello", exact=True)).to_be_visible()
    page.get_by_role("link", name="Tea", exact=True).hover()
    page.get_by_role("button", name="Rename Tea", exact=True).click()
    page.get_by_role("textbox", name="New title").fill("Green te")
    session.add_conversation("Eggs")
    session.pieces.set()
    expect(page.get_by_role("link", name="Eggs", exact=True)).to_be_visible()
    page.keyboard.type("a")
    page.get_by_role("textbox", name="New title").press("Enter")
    expect(page.get_by_role("link", name="Green tea", exact=True)).to_be_visible()
    assert session.talks[tea][1].title == "Green tea"
