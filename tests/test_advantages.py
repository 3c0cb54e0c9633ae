"""Numbers worked out by hand, and a second implementation in plain Python loops; each test fails
when a sign is flipped."""

from __future__ import annotations

import math
import random
import statistics

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from chatfeedback.engine.advantages import (
    adapt_kl_coef,
    clipped_policy_loss,
    clipped_share,
    clipped_value_loss,
    explained_variance,
    generalised_advantages,
    leave_one_out_advantages,
    pad,
    shape_rewards,
    whiten,
)

YES, NO = True, False


# --- rewards -----------------------------------------------------------------------------


def test_replies_of_unlike_length_are_padded_at_the_end():
    values, is_reply_token = pad([tensor([1.0, 2.0]), tensor([3.0])])
    assert values.tolist() == [[1, 2], [3, 0]]
    assert is_reply_token.tolist() == [[YES, YES], [YES, NO]]


def test_every_token_pays_for_its_kl_and_the_last_one_earns_the_score():
    rewards = shape_rewards(
        tensor([4.0, -1.0]),
        tensor([[-1.0, -2.0, -1.0], [-3.0, -9.0, -9.0]]),
        tensor([[-2.0, -2.0, -0.5], [-1.0, -1.0, -1.0]]),
        tensor([[YES, YES, YES], [YES, NO, NO]]),
        kl_coef=0.5,
    )
    # -0.5 * 1, -0.5 * 0, 4 - 0.5 * -0.5;  -1 - 0.5 * -2, padding
    assert_close(rewards, tensor([[-0.5, 0.0, 4.25], [0.0, 0.0, 0.0]]))


def test_shaped_rewards_of_a_reply_add_up_to_its_score_less_the_price_of_its_kl():
    replies, masks, scores = random_replies(3)
    policy, base = replies
    rewards = shape_rewards(scores, policy, base, masks, kl_coef=0.3)
    wanted = scores - 0.3 * ((policy - base) * masks).sum(1)
    assert_close(rewards.sum(1), wanted)


# --- advantages --------------------------------------------------------------------------


def test_advantages_of_a_reply_of_three_tokens():
    # d3 = 4 - 1 = 3, d2 = 0 + 1 - 2 = -1, d1 = 1 + 2 - 3 = 0
    # A3 = 3, A2 = -1 + 0.5 * 3 = 0.5, A1 = 0 + 0.5 * 0.5 = 0.25
    found = generalised_advantages(
        tensor([[1.0, 0.0, 4.0]]),
        tensor([[3.0, 2.0, 1.0]]),
        tensor([[YES, YES, YES]]),
        gamma=1.0,
        gae_lambda=0.5,
    )
    assert_close(found, tensor([[0.25, 0.5, 3.0]]))


def test_a_discount_shrinks_what_comes_later():
    # d2 = 2 - 1 = 1, d1 = 0 + 0.5 * 1 - 1 = -0.5; A1 = -0.5 + 0.5 * 0.8 * 1 = -0.1
    found = generalised_advantages(
        tensor([[0.0, 2.0]]), tensor([[1.0, 1.0]]), tensor([[YES, YES]]), gamma=0.5, gae_lambda=0.8
    )
    assert_close(found, tensor([[-0.1, 1.0]]))


def test_with_lambda_1_an_advantage_is_the_return_less_the_value():
    found = generalised_advantages(
        tensor([[1.0, 2.0, 3.0]]),
        tensor([[10.0, 20.0, 30.0]]),
        tensor([[YES, YES, YES]]),
        gamma=1.0,
        gae_lambda=1.0,
    )
    assert_close(found, tensor([[6.0 - 10, 5.0 - 20, 3.0 - 30]]))


def test_padding_neither_has_nor_lends_an_advantage():
    found = generalised_advantages(
        tensor([[1.0, 0.0]]), tensor([[0.5, 99.0]]), tensor([[YES, NO]]), gamma=1.0, gae_lambda=1.0
    )
    assert_close(found, tensor([[0.5, 0.0]]))


