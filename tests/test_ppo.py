"""PPO on a tiny random model: it earns more, within its budget, and the same way every time."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rollout_fakes import CountingReward, draw, make_request, run_all, tiny_view, wishes

from chatfeedback.engine import updating
from chatfeedback.engine.adapter_files import read_manifest, verify
from chatfeedback.engine.ppo import ppo_steps
from chatfeedback.errors import InputRefused
from chatfeedback.records import PpoSettings

SETTINGS = PpoSettings(
    rank=4,
    alpha=8.0,
    learning_rate=2e-2,
    trial_pace=1.0,
    value_learning_rate=3e-2,
    replies_per_step=40,
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
    return run_all(ppo_steps, request, reward or CountingReward(), view, drawing)


def column(steps, name):
    return [step.metrics[f"ppo/{name}"] for step in steps]


# --- learning ----------------------------------------------------------------------------


def test_a_token_that_is_paid_for_is_said_more_often(tmp_path):
    view = tiny_view()
    before = wishes(view)
    steps, _ = learn(tmp_path / "one", view=view)
    assert wishes(view) > 2 * before + 0.5
    assert column(steps, "score")[-1] > column(steps, "score")[0] + 0.5


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


def test_a_policy_that_is_fined_for_unfinished_replies_learns_to_end_them(tmp_path):
    steps, _ = learn(tmp_path / "one", CountingReward(each=0.0, unfinished=-5.0))
    finished = column(steps, "rollout_finished")
    assert finished[-1] > finished[0] + 0.3
    assert column(steps, "rollout_tokens")[-1] < column(steps, "rollout_tokens")[0]


def test_the_first_batch_is_the_bases_own(tmp_path):
    steps, _ = learn(tmp_path / "one", max_steps=1, epochs=1, minibatch_replies=40)
    first = steps[0].metrics
    assert first["ppo/rollout_kl_nats"] == pytest.approx(0, abs=1e-6)
    assert first["ppo/policy_loss"] == pytest.approx(0, abs=1e-5)  # advantages are whitened
    assert first["ppo/batch_kl_nats"] == pytest.approx(0, abs=1e-5)
    assert first["ppo/explained_variance"] == pytest.approx(0, abs=1e-5)
    assert first["ppo/clip_share"] == 0


def test_entropy_of_the_first_batch_is_that_of_the_model(tmp_path):
    """The mean of -log p over sampled tokens estimates the entropy; 24 tokens, nearly alike."""
    steps, _ = learn(tmp_path / "one", max_steps=1)
    assert 0.5 * math.log(24) < column(steps, "entropy")[0] < math.log(24) + 0.3


def test_the_value_head_comes_to_foresee_the_score(tmp_path):
    """What a reply earns depends on its prompt alone, and the policy hardly moves."""
    bonus = {8: 4.0, 9: 2.0, 10: 0.0, 11: -2.0, 12: -4.0}
    steps, _ = learn(
        tmp_path / "one",
        CountingReward(each=0.0, bonus=bonus),
        learning_rate=1e-6,
        value_learning_rate=0.1,
        gae_lambda=1.0,
        value_clip_range=2.0,
    )
    foreseen = column(steps, "explained_variance")
    assert foreseen[0] == pytest.approx(0, abs=1e-5)
    assert foreseen[-1] > 0.2


def test_the_reward_is_told_of_all_prompts_first(tmp_path):
    reward = CountingReward()
    learn(tmp_path / "one", reward, max_steps=1)
    assert reward.seen == [(5, topic, 6) for topic in range(8, 13)]


# --- guards ------------------------------------------------------------------------------


def test_the_kl_budget_holds_and_without_it_the_policy_runs_away(tmp_path):
    _, free = learn(tmp_path / "free")
    _, held = learn(tmp_path / "held", kl_budget_nats=1.0, max_steps=30)
    assert free.kl_nats > 2 * updating.OVERSHOOT
    assert 0 < held.kl_nats <= updating.OVERSHOOT
    assert held.stop_reason == "kl_budget"


def test_within_its_budget_it_still_learns(tmp_path):
    view = tiny_view()
    before = wishes(view)
    learn(tmp_path / "one", view=view, kl_budget_nats=1.0, max_steps=30)
    assert wishes(view) > 1.5 * before


def test_a_high_price_of_kl_keeps_the_policy_near_the_base(tmp_path):
    _, cheap = learn(tmp_path / "cheap")
    _, dear = learn(tmp_path / "dear", kl_coef=5.0, kl_horizon=1e9)
    assert dear.kl_nats < 0.3 * cheap.kl_nats


def test_the_price_of_kl_falls_below_the_target_and_rises_above(tmp_path):
    prices = {"kl_coef": 0.1, "kl_horizon": 40.0, "max_steps": 3}
    below, _ = learn(tmp_path / "below", kl_target_nats=100.0, **prices)
    above, _ = learn(tmp_path / "above", kl_target_nats=1e-3, **prices)
    # the first batch is the base's: its KL is 0, below any target
    assert column(below, "kl_coef") == pytest.approx([0.1, 0.08, 0.064])
    assert column(above, "kl_coef") == pytest.approx([0.1, 0.08, 0.096])


def test_a_batch_that_moves_the_policy_too_far_is_left_early(tmp_path):
    steps, _ = learn(tmp_path / "one", max_steps=2, batch_kl_nats=1e-4)
    # the first update starts at the old policy (3e-7 nats with products in 16 bits), the second
    # one notices
    assert column(steps, "updates") == [2.0, 2.0]
    steps, _ = learn(tmp_path / "two", max_steps=1)
    assert column(steps, "updates") == [6.0]


def test_a_reward_that_is_no_number_ends_the_run_with_the_last_good_weights(tmp_path):
    view = tiny_view()
    _, result = learn(tmp_path / "one", CountingReward(each=float("nan")), view=view)
    assert (result.stop_reason, result.steps, result.kl_nats) == ("diverged", 1, 0.0)
    assert all(torch.isfinite(weight).all() for weight in view.parameters())


def test_retention_is_held(tmp_path):
    found = []
    for name, coef in (("hardly", 1e-6), ("strongly", 30.0)):
        steps, _ = learn(tmp_path / name, retention_coef=coef)
        found.append(column(steps, "retention_kl")[-1])
    assert found[1] < 0.5 * found[0]


def test_without_prompts_there_is_nothing_to_learn_from(tmp_path):
    request = make_request(tmp_path / "one", SETTINGS, rollout_prompts=())
    with pytest.raises(InputRefused, match="0 prompts"):
        learn(None, request=request)


# --- repeating it ------------------------------------------------------------------------


def weights_file(result):
    return read_manifest(Path(result.folder))["files"]["adapter_model.safetensors"]


def test_the_same_seed_gives_the_same_weights_whatever_happened_before(tmp_path):
    view = tiny_view()
    torch.manual_seed(1)
    _, a = learn(tmp_path / "a", view=view, max_steps=2)
    torch.manual_seed(2)
    _, b = learn(tmp_path / "b", view=view, max_steps=2)
    _, c = learn(tmp_path / "c", request=make_request(tmp_path / "c", SETTINGS, seed=1))
    assert weights_file(a) == weights_file(b) != weights_file(c)
    assert verify(tmp_path / "a") == a.manifest_hash


def test_a_run_that_was_killed_goes_on_to_the_same_weights(tmp_path):
    _, whole = learn(tmp_path / "whole", max_steps=4, kl_coef=0.1)
    settings = replace(SETTINGS, max_steps=4, kl_coef=0.1)
    view, drawn = tiny_view(), []

    def dies(model, prompts, seed):
        drawn.append(seed)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return draw(model, prompts, seed)

    (tmp_path / "killed").mkdir()
    request = make_request(tmp_path / "killed" / "one", settings)
    with pytest.raises(KeyboardInterrupt):
        learn(None, request=request, view=view, drawing=dies)
    steps, result = learn(None, request=request)
    assert [step.step for step in steps] == [2, 3, 4]  # the last look was after the first
    assert weights_file(result) == weights_file(whole)


def test_cutting_an_update_into_micro_batches_changes_nothing(tmp_path):
    whole, _ = learn(tmp_path / "a", max_steps=1)
    view = tiny_view()
    view.micro_batch_tokens = 20
    cut, _ = learn(tmp_path / "b", view=view, max_steps=1)
    for name in ("policy_loss", "value_loss", "retention_kl", "batch_kl_nats", "grad_norm"):
        assert column(whole, name) == pytest.approx(column(cut, name), rel=0.03, abs=3e-3)


def test_every_step_draws_anew(tmp_path):
    seeds = []

    def noting(model, prompts, seed):
        seeds.append((seed, tuple(prompts)))
        return draw(model, prompts, seed)

    learn(tmp_path / "one", drawing=noting, max_steps=3)
    assert len({seed for seed, _ in seeds}) == 3
    assert [len(prompts) for _, prompts in seeds] == [40, 40, 40]
