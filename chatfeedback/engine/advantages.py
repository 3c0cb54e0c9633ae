"""The arithmetic of policy gradients, as pure functions of tensors.

Shared by PPO (`ppo.py`) and RLOO (`rloo.py`). The losses are sums; the caller divides by a count
that holds for the whole optimiser step, as in `losses.py`.

Legend: R replies, T tokens of the longest reply, N any number of tokens or replies, P prompts,
K replies a prompt. `is_reply_token` is (R, T) bool: True at a reply's tokens, its end-of-turn token
included, False on padding, which is always at the end of a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LARGEST_KL_ERROR = 0.2  # the KL controller hears of no larger relative error than this
SMALLEST_VARIANCE = 1e-8  # below it values are taken to be all the same


def pad(per_reply: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Lay replies of unlike length out in rows.

    Args:
        per_reply: for each reply the numbers at its tokens, (its length,).

    Returns:
        values (R, T), 0 on padding, and is_reply_token (R, T) bool.
    """
    values = torch.nn.utils.rnn.pad_sequence(list(per_reply), batch_first=True)
    lengths = torch.tensor([len(each) for each in per_reply], device=values.device)
    return values, torch.arange(values.shape[1], device=values.device) < lengths[:, None]


def shape_rewards(
    scores: Tensor,
    policy_logprobs: Tensor,
    base_logprobs: Tensor,
    is_reply_token: Tensor,
    *,
    kl_coef: float,
) -> Tensor:
    """The reward of each token: what it costs in KL, and at the last token the reply's score.

    r_t = -kl_coef (log policy(y_t) - log base(y_t)), plus the score at the reply's last token.
    The log-ratio ("k1") belongs into the reward: its policy gradient is that of the reverse KL; as
    a loss of its own it would have none. Ziegler et al. 2019, arXiv:1909.08593, eq. 2.

    Args:
        scores: (R,) what each whole reply is worth.
        policy_logprobs, base_logprobs: (R, T) nats, of the policy that drew the replies and of the
            base.
        is_reply_token: (R, T).
        kl_coef: price of a nat, in units of the score.

    Returns:
        (R, T), 0 on padding; each row sums to score - kl_coef x the reply's log-ratio.
    """
    rewards = -kl_coef * (policy_logprobs - base_logprobs) * is_reply_token
    last = is_reply_token.sum(1) - 1  # (R,)
    return rewards.scatter_add(1, last[:, None], scores[:, None].to(rewards.dtype))


def generalised_advantages(
    rewards: Tensor, values: Tensor, is_reply_token: Tensor, *, gamma: float, gae_lambda: float
) -> Tensor:
    """How much better each token turned out than the value head had expected.

    A_t = d_t + gamma lambda A_{t+1},  d_t = r_t + gamma V_{t+1} - V_t;  after a reply's last token
    V and A are 0. Schulman et al. 2016, arXiv:1506.02438, eq. 16.
    A + V is what the value head should have said: the target of its loss.

    Args:
        rewards: (R, T).
        values: (R, T), V_t in the state before token t is drawn.
        is_reply_token: (R, T).
        gamma: worth of a reward one token later, 0 to 1.
        gae_lambda: 0 trusts the value head alone, 1 the rewards alone.

    Returns:
        (R, T), 0 on padding.
    """
    is_token = is_reply_token.to(rewards.dtype)
    values = values * is_token
    advantages = torch.zeros_like(rewards)
    later = torch.zeros_like(rewards[:, 0])  # A_{t+1}
    value_after = torch.zeros_like(later)  # V_{t+1}
    for t in reversed(range(rewards.shape[1])):
        surprise = rewards[:, t] + gamma * value_after - values[:, t]
        later = (surprise + gamma * gae_lambda * later) * is_token[:, t]
        value_after = values[:, t]
        advantages[:, t] = later
    return advantages


