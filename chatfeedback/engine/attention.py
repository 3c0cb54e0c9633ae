"""Attention among the tokens of tries on processors that multiply bfloat16 natively.

PyTorch's kernel for CPUs multiplies bfloat16 slowly, and with a mask it also computes what lies in
the future. Here queries are taken a few at a time, with the keys up to theirs only: a third of the
time for long rows. Scores and softmax are float32, as in PyTorch's kernel; nothing of size T x T is
kept for the backward pass.

Everything but tries in bfloat16 (decoding, float32, graphics cards) goes to PyTorch.

Legend: B rows, G heads of keys, R heads of queries for each of them, T tokens a row, D head size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "trie"  # among the attention implementations of transformers
QUERIES = 128  # at a time: a tenth faster than 64 for rows of 700 tokens and more


def prepare(model: Any) -> None:
    """Let a causal LM attend this way, if it left that to PyTorch so far."""
    is_ours_to_choose = model._supports_attention_backend and model.device.type == "cpu"
    if is_ours_to_choose and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **named: Any,
) -> tuple[Tensor, None]:
    """As transformers asks for it. query: (B, G R, T, D); key, value: (B, G, T, D).

    Returns:
        (B, T, G R, D).
    """
    is_trie = (
        attention_mask is not None
        and attention_mask.is_floating_point()
        and attention_mask.shape[-2:] == (query.shape[2], query.shape[2])
        and key.shape[2] == query.shape[2]
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
    )
    if not is_trie:
        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, scaling=scaling, **named
        )
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    parts = (each.to(torch.bfloat16) for each in (query, key, value))
    output: Tensor = _TrieAttention.apply(*parts, attention_mask, scaling)  # type: ignore[no-untyped-call]
    return output.transpose(1, 2), None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)


class _TrieAttention(torch.autograd.Function):
    """softmax(scaling q k^T + mask) v; no token attends to a later one."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scaling: float
    ) -> Tensor:
        ctx.save_for_backward(query, key, value, mask)
        ctx.scaling = scaling
        output = torch.empty_like(query)
        with torch.autocast("cpu", enabled=False):
            for here, before in _slices(query.shape[2]):
                weights = _weights(
                    query[:, :, here], key[:, :, before], mask, here, before, scaling
                )
                found = weights.to(value.dtype) @ value[:, :, before]  # (B, G, R n, D)
                output[:, :, here] = found.reshape(output[:, :, here].shape)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, mask = ctx.saved_tensors
        query_grad = torch.empty_like(query)
        key_grad, value_grad = torch.zeros_like(key), torch.zeros_like(value)
        with torch.autocast("cpu", enabled=False):
            for here, before in _slices(query.shape[2]):
                weights = _weights(
                    query[:, :, here], key[:, :, before], mask, here, before, ctx.scaling
                )
                own = _by_key_head(upstream[:, :, here], key)
                value_grad[:, :, before] += weights.to(own.dtype).transpose(2, 3) @ own
                weight_grad = (own @ value[:, :, before].transpose(2, 3)).float()
                score_grad = torch._softmax_backward_data(weight_grad, weights, -1, torch.float32)
                score_grad = score_grad.to(key.dtype)
                found = score_grad @ key[:, :, before]
                query_grad[:, :, here] = found.reshape(query_grad[:, :, here].shape)
                asked = _by_key_head(query[:, :, here], key)
                key_grad[:, :, before] += score_grad.transpose(2, 3) @ asked
        return query_grad * ctx.scaling, key_grad * ctx.scaling, value_grad, None, None


def _slices(length: int) -> Iterator[tuple[slice, slice]]:
    """Some queries, and all keys they may attend to."""
    for start in range(0, length, QUERIES):
        stop = min(length, start + QUERIES)
        yield slice(start, stop), slice(0, stop)


def _by_key_head(query: Tensor, key: Tensor) -> Tensor:
    """(B, G R, n, D) -> (B, G, R n, D): the queries that ask the same keys, in one product."""
    batch, _, _, width = query.shape
    return query.reshape(batch, key.shape[1], -1, width)


def _weights(
    query: Tensor, key: Tensor, mask: Tensor, here: slice, before: slice, scaling: float
) -> Tensor:
    """How much each token attends to each, (B, G, R n, T) float32."""
    scores = _by_key_head(query, key).float() @ key.float().transpose(2, 3)
    batch, heads, _, keys = scores.shape
    by_query = scores.view(batch, heads, -1, query.shape[2], keys)  # (B, G, R, n, T)
    torch.add(mask[:, :, None, here, before], by_query, alpha=scaling, out=by_query)
    return scores.softmax(-1)
