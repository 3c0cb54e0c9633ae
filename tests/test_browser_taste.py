"""The taste page in a real browser: what is believed, why, and how it is put right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from browsing import expect, press
from fake_session import YOU, make_version

from chatfeedback.records import FeedbackEvent, TraitBelief
from chatfeedback.taste.behind import Behind

pytestmark = pytest.mark.browser


def test_traits_move_on_the_open_page(visit, session):
    page = visit("#taste")
    expect(page.get_by_role("img", name="You like shorter answers: 95 % sure.")).to_be_visible()
    session.traits = [TraitBelief("bullet_lines", "bullet points", 0.9, 0.2, 0.98)]
    session.status = replace(session.status, clicks=1)
    expect(page.get_by_role("img", name="You like bullet points: 98 % sure.")).to_be_visible()


def test_a_belief_is_called_wrong_and_the_word_taken_back(visit, session):
    page = visit("#taste")
    press(page, "Wrong: shorter answers")
    expect(page.get_by_text("Noted: that is wrong.")).to_be_visible()
    said = session.events[-1].event
    assert (said.kind, said.trait, said.value) == ("trait", "log_words", 1)
    wrong = page.get_by_role("button", name="Wrong: shorter answers")
    expect(wrong).to_have_attribute("aria-pressed", "true")
    wrong.click()
    expect(wrong).to_have_attribute("aria-pressed", "false")
    assert session.events[-1].event.value == 0
    press(page, "Not now: shorter answers")
    expect(wrong).to_be_hidden()
    expect(page.get_by_role("button", name="Why: shorter answers")).to_be_visible()


def test_the_choices_behind_a_belief_are_shown_and_can_be_forgotten(visit, session):
    talk = session.add_conversation("Tea")
    list(session.reply(YOU, talk, "How do I make tea?", "client-0001"))
    session.give_feedback(YOU, FeedbackEvent("thumb-0001", "thumb", reply_id=1, value=1))
    session.behind["log_words"] = [
        Behind(1, False, 2.0, "How do I make tea?", "Boil water.", "Sure! Tea is lovely …")
    ]
    page = visit("#taste")
    press(page, "Why: shorter answers")
    expect(page.locator(".behind")).to_contain_text("Speaks for it “How do I make tea?”")
    expect(page.locator(".behind")).to_contain_text("Boil water.")
    page.on("dialog", lambda dialog: dialog.accept())
    press(page, "Forget this")
    expect(page.get_by_text("1 choice behind it no longer counts.")).to_be_visible()
    assert session.events[0].undone


def test_the_card_is_edited_switched_on_and_given_back(visit, session):
    page = visit("#taste")
    card = page.get_by_role("textbox", name="Taste card")
    expect(card).to_have_value("Short answers.")
    card.fill("Talk like a pirate.")
    session.status = replace(session.status, clicks=3)  # the page is drawn anew meanwhile
    expect(page.locator("#taste-view .headline")).to_contain_text("From 3 choices")
    expect(card).to_have_value("Talk like a pirate.")
    press(page, "Save my wording")
    expect(page.get_by_role("button", name="Use what was learned")).to_be_visible()
    page.get_by_role("switch", name="Use the card").check()
    expect(page.get_by_text("The card stands in front of every conversation")).to_be_visible()
    assert (session.card.text, session.card.on) == ("Talk like a pirate.", True)
    press(page, "Use what was learned")
    expect(card).to_have_value("Short answers.")


def test_everything_is_forgotten_only_when_confirmed(visit, session):
    session.status = replace(session.status, clicks=3)
    session.all_versions = [make_version(1, "serving")]
    page = visit("#taste")
    page.once("dialog", lambda dialog: dialog.dismiss())
    press(page, "Forget everything")
    assert session.events == []
    page.once("dialog", lambda dialog: dialog.accept())
    press(page, "Forget everything")
    expect(page.get_by_text("Nothing you said before counts any more")).to_be_visible()
    assert session.events[-1].event.kind == "forget"
    assert session.serving(YOU, "starter") is None


def test_a_principle_is_written_changed_and_removed(visit, session):
    page = visit("#taste")
    page.get_by_role("textbox", name="A new principle").fill("never use emoji")
    press(page, "Add")
    first = page.locator(".principle")
    expect(first).to_contain_text("kept by rule")
    expect(page.get_by_role("textbox", name="A new principle")).to_have_value("")
    page.get_by_role("textbox", name="A new principle").fill("never give medical doses")
    page.get_by_role("textbox", name="A new principle").press("Enter")
    expect(first).to_have_count(2)
    expect(first.last).to_contain_text("judged by the model")
    first.first.get_by_text("Change", exact=True).click()
    page.get_by_role("textbox", name="Wording of: never use emoji").fill("at most two sentences")
    press(first.first, "Save")
    expect(first.first).to_contain_text("at most two sentences")
    press(page, "Remove: never give medical doses")
    expect(first).to_have_count(1)
    assert [each.text for each in session.principles(YOU)] == ["at most two sentences"]


def test_how_well_choices_are_foretold_is_a_curve_over_time(visit, session):
    talk = session.add_conversation("Tea")
    list(session.reply(YOU, talk, "How do I make tea?", "client-0001"))
    for number in range(9):
        liked = FeedbackEvent(f"thumb-{number:04}", "thumb", reply_id=1, value=1)
        session.give_feedback(YOU, liked)
    page = visit("#taste")
    curve = page.get_by_role("img", name="Foretold of the last 20, %: from 60 to 66.7")
    expect(curve).to_be_visible()
