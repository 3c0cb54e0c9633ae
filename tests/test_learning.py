"""Learning runs: when they start, what they leave behind, what a dead engine does to them."""

import dataclasses

import pytest

from chatfeedback.errors import EngineDied, InputRefused
from chatfeedback.records import FeedbackEvent, LearnRequest
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import FakeEngine

LENIENT = dataclasses.replace(
    Settings(), min_better_probability=0.0, min_not_worse_probability=0.0, learn_when_idle=False
)


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path)
    yield store
    store.close()


def open_session(store, engine, settings=LENIENT):
    session = Session(store, engine, settings, seed=0)
    session.wait_until_ready()
    return session


def click(session, number, outcome="first"):
    me = session.default_person().person_id
    chat = session.new_conversation(me)
    shown = list(session.compare(me, chat, f"question {number}", f"m{number}"))[-1]
    session.give_feedback(
        me,
        FeedbackEvent(f"c{number}", "pick", comparison_id=shown.comparison_id, outcome=outcome),
    )
    return me


def learn(session, clicks=3):
    for number in range(clicks):
        me = click(session, number)
    session.learn_now(me)
    session.wait_for_learning(me, timeout_s=30)
    return me


def test_a_run_publishes_a_version_that_serves(store, engine):
    session = open_session(store, engine)
    me = learn(session)
    [run] = store.runs(me)
    assert run.state == "promoted"
    assert store.serving(me, engine.base.key).adapter_id == run.adapter_id
    session.close()


def test_the_next_reply_is_answered_with_the_new_version(store, engine):
    session = open_session(store, engine)
    me = learn(session)
    list(session.reply(me, session.new_conversation(me), "hello", "r1"))
    assert engine.requests[-1].adapter.adapter_id == store.serving(me, engine.base.key).adapter_id
    session.close()


def test_every_step_leaves_a_row_of_metrics(store, engine):
    session = open_session(store, engine)
    me = learn(session)
    rows = store.run_metrics(me, store.runs(me)[0].run_id)
    assert [row["dpo/loss"] for row in rows] == [1.0, 0.5, pytest.approx(1 / 3)]
    session.close()


def test_the_old_version_keeps_serving_when_the_candidate_fails_the_gate(store, engine):
    strict = dataclasses.replace(LENIENT, min_better_probability=1.0)
    session = open_session(store, engine, strict)
    me = learn(session)
    [run] = store.runs(me)
    assert run.state == "rejected"
    assert "needed" in run.outcome
    assert store.serving(me, engine.base.key) is None
    session.close()


def test_roll_back_serves_the_base_and_forward_again(store, engine):
    session = open_session(store, engine)
    me = learn(session)
    version = store.serving(me, engine.base.key).adapter_id
    session.roll_back(me, None)
    assert store.serving(me, engine.base.key) is None
    session.roll_back(me, version)
    assert store.serving(me, engine.base.key).adapter_id == version
    session.close()


def test_nothing_to_learn_from_is_said_so(store, engine):
    session = open_session(store, engine)
    with pytest.raises(InputRefused, match="0 choices"):
        session.learn_now(session.default_person().person_id)
    session.close()


def test_a_run_starts_by_itself_after_enough_clicks(store, engine):
    eager = dataclasses.replace(LENIENT, learn_when_idle=True, clicks_per_run=3, idle_seconds=0.0)
    session = open_session(store, engine, eager)
    for number in range(3):
        me = click(session, number)
    while not store.runs(me):
        session.wait_for_learning(me, timeout_s=0.1)
    session.wait_for_learning(me, timeout_s=30)
    assert store.runs(me)[0].reason == "3 new choices"
    assert session.learning_status(me).clicks_until_learning == 3
    session.close()


def test_an_engine_that_dies_while_learning_gets_a_second_attempt(store, engine):
    class Dying(FakeEngine):
        attempts = 0

        def learn(self, request):
            self.attempts += 1
            if self.attempts == 1:
                raise EngineDied("gone")
            return super().learn(request)

    dying = Dying()
    session = open_session(store, dying)
    me = learn(session)
    assert dying.attempts == 2
    assert store.runs(me)[0].state == "promoted"
    session.close()


def test_a_run_that_never_succeeds_ends_failed_with_the_reason(store):
    class Dead(FakeEngine):
        def learn(self, request):
            raise EngineDied("out of memory")

    session = open_session(store, Dead())
    me = learn(session)
    [run] = store.runs(me)
    assert run.state == "failed"
    assert "out of memory" in run.outcome
    session.close()


def test_an_undone_click_is_not_in_the_next_runs_data(store, engine):
    session = open_session(store, engine)
    for number in range(3):
        me = click(session, number)
    newest = store.feedback(me)[-1]
    session.give_feedback(me, FeedbackEvent("u", "undo", undoes=newest.feedback_id))
    session.learn_now(me)
    session.wait_for_learning(me, timeout_s=30)
    [request] = [each for each in engine.requests if isinstance(each, LearnRequest)]
    assert sum(pair.source == "click" for pair in request.pairs) == 2
    session.close()
