"""A run by trial asked for by hand: clicks, the real engine, rollouts, gate, next reply."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from chatfeedback.engine.client import Engine
from chatfeedback.errors import InputRefused
from chatfeedback.learning.retention import questions
from chatfeedback.records import DpoSettings, FeedbackEvent
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.tiny_models import save_tiny_model

# The budget ends a run soon after its pairs, and the gate lets it pass: both are tested apart.
QUICK = Settings(
    learn_when_idle=False,
    max_new_tokens=24,
    compare_candidates=2,
    min_better_probability=0.0,
    min_not_worse_probability=0.0,
    min_retention_share=0.0,
    min_finished_share=0.0,
    kl_limit_nats=1e9,
    gate_prompts=4,
    gate_replies=1,
    dpo=DpoSettings(seconds_budget=8.0),
)


def let_replies_end(folder):
    """Make the end of a turn likely at every token; otherwise a random model goes on for ever."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    end = model.config.eos_token_id
    with torch.no_grad():
        model.base_model.final_layer_norm.bias[0] = 5.0
        model.get_output_embeddings().weight[end] = 0.0
        model.get_output_embeddings().weight[end, 0] = 1.4
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A session with a tiny random model that has heard five choices."""
    folder = tmp_path_factory.mktemp("data")
    model = save_tiny_model(folder / "model", "gpt_neox", context_tokens=256, spread=0.3)
    let_replies_end(model)
    store = open_store(folder)
    with Engine(str(model), "none", folder / "engine.log") as engine:
        session = Session(store, engine, QUICK, seed=0)
        session.wait_until_ready()
        me = session.default_person().person_id
        for number, question in enumerate(questions("chat", True)[:5]):
            chat = session.new_conversation(me)
            shown = list(session.compare(me, chat, question.prompt, f"m{number}"))[-1]
            session.give_feedback(
                me,
                FeedbackEvent(
                    f"c{number}", "pick", comparison_id=shown.comparison_id, outcome="first"
                ),
            )
        yield session, store, me
        session.close()
    store.close()


@pytest.mark.parametrize("method", ["rloo", "ppo"])
def test_a_run_by_trial_goes_through_the_gate_to_the_next_reply(world, method):
    session, store, me = world
    run_id = session.learn_now(me, method)
    session.wait_for_learning(me, timeout_s=300)
    run = next(run for run in store.runs(me) if run.run_id == run_id)
    assert (run.method, run.state) == (method, "promoted"), run.outcome
    assert json.loads(run.settings_json)["because"] == "You asked for it."
    first, *_, last = store.run_metrics(me, run_id)
    assert "dpo/loss" in first
    assert f"{method}/score" not in first
    assert {f"{method}/score", f"{method}/reward_sd", "dpo/loss"} <= set(last)
    version = store.serving(me, session.engine_state().base.key)
    assert version.adapter_id == run.adapter_id
    chat = session.new_conversation(me)
    list(session.reply(me, chat, "Hello!", f"r-{method}"))
    [exchange] = store.exchanges(me, chat)
    assert store.reply(me, exchange.shown_reply_id).adapter_id == version.adapter_id


def test_what_was_never_rewritten_cannot_be_imitated(world):
    session, _, me = world
    with pytest.raises(InputRefused, match="there are 0 of them, and 5 choices and 0 ratings"):
        session.learn_now(me, "sft")
