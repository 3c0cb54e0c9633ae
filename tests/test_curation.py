"""Feedback is looked through, put right, taken in and out, through the session and commands."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from fakes import FakeEngine
from fastapi import FastAPI
from fastapi.testclient import TestClient
from store_samples import start_run

from chatfeedback import cli
from chatfeedback.api import router
from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.exchange.exporting import FORMATS
from chatfeedback.exchange.importing import read_file
from chatfeedback.records import FeedbackEvent, FeedbackFilter
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from chatfeedback.taste.preferences import training_pairs
from storage.store import Store, open_store

BY_HAND = dataclasses.replace(Settings(), learn_when_idle=False)
PAIR = b'{"prompt": "Why?", "chosen": "Because of the air.", "rejected": "No idea."}'


@pytest.fixture
def store(tmp_path: Path):
    opened = open_store(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture
def session(store: Store):
    opened = Session(store, FakeEngine(), BY_HAND, seed=0)
    opened.wait_until_ready()
    yield opened
    opened.close()


@pytest.fixture
def me(session: Session) -> int:
    return session.default_person().person_id


def settle(session: Session) -> None:
    """Wait until the background has done what it was asked for."""
    session._tastes._background.submit(lambda: None).result()


def vote(session: Session, me: int, number: int = 1, outcome: str = "first") -> int:
    talk = session.new_conversation(me)
    shown = list(session.compare(me, talk, f"question {number}", f"m{number}"))[-1]
    event = FeedbackEvent(f"c{number}", "pick", comparison_id=shown.comparison_id, outcome=outcome)
    return session.give_feedback(me, event).feedback_id


def listed(session: Session, me: int, **wanted: object) -> list[tuple[str, str]]:
    page = session.queries.browse_feedback(me, FeedbackFilter(**wanted))
    return [(each.event.kind, each.state) for each in page.items]


# --- single events ------------------------------------------------------------------------------


def test_an_excluded_vote_teaches_nothing_until_it_is_let_in_again(session, me) -> None:
    nothing = session.taste(me).model.mean.copy()
    number = vote(session, me)
    learned = session.taste(me).model.mean.copy()
    session.data.exclude(me, number, is_excluded=True)
    settle(session)
    assert (session.taste(me).model.mean == nothing).all()
    assert session.taste(me).clicks == 0
    session.data.exclude(me, number, is_excluded=False)
    settle(session)
    assert session.taste(me).model.mean == pytest.approx(learned)
    assert (learned != nothing).any()


def test_a_corrected_vote_teaches_the_opposite(session, me) -> None:
    number = vote(session, me, outcome="first")
    [before] = session.taste(me).judgements
    session.data.correct(me, number, "a correction", "second")
    [after] = session.taste(me).judgements
    assert (after.chosen_id, after.rejected_id) == (before.rejected_id, before.chosen_id)
    assert listed(session, me) == [("pick", "counts"), ("pick", "undone")]


def test_what_is_taken_back_counts_no_more_and_stays_listed(session, me) -> None:
    session.data.delete(me, vote(session, me), "taken back")
    assert session.taste(me).clicks == 0
    assert listed(session, me) == [("pick", "undone")]
    with pytest.raises(InputRefused, match="undone already"):
        session.data.delete(me, 1, "taken back again")


def test_another_persons_feedback_is_not_found(session, me) -> None:
    number = vote(session, me)
    other = session.queries.ensure_person("Bob").person_id
    for act in (
        lambda: session.data.delete(other, number, "not mine"),
        lambda: session.data.exclude(other, number, is_excluded=True),
        lambda: session.data.correct(other, number, "not mine", "tie"),
    ):
        with pytest.raises(NotFound):
            act()
    assert listed(session, other) == []


def test_feedback_is_filtered_by_kind_state_day_and_conversation(session, me) -> None:
    first, second = vote(session, me, 1), vote(session, me, 2)
    session.data.exclude(me, first, is_excluded=True)
    [item] = session.queries.browse_feedback(me, FeedbackFilter(state="aside")).items
    assert item.feedback_id == first
    assert listed(session, me, kind="thumb") == []
    assert len(listed(session, me, since=item.created_at_utc[:10])) == 2
    assert listed(session, me, until="2001-01-01") == []
    [other] = session.queries.browse_feedback(
        me, FeedbackFilter(conversation_id=item.conversation_id + 1)
    ).items
    assert other.feedback_id == second


def test_pages_follow_one_another_without_gap_or_overlap(session, me) -> None:
    numbers = [vote(session, me, number) for number in range(5)]
    seen, before = [], None
    while True:
        page = session.queries.browse_feedback(me, FeedbackFilter(), before, 2)
        seen += [each.feedback_id for each in page.items]
        assert page.total == 5
        if (before := page.more) is None:
            break
    assert seen == numbers[::-1]


# --- rated later --------------------------------------------------------------------------------


def test_answers_that_were_never_compared_wait_for_a_vote(session, me) -> None:
    talk = session.new_conversation(me)
    list(session.reply(me, talk, "Which?", "m1"))
    [exchange] = session.queries.exchanges(me, talk)
    list(session.regenerate(me, exchange.message_id))
    shown = session.queries.exchanges(me, talk)[0].shown_reply_id
    waiting = session.queries.unrated_pair(me)
    ids = tuple(number for number, _ in waiting.replies)
    session.data.vote_later(me, waiting.message_id, ids, "first", "a vote")
    session.data.vote_later(me, waiting.message_id, ids, "first", "a vote")
    [better] = session.taste(me).judgements
    assert better.chosen_id == ids[0]
    assert session.queries.unrated_pair(me) is None
    assert session.queries.exchanges(me, talk)[0].shown_reply_id == shown


def test_rated_answers_and_those_of_deleted_chats_do_not_wait(session, me) -> None:
    talk = session.new_conversation(me)
    list(session.reply(me, talk, "Which?", "m1"))
    [(reply_id, _)] = session.queries.unrated_reply(me).replies
    session.delete_conversation(me, talk)
    assert session.queries.unrated_reply(me) is None
    session.restore_conversation(me, talk)
    session.give_feedback(me, FeedbackEvent("c1", "thumb", reply_id=reply_id, value=1))
    assert session.queries.unrated_reply(me) is None


# --- files --------------------------------------------------------------------------------------


def test_imported_choices_teach_at_once_and_make_pairs_once_the_engine_has_read_them(
    session, me
) -> None:
    assert session.data.preview(me, "f", PAIR).new == 1
    assert session.taste(me).clicks == 0
    assert session.data.import_file(me, "f", PAIR).reactions == 1
    settle(session)
    taste = session.taste(me)
    [pair] = training_pairs(taste.judgements, taste, FakeEngine().base.key)
    [better] = taste.judgements
    assert taste.reply(better.chosen_id).text == "Because of the air."
    assert taste.reply(better.chosen_id).features is not None
    assert pair.chosen_ids == taste.reply(better.chosen_id).token_ids
    assert session.queries.unread_replies(me) == []


def test_imported_answers_are_read_after_what_was_said_before_them(session, me) -> None:
    row = {
        "prompt": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": "Why?"},
        ],
        "chosen": [{"role": "assistant", "content": "So."}],
        "rejected": [{"role": "assistant", "content": "No."}],
    }
    session.data.import_file(me, "f", json.dumps(row).encode())
    settle(session)
    asked = [each for each in session._engine.requests if hasattr(each, "texts")][-1]
    assert [turn.text for turn in asked.prompts[0]] == ["Hello", "Hi.", "Why?"]
    assert asked.texts == (("So.", "No."),)


def test_a_preview_names_rows_and_errors_and_stores_nothing(session, me) -> None:
    found = session.data.preview(me, "f", PAIR + b'\n{"prompt": "x", "chosen": "y"}')
    assert (found.rows, found.new, found.teaches) == (1, 1, (("a choice among 2", 1),))
    assert [error.line for error in found.errors] == [2]
    assert session.queries.shared_chats(me) == []


# --- backups ------------------------------------------------------------------------------------


def test_a_backup_brings_everything_back_while_the_app_runs(session, store, me) -> None:
    vote(session, me, 1)
    made = session.data.back_up()
    vote(session, me, 2)
    assert session.taste(me).clicks == 2
    session.data.restore(made.name)
    assert session.taste(me).clicks == 1
    assert store.complaints() == []
    vote(session, me, 3)
    assert session.taste(me).clicks == 2
    assert [each.name.split("-", 1)[1] for each in session.queries.backups()] == [
        "before-restore.db",
        "by-hand.db",
    ]


def test_a_run_that_was_under_way_when_the_backup_was_made_is_over(session, store, me) -> None:
    run_id = start_run(store, me)
    made = session.data.back_up()
    store.end_run(me, run_id, "failed", "It broke.")
    session.data.restore(made.name)
    [run] = store.runs(me)
    assert (run.state, "under way when the backup was made" in run.outcome) == ("stopped", True)


def test_only_backups_can_be_restored(session) -> None:
    for name in ("../chatfeedback.db", "nothing.db", ""):
        with pytest.raises(NotFound, match="no backup"):
            session.data.restore(name)


# --- commands and routes ------------------------------------------------------------------------


def test_the_commands_export_and_import_meet(tmp_path, capsys) -> None:
    source, copy = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(PAIR + b"\n{broken")
    assert cli.main(["import", str(source), "--dry-run"]) == 0
    assert cli.main(["import", str(source)]) == 0
    assert "line 2 is left out" in capsys.readouterr().out
    assert cli.main(["import", str(source)]) == 0
    assert "Added 0 reactions; 1 were there already." in capsys.readouterr().out
    assert cli.main(["export", str(copy), "--format", "preference"]) == 0
    [row] = copy.read_text(encoding="utf-8").splitlines()
    assert json.loads(row)["chosen"][0]["content"] == "Because of the air."


def test_a_file_that_is_missing_or_of_no_use_is_one_plain_line(tmp_path, capsys) -> None:
    useless = tmp_path / "table.csv"
    useless.write_text("a,b")
    for path in (useless, tmp_path / "missing.jsonl"):
        assert cli.main(["import", str(path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_command_line_knows_every_format() -> None:
    assert tuple(each.name for each in FORMATS) == cli.EXPORT_FORMATS


def test_the_app_takes_files_and_gives_them(session) -> None:
    app = FastAPI()
    app.include_router(router(session))
    client = TestClient(app)
    raw = {"content-type": "application/octet-stream"}
    preview = client.post("/api/v1/import/preview?name=f", content=PAIR, headers=raw).json()
    added = client.post("/api/v1/import?name=f", content=PAIR, headers=raw).json()
    assert (preview["rows"], added["reactions"]) == (1, 1)
    file = client.get("/api/v1/export?format=preference")
    assert 'filename="chatfeedback-preference-' in file.headers["content-disposition"]
    assert len(file.text.splitlines()) == 1
    nothing = client.get("/api/v1/export?format=ranking")
    assert (nothing.status_code, "nothing yet" in nothing.json()["detail"]) == (422, True)
    refused = client.get("/api/v1/export?format=xls")
    assert (refused.status_code, "no format" in refused.json()["detail"]) == (422, True)


def test_an_import_tells_how_far_it_is_until_it_is_stored(session, store, me):
    found = read_file("f", PAIR + b"\n" + PAIR.replace(b"Why", b"How"))
    told: list[int] = []
    store.add_chats(me, "f", found.chats, told.append)
    assert told == [0, 1]
    session.data._note_import(2)(1)
    app = FastAPI()
    app.include_router(router(session))
    assert TestClient(app).get("/api/v1/import/progress").json() == {"done": 1, "total": 2}
    session.data.import_file(me, "f", PAIR)
    assert session.data.import_progress == (0, 0)