def whiten(values: Tensor, is_counted: Tensor) -> Tensor:
    """Shift and scale to mean 0 and variance 1 over the entries that count; the rest become 0.

    If they are all the same, they all become 0.

    Args:
        values: any shape.
        is_counted: bool, the same shape, True somewhere.
    """
    counted = values[is_counted]
    variance = counted.var(correction=0)
    scale = torch.where(variance > SMALLEST_VARIANCE, variance.rsqrt(), variance.new_zeros(()))
    return (values - counted.mean()) * scale * is_counted


def leave_one_out_advantages(rewards: Tensor) -> Tensor:
    """How much better each reply is than the other replies to its prompt.

    A_i = R_i - mean_{j != i} R_j: a baseline that does not depend on the reply itself, hence no
    bias and no value head. Ahmadian et al. 2024, arXiv:2402.14740, section 3.2; Kool et al. 2019.

    Args:
        rewards: (P, K), K >= 2.

    Returns:
        (P, K); each row sums to 0.
    """
    others = (rewards.sum(1, keepdim=True) - rewards) / (rewards.shape[1] - 1)
    return rewards - others


def clipped_policy_loss(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, *, clip_range: float
) -> Tensor:
    """Summed PPO loss of tokens (or, in RLOO, of whole replies).

    sum max(-A rho, -A clip(rho, 1 - clip_range, 1 + clip_range)),  rho = policy(y) / old policy(y):
    once a token is so much likelier or unlikelier than when it was drawn, nothing pulls it further.
    Schulman et al. 2017, arXiv:1707.06347, eq. 7.

    Args:
        logprobs: (N,) nats; carries the gradient.
        old_logprobs: (N,) of the policy that drew the tokens, by the same arithmetic; no gradient.
        advantages: (N,).
        clip_range: > 0.

    Returns:
        (); its gradient at rho = 1 is -sum A d log policy.
    """
    ratio = (logprobs - old_logprobs).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return torch.maximum(-advantages * ratio, -advantages * clipped).sum()


def clipped_share(logprobs: Tensor, old_logprobs: Tensor, *, clip_range: float) -> Tensor:
    """Share of entries whose ratio to the old policy has left the clip range, ()."""
    ratio = (logprobs - old_logprobs).exp()
    return ((ratio - 1).abs() > clip_range).float().mean()


def clipped_value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, *, clip_range: float
) -> Tensor:
    """Summed loss of the value head: half the squared error, the larger one of two.

    sum max((V - R)^2, (clip(V, V_old - clip_range, V_old + clip_range) - R)^2) / 2: one batch moves
    the head by no more than the range. Schulman's baselines; Huang et al. 2024, arXiv:2403.17031.

    Args:
        values: (N,), carries the gradient.
        old_values: (N,) when the replies were drawn.
        returns: (N,) advantages before whitening + old_values.
        clip_range: > 0, in units of the reward.
    """
    clipped = old_values + (values - old_values).clamp(-clip_range, clip_range)
    return 0.5 * torch.maximum((values - returns) ** 2, (clipped - returns) ** 2).sum()


def adapt_kl_coef(
    kl_coef: float, kl_nats: float, *, target_nats: float, n_replies: int, horizon: float
) -> float:
    """The price of KL for the next batch: dearer when the policy is too far away, else cheaper.

    kl_coef (1 + clip(KL / target - 1, -0.2, 0.2) n / horizon). Ziegler et al. 2019, section 2.2.

    Args:
        kl_nats: mean KL(policy || base) a reply in this batch.
        target_nats: where the KL should settle, > 0.
        n_replies: replies in this batch.
        horizon: replies over which the price changes by 20 % at most, about; at least n_replies.
    """
    error = min(LARGEST_KL_ERROR, max(-LARGEST_KL_ERROR, kl_nats / target_nats - 1))
    return kl_coef * (1 + error * n_replies / horizon)


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """1 - Var(returns - values) / Var(returns), (): 1 = the value head foresees everything, 0 = it
    knows no more than the mean, below 0 = it does harm. 0 when the returns do not vary."""
    variance = returns.var(correction=0)
    left = (returns - values).var(correction=0)
    varies = variance > SMALLEST_VARIANCE
    return torch.where(varies, 1 - left / variance, torch.zeros_like(variance))
