"""What PPO and RLOO share on a tiny random model: they go on from what the pairs taught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rollout_fakes import (
    END,
    WISH,
    CountingReward,
    draw,
    make_request,
    run_all,
    tiny_view,
    wishes,
)

from chatfeedback.engine.adapter_files import read_manifest
from chatfeedback.engine.ppo import ppo_steps
from chatfeedback.engine.rloo import rloo_steps
from chatfeedback.records import PpoSettings, PreferencePair, RlooSettings

BY = {"ppo": (ppo_steps, PpoSettings()), "rloo": (rloo_steps, RlooSettings())}
SMALL = {
    "rank": 4,
    "alpha": 8.0,
    "learning_rate": 2e-2,
    "trial_pace": 1.0,
    "pair_steps": 6,
    "max_steps": 8,
    "warmup_steps": 1,
    "kl_every_steps": 1,
    "replies_per_step": 20,
    "minibatch_replies": 20,
    "kl_coef": 0.0,
    "kl_budget_nats": 1e9,
}
PAIRS = tuple(
    PreferencePair((5, topic, 6), (WISH, WISH, END), (9, 10, END), 1.0, "click")
    for topic in range(8, 13)
)
NOTHING = CountingReward(each=0.0)


def learn(method, folder, reward=NOTHING, view=None, drawing=draw, pairs=PAIRS, **settings):
    steps, defaults = BY[method]
    request = make_request(folder, replace(defaults, **SMALL | settings), pairs=pairs)
    return run_all(steps, request, reward, view, drawing)


def kinds(steps):
    """Of each step: learned from pairs alone, or from trials."""
    return ["trials" if any("score" in name for name in s.metrics) else "pairs" for s in steps]


@pytest.fixture(params=["ppo", "rloo"])
def method(request):
    return request.param


def test_trials_begin_where_the_pairs_led(method, tmp_path):
    view = tiny_view()
    before = wishes(view)
    steps, _ = learn(method, tmp_path / "one", view=view, max_steps=7)
    assert kinds(steps) == ["pairs"] * 6 + ["trials"]
    assert steps[-1].metrics[f"{method}/rollout_kl_nats"] > 0.2  # the first batch, before it counts
    assert wishes(view) > before + 0.3


def test_no_look_is_left_out_on_the_way_to_the_trials(method, tmp_path):
    steps, _ = learn(method, tmp_path / "one", max_steps=6, kl_every_steps=2)
    looks = [step.step for step in steps if f"{method}/kl_nats" in step.metrics]
    assert looks == [2, 4, 6]


def test_a_step_on_replies_is_larger_than_one_on_pairs(method, tmp_path):
    steps, _ = learn(method, tmp_path / "one", pair_steps=2, max_steps=6, trial_pace=3.0)
    on_pairs, on_replies = (steps[at].metrics[f"{method}/lr"] for at in (1, 2))
    assert on_replies == pytest.approx(3 * on_pairs)


def test_without_pairs_a_run_begins_with_its_trials(method, tmp_path):
    steps, _ = learn(method, tmp_path / "one", pairs=(), max_steps=2)
    assert kinds(steps) == ["trials", "trials"]


def test_a_pair_whose_better_reply_was_cut_off_teaches_nothing(method, tmp_path):
    cut = tuple(replace(pair, chosen_ids=(WISH, WISH)) for pair in PAIRS)
    steps, _ = learn(method, tmp_path / "one", pairs=cut, max_steps=1)
    assert kinds(steps) == ["trials"]


def test_pairs_are_learned_beside_the_trials(method, tmp_path):
    """Where all replies earn the same, the pairs alone move the policy."""
    view = tiny_view()
    before = wishes(view)
    steps, _ = learn(method, tmp_path / "one", view=view, pair_steps=0, max_steps=6)
    assert kinds(steps) == ["trials"] * 6
    assert wishes(view) > before + 0.3


def test_the_pairs_leave_half_of_the_kl_budget_to_the_trials(method, tmp_path):
    """They would use up all of it in their fifty steps."""
    steps, result = learn(
        method, tmp_path / "one", pair_steps=50, max_steps=60, learning_rate=2e-3, kl_budget_nats=2
    )
    assert "trials" in kinds(steps)
    assert kinds(steps).count("pairs") < 50
    assert result.stop_reason == "kl_budget"


def test_what_the_trials_earn_may_outweigh_the_pairs(method, tmp_path):
    """A reward that contradicts the pairs, against one that agrees with them."""
    against, along = tiny_view(), tiny_view()
    learn(method, tmp_path / "one", CountingReward(each=-1.0), view=against, max_steps=12)
    learn(method, tmp_path / "two", CountingReward(each=1.0), view=along, max_steps=12)
    assert wishes(against) < 0.8 * wishes(along)


@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_run_that_was_killed_among_its_trials_goes_on_to_the_same_weights(
    method, dies_at, tmp_path
):
    """Once it goes on from its pairs, once from its trials; the KL budget ended the pairs."""
    soon = {"pair_steps": 20, "max_steps": 20, "learning_rate": 4e-3, "kl_budget_nats": 3}
    reward = CountingReward(each=-1.0)
    steps, whole = learn(method, tmp_path / "whole", reward, **soon)
    n_pairs = kinds(steps).count("pairs")
    assert n_pairs < 20
    drawn = []

    def dies(model, prompts, seed):
        drawn.append(seed)
        if len(drawn) == dies_at:
            raise KeyboardInterrupt
        return draw(model, prompts, seed)

    (tmp_path / "killed").mkdir()
    with pytest.raises(KeyboardInterrupt):
        learn(method, tmp_path / "killed" / "one", reward, drawing=dies, **soon)
    steps, result = learn(method, tmp_path / "killed" / "one", reward, **soon)
    assert 1 < steps[0].step <= n_pairs + dies_at
    assert weights_file(result) == weights_file(whole)


def weights_file(result):
    return read_manifest(Path(result.folder))["files"]["adapter_model.safetensors"]
