"""The settings page and the first steps in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from browsing import expect, press, send
from fake_session import SOMEBODY_ELSE

pytestmark = pytest.mark.browser


def test_another_person_finds_only_their_own_conversations(visit, session):
    session.add_conversation("Mine")
    session.add_conversation("Theirs", person_id=SOMEBODY_ELSE)
    page = visit("#settings")
    press(page, "Switch to Somebody else")
    expect(page.get_by_role("link", name="Theirs")).to_be_attached()
    expect(page.get_by_role("link", name="Mine")).to_have_count(0)
    page.goto(page.url + "#settings")
    page.get_by_role("textbox", name="Somebody new").fill("Ada")
    press(page, "Add and switch")
    expect(page.get_by_role("link", name="Theirs")).to_have_count(0)
    assert session.default_person().name == "Ada"


def test_who_chats_is_named_where_there_are_several_people(visit, session):
    page = visit()
    expect(page.get_by_role("link", name="You", exact=True)).to_be_visible()
    session.everybody = session.everybody[:1]
    page.reload()
    expect(page.get_by_role("link", name="Chat", exact=True)).to_be_visible()
    expect(page.locator("#conversations .list")).to_be_visible()
    expect(page.get_by_role("link", name="You", exact=True)).to_have_count(0)


def test_all_of_them_act_together_at_a_press_and_part_again(visit, session):
    session.add_conversation("Mine")
    page = visit("#settings")
    expect(page.get_by_text("two of you must each have said enough")).to_be_visible()
    press(page, "Act together")
    expect(page.get_by_text("You act together now.")).to_be_visible()
    expect(page.get_by_role("link", name="Everyone", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Mine")).to_have_count(0)
    page.goto(page.url.partition("#")[0] + "#settings")
    row = page.get_by_role("listitem").filter(has_text="all of you")
    expect(row).to_contain_text("Everyone")
    expect(row).to_contain_text("acts now")
    expect(page.get_by_role("button", name="Act together", exact=True)).to_have_count(0)
    press(page, "Switch to You")
    expect(page.get_by_role("link", name="Mine")).to_be_attached()


def test_somebody_alone_is_not_asked_to_act_together(visit, session):
    session.everybody = session.everybody[:1]
    page = visit("#settings")
    expect(page.get_by_role("button", name="Add and switch")).to_be_visible()
    expect(page.get_by_role("button", name="Act together", exact=True)).to_have_count(0)


def test_a_model_that_fits_says_so_once(visit, session):
    page = visit("#settings")
    expect(page.get_by_text("Fits", exact=True)).to_have_count(1)


def test_a_model_is_chosen_for_the_next_start(visit, session):
    page = visit("#settings")
    expect(page.get_by_text("It holds no weights.")).to_be_visible()
    page.get_by_role("radio", name=re.compile("^big")).check()
    page.get_by_role("combobox", name="Weights are kept").select_option(index=2)
    press(page, "Use from the next start on")
    expect(page.get_by_text("Saved. It counts from the next start")).to_be_visible()
    assert session.model == ("/models/big", "nf4")
    page.get_by_role("textbox", name="Another folder").fill("nobody/knows")
    press(page, "Use from the next start on")
    expect(page.get_by_role("alert")).to_contain_text("not on this machine")


def test_the_theme_is_chosen_in_words(visit, session):
    page = visit("#settings", dark=True)
    expect(page.get_by_role("radio", name="As the system")).to_be_checked()
    page.get_by_role("radio", name="Light", exact=True).check()
    expect(page.locator("body")).not_to_have_class(re.compile(r"\bdark\b"))
    page.get_by_role("radio", name="As the system").check()
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))


def test_the_first_steps_lead_from_a_question_to_the_taste_page_once(visit, session):
    page = visit()
    tour = page.get_by_role("region", name="First steps")
    expect(tour).to_contain_text("Ask something")
    send(page, "hello")
    expect(tour).to_contain_text("Say what you think")
    press(page, "Like")
    expect(tour).to_contain_text("Watch it learn")
    tour.get_by_role("link", name="Taste").click()
    page.get_by_role("link", name="Chat", exact=True).click()
    expect(tour).to_be_hidden()
    page.reload()
    expect(page.get_by_role("button", name="Copy answer")).to_be_visible()
    expect(tour).to_be_hidden()


def test_a_model_that_is_not_here_is_fetched_with_its_progress_shown(visit, session):
    page = visit("#settings")
    page.get_by_role("textbox", name="Another folder").fill("some/model")
    press(page, "Use from the next start on")
    bar = page.get_by_role("progressbar", name="Fetching a model")
    expect(bar).to_have_attribute("aria-valuenow", "25")
    expect(page.get_by_text("500.0 MB of 2.0 GB, about 40 s left")).to_be_visible()
    session.downloading = replace(session.downloading, done=1_500_000_000)
    expect(bar).to_have_attribute("aria-valuenow", "75")
    press(page, "Cancel")
    expect(bar).to_have_count(0)
    expect(page.get_by_text("Cancelled; kept.")).to_be_visible()


def test_everything_is_deleted_only_when_the_word_was_typed(visit, session):
    page = visit()
    send(page, "a secret")
    page.goto(page.url.partition("#")[0] + "#settings")
    page.get_by_text("Delete all my data").click()
    expect(page.get_by_text("of all people here (You and Somebody else)")).to_be_visible()
    page.get_by_role("textbox", name="Type “delete” to confirm").fill("yes")
    press(page, "Delete everything now")
    expect(page.get_by_role("alert")).to_contain_text("you typed 'yes'")
    session.everybody = session.everybody[:1]
    page.get_by_role("textbox", name="Type “delete” to confirm").fill("delete")
    press(page, "Delete everything now")
    expect(page.get_by_text("Everything is deleted.")).to_be_visible()
    assert session.queries.conversations(session.default_person().person_id) == []


def test_what_was_refused_stays_in_its_field_and_what_was_done_leaves_it(visit, session):
    page = visit("#settings")
    page.get_by_text("Delete all my data").click()
    word = page.get_by_role("textbox", name="Type “delete” to confirm")
    word.fill("delte")
    press(page, "Delete everything now")
    expect(page.get_by_role("alert")).to_contain_text("you typed 'delte'")
    expect(word).to_have_value("delte")
    page.goto(page.url.partition("#")[0] + "#taste")
    principle = page.get_by_role("textbox", name="A new principle")
    principle.fill("be kind")
    principle.press("Enter")
    expect(page.locator(".principle b")).to_have_text("be kind")
    expect(principle).to_have_value("")
