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
    policy_margin: Tensor,
    reference_margin: Tensor,
    weight: Tensor,
    *,
    beta: float,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Summed, weighted DPO loss of preference pairs.

    sum_i w_i * -log sigmoid(z_i), z_i = beta * (policy_margin_i - reference_margin_i); a margin is
    log p(chosen) - log p(rejected), each summed over the reply's tokens, the end-of-turn token
    among them (or a reply that never ends would cost nothing).
    Rafailov et al. 2023, arXiv:2305.18290, eq. 7.

    With label smoothing e (cDPO: a share e of the clicks are slips) it is
    -(1 - e) log sigmoid(z) - e log sigmoid(-z), least at z = log((1 - e) / e), not at infinity.
    Mitchell 2023, "A note on DPO with noisy preferences", eq. 3.

    With margins of means over tokens instead of sums it is length-normalised DPO, which a longer
    reply cannot win by its length alone; beta is then some fifty times larger.
    Lambert et al. 2024 (Tulu 3), arXiv:2411.15124, "Length-normalized DPO".

    Args:
        policy_margin: (B,) nats; carries the gradient.
        reference_margin: (B,) nats; no gradient.
        weight: (B,) >= 0; 1 = one click.
        beta: strength of the pull towards the reference, > 0.
        label_smoothing: 0 to 0.5.

    Returns:
        (); log 2 times the sum of weights when policy and reference agree.
    """
    z = beta * (policy_margin - reference_margin)
    fit = (1.0 - label_smoothing) * F.logsigmoid(z) + label_smoothing * F.logsigmoid(-z)
    return -(weight * fit).sum()


def ipo_loss(
    policy_margin: Tensor, reference_margin: Tensor, weight: Tensor, *, beta: float
) -> Tensor:
    """Summed, weighted IPO loss of preference pairs: it wants a margin, not ever more of it.

    sum_i w_i * (policy_margin_i - reference_margin_i - 1 / (2 beta))^2; here a margin is
    log p(chosen) - log p(rejected), each the *mean* over the reply's tokens (sums would make the
    loss grow with the square of the length).
    Azar et al. 2023, arXiv:2310.12036, eq. 17, with beta for tau.

    Args:
        policy_margin: (B,) nats a token; carries the gradient.
        reference_margin: (B,) nats a token; no gradient.
        weight: (B,) >= 0.
        beta: > 0; the margin wanted is 1 / (2 beta).

    Returns:
        (); 0 when every margin is as wanted.
    """
    gap = policy_margin - reference_margin - 1.0 / (2.0 * beta)
    return (weight * gap**2).sum()


def plackett_luce_loss(
    rewards: Tensor, is_reply: Tensor, n_ranked: Tensor, weight: Tensor
) -> Tensor:
    """Summed, weighted negative log-likelihood of rankings: the best of all is picked, then the
    best of the rest, and so on.

    sum_i w_i * -sum_{k < n_i} [r_ik - log sum_{j >= k} exp(r_ij)]. With
    r = beta * (log policy - log reference) of a whole reply it is listwise DPO (Rafailov et al.
    2023, arXiv:2305.18290, appendix A.3); for two replies it equals `dpo_loss`, and with r a reward
    model's it is Bradley and Terry's.
    Plackett 1975; Luce 1959.

    Args:
        rewards: (R, K), best reply first; carries the gradient.
        is_reply: (R, K) bool; False on padding, which is at the end of a row.
        n_ranked: (R,) how many of the first are in order; the others only come after them. With
            all in order the last place says nothing more, so K - 1 and K mean the same.
        weight: (R,) >= 0.

    Returns:
        (); log K! times the weight for a ranking of K equal rewards.
    """
    padded = rewards.masked_fill(~is_reply, -torch.inf)
    rest = padded.flip(1).logcumsumexp(1).flip(1)  # (R, K) log sum over this place and later ones
    place = torch.arange(rewards.shape[1], device=rewards.device)  # (K,)
    is_pick = is_reply & (place < n_ranked[:, None])
    fit = torch.where(is_pick, rewards - rest.masked_fill(~is_reply, 0.0), 0.0).sum(1)
    return -(weight * fit).sum()


def kto_loss(
    log_ratio: Tensor,
    is_liked: Tensor,
    weight: Tensor,
    *,
    reference_point: float,
    beta: float,
    liked_weight: float = 1.0,
    disliked_weight: float = 1.0,
) -> Tensor:
    """Summed, weighted KTO loss of replies that were liked or disliked by themselves.

    liked:    w_i * liked_weight    * (1 - sigmoid(beta * (d_i - z)))
    disliked: w_i * disliked_weight * (1 - sigmoid(beta * (z - d_i)))
    with d_i = log policy(y_i) - log reference(y_i), and z the usual d of the policy's own replies:
    a liked reply is to gain more than what the policy says anyway, a disliked one less.
    Ethayarajh et al. 2024, arXiv:2402.01306, eq. 7.

    Args:
        log_ratio: (B,) nats a reply; carries the gradient.
        is_liked: (B,) bool.
        weight: (B,) >= 0.
        reference_point: z >= 0, nats; no gradient.
        beta: > 0.
        liked_weight, disliked_weight: balance the two kinds when one is rare.

    Returns:
        (); half the sum of the weights when policy and reference agree and z is 0.
    """
    gain = torch.where(is_liked, log_ratio - reference_point, reference_point - log_ratio)
    balance = torch.where(is_liked, liked_weight, disliked_weight)
    return (weight * balance * torch.sigmoid(-beta * gain)).sum()


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
