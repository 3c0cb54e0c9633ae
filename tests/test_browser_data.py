"""The data page in a real browser, over a real session and database and a fake engine."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Server, Visit, expect, open_chromium
from fakes import FakeEngine

from chatfeedback.records import FeedbackEvent
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store

pytestmark = pytest.mark.browser

BY_HAND = dataclasses.replace(Settings(), learn_when_idle=False)
ROWS = [
    {"prompt": "How do I fold a shirt?", "chosen": "In thirds.", "rejected": "Ask a friend."},
    {"prompt": "Why is it dark?", "completion": "It is night.", "label": True},
    {"prompt": "What is missing?", "chosen": "The other one."},
]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    store = open_store(tmp_path_factory.mktemp("data"))
    session = Session(store, FakeEngine(), BY_HAND, seed=0)
    session.wait_until_ready()
    running = Server(session)
    yield running
    running.close()
    session.close()
    store.close()


@pytest.fixture
def session(server, request) -> Session:
    """A fresh person, who acts from now on."""
    server.session.add_person(request.node.name[-40:])
    return server.session


@pytest.fixture
def visit(browser, server, session) -> Iterator[Visit]:
    expect.set_options(timeout=20_000)
    visitor = Visit(browser, server)
    yield visitor
    visitor.close()


def ask(session: Session, question: str) -> int:
    """One answered question in a chat of its own; returns the answer's id."""
    me = session.default_person().person_id
    talk = session.new_conversation(me)
    return list(session.reply(me, talk, question, f"{me} {question}"))[-1].reply_ids[0]


def like(session: Session, reply_id: int) -> None:
    me = session.default_person().person_id
    session.give_feedback(
        me, FeedbackEvent(f"like {reply_id}", "thumb", reply_id=reply_id, value=1)
    )


def clicks(session: Session) -> int:
    return session.learning_status(session.default_person().person_id).clicks


