"""Numbers worked out by hand; each test fails when a sign is flipped."""

from __future__ import annotations

import math

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from chatfeedback.engine import head
from chatfeedback.engine.head import Head, token_kl, token_logprobs
from chatfeedback.engine.losses import (
    dpo_loss,
    ipo_loss,
    kl_k3,
    kl_on_own_samples,
    kto_loss,
    nll,
    plackett_luce_loss,
)

ONE = tensor([1.0])
F64 = {"dtype": torch.float64}


def test_dpo_loss_is_log_2_when_policy_and_reference_agree():
    loss = dpo_loss(tensor([-3.0]), tensor([-3.0]), ONE, beta=0.1)
    assert_close(loss, tensor(math.log(2)))


def test_dpo_loss_of_a_margin_two_nats_above_the_reference():
    # beta * (2.5 - 0.5) = 1; -log sigmoid(1) = log(1 + e^-1) = 0.31326
    assert_close(dpo_loss(tensor([2.5]), tensor([0.5]), ONE, beta=0.5), tensor(0.31326))


def test_dpo_loss_of_a_margin_two_nats_below_the_reference():
    # log(1 + e) = 1.31326
    assert_close(dpo_loss(tensor([-1.5]), tensor([0.5]), ONE, beta=0.5), tensor(1.31326))


def test_dpo_loss_sums_pairs_by_their_weight():
    # 2 * 0.31326 + 0.5 * 1.31326 = 1.28315
    margins, weights = tensor([2.5, -1.5]), tensor([2.0, 0.5])
    assert_close(dpo_loss(margins, tensor([0.5, 0.5]), weights, beta=0.5), tensor(1.28315))


def test_dpo_loss_pulls_the_chosen_reply_up():
    margin = tensor([0.0], requires_grad=True)
    dpo_loss(margin, tensor([0.0]), ONE, beta=0.5).backward()
    assert_close(margin.grad, tensor([-0.25]))  # -beta * sigmoid(0)


def test_a_slip_now_and_then_makes_a_wide_margin_cost():
    # z = 1: -0.9 log sigmoid(1) - 0.1 log sigmoid(-1) = 0.9 * 0.31326 + 0.1 * 1.31326 = 0.41326
    loss = dpo_loss(tensor([2.5]), tensor([0.5]), ONE, beta=0.5, label_smoothing=0.1)
    assert_close(loss, tensor(0.41326))


def test_smoothed_dpo_is_content_where_the_odds_are_those_of_a_slip():
    margin = tensor([math.log(9.0)], requires_grad=True)  # odds 0.9 : 0.1
    dpo_loss(margin, tensor([0.0]), ONE, beta=1.0, label_smoothing=0.1).backward()
    assert_close(margin.grad, tensor([0.0]))


def test_ipo_loss_is_the_squared_distance_to_the_margin_it_wants():
    # 1.5 - 0.5 - 1 / (2 * 0.1) = -4 -> 16; and 6 - 0 - 5 = 1 -> 1, counted twice
    loss = ipo_loss(tensor([1.5, 6.0]), tensor([0.5, 0.0]), tensor([1.0, 2.0]), beta=0.1)
    assert_close(loss, tensor(18.0))


def test_ipo_pulls_back_what_has_gone_too_far():
    margin = tensor([6.0], requires_grad=True)
    ipo_loss(margin, tensor([0.0]), ONE, beta=0.1).backward()
    assert_close(margin.grad, tensor([2.0]))


# --- rankings ----------------------------------------------------------------------------


def ranking_loss(rewards, n_ranked, weight=1.0):
    """Of one ranking."""
    row = torch.as_tensor(rewards)[None]
    is_reply = torch.ones_like(row, dtype=torch.bool)
    return plackett_luce_loss(row, is_reply, tensor([n_ranked]), tensor([weight]))


def test_a_ranking_of_three_by_hand():
    # probabilities 3, 2, 1: 3/6 * 2/3 = 1/3
    assert_close(ranking_loss([math.log(3), math.log(2), 0.0], 2), tensor(math.log(3)))


