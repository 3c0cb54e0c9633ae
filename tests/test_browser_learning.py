"""The learning page in a real browser: the run, the versions, blind comparisons, the choices."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from browsing import expect, press, send
from fake_session import NOW, YOU, FakeSession, make_version

from chatfeedback.asking.trials import BlindTrials
from chatfeedback.learning.guards import watch_collapse
from chatfeedback.records import FeedbackEvent, LearningRun

pytestmark = pytest.mark.browser


def like_something(session: FakeSession) -> None:
    talk = session.add_conversation("Tea")
    list(session.reply(YOU, talk, "How do I make tea?", "client-0001"))
    session.give_feedback(YOU, FeedbackEvent("thumb-0001", "thumb", reply_id=1, value=1))


def test_a_run_is_started_paused_resumed_and_stopped_also_after_a_reload(visit, session):
    page = visit()
    send(page, "hello")
    page.goto(page.url + "#learning")
    press(page, "Learn now")
    expect(page.get_by_role("alert")).to_contain_text("There is nothing to learn from yet.")
    page.get_by_role("link", name="Chat", exact=True).click()
    press(page, "Like")
    expect(page.locator(".note")).to_contain_text("Learned from a thumb")
    page.locator(".pill").click()
    press(page, "Learn now")
    bar = page.get_by_role("progressbar", name="Learning")
    expect(bar).to_have_attribute("aria-valuenow", "3")
    session.status = replace(session.status, step=15, seconds_left=41.0)
    expect(bar.locator("i")).to_have_attribute("style", re.compile(r"width:\s*75"))
    expect(page.locator(".run-message")).to_contain_text("about 40 s left")
    page.reload()
    press(page, "Pause")
    expect(page.get_by_role("heading", name="Paused", exact=True)).to_be_visible()
    press(page, "Resume")
    press(page, "Stop")
    expect(bar).to_be_hidden()


def test_curves_can_be_read_as_tables(visit, session):
    session.all_runs = [
        LearningRun(
            "r1", YOU, "promoted", "dpo", "asked for", "ok", 2, "v1", "{}", 0, "", 10, 1, NOW, NOW
        )
    ]
    session.metrics["r1"] = [
        {"step": step, "dpo/loss": loss, "dpo/kl_nats": 0.5 * step}
        for step, loss in ((1, 0.7), (2, 0.25))
    ]
    page = visit("#learning")
    expect(page.get_by_role("img", name=re.compile("^Loss: from 0.7 to 0.25"))).to_be_visible()
    page.locator("figure", has_text="Loss").get_by_text("As a table").click()
    expect(page.get_by_role("cell", name="0.25")).to_be_visible()


def test_versions_say_what_they_learned_from_and_can_be_used(visit, session):
    like_something(session)
    session.all_versions = [make_version(1), make_version(2, "serving", "v1")]
    session.all_runs = [
        LearningRun(
            "r2", YOU, "promoted", "dpo", "asked for", "ok", 2, "v2",
            '{"because": "You chose between answers."}', 0, "", 10, 1, NOW, NOW,
        )
    ]  # fmt: skip
    page = visit("#learning")
    second = page.locator(".version[data-id=v2]")
    expect(second).to_contain_text("in use")
    expect(second).to_contain_text("88 % better for you")
    expect(second).to_contain_text("learned while version 1 served")
    expect(second).to_contain_text("By DPO (one answer over another). You chose between answers.")
    second.get_by_text("Before and after").click()
    expect(second).to_contain_text("1. Boil water.")
    second.get_by_role("button", name="Which choices it learned from").click()
    expect(second).to_contain_text("Liked the answer to “How do I make tea?”")
    press(page, "Use version 1")
    expect(page.locator(".version[data-id=v1]")).to_contain_text("in use")
    expect(second.get_by_text("1. Boil water.")).to_be_visible()  # what was open stays open
    press(page, "Back to the base model")
    expect(page.get_by_text("The base model answers from the next reply on.")).to_be_visible()
    expect(page.locator(".version.serving")).to_contain_text("Base model")
    assert session.serving(YOU, "starter") is None


def test_two_versions_are_compared_blind_and_the_vote_counts(visit, session):
    like_something(session)
    session.all_versions = [make_version(1), make_version(2, "serving", "v1")]
    page = visit("#learning")
    page.get_by_role("combobox", name="against").select_option("Version 1")
    page.get_by_role("combobox", name="Question").fill("And coffee?")
    press(page, "Ask both")
    duel = page.locator(".duel")
    expect(duel).to_contain_text("You asked: And coffee?")
    expect(duel).not_to_contain_text("ersion")
    page.reload()
    press(page, "A is better")
    expect(page.get_by_text("Thank you: A was version 2, B was version 1.")).to_be_visible()
    expect(page.locator(".version[data-id=v2] .elo")).to_contain_text(re.compile(r"Elo 1\d\d\d"))
    expect(duel).to_have_count(0)


def test_while_two_versions_answer_the_page_says_so_and_asks_no_second_time(visit, session):
    session.all_versions = [make_version(1, "serving")]
    session.pieces.clear()
    page = visit("#learning")
    page.get_by_role("combobox", name="Question").fill("What about coffee?")
    press(page, "Ask both")
    answering = page.get_by_role("button", name="Both are answering…")
    expect(answering).to_be_disabled()
    session.status = replace(session.status, clicks=7)  # the page is drawn anew meanwhile
    expect(page.locator("#learning-view .headline")).to_contain_text("7 choices so far")
    expect(answering).to_be_disabled()
    session.pieces.set()
    expect(page.locator(".duel")).to_contain_text("You asked: What about coffee?")
    press(page, "Tie")
    expect(page.get_by_role("button", name="Ask both")).to_be_enabled()
    assert len(session.comparisons) == 1


def test_how_it_learns_is_chosen_and_kept(visit, session):
    session.all_versions = [make_version(1, "serving")]
    page = visit("#learning")
    page.get_by_role("radio", name=re.compile("^Bold")).check()
    expect(page.get_by_text("Saved. It counts from the next")).to_be_visible()
    page.get_by_role("combobox", name="When it learns").select_option("Only when I ask")
    page.get_by_role("combobox", name="Never between").select_option("22:00")
    expect(page.get_by_text("In quiet hours nothing is learned by itself.")).to_be_visible()
    page.get_by_text("Advanced").click()
    page.get_by_role("spinbutton", name="Most steps").fill("20")
    page.get_by_role("spinbutton", name="Most steps").press("Tab")
    slider = page.get_by_role("slider", name="How personal")
    slider.fill("0.6")
    expect(slider).to_have_attribute("aria-valuetext", "60 per cent")
    page.reload()
    expect(page.get_by_role("radio", name=re.compile("^Bold"))).to_be_checked()
    assert session.choices.knobs == {"max_steps": 20.0}
    assert (session.choices.when, session.choices.quiet_from) == ("by hand", 22)
    assert session.choices.how_personal == 0.6


def test_guards_and_blind_trials_are_told_in_plain_words(visit, session):
    page = visit("#learning")
    expect(page.get_by_text("None yet. Now and then a comparison sets")).to_be_visible()
    expect(page.get_by_text("Nothing asks for your attention.")).to_be_visible()
    page.get_by_text("All guards, with their figures").click()
    guards = page.locator(".guard")
    expect(guards.filter(has_text="thumbs")).to_contain_text("too early")
    expect(guards.filter(has_text="repeat")).to_contain_text("1 (limit 0.8)")

    session.trials = BlindTrials(wins=7, losses=4, ties=1)
    session.findings = [watch_collapse(["a b a b a b"], ["a b c d e f"], 1.0, 0.9)]
    page.reload()
    expect(page.get_by_text("62 % of the time (95 % sure: between 35 % and 85 %)")).to_be_visible()
    picture = page.get_by_role("img", name="The personal answer won 62.5 %")
    expect(picture.locator(".point")).to_have_attribute("style", "left:62.5%")
    expect(guards.first).to_contain_text("look at this")
    expect(guards.first).to_contain_text("Its replies repeat themselves")


def test_learning_by_trial_is_allowed_by_the_person(visit, session):
    page = visit("#learning")
    page.get_by_text("Advanced").click()
    page.get_by_role("combobox", name="May it try answers out").select_option("rloo")
    expect(page.get_by_text("Saved. It counts from the next")).to_be_visible()
    assert session.choices.by_trial == "rloo"
