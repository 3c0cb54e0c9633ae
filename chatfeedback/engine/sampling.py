"""From logits to the next token: pure tensor functions.

Legend: B rows, V vocabulary. Order as in transformers: repetition penalty, temperature, top-p,
min-p. One difference: the penalty looks at the reply only, never at the prompt, because the
end-of-turn token and the words of the question are in every prompt.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from chatfeedback.records import Sampling


def next_tokens(
    logits: Tensor, is_used: Tensor | None, uniforms: Tensor, sampling: Sampling
) -> tuple[Tensor, Tensor]:
    """Draw one token a row.

    Args:
        logits: (B, V) float32, of the model as it is.
        is_used: (B, V) bool, tokens already in the row's reply; None means no penalty.
        uniforms: (B,) in [0, 1), one random number a row; not used at temperature 0.
        sampling: how to draw.

    Returns:
        tokens (B,) int64 and their log-probabilities (B,) in nats, at temperature 1 and without
        penalty or truncation.
    """
    adjusted = logits
    if is_used is not None:
        adjusted = penalise_repeats(adjusted, is_used, sampling.repetition_penalty)
    if sampling.temperature == 0:
        tokens = adjusted.argmax(-1)
    else:
        probabilities = truncate(
            (adjusted / sampling.temperature).softmax(-1), sampling.top_p, sampling.min_p
        )
        tokens = invert_cdf(probabilities, uniforms)
    chosen = logits.gather(1, tokens[:, None])[:, 0]
    return tokens, chosen - logits.logsumexp(-1)


def penalise_repeats(logits: Tensor, is_used: Tensor, penalty: float) -> Tensor:
    """Divide positive and multiply negative logits of used tokens by `penalty`.

    Keskar et al. 2019, arXiv:1909.05858, section 4.1. Shapes (B, V).
    """
    penalised = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(is_used, penalised, logits)


def truncate(probabilities: Tensor, top_p: float, min_p: float) -> Tensor:
    """Zero the unlikely tail; the rest is not rescaled. Shapes (B, V).

    top_p keeps the smallest set of likeliest tokens that holds this much probability (Holtzman et
    al. 2020, arXiv:1904.09751); min_p keeps tokens with at least this share of the likeliest one's
    (Nguyen et al. 2024, arXiv:2407.01082). The likeliest token always stays.
    """
    kept = probabilities
    if top_p < 1:
        ordered, order = probabilities.sort(-1, descending=True)
        mass_before = ordered.cumsum(-1) - ordered
        is_beyond = mass_before >= top_p  # in order of probability
        is_tail = is_beyond.scatter(-1, order, is_beyond)
        is_tail.scatter_(-1, order[:, :1], False)
        kept = kept.masked_fill(is_tail, 0.0)
    if min_p > 0:
        floor = min_p * probabilities.amax(-1, keepdim=True)
        kept = kept.masked_fill(probabilities < floor, 0.0)
    return kept


def invert_cdf(weights: Tensor, uniforms: Tensor) -> Tensor:
    """Draw index i with probability weights[i] / sum(weights), from one uniform number a row.

    Args:
        weights: (B, V) >= 0, not all zero in a row.
        uniforms: (B,) in [0, 1 - 2^-24], so that the last positive weight is never passed.

    Returns:
        (B,) int64; the same uniform gives the same index whatever the other rows are.
    """
    cumulative = weights.double().cumsum(-1)  # (B, V)
    wanted = uniforms.double() * cumulative[:, -1]
    return torch.searchsorted(cumulative, wanted[:, None], right=True)[:, 0]


def draw_uniforms(seed: int, prompt: int, reply: int, count: int) -> Tensor:
    """(count,) float32 in [0, 1): the random numbers of one reply.

    They depend on (seed, prompt index, reply index) only, so a reply is the same alone and in a
    batch, and two models asked with one seed share their luck.
    """
    generator = np.random.default_rng((abs(seed), prompt, reply))
    return torch.from_numpy(generator.random(count, dtype=np.float32))
