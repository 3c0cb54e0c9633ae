"""Rankings: the order is learned, and a ranking of two is a pair."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatfeedback.engine.adapters import make_views
from chatfeedback.errors import InputRefused
from chatfeedback.records import ListwiseSettings, RankedReplies
from tests.tiny_runs import END, finish, learn, logprob, make_request, pair, tiny_model

SETTINGS = ListwiseSettings(
    rank=4,
    alpha=8.0,
    learning_rate=5e-3,
    rankings_per_step=4,
    max_steps=8,
    warmup_steps=2,
    kl_every_steps=2,
    kl_budget_nats=1000.0,
)
BEST, MIDDLE, WORST = (7, 7, END), (8, 8, END), (9, 9, END)


def ranking(topic, replies=(BEST, MIDDLE, WORST), n_ranked=3, weight=1.0):
    return RankedReplies((5, topic, 6), replies, n_ranked, weight)


ALL = tuple(ranking(topic) for topic in range(10, 18))


def request(folder, rankings=ALL, pairs=(), **changes):
    return make_request(folder, SETTINGS, pairs=pairs, rankings=rankings, **changes)


def gains(view):
    """Of the three replies to a prompt nobody ranked, against the base."""
    prompt = (5, 38, 6)
    return [
        logprob(view.model, prompt, ids) - logprob(tiny_model(), prompt, ids)
        for ids in (BEST, MIDDLE, WORST)
    ]


def test_the_order_is_learned(tmp_path):
    view = make_views(tiny_model())[1]
    steps, _ = finish(request(tmp_path / "one"), view=view)
    best, middle, worst = gains(view)
    assert best > middle + 0.2 > worst + 0.4
    assert steps[0].metrics["listwise/loss"] == pytest.approx(0.8959, abs=1e-3)  # log 3! / 2 picks
    assert steps[-1].metrics["listwise/loss"] < steps[0].metrics["listwise/loss"]
    assert steps[-1].metrics["listwise/accuracy"] == 1.0


def test_the_best_of_three_says_nothing_about_the_others(tmp_path):
    view = make_views(tiny_model())[1]
    both_ways = [
        ranking(topic, (BEST, *rest), n_ranked=1)
        for topic in range(10, 14)
        for rest in ((MIDDLE, WORST), (WORST, MIDDLE))
    ]
    finish(request(tmp_path / "one", tuple(both_ways), nll_coef=0.0), view=view)
    best, middle, worst = gains(view)
    assert best > max(middle, worst) + 0.3


def test_pairs_are_learned_as_dpo_learns_them(tmp_path):
    pairs = tuple(pair(topic) for topic in range(10, 14))
    as_pairs, _ = finish(make_request(tmp_path / "a", pairs=pairs, max_steps=3))
    as_rankings, _ = finish(request(tmp_path / "b", (), pairs, max_steps=3))
    for name in ("loss", "nll", "grad_norm"):
        ours = [step.metrics[f"listwise/{name}"] for step in as_rankings]
        dpos = [step.metrics[f"dpo/{name}"] for step in as_pairs]
        assert ours == pytest.approx(dpos, rel=0.01)


def test_rankings_of_unlike_length_are_learned_together(tmp_path):
    four = ranking(18, (BEST, MIDDLE, WORST, (11, END)), n_ranked=1)
    steps, _ = finish(request(tmp_path / "one", (*ALL, four), (pair(19),)))
    assert steps[-1].metrics["listwise/loss"] < steps[0].metrics["listwise/loss"]


def test_a_reply_that_was_cut_off_is_never_preferred(tmp_path):
    cut_off = ranking(10, ((7, 7), WORST), n_ranked=1)
    with pytest.raises(InputRefused, match="none of the 1 rankings"):
        next(learn(request(tmp_path / "one", (cut_off,))))


def test_a_reply_that_was_cut_off_may_come_last(tmp_path):
    last = replace(ranking(10), replies=(BEST, MIDDLE, (9, 9, 9)))
    view = make_views(tiny_model())[1]
    finish(request(tmp_path / "one", (last,)), view=view)
    assert gains(view)[0] > 0.3