def test_the_best_of_three_by_hand():
    # 3/6, whatever the order of the other two
    assert_close(ranking_loss([math.log(3), math.log(2), 0.0], 1), tensor(math.log(2)))
    assert_close(ranking_loss([math.log(3), 0.0, math.log(2)], 1), tensor(math.log(2)))


def test_a_ranking_of_equals_costs_log_k_factorial():
    assert_close(ranking_loss([0.5] * 4, 3, 2.0), tensor(2 * math.log(24)))


def test_the_last_place_says_nothing_more():
    rewards = [0.3, -1.0, 2.0]
    assert_close(ranking_loss(rewards, 3), ranking_loss(rewards, 2))


def test_a_ranking_of_two_is_dpo():
    log_ratios = tensor([0.7, -1.1], requires_grad=True)
    ranked = ranking_loss(0.3 * log_ratios, 1, 2.0)
    paired = dpo_loss(log_ratios[:1] - log_ratios[1:], tensor([0.0]), tensor([2.0]), beta=0.3)
    assert_close(ranked, paired)
    [of_ranked], [of_paired] = (torch.autograd.grad(x, log_ratios) for x in (ranked, paired))
    assert_close(of_ranked, of_paired)


def test_padding_changes_neither_a_rankings_loss_nor_its_gradient():
    rewards = tensor([[0.7, -0.2, 9.0], [0.3, 0.1, -0.5]], requires_grad=True)
    is_reply = tensor([[True, True, False], [True, True, True]])
    loss = plackett_luce_loss(rewards, is_reply, tensor([1, 2]), tensor([1.0, 1.0]))
    assert_close(loss, ranking_loss([0.7, -0.2], 1) + ranking_loss([0.3, 0.1, -0.5], 2))
    loss.backward()
    assert rewards.grad[0, 2] == 0
    assert rewards.grad[0, 0] < 0 < rewards.grad[0, 1]


# --- thumbs ------------------------------------------------------------------------------

LIKED, DISLIKED = tensor([True]), tensor([False])


def test_kto_loss_is_one_half_when_policy_and_reference_agree():
    assert_close(kto_loss(tensor([0.0]), LIKED, ONE, reference_point=0.0, beta=0.1), tensor(0.5))


def test_a_liked_reply_must_gain_more_than_the_reference_point():
    # beta * (3 - 1) = 1: 1 - sigmoid(1) = 0.26894
    loss = kto_loss(tensor([3.0]), LIKED, ONE, reference_point=1.0, beta=0.5)
    assert_close(loss, tensor(0.26894), atol=1e-5, rtol=0)


def test_a_disliked_reply_must_gain_less_than_the_reference_point():
    # beta * (1 - 3) = -1: 1 - sigmoid(-1) = 0.73106
    loss = kto_loss(tensor([3.0]), DISLIKED, ONE, reference_point=1.0, beta=0.5)
    assert_close(loss, tensor(0.73106), atol=1e-5, rtol=0)


def test_kto_balances_likes_and_dislikes():
    # at d = z = 0 each costs one half: 2 * 1 * 0.5 + 1 * 3 * 0.5 = 2.5
    loss = kto_loss(
        tensor([0.0, 0.0]),
        tensor([True, False]),
        tensor([2.0, 1.0]),
        reference_point=0.0,
        beta=0.1,
        liked_weight=1.0,
        disliked_weight=3.0,
    )
    assert_close(loss, tensor(2.5))


def test_kto_pulls_liked_replies_up_and_disliked_ones_down():
    ratio = tensor([0.0, 0.0], requires_grad=True)
    both = tensor([True, False])
    kto_loss(ratio, both, tensor([1.0, 1.0]), reference_point=0.0, beta=0.4).backward()
    assert_close(ratio.grad, tensor([-0.1, 0.1]))  # beta * sigmoid'(0)


# --- likelihood and divergence -----------------------------------------------------------


