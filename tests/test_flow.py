"""The whole chain on the real starter model: prompt, reply, click, update, gate, next reply."""

import dataclasses
from pathlib import Path

import pytest

from chatfeedback.engine.adapter_files import verify
from chatfeedback.engine.client import Engine
from chatfeedback.learning.retention import questions
from chatfeedback.records import DpoSettings, FeedbackEvent
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store

# The gate's thresholds have tests of their own; here every harmless-looking update may serve.
QUICK = Settings(
    learn_when_idle=False,
    min_better_probability=0.0,
    min_not_worse_probability=0.0,
    min_retention_share=0.0,
    min_finished_share=0.0,
    gate_prompts=8,
    gate_replies=2,
    dpo=DpoSettings(max_steps=10),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A session with the starter that has chatted, clicked and learned once."""
    folder = tmp_path_factory.mktemp("data")
    store = open_store(folder)
    with Engine(None, "none", folder / "engine.log") as engine:
        session = Session(store, engine, QUICK, seed=0)
        base = session.wait_until_ready()
        me = session.default_person().person_id
        for number, question in enumerate(questions("chat", True)[:6]):
            prefer_the_shorter(session, me, question.prompt, number)
        session.learn_now(me)
        session.wait_for_learning(me, timeout_s=300)
        yield session, store, me, base
        session.close()
    store.close()


def prefer_the_shorter(session, me, prompt, number):
    chat = session.new_conversation(me)
    shown = list(session.compare(me, chat, prompt, f"m{number}"))[-1]
    outcome = "first" if len(shown.texts[0]) < len(shown.texts[1]) else "second"
    event = FeedbackEvent(f"c{number}", "pick", comparison_id=shown.comparison_id, outcome=outcome)
    return session.give_feedback(me, event)


def ask(session, me, text, client_id):
    return list(session.reply(me, session.new_conversation(me), text, client_id))[-1]


def test_the_run_ends_with_a_version_that_serves(world):
    _, store, me, base = world
    assert [run.state for run in store.runs(me)] == ["promoted"]
    assert store.serving(me, base.key) is not None


def test_the_version_lies_complete_on_disk(world):
    _, store, me, base = world
    version = store.serving(me, base.key)
    assert verify(Path(version.folder)) == version.manifest_hash


def test_the_next_reply_is_written_by_the_new_version(world):
    session, store, me, base = world
    reply_id = ask(session, me, "What does an owl eat?", "a1").reply_ids[0]
    assert store.reply(me, reply_id).adapter_id == store.serving(me, base.key).adapter_id


def test_the_update_moved_the_model_towards_the_clicks(world):
    _, store, me, _ = world
    rows = store.run_metrics(me, store.runs(me)[0].run_id)
    assert rows[-1]["dpo/reward_margin"] > rows[0]["dpo/reward_margin"]
    assert rows[-1]["dpo/kl_nats"] > 0


def test_roll_back_answers_with_the_base_at_once(world):
    session, store, me, base = world
    version = store.serving(me, base.key).adapter_id
    session.roll_back(me, None)
    reply_id = ask(session, me, "What does an owl eat?", "b1").reply_ids[0]
    assert store.reply(me, reply_id).adapter_id is None
    session.roll_back(me, version)


def test_a_conversation_goes_on_over_several_turns(world):
    session, store, me, _ = world
    chat = session.new_conversation(me)
    list(session.reply(me, chat, "Hello!", "t1"))
    list(session.reply(me, chat, "What does an owl eat?", "t2"))
    list(session.reply(me, chat, "Shorter, please.", "t3"))
    shown = [exchange.shown_reply_id for exchange in store.exchanges(me, chat)]
    assert all(reply.text for reply in store.replies(me, shown))


def test_the_stored_taste_is_rebuilt_exactly_from_the_events(world):
    session, _, me, _ = world
    taste = session.taste(me)
    before = taste.model
    taste.rebuild()
    assert taste.model.mean == pytest.approx(before.mean, abs=1e-6)
    assert taste.model.covariance == pytest.approx(before.covariance, abs=1e-6)


def test_a_tight_kl_budget_ends_a_run_early(world):
    session, store, me, _ = world
    tight = dataclasses.replace(QUICK, dpo=DpoSettings(max_steps=60, kl_budget_nats=0.05))
    other = Session(store, session._engine, tight, seed=1)
    other.wait_until_ready()
    other.learn_now(me)
    other.wait_for_learning(me, timeout_s=300)
    assert store.runs(me)[0].steps < 60
    other.close()