@pytest.mark.parametrize(("gamma", "gae_lambda"), [(1.0, 0.95), (0.9, 1.0), (0.8, 0.0)])
def test_advantages_equal_the_sum_of_all_later_surprises(gamma, gae_lambda):
    """The definition, sum_l (gamma lambda)^l d_{t+l}, instead of the recursion."""
    (rewards, values), masks, _ = random_replies(4)
    found = generalised_advantages(rewards, values, masks, gamma=gamma, gae_lambda=gae_lambda)
    for row in range(len(rewards)):
        n = int(masks[row].sum())
        r, v = rewards[row, :n].tolist(), [*values[row, :n].tolist(), 0.0]
        surprise = [r[t] + gamma * v[t + 1] - v[t] for t in range(n)]
        for t in range(n):
            wanted = sum((gamma * gae_lambda) ** (s - t) * surprise[s] for s in range(t, n))
            assert float(found[row, t]) == pytest.approx(wanted, abs=1e-9)
        assert not found[row, n:].any()


def test_whitened_values_have_mean_0_and_variance_1_where_they_count():
    # mean 3, sd sqrt(8/3)
    found = whiten(tensor([1.0, 3.0, 5.0, 77.0]), tensor([YES, YES, YES, NO]))
    assert_close(found, tensor([-2.0, 0.0, 2.0, 0.0]) / math.sqrt(8 / 3))


def test_whitening_equal_values_gives_zeros():
    assert_close(whiten(tensor([4.0, 4.0]), tensor([YES, YES])), tensor([0.0, 0.0]))


def test_whitening_equals_plain_arithmetic():
    (values, _), masks, _ = random_replies(5)
    found = whiten(values, masks)[masks].tolist()
    plain = values[masks].tolist()
    mean, sd = statistics.fmean(plain), statistics.pstdev(plain)
    assert found == pytest.approx([(value - mean) / sd for value in plain])


def test_a_reply_is_measured_against_the_others_to_its_prompt():
    # 6 - (0 + 3) / 2 = 4.5; 0 - 4.5; 3 - 3
    found = leave_one_out_advantages(tensor([[6.0, 0.0, 3.0], [1.0, 1.0, 1.0]]))
    assert_close(found, tensor([[4.5, -4.5, 0.0], [0.0, 0.0, 0.0]]))


def test_of_two_replies_each_is_the_baseline_of_the_other():
    assert_close(leave_one_out_advantages(tensor([[5.0, 2.0]])), tensor([[3.0, -3.0]]))


# --- losses ------------------------------------------------------------------------------


def policy_loss(ratio, advantage):
    """Loss and its gradient at log policy, for one token."""
    logprob = tensor([math.log(ratio) - 2.0], requires_grad=True)
    loss = clipped_policy_loss(logprob, tensor([-2.0]), tensor([advantage]), clip_range=0.2)
    loss.backward()
    return loss.item(), logprob.grad.item()


def test_at_the_old_policy_the_gradient_is_minus_the_advantage():
    assert policy_loss(1.0, 3.0) == pytest.approx((-3.0, -3.0))
    assert policy_loss(1.0, -3.0) == pytest.approx((3.0, 3.0))


def test_a_good_token_that_has_become_likely_enough_is_not_pulled_further():
    assert policy_loss(1.5, 2.0) == pytest.approx((-2.4, 0.0))  # -2 * 1.2


def test_a_bad_token_that_has_become_unlikely_enough_is_not_pushed_further():
    assert policy_loss(0.5, -2.0) == pytest.approx((1.6, 0.0))  # 2 * 0.8


def test_a_token_that_went_the_wrong_way_is_always_pulled_back():
    assert policy_loss(0.5, 2.0) == pytest.approx((-1.0, -1.0))
    assert policy_loss(1.5, -2.0) == pytest.approx((3.0, 3.0))


def test_policy_loss_adds_up_tokens():
    old = tensor([-1.0, -1.0])
    new = old + tensor([1.5, 0.5]).log()
    # max(-2 * 1.5, -2 * 1.2) + max(1 * 0.5, 1 * 0.8)
    found = clipped_policy_loss(new, old, tensor([2.0, -1.0]), clip_range=0.2)
    assert_close(found, tensor(-2.4 + 0.8))


def test_clipped_share_counts_ratios_on_both_sides():
    old = tensor([-1.0, -2.0, -0.5, -1.0])
    new = old + tensor([1.0, 1.15, 1.25, 0.75]).log()
    assert_close(clipped_share(new, old, clip_range=0.2), tensor(0.5))
    assert_close(clipped_share(old, old, clip_range=0.2), tensor(0.0))


