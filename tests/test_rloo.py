"""RLOO on a tiny random model: each reply is judged by its siblings alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rollout_fakes import CountingReward, draw, make_request, run_all, tiny_view, wishes

from chatfeedback.engine import updating
from chatfeedback.engine.adapter_files import read_manifest
from chatfeedback.engine.rloo import rloo_steps
from chatfeedback.records import RlooSettings

SETTINGS = RlooSettings(
    rank=4,
    alpha=8.0,
    learning_rate=2e-2,
    trial_pace=1.0,
    replies_per_step=40,
    replies_per_prompt=4,
    minibatch_replies=20,
    epochs=3,
    max_steps=6,
    warmup_steps=1,
    kl_every_steps=1,
    kl_coef=0.0,
    batch_kl_nats=1e9,
    kl_budget_nats=1e9,
)


def learn(folder, reward=None, view=None, drawing=draw, request=None, **settings):
    request = request or make_request(folder, replace(SETTINGS, **settings))
    return run_all(rloo_steps, request, reward or CountingReward(), view, drawing)


def column(steps, name):
    return [step.metrics[f"rloo/{name}"] for step in steps]


def weights_file(result):
    return read_manifest(Path(result.folder))["files"]["adapter_model.safetensors"]


def test_a_token_that_is_paid_for_is_said_more_often(tmp_path):
    view = tiny_view()
    before = wishes(view)
    steps, _ = learn(tmp_path / "one", view=view)
    assert wishes(view) > 2 * before
    assert column(steps, "score")[-1] > column(steps, "score")[0]


def test_a_token_that_costs_is_said_less_often(tmp_path):
    view = tiny_view()
    before = wishes(view)
    learn(tmp_path / "one", CountingReward(each=-1.0), view=view)
    assert wishes(view) < 0.5 * before


def test_what_replies_earn_counts_by_its_coefficient(tmp_path):
    one_batch = {"max_steps": 1, "epochs": 1, "minibatch_replies": 40, "retention_coef": 0.0}
    plain, _ = learn(tmp_path / "plain", trial_coef=1.0, **one_batch)
    thrice, _ = learn(tmp_path / "thrice", trial_coef=3.0, **one_batch)
    assert column(thrice, "grad_norm")[0] == pytest.approx(
        3 * column(plain, "grad_norm")[0], rel=0.02
    )


def test_what_all_replies_to_a_prompt_earn_teaches_nothing(tmp_path):
    """A prompt whose every reply is worth 50 more changes no weight."""
    _, plain = learn(tmp_path / "plain", max_steps=2)
    _, spoilt = learn(tmp_path / "spoilt", CountingReward(bonus={8: 50.0, 11: -50.0}), max_steps=2)
    assert weights_file(plain) == weights_file(spoilt)


def test_replies_that_earn_the_same_teach_nothing(tmp_path):
    steps, result = learn(tmp_path / "one", CountingReward(each=0.0), retention_coef=0.0)
    assert column(steps, "advantage_sd") == [0.0] * 6
    assert result.kl_nats == pytest.approx(0, abs=1e-6)


def test_siblings_stand_side_by_side_and_differ(tmp_path):
    seen = []

    def noting(model, prompts, seed):
        seen.append((prompts, draw(model, prompts, seed)))
        return seen[-1][1]

    learn(tmp_path / "one", drawing=noting, max_steps=1)
    ((prompts, replies),) = seen
    for first in range(0, 40, 4):
        assert len(set(prompts[first : first + 4])) == 1
        assert len(set(map(tuple, replies[first : first + 4]))) > 1


def test_the_kl_budget_holds_and_without_it_the_policy_runs_away(tmp_path):
    _, free = learn(tmp_path / "free", max_steps=10, clip_range=0.5)
    _, held = learn(tmp_path / "held", kl_budget_nats=0.3, max_steps=30, clip_range=0.5)
    assert free.kl_nats > 2 * updating.OVERSHOOT * 0.3
    assert 0 < held.kl_nats <= updating.OVERSHOOT * 0.3
    assert held.stop_reason == "kl_budget"


def test_a_high_price_of_kl_keeps_the_policy_near_the_base(tmp_path):
    _, cheap = learn(tmp_path / "cheap")
    _, dear = learn(tmp_path / "dear", kl_coef=10.0, kl_horizon=1e9)
    assert dear.kl_nats < 0.3 * cheap.kl_nats


def test_a_batch_that_moves_the_policy_too_far_is_left_early(tmp_path):
    steps, _ = learn(tmp_path / "one", max_steps=2, batch_kl_nats=1e-4)
    assert column(steps, "updates") == [2.0, 2.0]


def test_a_run_that_was_killed_goes_on_to_the_same_weights(tmp_path):
    _, whole = learn(tmp_path / "whole", max_steps=4, kl_coef=0.1)
    drawn = []

    def dies(model, prompts, seed):
        drawn.append(seed)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return draw(model, prompts, seed)

    (tmp_path / "killed").mkdir()
    settings = replace(SETTINGS, max_steps=4, kl_coef=0.1)
    request = make_request(tmp_path / "killed" / "one", settings)
    with pytest.raises(KeyboardInterrupt):
        learn(None, request=request, drawing=dies)
    steps, result = learn(None, request=request)
    assert steps[0].step == 2  # the last look was after the first
    assert weights_file(result) == weights_file(whole)
