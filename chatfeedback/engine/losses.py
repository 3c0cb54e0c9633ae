"""The losses, as pure functions of tensors.

Each returns a sum; the caller divides by a count that holds for the whole optimiser step (all
replies, all tokens), so the result does not depend on how a step is cut into micro-batches or
spread over machines.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def dpo_loss(
    policy_margin: Tensor, reference_margin: Tensor, weight: Tensor, *, beta: float
) -> Tensor:
    """Summed, weighted DPO loss of preference pairs.

    sum_i w_i * -log sigmoid(beta * (policy_margin_i - reference_margin_i)); a margin is
    log p(chosen) - log p(rejected), each summed over the reply's tokens, the end-of-turn token
    among them (or a reply that never ends would cost nothing).
    Rafailov et al. 2023, arXiv:2305.18290, eq. 7.

    Args:
        policy_margin: (B,) nats; carries the gradient.
        reference_margin: (B,) nats; no gradient.
        weight: (B,) >= 0; 1 = one click.
        beta: strength of the pull towards the reference, > 0.

    Returns:
        (); log 2 times the sum of weights when policy and reference agree.
    """
    return -(weight * F.logsigmoid(beta * (policy_margin - reference_margin))).sum()


def nll(token_logprobs: Tensor, weight: Tensor) -> Tensor:
    """Summed, weighted negative log-likelihood, sum_t w_t * -log p(y_t).

    Keeps chosen replies likely: DPO alone is content when both replies lose probability, as long
    as the rejected one loses more (Pang et al. 2024, arXiv:2404.19733, eq. 2).

    Args:
        token_logprobs: (N,) nats, at reply tokens; carries the gradient.
        weight: (N,), the weight of the reply each token belongs to.

    Returns:
        (), nats.
    """
    return -(weight * token_logprobs).sum()


def kl_on_own_samples(policy_logprobs: Tensor, base_logprobs: Tensor) -> Tensor:
    """Monte Carlo KL(policy || base), the plain mean of log-ratios ("k1").

    mean_i (log policy(y_i) - log base(y_i)), y_i drawn from the policy; unbiased, may be < 0.

    Args:
        policy_logprobs: (n,) log-probability of each sampled reply, nats.
        base_logprobs: (n,) the same replies under the base.

    Returns:
        (), nats a reply.
    """
    return (policy_logprobs - base_logprobs).mean()


def kl_k3(policy_logprobs: Tensor, base_logprobs: Tensor) -> Tensor:
    """Per-token Monte Carlo KL(policy || base) of low variance ("k3").

    exp(d) - 1 - d with d = log base(y_t) - log policy(y_t), y_t drawn from the policy; unbiased
    and never negative. Schulman 2020, "Approximating KL divergence".

    Args:
        policy_logprobs: (N,) at sampled tokens, nats.
        base_logprobs: (N,).

    Returns:
        (N,), nats.
    """
    log_ratio = base_logprobs - policy_logprobs
    return torch.expm1(log_ratio) - log_ratio
