"""Learning runs: when they start, what they leave behind, what a dead engine does to them."""

import dataclasses
import json
import threading
import time

import pytest

from chatfeedback.engine.adapter_files import progress_folder
from chatfeedback.errors import EngineDied, InputRefused
from chatfeedback.learning.learner import _Current, _describe
from chatfeedback.records import DpoSettings, FeedbackEvent, KtoSettings, LearnRequest
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


def test_while_a_change_of_taste_is_fresh_no_run_starts_by_itself(store, engine):
    eager = dataclasses.replace(LENIENT, learn_when_idle=True, clicks_per_run=1, idle_seconds=60.0)
    session = open_session(store, engine, eager)
    me = click(session, 0)
    assert session.learning_status(me).clicks_until_learning == 0

    taste = session.taste(me)
    taste.belief = dataclasses.replace(
        taste.belief, n=82, since=(60, 0), models=taste.belief.models[:1] * 3, log_scores=(0.0,) * 3
    )
    status = session.learning_status(me)
    assert status.clicks_until_learning == status.taste_settles_in == 3
    assert status.message == "Has your taste changed? Up to 3 more choices until it learns"
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


class Halting(FakeEngine):
    """Halts after its second step until it is let on, so that a test can act meanwhile."""

    def __init__(self):
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def learn(self, request):
        for event in super().learn(request):
            yield event
            if getattr(event, "step", 0) == 2:
                self.reached.set()
                assert self.go_on.wait(10)


def wait_for_phase(session, me, phase):
    while session.learning_status(me).phase != phase:
        session.wait_for_learning(me, timeout_s=0.02)


def begin_to_learn(store):
    """A session whose run has come to its second step."""
    engine = Halting()
    session = open_session(store, engine)
    for number in range(3):
        me = click(session, number)
    session.learn_now(me)
    assert engine.reached.wait(10)
    return session, engine, me


def test_a_run_that_has_taken_no_step_counts_none():
    starting = _Current("run", 1, phase="learning")
    assert _describe("learning", starting, 0) == "Learning begins"
    starting.note_step(3, 60)
    assert _describe("learning", starting, 0) == "Learning · step 3/60"


def test_a_paused_run_halts_and_goes_on_from_the_same_request(store):
    session, engine, me = begin_to_learn(store)
    session.pause_learning(me)
    engine.go_on.set()
    wait_for_phase(session, me, "paused")
    assert session.learning_status(me).message == "Paused at step 3/3"
    assert store.runs(me)[0].state == "running"
    session.resume_learning(me)
    session.wait_for_learning(me, timeout_s=30)
    first, again = [each for each in engine.requests if isinstance(each, LearnRequest)]
    assert first == again
    assert store.runs(me)[0].state == "promoted"
    session.close()


def test_a_run_by_another_method_waits_for_the_one_under_way(store):
    session, engine, me = begin_to_learn(store)
    run_id = store.runs(me)[0].run_id
    assert session.learn_now(me) == session.learn_now(me, "dpo") == run_id
    with pytest.raises(InputRefused, match="learns by dpo is under way, so none by rloo"):
        session.learn_now(me, "rloo")
    engine.go_on.set()
    session.wait_for_learning(me, timeout_s=30)
    session.close()


def test_a_paused_run_can_be_stopped(store):
    session, engine, me = begin_to_learn(store)
    session.pause_learning(me)
    engine.go_on.set()
    wait_for_phase(session, me, "paused")
    session.stop_learning(me)
    assert store.runs(me)[0].state == "stopped"
    assert session.learning_status(me).phase == "idle"
    session.close()


def test_a_run_that_is_paused_outlasts_any_number_of_apps(store):
    session, engine, me = begin_to_learn(store)
    session.pause_learning(me)
    engine.go_on.set()
    wait_for_phase(session, me, "paused")
    for _ in range(3):
        session.close()
        store.close()
        store = open_store(store.folder)
        session = open_session(store, FakeEngine())
    assert session.learning_status(me).phase == "paused"
    session.resume_learning(me)
    session.wait_for_learning(me, timeout_s=30)
    assert [run.state for run in store.runs(me)] == ["promoted"]
    session.close()
    store.close()


def test_a_pause_outlasts_the_app_and_asking_ends_it(store, engine):
    session = open_session(store, engine)
    me = click(session, 0)
    session.pause_learning(me)
    session.close()
    session = open_session(store, engine)
    assert session.learning_status(me).message == "Learning is paused"
    session.learn_now(me)
    session.wait_for_learning(me, timeout_s=30)
    assert store.runs(me)[0].state == "promoted"
    session.close()


def test_the_time_left_follows_from_the_steps_so_far(store):
    session, engine, me = begin_to_learn(store)
    status = session.learning_status(me)
    assert status.step == 2
    assert status.seconds_left >= 0
    engine.go_on.set()
    session.wait_for_learning(me, timeout_s=30)
    assert session.learning_status(me).seconds_left is None
    session.close()