def test_nll_weighs_each_token():
    # -(1 * -2 + 1 * -1 + 3 * -0.5) = 4.5
    assert_close(nll(tensor([-2.0, -1.0, -0.5]), tensor([1.0, 1.0, 3.0])), tensor(4.5))


def test_kl_on_own_samples_is_the_mean_log_ratio():
    # ((-5 + 7) + (-4 + 4) + (-6 + 5)) / 3 = 1/3
    kl = kl_on_own_samples(tensor([-5.0, -4.0, -6.0]), tensor([-7.0, -4.0, -5.0]))
    assert_close(kl, tensor(1 / 3))


def test_k3_of_a_token_the_policy_finds_likelier():
    # log base - log policy = -1: e^-1 - 1 + 1 = 0.36788
    assert_close(kl_k3(tensor([-1.0]), tensor([-2.0])), tensor([0.36788]))


def test_k3_is_unbiased():
    policy, base = tensor([0.7, 0.2, 0.1], **F64), tensor([0.5, 0.25, 0.25], **F64)
    expected = (policy * (policy.log() - base.log())).sum()
    assert_close((policy * kl_k3(policy.log(), base.log())).sum(), expected)


# --- the head ----------------------------------------------------------------------------

HEADS = {
    "plain": {},
    "bias": {"bias": True},
    "scaled": {"scale": 0.25},
    "capped": {"softcap": 2.0},
    "all": {"bias": True, "scale": 3.0, "softcap": 2.0},
}


def make_head(bias=False, **options):
    torch.manual_seed(0)
    weight, shift = torch.randn(50, 8, **F64), torch.randn(50, **F64)
    return Head(weight, shift if bias else None, **options)


def plain_logits(head, hidden):
    logits = hidden @ head.weight.T
    logits = (logits if head.bias is None else logits + head.bias) * head.scale
    return logits if head.softcap is None else head.softcap * torch.tanh(logits / head.softcap)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(head, "CHUNK_NUMBERS", 16)  # several chunks of 16 rows


def assert_same_with_gradient(ours, naive, hidden):
    upstream = torch.randn(len(hidden), **F64)
    assert_close(ours, naive, atol=1e-10, rtol=0)
    (found,) = torch.autograd.grad((ours * upstream).sum(), hidden)
    (wanted,) = torch.autograd.grad((naive * upstream).sum(), hidden)
    assert_close(found, wanted, atol=1e-10, rtol=0)


@pytest.mark.parametrize("options", HEADS.values(), ids=HEADS)
def test_token_logprobs_and_gradient_equal_the_plain_computation(options):
    one = make_head(**options)
    hidden = torch.randn(40, 8, **F64, requires_grad=True)
    targets = torch.randint(0, 50, (40,))
    naive = plain_logits(one, hidden).log_softmax(-1).gather(1, targets[:, None])[:, 0]
    assert_same_with_gradient(token_logprobs(one, hidden, targets), naive, hidden)


@pytest.mark.parametrize("options", HEADS.values(), ids=HEADS)
def test_token_kl_and_gradient_equal_the_plain_computation(options):
    one = make_head(**options)
    base, hidden = torch.randn(40, 8, **F64), torch.randn(40, 8, **F64, requires_grad=True)
    log_base = plain_logits(one, base).log_softmax(-1)
    log_policy = plain_logits(one, hidden).log_softmax(-1)
    naive = (log_base.exp() * (log_base - log_policy)).sum(-1)
    assert_same_with_gradient(token_kl(one, base, hidden), naive, hidden)


def test_token_kl_of_a_coin_by_hand():
    # logits = hidden here. p = (1/2, 1/2), q = (3/4, 1/4): KL(p || q) = 0.5 log(2/3) + 0.5 log 2
    one = Head(torch.eye(2))
    kl = token_kl(one, tensor([[0.0, 0.0]]), tensor([[math.log(3.0), 0.0]]))
    assert_close(kl, tensor([0.5 * math.log(2 / 3) + 0.5 * math.log(2)]))