def open_tab(page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute(
        "aria-selected", "true"
    )


def press(scope, name: str) -> None:
    scope.get_by_role("button", name=name, exact=True).click()


def test_feedback_is_filtered_corrected_excluded_and_taken_back(visit, session):
    for question in ("How do I boil an egg?", "What is rain?"):
        like(session, ask(session, question))
    page = visit("#data")
    page.on("dialog", lambda dialog: dialog.accept())
    entries = page.locator(".entry")
    expect(entries).to_have_count(2)
    rain = entries.filter(has_text="What is rain?")

    press(rain, "Exclude")
    expect(rain.locator(".tag.aside")).to_have_text("excluded")
    page.locator("select[name=state]").select_option("aside")
    expect(entries).to_have_count(1)
    press(rain, "Let it count")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    page.locator("select[name=state]").select_option("")
    expect(entries).to_have_count(2)

    rain.get_by_text("Correct", exact=True).click()
    press(rain, "Dislike")
    expect(page.locator(".entry .line b", has_text="Dislike")).to_have_count(1)
    expect(entries).to_have_count(3)  # what it replaces stays listed
    egg = entries.filter(has_text="boil an egg")
    press(egg, "Take back")
    expect(egg.locator(".tag.undone")).to_have_text("taken back")
    assert clicks(session) == 1


def test_what_was_not_rated_is_rated_later(visit, session):
    me = session.default_person().person_id
    ask(session, "How do I tie a knot?")
    talk = session.new_conversation(me)
    twice = list(session.compare(me, talk, "Which tea?", f"{me} twice"))[-1]
    page = visit("#data")
    open_tab(page, "Rate later")
    expect(page.get_by_text("1 pair waits.")).to_be_visible()
    press(page, "A is better")
    expect(page.get_by_text("No pair waits.")).to_be_visible()
    expect(page.get_by_text("1 answer waits.")).to_be_visible()
    press(page, "Not now")
    press(page, "Show those I put off")
    press(page, "Like")
    expect(page.get_by_text("No answer waits.")).to_be_visible()
    assert clicks(session) == 2
    assert session.queries.exchanges(me, talk)[0].reply_ids == twice.reply_ids


def test_a_file_is_shown_before_it_is_stored_and_stored_only_once(visit, session, tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    page = visit("#data")
    open_tab(page, "Import and export")
    page.set_input_files("#import-file", file)
    preview = page.locator("#import-preview")
    expect(preview).to_contain_text("TRL / Hugging Face: 2 rows can be used")
    expect(preview.get_by_role("region")).to_contain_text('line 3 A preference needs "chosen"')
    assert clicks(session) == 0
    press(page, "Import 2 rows")
    expect(preview).to_contain_text("Added 2 reactions")
    page.set_input_files("#import-file", file)
    expect(page.get_by_role("button", name="Import 0 rows")).to_be_disabled()
    open_tab(page, "Feedback")
    expect(page.locator(".entry")).to_have_count(2)
    expect(page.locator(".entry").first).to_contain_text("imported from mine.jsonl")


def test_feedback_is_saved_as_a_file_counted_and_brought_back_from_a_backup(visit, session):
    like(session, ask(session, "How do I boil an egg?"))
    page = visit("#data", width=390)
    page.on("dialog", lambda dialog: dialog.accept())
    open_tab(page, "Import and export")
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save as TRL / Hugging Face unpaired", exact=True).click()
    [row] = saving.value.path().read_text(encoding="utf-8").splitlines()
    assert json.loads(row)["label"] is True

    open_tab(page, "Statistics")
    expect(page.get_by_role("img", name="Thumbs: like 1")).to_be_visible()
    open_tab(page, "Backups")
    press(page, "Back up now")
    restore = page.get_by_role("button", name="made by you").last
    expect(restore).to_be_visible()
    like(session, ask(session, "What is rain?"))
    restore.click()
    expect(page.locator("#message textarea")).to_be_visible()  # the page loaded anew, on the chat
    assert clicks(session) == 1


def test_a_format_that_would_hold_nothing_says_so_on_the_page(visit, session):
    like(session, ask(session, "How do I boil an egg?"))
    page = visit("#data")
    open_tab(page, "Import and export")
    page.get_by_role("link", name="Save as TRL / Hugging Face preference", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("nothing")


def test_a_restore_that_is_refused_leaves_the_page_where_it_is(visit, session):
    made = session.data.back_up()
    page = visit("#data")
    page.on("dialog", lambda dialog: dialog.accept())
    page.clock.install()
    page.evaluate("window.isStillHere = true")
    open_tab(page, "Backups")
    restore = page.get_by_role("button", name="made by you").first  # the newest
    expect(restore).to_be_visible()
    (session._store.folder / "backups" / made.name).unlink()
    restore.click()
    expect(page.get_by_text("There is no backup")).to_be_visible()
    page.clock.fast_forward(2000)  # a page that follows a restore would be gone by now
    open_tab(page, "Feedback")
    expect(page.get_by_text("Nothing yet. What you say")).to_be_visible()
    assert page.evaluate("window.isStillHere")


def test_a_tab_that_is_pressed_again_stays_open(visit, session):
    page = visit("#data")
    open_tab(page, "Statistics")
    expect(page.get_by_role("heading", name="How much and how balanced")).to_be_visible()
    with page.expect_response("**/gradio_api/**"):
        open_tab(page, "Statistics")
    expect(page.get_by_role("tab", name="Statistics")).to_have_attribute("aria-selected", "true")


def test_an_empty_file_and_answers_without_a_verdict_are_told_as_such(visit, session, tmp_path):
    empty, unrated = tmp_path / "empty.jsonl", tmp_path / "unrated.jsonl"
    empty.write_text("", encoding="utf-8")
    unrated.write_text('{"prompt": "Why?", "completion": "So."}', encoding="utf-8")
    page = visit("#data")
    open_tab(page, "Import and export")
    page.set_input_files("#import-file", empty)
    preview = page.locator("#import-preview")
    expect(preview).to_contain_text("empty.jsonl has no row that can be read. It is empty.")
    page.set_input_files("#import-file", unrated)
    expect(preview).to_contain_text("1 row can be used.")
    press(page, "Import 1 row")
    expect(preview).to_contain_text("Stored. Nothing was said of these answers yet")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_to_object_to_on_any_tab(visit, session, tmp_path, dark):
    axe = pytest.importorskip("axe_playwright_python.base")
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    me = session.default_person().person_id
    like(session, ask(session, "How do I boil an egg?"))
    list(session.compare(me, session.new_conversation(me), "Which tea?", f"{me} twice"))
    session.data.back_up()
    page = visit("#data", dark=dark)
    page.evaluate(Path(axe.AXE_FILE_PATH).read_text("utf-8"))
    found = []
    for name in ("Feedback", "Rate later", "Import and export", "Statistics", "Backups"):
        open_tab(page, name)
        if name == "Import and export":
            page.set_input_files("#import-file", file)
            expect(page.get_by_role("button", name="Import 2 rows")).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        results = page.evaluate("axe.run('#data-view', {resultTypes: ['violations']})")
        found += [
            f"{name}: {each['id']} ({node['html'][:160]})"
            for each in results["violations"]
            for node in each["nodes"]
        ]
    assert found == []