def test_nothing_starts_by_itself_when_learning_is_by_hand_or_the_hour_is_quiet(store, engine):
    eager = dataclasses.replace(LENIENT, learn_when_idle=True, clicks_per_run=1, idle_seconds=0.0)
    session = open_session(store, engine, eager)
    me = session.default_person().person_id
    session.choose_learning(me, {"when": "by hand"})
    click(session, 0)
    assert session.learning_status(me).message == "Learns when you ask for it"
    session._learner._queue_due_runs()
    assert store.runs(me) == []
    hour = time.localtime().tm_hour
    session.choose_learning(
        me, {"when": "clicks", "quiet_from": hour, "quiet_until": (hour + 2) % 24}
    )
    session._learner._queue_due_runs()
    assert store.runs(me) == []
    session.close()


def test_a_bold_run_may_move_further_than_a_careful_one(store, engine):
    session = open_session(store, engine)
    me = click(session, 0)
    for preset in ("careful", "bold"):
        session.choose_learning(me, {"preset": preset})
        session.learn_now(me)
        session.wait_for_learning(me, timeout_s=30)
    careful, bold = [each for each in engine.requests if isinstance(each, LearnRequest)]
    assert careful.settings.kl_budget_nats < bold.settings.kl_budget_nats
    assert json.loads(store.runs(me)[0].settings_json)["min_better_probability"] == 0.65
    session.close()


def test_replies_are_as_personal_as_the_slider_says(store, engine):
    session = open_session(store, engine)
    me = learn(session)
    chat = session.new_conversation(me)
    session.choose_learning(me, {"how_personal": "0.4"})
    list(session.reply(me, chat, "hello", "r1"))
    assert engine.requests[-1].adapter.scale == pytest.approx(0.4)
    session.choose_learning(me, {"how_personal": 0})
    list(session.reply(me, chat, "hello again", "r2"))
    assert engine.requests[-1].adapter is None
    session.close()


# --- what is minimised -----------------------------------------------------------------------


def rate(session, number, value):
    """A thumb on the only answer to a question."""
    me = session.default_person().person_id
    shown = list(
        session.reply(me, session.new_conversation(me), f"question {number}", f"m{number}")
    )
    [reply_id] = shown[-1].reply_ids
    session.give_feedback(me, FeedbackEvent(f"t{number}", "thumb", reply_id=reply_id, value=value))
    return me


def last_request(engine):
    return [each for each in engine.requests if isinstance(each, LearnRequest)][-1]


def test_choices_are_learned_by_dpo_and_the_run_says_why(store, engine):
    session = open_session(store, engine)
    me = learn(session)
    [run] = store.runs(me)
    assert isinstance(last_request(engine).settings, DpoSettings)
    assert run.method == "dpo"
    assert json.loads(run.settings_json)["because"] == "You chose between answers."
    session.close()


def test_thumbs_alone_are_learned_by_kto(store, engine):
    session = open_session(store, engine)
    for number in range(4):
        me = rate(session, number, 1 if number % 2 else -1)
    session.learn_now(me)
    session.wait_for_learning(me, timeout_s=30)
    request = last_request(engine)
    assert store.runs(me)[0].method == "kto"
    assert isinstance(request.settings, KtoSettings)
    assert sum(each.weight == 0.5 for each in request.ratings) >= 1
    assert request.pairs == ()
    session.close()


def test_a_run_that_is_stopped_keeps_no_progress(store, engine):
    kept = progress_folder(store.folder / "adapters", "anything")

    class Slow(FakeEngine):
        def learn(self, request):
            nonlocal kept
            kept = progress_folder(store.folder / "adapters", request.run_id)
            kept.mkdir(parents=True)
            raise InputRefused("nothing to learn")

    session = open_session(store, Slow())
    me = learn(session)
    assert store.runs(me)[0].state == "failed"
    assert not kept.exists()
    session.close()


def test_forgetting_everything_ends_a_run_that_learns_from_it(store):
    session, engine, me = begin_to_learn(store)
    session.give_feedback(me, FeedbackEvent("forget-it-all", "forget"))
    engine.go_on.set()
    session.wait_for_learning(me, timeout_s=30)
    assert store.runs(me)[0].state == "stopped"
    assert store.serving(me, engine.base.key) is None
    session.close()


def test_when_a_member_forgets_everything_a_run_of_all_of_them_ends(store):
    session, engine, me = begin_to_learn(store)
    ada = session.add_person("Ada").person_id
    team = session.act_together().person_id
    click(session, 9)
    session.learn_now(team)
    session.give_feedback(ada, FeedbackEvent("forget-it-all", "forget"))
    engine.go_on.set()
    session.wait_for_learning(me, timeout_s=30)
    session.wait_for_learning(team, timeout_s=30)
    assert store.runs(me)[0].state == "promoted"
    assert store.runs(team)[0].state == "stopped"
    session.close()


def test_after_forgetting_everything_learning_stands_where_it_stood_at_first(store, engine):
    session = open_session(store, engine)
    me = learn(session)
    session.give_feedback(me, FeedbackEvent("forget-it-all", "forget"))
    status = session.learning_status(me)
    assert (status.clicks, status.new_clicks, status.last_outcome) == (0, 0, "")
    assert status.clicks_until_learning == LENIENT.clicks_per_run
    click(session, 7)
    assert session.learning_status(me).new_clicks == 1
    session.close()


def test_a_click_taken_back_that_was_learned_from_does_not_hide_a_new_one(store, engine):
    session = open_session(store, engine)
    me = learn(session)
    session.give_feedback(me, FeedbackEvent("take-it-back", "undo", undoes=1))
    click(session, 7)
    assert session.learning_status(me).new_clicks == 1
    session.close()