def value_loss(value, old, target):
    value = tensor([value], requires_grad=True)
    loss = clipped_value_loss(value, tensor([old]), tensor([target]), clip_range=0.2)
    loss.backward()
    return loss.item(), value.grad.item()


def test_value_loss_is_half_the_squared_error():
    assert value_loss(1.0, 1.0, 3.0) == pytest.approx((2.0, -2.0))


def test_a_value_that_has_moved_enough_towards_its_target_stays():
    # clipped at 1.2: (1.2 - 3)^2 / 2 = 1.62 is worse than (2 - 3)^2 / 2, so it counts, flat
    assert value_loss(2.0, 1.0, 3.0) == pytest.approx((1.62, 0.0))
    assert value_loss(0.0, 1.0, -1.0) == pytest.approx((1.62, 0.0))  # and downwards


def test_a_value_that_moved_past_its_target_comes_back():
    # (5 - 3)^2 / 2 against (1.2 - 3)^2 / 2
    assert value_loss(5.0, 1.0, 3.0) == pytest.approx((2.0, 2.0))


# --- the price of KL ---------------------------------------------------------------------


def test_kl_becomes_dearer_above_its_target_and_cheaper_below():
    prices = {"target_nats": 2.0, "n_replies": 32, "horizon": 64.0}
    assert adapt_kl_coef(0.1, 2.2, **prices) == pytest.approx(0.1 * (1 + 0.1 * 0.5))
    assert adapt_kl_coef(0.1, 1.8, **prices) == pytest.approx(0.1 * (1 - 0.1 * 0.5))
    assert adapt_kl_coef(0.1, 2.0, **prices) == 0.1


def test_one_batch_moves_the_price_only_so_far():
    prices = {"target_nats": 2.0, "n_replies": 64, "horizon": 64.0}
    assert adapt_kl_coef(0.1, 100.0, **prices) == pytest.approx(0.12)
    assert adapt_kl_coef(0.1, -100.0, **prices) == pytest.approx(0.08)


def test_explained_variance_of_a_perfect_a_blind_and_a_wrong_value_head():
    returns = tensor([1.0, 5.0])
    assert_close(explained_variance(returns + 7, returns), tensor(1.0))
    assert_close(explained_variance(tensor([2.0, 2.0]), returns), tensor(0.0))
    assert_close(explained_variance(tensor([1.0, 3.0]), returns), tensor(0.75))  # 1 - 1 / 4
    assert_close(explained_variance(-returns, returns), tensor(-3.0))  # 1 - 16 / 4
    assert_close(explained_variance(returns, tensor([2.0, 2.0])), tensor(0.0))


# --- the whole of it ---------------------------------------------------------------------


def random_replies(seed):
    """Two (R, T) float64 tensors, is_reply_token and (R,) scores."""
    generator = random.Random(seed)
    lengths = [generator.randint(1, 6) for _ in range(5)]
    masks = torch.arange(max(lengths)) < tensor(lengths)[:, None]
    torch.manual_seed(seed)
    shape = masks.shape
    draws = torch.randn(2, *shape, dtype=torch.float64) * masks
    return (draws[0], draws[1]), masks, torch.randn(len(lengths), dtype=torch.float64)


def test_k1_in_the_reward_gives_the_gradient_of_the_reverse_kl():
    """Over all tokens of a one-token reply, the policy gradient of -log-ratio is -d KL."""
    logits = tensor([0.3, -0.2, 0.5], dtype=torch.float64, requires_grad=True)
    base = tensor([0.1, 0.4, -0.3], dtype=torch.float64).log_softmax(0)
    policy = logits.log_softmax(0)
    kl = (policy.exp() * (policy - base)).sum()
    (wanted,) = torch.autograd.grad(kl, logits, retain_graph=True)
    old = policy.detach()
    rewards = shape_rewards(
        torch.zeros(3), old[:, None], base[:, None], torch.ones(3, 1, dtype=bool), kl_coef=1.0
    )
    weighted = clipped_policy_loss(policy, old, rewards[:, 0] * old.exp(), clip_range=0.2)
    (found,) = torch.autograd.grad(weighted, logits)
    assert_close(found, wanted)
